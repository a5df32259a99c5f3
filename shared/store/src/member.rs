//! Members: who they are, what their mail comes to, and how they are removed.

use crate::actor::{self, ActorRefusal, Admin, Caller};
use crate::audit::Entry;
use crate::rows::{AccountRow, Item, MemberRow, StandingRow, from_item};
use crate::write::{Backoff, Obstacle, Transaction, Write};
use crate::{Failure, Store, StoreError, account, address, audit, layout};
use domain::member::in_listing_order;
use domain::{
    Account, AccountId, MailProblem, Member, MemberId, MemberStatus, Recipient, Role, SessionToken,
};
use jiff::Timestamp;
use serde::Serialize;

/// Why nobody was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevokeRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error("the account has no such member")]
    NotFound,
    #[error("an account keeps at least one admin")]
    LastAdmin,
}

/// Why a member did not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeaveRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error("an account keeps at least one admin")]
    LastAdmin,
}

/// Why a role was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRoleRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error("the account has no such member")]
    NotFound,
    #[error("an account keeps at least one admin")]
    LastAdmin,
}

impl Store {
    /// All members of the admin's account but those whose invitation has ended, with the admin as
    /// caller.
    pub async fn find_members(
        &self,
        actor: &Admin,
        now: Timestamp,
    ) -> Result<(Caller, Vec<Member>), Failure<ActorRefusal>> {
        let partition = layout::account_partition(&actor.session.account);
        let (caller, rows) = tokio::join!(
            self.find_admin(actor, now),
            self.query::<MemberRow>("member", partition, layout::MEMBER_PREFIX)
        );
        let caller = caller?;
        let mut members: Vec<Member> = rows?
            .into_iter()
            .map(MemberRow::into_member)
            .filter(|member| !member.has_ended(now))
            .collect();
        in_listing_order(&mut members);
        Ok((caller, members))
    }

    /// An account, with its admins.
    pub async fn find_account_and_admins(
        &self,
        account: &AccountId,
    ) -> Result<Option<(Account, Vec<Member>)>, StoreError> {
        let row = self.get::<AccountRow>("account", layout::account(account)).await?;
        let Some(row) = row else { return Ok(None) };
        let mut admins = Vec::new();
        for id in row.admins.iter().filter_map(|id| id.parse().ok()) {
            admins.extend(self.find_member(account, &id).await?);
        }
        admins.retain(|member| member.role == Role::Admin);
        Ok(Some((row.into_account(), admins)))
    }

    pub async fn find_member(
        &self,
        account: &AccountId,
        member: &MemberId,
    ) -> Result<Option<Member>, StoreError> {
        let row = self.get::<MemberRow>("member", layout::member(account, member)).await?;
        Ok(row.map(MemberRow::into_member))
    }

    /// Puts on record that a mail came back, unless the member has been invited anew or was there
    /// since; whether it was.
    pub async fn note_bounce(&self, to: &Recipient) -> Result<bool, StoreError> {
        let noted =
            noted(to, "SET mail_problem = :bounced").value(":bounced", MailProblem::Bounced);
        self.update_blindly(match to.last_login_at {
            None => noted.and("attribute_not_exists(last_login_at)"),
            Some(at) => noted.and("last_login_at = :login").value(":login", at.as_millisecond()),
        })
        .await
    }

    /// Puts on record that somebody called a mail unwanted, unless the member has been invited anew
    /// since; whether it was. That they log in does not say that they want the next one.
    pub async fn note_complaint(&self, to: &Recipient) -> Result<bool, StoreError> {
        self.update_blindly(noted(to, "SET complained = :yes").value(":yes", true)).await
    }

