//! `DELETE /api/team/{member_id}`

use crate::gate::overtaken;
use crate::proxy::http_event;
use crate::support::{ADMIN, Person, World};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

/// Ids that nobody has, the first of them in the right form.
const NOBODYS: [&str; 9] = [
    "mem_AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "mem_AAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "mem_AAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "mem_",
    "x",
    "%20",
    "..%2Fkeys",
    "%F0%9F%97%9D",
    "key_kAAAAAAAA",
];

/// Everything that takes a session.
const ROUTES: [(&str, &str); 22] = [
    ("POST", "/api/logout"),
    ("GET", "/api/session"),
    ("GET", "/api/sandbox"),
    ("GET", "/api/usage"),
    ("POST", "/api/sandbox/test"),
    ("POST", "/api/sandbox/provision"),
    ("POST", "/api/sandbox/key"),
    ("GET", "/api/keys"),
    ("POST", "/api/keys"),
    ("PATCH", "/api/keys/key_kAAAAAAAA"),
    ("POST", "/api/keys/key_kAAAAAAAA/rotate"),
    ("DELETE", "/api/keys/key_kAAAAAAAA"),
    ("GET", "/api/activity"),
    ("GET", "/api/team"),
    ("POST", "/api/team"),
    ("PATCH", "/api/team/mem_AAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ("DELETE", "/api/team/mem_AAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ("DELETE", "/api/team/me"),
    ("POST", "/api/team/mem_AAAAAAAAAAAAAAAAAAAAAAAAAAAA/invitation"),
    ("GET", "/api/sessions"),
    ("DELETE", "/api/sessions"),
    ("DELETE", "/api/sessions/ses_AAAAAAAAAAAAAAAA"),
];

#[test]
fn what_a_revocation_closes_is_every_route_that_takes_a_session() {
    let is_open =
        |name: &str| ["request-code", "verify-code", "decline-invitation"].contains(&name);
    let closed = functions::FUNCTIONS.iter().filter(|function| !is_open(function.name));
    let is_http = |trigger: &_| matches!(trigger, functions::Trigger::Http { .. });
    let takes_session = closed.flat_map(functions::Function::triggers).filter(is_http);
    assert_eq!(ROUTES.len(), takes_session.count());
}

/// Checks that nothing at all can be done with this session any more.
async fn is_locked_out(person: &Person<'_>) {
    let act = async {
        for (method, path) in ROUTES {
            let call = person.call(method, path);
            let call = match (method, path) {
                ("PATCH", path) if path.starts_with("/api/team/") => {
                    call.json(json!({ "role": "admin" }))
                }
                ("POST", "/api/keys") | ("PATCH", _) => call.json(json!({ "name": "Back door" })),
                ("POST", "/api/team") => call.json(json!({ "email": "accomplice@example.com" })),
                _ => call,
            };
            let reply = call.send().await;
            assert_eq!(
                (reply.status.as_u16(), reply.body["code"].as_str()),
                (401, Some("session_ended")),
                "{method} {path}"
            );
        }
    };
    person.world.changes_nothing(act).await;
}

/// One more admin of the admin's account.
async fn second_admin<'w>(admin: &Person<'w>, email: &str) -> Person<'w> {
    let event = json!({ "act": "add_admin", "email": email });
    admin.world.change(&admin.account, event).await;
    admin.world.login(email).await
}

