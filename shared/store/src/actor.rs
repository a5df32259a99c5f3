//! Who acts. A session token is a claim; it becomes true or false in the write, or in the read,
//! that carries it.

use crate::rows::{AccountRow, Item, MemberRow, SessionRow, from_item};
use crate::write::{Obstacle, Transaction, Write};
use crate::{Failure, Store, StoreError, audit, layout};
use domain::session::{self, SessionTimes, Slot};
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
    /// Nothing is known of it (any more).
    #[error("the session has ended")]
    SessionEnded,
    /// Its own row proves it.
    #[error("the session was not used for long, or is old")]
    SessionExpired,
    /// Of a session that is live but for that.
    #[error("the account is suspended")]
    AccountSuspended,
    #[error("only an admin may do this")]
    AdminRequired,
}

impl<R: From<ActorRefusal>, T> From<ActorRefusal> for Obstacle<R, T> {
    fn from(refusal: ActorRefusal) -> Self {
        Self::Refused(refusal.into())
    }
}

/// A session that was found good, with its member and account as they are now.
#[derive(Debug, Clone)]
pub struct Caller {
    pub member: Member,
    pub account: Account,
    pub session: SessionTimes,
}

/// A transaction of an admin's, who is there with this session, which is used now.
pub(crate) fn transaction<R: From<ActorRefusal>>(
    admin: &Admin,
    now: Timestamp,
) -> Transaction<'_, R> {
    let token = &admin.session;
    by_admin(token, used(token, now), now)
}

/// A transaction of any member's.
pub(crate) fn member_transaction<R: From<ActorRefusal>>(
    token: &SessionToken,
    now: Timestamp,
) -> Transaction<'_, R> {
    begun(token, used(token, now), |_| ActorRefusal::AdminRequired.into(), now)
}

/// A transaction of the member who deletes itself, in this role; `otherwise` is what it means that
/// it has another one.
pub(crate) fn leaving_transaction<'a, R: From<ActorRefusal>>(
    token: &'a SessionToken,
    role: Role,
    otherwise: impl FnOnce() -> R + Send + 'a,
    now: Timestamp,
) -> Transaction<'a, R> {
    let gone = if_live(Write::delete(member_of(token)), token, now);
    begun(token, in_role(gone, role), |_| otherwise(), now)
}

/// A transaction of the admin who changes its own role.
pub(crate) fn own_role_transaction<R: From<ActorRefusal>>(
    admin: &Admin,
    role: Role,
    now: Timestamp,
) -> Transaction<'_, R> {
    let token = &admin.session;
    let used = SessionRow::used_at(token.slot);
    let changed = Write::update(member_of(token), &format!("SET {used} = :now, role = :is"))
        .value(":now", now.as_millisecond())
        .value(":is", role);
    by_admin(token, if_live(changed, token, now), now)
}

/// A transaction of the admin who deletes itself.
pub(crate) fn own_end_transaction<R: From<ActorRefusal>>(
    admin: &Admin,
    now: Timestamp,
) -> Transaction<'_, R> {
    let token = &admin.session;
    by_admin(token, if_live(Write::delete(member_of(token)), token, now), now)
}

/// A transaction of the session that ends itself.
pub(crate) fn ending_transaction(
    token: &SessionToken,
    now: Timestamp,
) -> Transaction<'_, ActorRefusal> {
    let ended = Write::update(member_of(token), &format!("REMOVE {}", SessionRow::at(token.slot)));
    begun(token, if_live(ended, token, now), |_| ActorRefusal::AdminRequired, now)
}

/// A transaction of any member's that ends sessions of its own, on conditions of their own; what it
/// means that these do not hold is told from the member's row as it was.
pub(crate) fn revoking_transaction<'a, R: From<ActorRefusal>>(
    token: &'a SessionToken,
    ended: &[Slot],
    conditions: impl FnOnce(Write) -> Write,
    otherwise: impl FnOnce(MemberRow) -> R + Send + 'a,
    now: Timestamp,
) -> Transaction<'a, R> {
    let gone: Vec<String> = ended.iter().map(|slot| SessionRow::at(*slot)).collect();
    let gone = if gone.is_empty() { String::new() } else { format!("REMOVE {}", gone.join(", ")) };
    let actor = if ended.contains(&token.slot) {
        Write::update(member_of(token), &gone)
    } else {
        let used = format!("SET {} = :now {gone}", SessionRow::used_at(token.slot));
        Write::update(member_of(token), &used).value(":now", now.as_millisecond())
    };
    begun(token, conditions(if_live(actor, token, now)), otherwise, now)
}

/// A transaction whose actor has to be an admin.
fn by_admin<R: From<ActorRefusal>>(
    token: &SessionToken,
    actor: Write,
    now: Timestamp,
) -> Transaction<'_, R> {
    begun(token, in_role(actor, Role::Admin), |_| ActorRefusal::AdminRequired.into(), now)
}

/// The actor's write comes first, so that its refusal comes before any other. Whose session is over
/// learns that alone; whose is live, that the account is suspended before what else stands against
/// it; and then what it means `otherwise`, told from the member's row as it was.
fn begun<'a, R: From<ActorRefusal>>(
    token: &'a SessionToken,
    actor: Write,
    otherwise: impl FnOnce(MemberRow) -> R + Send + 'a,
    now: Timestamp,
) -> Transaction<'a, R> {
    let refusal = move |row: Option<Item>, suspended| {
        let Some(row) = row else { return Ok(ActorRefusal::SessionEnded.into()) };
        let row: MemberRow = from_item("member", row)?;
        Ok(match live_session(token, Some(&row), now) {
            Err(over) => over.into(),
            Ok(_) if suspended => ActorRefusal::AccountSuspended.into(),
            Ok(_) => otherwise(row),
        })
    };
    Transaction::of_actor(actor, refusal, ActorRefusal::AccountSuspended.into())
}

