//! Writes to the table that fail.

use crate::contention::{audited, comes_back, good_events, made_once};
use crate::failures::{ALWAYS, HALVES};
use crate::proxy::{Fault, Proxy, body_of, outcome};
use crate::support::{ADMIN, World, wrong};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn answers_5xx_without_a_body_and_the_change_is_made_once_and_reported_as_made() {
    made_once(&[(2, Fault::NoBody)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_and_the_change_is_made_once_and_reported_as_made() {
    let [head, cut, short, empty, foreign] = HALVES;
    for [first, second] in [[head, cut], [short, empty], [foreign, head]] {
        made_once(&[(1, first), (1, second)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_without_end_and_the_caller_is_told_that_it_may_have_been_done() {
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
