//! Clients that work on the same few keys at once, each with functions of its own and a wire on
//! which things go wrong.

use crate::authorize_key::forged;
use crate::linearizability::judge::{Event, is_linearizable, smallest};
use crate::linearizability::key::{Act, Done, Outcome, Shown, Times, Value};
use crate::proxy::{Behind, Fault, KEY_CHECKS, Proxy, body_of, http_event, lets_in, outcome};
use crate::span::{Moments, Span};
use crate::support::{Person, UNHURRIED, World};
use edge::budget::Budget;
use futures::future::{join, join_all};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Histories that are made side by side: faults make clients wait.
const AT_ONCE: usize = 2;
const CLIENTS: usize = 6;
const KEYS: usize = 3;
/// What each client does in one history.
const OPERATIONS: usize = 20;
const ACTS: [&str; 5] = ["create-key", "rotate-key", "change-key", "delete-key", "change-account"];
/// What goes wrong with something.
const ANYTHING: &str = "*";
const READ: &str = "GetItem";
const WRITE: &str = "TransactWriteItems";
/// A function that gives a try up while others still wait for theirs.
const HURRIED: Budget = Budget { aws_try: Duration::from_millis(100), ..UNHURRIED };

/// What is wrong, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Checks read without consistency, and are answered what was true before.
    Inconsistent,
    /// A gateway asks once, and goes by the answer some more times.
    Cached,
    /// A deletion is answered before it is made.
    EarlyDelete,
    /// A suspension is answered long before it is made.
    EarlySuspension,
}

impl Sabotage {
    pub const ALL: [Self; 4] =
        [Self::Inconsistent, Self::Cached, Self::EarlyDelete, Self::EarlySuspension];
}

/// A desk with what all histories on it come to.
pub struct Desk {
    world: World,
    /// A session and an account for each of the histories that are made at once.
    admins: Vec<(String, String)>,
    /// One for each client of these histories.
    hands: Vec<Hands>,
    sabotage: Option<Sabotage>,
    keys_judged: AtomicU64,
    seen: Mutex<BTreeMap<String, u64>>,
}

/// Functions of a client's own, and their wire.
struct Hands {
    proxy: Proxy,
    functions: HashMap<&'static str, Behind>,
}

impl Hands {
    async fn new(world: &World, client: usize) -> Self {
        let proxy = Proxy::new(world).await;
        let checks = KEY_CHECKS.map(|(name, _)| name);
        let functions = ACTS.into_iter().chain(checks).map(|name| {
            let is_check = checks.contains(&name);
            let budget = if is_hurried(client) && is_check { HURRIED } else { UNHURRIED };
            let store = [("AWS_ENDPOINT_URL_DYNAMODB", proxy.url())];
            (name, Behind::with_budget(world, name, &store, budget))
        });
        let functions = functions.collect();
        Self { proxy, functions }
    }
}

/// Whether a client's checks give up soon. No change does: what is still on its way then would come
/// after the history's end.
fn is_hurried(client: usize) -> bool {
    client == 0
}

impl Desk {
    pub async fn start(sabotage: Option<Sabotage>) -> Self {
        let world = World::new().await;
        let mut admins = Vec::new();
        for number in 0..AT_ONCE {
            let email = format!("founder{number}@example.com");
            let account = json!({ "name": "Linear", "admin_email": email, "key_limit": 90 });
            world.register(account).await;
            let admin = world.login(&email).await;
            admins.push((admin.token, admin.account));
        }
        let mut hands = Vec::new();
        for number in 0..AT_ONCE * CLIENTS {
            let own = Hands::new(&world, number % CLIENTS).await;
            if sabotage == Some(Sabotage::Inconsistent) {
                own.proxy.forget_consistency();
            }
            hands.push(own);
        }
        let (keys_judged, seen) = Default::default();
        Self { world, admins, hands, sabotage, keys_judged, seen }
    }

    /// Histories of these numbers, on accounts of their own: what is wrong with one of them.
    pub async fn look_at(&self, seeds: &[u64]) -> Option<String> {
        for seeds in seeds.chunks(AT_ONCE) {
            let histories = (0..).zip(seeds).map(async |(account, seed)| {
                let judged = history(self, account, *seed).await;
                judged.err().map(|told| format!("LINEARIZABILITY_SEED={seed}: {told}"))
            });
            if let Some(told) = join_all(histories).await.into_iter().flatten().next() {
                return Some(told);
            }
        }
        None
    }

