//! One schedule: actors call functions, and a list of choices decides which request goes next and
//! what becomes of it.
//!
//! All of it runs on one thread with tokio's time paused, so time passes only while everybody
//! waits, and the same choices give the same run.

use crate::choices::Choices;
use crate::closing::{Closed, close};
use crate::deployment::TEMPLATE;
use crate::scene::{
    Act, Answer, Key, Person, Rows, Scene, TIME, admits, answer_of, aside, function, restore,
    rows_of, seams, seed_of, session,
};
use crate::stream::Delivery;
use crate::wire::{Asked, Fate, Mailed, Step, Wire};
use edge::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

/// What a case plays: who does what, in which scene, and what is asked for when all is over.
pub struct Play {
    pub scene: Scene,
    /// The acts of each actor, one after the other.
    pub actors: Vec<Vec<Act>>,
    pub keys: Vec<Key>,
    pub people: Vec<Person>,
}

/// What a schedule may do.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    pub fates: &'static [Fate],
    /// How many of them in one schedule.
    pub most: usize,
}

/// An act that was answered.
#[derive(Debug, Clone)]
pub struct Done {
    pub actor: usize,
    pub act: usize,
    pub asked: Act,
    pub answer: Answer,
    /// How many steps had been decided when it was asked for.
    pub asked_at: usize,
    /// The step that was its first.
    pub began: usize,
    /// How many steps had been decided when it was answered.
    pub ended: usize,
}

impl Done {
    /// Whether it reached the store only after the other was answered.
    pub fn is_after(&self, other: &Self) -> bool {
        self.began >= other.ended
    }
}

/// What a schedule came to.
pub struct Ended {
    pub done: Vec<Done>,
    pub steps: Vec<Step>,
    pub rows: Rows,
    /// What the key check says of each value when all is over: those of the scene, by the key's
    /// id, and those that were made.
    pub accepted: BTreeMap<String, bool>,
    /// The ids of the keys that were made, by their values.
    pub made: BTreeMap<String, String>,
    /// Whether each of the scene's people has a session still.
    pub logged_in: Vec<bool>,
    /// Where workers are at work, what each of them was brought, and what became of it.
    pub brought: Vec<Brought>,
    pub mailed: Vec<Mailed>,
    pub asked: Vec<Asked>,
    /// What it is like once all workers have had their turn, and nothing has gone wrong.
    pub closed: Option<Closed>,
    /// The rows that were there before.
    pub before: Rows,
    pub start: Timestamp,
    pub keyring: String,
}

/// What a worker was brought: again after each time that it was not done.
#[derive(Debug, Clone)]
pub struct Brought {
    pub delivery: Delivery,
    pub attempt: usize,
    pub end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Done,
    /// It is to be brought again.
    Again,
    Killed,
    NeverCame,
}

/// The moment that each request takes, by the functions' clock.
const MOMENT: Duration = Duration::from_millis(1);
/// How long all wait before the next thing happens: longer than any wait between two tries, so
/// that whoever waits for time alone has had it, and nothing hangs on how long that was.
const LONG_ENOUGH: Duration = Duration::from_secs(5);

/// What came of the acts, and of the records.
#[derive(Debug, Default)]
struct Log {
    answers: Vec<(usize, usize, Range<usize>, Answer)>,
    brought: Vec<Brought>,
}

/// What everybody in a schedule has to do with.
#[derive(Clone)]
struct Stage {
    wire: Arc<Wire>,
    clock: Clock,
    log: Arc<Mutex<Log>>,
}

/// None if every way on was tried elsewhere.
pub async fn run(
    play: &Play,
    wire: &Arc<Wire>,
    choices: &mut Choices,
    faults: Faults,
) -> Option<Ended> {
    // The SDK's waits.
    fastrand::seed(1);
    let clock = Clock::standing_at(play.scene.start);
    wire.schedule(play.scene.owed.is_some(), faults.fates);
    let stage = Stage { wire: wire.clone(), clock, log: Arc::default() };
    let acts = play.actors.iter().enumerate();
    let mut actors: Vec<_> = acts
        .map(|(actor, acts)| tokio::spawn(stage.clone().one_actor(actor, acts.clone())))
        .collect();
    let bring = |delivery: Delivery| tokio::spawn(stage.clone().one_worker(delivery));
    actors.extend(play.scene.owed.iter().flatten().cloned().map(bring));
    let mut faults_left = faults.most;
    loop {
        // The runtime's time is paused: it passes when nobody can go on without it.
        tokio::time::sleep(LONG_ENOUGH).await;
        let records = wire.take_records();
        if !records.is_empty() {
            actors.extend(records.into_iter().map(bring));
            continue;
        }
        let moves = wire.moves(if faults_left > 0 { faults.fates } else { &[] });
        if moves.is_empty() {
            break;
        }
        let Some(chosen) = choices.choose(moves.clone()) else {
            actors.iter().for_each(JoinHandle::abort);
            wire.release();
            put_back(play, wire);
            return None;
        };
        faults_left = faults_left.saturating_sub(usize::from(moves[chosen].fate.is_fault()));
        stage.clock.advance(MOMENT);
        wire.decide(&moves[chosen]);
    }
    for actor in actors {
        actor.await.expect("an actor does not panic");
    }
    Some(ended(play, stage).await)
}

