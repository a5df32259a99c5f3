//! `POST /api/invitation/decline`

use crate::invitations::{invited, link};
use crate::support::{Reply, World};
use futures::future::join_all;
use serde_json::json;

async fn decline(world: &World, invitation: &str) -> Reply {
    let call = world.call("POST", "/api/invitation/decline");
    call.json(json!({ "invitation": invitation })).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_declines_frees_place_and_address_at_once() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let id = invited(&admin, "new@example.com").await;
    world.settle().await;
    let link = link(&world, "new@example.com");
    let reply = decline(&world, &link).await;
    reply.ok(204);
    assert_eq!(reply.text, "");
    let team = admin.get("/api/team").await;
    assert_eq!(team.ok(200)["count"], 1);
    assert_eq!(admin.get("/api/session").await.body["account"]["member_count"], 1);
    let rows = world.rows_of("audit").await;
    let ended = rows.iter().find(|row| row["action"].as_s().unwrap() == "invitation_ended");
    let ended = ended.expect("it is on record");
    assert_eq!((&ended["actor"], &ended["target"]), (&ended["target"], &ended["actor"]));
    assert_eq!(ended["target"].as_s().unwrap(), &id);
    world.check_counters().await;
    // The link is dead, also when somebody else has invited the address.
    invited(&other, "new@example.com").await;
    world.settle().await;
    world.changes_nothing(decline(&world, &link)).await.is_indistinguishable_from(&reply);
    assert_eq!(world.login("new@example.com").await.account, other.account);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_link_is_answered_alike_and_ends_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    invited(&admin, "new@example.com").await;
    world.settle().await;
    let link = link(&world, "new@example.com");
    let cut = &link[..link.len() - 1];
    let other = if link.ends_with('A') { "B" } else { "A" };
    let nothing = world.changes_nothing(decline(&world, "")).await;
    nothing.ok(204);
    for invitation in [
        "inv_",
        "inv_1.a.b.1.c",
        cut,
        &format!("{cut}{other}"),
        &format!("{link}."),
        &link.replacen(".1.", ".2.", 1),
        &"x".repeat(4000),
        "\u{1f511}",
    ] {
        let reply = world.changes_nothing(decline(&world, invitation)).await;
        reply.is_indistinguishable_from(&nothing);
    }
    assert_eq!(admin.get("/api/team").await.body["count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_logged_in_has_nothing_to_decline() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let link = link(&world, "member@example.com");
    world.changes_nothing(decline(&world, &link)).await.ok(204);
    member.get("/api/session").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_declines_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    invited(&admin, "new@example.com").await;
    world.settle().await;
    let body = json!({ "invitation": link(&world, "new@example.com") });
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let call = world.call("POST", "/api/invitation/decline").header(name, value);
        world.changes_nothing(call.json(body.clone()).send()).await.problem(403, "cross_site");
    }
    // Nor is a link opened by a mere look at it.
    let look = world.call("GET", "/api/invitation/decline").send();
    world.changes_nothing(look).await.problem(405, "method_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_declined_or_accepted_and_never_both() {
    let world = World::new().await;
    let admin = world.admin().await;
    for number in 0..4 {
        let email = format!("new{number}@example.com");
        invited(&admin, &email).await;
        let (challenge, code) = world.challenge(&email).await;
        let link = link(&world, &email);
        let declining = join_all((0..3).map(|_| decline(&world, &link)));
        let (login, declined) =
            futures::future::join(world.verify(&challenge, &code), declining).await;
        for reply in declined {
            reply.ok(204);
        }
        let is_member = admin.get("/api/team").await.text.contains(&email);
        assert_eq!(login.status == 200, is_member, "{}", login.text);
        world.settle().await;
        world.check_counters().await;
    }
}
