//! What one function works with.

use crate::aws;
use crate::clock::Clock;
use crate::config::{ConfigError, Env, Settings};
use crate::mail::Mailer;
use crate::product_api::ProductApi;
use crate::secrets::Keyrings;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use store::Store;

/// Settings, clock, store and the third parties. Building it opens no connection.
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
    pub fn new(env: &Env, clock: Clock) -> Result<Self, ConfigError> {
        let settings = Settings::read(env)?;
        let store = Store::new(&aws::config(env, aws::Service::DynamoDb)?, &settings.table);
        let keyrings = Keyrings::new(
            &aws::config(env, aws::Service::SecretsManager)?,
            clock.clone(),
            &settings,
        );
        let mailer = Mailer::new(&aws::config(env, aws::Service::Ses)?, &settings);
        let product_api = ProductApi::new(&settings);
        Ok(Self { settings, clock, store, keyrings, mailer, product_api })
    }

    /// The operating system's generator, safe for keys. Without it there is nothing to go on with.
    pub fn rng(&self) -> UnwrapErr<SysRng> {
        UnwrapErr(SysRng)
    }
}
