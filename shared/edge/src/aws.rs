//! SDK configuration, built by hand: no credential chain to walk, one TLS stack (rustls on ring).
//!
//! Lambda gives a function its credentials in the environment. Opening TLS with aws-lc-rs costs
//! about 45 ms of CPU in every cold start for its entropy check; ring does not.

use crate::config::{ConfigError, Env};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::SharedHttpClient;
use std::sync::OnceLock;
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Service {
    DynamoDb,
    Ses,
    SecretsManager,
}

pub(crate) fn config(env: &Env, service: Service) -> Result<SdkConfig, ConfigError> {
    let required = |name| env.get(name).map(str::to_owned).ok_or(ConfigError::Missing { name });
    let token = env.get("AWS_SESSION_TOKEN").map(str::to_owned);
    let credentials = Credentials::new(
        required("AWS_ACCESS_KEY_ID")?,
        required("AWS_SECRET_ACCESS_KEY")?,
        token,
        None,
        "environment",
    );
    let endpoint = match service {
        Service::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
        Service::Ses => "AWS_ENDPOINT_URL_SES",
        Service::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    };
    // Shorter than the shortest function's time-out, so that a store that does not answer is named
    // as such.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_millis(2500));
    let builder = SdkConfig::builder()
        .region(Region::new(required("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(aws_smithy_async::time::SystemTimeSource::new())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(3)
                .with_initial_backoff(Duration::from_millis(50)),
        )
        .timeout_config(timeouts.build())
        .behavior_version(
            aws_smithy_runtime_api::client::behavior_version::BehaviorVersion::latest(),
        );
    let endpoint = env.get(endpoint).or_else(|| env.get("AWS_ENDPOINT_URL")).map(str::to_owned);
    Ok(match endpoint {
        Some(endpoint) => builder.endpoint_url(endpoint).build(),
        None => builder.build(),
    })
}

/// One client for all services: one pool, one set of parsed CA roots.
fn http_client() -> SharedHttpClient {
    static CLIENT: OnceLock<SharedHttpClient> = OnceLock::new();
    CLIENT
        .get_or_init(|| {
            Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
        })
        .clone()
}
