//! Histories: clients that do everything that the desk can do, at random and at once.
//!
//! Each client begins an operation, waits for its answer and judges it by what it and the others
//! know: what had been answered before the operation began holds, what was under way beside it may
//! hold or not, and nothing else can be. After some hundred operations all of them pause; then
//! every row of the table is looked at. Choices hang on the seed, their order on the machine.
//!
//! A new operation is a method of [`run::Client`] and a line in [`operate`].

mod keys;
mod login;
mod model;
mod operator;
mod people;
mod quiet;
mod run;
mod sandbox;
mod sessions;

use crate::histories::run::{Client, Judgement, Run};
use crate::span::{Register, Span};
use frontdesk_tests::proof::{Proof, size};
use rand::RngExt;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

const CLIENTS: u64 = 8;
const ACCOUNTS: usize = 3;
const ADDRESSES: usize = 11;
/// What each client does between two quiet points.
const OPERATIONS_OF_A_CLIENT: u64 = 40;

/// One operation on one account.
async fn operate(client: &mut Client, account: usize) -> Judgement {
    match client.rng.random_range(0..210) {
        0..34 => client.create_key(account).await,
        34..41 => client.list_keys(account).await,
        41..57 => client.delete_key(account).await,
        57..96 => client.check_key(account).await,
        96..110 => client.invite(account).await,
        110..114 => client.list_members(account).await,
        114..116 => client.leave(account).await,
        116..122 => client.revoke(account).await,
        122..124 => client.suspend(account).await,
        124..133 => client.resume(account).await,
        133..136 => client.rename(account).await,
        136..138 => client.set_key_limit(account).await,
        138..140 => client.set_member_limit(account).await,
        140..143 => client.add_admin(account).await,
        143..146 => client.remove_member(account).await,
        146 => client.end_sessions(account).await,
        147..150 => client.revoke_key(account).await,
        150..160 => client.request_code(account).await,
        160..173 => client.verify(account).await,
        173..175 => client.log_out(account).await,
        175..179 => client.get_session(account).await,
        179..182 => client.get_sandbox(account).await,
        182..187 => client.test_sandbox(account).await,
        187..190 => client.retry_sandbox(account).await,
        190..194 => client.reveal(account).await,
        194..197 => client.switch(account).await,
        197..200 => client.revoke_session(account).await,
        200 => client.revoke_other_sessions(account).await,
        201..207 => client.change_role(account).await,
        _ => client.wait(account).await,
    }
}

/// What all runs together must have come to, so that they were some.
const REACHED: [(&str, &str); 26] = [
    ("create-key", "201 "),
    ("create-key", "409 key_limit_reached"),
    ("list-keys", "200 "),
    ("delete-key", "204 "),
    ("delete-key", "404 key_not_found"),
    ("authorize-key", "200 "),
    ("invite-member", "201 "),
    ("list-members", "200 "),
    ("revoke-member", "204 "),
    ("leave-team", "204 "),
    ("change-role", "200 "),
    ("suspend", "200 "),
    ("resume", "200 "),
    ("add_admin", "200 "),
    ("remove_member", "200 "),
    ("end_sessions", "200 "),
    ("revoke_key", "200 "),
    ("request-code", "202 "),
    ("verify-code", "200 "),
    ("end-session", "204 "),
    ("revoke-session", "204 "),
    ("revoke-session", "404 session_not_found"),
    ("get-session", "200 "),
    ("test-sandbox", "200 "),
    ("retry-sandbox", "202 "),
    ("reveal-sandbox-key", "200 "),
];

async fn history(seed: u64, operations: u64) -> Arc<Run> {
    let run = Arc::new(Run::start(seed, ACCOUNTS, ADDRESSES).await);
    let began = Instant::now();
    let mut round = 0;
    while run.operations() < operations {
        round += 1;
        quiet::log_in(&mut Client::new(&run, round, CLIENTS)).await;
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(at_work(Client::new(&run, round, number)));
        }
        while let Some(done) = clients.join_next().await {
            if let Err(error) = done {
                std::panic::resume_unwind(error.into_panic());
            }
        }
        quiet::look(&Client::new(&run, round, CLIENTS), round).await;
        tell(&run, began);
        if round % 20 == 0 {
            tell_answers(&run);
        }
    }
    run
}

async fn at_work(mut client: Client) {
    for _ in 0..OPERATIONS_OF_A_CLIENT {
        let account = client.any_account();
        if let Err(why) = operate(&mut client, account).await {
            panic!("{}", client.run.report(account, &why));
        }
    }
}

/// Progress, for whoever looks on.
#[expect(clippy::print_stdout, reason = "what it is for")]
fn tell(run: &Run, began: Instant) {
    let done = run.operations();
    let rate = done as f64 / began.elapsed().as_secs_f64();
    println!("seed {}: {done} operations, {rate:.0} a second", run.seed);
}

#[expect(clippy::print_stdout, reason = "what it is for")]
fn tell_answers(run: &Run) {
    for ((operation, outcome), times) in &*run.answers() {
        println!("{times:>8} {operation} -> {outcome}");
    }
}

/// A setting of the long run.
fn setting(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a setting of this test, not of the desk's")]
    let value = std::env::var_os(name)?;
    Some(value.to_str().and_then(|text| text.parse().ok()).expect("it is a number"))
}

/// More runs than this, of which none has come to something, have no way there.
const MOST_RUNS: u64 = 12;

/// What comes when is for the machine to say: so whatever is rare may take some runs more.
#[tokio::test(flavor = "multi_thread")]
async fn what_many_clients_do_at_once_is_one_history_of_every_account() {
    let (first, least) = setting("HISTORIES_SEED").map_or((1, 2), |seed| (seed, 1));
    let operations = setting("HISTORIES_OPERATIONS").unwrap_or(size(1500, 50_000));
    let mut missing = BTreeSet::from(REACHED);
    let mut done = 0;
    for number in 0..MOST_RUNS {
        if number >= least && missing.is_empty() {
            break;
        }
        let run = history(first + number, operations).await;
        done += run.operations();
        tell_answers(&run);
        missing.retain(|(operation, outcome)| {
            !run.answers().contains_key(&(*operation, (*outcome).to_owned()))
        });
    }
    assert!(missing.is_empty(), "too few operations: {done} from seed {first} on: {missing:?}");
    let holds = "what eight clients do at once is one history";
    Proof { holds, runs: done, faults: 0, mutants: None }.print();
}

#[test]
fn a_register_may_hold_what_was_written_beside_and_not_what_was_written_over() {
    let mut register = Register::new("first");
    let second = Span::running(2);
    register.begin(second, "second");
    let early = Span::running(1).until(3);
    assert_eq!(register.possible(early), ["first", "second"]);
    register.end(second.until(4));
    assert_eq!(register.possible(early), ["first", "second"], "it was answered after that");
    assert!(register.surely(Span::running(5).until(6), &"second"));
    register.begin(Span::running(7), "third");
    assert_eq!(register.possible(Span::running(8).until(9)), ["second", "third"]);
}
