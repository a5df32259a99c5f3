//! `DELETE /api/team/me`

use crate::gate::overtaken;
use crate::proxy::http_event;
use crate::support::{ADMIN, Person, Reply, World};
use serde_json::json;

async fn leave(person: &Person<'_>) -> Reply {
    person.delete("/api/team/me").await
}

async fn change(person: &Person<'_>, id: &str, role: &str) -> Reply {
    person.patch(&format!("/api/team/{id}"), json!({ "role": role })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_leaves_is_out_with_that_answer_and_the_address_is_free() {
    let world = World::new().await;
    let admin = world.admin().await;
    let laptop = world.member(&admin, "grace@example.com").await;
    let phone = world.login("grace@example.com").await;
    let (challenge, code) = world.challenge("grace@example.com").await;
    let reply = leave(&laptop).await;
    reply.ok(204);
    assert_eq!(reply.text, "");
    for session in [&laptop, &phone] {
        world.changes_nothing(session.get("/api/session")).await.problem(401, "session_ended");
        world.changes_nothing(leave(session)).await.problem(401, "session_ended");
    }
    world.verify(&challenge, &code).await.problem(401, "code_incorrect");
    let team = admin.get("/api/team").await;
    assert_eq!(team.ok(200)["count"], 1);
    world.check_counters().await;

    let rows = world.rows_of("audit").await;
    let left = rows.iter().find(|row| row["action"].as_s().unwrap() == "member_left");
    let left = left.expect("it is on record");
    let text = |name: &str| left[name].as_s().expect("a text").as_str();
    assert_eq!(
        (text("actor"), text("target"), text("label")),
        (&*laptop.id, &*laptop.id, "grace@example.com")
    );
    assert_eq!(left["was"].as_m().expect("a map")["role"].as_s().unwrap(), "member");
    assert!(!left.contains_key("is"));

    let own = json!({ "name": "Her Own", "admin_email": "grace@example.com" });
    assert_ne!(world.register(own).await["account"]["id"], json!(admin.account));
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_leaves_loses_its_cookie() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "grace@example.com").await;
    let cookie = format!("__Host-frontdesk={}", member.token);
    let reply = world.call("DELETE", "/api/team/me").header("cookie", &cookie).send().await;
    reply.ok(204);
    let [taken] = reply.cookies()[..] else { panic!("{:?}", reply.cookies()) };
    assert!(taken.starts_with("__Host-frontdesk=;") && taken.contains("Max-Age=0"), "{taken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_leaves_while_another_one_who_has_logged_in_stays() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Stays").await;
    world.changes_nothing(leave(&admin)).await.problem(409, "last_admin");
    // Neither a member nor an admin who never came stands in.
    let member = world.member(&admin, "member@example.com").await;
    let invitation = json!({ "email": "second@example.com", "role": "admin" });
    admin.post("/api/team", invitation).await.ok(201);
    world.changes_nothing(leave(&admin)).await.problem(409, "last_admin");
    let second = world.login("second@example.com").await;
    leave(&admin).await.ok(204);
    admin.get("/api/session").await.problem(401, "session_ended");
    assert_eq!(world.product_api(&key).await, 200);
    world.check_counters().await;
    world.changes_nothing(leave(&second)).await.problem(409, "last_admin");
    leave(&member).await.ok(204);
    world.changes_nothing(leave(&second)).await.problem(409, "last_admin");
    world.check_counters().await;
    // Back as a member.
    let back = world.member(&second, ADMIN).await;
    assert_eq!(back.get("/api/session").await.ok(200)["member"]["role"], "member");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_leaves_without_a_live_session_or_with_a_body() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "grace@example.com").await;
    world
        .changes_nothing(async {
            let nobody = world.call("DELETE", "/api/team/me");
            nobody.send().await.problem(401, "session_required");
            let garbage = world.call("DELETE", "/api/team/me");
            let garbage = garbage.header("authorization", "Bearer fds_garbage");
            garbage.send().await.problem(401, "session_ended");
            let with_body = member.call("DELETE", "/api/team/me");
            let with_body = with_body.json(json!({ "email": "grace@example.com" }));
            with_body.send().await.problem(400, "invalid_request");
        })
        .await;
    world.suspend(&admin.account).await;
    world.changes_nothing(leave(&member)).await.problem(403, "account_suspended");
    world.resume(&admin.account).await;
    world.advance(12 * 3600);
    world.changes_nothing(leave(&member)).await.problem(401, "session_expired");
    assert_eq!(world.admin().await.get("/api/team").await.ok(200)["count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_is_ones_own_and_no_id() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "grace@example.com").await;
    world
        .changes_nothing(async {
            change(&admin, "me", "member").await.problem(404, "member_not_found");
            for method in ["GET", "POST", "PUT"] {
                let reply = member.call(method, "/api/team/me").send().await;
                reply.problem(405, "method_not_allowed");
                assert_eq!(reply.header("allow"), Some("PATCH, DELETE"), "{method}");
            }
            member.delete("/api/team/ME").await.problem(403, "admin_required");
            admin.delete("/api/team/ME").await.problem(404, "member_not_found");
        })
        .await;
    leave(&member).await.ok(204);
}

/// What leaving comes to when everything is read and `between` happens before it is written.
async fn left_around(person: &Person<'_>, between: impl Future<Output = ()>) -> (u64, String) {
    let event = http_event("leave-team", Some(person), None, None);
    let outcome = overtaken(person.world, "leave-team", &event, between).await;
    person.world.check_counters().await;
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_somebody_leaves_is_minded() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "grace@example.com").await;
    // Its role: what the trail says is what was.
    let promoted = async { _ = change(&admin, &member.id, "admin").await.ok(200) };
    assert_eq!(left_around(&member, promoted).await, (204, String::new()));
    let rows = world.rows_of("audit").await;
    let left = rows.iter().find(|row| row["action"].as_s().unwrap() == "member_left");
    let was = left.expect("it is on record")["was"].as_m().expect("a map");
    assert_eq!(was["role"].as_s().unwrap(), "admin");
    // That it is not the last admin: the other one steps down.
    let second = world.member(&admin, "second@example.com").await;
    change(&admin, &second.id, "admin").await.ok(200);
    let stepped_down = async { _ = change(&second, &second.id, "member").await.ok(200) };
    assert_eq!(left_around(&admin, stepped_down).await, (409, "last_admin".to_owned()));
    // That it is there.
    let revoked = async { _ = admin.delete(&format!("/api/team/{}", second.id)).await.ok(204) };
    assert_eq!(left_around(&second, revoked).await, (401, "session_ended".to_owned()));
    assert_eq!(admin.get("/api/team").await.ok(200)["count"], 1);
}
