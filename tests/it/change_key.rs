//! `PATCH /api/keys/{key_id}`

use crate::support::{ADMIN, Person, Reply, World};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use serde_json::{Value, json};

async fn change(person: &Person<'_>, id: &str, body: Value) -> Reply {
    person.patch(&format!("/api/keys/{id}"), body).await
}

async fn sandbox_key(person: &Person<'_>) -> String {
    let sandbox = person.get("/api/sandbox").await;
    sandbox.body["key_id"].as_str().expect("there is a Sandbox key").to_owned()
}

/// What the trail says of changes of keys: action, label, what was and what is.
async fn trail(world: &World) -> Vec<(String, String, String, String)> {
    let mut rows = world.rows_of("audit").await;
    rows.retain(|row| {
        let action = row["action"].as_s().expect("a text");
        ["key_renamed", "key_expiry_changed"].contains(&action.as_str())
    });
    let text = |value: Option<&AttributeValue>, field: &str| match value {
        None => "-".to_owned(),
        Some(AttributeValue::S(text)) => text.clone(),
        Some(AttributeValue::M(fields)) => match &fields[field] {
            AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
            other => panic!("neither text nor number: {other:?}"),
        },
        Some(other) => panic!("not expected: {other:?}"),
    };
    let mut told: Vec<_> = rows
        .iter()
        .map(|row| {
            let action = text(row.get("action"), "");
            let field = if action == "key_renamed" { "name" } else { "expires_at" };
            let [was, is] = ["was", "is"].map(|side| text(row.get(side), field));
            (action, text(row.get("label"), ""), was, is)
        })
        .collect();
    told.sort();
    told
}

