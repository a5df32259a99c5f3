//! `check-key`: the key check over HTTP, for gateways that ask by a request of their own

use crate::authorize_key::forged;
use crate::proxy::{Behind, Fault, Proxy, check_event, lets_in};
use crate::support::{Person, Reply, Request, UNHURRIED, World};
use edge::budget::Budget;
use serde_json::{Value, json};

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "BREW"];
const PATHS: [&str; 6] = [
    "/api/check",
    "/api/check/",
    "/api/check/v1/orders/7",
    "/api/check/a%2Fb/%C3%BC//c",
    "/api/check/api/session?x-api-key=none",
    "/api/check?limited=403&anything",
];

fn check<'w>(world: &'w World, key: &str) -> Request<'w> {
    world.call("GET", "/api/check").header("x-api-key", key)
}

async fn is_good(world: &World, key: &str) -> bool {
    let reply = check(world, key).send().await;
    if reply.status != 200 {
        is_refused(&reply);
    }
    reply.status == 200
}

/// In the product API's words, which tell nothing of the key.
#[track_caller]
fn is_refused(reply: &Reply) {
    let message = "Forbidden: a valid API key is needed in x-api-key.";
    assert_eq!(
        (reply.status.as_u16(), &reply.body),
        (403, &json!({ "error": { "message": message, "code": 403 } }))
    );
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(told(reply), [None; 4]);
}

/// What the product behind the gateway is told.
fn told(reply: &Reply) -> [Option<&str>; 4] {
    ["account", "key", "key-name", "sandbox"].map(|name| {
        let name = format!("x-frontdesk-{name}");
        reply.header(&name)
    })
}

