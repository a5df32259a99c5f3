//! `describe-account`

use crate::support::{ADMIN, World, refused_invocation, status_and_code};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::MailServiceMode;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_described_with_its_people_keys_sandbox_and_last_events() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (key, plain) = admin.key("Backend").await;
    let invited = crate::invitations::invited(&admin, "late@example.com").await;
    let own = json!({ "account_id": admin.account });
    let described = world
        .changes_nothing(world.desk.invoke("describe-account", &own))
        .await
        .expect("an answer");
    assert_eq!(
        described["account"],
        json!({
            "id": admin.account, "name": "Example Company", "key_count": 2, "key_limit": 10,
            "member_count": 2, "member_limit": 5, "suspended": false,
        })
    );
    let members = &described["members"];
    assert_eq!((&members[0]["id"], &members[1]["id"]), (&json!(admin.id), &json!(invited)));
    assert_eq!((&members[0]["email"], &members[0]["status"]), (&json!(ADMIN), &json!("active")));
    assert_eq!(members[1]["status"], "invited");
    assert!(members[0]["last_login_at"].is_string() && members[1]["invited_until"].is_string());
    // What an admin sees of them, too.
    let team = admin.get("/api/team").await;
    let team = team.ok(200)["members"].as_array().expect("a list");
    assert_eq!(team.len(), 2);
    for (described, listed) in members.as_array().expect("a list").iter().zip(team) {
        let mut listed = listed.as_object().expect("fields").clone();
        listed.remove("you");
        for (name, value) in listed {
            assert_eq!(described.get(&name), Some(&value), "{name} of {described}");
        }
    }
    assert_eq!(members[1]["invited_by"], json!({ "id": admin.id, "email": ADMIN }));
    let keys = &described["keys"];
    assert_eq!(keys[0]["sandbox"], true);
    assert_eq!((&keys[1]["id"], &keys[1]["name"]), (&json!(key), &json!("Backend")));
    assert_eq!(keys[1]["created_by"], admin.id);
    assert_eq!(described["sandbox"]["state"], "ready");
    let last = &described["events"][0];
    assert_eq!(
        (&last["action"], &last["actor"]["email"]),
        (&json!("member_invited"), &json!(ADMIN))
    );
    assert_eq!(described["unreadable"], 0);

    // Nothing secret, sealed or hashed is in it.
    let text = described.to_string();
    let sandbox = world.rows_of("sandbox").await.remove(0);
    let sealed = format!("{:?}", sandbox["sandbox_key"]);
    assert!(sealed.contains("sealed") && !text.contains("sealed") && !text.contains("digest"));
    assert!(!text.contains(&plain) && !text.contains(&admin.token));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_not_reached_is_described_so_and_whoever_invited_may_be_gone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let second = json!({ "email": "second@example.com", "role": "admin" });
    admin.post("/api/team", second).await.ok(201);
    let second = world.login("second@example.com").await;
    world.desk.mail_service().set_mode(MailServiceMode::Bouncing);
    let invited = crate::invitations::invited(&second, "typo@example.com").await;
    world.settle().await;
    admin.delete(&format!("/api/team/{}", second.id)).await.ok(204);
    let own = json!({ "account_id": admin.account });
    let described = world.desk.invoke("describe-account", &own).await.expect("an answer");
    let member = &described["members"][1];
    assert_eq!(
        (&member["id"], &member["mail_problem"], &member["invited_by"]),
        (&json!(invited), &json!("bounced"), &json!({ "id": second.id, "email": null }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_of_a_damaged_account_is_described() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (key, _) = admin.key("Damaged").await;
    let partition = format!("ACCT#{}", admin.account);
    let damage = || AttributeValue::Bool(true);
    world.set_attributes(&partition, &format!("KEY#{key}"), &[("name", damage())]).await;
    world.set_attributes(&partition, "MEMBER#mem_0", &[("role", damage())]).await;
    let sandbox = format!("SANDBOX#{}", admin.account);
    world.set_attributes(&sandbox, "SANDBOX", &[("state", damage())]).await;
    let event = world.rows_of("audit").await.remove(0);
    let text = |name: &str| event[name].as_s().expect("a text").clone();
    world.set_attributes(&text("pk"), &text("sk"), &[("at", damage())]).await;
    let own = json!({ "account_id": admin.account });
    let described = world.desk.invoke("describe-account", &own).await.expect("an answer");
    assert_eq!(described["unreadable"], 4);
    assert_eq!(described["members"].as_array().map(Vec::len), Some(1));
    assert_eq!(described["keys"].as_array().map(Vec::len), Some(1));
    assert_eq!(described["sandbox"], Value::Null);
    assert!(described["events"].as_array().is_some_and(|events| !events.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_there_is_refused_and_so_is_what_is_not_asked_for() {
    let world = World::new().await;
    let account = world.account_of(ADMIN).await;
    for function in ["describe-account", "export-activity"] {
        for (event, code) in [
            (json!({ "account_id": "acct_000000000000" }), (404, "account_not_found")),
            (json!({ "account_id": "" }), (404, "account_not_found")),
            (json!({}), (400, "invalid_request")),
            (json!({ "account_id": account, "by": "Ada" }), (400, "invalid_request")),
            (json!({ "account_id": 1 }), (400, "invalid_request")),
        ] {
            let problem = refused_invocation(&world, function, &event).await;
            assert_eq!(status_and_code(&problem), code, "{function} {event}");
        }
    }
}
