//! What each action sends to the store, how often it waits, and what that costs.
//!
//! The actions are counted at the wire, behind a [`Proxy`], each on a warm function and in the same
//! state of the same account. What is declared here is what `docs/table.md` says in its table of
//! access patterns.

use crate::crowd::Crowd;
use crate::folder::Folder;
use crate::invitations::{self, link};
use crate::list_sessions;
use crate::logs::Log;
use crate::proxy::{
    Behind, KEY_CHECKS, Nobody, Proxy, Recording, authorizer_event, body_of, check_event,
    http_event, lets_in, outcome,
};
use crate::support::{ADMIN, Person, UNHURRIED, World, wrong};
use aws_sdk_dynamodb::types::AttributeValue;
use axum::extract::{ConnectInfo, Request};
use axum::http::Method;
use domain::key::KeyPrefix;
use domain::{AccountId, KeyId, KeyKind, PlainKey};
use edge::App;
use edge::config::Env;
use functions::{FUNCTIONS, Trigger};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, OnceCell};

/// Requests that are under way side by side, and what waits for them.
pub type Waves = &'static [&'static [&'static str]];

/// What an action sends when all goes well.
const DECLARED: [(&str, Waves); 26] = [
    ("request-code", &[&["GetItem", "UpdateItem"], &["TransactWriteItems"]]),
    ("verify-code", &[&["GetItem", "UpdateItem"], &["GetItem", "GetItem", "TransactWriteItems"]]),
    ("end-session", &[&["GetItem", "TransactWriteItems"]]),
    ("get-session", &[&["GetItem", "UpdateItem"]]),
    ("get-sandbox", &[&["GetItem", "GetItem", "UpdateItem"]]),
    ("get-usage", &[&["GetItem", "GetItem", "UpdateItem"]]),
    ("test-sandbox", &[&["GetItem", "GetItem", "UpdateItem"], &["TransactWriteItems"]]),
    ("retry-sandbox", &[&["GetItem", "TransactWriteItems"]]),
    ("reveal-sandbox-key", &[&["GetItem", "TransactWriteItems"]]),
    ("list-keys", &[&["GetItem", "Query", "Query", "UpdateItem"]]),
    ("create-key", &[&["TransactWriteItems"]]),
    ("change-key", &[&["GetItem"], &["TransactWriteItems"]]),
    ("rotate-key", &[&["GetItem"], &["TransactWriteItems"]]),
    ("delete-key", &[&["GetItem"], &["TransactWriteItems"]]),
    ("list-members", &[&["GetItem", "Query", "UpdateItem"]]),
    ("invite-member", &[&["TransactWriteItems"]]),
    ("change-role", &[&["GetItem"], &["TransactWriteItems"]]),
    ("revoke-member", &[&["GetItem"], &["TransactWriteItems"]]),
    ("leave-team", &[&["GetItem"], &["TransactWriteItems"]]),
    ("resend-invitation", &[&["GetItem"], &["TransactWriteItems"]]),
    ("decline-invitation", &[&["TransactWriteItems"]]),
    ("list-sessions", &[&["GetItem", "UpdateItem"]]),
    ("revoke-session", &[&["GetItem"], &["TransactWriteItems"]]),
    ("list-activity", &[&["GetItem", "Query", "UpdateItem"], &["BatchGetItem"]]),
    ("authorize-key", &[&["GetItem"]]),
    ("check-key", &[&["GetItem"]]),
];

pub fn declared(action: &str) -> Waves {
    DECLARED
        .iter()
        .find(|(name, _)| *name == action)
        .map(|(_, waves)| *waves)
        .expect("the action is declared")
}

/// After so many seconds the mark of a session's last use is due again, so that each read is
/// measured with its write.
fn until_mark_is_due() -> u64 {
    u64::try_from(domain::session::USE_RECORDED_EVERY.as_secs()).expect("a while") + 1
}

/// An action under measurement: called once to be warm, and a second time to be counted.
struct Bench<'w> {
    world: &'w World,
    proxy: Proxy,
    log: Log,
    measured: Vec<(&'static str, Measured)>,
}

/// What one call came to.
#[derive(Clone)]
pub struct Measured {
    pub sent: Recording,
    /// Bytes, with an id of the request as Lambda's are.
    logged: usize,
}

impl Bench<'_> {
    /// Two calls of an HTTP action that go well; `call` makes each of them, 1 and 2.
    async fn action(
        &mut self,
        name: &'static str,
        status: u64,
        call: impl AsyncFn(usize) -> Value,
    ) {
        let function = self.proxy.function(self.world, name);
        self.measure(name, &function, call, |answer| {
            assert_eq!(outcome(answer), (status, String::new()), "{name}: {answer}")
        })
        .await;
    }

    async fn measure(
        &mut self,
        name: &'static str,
        function: &Behind,
        call: impl AsyncFn(usize) -> Value,
        check: impl Fn(&Value),
    ) {
        check(&function.invoke(&call(1).await).await.expect("an answer"));
        self.world.settle().await;
        self.world.advance(until_mark_is_due());
        let event = call(2).await;
        let before = self.log.text().len();
        let (answer, sent) = self.proxy.record(declared(name), function.invoke(&event)).await;
        check(&answer.expect("an answer"));
        assert_eq!(sent.waves(), declared(name), "{name}");
        let logged = logged(name, &self.log.text()[before..]);
        self.measured.push((name, Measured { sent, logged }));
        self.world.settle().await;
    }
}

