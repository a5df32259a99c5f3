//! `GET /api/keys`

use crate::support::{ADMIN, World};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

fn names(body: &Value) -> Vec<&str> {
    body["keys"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|key| key["name"].as_str().expect("a text"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_key_is_listed_first_and_then_the_newest() {
    let world = World::new().await;
    let admin = world.admin().await;
    let mut made = Vec::new();
    // Names whose order is not that of their making.
    for name in ["Middle", "Zulu", "Alpha"] {
        world.advance(1);
        made.push(admin.post("/api/keys", json!({ "name": name })).await.ok(201).clone());
    }
    let by = json!({ "id": admin.id, "email": ADMIN });
    for key in &mut made {
        key["key"]["created_by"] = by.clone();
    }
    let listed = admin.get("/api/keys").await;
    let sandbox = listed.ok(200)["keys"][0].clone();
    assert_eq!(
        listed.body,
        json!({
            "keys": [sandbox, made[2]["key"], made[1]["key"], made[0]["key"]],
            "count": 4,
            "limit": 10,
            "available": 6,
        })
    );
    let key =
        admin.act("/api/sandbox/key").await.ok(200)["api_key"].as_str().expect("a key").to_owned();
    let start = sandbox["start"].as_str().expect("a text");
    assert!(
        start.starts_with("fd_sandbox_") && key.starts_with(start) && key.len() - start.len() >= 32,
        "{start}"
    );
    let id = &admin.get("/api/sandbox").await.body["key_id"];
    // Its validation was a use.
    let used_at = sandbox["last_used_at"].as_str().expect("a time");
    let created_at = sandbox["created_at"].as_str().expect("a time");
    assert!(
        created_at.parse::<jiff::Timestamp>().is_ok() && created_at.ends_with('Z'),
        "{created_at}"
    );
    assert_eq!(
        sandbox,
        json!({
            "id": id, "name": "Sandbox", "start": start, "sandbox": true, "created_at": created_at,
            "created_by": null, "expires_at": null, "state": "active",
            "last_used_at": used_at, "rotated_at": null, "old_valid_until": null,
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_key_is_first_even_when_it_is_the_newest() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = admin.get("/api/sandbox").await.body["key_id"].as_str().expect("an id").to_owned();
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    world.advance(1);
    admin.key("Older").await;
    world.advance(1);
    admin.key("Old").await;
    assert_eq!(names(&admin.get("/api/keys").await.body), ["Old", "Older"]);
    world.advance(1);
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    world.advance(1);
    admin.key("Newest").await;
    assert_eq!(names(&admin.get("/api/keys").await.body), ["Sandbox", "Newest", "Old", "Older"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_no_key_and_no_digest() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Secret").await;
    let sandbox =
        admin.act("/api/sandbox/key").await.ok(200)["api_key"].as_str().expect("a key").to_owned();
    let listed = admin.get("/api/keys").await;
    for key in [key, sandbox] {
        let secret = &key[key.len() - 38..];
        assert!(
            !listed.text.contains(secret) && !listed.text.contains(&secret[..32]),
            "{}",
            listed.text
        );
    }
    for row in world.rows_of("api_key").await {
        assert!(!listed.text.contains(row["digest"].as_s().expect("a text")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_reads_the_same_list_as_an_admin_but_not_who_made_them() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    admin.key("Shared").await;
    let mut seen = admin.get("/api/keys").await.ok(200).clone();
    assert_eq!(names(&seen), ["Sandbox", "Shared"]);
    for key in seen["keys"].as_array_mut().expect("a list") {
        assert!(key.as_object_mut().expect("a key").remove("created_by").is_some(), "{key}");
    }
    let seen_by_member = world.changes_nothing(member.get("/api/keys")).await;
    assert_eq!(*seen_by_member.ok(200), seen);
    assert!(!seen_by_member.text.contains(ADMIN) && !seen_by_member.text.contains(&admin.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_says_who_made_it_and_the_address_while_that_is_a_member() {
    let world = World::new().await;
    let admin = world.admin().await;
    let appoint = json!({ "act": "add_admin", "email": "second@example.com" });
    world.change(&admin.account, appoint).await;
    let second = world.login("second@example.com").await;
    second.key("Of the second").await;
    let made_by = async || admin.get("/api/keys").await.ok(200)["keys"][1]["created_by"].clone();
    assert_eq!(made_by().await, json!({ "id": second.id, "email": "second@example.com" }));
    admin.delete(&format!("/api/team/{}", second.id)).await.ok(204);
    assert_eq!(made_by().await, json!({ "id": second.id, "email": null }));
    // Whoever has the address then is another member.
    world.member(&admin, "second@example.com").await;
    assert_eq!(made_by().await, json!({ "id": second.id, "email": null }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_sees_its_own_keys_alone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let ((mine, _), (theirs, _)) = (admin.key("Mine").await, other.key("Theirs").await);
    let (seen, seen_there) = (admin.get("/api/keys").await, other.get("/api/keys").await);
    assert_eq!(
        (names(seen.ok(200)), names(seen_there.ok(200))),
        (vec!["Sandbox", "Mine"], vec!["Sandbox", "Theirs"])
    );
    assert!(!seen.text.contains(&theirs) && !seen_there.text.contains(&mine));
    assert_ne!(seen.body["keys"][0]["id"], seen_there.body["keys"][0]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_there_is_no_list() {
    let world = World::new().await;
    world
        .changes_nothing(world.call("GET", "/api/keys").send())
        .await
        .problem(401, "session_required");
    let garbage = world.call("GET", "/api/keys").header("authorization", "Bearer fds_garbage");
    world.changes_nothing(garbage.send()).await.problem(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_may_be_asked_for_by_any_query_and_stays_the_same() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let seen = admin.get("/api/keys").await;
    admin
        .get(&format!("/api/keys?account_id={}&limit=1", other.account))
        .await
        .is_indistinguishable_from(&seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_row_cannot_be_read_takes_no_key_out_of_the_list() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, _) = admin.key("Deploy").await;
    let damaged = world.member(&admin, "ada@example.com").await;
    let row = [("email", AttributeValue::N("1".to_owned()))];
    let (account, member) = (format!("ACCT#{}", admin.account), format!("MEMBER#{}", damaged.id));
    world.set_attributes(&account, &member, &row).await;
    let listed = admin.get("/api/keys").await;
    let keys = listed.ok(200)["keys"].as_array().expect("an array").clone();
    assert_eq!(keys[1]["id"], id.as_str());
    assert_eq!(keys[1]["created_by"]["email"], ADMIN);
}
