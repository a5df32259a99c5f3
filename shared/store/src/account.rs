//! Accounts: limits, counters, suspension; what operators do.

use crate::actor::ActorRefusal;
use crate::api_key::KeyRow;
use crate::member::{MemberRow, OwnerRow};
use crate::sandbox::SandboxRow;
use crate::write::{Backoff, Cancelled, Item, Transaction, Write, from_item};
use crate::{Failure, Store, StoreError, audit, layout};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Account, AccountId, AccountName, EmailAddress, MemberId, Role, Sandbox};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccountRow {
    #[serde(rename = "type")]
    kind: String,
    id: AccountId,
    name: AccountName,
    own_keys: u32,
    own_key_limit: u32,
    has_sandbox_key: bool,
    member_count: u32,
    member_limit: u32,
    /// A set, so that one condition can tell whether somebody is the last of them.
    #[serde(serialize_with = "serde_dynamo::string_set::serialize")]
    admins: Vec<String>,
    suspended: bool,
    created_at: i64,
    /// Rises with every change of what is counted.
    version: u64,
}

impl AccountRow {
    fn new(account: &Account, admin: &MemberId, now: Timestamp) -> AccountRow {
        let Account {
            id,
            name,
            own_keys,
            own_key_limit,
            has_sandbox_key,
            member_count,
            member_limit,
            suspended,
        } = account.clone();
        AccountRow {
            kind: "account".to_owned(),
            id,
            name,
            own_keys,
            own_key_limit,
            has_sandbox_key,
            member_count,
            member_limit,
            admins: vec![admin.to_string()],
            suspended,
            created_at: now.as_millisecond(),
            version: 1,
        }
    }

    pub fn into_account(self) -> Account {
        let AccountRow {
            id,
            name,
            own_keys,
            own_key_limit,
            has_sandbox_key,
            member_count,
            member_limit,
            suspended,
            ..
        } = self;
        Account {
            id,
            name,
            own_keys,
            own_key_limit,
            has_sandbox_key,
            member_count,
            member_limit,
            suspended,
        }
    }

    /// Names the refusal of a condition on the account: a suspended account's sessions are over,
    /// else it is `otherwise`.
    pub fn refused<R: From<ActorRefusal>>(
        row: Option<Item>,
        otherwise: R,
    ) -> Result<R, StoreError> {
        let Some(row) = row else { return Ok(ActorRefusal::SessionEnded.into()) };
        let row: AccountRow = from_item("account", row)?;
        Ok(if row.suspended { ActorRefusal::SessionEnded.into() } else { otherwise })
    }
}

/// Whether the row that a refused condition shows is a suspended account's.
pub(crate) fn is_suspended(row: &Item) -> bool {
    let has = |name, value| row.get(name) == Some(&value);
    has("type", AttributeValue::S("account".to_owned()))
        && has("suspended", AttributeValue::Bool(true))
}

/// The condition that every change of an account's things stands on, where the change does not
/// count anything.
pub(crate) fn not_suspended(account: &AccountId) -> Write {
    Write::check(layout::account(account)).when("suspended = :no").value(":no", false)
}

/// How long an operator holds an account still at most.
const LOCK_DURATION: SignedDuration = SignedDuration::from_secs(10);

/// What an operator asks for. What is absent stays as it is, or has the deployment's default in a
/// new account.
#[derive(Debug, Clone)]
pub struct Registration {
    pub account: Option<AccountId>,
    pub name: AccountName,
    pub admin_email: EmailAddress,
    pub key_limit: Option<u32>,
    pub member_limit: Option<u32>,
    pub suspended: Option<bool>,
    pub default_key_limit: u32,
    pub default_member_limit: u32,
}

/// The account as it is after a registration.
#[derive(Debug, Clone)]
pub struct Registered {
    pub account: Account,
    pub admin: MemberId,
    pub created: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationRefusal {
    #[error("there is no account with this id")]
    AccountNotFound,
    #[error("the address belongs to a member of another account")]
    AlreadyRegistered,
    #[error("the account has as many members as it may")]
    MemberLimitReached,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Account,
    Rest,
}

impl Store {
    /// Creates an account with its admin, or changes one: name, limits, suspension, one more admin.
    ///
    /// Without an id, the account is the one that the admin's address belongs to, or a new one: the
    /// same call again changes nothing.
    pub async fn register(
        &self,
        wanted: &Registration,
        now: Timestamp,
    ) -> Result<Registered, Failure<RegistrationRefusal>> {
        let mut backoff = Backoff::new();
        loop {
            let owner =
                self.get::<OwnerRow>("owner", layout::owner(&wanted.admin_email.hash())).await?;
            let owner_account = owner.as_ref().map(|owner| owner.account_id.clone());
            let done = match wanted.account.clone().or(owner_account.clone()) {
                None => self.create_account(wanted, now).await,
                Some(id) => self.change_account(&id, owner, wanted, now).await,
            };
            match done {
                Ok(Some(registered)) => return Ok(registered),
                Err(failure) => return Err(failure),
                // Somebody changed the account in between: what was read is no longer so. A
                // customer who keeps changing it must not hold off an operator, so from now on the
                // account is held still.
                Ok(None) => {
                    if let Some(id) = wanted.account.clone().or(owner_account) {
                        self.lock_account(&id, now).await?;
                    }
                    backoff.wait().await?;
                }
            }
        }
    }

    /// For a moment, nobody but the operator changes what the account counts. A hold that is left
    /// behind ends by itself.
    async fn lock_account(&self, account: &AccountId, now: Timestamp) -> Result<(), StoreError> {
        let hold = Write::update(layout::account(account), "SET locked_until = :until").if_there();
        self.update(hold.value(":until", (now + LOCK_DURATION).as_millisecond())).await.map(drop)
    }

