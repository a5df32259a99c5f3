//! The simulation notices each of these changes of the product's source.
//!
//! A copy of the checkout is changed in one place at a time, built, and simulated. That takes some
//! minutes for the first and half a minute for each further one, so it runs only by name:
//! `cargo test --package frontdesk-tests --test mutants -- --nocapture`.

mod list;

use crate::list::{MUTANTS, Mutant};
use frontdesk_tests::proof::Proof;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_simulation_notices_every_mutant() {
    let root = desk::workspace_root();
    let copy = root.join("target/mutants");
    let missed: Vec<_> = MUTANTS
        .iter()
        .filter(|mutant| {
            copied(root, &copy);
            let file = copy.join(mutant.file);
            let text = std::fs::read_to_string(&file).expect("a file of the product");
            std::fs::write(&file, mutant.of(&text)).expect("it is written");
            let noticed = is_noticed(&copy, mutant.noticed_by);
            tell(&format!("{:<9}{}: {}", noticed.word(), mutant.file, mutant.name().trim()));
            noticed != Noticed::Yes
        })
        .map(Mutant::name)
        .collect();
    assert!(missed.is_empty(), "not noticed: {missed:#?}");
    let tried = MUTANTS.len() as u64;
    let holds = "The simulation notices what is changed in the functions' source";
    Proof { holds, runs: 0, faults: 0, mutants: Some((tried, tried)) }.print();
}

#[derive(Debug, PartialEq, Eq)]
enum Noticed {
    Yes,
    No,
    /// It does not build, or no such test is there.
    NotTried,
}

impl Noticed {
    fn word(&self) -> &'static str {
        match self {
            Self::Yes => "noticed",
            Self::No => "missed",
            Self::NotTried => "no run",
        }
    }
}

fn is_noticed(copy: &Path, test: &str) -> Noticed {
    let run = Command::new(env!("CARGO"))
        .current_dir(copy)
        // Its own: cargo takes the crates of a copy for those that it was copied from.
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .args(["test", "--package", "frontdesk-tests", "--test", "simulation", test])
        .output()
        .expect("cargo runs");
    let told = String::from_utf8_lossy(&run.stdout);
    match told.contains("test result:") && !told.contains("running 0 tests") {
        false => Noticed::NotTried,
        true if told.contains("test result: FAILED") => Noticed::Yes,
        true => Noticed::No,
    }
}

/// Every file of the checkout as it is, and nothing else that was there.
fn copied(root: &Path, copy: &Path) {
    let files = Command::new("git").current_dir(root).args(["ls-files"]).output().expect("git");
    let files = String::from_utf8(files.stdout).expect("names are texts");
    for name in files.lines() {
        let (from, to): (PathBuf, PathBuf) = (root.join(name), copy.join(name));
        let bytes = std::fs::read(from).expect("a file of the checkout");
        // What is as it was keeps its time, so that it is not built anew.
        if std::fs::read(&to).is_ok_and(|there| there == bytes) {
            continue;
        }
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::write(to, bytes).expect("it is copied");
    }
}

/// For whoever looks on.
#[expect(clippy::print_stdout, reason = "what it is for")]
fn tell(line: &str) {
    println!("{line}");
}