/// The bytes of this function's lines.
fn logged(function: &str, lines: &str) -> usize {
    const LAMBDAS_ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
    let own = lines.lines().filter_map(|line| {
        let parsed: Value = serde_json::from_str(line).expect("one JSON value each");
        let id = parsed["request_id"].as_str()?;
        (parsed["function"] == function).then(|| line.replacen(id, LAMBDAS_ID, 1).len() + 1)
    });
    own.sum()
}

/// Every action, measured, in the order of [`DECLARED`].
pub async fn measure_all(beside: &Crowd) -> Vec<(&'static str, Measured)> {
    let folder = Folder::new();
    let world = beside.world(&folder).await;
    let admin = world.admin().await;
    beside.accounts(&world, &admin.account).await;
    beside.events(&world, &admin.account).await;
    world.member(&admin, "grace@example.com").await;
    world.member(&admin, "linus@example.com").await;
    beside.fill(&world, &admin).await;
    beside.sessions(&world, [ADMIN, "grace@example.com", "linus@example.com"]).await;
    let admin = world.admin().await;
    let grace = world.login("grace@example.com").await;
    let linus = world.login("linus@example.com").await;
    let (proxy, log) = (Proxy::new(&world).await, Log::of(&world));
    let mut bench = Bench { world: &world, proxy, log, measured: Vec::new() };

    let plain =
        |name: &'static str, person: &Person<'_>| http_event(name, Some(person), None, None);
    let with = |name: &'static str, person: &Person<'_>, body: Value| {
        http_event(name, Some(person), None, Some(body))
    };
    bench.action("get-session", 200, async |_| plain("get-session", &admin)).await;
    bench.action("get-sandbox", 200, async |_| plain("get-sandbox", &admin)).await;
    bench.action("get-usage", 200, async |_| plain("get-usage", &admin)).await;
    bench.action("test-sandbox", 200, async |_| plain("test-sandbox", &admin)).await;
    bench.action("retry-sandbox", 202, async |_| plain("retry-sandbox", &admin)).await;
    bench.action("reveal-sandbox-key", 200, async |_| plain("reveal-sandbox-key", &admin)).await;

    bench
        .action("create-key", 201, async |turn| {
            with("create-key", &admin, json!({ "name": format!("Key {turn}") }))
        })
        .await;
    bench.action("list-keys", 200, async |_| plain("list-keys", &admin)).await;
    let (doomed, key) = admin.key("Key 3").await;
    let (doomed_too, _) = admin.key("Key 4").await;
    let authorizer = bench.proxy.function(&world, "authorize-key");
    let good = |answer: &Value| assert_eq!(answer["isAuthorized"], true);
    bench.measure("authorize-key", &authorizer, async |_| authorizer_event(&key), good).await;
    bench
        .action("change-key", 200, async |turn| {
            let until = world.ahead(86_400 * turn as i64);
            let body = json!({ "name": format!("Name {turn}"), "expires_at": until });
            http_event("change-key", Some(&admin), Some(&doomed), Some(body))
        })
        .await;
    bench
        .action("rotate-key", 201, async |turn| {
            let mut event = http_event("rotate-key", Some(&admin), Some(&doomed), None);
            event["headers"]["idempotency-key"] = format!("rotation {turn}").into();
            event
        })
        .await;
    let ids = [doomed, doomed_too];
    bench
        .action("delete-key", 204, async |turn| {
            http_event("delete-key", Some(&admin), Some(&ids[turn - 1]), None)
        })
        .await;

    let limit = json!({ "act": "set_limits", "member_limit": beside.member_limit() });
    world.change(&admin.account, limit).await;
    let invited = |turn: usize| json!({ "email": format!("guest{turn}@example.com") });
    bench
        .action("invite-member", 201, async |turn| with("invite-member", &admin, invited(turn)))
        .await;
    bench.action("list-members", 200, async |_| plain("list-members", &admin)).await;
    bench.action("list-activity", 200, async |_| plain("list-activity", &admin)).await;
    for turn in 3..=4 {
        let guest = invited(turn)["email"].as_str().expect("a text").to_owned();
        invitations::invite(&admin, &guest).await.ok(201);
    }
    world.settle().await;
    let links = [3, 4].map(|turn| {
        let guest = invited(turn);
        json!({ "invitation": link(&world, guest["email"].as_str().expect("a text")) })
    });
    bench
        .action("decline-invitation", 204, async |turn| {
            http_event("decline-invitation", None, None, Some(links[turn - 1].clone()))
        })
        .await;
    let team = admin.get("/api/team").await;
    let ids: Vec<String> = (1..=2)
        .map(|turn| {
            let guest = |member: &&Value| member["email"] == invited(turn)["email"];
            let member = team.body["members"]
                .as_array()
                .expect("a list")
                .iter()
                .find(guest)
                .expect("was invited");
            member["id"].as_str().expect("an id").to_owned()
        })
        .collect();
    bench
        .action("resend-invitation", 202, async |turn| {
            http_event("resend-invitation", Some(&admin), Some(&ids[turn - 1]), None)
        })
        .await;
    bench
        .action("change-role", 200, async |turn| {
            let body = json!({ "role": if turn == 1 { "admin" } else { "member" } });
            http_event("change-role", Some(&admin), Some(&grace.id), Some(body))
        })
        .await;
    bench
        .action("revoke-member", 204, async |turn| {
            http_event("revoke-member", Some(&admin), Some(&ids[turn - 1]), None)
        })
        .await;

    let asked = json!({ "email": "linus@example.com", "accept_terms": true });
    bench
        .action("request-code", 202, async |_| {
            http_event("request-code", None, None, Some(asked.clone()))
        })
        .await;
    let login = async |_| {
        let (challenge, code) = world.challenge("grace@example.com").await;
        http_event("verify-code", None, None, Some(json!({ "challenge": challenge, "code": code })))
    };
    bench.action("verify-code", 200, login).await;
    bench.action("list-sessions", 200, async |_| plain("list-sessions", &admin)).await;
    let spare = [
        list_sessions::id_of(&world.admin().await).await,
        list_sessions::id_of(&world.admin().await).await,
    ];
    bench
        .action("revoke-session", 204, async |turn| {
            http_event("revoke-session", Some(&admin), Some(&spare[turn - 1]), None)
        })
        .await;
    let leaving = [&grace, &linus];
    bench.action("end-session", 204, async |turn| plain("end-session", leaving[turn - 1])).await;
    let again = [world.login("grace@example.com").await, world.login("linus@example.com").await];
    bench.action("leave-team", 204, async |turn| plain("leave-team", &again[turn - 1])).await;

    let (_, key) = admin.key("Key 5").await;
    bench.action("check-key", 200, async |_| check_event("GET", Some(&key))).await;

    let mut measured = bench.measured;
    measured.sort_by_key(|(name, _)| DECLARED.iter().position(|(known, _)| known == name));
    measured
}