    async fn create_account(
        &self,
        wanted: &Registration,
        now: Timestamp,
    ) -> Result<Option<Registered>, Failure<RegistrationRefusal>> {
        let (id, address) = (AccountId::random(&mut crate::rng()), wanted.admin_email.hash());
        let admin = MemberId::random(&address, &mut crate::rng());
        let account = Account {
            id: id.clone(),
            name: wanted.name.clone(),
            own_keys: 0,
            own_key_limit: wanted.key_limit.unwrap_or(wanted.default_key_limit) - 1,
            has_sandbox_key: false,
            member_count: 1,
            member_limit: wanted.member_limit.unwrap_or(wanted.default_member_limit),
            suspended: wanted.suspended.unwrap_or(false),
        };
        let created = Transaction::new()
            .with(
                Part::Account,
                Write::put(&layout::account(&id), &AccountRow::new(&account, &admin, now)).if_new(),
            )
            .with(
                Part::Rest,
                Write::put(&layout::owner(&address), &OwnerRow::new(&id, &admin)).if_new(),
            )
            .with(
                Part::Rest,
                Write::put(
                    &layout::member(&id, &admin),
                    &MemberRow::new(&admin, &wanted.admin_email, Role::Admin, now),
                )
                .if_new(),
            )
            .with(
                Part::Rest,
                Write::put(
                    &layout::sandbox(&id),
                    &SandboxRow::from(Sandbox::never_provisioned(now)),
                )
                .if_new(),
            )
            .with(Part::Rest, audit::row(&id, "account_created", None, Some(admin.as_str()), now));
        match created.commit(self).await {
            Ok(()) => Ok(Some(Registered { account, admin, created: true })),
            Err(Cancelled::Refused(_)) => Ok(None),
            Err(Cancelled::Store(error)) => Err(error.into()),
        }
    }

    async fn change_account(
        &self,
        id: &AccountId,
        owner: Option<OwnerRow>,
        wanted: &Registration,
        now: Timestamp,
    ) -> Result<Option<Registered>, Failure<RegistrationRefusal>> {
        let (row, keys) = tokio::join!(
            self.get::<AccountRow>("account", layout::account(id)),
            self.query::<KeyRow>("key", layout::account_partition(id), layout::KEYS),
        );
        let row = row?.ok_or(Failure::Refused(RegistrationRefusal::AccountNotFound))?;
        if owner.as_ref().is_some_and(|owner| owner.account_id != *id) {
            return Err(Failure::Refused(RegistrationRefusal::AlreadyRegistered));
        }
        let (version, before) = (row.version, row.into_account());
        let joins = owner.is_none();
        let address = wanted.admin_email.hash();
        let admin = owner
            .map_or_else(|| MemberId::random(&address, &mut crate::rng()), |owner| owner.member_id);
        let account = Account {
            name: wanted.name.clone(),
            own_key_limit: wanted.key_limit.map_or(before.own_key_limit, |limit| limit - 1),
            member_limit: wanted.member_limit.unwrap_or(before.member_limit),
            member_count: before.member_count + u32::from(joins),
            suspended: wanted.suspended.unwrap_or(before.suspended),
            ..before.clone()
        };
        if joins && account.member_count > account.member_limit {
            return Err(Failure::Refused(RegistrationRefusal::MemberLimitReached));
        }
        let change = Write::update(
            layout::account(id),
            "SET #name = :name, own_key_limit = :keys, member_limit = :members, member_count = :count, suspended = :suspended, \
             #version = #version + :one REMOVE locked_until ADD admins :admin",
        );
        let change = change
            .when("#version = :version")
            .name("#name", "name")
            .name("#version", "version")
            .value(":version", version);
        let change = change
            .value(":name", &account.name)
            .value(":keys", account.own_key_limit)
            .value(":members", account.member_limit);
        let change = change
            .value(":count", account.member_count)
            .value(":suspended", account.suspended)
            .value(":one", 1);
        let mut changed =
            Transaction::new().with(Part::Account, change.set_of_one(":admin", admin.as_str()));
        changed = if joins {
            let member = MemberRow::new(&admin, &wanted.admin_email, Role::Admin, now);
            changed
                .with(
                    Part::Rest,
                    Write::put(&layout::owner(&address), &OwnerRow::new(id, &admin)).if_new(),
                )
                .with(Part::Rest, Write::put(&layout::member(id, &admin), &member).if_new())
        } else {
            let promoted =
                Write::update(layout::member(id, &admin), "SET #role = :role").if_there();
            changed.with(Part::Rest, promoted.name("#role", "role").value(":role", Role::Admin))
        };
        // Each key's row says whether it is suspended, so that `authorize-key` reads that one row
        // and nothing else.
        if account.suspended != before.suspended {
            for key in keys? {
                let mark =
                    Write::update(layout::api_key(id, &key.id), "SET suspended = :suspended")
                        .if_there();
                changed = changed.with(Part::Rest, mark.value(":suspended", account.suspended));
            }
        }
        let action = match (before.suspended, account.suspended) {
            (false, true) => "account_suspended",
            (true, false) => "account_resumed",
            (false, false) | (true, true) => "account_changed",
        };
        match changed
            .with(Part::Rest, audit::row(id, action, None, Some(admin.as_str()), now))
            .commit(self)
            .await
        {
            Ok(()) => Ok(Some(Registered { account, admin, created: false })),
            Err(Cancelled::Refused(_)) => Ok(None),
            Err(Cancelled::Store(error)) => Err(error.into()),
        }
    }

    pub async fn find_account(&self, account: &AccountId) -> Result<Option<Account>, StoreError> {
        let row = self.get::<AccountRow>("account", layout::account(account)).await?;
        Ok(row.map(AccountRow::into_account))
    }
}
