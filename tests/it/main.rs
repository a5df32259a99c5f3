//! The one test binary. A test's name is a guarantee, in a sentence.

mod product;
mod support;

mod bad_input;
mod deliver_mail;
mod end_session;
mod get_sandbox;
mod get_session;
mod journeys;
mod provision_sandbox;
mod register_account;
mod request_code;
mod retry_sandbox;
mod reveal_sandbox_key;
mod sweep;
mod test_sandbox;
mod verify_code;
