//! `authorize-key`: the Lambda authorizer of the product API's gateway

use crate::proxy::{Fault, Proxy};
use crate::support::{Person, UNHURRIED, World};
use domain::{AccountId, KeyId, KeyKind, PlainKey};
use edge::App;
use edge::budget::Budget;
use edge::config::Env;
use functions::authorize_key::AuthorizerRequest;
use serde_json::{Value, json};

/// What an HTTP API sends, payload 2.0.
fn http_event(key: Option<&str>) -> Value {
    let mut event: Value =
        serde_json::from_str(include_str!("../fixtures/events/authorize-key.json"))
            .expect("a sample event");
    let headers = event["headers"].as_object_mut().expect("headers");
    match key {
        Some(key) => {
            headers.insert("x-api-key".to_owned(), key.into());
            event["identitySource"] = json!([key]);
        }
        None => {
            headers.remove("x-api-key");
            event["identitySource"] = json!([]);
        }
    }
    event
}

/// What a REST API sends, with the header spelled as the client did.
fn rest_event(header: &str, key: &str) -> Value {
    let mut event: Value =
        serde_json::from_str(include_str!("../fixtures/events/authorize-key.rest.json"))
            .expect("a sample event");
    for (headers, value) in [("headers", json!(key)), ("multiValueHeaders", json!([key]))] {
        let headers = event[headers].as_object_mut().expect("headers");
        headers.remove("x-api-key");
        headers.insert(header.to_owned(), value);
    }
    event
}

async fn authorize(world: &World, event: &Value) -> Value {
    world.desk.invoke("authorize-key", event).await.expect("an answer")
}

async fn is_good(world: &World, key: &str) -> bool {
    let answer = authorize(world, &http_event(Some(key))).await;
    let good = answer["isAuthorized"].as_bool().expect("yes or no");
    if !good {
        assert_eq!(answer, json!({ "isAuthorized": false }));
    }
    good
}

