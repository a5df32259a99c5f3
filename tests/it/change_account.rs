//! What operators do with an account that is there.

use crate::gate::Gate;
use crate::proxy::{Fault, Proxy};
use crate::support::{ADMIN, World, refused_invocation, status_and_code};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

/// The status and code that an act is refused with, and its detail; nothing is written.
async fn refused(world: &World, account: &str, act: &Value) -> (u64, String, String) {
    let mut event = act.clone();
    event["account_id"] = account.into();
    let problem = refused_invocation(world, "change-account", &event).await;
    let (status, code) = status_and_code(&problem);
    (status, code.to_owned(), problem["detail"].as_str().unwrap().to_owned())
}

async fn marks(world: &World) -> Vec<bool> {
    let rows = world.rows_of("api_key").await;
    rows.iter().map(|row| *row["suspended"].as_bool().expect("yes or no")).collect()
}

async fn times(world: &World, action: &str) -> usize {
    world.audit().await.iter().filter(|known| *known == action).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn name_and_limits_change_and_what_is_not_named_stays() {
    let world = World::new().await;
    let admin = world.admin().await;
    let renamed = world.change(&admin.account, json!({ "act": "rename", "name": " New " })).await;
    let expected = json!({
        "account": {
            "id": admin.account, "name": "New", "key_count": 1, "key_limit": 10,
            "member_count": 1, "member_limit": 5, "suspended": false,
        },
        "changed": true,
    });
    assert_eq!(renamed, expected);
    let limited =
        world.change(&admin.account, json!({ "act": "set_limits", "key_limit": 20 })).await;
    assert_eq!(
        (&limited["account"]["key_limit"], &limited["account"]["member_limit"]),
        (&json!(20), &json!(5))
    );
    let limited =
        world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 9 })).await;
    assert_eq!(
        (&limited["account"]["key_limit"], &limited["account"]["member_limit"]),
        (&json!(20), &json!(9))
    );
    let account = json!({
        "id": admin.account, "name": "New", "key_count": 1, "key_limit": 20, "member_count": 1,
        "member_limit": 9,
    });
    assert_eq!(admin.get("/api/session").await.ok(200)["account"], account);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_that_changes_nothing_is_a_success_that_says_so_and_leaves_no_trace() {
    let world = World::new().await;
    let admin = world.admin().await;
    for act in [
        json!({ "act": "rename", "name": "Example Company" }),
        json!({ "act": "set_limits", "key_limit": 10, "member_limit": 5 }),
        json!({ "act": "add_admin", "email": ADMIN }),
    ] {
        let done = world.changes_nothing(world.change(&admin.account, act.clone())).await;
        assert_eq!(done["changed"], false, "{act}");
    }
    for (act, action) in [("suspend", "account_suspended"), ("resume", "account_resumed")] {
        assert_eq!(world.change(&admin.account, json!({ "act": act })).await["changed"], true);
        let again = world.change(&admin.account, json!({ "act": act })).await;
        assert_eq!(
            (&again["changed"], &again["account"]["suspended"]),
            (&json!(false), &json!(act == "suspend"))
        );
        assert_eq!(times(&world, action).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_acted_is_kept_in_the_trail() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.member(&admin, "member@example.com").await;
    let (key, _) = admin.key("Key").await;
    let acts = [
        (json!({ "act": "rename", "name": "New" }), "account_changed"),
        (json!({ "act": "suspend" }), "account_suspended"),
        (json!({ "act": "resume" }), "account_resumed"),
        (json!({ "act": "add_admin", "email": "member@example.com" }), "role_changed"),
        (json!({ "act": "end_sessions", "email": ADMIN }), "session_ended"),
        (json!({ "act": "revoke_key", "key_id": key }), "key_deleted"),
        (json!({ "act": "remove_member", "email": ADMIN }), "member_revoked"),
    ];
    for (act, action) in acts {
        let mut named = act.clone();
        named["by"] = json!(format!("Ada, {action}"));
        world.change(&admin.account, named).await;
        let rows = world.rows_of("audit").await;
        let row = rows.iter().find(|row| {
            row.get("by").is_some_and(|by| by.as_s().unwrap() == &format!("Ada, {action}"))
        });
        let row = row.unwrap_or_else(|| panic!("{act} is in the trail"));
        assert_eq!(row["action"].as_s().unwrap(), action);
        assert_eq!(row["operator"], AttributeValue::Bool(true));
        assert!(!row.contains_key("actor"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_names_one_account_that_is_there_and_takes_its_own_fields_alone() {
    let world = World::new().await;
    let admin = world.admin().await;
    for account in ["acct_000000000000", "acct_", "nonsense", ""] {
        for act in [
            json!({ "act": "suspend" }),
            json!({ "act": "add_admin", "email": ADMIN }),
            json!({ "act": "remove_member", "email": ADMIN }),
        ] {
            let (status, code, _) = refused(&world, account, &act).await;
            assert_eq!((status, code.as_str()), (404, "account_not_found"), "{account:?} {act}");
        }
    }
    for (act, code) in [
        (json!({}), "invalid_request"),
        (json!({ "act": "delete" }), "invalid_request"),
        (json!({ "act": 7 }), "invalid_request"),
        (json!({ "act": "suspend", "admin_email": ADMIN }), "invalid_request"),
        (json!({ "act": "suspend", "name": "Typo" }), "invalid_request"),
        (json!({ "act": "suspend", "by": " " }), "invalid_request"),
        (json!({ "act": "rename" }), "invalid_request"),
        (json!({ "act": "rename", "name": "" }), "invalid_name"),
        (json!({ "act": "rename", "name": "New", "suspended": true }), "invalid_request"),
        (json!({ "act": "set_limits" }), "invalid_request"),
        (json!({ "act": "set_limits", "limits": 5 }), "invalid_request"),
        (json!({ "act": "set_limits", "key_limit": 0 }), "invalid_limit"),
        (json!({ "act": "set_limits", "key_limit": 91 }), "invalid_limit"),
        (json!({ "act": "set_limits", "member_limit": 201, "key_limit": 5 }), "invalid_limit"),
        (json!({ "act": "set_limits", "key_limit": "5" }), "invalid_request"),
        (json!({ "act": "add_admin", "email": "nobody" }), "invalid_email"),
        (json!({ "act": "remove_member", "email": "nobody" }), "invalid_email"),
        (json!({ "act": "end_sessions", "email": "nobody" }), "invalid_email"),
        (json!({ "act": "revoke_key" }), "invalid_request"),
        (
            json!({ "act": "remove_member", "email": ADMIN, "replaced_by": ADMIN }),
            "invalid_request",
        ),
    ] {
        let (status, known, _) = refused(&world, &admin.account, &act).await;
        assert_eq!((status, known.as_str()), (400, code), "{act}");
    }
    let without = json!({ "act": "suspend" });
    let problem = refused_invocation(&world, "change-account", &without).await;
    assert_eq!(status_and_code(&problem), (400, "invalid_request"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_account_is_refused_with_what_is_there() {
    let world = World::new().await;
    let (admin, other) = (world.admin().await, world.other_admin("other@example.net").await);
    let (key, plain) = other.key("Theirs").await;
    for act in [
        json!({ "act": "remove_member", "email": "other@example.net" }),
        json!({ "act": "end_sessions", "email": "other@example.net" }),
    ] {
        let (status, code, detail) = refused(&world, &admin.account, &act).await;
        assert_eq!((status, code.as_str()), (404, "member_not_found"), "{act}");
        assert!(detail.contains(&other.account), "{detail}");
    }
    for act in [
        json!({ "act": "remove_member", "email": "typo@example.com" }),
        json!({ "act": "end_sessions", "email": "typo@example.com" }),
    ] {
        let (status, code, _) = refused(&world, &admin.account, &act).await;
        assert_eq!((status, code.as_str()), (404, "member_not_found"), "{act}");
    }
    for act in [
        json!({ "act": "add_admin", "email": "other@example.net" }),
        json!({ "act": "remove_member", "email": ADMIN, "replaced_by": "other@example.net" }),
    ] {
        let (status, code, detail) = refused(&world, &admin.account, &act).await;
        assert_eq!((status, code.as_str()), (409, "email_already_registered"), "{act}");
        assert!(detail.contains(&other.account), "{detail}");
    }
    for id in [key.as_str(), "key_k00000000", "nonsense"] {
        let act = json!({ "act": "revoke_key", "key_id": id });
        let (status, code, _) = refused(&world, &admin.account, &act).await;
        assert_eq!((status, code.as_str()), (404, "key_not_found"), "{id}");
    }
    assert_eq!(world.product_api(&plain).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_admin_works_and_needs_a_place() {
    let world = World::new().await;
    let admin = world.admin().await;
    let act = json!({ "act": "add_admin", "email": "two@example.com" });
    let added = world.change(&admin.account, act.clone()).await;
    let expected = json!({
        "id": added["admin"]["id"], "email": "two@example.com", "role": "admin",
        "status": "invited",
    });
    assert_eq!((&added["admin"], &added["changed"]), (&expected, &json!(true)));
    assert_eq!(added["account"]["member_count"], 2);
    assert!(world.mailed("invitation").is_empty(), "an operator tells the admin by other means");
    let second = world.login("two@example.com").await;
    assert_eq!(json!(second.id), added["admin"]["id"]);
    second.key("By the second admin").await;
    admin.delete(&format!("/api/team/{}", admin.id)).await.ok(204);
    second.delete(&format!("/api/team/{}", second.id)).await.problem(409, "last_admin");
    world.check_counters().await;

    world.change(&second.account, json!({ "act": "set_limits", "member_limit": 1 })).await;
    let act = json!({ "act": "add_admin", "email": "three@example.com" });
    let (status, code, _) = refused(&world, &second.account, &act).await;
    assert_eq!((status, code.as_str()), (409, "member_limit_reached"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_added_counts_as_an_admin_from_the_first_login_on() {
    let world = World::new().await;
    let admin = world.admin().await;
    let act = json!({ "act": "add_admin", "email": "two@example.com" });
    world.change(&admin.account, act).await;
    let own = format!("/api/team/{}", admin.id);
    world.changes_nothing(admin.delete(&own)).await.problem(409, "last_admin");
    let act = json!({ "act": "remove_member", "email": ADMIN });
    assert_eq!(refused(&world, &admin.account, &act).await.1, "last_admin");
    world.check_counters().await;
    world.login("two@example.com").await;
    admin.delete(&own).await.ok(204);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_over_from_the_last_admin_counts_from_the_start() {
    let world = World::new().await;
    let admin = world.admin().await;
    let act = json!({ "act": "add_admin", "email": "two@example.com" });
    let two = world.change(&admin.account, act).await["admin"]["id"].clone();
    let act = json!({
        "act": "remove_member", "email": ADMIN, "replaced_by": "two@example.com",
    });
    world.change(&admin.account, act).await;
    world.check_counters().await;
    let row = world.row(&format!("ACCT#{}", admin.account), "ACCOUNT").await;
    let only = AttributeValue::Ss(vec![two.as_str().expect("an id").to_owned()]);
    assert_eq!(row["admins"], only);
    let act = json!({ "act": "remove_member", "email": "two@example.com" });
    assert_eq!(refused(&world, &admin.account, &act).await.1, "last_admin");
    // One who is not the last makes nobody count who has not logged in.
    let two = world.login("two@example.com").await;
    let act = json!({ "act": "add_admin", "email": ADMIN });
    world.change(&two.account, act).await;
    world.login(ADMIN).await;
    let act = json!({
        "act": "remove_member", "email": ADMIN, "replaced_by": "new@example.com",
    });
    world.change(&two.account, act).await;
    world.check_counters().await;
    let row = world.row(&format!("ACCT#{}", two.account), "ACCOUNT").await;
    assert_eq!(row["admins"], only);
    world.login("new@example.com").await;
    two.delete(&format!("/api/team/{}", two.id)).await.ok(204);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_made_an_admin_is_one_in_the_same_session_and_needs_no_place() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    member.get("/api/team").await.problem(403, "admin_required");
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 1 })).await;
    let act = json!({ "act": "add_admin", "email": "member@example.com" });
    let done = world.change(&admin.account, act).await;
    assert_eq!(
        (&done["admin"]["id"], &done["admin"]["role"]),
        (&json!(member.id), &json!("admin"))
    );
    assert_eq!(member.get("/api/team").await.ok(200)["count"], 2);
    admin.delete(&format!("/api/team/{}", admin.id)).await.ok(204);
    member.get("/api/session").await.ok(200);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_removed_is_out_at_once_and_the_address_is_free() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let act = json!({ "act": "remove_member", "email": "member@example.com" });
    let done = world.change(&admin.account, act).await;
    assert_eq!(done["removed"], json!({ "id": member.id, "email": "member@example.com" }));
    assert_eq!(done["account"]["member_count"], 1);
    member.get("/api/session").await.problem(401, "session_ended");
    world.check_counters().await;
    world.other_admin("member@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_goes_only_if_somebody_takes_over() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    // Full, so that there is no moment with one more.
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 2 })).await;
    let act = json!({ "act": "remove_member", "email": ADMIN });
    let (status, code, detail) = refused(&world, &admin.account, &act).await;
    assert_eq!((status, code.as_str()), (409, "last_admin"));
    assert!(detail.contains("replaced_by"), "{detail}");

    let act = json!({
        "act": "remove_member", "email": ADMIN, "replaced_by": "member@example.com",
    });
    let done = world.change(&admin.account, act).await;
    assert_eq!(done["account"]["member_count"], 1);
    admin.get("/api/session").await.problem(401, "session_ended");
    assert_eq!(member.get("/api/team").await.ok(200)["count"], 1);
    world.check_counters().await;

    let act = json!({
        "act": "remove_member", "email": "member@example.com", "replaced_by": "new@example.com",
    });
    let done = world.change(&admin.account, act).await;
    assert_eq!(done["account"]["member_count"], 1);
    world.check_counters().await;
    let new = world.login("new@example.com").await;
    assert_eq!((&new.account, new.get("/api/team").await.status.as_u16()), (&admin.account, 200));
    // Who is an admin already may be named as well.
    let act = json!({ "act": "add_admin", "email": "third@example.com" });
    world.change(&admin.account, act).await;
    let act = json!({
        "act": "remove_member", "email": "third@example.com", "replaced_by": "new@example.com",
    });
    world.change(&admin.account, act).await;
    new.get("/api/team").await.ok(200);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_ended_of_one_member_or_of_all() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let other = world.other_admin("other@example.net").await;
    let again = world.login("member@example.com").await;
    let act = json!({ "act": "end_sessions", "email": "member@example.com" });
    world.change(&admin.account, act).await;
    for person in [&member, &again] {
        person.get("/api/session").await.problem(401, "session_ended");
    }
    admin.get("/api/session").await.ok(200);
    let member = world.login("member@example.com").await;
    world.change(&admin.account, json!({ "act": "end_sessions" })).await;
    for person in [&admin, &member] {
        person.get("/api/session").await.problem(401, "session_ended");
    }
    other.get("/api/session").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_ended_during_a_suspension_does_not_come_back_with_the_account() {
    let world = World::new().await;
    let admin = world.admin().await;
    let thief = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let removed = world.member(&admin, "removed@example.com").await;
    let (stolen, key) = admin.key("Stolen").await;
    let sandbox = admin.get("/api/sandbox").await.body["key_id"].clone();
    world.suspend(&admin.account).await;
    for act in [
        json!({ "act": "end_sessions", "email": ADMIN }),
        json!({ "act": "remove_member", "email": "removed@example.com" }),
        json!({ "act": "revoke_key", "key_id": stolen }),
        json!({ "act": "revoke_key", "key_id": sandbox }),
        json!({ "act": "add_admin", "email": "member@example.com" }),
    ] {
        world.change(&admin.account, act).await;
    }
    world.resume(&admin.account).await;
    for person in [&thief, &admin, &removed] {
        person.get("/api/session").await.problem(401, "session_ended");
    }
    assert_eq!(world.product_api(&key).await, 403);
    assert_eq!(member.get("/api/sandbox").await.ok(200)["reason"], "key_deleted");
    member.get("/api/team").await.ok(200);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_is_refused_on_the_next_call_and_its_place_is_free() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Leaked").await;
    let done = world.change(&admin.account, json!({ "act": "revoke_key", "key_id": id })).await;
    assert_eq!(done["account"]["key_count"], 1);
    assert_eq!(world.product_api(&key).await, 403);
    let sandbox = admin.get("/api/sandbox").await.body["key_id"].clone();
    world.change(&admin.account, json!({ "act": "revoke_key", "key_id": sandbox })).await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["reason"], "key_deleted");
    world.check_counters().await;
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

    let answer = world.suspend(&admin.account).await;
    assert_eq!((&answer["account"]["suspended"], &answer["changed"]), (&json!(true), &json!(true)));
    for key in [&own, &sandbox] {
        assert_eq!(world.product_api(key).await, 403);
    }
    for person in [&admin, &member] {
        person.get("/api/session").await.problem(403, "account_suspended");
        person.get("/api/keys").await.problem(403, "account_suspended");
    }
    world
        .changes_nothing(admin.post("/api/keys", json!({ "name": "More" })))
        .await
        .problem(403, "account_suspended");
    world
        .changes_nothing(admin.post("/api/team", json!({ "email": "x@example.com" })))
        .await
        .problem(403, "account_suspended");
    assert_eq!(world.product_api(&theirs).await, 200);
    other.get("/api/session").await.ok(200);
    assert_eq!(times(&world, "account_suspended").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_marks_every_key_row_and_a_resumption_unmarks_them() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Own").await;
    world.suspend(&admin.account).await;
    assert_eq!(marks(&world).await, [true, true]);
    // Other changes leave it suspended.
    world.change(&admin.account, json!({ "act": "rename", "name": "Renamed" })).await;
    assert_eq!(world.product_api(&key).await, 403);

    world.resume(&admin.account).await;
    assert_eq!(marks(&world).await, [false, false]);
    assert_eq!(world.product_api(&key).await, 200);
    admin.get("/api/session").await.ok(200);
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_suspension_or_resumption_marks_every_key_again() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Own").await;
    let partition = format!("ACCT#{}", admin.account);
    for (suspended, status) in [(true, 403), (false, 200)] {
        world.set_suspended(&admin.account, suspended).await;
        let wrong = [("suspended", AttributeValue::Bool(!suspended))];
        world.set_attributes(&partition, &format!("KEY#{id}"), &wrong).await;
        world.set_suspended(&admin.account, suspended).await;
        assert_eq!(marks(&world).await, [suspended, suspended]);
        assert_eq!(world.product_api(&key).await, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_have_their_mark_are_not_written_again() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.key("Own").await;
    let proxy = Proxy::new(&world).await;
    let change = proxy.function(&world, "change-account");
    for act in ["suspend", "resume"] {
        let event = json!({ "account_id": admin.account, "act": act });
        let mut marked = Vec::new();
        for _ in 0..2 {
            let (done, sent) = proxy.watch(change.invoke(&event)).await;
            done.expect("an answer");
            let items = sent.0.iter().filter_map(|sent| sent.body["TransactItems"].as_array());
            let keys = items.flatten().filter_map(|item| item["Update"]["Key"]["sk"]["S"].as_str());
            marked.push(keys.filter(|key| key.starts_with("KEY#")).count());
        }
        assert_eq!(marked, [2, 0], "{act}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_row_that_cannot_be_read_keeps_no_account_from_being_stopped_or_resumed() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Own").await;
    let partition = format!("ACCT#{}", admin.account);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    world.set_attributes(&partition, "KEY#damaged", &[("name", text(""))]).await;
    world.set_attributes(&partition, "EVENT#damaged", &[("status", text("postponed"))]).await;
    world.set_attributes(&partition, "MEMBER#mem_0", &[("role", text("owner"))]).await;

    world.suspend(&admin.account).await;
    assert_eq!(world.product_api(&key).await, 403);
    let damaged = world.row(&partition, "KEY#damaged").await;
    assert_eq!(damaged["suspended"], AttributeValue::Bool(true), "it is marked like any other");
    assert_eq!(world.resume(&admin.account).await["changed"], true);
    assert_eq!(world.product_api(&key).await, 200);

    world.change(&admin.account, json!({ "act": "end_sessions" })).await;
    admin.get("/api/session").await.problem(401, "session_ended");

    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let row = format!("MEMBER#{}", member.id);
    world.set_attributes(&partition, &row, &[("role", text("owner"))]).await;
    let act = json!({ "act": "remove_member", "email": "member@example.com" });
    world.change(&admin.account, act).await;
    assert!(!world.rows().await.contains_key(&(partition, row)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_that_ends_halfway_lets_nothing_be_made_and_a_second_call_finishes_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Own").await;
    let proxy = Proxy::new(&world).await;
    let change = proxy.function(&world, "change-account");
    let event = json!({ "account_id": admin.account, "act": "suspend" });
    proxy.fail("Query", usize::MAX, Fault::Throttled);
    change.invoke(&event).await.expect_err("the keys cannot be read");
    proxy.heal();
    admin.post("/api/keys", json!({ "name": "More" })).await.problem(403, "account_suspended");
    let done = change.invoke(&event).await.expect("an answer");
    assert_eq!((&done["changed"], &done["account"]["suspended"]), (&json!(false), &json!(true)));
    assert_eq!(world.product_api(&key).await, 403);
    assert_eq!(times(&world, "account_suspended").await, 1);
    let row = world.row(&format!("ACCT#{}", admin.account), "ACCOUNT").await;
    assert!(!row.contains_key("duty") && !row.contains_key("due_at"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_that_ends_halfway_is_finished_by_the_sweep() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Own").await;
    let proxy = Proxy::new(&world).await;
    let change = proxy.function(&world, "change-account");
    proxy.fail("Query", usize::MAX, Fault::Throttled);
    let event = json!({ "account_id": admin.account, "act": "suspend" });
    change.invoke(&event).await.expect_err("the keys cannot be read");
    world.advance(300);
    world.settle().await;
    assert_eq!(world.product_api(&key).await, 403);
    assert_eq!(marks(&world).await, [true, true]);
    // And is no duty any more, nor is one that was resumed instead.
    let swept = world.desk.invoke("sweep", &json!({})).await.expect("the sweep runs");
    assert_eq!(swept, json!({ "driven": 0, "given_up": 0 }));
    world.resume(&admin.account).await;
    change.invoke(&event).await.expect_err("the keys cannot be read");
    world.resume(&admin.account).await;
    world.advance(600);
    world.settle().await;
    assert_eq!(world.product_api(&key).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_logs_in_to_a_suspended_account() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    world.suspend(&admin.account).await;
    let events = world.rows_of("login_event").await.len();
    world.verify(&challenge, &code).await.problem(403, "account_suspended");
    assert_eq!(world.rows_of("login_event").await.len(), events);
    world.resume(&admin.account).await;
    world.verify(&challenge, &code).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_below_what_is_there_take_nothing_away_and_let_nothing_in() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let (first, key) = admin.key("One").await;
    admin.key("Two").await;
    let act = json!({ "act": "set_limits", "key_limit": 1, "member_limit": 1 });
    world.change(&admin.account, act).await;

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
    world.change(&admin.account, json!({ "act": "set_limits", "key_limit": 90 })).await;
    let mut keys = Vec::new();
    for number in 1..=89 {
        keys.push(admin.key(&format!("Key {number}")).await.1);
    }
    assert_eq!(admin.get("/api/keys").await.ok(200)["count"], 90);
    admin.post("/api/keys", json!({ "name": "One more" })).await.problem(409, "key_limit_reached");
    world.suspend(&admin.account).await;
    assert_eq!(marks(&world).await, vec![true; 90]);
    for key in [&keys[0], &keys[88]] {
        assert_eq!(world.product_api(key).await, 403);
    }
    world.resume(&admin.account).await;
    assert_eq!(world.product_api(&keys[44]).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_session_is_known_by_no_browser_either_once_sessions_are_ended() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    member.act("/api/logout").await.ok(204);
    for act in [
        json!({ "act": "end_sessions" }),
        json!({ "act": "end_sessions", "email": "member@example.com" }),
    ] {
        let known = AttributeValue::M([("a".to_owned(), AttributeValue::N("1".to_owned()))].into());
        let row = format!("ADDR#{}", crate::invitations::hash("member@example.com"));
        world.set_attributes(&row, "LOGIN", &[("browsers", known)]).await;
        world.change(&admin.account, act.clone()).await;
        assert_eq!(
            world.row(&row, "LOGIN").await["browsers"],
            AttributeValue::M([].into()),
            "{act}"
        );
    }
    let number = |number: &str| AttributeValue::N(number.to_owned());
    let browsers = |count: &str| AttributeValue::M([("browsers".to_owned(), number(count))].into());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let told: Vec<_> = world
        .rows_of("audit")
        .await
        .into_iter()
        .filter(|row| row.contains_key("operator"))
        .filter(|row| row.get("target") == Some(&text(&member.id)))
        .map(|row| ["action", "label", "was", "is"].map(|name| row.get(name).cloned()))
        .collect();
    let [action, email] = ["session_ended", "member@example.com"].map(text);
    let expected = [action, email, browsers("1"), browsers("0")].map(Some);
    assert_eq!(told, vec![expected; 2]);
    // Where there was nothing to end, nothing is told.
    let act = json!({ "act": "end_sessions" });
    let rows = world.rows_of("audit").await.len();
    world.change(&admin.account, act).await;
    assert_eq!(world.rows_of("audit").await.len(), rows);
    // What is there instead of browsers goes as well.
    let row = format!("ADDR#{}", crate::invitations::hash("member@example.com"));
    world.set_attributes(&row, "LOGIN", &[("browsers", number("1"))]).await;
    let before = times(&world, "session_ended").await;
    world.change(&admin.account, json!({ "act": "end_sessions" })).await;
    assert_eq!(world.row(&row, "LOGIN").await["browsers"], AttributeValue::M([].into()));
    assert_eq!(times(&world, "session_ended").await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_gets_another_name_meanwhile_is_revoked_all_the_same() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Stolen").await;
    let gate = Gate::new(&world).await;
    let function = gate.function(&world, "change-account");
    let act = json!({ "account_id": admin.account, "act": "revoke_key", "key_id": id });
    let path = format!("/api/keys/{id}");
    let renamed = gate.around(admin.patch(&path, json!({ "name": "Nothing to see" })));
    let (revoked, renamed) = tokio::join!(function.invoke(&act), renamed);
    renamed.ok(200);
    assert!(revoked.is_ok(), "{revoked:?}");
    assert_eq!(world.product_api(&key).await, 403);
    world.check_counters().await;
}
