//! The whole way through the product, as people and programs go it.

use crate::support::{ADMIN, World};
use serde_json::{Value, json};

const GRACE: &str = "grace@example.com";

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_logs_in_makes_and_deletes_a_key_and_invites_and_revokes_a_colleague() {
    let world = World::new().await;

    // Login with a mailed code.
    let asked = world
        .call("POST", "/api/login/code")
        .json(json!({ "email": ADMIN, "accept_terms": true }))
        .send()
        .await;
    let challenge = text(&asked.ok(202)["challenge"]);
    world.settle().await;
    let mails: Value = world.call("GET", "/_local/mail").send().await.body;
    assert_eq!((&mails[0]["kind"], &mails[0]["to"]), (&json!("login_code"), &json!(ADMIN)));
    let code = text(&mails[0]["code"]);
    let opened = world
        .call("POST", "/api/login/verify")
        .json(json!({ "challenge": challenge, "code": code, "session": "bearer" }));
    let opened = opened.send().await;
    let bearer = format!("Bearer {}", text(&opened.ok(200)["session_token"]));
    let call = |method: &str, path: &str| world.call(method, path).header("authorization", &bearer);

    // The Sandbox is ready by itself, and its key works.
    world.settle().await;
    let sandbox = call("GET", "/api/sandbox").send().await;
    assert_eq!(
        (&sandbox.ok(200)["state"], &sandbox.body["reason"]),
        (&json!("ready"), &Value::Null)
    );
    let sandbox_key = text(&call("POST", "/api/sandbox/key").send().await.ok(200)["api_key"]);
    assert_eq!(world.product_api(&sandbox_key).await, 200);

    // A key, the API that it opens, and its end.
    let made = call("POST", "/api/keys").json(json!({ "name": "Zapier Integration" })).send().await;
    let key_id = text(&made.ok(201)["key"]["id"]);
    let key = text(&made.body["api_key"]);
    assert_eq!(world.product_api(&key).await, 200);
    let listed = call("GET", "/api/keys").send().await;
    assert_eq!((&listed.ok(200)["count"], &listed.body["available"]), (&json!(2), &json!(8)));
    call("DELETE", &format!("/api/keys/{key_id}")).send().await.ok(204);
    assert_eq!(world.product_api(&key).await, 403);
    assert_eq!(world.product_api(&sandbox_key).await, 200);

    // A colleague comes.
    let invited = call("POST", "/api/team").json(json!({ "email": GRACE })).send().await;
    let colleague_id = text(&invited.ok(201)["member"]["id"]);
    world.settle().await;
    assert_eq!(world.mailed("invitation"), [GRACE]);
    let colleague = world.login(GRACE).await;
    assert_eq!(
        (&colleague.id, colleague.account.as_str()),
        (&colleague_id, opened.body["account"]["id"].as_str().expect("an id"))
    );
    colleague.get("/api/keys").await.ok(200);
    colleague.post("/api/keys", json!({ "name": "Mine" })).await.problem(403, "admin_required");

    // And goes.
    call("DELETE", &format!("/api/team/{colleague_id}")).send().await.ok(204);
    colleague.get("/api/keys").await.problem(401, "session_ended");
    let codes = world.mailed("login_code").len();
    world.request_code(GRACE).await.ok(202);
    world.settle().await;
    assert_eq!(
        world.mailed("login_code").len(),
        codes,
        "no code is mailed to somebody who was revoked"
    );

    call("POST", "/api/logout").send().await.ok(204);
    call("GET", "/api/session").send().await.problem(401, "session_ended");
    assert_eq!(
        world.product_api(&sandbox_key).await,
        200,
        "the product goes on without anybody logged in"
    );
    assert_eq!(world.desk.failures(), [Value::Null; 0]);

    let story = [
        "account_created",
        "session_opened",
        "sandbox_key_created",
        "sandbox_ready",
        "sandbox_key_revealed",
        "key_created",
        "key_deleted",
        "member_invited",
        "session_opened",
        "sandbox_ready",
        "member_revoked",
        "session_ended",
    ];
    assert_eq!(world.audit().await, story);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_browsers_go_the_same_way_with_nothing_but_their_cookies() {
    let world = World::new().await;
    let (mut admin, mut colleague) = (world.browser(), world.browser());
    admin.get("/api/session").await.problem(401, "session_required");
    let opened = admin.log_in(ADMIN).await;
    assert!(opened.body.get("session_token").is_none());

    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
    assert_eq!(admin.send(admin.call("POST", "/api/sandbox/test")).await.ok(200)["state"], "ready");
    let made = admin.post("/api/keys", json!({ "name": "Zapier Integration" })).await;
    let key_id = text(&made.ok(201)["key"]["id"]);
    let key = text(&made.body["api_key"]);
    assert_eq!(world.product_api(&key).await, 200);
    admin.delete(&format!("/api/keys/{key_id}")).await.ok(204);
    assert_eq!(world.product_api(&key).await, 403);

    let invited = admin.post("/api/team", json!({ "email": GRACE })).await;
    let colleague_id = text(&invited.ok(201)["member"]["id"]);
    colleague.log_in(GRACE).await;
    assert_eq!(colleague.get("/api/session").await.ok(200)["member"]["id"], json!(colleague_id));
    colleague.get("/api/team").await.problem(403, "admin_required");
    assert_eq!(admin.get("/api/team").await.ok(200)["count"], 2);

    admin.delete(&format!("/api/team/{colleague_id}")).await.ok(204);
    colleague.get("/api/session").await.problem(401, "session_ended");
    assert_eq!(admin.get("/api/team").await.ok(200)["count"], 1);
    // The browser of somebody who was revoked is still a known browser, and gets no mail for it.
    let codes = world.mailed("login_code").len();
    colleague.request_code(GRACE).await.ok(202);
    world.settle().await;
    assert_eq!(world.mailed("login_code").len(), codes);

    admin.send(admin.call("POST", "/api/logout")).await.ok(204);
    assert!(!admin.cookies.contains_key("__Host-frontdesk"));
    assert!(admin.cookies.contains_key("__Host-frontdesk-device"), "the browser stays known");
    admin.get("/api/session").await.problem(401, "session_required");
    admin.log_in(ADMIN).await;
    admin.get("/api/session").await.ok(200);
}