impl Stage {
    async fn one_actor(self, actor: usize, acts: Vec<Act>) {
        let Self { wire, clock, log } = self;
        let mut processes = BTreeMap::new();
        for (number, act) in acts.into_iter().enumerate() {
            let mut end = wire.begin(actor, number);
            let asked_at = wire.now();
            let answer = if act.function == TIME {
                passed(&act, actor, &wire, &clock).await
            } else {
                let warm = processes.remove(act.function).filter(|_| act.warm);
                let function = warm.unwrap_or_else(|| {
                    let own = skewed(&clock, act.skew);
                    let seams = seams(&wire, actor, own, seed_of(actor, number));
                    function(act.function, seams, &wire.region())
                });
                tokio::select! {
                    biased;
                    Ok(_) = &mut end => nothing_said(),
                    answer = answer_of(&function, &act.event) => {
                        processes.insert(act.function, function);
                        answer
                    }
                }
            };
            let mut log = log.lock().expect("nobody panics with it");
            log.answers.push((actor, number, asked_at..wire.now(), answer));
        }
    }

    /// As Lambda does: what was not done is brought again; of a batch on which the worker died,
    /// one half and then the other.
    async fn one_worker(self, delivery: Delivery) {
        let Self { wire, clock, log } = self;
        let actor = delivery.actor;
        let most = retries_of(delivery.function);
        let mut waiting = vec![delivery];
        for attempt in 0.. {
            let Some(delivery) = waiting.pop() else { break };
            let mut end = wire.begin_delivery(&delivery, attempt);
            let seams = seams(&wire, actor, clock.clone(), seed_of(actor, attempt));
            let function = function(delivery.function, seams, &wire.region());
            let event = delivery.event();
            let answer = tokio::select! {
                biased;
                Ok(fate) = &mut end => Err(fate),
                answer = answer_of(&function, &event) => Ok(answer),
            };
            let end = match &answer {
                Ok(answer) => end_of(answer),
                Err(Fate::Undelivered) => End::NeverCame,
                Err(_) => End::Killed,
            };
            // It does not come again for ever.
            let end = if attempt < most || end == End::Done { end } else { End::NeverCame };
            let brought = Brought { delivery: delivery.clone(), attempt, end };
            log.lock().expect("nobody panics with it").brought.push(brought);
            match answer {
                _ if matches!(end, End::Done | End::NeverCame) => {}
                Ok(answer) => waiting.push(delivery.failed(&answer.body)),
                Err(_) => waiting.extend(delivery.halves().into_iter().rev()),
            }
        }
        wire.end_delivery(actor);
    }
}

/// How often a worker is brought what it is not done with.
fn retries_of(function: &str) -> usize {
    let mut streams = TEMPLATE.function(function).expect("a function of it").streams.iter();
    let retries = streams.find_map(|stream| stream.maximum_retry_attempts);
    retries.map_or(usize::MAX, |retries| retries.try_into().expect("a number"))
}

/// Of a function that died, as API Gateway does: whatever was done, it says nothing of it.
fn nothing_said() -> Answer {
    let body = json!({ "detail": "It may have been done." });
    Answer { status: 503, code: "killed".to_owned(), body }
}

pub fn end_of(answer: &Answer) -> End {
    let failed = answer.body["batchItemFailures"].as_array();
    if failed.is_some_and(Vec::is_empty) { End::Done } else { End::Again }
}

/// This clock, or one that stands where it does but for the skew.
fn skewed(clock: &Clock, skew: SignedDuration) -> Clock {
    if skew.is_zero() { clock.clone() } else { Clock::standing_at(clock.now() + skew) }
}

/// Time passes when the schedule comes to it.
async fn passed(act: &Act, actor: usize, wire: &Wire, clock: &Clock) -> Answer {
    wire.turn(actor).await;
    let until = Timestamp::from_millisecond(act.event.as_i64().expect("a time")).expect("a time");
    clock.advance(until.duration_since(clock.now()).try_into().expect("time does not go back"));
    Answer { status: 200, code: String::new(), body: Value::Null }
}

/// The table as it is before each schedule.
fn put_back(play: &Play, wire: &Wire) {
    restore(&wire.engine, &rows_of(&wire.engine), &play.scene.rows);
    wire.engine.forget_tokens();
}

async fn ended(play: &Play, Stage { wire, clock, log }: Stage) -> Ended {
    let steps = wire.steps();
    let Log { answers, brought } = std::mem::take(&mut *log.lock().expect("nobody panics with it"));
    let began = |actor, act| {
        let own = |step: &Step| step.actor == actor && step.act == act;
        steps.iter().position(own).expect("every act of a case asks the store")
    };
    let done: Vec<_> = answers
        .into_iter()
        .map(|(actor, act, Range { start: asked_at, end: ended }, answer)| {
            let asked = play.actors[actor][act].clone();
            Done { actor, act, asked, answer, asked_at, began: began(actor, act), ended }
        })
        .collect();
    let rows = rows_of(&wire.engine);
    let (mailed, asked) = (wire.mailed(), wire.asked());
    wire.release();
    let value = |done: &Done| {
        let body = &done.answer.body;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        text(&body["api_key"]).zip(text(&body["key"]["id"]))
    };
    let made: BTreeMap<_, _> = done.iter().filter_map(value).collect();
    let known = play.keys.iter().map(|key| (key.id.clone(), key.value.clone()));
    let mut accepted = BTreeMap::new();
    for (name, value) in known.chain(made.keys().map(|value| (value.clone(), value.clone()))) {
        accepted.insert(name, admits(&wire, clock.clone(), &value).await == 200);
    }
    let mut logged_in = Vec::new();
    for person in &play.people {
        logged_in.push(aside(&wire, clock.clone(), &session(person)).await.is_success());
    }
    let closed = match play.scene.owed {
        Some(_) => Some(close(&wire, &clock).await),
        None => None,
    };
    put_back(play, &wire);
    let Scene { rows: before, keyring, start, .. } = play.scene.clone();
    Ended {
        done,
        steps,
        rows,
        accepted,
        made,
        logged_in,
        brought,
        mailed,
        asked,
        closed,
        before,
        start,
        keyring,
    }
}
