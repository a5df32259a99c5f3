//! Every failure that a client sees: `application/problem+json` (RFC 9457) with a stable `code`.

use crate::config::ConfigError;
use crate::secrets::KeyringError;
use jiff::SignedDuration;
use lambda_http::http::StatusCode;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Display;
use store::{ActorRefusal, Failure, StoreError};

/// The catalogue of failures. A code, once published, keeps its name and its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemCode {
    TermsNotAccepted,
    InvalidEmail,
    RateLimited,
    UserNotFound,
    CodeIncorrect,
    CodeExpired,
    TooManyAttempts,
    AccountSuspended,
    SessionRequired,
    SessionEnded,
    AdminRequired,
    CrossSite,
    SandboxNotReady,
    InvalidName,
    KeyLimitReached,
    InvalidIdempotencyKey,
    IdempotencyKeyReused,
    KeyNotFound,
    EmailAlreadyRegistered,
    MemberLimitReached,
    MemberNotFound,
    LastAdmin,
    InvalidJson,
    InvalidRequest,
    BodyTooLarge,
    UnsupportedMediaType,
    NotFound,
    MethodNotAllowed,
    TemporarilyUnavailable,
    InternalError,
    InvalidLimit,
    AccountNotFound,
}

impl ProblemCode {
    pub const ALL: [ProblemCode; 32] = [
        ProblemCode::TermsNotAccepted,
        ProblemCode::InvalidEmail,
        ProblemCode::RateLimited,
        ProblemCode::UserNotFound,
        ProblemCode::CodeIncorrect,
        ProblemCode::CodeExpired,
        ProblemCode::TooManyAttempts,
        ProblemCode::AccountSuspended,
        ProblemCode::SessionRequired,
        ProblemCode::SessionEnded,
        ProblemCode::AdminRequired,
        ProblemCode::CrossSite,
        ProblemCode::SandboxNotReady,
        ProblemCode::InvalidName,
        ProblemCode::KeyLimitReached,
        ProblemCode::InvalidIdempotencyKey,
        ProblemCode::IdempotencyKeyReused,
        ProblemCode::KeyNotFound,
        ProblemCode::EmailAlreadyRegistered,
        ProblemCode::MemberLimitReached,
        ProblemCode::MemberNotFound,
        ProblemCode::LastAdmin,
        ProblemCode::InvalidJson,
        ProblemCode::InvalidRequest,
        ProblemCode::BodyTooLarge,
        ProblemCode::UnsupportedMediaType,
        ProblemCode::NotFound,
        ProblemCode::MethodNotAllowed,
        ProblemCode::TemporarilyUnavailable,
        ProblemCode::InternalError,
        ProblemCode::InvalidLimit,
        ProblemCode::AccountNotFound,
    ];

