//! The network's place: a request waits here until the schedule decides when it reaches the store,
//! and what becomes of it.

use crate::choices::Move;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::result::ConnectorError;
use desk::inside::{self, Service};
use desk::{Engine, Reply};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
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
    /// It is throttled, and so is whatever its actor sends from then on.
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
}

impl Fate {
    /// Whether it is a fault that a schedule has only so many of.
    pub fn is_fault(self) -> bool {
        !matches!(self, Self::Answered | Self::Stale)
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

/// A request on its way.
#[derive(Debug)]
pub struct Pending {
    pub actor: usize,
    pub act: usize,
    /// Which one of the actor's requests.
    number: usize,
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
    keyring: String,
    sabotage: Option<Sabotage>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// While nothing is scheduled, every request is answered at once.
    scheduled: bool,
    waiting: Vec<Pending>,
    steps: Vec<Step>,
    /// The act that each actor is at.
    acts: Vec<usize>,
    /// How many requests each actor has sent.
    sent: Vec<usize>,
    committed: BTreeSet<String>,
    /// Actors whom nothing answers any more.
    cut_off: BTreeSet<usize>,
    /// Tokens of transactions of which a try was not answered.
    unanswered: BTreeSet<String>,
    /// Which schedule this is, of all that this process runs.
    number: u64,
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
    pub fn schedule(&self, actors: usize) {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        *self.state() = State {
            scheduled: true,
            acts: vec![0; actors],
            sent: vec![0; actors],
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            ..State::default()
        };
    }

    /// A region of each schedule's own: the SDK counts by it how often all of a process may try
    /// again, and a schedule must not hang on those before it.
    pub fn region(&self) -> String {
        format!("simulation-{}", self.state().number)
    }

    /// Answers whatever comes at once again; what is still on its way never arrives.
    pub fn release(&self) {
        let mut state = self.state();
        state.scheduled = false;
        state.waiting.clear();
    }

    pub fn begin(&self, actor: usize, act: usize) {
        self.state().acts[actor] = act;
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
        let is_cut_off = |place: &&usize| state.cut_off.contains(&state.waiting[**place].actor);
        if let Some(place) = order.iter().find(is_cut_off) {
            return vec![state.move_to(&state.waiting[*place], Fate::Throttled)];
        }
        let well = order.iter().map(|place| (*place, Fate::Answered));
        let stale = order.iter().filter(|place| state.waiting[**place].may_be_stale());
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

    /// One request meets its fate.
    pub fn decide(&self, decided: &Move) {
        let fate = decided.fate;
        let mut state = self.state();
        let is_it = |pending: &Pending| pending.id() == (decided.actor, decided.request);
        let place = state.waiting.iter().position(is_it).expect("it is on its way");
        let mut pending = state.waiting.remove(place);
        let broken = || Err(ConnectorError::io("the connection broke".into()));
        let (reply, answer) = match fate {
            Fate::Answered => {
                let reply = self.made(&pending);
                (Some(reply.clone()), Ok(reply))
            }
            Fate::Stale => {
                let reply = self.before.call(&pending.operation, &pending.body.to_string());
                (Some(reply.clone()), Ok(reply))
            }
            Fate::Throttled | Fate::Outage => {
                (None, Ok(refusal("ThrottlingException", "Rate exceeded")))
            }
            Fate::Conflict => (None, Ok(conflict(&pending))),
            Fate::InProgress => {
                let said = "The transaction with the given request token is already in progress.";
                (None, Ok(refusal("TransactionInProgressException", said)))
            }
            Fate::LostBefore | Fate::Late => (None, broken()),
            Fate::LostAfter => (Some(self.made(&pending)), broken()),
        };
        if fate == Fate::Outage {
            state.cut_off.insert(pending.actor);
        }
        if matches!(fate, Fate::LostBefore | Fate::LostAfter | Fate::Late)
            && let Some(token) = pending.token()
        {
            state.unanswered.insert(token.to_owned());
        }
        let is_made = reply.as_ref().is_some_and(|reply| reply.status == 200);
        let commits = is_made
            && !pending.only_reads()
            && pending.token().is_none_or(|token| state.committed.insert(token.to_owned()));
        state.steps.push(Step {
            actor: pending.actor,
            act: pending.act,
            operation: pending.operation.clone(),
            about: pending.about(),
            fate,
            status: reply.map(|reply| reply.status),
            commits,
            reach: pending.reach(),
        });
        if let Some(awaited) = pending.answer.take() {
            // Whoever gave the request up does not listen any more.
            let _ = awaited.send(answer);
        }
        if fate == Fate::Late {
            state.waiting.push(pending);
        }
    }

    fn made(&self, pending: &Pending) -> Reply {
        self.engine.call(&pending.operation, &pending.body.to_string())
    }

    /// Waits for a turn as a request does: it is one, for a row that nobody has.
    pub async fn turn(&self, actor: usize) {
        let key = json!({ "pk": { "S": "TIME" }, "sk": { "S": "TIME" } });
        let read = json!({ "TableName": "none", "Key": key, "ConsistentRead": true });
        if let Sent::Waits(receiver) = self.send(actor, "GetItem", read.to_string().as_bytes()) {
            // Whatever becomes of it, it was its turn.
            let _ = receiver.await;
        }
    }

    /// A request leaves its function.
    fn send(&self, actor: usize, operation: &str, body: &[u8]) -> Sent {
        let mut body: Value = serde_json::from_slice(body).expect("the SDK sends JSON");
        if let Some(sabotage) = self.sabotage {
            sabotage.apply(&mut body);
        }
        let mut state = self.state();
        // The engine goes on for all schedules of a case, and knows tokens for ten minutes.
        if let Some(token) = body["ClientRequestToken"].as_str() {
            body["ClientRequestToken"] = format!("{token}{:04x}", state.number).into();
        }
        if !state.scheduled {
            return Sent::Answered(self.engine.call(operation, &body.to_string()));
        }
        let (sender, receiver) = oneshot::channel();
        let (operation, act) = (operation.to_owned(), state.acts[actor]);
        let number = state.sent[actor];
        state.sent[actor] += 1;
        let answer = Some(sender);
        state.waiting.push(Pending { actor, act, number, operation, body, answer });
        Sent::Waits(receiver)
    }
}

impl State {
    fn move_to(&self, pending: &Pending, fate: Fate) -> Move {
        let Pending { actor, act, number, .. } = *pending;
        let begins = !self.steps.iter().any(|step| step.actor == actor && step.act == act);
        Move { actor, request: number, fate, reach: pending.reach(), begins }
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

    fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        let row = |key: &Value| {
            let part = |name: &str| key[name]["S"].as_str().unwrap_or_default().to_owned();
            format!("{}/{}", part("pk"), part("sk"))
        };
        match self.operation.as_str() {
            "TransactWriteItems" => {
                let items = self.body["TransactItems"].as_array().into_iter().flatten();
                for (what, item) in items.filter_map(Value::as_object).flatten() {
                    let key = item.get("Key").or_else(|| item.get("Item"));
                    let row = row(key.unwrap_or(&Value::Null));
                    let into =
                        if what == "ConditionCheck" { &mut reach.reads } else { &mut reach.writes };
                    into.insert(row);
                }
            }
            "GetItem" => {
                reach.reads.insert(row(&self.body["Key"]));
            }
            "UpdateItem" => {
                reach.writes.insert(row(&self.body["Key"]));
            }
            // Whatever it may find.
            _ => reach.reads_anything = true,
        }
        reach
    }

    fn is_awaited(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| !answer.is_closed())
    }

    fn only_reads(&self) -> bool {
        ["GetItem", "Query", "BatchGetItem"].contains(&self.operation.as_str())
    }

    fn is_transaction(&self) -> bool {
        self.operation == "TransactWriteItems"
    }

    fn token(&self) -> Option<&str> {
        self.body["ClientRequestToken"].as_str()
    }

    fn may_be_stale(&self) -> bool {
        self.only_reads() && self.body["ConsistentRead"] != true
    }

    /// `again`: a try under the same token was not answered.
    fn may_meet(&self, fate: Fate, again: bool) -> bool {
        // Of one that is given up, nobody is told anything.
        self.is_awaited()
            && match fate {
                Fate::Answered | Fate::Stale => false,
                Fate::Throttled | Fate::Outage => true,
                // A read that gets lost is one that is tried again, as when it is throttled.
                Fate::Conflict | Fate::LostBefore | Fate::LostAfter | Fate::Late => {
                    !self.only_reads()
                }
                Fate::InProgress => self.is_transaction() && again,
            }
    }

    /// The rows that it is about, without their ids.
    fn about(&self) -> String {
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
            if let Some(condition) = write["ConditionExpression"].as_str() {
                write["ConditionExpression"] = condition.replace(text, &instead).into();
            }
        };
        change(body);
        let items = body["TransactItems"].as_array_mut().into_iter().flatten();
        items.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()).for_each(change);
    }
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

/// One actor's end of the wire.
#[derive(Debug, Clone)]
pub struct Line {
    pub wire: Arc<Wire>,
    pub actor: usize,
}

impl Line {
    /// What it looks like to the SDK.
    pub fn client(self) -> SharedHttpClient {
        inside::client(move |sent| {
            let Self { wire, actor } = self.clone();
            async move {
                match sent.service {
                    Service::SecretsManager => return Ok(inside::secret(&wire.keyring)),
                    Service::DynamoDb => {}
                    Service::Ses => panic!("nothing else is called: {sent:?}"),
                }
                match wire.send(actor, &sent.operation, &sent.body) {
                    Sent::Answered(reply) => Ok(reply),
                    Sent::Waits(receiver) => {
                        let over = || Err(ConnectorError::io("the schedule is over".into()));
                        receiver.await.unwrap_or_else(|_| over())
                    }
                }
            }
        })
    }
}
