//! What one function works with.

use crate::aws;
use crate::budget::{Budget, Deadline};
use crate::clock::Clock;
use crate::config::{ConfigError, Env, Settings};
use crate::mail::Mailer;
use crate::product_api::ProductApi;
use crate::seams::Seams;
use crate::secrets::Keyrings;
use futures::future::{BoxFuture, join, join_all};
use lambda_runtime::Context;
use store::{Random, Store, StoreError};

/// Settings, the seams, store and the third parties. Building it opens no connection.
#[derive(Debug)]
pub struct App {
    pub settings: Settings,
    pub clock: Clock,
    pub budget: Budget,
    pub store: Store,
    pub keyrings: Keyrings,
    pub mailer: Mailer,
    pub product_api: ProductApi,
    random: Random,
}

/// What a function has when its first event comes.
#[derive(Debug, Clone, Copy)]
pub struct Ahead {
    /// To the table: as many as its first event has requests side by side.
    pub connections: usize,
    pub besides: Option<Besides>,
}

/// Has something else ready. A function that needs nothing names nothing: its program carries the
/// code of what it names, and that of the key check knows no Secrets Manager.
pub type Besides = for<'a> fn(&'a App) -> BoxFuture<'a, ()>;

impl App {
    /// Everything that is set is checked here; what a function does not use need not be set.
    pub fn new(env: &Env, seams: impl Into<Seams>, budget: Budget) -> Result<Self, ConfigError> {
        let Seams { clock, random, wire } = seams.into();
        let settings = Settings::read(env)?;
        let aws = |service| aws::config(env, service, budget, &wire);
        let store = Store::new(
            &aws(aws::Service::DynamoDb)?,
            &settings.table,
            settings.trail_kept_for,
            random.clone(),
        );
        let keyrings = Keyrings::new(&aws(aws::Service::SecretsManager)?, clock.clone(), &settings);
        let mailer = Mailer::new(&aws(aws::Service::Ses)?, &settings);
        let product_api = ProductApi::new(&settings, random.clone(), wire.clone());
        Ok(Self { settings, clock, budget, store, keyrings, mailer, product_api, random })
    }

    /// Opens the connections and fetches what the first invocation would wait for, while Lambda
    /// starts the function and has a whole processor for it. What fails now is tried again then.
    pub async fn prepare(&self, ahead: Ahead) {
        let connected = join_all((0..ahead.connections).map(|_| self.store.connect()));
        let besides = async {
            if let Some(besides) = ahead.besides {
                besides(self).await;
            }
        };
        // No event waits longer for this than it would wait for its own first try.
        let _ = tokio::time::timeout(self.budget.aws_try, join(connected, besides)).await;
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

    /// A generator that is safe for keys.
    pub fn rng(&self) -> Random {
        self.random.clone()
    }
}
