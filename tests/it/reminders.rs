//! Reminders before a key ends: scheduled with its end, mailed to the admins who are active then.

use crate::gate::{Gate, Held};
use crate::logs::Log;
use crate::proxy::{Fault, Proxy};
use crate::support::{ADMIN, Person, World, record_of};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::MailServiceMode;
use edge::telemetry::Metric;
use futures::future::{join, join_all};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

type Row = BTreeMap<String, AttributeValue>;

fn status(row: &Row) -> &str {
    row["status"].as_s().expect("a text")
}

fn number(row: &Row, name: &str) -> i64 {
    row[name].as_n().expect("a number").parse().expect("a number")
}

/// When the reminders of a key are next due, in seconds before its end; none where it has no row.
async fn scheduled(world: &World, key: &str) -> Option<i64> {
    let mut rows = world.rows_of("key_expiring").await;
    rows.retain(|row| row["key_id"].as_s().is_ok_and(|id| id == key));
    assert!(rows.len() <= 1, "one row for a key");
    let row = rows.pop()?;
    assert_eq!((status(&row), number(&row, "due_at")), ("scheduled", number(&row, "remind_at")));
    assert!(row.contains_key("duty"), "the sweep finds it");
    let ends = number(&row, "expires_at");
    assert_eq!(number(&row, "ttl"), ends / 1000 + 30 * DAY);
    Some((ends - number(&row, "due_at")) / 1000)
}

/// Makes a key that ends so many seconds ahead, and gives its id.
async fn key_for(admin: &Person<'_>, seconds: i64) -> String {
    let ends = admin.world.ahead(seconds);
    let made = admin.post("/api/keys", json!({ "name": "Backend", "expires_at": ends })).await;
    made.ok(201)["key"]["id"].as_str().expect("an id").to_owned()
}

async fn change(admin: &Person<'_>, key: &str, change: Value) {
    admin.patch(&format!("/api/keys/{key}"), change).await.ok(200);
}

