//! The simulation notices each of these changes of the product's source.
//!
//! A copy of the checkout is changed in one place at a time, built, and simulated. That takes some
//! minutes for the first and half a minute for each further one, so it runs only by name:
//! `cargo test --package frontdesk-tests --test mutants -- --nocapture`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A text of a file, what stands in its place, and the tests of the simulation that notice.
struct Mutant {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    noticed_by: &'static str,
}

const MUTANTS: [Mutant; 9] = [
    Mutant {
        file: "shared/store/src/api_key.rs",
        from: "own_keys < own_key_limit",
        to: "own_keys <= own_key_limit",
        noticed_by: "of_two_creations",
    },
    Mutant {
        file: "shared/store/src/account.rs",
        from: ".and(\"(NOT contains(admins, :id) OR size(admins) > :one)\")",
        to: ".and(\"(NOT contains(admins, :id) OR size(admins) >= :one)\")",
        noticed_by: "of_two_admins_of_whom_one_leaves",
    },
    Mutant {
        file: "shared/store/src/actor.rs",
        from: "write.and(\"role = :role\")",
        to: "write.and(\"(role = :role OR attribute_exists(pk))\")",
        noticed_by: "whoever_is_no_admin_any_more",
    },
    // No key is marked.
    Mutant {
        file: "shared/store/src/suspension.rs",
        from: "filter(|marked| !marked.is(suspended))",
        to: "filter(|marked| marked.is(suspended))",
        noticed_by: "no_key_slips_through_a_suspension",
    },
    Mutant {
        file: "functions/src/key_check.rs",
        from: " && !found.suspended",
        to: "",
        noticed_by: "no_key_is_good_once",
    },
    // A transaction that may have been made is sent under another token.
    Mutant {
        file: "shared/store/src/write.rs",
        from: "if !unanswered.any() {\n                token",
        to: "if unanswered.any() || !unanswered.any() {\n                token",
        noticed_by: "of_two_creations",
    },
    Mutant {
        file: "shared/store/src/write.rs",
        from: ".set_key(Some(to_item(&key)))\n            .consistent_read(true);",
        to: ".set_key(Some(to_item(&key)))\n            .consistent_read(false);",
        noticed_by: "a_deleted_key_is_refused",
    },
    Mutant {
        file: "shared/store/src/login.rs",
        from: "size(asks.#id.guesses) < asks.#id.allowed",
        to: "size(asks.#id.guesses) <= asks.#id.allowed",
        noticed_by: "of_two_guesses",
    },
    // The key's row comes back.
    Mutant {
        file: "shared/store/src/api_key.rs",
        from: "let rotated = as_read(rotated, was);",
        to: "let rotated = rotated.when(\"digest = :was OR attribute_not_exists(pk)\")\
             .value(\":was\", &was.digest);",
        noticed_by: "a_key_that_is_deleted_while_it_is_rotated",
    },
];

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
            assert_eq!(text.matches(mutant.from).count(), 1, "{}: {}", mutant.file, mutant.from);
            std::fs::write(&file, text.replace(mutant.from, mutant.to)).expect("it is written");
            let noticed = is_noticed(&copy, mutant.noticed_by);
            tell(&format!("{:<9}{}: {}", noticed.word(), mutant.file, mutant.to.trim()));
            noticed != Noticed::Yes
        })
        .map(|mutant| mutant.to)
        .collect();
    assert!(missed.is_empty(), "not noticed: {missed:#?}");
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
