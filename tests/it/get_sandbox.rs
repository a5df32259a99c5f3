//! `GET /api/sandbox`

use crate::support::World;
use aws_sdk_dynamodb::types::AttributeValue;
use desk::ProductApiMode;
use jiff::Timestamp;
use serde_json::{Value, json};

fn at(value: &Value) -> Timestamp {
    value.as_str().expect("a text").parse().expect("a time in RFC 3339")
}

/// What a first login leads to while the product API behaves like this.
async fn first_provisioning(parameters: &[(&str, &str)], mode: ProductApiMode) -> Value {
    let world = World::with_parameters(parameters).await;
    world.desk.product_api().set_mode(mode);
    let admin = world.admin().await;
    let reply = admin.get("/api/sandbox").await;
    let body = reply.ok(200).clone();
    let keys = admin.get("/api/keys").await;
    assert_eq!(
        body["key_id"],
        keys.ok(200)["keys"][0]["id"],
        "the Sandbox key is there, whatever the product API says"
    );
    assert_eq!(keys.body["keys"][0]["sandbox"], true);
    assert!(at(&body["validated_at"]) <= world.desk.clock().now());
    json!([body["state"], body["reason"]])
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_provisioning_the_sandbox_was_never_provisioned() {
    let world = World::new().await;
    // Without its keyring the post-login trigger cannot do anything; the login itself does not need
    // it.
    world.put_secret("SEALING_SECRET_ARN", "no keyring").await;
    let admin = world.admin().await;
    let reply = admin.get("/api/sandbox").await;
    let since = at(&reply.ok(200)["since"]);
    assert!(since <= world.desk.clock().now());
    let expected = json!({
        "state": "not_configured", "reason": "never_provisioned", "key_id": null,
        "validated_at": null, "since": reply.body["since"],
    });
    assert_eq!(reply.body, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_first_login_the_sandbox_is_ready() {
    let world = World::new().await;
    let admin = world.admin().await;
    let reply = admin.get("/api/sandbox").await;
    let key = admin.get("/api/keys").await.ok(200)["keys"][0]["id"].clone();
    let validated = reply.ok(200)["validated_at"].clone();
    let since = reply.body["since"].clone();
    assert_eq!(
        reply.body,
        json!({
            "state": "ready", "reason": null, "key_id": key, "validated_at": validated,
            "since": since,
        })
    );
    assert_eq!(at(&validated), at(&since), "it is ready since the first validation");
    assert!(at(&since) <= world.desk.clock().now());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_sees_the_same_sandbox_as_the_admin() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let reply = member.get("/api/sandbox").await;
    assert_eq!(reply.ok(200)["state"], "ready");
    assert_eq!(reply.text, admin.get("/api/sandbox").await.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_account_sees_its_own_sandbox() {
    let world = World::new().await;
    let (admin, other) = (world.admin().await, world.other_admin("other@example.net").await);
    let (mine, theirs) = (admin.get("/api/sandbox").await, other.get("/api/sandbox").await);
    assert_ne!(mine.ok(200)["key_id"], theirs.ok(200)["key_id"]);
    let key = mine.body["key_id"].as_str().expect("an id");
    admin.delete(&format!("/api/keys/{key}")).await.ok(204);
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["reason"], "key_deleted");
    assert_eq!(other.get("/api/sandbox").await.text, theirs.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_nobody_sees_a_sandbox() {
    let world = World::new().await;
    world
        .changes_nothing(world.call("GET", "/api/sandbox").send())
        .await
        .problem(401, "session_required");
    let garbage = world.call("GET", "/api/sandbox").header("authorization", "Bearer fds_garbage");
    world.changes_nothing(garbage.send()).await.problem(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_that_takes_sixty_seconds_has_timed_out_whoever_died_over_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = admin.get("/api/sandbox").await.ok(200)["key_id"].clone();
    let since = world.desk.clock().now();
    let begun = [
        ("state", AttributeValue::S("validating".into())),
        ("since", AttributeValue::N(since.as_millisecond().to_string())),
    ];
    world.set_attributes(&format!("SANDBOX#{}", admin.account), "SANDBOX", &begun).await;

    let reply = admin.get("/api/sandbox").await;
    assert_eq!(
        (&reply.ok(200)["state"], &reply.body["reason"]),
        (&json!("validating"), &Value::Null)
    );
    assert_eq!((at(&reply.body["since"]), &reply.body["key_id"]), (since, &key));
    world.advance(45);
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "validating");
    world.advance(15);
    // It is read so; nothing has to be there to write it.
    let reply = world.changes_nothing(admin.get("/api/sandbox")).await;
    assert_eq!(
        (&reply.ok(200)["state"], &reply.body["reason"]),
        (&json!("not_configured"), &json!("timed_out"))
    );
    assert_eq!((at(&reply.body["since"]), &reply.body["key_id"]), (since, &key));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_sandbox_key_shows_as_deleted_and_leaves_no_id() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = admin.get("/api/sandbox").await.ok(200)["key_id"].as_str().expect("an id").to_owned();
    admin.delete(&format!("/api/keys/{key}")).await.ok(204);
    let reply = admin.get("/api/sandbox").await;
    let since = reply.ok(200)["since"].clone();
    let expected = json!({
        "state": "not_configured", "reason": "key_deleted", "key_id": null, "validated_at": null,
        "since": since,
    });
    assert_eq!(reply.body, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_api_that_rejects_the_key_is_told_apart() {
    assert_eq!(
        first_provisioning(&[], ProductApiMode::Rejecting).await,
        json!(["not_configured", "key_rejected"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_api_that_fails_is_told_apart() {
    assert_eq!(
        first_provisioning(&[], ProductApiMode::Failing).await,
        json!(["not_configured", "api_error"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_api_that_limits_is_told_apart() {
    assert_eq!(
        first_provisioning(&[], ProductApiMode::Limiting).await,
        json!(["not_configured", "api_rate_limited"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_api_that_is_not_there_is_told_apart() {
    assert_eq!(
        first_provisioning(&[], ProductApiMode::Down).await,
        json!(["not_configured", "api_unreachable"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_api_that_does_not_answer_in_time_is_told_apart() {
    let impatient = [("ProductApiTimeoutMs", "200")];
    assert_eq!(
        first_provisioning(&impatient, ProductApiMode::Slow).await,
        json!(["not_configured", "api_timeout"])
    );
}
