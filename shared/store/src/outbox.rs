//! The outbox: rows whose stream records make the side effects happen, and what became of them.
//!
//! A row is `pending` until its outcome is on record. A pending row that is still there when it is
//! due has lost its stream record; `sweep` finds it by the sparse index `duties` (candidates only)
//! and redelivers it by a conditional write, which makes a new stream record. Login codes are no
//! duties: they are worth nothing after 180 seconds.

use crate::layout::{self, RowKey};
use crate::login::LoginMail;
use crate::write::{Write, from_item};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{AccountId, AddressHash, EmailAddress, EventId, MemberId, MemberStatus};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// How long a stream gets before a duty counts as lost; each redelivery doubles it.
const DUE_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// After so many redeliveries (about a day and a half) a duty is given up, visibly.
const MAX_REDELIVERIES: u32 = 9;
/// The index has so many partitions, so that no single one gets all the writes.
const DUTY_SHARDS: u32 = 8;
/// How long finished rows stay readable.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Where an outbox row lies.
pub type OutboxKey = RowKey;

/// A row of the outbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutboxRow {
    #[serde(flatten)]
    pub duty: DutyKind,
    status: OutboxStatus,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// How often it was redelivered.
    pub redeliveries: u32,
    #[serde(rename = "duty", default, skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<i64>,
    ttl: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutboxStatus {
    Pending,
    Done,
    Failed,
}

/// What a row asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DutyKind {
    /// A member logged in: the Sandbox is to be provisioned, or looked after.
    LoginEvent {
        account_id: AccountId,
        member_id: MemberId,
    },
    /// Somebody asked for the whole provisioning again.
    ProvisionRequest {
        account_id: AccountId,
        member_id: MemberId,
    },
    Mail(MailRow),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MailRow {
    pub to: EmailAddress,
    #[serde(flatten)]
    pub mail: MailKind,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "mail", rename_all = "snake_case")]
pub enum MailKind {
    /// What the code is derived from; the code itself is nowhere.
    LoginCode {
        challenge_id: String,
        generation: u32,
        keyring_version: String,
        #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
        expires_at: Timestamp,
    },
    Invitation {
        account_id: AccountId,
        member_id: MemberId,
    },
}

/// A lost duty, as the index names it.
#[derive(Debug, Clone, Deserialize)]
pub struct Duty {
    #[serde(flatten)]
    pub key: OutboxKey,
    due_at: i64,
}

/// What became of redelivering a duty.
#[derive(Debug, Clone)]
pub enum Redelivery {
    Started,
    /// It was settled, or redelivered by somebody else, in the meantime.
    Settled,
    /// It was redelivered so often that it is time to give it up.
    Exhausted(Box<OutboxRow>),
}

impl Duty {
    /// Whose duty it is. Only accounts have any.
    pub fn account(&self) -> Option<AccountId> {
        layout::account_of(&self.key)
    }
}

impl OutboxRow {
    fn new(duty: DutyKind, now: Timestamp) -> OutboxRow {
        OutboxRow {
            duty,
            status: OutboxStatus::Pending,
            at: now,
            redeliveries: 0,
            shard: None,
            due_at: None,
            ttl: (now + KEPT_FOR).as_second(),
        }
    }

    /// Made a duty: `sweep` will find it if its stream record is lost.
    fn due(mut self, now: Timestamp) -> OutboxRow {
        self.shard = Some(shard(crate::rng().random_range(0..DUTY_SHARDS)));
        self.due_at = Some((now + DUE_AFTER).as_millisecond());
        self
    }

    pub(crate) fn login_event(
        account: &AccountId,
        member: &MemberId,
        now: Timestamp,
        id: &EventId,
    ) -> (OutboxKey, OutboxRow) {
        let duty = DutyKind::LoginEvent { account_id: account.clone(), member_id: member.clone() };
        (layout::event(account, id), OutboxRow::new(duty, now).due(now))
    }

    pub(crate) fn provision_request(
        account: &AccountId,
        member: &MemberId,
        now: Timestamp,
        id: &EventId,
    ) -> (OutboxKey, OutboxRow) {
        let duty =
            DutyKind::ProvisionRequest { account_id: account.clone(), member_id: member.clone() };
        (layout::event(account, id), OutboxRow::new(duty, now).due(now))
    }

    pub(crate) fn invitation(
        account: &AccountId,
        member: &MemberId,
        to: &EmailAddress,
        now: Timestamp,
        id: &EventId,
    ) -> (OutboxKey, OutboxRow) {
        let mail = MailKind::Invitation { account_id: account.clone(), member_id: member.clone() };
        let duty = DutyKind::Mail(MailRow { to: to.clone(), mail });
        (layout::invitation(account, id), OutboxRow::new(duty, now).due(now))
    }

