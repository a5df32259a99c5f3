//! The data dictionary: what every row holds. Where it lies is in `layout`.
//!
//! Times are milliseconds since 1970, `ttl` is in seconds. Every row has a `type`.

use crate::layout::RowKey;
use crate::{StoreError, told};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::key::{OldValue, reminder_due};
use domain::limits::InvalidLimits;
use domain::login::{Challenge, LoginRecord};
use domain::meter::Warning;
use domain::sandbox::SandboxKey;
use domain::session::{SessionDigest, SessionTimes, Slot};
use domain::{
    Account, AccountId, AccountName, AddressHash, ApiKey, EmailAddress, Invitation, KeyDigest,
    KeyId, KeyName, Limits, MailProblem, Member, MemberId, MemberStatus, Month, OperatorName, Plan,
    Reason, Role, Sandbox, SandboxState, Session, SessionLabel, SessionToken, kept,
};
use jiff::{SignedDuration, Timestamp};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// A row as DynamoDB has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn to_item(row: &impl Serialize) -> Item {
    serde_dynamo::to_item(row).expect("rows are structs of plain fields")
}

pub(crate) fn from_item<R: DeserializeOwned>(
    kind: &'static str,
    item: Item,
) -> Result<R, StoreError> {
    serde_dynamo::from_item(item)
        .map_err(|cause| StoreError::Row { kind, cause: told::words(&cause.to_string()) })
}

/// A time as rows have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Time(#[serde(with = "kept::required")] Timestamp);

// --- In an account's partition

/// An account's limits. Of an account that never had any, there is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PlanFields", into = "PlanFields")]
pub(crate) struct PlanRow(pub Plan);

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct PlanFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits_version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_month: Option<u64>,
}

impl TryFrom<PlanFields> for PlanRow {
    type Error = InvalidLimits;

    fn try_from(fields: PlanFields) -> Result<Self, InvalidLimits> {
        let PlanFields { limits_version, per_minute, burst, per_month } = fields;
        let limits = Limits::new(per_minute, burst, per_month)?;
        Ok(Self(Plan { version: limits_version.unwrap_or_default(), limits }))
    }
}