fn millis(time: &str) -> String {
    time.parse::<jiff::Timestamp>().expect("a time").as_millisecond().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_gets_another_name_and_stays_the_same_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Deploy").await;
    let mut before = admin.get("/api/keys").await.ok(200)["keys"][1].clone();
    world.advance(60);
    let renamed = change(&admin, &id, json!({ "name": "  Deploy 2 " })).await;
    before["name"] = "Deploy 2".into();
    assert_eq!(admin.get("/api/keys").await.ok(200)["keys"][1], before);
    before.as_object_mut().expect("a key").remove("created_by");
    assert_eq!(*renamed.ok(200), json!({ "key": before }));
    assert_eq!(world.product_api(&key).await, 200);
    let told = |was: &str, is: &str| ["key_renamed", was, was, is].map(str::to_owned).into();
    assert_eq!(trail(&world).await, [told("Deploy", "Deploy 2")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_to_end_and_revived() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Deploy").await;
    let until = world.ahead(3600);
    let changed = change(&admin, &id, json!({ "expires_at": until })).await;
    assert_eq!(changed.ok(200)["key"]["expires_at"], until);
    world.advance_to(until.parse().expect("a time"));
    assert_eq!(world.product_api(&key).await, 403);
    // Another name alone revives nothing.
    let renamed = change(&admin, &id, json!({ "name": "Old" })).await;
    assert_eq!(renamed.ok(200)["key"]["state"], "expired");
    let later = world.ahead(3600);
    let revived = change(&admin, &id, json!({ "expires_at": later })).await;
    assert_eq!(revived.ok(200)["key"]["state"], "active");
    assert_eq!(world.product_api(&key).await, 200);
    let forever = change(&admin, &id, json!({ "name": "New", "expires_at": null })).await;
    assert_eq!(forever.ok(200)["key"]["expires_at"], Value::Null);
    world.advance_to(later.parse().expect("a time"));
    assert_eq!(world.product_api(&key).await, 200);
    let [until, later] = [&until, &later].map(|time| millis(time));
    let told = [
        ("key_expiry_changed", "Deploy", "-", &*until),
        ("key_expiry_changed", "Old", &until, &later),
        ("key_expiry_changed", "Old", &later, "-"),
        ("key_renamed", "Deploy", "Deploy", "Old"),
        ("key_renamed", "Old", "Old", "New"),
    ];
    let told = told.map(|(action, label, was, is)| {
        (action.to_owned(), label.to_owned(), was.to_owned(), is.to_owned())
    });
    assert_eq!(trail(&world).await, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_as_it_is_is_no_event() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, _) = admin.key("Deploy").await;
    let same = json!({ "name": "Deploy", "expires_at": null });
    world.changes_nothing(change(&admin, &id, same)).await.ok(200);
    assert_eq!(trail(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_changes_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, _) = admin.key("Deploy").await;
    let (soon, late) = (world.ahead(240), world.ahead(5 * 366 * 86400));
    world
        .changes_nothing(async {
            for name in ["", " ", "a\nb", &"x".repeat(65)] {
                let body = json!({ "name": name, "expires_at": null });
                change(&admin, &id, body).await.problem(400, "invalid_name");
            }
            for until in ["", "tomorrow", "2029-02-29T00:00:00Z", &soon, &late] {
                let body = json!({ "name": "Other", "expires_at": until });
                change(&admin, &id, body).await.problem(400, "invalid_expiry");
            }
            for body in [
                json!({}),
                json!({ "name": null }),
                json!({ "name": 7 }),
                json!({ "expires_at": 7 }),
                json!({ "name": "Other", "sandbox": true }),
            ] {
                change(&admin, &id, body).await.problem(400, "invalid_request");
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_come_in_their_order() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let (id, _) = admin.key("Deploy").await;
    let sandbox = sandbox_key(&admin).await;
    let bad = [json!({ "name": "" }), json!({ "expires_at": "2026-01-01T00:00:00Z" })];
    world
        .changes_nothing(async {
            for body in [json!({ "name": "Other" })].iter().chain(&bad) {
                for id in [&*id, &sandbox, "key_k00000000", "of no form"] {
                    change(&member, id, body.clone()).await.problem(403, "admin_required");
                }
                for id in ["key_k00000000", "key_s00000000", "of_no_form"] {
                    change(&admin, id, body.clone()).await.problem(404, "key_not_found");
                }
                change(&admin, &sandbox, body.clone()).await.problem(409, "sandbox_key");
                let nobody = world.call("PATCH", &format!("/api/keys/{id}")).json(body.clone());
                nobody.send().await.problem(401, "session_required");
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_tell_a_foreign_key_from_one_that_is_not_there() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let (theirs, _) = other.key("Theirs").await;
    let their_sandbox = sandbox_key(&other).await;
    world
        .changes_nothing(async {
            let body = json!({ "name": "Mine" });
            let made_up = change(&admin, "key_k00000000", body.clone()).await;
            made_up.problem(404, "key_not_found");
            for id in [theirs, their_sandbox] {
                change(&admin, &id, body.clone()).await.is_indistinguishable_from(&made_up);
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_changes_no_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, _) = admin.key("Deploy").await;
    world.suspend(&admin.account).await;
    let reply = world.changes_nothing(change(&admin, &id, json!({ "name": "Other" }))).await;
    reply.problem(403, "account_suspended");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_at_once_each_tells_what_it_changed() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, _) = admin.key("Name 0").await;
    let names: Vec<String> = (1..=4).map(|number| format!("Name {number}")).collect();
    let changes = names.iter().map(|name| change(&admin, &id, json!({ "name": name })));
    let replies = join_all(changes).await;
    // A busy one may give up; then it has changed nothing.
    let made: Vec<&String> = names
        .iter()
        .zip(&replies)
        .filter(|(_, reply)| match reply.status.as_u16() {
            200 => true,
            503 => false,
            other => panic!("{other}: {}", reply.text),
        })
        .map(|(name, _)| name)
        .collect();
    let told = trail(&world).await;
    let last = admin.get("/api/keys").await.ok(200)["keys"][1]["name"].clone();
    // They form a chain from the first name to the one that it has.
    let mut name = "Name 0".to_owned();
    for _ in 0..told.len() {
        let next = told.iter().find(|(_, _, was, _)| *was == name).expect("a link");
        assert_eq!(next.1, next.2, "the label is what it was called then");
        name.clone_from(&next.3);
    }
    assert_eq!((told.len(), json!(name)), (made.len(), last));
    assert!(!made.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_meets_a_deletion_brings_nothing_back() {
    let world = World::new().await;
    let admin = world.admin().await;
    for number in 0..4 {
        let (id, key) = admin.key(&format!("Key {number}")).await;
        let path = format!("/api/keys/{id}");
        let body = json!({ "name": "Other", "expires_at": world.ahead(3600) });
        let (deleted, changed) = tokio::join!(admin.delete(&path), change(&admin, &id, body));
        deleted.ok(204);
        assert!([200, 404].contains(&changed.status.as_u16()), "{}", changed.text);
        assert_eq!(world.product_api(&key).await, 403);
    }
    assert_eq!(admin.get("/api/keys").await.ok(200)["count"], 1);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_changes_a_key_from_the_consoles_page_alone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, _) = admin.key("Deploy").await;
    let patch = |site: &str| {
        world
            .call("PATCH", &format!("/api/keys/{id}"))
            .header("cookie", &format!("__Host-frontdesk={}", admin.token))
            .header("sec-fetch-site", site)
            .json(json!({ "name": "Other" }))
    };
    world.changes_nothing(patch("same-site").send()).await.problem(403, "cross_site");
    patch("same-origin").send().await.ok(200);
    let made_by = admin.get("/api/keys").await.ok(200)["keys"][1]["created_by"].clone();
    assert_eq!(made_by, json!({ "id": admin.id, "email": ADMIN }));
}
