//! Login: what is on record of an address, guesses, and the transaction that opens a session.

use crate::rows::{LoginRow, MemberRow, NoticeReason, OwnerRow, SessionRow, from_item};
use crate::write::{Backoff, NotMet, Obstacle, Transaction, Write};
use crate::{Duty, Failure, Random, Store, StoreError, account, actor, audit, layout, outbox};
use domain::login::{
    CODE_LIFETIME, Challenge, ChallengeToken, Device, KnownBrowser, LoginRecord,
    MAX_KNOWN_BROWSERS, NOTICE_EVERY, NetworkHash,
};
use domain::session::Slot;
use domain::{
    AccountId, AddressHash, EmailAddress, MemberId, MemberStatus, Role, SessionLabel, SessionToken,
    base62,
};
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;

/// Base62 characters of a guess's id, which is one of the few of its challenge: 71 bits.
const GUESS_ID_LEN: usize = 12;

/// Codes of a network are counted over so long, from one multiple of it to the next.
const NETWORK_STRETCH: SignedDuration = SignedDuration::from_mins(5);

/// How long what a network asked for is kept.
const NETWORK_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The mail that goes out with a new challenge.
#[derive(Debug, Clone)]
pub struct LoginMail {
    pub email: EmailAddress,
    pub challenge: Challenge,
}

/// Somebody else changed the record since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record was changed by another request")]
pub struct PutLoginRefusal;

/// The network has asked for as many codes as it may; from then on it may again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many codes for this network")]
pub struct NetworkLimited {
    pub until: Timestamp,
}

/// A guess that was counted: the record with this guess in it, and its challenge.
#[derive(Debug, Clone)]
pub struct Counted {
    pub record: LoginRecord,
    pub challenge: Challenge,
}

/// Why a guess was not counted, and so not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CountRefusal {
    #[error("the challenge is over")]
    Expired,
    #[error("all guesses at this challenge, or of whoever asked for it, are used up")]
    TooManyAttempts,
}

/// Which member an address belongs to.
#[derive(Debug, Clone)]
pub struct Owner {
    pub account: AccountId,
    pub member: MemberId,
    email: EmailAddress,
    logins: u64,
    invited_until: Option<Timestamp>,
    invited_as: Option<Role>,
}

impl Owner {
    /// Whether the membership was an invitation only, and has ended.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.invited_until.is_some_and(|until| until <= now)
    }
}

/// What a right code asks for.
#[derive(Debug, Clone, Copy)]
pub struct OpenSession<'a> {
    pub challenge: &'a ChallengeToken,
    pub owner: &'a Owner,
    /// The record as it was when the guess was counted.
    pub record: &'a LoginRecord,
    /// The browser that is to be known from now on, or is known; a program has none.
    pub browser: Option<&'a Device>,
    pub label: SessionLabel,
    pub now: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenSessionRefusal {
    #[error("the code was used already, or replaced")]
    Expired,
    #[error("the address belongs to no member any more")]
    NoMember,
    #[error("the account is suspended")]
    Suspended,
}

impl Store {
    pub async fn find_login(&self, address: &AddressHash) -> Result<LoginRecord, StoreError> {
        let row = self.get::<LoginRow>("login", layout::login(address)).await?;
        Ok(row.map(|row| row.record).unwrap_or_default())
    }

    /// Counts one request for a code of a network, whichever address it is for; in no transaction,
    /// so that those behind one address do not conflict with each other.
    pub async fn count_network(
        &self,
        network: &NetworkHash,
        most: u32,
        now: Timestamp,
    ) -> Result<(), Failure<NetworkLimited>> {
        let length = NETWORK_STRETCH.as_millis() as i64;
        let stretch = now.as_millisecond().div_euclid(length);
        let counted = Write::update(
            layout::network(network, stretch),
            "SET codes = if_not_exists(codes, :zero) + :one, type = :type, ttl = :ttl",
        )
        .when("(attribute_not_exists(codes) OR codes < :most)")
        .value(":zero", 0)
        .value(":one", 1)
        .value(":most", most)
        .value(":type", "network")
        .value(":ttl", (now + NETWORK_KEPT_FOR).as_second());
        match self.update(counted).await? {
            Ok(_) => Ok(()),
            Err(NotMet { .. }) => {
                let end = Timestamp::from_millisecond((stretch + 1) * length);
                Err(Failure::Refused(NetworkLimited { until: end.unwrap_or(now) }))
            }
        }
    }

    pub async fn find_owner(&self, address: &AddressHash) -> Result<Option<Owner>, StoreError> {
        let row = self.get::<OwnerRow>("owner", layout::owner(address)).await?;
        Ok(row.map(|row| Owner {
            account: row.account_id,
            member: row.member_id,
            email: row.email,
            logins: row.logins,
            invited_until: row.invited_until,
            invited_as: row.invited_as,
        }))
    }

