//! The settings of a function, from its environment.

use domain::account::{MAX_KEY_LIMIT, MAX_MEMBER_LIMIT};
use domain::key::KeyPrefix;
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// The variables that a function was given.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    pub fn of_process() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let variables = std::env::vars_os();
        Self(
            variables
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    /// The value of a variable; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<&str, ConfigError> {
        self.get(name).ok_or(ConfigError::Missing { name })
    }

    fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, ConfigError> {
        let parse = |value: &str| value.parse().or(Err(ConfigError::Malformed { name, expected }));
        self.get(name).map(parse).transpose()
    }
}

/// A setting that is absent or cannot be read, or a machine that lacks something. Never shows a
/// value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("the setting {name} is missing")]
    Missing { name: &'static str },
    #[error("the setting {name} is not {expected}")]
    Malformed { name: &'static str, expected: &'static str },
    #[error(
        "there are no CA certificates here; install them (ca-certificates), or name some in \
             SSL_CERT_FILE"
    )]
    NoCertificates,
}

/// How a login with an unknown address is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserExistenceErrors {
    /// Like any other: nobody learns who is registered. The setting `ENABLED`.
    Prevented,
    /// With `404 user_not_found`. The setting `LEGACY`.
    Shown,
}

impl FromStr for UserExistenceErrors {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "ENABLED" => Ok(Self::Prevented),
            "LEGACY" => Ok(Self::Shown),
            _ => Err(()),
        }
    }
}

/// In which form the authorizer answers an HTTP API (a REST API always gets a policy).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizerResponse {
    Simple,
    Iam,
}

impl FromStr for AuthorizerResponse {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "simple" => Ok(Self::Simple),
            "iam" => Ok(Self::Iam),
            _ => Err(()),
        }
    }
}

/// What becomes of a call over a limit at the authorizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLimit {
    Refuse,
    /// It is let through, and the product hears of it.
    Pass,
}

impl FromStr for OnLimit {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "pass" => Ok(Self::Pass),
            _ => Err(()),
        }
    }
}

/// The settings; those that only some functions are given are optional until one asks for them.
#[derive(Debug, Clone)]
pub struct Settings {
    pub table: String,
    pub user_existence_errors: UserExistenceErrors,
    pub authorizer_response: AuthorizerResponse,
    pub on_limit: OnLimit,
    pub key_prefix: KeyPrefix,
    pub default_key_limit: u32,
    pub default_member_limit: u32,
    /// Codes that a network may ask for in five minutes, of all addresses.
    pub network_code_limit: u32,
    pub product_api_timeout: Duration,
    pub product_name: String,
    /// Without it, SES takes the default one of the sender's identity, if that has any.
    pub mail_configuration_set: Option<String>,
    /// How long a row of the audit trail is kept; for ever without.
    pub trail_kept_for: Option<SignedDuration>,
    product_api_url: Option<String>,
    console_origin: Option<String>,
    mail_from: Option<String>,
    login_secret: Option<String>,
    origin_secret: Option<String>,
    sealing_secret: Option<String>,
}

impl Settings {
    pub fn read(env: &Env) -> Result<Self, ConfigError> {
        let text = |name| env.get(name).map(str::to_owned);
        let timeout = within(
            env,
            "PRODUCT_API_TIMEOUT_MS",
            100..=3500,
            3000,
            "a number of milliseconds from 100 to 3500",
        )?;
        Ok(Self {
            table: env.required("TABLE_NAME")?.to_owned(),
            user_existence_errors: env
                .parsed("PREVENT_USER_EXISTENCE_ERRORS", "ENABLED or LEGACY")?
                .unwrap_or(UserExistenceErrors::Prevented),
            authorizer_response: env
                .parsed("AUTHORIZER_RESPONSE", "simple or iam")?
                .unwrap_or(AuthorizerResponse::Simple),
            on_limit: env.parsed("ON_LIMIT", "refuse or pass")?.unwrap_or(OnLimit::Refuse),
            key_prefix: env
                .parsed(
                    "KEY_PREFIX",
                    "a lower-case letter and up to nine lower-case letters and digits",
                )?
                .unwrap_or_default(),
            default_key_limit: within(
                env,
                "DEFAULT_KEY_LIMIT",
                1..=MAX_KEY_LIMIT,
                10,
                "from 1 to 90",
            )?,
            default_member_limit: within(
                env,
                "DEFAULT_MEMBER_LIMIT",
                1..=MAX_MEMBER_LIMIT,
                10,
                "from 1 to 200",
            )?,
            product_api_timeout: Duration::from_millis(timeout.into()),
            product_name: text("PRODUCT_NAME").unwrap_or_else(|| "Frontdesk".to_owned()),
            trail_kept_for: trail_kept_for(env)?,
            product_api_url: text("PRODUCT_API_URL")
                .map(|url| checked_url("PRODUCT_API_URL", url))
                .transpose()?,
            console_origin: text("CONSOLE_ORIGIN")
                .map(|url| checked_url("CONSOLE_ORIGIN", url))
                .transpose()?,
            mail_from: text("MAIL_FROM"),
            mail_configuration_set: text("MAIL_CONFIGURATION_SET"),
            network_code_limit: within(
                env,
                "NETWORK_CODE_LIMIT",
                1..=1_000_000,
                300,
                "from 1 to 1000000",
            )?,
            login_secret: text("LOGIN_SECRET_ARN"),
            origin_secret: text("ORIGIN_SECRET_ARN"),
            sealing_secret: text("SEALING_SECRET_ARN"),
        })
    }

