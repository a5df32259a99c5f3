//! What one function works with.

use crate::aws;
use crate::budget::{Budget, Deadline};
use crate::clock::Clock;
use crate::config::{ConfigError, Env, Settings};
use crate::mail::Mailer;
use crate::product_api::ProductApi;
use crate::secrets::Keyrings;
use lambda_runtime::Context;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use store::{Store, StoreError};

/// Settings, clock, store and the third parties. Building it opens no connection.
#[derive(Debug)]
pub struct App {
    pub settings: Settings,
    pub clock: Clock,
    pub budget: Budget,
    pub store: Store,
    pub keyrings: Keyrings,
    pub mailer: Mailer,
    pub product_api: ProductApi,
}

impl App {
    /// Everything that is set is checked here; what a function does not use need not be set.
    pub fn new(env: &Env, clock: Clock, budget: Budget) -> Result<Self, ConfigError> {
        let settings = Settings::read(env)?;
        let database = aws::config(env, aws::Service::DynamoDb, budget)?;
        let store = Store::new(&database, &settings.table, settings.trail_kept_for);
        let keyrings = Keyrings::new(
            &aws::config(env, aws::Service::SecretsManager, budget)?,
            clock.clone(),
            &settings,
        );
        let mailer = Mailer::new(&aws::config(env, aws::Service::Ses, budget)?, &settings);
        let product_api = ProductApi::new(&settings);
        Ok(Self { settings, clock, budget, store, keyrings, mailer, product_api })
    }

    /// When an invocation that begins now has to have its answer.
    pub(crate) fn deadline(&self, context: &Context) -> Deadline {
        self.budget.deadline(context, self.clock.now())
    }

    /// Does what the answer does not need, for a little while: no failure of it is the answer's,
    /// but it is in the log.
    pub async fn aside(&self, what: &str, act: impl Future<Output = Result<(), StoreError>>) {
        match self.budget.aside(act).await {
            Some(Ok(())) => {}
            Some(Err(cause)) => tracing::warn!(what, %cause, "left undone"),
            None => tracing::warn!(what, "left undone, for there was no time"),
        }
    }

    /// The operating system's generator, safe for keys. Without it there is nothing to go on with.
    pub fn rng(&self) -> UnwrapErr<SysRng> {
        UnwrapErr(SysRng)
    }
}