    /// Writes the record as decided, with the mail that it owes, unless it has changed since it was
    /// read.
    pub async fn put_login(
        &self,
        address: &AddressHash,
        record: &LoginRecord,
        mail: Option<&LoginMail>,
        now: Timestamp,
    ) -> Result<(), Failure<PutLoginRefusal>> {
        let row = LoginRow::new(record.clone(), outbox::ASKS.any(&mut self.rng()), now);
        // The same for every address, whatever is on record of it.
        let put = Write::put(&layout::login(address), &row)
            .when("(attribute_not_exists(pk) OR version = :read)")
            .value(":read", record.version - 1);
        let written = Transaction::new().guarded(put, |_| Ok(PutLoginRefusal));
        match mail {
            Some(mail) => written.with(outbox::login_code(
                address,
                &mail.email,
                &mail.challenge,
                now,
                &mut self.rng(),
            )),
            None => written,
        }
        .commit(self)
        .await
    }

    /// Takes out of a row what was asked for more than a day ago, when that is due.
    pub async fn forget_asks(&self, duty: &Duty, now: Timestamp) -> Result<(), StoreError> {
        let Some(row) = self.get::<LoginRow>("login", duty.key.clone()).await? else {
            return Ok(());
        };
        let read = row.record.version;
        let LoginRow { ttl, shard, due_at, record, .. } =
            LoginRow::new(row.record.forget_old(now), outbox::ASKS.any(&mut self.rng()), now);
        let tail = match (due_at, ttl) {
            (Some(_), _) => ", duty = :duty, due_at = :next",
            (None, Some(_)) => ", ttl = :next REMOVE duty, due_at",
            (None, None) => " REMOVE duty, due_at",
        };
        let forgotten = Write::update(
            duty.key.clone(),
            &format!("SET asks = :asks, left = :left, version = :version{tail}"),
        )
        .when("version = :read AND due_at = :due")
        .value(":asks", record.asks())
        .value(":left", record.left())
        .value(":version", record.version)
        .value(":read", read)
        .value(":due", duty.due_at)
        .some_value(":next", due_at.or(ttl))
        .some_value(":duty", shard);
        match self.update(forgotten).await? {
            Ok(_) => Ok(()),
            // Somebody asks for a code, or logs in, at this moment.
            Err(NotMet { .. }) => Err(StoreError::Contended),
        }
    }

    /// Counts one guess at a challenge, before anybody looks at it.
    pub async fn count_guess(
        &self,
        token: &ChallengeToken,
        now: Timestamp,
    ) -> Result<Counted, Failure<CountRefusal>> {
        // A try whose answer got lost may have counted it: the next one finds it among the guesses.
        let guess = base62::random(GUESS_ID_LEN, &mut self.rng());
        let (own, all) = token.by.places();
        let (all_less, all_left) = match all {
            Some(_) => (", left.#all = left.#all - :one", " AND left.#all > :zero"),
            None => ("", ""),
        };
        let counted = Write::update(
            layout::login(&token.address),
            &format!(
                "SET asks.#id.guesses = list_append(asks.#id.guesses, :guesses), \
                 asks.#id.guessed_at = :now, left.#own = left.#own - :one{all_less}, \
                 version = version + :one"
            ),
        )
        .when("asks.#id.by = :by AND asks.#id.over = :no AND asks.#id.at > :oldest")
        .and("size(asks.#id.guesses) < asks.#id.allowed")
        .and(&format!("left.#own > :zero{all_left}"))
        .and("NOT contains(asks.#id.guesses, :guess)")
        .name("#id", &token.id)
        .name("#own", own);
        let counted = match all {
            Some(all) => counted.name("#all", all),
            None => counted,
        };
        let counted = counted
            .value(":by", &token.by)
            .value(":guesses", [&guess])
            .value(":guess", &guess)
            .value(":oldest", (now - CODE_LIFETIME).as_millisecond())
            .value(":no", false)
            .value(":zero", 0)
            .value(":one", 1)
            .value(":now", now.as_millisecond());
        let (row, is_counted) = match self.update(counted).await? {
            Ok(row) => (Some(row), true),
            Err(NotMet { row, .. }) => (row, false),
        };
        let row: Option<LoginRow> = row.map(|row| from_item("login", row)).transpose()?;
        let record = row.map(|row| row.record).unwrap_or_default();
        match record.challenge(&token.id) {
            Some(challenge) if is_counted || record.has_guess(&token.id, &guess) => {
                Ok(Counted { record, challenge })
            }
            Some(challenge) if challenge.by == token.by && record.is_open(&token.id, now) => {
                Err(Failure::Refused(CountRefusal::TooManyAttempts))
            }
            Some(_) | None => Err(Failure::Refused(CountRefusal::Expired)),
        }
    }

