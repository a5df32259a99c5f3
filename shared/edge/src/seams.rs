//! What a function meets of the world beside its settings: the time, randomness and the network.

use crate::clock::Clock;
use aws_types::sdk_config::SharedHttpClient;
use domain::Secret;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::fmt::{Debug, Formatter, Result as Written};
use std::sync::Arc;
use std::time::Duration;
use store::Random;

/// The seams between a function and the world. Whoever hands in all three can repeat a run.
#[derive(Debug, Clone)]
pub struct Seams {
    pub clock: Clock,
    pub random: Random,
    pub wire: Wire,
}

/// What carries the requests to AWS and to the product API.
#[derive(Debug, Clone)]
pub enum Wire {
    /// Connections to the endpoints that are set.
    Network,
    /// Something in this process, in the network's place.
    Inside { aws: SharedHttpClient, product_api: StandIn },
}

/// What the product API said.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    pub status: u16,
    /// How long it asks to wait before the next call.
    pub retry_after: Option<Duration>,
}

/// Why it said nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Silence {
    #[error("it took too long")]
    Timeout,
    #[error("{0}")]
    NotReached(String),
}

/// Something in this process, in the product API's place.
#[derive(Clone)]
pub struct StandIn(Arc<dyn Fn(Secret) -> BoxFuture<'static, Result<Said, Silence>> + Send + Sync>);

impl StandIn {
    /// One that says this of a key.
    pub fn new<A>(says: impl Fn(Secret) -> A + Send + Sync + 'static) -> Self
    where
        A: Future<Output = Result<Said, Silence>> + Send + 'static,
    {
        Self(Arc::new(move |key| says(key).boxed()))
    }

    pub(crate) async fn ask(&self, key: &Secret) -> Result<Said, Silence> {
        (self.0)(key.clone()).await
    }
}

impl Debug for StandIn {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        f.write_str("StandIn")
    }
}

/// With this clock, the operating system's randomness and the network.
impl From<Clock> for Seams {
    fn from(clock: Clock) -> Self {
        Self { clock, random: Random::system(), wire: Wire::Network }
    }
}
