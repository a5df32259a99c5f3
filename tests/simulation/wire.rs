//! The network's place: a request waits here until the schedule decides when it reaches the store,
//! and what becomes of it.

use crate::choices::Move;
use crate::deployment::table;
use crate::stream::{Delivery, Record, heard_by, is_watched};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::result::ConnectorError;
use desk::inside::{self, Service};
use desk::{Engine, Reply};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::oneshot;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is made, and answered.
    Answered,
    /// It is answered from how the table was at the start: only a read that did not ask for
    /// consistency.
    Stale,
    Throttled,
    /// It is throttled, and so is whatever its function sends from then on.
    Outage,
    /// Another transaction is said to be at work on one of its rows.
    Conflict,
    /// A try under the same token is said to be at work.
    InProgress,
    /// It never arrives, and its connection breaks.
    LostBefore,
    /// It is made, and its connection breaks before the answer.
    LostAfter,
    /// Its connection breaks, and it arrives later, or not before all is over.
    Late,
    /// Whoever sent it dies before it arrives.
    Killed,
    /// It is made, and whoever sent it dies.
    KilledAfter,
    /// The record that a worker looks up by it comes once more.
    Twice,
    /// The record that a worker would look up by it never came.
    Undelivered,
    /// SES or the product API says no.
    Refused,
    /// SES or the product API fails, and so does whatever its function sends there from then on.
    Down,
    /// Secrets Manager fails, and goes on to. Where this may be, keyrings are asked for by requests
    /// that wait as others do.
    NoKeyring,
    /// The product API does not answer in time, nor does it again while the function runs.
    Mute,
    /// It fares as the outage says that its function is in.
    StillOut,
}

impl Fate {
    /// Whether it is a fault that a schedule has only so many of.
    pub fn is_fault(self) -> bool {
        !matches!(self, Self::Answered | Self::Stale | Self::StillOut)
    }
}

/// The rows that a request is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    reads: BTreeSet<String>,
    writes: BTreeSet<String>,
    reads_anything: bool,
}

impl Reach {
    #[cfg(test)]
    pub fn of_write(row: &str) -> Self {
        Self { writes: BTreeSet::from([row.to_owned()]), ..Self::default() }
    }

    pub fn and(mut self, other: Self) -> Self {
        self.reads.extend(other.reads);
        self.writes.extend(other.writes);
        self.reads_anything |= other.reads_anything;
        self
    }

    /// Whether it can tell which of two requests came first.
    pub fn meets(&self, other: &Self) -> bool {
        let meets = |one: &Self, other: &Self| {
            (one.reads_anything && !other.writes.is_empty())
                || !one.writes.is_disjoint(&other.writes)
                || !one.writes.is_disjoint(&other.reads)
        };
        meets(self, other) || meets(other, self)
    }
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Store,
    Mail,
    ProductApi,
    Keyring,
}

/// A request on its way.
#[derive(Debug)]
pub struct Pending {
    pub actor: usize,
    pub act: usize,
    /// Which one of the actor's requests.
    number: usize,
    /// Whether it is the first one of a worker that was brought a record.
    looks_up: bool,
    place: Place,
    reach: Reach,
    pub operation: String,
    pub body: Value,
    /// None for one whose sender has been told that its connection broke.
    answer: Option<oneshot::Sender<Result<Reply, ConnectorError>>>,
}

/// A request whose fate was decided.
#[derive(Debug, Clone)]
pub struct Step {
    pub actor: usize,
    pub act: usize,
    pub operation: String,
    pub about: String,
    pub fate: Fate,
    /// What the store answered, whether or not the answer arrived; none if it was not reached.
    pub status: Option<u16>,
    /// Whether it committed something, and not only what the same request had committed before.
    pub commits: bool,
    pub reach: Reach,
    /// Rows that were changed by it, as they are then: of those that somebody watches.
    pub rows: BTreeMap<String, Value>,
}

