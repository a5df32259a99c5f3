//! A member's own sessions: which there are, and how they are ended.

use crate::actor::{self, ActorRefusal};
use crate::rows::{MemberRow, SessionRow};
use crate::write::{Backoff, Obstacle, Transaction, Write};
use crate::{Failure, Store, StoreError, account, audit, layout};
use domain::session::Slot;
use domain::{Session, SessionId, SessionToken};
use jiff::Timestamp;

/// Why no session was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevokeSessionRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error("the member has no such session")]
    NotFound,
}

/// What stands against ending all the others: a refusal, or that they are others than were read.
type Against = Obstacle<ActorRefusal, MemberRow>;

impl Store {
    /// The live sessions of whoever asks, newest first.
    pub async fn find_sessions(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<Vec<Session>, Failure<ActorRefusal>> {
        let (row, ..) = self.find_caller_row(token, now).await?;
        let mut sessions: Vec<_> = row.live_sessions(now).map(|(_, session)| session).collect();
        sessions.sort_by(|a, b| (b.times.opened_at, &b.id).cmp(&(a.times.opened_at, &a.id)));
        Ok(sessions)
    }

    /// Ends one session of whoever asks, which may be the one that asks. Where it lies is read; the
    /// write alone decides, on condition that it still lies there.
    pub async fn revoke_session(
        &self,
        token: &SessionToken,
        id: &SessionId,
        now: Timestamp,
    ) -> Result<(), Failure<RevokeSessionRefusal>> {
        let account = &token.account;
        let row = self.find_own_row(token).await?;
        let found = row.as_ref().and_then(|row| {
            let (slot, session) = row.live_sessions(now).find(|(_, session)| session.id == *id)?;
            Some((slot, row.digest_in(slot)?, session))
        });
        let Some((slot, digest, session)) = found else {
            let nowhere = account::never(account::not_suspended(account));
            let refused = actor::member_transaction(token, now)
                .guarded(nowhere, |row| account::refused(row, RevokeSessionRefusal::NotFound));
            return refused.commit(self).await;
        };
        let there = |write: Write| {
            let there = format!("{} = :ended", SessionRow::digest_at(slot));
            write.and(&there).value(":ended", digest)
        };
        let gone = |_| RevokeSessionRefusal::NotFound;
        actor::revoking_transaction(token, &[slot], there, gone, now)
            .guarded(account::not_suspended(account), account::ended)
            .with(ended(token, &session, now))
            .commit(self)
            .await
    }

    /// Ends every session of whoever asks but the one that asks. A login meanwhile is ended, too,
    /// or comes after all of it.
    pub async fn revoke_other_sessions(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<(), Failure<ActorRefusal>> {
        let mut row = self.find_own_row(token).await?;
        let mut backoff = Backoff::new(self);
        loop {
            match revoking_others(token, row.as_ref(), now).commit(self).await {
                Ok(()) => return Ok(()),
                Err(failure) => row = Some(failure.found()?),
            }
            backoff.wait().await?;
        }
    }

    async fn find_own_row(&self, token: &SessionToken) -> Result<Option<MemberRow>, StoreError> {
        self.get("member", layout::member(&token.account, &token.member)).await
    }
}

/// Ends the others that were read, on condition that there are no others than these.
fn revoking_others<'a>(
    token: &'a SessionToken,
    row: Option<&MemberRow>,
    now: Timestamp,
) -> Transaction<'a, Against> {
    let live = row.into_iter().flat_map(|row| row.live_sessions(now));
    let others: Vec<_> = live.filter(|(slot, _)| *slot != token.slot).collect();
    let slots: Vec<Slot> = others.iter().map(|(slot, _)| *slot).collect();
    let as_read = |write: Write| {
        let slots = Slot::all().filter(|slot| *slot != token.slot);
        slots.fold(write, |write, slot| match row.and_then(|row| row.digest_in(slot)) {
            Some(digest) => {
                let value = format!(":{}", slot.name());
                let as_it_was = format!("{} = {value}", SessionRow::digest_at(slot));
                write.and(&as_it_was).value(&value, digest)
            }
            None => write.and(&format!("attribute_not_exists({})", SessionRow::at(slot))),
        })
    };
    let revoking = actor::revoking_transaction(token, &slots, as_read, Obstacle::Found, now)
        .guarded(account::not_suspended(&token.account), account::ended);
    let ended = others.iter().map(|(_, session)| ended(token, session, now));
    ended.fold(revoking, Transaction::with)
}

/// The trail's word of it, one for each session.
fn ended(token: &SessionToken, session: &Session, now: Timestamp) -> Write {
    audit::by_member(token, "session_ended", Some(session.id.as_str()), now)
        .labelled(&session.label.to_string())
        .into()
}
