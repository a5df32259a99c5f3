//! Every failure that a client sees: `application/problem+json` (RFC 9457) with a stable `code`.

use crate::config::ConfigError;
use crate::product_api::NotAsked;
use crate::secrets::KeyringError;
use domain::AccountId;
use domain::key::Invalid;
use jiff::SignedDuration;
use lambda_http::http::StatusCode;
use serde::Serialize;
use std::fmt::Display;
use store::{ActorRefusal, Failure, StoreError};

/// How soon an action may answer a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Perhaps before anything is known of who asks.
    Anytime,
    /// Only once the store has found the session good that asks: it concerns that account.
    AfterSession,
}

/// A row for each problem: its variant, status, name and moment, and a sentence that a person can
/// act on.
macro_rules! catalogue {
    (
        $(#[$doc:meta])*
        pub enum $Code:ident;
        $($Variant:ident = $status:literal $name:literal $moment:ident: $sentence:literal,)+
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $Code {
            $(#[doc = $sentence] $Variant,)+
        }

        impl $Code {
            pub const ALL: &[Self] = &[$(Self::$Variant,)+];

            pub const fn status(self) -> u16 {
                match self { $(Self::$Variant => $status,)+ }
            }

            pub const fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name,)+ }
            }

            const fn moment(self) -> Moment {
                match self { $(Self::$Variant => Moment::$moment,)+ }
            }

            const fn sentence(self) -> &'static str {
                match self { $(Self::$Variant => $sentence,)+ }
            }
        }
    };
}

catalogue! {
    /// The catalogue of failures. A code, once published, keeps its name and its meaning.
    pub enum ProblemCode;

    TermsNotAccepted = 400 "terms_not_accepted" Anytime:
        "Accept the terms to get a login code.",
    InvalidEmail = 400 "invalid_email" Anytime:
        "Enter a valid e-mail address, such as name@example.com.",
    RateLimited = 429 "rate_limited" Anytime:
        "Too many codes were asked for with this address. Wait before you ask for another.",
    UserNotFound = 404 "user_not_found" Anytime:
        "Nobody is registered with this e-mail address. Ask an admin of your account to invite \
         you.",
    CodeIncorrect = 401 "code_incorrect" Anytime:
        "This is not the code that was mailed. Check the newest mail and try again.",
    CodeExpired = 401 "code_expired" Anytime:
        "This code is not good any more. Ask for a new one.",
    TooManyAttempts = 429 "too_many_attempts" Anytime:
        "Too many wrong codes. Start again and ask for a new code.",
    AccountSuspended = 403 "account_suspended" Anytime:
        "This account is suspended. Contact the provider of the API.",
    SessionRequired = 401 "session_required" Anytime:
        "Log in first.",
    SessionEnded = 401 "session_ended" Anytime:
        "Your session has ended. Log in again.",
    SessionExpired = 401 "session_expired" Anytime:
        "Your session ended: it was not used for 12 hours, or was opened 7 days ago. Log in again.",
    AdminRequired = 403 "admin_required" AfterSession:
        "Only an admin of the account may do this.",
    CrossSite = 403 "cross_site" Anytime:
        "Requests from other sites may not change anything here.",
    SandboxNotReady = 409 "sandbox_not_ready" AfterSession:
        "The Sandbox is not ready. Retry its auto-configuration first.",
    InvalidName = 400 "invalid_name" Anytime:
        "Give a name of 1 to 64 characters, none of them invisible.",
    InvalidExpiry = 400 "invalid_expiry" Anytime:
        "A key expires at a time that is at least 5 minutes and at most 5 years ahead.",
    InvalidOverlap = 400 "invalid_overlap" Anytime:
        "An old value can be kept for 0 to 604800 seconds, which are 7 days.",
    KeyLimitReached = 409 "key_limit_reached" AfterSession:
        "The account has as many API keys as it may. Delete one that is not used any more.",
    InvalidIdempotencyKey = 400 "invalid_idempotency_key" Anytime:
        "An Idempotency-Key has 1 to 255 printable ASCII characters, and no comma.",
    IdempotencyKeyReused = 422 "idempotency_key_reused" AfterSession:
        "This Idempotency-Key was used with another request. Use a new one.",
    KeyNotFound = 404 "key_not_found" AfterSession:
        "The account has no API key with this id. It may have been deleted already.",
    SandboxKey = 409 "sandbox_key" AfterSession:
        "The Sandbox key is the desk's own. To have another one, delete it and retry the Sandbox.",
    KeyExpired = 409 "key_expired" AfterSession:
        "This key has expired. Give it a later time, or none, first.",
    KeySuperseded = 409 "key_superseded" AfterSession:
        "The value that this Idempotency-Key made has been replaced since. Rotate the key again, \
         with a new one.",
    EmailAlreadyRegistered = 409 "email_already_registered" AfterSession:
        "This e-mail address belongs to a member already.",
    MemberLimitReached = 409 "member_limit_reached" AfterSession:
        "The account has as many members as it may. Remove one, or ask the provider of the API \
         for more.",
    MemberNotFound = 404 "member_not_found" AfterSession:
        "The account has no member with this id. It may have been removed already.",
    AlreadyActive = 409 "already_active" AfterSession:
        "This member has logged in already, and needs no invitation.",
    LastAdmin = 409 "last_admin" AfterSession:
        "Nobody else who has logged in is an admin of the account. Make somebody one first.",
    SessionNotFound = 404 "session_not_found" AfterSession:
        "You have no session with this id. It may have ended already.",
    InvalidCursor = 400 "invalid_cursor" AfterSession:
        "Read on with the `next` of this account's last answer, or begin anew without it.",
    InvalidJson = 400 "invalid_json" Anytime:
        "The body is not valid JSON.",
    InvalidRequest = 400 "invalid_request" Anytime:
        "The body does not have the fields that this request takes.",
    BodyTooLarge = 413 "body_too_large" Anytime:
        "The body is larger than 16 KiB.",
    UnsupportedMediaType = 415 "unsupported_media_type" Anytime:
        "Send the body as application/json.",
    NotFound = 404 "not_found" Anytime:
        "There is nothing at this address.",
    MethodNotAllowed = 405 "method_not_allowed" Anytime:
        "This address does not know this method.",
    TemporarilyUnavailable = 503 "temporarily_unavailable" Anytime:
        "This cannot be answered at the moment. It was not done; try again shortly.",
    InternalError = 500 "internal_error" Anytime:
        "Something went wrong on our side. Try again; if it stays, report the instance of this \
         answer.",
    InvalidLimit = 400 "invalid_limit" Anytime:
        "A key limit is 1 to 90, a member limit 1 to 200. Of calls: per_minute and a burst of it \
         are 1 to 6000000, per_month 1 to 1000000000000.",
    AccountNotFound = 404 "account_not_found" Anytime:
        "There is no account with this id.",
}

