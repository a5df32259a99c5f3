//! The local desk: all of Frontdesk in one process, with no AWS account.
//!
//! `cargo desk` (an example of this package, so that cargo-lambda does not take it for a Lambda)
//! starts it; tests start it as [`Desk::start`]. It stands in for what `template.yaml` deploys, and
//! reads from there what there is to do:
//!
//! ```text
//!  browser, curl ─► gateway ─► functions ─► DynamoDB (dynoxide) ─ stream ─► pump ─► functions
//!                      │           │  └───► SES stand-in ─► inbox ─► /_local/inbox
//!                      │           └──────► Secrets Manager stand-in
//!                      └► /heify: product API stand-in ─► authorize-key
//! ```
//!
//! - [`template`] reads functions, routes, triggers, filters, the table and the secrets from
//!   `template.yaml`;
//! - `backends` are the stand-ins for AWS, on their real wire protocols: the functions use the real
//!   SDK clients;
//! - [`iam`] lets each function do what its role in the template allows, where the stand-ins are
//!   called; [`policy`] decides that, `names` has the ARNs that it is about;
//! - `gateway` turns HTTP into payload 2.0 events and back, `product_api` is what the keys open;
//! - `pump`, `scheduler` and `notifications` are the triggers behind the gateway, all run by
//!   `worker`;
//! - `lambda` is the only module that knows the functions' code;
//! - `hosting` serves the console that `console` has built, as S3 and CloudFront do in a
//!   deployment;
//! - `engine` is the store without the wire, and [`inside`] what functions meet in its place, for
//!   tests that decide about each request;
//! - `local` has the inbox's page and the controls, `state` and what uses it keep things between
//!   runs.
//!
//! To stand in for another property of the template, resolve it in [`template`] and act on it where
//! the part is that it concerns; a property that is read but not acted on would be a lie. For
//! another stand-in, add a module to `backends`, give it a listener in [`Desk::start`] and its
//! address in `environment`, and have it ask [`iam`] first.

mod accounts;
mod backends;
mod checkout;
pub mod console;
mod desk;
mod desk_file;
mod engine;
mod environment;
mod error;
mod failures;
mod filter;
mod gateway;
mod hosting;
pub mod iam;
pub mod inside;
mod journal;
mod lambda;
mod local;
mod mode;
mod names;
mod notifications;
mod pages;
pub mod policy;
mod problem;
mod product_api;
mod pump;
mod scheduler;
mod server;
mod state;
pub mod template;
mod worker;

pub use backends::mail::{Inbox, Mail};
pub use backends::ses::MailServiceMode;
pub use checkout::workspace_root;
pub use desk::{Desk, Options};
pub use engine::{Engine, Reply};
pub use environment::env_file;
pub use error::StartError;
pub use filter::{Filter, FilterError};
pub use lambda::{FunctionHost, InvokeError};
pub use mode::Switch;
pub use product_api::ProductApiMode;
pub use state::State;
