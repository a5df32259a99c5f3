//! `GET /api/team`

use crate::support::{ADMIN, World};
use serde_json::{Value, json};

fn emails(body: &Value) -> Vec<&str> {
    body["members"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|member| member["email"].as_str().expect("a text"))
        .collect()
}

/// The member of this address, as the list has it.
fn find<'v>(body: &'v Value, email: &str) -> &'v Value {
    let mut members = body["members"].as_array().expect("a list").iter();
    members.find(|member| member["email"] == email).expect("the member is listed")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_team_is_listed_in_the_order_of_the_invitations() {
    let world = World::new().await;
    let admin = world.admin().await;
    let by = json!({ "id": admin.id, "email": ADMIN });
    let mut invited = Vec::new();
    // Addresses whose order is not that of the invitations.
    for email in ["middle@example.com", "zulu@example.com", "alpha@example.com"] {
        world.advance(1);
        let reply = admin.post("/api/team", json!({ "email": email })).await;
        let mut member = reply.ok(201)["member"].clone();
        member["invited_by"] = by.clone();
        invited.push(member);
    }
    let team = admin.get("/api/team").await;
    let first = &team.ok(200)["members"][0];
    assert_eq!(
        team.body,
        json!({ "members": [first, invited[0], invited[1], invited[2]], "count": 4, "limit": 5 })
    );
    assert_eq!(
        emails(&team.body),
        [ADMIN, "middle@example.com", "zulu@example.com", "alpha@example.com"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_shown_with_role_status_and_times() {
    let world = World::new().await;
    let before = world.now();
    let admin = world.admin().await;
    let after = world.now();
    let team = admin.get("/api/team").await;
    let own = &team.ok(200)["members"][0];
    let time =
        |value: &Value| value.as_str().expect("a text").parse::<jiff::Timestamp>().expect("a time");
    assert!(
        time(&own["invited_at"]) <= before
            && (before..=after).contains(&time(&own["last_login_at"])),
        "{own}"
    );
    assert_eq!(
        own,
        &json!({
            "id": admin.id,
            "email": ADMIN,
            "role": "admin",
            "status": "active",
            "invited_at": own["invited_at"],
            "last_login_at": own["last_login_at"],
            "mail_problem": null,
            "you": true,
            "invited_by": null,
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_invited_is_active_from_the_first_login_on() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201)["member"]
        ["id"]
        .clone();
    let pending = find(&admin.get("/api/team").await.body, "new@example.com").clone();
    assert_eq!(
        (&pending["status"], &pending["last_login_at"], &pending["you"]),
        (&json!("invited"), &Value::Null, &json!(false))
    );

    // A code that was asked for is no login.
    world.challenge("new@example.com").await;
    assert_eq!(find(&admin.get("/api/team").await.body, "new@example.com"), &pending);

    let before = world.now();
    let member = world.login("new@example.com").await;
    let team = admin.get("/api/team").await;
    let active = find(&team.body, "new@example.com");
    let at: jiff::Timestamp =
        active["last_login_at"].as_str().expect("a text").parse().expect("a time");
    assert!((before..=world.now()).contains(&at), "{active}");
    let expected = json!({
        "id": id,
        "email": "new@example.com",
        "role": "member",
        "status": "active",
        "invited_at": pending["invited_at"],
        "last_login_at": active["last_login_at"],
        "mail_problem": null,
        "you": false,
        "invited_by": { "id": admin.id, "email": ADMIN },
    });
    assert_eq!((active, member.id.as_str()), (&expected, id.as_str().expect("an id")));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_invited_stays_in_the_list_and_has_an_address_while_being_a_member() {
    let world = World::new().await;
    let admin = world.admin().await;
    let added = json!({ "act": "add_admin", "email": "second@example.com" });
    world.change(&admin.account, added).await;
    let second = world.login("second@example.com").await;
    second.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    let invited_by =
        async |email: &str| find(&admin.get("/api/team").await.body, email)["invited_by"].clone();
    assert_eq!(invited_by("second@example.com").await, Value::Null);
    let by = json!({ "id": second.id, "email": "second@example.com" });
    assert_eq!(invited_by("new@example.com").await, by);
    admin.delete(&format!("/api/team/{}", second.id)).await.ok(204);
    let gone = json!({ "id": second.id, "email": null });
    assert_eq!(invited_by("new@example.com").await, gone);
    // Somebody else with the same address has invited nobody.
    admin.post("/api/team", json!({ "email": "second@example.com" })).await.ok(201);
    assert_eq!(invited_by("new@example.com").await, gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn you_is_who_asks() {
    let world = World::new().await;
    let first = world.admin().await;
    let second = json!({ "act": "add_admin", "email": "second@example.com" });
    world.change(&first.account, second).await;
    let second = world.login("second@example.com").await;
    assert_eq!(second.account, first.account);
    for person in [&first, &second] {
        let team = person.get("/api/team").await;
        let members = team.ok(200)["members"].as_array().expect("a list").clone();
        let you: Vec<&str> = members
            .iter()
            .filter(|member| member["you"] == true)
            .map(|member| member["id"].as_str().expect("an id"))
            .collect();
        assert_eq!((members.len(), you), (2, vec![person.id.as_str()]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_count_follows_invitations_and_revocations_and_the_limit_the_operator() {
    let world = World::new().await;
    let admin = world.admin().await;
    let shown = async || {
        let team = admin.get("/api/team").await;
        let session = admin.get("/api/session").await;
        let account = &session.ok(200)["account"];
        assert_eq!(
            (&team.body["count"], &team.body["limit"]),
            (&account["member_count"], &account["member_limit"])
        );
        assert_eq!(team.body["count"], team.body["members"].as_array().expect("a list").len());
        (
            team.body["count"].as_u64().expect("a number"),
            team.body["limit"].as_u64().expect("a number"),
        )
    };
    assert_eq!(shown().await, (1, 5));
    let invited = admin.post("/api/team", json!({ "email": "new@example.com" })).await;
    assert_eq!(shown().await, (2, 5));
    admin
        .delete(&format!("/api/team/{}", invited.body["member"]["id"].as_str().expect("an id")))
        .await
        .ok(204);
    assert_eq!(shown().await, (1, 5));
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 20 })).await;
    assert_eq!(shown().await, (1, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_see_the_team() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let refused = world.changes_nothing(member.get("/api/team")).await;
    refused.problem(403, "admin_required");
    assert!(!refused.text.contains('@'), "{}", refused.text);
    let session = member.get("/api/session").await;
    assert!(
        !session.text.contains("member_count") && !session.text.contains("member_limit"),
        "{}",
        session.text
    );
    world
        .changes_nothing(world.call("GET", "/api/team").send())
        .await
        .problem(401, "session_required");
    let garbage = world.call("GET", "/api/team").header("authorization", "Bearer fds_garbage");
    world.changes_nothing(garbage.send()).await.problem(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_sees_its_own_team_alone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    world.member(&other, "colleague@example.com").await;
    assert_eq!(emails(admin.get("/api/team").await.ok(200)), [ADMIN]);
    let theirs = other.get("/api/team").await;
    assert_eq!(emails(theirs.ok(200)), ["other@example.com", "colleague@example.com"]);
    assert_eq!((&theirs.body["count"], &theirs.body["limit"]), (&json!(2), &json!(10)));
}
