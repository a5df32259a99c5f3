//! Who acts. A session token is a claim; it becomes true or false in the write, or in the read,
//! that carries it.

use crate::account::{self, AccountRow};
use crate::member::MemberRow;
use crate::write::{Cancelled, Item, Write, from_item};
use crate::{Failure, Store, StoreError, layout};
use domain::session::{self, SessionTimes};
use domain::{Account, Member, Role, SessionToken};
use jiff::Timestamp;

/// A session that claims the rights of an admin.
///
/// Whoever holds this value has proven nothing yet: each write made with it carries the condition
/// that the member is there, is an admin, and has this session, and is refused as a whole when that
/// is not so at that moment.
#[derive(Debug, Clone)]
pub struct Admin {
    pub session: SessionToken,
}

impl Admin {
    pub fn claim(session: SessionToken) -> Self {
        Self { session }
    }
}

/// Why an actor may not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActorRefusal {
    #[error("the session has ended")]
    SessionEnded,
    #[error("only an admin may do this")]
    AdminRequired,
}

/// A session that was found good, with its member and account as they are now.
#[derive(Debug, Clone)]
pub struct Caller {
    pub member: Member,
    pub account: Account,
    pub session: SessionTimes,
}

const LIVE: &str = "sessions.#slot.digest = :digest AND sessions.#slot.used_at > :idle AND sessions.#slot.opened_at > :oldest";

fn with_session(write: Write, token: &SessionToken, now: Timestamp) -> Write {
    write
        .name("#slot", token.slot.name())
        .value(":digest", token.digest().as_str())
        .value(":idle", (now - session::SESSION_IDLE_LIMIT).as_millisecond())
        .value(":oldest", (now - session::SESSION_LIFETIME).as_millisecond())
}

/// The write that stands for the actor in a transaction: the member is there with this session,
/// which is used now.
pub(crate) fn acting(token: &SessionToken, role: Option<Role>, now: Timestamp) -> Write {
    let write = Write::update(
        layout::member(&token.account, &token.member),
        "SET sessions.#slot.used_at = :now",
    );
    with_session(as_role(write, role), token, now).value(":now", now.as_millisecond())
}

/// [`acting`] for the member that deletes itself.
pub(crate) fn acting_by_leaving(actor: &Admin, now: Timestamp) -> Write {
    let write = Write::delete(layout::member(&actor.session.account, &actor.session.member));
    with_session(as_role(write, Some(Role::Admin)), &actor.session, now)
}

/// [`acting`] for the session that ends itself.
pub(crate) fn acting_by_ending(token: &SessionToken, now: Timestamp) -> Write {
    let write =
        Write::update(layout::member(&token.account, &token.member), "REMOVE sessions.#slot");
    with_session(as_role(write, None), token, now)
}

fn as_role(write: Write, role: Option<Role>) -> Write {
    match role {
        Some(role) => write
            .when(format!("{LIVE} AND #role = :role"))
            .name("#role", "role")
            .value(":role", role),
        None => write.when(LIVE),
    }
}

/// Why the acting part was refused, told from the member's row as it was.
pub(crate) fn refusal(
    token: &SessionToken,
    row: Option<Item>,
    now: Timestamp,
) -> Result<ActorRefusal, StoreError> {
    let Some(row) = row else { return Ok(ActorRefusal::SessionEnded) };
    let row: MemberRow = from_item("member", row)?;
    Ok(if row.session(token, now).is_some() {
        ActorRefusal::AdminRequired
    } else {
        ActorRefusal::SessionEnded
    })
}

/// Sorts out a cancelled transaction whose first part is the actor's: the actor's refusal comes
/// before any other, and that its account is suspended comes before that.
///
/// `others` names the refusal for the parts that follow.
pub(crate) fn sort_out<P: Copy + PartialEq, R: From<ActorRefusal>>(
    cancelled: Cancelled<P>,
    actor: P,
    token: &SessionToken,
    now: Timestamp,
    others: impl FnOnce(Vec<(P, Option<Item>)>) -> Result<R, StoreError>,
) -> Failure<R> {
    let refused = match cancelled {
        Cancelled::Store(error) => return Failure::Store(error),
        Cancelled::Refused(refused) => refused,
    };
    if refused.iter().any(|(_, row)| row.as_ref().is_some_and(account::is_suspended)) {
        return Failure::Refused(ActorRefusal::SessionEnded.into());
    }
    let named = match refused.iter().find(|(part, _)| *part == actor) {
        Some((_, row)) => refusal(token, row.clone(), now).map(R::from),
        None => others(refused),
    };
    named.map_or_else(Failure::Store, Failure::Refused)
}

impl Store {
    /// The caller behind a session token, read and marked as used by one request for the member
    /// with all its sessions, beside one for the account.
    pub async fn find_caller(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<Caller, Failure<ActorRefusal>> {
        let (row, account) = tokio::join!(
            self.touch(token, now),
            self.get::<AccountRow>("account", layout::account(&token.account))
        );
        let ended = || Failure::Refused(ActorRefusal::SessionEnded);
        let row = row?.ok_or_else(ended)?;
        let account = account?.ok_or_else(ended)?.into_account();
        let session = row.session(token, now).ok_or_else(ended)?;
        if account.suspended {
            return Err(ended());
        }
        Ok(Caller { member: row.into_member(), account, session })
    }

    /// The member's row, its session marked as used; one request whether or not the mark is due.
    async fn touch(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<Option<MemberRow>, StoreError> {
        let write = Write::update(
            layout::member(&token.account, &token.member),
            "SET sessions.#slot.used_at = :now",
        );
        let write = with_session(
            write.when(format!("{LIVE} AND sessions.#slot.used_at < :due")),
            token,
            now,
        );
        let write = write
            .value(":now", now.as_millisecond())
            .value(":due", (now - session::USE_RECORDED_EVERY).as_millisecond());
        match self.update(write).await? {
            Ok(row) => from_item("member", row).map(Some),
            Err(row) => row.map(|row| from_item("member", row)).transpose(),
        }
    }

    /// Ends this session.
    pub async fn end_session(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<(), Failure<ActorRefusal>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Part {
            Actor,
            Audit,
        }
        let audit = crate::audit::row(
            &token.account,
            "session_ended",
            Some(token.member.as_str()),
            None,
            now,
        );
        let ended = crate::write::Transaction::new()
            .with(Part::Actor, acting_by_ending(token, now))
            .with(Part::Audit, audit);
        ended.commit(self).await.map_err(|cancelled| {
            sort_out(cancelled, Part::Actor, token, now, |_| {
                unreachable!("the audit row has no condition")
            })
        })
    }
}