fn policy(principal: &str, effect: &str, resource: &Value) -> Value {
    let statement =
        json!([{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": resource }]);
    json!({
        "principalId": principal,
        "policyDocument": { "Version": "2012-10-17", "Statement": statement },
    })
}

async fn sandbox_key(person: &Person<'_>) -> String {
    let reply = person.act("/api/sandbox/key").await;
    reply.ok(200)["api_key"].as_str().expect("a key").to_owned()
}

async fn suspend(person: &Person<'_>, suspended: bool) {
    person.world.set_suspended(&person.account, suspended).await;
}

/// CRC-32 as in zip and PNG, bit by bit: a forger needs no library either.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes
        .iter()
        .fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

/// The key with one character of its secret changed, and with the checksum that makes it look
/// right.
pub fn forged(key: &str, from_end: usize) -> String {
    let mut head = key[..key.len() - 6].to_owned();
    let at = key.len() - 6 - from_end;
    let other = if &head[at..=at] == "A" { "B" } else { "A" };
    head.replace_range(at..=at, other);
    format!("{head}{}", domain::base62::encode(u128::from(crc32(head.as_bytes())), 6))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_key_tells_whose_it_is() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Zapier \"Integration\" 東京").await;
    let context = json!({
        "account_id": admin.account, "key_id": id, "key_name": "Zapier \"Integration\" 東京",
        "sandbox": false,
    });
    let answer = world.changes_nothing(authorize(&world, &http_event(Some(&key)))).await;
    assert_eq!(answer, json!({ "isAuthorized": true, "context": context }));

    let id = admin.get("/api/sandbox").await.body["key_id"].clone();
    let context = json!({
        "account_id": admin.account, "key_id": id, "key_name": "Sandbox", "sandbox": true,
    });
    let answer = authorize(&world, &http_event(Some(&sandbox_key(&admin).await))).await;
    assert_eq!(answer, json!({ "isAuthorized": true, "context": context }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_api_that_wants_policies_gets_them() {
    let world = World::with_parameters(&[("AuthorizerResponse", "iam")]).await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Zapier").await;
    let event = http_event(Some(&key));
    let mut allowed = policy(&admin.account, "Allow", &event["routeArn"]);
    allowed["context"] = json!({
        "account_id": admin.account, "key_id": id, "key_name": "Zapier", "sandbox": false,
    });
    assert_eq!(authorize(&world, &event).await, allowed);
    assert_eq!(world.product_api(&key).await, 200);

    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    let denied = policy("nobody", "Deny", &event["routeArn"]);
    for refused in [Some(key.as_str()), Some("garbage"), None] {
        assert_eq!(authorize(&world, &http_event(refused)).await, denied);
    }
    assert_eq!(world.product_api(&key).await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_api_gets_a_policy_however_the_header_is_spelled() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Zapier").await;
    for header in ["x-api-key", "X-API-Key", "X-Api-Key", "X-API-KEY"] {
        let event = rest_event(header, &key);
        let mut allowed = policy(&admin.account, "Allow", &event["methodArn"]);
        allowed["context"] = json!({
            "account_id": admin.account, "key_id": id, "key_name": "Zapier", "sandbox": false,
        });
        assert_eq!(authorize(&world, &event).await, allowed, "{header}");
        let event = rest_event(header, &forged(&key, 1));
        assert_eq!(
            authorize(&world, &event).await,
            policy("nobody", "Deny", &event["methodArn"]),
            "{header}"
        );
    }
    let event = rest_event("Authorization", &key);
    assert_eq!(authorize(&world, &event).await, policy("nobody", "Deny", &event["methodArn"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_api_of_payload_1_0_gets_a_policy() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Zapier").await;
    let mut event = rest_event("X-API-Key", &key);
    event["version"] = json!("1.0");
    let mut allowed = policy(&admin.account, "Allow", &event["methodArn"]);
    allowed["context"] = json!({
        "account_id": admin.account, "key_id": id, "key_name": "Zapier", "sandbox": false,
    });
    assert_eq!(authorize(&world, &event).await, allowed);
    event["headers"] = Value::Null;
    assert_eq!(authorize(&world, &event).await, policy("nobody", "Deny", &event["methodArn"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_key_is_refused() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Zapier").await;
    let swapped = key.replacen("fd_live_", "fd_sandbox_", 1);
    let in_upper_case = key.to_ascii_uppercase();
    let broken = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { '1' } else { '0' });
    let twice = format!("{key},{key}");
    let (shorter, longer, padded) = (&key[..key.len() - 1], format!("{key}0"), format!(" {key}"));
    let garbage = [
        "",
        " ",
        "fd",
        "fd_live_",
        "null",
        "Bearer x",
        "🗝",
        "'; DROP TABLE keys; --",
        "\u{0}",
        "ACCT#x",
    ];
    let near = [
        id.as_str(),
        &swapped,
        &in_upper_case,
        &broken,
        &twice,
        shorter,
        &longer,
        &padded,
        &admin.token,
        &admin.account,
    ];
    world
        .changes_nothing(async {
            for refused in garbage.into_iter().chain(near) {
                assert!(!is_good(&world, refused).await, "{refused}");
            }
            assert!(!is_good(&world, &"a".repeat(10_000)).await);
            assert_eq!(
                authorize(&world, &http_event(None)).await,
                json!({ "isAuthorized": false })
            );
        })
        .await;
    assert!(is_good(&world, &key).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_the_right_form_that_nobody_made_is_refused() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let (id, _) = admin.key("Zapier").await;
    let app = world.app("authorize-key");
    let account = |text: &str| text.parse::<AccountId>().expect("an account id");
    let mint = |account: &AccountId, id: &KeyId| {
        PlainKey::mint(&app.settings.key_prefix, account, id, &mut app.rng())
    };
    let mine: KeyId = id.parse().expect("a key id");
    let unknown = [
        mint(&AccountId::random(&mut app.rng()), &KeyId::random(KeyKind::Live, &mut app.rng())),
        mint(&account(&admin.account), &KeyId::random(KeyKind::Live, &mut app.rng())),
        mint(&account(&admin.account), &KeyId::random(KeyKind::Sandbox, &mut app.rng())),
        // A key's id in an account that has no such key.
        mint(&account(&other.account), &mine),
        // The row is there; the secret is another.
        mint(&account(&admin.account), &mine),
    ];
    for plain in unknown {
        assert!(PlainKey::parse(plain.secret().expose()).is_some());
        assert!(!is_good(&world, plain.secret().expose()).await, "{}", plain.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_character_in_the_secret_is_refused_even_with_the_right_checksum() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Zapier").await;
    for from_end in 1..=32 {
        let forged = forged(&key, from_end);
        let parsed = PlainKey::parse(&forged).expect("it looks right");
        assert_eq!(parsed.id.as_str(), id, "the row is found by it");
        assert!(!is_good(&world, &forged).await, "character {from_end} from the end");
    }
    assert!(is_good(&world, &key).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_key_is_refused_by_the_authorizer_on_the_next_call() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Zapier").await;
    assert!(is_good(&world, &key).await);
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    assert!(!is_good(&world, &key).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_suspended_account_are_refused_until_it_is_resumed() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let ((_, first), (_, second), (_, theirs)) =
        (admin.key("One").await, admin.key("Two").await, other.key("Theirs").await);
    let sandbox = sandbox_key(&admin).await;
    suspend(&admin, true).await;
    for key in [&first, &second, &sandbox] {
        assert!(!is_good(&world, key).await);
        assert_eq!(world.product_api(key).await, 403);
    }
    assert!(is_good(&world, &theirs).await);
    suspend(&admin, false).await;
    for key in [&first, &second, &sandbox] {
        assert!(is_good(&world, key).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_keys_old_secret_is_refused_after_its_replacement() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = admin.get("/api/sandbox").await.body["key_id"].clone();
    let old = sandbox_key(&admin).await;
    world.desk.product_api().set_mode(desk::ProductApiMode::Rejecting);
    assert_eq!(admin.act("/api/sandbox/test").await.ok(200)["reason"], "key_rejected");
    world.desk.product_api().set_mode(desk::ProductApiMode::Up);
    assert!(is_good(&world, &old).await);
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    let sandbox = admin.get("/api/sandbox").await;
    assert_eq!((&sandbox.body["state"], &sandbox.body["key_id"]), (&json!("ready"), &id));
    let new = sandbox_key(&admin).await;
    assert_ne!(new, old);
    assert!(is_good(&world, &new).await && !is_good(&world, &old).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_changes_its_prefix_still_knows_the_form_of_its_keys() {
    let world = World::with_parameters(&[("KeyPrefix", "heify2")]).await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Zapier").await;
    let sandbox = sandbox_key(&admin).await;
    assert!(key.starts_with("heify2_live_") && sandbox.starts_with("heify2_sandbox_"), "{key}");
    assert!(is_good(&world, &key).await && is_good(&world, &sandbox).await);
    // The prefix is part of what is hashed: another one makes another key of it.
    let head = key[..key.len() - 6].replacen("heify2_", "fd_", 1);
    let renamed =
        format!("{head}{}", domain::base62::encode(u128::from(crc32(head.as_bytes())), 6));
    assert!(PlainKey::parse(&renamed).is_some());
    assert!(!is_good(&world, &renamed).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_an_error_and_not_a_refusal() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Zapier").await;
    let mut environment = world.desk.environment("authorize-key");
    environment.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), "http://127.0.0.1:9".to_owned());
    let app =
        App::new(&Env::from_pairs(environment), world.desk.clock().clone(), Budget::KEY_CHECK)
            .expect("the environment is right");
    for event in [http_event(Some(&key)), rest_event("X-API-Key", &key)] {
        let request: AuthorizerRequest = serde_json::from_value(event).expect("an event");
        let error = functions::authorize_key::handle(&app, request)
            .await
            .expect_err("nothing is known of the key")
            .to_string();
        assert!(!error.contains(&key), "the log would know the key");
    }
    // Garbage is refused all the same: it needs no database.
    let request: AuthorizerRequest =
        serde_json::from_value(http_event(Some("garbage"))).expect("an event");
    assert_eq!(
        functions::authorize_key::handle(&app, request).await.expect("an answer"),
        json!({ "isAuthorized": false })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_product_api_refuses_in_its_own_words() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Zapier").await;
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    let call = || world.call("POST", "/heify/get-configurations").json(json!({}));
    let deleted = call().header("x-api-key", &key).send().await;
    let message = deleted.body["error"]["message"].as_str().expect("a message");
    assert_eq!(
        (deleted.status.as_u16(), &deleted.body),
        (403, &json!({ "error": { "message": message, "code": 403 } }))
    );
    assert!(!deleted.text.contains(&key), "{}", deleted.text);
    for reply in [
        call().send().await,
        call().header("x-api-key", "garbage").send().await,
        call().header("x-api-key", "").send().await,
    ] {
        assert_eq!((reply.status, &reply.text), (deleted.status, &deleted.text));
    }
}

/// When a key was last used, as the list says it.
async fn last_used(person: &Person<'_>, id: &str) -> Value {
    let listed = person.get("/api/keys").await;
    let keys = listed.ok(200)["keys"].as_array().expect("a list");
    keys.iter().find(|key| key["id"] == id).expect("it is listed")["last_used_at"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_is_marked_with_its_answer_and_once_an_hour() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Deploy").await;
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
    let before = world.now();
    assert!(is_good(&world, &key).await);
    let second = last_used(&admin, &id).await;
    assert!(second.as_str().expect("a time").parse::<jiff::Timestamp>().expect("one") >= before);
    // Either value is the key's, and what is done to it leaves the mark.
    let path = format!("/api/keys/{id}");
    let rotated = admin.act(&format!("{path}/rotate")).await;
    assert_eq!(rotated.ok(201)["key"]["last_used_at"], second);
    let renamed = admin.patch(&path, json!({ "name": "Other" })).await;
    assert_eq!(renamed.ok(200)["key"]["last_used_at"], second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_use_is_none() {
    let world = World::new().await;
    let admin = world.admin().await;
    let body = json!({ "name": "Until", "expires_at": world.ahead(360) });
    let made = admin.post("/api/keys", body).await.ok(201).clone();
    let id = made["key"]["id"].as_str().expect("an id");
    let key = made["api_key"].as_str().expect("a key");
    assert!(!is_good(&world, &forged(key, 3)).await);
    suspend(&admin, true).await;
    assert!(!is_good(&world, key).await);
    suspend(&admin, false).await;
    world.advance(360);
    assert!(!is_good(&world, key).await);
    assert_eq!(last_used(&admin, id).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_fails_or_hangs_fails_no_check() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Deploy").await;
    let proxy = Proxy::new(&world).await;
    let authorizer = proxy.function(&world, "authorize-key");
    for fault in [Fault::Throttled, Fault::Conflict, Fault::ServerError] {
        proxy.fail("UpdateItem", 9, fault);
        let (answer, recording) = proxy.watch(authorizer.invoke(&http_event(Some(&key)))).await;
        assert_eq!(answer.expect("an answer")["isAuthorized"], true);
        assert_eq!(recording.operations(), ["GetItem", "UpdateItem"], "it is sent once");
        proxy.heal();
    }
    // One that hangs is given up; nothing else here is in a hurry.
    let mut env = world.desk.environment("authorize-key");
    env.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), proxy.url().to_owned());
    let budget = Budget { aside: Budget::KEY_CHECK.aside, ..UNHURRIED };
    let app = App::new(&Env::from_pairs(env), world.desk.clock().clone(), budget);
    proxy.fail("UpdateItem", 1, Fault::Silence);
    let request: AuthorizerRequest = serde_json::from_value(http_event(Some(&key))).expect("one");
    let answer = functions::authorize_key::handle(&app.expect("an app"), request).await;
    assert_eq!(answer.expect("an answer")["isAuthorized"], true);
    proxy.heal();
    assert_eq!(last_used(&admin, &id).await, Value::Null);
    assert!(is_good(&world, &key).await);
    assert_ne!(last_used(&admin, &id).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_deleted_while_its_use_is_marked_does_not_come_back() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Deploy").await;
    let app = world.app("authorize-key");
    let plain = PlainKey::parse(&key).expect("a key");
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    let mark = app.store.mark_key_used(&plain, app.clock.now());
    world.changes_nothing(mark).await.expect("that it is gone is no failure");
    assert!(!world.rows().await.keys().any(|(_, sk)| sk.ends_with(&id)));
    assert!(!is_good(&world, &key).await);
}