/// A mail that SES took.
#[derive(Debug, Clone)]
pub struct Mailed {
    pub to: String,
    pub actor: usize,
    pub act: usize,
    /// How many steps had been decided before it.
    pub at: usize,
}

/// What the product API said to a key.
#[derive(Debug, Clone)]
pub struct Asked {
    pub actor: usize,
    pub act: usize,
    /// How many steps had been decided when it answered.
    pub at: usize,
    pub key: String,
    /// The state, or the reason, that this is.
    pub verdict: &'static str,
}

impl Step {
    /// Whether it asks for a row whose key has this in it.
    pub fn reads(&self, part: &str) -> bool {
        self.reach.reads.iter().any(|row| row.contains(part))
    }

    pub fn is_write(&self) -> bool {
        ["TransactWriteItems", "UpdateItem"].contains(&self.operation.as_str())
    }

    /// Whether it would change such a row.
    pub fn writes(&self, part: &str) -> bool {
        self.reach.writes.iter().any(|row| row.contains(part))
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { actor, act, operation, about, fate, status, .. } = self;
        let status = status.map_or("-".to_owned(), |status| status.to_string());
        write!(f, "actor {actor}, act {act}: {operation} {about} -> {fate:?} {status}")
    }
}

/// What is changed in every request, to see that something breaks.
#[derive(Debug, Clone, Copy)]
pub enum Sabotage {
    /// The part of a condition with this text always holds.
    Without(&'static str),
    /// The text stands in another's place in every condition.
    Instead(&'static str, &'static str),
    /// No read asks for consistency.
    Consistency,
}

/// The store, and what is on its way there.
pub struct Wire {
    pub engine: Engine,
    /// The table as it was at the start, for a read that does not ask for consistency.
    before: Engine,
    pub keyring: String,
    sabotage: Option<Sabotage>,
    state: Mutex<State>,
}

/// Whoever has no part in a schedule: its requests are answered at once.
pub const ASIDE: usize = 900;

#[derive(Debug, Default)]
struct Actor {
    act: usize,
    /// How many requests it has sent.
    sent: usize,
    /// The first one of its act.
    first: usize,
    /// The record that it was brought, if it is a worker.
    brought: Option<Delivery>,
    /// How many records came of what it committed.
    records: usize,
    /// Those of the row that it was brought itself, which come when it is done with that.
    held_back: Vec<Delivery>,
    /// The outage that its function is in.
    out: Option<Fate>,
    /// Ends its function.
    end: Option<oneshot::Sender<Fate>>,
}

#[derive(Debug, Default)]
struct State {
    /// While nothing is scheduled, every request is answered at once.
    scheduled: bool,
    /// Whether workers are to hear of what is committed.
    has_workers: bool,
    /// Whether keyrings may fail to come.
    lacks_keyrings: bool,
    waiting: Vec<Pending>,
    steps: Vec<Step>,
    actors: BTreeMap<usize, Actor>,
    committed: BTreeSet<String>,
    records: Vec<Delivery>,
    product_api_says: Option<u16>,
    mailed: Vec<Mailed>,
    asked: Vec<Asked>,
    /// Tokens of transactions of which a try was not answered.
    unanswered: BTreeSet<String>,
    /// Which schedule this is, of all that this process runs.
    number: u64,
    /// How many acts there were of those who have no part in it.
    asides: u64,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    pub fn new(
        engine: Engine,
        before: Engine,
        keyring: String,
        sabotage: Option<Sabotage>,
    ) -> Self {
        Self { engine, before, keyring, sabotage, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    /// From now on requests wait for [`Wire::decide`].
    pub fn schedule(&self, has_workers: bool, faults: &[Fate]) {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        *self.state() = State {
            scheduled: true,
            has_workers,
            lacks_keyrings: faults.contains(&Fate::NoKeyring),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            ..State::default()
        };
    }

    /// A region of each schedule's own: the SDK counts by it how often all of a process may try
    /// again, and a schedule must not hang on those before it.
    pub fn region(&self) -> String {
        format!("simulation-{}", self.state().number)
    }

    /// What whoever has no part in a schedule draws: each time something else.
    pub fn seed_aside(&self) -> u64 {
        let mut state = self.state();
        state.asides += 1;
        100_000 + state.asides
    }

    /// Answers whatever comes at once again; what is still on its way never arrives.
    pub fn release(&self) {
        let mut state = self.state();
        state.scheduled = false;
        state.waiting.clear();
    }

    /// From now on workers hear of what is committed.
    pub fn watch(&self) {
        self.state().has_workers = true;
    }

    /// Whatever the key, until requests wait for their turn.
    pub fn product_api_says(&self, status: u16) {
        self.state().product_api_says = Some(status);
    }

    /// Somebody begins an act. What it is given says when it is ended, and by which fate.
    pub fn begin(&self, actor: usize, act: usize) -> oneshot::Receiver<Fate> {
        let (end, ended) = oneshot::channel();
        let mut state = self.state();
        let actor = state.actors.entry(actor).or_default();
        (actor.act, actor.first, actor.out, actor.end) = (act, actor.sent, None, Some(end));
        ended
    }

    /// The same of a worker that is brought a record.
    pub fn begin_delivery(&self, delivery: &Delivery, attempt: usize) -> oneshot::Receiver<Fate> {
        let brought = Some(delivery.clone());
        self.state().actors.entry(delivery.actor).or_default().brought = brought;
        self.begin(delivery.actor, attempt)
    }

    /// It is done with what it was brought. As with Lambda, where the records of a row come one
    /// after the other, what it wrote of that row comes now.
    pub fn end_delivery(&self, actor: usize) {
        let mut state = self.state();
        let held_back = state.actors.get_mut(&actor).map(|actor| mem::take(&mut actor.held_back));
        state.records.extend(held_back.into_iter().flatten());
    }

    /// The records that have come of commits since the last time that this was asked.
    pub fn take_records(&self) -> Vec<Delivery> {
        mem::take(&mut self.state().records)
    }

    pub fn mailed(&self) -> Vec<Mailed> {
        self.state().mailed.clone()
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// The product API has said this to whoever asked.
    pub fn note_asked(&self, actor: usize, key: &str, verdict: &'static str) {
        let mut state = self.state();
        let (act, at) = (state.actors.entry(actor).or_default().act, state.steps.len());
        state.asked.push(Asked { actor, act, at, key: key.to_owned(), verdict });
    }

    /// How many steps were decided.
    pub fn now(&self) -> usize {
        self.state().steps.len()
    }

    pub fn steps(&self) -> Vec<Step> {
        self.state().steps.clone()
    }

    /// Everything that can happen next. What goes well comes first.
    pub fn moves(&self, faults: &[Fate]) -> Vec<Move> {
        let state = self.state();
        let mut order: Vec<usize> = (0..state.waiting.len()).collect();
        order.sort_by_key(|place| state.waiting[*place].id());
        // It reaches nothing, so it is the same whatever comes before it.
        let is_out = |place: &&usize| state.is_out(&state.waiting[**place]);
        if let Some(place) = order.iter().find(is_out) {
            return vec![state.move_to(&state.waiting[*place], Fate::StillOut)];
        }
        let well = order.iter().map(|place| (*place, Fate::Answered));
        let stale = order.iter().filter(|place| self.may_be_stale(&state.waiting[**place]));
        let stale = stale.map(|place| (*place, Fate::Stale));
        let faulty = order.iter().flat_map(|place| {
            let pending = &state.waiting[*place];
            let again = pending.token().is_some_and(|token| state.unanswered.contains(token));
            let may = move |fate: &&Fate| pending.may_meet(**fate, again);
            faults.iter().filter(may).map(|fate| (*place, *fate))
        });
        let moves = well.chain(stale).chain(faulty);
        moves.map(|(place, fate)| state.move_to(&state.waiting[place], fate)).collect()
    }

    /// Of a question to the index, only where that makes a difference.
    fn may_be_stale(&self, pending: &Pending) -> bool {
        let says = |engine: &Engine| -> Value {
            let said = engine.call(&pending.operation, &pending.body.to_string());
            serde_json::from_str(&said.body).expect("the engine's JSON")
        };
        pending.may_be_stale()
            && (pending.body.get("IndexName").is_none() || says(&self.engine) != says(&self.before))
    }

    /// One request meets its fate.
    pub fn decide(&self, decided: &Move) {
        let fate = decided.fate;
        let mut state = self.state();
        let is_it = |pending: &Pending| pending.id() == (decided.actor, decided.request);
        let place = state.waiting.iter().position(is_it).expect("it is on its way");
        let mut pending = state.waiting.remove(place);
        let (sender, place) = (pending.actor, pending.place);
        let broken = || Err(ConnectorError::io("the connection broke".into()));
        let mut made = None;
        let mut answered = |state: &mut State| {
            let reply = self.made(state, &pending);
            made = Some(reply.clone());
            Ok(reply.reply)
        };
        let answer = match fate {
            Fate::Answered => answered(&mut state),
            Fate::Twice => {
                let twice = state.actors[&sender].brought.clone().expect("a worker looks it up");
                state.deliver(sender, twice, true);
                answered(&mut state)
            }
            Fate::Stale => {
                let reply = self.before.call(&pending.operation, &pending.body.to_string());
                made = Some(Made { reply: reply.clone(), rows: BTreeMap::new() });
                Ok(reply)
            }
            Fate::Conflict => Ok(conflict(&pending)),
            Fate::InProgress => {
                let said = "The transaction with the given request token is already in progress.";
                Ok(refusal("TransactionInProgressException", said))
            }
            Fate::LostBefore | Fate::Late | Fate::Killed | Fate::Undelivered => broken(),
            Fate::LostAfter | Fate::KilledAfter => {
                let _ = answered(&mut state);
                // Whoever waits for the product API waits no longer.
                if place == Place::ProductApi { outage(place, Fate::Mute) } else { broken() }
            }
            Fate::Throttled
            | Fate::Outage
            | Fate::Refused
            | Fate::Down
            | Fate::NoKeyring
            | Fate::Mute => outage(place, fate),
            Fate::StillOut => outage(place, state.actors[&sender].out.expect("it is out")),
        };
        let actor = state.actors.entry(sender).or_default();
        if matches!(fate, Fate::Outage | Fate::Down | Fate::NoKeyring | Fate::Mute) {
            actor.out = Some(fate);
        }
        if matches!(fate, Fate::Killed | Fate::KilledAfter | Fate::Undelivered)
            && let Some(end) = actor.end.take()
        {
            // It is dropped before it sees that nothing answers what it still waits for.
            let _ = end.send(fate);
            state.waiting.retain(|other| other.actor != sender || !other.is_awaited());
        }
        if matches!(fate, Fate::LostBefore | Fate::LostAfter | Fate::Late)
            && let Some(token) = pending.token()
        {
            state.unanswered.insert(token.to_owned());
        }
        let status = made.as_ref().map(|made| made.reply.status);
        let commits = status == Some(200)
            && !pending.only_reads()
            && pending.token().is_none_or(|token| state.committed.insert(token.to_owned()));
        state.steps.push(Step {
            actor: sender,
            act: pending.act,
            operation: pending.operation.clone(),
            about: pending.about(),
            fate,
            status,
            commits,
            reach: pending.reach.clone(),
            rows: made.map(|made| made.rows).unwrap_or_default(),
        });
        if let Some(awaited) = pending.answer.take() {
            // Whoever gave the request up does not listen any more.
            let _ = awaited.send(answer);
        }
        if fate == Fate::Late {
            state.waiting.push(pending);
        }
    }

    /// What it comes to, for whoever waits for it and for the workers.
    fn made(&self, state: &mut State, pending: &Pending) -> Made {
        let Pending { actor, act, .. } = *pending;
        match pending.place {
            Place::Store => {}
            Place::Mail => {
                let to = pending.body.as_str().expect("an address").to_owned();
                state.mailed.push(Mailed { to, actor, act, at: state.steps.len() });
                return Made { reply: inside::mail_taken(), rows: BTreeMap::new() };
            }
            // It is for the product API's gateway to say.
            Place::ProductApi => {
                let status = state.product_api_says.unwrap_or(200);
                let reply = Reply { status, body: String::new() };
                return Made { reply, rows: BTreeMap::new() };
            }
            Place::Keyring => {
                let reply = inside::secret(&self.keyring);
                return Made { reply, rows: BTreeMap::new() };
            }
        }
        let watched: Vec<&String> = if state.has_workers && !pending.only_reads() {
            pending.reach.writes.iter().filter(|row| is_watched(row)).collect()
        } else {
            Vec::new()
        };
        let before: Vec<_> = watched.iter().map(|row| self.row(row)).collect();
        let reply = self.engine.call(&pending.operation, &pending.body.to_string());
        let mut rows = BTreeMap::new();
        for (row, before) in watched.into_iter().zip(before) {
            let Some(after) = self.row(row).filter(|after| Some(after) != before.as_ref()) else {
                continue;
            };
            for (function, event) in heard_by(before.as_ref(), &after) {
                let records = vec![Record { row: row.clone(), event }];
                state.deliver(actor, Delivery { actor, function, records }, false);
            }
            rows.insert(row.clone(), after);
        }
        Made { reply, rows }
    }

    /// The index is in parts, and a row that is due in one of them.
    fn reach_index(&self, reach: &mut Reach, body: &Value) {
        let part = |part: &str| format!("INDEX/{part}");
        if body.get("IndexName").is_some() {
            let asked = body["ExpressionAttributeValues"][":shard"]["S"].as_str();
            reach.reads.insert(part(asked.expect("it asks for one part")));
            reach.reads_anything = false;
        }
        let items = body["TransactItems"].as_array().into_iter().flatten();
        let items = items.filter_map(Value::as_object).flat_map(|item| item.values());
        let named = items.chain([body]).flat_map(|write| {
            [&write["Item"]["duty"], &write["ExpressionAttributeValues"][":duty"]]
        });
        let there = reach.writes.iter().filter_map(|row| self.row(row));
        let there = there.map(|row| row["duty"].clone());
        let due: Vec<_> = named.cloned().chain(there).collect();
        reach.writes.extend(due.iter().filter_map(|due| due["S"].as_str()).map(part));
    }

    fn row(&self, row: &str) -> Option<Value> {
        let (pk, sk) = row.split_once('/').expect("a key has two parts");
        let key = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
        let read = json!({ "TableName": table().name, "Key": key, "ConsistentRead": true });
        let reply = self.engine.call("GetItem", &read.to_string());
        let mut reply: Value = serde_json::from_str(&reply.body).expect("the engine's JSON");
        reply.get_mut("Item").map(Value::take)
    }

    /// Waits for a turn as a request does: it is one, for a row that nobody has.
    pub async fn turn(&self, actor: usize) {
        let key = json!({ "pk": { "S": "TIME" }, "sk": { "S": "TIME" } });
        let read = json!({ "TableName": "none", "Key": key, "ConsistentRead": true });
        if let Sent::Waits(receiver) = self.send(actor, Place::Store, "GetItem", read) {
            // Whatever becomes of it, it was its turn.
            let _ = receiver.await;
        }
    }

    /// A request leaves its function.
    fn send(&self, actor: usize, place: Place, operation: &str, mut body: Value) -> Sent {
        if let Some(sabotage) = self.sabotage {
            sabotage.apply(&mut body);
        }
        let mut state = self.state();
        // The engine goes on for all schedules of a case, and knows tokens for ten minutes.
        if let Some(token) = body["ClientRequestToken"].as_str() {
            // It takes 36 characters, and tells them apart by fewer of them, too.
            body["ClientRequestToken"] = format!("{}{:08x}", &token[4..], state.number).into();
        }
        let is_at_once = place == Place::Keyring && !state.lacks_keyrings;
        let sender = state.actors.entry(actor).or_default();
        let (act, number) = (sender.act, sender.sent);
        let looks_up = sender.brought.is_some() && number == sender.first;
        sender.sent += usize::from(!is_at_once);
        let operation = operation.to_owned();
        let mut reach = reach(place, &operation, &body);
        if state.has_workers {
            self.reach_index(&mut reach, &body);
        }
        let answer = None;
        let mut pending =
            Pending { actor, act, number, looks_up, place, reach, operation, body, answer };
        if !state.scheduled || actor == ASIDE || is_at_once {
            return Sent::Answered(self.made(&mut state, &pending).reply);
        }
        let (sender, receiver) = oneshot::channel();
        pending.answer = Some(sender);
        state.waiting.push(pending);
        Sent::Waits(receiver)
    }
}

/// What became of a request that arrived.
#[derive(Debug, Clone)]
struct Made {
    reply: Reply,
    rows: BTreeMap<String, Value>,
}

impl State {
    fn move_to(&self, pending: &Pending, fate: Fate) -> Move {
        let Pending { actor, act, number, .. } = *pending;
        // Nobody is told when a worker begins.
        let begins = self.actors[&actor].brought.is_none()
            && !self.steps.iter().any(|step| step.actor == actor && step.act == act);
        Move { actor, request: number, fate, reach: pending.reach.clone(), begins }
    }

    /// A record comes of what somebody did: to a worker whose number is the same, whoever else is
    /// at work.
    fn deliver(&mut self, by: usize, delivery: Delivery, is_again: bool) {
        let by_them = self.actors.entry(by).or_default();
        let actor = (by + 1) * 1000 + by_them.records;
        by_them.records += 1;
        let is_own = |brought: &Delivery| {
            brought.function == delivery.function && brought.is_about(&delivery.records[0].row)
        };
        let into = match &by_them.brought {
            Some(brought) if is_own(brought) && !is_again => &mut by_them.held_back,
            _ => &mut self.records,
        };
        into.push(Delivery { actor, ..delivery });
    }

    /// Whether it fails whatever else happens.
    fn is_out(&self, pending: &Pending) -> bool {
        pending.is_awaited()
            && match self.actors[&pending.actor].out {
                Some(Fate::Outage) => true,
                Some(Fate::Down) => matches!(pending.place, Place::Mail | Place::ProductApi),
                Some(Fate::NoKeyring) => pending.place == Place::Keyring,
                Some(Fate::Mute) => pending.place == Place::ProductApi,
                _ => false,
            }
    }
}

enum Sent {
    Answered(Reply),
    Waits(oneshot::Receiver<Result<Reply, ConnectorError>>),
}

impl Pending {
    fn id(&self) -> (usize, usize) {
        (self.actor, self.number)
    }

    fn is_awaited(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| !answer.is_closed())
    }

    fn only_reads(&self) -> bool {
        self.place != Place::Store
            || ["GetItem", "Query", "BatchGetItem"].contains(&self.operation.as_str())
    }

    fn is_transaction(&self) -> bool {
        self.operation == "TransactWriteItems"
    }

    fn token(&self) -> Option<&str> {
        self.body["ClientRequestToken"].as_str()
    }

    fn may_be_stale(&self) -> bool {
        self.place == Place::Store && self.only_reads() && self.body["ConsistentRead"] != true
    }

    /// `again`: a try under the same token was not answered.
    fn may_meet(&self, fate: Fate, again: bool) -> bool {
        let changes = !self.only_reads();
        let is_outside = matches!(self.place, Place::Mail | Place::ProductApi);
        // Of one that is given up, nobody is told anything.
        self.is_awaited()
            && match fate {
                Fate::Answered | Fate::Stale | Fate::StillOut => false,
                Fate::Throttled => true,
                Fate::Outage => self.place != Place::Keyring,
                Fate::NoKeyring => self.place == Place::Keyring,
                // A read that gets lost is one that is tried again, as when it is throttled.
                Fate::Conflict | Fate::Late => changes,
                Fate::LostBefore | Fate::LostAfter => changes || is_outside,
                Fate::InProgress => self.is_transaction() && again,
                // Before a read is before what comes of it.
                Fate::Killed => changes || is_outside,
                Fate::KilledAfter => changes || self.place == Place::Mail,
                Fate::Twice | Fate::Undelivered => self.looks_up,
                Fate::Refused | Fate::Down => is_outside,
                Fate::Mute => self.place == Place::ProductApi,
            }
    }

    /// The rows that it is about, without their ids.
    fn about(&self) -> String {
        if self.place != Place::Store {
            return format!("{:?}", self.place);
        }
        let mut rows = Vec::new();
        if let Some(items) = self.body["TransactItems"].as_array() {
            for item in items.iter().filter_map(Value::as_object).flatten() {
                let (what, item) = item;
                let key = item.get("Key").or_else(|| item.get("Item"));
                rows.push(format!("{what} {}", kind_of(key.unwrap_or(&Value::Null))));
            }
        } else {
            rows.push(kind_of(&self.body["Key"]));
        }
        rows.join(", ")
    }
}

/// The rows that a request is about.
fn reach(place: Place, operation: &str, body: &Value) -> Reach {
    let mut reach = Reach::default();
    let row = |key: &Value| {
        let part = |name: &str| key[name]["S"].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", part("pk"), part("sk"))
    };
    match (place, operation) {
        (Place::Mail | Place::Keyring, _) => {}
        // It looks at the row of the key, and nowhere else.
        (Place::ProductApi, _) => {
            reach.reads.insert(row(body));
        }
        (Place::Store, "TransactWriteItems") => {
            let items = body["TransactItems"].as_array().into_iter().flatten();
            for (what, item) in items.filter_map(Value::as_object).flatten() {
                let key = item.get("Key").or_else(|| item.get("Item"));
                let row = row(key.unwrap_or(&Value::Null));
                let into =
                    if what == "ConditionCheck" { &mut reach.reads } else { &mut reach.writes };
                into.insert(row);
            }
        }
        (Place::Store, "GetItem") => {
            reach.reads.insert(row(&body["Key"]));
        }
        (Place::Store, "UpdateItem") => {
            reach.writes.insert(row(&body["Key"]));
        }
        // Whatever it may find.
        (Place::Store, _) => reach.reads_anything = true,
    }
    reach
}

fn kind_of(key: &Value) -> String {
    let kind = |name: &str| {
        let text = key[name]["S"].as_str().unwrap_or("?");
        text.split('#').next().unwrap_or_default().to_owned()
    };
    if kind("pk") == "AUDIT" {
        "AUDIT".to_owned()
    } else {
        format!("{}/{}", kind("pk"), kind("sk"))
    }
}

impl Display for Sabotage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Without(text) => write!(f, "without {text}"),
            Self::Instead(_, text) => write!(f, "with {text}"),
            Self::Consistency => f.write_str("without consistency"),
        }
    }
}

