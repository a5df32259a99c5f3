//! Members: invitations and revocations.

use crate::actor::{self, ActorRefusal, Admin, Caller};
use crate::rows::{MemberRow, OwnerRow};
use crate::write::Write;
use crate::{Failure, Store, StoreError, account, audit, layout, outbox};
use domain::{AccountId, EmailAddress, Member, MemberId, Role};
use jiff::Timestamp;

/// Why nobody was invited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InviteRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error("the address belongs to a member of this or another account")]
    AlreadyRegistered,
    #[error("the account has as many members as it may")]
    LimitReached,
}

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

impl Store {
    /// All members of the admin's account, with the admin as caller.
    pub async fn find_members(
        &self,
        actor: &Admin,
        now: Timestamp,
    ) -> Result<(Caller, Vec<Member>), Failure<ActorRefusal>> {
        let partition = layout::account_partition(&actor.session.account);
        let (caller, rows) = tokio::join!(
            self.find_caller(&actor.session, now),
            self.query::<MemberRow>("member", partition, layout::MEMBER_PREFIX)
        );
        let caller = caller?;
        if caller.member.role != Role::Admin {
            return Err(Failure::Refused(ActorRefusal::AdminRequired));
        }
        let mut members: Vec<Member> = rows?.into_iter().map(MemberRow::into_member).collect();
        members.sort_by(|a, b| (a.invited_at, &a.id).cmp(&(b.invited_at, &b.id)));
        Ok((caller, members))
    }

    pub async fn find_member(
        &self,
        account: &AccountId,
        member: &MemberId,
    ) -> Result<Option<Member>, StoreError> {
        let row = self.get::<MemberRow>("member", layout::member(account, member)).await?;
        Ok(row.map(MemberRow::into_member))
    }

    /// Adds a member, takes the address, and puts the invitation into the outbox.
    pub async fn insert_member(
        &self,
        actor: &Admin,
        member: &MemberId,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<(), Failure<InviteRefusal>> {
        let account = &actor.session.account;
        let owner = OwnerRow::new(account, member);
        let owner = Write::put(&layout::owner(&member.address()), &owner).if_new();
        let one_more = account::counted(account, "member_count = member_count + :one")
            .and("member_count < member_limit");
        let row = MemberRow::new(member, email, Role::Member, now);
        let row = Write::put(&layout::member(account, member), &row).if_new();
        actor::transaction(actor, now)
            .guarded(owner, |_| Ok(InviteRefusal::AlreadyRegistered))
            .guarded(one_more, |row| account::refused(row, InviteRefusal::LimitReached))
            .guarded(row, |_| Ok(InviteRefusal::AlreadyRegistered))
            .with(outbox::invitation(account, member, email, now))
            .with(audit::by_member(&actor.session, "member_invited", Some(member.as_str()), now))
            .commit(self)
            .await
    }

    /// Removes a member with all its sessions and frees the address; the counter and the last admin
    /// are minded in the same write.
    pub async fn delete_member(
        &self,
        actor: &Admin,
        member: &MemberId,
        now: Timestamp,
    ) -> Result<(), Failure<RevokeRefusal>> {
        let account = &actor.session.account;
        let one_less =
            account::counted(account, "member_count = member_count - :one DELETE admins :member")
                .and("(NOT contains(admins, :id) OR size(admins) > :one)")
                .value(":id", member.as_str())
                .set_of(":member", [member.to_string()]);
        let owner = Write::delete(layout::owner(&member.address()))
            .when("member_id = :id")
            .value(":id", member.as_str());
        let transaction = if *member == actor.session.member {
            actor::leaving_transaction(actor, now)
        } else {
            let gone = Write::delete(layout::member(account, member)).if_there();
            actor::transaction(actor, now).guarded(gone, |_| Ok(RevokeRefusal::NotFound))
        };
        transaction
            .guarded(one_less, |row| account::refused(row, RevokeRefusal::LastAdmin))
            .guarded(owner, |_| Ok(RevokeRefusal::NotFound))
            .with(audit::by_member(&actor.session, "member_revoked", Some(member.as_str()), now))
            .commit(self)
            .await
    }
}
