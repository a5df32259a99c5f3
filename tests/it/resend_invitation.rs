//! `POST /api/team/{member_id}/invitation`

use crate::invitations::{invite, invited, link, world_at_dawn};
use crate::support::{Person, Reply, World};
use desk::MailServiceMode;
use futures::future::{join, join_all};
use serde_json::json;

async fn resend(person: &Person<'_>, id: &str) -> Reply {
    person.act(&format!("/api/team/{id}/invitation")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_mailed_again_with_another_link() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited(&admin, "new@example.com").await;
    world.settle().await;
    let first = link(&world, "new@example.com");
    let mut listed = admin.get("/api/team").await.ok(200)["members"][1].clone();
    // Who invited is told in the list alone.
    listed.as_object_mut().expect("a member").remove("invited_by");
    let reply = resend(&admin, &id).await;
    assert_eq!(reply.ok(202), &json!({ "member": listed }));
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["new@example.com"; 2]);
    assert_ne!(link(&world, "new@example.com"), first);
    assert!(world.audit().await.contains(&"invitation_resent".to_owned()));
    // The older link ends nothing any more.
    let declined =
        world.call("POST", "/api/invitation/decline").json(json!({ "invitation": first }));
    world.changes_nothing(declined.send()).await.ok(204);
    assert_eq!(world.login("new@example.com").await.id, id);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_logged_in_is_not_invited_again() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    for id in [&member.id, &admin.id] {
        world.changes_nothing(resend(&admin, id)).await.problem(409, "already_active");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_tell_a_foreign_invitation_from_one_that_is_not_there() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let theirs = invited(&other, "theirs@example.com").await;
    let gone = invited(&admin, "gone@example.com").await;
    admin.delete(&format!("/api/team/{gone}")).await.ok(204);
    world.settle().await;
    let made_up = resend(&admin, "mem_0000000000000000000000000000").await;
    made_up.problem(404, "member_not_found");
    for id in [&*theirs, &other.id, &gone, "none", "%20"] {
        let reply = world.changes_nothing(resend(&admin, id)).await;
        reply.is_indistinguishable_from(&made_up);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_resend() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let id = invited(&admin, "new@example.com").await;
    for id in [&id, &member.id, &admin.id] {
        world.changes_nothing(resend(&member, id)).await.problem(403, "admin_required");
    }
    let nobody = world.call("POST", &format!("/api/team/{id}/invitation")).send();
    world.changes_nothing(nobody).await.problem(401, "session_required");
    let path = format!("/api/team/{id}/invitation");
    let more = admin.post(&path, json!({ "email": "x@example.com" }));
    world.changes_nothing(more).await.problem(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_whose_mail_failed_is_mailed_and_invited_again() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Rejecting);
    let id = invited(&admin, "new@example.com").await;
    world.settle().await;
    let problem = async || admin.get("/api/team").await.body["members"][1]["mail_problem"].clone();
    assert_eq!(problem().await, "failed");
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    assert_eq!(resend(&admin, &id).await.ok(202)["member"]["mail_problem"], json!(null));
    world.settle().await;
    assert_eq!((problem().await, world.mailed("invitation").len()), (json!(null), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_owed_still_when_its_invitation_is_sent_again_is_dropped() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    let id = invited(&admin, "new@example.com").await;
    world.settle().await;
    resend(&admin, &id).await.ok(202);
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    for _ in 0..12 {
        world.advance(30);
        world.settle().await;
    }
    assert_eq!(world.mailed("invitation"), ["new@example.com"]);
    let link = link(&world, "new@example.com");
    let decline = world.call("POST", "/api/invitation/decline");
    decline.json(json!({ "invitation": link })).send().await.ok(204);
    assert_eq!(admin.get("/api/team").await.body["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_begins_the_seven_days_anew() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited(&admin, "new@example.com").await;
    world.advance(6 * 24 * 3600);
    let admin = Person { token: world.admin().await.token, ..admin };
    resend(&admin, &id).await.ok(202);
    world.advance(6 * 24 * 3600);
    world.settle().await;
    assert_eq!(world.login("new@example.com").await.id, id);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_has_ended_is_not_there_any_more() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited(&admin, "new@example.com").await;
    world.settle().await;
    let ended = [("invited_until", aws_sdk_dynamodb::types::AttributeValue::N("1".to_owned()))];
    let row = (format!("ACCT#{}", admin.account), format!("MEMBER#{id}"));
    world.set_attributes(&row.0, &row.1, &ended).await;
    world.changes_nothing(resend(&admin, &id)).await.problem(404, "member_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_sent_again_three_times_a_day_however_many_ask_at_once() {
    let world = world_at_dawn().await;
    let admin = world.admin().await;
    let id = invited(&admin, "new@example.com").await;
    let replies = join_all((0..10).map(|_| resend(&admin, &id))).await;
    let sent = replies.iter().filter(|reply| reply.status == 202).count();
    for reply in replies.iter().filter(|reply| reply.status != 202) {
        reply.problem(429, "rate_limited");
        assert!(reply.header("retry-after").is_some());
    }
    assert_eq!(sent, 3);
    // Invitations of the address are counted apart from that.
    admin.delete(&format!("/api/team/{id}")).await.ok(204);
    let id = invited(&admin, "new@example.com").await;
    world.settle().await;
    world.changes_nothing(resend(&admin, &id)).await.problem(429, "rate_limited");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resends_count_for_the_day() {
    let world = world_at_dawn().await;
    let admin = world.admin().await;
    for number in 0..4 {
        let id = invited(&admin, &format!("new{number}@example.com")).await;
        for _ in 0..3 {
            resend(&admin, &id).await.ok(202);
        }
    }
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 20 })).await;
    for number in 4..8 {
        invite(&admin, &format!("new{number}@example.com")).await.ok(201);
    }
    invite(&admin, "one.more@example.com").await.problem(429, "rate_limited");
    let team = admin.get("/api/team").await;
    let last = team.body["members"][8]["id"].as_str().expect("an id");
    resend(&admin, last).await.problem(429, "rate_limited");
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 22 })).await;
    resend(&admin, last).await.ok(202);
    invite(&admin, "one.more@example.com").await.ok(201);
    resend(&admin, last).await.problem(429, "rate_limited");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_that_meets_the_first_login_leaves_the_member_active() {
    let world = World::new().await;
    let admin = world.admin().await;
    for number in 0..4 {
        let email = format!("new{number}@example.com");
        let id = invited(&admin, &email).await;
        let (challenge, code) = world.challenge(&email).await;
        let (login, resent) = join(world.verify(&challenge, &code), resend(&admin, &id)).await;
        login.ok(200);
        if resent.status != 202 {
            resent.problem(409, "already_active");
        }
        let team = admin.get("/api/team").await;
        assert_eq!(team.body["members"][number + 1]["status"], "active");
    }
    let open: Vec<_> = world.rows_of("account").await;
    assert!(open.iter().all(|row| row["invited"].as_m().is_ok_and(|open| open.is_empty())));
    world.check_counters().await;
}
