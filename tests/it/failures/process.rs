//! The process of a function, when it dies.

use crate::contention::{audited, good_events};
use crate::failures::Tried;
use crate::proxy::{Proxy, body_of, http_event, outcome};
use crate::support::World;
use crate::sweep::world_with_lost_invitation;
use desk::MailServiceMode;
use serde_json::{Value, json};

/// What a change is told that was made before its process died, and is asked for again; and how
/// often it is made then.
fn told_again(function: &str) -> ((u64, &'static str), usize) {
    match function {
        // Each of them is another one: who wants the same sends an `Idempotency-Key`.
        "create-key" | "rotate-key" => ((201, ""), 2),
        "reveal-sandbox-key" | "test-sandbox" => ((200, ""), 2),
        "retry-sandbox" | "resend-invitation" => ((202, ""), 2),
        // It is so already.
        "change-key" | "change-role" => ((200, ""), 1),
        "decline-invitation" => ((204, ""), 1),
        "delete-key" => ((404, "key_not_found"), 1),
        "revoke-member" => ((404, "member_not_found"), 1),
        "revoke-session" => ((404, "session_not_found"), 1),
        "invite-member" => ((409, "email_already_registered"), 1),
        "end-session" | "leave-team" => ((401, "session_ended"), 1),
        // The session is nobody's, for its token is gone; whoever wants in asks for another code.
        "verify-code" => ((401, "code_expired"), 1),
        other => panic!("what becomes of {other}?"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dies_after_the_write_and_whoever_asks_again_is_told_what_is_so() {
    let _tried = Tried;
    let world = World::new().await;
    let admin = world.admin().await;
    for good in good_events(&world, &admin).await {
        let Some(action) = good.audited else { continue };
        let name = good.function;
        let before = audited(&world, action).await;
        let proxy = Proxy::new(&world).await;
        let function = proxy.function(&world, name);
        let died = proxy.dies_at("TransactWriteItems", 0, function.invoke(&good.event)).await;
        assert!(died.is_none(), "{name}");
        world.settle().await;
        assert_eq!(audited(&world, action).await, before + 1, "{name}");
        let answer = function.invoke(&good.event).await.expect("an answer");
        world.settle().await;
        let ((status, code), times) = told_again(name);
        assert_eq!(outcome(&answer), (status, code.to_owned()), "{name}: {answer}");
        assert_eq!(audited(&world, action).await, before + times, "{name}");
    }
    world.check_counters().await;
    world.admin().await.get("/api/session").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn dies_after_the_write_and_the_same_idempotency_key_has_the_same_answer() {
    let _tried = Tried;
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, _) = admin.key("Old").await;
    let mut create = http_event("create-key", Some(&admin), None, Some(json!({ "name": "New" })));
    create["headers"]["idempotency-key"] = "the-first-of-two".into();
    let mut rotate = http_event("rotate-key", Some(&admin), Some(&id), None);
    rotate["headers"]["idempotency-key"] = "the-second-of-two".into();
    for (name, event, action) in
        [("create-key", create, "key_created"), ("rotate-key", rotate, "key_rotated")]
    {
        let before = audited(&world, action).await;
        let proxy = Proxy::new(&world).await;
        let function = proxy.function(&world, name);
        let died = proxy.dies_at("TransactWriteItems", 0, function.invoke(&event)).await;
        assert!(died.is_none(), "{name}");
        assert_eq!(audited(&world, action).await, before + 1, "{name}");
        let mut values = Vec::new();
        for _ in 0..2 {
            let answer = function.invoke(&event).await.expect("an answer");
            assert_eq!(outcome(&answer), (201, String::new()), "{name}: {answer}");
            values.push(body_of(&answer)["api_key"].as_str().expect("a key").to_owned());
        }
        assert_eq!(values[0], values[1], "{name}");
        assert_eq!(world.product_api(&values[0]).await, 200, "{name}");
        assert_eq!(audited(&world, action).await, before + 1, "{name}");
    }
    assert_eq!(admin.get("/api/keys").await.body["count"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn dies_after_the_write_and_an_operator_who_asks_again_is_told_what_is_so() {
    let _tried = Tried;
    let world = World::new().await;
    let proxy = Proxy::new(&world).await;
    let register = proxy.function(&world, "register-account");
    let wanted = json!({ "name": "Other Company", "admin_email": "other@example.com" });
    assert!(proxy.dies_at("TransactWriteItems", 0, register.invoke(&wanted)).await.is_none());
    let told = register.invoke(&wanted).await.expect_err("there is one").to_string();
    let told: Value = serde_json::from_str(&told).expect("a problem document");
    let account = world.account_of("other@example.com").await;
    assert_eq!(told["code"], "email_already_registered");
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(&account)), "{told}");
    assert_eq!(audited(&world, "account_created").await, 2);

    let admin = world.other_admin("third@example.com").await;
    let (_, key) = admin.key("Stopped").await;
    let suspend = json!({ "account_id": admin.account, "act": "suspend" });
    let mut deaths = 0;
    loop {
        let proxy = Proxy::new(&world).await;
        let change = proxy.function(&world, "change-account");
        let ended = proxy.dies_at("*", deaths, change.invoke(&suspend)).await;
        change.invoke(&suspend).await.expect("it is suspended");
        assert_eq!(world.product_api(&key).await, 403, "after {deaths} requests");
        world.resume(&admin.account).await;
        assert_eq!(world.product_api(&key).await, 200, "after {deaths} requests");
        if ended.is_some() {
            break;
        }
        deaths += 1;
    }
    // The account and its keys, each kind by itself; the mark of each; the end.
    assert_eq!(deaths, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn dies_after_any_write_of_a_sweep_and_the_next_one_finds_what_is_left() {
    let _tried = Tried;
    let mut deaths = 0;
    loop {
        let world = world_with_lost_invitation().await;
        world.desk.mail_service().set_mode(MailServiceMode::Up);
        let proxy = Proxy::new(&world).await;
        let sweep = proxy.function(&world, "sweep");
        world.advance(600);
        let ended = proxy.dies_at("UpdateItem", deaths, sweep.invoke(&json!({}))).await;
        for _ in 0..2 {
            sweep.invoke(&json!({})).await.expect("it runs");
            world.settle().await;
        }
        assert_eq!(world.mailed("invitation").len(), 1, "after {deaths} requests");
        if ended.is_some() {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 0, "it writes");
}
