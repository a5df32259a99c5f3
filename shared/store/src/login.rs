//! Login: lanes with their challenges, and the transaction that opens a session.

use crate::member::{OwnerRow, SessionRow};
use crate::outbox::OutboxRow;
use crate::write::{Backoff, Cancelled, Transaction, Write, from_item};
use crate::{Failure, Store, StoreError, account, audit, layout};
use domain::login::{ChallengeToken, Lane, LaneRecord, LiveChallenge};
use domain::session::Slot;
use domain::{AccountId, AddressHash, EmailAddress, EventId, MemberId, MemberStatus, SessionToken};
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

/// The longest that a lane's memory matters: its oldest code counts for a day.
const LANE_KEPT_FOR: SignedDuration = SignedDuration::from_hours(25);

#[derive(Debug, Serialize, Deserialize)]
struct LaneRow {
    #[serde(rename = "type")]
    kind: String,
    ttl: i64,
    #[serde(flatten)]
    record: LaneRecord,
}

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

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Lane,
    Owner,
    Account,
    Member,
    Event,
    Mail,
    Audit,
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
        let row = LaneRow {
            kind: "lane".to_owned(),
            ttl: (now + LANE_KEPT_FOR).as_second(),
            record: record.clone(),
        };
        let put = Write::put(&layout::lane(address, lane), &row);
        let put = if record.version == 1 {
            put.if_new()
        } else {
            put.when("#version = :read")
                .name("#version", "version")
                .value(":read", record.version - 1)
        };
        let mail = mail.map(|mail| {
            OutboxRow::login_code(mail, address, now, &EventId::random(&mut crate::rng()))
        });
        let mail = mail.map(|(key, row)| Write::put(&key, &row));
        match Transaction::new()
            .with(Part::Lane, put)
            .with_some(Part::Mail, mail)
            .commit(self)
            .await
        {
            Ok(()) => Ok(()),
            Err(Cancelled::Refused(_)) => Err(Failure::Refused(PutLaneRefusal)),
            Err(Cancelled::Store(error)) => Err(error.into()),
        }
    }

    /// Counts one guess at a challenge, before anybody looks at it.
    pub async fn count_guess(
        &self,
        token: &ChallengeToken,
        now: Timestamp,
    ) -> Result<Counted, Failure<CountRefusal>> {
        let count = Write::update(
            layout::lane(&token.address, &token.lane),
            "SET attempts = attempts + :one, guessed_at = :now, #version = #version + :one",
        );
        let count =
            count.when("challenge_id = :id AND generation = :generation AND used_up = :no AND expires_at > :now AND attempts < allowed");
        let count = count
            .name("#version", "version")
            .value(":one", 1)
            .value(":now", now.as_millisecond())
            .value(":no", false);
        match self
            .update(count.value(":id", &token.id).value(":generation", token.generation))
            .await?
        {
            Ok(row) => {
                let challenge = from_item::<LaneRow>("lane", row)?.record.challenge;
                challenge
                    .map(|challenge| Counted { challenge })
                    .ok_or(Failure::Refused(CountRefusal::Expired))
            }
            Err(row) => {
                let record = row
                    .map(|row| from_item::<LaneRow>("lane", row))
                    .transpose()?
                    .map(|row| row.record);
                let live = record.and_then(|record| record.challenge).filter(|challenge| {
                    challenge.id == token.id
                        && challenge.generation == token.generation
                        && !challenge.used_up
                        && now < challenge.expires_at
                });
                Err(Failure::Refused(if live.is_some() {
                    CountRefusal::TooManyAttempts
                } else {
                    CountRefusal::Expired
                }))
            }
        }
    }

    /// Opens a session for a right code: challenge used up, member active, login event written, all
    /// in one transaction.
    pub async fn open_session(
        &self,
        wanted: OpenSession<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<SessionToken, Failure<OpenSessionRefusal>> {
        let OpenSession { challenge, owner, now } = wanted;
        let mut logins = owner.logins;
        let mut backoff = Backoff::new();
        loop {
            let token =
                SessionToken::mint(&owner.account, &owner.member, Slot::of_login(logins), rng);
            let refused = match session_opening(challenge, &token, logins, now).commit(self).await {
                Ok(()) => return Ok(token),
                Err(Cancelled::Store(error)) => return Err(error.into()),
                Err(Cancelled::Refused(refused)) => refused,
            };
            let (part, row) = &refused[0];
            let refusal = match part {
                Part::Lane => OpenSessionRefusal::Expired,
                Part::Account => OpenSessionRefusal::Suspended,
                Part::Owner => {
                    let row =
                        row.clone().map(|row| from_item::<OwnerRow>("owner", row)).transpose()?;
                    match row.filter(|row| row.member_id == owner.member) {
                        // Another login of the same member took the slot at the same moment: take
                        // the next.
                        Some(row) => {
                            logins = row.logins;
                            backoff.wait().await?;
                            continue;
                        }
                        None => OpenSessionRefusal::NoMember,
                    }
                }
                Part::Member => OpenSessionRefusal::NoMember,
                Part::Event | Part::Mail | Part::Audit => unreachable!("these have no condition"),
            };
            return Err(Failure::Refused(refusal));
        }
    }
}

fn session_opening(
    challenge: &ChallengeToken,
    token: &SessionToken,
    logins: u64,
    now: Timestamp,
) -> Transaction<Part> {
    let (account, member) = (&token.account, &token.member);
    let used_up = Write::update(
        layout::lane(&challenge.address, &challenge.lane),
        "SET used_up = :yes, #version = #version + :one",
    );
    let used_up = used_up
        .when("challenge_id = :id AND generation = :generation AND used_up = :no")
        .name("#version", "version");
    let used_up = used_up.value(":yes", true).value(":no", false).value(":one", 1);
    let used_up = used_up.value(":id", &challenge.id).value(":generation", challenge.generation);

    let owner = Write::update(layout::owner(&challenge.address), "SET logins = logins + :one");
    let owner = owner.when("member_id = :member AND logins = :logins");
    let owner = owner.value(":one", 1).value(":member", member).value(":logins", logins);

    let session =
        SessionRow { digest: token.digest().as_str().to_owned(), opened_at: now, used_at: now };
    let opened = Write::update(
        layout::member(account, member),
        "SET sessions.#slot = :session, #status = :active, last_login_at = :now",
    );
    let opened = opened.if_there().name("#slot", token.slot.name()).name("#status", "status");
    let opened = opened
        .value(":session", session)
        .value(":active", MemberStatus::Active)
        .value(":now", now.as_millisecond());

    let (key, event) =
        OutboxRow::login_event(account, member, now, &EventId::random(&mut crate::rng()));
    Transaction::new()
        .with(Part::Lane, used_up)
        .with(Part::Owner, owner)
        .with(Part::Account, account::not_suspended(account))
        .with(Part::Member, opened)
        .with(Part::Event, Write::put(&key, &event))
        .with(Part::Audit, audit::row(account, "session_opened", Some(member.as_str()), None, now))
}