impl Sabotage {
    fn apply(self, body: &mut Value) {
        let (text, instead) = match self {
            // With all names and values that it needs still used, as the store demands.
            Self::Without(text) => {
                (text, format!("({text} OR attribute_exists(pk) OR attribute_not_exists(pk))"))
            }
            Self::Instead(text, instead) => (text, instead.to_owned()),
            Self::Consistency => {
                if body.get("ConsistentRead").is_some() {
                    body["ConsistentRead"] = false.into();
                }
                return;
            }
        };
        let change = |write: &mut Value| {
            // Neither reads nor mails have one.
            if let Some(condition) = write.get_mut("ConditionExpression") {
                let changed = condition.as_str().expect("a text").replace(text, &instead);
                *condition = changed.into();
            }
        };
        change(body);
        let items = body.get_mut("TransactItems").and_then(Value::as_array_mut);
        let items = items.into_iter().flatten();
        items.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()).for_each(change);
    }
}

/// What somebody says who is not well.
fn outage(place: Place, fate: Fate) -> Result<Reply, ConnectorError> {
    let says = |status, body: &str| Ok(Reply { status, body: body.to_owned() });
    match (place, fate) {
        (Place::Store, _) | (Place::Keyring, Fate::Throttled) => {
            Ok(refusal("ThrottlingException", "Rate exceeded"))
        }
        (Place::Keyring, _) => says(500, "{}"),
        (_, Fate::Down) => says(500, ""),
        (Place::Mail, Fate::Refused) => says(400, &ses_error("MessageRejected", "Suppressed")),
        (Place::Mail, _) => says(400, &ses_error("Throttling", "Rate exceeded")),
        (Place::ProductApi, Fate::Refused) => says(403, ""),
        (Place::ProductApi, Fate::Mute) => Err(ConnectorError::timeout("nothing said".into())),
        (Place::ProductApi, _) => says(429, ""),
    }
}

