//! Login: lanes with their challenges, and the transaction that opens a session.

use crate::rows::{Item, LaneRow, MemberRow, OwnerRow, SessionRow, from_item};
use crate::write::{Backoff, NotMet, Obstacle, Transaction, Write};
use crate::{Failure, Store, StoreError, account, actor, audit, layout, outbox};
use domain::login::{ChallengeToken, Lane, LaneRecord, LiveChallenge};
use domain::session::Slot;
use domain::{AccountId, AddressHash, EmailAddress, MemberId, MemberStatus, SessionToken, base62};
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;

/// The longest that a lane's memory matters: its oldest code counts for a day.
const LANE_KEPT_FOR: SignedDuration = SignedDuration::from_hours(25);

/// Base62 characters of a guess's id, which is one of the few of its challenge: 71 bits.
const GUESS_ID_LEN: usize = 12;

/// The mail that goes out with a new challenge.
#[derive(Debug, Clone)]
pub struct LoginMail {
    pub email: EmailAddress,
    pub challenge: LiveChallenge,
}

/// Somebody else changed the lane since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lane was changed by another request")]
pub struct PutLaneRefusal;

/// A guess that was counted: the challenge with this guess in it.
#[derive(Debug, Clone)]
pub struct Counted {
    pub challenge: LiveChallenge,
}

/// Why a guess was not counted, and so not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CountRefusal {
    #[error("the challenge is over, or another is newer")]
    Expired,
    #[error("all guesses at this challenge are used up")]
    TooManyAttempts,
}

/// Which member an address belongs to.
#[derive(Debug, Clone)]
pub struct Owner {
    pub account: AccountId,
    pub member: MemberId,
    logins: u64,
}

/// What a right code asks for.
#[derive(Debug, Clone, Copy)]
pub struct OpenSession<'a> {
    pub challenge: &'a ChallengeToken,
    pub owner: &'a Owner,
    pub now: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenSessionRefusal {
    #[error("the code was used already, or another is newer")]
    Expired,
    #[error("the address belongs to no member any more")]
    NoMember,
    #[error("the account is suspended")]
    Suspended,
}

impl Store {
    pub async fn find_lane(
        &self,
        address: &AddressHash,
        lane: &Lane,
    ) -> Result<LaneRecord, StoreError> {
        let row = self.get::<LaneRow>("lane", layout::lane(address, lane)).await?;
        Ok(row.map(|row| row.record).unwrap_or_default())
    }

    pub async fn find_owner(&self, address: &AddressHash) -> Result<Option<Owner>, StoreError> {
        let row = self.get::<OwnerRow>("owner", layout::owner(address)).await?;
        Ok(row.map(|row| Owner {
            account: row.account_id,
            member: row.member_id,
            logins: row.logins,
        }))
    }

    /// Writes the lane as decided, with the mail that it owes, unless the lane has changed since it
    /// was read.
    pub async fn put_lane(
        &self,
        address: &AddressHash,
        lane: &Lane,
        record: &LaneRecord,
        mail: Option<&LoginMail>,
        now: Timestamp,
    ) -> Result<(), Failure<PutLaneRefusal>> {
        let row = LaneRow::new(record, now + LANE_KEPT_FOR);
        let put = Write::put(&layout::lane(address, lane), &row);
        let put = if record.version == 1 {
            put.if_new()
        } else {
            put.when("version = :read").value(":read", record.version - 1)
        };
        let written = Transaction::new().guarded(put, |_| Ok(PutLaneRefusal));
        match mail {
            Some(mail) => {
                written.with(outbox::login_code(address, &mail.email, &mail.challenge, now))
            }
            None => written,
        }
        .commit(self)
        .await
    }

