//! Tries a target: what once broke it first, then bytes from seeds.

use crate::targets::panics;
use frontdesk_tests::proof::{Progress, Proof, size};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use std::env::var;
use std::fmt::Write;
use std::panic::catch_unwind;

/// How many inputs a target gets with `PROOFS=long`.
const LONG: u64 = 1_000_000;
/// How long an input is at most.
const LONGEST: usize = 256;
/// How often a smaller input is looked for that breaks a target as well.
const SHRUNK: usize = 2000;

pub struct Target {
    /// Of its file in `corpus`, too.
    pub name: &'static str,
    pub holds: &'static str,
    pub run: fn(&[u8]),
    pub daily: u64,
}

impl Target {
    /// Tries it as often as it is to be, or with the one input that `FUZZ_INPUT` has.
    pub fn hold(&self) {
        if let Some(hex) = setting("FUZZ_INPUT") {
            return (self.run)(&bytes(&hex));
        }
        panics::watch();
        let known = self.corpus();
        let asked = setting("FUZZ_INPUTS").map(|number| number.parse().expect("a number"));
        let seeds = asked.unwrap_or_else(|| size(self.daily, LONG));
        let drawn = (0..seeds).map(|seed| drawn(seed, &known));
        let runs = known.len() as u64 + seeds;
        let mut progress = Progress::default();
        for (input, number) in known.iter().cloned().chain(drawn).zip(1..) {
            progress.tell(format_args!("input {number} of {runs}"));
            if !self.takes(&input) {
                self.tell(&input);
            }
        }
        Proof { holds: self.holds, runs, faults: 0, mutants: None }.print();
    }

    fn takes(&self, input: &[u8]) -> bool {
        panics::be_quiet(true);
        let taken = catch_unwind(|| (self.run)(input)).is_ok();
        panics::be_quiet(false);
        taken
    }

    /// What once broke it, or goes somewhere that seeds seldom do: a line each, in hexadecimal, and
    /// what it is behind it.
    fn corpus(&self) -> Vec<Vec<u8>> {
        let folder = desk::workspace_root().join("tests/fuzz/corpus");
        let text = std::fs::read_to_string(folder.join(format!("{}.txt", self.name)));
        let text = text.expect("every target has a corpus");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| bytes(line.split(' ').next().unwrap_or_default())).collect()
    }

    /// A smaller input that breaks it, and how to try it again.
    fn tell(&self, input: &[u8]) -> ! {
        let mut smallest = input.to_vec();
        for _ in 0..SHRUNK {
            let found = smaller(&smallest).find(|input| !self.takes(input));
            let Some(found) = found else { break };
            smallest = found;
        }
        panics::noted();
        self.takes(&smallest);
        let why = panics::noted().join("\n");
        let (name, current) = (self.name, std::thread::current());
        let test = current.name().unwrap_or_default();
        let hex = smallest.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a text takes all");
            hex
        });
        panic!(
            "{name} is broken by an input: {why}\nTo try it again:\nFUZZ_INPUT={hex} cargo test \
             --package frontdesk-tests --test fuzz {test}\nOnce it is mended, it belongs into \
             tests/fuzz/corpus/{name}.txt."
        );
    }
}

fn setting(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the desk's")]
    var(name).ok()
}

/// New bytes, or some of those that are known with others in their place.
fn drawn(seed: u64, known: &[Vec<u8>]) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut input = vec![0; rng.random_range(0..=LONGEST)];
    rng.fill_bytes(&mut input);
    if !known.is_empty() && rng.random_bool(0.2) {
        let base = &known[rng.random_range(0..known.len())];
        let kept = rng.random_range(0..=base.len().min(input.len()));
        input[..kept].copy_from_slice(&base[..kept]);
    }
    input
}

/// The same with less at its end, without a stretch, or with a zero in a place.
fn smaller(input: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let length = input.len();
    let cuts = [2, 4, 8, length.max(1)].into_iter().flat_map(move |parts| {
        let part = length.div_ceil(parts).max(1);
        (0..length).step_by(part).map(move |from| {
            let to = (from + part).min(length);
            [&input[..from], &input[to..]].concat()
        })
    });
    let zeros = (0..length).filter(|at| input[*at] != 0).map(|at| {
        let mut input = input.to_vec();
        input[at] = 0;
        input
    });
    cuts.chain(zeros)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().as_chunks::<2>().0;
    let byte = |pair: &[u8; 2]| {
        u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal")
    };
    digits.iter().map(byte).collect()
}
