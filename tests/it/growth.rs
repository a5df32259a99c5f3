//! Whether an action sends or costs more when there is more of something: of accounts, of what an
//! account has, of what is on record.
//!
//! Each size is measured as the table of access patterns is, and told in lines that `cargo growth`
//! reads, which asks for the long sizes (`PROOFS=long`).

use crate::access_patterns::{Measured, measure_all};
use crate::crowd::Crowd;
use domain::session::MAX_SESSIONS;
use frontdesk_tests::proof::size;

type Actions = [(&'static str, Measured)];

/// Read and write units of a call of an action.
type Units = (&'static str, f64, f64);

/// What there is, and which actions cost so many units more than beside ten accounts.
struct Size {
    name: &'static str,
    crowd: Crowd,
    more: &'static [Units],
}

/// The row of an address has the codes of a day.
const AT_ITS_LIMITS: [Units; 6] = [
    ("request-code", 0.0, 2.0),
    ("verify-code", 0.0, 3.0),
    ("list-keys", 19.0, 0.0),
    ("list-members", 15.0, 0.0),
    ("leave-team", 0.0, 2.0),
    ("list-activity", 1.0, 0.0),
];

fn sizes() -> Vec<Size> {
    let beside = |accounts| Crowd { accounts, ..Crowd::default() };
    let full = Crowd { is_full: true, sessions: MAX_SESSIONS, ..Crowd::default() };
    let (name, events) = size(("10,000 events", 10_000), ("1,000,000 events", 1_000_000));
    let long = Crowd { events, ..Crowd::default() };
    let mut sizes = vec![
        Size { name: "10 accounts", crowd: beside(10), more: &[] },
        Size { name: "1,000 accounts", crowd: beside(1_000), more: &[] },
    ];
    if size(false, true) {
        sizes.push(Size { name: "100,000 accounts", crowd: beside(100_000), more: &[] });
    }
    sizes.push(Size { name: "an account at its limits", crowd: full, more: &AT_ITS_LIMITS });
    // A page is full.
    sizes.push(Size { name, crowd: long, more: &[("list-activity", 1.0, 0.0)] });
    sizes
}

#[tokio::test(flavor = "multi_thread")]
async fn no_action_sends_more_when_there_is_more_and_what_it_costs_is_what_it_reads() {
    let mut few = None;
    for Size { name, crowd, more } in sizes() {
        let actions = measure_all(&crowd).await;
        tell(name, &actions);
        let few = few.get_or_insert_with(|| actions.clone());
        assert_eq!(more_than(few, &actions), more, "{name}");
    }
}

/// The actions that cost more of the others: how much more. All send the same.
fn more_than(one: &Actions, other: &Actions) -> Vec<Units> {
    let more = one.iter().zip(other).map(|((name, one), (_, other))| {
        let (one, other) = (&one.sent, &other.sent);
        assert_eq!(one.waves(), other.waves(), "{name}");
        let (reads, writes) = (one.read_units(), one.write_units());
        (*name, other.read_units() - reads, other.write_units() - writes)
    });
    more.filter(|(_, reads, writes)| (*reads, *writes) != (0.0, 0.0)).collect()
}

/// A line for each action, separated by tabs.
#[expect(clippy::print_stdout, reason = "`cargo growth` reads it")]
fn tell(size: &str, actions: &Actions) {
    for (name, Measured { sent, .. }) in actions {
        let (reads, writes) = (sent.read_units(), sent.write_units());
        let (requests, waits) = (sent.requests(), sent.waits());
        println!("growth\t{size}\t{name}\t{requests}\t{waits}\t{reads}\t{writes}");
    }
}
