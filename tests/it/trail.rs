//! The audit trail: what a row tells, and how long it is kept.

use crate::support::{ADMIN, World};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::Options;
use functions::FUNCTIONS;
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Row = BTreeMap<String, AttributeValue>;

fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => json!(number.parse::<i64>().expect("a whole number")),
        AttributeValue::Bool(flag) => json!(flag),
        AttributeValue::M(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
        }
        other => panic!("{other:?} is not plain"),
    }
}

/// What a row tells besides its time.
fn told(row: &Row) -> Value {
    let mut told = plain(&AttributeValue::M(row.clone().into_iter().collect()));
    for own in ["pk", "sk", "type", "at", "ttl", "operator"] {
        told.as_object_mut().expect("fields").remove(own);
    }
    told
}

/// The rows that operators' acts left, in their order.
async fn by_operators(world: &World) -> Vec<Row> {
    let mut rows = world.rows_of("audit").await;
    rows.retain(|row| row.contains_key("operator"));
    rows.sort_by_key(|row| row["sk"].as_s().expect("a text").clone());
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_act_tells_what_was_and_what_is() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let (key, _) = admin.key("Backend").await;
    let sandbox = admin.get("/api/sandbox").await.ok(200)["key_id"].clone();
    let new = "new@example.com";
    let acts = [
        (
            json!({ "act": "rename", "name": "New" }),
            json!([{
                "action": "account_changed", "target": admin.account, "label": "Example Company",
                "was": { "name": "Example Company" }, "is": { "name": "New" },
            }]),
        ),
        (
            json!({ "act": "set_limits", "key_limit": 20, "member_limit": 5 }),
            json!([{
                "action": "account_changed", "target": admin.account, "label": "New",
                "was": { "key_limit": 10 }, "is": { "key_limit": 20 },
            }]),
        ),
        (
            json!({ "act": "suspend" }),
            json!([{
                "action": "account_suspended", "target": admin.account, "label": "New",
                "was": { "suspended": false }, "is": { "suspended": true },
            }]),
        ),
        (
            json!({ "act": "resume" }),
            json!([{
                "action": "account_resumed", "target": admin.account, "label": "New",
                "was": { "suspended": true }, "is": { "suspended": false },
            }]),
        ),
        (
            json!({ "act": "add_admin", "email": "member@example.com" }),
            json!([{
                "action": "role_changed", "target": member.id, "label": "member@example.com",
                "was": { "role": "member" }, "is": { "role": "admin" },
            }]),
        ),
        (
            json!({ "act": "end_sessions", "email": ADMIN }),
            json!([{
                "action": "session_ended", "target": admin.id, "label": ADMIN,
                "was": { "sessions": 1 }, "is": { "sessions": 0 },
            }]),
        ),
        (
            json!({ "act": "revoke_key", "key_id": key }),
            json!([{
                "action": "key_deleted", "target": key, "label": "Backend",
                "was": { "name": "Backend" },
            }]),
        ),
        (
            json!({ "act": "revoke_key", "key_id": sandbox }),
            json!([{
                "action": "key_deleted", "target": sandbox, "label": "Sandbox",
                "was": { "name": "Sandbox" },
            }]),
        ),
        (
            json!({ "act": "remove_member", "email": "member@example.com" }),
            json!([{
                "action": "member_revoked", "target": member.id, "label": "member@example.com",
                "was": { "role": "admin", "status": "active" },
            }]),
        ),
        (
            json!({ "act": "remove_member", "email": ADMIN, "replaced_by": new }),
            json!([
                { "action": "member_invited", "label": new, "is": { "role": "admin" } },
                {
                    "action": "member_revoked", "target": admin.id, "label": ADMIN,
                    "was": { "role": "admin", "status": "active" },
                },
            ]),
        ),
    ];
    let mut known = by_operators(&world).await.len();
    for (act, expected) in acts {
        // Rows are sorted by their times.
        world.advance(1);
        let mut named = act.clone();
        named["by"] = json!("Ada");
        world.change(&admin.account, named).await;
        let mut rows: Vec<Value> = by_operators(&world).await[known..].iter().map(told).collect();
        known += rows.len();
        rows.sort_by_key(|row| row["action"].as_str().expect("an action").to_owned());
        for (row, expected) in rows.iter_mut().zip(expected.as_array().expect("a list")) {
            assert_eq!(row["by"], "Ada");
            let row = row.as_object_mut().expect("fields");
            row.remove("by");
            if !expected.as_object().expect("fields").contains_key("target") {
                row.remove("target");
            }
        }
        assert_eq!(json!(rows), expected, "{act}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_tells_whose_it_is_with_what_and_whose_invitation_gave_way() {
    let world = World::new().await;
    let admin = world.admin().await;
    let invited =
        admin.post("/api/team", json!({ "email": "boss@example.net" })).await.ok(201).clone();
    world.advance(1);
    let asked = json!({ "name": "Second", "admin_email": "boss@example.net", "key_limit": 7 });
    let made = world.register(asked).await;
    let rows: BTreeMap<String, Value> = by_operators(&world)
        .await
        .iter()
        .map(|row| (row["pk"].as_s().expect("a text").clone(), told(row)))
        .collect();
    let of = |account: &Value| rows[&format!("AUDIT#{}", account.as_str().expect("an id"))].clone();
    let created = json!({
        "action": "account_created", "target": made["account"]["id"], "label": "Second",
        "is": {
            "admin": "boss@example.net", "name": "Second", "key_limit": 7, "member_limit": 10,
        },
    });
    assert_eq!(of(&made["account"]["id"]), created);
    let ended = json!({
        "action": "invitation_ended", "target": invited["member"]["id"],
        "label": "boss@example.net", "was": { "role": "member" },
    });
    assert_eq!(of(&json!(admin.account)), ended);
}

/// The write's own condition is that what was is still so.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_acts_at_once_each_tells_what_it_changed() {
    let world = World::new().await;
    let admin = world.admin().await;
    let changed = join_all((0..6).map(async |number| {
        let name = format!("Name {number}");
        let act = json!({ "account_id": admin.account, "act": "rename", "name": name });
        world.desk.invoke("change-account", &act).await.is_ok()
    }));
    let changed = changed.await.into_iter().filter(|changed| *changed).count();
    let renamed: BTreeMap<String, String> = by_operators(&world)
        .await
        .iter()
        .map(told)
        .filter(|row| row["action"] == "account_changed")
        .map(|row| {
            let name = |side: &str| row[side]["name"].as_str().expect("a name").to_owned();
            (name("was"), name("is"))
        })
        .collect();
    assert_eq!(renamed.len(), changed, "no two of them changed the same name");
    let mut name = "Example Company";
    for _ in 0..changed {
        name = &renamed[name];
    }
    assert_eq!(admin.get("/api/session").await.ok(200)["account"]["name"], name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_kept_for_as_many_days_as_the_deployment_says() {
    for (days, kept) in [(None, Some(400)), (Some("30"), Some(30)), (Some("0"), None)] {
        let set = |days: &str| ("AuditRetentionDays".to_owned(), days.to_owned());
        let parameters = days.map(set).into_iter().collect();
        let world = World::with_options(Options { parameters, ..Options::default() }).await;
        let admin = world.admin().await;
        admin.key("Key").await;
        for row in world.rows_of("audit").await {
            let number = |name: &str| row.get(name).map(|value| value.as_n().unwrap().parse());
            let at: i64 = number("at").expect("a time").expect("milliseconds");
            let ttl = number("ttl").transpose().expect("seconds");
            assert_eq!(ttl, kept.map(|days| at / 1000 + days * 86_400), "{days:?}: {row:?}");
        }
        // Each of them is told, not some by a default of the code.
        for function in FUNCTIONS {
            let own = world.desk.environment(function.name);
            let told = own.get("AUDIT_RETENTION_DAYS").map(String::as_str);
            let wanted = crate::permissions::AUDITED.contains(&function.name);
            assert_eq!(told, wanted.then_some(days.unwrap_or("400")), "{}", function.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_tells_whom_it_was_for_even_when_the_member_is_gone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let invited = admin.post("/api/team", json!({ "email": "new@example.com" })).await;
    let id = invited.ok(201)["member"]["id"].as_str().expect("an id").to_owned();
    admin.delete(&format!("/api/team/{id}")).await.ok(204);
    let rows = world.rows_of("audit").await;
    let text = |row: &Row, name: &str| row.get(name).and_then(|value| value.as_s().ok()).cloned();
    let row = rows.iter().find(|row| text(row, "action").as_deref() == Some("member_invited"));
    let row = row.expect("it is in the trail");
    assert_eq!(text(row, "target"), Some(id));
    assert_eq!(text(row, "label").as_deref(), Some("new@example.com"));
}

/// The address of whoever acts is kept as long as what they did, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_the_trail_is_put_there_anew_by_each_login_and_goes_after_what_it_explains() {
    let world = World::new().await;
    world.admin().await;
    let until = async || -> i64 {
        let row = world.rows_of("audit_member").await.remove(0);
        row["ttl"].as_n().expect("a number").parse().expect("seconds")
    };
    for days in [0, 300, 300] {
        world.advance(days * 86_400);
        world.admin().await;
        // As long as a session and what is done last in it.
        let kept = until().await - world.now().as_second();
        assert!((406 * 86_400..=407 * 86_400).contains(&kept), "{kept}");
    }
    let parameters = [("AuditRetentionDays".to_owned(), "0".to_owned())].into();
    let world = World::with_options(Options { parameters, ..Options::default() }).await;
    world.admin().await;
    assert!(!world.rows_of("audit_member").await.remove(0).contains_key("ttl"), "for ever");
}