    /// Removes a member with all its sessions and frees the address; the counter and the last admin
    /// are minded in the same write. The member is read for the trail; the write alone decides, on
    /// condition that it is still as it was read.
    pub async fn delete_member(
        &self,
        actor: &Admin,
        member: &MemberId,
        now: Timestamp,
    ) -> Result<(), Failure<RevokeRefusal>> {
        let mut backoff = Backoff::new(self);
        loop {
            let row = layout::member(&actor.session.account, member);
            let was = self.get::<StandingRow>("member", row).await?.unwrap_or_default();
            match revoking(actor, member, &was, now).commit(self).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure.found()?,
            }
            backoff.wait().await?;
        }
    }

    /// Removes the member whose session it is, as [`Store::delete_member`] does. It is read for the
    /// trail; the write alone decides, on condition that it is still as it was read.
    pub async fn leave(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<(), Failure<LeaveRefusal>> {
        let mut backoff = Backoff::new(self);
        loop {
            let was = self.find_member(&token.account, &token.member).await?;
            match leaving(token, was.as_ref(), now).commit(self).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure.found()?,
            }
            backoff.wait().await?;
        }
    }

    /// Gives a member another role, with which its sessions go on. The member is read for the
    /// answer and the trail; the write alone decides, on condition that it is still as it was read.
    pub async fn change_role(
        &self,
        actor: &Admin,
        member: &MemberId,
        role: Role,
        now: Timestamp,
    ) -> Result<Member, Failure<ChangeRoleRefusal>> {
        let mut backoff = Backoff::new(self);
        loop {
            let was = self.find_member(&actor.session.account, member).await?;
            match role_changing(actor, member, was.as_ref(), role, now).commit(self).await {
                Ok(()) => {
                    let was = was.ok_or(Failure::Refused(ChangeRoleRefusal::NotFound))?;
                    return Ok(Member { role, ..was });
                }
                Err(failure) => failure.found()?,
            }
            backoff.wait().await?;
        }
    }
}

/// The end of a membership, by an admin, of a member who is as it was read.
fn revoking<'a>(
    actor: &'a Admin,
    member: &'a MemberId,
    was: &StandingRow,
    now: Timestamp,
) -> Transaction<'a, Obstacle<RevokeRefusal, ()>> {
    let account = &actor.session.account;
    let not_found = || Obstacle::Refused(RevokeRefusal::NotFound);
    let last = Obstacle::Refused(RevokeRefusal::LastAdmin);
    let revoked = audit::by_member(&actor.session, "member_revoked", Some(member.as_str()), now)
        .some_label(was.email.as_deref());
    let (revoking, revoked): (_, Write) = if *member == actor.session.member {
        // Whatever was read: nobody but an admin with a session gets that far.
        let revoked = ended(revoked, Role::Admin, MemberStatus::Active);
        (actor::own_end_transaction(actor, now), revoked.into())
    } else {
        let deleted = deleted(account, member, was);
        let revoking = actor::transaction(actor, now)
            .guarded(deleted, move |row| Ok(row.map_or_else(not_found, |_| Obstacle::Found(()))));
        (revoking, ended(revoked, &was.role, &was.status).into())
    };
    let one_less = account::of_customer(account::admin_less(account, member));
    let revoking = revoking.guarded(one_less, |row| account::refused(row, last));
    address::released(revoking, member, now, move |_| Ok(not_found())).with(revoked)
}

/// The end of a member's row, as it was read.
pub(crate) fn deleted(account: &AccountId, member: &MemberId, was: &StandingRow) -> Write {
    Write::delete(layout::member(account, member))
        .when("role = :role AND status = :status")
        .value(":role", &was.role)
        .value(":status", &was.status)
}

/// What the trail says of a membership that somebody else has ended.
pub(crate) fn ended<'a>(
    revoked: Entry<'a>,
    role: impl Serialize,
    status: impl Serialize,
) -> Entry<'a> {
    revoked.changed("role", role, None::<Role>).changed("status", status, None::<MemberStatus>)
}

/// The end of a membership, by the member who is as it was read.
fn leaving<'a>(
    token: &'a SessionToken,
    read: Option<&'a Member>,
    now: Timestamp,
) -> Transaction<'a, Obstacle<LeaveRefusal, ()>> {
    let role = read.map_or(Role::Member, |member| member.role);
    let one_less = account::of_customer(account::admin_less(&token.account, &token.member));
    let last = Obstacle::Refused(LeaveRefusal::LastAdmin);
    let leaving = actor::leaving_transaction(token, role, || Obstacle::Found(()), now)
        .guarded(one_less, |row| account::refused(row, last));
    let left = audit::by_member(token, "member_left", Some(token.member.as_str()), now)
        .some_label(read.map(|member| member.email.as_str()))
        .changed("role", role, None::<Role>);
    address::released(leaving, &token.member, now, |_| Ok(Obstacle::Found(()))).with(left)
}

