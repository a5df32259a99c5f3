//! How operators make accounts.

use crate::support::{ADMIN, World, refused_invocation, status_and_code};
use futures::future::join_all;
use serde_json::{Value, json};

/// The problem that a registration is refused with; nothing is written.
async fn refused(world: &World, event: Value) -> Value {
    refused_invocation(world, "register-account", &event).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_has_the_deployment_s_limits_and_an_admin_who_can_log_in() {
    let world =
        World::with_parameters(&[("DefaultKeyLimit", "4"), ("DefaultMemberLimit", "7")]).await;
    let made = world
        .register(json!({ "name": "  New Company ", "admin_email": "Boss@Example.NET" }))
        .await;
    let expected = json!({
        "account": {
            "id": made["account"]["id"], "name": "New Company", "key_count": 0, "key_limit": 4,
            "member_count": 1, "member_limit": 7, "suspended": false,
        },
        "admin": {
            "id": made["admin"]["id"], "email": "boss@example.net", "role": "admin",
            "status": "invited",
        },
    });
    assert_eq!(made, expected);
    assert!(
        made["account"]["id"].as_str().unwrap().starts_with("acct_")
            && made["admin"]["id"].as_str().unwrap().starts_with("mem_")
    );
    assert!(world.mailed("invitation").is_empty(), "an operator tells the admin by other means");

    let boss = world.login("boss@example.net").await;
    assert_eq!(
        (&json!(boss.account), &json!(boss.id)),
        (&made["account"]["id"], &made["admin"]["id"])
    );
    let session = boss.get("/api/session").await;
    let account = json!({
        "id": made["account"]["id"], "name": "New Company", "key_count": 1, "key_limit": 4,
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
    let account = &made["account"];
    assert_eq!((&account["key_limit"], &account["member_limit"]), (&json!(2), &json!(1)));
    let small = world.login("small@example.net").await;
    small.key("The only one").await;
    small.post("/api/keys", json!({ "name": "One more" })).await.problem(409, "key_limit_reached");
    small
        .post("/api/team", json!({ "email": "more@example.net" }))
        .await
        .problem(409, "member_limit_reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_registered_is_refused_with_its_account_and_changes_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let waiting = world.register(json!({ "name": "New", "admin_email": "new@example.net" })).await;
    for (address, account) in [
        (ADMIN, &json!(admin.account)),
        ("member@example.com", &json!(member.account)),
        // It has no other admin.
        ("new@example.net", &waiting["account"]["id"]),
    ] {
        let event = json!({ "name": "Typo", "admin_email": address, "key_limit": 90 });
        let problem = refused(&world, event).await;
        assert_eq!(status_and_code(&problem), (409, "email_already_registered"));
        assert!(
            problem["detail"].as_str().unwrap().contains(account.as_str().unwrap()),
            "{problem}"
        );
    }
    assert_eq!(admin.get("/api/session").await.ok(200)["account"]["name"], "Example Company");
    member.get("/api/team").await.problem(403, "admin_required");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_nobody_accepted_gives_way_to_a_registration() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": "boss@example.net" })).await.ok(201);
    world.settle().await;
    let made = world
        .register(json!({ "name": "New", "admin_email": "boss@example.net", "by": "Ada" }))
        .await;
    assert_ne!(made["account"]["id"], json!(admin.account));
    let boss = world.login("boss@example.net").await;
    assert_eq!(json!(boss.account), made["account"]["id"]);
    let session = boss.get("/api/session").await;
    assert_eq!(session.ok(200)["member"]["role"], "admin");

    let team = admin.get("/api/team").await;
    assert_eq!(team.ok(200)["count"], 1);
    let ended = world.rows_of("audit").await.into_iter().find(|row| {
        row["action"].as_s().is_ok_and(|action| action == "invitation_ended")
            && row["pk"].as_s().is_ok_and(|pk| *pk == format!("AUDIT#{}", admin.account))
    });
    assert_eq!(ended.expect("it is in the other account's trail")["by"].as_s().unwrap(), "Ada");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_of_a_suspended_account_gives_way_too() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": "boss@example.net" })).await.ok(201);
    world.suspend(&admin.account).await;
    world.register(json!({ "name": "New", "admin_email": "boss@example.net" })).await;
    world.login("boss@example.net").await;
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_accepts_an_invitation_while_the_address_is_registered_is_in_one_account() {
    let world = World::new().await;
    let admin = world.admin().await;
    for number in 0..4 {
        let email = format!("boss{number}@example.net");
        admin.post("/api/team", json!({ "email": email })).await.ok(201);
        let (challenge, code) = world.challenge(&email).await;
        let event = json!({ "name": "New", "admin_email": email });
        let (login, registered) = tokio::join!(
            world.verify(&challenge, &code),
            world.desk.invoke("register-account", &event)
        );
        world.check_counters().await;
        let stayed = login.status == 200 && login.body["account"]["id"] == json!(admin.account);
        assert_eq!(registered.is_err(), stayed, "{} {registered:?}", login.text);
        world.settle().await;
        if stayed {
            let id = login.body["member"]["id"].as_str().unwrap();
            admin.delete(&format!("/api/team/{id}")).await.ok(204);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_registrations_of_one_address_make_one_account() {
    let world = World::new().await;
    let event = json!({ "name": "Once", "admin_email": "once@example.net" });
    let done = join_all((0..8).map(|_| world.desk.invoke("register-account", &event))).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    assert_eq!(world.rows_of("account").await.len(), 2, "this one and the desk's first");
    world.check_counters().await;
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
        ("by", json!(""), "invalid_request"),
        ("by", json!("two\nlines"), "invalid_request"),
        ("by", json!(7), "invalid_request"),
        ("account_id", json!("acct_000000000000"), "invalid_request"),
        ("suspended", json!(true), "invalid_request"),
        ("limits", json!(5), "invalid_request"),
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
    for (number, (field, most)) in [("key_limit", 90), ("member_limit", 200)].iter().enumerate() {
        let mut event = with(field, json!(most));
        event["admin_email"] = format!("good{number}@example.net").into();
        assert_eq!(world.register(event).await["account"][*field], *most);
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
