//! `POST /api/team`

use crate::invitations::link;
use crate::support::{ADMIN, Person, Reply, World};
use serde_json::{Value, json};

async fn invite(person: &Person<'_>, email: &str) -> Reply {
    person.post("/api/team", json!({ "email": email })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_gets_a_place_and_a_mail() {
    let world = World::new().await;
    let admin = world.admin().await;
    let before = world.now();
    let reply = invite(&admin, "  New.Colleague+desk@EXAMPLE.com ").await;
    let after = world.now();
    let id = reply.ok(201)["member"]["id"].clone();
    let at = reply.body["member"]["invited_at"].clone();
    let member = json!({
        "id": id,
        "email": "new.colleague+desk@example.com",
        "role": "member",
        "status": "invited",
        "invited_at": at,
        "last_login_at": null,
        "mail_problem": null,
        "you": false,
    });
    assert_eq!(reply.body, json!({ "member": member }));
    assert!(
        (before..=after).contains(&at.as_str().expect("a text").parse().expect("a time")),
        "{at}"
    );
    let mut listed = member.clone();
    listed["invited_by"] = json!({ "id": admin.id, "email": ADMIN });
    assert_eq!(admin.get("/api/team").await.ok(200)["members"][1], listed);
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["new.colleague+desk@example.com"]);
    assert!(world.audit().await.contains(&"member_invited".to_owned()));
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_invitation_has_a_text_and_an_html_part_and_one_link() {
    let world = World::new().await;
    let name = "<b>Fish & Chips</b> \"Ltd\" 'London'";
    world.register(json!({ "name": name, "admin_email": "fish@example.com" })).await;
    let admin = world.login("fish@example.com").await;
    invite(&admin, "new@example.com").await.ok(201);
    world.settle().await;
    let mails = world.desk.inbox().mails();
    let mail = mails.iter().find(|mail| mail.kind == "invitation").expect("an invitation");
    assert_eq!((mail.to.as_str(), &mail.code), ("new@example.com", &None));
    assert_eq!(mail.from, world.desk.environment("deliver-mail")["MAIL_FROM"]);
    assert!(
        !mail.subject.trim().is_empty() && !mail.subject.contains(['\r', '\n']),
        "{}",
        mail.subject
    );

    let origin = &world.desk.environment("deliver-mail")["CONSOLE_ORIGIN"];
    let link = mail.text.split_whitespace().find(|word| word.contains("://")).expect("a link");
    assert_eq!(mail.text.matches("://").count(), 1);
    assert!(link.starts_with(&format!("{origin}/#invitation=")), "{link}");
    let href =
        mail.html.split_once("href=\"").expect("a link").1.split('"').next().expect("a link");
    assert_eq!((mail.html.matches("href").count(), href), (1, link));
    assert!(!mail.html.contains("src="), "{}", mail.html);

    let escaped = "&#60;b&#62;Fish &#38; Chips&#60;/b&#62; &#34;Ltd&#34; &#39;London&#39;";
    assert!(
        mail.text.contains(name) && mail.html.contains(escaped) && !mail.html.contains("<b>"),
        "{}",
        mail.html
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_invitation_says_who_invited_while_that_is_a_member() {
    let world = World::new().await;
    let admin = world.admin().await;
    let added = json!({ "act": "add_admin", "email": "second@example.com" });
    world.change(&admin.account, added).await;
    let newest = |world: &World| world.desk.inbox().mails().swap_remove(0);
    // Whom an operator added was invited by nobody, though an admin has the mail sent.
    let team = admin.get("/api/team").await;
    let second = team.ok(200)["members"][1]["id"].as_str().expect("an id").to_owned();
    admin.act(&format!("/api/team/{second}/invitation")).await.ok(202);
    world.settle().await;
    let mail = newest(&world);
    assert_eq!((mail.kind.as_str(), mail.to.as_str()), ("invitation", "second@example.com"));
    for part in [&mail.text, &mail.html] {
        assert!(
            part.contains("You have been added to") && !part.contains("@example.com"),
            "{part}"
        );
    }
    let second = world.login("second@example.com").await;
    let new = invite(&second, "new@example.com").await.ok(201)["member"]["id"].clone();
    world.settle().await;
    let mail = newest(&world);
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("second@example.com has added you to"), "{part}");
    }
    admin.delete(&format!("/api/team/{}", second.id)).await.ok(204);
    admin.act(&format!("/api/team/{}/invitation", new.as_str().expect("an id"))).await.ok(202);
    world.settle().await;
    let mail = newest(&world);
    assert_eq!(mail.to, "new@example.com");
    for part in [&mail.text, &mail.html] {
        assert!(
            part.contains("You have been added to") && !part.contains("@example.com"),
            "{part}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_invited_logs_in_as_a_member_of_that_account() {
    let world = World::new().await;
    let admin = world.admin().await;
    let invited = invite(&admin, "new@example.com").await;
    let member = world.login("new@example.com").await;
    let session = member.get("/api/session").await;
    let expected = json!({
        "id": invited.body["member"]["id"], "email": "new@example.com", "role": "member",
        "status": "active",
    });
    assert_eq!(
        (&session.ok(200)["member"], session.body["account"]["id"].as_str()),
        (&expected, Some(admin.account.as_str()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_as_an_admin_is_one_and_counts_as_one_from_the_first_login_on() {
    let world = World::new().await;
    let admin = world.admin().await;
    let invitation = json!({ "email": "second@example.com", "role": "admin" });
    let invited = admin.post("/api/team", invitation).await;
    let member = &invited.ok(201)["member"];
    assert_eq!((&member["role"], &member["status"]), (&json!("admin"), &json!("invited")));
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["second@example.com"]);
    world.check_counters().await;
    let own = format!("/api/team/{}", admin.id);
    world.changes_nothing(admin.delete(&own)).await.problem(409, "last_admin");

    let second = world.login("second@example.com").await;
    assert_eq!(json!(second.id), member["id"]);
    assert_eq!(second.get("/api/team").await.ok(200)["count"], 2);
    world.check_counters().await;
    admin.delete(&own).await.ok(204);
    second.key("By the second admin").await;
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admins_invitation_ends_as_any_other_and_the_last_admin_stays() {
    let world = World::new().await;
    let admin = world.admin().await;
    for email in ["late@example.com", "declining@example.com"] {
        let invitation = json!({ "email": email, "role": "admin" });
        admin.post("/api/team", invitation).await.ok(201);
    }
    world.settle().await;
    let declined = json!({ "invitation": link(&world, "declining@example.com") });
    world.call("POST", "/api/invitation/decline").json(declined).send().await.ok(204);
    world.check_counters().await;
    world.advance(7 * 24 * 3600);
    world.settle().await;
    let admin = world.admin().await;
    assert_eq!(admin.get("/api/team").await.ok(200)["count"], 1);
    assert_eq!(world.rows_of("member").await.len(), 1);
    let own = format!("/api/team/{}", admin.id);
    world.changes_nothing(admin.delete(&own)).await.problem(409, "last_admin");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admins_invitation_gives_way_to_a_registration() {
    let world = World::new().await;
    let admin = world.admin().await;
    let invitation = json!({ "email": "boss@example.net", "role": "admin" });
    admin.post("/api/team", invitation).await.ok(201);
    let made = json!({ "name": "New", "admin_email": "boss@example.net" });
    let made = world.register(made).await;
    assert_eq!(json!(world.login("boss@example.net").await.account), made["account"]["id"]);
    let rows = world.rows_of("audit").await;
    let ended = rows.iter().find(|row| row["action"].as_s().unwrap() == "invitation_ended");
    let was = ended.expect("it is on record")["was"].as_m().expect("a map");
    assert_eq!(was["role"].as_s().unwrap(), "admin");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_admin_or_member_and_nothing_else() {
    let world = World::new().await;
    let admin = world.admin().await;
    world
        .changes_nothing(async {
            let none = [
                json!("owner"),
                json!("Admin"),
                json!(""),
                json!(7),
                json!(null),
                json!({ "admin": null }),
                json!(["admin"]),
            ];
            for role in none {
                let invitation = json!({ "email": "new@example.com", "role": role });
                admin.post("/api/team", invitation).await.problem(400, "invalid_request");
            }
        })
        .await;
    let invitation = json!({ "email": "new@example.com", "role": "member" });
    assert_eq!(admin.post("/api/team", invitation).await.ok(201)["member"]["role"], "member");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_registered_anywhere_is_refused_alike() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    world.member(&admin, "own@example.com").await;
    invite(&admin, "invited@example.com").await.ok(201);
    invite(&other, "theirs@example.com").await.ok(201);
    let own = invite(&admin, ADMIN).await;
    own.problem(409, "email_already_registered");
    for email in [
        "own@example.com",
        "OWN@Example.COM",
        " own@example.com ",
        "invited@example.com",
        "other@example.com",
        "theirs@example.com",
    ] {
        invite(&admin, email).await.is_indistinguishable_from(&own);
    }
    world.settle().await;
    assert_eq!(world.mailed("invitation").len(), 3);
    // No folding: these are other people's addresses.
    invite(&admin, "own+1@example.com").await.ok(201);
    invite(&admin, "o.wn@example.com").await.ok(201);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_was_used_to_ask_for_codes_can_be_invited() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.request_code("curious@example.com").await.ok(202);
    world.settle().await;
    invite(&admin, "curious@example.com").await.ok(201);
    world.login("curious@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_asked_for_before_the_invitation_is_of_no_use() {
    let world = World::new().await;
    let admin = world.admin().await;
    let challenge = world.request_code("early@example.com").await.ok(202)["challenge"]
        .as_str()
        .expect("a challenge")
        .to_owned();
    world.settle().await;
    invite(&admin, "early@example.com").await.ok(201);
    world.settle().await;
    assert_eq!(world.mailed("login_code"), [ADMIN]);
    world.verify(&challenge, "000000").await.problem(401, "code_incorrect");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_member_too_many_is_refused_until_there_is_a_place() {
    let world = World::new().await;
    let admin = world.admin().await;
    for number in 0..3 {
        invite(&admin, &format!("member{number}@example.com")).await.ok(201);
    }
    let last = invite(&admin, "member3@example.com").await.ok(201)["member"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    world.settle().await;
    world
        .changes_nothing(invite(&admin, "new@example.com"))
        .await
        .problem(409, "member_limit_reached");
    let team = admin.get("/api/team").await;
    assert_eq!((&team.body["count"], &team.body["limit"]), (&json!(5), &json!(5)));

    // Places of people who never logged in count, and come back.
    admin.delete(&format!("/api/team/{last}")).await.ok(204);
    invite(&admin, "new@example.com").await.ok(201);
    world.settle().await;
    world
        .changes_nothing(invite(&admin, "newer@example.com"))
        .await
        .problem(409, "member_limit_reached");

    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 6 })).await;
    invite(&admin, "newer@example.com").await.ok(201);
    invite(&admin, "newest@example.com").await.problem(409, "member_limit_reached");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_address_is_not_invited() {
    let world = World::new().await;
    let admin = world.admin().await;
    let long = format!("{}@example.com", "a".repeat(65));
    world
        .changes_nothing(async {
            for email in [
                "",
                " ",
                "new",
                "@example.com",
                "new@",
                "new@localhost",
                "new@@example.com",
                "new@example.com, second@example.com",
                "New <new@example.com>",
                "n\u{e9}w@example.com",
                "new@example.com\r\nBcc: second@example.com",
                "new\u{0}@example.com",
                &long,
            ] {
                invite(&admin, email).await.problem(400, "invalid_email");
            }
            admin.post("/api/team", json!({})).await.problem(400, "invalid_email");
            for body in [
                json!({ "email": 7 }),
                json!({ "email": ["new@example.com"] }),
                json!({ "email": "new@example.com", "status": "active" }),
            ] {
                admin.post("/api/team", body).await.problem(400, "invalid_request");
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_invite() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    world.changes_nothing(invite(&member, "new@example.com")).await.problem(403, "admin_required");
    // Nor does a refusal tell a member who is registered.
    world.changes_nothing(invite(&member, ADMIN)).await.problem(403, "admin_required");
    let body = json!({ "email": "new@example.com" });
    let nobody = world.call("POST", "/api/team").json(body.clone());
    world.changes_nothing(nobody.send()).await.problem(401, "session_required");
    let garbage =
        world.call("POST", "/api/team").header("authorization", "Bearer fds_garbage").json(body);
    world.changes_nothing(garbage.send()).await.problem(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_invites_nobody_and_is_told_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.other_admin("other@example.com").await;
    world.suspend(&admin.account).await;
    world
        .changes_nothing(async {
            for email in ["new@example.com", "other@example.com", ADMIN] {
                invite(&admin, email).await.problem(403, "account_suspended");
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_revoked_can_be_invited_again_and_is_somebody_new() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "back@example.com").await;
    admin.delete(&format!("/api/team/{}", member.id)).await.ok(204);
    world.advance(1);
    let again = invite(&admin, "back@example.com").await;
    let id = again.ok(201)["member"]["id"].as_str().expect("an id").to_owned();
    assert_ne!(id, member.id);
    assert_eq!(
        (&again.body["member"]["status"], &again.body["member"]["last_login_at"]),
        (&json!("invited"), &Value::Null)
    );
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["back@example.com", "back@example.com"]);

    // What belonged to the old membership stays ended.
    member.get("/api/session").await.problem(401, "session_ended");
    world
        .changes_nothing(admin.delete(&format!("/api/team/{}", member.id)))
        .await
        .problem(404, "member_not_found");
    let back = world.login("back@example.com").await;
    assert_eq!(back.id, id);
    back.get("/api/session").await.ok(200);
    member.get("/api/session").await.problem(401, "session_ended");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_revoked_can_be_invited_by_another_account() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let member = world.member(&admin, "mover@example.com").await;
    admin.delete(&format!("/api/team/{}", member.id)).await.ok(204);
    invite(&other, "mover@example.com").await.ok(201);
    let moved = world.login("mover@example.com").await;
    assert_eq!(moved.account, other.account);
    invite(&admin, "mover@example.com").await.problem(409, "email_already_registered");
    world.check_counters().await;
}