impl From<PlanRow> for PlanFields {
    fn from(PlanRow(plan): PlanRow) -> Self {
        let limits = plan.limits.unwrap_or_default();
        Self {
            limits_version: (plan.version > 0).then_some(plan.version),
            per_minute: limits.per_minute().map(u64::from),
            burst: limits.burst().map(u64::from),
            per_month: limits.per_month,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccountRow {
    #[serde(rename = "type")]
    kind: String,
    id: AccountId,
    pub name: AccountName,
    own_keys: u32,
    own_key_limit: u32,
    has_sandbox_key: bool,
    pub member_count: u32,
    pub member_limit: u32,
    /// Until when each invitation holds that ends by itself.
    invited: BTreeMap<MemberId, Time>,
    /// Who counts as an admin: who has logged in, and the first one from the start. A set, so that
    /// one condition can tell whether somebody is the last of them.
    #[serde(serialize_with = "serde_dynamo::string_set::serialize")]
    pub admins: Vec<String>,
    pub suspended: bool,
    created_at: i64,
    /// Rises with every change of what is counted.
    pub version: u64,
    #[serde(flatten)]
    pub plan: PlanRow,
}

impl AccountRow {
    pub fn new(account: &Account, admin: &MemberId, now: Timestamp) -> Self {
        let Account {
            id,
            name,
            own_keys,
            own_key_limit,
            has_sandbox_key,
            member_rows,
            member_limit,
            invited,
            suspended,
            plan,
        } = account.clone();
        Self {
            kind: "account".to_owned(),
            id,
            name,
            own_keys,
            own_key_limit,
            has_sandbox_key,
            member_count: member_rows,
            member_limit,
            invited: invited.into_iter().map(|(member, until)| (member, Time(until))).collect(),
            admins: vec![admin.to_string()],
            suspended,
            created_at: now.as_millisecond(),
            version: 1,
            plan: PlanRow(plan),
        }
    }

    pub fn into_account(self) -> Account {
        Account {
            id: self.id,
            name: self.name,
            own_keys: self.own_keys,
            own_key_limit: self.own_key_limit,
            has_sandbox_key: self.has_sandbox_key,
            member_rows: self.member_count,
            member_limit: self.member_limit,
            invited: self
                .invited
                .into_iter()
                .map(|(member, Time(until))| (member, until))
                .collect(),
            suspended: self.suspended,
            plan: self.plan.0,
        }
    }
}

/// Whether a row is a suspended account's.
pub(crate) fn is_suspended_account(row: &Item) -> bool {
    let has = |name, value| row.get(name) == Some(&value);
    has("type", AttributeValue::S("account".to_owned()))
        && has("suspended", AttributeValue::Bool(true))
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MemberRow {
    #[serde(rename = "type")]
    kind: String,
    id: MemberId,
    email: EmailAddress,
    role: Role,
    status: MemberStatus,
    #[serde(with = "kept::required")]
    invited_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invited_by: Option<MemberId>,
    invitation: u32,
    #[serde(default, with = "kept::optional", skip_serializing_if = "Option::is_none")]
    invited_until: Option<Timestamp>,
    /// While it ends by itself: `sweep` finds it then.
    #[serde(rename = "duty", default, skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    #[serde(default, with = "kept::optional", skip_serializing_if = "Option::is_none")]
    due_at: Option<Timestamp>,
    #[serde(default, with = "kept::optional", skip_serializing_if = "Option::is_none")]
    last_login_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mail_problem: Option<MailProblem>,
    /// Apart from the other problems, for a login ends those and not this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    complained: bool,
    /// By slot.
    sessions: HashMap<String, SessionRow>,
}

/// One session, inside its member's row. Names are short, for there may be ten of them, and every
/// call with a session pays for each KB of the row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SessionRow {
    #[serde(rename = "d")]
    digest: SessionDigest,
    #[serde(rename = "o", with = "kept::required")]
    opened_at: Timestamp,
    #[serde(rename = "u", with = "kept::required")]
    used_at: Timestamp,
    #[serde(rename = "l")]
    label: SessionLabel,
}

impl SessionRow {
    /// Where an expression finds a session in its member's row.
    pub fn at(slot: Slot) -> String {
        format!("sessions.{}", slot.name())
    }

    pub fn digest_at(slot: Slot) -> String {
        format!("{}.d", Self::at(slot))
    }

    pub fn opened_at(slot: Slot) -> String {
        format!("{}.o", Self::at(slot))
    }

    pub fn used_at(slot: Slot) -> String {
        format!("{}.u", Self::at(slot))
    }

    pub fn new(token: &SessionToken, label: SessionLabel, now: Timestamp) -> Self {
        Self { digest: token.digest(), opened_at: now, used_at: now, label }
    }

    fn times(&self) -> SessionTimes {
        SessionTimes { opened_at: self.opened_at, used_at: self.used_at }
    }

    fn to_session(&self) -> Session {
        Session { id: self.digest.id(), label: self.label, times: self.times() }
    }
}

impl MemberRow {
    /// Whoever is invited first. The invitation does not end by itself.
    pub fn new(id: &MemberId, email: &EmailAddress, role: Role, now: Timestamp) -> Self {
        Self {
            kind: "member".to_owned(),
            id: id.clone(),
            email: email.clone(),
            role,
            status: MemberStatus::Invited,
            invited_at: now,
            invited_by: None,
            invitation: 1,
            invited_until: None,
            shard: None,
            due_at: None,
            last_login_at: None,
            mail_problem: None,
            complained: false,
            sessions: HashMap::new(),
        }
    }

    pub fn invited_by(self, member: &MemberId) -> Self {
        Self { invited_by: Some(member.clone()), ..self }
    }

    /// The invitation ends then, and is in this partition of the index of duties.
    pub fn until(self, ends: Timestamp, shard: String) -> Self {
        Self { invited_until: Some(ends), due_at: Some(ends), shard: Some(shard), ..self }
    }

    /// The times of this session, if the member has it: live, or over and not yet replaced.
    pub fn session(&self, token: &SessionToken) -> Option<SessionTimes> {
        let session = self.sessions.get(&token.slot.name())?;
        (session.digest == token.digest()).then(|| session.times())
    }

    pub fn role(&self) -> Role {
        self.role
    }

    pub fn is_active(&self) -> bool {
        self.status == MemberStatus::Active
    }

    /// The sessions that are live, each with its slot.
    pub fn live_sessions(&self, now: Timestamp) -> impl Iterator<Item = (Slot, Session)> {
        let found = Slot::all().filter_map(|slot| Some((slot, self.sessions.get(&slot.name())?)));
        let live = found.filter(move |(_, session)| session.times().is_live(now));
        live.map(|(slot, session)| (slot, session.to_session()))
    }

    /// What lies in a slot, live or over.
    pub fn digest_in(&self, slot: Slot) -> Option<SessionDigest> {
        self.sessions.get(&slot.name()).map(|session| session.digest)
    }

    /// Whether it was an invitation only, and has ended.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.invited_until.is_some_and(|until| until <= now)
    }

    /// Where one more session goes: where none is live, or else where the oldest one is.
    pub fn next_slot(&self, now: Timestamp) -> Option<Slot> {
        Slot::all().min_by_key(|slot| {
            let session = self.sessions.get(&slot.name())?;
            session.times().is_live(now).then_some(session.opened_at)
        })
    }

    pub fn into_member(self) -> Member {
        Member {
            id: self.id,
            email: self.email,
            role: self.role,
            status: self.status,
            invited_at: self.invited_at,
            invited_by: self.invited_by,
            invitation: self.invitation,
            invited_until: self.invited_until,
            last_login_at: self.last_login_at,
            mail_problem: if self.complained {
                Some(MailProblem::Complained)
            } else {
                self.mail_problem
            },
        }
    }
}

/// A member's row, as far as it says what goes with the member. One that cannot be read otherwise,
/// of a role that this version does not know, goes as well. By default nobody's: no member is in no
/// role.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct StandingRow {
    pub email: Option<String>,
    pub role: String,
    pub status: String,
}

/// A member's row, as far as it says whose address it is; one that cannot be read says nothing.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum AddressedRow {
    Member { id: MemberId, email: EmailAddress },
    Unreadable(IgnoredAny),
}