    /// Has the owner told that codes of the address are guessed at, if they are, and the last
    /// notice is older than a day. Whether there is an owner is nobody's concern here.
    pub async fn notice_guessing(
        &self,
        address: &AddressHash,
        record: &LoginRecord,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !record.is_guessed_at(now) {
            return Ok(());
        }
        let noticed = Write::update(
            layout::login(address),
            "SET noticed_at = :now, version = version + :one",
        );
        let noticed = unless_noticed(noticed.if_there(), now).value(":one", 1);
        let told = Transaction::new()
            .guarded(noticed, |_| Ok(()))
            .with(outbox::login_notice(address, NoticeReason::WrongGuesses, now, &mut self.rng()))
            .commit(self)
            .await;
        match told {
            // Somebody else told it just now.
            Ok(()) | Err(Failure::Refused(())) => Ok(()),
            Err(Failure::Store(error)) => Err(error),
        }
    }

    /// Opens a session for a right code: challenge used up, member active, login event written, all
    /// in one transaction.
    pub async fn open_session(
        &self,
        wanted: OpenSession<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<SessionToken, Failure<OpenSessionRefusal>> {
        let OpenSession { owner, now, .. } = wanted;
        let mut place = Place {
            logins: owner.logins,
            role: owner.invited_as.unwrap_or(Role::Member),
            slot: None,
            record: wanted.record.clone(),
        };
        let mut backoff = Backoff::new(self);
        loop {
            let slot = place.slot.unwrap_or(Slot::of_login(place.logins));
            let token = SessionToken::mint(&owner.account, &owner.member, slot, rng);
            let opened =
                session_opening(wanted, &token, &place, now, &mut self.rng()).commit(self).await;
            match opened {
                Ok(()) => return Ok(token),
                Err(failure) => place.change(failure.found()?),
            }
            backoff.wait().await?;
        }
    }
}

/// Where a session is to be opened, as far as it is known.
#[derive(Debug, Clone)]
struct Place {
    /// How many logins the member has had. No session is opened without that rising.
    logins: u64,
    /// As what the first login accepts the invitation.
    role: Role,
    /// Chosen from the member's row; until that is known, the next one in turn is tried.
    slot: Option<Slot>,
    record: LoginRecord,
}

/// What was found to be otherwise.
enum Other {
    Logins(u64),
    Role(Role),
    Slot(Option<Slot>),
    Record(LoginRecord),
}

impl Place {
    fn change(&mut self, other: Other) {
        match other {
            Other::Logins(logins) => (self.logins, self.slot) = (logins, None),
            Other::Role(role) => self.role = role,
            Other::Slot(slot) => self.slot = slot,
            Other::Record(record) => self.record = record,
        }
    }
}

/// On condition that the owner heard of nothing for a day.
fn unless_noticed(write: Write, now: Timestamp) -> Write {
    write
        .and("(attribute_not_exists(noticed_at) OR noticed_at <= :day_ago)")
        .value(":day_ago", (now - NOTICE_EVERY).as_millisecond())
        .value(":now", now.as_millisecond())
}

/// The address's part of a login: the challenge is over, the invitation's link is no way in any
/// more, and the browser is known; the oldest of too many gives way.
fn answered(
    wanted: OpenSession<'_>,
    record: &LoginRecord,
    is_noticed: bool,
    now: Timestamp,
    rng: &mut Random,
) -> Write {
    let OpenSession { challenge, owner, browser, .. } = wanted;
    let mut sets =
        "SET asks.#id.over = :yes, asks.#id.right = :yes, version = version + :one".to_owned();
    let mut removes = " REMOVE invited".to_owned();
    let oldest = browser
        .filter(|browser| !record.has_browser(browser))
        .and_then(|_| record.oldest_browser());
    if browser.is_some() {
        sets += ", browsers.#browser = :browser, duty = if_not_exists(duty, :duty), \
                 due_at = if_not_exists(due_at, :due)";
        removes += ", ttl";
    }
    if oldest.is_some() {
        removes += ", browsers.#oldest";
    }
    if is_noticed {
        sets += ", noticed_at = :now";
    }
    let answered = Write::update(layout::login(&challenge.address), &(sets + &removes))
        .when("asks.#id.over = :no")
        .and("(attribute_not_exists(closed_at) OR closed_at <= asks.#id.at)")
        .name("#id", &challenge.id)
        .value(":yes", true)
        .value(":no", false)
        .value(":one", 1);
    let answered = match browser {
        None => answered,
        Some(browser) => {
            let known = KnownBrowser { member_id: owner.member.clone(), logged_in_at: now };
            let due = record.first_ends_at().unwrap_or(now);
            let known = answered
                .name("#browser", browser.id())
                .value(":browser", known)
                .value(":duty", outbox::ASKS.any(rng))
                .value(":due", due.as_millisecond());
            match oldest {
                Some(oldest) => {
                    known.and("attribute_exists(browsers.#oldest)").name("#oldest", oldest)
                }
                None => known
                    .and("(attribute_exists(browsers.#browser) OR size(browsers) < :most)")
                    .value(":most", MAX_KNOWN_BROWSERS),
            }
        }
    };
    if is_noticed { unless_noticed(answered, now) } else { answered }
}

/// Finds another place, instead, if others logged in meanwhile, or a session is live in this one.
fn session_opening<'a>(
    wanted: OpenSession<'a>,
    token: &'a SessionToken,
    place: &Place,
    now: Timestamp,
    rng: &mut Random,
) -> Transaction<'a, Obstacle<OpenSessionRefusal, Other>> {
    let Place { logins, role, slot, record } = place;
    let (logins, role, slot) = (*logins, *role, *slot);
    let challenge = wanted.challenge;
    let account = &token.account;
    let member = &token.member;
    let is_known = wanted.browser.is_some_and(|browser| record.knows(browser, now));
    // The first login of a membership is from a new browser; who was invited knows of it.
    let is_noticed = logins > 0 && !is_known && record.may_notice(now);
    let answered = answered(wanted, record, is_noticed, now, rng);
    let counted = Write::update(
        layout::owner(&challenge.address),
        "SET logins = logins + :one REMOVE invited_until, invited_as",
    )
    .when("member_id = :member AND logins = :logins")
    .value(":one", 1)
    .value(":member", member)
    .value(":logins", logins);
    let opened = Write::update(
        layout::member(account, member),
        &format!(
            "SET {} = :session, status = :active, last_login_at = :now \
             REMOVE invited_until, duty, due_at, mail_problem",
            SessionRow::at(token.slot)
        ),
    )
    .if_there()
    .and("(attribute_not_exists(invited_until) OR invited_until > :now)")
    .value(":session", SessionRow::new(token, wanted.label, now))
    .value(":active", MemberStatus::Active)
    .value(":now", now.as_millisecond());
    let opened = if slot.is_some() { opened } else { actor::unless_live(opened, token.slot, now) };
    // The first login accepts the invitation, as what it is at that moment.
    let (accepting, opened) = match logins {
        0 => (
            account::accepted(account, member, role),
            opened.and("role = :role").value(":role", role),
        ),
        _ => (account::not_suspended(account), opened),
    };
    let id = token.id();
    let opening = Transaction::new()
        .guarded(answered, move |row| {
            let row: Option<LoginRow> = row.map(|row| from_item("login", row)).transpose()?;
            Ok(match row.filter(|row| row.record.is_unanswered(&challenge.id)) {
                // To whoever has it, it is a code like any that is wrong.
                Some(row) if row.record.is_closed(&challenge.id) => {
                    Obstacle::Refused(OpenSessionRefusal::NoMember)
                }
                Some(row) => Obstacle::Found(Other::Record(row.record)),
                None => Obstacle::Refused(OpenSessionRefusal::Expired),
            })
        })
        .guarded(counted, |row| {
            let row: Option<OwnerRow> = row.map(|row| from_item("owner", row)).transpose()?;
            Ok(match row.filter(|row| row.member_id == token.member) {
                Some(row) => Obstacle::Found(Other::Logins(row.logins)),
                None => Obstacle::Refused(OpenSessionRefusal::NoMember),
            })
        })
        .guarded(accepting, |_| Ok(Obstacle::Refused(OpenSessionRefusal::Suspended)))
        .guarded(opened, move |row| {
            let row: Option<MemberRow> = row.map(|row| from_item("member", row)).transpose()?;
            Ok(match row.filter(|row| !row.has_ended(now)) {
                // Whoever has not logged in has no session, so it is the role that is another.
                Some(row) if logins == 0 => Obstacle::Found(Other::Role(row.role())),
                Some(row) => Obstacle::Found(Other::Slot(row.next_slot(now))),
                None => Obstacle::Refused(OpenSessionRefusal::NoMember),
            })
        })
        .with(outbox::login_event(account, member, now, rng))
        .with(audit::member(account, member, &wanted.owner.email, now))
        .with(
            audit::by_member(token, "session_opened", Some(id.as_str()), now)
                .labelled(&wanted.label.to_string()),
        );
    if is_noticed {
        opening.with(outbox::login_notice(&challenge.address, NoticeReason::NewBrowser, now, rng))
    } else {
        opening
    }
}
