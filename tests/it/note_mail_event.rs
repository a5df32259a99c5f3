//! Mail that comes back or is complained about, from the mail service to the list of members.

use crate::logs::Log;
use crate::proxy::{Fault, Proxy};
use crate::support::{ADMIN, Person, World, wrong};
use desk::MailServiceMode;
use edge::telemetry::Metric;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// Invites somebody, by the mail service as it is, and gives the member's id.
async fn invited(admin: &Person<'_>, email: &str) -> String {
    let reply = admin.post("/api/team", json!({ "email": email })).await;
    let id = reply.ok(201)["member"]["id"].as_str().expect("an id").to_owned();
    admin.world.settle().await;
    id
}

async fn problem_of(admin: &Person<'_>, member: &str) -> Value {
    let team = admin.get("/api/team").await;
    let members = team.ok(200)["members"].as_array().expect("a list").clone();
    let found = members.iter().find(|known| known["id"] == member).expect("the member is listed");
    found["mail_problem"].clone()
}

async fn resend(admin: &Person<'_>, member: &str) {
    admin.act(&format!("/api/team/{member}/invitation")).await.ok(202);
    admin.world.settle().await;
}

/// What SES would tell of a mail that leaves for this member now.
async fn event(admin: &Person<'_>, member: &str, kind: &str, what: Value) -> Value {
    let row =
        admin.world.row(&format!("ACCT#{}", admin.account), &format!("MEMBER#{member}")).await;
    let number = |name: &str| row.get(name).map(|value| value.as_n().expect("a number").clone());
    let tags = json!({
        "account": [admin.account],
        "member": [member],
        "invitation": [number("invitation").expect("a number")],
        "last_login": [number("last_login_at").unwrap_or_else(|| "never".to_owned())],
    });
    let text = json!({ "eventType": kind, kind.to_lowercase(): what, "mail": { "tags": tags } });
    notification(&text.to_string())
}

pub async fn bounce(admin: &Person<'_>, member: &str) -> Value {
    event(admin, member, "Bounce", json!({ "bounceType": "Permanent" })).await
}

pub async fn complaint(admin: &Person<'_>, member: &str) -> Value {
    event(admin, member, "Complaint", json!({})).await
}

fn notification(message: &str) -> Value {
    json!({ "Records": [{ "Sns": { "Message": message } }] })
}

