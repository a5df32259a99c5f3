//! Accounts: limits, counters, suspension; how one is made.

use crate::actor::ActorRefusal;
use crate::rows::{AccountRow, Item, MemberRow, OwnerRow, SandboxRow, from_item};
use crate::write::{Backoff, Obstacle, Transaction, Write};
use crate::{Failure, Store, StoreError, address, audit, layout};
use domain::{
    Account, AccountId, AccountName, EmailAddress, Invitation, Limits, Member, MemberId,
    MemberStatus, OperatorName, Plan, Role, Sandbox,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The condition that every change of an account's things stands on, where the change does not
/// count anything.
pub(crate) fn not_suspended(account: &AccountId) -> Write {
    Write::check(layout::account(account)).when("suspended = :no").value(":no", false)
}

/// A change of the account's row, which is there. Its version rises, which a suspension stands on
/// when it marks the keys. `more` goes on behind that; in it, `:one` is 1.
pub(crate) fn changed(account: &AccountId, more: &str) -> Write {
    Write::update(layout::account(account), &format!("SET version = version + :one{more}"))
        .if_there()
        .value(":one", 1)
}

/// A member's invitation is one no more, of an account that is not suspended. Whoever is an admin
/// counts as one from then on.
pub(crate) fn accepted(account: &AccountId, member: &MemberId, role: Role) -> Write {
    let accepted = match role {
        Role::Member => changed(account, " REMOVE invited.#member"),
        Role::Admin => changed(account, " REMOVE invited.#member ADD admins :admin")
            .set_of(":admin", [member.to_string()]),
    };
    of_customer(accepted).name("#member", member.as_str())
}

/// One member less, and the invitation, if it was one.
pub(crate) fn member_less(account: &AccountId, member: &MemberId) -> Write {
    changed(account, ", member_count = member_count - :one REMOVE invited.#gone")
        .name("#gone", member.as_str())
}

/// One member less, who may be an admin, but not the last one.
pub(crate) fn admin_less(account: &AccountId, member: &MemberId) -> Write {
    let less = ", member_count = member_count - :one DELETE admins :gone REMOVE invited.#gone";
    unless_last(changed(account, less), member).name("#gone", member.as_str())
}

/// One admin more among the members.
pub(crate) fn admin_more(account: &AccountId, member: &MemberId) -> Write {
    changed(account, " ADD admins :admin").set_of(":admin", [member.to_string()])
}

/// One admin less among the members, but not the last one.
pub(crate) fn admin_no_more(account: &AccountId, member: &MemberId) -> Write {
    unless_last(changed(account, " DELETE admins :gone"), member)
}

/// On condition that `:gone`, who counts as an admin no more, is not the last who does.
fn unless_last(changed: Write, gone: &MemberId) -> Write {
    changed
        .and("(NOT contains(admins, :id) OR size(admins) > :one)")
        .value(":id", gone)
        .set_of(":gone", [gone.to_string()])
}

/// A customer's change of what the account counts, which is not suspended.
pub(crate) fn counted(account: &AccountId, set: &str) -> Write {
    of_customer(changed(account, &format!(", {set}")))
}

/// The same of any change of its row.
pub(crate) fn of_customer(changed: Write) -> Write {
    changed.and("suspended = :no").value(":no", false)
}

/// One more condition on the account's row, which never holds: for a request that is refused by
/// itself, once it is known who asks.
pub(crate) fn never(of_account: Write) -> Write {
    of_account.and("attribute_not_exists(pk)")
}

/// What a refused change of a counter means, unless the account is gone.
pub(crate) fn refused<R: From<ActorRefusal>>(
    row: Option<Item>,
    otherwise: R,
) -> Result<R, StoreError> {
    if row.is_some() { Ok(otherwise) } else { ended(row) }
}

/// What it means to a member that the account is gone. That it is suspended is told before.
pub(crate) fn ended<R: From<ActorRefusal>>(_: Option<Item>) -> Result<R, StoreError> {
    Ok(ActorRefusal::SessionEnded.into())
}

/// A new account, as an operator asks for it.
#[derive(Debug, Clone)]
pub struct Registration {
    pub name: AccountName,
    pub admin_email: EmailAddress,
    pub key_limit: u32,
    pub member_limit: u32,
    pub limits: Option<Limits>,
    pub by: Option<OperatorName>,
}

/// An account that was made, with its admin.
#[derive(Debug, Clone)]
pub struct Registered {
    pub account: Account,
    pub admin: Member,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationRefusal {
    #[error("the address belongs to a member of another account")]
    AlreadyRegistered(AccountId),
}

/// What a refused registration comes to: a refusal, or whoever has the address now.
type Against = Obstacle<RegistrationRefusal, Option<OwnerRow>>;

impl Store {
    /// Makes an account with its admin. Whoever was invited with the address elsewhere, and has
    /// never logged in, gives way.
    pub async fn register(
        &self,
        wanted: &Registration,
        now: Timestamp,
    ) -> Result<Registered, Failure<RegistrationRefusal>> {
        let mut backoff = Backoff::new(self);
        let mut holder = None;
        loop {
            match self.create_account(wanted, holder.as_ref(), now).await {
                Ok(registered) => return Ok(registered),
                Err(failure) => holder = failure.found()?,
            }
            backoff.wait().await?;
        }
    }

    async fn create_account(
        &self,
        wanted: &Registration,
        holder: Option<&OwnerRow>,
        now: Timestamp,
    ) -> Result<Registered, Failure<Against>> {
        let id = AccountId::random(&mut self.rng());
        let address = wanted.admin_email.hash();
        let admin = MemberId::random(&address, &mut self.rng());
        let account = Account {
            id: id.clone(),
            name: wanted.name.clone(),
            own_keys: 0,
            own_key_limit: wanted.key_limit - 1,
            has_sandbox_key: false,
            member_rows: 1,
            member_limit: wanted.member_limit,
            invited: BTreeMap::new(),
            suspended: false,
            plan: Plan { version: wanted.limits.is_some().into(), limits: wanted.limits },
        };
        let invitation = Invitation { account: id.clone(), member: admin.clone(), number: 1 };
        let by = wanted.by.as_ref();
        let account_row = AccountRow::new(&account, &admin, now);
        let member = MemberRow::new(&admin, &wanted.admin_email, Role::Admin, now);
        let sandbox = SandboxRow::from(Sandbox::never_provisioned(now));
        let owner = OwnerRow::new(&id, &admin, &wanted.admin_email, Role::Admin);
        let owner = Write::put(&layout::owner(&address), &owner);
        let owner = match holder {
            None => owner.if_new(),
            Some(holder) => owner.when("member_id = :holder").value(":holder", &holder.member_id),
        };
        let created = Transaction::new().guarded(owner, |row| {
            Ok(Obstacle::Found(row.map(|row| from_item("owner", row)).transpose()?))
        });
        let created = match holder {
            None => created,
            Some(holder) => giving_way(created, holder, wanted, now),
        };
        created
            // An id that is drawn twice is drawn anew by the next call.
            .guarded(Write::put(&layout::account(&id), &account_row).if_new(), |_| {
                Err(StoreError::Contended)
            })
            .with(Write::put(&layout::member(&id, &admin), &member))
            .with(Write::put(&layout::sandbox(&id), &sandbox))
            .with(address::invited(&address, &invitation, now, &mut self.rng()))
            .with(audit::member(&id, &admin, &wanted.admin_email, now))
            .with(
                audit::by_operator(&id, "account_created", Some(id.as_str()), by, now)
                    .labelled(wanted.name.as_str())
                    .changed("admin", None::<&str>, &wanted.admin_email)
                    .changed("name", None::<&str>, &wanted.name)
                    .changed("key_limit", None::<u32>, wanted.key_limit)
                    .changed("member_limit", None::<u32>, wanted.member_limit),
            )
            .commit(self)
            .await?;
        Ok(Registered { account, admin: member.into_member() })
    }

    pub async fn find_account(&self, account: &AccountId) -> Result<Option<Account>, StoreError> {
        let row = self.get::<AccountRow>("account", layout::account(account)).await?;
        Ok(row.map(AccountRow::into_account))
    }
}

/// Ends an invitation elsewhere that nobody has accepted. Who counts as an admin there from the
/// start stays, so that no account is left without one.
fn giving_way<'a>(
    transaction: Transaction<'a, Against>,
    holder: &OwnerRow,
    wanted: &Registration,
    now: Timestamp,
) -> Transaction<'a, Against> {
    let OwnerRow { account_id: account, member_id: member, .. } = holder;
    let role = holder.invited_as.unwrap_or(Role::Member);
    let one_less =
        member_less(account, member).and("NOT contains(admins, :id)").value(":id", member);
    let invited = Write::delete(layout::member(account, member))
        .when("status <> :active AND role = :role")
        .value(":active", MemberStatus::Active)
        .value(":role", role);
    let [admin, accepted] = [(); 2]
        .map(|()| Obstacle::Refused(RegistrationRefusal::AlreadyRegistered(account.clone())));
    transaction
        .guarded(one_less, |_| Ok(admin))
        .guarded(invited, |row| {
            let row: Option<MemberRow> = row.map(|row| from_item("member", row)).transpose()?;
            Ok(row.filter(MemberRow::is_active).map_or(Obstacle::Found(None), |_| accepted))
        })
        .with(
            audit::by_operator(
                account,
                "invitation_ended",
                Some(member.as_str()),
                wanted.by.as_ref(),
                now,
            )
            .labelled(wanted.admin_email.as_str())
            .changed("role", role, None::<Role>),
        )
}