    /// Counts one guess at a challenge, before anybody looks at it.
    pub async fn count_guess(
        &self,
        token: &ChallengeToken,
        now: Timestamp,
    ) -> Result<Counted, Failure<CountRefusal>> {
        // A try whose answer got lost may have counted it: the next one finds it among the guesses.
        let guess = base62::random(GUESS_ID_LEN, &mut crate::rng());
        let counted = Write::update(
            layout::lane(&token.address, &token.lane),
            "SET attempts = attempts + :one, guessed_at = :now, version = version + :one \
             ADD guesses :guesses",
        )
        .when("challenge_id = :id AND generation = :generation AND used_up = :no")
        .and("expires_at > :now AND attempts < allowed")
        .and("(attribute_not_exists(guesses) OR NOT contains(guesses, :guess))")
        .set_of(":guesses", [guess.clone()])
        .value(":guess", &guess)
        .value(":id", &token.id)
        .value(":generation", token.generation)
        .value(":no", false)
        .value(":one", 1)
        .value(":now", now.as_millisecond());
        let challenge_in = |row| from_item::<LaneRow>("lane", row).map(|row| row.record.challenge);
        let is_counted = |row: &Item| {
            row.get("guesses")
                .and_then(|ids| ids.as_ss().ok())
                .is_some_and(|ids| ids.contains(&guess))
        };
        let row = self.update(counted).await?.or_else(|NotMet { row, .. }| match row {
            Some(row) if is_counted(&row) => Ok(row),
            row => Err(row),
        });
        let refusal = match row {
            Ok(row) => match challenge_in(row)? {
                Some(challenge) => return Ok(Counted { challenge }),
                None => CountRefusal::Expired,
            },
            Err(row) => {
                let live = row.map(challenge_in).transpose()?.flatten().is_some_and(|challenge| {
                    challenge.id == token.id
                        && challenge.generation == token.generation
                        && !challenge.used_up
                        && now < challenge.expires_at
                });
                if live { CountRefusal::TooManyAttempts } else { CountRefusal::Expired }
            }
        };
        Err(Failure::Refused(refusal))
    }

    /// Opens a session for a right code: challenge used up, member active, login event written, all
    /// in one transaction.
    pub async fn open_session(
        &self,
        wanted: OpenSession<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<SessionToken, Failure<OpenSessionRefusal>> {
        let OpenSession { challenge, owner, now } = wanted;
        let mut place = Place { logins: owner.logins, slot: None };
        let mut backoff = Backoff::new();
        loop {
            let slot = place.slot.unwrap_or(Slot::of_login(place.logins));
            let token = SessionToken::mint(&owner.account, &owner.member, slot, rng);
            match session_opening(challenge, &token, place, now).commit(self).await {
                Ok(()) => return Ok(token),
                Err(failure) => place = failure.found()?,
            }
            backoff.wait().await?;
        }
    }
}

/// Where a session is to be opened, as far as it is known.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// How many logins the member has had. No session is opened without that rising.
    logins: u64,
    /// Chosen from the member's row; until that is known, the next one in turn is tried.
    slot: Option<Slot>,
}

/// Finds another place, instead, if others logged in meanwhile, or a session is live in this one.
fn session_opening<'a>(
    challenge: &ChallengeToken,
    token: &'a SessionToken,
    place: Place,
    now: Timestamp,
) -> Transaction<'a, Obstacle<OpenSessionRefusal, Place>> {
    let Place { logins, slot } = place;
    let account = &token.account;
    let member = &token.member;
    let lane = layout::lane(&challenge.address, &challenge.lane);
    let used_up = Write::update(lane, "SET used_up = :yes, version = version + :one")
        .when("challenge_id = :id AND generation = :generation AND used_up = :no")
        .value(":id", &challenge.id)
        .value(":generation", challenge.generation)
        .value(":yes", true)
        .value(":no", false)
        .value(":one", 1);
    let counted = Write::update(layout::owner(&challenge.address), "SET logins = logins + :one")
        .when("member_id = :member AND logins = :logins")
        .value(":one", 1)
        .value(":member", member)
        .value(":logins", logins);
    let opened = Write::update(
        layout::member(account, member),
        "SET sessions.#slot = :session, status = :active, last_login_at = :now",
    )
    .if_there()
    .name("#slot", token.slot.name())
    .value(":session", SessionRow::new(token, now))
    .value(":active", MemberStatus::Active)
    .value(":now", now.as_millisecond());
    let opened = if slot.is_some() { opened } else { actor::unless_live(opened, now) };
    Transaction::new()
        .guarded(used_up, |_| Ok(Obstacle::Refused(OpenSessionRefusal::Expired)))
        .guarded(counted, |row| {
            let row: Option<OwnerRow> = row.map(|row| from_item("owner", row)).transpose()?;
            Ok(match row.filter(|row| row.member_id == token.member) {
                Some(row) => Obstacle::Found(Place { logins: row.logins, slot: None }),
                None => Obstacle::Refused(OpenSessionRefusal::NoMember),
            })
        })
        .guarded(account::not_suspended(account), |_| {
            Ok(Obstacle::Refused(OpenSessionRefusal::Suspended))
        })
        .guarded(opened, move |row| {
            let row: Option<MemberRow> = row.map(|row| from_item("member", row)).transpose()?;
            Ok(match row {
                Some(row) => Obstacle::Found(Place { logins, slot: row.next_slot(now) }),
                None => Obstacle::Refused(OpenSessionRefusal::NoMember),
            })
        })
        .with(outbox::login_event(account, member, now))
        .with(audit::by_member(token, "session_opened", None, now))
}
