//! `PATCH /api/team/{member_id}`

use crate::gate::overtaken;
use crate::invitations::link;
use crate::proxy::http_event;
use crate::support::{ADMIN, Person, Reply, World};
use futures::future::join;
use serde_json::{Value, json};

const WEEK: u64 = 7 * 24 * 3600;

async fn change(person: &Person<'_>, id: &str, role: &str) -> Reply {
    person.patch(&format!("/api/team/{id}"), json!({ "role": role })).await
}

/// Invites somebody in this role, and gives the id.
async fn invited(admin: &Person<'_>, email: &str, role: &str) -> String {
    let reply = admin.post("/api/team", json!({ "email": email, "role": role })).await;
    reply.ok(201)["member"]["id"].as_str().expect("an id").to_owned()
}

/// A member who is an admin of the admin's account as well.
async fn second_admin<'w>(admin: &Person<'w>, email: &str) -> Person<'w> {
    let second = admin.world.member(admin, email).await;
    change(admin, &second.id, "admin").await.ok(200);
    second
}

async fn role_of(admin: &Person<'_>, id: &str) -> Value {
    let team = admin.get("/api/team").await;
    let members = team.ok(200)["members"].as_array().expect("a list").iter();
    let mut found = members.filter(|member| member["id"] == id);
    found.next().expect("the member is listed")["role"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_changes_holds_for_the_sessions_that_there_are_from_the_next_act_on() {
    let world = World::new().await;
    let admin = world.admin().await;
    let laptop = world.member(&admin, "grace@example.com").await;
    let phone = world.login("grace@example.com").await;
    laptop.get("/api/team").await.problem(403, "admin_required");
    let shown = admin.get("/api/team").await.ok(200)["members"][1].clone();
    let reply = change(&admin, &laptop.id, "admin").await;
    let mut expected = shown.clone();
    expected["role"] = json!("admin");
    expected.as_object_mut().expect("an object").remove("invited_by");
    assert_eq!(reply.ok(200), &json!({ "member": expected }));
    for session in [&laptop, &phone] {
        assert_eq!(session.get("/api/session").await.ok(200)["member"]["role"], "admin");
        assert_eq!(session.get("/api/team").await.ok(200)["count"], 2);
    }
    let (_, key) = phone.key("By an admin").await;
    world.check_counters().await;

    assert_eq!(change(&admin, &laptop.id, "member").await.ok(200)["member"]["role"], "member");
    for session in [&laptop, &phone] {
        assert_eq!(session.get("/api/session").await.ok(200)["member"]["role"], "member");
        world.changes_nothing(session.get("/api/team")).await.problem(403, "admin_required");
        let create = session.post("/api/keys", json!({ "name": "Not mine" }));
        world.changes_nothing(create).await.problem(403, "admin_required");
    }
    assert_eq!(world.product_api(&key).await, 200);
    assert_eq!(admin.get("/api/team").await.ok(200)["members"][1], shown);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_on_record_with_what_was_and_one_that_changes_nothing_is_none() {
    let world = World::new().await;
    let admin = world.admin().await;
    let grace = world.member(&admin, "grace@example.com").await;
    let trail = async || {
        let mut rows = world.rows_of("audit").await;
        rows.retain(|row| row["action"].as_s().is_ok_and(|action| action == "role_changed"));
        rows
    };
    world.changes_nothing(change(&admin, &grace.id, "member")).await.ok(200);
    world.changes_nothing(change(&admin, &admin.id, "admin")).await.ok(200);
    assert_eq!(trail().await.len(), 0);
    change(&admin, &grace.id, "admin").await.ok(200);
    let row = trail().await.remove(0);
    let text = |name: &str| row[name].as_s().expect("a text").as_str();
    assert_eq!(
        (text("actor"), text("target"), text("label")),
        (&*admin.id, &*grace.id, "grace@example.com")
    );
    let role = |side: &str| row[side].as_m().expect("a map")["role"].as_s().expect("a text");
    assert_eq!((role("was").as_str(), role("is").as_str()), ("member", "admin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_steps_down_while_another_one_is_there() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.changes_nothing(change(&admin, &admin.id, "member")).await.problem(409, "last_admin");
    let second = second_admin(&admin, "second@example.com").await;
    let reply = change(&admin, &admin.id, "member").await;
    let member = &reply.ok(200)["member"];
    assert_eq!((&member["role"], &member["you"]), (&json!("member"), &json!(true)));
    admin.get("/api/session").await.ok(200);
    world.changes_nothing(change(&admin, &admin.id, "admin")).await.problem(403, "admin_required");
    world.check_counters().await;
    world.changes_nothing(change(&second, &second.id, "member")).await.problem(409, "last_admin");
    change(&second, &admin.id, "admin").await.ok(200);
    change(&admin, &second.id, "member").await.ok(200);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_logged_in_stands_in_for_the_last_admin() {
    let world = World::new().await;
    let admin = world.admin().await;
    let promoted = invited(&admin, "promoted@example.com", "member").await;
    change(&admin, &promoted, "admin").await.ok(200);
    invited(&admin, "invited@example.com", "admin").await;
    world.changes_nothing(change(&admin, &admin.id, "member")).await.problem(409, "last_admin");
    world.check_counters().await;
    let second = world.login("promoted@example.com").await;
    world.check_counters().await;
    assert_eq!(second.get("/api/team").await.ok(200)["count"], 3);
    change(&admin, &admin.id, "member").await.ok(200);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_logs_in_as_what_the_invitation_was_made_last() {
    let world = World::new().await;
    let admin = world.admin().await;
    for (email, roles) in
        [("up@example.com", ["member", "admin"]), ("down@example.com", ["admin", "member"])]
    {
        let id = invited(&admin, email, roles[0]).await;
        change(&admin, &id, roles[1]).await.ok(200);
        world.check_counters().await;
        let person = world.login(email).await;
        let session = person.get("/api/session").await;
        assert_eq!(session.ok(200)["member"]["role"], roles[1]);
        world.check_counters().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_admin_may_be_made_a_member_before_the_first_login_by_another() {
    let world = World::new().await;
    let made = world.register(json!({ "name": "Two", "admin_email": "first@example.com" })).await;
    let account = made["account"]["id"].as_str().expect("an id");
    let second = json!({ "act": "add_admin", "email": "second@example.com" });
    world.change(account, second).await;
    let second = world.login("second@example.com").await;
    let first = made["admin"]["id"].as_str().expect("an id");
    change(&second, first, "member").await.ok(200);
    world.check_counters().await;
    world.changes_nothing(change(&second, &second.id, "member")).await.problem(409, "last_admin");
    let first = world.login("first@example.com").await;
    world.changes_nothing(first.get("/api/team")).await.problem(403, "admin_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_role_keeps_an_invitation_to_its_end() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invited(&admin, "late@example.com", "member").await;
    world.advance(WEEK - 3600);
    let admin = Person { token: world.admin().await.token, ..admin };
    change(&admin, &id, "admin").await.ok(200);
    world.settle().await;
    world.advance(3600);
    world.changes_nothing(change(&admin, &id, "member")).await.problem(404, "member_not_found");
    world.settle().await;
    assert_eq!(admin.get("/api/team").await.ok(200)["count"], 1);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_tell_a_foreign_member_from_one_who_is_not_there() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let theirs = world.member(&other, "theirs@example.com").await;
    let own = world.member(&admin, "own@example.com").await;
    let near = format!("{}AAAAAA", &own.id[..own.id.len() - 6]);
    world
        .changes_nothing(async {
            let foreign = change(&admin, &theirs.id, "admin").await;
            foreign.problem(404, "member_not_found");
            for id in [other.id.as_str(), &near, "me", "x", "mem_", "%20", &admin.account] {
                change(&admin, id, "admin").await.is_indistinguishable_from(&foreign);
                change(&admin, id, "member").await.is_indistinguishable_from(&foreign);
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_change_roles() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let colleague = world.member(&admin, "colleague@example.com").await;
    world
        .changes_nothing(async {
            for id in [&member.id, &colleague.id, &admin.id, "mem_0000000000000000000000000000"] {
                for role in ["admin", "member"] {
                    change(&member, id, role).await.problem(403, "admin_required");
                }
                let path = format!("/api/team/{id}");
                let nobody = world.call("PATCH", &path).json(json!({ "role": "admin" }));
                nobody.send().await.problem(401, "session_required");
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_role_changes_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let path = format!("/api/team/{}", member.id);
    world
        .changes_nothing(async {
            for body in [
                json!({}),
                json!({ "role": null }),
                json!({ "role": "" }),
                json!({ "role": "owner" }),
                json!({ "role": "ADMIN" }),
                json!({ "role": ["admin"] }),
                json!({ "role": { "admin": null } }),
                json!({ "role": "admin", "status": "active" }),
            ] {
                admin.patch(&path, body).await.problem(400, "invalid_request");
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_changes_no_role() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    world.suspend(&admin.account).await;
    world
        .changes_nothing(async {
            for id in [&*member.id, &*admin.id, "mem_0000000000000000000000000000"] {
                for role in ["admin", "member"] {
                    change(&admin, id, role).await.problem(403, "account_suspended");
                }
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_repeats_no_request_as_a_member() {
    let world = World::new().await;
    let admin = world.admin().await;
    let second = second_admin(&admin, "second@example.com").await;
    let once = || {
        let call = second.call("POST", "/api/keys").header("idempotency-key", "job-17");
        call.json(json!({ "name": "Deploy" })).send()
    };
    once().await.ok(201);
    change(&admin, &second.id, "member").await.ok(200);
    world.changes_nothing(once()).await.problem(403, "admin_required");
}

/// Opens a first session while `between` happens to who is invited: the guess is counted and right
/// by then, and the session not opened yet.
async fn login_around(
    world: &World,
    email: &str,
    between: impl Future<Output = ()>,
) -> (u64, String) {
    let (challenge, code) = world.challenge(email).await;
    let body = json!({ "challenge": challenge, "code": code, "session": "bearer" });
    let event = http_event("verify-code", None, None, Some(body));
    let outcome = overtaken(world, "verify-code", &event, between).await;
    world.settle().await;
    world.check_counters().await;
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_login_counts_whoever_is_made_an_admin_meanwhile_and_nobody_else() {
    let world = World::new().await;
    let admin = world.admin().await;
    for (email, roles) in
        [("up@example.com", ["member", "admin"]), ("down@example.com", ["admin", "member"])]
    {
        let id = invited(&admin, email, roles[0]).await;
        let changed = async { _ = change(&admin, &id, roles[1]).await.ok(200) };
        assert_eq!(login_around(&world, email, changed).await, (200, String::new()));
        assert_eq!(role_of(&admin, &id).await, roles[1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_declines_or_whose_invitation_ends_while_being_made_an_admin_counts_for_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    for role in ["member", "admin"] {
        let email = format!("invited.{role}@example.com");
        let other = if role == "admin" { "member" } else { "admin" };
        let id = invited(&admin, &email, role).await;
        world.settle().await;
        let declined = json!({ "invitation": link(&world, &email) });
        let (_, changed) = join(
            world.call("POST", "/api/invitation/decline").json(declined).send(),
            change(&admin, &id, other),
        )
        .await;
        if changed.status != 200 {
            changed.problem(404, "member_not_found");
        }
        assert_eq!(admin.get("/api/team").await.ok(200)["count"], 1);
        world.check_counters().await;
    }
    // What has ended is swept away while somebody who has read it as it was decides.
    let late = invited(&admin, "late@example.com", "member").await;
    world.settle().await;
    let event =
        http_event("change-role", Some(&admin), Some(&late), Some(json!({ "role": "admin" })));
    let swept = async {
        world.advance(WEEK);
        world.settle().await;
    };
    let outcome = overtaken(&world, "change-role", &event, swept).await;
    assert_eq!(outcome, (404, "member_not_found".to_owned()));
    assert_eq!(world.rows_of("member").await.len(), 1);
    world.check_counters().await;
    let own = world.login(ADMIN).await;
    world.changes_nothing(change(&own, &own.id, "member")).await.problem(409, "last_admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_made_an_admin_while_giving_that_up_is_counted_as_what_it_is() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let body = Some(json!({ "role": "member" }));
    let event = http_event("change-role", Some(&member), Some(&member.id), body);
    let promoted = async { _ = change(&admin, &member.id, "admin").await.ok(200) };
    let outcome = overtaken(&world, "change-role", &event, promoted).await;
    assert_eq!(outcome, (200, String::new()));
    assert_eq!(role_of(&admin, &member.id).await, "member");
    let changes = world.audit().await.iter().filter(|act| *act == "role_changed").count();
    assert_eq!(changes, 2, "both are on record");
    world.check_counters().await;
}