async fn set_end(admin: &Person<'_>, key: &str, seconds: i64) {
    change(admin, key, json!({ "expires_at": admin.world.ahead(seconds) })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_ends_has_one_row_of_reminders_whatever_becomes_of_its_end() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = key_for(&admin, 30 * DAY).await;
    assert_eq!(scheduled(&world, &key).await, Some(7 * DAY));
    for (ends, next) in [
        (365 * DAY, Some(7 * DAY)),
        // A reminder whose time has passed is none.
        (7 * DAY - 1, Some(DAY)),
        (DAY - 1, None),
        (2 * DAY, Some(DAY)),
    ] {
        set_end(&admin, &key, ends).await;
        assert_eq!(scheduled(&world, &key).await, next, "{ends}");
    }
    change(&admin, &key, json!({ "expires_at": null })).await;
    assert_eq!(scheduled(&world, &key).await, None);
    assert_eq!(world.rows_of("key_expiring").await.len(), 0, "the Sandbox key has none");
    // One that was made to end sooner than any reminder, or never, is like one that was changed.
    key_for(&admin, DAY - 1).await;
    admin.key("Frontend").await;
    assert_eq!(world.rows_of("key_expiring").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_renamed_or_rotated_keeps_its_reminders_and_one_that_is_deleted_has_none() {
    let world = World::new().await;
    let admin = world.admin().await;
    let keys = [key_for(&admin, 30 * DAY).await, key_for(&admin, 30 * DAY).await];
    let before = world.rows_of("key_expiring").await;
    change(&admin, &keys[0], json!({ "name": "Frontend" })).await;
    admin.act(&format!("/api/keys/{}/rotate", keys[0])).await.ok(201);
    assert_eq!(world.rows_of("key_expiring").await, before);

    admin.delete(&format!("/api/keys/{}", keys[0])).await.ok(204);
    world.change(&admin.account, json!({ "act": "revoke_key", "key_id": keys[1] })).await;
    assert_eq!(world.rows_of("key_expiring").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_key_that_is_refused_or_repeated_schedules_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let make = admin
        .call("POST", "/api/keys")
        .header("idempotency-key", "one")
        .json(json!({ "name": "Backend", "expires_at": world.ahead(30 * DAY) }));
    make.clone().send().await.ok(201);
    world.changes_nothing(make.send()).await.ok(201);
    let id = world.rows_of("key_expiring").await[0]["key_id"].as_s().unwrap().clone();
    let path = format!("/api/keys/{id}");
    let soon = json!({ "expires_at": world.ahead(60) });
    world.changes_nothing(admin.patch(&path, soon)).await.problem(400, "invalid_expiry");
    let member = world.member(&admin, "member@example.com").await;
    world.changes_nothing(member.delete(&path)).await.problem(403, "admin_required");
    assert_eq!(scheduled(&world, &id).await, Some(7 * DAY));
}

// --- What is mailed

const SECOND: &str = "second@example.com";

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// The one row of reminders.
async fn the_row(world: &World) -> Row {
    let mut rows = world.rows_of("key_expiring").await;
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

async fn end_of_the_key(world: &World) -> Timestamp {
    let ends = number(&the_row(world).await, "expires_at");
    Timestamp::from_millisecond(ends).expect("a time")
}

async fn sweep(world: &World) {
    world.desk.invoke("sweep", &json!({})).await.expect("the sweep runs");
    world.settle().await;
}

/// Moves the clock to so many seconds before a key's end, and has done what is due.
async fn at(world: &World, ends: Timestamp, before: i64) {
    world.advance_to(ends - SignedDuration::from_secs(before));
    world.settle().await;
    sweep(world).await;
}

/// Everybody who was reminded, in the order of the alphabet.
fn reminded(world: &World) -> Vec<String> {
    let mut mailed = world.mailed("key_expiring");
    mailed.sort();
    mailed
}

/// A further admin of the account, who has logged in.
async fn second_admin<'w>(admin: &Person<'w>) -> Person<'w> {
    let act = json!({ "act": "add_admin", "email": SECOND });
    admin.world.change(&admin.account, act).await;
    admin.world.login(SECOND).await
}

#[tokio::test(flavor = "multi_thread")]
async fn active_admins_are_mailed_seven_days_and_one_day_before_a_key_ends_and_never_after() {
    let world = World::new().await;
    let admin = world.admin().await;
    second_admin(&admin).await;
    let invited = json!({ "act": "add_admin", "email": "invited@example.com" });
    world.change(&admin.account, invited).await;
    world.member(&admin, "member@example.com").await;
    world.other_admin("other@example.net").await;
    let key = key_for(&admin, 30 * DAY).await;
    let ends = end_of_the_key(&world).await;
    at(&world, ends, 7 * DAY + HOUR).await;
    assert_eq!(reminded(&world), [""; 0]);
    at(&world, ends, 7 * DAY - 1).await;
    assert_eq!(reminded(&world), [ADMIN, SECOND]);
    assert_eq!(scheduled(&world, &key).await, Some(DAY));
    at(&world, ends, DAY + HOUR).await;
    assert_eq!(reminded(&world).len(), 2);
    at(&world, ends, DAY - 1).await;
    assert_eq!(reminded(&world), [ADMIN, ADMIN, SECOND, SECOND]);
    for before in [DAY / 2, 1, -1, -DAY] {
        at(&world, ends, before).await;
    }
    assert_eq!(reminded(&world).len(), 4);
    let row = the_row(&world).await;
    assert_eq!((status(&row), row.contains_key("duty")), ("done", false));
    assert!(world.desk.failures().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_shows_the_mail_when_its_clock_is_moved_and_it_says_which_key_and_when() {
    let world = World::new().await;
    let admin = world.admin().await;
    let ends = world.ahead(30 * DAY);
    let made = json!({ "name": "<b>Sync</b>", "expires_at": ends });
    let made = admin.post("/api/keys", made).await.ok(201).clone();
    let clock = json!({ "advance_seconds": 24 * DAY });
    world.call("POST", "/_local/clock").json(clock).send().await;
    world.settle().await;
    let mails = world.call("GET", "/_local/mail").send().await.body;
    let mails = mails.as_array().expect("a list").iter();
    let mails: Vec<&Value> = mails.filter(|mail| mail["kind"] == "key_expiring").collect();
    assert_eq!(mails.len(), 1);
    let field = |name: &str| mails[0][name].as_str().expect("a text");
    let day: Timestamp = ends.parse().expect("a time");
    assert_eq!(field("to"), ADMIN);
    let subject =
        format!("Your Heify API key <b>Sync</b> expires on {}", day.strftime("%-d %B (UTC)"));
    assert_eq!(field("subject"), subject);
    let start = made["key"]["start"].as_str().expect("a text");
    let when = day.strftime("%-d %B %Y, %H:%M UTC").to_string();
    let link = format!("{}/#keys", world.desk.url());
    assert!(!field("html").contains("<b>"), "a name is no markup");
    for (part, name) in [("text", "<b>Sync</b>"), ("html", "&#60;b&#62;Sync&#60;/b&#62;")] {
        let part = field(part);
        assert!([name, start, &when, &link].iter().all(|word| part.contains(word)), "{part}");
        let key = made["api_key"].as_str().expect("a text");
        assert!(!part.contains(key), "the mail does not have the key");
    }
    assert_eq!(field("text").matches("://").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_is_past_when_the_end_is_set_is_skipped() {
    let world = World::new().await;
    let admin = world.admin().await;
    key_for(&admin, 7 * DAY - 1).await;
    let ends = end_of_the_key(&world).await;
    at(&world, ends, 2 * DAY).await;
    assert_eq!(reminded(&world), [""; 0]);
    at(&world, ends, DAY - 1).await;
    assert_eq!(reminded(&world), [ADMIN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_reminders_that_are_due_only_the_later_is_sent_and_none_after_the_end() {
    for (before, mails) in [(DAY / 2, 1), (-1, 0)] {
        let world = World::new().await;
        let admin = world.admin().await;
        key_for(&admin, 30 * DAY).await;
        let ends = end_of_the_key(&world).await;
        at(&world, ends, before).await;
        assert_eq!(reminded(&world).len(), mails);
        assert_eq!(status(&the_row(&world).await), "done");
        at(&world, ends, before - DAY).await;
        assert_eq!(reminded(&world).len(), mails);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_reminded_of_a_key_that_has_no_end_any_more_or_is_gone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let [kept, gone] = [key_for(&admin, 30 * DAY).await, key_for(&admin, 30 * DAY).await];
    world.advance(20 * DAY as u64);
    let admin = world.admin().await;
    change(&admin, &kept, json!({ "expires_at": null })).await;
    admin.delete(&format!("/api/keys/{gone}")).await.ok(204);
    for _ in 0..11 {
        world.advance(DAY as u64);
        sweep(&world).await;
    }
    assert_eq!(reminded(&world), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_another_end_has_the_reminders_of_that_end_also_once_it_has_expired() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = key_for(&admin, 30 * DAY).await;
    let first = end_of_the_key(&world).await;
    at(&world, first, 7 * DAY - 1).await;
    assert_eq!(reminded(&world).len(), 1);
    let admin = world.admin().await;
    set_end(&admin, &key, 10 * DAY).await;
    let second = end_of_the_key(&world).await;
    at(&world, second, 7 * DAY - 1).await;
    assert_eq!(reminded(&world).len(), 2);
    at(&world, second, DAY - 1).await;
    assert_eq!(reminded(&world).len(), 3);

    at(&world, second, -1).await;
    let admin = world.admin().await;
    set_end(&admin, &key, 2 * DAY).await;
    let third = end_of_the_key(&world).await;
    at(&world, third, DAY - 1).await;
    assert_eq!(reminded(&world).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_an_admin_when_a_reminder_is_due_gets_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    let second = second_admin(&admin).await;
    world.member(&admin, "promoted@example.com").await;
    key_for(&admin, 30 * DAY).await;
    let ends = end_of_the_key(&world).await;
    at(&world, ends, 7 * DAY - 1).await;
    assert_eq!(reminded(&world), [ADMIN, SECOND]);
    let promoted = json!({ "act": "add_admin", "email": "promoted@example.com" });
    world.change(&admin.account, promoted).await;
    let admin = world.admin().await;
    admin.delete(&format!("/api/team/{}", second.id)).await.ok(204);
    at(&world, ends, DAY - 1).await;
    assert_eq!(reminded(&world), [ADMIN, ADMIN, "promoted@example.com", SECOND]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeps_that_run_at_once_have_a_reminder_sent_once() {
    let world = World::new().await;
    let admin = world.admin().await;
    second_admin(&admin).await;
    key_for(&admin, 8 * DAY).await;
    let ends = end_of_the_key(&world).await;
    world.advance_to(ends - SignedDuration::from_secs(7 * DAY - 1));
    join_all((0..8).map(|_| sweep(&world))).await;
    assert_eq!(reminded(&world), [ADMIN, SECOND]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_is_delivered_again_is_sent_no_second_time() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = key_for(&admin, 8 * DAY).await;
    let ends = end_of_the_key(&world).await;
    at(&world, ends, 7 * DAY - 1).await;
    let partition = format!("ACCT#{}", admin.account);
    let row = format!("EXPIRY#{key}");
    let again = world.deliver("deliver-mail", &partition, &row);
    assert_eq!(world.changes_nothing(again).await, json!({ "batchItemFailures": [] }));
}

// --- What comes in between

/// A reminder is due, its row is pending, and nobody is at work on it: the stream has given it up.
async fn with_lost_reminder() -> (World, String) {
    let world = World::new().await;
    let admin = world.admin().await;
    second_admin(&admin).await;
    let key = key_for(&admin, 8 * DAY).await;
    let ends = end_of_the_key(&world).await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    at(&world, ends, 7 * DAY - 1).await;
    for _ in 0..28 {
        world.advance(10);
        world.settle().await;
        if !world.desk.failures().is_empty() {
            break;
        }
    }
    assert_eq!(world.desk.failures().len(), 1, "the stream gave it up");
    assert_eq!(status(&the_row(&world).await), "pending");
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    (world, key)
}

/// The stream's record of the one row of reminders.
async fn record(world: &World) -> Value {
    record_of("deliver-mail", &the_row(world).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_leaves_once_the_mail_service_is_back() {
    let (world, key) = with_lost_reminder().await;
    assert_eq!(reminded(&world), [""; 0]);
    world.advance(300);
    world.settle().await;
    assert_eq!(reminded(&world), [ADMIN, SECOND]);
    assert_eq!(scheduled(&world, &key).await, Some(DAY));
}

#[tokio::test]
async fn a_reminder_that_nobody_could_send_is_given_up_visibly_and_the_next_has_its_turn() {
    let (world, key) = with_lost_reminder().await;
    let log = Log::of(&world);
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    let mut runs = 0;
    while status(&the_row(&world).await) == "pending" {
        runs += 1;
        assert!(runs < 20, "it is given up some time");
        // Each wait doubles, up to six hours.
        world.advance(6 * 3600 + 600);
        world.settle().await;
    }
    assert_eq!(log.causes(Metric::DutyGivenUp).len(), 1);
    assert_eq!(scheduled(&world, &key).await, Some(DAY));
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    let ends = end_of_the_key(&world).await;
    at(&world, ends, DAY - 1).await;
    assert_eq!(reminded(&world), [ADMIN, SECOND]);
}

#[tokio::test]
async fn an_address_that_the_mail_service_refuses_is_counted_and_not_tried_again() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = key_for(&admin, 8 * DAY).await;
    let log = Log::of(&world);
    let ends = end_of_the_key(&world).await;
    world.desk.mail_service().set_mode(MailServiceMode::Rejecting);
    at(&world, ends, 7 * DAY - 1).await;
    assert_eq!(log.causes(Metric::MailFailed), ["MessageRejected"]);
    let given_up = (Some(admin.account.clone()), "given_up".to_owned());
    assert!(log.of_function("deliver-mail").contains(&given_up));
    assert_eq!(scheduled(&world, &key).await, Some(DAY));
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    at(&world, ends, 6 * DAY).await;
    assert_eq!(reminded(&world), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_between_a_mail_and_its_note_that_admin_alone_gets_it_twice() {
    // The last one ends when all have had the reminder, and before that is on record.
    for (is_alone, noted, mails) in [(false, 0, 3), (false, 1, 3), (true, 1, 1)] {
        let (world, key) = with_lost_reminder().await;
        if is_alone {
            leave_alone(&world).await;
        }
        let proxy = Proxy::new(&world).await;
        proxy.spare("UpdateItem", noted);
        proxy.fail("UpdateItem", usize::MAX, Fault::ServerError);
        let deliver = proxy.function(&world, "deliver-mail");
        let answer = deliver.invoke(&record(&world).await).await.expect("an answer");
        assert_eq!(answer["batchItemFailures"].as_array().expect("a list").len(), 1);
        // What comes of a note, or the schedule, goes on with it.
        world.advance(300);
        world.settle().await;
        assert_eq!(reminded(&world).len(), mails);
        assert!(is_alone || reminded(&world).iter().any(|to| to == SECOND));
        assert_eq!(scheduled(&world, &key).await, Some(DAY));
    }
}

/// Takes all admins away but the first.
async fn leave_alone(world: &World) {
    let removed = json!({ "act": "remove_member", "email": SECOND });
    world.change(&world.account_of(ADMIN).await, removed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_whose_answer_got_lost_is_a_note() {
    let (world, key) = with_lost_reminder().await;
    leave_alone(&world).await;
    let proxy = Proxy::new(&world).await;
    proxy.fail("UpdateItem", 1, Fault::AnswerLost);
    let deliver = proxy.function(&world, "deliver-mail");
    let answer = deliver.invoke(&record(&world).await).await.expect("an answer");
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    world.settle().await;
    assert_eq!(scheduled(&world, &key).await, Some(DAY));
    assert_eq!(reminded(&world), [ADMIN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_found_a_reminder_due_begins_none_of_another_end() {
    for change_of_end in [json!({ "expires_at": null }), Value::Null] {
        let world = World::new().await;
        let admin = world.admin().await;
        let key = key_for(&admin, 8 * DAY).await;
        let ends = end_of_the_key(&world).await;
        // No sweep of the desk's own comes in between.
        at(&world, ends, 7 * DAY + 10).await;
        let admin = world.admin().await;
        world.advance_to(ends - SignedDuration::from_secs(7 * DAY - 1));
        let gate = Gate::before(&world, Held::Reminders).await;
        let late = gate.function(&world, "sweep");
        let overtaken = gate.around(async {
            if change_of_end.is_null() {
                set_end(&admin, &key, 30 * DAY).await;
            } else {
                change(&admin, &key, change_of_end.clone()).await;
            }
        });
        let event = json!({});
        let (swept, ()) = join(late.invoke(&event), overtaken).await;
        assert_eq!(swept.expect("an answer"), json!({ "driven": 0, "given_up": 0 }));
        world.settle().await;
        let left = change_of_end.is_null().then_some(7 * DAY);
        assert_eq!(scheduled(&world, &key).await, left);
        assert_eq!(reminded(&world), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_or_deletes_a_key_while_its_reminder_is_sent_wins() {
    for deleted in [false, true] {
        let (world, key) = with_lost_reminder().await;
        let gate = Gate::before(&world, Held::AccountReads).await;
        let deliver = gate.function(&world, "deliver-mail");
        let record = record(&world).await;
        let admin = world.admin().await;
        let overtaken = gate.around(async {
            if deleted {
                admin.delete(&format!("/api/keys/{key}")).await.ok(204);
            } else {
                set_end(&admin, &key, 30 * DAY).await;
            }
        });
        let (answer, ()) = join(deliver.invoke(&record), overtaken).await;
        assert_eq!(answer.expect("an answer"), json!({ "batchItemFailures": [] }));
        world.settle().await;
        let left = (!deleted).then_some(7 * DAY);
        assert_eq!(scheduled(&world, &key).await, left, "nothing is written over what was set");
        world.check_counters().await;
        assert!(reminded(&world).len() <= 1, "nobody else hears of it");
        world.advance(600);
        sweep(&world).await;
        assert!(reminded(&world).len() <= 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_of_one_end_ends_no_reminder_of_another() {
    let (world, key) = with_lost_reminder().await;
    leave_alone(&world).await;
    let record = record(&world).await;
    let admin = world.admin().await;
    let gate = Gate::before(&world, Held::Reminders).await;
    let deliver = gate.function(&world, "deliver-mail");
    let overtaken = gate.around(async {
        // The mail has left, and its note is held.
        world.desk.mail_service().set_mode(MailServiceMode::Throttling);
        set_end(&admin, &key, 8 * DAY).await;
        at(&world, end_of_the_key(&world).await, 7 * DAY - 1).await;
        assert_eq!(status(&the_row(&world).await), "pending");
    });
    let (answer, ()) = join(deliver.invoke(&record), overtaken).await;
    assert_eq!(answer.expect("an answer"), json!({ "batchItemFailures": [] }));
    assert_eq!(status(&the_row(&world).await), "pending");
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    world.advance(300);
    world.settle().await;
    assert_eq!(reminded(&world), [ADMIN, ADMIN]);
    assert_eq!(scheduled(&world, &key).await, Some(DAY));
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_that_change_while_sweeps_run_leave_the_reminders_of_the_last_one() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = key_for(&admin, 8 * DAY).await;
    let ends = end_of_the_key(&world).await;
    at(&world, ends, 7 * DAY + 10).await;
    let admin = world.admin().await;
    world.advance_to(ends - SignedDuration::from_secs(7 * DAY - 1));
    let changes = (1..6).map(|week| set_end(&admin, &key, week * 30 * DAY));
    join(join_all(changes), join_all((0..6).map(|_| sweep(&world)))).await;
    world.settle().await;
    assert_eq!(scheduled(&world, &key).await, Some(7 * DAY));
    world.check_counters().await;
    assert!(reminded(&world).len() <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_meets_a_suspension_waits_and_leaves_once_the_account_is_resumed() {
    for (resumed_before, mails) in [(3 * DAY, 1), (-1, 0)] {
        let world = World::new().await;
        let admin = world.admin().await;
        key_for(&admin, 30 * DAY).await;
        let ends = end_of_the_key(&world).await;
        world.suspend(&admin.account).await;
        at(&world, ends, 7 * DAY - 1).await;
        at(&world, ends, resumed_before).await;
        assert_eq!(reminded(&world), [""; 0]);
        world.resume(&admin.account).await;
        world.settle().await;
        assert_eq!(reminded(&world).len(), mails);
        at(&world, ends, resumed_before - 3 * DAY + HOUR).await;
        // The day's own.
        assert_eq!(reminded(&world).len(), mails * 2);
    }
}

#[tokio::test]
async fn reminders_that_cannot_be_read_are_counted_and_keep_no_other_ones_from_being_sent() {
    let world = World::new().await;
    let other = world.other_admin("other@example.net").await;
    let admin = world.admin().await;
    let log = Log::of(&world);
    let keys = [key_for(&admin, 8 * DAY).await, key_for(&admin, 8 * DAY).await];
    key_for(&other, 8 * DAY).await;
    let damaged = format!("ACCT#{}", admin.account);
    for (key, name, value) in
        [(&keys[0], "expires_at", text("soon")), (&keys[1], "told", text("nobody"))]
    {
        world.set_attributes(&damaged, &format!("EXPIRY#{key}"), &[(name, value)]).await;
    }
    world.advance(DAY as u64 + 1000);
    sweep(&world).await;
    world.advance(6 * 3600);
    sweep(&world).await;
    assert_eq!(reminded(&world), ["other@example.net"]);
    let causes = log.causes(Metric::MailFailed);
    let unreadable =
        |cause: &&Value| cause.as_str().is_some_and(|it| it.contains("cannot be read"));
    assert!(causes.len() >= 2 && causes.iter().filter(unreadable).count() == causes.len());
    assert!(world.desk.failures().is_empty(), "the stream is held up by none of them");
    // The sweep has them looked at until it gives up, and keeps to what it can read.
    for _ in 0..12 {
        world.advance(6 * 3600);
        sweep(&world).await;
    }
    assert!(!log.causes(Metric::DutyUnreadable).is_empty());
}
