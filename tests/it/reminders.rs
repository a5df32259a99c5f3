//! Reminders before a key ends: scheduled with its end, mailed to the admins who are active then.

use crate::support::{Person, World};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DAY: i64 = 86_400;

type Row = BTreeMap<String, AttributeValue>;

fn status(row: &Row) -> &str {
    row["status"].as_s().expect("a text")
}

fn number(row: &Row, name: &str) -> i64 {
    row[name].as_n().expect("a number").parse().expect("a number")
}

/// When the reminders of a key are next due, in seconds before its end; none where it has no row.
async fn scheduled(world: &World, key: &str) -> Option<i64> {
    let mut rows = world.rows_of("key_expiring").await;
    rows.retain(|row| row["key_id"].as_s().is_ok_and(|id| id == key));
    assert!(rows.len() <= 1, "one row for a key");
    let row = rows.pop()?;
    assert_eq!((status(&row), number(&row, "due_at")), ("scheduled", number(&row, "remind_at")));
    assert!(row.contains_key("duty"), "the sweep finds it");
    let ends = number(&row, "expires_at");
    assert_eq!(number(&row, "ttl"), ends / 1000 + 30 * DAY);
    Some((ends - number(&row, "due_at")) / 1000)
}

/// Makes a key that ends so many seconds ahead, and gives its id.
async fn key_for(admin: &Person<'_>, seconds: i64) -> String {
    let ends = admin.world.ahead(seconds);
    let made = admin.post("/api/keys", json!({ "name": "Backend", "expires_at": ends })).await;
    made.ok(201)["key"]["id"].as_str().expect("an id").to_owned()
}

async fn change(admin: &Person<'_>, key: &str, change: Value) {
    admin.patch(&format!("/api/keys/{key}"), change).await.ok(200);
}

async fn set_end(admin: &Person<'_>, key: &str, seconds: i64) {
    change(admin, key, json!({ "expires_at": admin.world.ahead(seconds) })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_ends_has_one_row_of_reminders_whatever_becomes_of_its_end() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = key_for(&admin, 30 * DAY).await;
    assert_eq!(scheduled(&world, &key).await, Some(7 * DAY));
    for (ends, next) in [
        (365 * DAY, Some(7 * DAY)),
        // A reminder whose time has passed is none.
        (7 * DAY - 1, Some(DAY)),
        (DAY - 1, None),
        (2 * DAY, Some(DAY)),
    ] {
        set_end(&admin, &key, ends).await;
        assert_eq!(scheduled(&world, &key).await, next, "{ends}");
    }
    change(&admin, &key, json!({ "expires_at": null })).await;
    assert_eq!(scheduled(&world, &key).await, None);
    assert_eq!(world.rows_of("key_expiring").await.len(), 0, "the Sandbox key has none");
    // One that was made to end sooner than any reminder, or never, is like one that was changed.
    key_for(&admin, DAY - 1).await;
    admin.key("Frontend").await;
    assert_eq!(world.rows_of("key_expiring").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_renamed_or_rotated_keeps_its_reminders_and_one_that_is_deleted_has_none() {
    let world = World::new().await;
    let admin = world.admin().await;
    let keys = [key_for(&admin, 30 * DAY).await, key_for(&admin, 30 * DAY).await];
    let before = world.rows_of("key_expiring").await;
    change(&admin, &keys[0], json!({ "name": "Frontend" })).await;
    admin.act(&format!("/api/keys/{}/rotate", keys[0])).await.ok(201);
    assert_eq!(world.rows_of("key_expiring").await, before);

    admin.delete(&format!("/api/keys/{}", keys[0])).await.ok(204);
    world.change(&admin.account, json!({ "act": "revoke_key", "key_id": keys[1] })).await;
    assert_eq!(world.rows_of("key_expiring").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_key_that_is_refused_or_repeated_schedules_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let make = admin
        .call("POST", "/api/keys")
        .header("idempotency-key", "one")
        .json(json!({ "name": "Backend", "expires_at": world.ahead(30 * DAY) }));
    make.clone().send().await.ok(201);
    world.changes_nothing(make.send()).await.ok(201);
    let id = world.rows_of("key_expiring").await[0]["key_id"].as_s().unwrap().clone();
    let path = format!("/api/keys/{id}");
    let soon = json!({ "expires_at": world.ahead(60) });
    world.changes_nothing(admin.patch(&path, soon)).await.problem(400, "invalid_expiry");
    let member = world.member(&admin, "member@example.com").await;
    world.changes_nothing(member.delete(&path)).await.problem(403, "admin_required");
    assert_eq!(scheduled(&world, &id).await, Some(7 * DAY));
}