impl AddressedRow {
    pub fn into_address(self) -> Option<(MemberId, EmailAddress)> {
        match self {
            Self::Member { id, email } => Some((id, email)),
            Self::Unreadable(_) => None,
        }
    }
}

/// A member's row, as far as it says whether there are sessions to end, and whose.
#[derive(Debug, Deserialize)]
pub(crate) struct SessionsRow {
    #[serde(flatten)]
    pub key: RowKey,
    pub email: Option<String>,
    #[serde(default)]
    pub sessions: HashMap<String, IgnoredAny>,
}

/// An address's row, as far as it says whether there are browsers to forget.
#[derive(Debug, Deserialize)]
pub(crate) struct BrowsersRow {
    #[serde(default)]
    pub browsers: HashMap<String, IgnoredAny>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeyRow {
    #[serde(rename = "type")]
    kind: String,
    id: KeyId,
    name: KeyName,
    start: String,
    digest: KeyDigest,
    #[serde(with = "kept::required")]
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_by: Option<MemberId>,
    #[serde(default, with = "kept::optional", skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, with = "kept::optional", skip_serializing_if = "Option::is_none")]
    rotated_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    old_digest: Option<KeyDigest>,
    #[serde(default, with = "kept::optional", skip_serializing_if = "Option::is_none")]
    old_valid_until: Option<Timestamp>,
    #[serde(default, with = "kept::optional", skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
    /// The account's suspension and limits, so that one read decides.
    pub suspended: bool,
    #[serde(flatten)]
    pub plan: PlanRow,
}

impl KeyRow {
    /// Of an account that has these limits, and is not suspended.
    pub fn new(key: &ApiKey, plan: &Plan) -> Self {
        let key = key.clone();
        let (old_digest, old_valid_until) =
            key.old.map(|old| (old.digest, old.valid_until)).unzip();
        Self {
            kind: "api_key".to_owned(),
            id: key.id,
            name: key.name,
            start: key.start,
            digest: key.digest,
            created_at: key.created_at,
            created_by: key.created_by,
            expires_at: key.expires_at,
            rotated_at: key.rotated_at,
            old_digest,
            old_valid_until,
            last_used_at: key.last_used_at,
            suspended: false,
            plan: PlanRow(*plan),
        }
    }

