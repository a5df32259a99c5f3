//! The keyrings, from Secrets Manager.

use crate::clock::Clock;
use crate::config::{ConfigError, Settings};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use domain::keyring::InvalidKeyring;
use domain::sandbox::SandboxKey;
use domain::{AccountId, Keyring, Secret};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use tokio::sync::Mutex;

/// How long a keyring is used before it is fetched anew, so that a rotation is noticed.
const KEYRING_REFRESH_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// In an outage of Secrets Manager, how long the keyring at hand is used before it is fetched anew:
/// nobody else waits for that meanwhile.
const KEYRING_RETRY_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// Both keyrings, each fetched when it is first needed.
#[derive(Debug)]
pub struct Keyrings {
    login: CachedKeyring,
    sealing: CachedKeyring,
}

/// The keyring could not be had: an outage or a mistake of the operator's, never a refusal.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("Secrets Manager did not answer: {0}")]
    Unavailable(String),
    /// It does not let the function have the secret, or has no such secret (any more).
    #[error("Secrets Manager refuses this function: {0}")]
    Denied(String),
    #[error("the secret has no text")]
    Empty,
    #[error(transparent)]
    Invalid(#[from] InvalidKeyring),
}

#[derive(Debug)]
struct CachedKeyring {
    client: Client,
    clock: Clock,
    arn: Result<String, ConfigError>,
    cached: Mutex<Option<(Timestamp, Arc<Keyring>)>>,
}

impl Keyrings {
    pub(crate) fn new(config: &aws_types::SdkConfig, clock: Clock, settings: &Settings) -> Self {
        let client = Client::new(config);
        let keyring = |arn: Result<&str, ConfigError>| {
            let arn = arn.map(str::to_owned);
            CachedKeyring {
                client: client.clone(),
                clock: clock.clone(),
                arn,
                cached: Mutex::new(None),
            }
        };
        Self {
            login: keyring(settings.login_secret()),
            sealing: keyring(settings.sealing_secret()),
        }
    }

    /// The keyring that login codes and device cookies are made with.
    pub async fn login(&self) -> Result<Arc<Keyring>, KeyringError> {
        self.login.get(None).await
    }

    /// [`Keyrings::login`], to derive what was made under `version`: if that is not in it, it is in
    /// the secret no more.
    pub async fn login_of(&self, version: &str) -> Result<Arc<Keyring>, KeyringError> {
        self.login.get(Some(version)).await
    }

    /// The keyring that the Sandbox keys are sealed with.
    pub async fn sealing(&self) -> Result<Arc<Keyring>, KeyringError> {
        self.sealing.get(None).await
    }

    /// [`Keyrings::sealing`], to open what was sealed under `version`: if that is not in it, it is
    /// in the secret no more.
    pub async fn sealing_of(&self, version: &str) -> Result<Arc<Keyring>, KeyringError> {
        self.sealing.get(Some(version)).await
    }

    /// The Sandbox key's value; `None` when no keyring opens it (any more).
    pub async fn open_sandbox_key(
        &self,
        account: &AccountId,
        key: &SandboxKey,
    ) -> Result<Option<Secret>, KeyringError> {
        Ok(key.open(account, &*self.sealing_of(&key.sealed.version).await?))
    }
}

impl CachedKeyring {
    /// The keyring at hand, unless it is too old, or older than the version that something was made
    /// under.
    ///
    /// Each meeting with an unknown version fetches: whoever made that thing had the version from
    /// the secret, so a keyring fetched now has it, and one that was fetched before may not.
    /// Versions are read from our own rows, so nobody can cause fetches by making some up.
    async fn get(&self, version: Option<&str>) -> Result<Arc<Keyring>, KeyringError> {
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        let usable = cached
            .as_ref()
            .filter(|(_, keyring)| version.is_none_or(|version| keyring.has(version)));
        if let Some((fetched_at, keyring)) = usable
            && now < *fetched_at + KEYRING_REFRESH_AFTER
        {
            return Ok(keyring.clone());
        }
        match (self.fetch().await, usable) {
            (Ok(keyring), _) => {
                *cached = Some((now, keyring.clone()));
                Ok(keyring)
            }
            // An outage of Secrets Manager, or a permission that is gone, does not take Frontdesk
            // down while a keyring is at hand that will do.
            (Err(KeyringError::Unavailable(cause)), Some((_, keyring))) => {
                tracing::warn!(%cause, "keyring not refreshed");
                let keyring = keyring.clone();
                let fetched_at = now - KEYRING_REFRESH_AFTER + KEYRING_RETRY_AFTER;
                *cached = Some((fetched_at, keyring.clone()));
                Ok(keyring)
            }
            (Err(KeyringError::Denied(cause)), Some((_, keyring))) => {
                tracing::error!(%cause, "keyring not refreshed");
                Ok(keyring.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn fetch(&self) -> Result<Arc<Keyring>, KeyringError> {
        let sent = self.client.get_secret_value().secret_id(self.arn.clone()?).send().await;
        let answer = sent.map_err(|error| match &error {
            SdkError::ServiceError(answer) => answered(answer.err().code(), answer.err().message()),
            _ => KeyringError::Unavailable(DisplayErrorContext(&error).to_string()),
        })?;
        let text = zeroize::Zeroizing::new(answer.secret_string.ok_or(KeyringError::Empty)?);
        Ok(Arc::new(Keyring::parse(&text)?))
    }
}

/// What an error of Secrets Manager's means. To ask for a secret that is about to be deleted is an
/// invalid request, and one whose key in KMS cannot be used is not decrypted.
fn answered(code: Option<&str>, message: Option<&str>) -> KeyringError {
    let code = code.unwrap_or("unknown");
    let told = format!("{code}: {}", message.unwrap_or_default());
    let denied =
        store::is_denial(code) || matches!(code, "InvalidRequestException" | "DecryptionFailure");
    if denied { KeyringError::Denied(told) } else { KeyringError::Unavailable(told) }
}