pub async fn tell(world: &World, event: &Value) {
    world.desk.invoke("note-mail-event", event).await.expect("it is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_bounces_shows_in_the_list_until_the_login() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Bouncing);
    let id = invited(&admin, "new@example.com").await;
    assert_eq!(problem_of(&admin, &id).await, "bounced");
    let team = admin.get("/api/team").await;
    assert_eq!(team.body["members"][1]["status"], "invited");
    assert_eq!(world.mailed("invitation"), ["new@example.com"], "it was taken");
    assert_eq!(world.desk.failures(), Vec::<Value>::new());
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    world.login("new@example.com").await;
    assert_eq!(problem_of(&admin, &id).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_bounces_shows_on_an_active_member_and_a_notice_does() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let (challenge, code) = world.challenge("member@example.com").await;
    world.desk.mail_service().set_mode(MailServiceMode::Bouncing);
    world.request_code("member@example.com").await.ok(202);
    world.settle().await;
    assert_eq!(problem_of(&admin, &member.id).await, "bounced");
    // The login ends it; what tells of the login comes back as well.
    world.verify(&challenge, &code).await.ok(200);
    assert_eq!(problem_of(&admin, &member.id).await, Value::Null);
    world.settle().await;
    assert_eq!(world.mailed("login_notice"), ["member@example.com"]);
    assert_eq!(problem_of(&admin, &member.id).await, "bounced");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_invitation_ends_what_became_of_the_one_before() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited(&admin, "new@example.com").await;
    tell(&world, &bounce(&admin, &id).await).await;
    tell(&world, &complaint(&admin, &id).await).await;
    assert_eq!(problem_of(&admin, &id).await, "complained");
    resend(&admin, &id).await;
    assert_eq!(problem_of(&admin, &id).await, Value::Null);
    assert_eq!(world.mailed("invitation").len(), 2, "who complained is mailed what is sent anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_from_before_a_login_or_another_invitation_marks_nobody() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited(&admin, "new@example.com").await;
    let late = [bounce(&admin, &id).await, complaint(&admin, &id).await];
    resend(&admin, &id).await;
    for event in &late {
        world.changes_nothing(tell(&world, event)).await;
    }
    let late = bounce(&admin, &id).await;
    world.login("new@example.com").await;
    world.changes_nothing(tell(&world, &late)).await;
    let late = bounce(&admin, &id).await;
    world.advance(60);
    world.login("new@example.com").await;
    world.changes_nothing(tell(&world, &late)).await;
    assert_eq!(problem_of(&admin, &id).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_gone_or_has_the_address_now_is_not_marked() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited(&admin, "new@example.com").await;
    let late = [bounce(&admin, &id).await, complaint(&admin, &id).await];
    admin.delete(&format!("/api/team/{id}")).await.ok(204);
    for event in &late {
        world.changes_nothing(tell(&world, event)).await;
    }
    let again = invited(&admin, "new@example.com").await;
    for event in &late {
        world.changes_nothing(tell(&world, event)).await;
    }
    assert_eq!(problem_of(&admin, &again).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_and_what_is_no_problem_marks_nobody() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited(&admin, "new@example.com").await;
    for (kind, what) in [
        ("Bounce", json!({ "bounceType": "Transient", "bounceSubType": "MailboxFull" })),
        ("Bounce", json!({ "bounceType": "Undetermined", "bounceSubType": "Undetermined" })),
        ("Complaint", json!({ "complaintFeedbackType": "not-spam" })),
        ("Delivery", json!({})),
        ("DeliveryDelay", json!({})),
    ] {
        let event = event(&admin, &id, kind, what).await;
        world.changes_nothing(tell(&world, &event)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_twice_or_before_another_comes_to_the_same() {
    let world = World::new().await;
    let admin = world.admin().await;
    let events = async |id: &str| [bounce(&admin, id).await, complaint(&admin, id).await];
    let id = invited(&admin, "new@example.com").await;
    let [bounce, complaint] = events(&id).await;
    for event in [&complaint, &bounce, &complaint, &bounce] {
        tell(&world, event).await;
    }
    assert_eq!(problem_of(&admin, &id).await, "complained");
    let id = invited(&admin, "other@example.com").await;
    let [bounce, complaint] = events(&id).await;
    for event in [&bounce, &bounce, &complaint, &complaint] {
        tell(&world, event).await;
    }
    assert_eq!(problem_of(&admin, &id).await, "complained");
}

#[tokio::test]
async fn every_mail_that_comes_back_is_counted_and_no_line_names_anybody() {
    let world = World::new().await;
    let admin = world.admin().await;
    let log = Log::of(&world);
    let id = invited(&admin, "new@example.com").await;
    tell(&world, &bounce(&admin, &id).await).await;
    tell(&world, &complaint(&admin, &id).await).await;
    let suppressed = json!({
        "bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList",
        "bouncedRecipients": [{ "emailAddress": "new@example.com" }],
    });
    tell(&world, &event(&admin, &id, "Bounce", suppressed).await).await;
    assert_eq!(
        log.causes(Metric::MailFailed),
        [
            "the mail bounced",
            "the mail was complained about",
            "the mail bounced, for its address is on the suppression list",
        ]
    );
    let line = |outcome: &str| (Some(admin.account.clone()), outcome.to_owned());
    let lines = ["bounced", "complained", "bounced"].map(line);
    assert_eq!(log.of_function("note-mail-event"), lines);
    assert!(!log.text().contains("new@example.com"), "{}", log.text());
}

#[tokio::test]
async fn an_event_of_any_form_ends_without_a_panic_and_writes_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited(&admin, "new@example.com").await;
    let good =
        bounce(&admin, &id).await["Records"][0]["Sns"]["Message"].as_str().unwrap().to_owned();
    let log = Log::of(&world);
    let mut rng = StdRng::seed_from_u64(7);
    let letters: Vec<char> = "\u{0}\"\\{}[]:,0-9eEaZ\u{ffff}\u{10ffff}ü\n".chars().collect();
    let spoil = |rng: &mut StdRng| {
        let mut text: Vec<char> = good.chars().collect();
        // Enough of it that nothing is left that could be right.
        for _ in 0..40 {
            let place = rng.random_range(0..text.len());
            text[place] = letters[rng.random_range(0..letters.len())];
        }
        text.truncate(rng.random_range(0..text.len()));
        notification(&text.into_iter().collect::<String>())
    };
    let mut events: Vec<Value> = (0..200).map(|_| spoil(&mut rng)).collect();
    events.extend(["", "null", "[]", "{}", "0", "\"text\"", &"[".repeat(10_000)].map(notification));
    for place in [
        "/eventType",
        "/bounce",
        "/bounce/bounceType",
        "/mail",
        "/mail/tags",
        "/mail/tags/account",
        "/mail/tags/account/0",
        "/mail/tags/member/0",
        "/mail/tags/invitation/0",
        "/mail/tags/last_login/0",
    ] {
        for instead in [json!(null), json!(0), json!("\u{0}"), json!([]), json!({}), json!("-1")] {
            let mut event: Value = serde_json::from_str(&good).expect("JSON");
            *event.pointer_mut(place).expect("it is there") = instead;
            events.push(notification(&event.to_string()));
        }
    }
    events.extend([json!({}), json!([]), json!(null), json!({ "Records": [{}] })]);
    world
        .changes_nothing(async {
            for event in &events {
                let done = world.desk.invoke("note-mail-event", event).await;
                if let Err(error) = done {
                    assert!(error.to_string().contains("cannot be read"), "{error}");
                }
            }
        })
        .await;
    assert_eq!(log.of_function("note-mail-event").len(), events.len(), "each has its line");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topics_greeting_and_mails_of_others_are_passed_over() {
    let world = World::new().await;
    let greeting = "Successfully validated SNS topic for Amazon SES event publishing.";
    let theirs = json!({
        "eventType": "Bounce", "bounce": { "bounceType": "Permanent" },
        "mail": { "tags": { "ses:from-domain": ["example.com"] } },
    });
    for message in [greeting, &theirs.to_string()] {
        world.changes_nothing(tell(&world, &notification(message))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_store_fails_an_event_and_its_repetition_marks_the_member() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited(&admin, "new@example.com").await;
    let event = bounce(&admin, &id).await;
    let proxy = Proxy::new(&world).await;
    let function = proxy.function(&world, "note-mail-event");
    proxy.fail("UpdateItem", usize::MAX, Fault::ServerError);
    assert!(function.invoke(&event).await.is_err());
    assert_eq!(problem_of(&admin, &id).await, Value::Null);
    proxy.heal();
    // Its answer gets lost, so it is made twice.
    proxy.fail("UpdateItem", 1, Fault::AnswerLost);
    assert_eq!(function.invoke(&event).await.expect("an answer"), Value::Null);
    assert_eq!(problem_of(&admin, &id).await, "bounced");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_complained_gets_no_notice_and_every_code() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    tell(&world, &complaint(&admin, &member.id).await).await;
    // From another browser: the owner would hear of it.
    world.login("member@example.com").await;
    assert_eq!(problem_of(&admin, &member.id).await, "complained", "a login does not end it");
    assert_eq!(world.mailed("login_notice"), Vec::<String>::new());
    // Nor of guesses.
    world.advance(24 * 3600);
    for _ in 0..2 {
        let (challenge, code) = world.challenge("member@example.com").await;
        for _ in 0..5 {
            world.verify(&challenge, wrong(&code)).await;
        }
    }
    world.settle().await;
    assert_eq!(world.rows_of("login_notice").await.len(), 2, "both were owed");
    assert_eq!(world.mailed("login_notice"), Vec::<String>::new());
    let codes = world.mailed("login_code");
    assert_eq!(codes.iter().filter(|to| *to == "member@example.com").count(), 4);
    // Somebody who did not complain hears of a login.
    world.login(ADMIN).await;
    assert_eq!(world.mailed("login_notice"), [ADMIN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_complained_is_reminded_of_no_keys_end() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.member(&admin, "other@example.com").await;
    let role = json!({ "role": "admin" });
    admin.patch(&format!("/api/team/{}", other.id), role).await.ok(200);
    tell(&world, &complaint(&admin, &other.id).await).await;
    let ends = world.ahead(8 * 86_400);
    admin.post("/api/keys", json!({ "name": "Backend", "expires_at": ends })).await.ok(201);
    world.advance(2 * 86_400);
    world.desk.invoke("sweep", &json!({})).await.expect("the sweep runs");
    world.settle().await;
    assert_eq!(world.mailed("key_expiring"), [ADMIN]);
}

#[tokio::test]
async fn a_reminder_that_no_admin_wants_is_settled_and_not_given_up() {
    let world = World::new().await;
    let admin = world.admin().await;
    tell(&world, &complaint(&admin, &admin.id).await).await;
    let ends = world.ahead(8 * 86_400);
    admin.post("/api/keys", json!({ "name": "Backend", "expires_at": ends })).await.ok(201);
    world.settle().await;
    world.advance(2 * 86_400);
    let log = Log::of(&world);
    world.desk.invoke("sweep", &json!({})).await.expect("the sweep runs");
    world.settle().await;
    assert_eq!(
        log.of_function("deliver-mail"),
        [(Some(admin.account.clone()), "settled".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stand_in_has_mails_complained_about() {
    let world = World::new().await;
    let admin = world.admin().await;
    let set = world.call("POST", "/_local/mail-service").json(json!({ "mode": "complaining" }));
    assert_eq!(set.send().await.status, 200);
    let id = invited(&admin, "new@example.com").await;
    assert_eq!(problem_of(&admin, &id).await, "complained");
    let set = world.call("POST", "/_local/mail-service").json(json!({ "mode": "bouncing" }));
    assert_eq!(set.send().await.body, json!({ "mode": "bouncing" }));
    let id = invited(&admin, "other@example.com").await;
    assert_eq!(problem_of(&admin, &id).await, "bounced");
}