    fn admin(&self, number: usize) -> Person<'_> {
        let (token, account) = self.admins[number].clone();
        Person { world: &self.world, token, id: String::new(), account }
    }

    pub fn keys_judged(&self) -> u64 {
        self.keys_judged.load(Ordering::SeqCst)
    }

    /// How often something went wrong.
    pub fn faults(&self) -> u64 {
        self.hands.iter().map(|own| own.proxy.struck()).sum()
    }

    fn note(&self, what: &str) {
        let mut seen = self.seen.lock().expect("nobody panics with it");
        *seen.entry(what.to_owned()).or_default() += 1;
    }

    /// Else the histories show less than they seem to.
    pub fn has_seen_what_is_rare(&self) {
        let seen = self.seen.lock().expect("nobody panics with it");
        let missing = SEEN.iter().filter(|what| !seen.contains_key(**what));
        let missing: Vec<_> = missing.collect();
        assert!(missing.is_empty(), "none of {missing:?}: {seen:#?}");
    }
}

const SEEN: [&str; 16] = [
    "create-key Yes",
    "create-key Some(Unknown)",
    "rotate-key Yes",
    "rotate-key NotFound",
    "rotate-key Expired",
    "rotate-key Unknown",
    "change-key Yes",
    "delete-key Yes",
    "delete-key NotFound",
    "delete-key Unknown",
    "suspend Yes",
    "resume Yes",
    "authorize-key Yes",
    "authorize-key No",
    "check-key Yes",
    "check-key No",
];

/// A key that somebody was told of.
#[derive(Clone)]
struct Known {
    id: String,
    values: Vec<(Value, String)>,
}

/// One history.
struct Run<'d> {
    desk: &'d Desk,
    admin: Person<'d>,
    moments: Moments,
    keys: Mutex<Vec<Known>>,
    /// Each with the key's number; none where it is about all.
    events: Mutex<Vec<(Option<usize>, Event<Done>)>>,
}

/// Has clients at work, and judges what became of every key.
async fn history(desk: &Desk, account: usize, seed: u64) -> Result<(), String> {
    let run = Run {
        desk,
        admin: desk.admin(account),
        moments: Moments::default(),
        keys: Mutex::default(),
        events: Mutex::default(),
    };
    let hands = desk.hands.chunks(CLIENTS).nth(account).expect("each has some");
    let mut clients: Vec<_> =
        (0..).zip(hands).map(|(n, own)| Client::new(&run, seed, n, own)).collect();
    join_all(clients.iter_mut().map(Client::work)).await;
    for own in hands {
        own.proxy.let_go().await;
    }
    run.tidy_up().await;
    run.judge()
}

impl Run<'_> {
    /// Leaves the account as a history finds it.
    async fn tidy_up(&self) {
        self.desk.world.resume(&self.admin.account).await;
        let keys = self.admin.get("/api/keys").await;
        for key in keys.ok(200)["keys"].as_array().expect("keys") {
            if key["sandbox"] == false {
                let id = key["id"].as_str().expect("an id");
                self.admin.delete(&format!("/api/keys/{id}")).await.ok(204);
            }
        }
    }

    fn judge(&self) -> Result<(), String> {
        let events = self.events.lock().expect("nobody panics with it");
        let keys = self.keys.lock().expect("nobody panics with it");
        for (number, key) in keys.iter().enumerate() {
            let own = events.iter().filter(|(about, _)| about.is_none_or(|about| about == number));
            let mut own: Vec<Event<Done>> = own.map(|(_, event)| event.clone()).collect();
            own.extend(again(&own));
            self.desk.keys_judged.fetch_add(1, Ordering::SeqCst);
            if !is_linearizable(&own) {
                return Err(told(&key.id, &smallest(&own)));
            }
        }
        Ok(())
    }

    fn keys(&self) -> Vec<Known> {
        self.keys.lock().expect("nobody panics with it").clone()
    }

    fn now(&self) -> i64 {
        self.desk.world.now().as_millisecond()
    }
}