/// One failure: what the client is told, and apart from it what the log is told.
#[derive(Debug)]
pub struct Problem {
    pub code: ProblemCode,
    detail: Option<String>,
    attempts_left: Option<u32>,
    pub retry_after: Option<SignedDuration>,
    /// For the log alone; never part of an answer.
    pub cause: Option<Box<str>>,
    pub(crate) allow: Option<Box<str>>,
    account: Option<AccountId>,
}

/// The members of a problem document, in their order.
#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_left: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
}

impl Problem {
    pub fn new(code: ProblemCode) -> Self {
        Self {
            code,
            detail: None,
            attempts_left: None,
            retry_after: None,
            cause: None,
            allow: None,
            account: None,
        }
    }

    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    pub fn with_attempts_left(self, left: u32) -> Self {
        Self { attempts_left: Some(left), ..self }
    }

    pub fn retry_after(self, wait: SignedDuration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// Whom it concerns, for the log: the account that the session claims. It is named only if the
    /// code is one that comes after the session was found good.
    pub fn for_account(self, account: &AccountId) -> Self {
        Self { account: Some(account.clone()), ..self }
    }

    pub(crate) fn account(&self) -> Option<&AccountId> {
        match self.code.moment() {
            Moment::AfterSession => self.account.as_ref(),
            Moment::Anytime => None,
        }
    }

    /// The methods that the address does know.
    pub fn allowing(self, methods: &[&str]) -> Self {
        Self { allow: Some(methods.join(", ").into()), ..self }
    }

    /// An internal cause, for the log.
    pub fn because(self, cause: impl Display) -> Self {
        Self { cause: Some(cause.to_string().into()), ..self }
    }

    /// How JSON does not fit. Most of the parser's own sentences repeat what was sent, which may be
    /// a code or an address; only these two name nothing but the fields that the action knows.
    pub fn invalid_request(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let names_fields = text.starts_with("missing field") || text.starts_with("duplicate field");
        Self::new(ProblemCode::InvalidRequest).with_detail(if names_fields {
            format!("The body is not as expected: {text}.")
        } else {
            format!(
                "The body is not as expected at line {} column {}: \
                 no such field, or a value of another kind.",
                error.line(),
                error.column()
            )
        })
    }

    /// Something that is needed did not answer, and what was asked for was not done.
    pub(crate) fn unavailable(cause: impl Display) -> Self {
        Self::new(ProblemCode::TemporarilyUnavailable)
            .retry_after(SignedDuration::from_secs(1))
            .because(cause)
    }

    /// The same where nobody can say whether it was done.
    pub(crate) fn perhaps_done(cause: impl Display) -> Self {
        Self::unavailable(cause).with_detail(
            "This cannot be answered at the moment. It may have been done all the same: look \
             before you try it again.",
        )
    }

    /// What a failed change is to the client: `name` names each refusal, and an outage stays an
    /// outage.
    pub fn of<R>(failure: Failure<R>, name: impl FnOnce(R) -> ProblemCode) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::new(name(refusal)),
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
        let status = self.code.status();
        let document = Document {
            r#type: "about:blank",
            title: StatusCode::from_u16(status)
                .ok()
                .and_then(|status| status.canonical_reason())
                .unwrap_or("Error"),
            status,
            code: self.code.name(),
            detail: self.detail.as_deref().unwrap_or(self.code.sentence()),
            attempts_left: self.attempts_left,
            instance: (status >= 500).then(|| format!("urn:frontdesk:request:{request_id}")),
        };
        serde_json::to_string(&document).expect("a document of plain fields")
    }
}

