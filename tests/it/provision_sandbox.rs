//! The post-login trigger.

use crate::product::{Product, Says};
use crate::support::{ADMIN, Person, World};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::ProductApiMode;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn at(value: &Value) -> Timestamp {
    value.as_str().expect("a text").parse().expect("a time in RFC 3339")
}

async fn reveal(person: &Person<'_>) -> String {
    let reply = person.act("/api/sandbox/key").await;
    reply.ok(200)["api_key"].as_str().expect("a key").to_owned()
}

async fn world_of(product: &Product) -> World {
    World::with_parameters(&[("ProductApiUrl", &product.url), ("ProductApiTimeoutMs", "3500")])
        .await
}

/// A login event as `verify-code` would have left it.
async fn put_login_event(world: &World, account: &str, member: &str, id: &str) {
    let now = world.desk.clock().now().as_millisecond();
    let number = |number: i64| AttributeValue::N(number.to_string());
    let attributes = [
        ("type", text("login_event")),
        ("account_id", text(account)),
        ("member_id", text(member)),
        ("status", text("pending")),
        ("at", number(now)),
        ("redeliveries", number(0)),
        ("duty", text("duty#0")),
        ("due_at", number(now + 120_000)),
        ("ttl", number(now / 1000 + 2_592_000)),
    ];
    world.set_attributes(&format!("ACCT#{account}"), &format!("EVENT#{id}"), &attributes).await;
}

fn status(row: &BTreeMap<String, AttributeValue>) -> &str {
    row["status"].as_s().expect("a text")
}

async fn audited(world: &World, action: &str) -> usize {
    world.audit().await.into_iter().filter(|audited| audited == action).count()
}