    pub fn into_key(self) -> ApiKey {
        let old = self.old_digest.zip(self.old_valid_until);
        ApiKey {
            id: self.id,
            name: self.name,
            start: self.start,
            digest: self.digest,
            created_at: self.created_at,
            created_by: self.created_by,
            expires_at: self.expires_at,
            rotated_at: self.rotated_at,
            old: old.map(|(digest, valid_until)| OldValue { digest, valid_until }),
            last_used_at: self.last_used_at,
        }
    }
}

/// A row, as far as it says what people call it that it is of.
#[derive(Debug, Deserialize)]
pub(crate) struct NamedRow {
    pub name: String,
}

/// What a request with an `Idempotency-Key` asked for, and the key that it made or rotated.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct IdempotencyRow {
    #[serde(flatten)]
    pub asked: Asked,
    pub key_id: KeyId,
    pub nonce: String,
    #[serde(with = "kept::required")]
    created_at: Timestamp,
    ttl: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub(crate) enum Asked {
    #[serde(rename = "idempotency")]
    Creation {
        name: KeyName,
        #[serde(default, with = "kept::optional", skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
    #[serde(rename = "rotation")]
    Rotation { keep_old_seconds: i64 },
}

impl IdempotencyRow {
    pub fn new(
        asked: &Asked,
        key: &KeyId,
        nonce: &str,
        now: Timestamp,
        window: SignedDuration,
    ) -> Self {
        Self {
            asked: asked.clone(),
            key_id: key.clone(),
            nonce: nonce.to_owned(),
            created_at: now,
            ttl: (now + window).as_second(),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SandboxRow {
    #[serde(rename = "type")]
    kind: String,
    state: SandboxState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// Sealed. Its fields have names so that a condition can look inside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sandbox_key: Option<SandboxKey>,
    #[serde(default, with = "kept::optional", skip_serializing_if = "Option::is_none")]
    validated_at: Option<Timestamp>,
    #[serde(with = "kept::required")]
    since: Timestamp,
}

impl From<Sandbox> for SandboxRow {
    fn from(sandbox: Sandbox) -> Self {
        let Sandbox { state, reason, key, validated_at, since } = sandbox;
        Self { kind: "sandbox".to_owned(), state, reason, sandbox_key: key, validated_at, since }
    }
}

impl SandboxRow {
    pub fn into_sandbox(self) -> Sandbox {
        Sandbox {
            state: self.state,
            reason: self.reason,
            key: self.sandbox_key,
            validated_at: self.validated_at,
            since: self.since,
        }
    }
}

// --- In its audit trail

/// One change. What was and what is, where it is told, are beside these: `was` and `is`.
#[derive(Debug, Serialize)]
pub(crate) struct AuditRow<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    /// The id of what it was done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<&'a str>,
    /// What people called that at the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<&'a str>,
    #[serde(with = "kept::required")]
    pub at: Timestamp,
    /// Whether an operator did it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    operator: bool,
    /// Which one, as the caller said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a OperatorName>,
}

impl<'a> AuditRow<'a> {
    pub fn new(
        action: &'static str,
        actor: Option<&'a str>,
        target: Option<&'a str>,
        now: Timestamp,
    ) -> Self {
        let (kind, label, by) = ("audit", None, None);
        Self { kind, action, actor, target, label, at: now, operator: false, by }
    }

    pub fn by_operator(self, by: Option<&'a OperatorName>) -> Self {
        Self { operator: true, by, ..self }
    }
}

/// What a row of the trail tells when it is read.
#[derive(Debug, Deserialize)]
pub(crate) struct EventRow {
    #[serde(flatten)]
    pub key: RowKey,
    pub action: String,
    #[serde(default)]
    pub actor: Option<MemberId>,
    #[serde(default)]
    pub target: Option<String>,
    #[serde(default)]
    pub label: Option<String>,
    #[serde(with = "kept::required")]
    pub at: Timestamp,
    #[serde(default)]
    pub operator: bool,
    #[serde(default)]
    pub by: Option<String>,
    #[serde(default)]
    pub ttl: Option<i64>,
    #[serde(default)]
    pub was: BTreeMap<String, Field>,
    #[serde(default)]
    pub is: BTreeMap<String, Field>,
}

/// A field that an act changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Field {
    Flag(bool),
    Number(i64),
    Text(String),
}

/// Which address a member of the account has, or had.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AuditMemberRow {
    #[serde(rename = "type")]
    kind: String,
    pub email: EmailAddress,
}

impl AuditMemberRow {
    pub fn new(email: &EmailAddress) -> Self {
        Self { kind: "audit_member".to_owned(), email: email.clone() }
    }
}

// --- In an address's partition

/// Which member an address belongs to; it lies where a login finds it by the address alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OwnerRow {
    #[serde(rename = "type")]
    kind: String,
    pub account_id: AccountId,
    pub member_id: MemberId,
    /// As the member's row has it; a login puts it into the trail.
    pub email: EmailAddress,
    /// How many logins this membership has seen; it chooses the slot of the next session.
    pub logins: u64,
    /// Until when the membership holds the address, as long as nobody has logged in.
    #[serde(default, with = "kept::optional", skip_serializing_if = "Option::is_none")]
    pub invited_until: Option<Timestamp>,
    /// As what, as long as nobody has logged in: the first login makes an admin count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_as: Option<Role>,
}

impl OwnerRow {
    pub fn new(account: &AccountId, member: &MemberId, email: &EmailAddress, role: Role) -> Self {
        Self {
            kind: "owner".to_owned(),
            account_id: account.clone(),
            member_id: member.clone(),
            email: email.clone(),
            logins: 0,
            invited_until: None,
            invited_as: Some(role),
        }
    }