/// Suspensions that may have been made once more. One that is under way when somebody resumes the
/// account suspends it anew, so that it holds when it is answered; and the sweep, which takes it
/// for one that has ended halfway, may have made it before.
fn again(events: &[Event<Done>]) -> Vec<Event<Done>> {
    let of = |act| move |event: &&Event<Done>| event.operation.act == act;
    let suspensions = events.iter().filter(of(Act::Suspend));
    let again = suspensions.flat_map(|suspension| {
        let resumed = events.iter().filter(of(Act::Resume));
        let beside = resumed.filter(|resumed| resumed.span.overlaps(suspension.span));
        beside.map(|_| Event { is_sure: false, ..suspension.clone() })
    });
    again.collect()
}

fn told(key: &str, history: &[Event<Done>]) -> String {
    let mut lines = vec![format!("of {key} there is no order that gives these answers:")];
    for Event { span, operation: Done { client, act, outcome, times }, is_sure } in history {
        let Times { from, to } = times;
        let perhaps = if *is_sure { "" } else { ", perhaps" };
        lines.push(format!(
            "{span:?} client {client}, {from}..{to}: {act:?} -> {outcome:?}{perhaps}"
        ));
    }
    lines.dedup();
    lines.join("\n  ")
}

struct Client<'r> {
    run: &'r Run<'r>,
    number: usize,
    rng: StdRng,
    hands: &'r Hands,
    /// What a gateway remembers, and how often it goes by that.
    cache: HashMap<String, (Outcome, u32)>,
}

impl<'r> Client<'r> {
    fn new(run: &'r Run<'r>, seed: u64, number: usize, hands: &'r Hands) -> Self {
        let rng = StdRng::seed_from_u64(seed << 8 | number as u64);
        Self { run, number, rng, hands, cache: HashMap::new() }
    }

    async fn work(&mut self) {
        for _ in 0..OPERATIONS {
            let keys = self.run.keys();
            let Some(at) = (0..keys.len()).collect::<Vec<_>>().choose(&mut self.rng).copied()
            else {
                self.create().await;
                continue;
            };
            let key = &keys[at];
            match self.rng.random_range(0..100) {
                0..10 if keys.len() < KEYS => self.create().await,
                0..52 => self.check(at, key).await,
                52..66 => self.rotate(at, key).await,
                66..74 => self.change(at, key).await,
                74..81 => self.delete(at, key).await,
                81..84 => self.set_suspended(true).await,
                84..92 => self.set_suspended(false).await,
                _ => {
                    let seconds = self.rng.random_range(60..400);
                    self.run.desk.world.advance(seconds);
                }
            }
        }
    }

    /// What goes wrong with the next request.
    fn plan(&mut self, operation: &str) {
        const FAULTS: [Fault; 8] = [
            Fault::Conflict,
            Fault::Throttled,
            Fault::PartThrottled,
            Fault::ServerError,
            Fault::AnswerLost,
            Fault::InProgress,
            Fault::Late,
            Fault::Stale,
        ];
        self.hands.proxy.heal();
        match (self.run.desk.sabotage, operation) {
            (Some(Sabotage::Inconsistent), READ) if self.rng.random() => {
                return self.hands.proxy.fail(READ, 1, Fault::Stale);
            }
            // Of suspensions and resumptions of which nobody knows, a few allow for anything.
            (_, WRITE) if self.rng.random_range(0..100) < 80 => return,
            _ if self.rng.random() => return,
            _ => {}
        }
        self.hands.proxy.spare(operation, self.rng.random_range(0..3));
        for _ in 0..self.rng.random_range(1..=2) {
            let fault = *FAULTS.choose(&mut self.rng).expect("some");
            let is_impatient =
                is_hurried(self.number) && operation == READ && self.rng.random_range(0..100) < 30;
            let fault = if is_impatient { Fault::Silence } else { fault };
            self.hands.proxy.fail(operation, self.rng.random_range(1..=3), fault);
        }
    }

    /// Has a function at work, and what was late arrives meanwhile.
    async fn invoke(&self, function: &str, event: &Json) -> Result<Json, String> {
        let act = async {
            let late = async {
                if self.run.desk.sabotage != Some(Sabotage::EarlySuspension) {
                    self.hands.proxy.let_go().await;
                }
            };
            let (answer, ()) = join(self.hands.functions[function].invoke(event), late).await;
            answer
        };
        let (answer, _) = self.hands.proxy.watch(act).await;
        answer.map_err(|error| error.to_string())
    }