/// The one Sandbox key of the account, checked against everything that speaks of it.
async fn the_one_key(person: &Person<'_>) -> String {
    let sandbox = person.get("/api/sandbox").await;
    let keys = person.get("/api/keys").await;
    assert_eq!(sandbox.ok(200)["state"], "ready");
    let ids: Vec<&Value> = keys.ok(200)["keys"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| key["sandbox"] == true)
        .map(|key| &key["id"])
        .collect();
    assert_eq!(ids, [&sandbox.body["key_id"]]);
    assert_eq!(person.world.product_api(&reveal(person).await).await, 200);
    ids[0].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_login_makes_a_key_that_works_and_settles_its_event() {
    let world = World::new().await;
    let admin = world.admin().await;
    the_one_key(&admin).await;
    let keys = admin.get("/api/keys").await;
    assert_eq!(
        (&keys.ok(200)["keys"][0]["name"], &keys.body["count"], &keys.body["available"]),
        (&json!("Sandbox"), &json!(1), &json!(9))
    );
    let events = world.rows_of("login_event").await;
    assert_eq!(events.iter().map(status).collect::<Vec<_>>(), ["done"]);
    assert!(!events[0].contains_key("duty"), "it is no duty any more");
    assert_eq!(
        (audited(&world, "sandbox_key_created").await, audited(&world, "sandbox_ready").await),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_who_log_in_at_once_make_one_key() {
    let world = World::new().await;
    let account = world.register(json!({ "name": "Pair", "admin_email": "one@example.net" })).await
        ["account"]["id"]
        .clone();
    let second = json!({ "act": "add_admin", "email": "two@example.net" });
    world.change(account.as_str().expect("an id"), second).await;
    let (one, two) =
        (world.challenge("one@example.net").await, world.challenge("two@example.net").await);
    let (first, second) = tokio::join!(world.verify(&one.0, &one.1), world.verify(&two.0, &two.1));
    world.settle().await;
    for reply in [&first, &second] {
        let token = reply.ok(200)["session_token"].as_str().unwrap();
        let keys = world
            .call("GET", "/api/keys")
            .header("authorization", &format!("Bearer {token}"))
            .send()
            .await;
        assert_eq!(keys.ok(200)["count"], 1);
    }
    assert_eq!(
        world.rows_of("login_event").await.iter().map(status).collect::<Vec<_>>(),
        ["done", "done"]
    );
    assert_eq!(audited(&world, "sandbox_key_created").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_race_make_one_key() {
    let world = World::new().await;
    let made =
        world.register(json!({ "name": "Racers", "admin_email": "racer@example.net" })).await;
    let (account, member) =
        (made["account"]["id"].as_str().unwrap(), made["admin"]["id"].as_str().unwrap());
    let partition = format!("ACCT#{account}");
    for number in 0..4 {
        put_login_event(&world, account, member, &format!("race{number}")).await;
    }
    // Each event twice, beside the stream's own delivery.
    let keys: Vec<String> = (0..8).map(|number| format!("EVENT#race{}", number % 4)).collect();
    for answer in
        join_all(keys.iter().map(|sk| world.deliver("provision-sandbox", &partition, sk))).await
    {
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
    }
    world.settle().await;
    assert!(world.rows_of("login_event").await.iter().all(|row| status(row) == "done"));
    assert_eq!(audited(&world, "sandbox_key_created").await, 1);
    assert_eq!(world.rows_of("api_key").await.len(), 1);
    assert_eq!(
        world.row(&partition, "ACCOUNT").await["has_sandbox_key"],
        AttributeValue::Bool(true)
    );
    the_one_key(&world.login("racer@example.net").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_logs_in_from_two_browsers_at_once_makes_one_key() {
    let world = World::new().await;
    // A first login, so that this browser is known; then the key goes.
    let (challenge, code) = world.challenge(ADMIN).await;
    let known = world
        .call("POST", "/api/login/verify")
        .json(json!({ "challenge": challenge, "code": code }))
        .send()
        .await;
    known.ok(200);
    let device = format!(
        "__Host-frontdesk-device={}",
        known.cookie("__Host-frontdesk-device").expect("a device cookie")
    );
    world.settle().await;
    let admin = world.admin().await;
    let old = the_one_key(&admin).await;
    admin.delete(&format!("/api/keys/{old}")).await.ok(204);

    let body = json!({ "email": ADMIN, "accept_terms": true });
    let known =
        world.call("POST", "/api/login/code").header("cookie", &device).json(body).send().await;
    let known_challenge = known.ok(202)["challenge"].as_str().unwrap().to_owned();
    world.settle().await;
    let known_code = world.desk.inbox().code_for(ADMIN).expect("a code was mailed");
    let (challenge, code) = world.challenge(ADMIN).await;
    let (here, there) =
        tokio::join!(world.verify(&known_challenge, &known_code), world.verify(&challenge, &code));
    here.ok(200);
    there.ok(200);
    world.settle().await;
    assert_ne!(the_one_key(&admin).await, old, "auto-provisioning runs again with the next login");
    assert_eq!(audited(&world, "sandbox_key_created").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_login_keeps_a_ready_sandbox_ready_and_validates_it_anew() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    let before = admin.get("/api/sandbox").await.body;
    let key = reveal(&admin).await;
    world.advance(10);
    let (challenge, code) = world.challenge(ADMIN).await;
    product.take_calls();
    product.hold();
    world.verify(&challenge, &code).await.ok(200);
    product.called(1).await;
    assert_eq!(
        admin.get("/api/sandbox").await.body,
        before,
        "it stays ready while it is looked after"
    );
    assert_eq!(reveal(&admin).await, key);
    product.let_go();
    world.settle().await;
    let after = admin.get("/api/sandbox").await.body;
    assert!(at(&after["validated_at"]) > at(&before["validated_at"]));
    for field in ["state", "reason", "key_id", "since"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(reveal(&admin).await, key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_notices_that_the_key_is_rejected_and_only_a_retry_replaces_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = reveal(&admin).await;
    world.desk.product_api().set_mode(ProductApiMode::Rejecting);
    world.admin().await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["reason"], "key_rejected");
    world.desk.product_api().set_mode(ProductApiMode::Up);
    world.admin().await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
    assert_eq!(reveal(&admin).await, key);
    assert_eq!(audited(&world, "sandbox_key_replaced").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_done_event_that_is_delivered_again_does_nothing() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    world.admin().await;
    product.take_calls();
    let event = &world.rows_of("login_event").await[0];
    let (pk, sk) = (event["pk"].as_s().unwrap(), event["sk"].as_s().unwrap());
    let answer = world.changes_nothing(world.deliver("provision-sandbox", pk, sk)).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert!(product.calls().is_empty(), "the product API is not bothered");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_row_is_gone_does_nothing() {
    let world = World::new().await;
    let answer = world
        .changes_nothing(world.deliver(
            "provision-sandbox",
            "ACCT#acct_Qma8x8QKPCI6",
            "EVENT#FQq3A7RlQxqrFoCm",
        ))
        .await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_the_key_was_made_is_finished_by_the_next_delivery() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = the_one_key(&admin).await;
    let key = reveal(&admin).await;
    let partition = format!("ACCT#{}", admin.account);
    let since = AttributeValue::N(world.desk.clock().now().as_millisecond().to_string());
    let validating = [("state", text("validating")), ("since", since)];
    world.set_attributes(&format!("SANDBOX#{}", admin.account), "SANDBOX", &validating).await;
    world.advance(90);
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["reason"], "timed_out");

    let event = world.rows_of("login_event").await[0]["sk"].as_s().unwrap().clone();
    world.set_attributes(&partition, &event, &[("status", text("pending"))]).await;
    world.settle().await;
    assert_eq!(the_one_key(&admin).await, id);
    assert_eq!(reveal(&admin).await, key);
    assert_eq!(status(&world.row(&partition, &event).await), "done");
    assert_eq!(audited(&world, "sandbox_key_created").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_the_secret_was_replaced_is_finished_by_the_next_delivery() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.product_api().set_mode(ProductApiMode::Rejecting);
    admin.act("/api/sandbox/test").await.ok(200);
    let sandbox = format!("SANDBOX#{}", admin.account);
    let key = world.row(&sandbox, "SANDBOX").await["sandbox_key"].clone();
    // A retry's first delivery replaced the secret and died over the verdict; the second finds the
    // request pending.
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    let request = world.rows_of("provision_request").await[0].clone();
    let (pk, sk) = (request["pk"].as_s().unwrap(), request["sk"].as_s().unwrap());
    world.set_attributes(&sandbox, "SANDBOX", &[("state", text("validating"))]).await;
    world.desk.product_api().set_mode(ProductApiMode::Up);
    world.set_attributes(pk, sk, &[("status", text("pending"))]).await;
    world.settle().await;
    the_one_key(&admin).await;
    assert_ne!(world.row(&sandbox, "SANDBOX").await["sandbox_key"], key);
    assert_eq!(status(&world.row(pk, sk).await), "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_gets_no_key() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let made =
        world.register(json!({ "name": "Closed", "admin_email": "closed@example.net" })).await;
    let (account, member) =
        (made["account"]["id"].as_str().unwrap(), made["admin"]["id"].as_str().unwrap());
    world.suspend(account).await;
    put_login_event(&world, account, member, "closed").await;
    world.settle().await;
    assert_eq!(status(&world.row(&format!("ACCT#{account}"), "EVENT#closed").await), "pending");
    assert!(world.rows_of("api_key").await.is_empty() && product.calls().is_empty());
    assert_eq!(
        world.row(&format!("SANDBOX#{account}"), "SANDBOX").await["reason"],
        text("never_provisioned")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_that_is_given_during_a_suspension_is_none_and_is_asked_for_anew() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    product.take_calls();
    product.hold();
    admin.act("/api/sandbox/provision").await.ok(202);
    product.called(1).await;
    world.suspend(&admin.account).await;
    product.let_go();
    world.settle().await;
    let requests = world.rows_of("provision_request").await;
    assert_eq!(requests.iter().map(status).collect::<Vec<_>>(), ["pending"]);
    assert_eq!(product.take_calls().len(), 1);
    world.resume(&admin.account).await;
    world.settle().await;
    assert_eq!(product.calls().len(), 1);
    the_one_key(&admin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_during_the_validation_wins_over_its_verdict() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    let key = the_one_key(&admin).await;
    let plain = reveal(&admin).await;
    product.take_calls();
    product.hold();
    admin.act("/api/sandbox/provision").await.ok(202);
    product.called(1).await;
    admin.delete(&format!("/api/keys/{key}")).await.ok(204);
    product.let_go();
    world.settle().await;
    let reply = admin.get("/api/sandbox").await;
    assert_eq!(
        (&reply.ok(200)["reason"], &reply.body["key_id"]),
        (&json!("key_deleted"), &Value::Null)
    );
    assert_eq!(admin.get("/api/keys").await.ok(200)["count"], 0);
    assert_eq!(world.product_api(&plain).await, 403);
    assert_eq!(
        status(&world.rows_of("provision_request").await[0]),
        "done",
        "nobody redelivers it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_may_pass_is_tried_three_times_and_a_rejection_once() {
    for (answers, reason, calls) in [
        (vec![Says::Status(500)], json!("api_error"), 3),
        (vec![Says::Status(403)], json!("key_rejected"), 1),
        (vec![Says::Elsewhere], json!("api_error"), 3),
        (vec![Says::Status(502), Says::Status(429), Says::Status(200)], Value::Null, 3),
    ] {
        let product = Product::start().await;
        let world = world_of(&product).await;
        product.says(answers.clone());
        let admin = world.admin().await;
        assert_eq!(admin.get("/api/sandbox").await.ok(200)["reason"], reason, "{answers:?}");
        let seen = product.calls();
        assert_eq!(seen.len(), calls, "{answers:?}");
        assert!(
            seen.iter()
                .all(|call| call.line == "POST /check" && call.key().starts_with("fd_sandbox_"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_gets_a_key_of_its_own() {
    let world = World::new().await;
    let (admin, other) = (world.admin().await, world.other_admin("other@example.net").await);
    assert_ne!(the_one_key(&admin).await, the_one_key(&other).await);
    assert_ne!(reveal(&admin).await, reveal(&other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rotation_old_sealed_keys_open_and_new_ones_are_sealed_anew() {
    let world = World::new().await;
    let admin = world.admin().await;
    let old = reveal(&admin).await;
    world.rotate("SEALING_SECRET_ARN", "2").await;
    world.advance(301);
    assert_eq!(reveal(&admin).await, old);
    admin.act("/api/sandbox/test").await.ok(200);

    let key = the_one_key(&admin).await;
    admin.delete(&format!("/api/keys/{key}")).await.ok(204);
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    let row = world.row(&format!("SANDBOX#{}", admin.account), "SANDBOX").await;
    assert_eq!(row["sandbox_key"].as_m().unwrap()["sealed"].as_m().unwrap()["version"], text("2"));
    the_one_key(&admin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_has_not_noticed_the_rotation_opens_what_another_sealed_after_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = admin.get("/api/sandbox").await.ok(200)["key_id"].as_str().expect("an id").to_owned();
    // Now `provision-sandbox` has the old keyring for four minutes, `reveal-sandbox-key` has just
    // fetched it.
    world.advance(240);
    reveal(&admin).await;
    world.rotate("SEALING_SECRET_ARN", "2").await;
    world.advance(120);
    admin.delete(&format!("/api/keys/{key}")).await.ok(204);
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    let row = world.row(&format!("SANDBOX#{}", admin.account), "SANDBOX").await;
    assert_eq!(row["sandbox_key"].as_m().unwrap()["sealed"].as_m().unwrap()["version"], text("2"));
    the_one_key(&admin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_keyring_is_lost_gets_a_new_secret_by_a_retry() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = the_one_key(&admin).await;
    let old = reveal(&admin).await;
    world
        .put_secret(
            "SEALING_SECRET_ARN",
            &json!({ "current": "9", "9": "n".repeat(64) }).to_string(),
        )
        .await;
    world.advance(301);
    admin.act("/api/sandbox/key").await.problem(409, "sandbox_not_ready");
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    assert_eq!(the_one_key(&admin).await, key);
    assert_eq!(world.product_api(&old).await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_good_across_a_rotation_of_their_keyring() {
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    world.rotate("LOGIN_SECRET_ARN", "2").await;
    world.verify(&challenge, &code).await.ok(200);
    world.advance(301);
    world.admin().await;
    let asks = world.newest_asks().await;
    assert_eq!(asks.iter().map(|ask| &*ask.keyring_version).collect::<Vec<_>>(), ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_have_not_noticed_the_rotation_mail_and_take_the_new_codes() {
    let world = World::new().await;
    // Only `request-code` needs the keyring for an address that nobody has: it fetches now, the
    // others four minutes later.
    world.request_code("nobody@example.net").await.ok(202);
    world.settle().await;
    world.advance(240);
    world.admin().await;
    world.rotate("LOGIN_SECRET_ARN", "2").await;
    world.advance(120);
    world.admin().await;
    let asks = world.newest_asks().await;
    assert!(asks.iter().any(|ask| ask.keyring_version == "2"));
}
