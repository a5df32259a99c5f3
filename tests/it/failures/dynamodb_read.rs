//! Reads of the table that fail.

use crate::batch::{batch_for, without_workers};
use crate::contention::{comes_back, good_events};
use crate::deadlines::is_an_outage;
use crate::failures::inside::{Inside, Says};
use crate::failures::{ALWAYS, HALVES, Tried};
use crate::proxy::{Fault, KEY_CHECKS, Proxy, lets_in, outcome};
use crate::support::{ADMIN, World, sample};
use desk::inside::Service;
use functions::FUNCTIONS;
use serde_json::json;

fn fail_reads(proxy: &Proxy, times: usize, fault: Fault) {
    for operation in ["GetItem", "Query"] {
        proxy.fail(operation, times, fault);
    }
}

/// What only reads is an outage while it lasts, and not seen if it is one try.
async fn read_in_vain_and_then(faults: &[Fault]) {
    let world = World::new().await;
    let admin = world.admin().await;
    let mut events = good_events(&world, &admin).await;
    events.retain(|good| good.audited.is_none());
    for fault in faults {
        let proxy = Proxy::new(&world).await;
        // Not more codes than an address may ask for.
        world.advance(3700);
        for good in &events {
            let function = proxy.function(&world, good.function);
            fail_reads(&proxy, ALWAYS, *fault);
            let answer = world.changes_nothing(function.invoke(&good.event)).await;
            comes_back(good.function, &answer.expect("an answer"));
            proxy.heal();
            fail_reads(&proxy, 1, *fault);
            let answer = function.invoke(&good.event).await.expect("an answer");
            let done = (good.status, String::new());
            assert_eq!(outcome(&answer), done, "{} {fault:?}", good.function);
            proxy.heal();
        }
    }
}

/// Every function, as long as it lives, meets a store that says one of these to all.
async fn in_vain_for_as_long_as_functions_live(says: &[Says]) {
    for says in says {
        let aws = Inside::new();
        aws.fail(Service::DynamoDb, *says);
        for function in &FUNCTIONS {
            let event = sample(function.name);
            let answer = aws.in_its_time(function.name, &event).await;
            // The link of the sample is nobody's, which its keyring says by itself.
            let asks = function.name != "decline-invitation";
            assert_eq!(!aws.take_sent(Service::DynamoDb).is_empty(), asks, "{}", function.name);
            if asks {
                is_an_outage(function, &event, answer);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn throttles_for_longer_than_functions_live_and_each_answers_in_its_time() {
    let _tried = Tried;
    const THROTTLED: &str = r#"{ "__type": "ProvisionedThroughputExceededException" }"#;
    const SLOWED: &str = r#"{ "__type": "ThrottlingException" }"#;
    in_vain_for_as_long_as_functions_live(&[Says::With(400, THROTTLED), Says::With(400, SLOWED)])
        .await;
}

#[tokio::test(start_paused = true)]
async fn answers_5xx_for_longer_than_functions_live_and_each_answers_in_its_time() {
    let _tried = Tried;
    let says = [500, 502, 503, 504].map(|status| Says::With(status, ""));
    in_vain_for_as_long_as_functions_live(&says).await;
}

#[tokio::test(start_paused = true)]
async fn answers_by_half_for_longer_than_functions_live_and_each_answers_in_its_time() {
    let _tried = Tried;
    let says =
        ["", "{", r#"{ "Item": { "pk": "#, "<html></html>"].map(|half| Says::With(200, half));
    in_vain_for_as_long_as_functions_live(&says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_5xx_without_a_body_and_the_caller_sees_an_outage() {
    let _tried = Tried;
    read_in_vain_and_then(&[Fault::NoBody]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_and_the_caller_sees_an_outage() {
    let _tried = Tried;
    read_in_vain_and_then(&HALVES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_and_a_good_key_is_not_called_invalid() {
    let _tried = Tried;
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Good").await;
    let proxy = Proxy::new(&world).await;
    for fault in HALVES {
        for (name, event) in KEY_CHECKS {
            let check = proxy.function(&world, name);
            proxy.fail("GetItem", ALWAYS, fault);
            match check.invoke(&event(&key)).await {
                Ok(answer) => comes_back(name, &answer),
                Err(outage) => assert!(!outage.to_string().contains(&key), "{outage}"),
            }
            proxy.heal();
            assert!(lets_in(&check.invoke(&event(&key)).await.expect("an answer")), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_and_a_suspension_that_marked_no_key_is_not_said_to_be_done() {
    let _tried = Tried;
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Stopped").await;
    let proxy = Proxy::new(&world).await;
    let change = proxy.function(&world, "change-account");
    let suspend = json!({ "account_id": admin.account, "act": "suspend" });
    for fault in HALVES {
        for read in ["GetItem", "Query"] {
            proxy.fail(read, ALWAYS, fault);
            let outage = change.invoke(&suspend).await.expect_err("an outage").to_string();
            assert!(outage.contains("temporarily_unavailable"), "{fault:?} {outage}");
            proxy.heal();
            change.invoke(&suspend).await.expect("it is suspended");
            assert_eq!(world.product_api(&key).await, 403, "{fault:?}");
            world.resume(&admin.account).await;
            assert_eq!(world.product_api(&key).await, 200, "{fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_and_no_mail_is_taken_for_one_that_nobody_gets() {
    let _tried = Tried;
    // The row of the mail; whose the address is; the account and the member, side by side.
    const READS: usize = 4;
    let world = without_workers().await;
    for (times, fault) in (1..).zip(HALVES) {
        // Not more codes than an address may ask for.
        world.advance(3700);
        let batch = batch_for(&world, &[ADMIN]).await;
        let proxy = Proxy::new(&world).await;
        let deliver = proxy.function(&world, "deliver-mail");
        for spared in 0..READS {
            proxy.spare("GetItem", spared);
            proxy.fail("GetItem", ALWAYS, fault);
            let answer = world.changes_nothing(deliver.invoke(&batch)).await;
            let again = json!({ "batchItemFailures": [{ "itemIdentifier": "0" }] });
            assert_eq!(answer.expect("an answer"), again, "{fault:?} {spared}");
            proxy.heal();
        }
        let answer = deliver.invoke(&batch).await.expect("an answer");
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
        assert_eq!(world.mailed("login_code").len(), times, "{fault:?}");
    }
}