async fn revoke(person: &Person<'_>, id: &str) -> crate::support::Reply {
    person.delete(&format!("/api/team/{id}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_is_out_with_that_answer_on_every_route() {
    let world = World::new().await;
    let admin = world.admin().await;
    let laptop = world.member(&admin, "member@example.com").await;
    let phone = world.login("member@example.com").await;
    let stays = world.member(&admin, "stays@example.com").await;
    let reply = revoke(&admin, &laptop.id).await;
    reply.ok(204);
    assert_eq!(reply.text, "");
    for session in [&laptop, &phone] {
        is_locked_out(session).await;
    }
    for person in [&admin, &stays] {
        person.get("/api/session").await.ok(200);
    }
    let team = admin.get("/api/team").await;
    assert!(!team.text.contains("member@example.com"), "{}", team.text);
    assert_eq!(team.body["count"], 2);
    assert!(world.audit().await.contains(&"member_revoked".to_owned()));
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_who_is_revoked_is_out_on_every_route() {
    let world = World::new().await;
    let admin = world.admin().await;
    let second = second_admin(&admin, "second@example.com").await;
    let (_, key) = second.key("Stays").await;
    revoke(&admin, &second.id).await.ok(204);
    is_locked_out(&second).await;
    // A key belongs to the account, not to who made it.
    assert_eq!(world.product_api(&key).await, 200);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_repeats_no_request() {
    let world = World::new().await;
    let admin = world.admin().await;
    let second = second_admin(&admin, "second@example.com").await;
    let once = || {
        second
            .call("POST", "/api/keys")
            .header("idempotency-key", "job-17")
            .json(json!({ "name": "Deploy" }))
    };
    once().send().await.ok(201);
    revoke(&admin, &second.id).await.ok(204);
    world.changes_nothing(once().send()).await.problem(401, "session_ended");
    // Nor does a new membership inherit it.
    let again = second_admin(&admin, "second@example.com").await;
    let repeated = again
        .call("POST", "/api/keys")
        .header("idempotency-key", "job-17")
        .json(json!({ "name": "Other" }));
    repeated.send().await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_gets_the_answer_of_a_stranger_and_no_code() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    revoke(&admin, &member.id).await.ok(204);
    world.settle().await;
    let mails = world.desk.inbox().mails().len();
    let revoked = world.request_code("member@example.com").await;
    let stranger = world.request_code("stranger@example.com").await;
    for reply in [&revoked, &stranger] {
        assert_eq!(
            reply.ok(202),
            &json!({ "challenge": reply.body["challenge"], "expires_in": 180, "resend_after": 30 })
        );
    }
    world.settle().await;
    assert_eq!(world.desk.inbox().mails().len(), mails);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_mailed_before_the_revocation_opens_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let (challenge, code) = world.challenge("member@example.com").await;
    revoke(&admin, &member.id).await.ok(204);
    world.verify(&challenge, &code).await.problem(401, "code_incorrect");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_can_be_taken_back() {
    let world = World::new().await;
    let admin = world.admin().await;
    let invited = admin.post("/api/team", json!({ "email": "new@example.com" })).await;
    let (challenge, code) = world.challenge("new@example.com").await;
    revoke(&admin, invited.body["member"]["id"].as_str().expect("an id")).await.ok(204);
    world.verify(&challenge, &code).await.problem(401, "code_incorrect");
    assert_eq!(admin.get("/api/team").await.ok(200)["count"], 1);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_was_taken_back_before_it_was_mailed_is_not_mailed() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.desk.mail_service().set_mode(desk::MailServiceMode::Throttling);
    let invited = admin.post("/api/team", json!({ "email": "new@example.com" })).await;
    admin.post("/api/team", json!({ "email": "stays@example.com" })).await.ok(201);
    world.settle().await;
    revoke(&admin, invited.body["member"]["id"].as_str().expect("an id")).await.ok(204);
    world.desk.mail_service().set_mode(desk::MailServiceMode::Up);
    // Past every wait between two tries.
    world.advance(10 * 60);
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["stays@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_revoked_once() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    revoke(&admin, &member.id).await.ok(204);
    world.changes_nothing(revoke(&admin, &member.id)).await.problem(404, "member_not_found");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_tell_a_foreign_member_from_one_who_is_not_there() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let theirs = world.member(&other, "theirs@example.com").await;
    let own = world.member(&admin, "own@example.com").await;
    // The right address, as its id tells it, in a membership that is not there.
    let near = format!("{}AAAAAA", &own.id[..own.id.len() - 6]);
    let near_theirs = format!("{}AAAAAA", &theirs.id[..theirs.id.len() - 6]);
    world
        .changes_nothing(async {
            let foreign = revoke(&admin, &theirs.id).await;
            foreign.problem(404, "member_not_found");
            let long = format!("mem_{}", "A".repeat(2000));
            let others = [other.id.as_str(), &near, &near_theirs, &long, &admin.account];
            for id in NOBODYS.into_iter().chain(others) {
                revoke(&admin, id).await.is_indistinguishable_from(&foreign);
            }
        })
        .await;
    for person in [&other, &theirs, &own] {
        person.get("/api/session").await.ok(200);
    }
    world.login("theirs@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_revoke() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let colleague = world.member(&admin, "colleague@example.com").await;
    world
        .changes_nothing(async {
            // Who asks comes before whom it is about; a member does not leave by itself either.
            for id in NOBODYS.into_iter().chain([
                colleague.id.as_str(),
                admin.id.as_str(),
                member.id.as_str(),
            ]) {
                revoke(&member, id).await.problem(403, "admin_required");
                world
                    .call("DELETE", &format!("/api/team/{id}"))
                    .send()
                    .await
                    .problem(401, "session_required");
                let garbage = world
                    .call("DELETE", &format!("/api/team/{id}"))
                    .header("authorization", "Bearer fds_garbage");
                garbage.send().await.problem(401, "session_ended");
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_stays() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.changes_nothing(revoke(&admin, &admin.id)).await.problem(409, "last_admin");
    // Members do not stand in for an admin.
    world.member(&admin, "member@example.com").await;
    world.changes_nothing(revoke(&admin, &admin.id)).await.problem(409, "last_admin");
    admin.get("/api/session").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_one_may_leave() {
    let world = World::new().await;
    let first = world.admin().await;
    let second = second_admin(&first, "second@example.com").await;
    let elsewhere = world.admin().await;
    revoke(&first, &first.id).await.ok(204);
    for session in [&first, &elsewhere] {
        is_locked_out(session).await;
    }
    world.changes_nothing(revoke(&second, &second.id)).await.problem(409, "last_admin");
    let team = second.get("/api/team").await;
    assert_eq!(
        (&team.ok(200)["count"], &team.body["members"][0]["id"]),
        (&json!(1), &json!(second.id))
    );
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_who_left_may_be_invited_back_as_a_member() {
    let world = World::new().await;
    let first = world.admin().await;
    let second = second_admin(&first, "second@example.com").await;
    revoke(&second, &first.id).await.ok(204);
    let back = world.member(&second, ADMIN).await;
    assert_eq!(back.get("/api/session").await.ok(200)["member"]["role"], "member");
    world.changes_nothing(back.get("/api/team")).await.problem(403, "admin_required");
    world.changes_nothing(revoke(&second, &second.id)).await.problem(409, "last_admin");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_another_admin_does_not_count_for_the_last_one() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.other_admin("other@example.com").await;
    world.changes_nothing(revoke(&admin, &admin.id)).await.problem(409, "last_admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_takes_no_body() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let with_body =
        admin.call("DELETE", &format!("/api/team/{}", member.id)).json(json!({ "id": member.id }));
    world.changes_nothing(with_body.send()).await.problem(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_revokes_nobody_and_is_told_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    world.suspend(&admin.account).await;
    world
        .changes_nothing(async {
            for id in [member.id.as_str(), admin.id.as_str(), NOBODYS[0], "x"] {
                revoke(&admin, id).await.problem(403, "account_suspended");
            }
        })
        .await;
    member.get("/api/session").await.problem(403, "account_suspended");
}

/// Whom the newest revocation on record was about, as the row itself says, and what that was.
async fn revoked(world: &World) -> Value {
    let mut rows = world.rows_of("audit").await;
    rows.retain(|row| row["action"].as_s().is_ok_and(|action| action == "member_revoked"));
    let row = rows.into_iter().max_by_key(|row| row["sk"].as_s().expect("a text").clone());
    let row = row.expect("it is on record");
    let text = |value: Option<&AttributeValue>| value.and_then(|value| value.as_s().ok()).cloned();
    let was = row.get("was").and_then(|was| was.as_m().ok());
    let side = |name: &str| text(was.and_then(|was| was.get(name)));
    assert!(!row.contains_key("is"));
    json!([text(row.get("target")), text(row.get("label")), side("role"), side("status")])
}

/// The row that has a member's address beside the trail goes with the last login; this one stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_says_by_itself_whom_it_was_about() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    revoke(&admin, &member.id).await.ok(204);
    let expected = json!([member.id, "member@example.com", "member", "active"]);
    assert_eq!(revoked(&world).await, expected);

    world.advance(1);
    let invitation = json!({ "email": "new@example.com", "role": "admin" });
    let invited = admin.post("/api/team", invitation).await.ok(201)["member"]["id"].clone();
    revoke(&admin, invited.as_str().expect("an id")).await.ok(204);
    let expected = json!([invited, "new@example.com", "admin", "invited"]);
    assert_eq!(revoked(&world).await, expected);

    world.advance(1);
    let second = second_admin(&admin, "second@example.com").await;
    revoke(&admin, &admin.id).await.ok(204);
    assert_eq!(revoked(&world).await, json!([admin.id, ADMIN, "admin", "active"]));
    second.get("/api/session").await.ok(200);
}

/// What a revocation comes to when everything is read and `between` happens before it is written.
async fn revoked_around(
    admin: &Person<'_>,
    member: &str,
    between: impl Future<Output = ()>,
) -> (u64, String) {
    let event = http_event("revoke-member", Some(admin), Some(member), None);
    let outcome = overtaken(admin.world, "revoke-member", &event, between).await;
    admin.world.check_counters().await;
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_somebody_is_revoked_is_minded() {
    let world = World::new().await;
    let admin = world.admin().await;
    let done = (204, String::new());
    // The role: what the trail says is what was.
    let member = world.member(&admin, "member@example.com").await;
    let path = format!("/api/team/{}", member.id);
    let promoted = async { _ = admin.patch(&path, json!({ "role": "admin" })).await.ok(200) };
    assert_eq!(revoked_around(&admin, &member.id, promoted).await, done);
    let expected = json!([member.id, "member@example.com", "admin", "active"]);
    assert_eq!(revoked(&world).await, expected);
    // That nobody has logged in: who has is out all the same.
    world.advance(1);
    let invited = crate::invitations::invited(&admin, "new@example.com").await;
    let arrived = async { _ = world.login("new@example.com").await };
    assert_eq!(revoked_around(&admin, &invited, arrived).await, done);
    let expected = json!([invited, "new@example.com", "member", "active"]);
    assert_eq!(revoked(&world).await, expected);
    // That it is there, of a member and of whoever asks.
    let gone = crate::invitations::invited(&admin, "gone@example.com").await;
    let first = async { _ = revoke(&admin, &gone).await.ok(204) };
    let not_found = (404, "member_not_found".to_owned());
    assert_eq!(revoked_around(&admin, &gone, first).await, not_found);
    let second = second_admin(&admin, "second@example.com").await;
    let first = async { _ = revoke(&second, &admin.id).await.ok(204) };
    let ended = (401, "session_ended".to_owned());
    assert_eq!(revoked_around(&admin, &admin.id, first).await, ended);
    assert_eq!(second.get("/api/team").await.ok(200)["count"], 1);
}
