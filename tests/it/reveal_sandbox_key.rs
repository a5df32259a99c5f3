//! `POST /api/sandbox/key`

use crate::support::{Person, World};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

const REVEAL: &str = "/api/sandbox/key";

async fn reveal(person: &Person<'_>) -> String {
    let reply = person.act(REVEAL).await;
    reply.ok(200)["api_key"].as_str().expect("a key").to_owned()
}

fn partition(person: &Person<'_>) -> String {
    format!("SANDBOX#{}", person.account)
}

async fn revelations(world: &World) -> Vec<String> {
    let rows = world
        .rows_of("audit")
        .await
        .into_iter()
        .filter(|row| row["action"].as_s().unwrap() == "sandbox_key_revealed");
    rows.map(|row| row["actor"].as_s().unwrap().clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_revealed_key_opens_the_product_api_and_nothing_else_is_told() {
    let world = World::new().await;
    let admin = world.admin().await;
    let reply = admin.act(REVEAL).await;
    let key = reply.ok(200)["api_key"].as_str().expect("a key").to_owned();
    assert_eq!(reply.body, json!({ "api_key": key }));
    assert_eq!(world.product_api(&key).await, 200);
    let listed = admin.get("/api/keys").await;
    assert!(
        key.starts_with("fd_sandbox_")
            && key.starts_with(listed.ok(200)["keys"][0]["start"].as_str().unwrap())
    );
    assert_eq!(reveal(&admin).await, key, "the same again");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_revelation_is_audited_with_who_asked() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    assert!(revelations(&world).await.is_empty());
    assert_eq!(reveal(&admin).await, reveal(&member).await, "members may, too");
    let mut expected = [admin.id.clone(), member.id.clone()];
    let mut actors = revelations(&world).await;
    expected.sort();
    actors.sort();
    assert_eq!(actors, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_lies_in_no_row_and_no_mail() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = reveal(&admin).await;
    // What makes it secret: all behind the part that is listed.
    let secret = &key[key.len() - 38..];
    let rows = format!("{:?}", world.rows().await);
    assert!(!rows.contains(secret) && !rows.contains(&key));
    assert!(!format!("{:?}", world.desk.inbox().mails()).contains(secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_is_not_ready_reveals_nothing_and_audits_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let now = world.desk.clock().now().as_millisecond();
    for since in [now, now - 61_000] {
        let validating =
            [("state", text("validating")), ("since", AttributeValue::N(since.to_string()))];
        world.set_attributes(&partition(&admin), "SANDBOX", &validating).await;
        world.changes_nothing(admin.act(REVEAL)).await.problem(409, "sandbox_not_ready");
    }
    for reason in [
        "never_provisioned",
        "key_rejected",
        "api_unreachable",
        "api_timeout",
        "api_error",
        "api_rate_limited",
    ] {
        let broken = [("state", text("not_configured")), ("reason", text(reason))];
        world.set_attributes(&partition(&admin), "SANDBOX", &broken).await;
        assert_eq!(admin.get("/api/sandbox").await.ok(200)["reason"], reason);
        world.changes_nothing(admin.act(REVEAL)).await.problem(409, "sandbox_not_ready");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_sandbox_key_is_not_revealed_any_more() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = admin.get("/api/sandbox").await.body["key_id"].as_str().expect("an id").to_owned();
    admin.delete(&format!("/api/keys/{key}")).await.ok(204);
    world.changes_nothing(admin.act(REVEAL)).await.problem(409, "sandbox_not_ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_gets_its_own_key() {
    let world = World::new().await;
    let (admin, other) = (world.admin().await, world.other_admin("other@example.net").await);
    let (mine, theirs) = (reveal(&admin).await, reveal(&other).await);
    assert_ne!(mine, theirs);
    for (person, key) in [(&admin, &mine), (&other, &theirs)] {
        let call = world
            .call("POST", "/heify/get-configurations")
            .header("x-api-key", key)
            .json(json!({}));
        assert_eq!(call.send().await.header("x-account-id"), Some(person.account.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_nothing_is_revealed() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.changes_nothing(world.call("POST", REVEAL).send()).await.problem(401, "session_required");
    admin.act("/api/logout").await.ok(204);
    world.changes_nothing(admin.act(REVEAL)).await.problem(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_gets_no_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.suspend(&admin.account).await;
    world.changes_nothing(admin.act(REVEAL)).await.problem(403, "account_suspended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revelation_takes_no_fields() {
    let world = World::new().await;
    let admin = world.admin().await;
    world
        .changes_nothing(admin.post(REVEAL, json!({ "key_id": "key_s00000000" })))
        .await
        .problem(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_key_that_is_copied_to_another_account_does_not_open_there() {
    let world = World::new().await;
    let (admin, thief) = (world.admin().await, world.other_admin("thief@example.net").await);
    let mine = reveal(&admin).await;
    let before = reveal(&thief).await;
    let stolen = world.row(&partition(&admin), "SANDBOX").await["sandbox_key"].clone();

    // All of it, and the sealed text alone under the id that the thief's row already has.
    let mut own =
        world.row(&partition(&thief), "SANDBOX").await["sandbox_key"].as_m().unwrap().clone();
    own.insert("sealed".to_owned(), stolen.as_m().unwrap()["sealed"].clone());
    for sandbox_key in [stolen, AttributeValue::M(own)] {
        world.set_attributes(&partition(&thief), "SANDBOX", &[("sandbox_key", sandbox_key)]).await;
        thief.act(REVEAL).await.problem(409, "sandbox_not_ready");
        thief.act("/api/sandbox/test").await.problem(409, "sandbox_not_ready");
    }
    assert_eq!(reveal(&admin).await, mine, "the owner's is as it was");

    // The row heals: what does not open is replaced.
    thief.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    let after = reveal(&thief).await;
    assert!(after != before && after != mine);
    assert_eq!(world.product_api(&after).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_key_does_not_open_under_another_version_of_itself() {
    let world = World::new().await;
    let admin = world.admin().await;
    reveal(&admin).await;
    let mut sandbox_key =
        world.row(&partition(&admin), "SANDBOX").await["sandbox_key"].as_m().unwrap().clone();
    sandbox_key.insert("version".to_owned(), AttributeValue::N("2".to_owned()));
    world
        .set_attributes(
            &partition(&admin),
            "SANDBOX",
            &[("sandbox_key", AttributeValue::M(sandbox_key))],
        )
        .await;
    admin.act(REVEAL).await.problem(409, "sandbox_not_ready");
}
