//! The outbox: rows whose stream records make the side effects happen, and what became of them.
//!
//! A row is `pending` until its outcome is on record. A pending row that is still there when it is
//! due has lost its stream record; `sweep` finds it by the sparse index `duties` (candidates only)
//! and redelivers it by a conditional write, which makes a new stream record. A duty of a suspended
//! account stays one, and is redelivered when the account is resumed. Login codes are no duties:
//! they are worth nothing after 180 seconds.
//!
//! A key's reminders are one row, which is `scheduled` until the next of them is due: then `sweep`
//! makes it `pending`, and what ends that schedules the one after it. Whatever is written of a
//! reminder stands on the end that it is about, for people change that.

use crate::layout::{self, RowKey};
use crate::rows::{
    DutyKind, KeyExpiring, LoginNotice, MAX_REDELIVERIES, MailKind, MailRow, NoticeReason,
    OutboxRow, OutboxStatus, UsageWarning, from_item,
};
use crate::write::{NotMet, Write};
use crate::{Random, Store, StoreError};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::key::next_reminder;
use domain::login::Challenge;
use domain::meter::Warning;
use domain::{
    AccountId, AddressHash, ApiKey, EmailAddress, EventId, Invitation, KeyId, MailProblem,
    MemberId, MemberStatus, invitation,
};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use serde::Deserialize;

/// How long a stream gets before a duty counts as lost; each redelivery doubles it.
const DUE_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// The longest that a duty waits for its next redelivery.
const MAX_DUE_AFTER: SignedDuration = SignedDuration::from_hours(6);
/// The index has so many partitions, so that no single one gets all the writes.
const DUTY_SHARDS: u32 = 8;
/// How long a duty of a suspended account, or one that cannot be read, rests before it is looked at
/// again.
const RESTS_FOR: SignedDuration = SignedDuration::from_mins(30);
/// How long rows are kept, from when they were last owed.
const DUTY_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 30);
/// The same for what is mailed about logins, of addresses that may be nobody's.
const LOGIN_MAIL_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How long the counts of a day are kept.
pub(crate) const COUNTS_KEPT_FOR: SignedDuration = SignedDuration::from_hours(48);

/// Where an outbox row lies.
pub type OutboxKey = RowKey;

/// A duty that may be overdue, as the index names it.
#[derive(Debug, Clone, Deserialize)]
pub struct Duty {
    #[serde(flatten)]
    pub key: OutboxKey,
    pub(crate) due_at: i64,
}

/// An outbox row, as far as it says whether it is still owed: one that cannot be read otherwise
/// leaves the others their turn.
#[derive(Debug, Deserialize)]
struct Owed {
    #[serde(flatten)]
    key: OutboxKey,
    #[serde(default)]
    status: String,
}

/// What became of redelivering a duty.
#[derive(Debug, Clone)]
pub enum Redelivery {
    Started,
    /// Its account is suspended: it waits, and that counts for nothing.
    Waits,
    /// It was settled, or redelivered by somebody else, in the meantime.
    Settled,
    /// It was redelivered so often that it is time to give it up.
    Exhausted(Box<OutboxRow>),
}

impl Duty {
    /// Whose duty it is, if it is an account's.
    pub fn account(&self) -> Option<AccountId> {
        self.key.account()
    }

    /// Whose invitation it is to end, if it is that.
    pub fn invitation(&self) -> Option<(AccountId, MemberId)> {
        self.account().zip(self.key.member())
    }

    /// Whether it is to remind somebody of a key's end.
    pub fn is_reminder(&self) -> bool {
        layout::is_expiry(&self.key)
    }

    /// Whether requests for codes are to be forgotten.
    pub fn is_asks(&self) -> bool {
        layout::is_login(&self.key)
    }

    /// The account whose keys are to be marked with what its row says, if it is that.
    pub fn marks(&self) -> Option<AccountId> {
        self.account().filter(|account| self.key == layout::account(account))
    }
}

