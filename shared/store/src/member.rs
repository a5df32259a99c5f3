//! Members: who they are, and how they are removed.

use crate::actor::{self, ActorRefusal, Admin, Caller};
use crate::rows::{AccountRow, MemberRow};
use crate::write::Write;
use crate::{Failure, Store, StoreError, account, address, audit, layout};
use domain::{Account, AccountId, Member, MemberId, Role};
use jiff::Timestamp;

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
    /// All members of the admin's account but those whose invitation has ended, with the admin as
    /// caller.
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
        let mut members: Vec<Member> = rows?
            .into_iter()
            .map(MemberRow::into_member)
            .filter(|member| !member.has_ended(now))
            .collect();
        members.sort_by(|a, b| (a.invited_at, &a.id).cmp(&(b.invited_at, &b.id)));
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

    /// Removes a member with all its sessions and frees the address; the counter and the last admin
    /// are minded in the same write.
    pub async fn delete_member(
        &self,
        actor: &Admin,
        member: &MemberId,
        now: Timestamp,
    ) -> Result<(), Failure<RevokeRefusal>> {
        let account = &actor.session.account;
        let one_less = account::of_customer(account::admin_less(account, member));
        let transaction = if *member == actor.session.member {
            actor::leaving_transaction(actor, now)
        } else {
            let gone = Write::delete(layout::member(account, member)).if_there();
            actor::transaction(actor, now).guarded(gone, |_| Ok(RevokeRefusal::NotFound))
        };
        let transaction =
            transaction.guarded(one_less, |row| account::refused(row, RevokeRefusal::LastAdmin));
        address::released(transaction, member, now, |_| Ok(RevokeRefusal::NotFound))
            .with(audit::by_member(&actor.session, "member_revoked", Some(member.as_str()), now))
            .commit(self)
            .await
    }
}
