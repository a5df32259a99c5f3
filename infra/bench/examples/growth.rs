//! `cargo growth` counts what each action sends and costs when there is more of something, and
//! prints a table.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it is for")]

use bench::growth::{self, Size};
use bench::programs::Programs;
use bench::{Failure, command, docs};
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

const USAGE: &str = "\
cargo growth [--docs] [--short]

Counts requests, waits, read units and write units of a call of each action, beside 10, 1,000 and
100,000 accounts, in an account at its limits, and in one whose trail has a million events. Fails if
one of them sends more, or costs more than what it reads. Takes an hour.
  --docs   writes the table in docs/table.md, and docs/growth.svg
  --short  beside 1,000 accounts at most, and with 10,000 events: what every run of the tests does";

struct Asked {
    docs: bool,
    short: bool,
}

fn main() -> ExitCode {
    command::run(USAGE, read, async |words, asked| run(words, &asked))
}

fn read(words: &[String]) -> Option<Asked> {
    let mut asked = Asked { docs: false, short: false };
    for word in words {
        match word.as_str() {
            "--docs" => asked.docs = true,
            "--short" => asked.short = true,
            _ => return None,
        }
    }
    Some(asked)
}

fn run(words: &[String], asked: &Asked) -> Result<(), Failure> {
    let programs = Programs::of_this()?;
    let sizes = count(&programs, asked.short)?;
    let command = [&["cargo growth".to_owned()], words].concat().join(" ");
    let text = format!("{}, `{command}`:\n\n{}", command::today(), growth::text(&sizes));
    println!("{text}");
    if asked.docs {
        let folder = programs.root.join("docs");
        docs::put(&folder.join("table.md"), &text)?;
        std::fs::write(folder.join("growth.svg"), growth::chart(&sizes))?;
    }
    Ok(())
}

/// Runs the tests that count, and reads what they tell.
fn count(programs: &Programs, short: bool) -> Result<Vec<Size>, Failure> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["test", "--quiet", "--locked", "--package", "frontdesk-tests", "--test", "it"])
        .args(["--", "--nocapture", "growth::"])
        .current_dir(&programs.root)
        .env("CARGO_TARGET_DIR", &programs.target)
        .stdout(Stdio::piped());
    if !short {
        cargo.env("PROOFS", "long");
    }
    let mut running = cargo.spawn()?;
    let told = running.stdout.take().ok_or("it has no standard output")?;
    let lines = BufReader::new(told).lines().collect::<Result<Vec<_>, _>>()?;
    if !running.wait()?.success() {
        lines.iter().for_each(|line| eprintln!("{line}"));
        return Err("an action sends or costs more than it should".into());
    }
    growth::sizes(lines.iter().map(String::as_str))
}
