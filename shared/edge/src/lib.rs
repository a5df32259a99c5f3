//! Where Frontdesk meets the world: HTTP in and out, the problem catalogue, configuration, secrets,
//! mail, the product API, telemetry.
//!
//! The only crate that names `lambda_http`, SES, Secrets Manager, `reqwest`, `std::env` and
//! `SystemTime`. The seams for tests are the clock, randomness and the wire ([`Seams`]); every
//! endpoint comes from [`config::Env`].
//!
//! To add a refusal that clients see: one row of [`ProblemCode`]. To add a setting: a field in
//! [`config`], the parameter in `template.yaml`, and a line in its document. To add a mail: a
//! variant of [`mail::Mail`] and its two files beside it.

mod app;
mod aws;
pub mod budget;
mod clock;
pub mod config;
pub mod event;
pub mod http;
pub mod lambda;
pub mod mail;
pub mod problem;
pub mod product_api;
mod seams;
pub mod secrets;
pub mod telemetry;
mod time;
mod tls;
pub mod viewer;

pub use app::{Ahead, App, Besides};
pub use clock::Clock;
pub use problem::{Problem, ProblemCode};
pub use seams::{Said, Seams, Silence, StandIn, Wire};
pub use store::Random;
pub use time::UtcTime;
pub use tls::install_tls_provider;
