//! SDK configuration, built by hand: no credential chain to walk, one TLS stack (rustls on ring).
//!
//! Lambda gives a function its credentials in the environment. Opening TLS with aws-lc-rs costs
//! about 45 ms of CPU in every cold start for its entropy check; ring does not.

use crate::budget::{AWS_FIRST_WAIT, AWS_TRIES, Budget, longest_call};
use crate::config::{ConfigError, Env};
use crate::seams::Wire;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpClient, http_client_fn};
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

/// The longest that a connection lies idle in the pool. One that its other end has forgotten costs
/// a try of the next call.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(50);

pub(crate) fn config(
    env: &Env,
    service: Service,
    budget: Budget,
    wire: &Wire,
) -> Result<SdkConfig, ConfigError> {
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
    let one_try = match service {
        Service::DynamoDb | Service::SecretsManager => budget.aws_try,
        Service::Ses => budget.mail_try,
    };
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(one_try / 2)
        .operation_attempt_timeout(one_try)
        .operation_timeout(longest_call(one_try));
    let endpoint = env.get(endpoint).or_else(|| env.get("AWS_ENDPOINT_URL")).map(str::to_owned);
    let builder = SdkConfig::builder()
        .region(Region::new(required("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(wire, endpoint.as_deref())?)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(aws_smithy_async::time::SystemTimeSource::new())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(AWS_TRIES)
                .with_initial_backoff(AWS_FIRST_WAIT),
        )
        .timeout_config(timeouts.build())
        .behavior_version(
            aws_smithy_runtime_api::client::behavior_version::BehaviorVersion::latest(),
        );
    Ok(match endpoint {
        Some(endpoint) => builder.endpoint_url(endpoint).build(),
        None => builder.build(),
    })
}

/// One client for all services: one pool, one set of parsed CA roots. Where the endpoint is plain
/// HTTP, as a stand-in's is, it needs none.
fn http_client(wire: &Wire, endpoint: Option<&str>) -> Result<SharedHttpClient, ConfigError> {
    if let Wire::Inside { aws, .. } = wire {
        return Ok(aws.clone());
    }
    static CLIENT: OnceLock<SharedHttpClient> = OnceLock::new();
    static PLAIN_CLIENT: OnceLock<SharedHttpClient> = OnceLock::new();
    let pooled = || Builder::new().pool_idle_timeout(POOL_IDLE_TIMEOUT);
    if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
        return Ok(PLAIN_CLIENT.get_or_init(|| pooled().build_http()).clone());
    }
    // Without roots the SDK panics at the first call of a debug build, and fails it as one to a
    // stranger in a release build. Looking costs a start more than a millisecond.
    if cfg!(debug_assertions) && rustls_native_certs::load_native_certs().certs.is_empty() {
        return Err(ConfigError::NoCertificates);
    }
    let https = || pooled().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    Ok(CLIENT.get_or_init(|| when_needed(https())).clone())
}

/// The same client, which makes a connector when something is sent. By itself it makes one more for
/// each client of a service that is built with it, to see whether that can be done, and takes apart
/// all CA roots each time.
fn when_needed(client: SharedHttpClient) -> SharedHttpClient {
    http_client_fn(move |settings, components| client.http_connector(settings, components))
}
