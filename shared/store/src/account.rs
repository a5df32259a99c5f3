//! Accounts: limits, counters, suspension; what operators do.

use crate::actor::ActorRefusal;
use crate::rows::{AccountRow, Item, KeyRow, MemberRow, OwnerRow, SandboxRow};
use crate::write::{Backoff, Transaction, Write};
use crate::{Failure, Store, StoreError, audit, layout};
use domain::{Account, AccountId, AccountName, EmailAddress, MemberId, Role, Sandbox};
use jiff::{SignedDuration, Timestamp};

/// The condition that every change of an account's things stands on, where the change does not
/// count anything.
pub(crate) fn not_suspended(account: &AccountId) -> Write {
    Write::check(layout::account(account)).when("suspended = :no").value(":no", false)
}

/// A change of what the account counts: it is not suspended, no operator has locked it, and its
/// version rises. In `set`, `:one` is 1.
pub(crate) fn counted(account: &AccountId, set: &str, now: Timestamp) -> Write {
    Write::update(layout::account(account), &format!("SET version = version + :one, {set}"))
        .when("suspended = :no")
        .unless_locked(now)
        .value(":no", false)
        .value(":one", 1)
}

/// What a refused change of a counter means, unless the account is gone.
pub(crate) fn refused<R: From<ActorRefusal>>(
    row: Option<Item>,
    otherwise: R,
) -> Result<R, StoreError> {
    if row.is_some() { Ok(otherwise) } else { ended(row) }
}

/// What it means to a member that the account is suspended, or gone.
pub(crate) fn ended<R: From<ActorRefusal>>(_: Option<Item>) -> Result<R, StoreError> {
    Ok(ActorRefusal::SessionEnded.into())
}

/// How long an operator's lock on an account lasts at most.
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

/// Somebody changed what a registration had read: it is decided anew.
struct Changed;

fn changed(_: Option<Item>) -> Result<Changed, StoreError> {
    Ok(Changed)
}

/// What was committed; `None` if it has to be decided anew.
fn unless_changed(
    committed: Result<(), Failure<Changed>>,
    registered: Registered,
) -> Result<Option<Registered>, Failure<RegistrationRefusal>> {
    match committed {
        Ok(()) => Ok(Some(registered)),
        Err(Failure::Refused(Changed)) => Ok(None),
        Err(Failure::Store(error)) => Err(error.into()),
    }
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
                // customer who keeps changing it must not keep an operator waiting, so from now on
                // the account is locked.
                Ok(None) => {
                    if let Some(id) = wanted.account.clone().or(owner_account) {
                        self.lock_account(&id, now).await?;
                    }
                    backoff.wait().await?;
                }
            }
        }
    }

    /// For a moment, nobody but the operator changes what the account counts. A lock that is left
    /// behind ends by itself.
    async fn lock_account(&self, account: &AccountId, now: Timestamp) -> Result<(), StoreError> {
        let lock = Write::update(layout::account(account), "SET locked_until = :until")
            .if_there()
            .value(":until", (now + LOCK_DURATION).as_millisecond());
        self.update(lock).await.map(drop)
    }

    async fn create_account(
        &self,
        wanted: &Registration,
        now: Timestamp,
    ) -> Result<Option<Registered>, Failure<RegistrationRefusal>> {
        let id = AccountId::random(&mut crate::rng());
        let address = wanted.admin_email.hash();
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
        let account_row = AccountRow::new(&account, &admin, now);
        let member = MemberRow::new(&admin, &wanted.admin_email, Role::Admin, now);
        let sandbox = SandboxRow::from(Sandbox::never_provisioned(now));
        let owner = OwnerRow::new(&id, &admin);
        let committed = Transaction::new()
            .guarded(Write::put(&layout::account(&id), &account_row).if_new(), changed)
            .guarded(Write::put(&layout::owner(&address), &owner).if_new(), changed)
            .guarded(Write::put(&layout::member(&id, &admin), &member).if_new(), changed)
            .guarded(Write::put(&layout::sandbox(&id), &sandbox).if_new(), changed)
            .with(audit::by_no_member(&id, "account_created", admin.as_str(), now))
            .commit(self)
            .await;
        unless_changed(committed, Registered { account, admin, created: true })
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
            self.query::<KeyRow>("key", layout::account_partition(id), layout::KEY_PREFIX),
        );
        let row = row?.ok_or(Failure::Refused(RegistrationRefusal::AccountNotFound))?;
        if owner.as_ref().is_some_and(|owner| owner.account_id != *id) {
            return Err(Failure::Refused(RegistrationRefusal::AlreadyRegistered));
        }
        let version = row.version;
        let before = row.into_account();
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
        let set = "SET name = :name, own_key_limit = :keys, member_limit = :members, \
                   member_count = :count, suspended = :suspended, version = version + :one \
                   REMOVE locked_until ADD admins :admin";
        let change = Write::update(layout::account(id), set)
            .when("version = :version")
            .value(":version", version)
            .value(":name", &account.name)
            .value(":keys", account.own_key_limit)
            .value(":members", account.member_limit)
            .value(":count", account.member_count)
            .value(":suspended", account.suspended)
            .value(":one", 1)
            .set_of_one(":admin", admin.as_str());
        let mut writes = Transaction::new().guarded(change, changed);
        writes = if joins {
            let member = MemberRow::new(&admin, &wanted.admin_email, Role::Admin, now);
            let owner = OwnerRow::new(id, &admin);
            writes
                .guarded(Write::put(&layout::owner(&address), &owner).if_new(), changed)
                .guarded(Write::put(&layout::member(id, &admin), &member).if_new(), changed)
        } else {
            let promoted = Write::update(layout::member(id, &admin), "SET role = :role")
                .if_there()
                .value(":role", Role::Admin);
            writes.guarded(promoted, changed)
        };
        // Each key's row says whether it is suspended, so that `authorize-key` reads that one row
        // and nothing else.
        if account.suspended != before.suspended {
            for key in keys? {
                let mark =
                    Write::update(layout::api_key(id, &key.id), "SET suspended = :suspended")
                        .if_there()
                        .value(":suspended", account.suspended);
                writes = writes.guarded(mark, changed);
            }
        }
        let action = match (before.suspended, account.suspended) {
            (false, true) => "account_suspended",
            (true, false) => "account_resumed",
            (false, false) | (true, true) => "account_changed",
        };
        let committed =
            writes.with(audit::by_no_member(id, action, admin.as_str(), now)).commit(self).await;
        unless_changed(committed, Registered { account, admin, created: false })
    }

    pub async fn find_account(&self, account: &AccountId) -> Result<Option<Account>, StoreError> {
        let row = self.get::<AccountRow>("account", layout::account(account)).await?;
        Ok(row.map(AccountRow::into_account))
    }
}