    pub fn product_api_url(&self) -> Result<&str, ConfigError> {
        or_missing(&self.product_api_url, "PRODUCT_API_URL")
    }

    /// Without a trailing slash.
    pub fn console_origin(&self) -> Result<&str, ConfigError> {
        or_missing(&self.console_origin, "CONSOLE_ORIGIN")
            .map(|origin| origin.trim_end_matches('/'))
    }

    pub fn mail_from(&self) -> Result<&str, ConfigError> {
        or_missing(&self.mail_from, "MAIL_FROM")
    }

    pub(crate) fn login_secret(&self) -> Result<&str, ConfigError> {
        or_missing(&self.login_secret, "LOGIN_SECRET_ARN")
    }

    pub(crate) fn origin_secret(&self) -> Result<&str, ConfigError> {
        or_missing(&self.origin_secret, "ORIGIN_SECRET_ARN")
    }

    pub(crate) fn sealing_secret(&self) -> Result<&str, ConfigError> {
        or_missing(&self.sealing_secret, "SEALING_SECRET_ARN")
    }
}

fn or_missing<'a>(value: &'a Option<String>, name: &'static str) -> Result<&'a str, ConfigError> {
    value.as_deref().ok_or(ConfigError::Missing { name })
}

fn within(
    env: &Env,
    name: &'static str,
    range: RangeInclusive<u32>,
    default: u32,
    expected: &'static str,
) -> Result<u32, ConfigError> {
    let number = env.parsed(name, expected)?.unwrap_or(default);
    if range.contains(&number) {
        Ok(number)
    } else {
        Err(ConfigError::Malformed { name, expected })
    }
}

fn trail_kept_for(env: &Env) -> Result<Option<SignedDuration>, ConfigError> {
    let expected = "a number of days from 0 to 3650";
    let days = within(env, "AUDIT_RETENTION_DAYS", 0..=3650, 400, expected)?;
    Ok((days > 0).then(|| SignedDuration::from_hours(24 * i64::from(days))))
}

/// Only HTTPS leaves the machine: keys and cookies travel in these requests.
fn checked_url(name: &'static str, url: String) -> Result<String, ConfigError> {
    let loopback = ["http://localhost", "http://127.0.0.1", "http://[::1]"].iter().any(|host| {
        url.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    if url.starts_with("https://") || loopback {
        Ok(url)
    } else {
        Err(ConfigError::Malformed { name, expected: "an https URL" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(name: &str, value: &str) -> Result<Settings, ConfigError> {
        Settings::read(&Env::from_pairs([
            ("TABLE_NAME".to_owned(), "t".to_owned()),
            (name.to_owned(), value.to_owned()),
        ]))
    }

    #[test]
    fn a_wrong_setting_is_named_and_its_value_is_not_shown() {
        for (name, value) in [
            ("PRODUCT_API_URL", "http://api.example.com/x"),
            ("PRODUCT_API_URL", "http://localhost.example.com/"),
            ("KEY_PREFIX", "FD"),
            ("PREVENT_USER_EXISTENCE_ERRORS", "yes"),
            ("DEFAULT_KEY_LIMIT", "777"),
            ("PRODUCT_API_TIMEOUT_MS", "3501"),
            ("AUDIT_RETENTION_DAYS", "3651"),
            ("AUTHORIZER_RESPONSE", "maybe"),
            ("ON_LIMIT", "warn"),
        ] {
            let error = settings(name, value).unwrap_err().to_string();
            assert!(error.contains(name) && !error.contains(value), "{error}");
        }
        assert!(settings("PRODUCT_API_URL", "http://127.0.0.1:9/heify").is_ok());
        assert_eq!(
            Settings::read(&Env::default()).unwrap_err(),
            ConfigError::Missing { name: "TABLE_NAME" }
        );
    }
}
