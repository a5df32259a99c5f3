//! `export-activity`, and `infra/account.sh`, by which operators invoke it and everything else.

use crate::list_activity::fill;
use crate::support::{ADMIN, World, refused_invocation, status_and_code};
use serde_json::{Value, json};
use std::process::Output;

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

/// Runs `infra/account.sh` against the desk.
async fn operate(world: &World, words: &[&str]) -> Output {
    let mut command = std::process::Command::new("bash");
    command.arg(desk::workspace_root().join("infra/account.sh"));
    command.args(words).args(["--desk", &world.desk.url()]);
    let ran = tokio::task::spawn_blocking(move || command.output()).await;
    ran.expect("it is run").expect("bash is there")
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn done(world: &World, words: &[&str]) -> Value {
    let output = operate(world, words).await;
    assert!(output.status.success(), "{words:?}: {}", said(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output.stdout)))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_act_of_an_operator_is_a_line() {
    let world = World::new().await;
    let name = r#"Ämt "A\B" & Co"#;
    let register = ["register", name, "boss@example.com", "--keys", "7", "--by", "Ada"];
    let made = done(&world, &register).await;
    assert_eq!(
        (&made["account"]["name"], &made["account"]["key_limit"]),
        (&json!(name), &json!(7))
    );
    let account = made["account"]["id"].as_str().expect("an id").to_owned();
    let person = world.login("boss@example.com").await;
    let (key, _) = person.key("Key").await;
    for (words, is) in [
        (vec!["rename", &account, "New"], json!({ "name": "New" })),
        (vec!["set-limits", &account, "--members", "3"], json!({ "member_limit": 3 })),
        (
            vec!["set-limits", &account, "--per-minute", "600", "--per-month", "1000000"],
            json!({ "limits": { "per_minute": 600, "burst": 600, "per_month": 1_000_000 } }),
        ),
        (
            vec!["set-limits", &account, "--burst", "20", "--per-minute", "60", "--keys", "8"],
            json!({
                "limits": { "per_minute": 60, "burst": 20, "per_month": null }, "key_limit": 8,
            }),
        ),
        (vec!["set-limits", &account, "--no-limits"], json!({ "limits": null, "key_limit": 8 })),
        (vec!["suspend", &account], json!({ "suspended": true })),
        (vec!["resume", &account, "--by", "Ada"], json!({ "suspended": false })),
        (vec!["add-admin", &account, "second@example.com"], json!({ "member_count": 2 })),
        (vec!["end-sessions", &account, "boss@example.com"], json!({ "member_count": 2 })),
        (vec!["end-sessions", &account], json!({ "member_count": 2 })),
        (vec!["revoke-key", &account, &key], json!({ "key_count": 1 })),
        (vec!["remove-admin", &account, "second@example.com"], json!({ "member_count": 1 })),
        (
            vec!["remove-member", &account, "boss@example.com", "--replaced-by", "b@example.com"],
            json!({ "member_count": 1 }),
        ),
    ] {
        let answer = done(&world, &words).await;
        for (field, value) in is.as_object().expect("fields") {
            assert_eq!(&answer["account"][field], value, "{words:?}");
        }
    }
    let described = done(&world, &["describe", &account]).await;
    assert_eq!(described["members"][0]["email"], "b@example.com");
    let resumed = described["events"].as_array().into_iter().flatten();
    let resumed = resumed.clone().find(|event| event["action"] == "account_resumed");
    assert_eq!(resumed.expect("it is told")["actor"]["by"], "Ada");
}

/// Whatever things are called: what looks like the end of an event is none.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_a_line_for_each_event() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.key(r#"},{"action":"x"}],"next":"0"}"#).await;
    // More than an answer holds.
    fill(&world, &admin.account, 4000, 1, &"name ".repeat(250)).await;
    let output = operate(&world, &["export", &admin.account]).await;
    assert!(output.status.success(), "{}", said(&output.stderr));
    let text = said(&output.stdout);
    let events: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
    assert_eq!(events.len(), 4000 + 5);
    assert!(events.iter().all(|event| event["id"].is_string()));
    let labels: Vec<&Value> = events.iter().map(|event| &event["subject"]["label"]).collect();
    assert!(labels.contains(&&json!(r#"},{"action":"x"}],"next":"0"}"#)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_cannot_have_is_said_in_words() {
    let world = World::new().await;
    let account = world.account_of(ADMIN).await;
    for (words, status, text) in [
        (vec![], 2, "infra/account.sh register NAME ADMIN_EMAIL"),
        (vec!["destroy", &account], 2, "There is no act destroy."),
        (vec!["rename", &account], 2, "rename takes the id of an account and its new name."),
        (vec!["suspend", &account, "--force", "x"], 2, "There is no option --force."),
        (vec!["set-limits", &account, "--keys", "many"], 2, "A limit is a number, not many."),
        (vec!["set-limits", &account, "--per-month", "many"], 2, "A limit is a number, not many."),
        (
            vec!["set-limits", &account, "--per-month", "9", "--no-limits"],
            2,
            "Limits of calls are set, or taken away",
        ),
        (vec!["set-limits", &account, "--burst", "9"], 1, "(invalid_limit)"),
        (vec!["rename", &account, "two\nlines"], 2, "no control characters"),
        (
            vec!["describe", &account, "--by", "Ada"],
            2,
            "describe takes no --by: it changes nothing",
        ),
        (vec!["export", "--by", "Ada", &account], 2, "export takes no --by: it changes nothing"),
        (vec!["suspend", "acct_000000000000"], 1, "There is no account with this id."),
        (vec!["describe", "nobody"], 1, "(account_not_found)"),
        (vec!["set-limits", &account], 1, "Name a key limit, a member limit, or limits of calls."),
        (vec!["remove-admin", &account, ADMIN], 1, "Say who takes over: replaced_by."),
        (vec!["register", "X", ADMIN], 1, &format!("belongs to a member of {account}.")),
    ] {
        let output = operate(&world, &words).await;
        let told = said(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {told}");
        assert!(told.contains(text), "{words:?}: {told}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
    let help = operate(&world, &["--help"]).await;
    assert!(help.status.success() && said(&help.stdout).contains("--stack NAME"));
}
