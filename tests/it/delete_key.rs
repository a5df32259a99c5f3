//! `DELETE /api/keys/{key_id}`

use crate::support::World;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use std::collections::BTreeSet;

/// Ids that nobody has, the first of them in the right form.
const NOBODYS: [&str; 12] = [
    "key_kAAAAAAAA",
    "key_sAAAAAAAA",
    "key_xAAAAAAAA",
    "key_kAAAAAAA",
    "key_kAAAAAAAAA",
    "key_k%00AAAAAAA",
    "key_",
    "x",
    "%20",
    "..%2F..%2Fteam",
    "%F0%9F%97%9D",
    "acct_AAAAAAAAAAAA",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_key_is_refused_on_the_next_call() {
    let world = World::new().await;
    let admin = world.admin().await;
    let ((id, key), (_, kept)) = (admin.key("Short-lived").await, admin.key("Kept").await);
    assert_eq!(world.product_api(&key).await, 200);
    let reply = admin.delete(&format!("/api/keys/{id}")).await;
    reply.ok(204);
    assert_eq!(reply.text, "");
    assert_eq!(world.product_api(&key).await, 403);
    assert_eq!(world.product_api(&kept).await, 200);
    let listed = admin.get("/api/keys").await;
    assert!(!listed.text.contains(&id), "{}", listed.text);
    assert_eq!((&listed.body["count"], &listed.body["available"]), (&json!(2), &json!(8)));
    assert!(world.audit().await.contains(&"key_deleted".to_owned()));
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_tells_the_name_that_a_key_had_when_it_was_deleted() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, _) = admin.key("First name").await;
    admin.patch(&format!("/api/keys/{id}"), json!({ "name": "Last name" })).await.ok(200);
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    let sandbox = admin.get("/api/sandbox").await.ok(200)["key_id"].clone();
    admin.delete(&format!("/api/keys/{}", sandbox.as_str().expect("an id"))).await.ok(204);
    let rows = world.rows_of("audit").await;
    let is_deletion = AttributeValue::S("key_deleted".to_owned());
    let deleted = rows.iter().filter(|row| row["action"] == is_deletion);
    let names: BTreeSet<&String> =
        deleted.map(|row| row["label"].as_s().expect("a text")).collect();
    assert_eq!(names, ["Last name".to_owned(), "Sandbox".to_owned()].iter().collect());
}

/// A key is worth deleting whatever has become of its row.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_name_cannot_be_read_is_deleted_like_any_other() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Damaged").await;
    let partition = format!("ACCT#{}", admin.account);
    let damage = [("name", AttributeValue::Bool(true))];
    world.set_attributes(&partition, &format!("KEY#{id}"), &damage).await;
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    assert_eq!(world.product_api(&key).await, 403);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_deleted_once() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, _) = admin.key("Short-lived").await;
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    world
        .changes_nothing(admin.delete(&format!("/api/keys/{id}")))
        .await
        .problem(404, "key_not_found");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_tell_a_foreign_key_from_one_that_is_not_there() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let (theirs, key) = other.key("Theirs").await;
    let sandbox =
        other.get("/api/sandbox").await.body["key_id"].as_str().expect("an id").to_owned();
    world
        .changes_nothing(async {
            let foreign = admin.delete(&format!("/api/keys/{theirs}")).await;
            foreign.problem(404, "key_not_found");
            let long = format!("key_k{}", "A".repeat(2000));
            for id in
                NOBODYS.into_iter().chain([sandbox.as_str(), long.as_str(), admin.account.as_str()])
            {
                admin.delete(&format!("/api/keys/{id}")).await.is_indistinguishable_from(&foreign);
            }
        })
        .await;
    assert_eq!(world.product_api(&key).await, 200);
    assert_eq!(other.get("/api/sandbox").await.ok(200)["state"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_sandbox_key_says_so_in_the_sandbox() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = admin.get("/api/sandbox").await.body["key_id"].as_str().expect("an id").to_owned();
    let revealed = admin.act("/api/sandbox/key").await;
    let key = revealed.ok(200)["api_key"].as_str().expect("a key").to_owned();
    assert_eq!(world.product_api(&key).await, 200);

    let before = world.now();
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    let after = world.now();
    assert_eq!(world.product_api(&key).await, 403);
    let sandbox = admin.get("/api/sandbox").await;
    let since = sandbox.ok(200)["since"].as_str().expect("a time").to_owned();
    assert!((before..=after).contains(&since.parse().expect("a time")), "{since}");
    let expected = json!({
        "state": "not_configured", "reason": "key_deleted", "key_id": null, "validated_at": null,
        "since": since,
    });
    assert_eq!(sandbox.body, expected);
    let listed = admin.get("/api/keys").await;
    assert_eq!(listed.body, json!({ "keys": [], "count": 0, "limit": 10, "available": 9 }));
    // The sealed value goes with it.
    assert!(!world.rows_of("sandbox").await.iter().any(|row| row.contains_key("sandbox_key")));

    world
        .changes_nothing(admin.delete(&format!("/api/keys/{id}")))
        .await
        .problem(404, "key_not_found");
    world.changes_nothing(admin.act("/api/sandbox/key")).await.problem(409, "sandbox_not_ready");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_makes_a_new_sandbox_key_for_one_that_was_deleted() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = admin.get("/api/sandbox").await.body["key_id"].clone();
    admin.delete(&format!("/api/keys/{}", id.as_str().expect("an id"))).await.ok(204);
    let again = world.admin().await;
    let sandbox = again.get("/api/sandbox").await;
    assert_eq!(sandbox.ok(200)["state"], "ready");
    assert!(sandbox.body["key_id"].is_string() && sandbox.body["key_id"] != id, "{}", sandbox.text);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_delete_keys() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let (id, key) = admin.key("Not yours").await;
    let sandbox =
        admin.get("/api/sandbox").await.body["key_id"].as_str().expect("an id").to_owned();
    world
        .changes_nothing(async {
            // Who asks comes before what is asked for.
            for id in NOBODYS.into_iter().chain([id.as_str(), sandbox.as_str()]) {
                member.delete(&format!("/api/keys/{id}")).await.problem(403, "admin_required");
                world
                    .call("DELETE", &format!("/api/keys/{id}"))
                    .send()
                    .await
                    .problem(401, "session_required");
                let garbage = world
                    .call("DELETE", &format!("/api/keys/{id}"))
                    .header("authorization", "Bearer fds_garbage");
                garbage.send().await.problem(401, "session_ended");
            }
        })
        .await;
    assert_eq!(world.product_api(&key).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_takes_no_body() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, _) = admin.key("Kept").await;
    let with_body = admin.call("DELETE", &format!("/api/keys/{id}")).json(json!({ "id": id }));
    world.changes_nothing(with_body.send()).await.problem(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_deletes_no_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, _) = admin.key("Kept").await;
    world.suspend(&admin.account).await;
    world
        .changes_nothing(async {
            // A session that is over is told nothing, not even that there is no such key.
            for id in [id.as_str(), NOBODYS[0], NOBODYS[1], "x"] {
                admin.delete(&format!("/api/keys/{id}")).await.problem(403, "account_suspended");
            }
        })
        .await;
}
