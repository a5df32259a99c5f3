//! The product API, asked whether it takes a key.

use crate::budget::{self, OutOfTime};
use crate::config::{ConfigError, Settings};
use crate::seams::{Said, Silence, Wire};
use crate::tls::install_tls_provider;
use domain::Verdict;
use domain::sandbox::Refusal;
use domain::secret::Secret;
use rand::RngExt;
use reqwest::{Client, header, redirect};
use std::sync::OnceLock;
use std::time::Duration;
use store::Random;

/// The longest that a `Retry-After` of the product API is waited for.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(2);
/// What is kept of an invocation's time to put the verdict on record: a call of the store.
pub const VERDICT_TIME: Duration = Duration::from_millis(3200);

/// Why the product API was not asked.
#[derive(Debug, thiserror::Error)]
pub enum NotAsked {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    OutOfTime(#[from] OutOfTime),
}

/// Asks one configured URL, and no other: redirects are not followed, nothing of the answer but its
/// status is read.
#[derive(Debug)]
pub struct ProductApi {
    url: Result<String, ConfigError>,
    timeout: Duration,
    wire: Wire,
    client: OnceLock<Client>,
    random: Random,
}

impl ProductApi {
    pub(crate) fn new(settings: &Settings, random: Random, wire: Wire) -> Self {
        let url = settings.product_api_url().map(str::to_owned);
        Self { url, timeout: settings.product_api_timeout, wire, client: OnceLock::new(), random }
    }

    /// Presents the key, up to `tries` times with growing waits while the failure may pass. Only
    /// what can end, and be put on record, in the time of this invocation is begun.
    pub async fn validate(&self, key: &Secret, tries: u32) -> Result<Verdict, NotAsked> {
        let url = self.url.as_ref().map_err(Clone::clone)?;
        let has_time = |wait| budget::has_time_for(wait + self.timeout + VERDICT_TIME);
        if !has_time(Duration::ZERO) {
            return Err(OutOfTime.into());
        }
        let mut tried = 0;
        loop {
            let (verdict, retry_after) = self.ask(url, key).await;
            tried += 1;
            let millis = self.random.clone().random_range(150..=300) << tried;
            let wait = retry_after.unwrap_or(Duration::from_millis(millis)).min(MAX_RETRY_AFTER);
            match verdict {
                Verdict::Refused(refusal)
                    if refusal.may_pass() && tried < tries && has_time(wait) =>
                {
                    tokio::time::sleep(wait).await;
                }
                Verdict::Accepted | Verdict::Refused(_) => return Ok(verdict),
            }
        }
    }

    /// One call, and how long the product API asks to wait before the next.
    async fn ask(&self, url: &str, key: &Secret) -> (Verdict, Option<Duration>) {
        let said = match &self.wire {
            Wire::Network => self.call(url, key).await,
            Wire::Inside { product_api, .. } => product_api.ask(key).await,
        };
        match said {
            Ok(Said { status, retry_after }) => (verdict_of(status), retry_after),
            Err(Silence::Timeout) => (Verdict::Refused(Refusal::Timeout), None),
            Err(Silence::NotReached(cause)) => {
                tracing::info!(%cause, "product API not reached");
                (Verdict::Refused(Refusal::Unreachable), None)
            }
        }
    }

    async fn call(&self, url: &str, key: &Secret) -> Result<Said, Silence> {
        let mut value = header::HeaderValue::from_str(key.expose())
            .expect("a key is letters, digits and underscores");
        value.set_sensitive(true);
        let request = self
            .client(url)?
            .post(url)
            .header("x-api-key", value)
            .header(header::CONTENT_TYPE, "application/json")
            .body("{}");
        let answer = request.send().await?;
        let seconds = answer
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = seconds.map(Duration::from_secs);
        Ok(Said { status: answer.status().as_u16(), retry_after })
    }

    /// There is none where HTTPS is to be spoken and nobody is to be trusted, for want of CA
    /// certificates.
    fn client(&self, url: &str) -> reqwest::Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        install_tls_provider();
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(self.timeout)
            // Calls are rare, and Lambda freezes the function between them: a connection that was
            // kept would mostly be dead, and cost a whole time-out.
            .pool_max_idle_per_host(0)
            .user_agent("frontdesk");
        if url.starts_with("http://") {
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build()?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl From<reqwest::Error> for Silence {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else {
            Self::NotReached(with_causes(&error.without_url()))
        }
    }
}

fn verdict_of(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Accepted,
        401 | 403 => Verdict::Refused(Refusal::KeyRejected),
        429 => Verdict::Refused(Refusal::RateLimited),
        _ => Verdict::Refused(Refusal::Error),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seams::StandIn;
    use aws_smithy_http_client::Builder;
    use std::sync::{Arc, Mutex};
    use tokio::time::Instant;

    /// How long it waits after each of three tries, in milliseconds, where this is always said.
    async fn waits(status: u16, retry_after: Option<u64>) -> Vec<u128> {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        let product_api = StandIn::new(move |_| {
            noted.lock().expect("nobody panics with it").push(Instant::now());
            let retry_after = retry_after.map(Duration::from_secs);
            async move { Ok(Said { status, retry_after }) }
        });
        let api = ProductApi {
            url: Ok("http://product.example.com".to_owned()),
            timeout: Duration::from_secs(2),
            wire: Wire::Inside { aws: Builder::new().build_http(), product_api },
            client: OnceLock::new(),
            random: Random::system(),
        };
        api.validate(&Secret::new("a key".to_owned()), 3).await.expect("it is asked");
        let asked = asked.lock().expect("nobody panics with it");
        asked.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_unless_the_product_api_says_how_long_and_never_exceed_two_seconds() {
        let grown = waits(503, None).await;
        let [first, second] = grown[..] else { panic!("three tries: {grown:?}") };
        assert!((300..=601).contains(&first) && (600..=1201).contains(&second), "{grown:?}");
        assert_eq!(waits(429, Some(1)).await, [1000, 1000]);
        assert_eq!(waits(503, Some(60)).await, [2000, 2000]);
        assert_eq!(waits(403, Some(1)).await, [0; 0], "it will say the same again");
    }
}