    pub fn until(self, ends: Timestamp) -> Self {
        Self { invited_until: Some(ends), ..self }
    }

    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.invited_until.is_some_and(|until| until <= now)
    }
}

/// Requests for codes, known browsers, and the invitation whose link is good.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LoginRow {
    #[serde(rename = "type")]
    kind: String,
    /// Only of a row that has nothing in it but requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// Of another: requests, which name networks, are forgotten after a day, by `sweep`.
    #[serde(rename = "duty", default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<i64>,
    #[serde(flatten)]
    pub record: LoginRecord,
}

impl LoginRow {
    pub fn new(record: LoginRecord, shard: String, now: Timestamp) -> Self {
        let (ttl, due_at) = if record.is_somebodys() {
            (None, record.first_ends_at().map(|at| at.as_millisecond()))
        } else {
            (Some((now + ASKS_KEPT_FOR).as_second()), None)
        };
        Self { kind: LOGIN_ROW.to_owned(), ttl, shard: due_at.map(|_| shard), due_at, record }
    }
}

pub(crate) const LOGIN_ROW: &str = "login";

/// How long a row is kept that has nothing in it but what somebody asked for within a day.
pub(crate) const ASKS_KEPT_FOR: SignedDuration = SignedDuration::from_hours(25);

// --- In either: the outbox

/// A row whose stream record makes a side effect happen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutboxRow {
    #[serde(flatten)]
    pub duty: DutyKind,
    status: OutboxStatus,
    #[serde(with = "kept::required")]
    pub at: Timestamp,
    /// How often it was redelivered.
    pub redeliveries: u32,
    #[serde(rename = "duty", default, skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<i64>,
    ttl: i64,
}

/// After so many redeliveries (about a day and a half) a duty is given up, visibly.
pub(crate) const MAX_REDELIVERIES: u32 = 9;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutboxStatus {
    /// Its time has not come: the stream's filters let nobody see it.
    Scheduled,
    Pending,
    Done,
    Failed,
}

/// What a row asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DutyKind {
    /// A member logged in: the Sandbox is to be provisioned, or looked after.
    LoginEvent {
        account_id: AccountId,
        member_id: MemberId,
    },
    /// Somebody asked for the whole provisioning again.
    ProvisionRequest {
        account_id: AccountId,
        member_id: MemberId,
    },
    Mail(MailRow),
    /// The owner of the address is to hear of this. Who that is, and whether there is anybody, is
    /// looked up when it is mailed.
    LoginNotice {
        address: AddressHash,
        #[serde(flatten)]
        notice: LoginNotice,
    },
    /// The admins of an account are to be reminded that a key ends.
    KeyExpiring(KeyExpiring),
    /// They are to hear how much of a month's calls is used.
    UsageWarning(UsageWarning),
}

/// A key that ends by itself, its next reminder, and who has had which.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyExpiring {
    pub account_id: AccountId,
    pub key_id: KeyId,
    #[serde(with = "kept::required")]
    pub expires_at: Timestamp,
    #[serde(with = "kept::required")]
    pub remind_at: Timestamp,
    /// The last reminder that each admin has had.
    told: BTreeMap<MemberId, Time>,
}

