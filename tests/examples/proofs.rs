//! `cargo proofs` tries the promises of the first page in many ways, and prints a table: what
//! holds, how often it was tried, with how many faults, and how many changes of the product it
//! noticed. `cargo proofs simulation` runs one of them, `cargo proofs --long` takes hours.

#![expect(clippy::print_stdout, reason = "what it is for")]

use frontdesk_tests::proof::MARK;
use std::env::args;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

const USAGE: &str = "\
cargo proofs [--long] [NAME...]

Runs the proofs of these names, or all of them, and prints what each has looked at. Without a name
and without --long, all but mutants.
  --long   the long size: hours, not minutes; with mutants, days";

const HEAD: [&str; 5] = ["what holds", "runs", "faults", "violations", "mutants noticed"];

/// A proof and the command that runs it.
struct Step {
    name: &'static str,
    command: &'static [&'static str],
}

/// Tests of one of the test binaries, by the beginning of their names. `PROFILE` says how they are
/// compiled, if not as for every day.
macro_rules! tests {
    ($binary:literal $($filter:literal)?) => {
        &["bash", "-ec", concat!(
            "cargo test $PROFILE --quiet --locked --package frontdesk-tests --test ", $binary,
            " -- --nocapture ", $($filter)?
        )]
    };
}

/// Of every change they try what it has changed, by a step of its own; whole at the long size.
const MUTANTS: &str = "mutants";

const STEPS: [Step; 10] = [
    Step { name: "simulation", command: tests!("simulation") },
    Step { name: "histories", command: tests!("it" "histories") },
    Step { name: "linearizability", command: tests!("it" "linearizability") },
    Step { name: "failures", command: tests!("it" "failures::") },
    Step { name: "who_exists", command: tests!("it" "who_exists") },
    Step { name: "leaks", command: tests!("it" "leaks") },
    Step { name: "fuzz", command: tests!("fuzz") },
    Step { name: "schemathesis", command: &["infra/schemathesis.sh"] },
    Step { name: MUTANTS, command: &["infra/mutants.sh"] },
    // It kills the desk's own program.
    Step {
        name: "kill",
        command: &[
            "bash",
            "-ec",
            "cargo build $PROFILE --quiet --locked --package frontdesk-desk --example desk
             cargo test $PROFILE --quiet --locked --package frontdesk-tests --test kill \\
                 -- --nocapture",
        ],
    },
];

/// What a step has printed for the table, and whether it found nothing.
struct Outcome {
    step: &'static Step,
    rows: Vec<Vec<String>>,
    holds: bool,
    seconds: u64,
}

fn main() -> ExitCode {
    let (options, names): (Vec<_>, Vec<_>) = args().skip(1).partition(|arg| arg.starts_with('-'));
    let long = options == ["--long"];
    let known = |name: &String| STEPS.iter().any(|step| step.name == name);
    if !(options.is_empty() || long) || !names.iter().all(known) {
        println!("{USAGE}\n\nNames: {}", STEPS.map(|step| step.name).join(", "));
        return ExitCode::FAILURE;
    }
    let asked = |step: &&Step| {
        let is_usual = names.is_empty() && (long || step.name != MUTANTS);
        is_usual || names.iter().any(|name| name == step.name)
    };
    let outcomes: Vec<_> = STEPS.iter().filter(asked).map(|step| run(step, long)).collect();
    println!("{}", table(&outcomes));
    let failed: Vec<_> = outcomes.iter().filter(|o| !o.holds).map(|o| o.step.name).collect();
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nFAILED, as told above: {}", failed.join(", "));
    ExitCode::FAILURE
}

/// Runs a step, with what it says passed on as it says it.
fn run(step: &'static Step, long: bool) -> Outcome {
    println!("\n== {}", step.name);
    let began = Instant::now();
    let mut command = Command::new(step.command[0]);
    command.args(&step.command[1..]).current_dir(desk::workspace_root()).stdout(Stdio::piped());
    let profile = if long { "--profile=proofs" } else { "" };
    command.env("PROFILE", profile);
    if long {
        command.env("PROOFS", "long");
    }
    let mut child = command.spawn().expect("the command is there");
    let said = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut rows = Vec::new();
    for line in said.lines().map_while(Result::ok) {
        match line.split_once('\t') {
            Some((MARK, row)) => add(&mut rows, row),
            _ => println!("{line}"),
        }
    }
    let ended = child.wait().expect("it ends");
    Outcome { step, holds: ended.success(), rows, seconds: began.elapsed().as_secs() }
}

/// One more row; what several tests say of one promise is added up.
fn add(rows: &mut Vec<Vec<String>>, row: &str) {
    let row: Vec<String> = row.split('\t').map(str::to_owned).collect();
    let Some(known) = rows.iter_mut().find(|known| known[0] == row[0]) else {
        return rows.push(row);
    };
    for (sum, more) in known.iter_mut().zip(&row).skip(1) {
        *sum = sum_of(sum, more);
    }
}

/// Of two numbers, of two of the form "3 of 3", or of one of them and nothing.
fn sum_of(one: &str, other: &str) -> String {
    let added = |one: &str, other: &str| -> Option<String> {
        Some((one.parse::<u64>().ok()? + other.parse::<u64>().ok()?).to_string())
    };
    match (one.split_once(" of "), other.split_once(" of ")) {
        (Some((some, of)), Some((more, of_more))) => {
            let [some, of] = [added(some, more), added(of, of_more)].map(Option::unwrap_or_default);
            format!("{some} of {of}")
        }
        (Some(_), None) => one.to_owned(),
        (None, Some(_)) => other.to_owned(),
        (None, None) => added(one, other).unwrap_or_else(|| one.to_owned()),
    }
}

/// A proof without a row has looked at nothing, or found something.
fn table(outcomes: &[Outcome]) -> String {
    let mut lines = vec![HEAD.map(str::to_owned).to_vec()];
    for Outcome { step, rows, holds, seconds } in outcomes {
        let failed = if *holds { "" } else { ", FAILED" };
        lines.push(vec![format!("-- {}, {seconds} s{failed}", step.name)]);
        lines.extend(rows.iter().cloned());
    }
    let width = |column| lines.iter().filter_map(|line| line.get(column)).map(String::len).max();
    let widths: Vec<_> = (0..HEAD.len()).map_while(width).collect();
    lines.iter().map(|line| format!("\n{}", aligned(line, &widths).trim_end())).collect()
}

fn aligned(line: &[String], widths: &[usize]) -> String {
    line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}  ")).collect()
}