    pub(crate) fn login_code(
        mail: &LoginMail,
        address: &AddressHash,
        now: Timestamp,
        id: &EventId,
    ) -> (OutboxKey, OutboxRow) {
        let kind = MailKind::LoginCode {
            challenge_id: mail.challenge.id.clone(),
            generation: mail.challenge.generation,
            keyring_version: mail.challenge.keyring_version.clone(),
            expires_at: mail.challenge.expires_at,
        };
        let row =
            OutboxRow::new(DutyKind::Mail(MailRow { to: mail.email.clone(), mail: kind }), now);
        let ttl = (now + SignedDuration::from_hours(24)).as_second();
        (layout::login_mail(address, id), OutboxRow { ttl, ..row })
    }

    pub fn is_pending(&self) -> bool {
        self.status == OutboxStatus::Pending
    }
}

fn shard(number: u32) -> String {
    format!("duty#{number}")
}

/// The write that puts a row's outcome on record; it is not pending any more, and no duty.
pub(crate) fn finished(key: &OutboxKey, failed: bool) -> Write {
    let status = if failed { OutboxStatus::Failed } else { OutboxStatus::Done };
    let write = Write::update(key.clone(), "SET #status = :status REMOVE #duty, due_at")
        .when("#status = :pending");
    let write = write.name("#status", "status").name("#duty", "duty");
    write.value(":status", status).value(":pending", OutboxStatus::Pending)
}

impl Store {
    /// The row as it is now; a stream record shows it as it was.
    pub async fn find_outbox_row(&self, key: &OutboxKey) -> Result<Option<OutboxRow>, StoreError> {
        self.get("outbox", key.clone()).await
    }

    /// Records that the row's side effect has happened, or need not happen. A second time changes
    /// nothing.
    pub async fn finish(&self, key: &OutboxKey) -> Result<(), StoreError> {
        self.update(finished(key, false)).await.map(drop)
    }

    /// Records that the row's side effect will not happen; an invitation's member shows it.
    pub async fn give_up(&self, key: &OutboxKey, row: &OutboxRow) -> Result<(), StoreError> {
        // The member first: a crash in between leaves the row pending, and the next delivery does
        // both.
        if let DutyKind::Mail(MailRow {
            mail: MailKind::Invitation { account_id, member_id },
            ..
        }) = &row.duty
        {
            let shown =
                Write::update(layout::member(account_id, member_id), "SET #status = :failed")
                    .name("#status", "status");
            let shown = shown.when("#status = :invited").value(":invited", MemberStatus::Invited);
            self.update(shown.value(":failed", MemberStatus::InvitationFailed)).await.map(drop)?;
        }
        self.update(finished(key, true)).await.map(drop)
    }

    /// Pending duties that were due before `now`, from every partition of the index: candidates, at
    /// most `most` of each.
    pub async fn find_overdue(&self, now: Timestamp, most: i32) -> Result<Vec<Duty>, StoreError> {
        let mut duties = Vec::new();
        for number in 0..DUTY_SHARDS {
            let query =
                self.client.query().table_name(&self.table).index_name("duties").limit(most);
            let query = query
                .key_condition_expression("#duty = :shard AND due_at < :now")
                .expression_attribute_names("#duty", "duty");
            let query =
                query.expression_attribute_values(":shard", AttributeValue::S(shard(number)));
            let query = query.expression_attribute_values(
                ":now",
                AttributeValue::N(now.as_millisecond().to_string()),
            );
            let page = query.send().await.map_err(StoreError::unavailable)?;
            for item in page.items.unwrap_or_default() {
                duties.push(from_item("duty", item)?);
            }
        }
        Ok(duties)
    }

    /// Redelivers a duty, if it is still pending and still due as the index said: the write makes
    /// a new stream record.
    pub async fn redeliver(&self, duty: &Duty, now: Timestamp) -> Result<Redelivery, StoreError> {
        let waited = SignedDuration::from_millis(now.as_millisecond() - duty.due_at)
            .max(SignedDuration::ZERO)
            + DUE_AFTER;
        let next = now + (waited * 2).min(SignedDuration::from_hours(6));
        let again = Write::update(
            duty.key.clone(),
            "SET redeliveries = redeliveries + :one, due_at = :next",
        );
        let again = again
            .when("#status = :pending AND due_at = :due AND redeliveries < :most")
            .name("#status", "status");
        let again = again
            .value(":pending", OutboxStatus::Pending)
            .value(":due", duty.due_at)
            .value(":one", 1)
            .value(":most", MAX_REDELIVERIES);
        match self.update(again.value(":next", next.as_millisecond())).await? {
            Ok(_) => Ok(Redelivery::Started),
            Err(None) => Ok(Redelivery::Settled),
            Err(Some(row)) => {
                let row: OutboxRow = from_item("outbox", row)?;
                let exhausted = row.is_pending() && row.due_at == Some(duty.due_at);
                Ok(if exhausted {
                    Redelivery::Exhausted(Box::new(row))
                } else {
                    Redelivery::Settled
                })
            }
        }
    }
}
