//! `DELETE /api/sessions/{session_id}` and `DELETE /api/sessions`

use crate::gate::Gate;
use crate::list_sessions::{FIREFOX, id_of, login_with, sessions};
use crate::proxy::{body_of, outcome};
use crate::support::{ADMIN, Person, Reply, World};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const GRACE: &str = "grace@example.com";

async fn end(person: &Person<'_>, id: &str) -> Reply {
    person.delete(&format!("/api/sessions/{id}")).await
}

async fn end_others(person: &Person<'_>) -> Reply {
    person.delete("/api/sessions").await
}

/// The trail's rows of sessions that were ended.
async fn told(world: &World) -> Vec<BTreeMap<String, AttributeValue>> {
    let mut rows = world.rows_of("audit").await;
    rows.retain(|row| row["action"].as_s().is_ok_and(|action| action == "session_ended"));
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_ends_one_of_its_sessions_and_no_other_one() {
    let world = World::new().await;
    let admin = world.admin().await;
    let laptop = world.member(&admin, GRACE).await;
    let lost = login_with(&world, GRACE, FIREFOX).await;
    let phone = world.login(GRACE).await;
    let id = id_of(&lost).await;
    let reply = end(&laptop, &id).await;
    reply.ok(204);
    assert_eq!((reply.text.as_str(), reply.cookies()), ("", Vec::new()));
    lost.get("/api/session").await.problem(401, "session_ended");
    for person in [&laptop, &phone, &admin] {
        person.get("/api/session").await.ok(200);
    }
    assert_eq!(sessions(&laptop).await.len(), 2);
    let told = told(&world).await;
    assert_eq!(told.len(), 1);
    let text = |name: &str| told[0][name].as_s().expect("a text").as_str();
    assert_eq!(
        (text("actor"), text("target"), text("label")),
        (laptop.id.as_str(), id.as_str(), "Firefox on Windows")
    );
    // Once more, it is not there.
    world.changes_nothing(end(&laptop, &id)).await.problem(404, "session_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn to_end_the_session_that_asks_is_a_logout() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.log_in(ADMIN).await;
    let listed = browser.get("/api/sessions").await;
    let id = listed.ok(200)["sessions"][0]["id"].as_str().expect("an id").to_owned();
    let reply = browser.delete(&format!("/api/sessions/{id}")).await;
    reply.ok(204);
    assert_eq!(
        reply.cookies(),
        ["__Host-frontdesk=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"]
    );
    browser.get("/api/session").await.problem(401, "session_required");
    assert_eq!(told(&world).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_ends_all_of_its_sessions_but_the_one_that_asks() {
    let world = World::new().await;
    let admin = world.admin().await;
    let over = world.member(&admin, GRACE).await;
    world.advance(13 * 3600);
    let admin = world.admin().await;
    let laptop = world.login(GRACE).await;
    let phone = login_with(&world, GRACE, FIREFOX).await;
    let ids = BTreeSet::from([id_of(&laptop).await, id_of(&phone).await]);
    let asking = world.login(GRACE).await;
    let reply = end_others(&asking).await;
    reply.ok(204);
    assert_eq!((reply.text.as_str(), reply.cookies()), ("", Vec::new()));
    for person in [&laptop, &phone] {
        person.get("/api/session").await.problem(401, "session_ended");
    }
    for person in [&asking, &admin] {
        person.get("/api/session").await.ok(200);
    }
    // What was over by itself is told so all the same, and nobody ended it.
    over.get("/api/session").await.problem(401, "session_expired");
    let told = told(&world).await;
    let told: BTreeSet<_> =
        told.iter().map(|row| row["target"].as_s().expect("an id").clone()).collect();
    assert_eq!(told, ids);
    // Once more, there is none.
    world.changes_nothing(end_others(&asking)).await.ok(204);
    assert_eq!(sessions(&asking).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_tell_somebody_elses_session_from_one_that_is_not_there() {
    let world = World::new().await;
    let admin = world.admin().await;
    let colleague = world.member(&admin, GRACE).await;
    let other = world.other_admin("other@example.com").await;
    let made_up = world.changes_nothing(end(&admin, "ses_0000000000000000")).await;
    made_up.problem(404, "session_not_found");
    for person in [&colleague, &other] {
        let id = id_of(person).await;
        world.changes_nothing(end(&admin, &id)).await.is_indistinguishable_from(&made_up);
        person.get("/api/session").await.ok(200);
    }
    let id = id_of(&admin).await;
    for of_no_form in ["ses_", "x", "%20", "..%2Fkeys", "s0", "mem_0", &id[4..], &id[..19]] {
        world.changes_nothing(end(&admin, of_no_form)).await.is_indistinguishable_from(&made_up);
    }
    admin.get("/api/session").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_over_is_not_there_to_be_ended() {
    let world = World::new().await;
    let idle = world.admin().await;
    let id = id_of(&idle).await;
    world.advance(13 * 3600);
    let admin = world.admin().await;
    world.changes_nothing(end(&admin, &id)).await.problem(404, "session_not_found");
    idle.get("/api/session").await.problem(401, "session_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_ended_session_had_in_flight_is_done_after_the_answer() {
    let world = World::new().await;
    let lost = world.admin().await;
    let admin = world.admin().await;
    for all in [false, true] {
        let lost = if all { world.admin().await } else { lost.clone() };
        let id = id_of(&lost).await;
        let gate = Gate::new(&world).await;
        let create = gate.function(&world, "create-key");
        let ending = gate.around(async {
            let reply = if all { end_others(&admin).await } else { end(&admin, &id).await };
            reply.ok(204);
        });
        let body = json!({ "name": "Back door" });
        let (answer, ()) = join(create.call(Some(&lost), None, Some(body)), ending).await;
        assert_eq!(outcome(&answer), (401, "session_ended".to_owned()), "{}", body_of(&answer));
    }
    assert_eq!(admin.get("/api/keys").await.ok(200)["count"], 1, "the Sandbox key alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_by_itself_meanwhile_is_not_ended_twice() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.admin().await;
    let id = id_of(&other).await;
    let gate = Gate::new(&world).await;
    let revoke = gate.function(&world, "revoke-session");
    let logout = gate.around(async {
        other.act("/api/logout").await.ok(204);
    });
    let (answer, ()) = join(revoke.call(Some(&admin), Some(&id), None), logout).await;
    assert_eq!(outcome(&answer), (404, "session_not_found".to_owned()));
    assert_eq!(told(&world).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_while_all_others_are_being_ended_is_ended_too_and_told_of() {
    let world = World::new().await;
    let admin = world.admin().await;
    let early = world.admin().await;
    let gate = Gate::new(&world).await;
    let revoke = gate.function(&world, "revoke-session");
    let login = gate.around(async {
        // The others are read, and what ends them is on its way.
        let late = world.admin().await;
        let id = id_of(&late).await;
        (late, id)
    });
    let (answer, (late, id)) = join(revoke.call(Some(&admin), None, None), login).await;
    assert_eq!(outcome(&answer), (204, String::new()));
    for person in [&early, &late] {
        person.get("/api/session").await.problem(401, "session_ended");
    }
    admin.get("/api/session").await.ok(200);
    let told = told(&world).await;
    assert_eq!(told.len(), 2);
    assert!(told.iter().any(|row| row["target"].as_s() == Ok(&id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sessions_that_end_all_others_at_once_one_remains() {
    let world = World::new().await;
    for _ in 0..4 {
        world.advance(3600);
        let (one, another) = (world.admin().await, world.admin().await);
        let (first, second) = join(end_others(&one), end_others(&another)).await;
        let (loser, winner) = if first.status == 204 { (second, &one) } else { (first, &another) };
        loser.problem(401, "session_ended");
        assert_eq!(sessions(winner).await.len(), 1);
        winner.act("/api/logout").await.ok(204);
    }
}
