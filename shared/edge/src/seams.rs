//! What a function meets of the world beside its settings: the time, randomness and the network.

use crate::clock::Clock;
use aws_types::sdk_config::SharedHttpClient;
use store::Random;

/// The seams between a function and the world. Whoever hands in all three can repeat a run.
#[derive(Debug, Clone)]
pub struct Seams {
    pub clock: Clock,
    pub random: Random,
    pub wire: Wire,
}

/// What carries the requests to AWS.
#[derive(Debug, Clone)]
pub enum Wire {
    /// Connections to the endpoints that are set.
    Network,
    /// Something in this process, in the network's place.
    Inside(SharedHttpClient),
}

/// With this clock, the operating system's randomness and the network.
impl From<Clock> for Seams {
    fn from(clock: Clock) -> Self {
        Self { clock, random: Random::system(), wire: Wire::Network }
    }
}
