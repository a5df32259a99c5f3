//! `GET /api/activity`

use crate::logs::Log;
use crate::proxy::{Fault, Proxy, http_event, outcome};
use crate::support::{ADMIN, Person, Reply, World};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use edge::telemetry::Metric;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

fn events(reply: &Reply) -> &Vec<Value> {
    reply.ok(200)["events"].as_array().expect("a list")
}

fn actions(reply: &Reply) -> Vec<&str> {
    events(reply).iter().map(|event| event["action"].as_str().expect("a text")).collect()
}

/// What is told of the newest event with this action.
async fn newest(person: &Person<'_>, action: &str) -> Value {
    let reply = person.get("/api/activity").await;
    let found = events(&reply).iter().find(|event| event["action"] == action);
    found.unwrap_or_else(|| panic!("there is no {action}: {}", reply.text)).clone()
}

/// Puts rows into a trail as they would have been put in the past: one each `apart` milliseconds,
/// the last one now.
pub async fn fill(world: &World, account: &str, rows: u64, apart: u64, label: &str) {
    let (client, table) = world.table();
    let now = u64::try_from(world.now().as_millisecond()).expect("after 1970");
    let row = |number: u64| {
        let at = now - (rows - number) * apart;
        // Ids differ at their beginning.
        let id: String = format!("{number:022}").chars().rev().collect();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item: HashMap<String, AttributeValue> = [
            ("pk", text(&format!("AUDIT#{account}"))),
            ("sk", text(&format!("{at}#{id}"))),
            ("type", text("audit")),
            (
                "action",
                text(if number.is_multiple_of(100) { "key_deleted" } else { "session_opened" }),
            ),
            ("target", text("key_k00000000")),
            ("label", text(label)),
            ("at", AttributeValue::N(at.to_string())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let put = PutRequest::builder().set_item(Some(item)).build().expect("complete");
        WriteRequest::builder().put_request(put).build()
    };
    let all: Vec<WriteRequest> = (0..rows).map(row).collect();
    for some in all.chunks(25) {
        let batch = client.batch_write_item().request_items(&table, some.to_vec());
        batch.send().await.expect("the rows are put");
    }
}

/// Every page from the newest event on, by the cursors alone.
async fn pages(person: &Person<'_>, query: &str) -> Vec<Reply> {
    let mut pages = vec![person.get(&format!("/api/activity?{query}")).await];
    while let Some(next) = pages.last().expect("a page").ok(200)["next"].as_str() {
        pages.push(person.get(&format!("/api/activity?{query}&before={next}")).await);
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_tells_who_did_what_to_what_as_it_was_called_then() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (key, _) = admin.key("First name").await;
    admin.patch(&format!("/api/keys/{key}"), json!({ "name": "Second name" })).await.ok(200);
    world.change(&admin.account, json!({ "act": "rename", "name": "New", "by": "Ada" })).await;
    let me = json!({ "id": admin.id, "email": ADMIN, "you": true });
    let of_key = |label: &str| json!({ "kind": "key", "id": key, "label": label });

    let created = newest(&admin, "key_created").await;
    assert_eq!(created["kind"], "key");
    assert_eq!((&created["actor"], &created["subject"]), (&me, &of_key("First name")));
    let renamed = newest(&admin, "key_renamed").await;
    assert_eq!((&renamed["actor"], &renamed["subject"]), (&me, &of_key("First name")));
    let changed = newest(&admin, "account_changed").await;
    assert_eq!(changed["actor"], json!({ "operator": true, "by": "Ada" }));
    let company = json!({ "kind": "account", "id": admin.account, "label": "Example Company" });
    assert_eq!((&changed["kind"], &changed["subject"]), (&json!("account"), &company));
    let made = newest(&admin, "sandbox_key_created").await;
    assert_eq!((&made["actor"], &made["kind"]), (&Value::Null, &json!("sandbox")));
    let sandbox = admin.get("/api/sandbox").await.ok(200)["key_id"].clone();
    assert_eq!(made["subject"], json!({ "kind": "key", "id": sandbox, "label": "Sandbox" }));
    let registered = newest(&admin, "account_created").await;
    assert_eq!(registered["actor"], json!({ "operator": true, "by": null }));
    assert_eq!(registered["subject"], company);

    let at = created["at"].as_str().expect("a time");
    assert!(at.ends_with('Z') && at.parse::<jiff::Timestamp>().is_ok(), "{at}");
    let fields: BTreeSet<&str> =
        created.as_object().expect("fields").keys().map(String::as_str).collect();
    assert_eq!(fields, ["action", "actor", "at", "id", "kind", "subject"].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_acted_is_told_by_address_also_once_they_are_gone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    member.act("/api/sandbox/key").await.ok(200);
    admin.delete(&format!("/api/team/{}", member.id)).await.ok(204);
    let revealed = newest(&admin, "sandbox_key_revealed").await;
    let gone = json!({ "id": member.id, "email": "member@example.com", "you": false });
    assert_eq!(revealed["actor"], gone);
    let subject = json!({ "kind": "member", "id": member.id, "label": "member@example.com" });
    assert_eq!(newest(&admin, "member_invited").await["subject"], subject);
    assert_eq!(newest(&admin, "member_revoked").await["subject"], subject);

    // Of whoever was invited, nothing but the trail knows any more: who has declined, and whose
    // invitation ended by itself.
    let declined = crate::invitations::invited(&admin, "declines@example.com").await;
    world.settle().await;
    let body = json!({ "invitation": crate::invitations::link(&world, "declines@example.com") });
    world.call("POST", "/api/invitation/decline").json(body).send().await.ok(204);
    let ended = newest(&admin, "invitation_ended").await;
    let actor = json!({ "id": declined, "email": "declines@example.com", "you": false });
    assert_eq!(ended["actor"], actor);
    let subject = json!({ "kind": "member", "id": declined, "label": "declines@example.com" });
    assert_eq!(ended["subject"], subject);
    let invited = crate::invitations::invited(&admin, "late@example.com").await;
    world.advance(8 * 86_400);
    world.desk.invoke("sweep", &json!({})).await.expect("the sweep answers");
    let again = world.admin().await;
    let ended = newest(&again, "invitation_ended").await;
    assert_eq!(ended["actor"], Value::Null);
    assert_eq!(
        ended["subject"],
        json!({ "kind": "member", "id": invited, "label": "late@example.com" })
    );
}

/// Where that row lies can be guessed, so a function that may add to the trail could put another
/// one there.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_the_members_is_told_of_nobody() {
    let world = World::new().await;
    let admin = world.admin().await;
    let row = (format!("AUDIT#{}", admin.account), format!("ADDRESS#{}", admin.id));
    let told = async || newest(&admin, "session_opened").await["actor"]["email"].clone();
    assert_eq!(told().await, ADMIN);
    for other in [AttributeValue::S("other@example.com".to_owned()), AttributeValue::Bool(true)] {
        world.set_attributes(&row.0, &row.1, &[("email", other)]).await;
        assert_eq!(told().await, Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_every_event_once_newest_first() {
    let world = World::new().await;
    let admin = world.admin().await;
    // Many at the same time, too.
    fill(&world, &admin.account, 60, 0, "Key").await;
    let own = 4;
    let pages = pages(&admin, "").await;
    let sizes: Vec<usize> = pages.iter().map(|page| events(page).len()).collect();
    assert_eq!(sizes, [25, 25, 60 + own - 50]);
    let all: Vec<&Value> = pages.iter().flat_map(events).collect();
    let ids: BTreeSet<&str> =
        all.iter().map(|event| event["id"].as_str().expect("an id")).collect();
    assert_eq!(ids.len(), 60 + own);
    assert!(ids.iter().all(|id| id.starts_with("evt_")));
    assert!(all.iter().rev().map(|event| event["at"].as_str().expect("a time")).is_sorted());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_kind_pages_may_be_shorter_and_none_is_left_out() {
    let world = World::new().await;
    let admin = world.admin().await;
    fill(&world, &admin.account, 1200, 1, "Key").await;
    let pages = pages(&admin, "kind=key").await;
    let all: Vec<&Value> = pages.iter().flat_map(events).collect();
    assert_eq!(all.len(), 12);
    assert!(all.iter().all(|event| event["action"] == "key_deleted" && event["kind"] == "key"));
    assert!(pages.iter().any(|page| events(page).len() < 12), "some are shorter");
    for (kind, first) in [
        ("account", "account_created"),
        ("session", "session_opened"),
        ("sandbox", "sandbox_key_created"),
    ] {
        let found = self::pages(&admin, &format!("kind={kind}")).await;
        assert!(found.iter().any(|page| actions(page).contains(&first)), "{kind}");
        assert!(found.iter().flat_map(events).all(|event| event["kind"] == kind), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_good_for_its_own_account_and_nothing_else_is_one() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    fill(&world, &admin.account, 30, 1, "Key").await;
    let next = admin.get("/api/activity").await.ok(200)["next"].clone();
    let next = next.as_str().expect("there is more");
    admin.get(&format!("/api/activity?before={next}")).await.ok(200);
    let shorter = &next[1..];
    let repeated = format!("{next}&before={next}");
    let longer = format!("{next}0");
    let event = newest(&admin, "session_opened").await["id"].as_str().expect("an id").to_owned();
    for wrong in
        ["", "x", "%00", "%FF%FE", "%F0%9F%97%9D", shorter, &longer, &repeated, &event, "null"]
    {
        let path = format!("/api/activity?before={wrong}");
        world.changes_nothing(admin.get(&path)).await.problem(400, "invalid_cursor");
    }
    let foreign = other.get(&format!("/api/activity?before={next}")).await;
    foreign.problem(400, "invalid_cursor");
    foreign.is_indistinguishable_from(&other.get("/api/activity?before=x").await);
    for wrong in ["", "Key", "keys", "%FF", "key&kind=key", "null"] {
        let refused = admin.get(&format!("/api/activity?kind={wrong}")).await;
        refused.problem(400, "invalid_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_are_told_what_happened_and_of_their_own_account_alone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let other = world.other_admin("other@example.com").await;
    for path in ["/api/activity", "/api/activity?before=x", "/api/activity?kind=x"] {
        let refused = world.changes_nothing(member.get(path)).await;
        refused.problem(403, "admin_required");
        let nobody = world.changes_nothing(world.call("GET", path).send()).await;
        nobody.problem(401, "session_required");
    }
    let theirs = other.get("/api/activity").await;
    assert!(!theirs.text.contains(ADMIN) && !theirs.text.contains(&admin.account));
    world.suspend(&admin.account).await;
    admin.get("/api/activity").await.problem(403, "account_suspended");
}

/// What an account is told of a registered address is no event of its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_for_operators_alone_is_not_told() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.other_admin("other@example.com").await;
    let named = admin.post("/api/team", json!({ "email": "other@example.com" })).await;
    named.problem(409, "email_already_registered");
    assert!(world.audit().await.contains(&"address_named".to_owned()));
    let told = admin.get("/api/activity").await;
    assert!(!actions(&told).contains(&"address_named"));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_passed_over_and_counted() {
    let world = World::new().await;
    let log = Log::of(&world);
    let admin = world.admin().await;
    admin.key("Key").await;
    let before = actions(&admin.get("/api/activity").await).len();
    let row = world
        .rows_of("audit")
        .await
        .into_iter()
        .find(|row| row["action"].as_s().is_ok_and(|action| action == "key_created"));
    let row = row.expect("it is in the trail");
    let (pk, sk) = (row["pk"].as_s().expect("a text"), row["sk"].as_s().expect("a text"));
    for (name, damage) in [
        ("at", AttributeValue::S("yesterday".to_owned())),
        ("action", AttributeValue::Bool(true)),
        ("actor", AttributeValue::S("nobody".to_owned())),
        ("label", AttributeValue::N("1".to_owned())),
    ] {
        let seen = log.causes(Metric::EventUnreadable).len();
        world.set_attributes(pk, sk, &[(name, damage)]).await;
        let reply = admin.get("/api/activity").await;
        assert_eq!(events(&reply).len(), before - 1, "{name}");
        assert_eq!(log.causes(Metric::EventUnreadable).len(), seen + 1, "{name}");
        world.set_attributes(pk, sk, &[(name, row[name].clone())]).await;
    }
    assert_eq!(events(&admin.get("/api/activity").await).len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_the_trail_is_kept_is_not_told_even_if_it_is_still_there() {
    let world = World::new().await;
    let admin = world.admin().await;
    let now = world.now().as_second();
    for row in world.rows_of("audit").await {
        let is_first = row["action"].as_s().is_ok_and(|action| action == "account_created");
        let (pk, sk) = (row["pk"].as_s().expect("a text"), row["sk"].as_s().expect("a text"));
        let ttl = AttributeValue::N((now + if is_first { 0 } else { 3600 }).to_string());
        world.set_attributes(pk, sk, &[("ttl", ttl)]).await;
    }
    let told = admin.get("/api/activity").await;
    let told = actions(&told);
    assert!(told.contains(&"session_opened") && !told.contains(&"account_created"), "{told:?}");
}

/// A thousand events a day for ten years are one range of the sort key: a page reads what it has,
/// from the end, or from where the last one ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_the_same_however_long_the_trail_is() {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    let function = proxy.function(&world, "list-activity");
    let units = async |query: Value| {
        let mut event = http_event("list-activity", Some(&admin), None, None);
        event["queryStringParameters"] = query;
        let (answer, recording) = proxy.watch(function.invoke(&event)).await;
        let answer = answer.expect("an answer");
        assert_eq!(outcome(&answer), (200, String::new()));
        (recording.read_units(), crate::proxy::body_of(&answer)["next"].clone())
    };
    const DAY: u64 = 86_400_000;
    // As long as a page looks, and then twenty times as long, over ten years.
    let label = "A key of a usual name";
    let mut seen = Vec::new();
    for (rows, apart) in [(50, DAY), (1000, 3 * DAY)] {
        fill(&world, &admin.account, rows, apart, label).await;
        let (first, next) = units(json!({})).await;
        let (middle, _) = units(json!({ "before": next })).await;
        seen.push((first, middle));
    }
    let most = 8.0;
    assert!(seen.iter().all(|(first, middle)| *first <= most && *middle <= most), "{seen:?}");
    assert!(seen[1].0 <= seen[0].0 + 1.0, "{seen:?}");
    // Of one kind more is looked at, and that is bounded, too.
    let (of_kind, next) = units(json!({ "kind": "account" })).await;
    assert!(next.is_string() && of_kind <= 40.0, "{of_kind}");
}

/// DynamoDB may answer a batch in part; what it was too busy for is asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_the_table_was_too_busy_for_are_asked_for_again() {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    let function = proxy.function(&world, "list-activity");
    let event = http_event("list-activity", Some(&admin), None, None);
    let told = async || crate::proxy::body_of(&function.invoke(&event).await.expect("an answer"));
    let whole = told().await;
    assert!(whole.to_string().contains(ADMIN), "{whole}");
    proxy.fail("BatchGetItem", 2, Fault::Unprocessed);
    assert_eq!(told().await, whole);
}
