//! The failure matrix: what becomes of a call when something that its function depends on fails, in
//! each of the ways in which it can. The matrix is `docs/failures.md`; a module here is one of its
//! tables, and what other tests show already is named there and not shown again.

mod dynamodb_read;
mod dynamodb_write;
mod inside;
mod process;
mod product_api;
mod secrets_manager;
mod ses;
mod stream;

use crate::proxy::{Fault, Half, INJECTED};
use frontdesk_tests::proof::Proof;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

/// As often as anybody tries.
const ALWAYS: usize = usize::MAX;

const HALVES: [Fault; 5] = {
    let [one, two, three, four, five] = Half::ALL;
    [Fault::Half(one), Fault::Half(two), Fault::Half(three), Fault::Half(four), Fault::Half(five)]
};

/// What fails, as `docs/failures.md` calls it, and how.
const DEPENDENCIES: [&str; 7] = [
    "DynamoDB, a read",
    "DynamoDB, a write",
    "The stream",
    "SES",
    "Secrets Manager",
    "The product API",
    "The process",
];
const FAILURES: [&str; 6] =
    ["time-out", "throttle", "5xx", "half an answer", "duplicate", "crash after the write"];

/// One of the two: where a cell can be, the tests that show what becomes of it.
enum Cell {
    Shown(Vec<String>),
    CannotBe,
}

/// The cells of the matrix, in its order.
fn matrix() -> Vec<((String, String), Cell)> {
    let file = desk::workspace_root().join("docs/failures.md");
    let document = std::fs::read_to_string(file).expect("the document");
    let mut cells = Vec::new();
    let mut dependency = String::new();
    for line in document.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut dependency);
        }
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", failure, said, kept, tests, ""] = columns[..] else { continue };
        if !FAILURES.contains(&failure) {
            continue;
        }
        let names = tests.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let cell = if said == "cannot be" {
            assert!(names.is_empty() && kept.len() > 20, "{dependency}, {failure}: no reason");
            Cell::CannotBe
        } else {
            assert!(!names.is_empty(), "{dependency}, {failure}: no test");
            Cell::Shown(names)
        };
        cells.push(((dependency.clone(), failure.to_owned()), cell));
    }
    cells
}

/// The tests of this folder.
fn own_tests() -> BTreeSet<String> {
    let folder = desk::workspace_root().join("tests/it/failures");
    let mut names = BTreeSet::new();
    for file in std::fs::read_dir(folder).expect("the folder") {
        let path = file.expect("a file").path();
        let module = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let source = std::fs::read_to_string(&path).expect("a text");
        for test in source.split("\n#[tokio::test").skip(1) {
            let name = test.split("async fn ").nth(1).and_then(|rest| rest.split('(').next());
            names.insert(format!("failures::{module}::{}", name.expect("a test has a name")));
        }
    }
    names
}

#[test]
fn every_cell_of_the_matrix_is_shown_or_cannot_be_and_every_test_stands_in_it() {
    let cells = matrix();
    let wanted = DEPENDENCIES.iter().flat_map(|dependency| {
        FAILURES.map(|failure| ((*dependency).to_owned(), failure.to_owned()))
    });
    let found = cells.iter().map(|(place, _)| place.clone());
    assert_eq!(found.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    let named: BTreeSet<String> = cells
        .into_iter()
        .flat_map(|(_, cell)| match cell {
            Cell::Shown(names) => names,
            Cell::CannotBe => Vec::new(),
        })
        .filter(|name| name.starts_with("failures::"))
        .collect();
    // That those of other modules exist is seen with all that documents name.
    assert_eq!(named, own_tests());
}

/// Held by each test of the matrix. The last one that ends prints the row of them all.
struct Tried;

impl Drop for Tried {
    fn drop(&mut self) {
        static ENDED: AtomicUsize = AtomicUsize::new(0);
        if std::thread::panicking() {
            return;
        }
        let ended = ENDED.fetch_add(1, Ordering::SeqCst) + 1;
        if ended == own_tests().len() {
            let shown = matrix().iter().filter(|(_, cell)| matches!(cell, Cell::Shown(_))).count();
            Proof {
                holds: "Whatever fails, the answer is true and nothing is lost",
                runs: shown as u64,
                faults: INJECTED.load(Ordering::SeqCst),
                mutants: None,
            }
            .print();
        }
    }
}
