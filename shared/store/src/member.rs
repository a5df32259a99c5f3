//! Members: rows with their sessions, invitations, revocations.

use crate::account::AccountRow;
use crate::actor::{self, ActorRefusal, Admin, Caller};
use crate::outbox::OutboxRow;
use crate::write::{Transaction, Write};
use crate::{Failure, Store, StoreError, audit, layout};
use domain::session::SessionTimes;
use domain::{
    AccountId, EmailAddress, EventId, Member, MemberId, MemberStatus, Role, SessionToken,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MemberRow {
    #[serde(rename = "type")]
    kind: String,
    id: MemberId,
    email: EmailAddress,
    role: Role,
    status: MemberStatus,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    invited_at: Timestamp,
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::millisecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    last_login_at: Option<Timestamp>,
    /// By slot.
    sessions: HashMap<String, SessionRow>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SessionRow {
    pub digest: String,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub opened_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub used_at: Timestamp,
}

impl MemberRow {
    pub fn new(id: &MemberId, email: &EmailAddress, role: Role, now: Timestamp) -> MemberRow {
        MemberRow {
            kind: "member".to_owned(),
            id: id.clone(),
            email: email.clone(),
            role,
            status: MemberStatus::Invited,
            invited_at: now,
            last_login_at: None,
            sessions: HashMap::new(),
        }
    }

    /// The times of this session, if the member has it and it is live.
    pub fn session(&self, token: &SessionToken, now: Timestamp) -> Option<SessionTimes> {
        let session = self
            .sessions
            .get(&token.slot.name())
            .filter(|session| session.digest == token.digest().as_str())?;
        let times = SessionTimes { opened_at: session.opened_at, used_at: session.used_at };
        times.is_live(now).then_some(times)
    }

    pub fn into_member(self) -> Member {
        let MemberRow { id, email, role, status, invited_at, last_login_at, kind: _, sessions: _ } =
            self;
        Member { id, email, role, status, invited_at, last_login_at }
    }
}

/// Which address belongs to whom; it lies where a login finds it by the address alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OwnerRow {
    #[serde(rename = "type")]
    kind: String,
    pub account_id: AccountId,
    pub member_id: MemberId,
    /// How many logins this membership has seen; it chooses the slot of the next session.
    pub logins: u64,
}

impl OwnerRow {
    pub fn new(account: &AccountId, member: &MemberId) -> OwnerRow {
        OwnerRow {
            kind: "owner".to_owned(),
            account_id: account.clone(),
            member_id: member.clone(),
            logins: 0,
        }
    }
}

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

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Actor,
    Account,
    Member,
    Owner,
    Mail,
    Audit,
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
            self.query::<MemberRow>("member", partition, layout::MEMBERS)
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
        let token = &actor.session;
        let account = Write::update(
            layout::account(&token.account),
            "SET member_count = member_count + :one, #version = #version + :one",
        );
        let account = account
            .when("suspended = :no AND member_count < member_limit")
            .unless_locked(now)
            .name("#version", "version");
        let row = MemberRow::new(member, email, Role::Member, now);
        let (mail_key, mail) = OutboxRow::invitation(
            &token.account,
            member,
            email,
            now,
            &EventId::random(&mut crate::rng()),
        );
        let invited = Transaction::new()
            .with(Part::Actor, actor::acting(token, Some(Role::Admin), now))
            .with(
                Part::Owner,
                Write::put(
                    &layout::owner(&member.address()),
                    &OwnerRow::new(&token.account, member),
                )
                .if_new(),
            )
            .with(Part::Account, account.value(":one", 1).value(":no", false))
            .with(Part::Member, Write::put(&layout::member(&token.account, member), &row).if_new())
            .with(Part::Mail, Write::put(&mail_key, &mail))
            .with(
                Part::Audit,
                audit::row(
                    &token.account,
                    "member_invited",
                    Some(token.member.as_str()),
                    Some(member.as_str()),
                    now,
                ),
            );
        invited.commit(self).await.map_err(|cancelled| {
            actor::sort_out(cancelled, Part::Actor, token, now, |refused| match refused[0] {
                (Part::Owner | Part::Member, _) => Ok(InviteRefusal::AlreadyRegistered),
                (Part::Account, ref row) => {
                    AccountRow::refused(row.clone(), InviteRefusal::LimitReached)
                }
                (Part::Actor | Part::Mail | Part::Audit, _) => {
                    unreachable!("these have no condition, or were sorted out")
                }
            })
        })
    }

    /// Removes a member with all its sessions and frees the address; the counter and the last admin
    /// are minded in the same write.
    pub async fn delete_member(
        &self,
        actor: &Admin,
        member: &MemberId,
        now: Timestamp,
    ) -> Result<(), Failure<RevokeRefusal>> {
        let token = &actor.session;
        let leaving = *member == token.member;
        let own = actor::acting(token, Some(Role::Admin), now);
        let gone = Write::delete(layout::member(&token.account, member)).if_there();
        let account = Write::update(
            layout::account(&token.account),
            "SET member_count = member_count - :one, #version = #version + :one DELETE admins :member",
        );
        let account = account
            .when("suspended = :no AND (NOT contains(admins, :id) OR size(admins) > :one)")
            .unless_locked(now)
            .name("#version", "version");
        let account = account
            .value(":one", 1)
            .value(":no", false)
            .value(":id", member.as_str())
            .set_of_one(":member", member.as_str());
        let owner = Write::delete(layout::owner(&member.address()))
            .when("member_id = :id")
            .value(":id", member.as_str());
        let revoked = Transaction::new()
            .with(Part::Actor, if leaving { actor::acting_by_leaving(actor, now) } else { own })
            .with_some(Part::Member, (!leaving).then_some(gone))
            .with(Part::Account, account)
            .with(Part::Owner, owner)
            .with(
                Part::Audit,
                audit::row(
                    &token.account,
                    "member_revoked",
                    Some(token.member.as_str()),
                    Some(member.as_str()),
                    now,
                ),
            );
        revoked.commit(self).await.map_err(|cancelled| {
            actor::sort_out(cancelled, Part::Actor, token, now, |refused| match refused[0] {
                (Part::Member | Part::Owner, _) => Ok(RevokeRefusal::NotFound),
                (Part::Account, ref row) => {
                    AccountRow::refused(row.clone(), RevokeRefusal::LastAdmin)
                }
                (Part::Actor | Part::Mail | Part::Audit, _) => {
                    unreachable!("these have no condition, or were sorted out")
                }
            })
        })
    }
}