/// Another role of a member who is as it was read; of one who is not there, nothing is written.
fn role_changing<'a>(
    actor: &'a Admin,
    member: &'a MemberId,
    read: Option<&'a Member>,
    role: Role,
    now: Timestamp,
) -> Transaction<'a, Obstacle<ChangeRoleRefusal, ()>> {
    let account = &actor.session.account;
    let was = read.map_or(role, |member| member.role);
    let is_active = read.is_none_or(Member::is_active);
    let is_own = *member == actor.session.member;
    if is_own && was == Role::Member {
        // Refused, unless somebody has made it an admin since: then it is read anew.
        let never = account::never(account::not_suspended(account));
        return actor::transaction(actor, now)
            .guarded(never, |row| account::refused(row, Obstacle::Found(())));
    }
    let changing = if is_own {
        actor::own_role_transaction(actor, role, now)
    } else {
        let changed = role_changed(account, member, (was, role), is_active, "", now);
        actor::transaction(actor, now).guarded(changed, move |row| unchanged(row, now))
    };
    let counted = match (was, role) {
        (Role::Admin, Role::Member) => {
            account::of_customer(account::admin_no_more(account, member))
        }
        // Who is invited counts from the first login on.
        (Role::Member, Role::Admin) if is_active => {
            account::of_customer(account::admin_more(account, member))
        }
        (Role::Member | Role::Admin, _) => account::not_suspended(account),
    };
    let last = Obstacle::Refused(ChangeRoleRefusal::LastAdmin);
    let changing = changing.guarded(counted, |row| account::refused(row, last));
    let Some(read) = read.filter(|_| was != role) else { return changing };
    let changing = changing.with(
        audit::by_member(&actor.session, "role_changed", Some(member.as_str()), now)
            .labelled(read.email.as_str())
            .changed("role", was, role),
    );
    if is_active {
        return changing;
    }
    changing.guarded(invited_as(member, role, ""), |_| Ok(Obstacle::Found(())))
}

/// A member's row from one role to another, and more of it, as it was read.
pub(crate) fn role_changed(
    account: &AccountId,
    member: &MemberId,
    (was, is): (Role, Role),
    is_active: bool,
    more: &str,
    now: Timestamp,
) -> Write {
    let changed = Write::update(layout::member(account, member), &format!("SET role = :is{more}"))
        .when("role = :was")
        .value(":was", was)
        .value(":is", is)
        .value(":active", MemberStatus::Active);
    if is_active {
        return changed.and("status = :active");
    }
    changed
        .and("status <> :active")
        .and("(attribute_not_exists(invited_until) OR invited_until > :now)")
        .value(":now", now.as_millisecond())
}

/// As what the first login accepts an invitation, and more of the owner's row.
pub(crate) fn invited_as(member: &MemberId, role: Role, more: &str) -> Write {
    let owner = layout::owner(&member.address());
    Write::update(owner, &format!("SET invited_as = :role{more}"))
        .when("member_id = :id")
        .value(":id", member)
        .value(":role", role)
}

/// That nobody is there, or that the member is not as it was read any more.
fn unchanged(
    row: Option<Item>,
    now: Timestamp,
) -> Result<Obstacle<ChangeRoleRefusal, ()>, StoreError> {
    let row: Option<MemberRow> = row.map(|row| from_item("member", row)).transpose()?;
    let gone = Obstacle::Refused(ChangeRoleRefusal::NotFound);
    Ok(row.filter(|row| !row.has_ended(now)).map_or(gone, |_| Obstacle::Found(())))
}

/// What becomes of a mail, in the row of a member who is still invited as when it left.
fn noted(to: &Recipient, expression: &str) -> Write {
    Write::update(layout::member(&to.account, &to.member), expression)
        .when("invitation = :invitation")
        .value(":invitation", to.invitation)
}
