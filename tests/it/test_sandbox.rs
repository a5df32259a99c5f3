//! `POST /api/sandbox/test`

use crate::product::{Product, Says};
use crate::support::{Person, World};
use desk::ProductApiMode;
use jiff::Timestamp;
use serde_json::{Value, json};

const TEST: &str = "/api/sandbox/test";

fn at(value: &Value) -> Timestamp {
    value.as_str().expect("a text").parse().expect("a time in RFC 3339")
}

async fn sandbox_key(person: &Person<'_>) -> String {
    let reply = person.get("/api/sandbox").await;
    reply.ok(200)["key_id"].as_str().expect("an id").to_owned()
}

async fn reveal(person: &Person<'_>) -> String {
    let reply = person.act("/api/sandbox/key").await;
    reply.ok(200)["api_key"].as_str().expect("a key").to_owned()
}

/// A world whose product API is the test's own. Held calls are let go long before anything times
/// out.
async fn world_of(product: &Product) -> World {
    World::with_parameters(&[("ProductApiUrl", &product.url), ("ProductApiTimeoutMs", "3500")])
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_validates_the_key_now_and_answers_with_the_new_state() {
    let world = World::new().await;
    let admin = world.admin().await;
    let before = admin.get("/api/sandbox").await.body;
    world.advance(10);
    let reply = admin.act(TEST).await;
    let validated = reply.ok(200)["validated_at"].clone();
    let expected = json!({
        "state": "ready", "reason": null, "key_id": before["key_id"], "validated_at": validated,
        "since": before["since"],
    });
    assert_eq!(reply.body, expected, "it is ready as long as before");
    assert!(at(&validated) >= at(&before["validated_at"]) + jiff::SignedDuration::from_secs(10));
    assert_eq!(admin.get("/api/sandbox").await.text, reply.text, "what was told is on record");
    let last = world
        .rows_of("audit")
        .await
        .into_iter()
        .filter(|row| row["action"].as_s().unwrap() == "sandbox_ready");
    let actors: Vec<_> = last
        .filter_map(|row| row.get("actor").map(|actor| actor.as_s().unwrap().clone()))
        .collect();
    assert_eq!(actors, [admin.id.as_str()], "the member who tested is in the audit trail");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_tells_what_is_wrong_and_a_later_one_that_it_is_right_again() {
    let world = World::new().await;
    let admin = world.admin().await;
    let before = admin.get("/api/sandbox").await.body;
    world.advance(10);
    world.desk.product_api().set_mode(ProductApiMode::Failing);
    let failed = admin.act(TEST).await;
    assert_eq!(
        (&failed.ok(200)["state"], &failed.body["reason"]),
        (&json!("not_configured"), &json!("api_error"))
    );
    assert_eq!(failed.body["key_id"], before["key_id"]);
    assert!(at(&failed.body["since"]) > at(&before["since"]));
    assert_eq!(admin.get("/api/sandbox").await.text, failed.text);

    world.advance(10);
    world.desk.product_api().set_mode(ProductApiMode::Up);
    let good = admin.act(TEST).await;
    assert_eq!((&good.ok(200)["state"], &good.body["reason"]), (&json!("ready"), &Value::Null));
    assert!(at(&good.body["since"]) > at(&failed.body["since"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_may_test_the_connection() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    assert_eq!(member.act(TEST).await.ok(200)["state"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_nothing_is_tested() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    world.admin().await;
    product.take_calls();
    world.changes_nothing(world.call("POST", TEST).send()).await.problem(401, "session_required");
    let garbage = world.call("POST", TEST).header("authorization", "Bearer fds_garbage");
    world.changes_nothing(garbage.send()).await.problem(401, "session_ended");
    assert!(product.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_takes_no_fields() {
    let world = World::new().await;
    let admin = world.admin().await;
    world
        .changes_nothing(admin.post(TEST, json!({ "url": "https://example.net" })))
        .await
        .problem(400, "invalid_request");
    world.changes_nothing(admin.post(TEST, json!([]))).await.problem(400, "invalid_request");
    admin.post(TEST, json!({})).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_tests_its_own_key() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let (admin, other) = (world.admin().await, world.other_admin("other@example.net").await);
    let (mine, theirs) = (reveal(&admin).await, reveal(&other).await);
    let untouched = admin.get("/api/sandbox").await.text;
    product.take_calls();
    product.says([Says::Status(403)]);
    assert_eq!(other.act(TEST).await.ok(200)["reason"], "key_rejected");
    let calls = product.calls();
    let keys: Vec<&str> = calls.iter().map(|call| call.key()).collect();
    assert_eq!(keys, [theirs.as_str()]);
    assert_ne!(mine, theirs);
    assert_eq!(admin.get("/api/sandbox").await.text, untouched);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sandbox_key_there_is_nothing_to_test() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    let key = sandbox_key(&admin).await;
    admin.delete(&format!("/api/keys/{key}")).await.ok(204);
    product.take_calls();
    world.changes_nothing(admin.act(TEST)).await.problem(409, "sandbox_not_ready");
    assert!(product.calls().is_empty(), "the product API is not bothered");
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_provisioning_there_is_nothing_to_test() {
    let world = World::new().await;
    let keyring = world.secret("SEALING_SECRET_ARN").await;
    world.put_secret("SEALING_SECRET_ARN", "no keyring").await;
    let admin = world.admin().await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["reason"], "never_provisioned");
    admin.act(TEST).await.problem(409, "sandbox_not_ready");
    world.put_secret("SEALING_SECRET_ARN", &keyring).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_during_the_test_wins_over_its_verdict() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    let key = sandbox_key(&admin).await;
    product.take_calls();
    product.hold();
    let (tested, ()) = tokio::join!(admin.act(TEST), async {
        product.called(1).await;
        admin.delete(&format!("/api/keys/{key}")).await.ok(204);
        product.let_go();
    });
    assert_eq!(
        (&tested.ok(200)["state"], &tested.body["reason"]),
        (&json!("not_configured"), &json!("key_deleted"))
    );
    let reply = admin.get("/api/sandbox").await;
    assert_eq!(
        (&reply.ok(200)["reason"], &reply.body["key_id"]),
        (&json!("key_deleted"), &Value::Null)
    );
    assert_eq!(admin.get("/api/keys").await.ok(200)["count"], 0);
}

/// What was tried is the Sandbox key still, with another secret: that it was good, after all, says
/// nothing of the one that is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_on_a_secret_that_was_replaced_during_the_test_is_none() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    product.says([Says::Status(403)]);
    assert_eq!(admin.act(TEST).await.ok(200)["reason"], "key_rejected");
    product.take_calls();
    product.hold();
    product.says([Says::Held, Says::Status(403)]);
    let (tested, ()) = tokio::join!(admin.act(TEST), async {
        product.called(1).await;
        admin.act("/api/sandbox/provision").await.ok(202);
        world.settle().await;
        product.let_go();
    });
    let calls = product.take_calls();
    assert_ne!(calls[0].key(), calls[1].key(), "the secret was replaced meanwhile");
    assert_eq!(
        (&tested.ok(200)["state"], &tested.body["reason"]),
        (&json!("not_configured"), &json!("key_rejected"))
    );
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "not_configured");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_revoked_during_a_test_records_nothing() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let before = admin.get("/api/sandbox").await.text;
    product.take_calls();
    product.hold();
    let (tested, ()) = tokio::join!(member.act(TEST), async {
        product.called(1).await;
        admin.delete(&format!("/api/team/{}", member.id)).await.ok(204);
        product.let_go();
    });
    tested.problem(401, "session_ended");
    assert_eq!(admin.get("/api/sandbox").await.text, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_suspended_during_a_test_records_nothing() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    let before = admin.get("/api/sandbox").await.text;
    product.take_calls();
    product.hold();
    let (tested, ()) = tokio::join!(admin.act(TEST), async {
        product.called(1).await;
        world.suspend(&admin.account).await;
        product.let_go();
    });
    tested.problem(403, "account_suspended");
    world.resume(&admin.account).await;
    assert_eq!(admin.get("/api/sandbox").await.text, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_product_api_gets_a_post_of_an_empty_object_with_the_key() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    let key = reveal(&admin).await;
    product.take_calls();
    admin.act(TEST).await.ok(200);
    let calls = product.calls();
    let [call] = calls.as_slice() else { panic!("one call, not {}", calls.len()) };
    assert_eq!(
        (call.line.as_str(), call.key(), call.body.as_ref()),
        ("POST /check", key.as_str(), b"{}".as_slice())
    );
    assert_eq!(call.headers["content-type"], "application/json");
    assert!(
        !call.headers.contains_key("authorization") && !call.headers.contains_key("cookie"),
        "nothing of the session goes there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_may_pass_is_tried_twice_and_a_rejection_once() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    for (answers, reason, calls) in [
        (vec![Says::Status(500)], json!("api_error"), 2),
        (vec![Says::Status(429)], json!("api_rate_limited"), 2),
        (vec![Says::Status(403)], json!("key_rejected"), 1),
        (vec![Says::Status(401)], json!("key_rejected"), 1),
        // What passes at the second try is no failure.
        (vec![Says::Status(503), Says::Status(204)], Value::Null, 2),
    ] {
        product.take_calls();
        product.says(answers.clone());
        assert_eq!(admin.act(TEST).await.ok(200)["reason"], reason, "{answers:?}");
        assert_eq!(product.calls().len(), calls, "{answers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_refusals_of_the_product_api_are_errors_and_no_word_about_the_key() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    for status in [400, 404, 405, 418, 501] {
        product.says([Says::Status(status)]);
        assert_eq!(admin.act(TEST).await.ok(200)["reason"], "api_error", "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_so_the_key_goes_nowhere_else() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    product.take_calls();
    product.says([Says::Elsewhere]);
    assert_eq!(admin.act(TEST).await.ok(200)["reason"], "api_error");
    assert!(product.calls().iter().all(|call| call.line == "POST /check"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_ends_is_not_waited_for() {
    let product = Product::start().await;
    let world = world_of(&product).await;
    let admin = world.admin().await;
    product.says([Says::Endless]);
    assert_eq!(admin.act(TEST).await.ok(200)["state"], "ready", "the status has said it all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_api_without_tls_at_an_https_address_is_unreachable_and_gets_no_key() {
    let product = Product::start().await;
    let world =
        World::with_parameters(&[("ProductApiUrl", &product.url.replace("http://", "https://"))])
            .await;
    let admin = world.admin().await;
    assert_eq!(admin.act(TEST).await.ok(200)["reason"], "api_unreachable");
    assert!(product.calls().is_empty());
}