async fn last_used(person: &Person<'_>, id: &str) -> Value {
    let listed = person.get("/api/keys").await;
    let keys = listed.ok(200)["keys"].as_array().expect("a list");
    keys.iter().find(|key| key["id"] == id).expect("it is listed")["last_used_at"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_key_is_let_in_and_the_product_is_told_whose_it_is() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Zapier \"Integration\" 東京 100%_~a.b-c").await;
    let reply = world.changes_nothing(check(&world, &key).send()).await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, ""));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("content-length"), Some("0"));
    assert_eq!(reply.cookies(), [""; 0]);
    let name = "Zapier%20%22Integration%22%20%E6%9D%B1%E4%BA%AC%20100%25_~a.b-c";
    let account = admin.account.as_str();
    assert_eq!(told(&reply), [Some(account), Some(&id), Some(name), Some("false")]);

    let id = admin.get("/api/sandbox").await.body["key_id"].as_str().expect("an id").to_owned();
    let key = admin.act("/api/sandbox/key").await.ok(200)["api_key"].clone();
    let reply = check(&world, key.as_str().expect("a key")).send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(told(&reply), [Some(account), Some(&id), Some("Sandbox"), Some("true")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_and_every_path_below_is_answered_alike_and_no_body_is_read() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("A key").await;
    let good = check(&world, &key).send().await;
    let bad = check(&world, &forged(&key, 1)).send().await;
    assert_eq!(good.status, 200);
    is_refused(&bad);
    for path in PATHS {
        for method in METHODS {
            for body in [None, Some("{"), Some("not=json&\u{fffd}")] {
                let call = |key: &str| {
                    let call = world.call(method, path).header("x-api-key", key);
                    body.map_or(call.clone(), |body| {
                        call.header("content-encoding", "br").raw("text/json; charset=x", body)
                    })
                };
                let (good_too, bad_too) =
                    (call(&key).send().await, call(&forged(&key, 1)).send().await);
                assert_eq!((good_too.status, told(&good_too)), (good.status, told(&good)));
                assert_eq!((bad_too.status, told(&bad_too)), (bad.status, told(&bad)));
                let text = if method == "HEAD" { "" } else { &bad.text };
                assert_eq!((&*good_too.text, &*bad_too.text), ("", text), "{method} {path}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_head_has_no_body_whatever_it_is() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("A key").await;
    let proxy = Proxy::new(&world).await;
    let function = proxy.function(&world, "check-key");
    let answer = async |key| function.invoke(&check_event("HEAD", key)).await.expect("an answer");
    for (key, status) in [(Some(key.as_str()), 200), (Some("garbage"), 403), (None, 403)] {
        let answer = answer(key).await;
        assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(status), &Value::Null));
    }
    proxy.fail("GetItem", usize::MAX, Fault::ServerError);
    let down = answer(Some(&key)).await;
    assert_eq!((&down["statusCode"], &down["body"]), (&json!(503), &Value::Null));
    assert_eq!(down["headers"]["retry-after"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_may_come_as_a_bearer_and_x_api_key_decides_alone_where_it_is_sent() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("A key").await;
    let bad = forged(&key, 1);
    let asked = |headers: &[(&str, &str)]| {
        let call = world.call("GET", "/api/check");
        headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send()
    };
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(asked(&[("authorization", &format!("{scheme} {key}"))]).await.status, 200);
        is_refused(&asked(&[("authorization", &format!("{scheme} {bad}"))]).await);
    }
    let bearer = format!("Bearer {key}");
    for (x_api_key, authorization) in [
        (key.as_str(), "Bearer garbage"),
        (&key, "Basic YWRtaW46YWRtaW4="),
        (&key, &format!("Bearer {}", admin.token)),
    ] {
        let reply = asked(&[("x-api-key", x_api_key), ("authorization", authorization)]).await;
        assert_eq!(reply.status, 200, "{authorization}");
    }
    for x_api_key in [bad.as_str(), "garbage", "", &format!("{key},{key}")] {
        let reply = asked(&[("x-api-key", x_api_key), ("authorization", &bearer)]).await;
        is_refused(&reply);
    }
    for authorization in
        [&*key, &format!("Basic {key}"), &format!("Token {key}"), "Bearer", "Bearer ", ""]
    {
        is_refused(&asked(&[("authorization", authorization)]).await);
    }
    // Which of two is meant, nobody knows; a proxy's own scheme beside the key's is none.
    is_refused(&asked(&[("authorization", &bearer), ("authorization", &bearer)]).await);
    is_refused(&asked(&[("x-api-key", &key), ("x-api-key", &key)]).await);
    let beside = asked(&[("authorization", "Basic YTpi"), ("authorization", &bearer)]).await;
    assert_eq!(beside.status, 200);
    is_refused(&world.call("GET", "/api/check").send().await);
    is_refused(&world.call("GET", &format!("/api/check?x-api-key={key}")).send().await);
}

/// Gateways forward what their clients sent.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_that_a_client_sends_decides_anything() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("A key").await;
    let sessions = format!(
        "__Host-frontdesk={0}; __Host-frontdesk={0}x; __Host-frontdesk-device=1",
        admin.token
    );
    for (name, value) in [
        ("cookie", sessions.as_str()),
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("x-frontdesk-origin", "made up"),
        ("x-frontdesk-viewer", "192.0.2.1"),
        ("x-frontdesk-account", "acct_000000000000"),
        ("x-frontdesk-background", "1"),
        ("x-forwarded-method", "DELETE"),
        ("x-original-url", "/api/keys"),
        ("content-type", "nonsense"),
    ] {
        for method in ["GET", "POST"] {
            let call = world.call(method, "/api/check").header(name, value);
            let refused = world.changes_nothing(call.clone().send()).await;
            is_refused(&refused);
            let good = call.header("x-api-key", &key).send().await;
            assert_eq!(good.status, 200, "{name}");
            assert_eq!(told(&good)[0], Some(admin.account.as_str()), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_refused_from_its_end_on_and_a_rotated_one_has_two_values_until_then() {
    let world = World::new().await;
    let admin = world.admin().await;
    let until = json!({ "name": "Until", "expires_at": world.ahead(600) });
    let made = admin.post("/api/keys", until).await.ok(201).clone();
    let first = made["api_key"].as_str().expect("a key");
    let path = format!("/api/keys/{}", made["key"]["id"].as_str().expect("an id"));
    assert!(is_good(&world, first).await);
    let rotation = json!({ "keep_old_seconds": 300 });
    let rotated = admin.post(&format!("{path}/rotate"), rotation).await.ok(201).clone();
    let second = rotated["api_key"].as_str().expect("a key");
    let replies = [check(&world, first).send().await, check(&world, second).send().await];
    assert_eq!(replies.each_ref().map(|reply| reply.status.as_u16()), [200, 200]);
    assert_eq!(told(&replies[0]), told(&replies[1]), "they are one key");
    world.advance(300);
    assert!(!is_good(&world, first).await && is_good(&world, second).await);
    world.advance(300);
    assert!(!is_good(&world, second).await);
    admin.patch(&path, json!({ "expires_at": null })).await.ok(200);
    assert!(is_good(&world, second).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_key_and_one_of_a_suspended_account_are_refused_by_the_next_check() {
    let world = World::new().await;
    let admin = world.admin().await;
    let ((id, deleted), (_, suspended)) = (admin.key("One").await, admin.key("Two").await);
    assert!(is_good(&world, &deleted).await && is_good(&world, &suspended).await);
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    assert!(!is_good(&world, &deleted).await && is_good(&world, &suspended).await);
    world.suspend(&admin.account).await;
    assert!(!is_good(&world, &suspended).await);
    world.resume(&admin.account).await;
    assert!(is_good(&world, &suspended).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_a_use_once_an_hour_and_a_refused_one_is_none() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Deploy").await;
    assert!(!is_good(&world, &forged(&key, 3)).await);
    assert_eq!(last_used(&admin, &id).await, Value::Null);
    let before = world.now();
    assert!(is_good(&world, &key).await);
    let first = last_used(&admin, &id).await;
    let time = first.as_str().expect("a time").parse().expect("one");
    assert!((before..=world.now()).contains(&time), "{first}");
    world.advance(3500);
    assert!(is_good(&world, &key).await);
    assert_eq!(last_used(&admin, &id).await, first);
    world.advance(100);
    assert!(is_good(&world, &key).await);
    assert_ne!(last_used(&admin, &id).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_fails_or_hangs_fails_no_check_over_http() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Deploy").await;
    let proxy = Proxy::new(&world).await;
    let event = check_event("POST", Some(&key));
    let function = proxy.function(&world, "check-key");
    for fault in [Fault::Throttled, Fault::Conflict, Fault::ServerError] {
        proxy.fail("UpdateItem", 9, fault);
        let (answer, recording) = proxy.watch(function.invoke(&event)).await;
        assert!(lets_in(&answer.expect("an answer")));
        assert_eq!(recording.operations(), ["GetItem", "UpdateItem"], "it is sent once");
        proxy.heal();
    }
    // One that hangs is given up; nothing else here is in a hurry.
    let budget = Budget { aside: Budget::KEY_CHECK.aside, ..UNHURRIED };
    let changed = [("AWS_ENDPOINT_URL_DYNAMODB", proxy.url())];
    let function = Behind::with_budget(&world, "check-key", &changed, budget);
    proxy.fail("UpdateItem", 1, Fault::Silence);
    assert!(lets_in(&function.invoke(&event).await.expect("an answer")));
}
