//! `GET /api/session`, and the answer to every address and method that there is not.

use crate::support::{ADMIN, Person, Reply, World, with_ids};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const GRACE: &str = "grace@example.com";
const SESSION_IDLE_LIMIT: SignedDuration = SignedDuration::from_hours(12);
const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The clock of a desk runs on while a test does something: so long before an end something still
/// holds for certain.
const SHORTLY: SignedDuration = SignedDuration::from_secs(5);

fn expires_at(reply: &Reply) -> Timestamp {
    reply.ok(200)["expires_at"].as_str().expect("a text").parse().expect("a time")
}

/// How many keys the account has, as the session tells.
async fn key_count(person: &Person<'_>) -> Value {
    person.get("/api/session").await.ok(200)["account"]["key_count"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_sees_member_account_counts_and_limits() {
    let world = World::new().await;
    let admin = world.admin().await;
    let reply = admin.get("/api/session").await;
    let expected = json!({
        "member": { "id": admin.id, "email": ADMIN, "role": "admin", "status": "active" },
        "account": {
            "id": admin.account, "name": "Example Company",
            "key_count": 1, "key_limit": 10, "member_count": 1, "member_limit": 5,
        },
        "expires_at": reply.body["expires_at"],
    });
    assert_eq!(*reply.ok(200), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_tells_when_it_was_opened_and_the_sandbox_is_validated_after_that() {
    let world = World::new().await;
    let opened_at = |reply: &Reply| -> Timestamp {
        reply.ok(200);
        reply.headers["x-frontdesk-opened-at"].to_str().expect("a text").parse().expect("a time")
    };
    let mut browser = world.browser();
    let before = world.now();
    let opened = opened_at(&browser.log_in(ADMIN).await);
    assert!(before <= opened && opened <= world.now());
    world.settle().await;
    let sandbox = browser.get("/api/sandbox").await;
    let validated = sandbox.ok(200)["validated_at"].as_str().expect("a text");
    assert!(validated.parse::<Timestamp>().expect("a time") >= opened);
    // However long it is used.
    world.advance(3600);
    assert_eq!(opened_at(&browser.get("/api/session").await), opened);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_does_not_see_how_many_members_there_are() {
    let world = World::new().await;
    let admin = world.admin().await;
    let colleague = world.member(&admin, GRACE).await;
    let reply = colleague.get("/api/session").await;
    let expected = json!({
        "member": { "id": colleague.id, "email": GRACE, "role": "member", "status": "active" },
        "account": {
            "id": admin.account,
            "name": "Example Company",
            "key_count": 1,
            "key_limit": 10,
        },
        "expires_at": reply.body["expires_at"],
    });
    assert_eq!(*reply.ok(200), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_right_on_the_next_call() {
    let world = World::new().await;
    let admin = world.admin().await;
    assert_eq!(key_count(&admin).await, 1, "the Sandbox key");
    let (key, _) = admin.key("Zapier Integration").await;
    assert_eq!(key_count(&admin).await, 2);
    admin.delete(&format!("/api/keys/{key}")).await.ok(204);
    assert_eq!(key_count(&admin).await, 1);
    let sandbox =
        admin.get("/api/sandbox").await.ok(200)["key_id"].as_str().expect("an id").to_owned();
    admin.delete(&format!("/api/keys/{sandbox}")).await.ok(204);
    assert_eq!(key_count(&admin).await, 0);

    admin.post("/api/team", json!({ "email": GRACE })).await.ok(201);
    assert_eq!(admin.get("/api/session").await.ok(200)["account"]["member_count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_session_sees_its_own_account() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("admin@other.example").await;
    admin.key("Zapier Integration").await;
    for (person, name, keys) in [(&admin, "Example Company", 2), (&other, "Other Company", 1)] {
        let reply = person.get("/api/session").await;
        let account = &reply.ok(200)["account"];
        assert_eq!(
            (&account["id"], &account["name"], &account["key_count"]),
            (&json!(person.account), &json!(name), &json!(keys))
        );
        assert_eq!(reply.body["member"]["id"], json!(person.id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_session_is_nobody() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("admin@other.example").await;
    let with = |value: &str| world.call("GET", "/api/session").header("authorization", value);
    world
        .changes_nothing(async {
            world.call("GET", "/api/session").send().await.problem(401, "session_required");
            for value in ["Basic YTpi", "Bearer", &admin.token] {
                with(value).send().await.problem(401, "session_required");
            }
            world
                .call("GET", "/api/session")
                .header("cookie", "other=1")
                .send()
                .await
                .problem(401, "session_required");
            let last = if admin.token.ends_with('a') { "b" } else { "a" };
            let body = &admin.token[4..];
            let forged = [
                "fds_garbage".to_owned(),
                String::from("x"),
                admin.token[..admin.token.len() - 1].to_owned(),
                format!("{}a", admin.token),
                format!("{}{last}", &admin.token[..admin.token.len() - 1]),
                // The secret of one session at the place of another.
                format!("fds_{}{}", &other.token[4..16], &body[12..]),
                format!("{}{}", &other.token[..45], &admin.token[45..]),
            ];
            let mut answers = Vec::new();
            for token in forged {
                let reply = with(&format!("Bearer {token}")).send().await;
                reply.problem(401, "session_ended");
                let as_cookie = world
                    .call("GET", "/api/session")
                    .header("cookie", &format!("__Host-frontdesk={token}"));
                answers.extend([reply.text, as_cookie.send().await.text]);
            }
            answers.dedup();
            assert_eq!(answers.len(), 1, "one cannot be told from the other");
        })
        .await;
    admin.get("/api/session").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_nobody_uses_ends_after_twelve_hours() {
    let world = World::new().await;
    let admin = world.admin().await;
    let end = expires_at(&admin.get("/api/session").await);
    assert!(
        end <= world.now() + SESSION_IDLE_LIMIT
            && end > world.now() + SESSION_IDLE_LIMIT - SignedDuration::from_mins(1)
    );
    world.advance_to(end - SHORTLY);
    let prolonged = expires_at(&admin.get("/api/session").await);
    assert!(prolonged > end + SESSION_IDLE_LIMIT - SignedDuration::from_mins(1), "{prolonged}");
    world.advance_to(prolonged);
    world.changes_nothing(admin.get("/api/session")).await.problem(401, "session_expired");
    // That it was asked for again does not wake it.
    admin.get("/api/session").await.problem(401, "session_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_used_is_kept_for_seven_days_and_not_longer() {
    let world = World::new().await;
    let before = world.now();
    let admin = world.admin().await;
    let after = world.now();
    let mut end = expires_at(&admin.get("/api/session").await);
    // Used by a change now, and by a look then.
    for use_ in 0..14 {
        world.advance_to(before + SignedDuration::from_hours(11) * (use_ + 1));
        if use_ % 2 == 0 {
            admin.key(&format!("Key {use_}")).await;
        }
        let next = expires_at(&admin.get("/api/session").await);
        assert!(next > end, "{use_}: {next} is not after {end}");
        end = next;
    }
    world.advance_to(before + SignedDuration::from_hours(11) * 15);
    let end = expires_at(&admin.get("/api/session").await);
    assert!(before + SESSION_LIFETIME <= end && end <= after + SESSION_LIFETIME, "{end}");
    world.advance_to(end - SHORTLY);
    assert_eq!(expires_at(&admin.get("/api/session").await), end);
    world.advance_to(end);
    admin.get("/api/session").await.problem(401, "session_expired");
    world
        .changes_nothing(admin.post("/api/keys", json!({ "name": "Too late" })))
        .await
        .problem(401, "session_expired");
}

/// What a console that lies open reads, again and again.
const READS: [&str; 4] = ["/api/session", "/api/sandbox", "/api/keys", "/api/team"];

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_left_open_is_out_after_twelve_hours_although_it_read() {
    let world = World::new().await;
    let admin = world.admin().await;
    let unasked = |path: &str| admin.call("GET", path).header("x-frontdesk-background", "1");
    let end = expires_at(&admin.get("/api/session").await);
    for minutes in (0..12 * 60).rev().step_by(90) {
        world.advance_to(end - SignedDuration::from_mins(minutes) - SHORTLY);
        for path in READS {
            world.changes_nothing(unasked(path).send()).await.ok(200);
        }
        assert_eq!(expires_at(&unasked("/api/session").send().await), end);
    }
    world.advance_to(end);
    for path in READS {
        world.changes_nothing(unasked(path).send()).await.problem(401, "session_expired");
    }
    admin.get("/api/session").await.problem(401, "session_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_a_use_unless_it_says_itself_that_nobody_asked_for_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    let mut end = expires_at(&admin.get("/api/session").await);
    for value in ["0", "", "true", "1, 1"] {
        world.advance(3600);
        let read = admin.call("GET", "/api/session").header("x-frontdesk-background", value);
        let next = expires_at(&read.send().await);
        assert!(next > end, "{value}");
        end = next;
    }
    // What changes something is somebody's act, whatever it says.
    world.advance(3600);
    let create = admin.call("POST", "/api/keys").header("x-frontdesk-background", "1");
    create.json(json!({ "name": "Zapier Integration" })).send().await.ok(201);
    let unasked = admin.call("GET", "/api/session").header("x-frontdesk-background", "1");
    assert!(expires_at(&unasked.send().await) > end);
}

#[tokio::test(flavor = "multi_thread")]
async fn suspension_ends_the_sessions_of_all_members_and_resumption_revives_them() {
    let world = World::new().await;
    let admin = world.admin().await;
    let colleague = world.member(&admin, GRACE).await;
    let other = world.other_admin("admin@other.example").await;
    world.suspend(&admin.account).await;
    for person in [&admin, &colleague] {
        world.changes_nothing(person.get("/api/session")).await.problem(403, "account_suspended");
    }
    other.get("/api/session").await.ok(200);
    world.resume(&admin.account).await;
    for person in [&admin, &colleague] {
        person.get("/api/session").await.ok(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_session_is_over_is_told_to_whoever_had_it_and_to_nobody_else() {
    let world = World::new().await;
    let admin = world.admin().await;
    let colleague = world.member(&admin, GRACE).await;
    // At the place of a session, with another secret.
    let forged = |token: &str| {
        let last = if token.ends_with('a') { "b" } else { "a" };
        let token = format!("{}{last}", &token[..token.len() - 1]);
        world.call("GET", "/api/session").header("authorization", &format!("Bearer {token}")).send()
    };
    let unknown = forged(&admin.token).await.text;
    world.suspend(&admin.account).await;
    admin.get("/api/session").await.problem(403, "account_suspended");
    assert_eq!(forged(&admin.token).await.text, unknown);
    // One that is over is not told what became of the account.
    world.advance(12 * 3600);
    admin.get("/api/session").await.problem(401, "session_expired");
    admin.act("/api/logout").await.problem(401, "session_expired");
    assert_eq!(forged(&admin.token).await.text, unknown);
    world.resume(&admin.account).await;
    admin.get("/api/session").await.problem(401, "session_expired");
    // Nothing is kept for the words: where another session took the place, nobody knows any more.
    for _ in 0..10 {
        world.advance(3 * 3600);
        world.login(GRACE).await;
    }
    colleague.get("/api/session").await.problem(401, "session_ended");
    // What was ended is not there to be told of.
    let again = world.admin().await;
    again.act("/api/logout").await.ok(204);
    world.advance(13 * 3600);
    again.get("/api/session").await.problem(401, "session_ended");
}

/// What the API knows, with an id where the path has one. A path with a name in it may be one with
/// an id as well.
fn known() -> BTreeMap<String, Vec<&'static str>> {
    let triggers = functions::FUNCTIONS.iter().flat_map(functions::Function::triggers);
    let routes: Vec<(&str, &str)> = triggers.filter_map(functions::Trigger::route).collect();
    let fits = |route: &str, path: &str| {
        let (route, path): (Vec<_>, Vec<_>) =
            (route.split('/').collect(), path.split('/').collect());
        let alike = |(route, path): (&&str, &&str)| route.starts_with('{') || route == path;
        route.len() == path.len() && route.iter().zip(&path).all(alike)
    };
    let mut known: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for (_, route) in &routes {
        let path = with_ids(route);
        let mut methods: Vec<_> = routes
            .iter()
            .filter(|(_, other)| fits(other, &path))
            .map(|(method, _)| *method)
            .collect();
        methods.sort_unstable();
        methods.dedup();
        known.insert(path, methods);
    }
    known
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_an_address_does_not_know_is_told_which_it_does() {
    let world = World::new().await;
    let admin = world.admin().await;
    let known = known();
    assert_eq!(known.values().map(Vec::len).sum::<usize>(), 26);
    world
        .changes_nothing(async {
            for (path, methods) in &known {
                for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"] {
                    if methods.contains(&method) {
                        continue;
                    }
                    for request in [
                        world.call(method, path),
                        admin.call(method, path),
                        admin.call(method, path).json(json!({ "name": "x" })),
                    ] {
                        let reply = request.send().await;
                        assert_eq!(reply.status, 405, "{method} {path}");
                        let mut allowed: Vec<&str> =
                            reply.header("allow").expect("what is allowed").split(", ").collect();
                        allowed.sort_unstable();
                        assert_eq!(&allowed, methods, "{method} {path}");
                        if method != "HEAD" {
                            reply.problem(405, "method_not_allowed");
                        }
                    }
                }
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_there_is_not_is_not_found_by_any_method() {
    let world = World::new().await;
    let admin = world.admin().await;
    let paths = [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/session/",
        "/api//session",
        "/api/Session",
        "/api/session/x",
        "/api/keys/",
        "/api/keys/a/b",
        "/api/team/",
        "/api/%73ession",
        "/api/login",
        "/api/keys%2Fa",
        "/api/login/code/x",
        "/api/session;x",
    ];
    world
        .changes_nothing(async {
            for path in paths {
                for method in ["GET", "POST", "DELETE"] {
                    admin.call(method, path).send().await.problem(404, "not_found");
                    world.call(method, path).send().await.problem(404, "not_found");
                }
            }
        })
        .await;
    // A query belongs to no path.
    admin.get("/api/session?x=1").await.ok(200);
    admin.get("/api/nothing?/api/session").await.problem(404, "not_found");
}
