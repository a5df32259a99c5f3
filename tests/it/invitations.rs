//! What an invitation may be used for, and for how long: bounds on how many there are, what they
//! tell, and how they end.

use crate::support::{ADMIN, Person, Reply, World};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::MailServiceMode;
use futures::future::join_all;
use serde_json::{Value, json};

const DAY: u64 = 24 * 3600;
const WEEK: u64 = 7 * DAY;

pub async fn invite(person: &Person<'_>, email: &str) -> Reply {
    person.post("/api/team", json!({ "email": email })).await
}

/// Invites somebody, and gives the id of the new member.
pub async fn invited(person: &Person<'_>, email: &str) -> String {
    invite(person, email).await.ok(201)["member"]["id"].as_str().expect("an id").to_owned()
}

async fn invite_and_revoke(person: &Person<'_>, email: &str) {
    let id = invited(person, email).await;
    person.delete(&format!("/api/team/{id}")).await.ok(204);
}

/// What the link of the newest invitation of an address carries.
pub fn link(world: &World, email: &str) -> String {
    let mails = world.desk.inbox().mails();
    let newest = mails.iter().find(|mail| mail.kind == "invitation" && mail.to == email);
    let text = &newest.expect("an invitation").text;
    let link = text.split_whitespace().find(|word| word.contains("#invitation=")).expect("a link");
    let origin = &world.desk.environment("deliver-mail")["CONSOLE_ORIGIN"];
    link.strip_prefix(&format!("{origin}/#invitation=")).expect("the console's link").to_owned()
}

/// A world whose day has just begun, so that no test runs over its end.
pub async fn world_at_dawn() -> World {
    let world = World::new().await;
    world.advance_to(next_midnight(&world) + jiff::SignedDuration::from_secs(1));
    world
}

fn next_midnight(world: &World) -> jiff::Timestamp {
    let day = 24 * 3_600_000;
    jiff::Timestamp::from_millisecond((world.now().as_millisecond() / day + 1) * day)
        .expect("a time")
}

/// Checks that it is refused for today, and says so to the second.
#[track_caller]
fn refused_until_midnight(world: &World, reply: &Reply) {
    let wait = reply.retry_after();
    let left = next_midnight(world).duration_since(world.now()).as_secs();
    assert!((left..=left + 60).contains(&wait), "{wait} of {left}");
}

/// Keeps the sweep from the end of an invitation, so that another write meets it.
async fn hold_back_the_sweep(world: &World, account: &str, member: &str) {
    let row = (format!("ACCT#{account}"), format!("MEMBER#{member}"));
    if world.rows().await.get(&row).is_some_and(|row| row.contains_key("due_at")) {
        let next_year = world.now().as_millisecond() + 365 * 24 * 3_600_000;
        let late = [("due_at", AttributeValue::N(next_year.to_string()))];
        world.set_attributes(&row.0, &row.1, &late).await;
    }
}

/// Somebody was invited a week ago and never came; nothing has freed that yet.
async fn invited_a_week_ago(world: &World, person: &Person<'_>, email: &str) -> String {
    let id = invited(person, email).await;
    world.settle().await;
    hold_back_the_sweep(world, &person.account, &id).await;
    world.advance(WEEK);
    id
}

