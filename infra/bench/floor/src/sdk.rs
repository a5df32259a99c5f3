//! A client with a configuration by hand and TLS by ring: the least that a request takes.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use edge::config::Env;

/// None where AWS has set nothing.
pub fn client() -> Option<Client> {
    let credentials = Credentials::new(
        setting("AWS_ACCESS_KEY_ID")?,
        setting("AWS_SECRET_ACCESS_KEY")?,
        setting("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(setting("AWS_REGION")?))
        .credentials_provider(credentials)
        .http_client(https)
        .endpoint_url(setting("AWS_ENDPOINT_URL_DYNAMODB")?);
    Some(Client::from_conf(config.build()))
}

/// A variable of the environment.
pub fn setting(name: &str) -> Option<String> {
    Env::of_process().get(name).map(str::to_owned)
}
