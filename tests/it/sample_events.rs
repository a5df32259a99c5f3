//! The sample events for `cargo lambda invoke`: each is taken by its function.

use crate::support::{ADMIN, World};
use functions::Trigger;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The sample events, by the name of their file.
fn samples() -> Vec<(String, Value)> {
    let folder = desk::workspace_root().join("tests/fixtures/events");
    let mut samples = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let event =
            serde_json::from_str(&std::fs::read_to_string(&path).expect("a text")).expect("JSON");
        samples.push((
            path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned(),
            event,
        ));
    }
    samples.sort_by(|a, b| a.0.cmp(&b.0));
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_event_is_taken_by_its_function() {
    let world = World::new().await;
    for (file, event) in samples() {
        let name = file.split('.').next().expect("a name");
        let mut event = event;
        if ["change-account", "describe-account", "export-activity"].contains(&name) {
            // The account of the sample is of a desk that never was.
            event["account_id"] = world.account_of(ADMIN).await.into();
        }
        let answer =
            world.desk.invoke(name, &event).await.unwrap_or_else(|error| panic!("{file}: {error}"));
        match functions::find(name).expect("there is this function").trigger {
            Trigger::Http { .. } => {
                let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default())
                    .unwrap_or_default();
                // The sessions and challenges of the samples are of a desk that never was.
                let expected = match name {
                    "request-code" => (202, None),
                    "verify-code" => (401, Some("code_expired")),
                    // Nor is there such an invitation.
                    "decline-invitation" => (204, None),
                    _ => (401, Some("session_ended")),
                };
                assert_eq!(
                    (answer["statusCode"].as_u64().expect("a status"), body["code"].as_str()),
                    expected,
                    "{file}"
                );
            }
            Trigger::ForwardAuth { .. } => {
                assert_eq!(answer["statusCode"], 403, "{file}: {answer}")
            }
            Trigger::Authorizer if event["version"] == "2.0" => {
                assert_eq!(answer, json!({ "isAuthorized": false }))
            }
            Trigger::Authorizer => {
                let statement = &answer["policyDocument"]["Statement"][0];
                assert_eq!(
                    (&statement["Effect"], &statement["Resource"]),
                    (&json!("Deny"), &event["methodArn"]),
                    "{file}"
                );
            }
            Trigger::Stream => assert_eq!(answer, json!({ "batchItemFailures": [] }), "{file}"),
            Trigger::Topic => assert_eq!(answer, Value::Null, "{file}"),
            Trigger::Operator if name == "export-activity" => {
                assert_eq!(answer["events"][0]["action"], "account_created", "{file}")
            }
            Trigger::Operator => {
                let name = event.get("name").unwrap_or(&json!("Example Company")).clone();
                assert_eq!(answer["account"]["name"], name, "{file}");
            }
            Trigger::Schedule => {
                assert_eq!(answer, json!({ "driven": 0, "given_up": 0 }), "{file}")
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_sample_events_have_the_attributes_of_real_ones() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    admin.act("/api/sandbox/provision").await;
    // By type and, of a mail, its kind.
    let mut real: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for row in world.rows().await.into_values() {
        let text = |name: &str| row.get(name).and_then(|value| value.as_s().ok()).cloned();
        let kind = (text("type").expect("a type"), text("mail").unwrap_or_default());
        real.entry(kind).or_default().extend(row.into_keys());
    }
    for (file, event) in samples() {
        let records = event["Records"].as_array().into_iter().flatten();
        for record in records.filter(|record| record["eventSource"] == "aws:dynamodb") {
            let image = record["dynamodb"]["NewImage"].as_object().expect("a row");
            let text =
                |name: &str| image.get(name).map_or("", |value| value["S"].as_str().unwrap());
            let kind = (text("type").to_owned(), text("mail").to_owned());
            // While it is owed, a duty is in the index; how soon a real one is done is chance.
            let owed = ["duty", "due_at"].map(str::to_owned);
            let sample: BTreeSet<String> = image.keys().cloned().collect();
            let differing: Vec<&String> = sample
                .symmetric_difference(real.get(&kind).unwrap_or_else(|| panic!("{kind:?}")))
                .filter(|name| !owed.contains(name))
                .collect();
            assert!(differing.is_empty(), "{file}, {kind:?}: {differing:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_a_sample_event_may_be_replaced_by_a_real_one() {
    let world = World::new().await;
    let admin = world.admin().await;
    for (file, mut event) in samples() {
        let Some(Trigger::Http { .. }) = functions::find(&file).map(|function| function.trigger)
        else {
            continue;
        };
        // It would end the session for those that follow.
        if event["cookies"].is_null() || ["end-session", "leave-team"].contains(&&*file) {
            continue;
        }
        event["cookies"] = json!([format!("__Host-frontdesk={}", admin.token)]);
        let answer = world
            .desk
            .invoke(&file, &event)
            .await
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let expected = match file.as_str() {
            "create-key" | "invite-member" => 201,
            "retry-sandbox" => 202,
            // Their ids are nobody's here.
            "change-key" | "rotate-key" | "delete-key" | "change-role" | "revoke-member"
            | "resend-invitation" | "revoke-session" => 404,
            _ => 200,
        };
        assert_eq!(answer["statusCode"], expected, "{file}: {answer}");
        world.settle().await;
    }
}