/// The write that tells `provision-sandbox` of a login.
pub(crate) fn login_event(
    account: &AccountId,
    member: &MemberId,
    now: Timestamp,
    rng: &mut Random,
) -> Write {
    let kind = DutyKind::LoginEvent { account_id: account.clone(), member_id: member.clone() };
    Write::put(&layout::event(account, &EventId::random(rng)), &duty(kind, now, rng))
}

/// The write that asks `provision-sandbox` for the whole provisioning.
pub(crate) fn provision_request(
    account: &AccountId,
    member: &MemberId,
    now: Timestamp,
    rng: &mut Random,
) -> Write {
    let kind =
        DutyKind::ProvisionRequest { account_id: account.clone(), member_id: member.clone() };
    Write::put(&layout::event(account, &EventId::random(rng)), &duty(kind, now, rng))
}

/// The write that has `deliver-mail` send an invitation.
pub(crate) fn invitation(
    invitation: &Invitation,
    to: &EmailAddress,
    now: Timestamp,
    rng: &mut Random,
) -> Write {
    let kind = DutyKind::Mail(MailRow::invitation(to, invitation));
    Write::put(
        &layout::invitation(&invitation.account, &EventId::random(rng)),
        &duty(kind, now, rng),
    )
}

/// The write that has `deliver-mail` send a login code. It is no duty.
pub(crate) fn login_code(
    address: &AddressHash,
    to: &EmailAddress,
    challenge: &Challenge,
    now: Timestamp,
    rng: &mut Random,
) -> Write {
    let kind = DutyKind::Mail(MailRow::login_code(to, challenge));
    let row = OutboxRow::new(kind, now, now + LOGIN_MAIL_KEPT_FOR);
    Write::put(&layout::login_mail(address, &EventId::random(rng)), &row)
}

/// The write that has `deliver-mail` tell the owner of an address something. It is no duty: a
/// notice that gets lost is not worth a row that outlives the day.
pub(crate) fn login_notice(
    address: &AddressHash,
    reason: NoticeReason,
    now: Timestamp,
    rng: &mut Random,
) -> Write {
    let notice = LoginNotice { reason, happened_at: now };
    let kind = DutyKind::LoginNotice { address: address.clone(), notice };
    let row = OutboxRow::new(kind, now, now + LOGIN_MAIL_KEPT_FOR);
    Write::put(&layout::login_mail(address, &EventId::random(rng)), &row)
}

/// The write that has the admins reminded before a key ends: none if it does not end by itself, or
/// so soon that no reminder is left. It takes the place of what was scheduled before.
pub(crate) fn reminders(
    account: &AccountId,
    key: &ApiKey,
    now: Timestamp,
    rng: &mut Random,
) -> Option<Write> {
    let expires_at = key.expires_at?;
    let remind_at = next_reminder(expires_at, now)?;
    let kind = DutyKind::KeyExpiring(KeyExpiring::new(account, &key.id, expires_at, remind_at));
    let row = OutboxRow::new(kind, now, expires_at + DUTY_KEPT_FOR)
        .scheduled(REMINDERS.any(rng), remind_at);
    Some(Write::put(&layout::expiry(account, &key.id), &row))
}

/// The write that has the admins hear how much of a month's calls is used, if none did before.
pub(crate) fn usage_warning(
    account: &AccountId,
    warning: &Warning,
    now: Timestamp,
    rng: &mut Random,
) -> Write {
    let kind = DutyKind::UsageWarning(UsageWarning::new(account, warning));
    Write::put(&layout::usage_warning(account, warning), &duty(kind, now, rng)).if_new()
}

/// The write after which nobody is reminded of a key any more.
pub(crate) fn no_reminders(account: &AccountId, key: &KeyId) -> Write {
    Write::delete(layout::expiry(account, key))
}