    /// Status, name, and a sentence that a person can act on.
    const fn entry(self) -> (u16, &'static str, &'static str) {
        match self {
            ProblemCode::TermsNotAccepted => {
                (400, "terms_not_accepted", "Accept the terms to get a login code.")
            }
            ProblemCode::InvalidEmail => {
                (400, "invalid_email", "Enter a valid e-mail address, such as name@example.com.")
            }
            ProblemCode::RateLimited => (
                429,
                "rate_limited",
                "Too many codes were asked for with this address. Wait before you ask for another.",
            ),
            ProblemCode::UserNotFound => (
                404,
                "user_not_found",
                "Nobody is registered with this e-mail address. Ask an admin of your account to invite you.",
            ),
            ProblemCode::CodeIncorrect => (
                401,
                "code_incorrect",
                "This is not the code that was mailed. Check the newest mail and try again.",
            ),
            ProblemCode::CodeExpired => {
                (401, "code_expired", "This code is not good any more. Ask for a new one.")
            }
            ProblemCode::TooManyAttempts => (
                429,
                "too_many_attempts",
                "Too many wrong codes. Start again and ask for a new code.",
            ),
            ProblemCode::AccountSuspended => (
                403,
                "account_suspended",
                "This account is suspended. Contact the provider of the API.",
            ),
            ProblemCode::SessionRequired => (401, "session_required", "Log in first."),
            ProblemCode::SessionEnded => {
                (401, "session_ended", "Your session has ended. Log in again.")
            }
            ProblemCode::AdminRequired => {
                (403, "admin_required", "Only an admin of the account may do this.")
            }
            ProblemCode::CrossSite => {
                (403, "cross_site", "Requests from other sites may not change anything here.")
            }
            ProblemCode::SandboxNotReady => (
                409,
                "sandbox_not_ready",
                "The Sandbox is not ready. Retry its auto-configuration first.",
            ),
            ProblemCode::InvalidName => (
                400,
                "invalid_name",
                "Give a name of 1 to 64 characters, without control characters.",
            ),
            ProblemCode::KeyLimitReached => (
                409,
                "key_limit_reached",
                "The account has as many API keys as it may. Delete one that is not used any more.",
            ),
            ProblemCode::InvalidIdempotencyKey => (
                400,
                "invalid_idempotency_key",
                "An Idempotency-Key has 1 to 255 printable ASCII characters, and no comma.",
            ),
            ProblemCode::IdempotencyKeyReused => (
                422,
                "idempotency_key_reused",
                "This Idempotency-Key was used with another request. Use a new one.",
            ),
            ProblemCode::KeyNotFound => (
                404,
                "key_not_found",
                "The account has no API key with this id. It may have been deleted already.",
            ),
            ProblemCode::EmailAlreadyRegistered => (
                409,
                "email_already_registered",
                "This e-mail address belongs to a member already.",
            ),
            ProblemCode::MemberLimitReached => (
                409,
                "member_limit_reached",
                "The account has as many members as it may. Remove one, or ask the provider of the API for more.",
            ),
            ProblemCode::MemberNotFound => (
                404,
                "member_not_found",
                "The account has no member with this id. It may have been removed already.",
            ),
            ProblemCode::LastAdmin => {
                (409, "last_admin", "The last admin of an account cannot be removed.")
            }
            ProblemCode::InvalidJson => (400, "invalid_json", "The body is not valid JSON."),
            ProblemCode::InvalidRequest => (
                400,
                "invalid_request",
                "The body does not have the fields that this request takes.",
            ),
            ProblemCode::BodyTooLarge => (413, "body_too_large", "The body is larger than 16 KiB."),
            ProblemCode::UnsupportedMediaType => {
                (415, "unsupported_media_type", "Send the body as application/json.")
            }
            ProblemCode::NotFound => (404, "not_found", "There is nothing at this address."),
            ProblemCode::MethodNotAllowed => {
                (405, "method_not_allowed", "This address does not know this method.")
            }
            ProblemCode::TemporarilyUnavailable => (
                503,
                "temporarily_unavailable",
                "This cannot be answered at the moment. Try again shortly; nothing was lost.",
            ),
            ProblemCode::InternalError => (
                500,
                "internal_error",
                "Something went wrong on our side. Try again; if it stays, report the instance of this answer.",
            ),
            ProblemCode::InvalidLimit => {
                (400, "invalid_limit", "A key limit is 1 to 90, a member limit 1 to 200.")
            }
            ProblemCode::AccountNotFound => {
                (404, "account_not_found", "There is no account with this id.")
            }
        }
    }

    pub const fn status(self) -> u16 {
        self.entry().0
    }

    pub const fn name(self) -> &'static str {
        self.entry().1
    }

    /// Whether an action answers this only after the store has found the session good that asks.
    pub(crate) const fn comes_after_the_session(self) -> bool {
        match self {
            ProblemCode::AdminRequired
            | ProblemCode::SandboxNotReady
            | ProblemCode::KeyLimitReached
            | ProblemCode::IdempotencyKeyReused
            | ProblemCode::KeyNotFound
            | ProblemCode::EmailAlreadyRegistered
            | ProblemCode::MemberLimitReached
            | ProblemCode::MemberNotFound
            | ProblemCode::LastAdmin => true,
            ProblemCode::TermsNotAccepted
            | ProblemCode::InvalidEmail
            | ProblemCode::RateLimited
            | ProblemCode::UserNotFound
            | ProblemCode::CodeIncorrect
            | ProblemCode::CodeExpired
            | ProblemCode::TooManyAttempts
            | ProblemCode::AccountSuspended
            | ProblemCode::SessionRequired
            | ProblemCode::SessionEnded
            | ProblemCode::CrossSite
            | ProblemCode::InvalidName
            | ProblemCode::InvalidIdempotencyKey
            | ProblemCode::InvalidJson
            | ProblemCode::InvalidRequest
            | ProblemCode::BodyTooLarge
            | ProblemCode::UnsupportedMediaType
            | ProblemCode::NotFound
            | ProblemCode::MethodNotAllowed
            | ProblemCode::TemporarilyUnavailable
            | ProblemCode::InternalError
            | ProblemCode::InvalidLimit
            | ProblemCode::AccountNotFound => false,
        }
    }
}

/// One failure: what the client is told, and apart from it what the log is told.
#[derive(Debug)]
pub struct Problem {
    pub code: ProblemCode,
    detail: Option<String>,
    attempts_left: Option<u32>,
    pub retry_after: Option<SignedDuration>,
    /// For the log alone; never part of an answer.
    pub cause: Option<String>,
    pub(crate) allow: Option<String>,
}

/// The members of a problem document, in their order.
#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_left: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
}

