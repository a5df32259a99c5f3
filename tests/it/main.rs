//! The one test binary. A test's name is a guarantee, in a sentence.

mod gate;
mod product;
mod proxy;
mod support;

mod access_patterns;
mod authorize_key;
mod bad_input;
mod contention;
mod create_key;
mod delete_key;
mod deliver_mail;
mod end_session;
mod every_route;
mod get_sandbox;
mod get_session;
mod invite_member;
mod journeys;
mod list_keys;
mod list_members;
mod local_desk;
mod provision_sandbox;
mod races;
mod readme;
mod register_account;
mod request_code;
mod retry_sandbox;
mod reveal_sandbox_key;
mod revoke_member;
mod sample_events;
mod sweep;
mod test_sandbox;
mod tidy;
mod verify_code;
