//! Duties that the stream lost, found again on a schedule.

use crate::gate::{Gate, Held};
use crate::invitations::{hash, invited};
use crate::logs::Log;
use crate::proxy::{Behind, Fault, Proxy};
use crate::support::{ADMIN, UNHURRIED, World};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::MailServiceMode;
use edge::Clock;
use edge::telemetry::Metric;
use futures::future::{join, join_all};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

const HOUR: u64 = 3600;

fn status(row: &BTreeMap<String, AttributeValue>) -> &str {
    row["status"].as_s().expect("a text")
}

fn redeliveries(row: &BTreeMap<String, AttributeValue>) -> u32 {
    row["redeliveries"].as_n().expect("a number").parse().expect("a number")
}

async fn sweep(world: &World) -> Value {
    world.desk.invoke("sweep", &json!({})).await.expect("the sweep runs")
}

async fn invitation(world: &World) -> BTreeMap<String, AttributeValue> {
    let mut rows = world.rows_of("mail").await;
    rows.retain(|row| row["mail"].as_s().unwrap() == "invitation");
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

/// How many rows the index holds that a stream may have lost: the ends of invitations, and of
/// requests for codes, are none.
async fn duties(world: &World) -> usize {
    let (client, table) = world.table();
    let page = client.scan().table_name(table).index_name("duties").send().await.expect("a scan");
    let ends = |row: &&HashMap<String, AttributeValue>| {
        ["MEMBER#", "LOGIN"].iter().any(|kind| row["sk"].as_s().expect("a text").starts_with(kind))
    };
    page.items().iter().filter(|row| !ends(row)).count()
}

/// Lets time pass until the stream has given a record up, which is before the first sweep.
async fn until_lost(world: &World) {
    for _ in 0..28 {
        world.advance(10);
        world.settle().await;
        if !world.desk.failures().is_empty() {
            return;
        }
    }
    panic!("the stream gave nothing up");
}

/// An admin has invited somebody while the mail service took no mail, and the stream has given up.
pub async fn world_with_lost_invitation() -> World {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    world.settle().await;
    until_lost(&world).await;
    assert_eq!(
        (status(&invitation(&world).await), redeliveries(&invitation(&world).await)),
        ("pending", 0)
    );
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_invitation_is_found_by_the_schedule_and_mailed_once() {
    let world = world_with_lost_invitation().await;
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    world.settle().await;
    assert!(world.mailed("invitation").is_empty(), "the stream does not try again by itself");
    world.advance(300);
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["new@example.com"]);
    assert_eq!(
        (status(&invitation(&world).await), redeliveries(&invitation(&world).await)),
        ("done", 1)
    );
    assert_eq!(duties(&world).await, 0);
    for _ in 0..3 {
        world.advance(300);
        world.settle().await;
    }
    assert_eq!(world.mailed("invitation").len(), 1);
    let admin = world.admin().await;
    assert_eq!(admin.get("/api/team").await.ok(200)["members"][1]["status"], "invited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_whose_answer_got_lost_is_made_once_and_told_as_made() {
    let world = world_with_lost_invitation().await;
    let proxy = Proxy::new(&world).await;
    proxy.fail("UpdateItem", 1, Fault::AnswerLost);
    let swept = proxy.function(&world, "sweep").invoke(&json!({})).await.expect("the sweep runs");
    assert_eq!(swept, json!({ "driven": 1, "given_up": 0 }));
    assert_eq!(redeliveries(&invitation(&world).await), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_login_event_is_found_by_the_schedule_and_the_sandbox_becomes_ready() {
    let world = World::new().await;
    let keyring = world.secret("SEALING_SECRET_ARN").await;
    world.put_secret("SEALING_SECRET_ARN", "no keyring").await;
    let admin = world.admin().await;
    until_lost(&world).await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["reason"], "never_provisioned");
    assert_eq!(
        world.rows_of("login_event").await.iter().map(status).collect::<Vec<_>>(),
        ["pending"]
    );

    world.put_secret("SEALING_SECRET_ARN", &keyring).await;
    world.advance(300);
    world.settle().await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
    assert_eq!(world.rows_of("login_event").await.iter().map(status).collect::<Vec<_>>(), ["done"]);
    assert_eq!(duties(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn settled_duties_leave_the_index_and_are_not_redelivered() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.member(&admin, "member@example.com").await;
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    assert_eq!(duties(&world).await, 0);
    world.advance(600);
    let swept = world.changes_nothing(sweep(&world)).await;
    assert_eq!(swept, json!({ "driven": 0, "given_up": 0 }));
    for kind in ["login_event", "provision_request", "mail"] {
        for row in world.rows_of(kind).await {
            assert_eq!(
                (
                    status(&row),
                    redeliveries(&row),
                    row.contains_key("duty"),
                    row.contains_key("due_at")
                ),
                ("done", 0, false, false),
                "{kind}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_invitation_is_no_duty_any_more() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Rejecting);
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    world.settle().await;
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    world.advance(600);
    world.settle().await;
    assert_eq!((status(&invitation(&world).await), duties(&world).await), ("failed", 0));
    assert!(world.mailed("invitation").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_has_time_before_it_counts_as_lost_and_again_after_each_redelivery() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    world.settle().await;
    world.advance(60);
    assert_eq!(sweep(&world).await["driven"], 0);
    world.advance(61);
    assert_eq!(sweep(&world).await["driven"], 1);
    assert_eq!(sweep(&world).await["driven"], 0);
    world.advance(60);
    assert_eq!(sweep(&world).await["driven"], 0);
    assert_eq!(
        (redeliveries(&invitation(&world).await), status(&invitation(&world).await)),
        (1, "pending")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_that_has_waited_waits_twice_as_long_for_its_next_redelivery() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    world.settle().await;
    // This sweep or the desk's own finds it.
    world.advance(720);
    sweep(&world).await;
    let row = invitation(&world).await;
    assert_eq!(redeliveries(&row), 1);
    let due: i64 = row["due_at"].as_n().expect("a number").parse().expect("a number");
    let wait = (due - world.now().as_millisecond()) / 1000;
    assert!((1380..=1560).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeps_that_run_at_once_redeliver_a_duty_once() {
    let world = world_with_lost_invitation().await;
    let swept = join_all((0..8).map(|_| sweep(&world))).await;
    assert_eq!(swept.iter().map(|swept| swept["driven"].as_u64().unwrap()).sum::<u64>(), 1);
    assert_eq!(redeliveries(&invitation(&world).await), 1);
    // A try that ends after the clock has moved would wait from then on.
    world.settle().await;
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    world.advance(60);
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["new@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_was_redelivered_in_vain_for_a_day_and_a_half_is_given_up_visibly() {
    let world = world_with_lost_invitation().await;
    let mut runs = 0;
    while status(&invitation(&world).await) == "pending" {
        runs += 1;
        assert!(runs < 20, "it is given up some time");
        // Each wait doubles, up to six hours.
        world.advance(6 * HOUR + 600);
        world.settle().await;
    }
    let row = invitation(&world).await;
    assert_eq!((status(&row), redeliveries(&row), row.contains_key("duty")), ("failed", 9, false));
    assert_eq!(duties(&world).await, 0);

    world.desk.mail_service().set_mode(MailServiceMode::Up);
    let admin = world.admin().await;
    assert_eq!(admin.get("/api/team").await.ok(200)["members"][1]["mail_problem"], "failed");
    world.advance(6 * HOUR);
    world.settle().await;
    assert!(world.mailed("invitation").is_empty());
    // The member was invited all the same.
    world.login("new@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_says_how_many_it_gave_up() {
    let world = world_with_lost_invitation().await;
    let row = invitation(&world).await;
    let [pk, sk] = ["pk", "sk"].map(|name| row[name].as_s().expect("a text").clone());
    let in_vain = ("redeliveries", AttributeValue::N("9".to_owned()));
    overdue(&world, &pk, &sk, &[in_vain]).await;
    assert_eq!(sweep(&world).await, json!({ "driven": 0, "given_up": 1 }));
    assert_eq!(status(&invitation(&world).await), "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_event_that_was_redelivered_in_vain_is_given_up_and_the_next_login_is_not() {
    let world = World::new().await;
    let keyring = world.secret("SEALING_SECRET_ARN").await;
    world.put_secret("SEALING_SECRET_ARN", "no keyring").await;
    world.admin().await;
    until_lost(&world).await;
    let event = async || world.rows_of("login_event").await.remove(0);
    let mut runs = 0;
    while status(&event().await) == "pending" {
        runs += 1;
        assert!(runs < 20, "it is given up some time");
        world.advance(6 * HOUR + 600);
        world.settle().await;
    }
    let row = event().await;
    assert_eq!((status(&row), redeliveries(&row), row.contains_key("duty")), ("failed", 10, false));
    assert_eq!(duties(&world).await, 0);
    assert_eq!(sweep(&world).await, json!({ "driven": 0, "given_up": 0 }));

    world.put_secret("SEALING_SECRET_ARN", &keyring).await;
    let admin = world.login(ADMIN).await;
    world.settle().await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_that_rests_is_kept_for_thirty_days_more() {
    let world = world_with_lost_invitation().await;
    let account = world.rows_of("account").await.remove(0)["id"].as_s().unwrap().clone();
    let kept_for = async || {
        let ttl: i64 = invitation(&world).await["ttl"].as_n().expect("a number").parse().unwrap();
        ttl - world.now().as_second()
    };
    let days = 86_400;
    assert!((29 * days..=30 * days).contains(&kept_for().await), "{}", kept_for().await);
    world.suspend(&account).await;
    world.advance(20 * 86_400);
    world.settle().await;
    assert!((29 * days..=30 * days).contains(&kept_for().await), "{}", kept_for().await);
}

/// Makes a duty that has been due for ever, in the first place where the sweep looks.
async fn overdue(world: &World, pk: &str, sk: &str, attributes: &[(&str, AttributeValue)]) {
    let due = [
        ("duty", AttributeValue::S("duty#0".to_owned())),
        ("due_at", AttributeValue::N("1".to_owned())),
    ];
    world.set_attributes(pk, sk, &[&due, attributes].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_that_cannot_be_read_keeps_no_other_one_from_being_found() {
    let world = world_with_lost_invitation().await;
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    let account = world.rows_of("account").await.remove(0)["id"].as_s().unwrap().clone();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let exhausted = [
        ("type", text("report")),
        ("status", text("pending")),
        ("redeliveries", AttributeValue::N("9".to_owned())),
    ];
    let suspended = [("type", text("account")), ("suspended", AttributeValue::Bool(true))];
    let unreadable = [
        // A kind that this version does not know, a row without its attributes, half a suspension
        // of an account that has no name, and a row that the sweep may not touch.
        (format!("ACCT#{account}"), "EVENT#unknown", &exhausted[..]),
        (format!("ACCT#{account}"), "EVENT#empty", &[]),
        ("ACCT#acct_Qma8x8QKPCI6".to_owned(), "ACCOUNT", &suspended),
        ("REPORT#1".to_owned(), "EVENT#denied", &exhausted),
    ];
    for (pk, sk, attributes) in &unreadable {
        overdue(&world, pk, sk, attributes).await;
    }
    // Due at no whole number of milliseconds.
    let half = [("due_at", AttributeValue::N("1.5".to_owned()))];
    world.set_attributes(&format!("ACCT#{account}"), "EVENT#empty", &half).await;
    assert_eq!(sweep(&world).await, json!({ "driven": 1, "given_up": 0 }));
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["new@example.com"]);
    assert_eq!(duties(&world).await, unreadable.len(), "they stay, for a version that knows them");
}

#[tokio::test(flavor = "multi_thread")]
async fn duties_that_cannot_be_read_let_others_pass_however_many_they_are() {
    let world = world_with_lost_invitation().await;
    let row = invitation(&world).await;
    let (pk, sk) = (row["pk"].as_s().unwrap(), row["sk"].as_s().unwrap());
    let same_place = [("duty", AttributeValue::S("duty#0".to_owned()))];
    world.set_attributes(pk, sk, &same_place).await;
    let names: Vec<String> = (0..101).map(|number| format!("EVENT#empty{number}")).collect();
    join_all(names.iter().map(|name| overdue(&world, pk, name, &[]))).await;
    let mut driven = Vec::new();
    for _ in 0..2 {
        driven.push(sweep(&world).await["driven"].clone());
    }
    assert_eq!(driven, [0, 1], "a sweep takes 100 from each place");
    // They come up again, in case that a version is there that knows them.
    world.advance(HOUR);
    let swept = world.rows().await;
    sweep(&world).await;
    assert_ne!(swept, world.rows().await);
}

/// Keys are made to end with a day, so that many reminders are due at one moment.
#[tokio::test(flavor = "multi_thread")]
async fn reminders_that_are_due_let_others_pass_however_many_they_are() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = json!({ "name": "Ends", "expires_at": world.ahead(30 * 86_400) });
    admin.post("/api/keys", key).await.ok(201);
    let reminder = world.rows_of("key_expiring").await.remove(0);
    // An invitation that nobody can mail yet, overdue in the place with the same number.
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    let row = invitation(&world).await;
    let (pk, sk) = (row["pk"].as_s().unwrap(), row["sk"].as_s().unwrap());
    let (_, place) = reminder["duty"].as_s().unwrap().split_once('#').expect("it has a number");
    let overdue = [("duty", text(&format!("duty#{place}"))), ("due_at", number(2))];
    world.set_attributes(pk, sk, &overdue).await;
    let due = (100..201).map(async |number_of_key| {
        let id = format!("key_k00000{number_of_key}");
        let mut row = reminder.clone();
        row.retain(|name, _| !["pk", "sk"].contains(&name.as_str()));
        row.extend([("key_id".to_owned(), text(&id)), ("due_at".to_owned(), number(1))]);
        let row: Vec<_> = row.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        world.set_attributes(pk, &format!("EXPIRY#{id}"), &row).await;
    });
    join_all(due).await;
    assert_eq!(sweep(&world).await["driven"], 1);
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Sets an attribute of a row, or takes it away.
async fn put(world: &World, (pk, sk): (&str, &str), name: &str, value: Option<AttributeValue>) {
    let Some(value) = value else {
        let (client, table) = world.table();
        let remove = client.update_item().table_name(table).key("pk", text(pk)).key("sk", text(sk));
        let remove = remove.update_expression("REMOVE #name");
        let removed = remove.expression_attribute_names("#name", name).send().await;
        removed.expect("the attribute is gone");
        return;
    };
    world.set_attributes(pk, sk, &[(name, value)]).await;
}

/// The lost invitation's mail is overdue again, in the last place where the sweep looks.
async fn overdue_at_last(world: &World) {
    let row = invitation(world).await;
    let (pk, sk) = (row["pk"].as_s().unwrap(), row["sk"].as_s().unwrap());
    let due = [("duty", text("duty#7")), ("due_at", number(1)), ("redeliveries", number(0))];
    world.set_attributes(pk, sk, &due).await;
}

/// An account, and who was invited into it: that has ended, and is found first.
struct Late {
    partition: String,
    member: String,
    address: String,
}

impl Late {
    /// Beside an invitation whose mail the stream has lost.
    async fn beside_a_lost_invitation() -> (World, Self) {
        let world = World::new().await;
        let other = world.other_admin("other@example.net").await;
        let id = invited(&other, "late@example.net").await;
        world.settle().await;
        let (partition, member) = (format!("ACCT#{}", other.account), format!("MEMBER#{id}"));
        let rows = world.rows().await.into_keys();
        for (pk, sk) in rows.filter(|(pk, sk)| *pk == partition && sk.starts_with("MAIL#")) {
            // Not what these tests count.
            let (client, table) = world.table();
            let gone = client.delete_item().table_name(table);
            gone.key("pk", text(&pk)).key("sk", text(&sk)).send().await.expect("it is gone");
        }
        let admin = world.admin().await;
        world.desk.mail_service().set_mode(MailServiceMode::Throttling);
        admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
        world.settle().await;
        until_lost(&world).await;
        let address = format!("ADDR#{}", hash("late@example.net"));
        let late = Self { partition, member, address };
        (world, late)
    }

    async fn is_overdue(&self, world: &World) {
        let ended = [("invited_until", number(1))];
        overdue(world, &self.partition, &self.member, &ended).await;
    }

    async fn is_set_aside(&self, world: &World) -> bool {
        let row = world.row(&self.partition, &self.member).await;
        let due: i64 = row["due_at"].as_n().expect("a number").parse().expect("a number");
        due > world.now().as_millisecond()
    }
}

#[tokio::test]
async fn an_invitation_whose_end_meets_a_damaged_row_waits_visibly_and_keeps_nothing_waiting() {
    let (world, late) = Late::beside_a_lost_invitation().await;
    let log = Log::of(&world);
    let account = (late.partition.as_str(), "ACCOUNT");
    let damages = [
        (account, "invited", None),
        (account, "invited", Some(text("nobody"))),
        (account, "version", None),
        (account, "version", Some(text("one"))),
        (account, "member_count", None),
        (account, "member_count", Some(text("two"))),
        ((late.address.as_str(), "LOGIN"), "version", Some(text("one"))),
    ];
    for (seen, (row, name, damaged)) in damages.into_iter().enumerate() {
        let whole = world.row(row.0, row.1).await.remove(name);
        late.is_overdue(&world).await;
        overdue_at_last(&world).await;
        put(&world, row, name, damaged.clone()).await;
        let swept = sweep(&world).await;
        assert_eq!(swept, json!({ "driven": 1, "given_up": 0 }), "{name} {damaged:?}");
        assert!(late.is_set_aside(&world).await, "{name} {damaged:?}");
        let causes = log.causes(Metric::DutyUnreadable);
        assert_eq!(causes.len(), seen + 1, "{name} {damaged:?}");
        // The store's own words, too, where it is the store that refuses the row.
        let cause = causes[seen].as_str().expect("a text");
        assert!(!cause.ends_with(": "), "{name} {damaged:?}: {cause:?}");
        put(&world, row, name, whole).await;
    }
    // Whole again, it is found again.
    world.advance(HOUR);
    world.settle().await;
    let rows = world.rows().await;
    assert!(!rows.contains_key(&(late.partition, late.member)), "the member is gone");
}

#[tokio::test]
async fn a_duty_that_its_row_does_not_let_be_done_waits_visibly() {
    let (world, late) = Late::beside_a_lost_invitation().await;
    let log = Log::of(&world);
    let member = (late.partition.as_str(), late.member.as_str());
    let owner = (late.address.as_str(), "OWNER");
    let forms = [
        (member, "invited_until", None),
        (member, "status", Some(text("active"))),
        (owner, "member_id", Some(text("mem_000000000000"))),
        (owner, "member_id", None),
    ];
    for (seen, (row, name, form)) in forms.into_iter().enumerate() {
        late.is_overdue(&world).await;
        overdue_at_last(&world).await;
        let whole = world.row(row.0, row.1).await.remove(name);
        put(&world, row, name, form.clone()).await;
        let swept = sweep(&world).await;
        assert_eq!(swept, json!({ "driven": 1, "given_up": 0 }), "{name} {form:?}");
        assert!(late.is_set_aside(&world).await, "{name} {form:?}");
        assert_eq!(log.causes(Metric::DutyUnreadable).len(), seen + 1, "{name} {form:?}");
        put(&world, row, name, whole).await;
    }
    // A mail that is done is no duty any more. An account whose keys say what it does is done with.
    let done = [("type", text("mail")), ("status", text("done"))];
    let seen = log.causes(Metric::DutyUnreadable).len();
    overdue(&world, &late.partition, "EVENT#done", &done).await;
    overdue(&world, &late.partition, "ACCOUNT", &[]).await;
    sweep(&world).await;
    assert_eq!(log.causes(Metric::DutyUnreadable).len(), seen + 1);
    assert_eq!(world.row(&late.partition, "ACCOUNT").await.get("duty"), None);
    sweep(&world).await;
    assert_eq!(log.causes(Metric::DutyUnreadable).len(), seen + 1, "it waits");
}

#[tokio::test]
async fn ends_of_invitations_that_cannot_be_done_let_others_pass_however_many_they_are() {
    let (world, late) = Late::beside_a_lost_invitation().await;
    let row = invitation(&world).await;
    let (pk, sk) = (row["pk"].as_s().unwrap(), row["sk"].as_s().unwrap());
    world.set_attributes(pk, sk, &[("duty", text("duty#0"))]).await;
    let common = &late.member[..late.member.len() - 3];
    let names: Vec<String> = (100..201).map(|number| format!("{common}{number}")).collect();
    let invited = [("status", text("invited"))];
    join_all(names.iter().map(|name| overdue(&world, &late.partition, name, &invited))).await;
    let mut driven = Vec::new();
    for _ in 0..2 {
        driven.push(sweep(&world).await["driven"].clone());
    }
    assert_eq!(driven, [0, 1], "a sweep takes 100 from each place");
}

#[tokio::test]
async fn what_another_sweep_has_done_meanwhile_is_not_told_as_undone() {
    let (world, late) = Late::beside_a_lost_invitation().await;
    let log = Log::of(&world);
    late.is_overdue(&world).await;
    join_all((0..6).map(|_| sweep(&world))).await;
    assert!(!world.rows().await.contains_key(&(late.partition, late.member)));
    assert_eq!(log.causes(Metric::DutyUnreadable), Vec::<Value>::new());
}

/// An event that this version cannot read, and that is due.
async fn unreadable_event(world: &World) {
    let admin = world.admin().await;
    world.settle().await;
    let kind = [("type", text("report")), ("status", text("pending"))];
    overdue(world, &format!("ACCT#{}", admin.account), "EVENT#unknown", &kind).await;
}

#[tokio::test]
async fn a_duty_that_waits_by_a_write_whose_answer_got_lost_is_told_once() {
    let world = World::new().await;
    unreadable_event(&world).await;
    let log = Log::of(&world);
    let proxy = Proxy::new(&world).await;
    // The first would redeliver it.
    proxy.spare("UpdateItem", 1);
    proxy.fail("UpdateItem", 1, Fault::AnswerLost);
    proxy.function(&world, "sweep").invoke(&json!({})).await.expect("the sweep runs");
    assert_eq!(proxy.struck(), 1);
    assert_eq!(log.causes(Metric::DutyUnreadable).len(), 1);
}

#[tokio::test]
async fn a_duty_that_two_sweeps_have_wait_is_told_by_one() {
    let world = World::new().await;
    unreadable_event(&world).await;
    let log = Log::of(&world);
    let gate = Gate::before(&world, Held::Events).await;
    // Both would have it wait until the same moment.
    let clock = Clock::standing_at(world.now());
    let overtaken = gate.function_at(&world, "sweep", clock.clone());
    let other = Behind::with_clock(&world, "sweep", &[], UNHURRIED, clock);
    let event = json!({});
    let (swept, also) = join(overtaken.invoke(&event), gate.around(other.invoke(&event))).await;
    swept.and(also).expect("both run");
    assert_eq!(log.causes(Metric::DutyUnreadable).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_that_meets_an_outage_fails_the_run_when_the_others_are_done() {
    let (world, late) = Late::beside_a_lost_invitation().await;
    late.is_overdue(&world).await;
    overdue_at_last(&world).await;
    let proxy = Proxy::new(&world).await;
    proxy.fail("TransactWriteItems", usize::MAX, Fault::Throttled);
    let sweep = proxy.function(&world, "sweep");
    sweep.invoke(&json!({})).await.expect_err("the invitation could not be ended");
    assert_eq!(redeliveries(&invitation(&world).await), 1);
    assert!(!late.is_set_aside(&world).await, "the next run looks again");
    proxy.heal();
    sweep.invoke(&json!({})).await.expect("the sweep runs");
    assert!(!world.rows().await.contains_key(&(late.partition, late.member)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_code_is_no_duty() {
    let world = World::new().await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    world.request_code(ADMIN).await.ok(202);
    world.settle().await;
    assert_eq!(duties(&world).await, 0);
    world.advance(600);
    assert_eq!(sweep(&world).await, json!({ "driven": 0, "given_up": 0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_runs_every_five_minutes_of_the_desk_s_clock() {
    let world = world_with_lost_invitation().await;
    // From here on the duty is due whenever anybody looks, so each redelivery is a run of the
    // schedule.
    let always_due = async || {
        let row = invitation(&world).await;
        let long_ago = AttributeValue::N("1".to_owned());
        world
            .set_attributes(
                row["pk"].as_s().unwrap(),
                row["sk"].as_s().unwrap(),
                &[("due_at", long_ago)],
            )
            .await;
    };
    let redeliveries_after = async |seconds: u64| {
        always_due().await;
        world.advance(seconds);
        world.settle().await;
        redeliveries(&invitation(&world).await)
    };
    assert_eq!(redeliveries_after(60).await, 1, "the first run is five minutes after the start");
    for run in 2..=4 {
        assert_eq!(redeliveries_after(240).await, run - 1, "four minutes after the last run");
        assert_eq!(redeliveries_after(60).await, run, "five minutes after it");
    }
    assert_eq!(redeliveries_after(3000).await, 5, "runs that a moved clock skipped are skipped");
}
