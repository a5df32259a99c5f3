//! `export-activity`

use crate::list_activity::fill;
use crate::support::{ADMIN, World, refused_invocation, status_and_code};
use serde_json::{Value, json};

async fn export(world: &World, account: &str, after: &Value) -> Value {
    let mut event = json!({ "account_id": account });
    if after.is_string() {
        event["after"] = after.clone();
    }
    world.desk.invoke("export-activity", &event).await.expect("an answer")
}

fn actions(told: &[Value]) -> Vec<&str> {
    told.iter().map(|event| event["action"].as_str().expect("a text")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_happened_is_exported_oldest_first_with_what_it_changed() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.other_admin("other@example.com").await;
    let named = admin.post("/api/team", json!({ "email": "other@example.com" })).await;
    named.problem(409, "email_already_registered");
    world.change(&admin.account, json!({ "act": "rename", "name": "New", "by": "Ada" })).await;
    let told = export(&world, &admin.account, &Value::Null).await;
    assert_eq!(told["next"], Value::Null);
    let events = told["events"].as_array().expect("a list");
    assert_eq!(
        actions(events),
        [
            "account_created",
            "session_opened",
            "sandbox_key_created",
            "sandbox_ready",
            "address_named",
            "account_changed",
        ]
    );
    let opened = &events[1];
    assert_eq!(opened["actor"], json!({ "id": admin.id, "email": ADMIN }));
    let named = &events[4];
    assert_eq!((&named["kind"], &named["subject"]["kind"]), (&Value::Null, &json!("address")));
    let mut renamed = events[5].clone();
    for own in ["id", "at"] {
        renamed.as_object_mut().expect("fields").remove(own);
    }
    assert_eq!(
        renamed,
        json!({
            "action": "account_changed", "kind": "account",
            "actor": { "operator": true, "by": "Ada" },
            "subject": { "kind": "account", "id": admin.account, "label": "Example Company" },
            "was": { "name": "Example Company" }, "is": { "name": "New" },
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_four_megabytes_at_most_and_the_next_goes_on_behind_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    const ROWS: u64 = 4000;
    fill(&world, &admin.account, ROWS, 1, &"name ".repeat(250)).await;
    let (mut ids, mut sizes, mut after) = (Vec::new(), Vec::new(), Value::Null);
    loop {
        let told = export(&world, &admin.account, &after).await;
        sizes.push(told.to_string().len());
        let events = told["events"].as_array().expect("a list");
        ids.extend(events.iter().map(|event| event["id"].as_str().expect("an id").to_owned()));
        after = told["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert!(sizes.iter().all(|size| *size <= 4_000_000), "{sizes:?}");
    assert!(sizes.len() == 2 && sizes[0] > 3_900_000, "{sizes:?}");
    // All of them once: those that were put there, and the account's own.
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((all as u64, ids.len()), (ROWS + 4, all));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_on_from_its_own_accounts_places_alone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    fill(&world, &admin.account, 30, 1, "Key").await;
    let next = admin.get("/api/activity").await.ok(200)["next"].clone();
    for (account, after) in [(&other.account, next.clone()), (&admin.account, json!(""))] {
        let event = json!({ "account_id": account, "after": after });
        let problem = refused_invocation(&world, "export-activity", &event).await;
        assert_eq!(status_and_code(&problem), (400, "invalid_cursor"));
    }
    let told = export(&world, &admin.account, &next).await;
    assert_eq!(told["events"].as_array().map(Vec::len), Some(25 - 1));
}
