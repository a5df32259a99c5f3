//! The one table, and every transaction on it.
//!
//! Authority lives inside the write: each change is one `TransactWriteItems` that carries the
//! condition on the acting member, the limit counter and the audit row. Nothing here checks first
//! and writes then. Every read that decides something is strongly consistent and goes by primary
//! key; no index decides anything, and no expiry is left to TTL.
//!
//! The modules depend on each other in one direction: `layout` (where rows lie) and `rows` (what
//! they hold), `held` (what this process knows), `random`, `unanswered` (which tries of a request
//! may have been made), `whole` (what is no answer), `write` (conditions and transactions), `plan`
//! (an account's limits in its rows), `audit`, `account` and `actor`, `outbox`, and then the
//! operations on logins, sessions, members, invitations, the Sandbox, keys and the meter, those of
//! operators, and what is told of the trail.
//!
//! To add an operation: put it in the module of the row that it is about, begin with
//! `actor::transaction`, and add each write together with the function that names its refusal
//! (`Transaction::guarded`), in the order in which refusals are to be told; `commit` gives the
//! operation's own closed enum. The table of access patterns in `docs/table.md` gets a line.

mod account;
mod actor;
mod address;
mod api_key;
mod audit;
mod description;
mod held;
mod invitation;
mod layout;
mod login;
mod member;
mod meter;
mod operator;
mod outbox;
mod plan;
mod random;
mod rows;
mod sandbox;
mod session;
mod suspension;
pub mod told;
mod trail;
mod unanswered;
mod whole;
mod write;

pub use account::{Registered, Registration, RegistrationRefusal};
pub use actor::{ActorRefusal, Admin, Caller};
pub use api_key::{
    ChangeKeyRefusal, DeleteKeyRefusal, FoundKey, FoundKeys, IdempotentRequest, InsertKeyRefusal,
    Inserted, RotateKeyRefusal, Rotated, Rotation,
};
pub use description::Description;
pub use invitation::{InviteRefusal, ResendRefusal};
pub use login::{
    CountRefusal, Counted, LoginMail, NetworkLimited, OpenSession, OpenSessionRefusal, Owner,
    PutLoginRefusal,
};
pub use member::{ChangeRoleRefusal, LeaveRefusal, RevokeRefusal};
pub use meter::Metered;
pub use operator::{ChangeRefusal, NewLimits, Operator};
pub use outbox::{ASKS, DUTIES, Duty, OutboxKey, REMINDERS, Redelivery};
pub use random::Random;
pub use rows::{
    DutyKind, Field, KeyExpiring, LoginNotice, MailKind, MailRow, NoticeReason, OutboxRow,
    UsageWarning,
};
pub use sandbox::{EnsureKeyRefusal, RevealRefusal, VerdictRefusal};
pub use session::RevokeSessionRefusal;
pub use trail::{Actor, EVENTS_OF_PAGE, Event, Fields, Stretch, Subject};
pub use whole::WholeAnswers;

use crate::held::{Meters, SeenPlans};
use crate::unanswered::Unanswered;
use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::config::retry::{ReconnectMode, RetryConfig};
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_types::body::SdkBody;
use jiff::SignedDuration;

/// The table, seen from one function.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: String,
    trail_kept_for: Option<SignedDuration>,
    random: Random,
    plans: SeenPlans,
    meters: Meters,
}

