//! What operators do.

use crate::support::{ADMIN, World};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::InvokeError;
use futures::future::join_all;
use serde_json::{Value, json};

/// The problem that a registration is refused with; nothing is written.
async fn refused(world: &World, event: Value) -> Value {
    let done = world.changes_nothing(world.desk.invoke("register-account", &event)).await;
    let Err(InvokeError::Failed { message, .. }) = done else {
        panic!("{event} is refused, not {done:?}")
    };
    serde_json::from_str(&message).expect("the message is a problem document")
}

fn status_and_code(problem: &Value) -> (u64, &str) {
    assert_eq!(problem["type"], "about:blank");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.ends_with('.')));
    (problem["status"].as_u64().expect("a status"), problem["code"].as_str().expect("a code"))
}

async fn suspend(world: &World, suspended: bool) -> Value {
    world
        .register(
            json!({ "name": "Example Company", "admin_email": ADMIN, "suspended": suspended }),
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_has_the_deployment_s_limits_and_an_admin_who_can_log_in() {
    let world =
        World::with_parameters(&[("DefaultKeyLimit", "4"), ("DefaultMemberLimit", "7")]).await;
    let made = world
        .register(json!({ "name": "  New Company ", "admin_email": "Boss@Example.NET" }))
        .await;
    let expected = json!({
        "account_id": made["account_id"], "name": "New Company", "admin_email": "boss@example.net",
        "admin_id": made["admin_id"],
        "key_limit": 4, "member_limit": 7, "suspended": false, "created": true,
    });
    assert_eq!(made, expected);
    assert!(
        made["account_id"].as_str().unwrap().starts_with("acct_")
            && made["admin_id"].as_str().unwrap().starts_with("mem_")
    );
    assert!(world.mailed("invitation").is_empty(), "an operator tells the admin by other means");

    let boss = world.login("boss@example.net").await;
    assert_eq!((&json!(boss.account), &json!(boss.id)), (&made["account_id"], &made["admin_id"]));
    let session = boss.get("/api/session").await;
    let account = json!({
        "id": made["account_id"], "name": "New Company", "key_count": 1, "key_limit": 4,
        "member_count": 1, "member_limit": 7,
    });
    assert_eq!(session.ok(200)["account"], account);
    assert_eq!(session.body["member"]["role"], "admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_are_given_hold() {
    let world = World::new().await;
    let made = world
        .register(json!({
            "name": "Small", "admin_email": "small@example.net", "key_limit": 2, "member_limit": 1,
        }))
        .await;
    assert_eq!((&made["key_limit"], &made["member_limit"]), (&json!(2), &json!(1)));
    let small = world.login("small@example.net").await;
    small.key("The only one").await;
    small.post("/api/keys", json!({ "name": "One more" })).await.problem(409, "key_limit_reached");
    small
        .post("/api/team", json!({ "email": "more@example.net" }))
        .await
        .problem(409, "member_limit_reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_registration_again_changes_nothing_but_the_audit_trail() {
    let world = World::new().await;
    let event = json!({
        "name": "Same", "admin_email": "same@example.net", "key_limit": 3, "member_limit": 4,
    });
    let first = world.register(event.clone()).await;
    let before = world.rows().await;
    let second = world.register(event).await;
    let mut expected = first.clone();
    expected["created"] = false.into();
    assert_eq!(second, expected);
    let mut after = world.rows().await;
    after.retain(|key, row| before.contains_key(key) || row["type"].as_s().unwrap() != "audit");
    let account = (format!("ACCT#{}", first["account_id"].as_str().unwrap()), "ACCOUNT".to_owned());
    // The version only rises, so that whoever decides on an older reading starts anew.
    after
        .get_mut(&account)
        .unwrap()
        .insert("version".to_owned(), before[&account]["version"].clone());
    assert_eq!(after, before);
    assert_eq!(world.audit().await.iter().filter(|action| *action == "account_changed").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_registrations_of_one_address_make_one_account() {
    let world = World::new().await;
    let event = json!({ "name": "Once", "admin_email": "once@example.net" });
    let done = join_all((0..8).map(|_| world.register(event.clone()))).await;
    assert_eq!(done.iter().filter(|done| done["created"] == true).count(), 1);
    assert!(
        done.iter().all(|one| one["account_id"] == done[0]["account_id"]
            && one["admin_id"] == done[0]["admin_id"])
    );
    assert_eq!(world.rows_of("account").await.len(), 2, "this one and the desk's first");
}

#[tokio::test(flavor = "multi_thread")]
async fn name_and_limits_change_by_the_account_s_id_and_by_its_admin_s_address() {
    let world = World::new().await;
    let admin = world.admin().await;
    let by_id = json!({
        "account_id": admin.account, "name": "Renamed", "admin_email": ADMIN, "key_limit": 20,
    });
    let changed = world.register(by_id).await;
    let expected = json!({
        "account_id": admin.account, "name": "Renamed", "admin_email": ADMIN, "admin_id": admin.id,
        "key_limit": 20, "member_limit": 5, "suspended": false, "created": false,
    });
    assert_eq!(changed, expected, "what is not named stays");
    world.register(json!({ "name": "Again", "admin_email": ADMIN, "member_limit": 9 })).await;
    let account = json!({
        "id": admin.account, "name": "Again", "key_count": 1, "key_limit": 20, "member_count": 1,
        "member_limit": 9,
    });
    assert_eq!(
        admin.get("/api/session").await.ok(200)["account"],
        account,
        "and the session goes on"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_admin_can_be_registered_and_works() {
    let world = World::new().await;
    let admin = world.admin().await;
    let made = world.register(json!({
        "account_id": admin.account, "name": "Example Company", "admin_email": "two@example.com",
    })).await;
    assert_eq!((&made["created"], &made["account_id"]), (&json!(false), &json!(admin.account)));
    assert_ne!(made["admin_id"], admin.id);
    let second = world.login("two@example.com").await;
    second.key("By the second admin").await;
    assert_eq!(admin.get("/api/team").await.ok(200)["count"], 2);
    admin.delete(&format!("/api/team/{}", admin.id)).await.ok(204);
    second.get("/api/team").await.ok(200);
    second.delete(&format!("/api/team/{}", second.id)).await.problem(409, "last_admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_registered_as_admin_becomes_one_in_the_same_session() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    member.get("/api/team").await.problem(403, "admin_required");
    let done = world
        .register(json!({ "name": "Example Company", "admin_email": "member@example.com" }))
        .await;
    assert_eq!(
        (&done["account_id"], &done["admin_id"]),
        (&json!(admin.account), &json!(member.id))
    );
    assert_eq!(member.get("/api/team").await.ok(200)["count"], 2);
    // Two admins now: the first may go.
    admin.delete(&format!("/api/team/{}", admin.id)).await.ok(204);
    member.get("/api/session").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_another_account_is_refused() {
    let world = World::new().await;
    let other =
        world.register(json!({ "name": "Other", "admin_email": "other@example.net" })).await;
    let event = json!({ "account_id": other["account_id"], "name": "Other", "admin_email": ADMIN });
    assert_eq!(status_and_code(&refused(&world, event).await), (409, "email_already_registered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_admin_needs_a_place() {
    let world = World::new().await;
    let full = world
        .register(json!({ "name": "Full", "admin_email": "full@example.net", "member_limit": 1 }))
        .await;
    let event = json!({
        "account_id": full["account_id"], "name": "Full", "admin_email": "more@example.net",
    });
    assert_eq!(status_and_code(&refused(&world, event).await), (409, "member_limit_reached"));
    let event = json!({
        "account_id": full["account_id"], "name": "Full", "admin_email": "more@example.net",
        "member_limit": 2,
    });
    assert_eq!(world.register(event).await["member_limit"], 2, "the same call may make it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_there_is_not_cannot_be_changed() {
    let world = World::new().await;
    for id in ["acct_000000000000", "acct_", "nonsense", ""] {
        let event =
            json!({ "account_id": id, "name": "Nobody", "admin_email": "nobody@example.net" });
        assert_eq!(
            status_and_code(&refused(&world, event).await),
            (404, "account_not_found"),
            "{id:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_limits_names_and_addresses_are_refused() {
    let world = World::new().await;
    let with = |field: &str, value: Value| {
        let mut event = json!({ "name": "Good", "admin_email": "good@example.net" });
        event[field] = value;
        event
    };
    let long = "x".repeat(65);
    for (field, value, code) in [
        ("key_limit", json!(0), "invalid_limit"),
        ("key_limit", json!(91), "invalid_limit"),
        ("member_limit", json!(0), "invalid_limit"),
        ("member_limit", json!(201), "invalid_limit"),
        ("name", json!(""), "invalid_name"),
        ("name", json!("   "), "invalid_name"),
        ("name", json!(long), "invalid_name"),
        ("name", json!("two\nlines"), "invalid_name"),
        ("admin_email", json!("nobody"), "invalid_email"),
        ("admin_email", json!("a@b.example\r\nBcc: c@d.example"), "invalid_email"),
        ("admin_email", json!("\u{e4}@example.net"), "invalid_email"),
        ("name", json!(7), "invalid_request"),
        ("name", Value::Null, "invalid_request"),
        ("key_limit", json!(-1), "invalid_request"),
        ("key_limit", json!(2.5), "invalid_request"),
        ("suspended", json!("yes"), "invalid_request"),
        ("role", json!("admin"), "invalid_request"),
    ] {
        let problem = refused(&world, with(field, value.clone())).await;
        assert_eq!(status_and_code(&problem), (400, code), "{field}: {value}");
    }
    for event in [
        json!({}),
        json!({ "name": "No address" }),
        json!({ "admin_email": "good@example.net" }),
        json!([]),
        Value::Null,
    ] {
        assert_eq!(
            status_and_code(&refused(&world, event.clone()).await),
            (400, "invalid_request"),
            "{event}"
        );
    }
    for (field, most) in [("key_limit", 90), ("member_limit", 200)] {
        assert_eq!(world.register(with(field, json!(most))).await[field], most);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_registration_does_not_repeat_the_address() {
    let world = World::new().await;
    let event = json!({ "name": "Good", "admin_email": "someone in particular", "x": 1 });
    assert!(!refused(&world, event).await.to_string().contains("particular"));
    let event = json!({ "name": "Good", "admin_email": "someone in particular" });
    assert!(!refused(&world, event).await.to_string().contains("particular"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_stops_keys_and_sessions_on_the_next_call() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let other = world.other_admin("other@example.net").await;
    let (_, own) = admin.key("Own").await;
    let sandbox =
        admin.act("/api/sandbox/key").await.ok(200)["api_key"].as_str().unwrap().to_owned();
    let (_, theirs) = other.key("Theirs").await;

    let answer = suspend(&world, true).await;
    assert_eq!((&answer["suspended"], &answer["created"]), (&json!(true), &json!(false)));
    for key in [&own, &sandbox] {
        assert_eq!(world.product_api(key).await, 403);
    }
    for person in [&admin, &member] {
        person.get("/api/session").await.problem(401, "session_ended");
        person.get("/api/keys").await.problem(401, "session_ended");
    }
    world
        .changes_nothing(admin.post("/api/keys", json!({ "name": "More" })))
        .await
        .problem(401, "session_ended");
    world
        .changes_nothing(admin.post("/api/team", json!({ "email": "x@example.com" })))
        .await
        .problem(401, "session_ended");
    assert_eq!(world.product_api(&theirs).await, 200);
    other.get("/api/session").await.ok(200);
    assert!(world.audit().await.contains(&"account_suspended".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_marks_every_key_row_and_a_resumption_unmarks_them() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Own").await;
    let marks = async || {
        let rows = world.rows_of("api_key").await;
        rows.iter().map(|row| row["suspended"].clone()).collect::<Vec<_>>()
    };
    suspend(&world, true).await;
    assert_eq!(marks().await, [AttributeValue::Bool(true), AttributeValue::Bool(true)]);
    // Other changes leave it suspended.
    world.register(json!({ "name": "Renamed", "admin_email": ADMIN })).await;
    assert_eq!(world.product_api(&key).await, 403);

    suspend(&world, false).await;
    assert_eq!(marks().await, [AttributeValue::Bool(false), AttributeValue::Bool(false)]);
    assert_eq!(world.product_api(&key).await, 200);
    admin.get("/api/session").await.ok(200);
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
    assert_eq!(
        world
            .audit()
            .await
            .iter()
            .filter(|action| ["account_suspended", "account_resumed"].contains(&action.as_str()))
            .count(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_logs_in_to_a_suspended_account() {
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    suspend(&world, true).await;
    world.verify(&challenge, &code).await.problem(403, "account_suspended");
    assert!(world.rows_of("login_event").await.is_empty());
    let closed = world
        .register(
            json!({ "name": "Closed", "admin_email": "closed@example.net", "suspended": true }),
        )
        .await;
    assert_eq!(
        (&closed["suspended"], &closed["created"]),
        (&json!(true), &json!(true)),
        "an account may begin so"
    );
    suspend(&world, false).await;
    world.admin().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_below_what_is_there_take_nothing_away_and_let_nothing_in() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let (first, key) = admin.key("One").await;
    admin.key("Two").await;
    world
        .register(json!({
            "name": "Example Company", "admin_email": ADMIN, "key_limit": 1, "member_limit": 1,
        }))
        .await;

    let keys = admin.get("/api/keys").await;
    assert_eq!(
        (&keys.ok(200)["count"], &keys.body["limit"], &keys.body["available"]),
        (&json!(3), &json!(1), &json!(0))
    );
    assert_eq!(world.product_api(&key).await, 200);
    member.get("/api/session").await.ok(200);
    let team = admin.get("/api/team").await;
    assert_eq!((&team.ok(200)["count"], &team.body["limit"]), (&json!(2), &json!(1)));
    admin
        .post("/api/team", json!({ "email": "more@example.com" }))
        .await
        .problem(409, "member_limit_reached");
    admin.delete(&format!("/api/keys/{first}")).await.ok(204);
    admin.post("/api/keys", json!({ "name": "Three" })).await.problem(409, "key_limit_reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_as_many_keys_as_there_can_be_is_suspended_whole() {
    let world = World::new().await;
    let admin = world.admin().await;
    world
        .register(json!({ "name": "Example Company", "admin_email": ADMIN, "key_limit": 90 }))
        .await;
    let mut keys = Vec::new();
    for number in 1..=89 {
        keys.push(admin.key(&format!("Key {number}")).await.1);
    }
    assert_eq!(admin.get("/api/keys").await.ok(200)["count"], 90);
    admin.post("/api/keys", json!({ "name": "One more" })).await.problem(409, "key_limit_reached");
    suspend(&world, true).await;
    let rows = world.rows_of("api_key").await;
    assert_eq!(
        rows.iter().filter(|row| row["suspended"] == AttributeValue::Bool(true)).count(),
        90
    );
    for key in [&keys[0], &keys[88]] {
        assert_eq!(world.product_api(key).await, 403);
    }
    suspend(&world, false).await;
    assert_eq!(world.product_api(&keys[44]).await, 200);
}
