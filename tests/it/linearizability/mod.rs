//! Every history of a key is linearizable: whatever is done to it at once, with whatever faults on
//! the wire, each answer is one that could have been given if all of it had happened one after the
//! other, in an order in which nothing comes before what had been answered when it was asked.
//!
//! [`run`] has clients at work and records what they do, [`key`] says what it means where nothing
//! happens at once, and [`judge`] looks for an order. Keys are judged one by one, and what is done
//! to an account is part of the history of each of its keys. That is all that is promised: a
//! suspension reaches one key after the other, and the next check of each once it is answered.

mod judge;
mod key;
mod run;

use crate::linearizability::run::{Desk, Sabotage};
use frontdesk_tests::proof::{Proof, size};

/// How many histories of a few keys, each with a number that its choices hang on.
const DAILY: u64 = 10;
const LONG: u64 = 600;
/// As many as fit a session's life.
const OF_A_DESK: usize = 100;
/// How many histories a mutant has to be found in.
const FOUND_WITHIN: u64 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn every_history_of_a_key_is_linearizable() {
    let seeds: Vec<u64> = match seed() {
        Some(seed) => vec![seed],
        None => (1..=size(DAILY, LONG)).collect(),
    };
    let (mut runs, mut faults) = (0, 0);
    for seeds in seeds.chunks(OF_A_DESK) {
        let desk = Desk::start(None).await;
        if let Some(told) = desk.look_at(seeds).await {
            panic!("{told}");
        }
        if seeds.len() > 1 {
            desk.has_seen_what_is_rare();
        }
        (runs, faults) = (runs + desk.keys_judged(), faults + desk.faults());
    }
    let mut found = 0;
    for sabotage in Sabotage::ALL {
        found += u64::from(is_found(sabotage).await);
    }
    let mutants = Sabotage::ALL.len() as u64;
    assert_eq!(found, mutants, "what is wrong was not found");
    let holds = "Whatever happens to a key at once, its answers have an order (linearizability)";
    Proof { holds, runs, faults, mutants: Some((found, mutants)) }.print();
}

/// Whether it shows that something is wrong.
async fn is_found(sabotage: Sabotage) -> bool {
    let seeds: Vec<u64> = (1..=FOUND_WITHIN).collect();
    let found = Desk::start(Some(sabotage)).await.look_at(&seeds).await;
    if let Some(told) = &found {
        tell(&format!("{sabotage:?}: {told}"));
    }
    found.is_some()
}

#[expect(clippy::print_stdout, reason = "what it is for")]
fn tell(line: &str) {
    println!("{line}");
}

/// The one history that is looked at again.
fn seed() -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a setting of this test, not of the desk's")]
    let value = std::env::var_os("LINEARIZABILITY_SEED")?;
    Some(value.to_str().and_then(|text| text.parse().ok()).expect("it is a number"))
}
