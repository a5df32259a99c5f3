//! Whatever bytes come in, nothing panics, nothing of it is an error of ours, and all of it ends.
//!
//! The [`targets`] are plain functions of bytes. Here they get bytes from seeds, so that a run is
//! the same run everywhere, and what once broke one of them.

mod run;
mod targets;

use crate::run::Target;
use crate::targets::panics;
use frontdesk_tests::proof::Proof;

const TEXTS: Target = Target {
    name: "texts",
    holds: "no text makes a parser panic, and what one takes it gives back",
    run: targets::texts,
    daily: 8000,
};
const SEALED: Target = Target {
    name: "sealed",
    holds: "a sealed value that was changed or moved opens nothing",
    run: targets::sealed,
    daily: 6000,
};
const REQUESTS: Target = Target {
    name: "requests",
    holds: "no request makes an error of ours, and none without a session gets in",
    run: targets::requests,
    daily: 2500,
};
const CHECKS: Target = Target {
    name: "checks",
    holds: "no key check makes an error of ours, and none without a key lets in",
    run: targets::checks,
    daily: 1500,
};
const WORKERS: Target = Target {
    name: "workers",
    holds: "no record, notification or schedule makes a function panic",
    run: targets::workers,
    daily: 800,
};
const OPERATORS: Target = Target {
    name: "operators",
    holds: "no operator's event makes an error of ours",
    run: targets::operators,
    daily: 4000,
};
const ROWS: Target = Target {
    name: "rows",
    holds: "no damaged row makes a function panic",
    run: targets::rows,
    daily: 1000,
};

#[test]
fn no_text_makes_a_parser_panic_and_what_one_takes_it_gives_back() {
    TEXTS.hold();
}

#[test]
fn a_sealed_value_that_was_changed_or_moved_opens_nothing() {
    SEALED.hold();
}

#[test]
fn no_request_makes_an_error_of_ours_and_none_without_a_session_gets_in() {
    REQUESTS.hold();
}

#[test]
fn no_key_check_makes_an_error_of_ours_and_none_without_a_key_lets_in() {
    CHECKS.hold();
}

#[test]
fn no_record_notification_or_schedule_makes_a_function_panic() {
    WORKERS.hold();
}

#[test]
fn no_event_of_an_operators_makes_an_error_of_ours() {
    OPERATORS.hold();
}

#[test]
fn no_damaged_row_makes_a_function_panic() {
    ROWS.hold();
}

/// One kind of number after the other, where seeds seldom come to the one that matters.
#[test]
fn no_number_at_its_end_makes_a_function_panic() {
    panics::watch();
    panics::be_quiet(true);
    let (told, runs) = targets::ends_of_numbers();
    panics::be_quiet(false);
    assert!(told.is_empty(), "{} panics:\n{}", told.len(), told.join("\n"));
    Proof {
        holds: "no number at its end makes a function panic",
        runs,
        faults: runs,
        mutants: None,
    }
    .print();
}