/// The same for an account's row that is updated: `sweep` will find it, unless `duty` and `due_at`
/// are removed.
pub(crate) fn as_duty(update: Write, now: Timestamp, rng: &mut Random) -> Write {
    update.value(":duty", DUTIES.any(rng)).value(":due", (now + DUE_AFTER).as_millisecond())
}

/// A row that `sweep` will find if its stream record is lost.
fn duty(kind: DutyKind, now: Timestamp, rng: &mut Random) -> OutboxRow {
    OutboxRow::new(kind, now, now + DUTY_KEPT_FOR).due(DUTIES.any(rng), now + DUE_AFTER)
}

/// Partitions of the index of duties, one kind of them.
#[derive(Debug, Clone, Copy)]
pub struct Shards(&'static str);

/// What a stream may have lost, or what ended halfway.
pub const DUTIES: Shards = Shards("duty");
/// Requests for codes that are to be forgotten: however many there are, no duty waits for them.
pub const ASKS: Shards = Shards("asks");
/// Reminders before keys end, which people make end at the same moment: however many are due then,
/// no other duty waits for them.
pub const REMINDERS: Shards = Shards("reminder");

impl Shards {
    /// Some partition of them.
    pub(crate) fn any(self, rng: &mut Random) -> String {
        self.name(rng.random_range(0..DUTY_SHARDS))
    }

    fn name(self, number: u32) -> String {
        format!("{}#{number}", self.0)
    }
}

/// The condition that a row's outcome is not on record yet.
pub(crate) fn is_owed(key: &OutboxKey) -> Write {
    Write::check(key.clone()).when("status = :pending").value(":pending", OutboxStatus::Pending)
}

/// The write that puts a row's outcome on record; it is not pending any more, and no duty.
pub(crate) fn finished(key: &OutboxKey, outcome: OutboxStatus) -> Write {
    Write::update(key.clone(), "SET status = :status REMOVE duty, due_at")
        .when("status = :pending")
        .value(":status", outcome)
        .value(":pending", OutboxStatus::Pending)
}

/// The write that puts a reminder's outcome on record, and schedules the one after it.
fn reminded(
    key: &OutboxKey,
    of: &KeyExpiring,
    reminder: Timestamp,
    outcome: OutboxStatus,
) -> Write {
    let ended = match next_reminder(of.expires_at, reminder) {
        None => finished(key, outcome),
        Some(next) => Write::update(
            key.clone(),
            "SET status = :scheduled, remind_at = :next, due_at = :next, redeliveries = :none",
        )
        .when("status = :pending")
        .value(":pending", OutboxStatus::Pending)
        .value(":scheduled", OutboxStatus::Scheduled)
        .value(":next", next.as_millisecond())
        .value(":none", 0),
    };
    of_this_end(ended, of)
}

/// The write that notes what an admin was told, of a row that is still owed.
fn told(key: &OutboxKey, admin: &MemberId, what: Timestamp) -> Write {
    Write::update(key.clone(), "SET told.#admin = :what")
        .when("status = :pending")
        .name("#admin", admin.as_str())
        .value(":pending", OutboxStatus::Pending)
        .value(":what", what.as_millisecond())
}

/// One more condition: that the key ends when it did.
fn of_this_end(write: Write, of: &KeyExpiring) -> Write {
    write.and("expires_at = :expires_at").value(":expires_at", of.expires_at.as_millisecond())
}

impl Store {
    /// The row as it is now; a stream record shows it as it was.
    ///
    /// A row says by itself what is mailed to whom. Key checks may put rows where warnings are, so
    /// there a row that is another is none.
    pub async fn find_outbox_row(&self, key: &OutboxKey) -> Result<Option<OutboxRow>, StoreError> {
        let row = self.get::<OutboxRow>("outbox", key.clone()).await?;
        let is_warning = |row: &OutboxRow| matches!(row.duty, DutyKind::UsageWarning(_));
        if row.as_ref().is_some_and(|row| is_warning(row) != layout::is_usage_warning(key)) {
            let cause = "it says that it is another than its key".to_owned();
            return Err(StoreError::Row { kind: "outbox", cause });
        }
        Ok(row)
    }

    /// Records that the row's side effect has happened, or need not happen. A second time changes
    /// nothing.
    pub async fn finish(&self, key: &OutboxKey) -> Result<(), StoreError> {
        self.update(finished(key, OutboxStatus::Done)).await.map(drop)
    }

    /// Has reminders looked after that were scheduled, and due as the index said: the write makes a
    /// stream record. Whether they were.
    pub async fn begin_reminder(&self, duty: &Duty, now: Timestamp) -> Result<bool, StoreError> {
        let begun = Write::update(duty.key.clone(), "SET status = :pending, due_at = :next")
            .when("status = :scheduled AND due_at = :due")
            .value(":scheduled", OutboxStatus::Scheduled)
            .value(":pending", OutboxStatus::Pending)
            .value(":due", duty.due_at)
            .value(":next", (now + DUE_AFTER).as_millisecond());
        Ok(self.update(begun).await?.is_ok())
    }

    /// Notes that an admin has had a reminder; whether it is still to be given to others.
    pub async fn note_reminded(
        &self,
        key: &OutboxKey,
        of: &KeyExpiring,
        admin: &MemberId,
        reminder: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.update(of_this_end(told(key, admin, reminder), of)).await?.is_ok())
    }

    /// Notes that an admin has heard of a month's usage; whether it is still to be told to others.
    pub async fn note_warned(
        &self,
        key: &OutboxKey,
        admin: &MemberId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.update(told(key, admin, now)).await?.is_ok())
    }

    /// Records that a reminder was given to all who are to have it.
    pub async fn finish_reminder(
        &self,
        key: &OutboxKey,
        of: &KeyExpiring,
        reminder: Timestamp,
    ) -> Result<(), StoreError> {
        self.update(reminded(key, of, reminder, OutboxStatus::Done)).await.map(drop)
    }

    /// Counts an invitation that is about to be mailed to an address, if the day allows one more.
    /// The same one counts once, however often it is tried.
    pub async fn count_invitation(
        &self,
        mail: &OutboxKey,
        address: &AddressHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = layout::invitations_mailed(address, &invitation::day_of(now));
        let counted = Write::update(row, "SET type = :type, ttl = :ttl ADD mails :mail")
            .when("(attribute_not_exists(mails) OR size(mails) < :most OR contains(mails, :this))")
            .set_of(":mail", [mail.sk.clone()])
            .value(":this", &mail.sk)
            .value(":type", "invitations_mailed")
            .value(":most", invitation::MAILS_TO_ADDRESS)
            .value(":ttl", (now + COUNTS_KEPT_FOR).as_second());
        Ok(self.update(counted).await?.is_ok())
    }

    /// Records that the row's side effect will not happen; an invitation's member shows it. The
    /// reminder after one that is given up has its turn. Whoever waits for a Sandbox is told by
    /// `provision-sandbox`: a last stream record says so, and is made again until that is done.
    pub async fn give_up(
        &self,
        key: &OutboxKey,
        row: &OutboxRow,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if let DutyKind::LoginEvent { .. } | DutyKind::ProvisionRequest { .. } = &row.duty {
            let last = Write::update(key.clone(), "SET redeliveries = :over, due_at = :next")
                .when("status = :pending")
                .value(":pending", OutboxStatus::Pending)
                .value(":over", MAX_REDELIVERIES + 1)
                .value(":next", (now + MAX_DUE_AFTER).as_millisecond());
            return self.update(last).await.map(drop);
        }
        if let DutyKind::KeyExpiring(of) = &row.duty {
            let given_up = reminded(key, of, of.remind_at, OutboxStatus::Failed);
            return self.update(given_up).await.map(drop);
        }
        // The member first: a crash in between leaves the row pending, and the next delivery does
        // both.
        if let DutyKind::Mail(mail) = &row.duty
            && let MailKind::Invitation { account_id, member_id, number } = &mail.mail
        {
            let shown =
                Write::update(layout::member(account_id, member_id), "SET mail_problem = :failed")
                    .when("status = :invited AND invitation = :number")
                    .value(":number", number)
                    .value(":invited", MemberStatus::Invited)
                    .value(":failed", MailProblem::Failed);
            self.update(shown).await.map(drop)?;
        }
        self.update(finished(key, OutboxStatus::Failed)).await.map(drop)
    }

    /// Pending duties that were due before `now`, from every partition of this kind: candidates, at
    /// most `most` of each, and what is there and is none.
    pub async fn find_overdue(
        &self,
        shards: Shards,
        now: Timestamp,
        most: i32,
    ) -> Result<Vec<Result<Duty, StoreError>>, StoreError> {
        let before = AttributeValue::N(now.as_millisecond().to_string());
        let mut duties = Vec::new();
        for number in 0..DUTY_SHARDS {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("duties")
                .limit(most)
                .key_condition_expression("#duty = :shard AND due_at < :now")
                .expression_attribute_names("#duty", "duty")
                .expression_attribute_values(":shard", AttributeValue::S(shards.name(number)))
                .expression_attribute_values(":now", before.clone())
                .send()
                .await
                .map_err(StoreError::unavailable)?;
            duties.extend(
                page.items.unwrap_or_default().into_iter().map(|item| from_item("duty", item)),
            );
        }
        Ok(duties)
    }

    /// Has everything done that has waited for the account: a new stream record for each of its
    /// duties.
    pub(crate) async fn redeliver_waiting(
        &self,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let partition = layout::account_partition(account);
        let (events, mails, reminders) = tokio::try_join!(
            self.query::<Owed>("outbox", partition.clone(), layout::EVENT_PREFIX),
            self.query::<Owed>("outbox", partition.clone(), layout::MAIL_PREFIX),
            self.query::<Owed>("outbox", partition, layout::EXPIRY_PREFIX),
        )?;
        let rows = events.into_iter().chain(mails).chain(reminders);
        let owed = rows.filter(|row| row.status == "pending");
        for Owed { key, .. } in owed {
            self.rest(&key, now, DUE_AFTER, None).await?;
        }
        Ok(())
    }

    /// Makes a pending duty due later, and keeps its row on; a new stream record comes of it.
    /// Whether it was one still.
    async fn rest(
        &self,
        key: &OutboxKey,
        now: Timestamp,
        rest: SignedDuration,
        due: Option<i64>,
    ) -> Result<bool, StoreError> {
        let rested = Write::update(key.clone(), "SET due_at = :next, ttl = :ttl")
            .when("status = :pending")
            .value(":pending", OutboxStatus::Pending)
            .value(":next", (now + rest).as_millisecond())
            .value(":ttl", (now + DUTY_KEPT_FOR).as_second());
        let rested = match due {
            Some(due) => rested.and("due_at = :due").value(":due", due),
            None => rested,
        };
        Ok(self.update(rested).await?.is_ok())
    }

    /// Has a duty wait that cannot be done: the index names the oldest first, and there may be more
    /// of them than anybody asks for at once. Whether it was one still, and due as the index said.
    pub async fn set_aside(&self, duty: &Duty, now: Timestamp) -> Result<bool, StoreError> {
        let next = AttributeValue::N((now + RESTS_FOR).as_millisecond().to_string());
        let later = Write::update(duty.key.clone(), "SET due_at = :next")
            .when("due_at = :due AND attribute_exists(duty)")
            .value(":due", duty.due_at)
            .value(":next", (now + RESTS_FOR).as_millisecond());
        Ok(match self.update(later).await? {
            Ok(_) => true,
            Err(NotMet { row, perhaps_own }) => {
                perhaps_own && row.is_some_and(|row| row.get("due_at") == Some(&next))
            }
        })
    }

    /// Redelivers a duty, if it is still pending and still due as the index said: the write makes
    /// a new stream record. One of a suspended account waits instead.
    pub async fn redeliver(&self, duty: &Duty, now: Timestamp) -> Result<Redelivery, StoreError> {
        if let Some(account) = duty.account()
            && self.find_account(&account).await?.is_some_and(|account| account.suspended)
        {
            let rests = self.rest(&duty.key, now, RESTS_FOR, Some(duty.due_at)).await?;
            return Ok(if rests { Redelivery::Waits } else { Redelivery::Settled });
        }
        let overdue = SignedDuration::from_millis(now.as_millisecond().saturating_sub(duty.due_at));
        let waited = overdue.max(SignedDuration::ZERO) + DUE_AFTER;
        let next = now + (waited * 2).min(MAX_DUE_AFTER);
        let redelivered = Write::update(
            duty.key.clone(),
            "SET redeliveries = redeliveries + :one, due_at = :next",
        )
        .when("status = :pending AND due_at = :due AND redeliveries < :most")
        .value(":pending", OutboxStatus::Pending)
        .value(":due", duty.due_at)
        .value(":next", next.as_millisecond())
        .value(":one", 1)
        .value(":most", MAX_REDELIVERIES);
        match self.update(redelivered).await? {
            Ok(_) => Ok(Redelivery::Started),
            Err(NotMet { row: None, .. }) => Ok(Redelivery::Settled),
            Err(NotMet { row: Some(row), perhaps_own }) => {
                let row: OutboxRow = from_item("outbox", row)?;
                Ok(if row.is_still_due(duty.due_at) {
                    Redelivery::Exhausted(Box::new(row))
                } else if perhaps_own && row.is_still_due(next.as_millisecond()) {
                    Redelivery::Started
                } else {
                    Redelivery::Settled
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duty_says_by_its_place_what_it_is() {
        let account: AccountId = "acct_0123456789ab".parse().unwrap();
        let key: KeyId = "key_k00000000".parse().unwrap();
        let address = "ada@example.com".parse::<EmailAddress>().unwrap().hash();
        let mut rng = Random::seeded(1);
        let member = MemberId::random(&address, &mut rng);
        let event = layout::event(&account, &EventId::random(&mut rng));
        for (key, what) in [
            (layout::account(&account), "marks"),
            (layout::member(&account, &member), "invitation"),
            (layout::expiry(&account, &key), "reminder"),
            (layout::login(&address), "asks"),
            (event, ""),
        ] {
            let duty = Duty { key, due_at: 0 };
            let is = [
                ("marks", duty.marks() == Some(account.clone())),
                ("marks", duty.marks().is_some()),
                ("invitation", duty.invitation() == Some((account.clone(), member.clone()))),
                ("invitation", duty.invitation().is_some()),
                ("reminder", duty.is_reminder()),
                ("asks", duty.is_asks()),
            ];
            for (name, is) in is {
                assert_eq!(is, name == what, "{name}: {duty:?}");
            }
            assert_eq!(duty.account(), (what != "asks").then(|| account.clone()));
        }
    }

    #[test]
    fn a_duty_is_due_after_two_minutes_and_kept_for_thirty_days() {
        let account: AccountId = "acct_0123456789ab".parse().unwrap();
        let email: EmailAddress = "ada@example.com".parse().unwrap();
        let mut rng = Random::seeded(1);
        let member_id = MemberId::random(&email.hash(), &mut rng);
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        let kind = DutyKind::LoginEvent { account_id: account, member_id };
        let row = duty(kind, now, &mut rng);
        assert!(row.is_still_due(3_720_000));
        let ttl = AttributeValue::N((3600 + 30 * 86_400).to_string());
        assert_eq!(crate::rows::to_item(&row).get("ttl"), Some(&ttl));
    }
}
