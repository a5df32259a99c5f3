//! `GET /api/sessions`

use crate::support::{ADMIN, Person, Reply, World};
use jiff::Timestamp;
use serde_json::{Value, json};

pub const FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:134.0) Gecko/20100101 Firefox/134.0";
const CHROME: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/131.0.0.0 Mobile Safari/537.36";

/// Somebody who logs in with this `User-Agent`.
pub async fn login_with<'w>(world: &'w World, email: &str, user_agent: &str) -> Person<'w> {
    let (challenge, code) = world.challenge(email).await;
    let login = world.call("POST", "/api/login/verify").header("user-agent", user_agent);
    let body = json!({ "challenge": challenge, "code": code, "session": "bearer" });
    let reply = login.json(body).send().await;
    reply.ok(200);
    world.settle().await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    Person {
        world,
        token: text(&reply.body["session_token"]),
        id: text(&reply.body["member"]["id"]),
        account: text(&reply.body["account"]["id"]),
    }
}

/// The sessions of whoever asks.
pub async fn sessions(person: &Person<'_>) -> Vec<Value> {
    let reply = person.get("/api/sessions").await;
    reply.ok(200)["sessions"].as_array().expect("a list").clone()
}

/// The id of this session.
pub async fn id_of(person: &Person<'_>) -> String {
    let sessions = sessions(person).await;
    let current = sessions.iter().find(|session| session["current"] == true).expect("it is listed");
    current["id"].as_str().expect("an id").to_owned()
}

fn time(value: &Value) -> Timestamp {
    value.as_str().expect("a text").parse().expect("a time")
}

fn field<'v>(sessions: &'v [Value], name: &str) -> Vec<&'v Value> {
    sessions.iter().map(|session| &session[name]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_sees_its_own_sessions_newest_first_and_which_one_asks() {
    let world = World::new().await;
    let admin = world.admin().await;
    let laptop = world.member(&admin, "grace@example.com").await;
    world.advance(60);
    let phone = login_with(&world, "grace@example.com", CHROME).await;
    world.advance(60);
    let desktop = login_with(&world, "grace@example.com", FIREFOX).await;
    let seen = sessions(&phone).await;
    assert_eq!(
        field(&seen, "label"),
        ["Firefox on Windows", "Chrome on Android", "Unknown browser"]
    );
    assert_eq!(field(&seen, "current"), [false, true, false]);
    assert_eq!(seen[1].as_object().expect("an object").len(), 5);
    let ids = field(&seen, "id");
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    for (person, place) in [(&desktop, 0), (&phone, 1), (&laptop, 2)] {
        assert_eq!(id_of(person).await, *ids[place], "each is the same to all of them");
    }
    // The admin's is nobody else's affair, and the other way round.
    let admins = sessions(&admin).await;
    assert_eq!(admins.len(), 1);
    assert!(!ids.contains(&&admins[0]["id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_shown_with_its_login_and_its_last_use() {
    let world = World::new().await;
    let admin = world.admin().await;
    let opened = time(&sessions(&admin).await[0]["opened_at"]);
    world.advance(3600);
    let other = world.admin().await;
    let used = |sessions: &[Value]| time(&sessions[1]["used_at"]);
    let seen = sessions(&other).await;
    assert_eq!(time(&seen[1]["opened_at"]), opened);
    let before = used(&seen);
    assert!(before >= opened && before < time(&seen[0]["opened_at"]));
    admin.get("/api/session").await.ok(200);
    let seen = sessions(&other).await;
    assert!(used(&seen) >= time(&seen[0]["opened_at"]), "it was used since: {seen:?}");
    // A look that nobody asked for is no use.
    world.advance(3600);
    let unasked = admin.call("GET", "/api/sessions").header("x-frontdesk-background", "1");
    let unasked: Reply = world.changes_nothing(unasked.send()).await;
    assert_eq!(unasked.ok(200)["sessions"][1]["used_at"], seen[1]["used_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_not_listed() {
    let world = World::new().await;
    let idle = world.admin().await;
    world.advance(7 * 3600);
    let ended = world.admin().await;
    ended.act("/api/logout").await.ok(204);
    world.advance(6 * 3600);
    let admin = world.admin().await;
    idle.get("/api/sessions").await.problem(401, "session_expired");
    ended.get("/api/sessions").await.problem(401, "session_ended");
    assert_eq!(field(&sessions(&admin).await, "current"), [true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_tells_of_a_session_by_its_id() {
    let world = World::new().await;
    let admin = login_with(&world, ADMIN, FIREFOX).await;
    let id = id_of(&admin).await;
    admin.act("/api/logout").await.ok(204);
    let mut rows = world.rows_of("audit").await;
    rows.retain(|row| row["action"].as_s().is_ok_and(|action| action.starts_with("session_")));
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["target"].as_s() == Ok(&id)));
}
