//! The keyrings, and what CloudFront proves itself by, from Secrets Manager.

use crate::clock::Clock;
use crate::config::{ConfigError, Settings};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use domain::keyring::InvalidKeyring;
use domain::login::LoginCode;
use domain::sandbox::SandboxKey;
use domain::{AccountId, AddressHash, Keyring, Secret};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use store::{WholeAnswers, told};
use tokio::sync::Mutex;

/// How long a keyring is used before it is fetched anew, so that a rotation is noticed.
const KEYRING_REFRESH_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// In an outage of Secrets Manager, how long the keyring at hand is used before it is fetched anew:
/// nobody else waits for that meanwhile.
const KEYRING_RETRY_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// Both keyrings and the origin's secret, each fetched when it is first needed.
#[derive(Debug)]
pub struct Keyrings {
    login: Cached<Keyring>,
    sealing: Cached<Keyring>,
    origin: Cached<Secret>,
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

/// What a secret's text stands for.
trait Kept: Sized {
    fn parse(text: &str) -> Result<Self, InvalidKeyring>;
}

impl Kept for Keyring {
    fn parse(text: &str) -> Result<Self, InvalidKeyring> {
        Self::parse(text)
    }
}

impl Kept for Secret {
    fn parse(text: &str) -> Result<Self, InvalidKeyring> {
        Ok(Self::new(text))
    }
}

#[derive(Debug)]
struct Cached<T> {
    client: Client,
    clock: Clock,
    arn: Result<String, ConfigError>,
    cached: Mutex<Option<(Timestamp, Arc<T>)>>,
}

impl Keyrings {
    pub(crate) fn new(config: &aws_types::SdkConfig, clock: Clock, settings: &Settings) -> Self {
        let config = aws_sdk_secretsmanager::config::Builder::from(config)
            .interceptor(WholeAnswers)
            .retry_classifier(WholeAnswers)
            .build();
        let client = Client::from_conf(config);
        Self {
            login: Cached::new(&client, &clock, settings.login_secret()),
            sealing: Cached::new(&client, &clock, settings.sealing_secret()),
            origin: Cached::new(&client, &clock, settings.origin_secret()),
        }
    }

    /// Has the keyring of logins at hand, and the origin's secret where one is set. Whoever needs
    /// what cannot be had asks again, and tells.
    pub async fn fetch_login(&self) {
        let _ = tokio::join!(self.login(), self.origin());
    }

    /// Has the keyring at hand that Sandbox keys are sealed with, likewise.
    pub async fn fetch_sealing(&self) {
        let _ = self.sealing().await;
    }

    /// The keyring that login codes and device cookies are made with.
    pub async fn login(&self) -> Result<Arc<Keyring>, KeyringError> {
        self.login.get(&|_| true).await
    }

    /// [`Keyrings::login`], to derive what was made under `version`: if that is not in it, it is in
    /// the secret no more.
    pub async fn login_of(&self, version: &str) -> Result<Arc<Keyring>, KeyringError> {
        self.login.get(&|ring| ring.has(version)).await
    }

    /// The code of a challenge; `None` when the version that it was made with is in the keyring no
    /// more.
    pub async fn login_code(
        &self,
        address: &AddressHash,
        challenge: &str,
        version: &str,
    ) -> Result<Option<LoginCode>, KeyringError> {
        let ring = self.login_of(version).await?;
        Ok(LoginCode::derive(&ring, version, address, challenge).ok())
    }

    /// What CloudFront proves itself by; `None` where no secret is set, and so no CloudFront is in
    /// front.
    pub async fn origin(&self) -> Result<Option<Arc<Secret>>, KeyringError> {
        match self.origin.arn {
            Ok(_) => self.origin.get(&|_| true).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The keyring that the Sandbox keys are sealed with.
    pub async fn sealing(&self) -> Result<Arc<Keyring>, KeyringError> {
        self.sealing.get(&|_| true).await
    }

    /// [`Keyrings::sealing`], to open what was sealed under `version`: if that is not in it, it is
    /// in the secret no more.
    pub async fn sealing_of(&self, version: &str) -> Result<Arc<Keyring>, KeyringError> {
        self.sealing.get(&|ring| ring.has(version)).await
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

impl<T: Kept> Cached<T> {
    fn new(client: &Client, clock: &Clock, arn: Result<&str, ConfigError>) -> Self {
        Self {
            client: client.clone(),
            clock: clock.clone(),
            arn: arn.map(str::to_owned),
            cached: Mutex::new(None),
        }
    }

    /// The keyring at hand, unless it is too old, or will not do: it lacks the version that
    /// something was made under.
    ///
    /// Each meeting with an unknown version fetches: whoever made that thing had the version from
    /// the secret, so a keyring fetched now has it, and one that was fetched before may not.
    /// Versions are read from our own rows, so nobody can cause fetches by making some up.
    async fn get(&self, will_do: &(dyn Fn(&T) -> bool + Sync)) -> Result<Arc<T>, KeyringError> {
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        let usable = cached.as_ref().filter(|(_, keyring)| will_do(keyring));
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

    async fn fetch(&self) -> Result<Arc<T>, KeyringError> {
        let sent = self.client.get_secret_value().secret_id(self.arn.clone()?).send().await;
        let answer = sent.map_err(|error| match &error {
            SdkError::ServiceError(answer) => answered(answer.err().code(), answer.err().message()),
            _ => KeyringError::Unavailable(DisplayErrorContext(&error).to_string()),
        })?;
        let text = answer.secret_string.filter(|text| !text.is_empty());
        let text = zeroize::Zeroizing::new(text.ok_or(KeyringError::Empty)?);
        Ok(Arc::new(T::parse(&text)?))
    }
}

/// What an error of Secrets Manager's means. To ask for a secret that is about to be deleted is an
/// invalid request, and one whose key in KMS cannot be used is not decrypted.
fn answered(code: Option<&str>, message: Option<&str>) -> KeyringError {
    let told = told::answer(code, message);
    let denied = code.is_some_and(|code| {
        store::is_denial(code) || matches!(code, "InvalidRequestException" | "DecryptionFailure")
    });
    if denied { KeyringError::Denied(told) } else { KeyringError::Unavailable(told) }
}