/// Whether AWS says by this code that it does not know the caller, does not let it do this, or has
/// no such thing: a fault of the deployment's, which no waiting puts right.
pub fn is_denial(code: &str) -> bool {
    const DENIALS: [&str; 12] = [
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "ResourceNotFoundException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ];
    DENIALS.contains(&code)
}

/// The store did not answer, or not with what it was given: an outage or a fault of the
/// deployment's, never a refusal.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// After the SDK's own retries; nothing was written.
    #[error("the store did not answer: {0}")]
    Unavailable(String),
    /// A write was sent, perhaps more than once, and what became of it is not known.
    #[error("the store did not say whether it was written: {0}")]
    Unknown(String),
    /// By [`is_denial`].
    #[error("the store refuses this function: {0}")]
    Denied(String),
    /// Others kept changing the same rows; nothing was written.
    #[error("the same rows were changed by others too often")]
    Contended,
    #[error("a row of kind {kind} cannot be read: {cause}")]
    Row { kind: &'static str, cause: String },
    /// A row is in a form that the write cannot be made on: nothing was written, and no waiting
    /// puts that right.
    #[error("a row is not in the form that it is to be changed from: {0}")]
    Damaged(String),
}

impl Store {
    /// Builds the client; opens no connection. Rows of the audit trail are kept for that long, or
    /// for ever.
    pub fn new(
        config: &aws_types::SdkConfig,
        table: impl Into<String>,
        trail_kept_for: Option<SignedDuration>,
        random: Random,
    ) -> Self {
        let config = aws_sdk_dynamodb::config::Builder::from(config)
            .interceptor(WholeAnswers)
            .retry_classifier(WholeAnswers)
            .build();
        let client = Client::from_conf(config);
        let (plans, meters) = Default::default();
        Self { client, table: table.into(), trail_kept_for, random, plans, meters }
    }

    /// Opens a connection, for the first request to find.
    ///
    /// DynamoDB answers `GET /` to whoever wants to know whether it is there: nothing is read, and
    /// nothing paid for. What keeps it from being there, the first request tells.
    pub async fn connect(&self) {
        let once = Config::builder().retry_config(for_a_connection());
        let asked = self.client.get_item().table_name(&self.table).customize();
        let _ = asked.config_override(once).mutate_request(ask_nothing).send().await;
    }

    /// For ids, and for waits.
    pub(crate) fn rng(&self) -> Random {
        self.random.clone()
    }
}

/// How often what opens a connection is sent: once. The answer is none that was asked for, which
/// else would be the connection's fault.
pub fn for_a_connection() -> RetryConfig {
    RetryConfig::disabled().with_reconnect_mode(ReconnectMode::ReuseAllConnections)
}

/// Makes any request one that asks for nothing, `GET /`, for the connection that it opens.
pub fn ask_nothing(request: &mut HttpRequest) {
    // `GET` is a method.
    let _ = request.set_method("GET");
    *request.body_mut() = SdkBody::empty();
    for header in ["content-length", "content-type", "x-amz-target"] {
        request.headers_mut().remove(header);
    }
}

impl StoreError {
    /// A write that failed.
    fn of_write<E, R>(error: SdkError<E, R>, unanswered: &Unanswered) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let is_damage = error.code() == Some("ValidationException");
        match Self::unavailable(error) {
            Self::Unavailable(cause) | Self::Denied(cause) if unanswered.any() => {
                Self::Unknown(cause)
            }
            Self::Unavailable(cause) if is_damage => Self::Damaged(cause),
            other => other,
        }
    }

    /// What it is when the change beside or before it was made: nobody may say that it was not.
    pub fn beside_a_change(self) -> Self {
        match self {
            Self::Unavailable(cause) => Self::Unknown(cause),
            Self::Contended => Self::Unknown(self.to_string()),
            other => other,
        }
    }

    fn unavailable<E, R>(error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        match error {
            SdkError::ServiceError(answer) => Self::answered(answer.err()),
            other => Self::Unavailable(DisplayErrorContext(other).to_string()),
        }
    }

    /// An answer of the store is told by its code and words alone: a cancelled transaction carries
    /// rows, and rows are not for the log.
    fn answered(error: &impl ProvideErrorMetadata) -> Self {
        let told = told::answer(error.code(), error.message());
        let is_denied = error.code().is_some_and(is_denial);
        if is_denied { Self::Denied(told) } else { Self::Unavailable(told) }
    }
}

/// Why a change did not happen: refused by its own conditions, or not decided at all.
#[derive(Debug, thiserror::Error)]
pub enum Failure<R> {
    #[error("refused")]
    Refused(R),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<R> Failure<R> {
    /// [`StoreError::beside_a_change`] of an act of several changes.
    pub(crate) fn after_a_change(self) -> Self {
        match self {
            Self::Store(error) => Self::Store(error.beside_a_change()),
            refused @ Self::Refused(_) => refused,
        }
    }
}
