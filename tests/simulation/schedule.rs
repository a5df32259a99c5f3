//! One schedule: actors call functions, and a list of choices decides which request goes next and
//! what becomes of it.
//!
//! All of it runs on one thread with tokio's time paused, so time passes only while everybody
//! waits, and the same choices give the same run.

use crate::choices::Choices;
use crate::scene::{
    Act, Answer, Key, Person, Rows, Scene, TIME, answer_of, function, restore, rows_of, seams,
};
use crate::scene::{check_value, session};
use crate::wire::{Fate, Step, Wire};
use edge::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
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
}

/// The moment that each request takes, by the functions' clock.
const MOMENT: Duration = Duration::from_millis(1);
/// How long all wait before the next thing happens: longer than any wait between two tries, so
/// that whoever waits for time alone has had it, and nothing hangs on how long that was.
const LONG_ENOUGH: Duration = Duration::from_secs(5);

type Answers = Arc<Mutex<Vec<(usize, usize, Range<usize>, Answer)>>>;

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
    wire.schedule(play.actors.len());
    let answers = Answers::default();
    let actors: Vec<_> = play
        .actors
        .iter()
        .enumerate()
        .map(|(actor, acts)| {
            let acts = acts.clone();
            let (wire, clock, answers) = (wire.clone(), clock.clone(), answers.clone());
            tokio::spawn(one_actor(actor, acts, wire, clock, answers))
        })
        .collect();
    let mut faults_left = faults.most;
    loop {
        // The runtime's time is paused: it passes when nobody can go on without it.
        tokio::time::sleep(LONG_ENOUGH).await;
        let moves = wire.moves(if faults_left > 0 { faults.fates } else { &[] });
        if moves.is_empty() {
            break;
        }
        let Some(chosen) = choices.choose(moves.clone()) else {
            actors.iter().for_each(JoinHandle::abort);
            wire.release();
            restore(&wire.engine, &rows_of(&wire.engine), &play.scene.rows);
            return None;
        };
        // What follows an outage is part of it.
        faults_left = faults_left.saturating_sub(usize::from(moves[chosen].fate.is_fault()));
        clock.advance(MOMENT);
        wire.decide(&moves[chosen]);
    }
    for actor in actors {
        actor.await.expect("an actor does not panic");
    }
    Some(ended(play, wire, &clock, &answers).await)
}

async fn one_actor(actor: usize, acts: Vec<Act>, wire: Arc<Wire>, clock: Clock, answers: Answers) {
    for (number, act) in acts.into_iter().enumerate() {
        wire.begin(actor, number);
        let asked_at = wire.now();
        // What is drawn hangs on nobody else.
        let seed = 100 * actor as u64 + number as u64;
        let answer = if act.function == TIME {
            passed(&act, actor, &wire, &clock).await
        } else {
            let clock = if act.skew.is_zero() { clock.clone() } else { skewed(&clock, act.skew) };
            let seams = seams(&wire, actor, clock, seed);
            answer_of(function(act.function, seams, &wire.region()), &act.event).await
        };
        let mut answers = answers.lock().expect("nobody panics with it");
        answers.push((actor, number, asked_at..wire.now(), answer));
    }
}

/// A clock that stands where this one does, but for the skew.
fn skewed(clock: &Clock, skew: SignedDuration) -> Clock {
    Clock::standing_at(clock.now() + skew)
}

/// Time passes when the schedule comes to it.
async fn passed(act: &Act, actor: usize, wire: &Wire, clock: &Clock) -> Answer {
    wire.turn(actor).await;
    let until = Timestamp::from_millisecond(act.event.as_i64().expect("a time")).expect("a time");
    clock.advance(until.duration_since(clock.now()).try_into().expect("time does not go back"));
    Answer { status: 200, code: String::new(), body: Value::Null }
}

async fn ended(play: &Play, wire: &Arc<Wire>, clock: &Clock, answers: &Answers) -> Ended {
    let steps = wire.steps();
    let answers = std::mem::take(&mut *answers.lock().expect("nobody panics with it"));
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
    wire.release();
    let afterwards = async |act: Act| {
        let seams = seams(wire, 0, clock.clone(), 99_999);
        answer_of(function(act.function, seams, &wire.region()), &act.event).await
    };
    let value = |done: &Done| {
        let body = &done.answer.body;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        text(&body["api_key"]).zip(text(&body["key"]["id"]))
    };
    let made: BTreeMap<_, _> = done.iter().filter_map(value).collect();
    let known = play.keys.iter().map(|key| (key.id.clone(), key.value.clone()));
    let mut accepted = BTreeMap::new();
    for (name, value) in known.chain(made.keys().map(|value| (value.clone(), value.clone()))) {
        accepted.insert(name, afterwards(check_value(&value)).await.is_success());
    }
    let mut logged_in = Vec::new();
    for person in &play.people {
        logged_in.push(afterwards(session(person)).await.is_success());
    }
    restore(&wire.engine, &rows_of(&wire.engine), &play.scene.rows);
    Ended { done, steps, rows, accepted, made, logged_in }
}