    async fn create(&mut self) {
        let ends = self.rng.random_range(0..100) < 30;
        let ends = ends.then(|| self.run.now() + self.rng.random_range(310_000..900_000));
        let mut body = json!({ "name": "Key" });
        if let Some(ends) = ends {
            body["expires_at"] = as_text(ends);
        }
        let (span, from) = self.begin(ANYTHING);
        let answer = self.call("create-key", None, Some(body)).await;
        let made = body_of(&answer);
        let (Some(id), Some(value)) = (made["key"]["id"].as_str(), made["api_key"].as_str()) else {
            // Of one that nobody was told of, nobody does anything.
            self.run.desk.note(&format!("create-key {:?}", self.ended(&answer)));
            return;
        };
        let known = Known { id: id.to_owned(), values: vec![(span.began, value.to_owned())] };
        let act = Act::Create { value: span.began, ends };
        // Its number is its own before anybody knows of it.
        let mut keys = self.run.keys.lock().expect("nobody panics with it");
        self.note(Some(keys.len()), "create-key", span, self.done(act, Outcome::Yes, from));
        keys.push(known);
    }

    async fn rotate(&mut self, at: usize, key: &Known) {
        let seconds = *[0, 60, 300, 3600].choose(&mut self.rng).expect("some");
        let (span, from) = self.begin(ANYTHING);
        let body = json!({ "keep_old_seconds": seconds });
        let answer = self.call("rotate-key", Some(&key.id), Some(body)).await;
        let Some(outcome) = self.ended(&answer) else { return };
        let made = body_of(&answer);
        let asked_for = Times { from: from + seconds * 1000, to: self.run.now() + seconds * 1000 };
        // What is answered is no later than the key's end, which may be moved afterwards.
        let until = match made["key"]["old_valid_until"].as_str().map(as_millis) {
            Some(until) if until >= asked_for.from => Times::exactly(until),
            Some(_) | None => asked_for,
        };
        let keep = (seconds > 0).then_some(until);
        let act = Act::Rotate { value: span.began, keep };
        self.note(Some(at), "rotate-key", span, self.done(act, outcome, from));
        if let Some(value) = made["api_key"].as_str() {
            let mut keys = self.run.keys.lock().expect("nobody panics with it");
            keys[at].values.push((span.began, value.to_owned()));
        }
    }

    async fn change(&mut self, at: usize, key: &Known) {
        let ends: bool = self.rng.random();
        let ends = ends.then(|| self.run.now() + self.rng.random_range(310_000..900_000));
        let (span, from) = self.begin(ANYTHING);
        let body = json!({ "expires_at": ends.map(as_text) });
        let answer = self.call("change-key", Some(&key.id), Some(body)).await;
        let Some(outcome) = self.ended(&answer) else { return };
        self.note(Some(at), "change-key", span, self.done(Act::Change { ends }, outcome, from));
    }

    async fn delete(&mut self, at: usize, key: &Known) {
        let (span, from) = self.begin(ANYTHING);
        if self.run.desk.sabotage == Some(Sabotage::EarlyDelete) {
            self.hands.proxy.heal();
            self.hands.proxy.fail(WRITE, 1, Fault::Early);
        }
        let answer = self.call("delete-key", Some(&key.id), None).await;
        let Some(outcome) = self.ended(&answer) else { return };
        self.note(Some(at), "delete-key", span, self.done(Act::Delete, outcome, from));
    }

    async fn set_suspended(&mut self, suspended: bool) {
        let (act, name) =
            if suspended { (Act::Suspend, "suspend") } else { (Act::Resume, "resume") };
        let (span, from) = self.begin(WRITE);
        if suspended && self.run.desk.sabotage == Some(Sabotage::EarlySuspension) {
            self.hands.proxy.heal();
            self.hands.proxy.spare(WRITE, 1);
            self.hands.proxy.fail(WRITE, 1, Fault::Early);
        }
        let event = json!({ "account_id": self.run.admin.account, "act": name });
        let outcome = match self.invoke("change-account", &event).await {
            Ok(_) => Outcome::Yes,
            Err(_) => Outcome::Unknown,
        };
        self.note(None, name, span, self.done(act, outcome, from));
    }

