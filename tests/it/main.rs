//! The one test binary. A test's name is a guarantee, in a sentence.

mod support;

mod bad_input;
mod end_session;
mod get_session;
mod journeys;
mod request_code;
mod verify_code;
