//! The audit trail, as it is read: newest first by an account's admins, a page at a time, and
//! oldest first by operators, as much as fits into an answer.
//!
//! A page costs what it has in it, however long the trail is: it is one range of the sort key, and
//! the newest rows are at the partition's end.

use crate::actor::{ActorRefusal, Admin, Caller};
use crate::layout::{self, RowKey};
use crate::rows::{AuditMemberRow, EventRow, Field, Item, from_item, to_item};
use crate::write::Backoff;
use crate::{Failure, Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use domain::trail::{EventKind, Place, SubjectKind};
use domain::{AccountId, EmailAddress, MemberId};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many events a page has at most.
pub const EVENTS_OF_PAGE: usize = 25;
/// How many rows are looked at for a page: more than it has, for some are not told.
const ROWS_OF_PAGE: i32 = 50;
/// The same where events of one kind are asked for: about 250 KB.
const ROWS_OF_KIND: i32 = 500;
/// How many rows one request names at most: DynamoDB takes no more.
const ROWS_OF_BATCH: usize = 100;

/// One change.
#[derive(Debug, Clone)]
pub struct Event {
    pub place: Place,
    pub at: Timestamp,
    pub action: String,
    /// None of an action that admins are not told of, or that this version does not know.
    pub kind: Option<EventKind>,
    pub actor: Actor,
    pub subject: Option<Subject>,
    pub was: Fields,
    pub is: Fields,
}

/// What an act changed.
pub type Fields = BTreeMap<String, Field>;

#[derive(Debug, Clone)]
pub enum Actor {
    /// The address is that of a member who is there, or is not there any more.
    Member {
        id: MemberId,
        email: Option<EmailAddress>,
    },
    Operator {
        by: Option<String>,
    },
    /// Frontdesk itself.
    Desk,
}

#[derive(Debug, Clone)]
pub struct Subject {
    pub kind: SubjectKind,
    pub id: String,
    /// What it was called then.
    pub label: Option<String>,
}

/// Some of a trail.
#[derive(Debug, Default)]
pub struct Stretch {
    pub events: Vec<Event>,
    /// The place to read on from, if there is more.
    pub next: Option<Place>,
    /// Why rows were passed over.
    pub unreadable: Vec<StoreError>,
}

/// In which direction to read, and from which place on.
#[derive(Debug, Clone, Copy)]
enum Reading<'a> {
    Before(Option<&'a Place>),
    After(Option<&'a Place>),
}

impl Store {
    /// The admin's account's events before a place, or the newest ones, with the admin as caller.
    /// Some of those of one kind, if it is asked for.
    pub async fn find_activity(
        &self,
        actor: &Admin,
        before: Option<&Place>,
        kind: Option<EventKind>,
        now: Timestamp,
    ) -> Result<(Caller, Stretch), Failure<ActorRefusal>> {
        let account = &actor.session.account;
        let (caller, found) =
            tokio::join!(self.find_admin(actor, now), self.find_page(account, before, kind, now));
        let (caller, mut found) = (caller?, found?);
        self.tell_members(account, &mut found.events).await?;
        Ok((caller, found))
    }

    /// An account's newest events.
    pub async fn find_newest_events(
        &self,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<Stretch, StoreError> {
        let mut found = self.find_page(account, None, None, now).await?;
        self.tell_members(account, &mut found.events).await?;
        Ok(found)
    }

    /// An account's events after a place, or from the first one on, as many as one request brings.
    pub async fn find_events_after(
        &self,
        account: &AccountId,
        after: Option<&Place>,
        now: Timestamp,
    ) -> Result<Stretch, StoreError> {
        let rows = self.trail_rows(account, Reading::After(after), None).await?;
        let mut found = rows.read(now, usize::MAX, |_| true);
        self.tell_members(account, &mut found.events).await?;
        Ok(found)
    }

    /// A page, in which nobody has an address yet.
    async fn find_page(
        &self,
        account: &AccountId,
        before: Option<&Place>,
        kind: Option<EventKind>,
        now: Timestamp,
    ) -> Result<Stretch, StoreError> {
        let most = kind.map_or(ROWS_OF_PAGE, |_| ROWS_OF_KIND);
        let rows = self.trail_rows(account, Reading::Before(before), Some(most)).await?;
        Ok(rows.read(now, EVENTS_OF_PAGE, |event| match kind {
            Some(kind) => event.kind == Some(kind),
            None => event.kind.is_some(),
        }))
    }

    async fn trail_rows(
        &self,
        account: &AccountId,
        reading: Reading<'_>,
        most: Option<i32>,
    ) -> Result<Rows, StoreError> {
        let [first, last] = match reading {
            Reading::Before(place) => layout::trail_before(place),
            Reading::After(place) => layout::trail_after(place),
        };
        let text = AttributeValue::S;
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(layout::trail_partition(account)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last))
            .scan_index_forward(matches!(reading, Reading::After(_)))
            .set_limit(most)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let last: Option<RowKey> =
            found.last_evaluated_key.map(|key| from_item("audit", key)).transpose()?;
        Ok(Rows { items: found.items.unwrap_or_default(), last })
    }

    /// Puts in the addresses of the members that events are of. They stand in one place, and so
    /// that nobody can put another one there, they are held against the ids.
    async fn tell_members(
        &self,
        account: &AccountId,
        events: &mut [Event],
    ) -> Result<(), StoreError> {
        let named: HashSet<MemberId> = events.iter().flat_map(Event::unlabelled).collect();
        let named: Vec<MemberId> = named.into_iter().collect();
        let mut known = HashMap::new();
        for some in named.chunks(ROWS_OF_BATCH) {
            known.extend(self.addresses(account, some).await?);
        }
        for event in events {
            event.tell(&known);
        }
        Ok(())
    }

    async fn addresses(
        &self,
        account: &AccountId,
        members: &[MemberId],
    ) -> Result<Vec<(MemberId, EmailAddress)>, StoreError> {
        let mut wanted: Vec<Item> =
            members.iter().map(|member| to_item(&layout::audit_member(account, member))).collect();
        let mut found = Vec::new();
        let mut backoff = Backoff::new(self);
        loop {
            let keys = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true);
            let keys = keys.build().expect("every required field is set");
            let read = self.client.batch_get_item().request_items(&self.table, keys);
            let read = read.send().await.map_err(StoreError::unavailable)?;
            let rows = read.responses.unwrap_or_default().remove(&self.table);
            found.extend(rows.into_iter().flatten().filter_map(address));
            // What the table was too busy for.
            let left = read.unprocessed_keys.unwrap_or_default().remove(&self.table);
            match left {
                Some(left) => wanted = left.keys,
                None => return Ok(found),
            }
            backoff.wait().await?;
        }
    }
}

/// Which member has which address, if the row tells it, and the id is of that address.
fn address(row: Item) -> Option<(MemberId, EmailAddress)> {
    let key: RowKey = from_item("audit_member", row.clone()).ok()?;
    let AuditMemberRow { email, .. } = from_item("audit_member", row).ok()?;
    let member = layout::addressed(&key)?;
    (member.address() == email.hash()).then_some((member, email))
}

/// Rows of the trail as they were found, and the last one looked at, if there are more.
struct Rows {
    items: Vec<Item>,
    last: Option<RowKey>,
}

impl Rows {
    /// As many events as are wanted, of those that are told. A row that cannot be read is passed
    /// over, and so is one whose time is over.
    fn read(self, now: Timestamp, most: usize, is_told: impl Fn(&Event) -> bool) -> Stretch {
        let mut found = Stretch::default();
        for item in self.items {
            let event = match event(item, now) {
                Ok(Some(event)) if is_told(&event) => event,
                Ok(_) => continue,
                Err(error) => {
                    found.unreadable.push(error);
                    continue;
                }
            };
            if found.events.len() == most {
                found.next = found.events.last().map(|last| last.place.clone());
                return found;
            }
            found.events.push(event);
        }
        found.next = self.last.and_then(|key| layout::place_of(&key));
        found
    }
}

/// What a row tells, while it is kept.
fn event(item: Item, now: Timestamp) -> Result<Option<Event>, StoreError> {
    let EventRow { key, action, actor, target, label, at, operator, by, ttl, was, is } =
        from_item("audit", item)?;
    if ttl.is_some_and(|ttl| ttl <= now.as_second()) {
        return Ok(None);
    }
    let place = layout::place_of(&key).ok_or_else(|| StoreError::Row {
        kind: "audit",
        cause: "its key is of another form".to_owned(),
    })?;
    let actor = match (operator, actor) {
        (true, _) => Actor::Operator { by },
        (false, Some(id)) => Actor::Member { id, email: None },
        (false, None) => Actor::Desk,
    };
    let kind = EventKind::of(&action);
    let subject = target.map(|id| Subject { kind: SubjectKind::of(&id, kind), id, label });
    Ok(Some(Event { place, at, action, kind, actor, subject, was, is }))
}

impl Event {
    /// Members whose address its row does not tell.
    fn unlabelled(&self) -> impl Iterator<Item = MemberId> {
        let actor = match &self.actor {
            Actor::Member { id, .. } => Some(id.clone()),
            Actor::Operator { .. } | Actor::Desk => None,
        };
        let subject = self.subject.as_ref().filter(|subject| subject.label.is_none());
        actor.into_iter().chain(subject.and_then(|subject| subject.id.parse().ok()))
    }

    fn tell(&mut self, known: &HashMap<MemberId, EmailAddress>) {
        if let Actor::Member { id, email } = &mut self.actor {
            *email = known.get(id).cloned();
        }
        if let Some(Subject { id, label, .. }) = &mut self.subject {
            let address = || known.get(&id.parse().ok()?).map(|email| email.as_str().to_owned());
            *label = label.take().or_else(address);
        }
    }
}