    async fn check(&mut self, at: usize, key: &Known) {
        let (value, text) = key.values.choose(&mut self.rng).expect("it has one");
        let is_forged = self.rng.random_range(0..100) < 5;
        let (shown, text) = match is_forged {
            true => (Shown::Forged, forged(text, 3)),
            false => (Shown::Value(*value), text.clone()),
        };
        let (name, event) = *KEY_CHECKS.choose(&mut self.rng).expect("two");
        let (span, from) = self.begin(READ);
        let outcome = match self.cached(&text) {
            Some(outcome) => outcome,
            None => match self.invoke(name, &event(&text)).await {
                Ok(answer) => let_in(&answer, &key.id),
                Err(_) => None,
            },
        };
        let Some(outcome) = outcome else { return };
        if self.run.desk.sabotage == Some(Sabotage::Cached) {
            self.cache.entry(text).or_insert((outcome, 3));
        }
        self.note(Some(at), name, span, self.done(Act::Check(shown), outcome, from));
    }

    /// What a gateway goes by without asking.
    fn cached(&mut self, text: &str) -> Option<Option<Outcome>> {
        let (outcome, left) = self.cache.get_mut(text)?;
        let outcome = *outcome;
        *left -= 1;
        if *left == 0 {
            self.cache.remove(text);
        }
        Some(Some(outcome))
    }

    /// How an act ended, as far as its client knows.
    ///
    /// No refusal can speak for a try that was given up, is still on its way, and would be granted
    /// by the time that it arrives.
    fn ended(&self, answer: &Json) -> Option<Outcome> {
        match ended(answer) {
            Some(Outcome::Yes) => Some(Outcome::Yes),
            _ if self.hands.proxy.is_waited_for() => Some(Outcome::Unknown),
            known => known,
        }
    }

    fn begin(&mut self, operation: &str) -> (Span, i64) {
        self.plan(operation);
        (Span::running(self.run.moments.next()), self.run.now())
    }

    /// An HTTP function's answer.
    async fn call(&self, function: &str, id: Option<&str>, body: Option<Json>) -> Json {
        let event = http_event(function, Some(&self.run.admin), id, body);
        self.invoke(function, &event).await.expect("an answer")
    }

    fn done(&self, act: Act, outcome: Outcome, from: i64) -> Done {
        let times = Times { from, to: self.run.now() };
        Done { client: self.number, act, outcome, times }
    }

    fn note(&self, key: Option<usize>, name: &str, span: Span, done: Done) {
        self.run.desk.note(&format!("{name} {:?}", done.outcome));
        let span = match done.outcome {
            Outcome::Unknown => span,
            _ => span.until(self.run.moments.next()),
        };
        let is_sure = done.outcome != Outcome::Unknown;
        let event = Event { span, operation: done, is_sure };
        self.run.events.lock().expect("nobody panics with it").push((key, event));
    }
}

/// How an act ended; nothing if it was refused for a reason that tells nothing of the key.
fn ended(answer: &Json) -> Option<Outcome> {
    const TELLS_NOTHING: [&str; 3] = ["account_suspended", "session_ended", "invalid_expiry"];
    match outcome(answer) {
        (200..300, _) => Some(Outcome::Yes),
        (404, code) if code == "key_not_found" => Some(Outcome::NotFound),
        (409, code) if code == "key_expired" => Some(Outcome::Expired),
        (503, _) => {
            let said = body_of(answer)["detail"].as_str().unwrap_or_default().to_owned();
            let is_unknown = said.contains("It may have been done");
            assert!(is_unknown || said.contains("It was not done"), "{answer}");
            is_unknown.then_some(Outcome::Unknown)
        }
        (_, code) => {
            assert!(TELLS_NOTHING.contains(&code.as_str()), "{answer}");
            None
        }
    }
}

/// What a check says; nothing during an outage.
fn let_in(answer: &Json, id: &str) -> Option<Outcome> {
    if answer["statusCode"] == 503 {
        return None;
    }
    if !lets_in(answer) {
        return Some(Outcome::No);
    }
    let told = [&answer["context"]["key_id"], &answer["headers"]["x-frontdesk-key"]];
    assert!(told.contains(&&json!(id)), "{id} is let in as another one: {answer}");
    Some(Outcome::Yes)
}

fn as_text(millis: i64) -> Json {
    let time = Timestamp::from_millisecond(millis).expect("a time");
    edge::UtcTime(time).to_string().into()
}

fn as_millis(text: &str) -> i64 {
    text.parse::<Timestamp>().expect("a time").as_millisecond()
}
