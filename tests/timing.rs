//! Whether an answer's time tells what the answer does not: who is registered, which key there was,
//! where a guess differs.
//!
//! Two classes are measured in a random order, the slowest tenth is left out, and Welch's t is
//! taken of the rest (as dudect does it). Below 4.5 nothing was found with so many measurements;
//! that is no proof that there is nothing. `cargo bench --package frontdesk-tests --bench timing
//! --profile dev` prints it. Nothing is asserted, for a machine has other work.

#![expect(dead_code, reason = "what the tests share has more in it")]
#![expect(clippy::print_stdout, reason = "what it is for")]

#[path = "it/batch.rs"]
mod batch;
#[path = "it/proxy.rs"]
mod proxy;
#[path = "it/support.rs"]
mod support;

use crate::batch::without_workers;
use crate::proxy::{Behind, KEY_CHECKS, body_of, http_event};
use crate::support::{UNHURRIED, World};
use domain::key::KeyPrefix;
use domain::login::LoginCode;
use domain::{AccountId, KeyId, KeyKind, PlainKey};
use edge::Clock;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Measurements of each class.
const CALLS: usize = 1000;
const COMPARISONS: usize = 20_000;
/// How often a comparison is made for one measurement: a clock is coarser than it.
const AT_ONCE: usize = 100;
const CLASSES: [&str; 2] = ["known", "unknown"];
const EMAILS: [&str; 2] = ["known00@example.com", "unknown@example.com"];
/// Nobody's requests are on record any more then.
const A_DAY: Duration = Duration::from_secs(25 * 3600);

#[tokio::main]
async fn main() {
    comparisons();
    requests_and_guesses().await;
    key_checks().await;
}

fn report(what: &str, classes: [&str; 2], times: [Vec<f64>; 2]) {
    let mut all: Vec<f64> = times.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let slowest = all[all.len() * 9 / 10];
    let [a, b] = times.map(|mut times| {
        times.retain(|time| *time < slowest);
        Sample::of(&times)
    });
    let t = (a.mean - b.mean) / (a.variance / a.count + b.variance / b.count).sqrt();
    println!(
        "{what}: t = {t:+.2} ({} {:.3} us, {} {:.3} us, {} and {} of them)",
        classes[0], a.mean, classes[1], b.mean, a.count, b.count
    );
}

struct Sample {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Sample {
    fn of(times: &[f64]) -> Self {
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let squares = times.iter().map(|time| (time - mean).powi(2));
        Self { count, mean, variance: squares.sum::<f64>() / (count - 1.0) }
    }
}

fn micros(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e6
}

/// A guess that differs from the code in its first digit, and one that differs in its last.
fn comparisons() {
    let code = LoginCode::parse("482915").expect("six digits");
    let guesses = ["082915", "482910"].map(|guess| LoginCode::parse(guess).expect("six digits"));
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..2 * COMPARISONS {
        let class = usize::from(fastrand::bool());
        let began = Instant::now();
        for _ in 0..AT_ONCE {
            black_box(black_box(&code).matches(black_box(&guesses[class])));
        }
        times[class].push(micros(began));
    }
    report("a wrong code", ["differs in its first digit", "in its last"], times);
}

async fn timed(function: &Behind, event: &Value) -> (f64, Value) {
    let began = Instant::now();
    let answer = function.invoke(event).await.expect("an answer");
    (micros(began), answer)
}

/// Each day both addresses are asked about, in a random order, and guessed at in another.
async fn requests_and_guesses() {
    let world = without_workers().await;
    let account = json!({ "name": "Known Company", "admin_email": EMAILS[0] });
    let register = Behind::new(&world, "register-account", &[]);
    register.invoke(&account).await.expect("the account is registered");
    let clock = Clock::standing_at(world.now());
    let function = |name| Behind::with_clock(&world, name, &[], UNHURRIED, clock.clone());
    let (request, verify) = (function("request-code"), function("verify-code"));
    let (mut asked, mut guessed) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..CALLS {
        clock.advance(A_DAY);
        let mut challenges = [Value::Null, Value::Null];
        for class in in_some_order() {
            let body = json!({ "email": EMAILS[class], "accept_terms": true });
            let (time, answer) =
                timed(&request, &http_event("request-code", None, None, Some(body))).await;
            challenges[class] = body_of(&answer)["challenge"].clone();
            assert!(challenges[class].is_string(), "{answer}");
            asked[class].push(time);
        }
        for class in in_some_order() {
            let body = json!({ "challenge": challenges[class], "code": "000000" });
            let (time, _) =
                timed(&verify, &http_event("verify-code", None, None, Some(body))).await;
            guessed[class].push(time);
        }
    }
    report("request-code", CLASSES, asked);
    report("verify-code, a wrong code", CLASSES, guessed);
}

fn in_some_order() -> [usize; 2] {
    if fastrand::bool() { [0, 1] } else { [1, 0] }
}

async fn key_checks() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, deleted) = admin.key("Deleted").await;
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    world.settle().await;
    let app = world.app("authorize-key");
    let account: AccountId = admin.account.parse().expect("an id");
    let id = KeyId::random(KeyKind::Live, &mut app.rng());
    let unknown = PlainKey::mint(&KeyPrefix::default(), &account, &id, &mut app.rng());
    let keys = [unknown.secret().expose(), deleted.as_str()];
    for (name, event) in KEY_CHECKS {
        let function = Behind::new(&world, name, &[]);
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..CALLS {
            for class in in_some_order() {
                times[class].push(timed(&function, &event(keys[class])).await.0);
            }
        }
        report(name, ["an unknown key", "a deleted one"], times);
    }
}
