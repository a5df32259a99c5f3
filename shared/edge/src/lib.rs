//! Where the desk meets the world: HTTP in and out, the problem catalogue, configuration, secrets,
//! mail, the product API, telemetry.
//!
//! The only crate that names `lambda_http`, SES, Secrets Manager, `reqwest`, `std::env` and
//! `SystemTime`. The seams for tests are the clock ([`Clock`]), randomness, and the wire: every
//! endpoint comes from [`config::Env`].
//!
//! To add a refusal that clients see: one line in [`problem::Code`]. To add a setting: a field in
//! [`config`], the parameter in `template.yaml`, and a line in `docs/configuration.md`.

mod aws;
pub mod clock;
pub mod config;
pub mod http;
pub mod lambda;
pub mod mail;
pub mod problem;
pub mod product_api;
pub mod secrets;
pub mod telemetry;

pub use clock::Clock;
pub use problem::{Problem, ProblemCode};

use config::{ConfigError, Env, Settings};
use mail::Mailer;
use product_api::ProductApi;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use secrets::Keyrings;
use store::Store;

/// Chooses ring for every TLS connection of this process, as the SDK clients do by themselves. A
/// second call changes nothing.
pub fn install_tls_provider() {
    // Refused only when there is a provider already, and that one was installed here.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What one function works with. Building it opens no connection.
#[derive(Debug)]
pub struct App {
    pub settings: Settings,
    pub clock: Clock,
    pub store: Store,
    pub keyrings: Keyrings,
    pub mailer: Mailer,
    pub product_api: ProductApi,
}

impl App {
    /// Everything that is set is checked here; what a function does not use need not be set.
    pub fn new(env: &Env, clock: Clock) -> Result<App, ConfigError> {
        let settings = Settings::read(env)?;
        let store = Store::new(&aws::config(env, aws::Service::DynamoDb)?, &settings.table);
        let keyrings = Keyrings::new(
            &aws::config(env, aws::Service::SecretsManager)?,
            clock.clone(),
            &settings,
        );
        let mailer = Mailer::new(&aws::config(env, aws::Service::Ses)?, &settings);
        let product_api = ProductApi::new(&settings);
        Ok(App { settings, clock, store, keyrings, mailer, product_api })
    }

    /// The operating system's generator, safe for keys. Without it there is nothing to go on with.
    pub fn rng(&self) -> UnwrapErr<SysRng> {
        UnwrapErr(SysRng)
    }
}