/// As the error of a direct invocation, which is no answer: [`crate::lambda::event`] makes it the
/// document.
impl std::error::Error for Problem {}

impl Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.name())
    }
}

impl From<ProblemCode> for Problem {
    fn from(code: ProblemCode) -> Self {
        Self::new(code)
    }
}

impl From<ActorRefusal> for ProblemCode {
    fn from(refusal: ActorRefusal) -> Self {
        match refusal {
            ActorRefusal::SessionEnded => Self::SessionEnded,
            ActorRefusal::SessionExpired => Self::SessionExpired,
            ActorRefusal::AccountSuspended => Self::AccountSuspended,
            ActorRefusal::AdminRequired => Self::AdminRequired,
        }
    }
}

impl From<Invalid> for ProblemCode {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::Name => Self::InvalidName,
            Invalid::Expiry => Self::InvalidExpiry,
            Invalid::Overlap => Self::InvalidOverlap,
            Invalid::IdempotencyKey => Self::InvalidIdempotencyKey,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Contended => Self::unavailable(error),
            StoreError::Unknown(_) => Self::perhaps_done(error),
            StoreError::Denied(_) | StoreError::Row { .. } | StoreError::Damaged(_) => {
                Self::new(ProblemCode::InternalError).because(error)
            }
        }
    }
}

impl From<Failure<ActorRefusal>> for Problem {
    fn from(failure: Failure<ActorRefusal>) -> Self {
        Self::of(failure, ProblemCode::from)
    }
}

impl From<KeyringError> for Problem {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::Unavailable(_) => Self::unavailable(error),
            KeyringError::Config(_)
            | KeyringError::Denied(_)
            | KeyringError::Empty
            | KeyringError::Invalid(_) => Self::new(ProblemCode::InternalError).because(error),
        }
    }
}

impl From<NotAsked> for Problem {
    fn from(error: NotAsked) -> Self {
        match error {
            NotAsked::Config(error) => error.into(),
            NotAsked::OutOfTime(late) => Self::unavailable(late),
        }
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        Self::new(ProblemCode::InternalError).because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_reads_as_it_was_published() {
        let documents: Vec<String> =
            ProblemCode::ALL.iter().map(|code| Problem::new(*code).document("r")).collect();
        insta::assert_snapshot!("documents", documents.join("\n"));
    }

    #[test]
    fn a_session_that_has_ended_names_no_account_and_a_refusal_after_it_does() {
        let account: AccountId = "acct_000000000000".parse().unwrap();
        let ended = Problem::new(ProblemCode::SessionEnded).for_account(&account);
        assert_eq!(ended.account(), None);
        let refused = Problem::new(ProblemCode::AdminRequired).for_account(&account);
        assert_eq!(refused.account(), Some(&account));
    }
}