impl Problem {
    pub fn new(code: ProblemCode) -> Problem {
        Problem {
            code,
            detail: None,
            attempts_left: None,
            retry_after: None,
            cause: None,
            allow: None,
        }
    }

    pub fn with_detail(self, detail: impl Into<String>) -> Problem {
        Problem { detail: Some(detail.into()), ..self }
    }

    pub fn with_attempts_left(self, left: u32) -> Problem {
        Problem { attempts_left: Some(left), ..self }
    }

    pub fn retry_after(self, wait: SignedDuration) -> Problem {
        Problem { retry_after: Some(wait), ..self }
    }

    /// The methods that the address does know.
    pub fn allowing(self, methods: &[&str]) -> Problem {
        Problem { allow: Some(methods.join(", ")), ..self }
    }

    /// An internal cause, for the log.
    pub fn because(self, cause: impl Display) -> Problem {
        Problem { cause: Some(cause.to_string()), ..self }
    }

    /// How JSON does not fit. Most of the parser's own sentences repeat what was sent, which may be
    /// a code or an address; only these two name nothing but the fields that the action knows.
    pub fn misfit(error: &serde_json::Error) -> Problem {
        let text = error.to_string();
        Problem::new(ProblemCode::InvalidRequest).with_detail(if text.starts_with("missing field") || text.starts_with("duplicate field") {
            format!("The body is not as expected: {text}.")
        } else {
            let (line, column) = (error.line(), error.column());
            format!("The body is not as expected at line {line} column {column}: no such field, or a value of another kind.")
        })
    }

    /// What a failed change is to the client: `name` names each refusal, and an outage stays an
    /// outage.
    pub fn of<R>(failure: Failure<R>, name: impl FnOnce(R) -> ProblemCode) -> Problem {
        match failure {
            Failure::Refused(refusal) => Problem::new(name(refusal)),
            Failure::Store(error) => error.into(),
        }
    }

    /// The seconds of `Retry-After`, rounded up: never too early.
    pub fn retry_seconds(&self) -> Option<i64> {
        self.retry_after.map(|wait| ((wait.as_millis() as i64 + 999) / 1000).max(1))
    }

    /// What the log is told.
    pub(crate) fn log(&self) -> (&str, Option<&dyn Display>) {
        (self.code.name(), self.cause.as_ref().map(|cause| cause as &dyn Display))
    }

    /// The document. Only a failure on our side carries the request's id as `instance`: the answers
    /// about a foreign and about a made-up id are the same bytes.
    pub fn document(&self, request_id: &str) -> String {
        let (status, code, detail) = self.code.entry();
        let document = Document {
            r#type: "about:blank",
            title: StatusCode::from_u16(status)
                .ok()
                .and_then(|status| status.canonical_reason())
                .unwrap_or("Error"),
            status,
            code,
            detail: self.detail.as_deref().map_or(Cow::Borrowed(detail), Cow::Borrowed),
            attempts_left: self.attempts_left,
            instance: (status >= 500).then(|| format!("urn:frontdesk:request:{request_id}")),
        };
        serde_json::to_string(&document).expect("a document of plain fields")
    }
}

/// As the error of a direct invocation, which is no answer: [`crate::lambda::plain`] makes it the
/// document.
impl std::error::Error for Problem {}

impl Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.name())
    }
}

impl From<ProblemCode> for Problem {
    fn from(code: ProblemCode) -> Problem {
        Problem::new(code)
    }
}

impl From<ActorRefusal> for ProblemCode {
    fn from(refusal: ActorRefusal) -> ProblemCode {
        match refusal {
            ActorRefusal::SessionEnded => ProblemCode::SessionEnded,
            ActorRefusal::AdminRequired => ProblemCode::AdminRequired,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::Unavailable(_) | StoreError::Contended => {
                Problem::new(ProblemCode::TemporarilyUnavailable)
                    .retry_after(SignedDuration::from_secs(1))
                    .because(error)
            }
            StoreError::Row { .. } => Problem::new(ProblemCode::InternalError).because(error),
        }
    }
}

impl From<Failure<ActorRefusal>> for Problem {
    fn from(failure: Failure<ActorRefusal>) -> Problem {
        Problem::of(failure, ProblemCode::from)
    }
}

impl From<KeyringError> for Problem {
    fn from(error: KeyringError) -> Problem {
        match error {
            KeyringError::Unavailable(_) => Problem::new(ProblemCode::TemporarilyUnavailable)
                .retry_after(SignedDuration::from_secs(1))
                .because(error),
            KeyringError::Config(_) | KeyringError::Empty | KeyringError::Invalid(_) => {
                Problem::new(ProblemCode::InternalError).because(error)
            }
        }
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Problem {
        Problem::new(ProblemCode::InternalError).because(error)
    }
}
