//! Writes to the table that fail.

use crate::contention::{audited, comes_back, good_events, made_once};
use crate::deadlines::is_an_outage;
use crate::failures::inside::{Inside, Says};
use crate::failures::{ALWAYS, HALVES, Tried};
use crate::proxy::{Fault, Proxy, body_of, outcome};
use crate::support::{ADMIN, World, sample, wrong};
use desk::inside::Service;
use functions::FUNCTIONS;
use serde_json::json;
use std::collections::BTreeSet;

/// Conflicts, throttled parts, tries that are said to be under way: what the store itself tries
/// again, beside the SDK.
const WITHOUT_END: [&str; 3] = [
    r#"{ "__type": "TransactionCanceledException",
         "CancellationReasons": [{ "Code": "TransactionConflict" }] }"#,
    r#"{ "__type": "TransactionCanceledException",
         "CancellationReasons": [{ "Code": "ThrottlingError" }] }"#,
    r#"{ "__type": "TransactionInProgressException" }"#,
];

#[tokio::test(start_paused = true)]
async fn throttles_for_longer_than_functions_live_and_each_answers_in_its_time() {
    let _tried = Tried;
    let mut written = BTreeSet::new();
    for says in WITHOUT_END {
        let aws = Inside::new();
        aws.fail(Service::DynamoDb, Says::With(400, says));
        for function in &FUNCTIONS {
            let event = sample(function.name);
            let answer = aws.in_its_time(function.name, &event).await;
            let sent = aws.take_sent(Service::DynamoDb);
            if sent.iter().any(|sent| sent == "TransactWriteItems") {
                is_an_outage(function, &event, answer);
                written.insert(function.name);
            }
        }
    }
    // Those that write what they are sent, before they have read anything.
    let first = ["create-key", "end-session", "invite-member", "register-account"];
    assert!(first.iter().all(|name| written.contains(name)), "{written:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_5xx_without_a_body_and_the_change_is_made_once_and_reported_as_made() {
    let _tried = Tried;
    made_once(&[(2, Fault::NoBody)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_and_the_change_is_made_once_and_reported_as_made() {
    let _tried = Tried;
    let [head, cut, short, empty, foreign] = HALVES;
    for [first, second] in [[head, cut], [short, empty], [foreign, head]] {
        made_once(&[(1, first), (1, second)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_without_end_and_the_caller_is_told_that_it_may_have_been_done() {
    let _tried = Tried;
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    let events = good_events(&world, &admin).await;
    for (good, half) in events.iter().zip(HALVES.into_iter().cycle()) {
        let Some(action) = good.audited else { continue };
        let before = audited(&world, action).await;
        proxy.fail("TransactWriteItems", ALWAYS, half);
        let function = proxy.function(&world, good.function);
        let answer = function.invoke(&good.event).await.expect("an answer");
        proxy.heal();
        comes_back(good.function, &answer);
        let detail = body_of(&answer)["detail"].to_string();
        assert!(detail.contains("It may have been done"), "{} {half:?}", good.function);
        world.settle().await;
        assert_eq!(audited(&world, action).await, before + 1, "{}", good.function);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_and_a_guess_is_counted_once_and_looked_at() {
    let _tried = Tried;
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let proxy = Proxy::new(&world).await;
    let verify = proxy.function(&world, "verify-code");
    for (left, half) in (0..5).rev().zip(HALVES) {
        proxy.fail("UpdateItem", 1, half);
        let guessed = if left > 0 { wrong(&code) } else { &code };
        let body = json!({ "challenge": challenge, "code": guessed, "session": "bearer" });
        let answer = verify.call(None, None, Some(body)).await;
        if left == 0 {
            assert_eq!(outcome(&answer), (200, String::new()), "{half:?}");
        } else {
            assert_eq!(outcome(&answer), (401, "code_incorrect".to_owned()), "{half:?}");
            assert_eq!(body_of(&answer)["attempts_left"], left, "{half:?}");
        }
    }
}