/// How many members the account has, to its admin: by the list, and by the session.
async fn counts(admin: &Person<'_>) -> (Value, Value) {
    let team = admin.get("/api/team").await;
    let members = team.ok(200)["members"].as_array().expect("a list").len();
    assert_eq!(team.body["count"], members);
    let session = admin.get("/api/session").await;
    (team.body["count"].clone(), session.ok(200)["account"]["member_count"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_account_is_told_nothing_of_an_address() {
    let world = world_at_dawn().await;
    let admin = world.admin().await;
    world.other_admin("other@example.com").await;
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 1 })).await;
    world
        .changes_nothing(async {
            let free = invite(&admin, "free@example.com").await;
            free.problem(409, "member_limit_reached");
            // However often: what says nothing counts for nothing.
            for _ in 0..25 {
                invite(&admin, "other@example.com").await.is_indistinguishable_from(&free);
                invite(&admin, ADMIN).await.is_indistinguishable_from(&free);
            }
        })
        .await;
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 2 })).await;
    invite(&admin, "free@example.com").await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_invited_three_times_a_day_whatever_is_revoked_in_between() {
    let world = world_at_dawn().await;
    let admin = world.admin().await;
    for _ in 0..3 {
        invite_and_revoke(&admin, "new@example.com").await;
    }
    world.settle().await;
    let reply = world.changes_nothing(invite(&admin, "new@example.com")).await;
    refused_until_midnight(&world, &reply);
    invite(&admin, "other@example.com").await.ok(201);
    world.advance_to(next_midnight(&world));
    world.admin().await.delete("/api/team/none").await.problem(404, "member_not_found");
    invite(&world.admin().await, "new@example.com").await.ok(201);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_times_a_day_an_account_is_told_that_an_address_is_registered() {
    let world = world_at_dawn().await;
    let admin = world.admin().await;
    world.other_admin("other@example.com").await;
    for number in 0..10 {
        let email = if number % 2 == 0 { "other@example.com" } else { ADMIN };
        invite(&admin, email).await.problem(409, "email_already_registered");
    }
    // Nor does it tell the two apart from then on.
    world
        .changes_nothing(async {
            let named = invite(&admin, "other@example.com").await;
            refused_until_midnight(&world, &named);
            let free = invite(&admin, "free@example.com").await;
            refused_until_midnight(&world, &free);
            assert_eq!(named.text, free.text);
        })
        .await;
    world.advance_to(next_midnight(&world));
    let admin = world.admin().await;
    invite(&admin, "other@example.com").await.problem(409, "email_already_registered");
    invite(&admin, "free@example.com").await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_at_once_ten_are_told_that_an_address_is_registered() {
    let world = world_at_dawn().await;
    let admin = world.admin().await;
    world.other_admin("other@example.com").await;
    let replies = join_all((0..40).map(|_| invite(&admin, "other@example.com"))).await;
    let told = replies.iter().filter(|reply| reply.status == 409).count();
    for reply in &replies {
        match reply.status.as_u16() {
            409 => drop(reply.problem(409, "email_already_registered")),
            _ => drop(reply.problem(429, "rate_limited")),
        }
    }
    assert_eq!(told, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_told_of_an_address_is_on_record_and_the_address_is_not() {
    let world = world_at_dawn().await;
    let admin = world.admin().await;
    world.other_admin("other@example.com").await;
    invite(&admin, "other@example.com").await.problem(409, "email_already_registered");
    let rows = world.rows_of("audit").await;
    let named: Vec<_> =
        rows.iter().filter(|row| row["action"].as_s().unwrap() == "address_named").collect();
    assert_eq!(named.len(), 1);
    let hash = "other@example.com".parse::<domain::EmailAddress>().expect("an address").hash();
    let text = |name: &str| named[0][name].as_s().expect("a text").clone();
    let trail = format!("AUDIT#{}", admin.account);
    assert_eq!((text("pk"), text("actor"), text("target")), (trail, admin.id, hash.to_string()));
    assert!(!format!("{named:?}").contains("example.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_invites_twenty_times_a_day_or_as_often_as_it_may_have_members() {
    for (limit, most) in [(3, 20), (23, 23)] {
        let world = world_at_dawn().await;
        let admin = world.admin().await;
        world.change(&admin.account, json!({ "act": "set_limits", "member_limit": limit })).await;
        invite(&admin, ADMIN).await.problem(409, "email_already_registered");
        for number in 1..most {
            invite_and_revoke(&admin, &format!("new{number}@example.com")).await;
        }
        world.settle().await;
        let reply = world.changes_nothing(invite(&admin, "one.more@example.com")).await;
        refused_until_midnight(&world, &reply);
        let reply = world.changes_nothing(invite(&admin, ADMIN)).await;
        refused_until_midnight(&world, &reply);
        // What is no invitation is told as ever, and a full account as full.
        invite(&admin, "nobody").await.problem(400, "invalid_email");
        world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 1 })).await;
        invite(&admin, ADMIN).await.problem(409, "member_limit_reached");
        world.check_counters().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_invitations_at_once_no_more_are_made_than_the_day_allows() {
    let world = world_at_dawn().await;
    let admin = world.admin().await;
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 24 })).await;
    for number in 0..16 {
        invite_and_revoke(&admin, &format!("early{number}@example.com")).await;
    }
    let emails: Vec<_> = (0..16).map(|number| format!("new{number}@example.com")).collect();
    let replies = join_all(emails.iter().map(|email| invite(&admin, email))).await;
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        reply.problem(429, "rate_limited");
    }
    assert_eq!(made, 8);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_nobody_accepts_holds_neither_place_nor_address_after_seven_days() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let id = invited_a_week_ago(&world, &admin, "new@example.com").await;
    let admin = world.admin().await;
    let other = Person { token: world.login("other@example.com").await.token, ..other };
    assert_eq!(counts(&admin).await, (json!(1), json!(1)));
    // A code is asked for as ever, and mailed to nobody.
    let before = world.mailed("login_code").len();
    world.request_code("new@example.com").await.ok(202);
    world.settle().await;
    assert_eq!(world.mailed("login_code").len(), before);
    // Whoever meets it frees it.
    let new = invited(&other, "new@example.com").await;
    assert_ne!(new, id);
    assert_eq!(counts(&admin).await, (json!(1), json!(1)));
    assert_eq!(counts(&other).await, (json!(2), json!(2)));
    assert!(world.audit().await.contains(&"invitation_ended".to_owned()));
    world.check_counters().await;
    assert_eq!(world.login("new@example.com").await.account, other.account);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_full_of_ended_invitations_invites() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 3 })).await;
    for email in ["late@example.com", "later@example.com"] {
        let id = invited(&admin, email).await;
        hold_back_the_sweep(&world, &admin.account, &id).await;
    }
    world.advance(WEEK);
    let admin = world.admin().await;
    let again = invited(&admin, "late@example.com").await;
    invited(&admin, "new@example.com").await;
    invite(&admin, "later@example.com").await.problem(409, "member_limit_reached");
    assert_eq!(counts(&admin).await, (json!(3), json!(3)));
    world.check_counters().await;
    assert_eq!(world.login("late@example.com").await.id, again);
    assert_eq!(world.login("new@example.com").await.account, admin.account);
    let none = invite(&admin, "another@example.com").await;
    none.problem(409, "member_limit_reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_an_ended_invitation_held_is_given_once() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 2 })).await;
    invited_a_week_ago(&world, &admin, "late@example.com").await;
    let admin = world.admin().await;
    let emails: Vec<_> = (0..12).map(|number| format!("new{number}@example.com")).collect();
    let replies = join_all(emails.iter().map(|email| invite(&admin, email))).await;
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        reply.problem(409, "member_limit_reached");
    }
    assert_eq!(made, 1);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn until_its_last_second_an_invitation_is_good() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    invited(&admin, "new@example.com").await;
    world.advance(WEEK - 60);
    let other = Person { token: world.login("other@example.com").await.token, ..other };
    invite(&other, "new@example.com").await.problem(409, "email_already_registered");
    let member = world.login("new@example.com").await;
    assert_eq!(member.account, admin.account);
    // Whoever has come stays.
    world.advance(WEEK);
    world.settle().await;
    world.advance(300);
    world.settle().await;
    assert_eq!(world.login("new@example.com").await.id, member.id);
    assert_eq!(counts(&world.admin().await).await, (json!(2), json!(2)));
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_mailed_before_the_end_opens_nothing_after_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited(&admin, "new@example.com").await;
    hold_back_the_sweep(&world, &admin.account, &id).await;
    world.advance(WEEK - 60);
    let (challenge, code) = world.challenge("new@example.com").await;
    world.advance(60);
    world.verify(&challenge, &code).await.problem(401, "code_incorrect");
    assert_eq!(counts(&world.admin().await).await, (json!(1), json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_frees_what_nobody_else_meets() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited(&admin, "new@example.com").await;
    world.settle().await;
    // In a suspended account, too.
    world.suspend(&admin.account).await;
    world.advance(WEEK);
    world.settle().await;
    let rows = world.rows().await;
    assert!(!rows.keys().any(|(_, sk)| *sk == format!("MEMBER#{id}")), "the member is gone");
    assert_eq!(world.rows_of("owner").await.len(), 1);
    assert_eq!(world.audit().await.last().map(String::as_str), Some("invitation_ended"));
    world.check_counters().await;
    world.resume(&admin.account).await;
    assert_eq!(counts(&world.admin().await).await, (json!(1), json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeps_and_an_invitation_at_once_free_an_ended_one_once() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited_a_week_ago(&world, &admin, "new@example.com").await;
    let admin = world.admin().await;
    let row = (format!("ACCT#{}", admin.account), format!("MEMBER#{id}"));
    world.set_attributes(&row.0, &row.1, &[("due_at", AttributeValue::N("1".to_owned()))]).await;
    let (sweeps, reply) = futures::future::join(
        join_all((0..4).map(async |_| world.desk.invoke("sweep", &json!({})).await.is_ok())),
        invite(&admin, "new@example.com"),
    )
    .await;
    assert_eq!(sweeps, [true; 4]);
    reply.ok(201);
    let ended = world.audit().await.iter().filter(|action| *action == "invitation_ended").count();
    assert_eq!(ended, 1);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_of_a_registration_is_invited_for_ever() {
    let world = World::new().await;
    let event = json!({ "name": "Patient Company", "admin_email": "patient@example.com" });
    world.register(event).await;
    world.advance(30 * DAY);
    world.settle().await;
    let admin = world.login("patient@example.com").await;
    assert_eq!(counts(&admin).await, (json!(1), json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_take_what_an_ended_invitation_held() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 2 })).await;
    let late = invited(&admin, "late@example.com").await;
    hold_back_the_sweep(&world, &admin.account, &late).await;
    let theirs = invited(&other, "theirs@example.com").await;
    hold_back_the_sweep(&world, &other.account, &theirs).await;
    world.advance(WEEK);
    let added = json!({ "act": "add_admin", "email": "theirs@example.com" });
    assert_eq!(world.change(&admin.account, added).await["account"]["member_count"], 2);
    world.check_counters().await;
    assert_eq!(world.login("theirs@example.com").await.account, admin.account);
    // Who counts as an admin stays.
    let other = world.login("other@example.com").await;
    let second = invited(&other, "second@example.com").await;
    let made = json!({ "act": "add_admin", "email": "second@example.com" });
    world.change(&other.account, made).await;
    world.advance(WEEK);
    world.settle().await;
    assert_eq!(world.login("second@example.com").await.id, second);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_gets_six_invitation_mails_a_day_and_the_inviter_sees_no_difference() {
    let world = world_at_dawn().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let third = world.other_admin("third@example.com").await;
    for person in [&admin, &other] {
        for _ in 0..3 {
            let id = invited(person, "new@example.com").await;
            world.settle().await;
            person.delete(&format!("/api/team/{id}")).await.ok(204);
        }
    }
    invited(&third, "new@example.com").await;
    world.settle().await;
    assert_eq!(world.mailed("invitation").len(), 6);
    assert_eq!(third.get("/api/team").await.body["members"][1]["status"], "invited");
    assert!(world.desk.failures().is_empty());
    // Nor is anybody kept out.
    world.login("new@example.com").await;
    invited(&third, "another@example.com").await;
    world.settle().await;
    assert_eq!(world.mailed("invitation").len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_tried_again_counts_once() {
    let world = world_at_dawn().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    invited(&admin, "new@example.com").await;
    for _ in 0..10 {
        world.settle().await;
        world.advance(10);
    }
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    world.settle().await;
    world.advance(600);
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["new@example.com"]);
}

pub fn hash(email: &str) -> String {
    email.parse::<domain::EmailAddress>().expect("an address").hash().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addresss_row_names_the_invitation_whose_link_is_good_and_no_browser_outlives_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    let email = "new@example.com";
    let row = format!("ADDR#{}", hash(email));
    // What the row says, which is told from then on that a browser is known.
    let good = async || {
        let login = world.row(&row, "LOGIN").await;
        assert_eq!(login["browsers"], AttributeValue::M([].into()));
        let known = AttributeValue::M([("a".to_owned(), AttributeValue::N("1".to_owned()))].into());
        world.set_attributes(&row, "LOGIN", &[("browsers", known)]).await;
        login.get("invited").map(|invited| invited.as_s().expect("a text").clone())
    };
    let id = invited(&admin, email).await;
    assert_eq!(good().await, Some(format!("{id}.1")));
    admin.act(&format!("/api/team/{id}/invitation")).await.ok(202);
    assert_eq!(good().await, Some(format!("{id}.2")));
    admin.delete(&format!("/api/team/{id}")).await.ok(204);
    assert_eq!(good().await, None);

    let id = invited(&admin, email).await;
    assert_eq!(good().await, Some(format!("{id}.1")));
    world.settle().await;
    let declined = json!({ "invitation": link(&world, email) });
    world.call("POST", "/api/invitation/decline").json(declined).send().await.ok(204);
    assert_eq!(good().await, None);

    let added = json!({ "act": "add_admin", "email": email });
    let id = world.change(&admin.account, added).await["admin"]["id"].clone();
    assert_eq!(good().await, Some(format!("{}.1", id.as_str().expect("an id"))));
    let removed = json!({ "act": "remove_member", "email": email });
    world.change(&admin.account, removed).await;
    assert_eq!(good().await, None);

    // An invitation gives way to a registration.
    let id = invited(&admin, email).await;
    assert_eq!(good().await, Some(format!("{id}.1")));
    let made = world.register(json!({ "name": "New Company", "admin_email": email })).await;
    let id = made["admin"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(good().await, Some(format!("{id}.1")));
    let replaced =
        json!({ "act": "remove_member", "email": email, "replaced_by": "next@example.com" });
    world.change(made["account"]["id"].as_str().expect("an id"), replaced).await;
    assert_eq!(good().await, None);
    let next = world.row(&format!("ADDR#{}", hash("next@example.com")), "LOGIN").await;
    assert!(next.contains_key("invited"));

    // One that ends by itself.
    world.advance(DAY);
    let id = invited_a_week_ago(&world, &world.admin().await, email).await;
    assert_eq!(good().await, Some(format!("{id}.1")));
    let long_ago = [("due_at", AttributeValue::N("1".to_owned()))];
    let account = format!("ACCT#{}", admin.account);
    world.set_attributes(&account, &format!("MEMBER#{id}"), &long_ago).await;
    world.desk.invoke("sweep", &json!({})).await.expect("the sweep runs");
    assert_eq!(good().await, None);
}