fn ses_error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"><Error>\
         <Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>1</RequestId></ErrorResponse>"
    )
}

fn refusal(kind: &str, message: &str) -> Reply {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{kind}");
    Reply { status: 400, body: json!({ "__type": kind, "message": message }).to_string() }
}

fn conflict(pending: &Pending) -> Reply {
    let said = "Transaction is ongoing for the item";
    let Some(items) = pending.body["TransactItems"].as_array() else {
        return refusal("TransactionConflictException", said);
    };
    let reasons: Vec<_> = (0..items.len())
        .map(|place| match place {
            0 => json!({ "Code": "TransactionConflict", "Message": said }),
            _ => json!({ "Code": "None" }),
        })
        .collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": reasons,
    });
    Reply { status: 400, body: body.to_string() }
}

/// To whom a mail goes, in a request to SES.
fn recipient(body: &[u8]) -> Value {
    let mut fields = form_urlencoded::parse(body);
    let to = fields.find(|(name, _)| name == "Destination.ToAddresses.member.1");
    to.expect("a mail goes to somebody").1.into()
}

/// One actor's end of the wire.
#[derive(Debug, Clone)]
pub struct Line {
    pub wire: Arc<Wire>,
    pub actor: usize,
}

impl Line {
    async fn answered(
        &self,
        place: Place,
        operation: &str,
        body: Value,
    ) -> Result<Reply, ConnectorError> {
        match self.wire.send(self.actor, place, operation, body) {
            Sent::Answered(reply) => Ok(reply),
            Sent::Waits(receiver) => {
                let over = || Err(ConnectorError::io("the schedule is over".into()));
                receiver.await.unwrap_or_else(|_| over())
            }
        }
    }

    /// What it looks like to the SDK.
    pub fn client(self) -> SharedHttpClient {
        inside::client(move |sent| {
            let line = self.clone();
            async move {
                match sent.service {
                    Service::SecretsManager => {
                        line.answered(Place::Keyring, &sent.operation, Value::Null).await
                    }
                    Service::DynamoDb => {
                        let body = serde_json::from_slice(&sent.body).expect("the SDK sends JSON");
                        line.answered(Place::Store, &sent.operation, body).await
                    }
                    Service::Ses => {
                        line.answered(Place::Mail, &sent.operation, recipient(&sent.body)).await
                    }
                }
            }
        })
    }

    /// A call of the product API, whose gateway looks up the key that lies there.
    pub async fn call_product_api(&self, key: Value) -> Result<Reply, ConnectorError> {
        self.answered(Place::ProductApi, "validate", key).await
    }
}
