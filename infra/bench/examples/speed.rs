//! `cargo speed` measures every function beside the floor and what somebody would take instead, and
//! prints a table. `docs/speed.md` tells what it means.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it is for")]

use bench::candidates::{self, Workshop};
use bench::certificate::Certificate;
use bench::docs;
use bench::host::{Done, Host};
use bench::journey::{self, LEFT_OUT};
use bench::local_desk::{LocalDesk, services};
use bench::measure::{Plan, measure};
use bench::programs::Programs;
use bench::report::Report;
use bench::told::Told;
use bench::{Failure, command, table};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

const USAGE: &str = "\
cargo speed [--docs] [--rounds N] [--calls N] [--no-build] [--before FOLDER] [NAME...]

Builds the functions, the floor and the peers, and measures those whose names contain one of these
words, or all of them. Prints a table, and writes speed.json beside the builds, in target/.
  --docs       writes docs/speed/*, and the tables in docs/speed.md
  --rounds N   how often each program is started (20)
  --calls N    how many calls are counted after each start (500)
  --no-build   takes the programs as they were built last
  --before FOLDER
               measures the programs in there, too: those of before a change";

/// What was asked for.
struct Asked {
    docs: bool,
    build: bool,
    plan: Plan,
    before: Option<PathBuf>,
    names: Vec<String>,
}

fn main() -> ExitCode {
    command::run(USAGE, read, async |words, asked| run(words, asked).await)
}

fn read(words: &[String]) -> Option<Asked> {
    let away = Duration::from_millis(5);
    let plan = Plan { rounds: 20, warm_up: 200, calls: 500, away };
    let mut asked = Asked { docs: false, build: true, plan, before: None, names: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--docs" => asked.docs = true,
            "--no-build" => asked.build = false,
            "--rounds" => asked.plan.rounds = words.next()?.parse().ok()?,
            "--calls" => asked.plan.calls = words.next()?.parse().ok()?,
            "--before" => asked.before = Some(words.next()?.into()),
            option if option.starts_with('-') => return None,
            name => asked.names.push(name.to_owned()),
        }
    }
    (asked.plan.rounds > 0 && asked.plan.calls > 0).then_some(asked)
}

async fn run(words: &[String], asked: Asked) -> Result<(), Failure> {
    let programs = Programs::of_this()?;
    if asked.build {
        programs.build()?;
    }
    let folder = std::env::temp_dir().join(format!("frontdesk-speed-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = find_out(words, &asked, &programs, &folder).await;
    std::fs::remove_dir_all(&folder)?;
    let report = measured?;
    println!("{}", table::text(&report));
    let json = format!("{:#}\n", report.json());
    std::fs::write(programs.target.join("speed.json"), json)?;
    if asked.docs { docs::write(&report, &programs.root.join("docs")) } else { Ok(()) }
}

async fn find_out(
    words: &[String],
    asked: &Asked,
    programs: &Programs,
    folder: &Path,
) -> Result<Report, Failure> {
    let certificate = Arc::new(Certificate::new(folder)?);
    let (told, done) = walk(programs, &certificate).await?;
    let before = asked.before.as_deref();
    let workshop = Workshop { programs, certificate: &certificate, told, done, folder, before };
    let mut all = workshop.functions()?;
    let mut left_out: Vec<_> =
        LEFT_OUT.iter().map(|(name, why)| ((*name).to_owned(), (*why).to_owned())).collect();
    let peers = if asked.build { programs.build_peers() } else { Ok(()) };
    match peers.and_then(|()| workshop.peers()) {
        Ok(peers) => all.extend(peers),
        Err(why) => left_out.push(("peers".to_owned(), why.to_string())),
    }
    all.retain(|one| {
        asked.names.is_empty() || asked.names.iter().any(|name| one.name.contains(name))
    });
    let rounds = asked.plan.rounds;
    let progress = |round| eprintln!("round {round} of {rounds}");
    let figures = measure(&all, &certificate, asked.plan, progress).await?;
    let date = command::today();
    let command = [&["cargo speed".to_owned()], words].concat().join(" ");
    Ok(Report { date, machine: machine(), command, plan: asked.plan, figures, left_out })
}

/// Has each function do something, and keeps what that was.
async fn walk(
    programs: &Programs,
    certificate: &Arc<Certificate>,
) -> Result<(Told, BTreeMap<String, Done>), Failure> {
    let host = Host::start(programs.clone(), certificate.server.clone()).await?;
    let started = LocalDesk::around(&programs.desk(), &programs.root, host.address).await?;
    let (desk, told) = started;
    let services = services(&told)?;
    let told = Told::new(&programs.root.join("template.yaml"), told)?;
    let (known, trusted) = (told.clone(), certificate.clone());
    host.tell(move |name| candidates::environment(known.to(name), &trusted), services);
    journey::walk(&desk).await?;
    Ok((told, host.done().await))
}

fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(1, |number| number.get());
    let architecture = std::env::consts::ARCH.replace("x86_64", "x86-64");
    let node = Command::new("node").arg("--version").output().ok();
    let node = node.and_then(|said| String::from_utf8(said.stdout).ok());
    let node = node.map(|version| format!(", Node {}", version.trim())).unwrap_or_default();
    format!("{processors} vCPU {architecture} Linux{node}")
}