/// The session in its member's row, or why it is over.
fn live_session(
    token: &SessionToken,
    row: Option<&MemberRow>,
    now: Timestamp,
) -> Result<SessionTimes, ActorRefusal> {
    let times = row.and_then(|row| row.session(token)).ok_or(ActorRefusal::SessionEnded)?;
    if times.is_live(now) { Ok(times) } else { Err(ActorRefusal::SessionExpired) }
}

fn member_of(token: &SessionToken) -> layout::RowKey {
    layout::member(&token.account, &token.member)
}

/// Marks the session as used.
fn used(token: &SessionToken, now: Timestamp) -> Write {
    let used =
        Write::update(member_of(token), &format!("SET {} = :now", SessionRow::used_at(token.slot)));
    if_live(used, token, now).value(":now", now.as_millisecond())
}

/// On condition that the member is there with this session, and the session is live.
fn if_live(write: Write, token: &SessionToken, now: Timestamp) -> Write {
    let slot = token.slot;
    let live = write
        .when(&format!("{} = :digest", SessionRow::digest_at(slot)))
        .and(&format!("{} > :idle", SessionRow::used_at(slot)))
        .and(&format!("{} > :oldest", SessionRow::opened_at(slot)))
        .value(":digest", token.digest());
    ends(live, now)
}

/// One more condition: that no session is live in the slot.
pub(crate) fn unless_live(write: Write, slot: Slot, now: Timestamp) -> Write {
    let over = format!(
        "(attribute_not_exists({}) OR {} <= :idle OR {} <= :oldest)",
        SessionRow::at(slot),
        SessionRow::used_at(slot),
        SessionRow::opened_at(slot)
    );
    ends(write.and(&over), now)
}

/// The times at or before which a session was used, or opened, that is over now.
fn ends(write: Write, now: Timestamp) -> Write {
    write
        .value(":idle", (now - session::SESSION_IDLE_LIMIT).as_millisecond())
        .value(":oldest", (now - session::SESSION_LIFETIME).as_millisecond())
}

fn in_role(write: Write, role: Role) -> Write {
    write.and("role = :role").value(":role", role)
}

impl Store {
    /// The caller behind a session token, read by one request for the member with all its sessions,
    /// beside one for the account. The first marks the session as used, unless nobody asked.
    pub async fn find_caller(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<Caller, Failure<ActorRefusal>> {
        let (row, account, session) = self.find_caller_row(token, now).await?;
        Ok(Caller { member: row.into_member(), account, session })
    }

    /// The same, with the member's row as it is.
    pub(crate) async fn find_caller_row(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<(MemberRow, Account, SessionTimes), Failure<ActorRefusal>> {
        let (row, account) = tokio::join!(
            self.shown_session(token, now),
            self.get::<AccountRow>("account", layout::account(&token.account))
        );
        let row = row?;
        let session = live_session(token, row.as_ref(), now).map_err(Failure::Refused)?;
        let ended = || Failure::Refused(ActorRefusal::SessionEnded);
        let row = row.ok_or_else(ended)?;
        let account = account?.ok_or_else(ended)?.into_account();
        if account.suspended {
            return Err(Failure::Refused(ActorRefusal::AccountSuspended));
        }
        Ok((row, account, session))
    }

    /// [`Store::find_caller`] of who has to be an admin.
    pub async fn find_admin(
        &self,
        actor: &Admin,
        now: Timestamp,
    ) -> Result<Caller, Failure<ActorRefusal>> {
        let caller = self.find_caller(&actor.session, now).await?;
        match caller.member.role {
            Role::Admin => Ok(caller),
            Role::Member => Err(Failure::Refused(ActorRefusal::AdminRequired)),
        }
    }

    /// The member's row, its session marked as used; one request whether or not the mark is due.
    async fn shown_session(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<Option<MemberRow>, StoreError> {
        if token.unasked {
            return self.get("member", member_of(token)).await;
        }
        let due = (now - session::USE_RECORDED_EVERY).as_millisecond();
        let mark = used(token, now)
            .and(&format!("{} < :due", SessionRow::used_at(token.slot)))
            .value(":due", due);
        let marked = self.update(mark).await.map_err(|error| match error {
            // The mark is not what was asked for: that it may have been made is nobody's concern.
            StoreError::Unknown(cause) => StoreError::Unavailable(cause),
            other => other,
        })?;
        let row = marked.map_or_else(|not_met| not_met.row, Some);
        row.map(|row| from_item("member", row)).transpose()
    }

    /// Ends this session. In a suspended account, too, so that it does not come back with the
    /// account; there its member is told what every call is.
    pub async fn end_session(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<(), Failure<ActorRefusal>> {
        let id = token.id();
        let ending = ending_transaction(token, now).with(audit::by_member(
            token,
            "session_ended",
            Some(id.as_str()),
            now,
        ));
        let (ended, account) = tokio::join!(ending.commit(self), self.find_account(&token.account));
        ended?;
        match account.map_err(StoreError::beside_a_change)? {
            Some(account) if account.suspended => {
                Err(Failure::Refused(ActorRefusal::AccountSuspended))
            }
            Some(_) => Ok(()),
            None => Err(Failure::Refused(ActorRefusal::SessionEnded)),
        }
    }
}
