//! `POST /api/sandbox/provision`

use crate::product::Product;
use crate::support::{Person, Reply, World};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::ProductApiMode;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

const RETRY: &str = "/api/sandbox/provision";

fn at(value: &Value) -> Timestamp {
    value.as_str().expect("a text").parse().expect("a time in RFC 3339")
}

/// Retries, and gives the state that this ends in.
async fn retried(person: &Person<'_>) -> Reply {
    let reply = person.act(RETRY).await;
    assert_eq!(reply.ok(202)["state"], "validating");
    person.world.settle().await;
    person.get("/api/sandbox").await
}

async fn reveal(person: &Person<'_>) -> String {
    let reply = person.act("/api/sandbox/key").await;
    reply.ok(200)["api_key"].as_str().expect("a key").to_owned()
}

async fn delete_sandbox_key(person: &Person<'_>) -> String {
    let key = person.get("/api/sandbox").await.body["key_id"].as_str().expect("an id").to_owned();
    person.delete(&format!("/api/keys/{key}")).await.ok(204);
    key
}

async fn count(world: &World, action: &str) -> usize {
    world.audit().await.into_iter().filter(|audited| audited == action).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_answers_validating_and_ends_ready() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.product_api().set_mode(ProductApiMode::Failing);
    admin.act("/api/sandbox/test").await.ok(200);
    let before = admin.get("/api/sandbox").await.body;
    world.desk.product_api().set_mode(ProductApiMode::Up);

    let asked = world.desk.clock().now();
    let reply = admin.act(RETRY).await;
    let since = reply.ok(202)["since"].clone();
    let expected = json!({
        "state": "validating", "reason": null, "key_id": before["key_id"],
        "validated_at": before["validated_at"], "since": since,
    });
    assert_eq!(reply.body, expected);
    assert!(at(&since) >= asked);
    world.settle().await;
    let after = admin.get("/api/sandbox").await;
    assert_eq!(
        (&after.ok(200)["state"], &after.body["key_id"]),
        (&json!("ready"), &before["key_id"])
    );
    assert_eq!(count(&world, "provisioning_requested").await, 1);
    assert_eq!(
        count(&world, "sandbox_key_replaced").await,
        0,
        "a key that nobody rejected keeps its secret"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_while_one_is_running_joins_it() {
    let product = Product::start().await;
    let world =
        World::with_parameters(&[("ProductApiUrl", &product.url), ("ProductApiTimeoutMs", "3500")])
            .await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    product.take_calls();
    product.hold();
    let first = admin.act(RETRY).await;
    first.ok(202);
    product.called(1).await;
    world.advance(5);
    let second = member.act(RETRY).await;
    assert_eq!(second.ok(202)["state"], "validating");
    assert_eq!(second.body["key_id"], first.body["key_id"]);
    assert_eq!(world.rows_of("provision_request").await.len(), 1);
    product.let_go();
    world.settle().await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
    assert_eq!(product.calls().len(), 1, "one validation serves both");
    assert_eq!(count(&world, "provisioning_requested").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_retries_start_one_provisioning() {
    let world = World::new().await;
    let admin = world.admin().await;
    delete_sandbox_key(&admin).await;
    for reply in join_all((0..16).map(|_| admin.act(RETRY))).await {
        reply.ok(202);
    }
    world.settle().await;
    let keys = admin.get("/api/keys").await;
    assert_eq!(
        (&keys.ok(200)["count"], &keys.body["keys"][0]["sandbox"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["key_id"], keys.body["keys"][0]["id"]);
    assert_eq!(
        count(&world, "sandbox_key_created").await,
        2,
        "one by the login, one by the retries"
    );
    // A retry that comes after another has ended starts anew; those that overlap do not.
    assert_eq!(
        world.rows_of("provision_request").await.len(),
        count(&world, "provisioning_requested").await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_that_was_lost_does_not_keep_a_retry_out() {
    let world = World::new().await;
    let admin = world.admin().await;
    let begun = world.desk.clock().now();
    let attributes = [
        ("state", AttributeValue::S("validating".into())),
        ("since", AttributeValue::N(begun.as_millisecond().to_string())),
    ];
    world.set_attributes(&format!("SANDBOX#{}", admin.account), "SANDBOX", &attributes).await;
    let joined = world.changes_nothing(admin.act(RETRY)).await;
    assert_eq!(at(&joined.ok(202)["since"]), begun);
    world.advance(60);
    let reply = admin.act(RETRY).await;
    assert!(at(&reply.ok(202)["since"]) > begun);
    world.settle().await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_the_deletion_makes_a_new_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    let old = reveal(&admin).await;
    let old_id = delete_sandbox_key(&admin).await;
    let reply = admin.act(RETRY).await;
    assert_eq!(
        (&reply.ok(202)["state"], &reply.body["key_id"]),
        (&json!("validating"), &Value::Null)
    );
    world.settle().await;
    let after = admin.get("/api/sandbox").await;
    assert_eq!(after.ok(200)["state"], "ready");
    assert_ne!(after.body["key_id"], old_id);
    assert_eq!(world.product_api(&reveal(&admin).await).await, 200);
    assert_eq!(world.product_api(&old).await, 403);
    assert_eq!(admin.get("/api/session").await.ok(200)["account"]["key_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_a_rejection_replaces_the_secret_and_keeps_the_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    let old = reveal(&admin).await;
    let id = admin.get("/api/sandbox").await.body["key_id"].clone();
    world.desk.product_api().set_mode(ProductApiMode::Rejecting);
    assert_eq!(admin.act("/api/sandbox/test").await.ok(200)["reason"], "key_rejected");
    world.desk.product_api().set_mode(ProductApiMode::Up);

    let after = retried(&admin).await;
    assert_eq!((&after.ok(200)["state"], &after.body["key_id"]), (&json!("ready"), &id));
    let new = reveal(&admin).await;
    assert_ne!(new, old);
    assert_eq!(
        (world.product_api(&old).await.as_u16(), world.product_api(&new).await.as_u16()),
        (403, 200)
    );
    let row = world.row(&format!("SANDBOX#{}", admin.account), "SANDBOX").await;
    assert_eq!(row["sandbox_key"].as_m().unwrap()["version"], AttributeValue::N("2".into()));
    assert_eq!(admin.get("/api/keys").await.ok(200)["count"], 1);
    assert_eq!(count(&world, "sandbox_key_replaced").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_is_rejected_too_says_so_and_can_be_repeated() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.product_api().set_mode(ProductApiMode::Rejecting);
    for _ in 0..2 {
        assert_eq!(retried(&admin).await.ok(200)["reason"], "key_rejected");
    }
    world.desk.product_api().set_mode(ProductApiMode::Up);
    assert_eq!(retried(&admin).await.ok(200)["state"], "ready");
    assert_eq!(world.product_api(&reveal(&admin).await).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_product_api_does_not_cost_the_key_its_secret() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = reveal(&admin).await;
    for mode in [ProductApiMode::Failing, ProductApiMode::Down] {
        world.desk.product_api().set_mode(mode);
        assert_eq!(retried(&admin).await.ok(200)["state"], "not_configured");
    }
    world.desk.product_api().set_mode(ProductApiMode::Up);
    assert_eq!(retried(&admin).await.ok(200)["state"], "ready");
    assert_eq!(reveal(&admin).await, key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_works_with_nine_own_keys_because_its_place_is_held() {
    let world = World::new().await;
    let admin = world.admin().await;
    delete_sandbox_key(&admin).await;
    for number in 1..=9 {
        admin.key(&format!("Key {number}")).await;
    }
    admin.post("/api/keys", json!({ "name": "Key 10" })).await.problem(409, "key_limit_reached");
    assert_eq!(retried(&admin).await.ok(200)["state"], "ready");
    let keys = admin.get("/api/keys").await;
    assert_eq!((&keys.ok(200)["count"], &keys.body["available"]), (&json!(10), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_may_ask_for_a_retry() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    assert_eq!(retried(&member).await.ok(200)["state"], "ready");
    let asked = world
        .rows_of("audit")
        .await
        .into_iter()
        .find(|row| row["action"].as_s().unwrap() == "provisioning_requested");
    assert_eq!(asked.expect("an audit row")["actor"].as_s().unwrap(), &member.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_reaches_no_other_account() {
    let world = World::new().await;
    let (admin, other) = (world.admin().await, world.other_admin("other@example.net").await);
    let before = (admin.get("/api/sandbox").await.text, reveal(&admin).await);
    delete_sandbox_key(&other).await;
    assert_eq!(retried(&other).await.ok(200)["state"], "ready");
    assert_eq!((admin.get("/api/sandbox").await.text, reveal(&admin).await), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_nothing_is_provisioned() {
    let world = World::new().await;
    world.changes_nothing(world.call("POST", RETRY).send()).await.problem(401, "session_required");
    let admin = world.admin().await;
    world.suspend(&admin.account).await;
    world.changes_nothing(admin.act(RETRY)).await.problem(403, "account_suspended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_takes_no_fields() {
    let world = World::new().await;
    let admin = world.admin().await;
    world
        .changes_nothing(admin.post(RETRY, json!({ "force": true })))
        .await
        .problem(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_meets_a_suspension_goes_on_once_the_account_is_resumed() {
    let world = World::new().await;
    let admin = world.admin().await;
    // The request is on its way when the account is suspended, and arrives behind that.
    let keyring = world.secret("SEALING_SECRET_ARN").await;
    world.put_secret("SEALING_SECRET_ARN", "no keyring").await;
    world.advance(3600);
    delete_sandbox_key(&admin).await;
    admin.act(RETRY).await.ok(202);
    world.settle().await;
    world.suspend(&admin.account).await;
    world.put_secret("SEALING_SECRET_ARN", &keyring).await;
    world.advance(120);
    world.settle().await;
    world.advance(600);
    world.settle().await;
    world.resume(&admin.account).await;
    world.settle().await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
}