/// Every action with nobody beside, measured once for all tests that ask.
async fn measured() -> &'static [(&'static str, Measured)] {
    static MEASURED: OnceCell<Vec<(&str, Measured)>> = OnceCell::const_new();
    MEASURED.get_or_init(async || measure_all(&Crowd::default()).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_nobody_asked_for_sends_as_much_and_writes_nothing() {
    const READ: Waves = &[&["GetItem", "GetItem"]];
    const SANDBOX: Waves = &[&["GetItem", "GetItem", "GetItem"]];
    const KEYS: Waves = &[&["GetItem", "GetItem", "Query", "Query"]];
    const LIST: Waves = &[&["GetItem", "GetItem", "Query"]];
    const ACTIVITY: Waves = &[&["GetItem", "GetItem", "Query"], &["BatchGetItem"]];
    let world = World::new().await;
    let admin = world.admin().await;
    world.settle().await;
    // The mark of the last use would be due.
    world.advance(until_mark_is_due());
    let proxy = Proxy::new(&world).await;
    for (name, waves) in [
        ("get-session", READ),
        ("list-sessions", READ),
        ("get-sandbox", SANDBOX),
        ("get-usage", SANDBOX),
        ("list-keys", KEYS),
        ("list-members", LIST),
        ("list-activity", ACTIVITY),
    ] {
        let mut event = http_event(name, Some(&admin), None, None);
        event["headers"]["x-frontdesk-background"] = json!("1");
        let function = proxy.function(&world, name);
        let (answer, recording) = proxy.record(waves, function.invoke(&event)).await;
        assert_eq!(outcome(&answer.expect("an answer")), (200, String::new()), "{name}");
        assert_eq!(recording.waves(), waves, "{name}");
        assert_eq!(recording.write_units().to_string(), "0", "{name}");
    }
}

/// What the other tests here stand on.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_follow_one_another_never_count_as_one_wait() {
    let world = World::new().await;
    let proxy = Proxy::with_patience(&world, Duration::from_millis(200)).await;
    let ask = http_event(
        "request-code",
        None,
        None,
        Some(json!({ "email": ADMIN, "accept_terms": true })),
    );
    let function = proxy.function(&world, "request-code");
    const AS_ONE: Waves = &[&["GetItem", "UpdateItem", "TransactWriteItems"]];
    for _ in 0..2 {
        let (answer, recording) = proxy.record(AS_ONE, function.invoke(&ask)).await;
        assert_eq!(outcome(&answer.expect("an answer")), (202, String::new()));
        assert_eq!(recording.waves(), declared("request-code"));
    }
}

#[test]
fn every_http_action_and_the_authorizer_have_a_declared_access_pattern() {
    let client_facing = |trigger| match trigger {
        Trigger::Http { .. } | Trigger::Authorizer | Trigger::ForwardAuth { .. } => true,
        Trigger::Stream | Trigger::Topic | Trigger::Operator | Trigger::Schedule => false,
    };
    let wanted: BTreeSet<&str> = FUNCTIONS
        .iter()
        .filter(|function| client_facing(function.trigger))
        .map(|function| function.name)
        .collect();
    let declared: BTreeSet<&str> = DECLARED.iter().map(|(name, _)| *name).collect();
    assert_eq!((declared, DECLARED.len()), (wanted.clone(), wanted.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_console_action_waits_for_the_store_at_most_once_and_a_login_at_most_twice() {
    let measured = measured().await;
    assert_eq!(measured.len(), DECLARED.len());
    for (name, Measured { sent, .. }) in measured {
        let most = match *name {
            "request-code" | "verify-code" => 2,
            // The key is read before the product API is asked, and the verdict is on record before
            // it is told.
            "test-sandbox" => 2,
            // The number of the invitation that is to be the next one.
            "resend-invitation" => 2,
            // What the trail and the answer say of a key.
            "change-key" | "rotate-key" | "delete-key" => 2,
            // What they say of a member.
            "change-role" | "revoke-member" | "leave-team" => 2,
            // Where a session lies that is named by its id.
            "revoke-session" => 2,
            // The addresses of those who acted.
            "list-activity" => 2,
            _ => 1,
        };
        assert!(sent.waits() <= most, "{name} waits {} times", sent.waits());
    }
}

/// The row of an address has what was asked for within a day, a page of the trail what there is.
#[tokio::test(flavor = "multi_thread")]
async fn ten_sessions_cost_nothing_more_and_the_codes_of_five_logins_a_day_three_write_units() {
    let full = Crowd { sessions: domain::session::MAX_SESSIONS, ..Crowd::default() };
    let (one, all) = tokio::join!(measured(), measure_all(&full));
    let more: Vec<_> = one
        .iter()
        .zip(&all)
        .map(|((name, one), (_, all))| {
            assert_eq!(one.sent.waves(), all.sent.waves(), "{name}");
            let (one, all) = (&one.sent, &all.sent);
            let reads = all.read_units() - one.read_units();
            (*name, reads, all.write_units() - one.write_units())
        })
        .filter(|(_, reads, writes)| (*reads, *writes) != (0.0, 0.0))
        .collect();
    let expected = [
        ("request-code", 0.0, 2.0),
        ("verify-code", 0.0, 3.0),
        ("leave-team", 0.0, 2.0),
        ("list-activity", 1.0, 0.0),
    ];
    assert_eq!(more, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_access_patterns_in_docs_table_md_is_measured() {
    const BEGIN: &str = "<!-- access-patterns:begin -->";
    const END: &str = "<!-- access-patterns:end -->";
    let table = render(measured().await);
    let text = std::fs::read_to_string(desk::workspace_root().join("docs/table.md"))
        .expect("docs/table.md is there");
    let written = text
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END))
        .map(|(table, _)| table.trim());
    assert!(
        written == Some(table.trim()),
        "docs/table.md differs from what was measured. \
         Between its marks {BEGIN} and {END} belongs:\n\n{table}\n"
    );
}

/// The table as it stands in `docs/table.md`.
fn render(measured: &[(&str, Measured)]) -> String {
    let mut lines = vec![
        "| action | requests | waits | read units | write units | logged |".to_owned(),
        "|---|---|---:|---:|---:|---:|".to_owned(),
    ];
    for (name, Measured { sent, logged }) in measured {
        let waves: Vec<String> = sent.waves().iter().map(|wave| side_by_side(wave)).collect();
        let (reads, writes, waits) = (sent.read_units(), sent.write_units(), sent.waits());
        let requests = format!("{}: {}", sent.requests(), waves.join(", then "));
        lines.push(format!("| `{name}` | {requests} | {waits} | {reads} | {writes} | {logged} |"));
    }
    lines.join("\n")
}

/// `2 GetItem + TransactWriteItems`.
fn side_by_side(wave: &[&str]) -> String {
    let kinds: BTreeSet<&str> = wave.iter().copied().collect();
    let count = |kind: &str| wave.iter().filter(|operation| **operation == kind).count();
    let named = kinds.into_iter().map(|kind| {
        if count(kind) > 1 { format!("{} {kind}", count(kind)) } else { kind.to_owned() }
    });
    named.collect::<Vec<_>>().join(" + ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_check_sends_exactly_one_request_and_opens_no_other_connection() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, good) = admin.key("Good").await;
    let (id, deleted) = admin.key("Deleted").await;
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    // Its use is marked for the next hour.
    assert_eq!(world.product_api(&good).await, 200);
    let app: App = world.app("authorize-key");
    let account: AccountId = admin.account.parse().expect("an id");
    let made_up = |account: &AccountId| {
        let key = PlainKey::mint(
            &KeyPrefix::default(),
            account,
            &KeyId::random(KeyKind::Live, &mut app.rng()),
            &mut app.rng(),
        );
        key.secret().expose().to_owned()
    };
    let nobodys = made_up(&AccountId::random(&mut app.rng()));

    let proxy = Proxy::new(&world).await;
    let (mail, secrets, product) = (Nobody::new().await, Nobody::new().await, Nobody::new().await);
    let (mail_url, secrets_url, product_url) = (mail.url(), secrets.url(), product.url());
    let changed = [
        ("AWS_ENDPOINT_URL_DYNAMODB", proxy.url()),
        ("AWS_ENDPOINT_URL_SES", &mail_url),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets_url),
        ("PRODUCT_API_URL", &product_url),
    ];
    let unknown = made_up(&account);
    let keys = [&good, &good, &deleted, &unknown, &nobodys];
    for (name, event) in KEY_CHECKS {
        let check = Behind::new(&world, name, &changed);
        // The first call finds the function cold, and sends no more than the others.
        for key in keys {
            let event = event(key);
            let (answer, recording) = proxy.record(declared(name), check.invoke(&event)).await;
            assert_eq!(lets_in(&answer.expect("an answer")), *key == good, "{name}");
            assert_eq!(recording.waves(), declared(name));
            let read = &recording.0[0].body;
            assert_eq!(read["ConsistentRead"], true);
            assert_eq!(read["Key"].as_object().expect("a key").len(), 2, "by primary key: {read}");
        }
    }
    let nothing: [(&str, &Nobody); 3] =
        [("SES", &mail), ("Secrets Manager", &secrets), ("the product API", &product)];
    for (service, nobody) in nothing {
        assert_eq!(nobody.connections().await, 0, "{service}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_finds_a_connection_that_was_opened_ahead_without_asking_for_a_row() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Good").await;
    let asked: Arc<Mutex<Vec<(SocketAddr, Request)>>> = Arc::default();
    let note = asked.clone();
    let table = axum::Router::new().fallback(
        async move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| {
            // As DynamoDB says to whoever looks whether it is there.
            let answer = if request.method() == Method::GET { "healthy" } else { "{}" };
            note.lock().expect("no panic").push((peer, request));
            answer
        },
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let table = table.into_make_service_with_connect_info::<SocketAddr>();
    let served = tokio::spawn(async move { axum::serve(listener, table).await });

    let mut environment = world.desk.environment("authorize-key");
    environment.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), url);
    let clock = world.desk.clock().clone();
    let app = App::new(&Env::from_pairs(environment), clock, UNHURRIED).expect("it is right");
    app.prepare(functions::AUTHORIZE_KEY.ahead).await;
    let found = app.store.find_key(&PlainKey::parse(&key).expect("a key")).await;
    assert!(matches!(found, Ok(None)), "{found:?}");
    let asked = std::mem::take(&mut *asked.lock().expect("no panic"));
    let [(opened, ahead), (reused, first)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(opened, reused, "one connection");
    assert_eq!((ahead.method().as_str(), ahead.uri().path()), ("GET", "/"));
    assert_eq!(ahead.headers().get("x-amz-target"), None);
    assert_eq!(first.headers()["x-amz-target"], "DynamoDB_20120810.GetItem");
    served.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_use_costs_one_write_unit_an_hour_and_none_otherwise() {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    let marked: Waves = &[&["GetItem"], &["UpdateItem"]];
    for (name, event) in KEY_CHECKS {
        let (_, key) = admin.key(name).await;
        let check = proxy.function(&world, name);
        for (wait, waves, units) in
            [(0, marked, (1.0, 1.0)), (3500, declared(name), (1.0, 0.0)), (100, marked, (1.0, 1.0))]
        {
            world.advance(wait);
            let (answer, recording) = proxy.record(waves, check.invoke(&event(&key))).await;
            assert!(lets_in(&answer.expect("an answer")), "{name}");
            assert_eq!(recording.waves(), waves, "{name}");
            assert_eq!((recording.read_units(), recording.write_units()), units, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_check_refuses_garbage_without_a_request() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, good) = admin.key("Good").await;
    let proxy = Proxy::new(&world).await;
    let last = if good.ends_with('0') { '1' } else { '0' };
    let misspelt = format!("{}{last}", &good[..good.len() - 1]);
    let garbage = [
        "",
        " ",
        "fd_live_",
        "not a key",
        &good[1..],
        &misspelt,
        &format!("{good}0"),
        &"k".repeat(100_000),
    ];
    for (name, event) in KEY_CHECKS {
        let check = proxy.function(&world, name);
        let mut without = event(&good);
        without["headers"] = json!({ "accept": "*/*" });
        for event in garbage.into_iter().map(event).chain([without]) {
            let (answer, recording) = proxy.record(&[], check.invoke(&event)).await;
            assert!(!lets_in(&answer.expect("an answer")), "{name}");
            assert_eq!(recording.requests(), 0, "{event}");
        }
    }
}

/// Characters of a challenge's id.
const RANDOM_ID_LEN: usize = 22;

/// The shape of a request: what its names, kinds of values and expressions are, without the values.
pub fn shape(value: &Value) -> Value {
    match value {
        // Rows within a row, by ids that are random.
        Value::Object(fields) if fields.keys().any(|name| name.len() == RANDOM_ID_LEN) => {
            let mut rows: Vec<Value> = fields.values().map(shape).collect();
            rows.sort_by_key(Value::to_string);
            rows.into()
        }
        Value::Object(fields) => {
            let kept = |name: &str| {
                name.ends_with("Expression")
                    || matches!(name, "TableName" | "ReturnValuesOnConditionCheckFailure")
            };
            fields
                .iter()
                .map(|(name, value)| {
                    let value = match name.as_str() {
                        name if kept(name) => value.clone(),
                        "pk" | "sk" => shape_of_key(value),
                        _ => shape(value),
                    };
                    (name.clone(), value)
                })
                .collect()
        }
        Value::Array(values) => values.iter().map(shape).collect(),
        Value::String(text) => format!("{} bytes", text.len()).into(),
        Value::Bool(_) => "yes or no".into(),
        other => other.clone(),
    }
}

/// Which kind of partition or row it is stays readable.
fn shape_of_key(key: &Value) -> Value {
    let Some(text) = key["S"].as_str() else { return shape(key) };
    let kind = text.split_once('#').map_or(text, |(kind, _)| kind);
    format!("{kind}: {} bytes", text.len()).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn request_code_sends_the_same_requests_whether_the_address_is_known_or_not() {
    let world = World::new().await;
    world.register(json!({ "name": "Known Company", "admin_email": "known@example.com" })).await;
    let proxy = Proxy::new(&world).await;
    let function = proxy.function(&world, "request-code");
    let ask = async |email: &str| {
        let event = http_event(
            "request-code",
            None,
            None,
            Some(json!({ "email": email, "accept_terms": true })),
        );
        let (answer, recording) =
            proxy.record(declared("request-code"), function.invoke(&event)).await;
        assert_eq!(outcome(&answer.expect("an answer")), (202, String::new()));
        assert_eq!(recording.waves(), declared("request-code"));
        let shapes =
            recording.0.iter().map(|sent| (sent.operation.clone(), shape(&sent.body).to_string()));
        // Side by side, one is as often the first as the other.
        shapes.collect::<BTreeSet<_>>()
    };
    ask("other@example.com").await;
    // Both have asked and guessed before, one of them rightly once.
    world.login("known@example.com").await;
    for email in ["known@example.com", "stray@example.com", "stray@example.com"] {
        let challenge = world.request_code(email).await.body["challenge"].clone();
        world.verify(challenge.as_str().expect("a challenge"), "000000").await;
    }
    assert_eq!(ask("known@example.com").await, ask("stray@example.com").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_used_a_moment_ago_costs_no_further_request() {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    let function = proxy.function(&world, "get-session");
    for _ in 0..2 {
        let (answer, recording) =
            proxy.record(declared("get-session"), function.call(Some(&admin), None, None)).await;
        assert_eq!(outcome(&answer), (200, String::new()));
        assert_eq!(recording.waves(), declared("get-session"));
    }
}

/// Bytes of a row as DynamoDB bills them: its names and what they hold.
fn bytes_of(row: &BTreeMap<String, AttributeValue>) -> usize {
    row.iter().map(|(name, value)| name.len() + bytes_of_value(value)).sum()
}

fn bytes_of_value(value: &AttributeValue) -> usize {
    // A list or a map takes three bytes, and one more for each that is in it.
    let inside = |sizes: &mut dyn Iterator<Item = usize>| sizes.map(|size| 1 + size).sum::<usize>();
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(number) => {
            let digits = number.bytes().filter(u8::is_ascii_digit).count();
            digits.div_ceil(2) + 1
        }
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        AttributeValue::L(list) => 3 + inside(&mut list.iter().map(bytes_of_value)),
        AttributeValue::M(map) => {
            3 + inside(&mut map.iter().map(|(name, value)| name.len() + bytes_of_value(value)))
        }
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        other => panic!("no row has {other:?}"),
    }
}

/// Every call with a session writes this row, at a unit for each KB.
#[tokio::test(flavor = "multi_thread")]
async fn the_row_of_a_member_with_ten_sessions_and_the_longest_address_is_under_one_kb() {
    let world = World::new().await;
    let admin = world.admin().await;
    let label = "x".repeat(61);
    let longest = format!("{}@{label}.{label}.{label}.com", "x".repeat(64));
    assert_eq!(longest.len(), 254);
    let member = world.member(&admin, &longest).await;
    for _ in 1..domain::session::MAX_SESSIONS {
        world.advance(3 * 3600);
        world.login(&longest).await;
    }
    let row =
        world.row(&format!("ACCT#{}", member.account), &format!("MEMBER#{}", member.id)).await;
    assert_eq!(row["sessions"].as_m().expect("a map").len(), 10);
    let size = bytes_of(&row);
    assert!(size <= 1024, "{size} bytes");
}

/// A refused call: which function, what is asked, how it is answered, and what that takes.
struct Refused<'w> {
    function: &'static str,
    event: Value,
    answer: (u64, &'static str),
    waves: &'w [&'w [&'w str]],
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_waits_for_the_store_no_longer_than_a_success() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "grace@example.com").await;
    let other = world.other_admin("other@example.com").await;
    let (foreign_key, _) = other.key("Foreign").await;
    let ended = world.admin().await;
    ended.act("/api/logout").await.ok(204);
    // As many members as there are, and one place more for keys: it is taken by a request that is
    // repeated.
    let limits = json!({ "act": "set_limits", "key_limit": 2, "member_limit": 2 });
    world.change(&admin.account, limits).await;
    let once = json!("5f0c8e1e-6a53-4d0b-9a3e-0c4b1a7d2f68");
    let repeated =
        admin.call("POST", "/api/keys").header("idempotency-key", once.as_str().expect("a text"));
    let made = repeated.json(json!({ "name": "Once" })).send().await;
    let rotated = made.ok(201)["key"]["id"].as_str().expect("an id").to_owned();
    for once in ["superseded", "the last but one", "kept"] {
        let path = format!("/api/keys/{rotated}/rotate");
        admin.call("POST", &path).header("idempotency-key", once).send().await.ok(201);
    }
    other
        .delete(&format!(
            "/api/keys/{}",
            other.get("/api/sandbox").await.body["key_id"].as_str().expect("an id")
        ))
        .await
        .ok(204);
    world.settle().await;

    const WRITE: &[&[&str]] = &[&["TransactWriteItems"]];
    const NAMED: &[&[&str]] = &[&["TransactWriteItems"], &["TransactWriteItems"]];
    const WRITE_THEN_READ: &[&[&str]] = &[&["TransactWriteItems"], &["GetItem"]];
    const READ_THEN_WRITE: &[&[&str]] = &[&["GetItem"], &["TransactWriteItems"]];
    const READ: &[&[&str]] = &[&["GetItem", "UpdateItem"]];
    const LIST: &[&[&str]] = &[&["GetItem", "Query", "UpdateItem"]];
    const KEYS: &[&[&str]] = &[&["GetItem", "Query", "Query", "UpdateItem"]];
    const SANDBOX: &[&[&str]] = &[&["GetItem", "GetItem", "UpdateItem"]];
    const WRITE_BESIDE_READ: &[&[&str]] = &[&["GetItem", "TransactWriteItems"]];
    let refused = |function, event, status, code, waves| Refused {
        function,
        event,
        answer: (status, code),
        waves,
    };
    let create = |person: &Person<'_>, name: &str| {
        http_event("create-key", Some(person), None, Some(json!({ "name": name })))
    };
    let invite = |person: &Person<'_>, email: &str| {
        http_event("invite-member", Some(person), None, Some(json!({ "email": email })))
    };
    let delete =
        |person: &Person<'_>, id: &str| http_event("delete-key", Some(person), Some(id), None);
    let change = |person: &Person<'_>, id: &str| {
        let body = Some(json!({ "name": "Another name" }));
        http_event("change-key", Some(person), Some(id), body)
    };
    let demote = |person: &Person<'_>, id: &str| {
        http_event("change-role", Some(person), Some(id), Some(json!({ "role": "member" })))
    };
    let revoke =
        |person: &Person<'_>, id: &str| http_event("revoke-member", Some(person), Some(id), None);
    let plain = |function: &'static str, person: &Person<'_>| {
        http_event(function, Some(person), None, None)
    };
    let rotate =
        |person: &Person<'_>, id: &str| http_event("rotate-key", Some(person), Some(id), None);
    let rotate_as = |once: &str| {
        let mut event = rotate(&admin, &rotated);
        event["headers"]["idempotency-key"] = once.into();
        event
    };
    let (rotated_once, superseded) = (rotate_as("kept"), rotate_as("superseded"));
    let mut reused = create(&admin, "Something else");
    reused["headers"]["idempotency-key"] = once.clone();
    let mut replayed = create(&admin, "Once");
    replayed["headers"]["idempotency-key"] = once;
    let cases = [
        refused("create-key", create(&admin, "One more"), 409, "key_limit_reached", WRITE),
        refused("create-key", create(&member, "Not mine"), 403, "admin_required", WRITE),
        refused("create-key", create(&ended, "Late"), 401, "session_ended", WRITE),
        refused("create-key", create(&admin, ""), 400, "invalid_name", WRITE),
        refused("create-key", reused, 422, "idempotency_key_reused", WRITE),
        refused("create-key", replayed, 409, "key_superseded", WRITE_THEN_READ),
        refused("change-key", change(&admin, &foreign_key), 404, "key_not_found", READ_THEN_WRITE),
        refused(
            "change-key",
            change(&member, &foreign_key),
            403,
            "admin_required",
            READ_THEN_WRITE,
        ),
        refused(
            "rotate-key",
            rotate(&member, &foreign_key),
            403,
            "admin_required",
            READ_THEN_WRITE,
        ),
        refused("rotate-key", rotate(&admin, &foreign_key), 404, "key_not_found", READ_THEN_WRITE),
        refused("rotate-key", rotated_once, 201, "", READ_THEN_WRITE),
        refused("rotate-key", superseded, 409, "key_superseded", READ_THEN_WRITE),
        refused("delete-key", delete(&admin, &foreign_key), 404, "key_not_found", READ_THEN_WRITE),
        refused(
            "delete-key",
            delete(&admin, "key_of_no_form"),
            404,
            "key_not_found",
            READ_THEN_WRITE,
        ),
        refused(
            "delete-key",
            delete(&member, &foreign_key),
            403,
            "admin_required",
            READ_THEN_WRITE,
        ),
        refused("list-members", plain("list-members", &member), 403, "admin_required", LIST),
        refused("list-keys", plain("list-keys", &ended), 401, "session_ended", KEYS),
        refused(
            "invite-member",
            invite(&admin, "linus@example.com"),
            409,
            "member_limit_reached",
            WRITE,
        ),
        refused("invite-member", invite(&other, ADMIN), 409, "email_already_registered", NAMED),
        refused("change-role", demote(&member, &admin.id), 403, "admin_required", READ_THEN_WRITE),
        refused("change-role", demote(&admin, &other.id), 404, "member_not_found", READ_THEN_WRITE),
        refused("change-role", demote(&admin, &admin.id), 409, "last_admin", READ_THEN_WRITE),
        refused("leave-team", plain("leave-team", &admin), 409, "last_admin", READ_THEN_WRITE),
        refused("leave-team", plain("leave-team", &ended), 401, "session_ended", READ_THEN_WRITE),
        refused(
            "revoke-member",
            revoke(&admin, &other.id),
            404,
            "member_not_found",
            READ_THEN_WRITE,
        ),
        refused(
            "revoke-member",
            revoke(&admin, "nobody"),
            404,
            "member_not_found",
            READ_THEN_WRITE,
        ),
        refused("revoke-member", revoke(&admin, &admin.id), 409, "last_admin", READ_THEN_WRITE),
        refused("get-session", plain("get-session", &ended), 401, "session_ended", READ),
        refused(
            "revoke-session",
            http_event("revoke-session", Some(&member), Some("ses_0000000000000000"), None),
            404,
            "session_not_found",
            READ_THEN_WRITE,
        ),
        refused("revoke-session", plain("revoke-session", &member), 204, "", READ_THEN_WRITE),
        refused(
            "revoke-session",
            plain("revoke-session", &ended),
            401,
            "session_ended",
            READ_THEN_WRITE,
        ),
        refused("list-sessions", plain("list-sessions", &ended), 401, "session_ended", READ),
        refused("get-sandbox", plain("get-sandbox", &ended), 401, "session_ended", SANDBOX),
        refused("get-usage", plain("get-usage", &ended), 401, "session_ended", SANDBOX),
        refused(
            "end-session",
            plain("end-session", &ended),
            401,
            "session_ended",
            WRITE_BESIDE_READ,
        ),
        refused("test-sandbox", plain("test-sandbox", &other), 409, "sandbox_not_ready", SANDBOX),
        refused(
            "reveal-sandbox-key",
            plain("reveal-sandbox-key", &other),
            409,
            "sandbox_not_ready",
            WRITE_BESIDE_READ,
        ),
        refused(
            "retry-sandbox",
            plain("retry-sandbox", &ended),
            401,
            "session_ended",
            WRITE_BESIDE_READ,
        ),
    ];
    let proxy = Proxy::new(&world).await;
    for Refused { function, event, answer, waves } in cases {
        let (got, recording) =
            proxy.record(waves, proxy.function(&world, function).invoke(&event)).await;
        assert_eq!(
            outcome(&got.expect("an answer")),
            (answer.0, answer.1.to_owned()),
            "{function}"
        );
        assert_eq!(recording.waves(), waves, "{function}: {}", answer.1);
        // Whether the key of a repeated creation is still there, only its own row says; that an
        // address is registered is on record before it is told.
        let twice = [WRITE_THEN_READ, NAMED, READ_THEN_WRITE];
        assert!(recording.waits() == 1 || twice.contains(&waves));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_waits_once_more_for_what_has_ended_and_beyond_the_days_twentieth() {
    let world = invitations::world_at_dawn().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let ended = async |person: &Person<'_>, email: &str| {
        let id = invitations::invited(person, email).await;
        let long_ago = || AttributeValue::N("1".to_owned());
        let open = AttributeValue::M([(id, long_ago())].into());
        let account = format!("ACCT#{}", person.account);
        world.set_attributes(&account, "ACCOUNT", &[("invited", open)]).await;
        let owner = format!("ADDR#{}", invitations::hash(email));
        world.set_attributes(&owner, "OWNER", &[("invited_until", long_ago())]).await;
        let row = world.rows().await.into_iter().find(|(_, row)| {
            row.get("email").is_some_and(|known| known.as_s().is_ok_and(|known| known == email))
        });
        let ((pk, sk), _) = row.expect("the member");
        world.set_attributes(&pk, &sk, &[("invited_until", long_ago())]).await;
    };
    let proxy = Proxy::new(&world).await;
    let function = proxy.function(&world, "invite-member");
    let twice: Waves = &[&["TransactWriteItems"], &["TransactWriteItems"]];
    let waits_twice = async |email: &str| {
        let body = json!({ "email": email });
        let event = http_event("invite-member", Some(&admin), None, Some(body));
        let (answer, recording) = proxy.record(twice, function.invoke(&event)).await;
        assert_eq!(outcome(&answer.expect("an answer")), (201, String::new()), "{email}");
        assert_eq!(recording.waves(), twice, "{email}");
    };
    // An address that an invitation held elsewhere, or here; and a place, with or without it.
    ended(&other, "theirs@example.com").await;
    waits_twice("theirs@example.com").await;
    ended(&admin, "own@example.com").await;
    waits_twice("own@example.com").await;
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 4 })).await;
    ended(&admin, "late@example.com").await;
    waits_twice("new@example.com").await;
    world.check_counters().await;

    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 50 })).await;
    for number in 0..15 {
        invitations::invited(&admin, &format!("member{number}@example.com")).await;
    }
    waits_twice("the21st@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_waits_once() {
    let world = World::new().await;
    let proxy = Proxy::new(&world).await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let verify = proxy.function(&world, "verify-code");
    let guess = |code: &str| {
        http_event("verify-code", None, None, Some(json!({ "challenge": challenge, "code": code })))
    };
    let once: Waves = &[&["GetItem", "UpdateItem"]];
    for (left, status, code_name) in [(4, 401, "code_incorrect"), (3, 401, "code_incorrect")] {
        let (answer, recording) = proxy.record(once, verify.invoke(&guess(wrong(&code)))).await;
        let answer = answer.expect("an answer");
        assert_eq!(
            (outcome(&answer), body_of(&answer)["attempts_left"].as_u64()),
            ((status, code_name.to_owned()), Some(left))
        );
        assert_eq!(recording.waves(), once);
    }
    world.advance(180);
    let (answer, recording) = proxy.record(once, verify.invoke(&guess(&code))).await;
    assert_eq!(outcome(&answer.expect("an answer")), (401, "code_expired".to_owned()));
    assert_eq!(recording.waves(), once);

    let request = proxy.function(&world, "request-code");
    let ask = http_event(
        "request-code",
        None,
        None,
        Some(json!({ "email": ADMIN, "accept_terms": true })),
    );
    for _ in 0..2 {
        assert_eq!(outcome(&request.invoke(&ask).await.expect("an answer")), (202, String::new()));
    }
    let (answer, recording) = proxy.record(once, request.invoke(&ask)).await;
    assert_eq!(outcome(&answer.expect("an answer")), (429, "rate_limited".to_owned()));
    assert_eq!(recording.waves(), once);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_whose_key_is_deleted_meanwhile_waits_no_longer_than_any_other() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = admin.get("/api/sandbox").await.body["key_id"].as_str().expect("an id").to_owned();
    // A product API that answers when it is told to.
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (asking, answering) = (asked.clone(), answer.clone());
    let product = axum::Router::new().fallback(async move || {
        asking.notify_one();
        answering.notified().await;
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move { axum::serve(listener, product).await });

    let proxy = Proxy::new(&world).await;
    let changed = [("AWS_ENDPOINT_URL_DYNAMODB", proxy.url()), ("PRODUCT_API_URL", &url)];
    let function = Behind::new(&world, "test-sandbox", &changed);
    let deletion = async {
        asked.notified().await;
        admin.delete(&format!("/api/keys/{key}")).await.ok(204);
        answer.notify_one();
    };
    let test = async { tokio::join!(function.call(Some(&admin), None, None), deletion).0 };
    let (tested, recording) = proxy.record(declared("test-sandbox"), test).await;
    assert_eq!(outcome(&tested), (200, String::new()));
    let sandbox = body_of(&tested);
    assert_eq!(
        (&sandbox["state"], &sandbox["reason"], &sandbox["key_id"]),
        (&json!("not_configured"), &json!("key_deleted"), &Value::Null)
    );
    assert_eq!(recording.waves(), declared("test-sandbox"));
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_session_sends_nothing() {
    let world = World::new().await;
    let proxy = Proxy::new(&world).await;
    for function in FUNCTIONS {
        let Trigger::Http { path, .. } = function.trigger else { continue };
        let id = path.contains('{').then_some("key_000000000000");
        let (answer, recording) = proxy
            .record(&[], proxy.function(&world, function.name).call(None, id, Some(json!({}))))
            .await;
        assert!((400..500).contains(&outcome(&answer).0), "{}", function.name);
        assert_eq!(recording.requests(), 0, "{}", function.name);
    }
}