impl KeyExpiring {
    pub(crate) fn new(
        account: &AccountId,
        key: &KeyId,
        expires_at: Timestamp,
        remind_at: Timestamp,
    ) -> Self {
        Self {
            account_id: account.clone(),
            key_id: key.clone(),
            expires_at,
            remind_at,
            told: BTreeMap::new(),
        }
    }

    /// The reminder that is due: what somebody found due is, and of two the later one.
    pub fn due(&self, now: Timestamp) -> Timestamp {
        reminder_due(self.expires_at, now).unwrap_or(self.remind_at).max(self.remind_at)
    }

    pub fn has_told(&self, member: &MemberId, reminder: Timestamp) -> bool {
        self.told.get(member).is_some_and(|Time(told)| *told >= reminder)
    }
}

/// How much of a month's calls is used, and who has heard of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UsageWarning {
    pub account_id: AccountId,
    pub month: Month,
    pub percent: u8,
    pub per_month: u64,
    told: BTreeMap<MemberId, Time>,
}

impl UsageWarning {
    pub(crate) fn new(account: &AccountId, warning: &Warning) -> Self {
        let Warning { month, percent, per_month } = *warning;
        Self { account_id: account.clone(), month, percent, per_month, told: BTreeMap::new() }
    }

    pub fn has_told(&self, member: &MemberId) -> bool {
        self.told.contains_key(member)
    }
}

/// What the owner of an address hears of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginNotice {
    pub reason: NoticeReason,
    #[serde(with = "kept::required")]
    pub happened_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeReason {
    /// Many wrong guesses at codes, within a day.
    WrongGuesses,
    /// A login from a browser, or a program, that was not known.
    NewBrowser,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MailRow {
    pub to: EmailAddress,
    #[serde(flatten)]
    pub mail: MailKind,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "mail", rename_all = "snake_case")]
pub enum MailKind {
    /// What the code is derived from; the code itself is nowhere.
    LoginCode {
        challenge_id: String,
        keyring_version: String,
        #[serde(with = "kept::required")]
        expires_at: Timestamp,
    },
    Invitation {
        account_id: AccountId,
        member_id: MemberId,
        number: u32,
    },
}

impl MailRow {
    pub(crate) fn login_code(to: &EmailAddress, challenge: &Challenge) -> Self {
        let mail = MailKind::LoginCode {
            challenge_id: challenge.id.clone(),
            keyring_version: challenge.keyring_version.clone(),
            expires_at: challenge.expires_at,
        };
        Self { to: to.clone(), mail }
    }

    pub(crate) fn invitation(to: &EmailAddress, invitation: &Invitation) -> Self {
        let Invitation { account, member, number } = invitation.clone();
        let mail = MailKind::Invitation { account_id: account, member_id: member, number };
        Self { to: to.clone(), mail }
    }
}

impl OutboxRow {
    pub(crate) fn new(duty: DutyKind, now: Timestamp, ends: Timestamp) -> Self {
        Self {
            duty,
            status: OutboxStatus::Pending,
            at: now,
            redeliveries: 0,
            shard: None,
            due_at: None,
            ttl: ends.as_second(),
        }
    }

    /// To be begun then, and not before.
    pub(crate) fn scheduled(self, shard: String, at: Timestamp) -> Self {
        Self { status: OutboxStatus::Scheduled, ..self.due(shard, at) }
    }

    /// Made a duty: in this partition of the index until it is settled, and overdue from then on.
    pub(crate) fn due(self, shard: String, at: Timestamp) -> Self {
        Self { shard: Some(shard), due_at: Some(at.as_millisecond()), ..self }
    }

    pub fn is_pending(&self) -> bool {
        self.status == OutboxStatus::Pending
    }

    /// Whether all that is left of it is to put on record that it was given up.
    pub fn is_given_up(&self) -> bool {
        self.redeliveries > MAX_REDELIVERIES
    }

