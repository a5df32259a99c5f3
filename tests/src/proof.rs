//! What a proof says of itself: a row of the table that `cargo proofs` prints.
//!
//! A proof is a test that tries a promise of the first page in many ways. It has a size for every
//! day and a long one, and when it has found nothing it says how much it has looked at.

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::env::var_os;
use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// Stands at the beginning of a line that is a row.
pub const MARK: &str = "proof";

/// How much a proof has looked at, without finding anything. Rows of the same promise are one row
/// of the table: what they looked at is added up.
pub struct Proof {
    /// What holds, in the words of the first page.
    pub holds: &'static str,
    /// How often it was tried: schedules, histories, inputs, kills.
    pub runs: u64,
    /// Faults that were put in meanwhile.
    pub faults: u64,
    /// Changes of the product under which it no longer held, out of all that were tried; none where
    /// none were tried.
    pub mutants: Option<(u64, u64)>,
}

impl Proof {
    /// The row, on a line of its own, separated by tabs.
    pub fn print(&self) {
        let mutants = self.mutants.map_or_else(|| "-".to_owned(), |(n, of)| format!("{n} of {of}"));
        println!("\n{MARK}\t{}\t{}\t{}\t0\t{mutants}", self.holds, self.runs, self.faults);
    }
}

/// How far a proof has come, for whoever waits for its long size.
#[derive(Debug)]
pub struct Progress {
    told: Instant,
}

impl Progress {
    const EVERY: Duration = Duration::from_secs(30);

    /// Says it now and then, with the name of the test.
    pub fn tell(&mut self, done: impl Display) {
        if asked("long") && self.told.elapsed() >= Self::EVERY {
            self.told = Instant::now();
            println!("{}: {done}", thread::current().name().unwrap_or_default());
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self { told: Instant::now() }
    }
}

/// `daily`, or `long` where `PROOFS=long` asks for it.
pub fn size<T>(daily: T, long: T) -> T {
    if asked("long") { long } else { daily }
}

/// Whether `PROOFS=quick` asks for no more than shows that a rule is gone. So mutants are judged,
/// hundreds of them.
pub fn is_quick() -> bool {
    asked("quick")
}

fn asked(size: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the desk's")]
    var_os("PROOFS").is_some_and(|asked| asked == size)
}