    /// Whether it is still owed, and due as it was when the index was asked.
    pub(crate) fn is_still_due(&self, due_at: i64) -> bool {
        self.is_pending() && self.due_at == Some(due_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    fn account() -> AccountId {
        "acct_0123456789ab".parse().unwrap()
    }

    fn email() -> EmailAddress {
        "ada@example.com".parse().unwrap()
    }

    fn member() -> MemberId {
        MemberId::random(&email().hash(), &mut Random::seeded(1))
    }

    #[test]
    fn an_invitation_ends_with_its_millisecond_in_each_of_its_rows() {
        let row = MemberRow::new(&member(), &email(), Role::Member, at(0));
        assert!(!row.has_ended(Timestamp::MAX) && !row.is_active());
        let row = row.invited_by(&member()).until(at(1000), "duty#3".to_owned());
        assert_eq!([999, 1000, 1001].map(|now| row.has_ended(at(now))), [false, true, true]);
        let item = to_item(&row);
        let number = |millisecond: &str| Some(AttributeValue::N(millisecond.to_owned()));
        assert_eq!(item.get("invited_until").cloned(), number("1000"));
        assert_eq!(item.get("due_at").cloned(), number("1000"));
        assert_eq!(item.get("duty"), Some(&AttributeValue::S("duty#3".to_owned())));
        assert_eq!(row.clone().into_member().invited_by, Some(member()));
        assert!(MemberRow { status: MemberStatus::Active, ..row }.is_active());

        let owner = OwnerRow::new(&account(), &member(), &email(), Role::Admin);
        assert!(!owner.has_ended(Timestamp::MAX));
        let owner = owner.until(at(1000));
        assert_eq!([999, 1000, 1001].map(|now| owner.has_ended(at(now))), [false, true, true]);
        assert_eq!(owner.invited_as, Some(Role::Admin));
    }

    #[test]
    fn a_session_is_found_by_its_own_token() {
        let mut rng = Random::seeded(2);
        let [token, other, elsewhere] = [3, 3, 4].map(|login| {
            SessionToken::mint(&account(), &member(), Slot::of_login(login), &mut rng)
        });
        let mut row = MemberRow::new(&member(), &email(), Role::Member, at(0));
        assert_eq!(row.session(&token), None);
        let session = SessionRow::new(&token, SessionLabel::of(None), at(5));
        row.sessions.insert(token.slot.name(), session);
        assert_eq!(row.session(&token), Some(SessionTimes { opened_at: at(5), used_at: at(5) }));
        assert_eq!(row.session(&other), None);
        assert_eq!(row.session(&elsewhere), None);
    }

    #[test]
    fn a_suspended_account_is_one_and_says_so() {
        let row = |kind: &str, suspended| {
            let kind = ("type".to_owned(), AttributeValue::S(kind.to_owned()));
            Item::from([kind, ("suspended".to_owned(), AttributeValue::Bool(suspended))])
        };
        assert!(is_suspended_account(&row("account", true)));
        for other in [row("account", false), row("key", true), row("key", false), Item::new()] {
            assert!(!is_suspended_account(&other), "{other:?}");
        }
    }

    #[test]
    fn a_member_is_told_of_each_reminder_once() {
        let key: KeyId = "key_k00000000".parse().unwrap();
        let mut expiring = KeyExpiring::new(&account(), &key, at(9000), at(1000));
        assert!(!expiring.has_told(&member(), at(1000)));
        expiring.told.insert(member(), Time(at(1000)));
        assert_eq!(
            [999, 1000, 1001].map(|reminder| expiring.has_told(&member(), at(reminder))),
            [true, true, false]
        );
    }

    #[test]
    fn a_row_is_due_as_long_as_it_is_pending_and_due_as_then() {
        let duty = DutyKind::LoginEvent { account_id: account(), member_id: member() };
        let row = OutboxRow::new(duty, at(0), at(86_400_000));
        assert_eq!((row.is_pending(), row.due_at, row.ttl), (true, None, 86_400));
        let due = row.clone().due("duty#1".to_owned(), at(500));
        assert_eq!((due.shard.as_deref(), due.due_at), (Some("duty#1"), Some(500)));
        assert!(due.is_still_due(500) && !due.is_still_due(501) && !row.is_still_due(500));
        let scheduled = row.scheduled("remind#1".to_owned(), at(500));
        assert_eq!((scheduled.shard.as_deref(), scheduled.due_at), (Some("remind#1"), Some(500)));
        assert!(!scheduled.is_pending() && !scheduled.is_still_due(500));
    }
}
