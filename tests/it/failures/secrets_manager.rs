//! Secrets Manager, when it fails, and secrets that are not what they should be.

use crate::batch::{batch_for, without_workers};
use crate::contention::comes_back;
use crate::failures::{ALWAYS, HALVES, Tried};
use crate::proxy::{Behind, Fault, Proxy, body_of, http_event, outcome};
use crate::support::{ADMIN, Person, World, wrong};
use desk::inside::Service;
use futures::future::join_all;
use serde_json::{Value, json};

const LOGIN: &str = "LOGIN_SECRET_ARN";
const SEALING: &str = "SEALING_SECRET_ARN";

/// An event of each function that needs a keyring.
fn events(admin: &Person<'_>, challenge: &str, code: &str) -> Vec<(&'static str, Value)> {
    let ask = json!({ "email": ADMIN, "accept_terms": true });
    let guess = json!({ "challenge": challenge, "code": wrong(code) });
    vec![
        ("request-code", http_event("request-code", None, None, Some(ask))),
        ("verify-code", http_event("verify-code", None, None, Some(guess))),
        ("test-sandbox", http_event("test-sandbox", Some(admin), None, None)),
        ("reveal-sandbox-key", http_event("reveal-sandbox-key", Some(admin), None, None)),
    ]
}

/// Functions that have just started are an outage to who calls them; nothing is written, but that
/// somebody wanted to see the key, and no guess is lost.
async fn cold_functions_are_an_outage(faults: &[Fault]) {
    let world = World::new().await;
    let admin = world.admin().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    for fault in faults {
        let proxy = Proxy::before(&world, Service::SecretsManager).await;
        proxy.fail("GetSecretValue", ALWAYS, *fault);
        for (name, event) in events(&admin, &challenge, &code) {
            let function = proxy.function(&world, name);
            let answer = if name == "reveal-sandbox-key" {
                function.invoke(&event).await
            } else {
                world.changes_nothing(function.invoke(&event)).await
            };
            comes_back(name, &answer.expect("an answer"));
        }
    }
    world.verify(&challenge, &code).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn never_answers_and_the_caller_sees_an_outage_before_the_function_ends() {
    let _tried = Tried;
    let world = World::new().await;
    let admin = world.admin().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let proxy = Proxy::before(&world, Service::SecretsManager).await;
    proxy.fail("GetSecretValue", ALWAYS, Fault::Silence);
    let changed = [(Service::SecretsManager.setting(), proxy.url())];
    let events = events(&admin, &challenge, &code);
    let answers = events.iter().map(async |(name, event)| {
        let budget = functions::find(name).expect("there is this function").budget;
        let answer = Behind::with_budget(&world, name, &changed, budget).invoke(event).await;
        (*name, answer.expect("an answer"))
    });
    for (name, answer) in join_all(answers).await {
        comes_back(name, &answer);
    }
    world.verify(&challenge, &code).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn throttles_and_the_caller_sees_an_outage() {
    let _tried = Tried;
    cold_functions_are_an_outage(&[Fault::Throttled]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_5xx_and_the_caller_sees_an_outage() {
    let _tried = Tried;
    cold_functions_are_an_outage(&[Fault::ServerError, Fault::NoBody]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_and_the_caller_sees_an_outage() {
    let _tried = Tried;
    cold_functions_are_an_outage(&HALVES).await;
}

/// Texts that are no keyring.
const BROKEN: [&str; 5] = ["", "{", "null", "{\"1\":\"", "{\"current\":\"3\",\"1\":\"short\"}"];

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_and_a_keyring_at_hand_goes_on() {
    let _tried = Tried;
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::before(&world, Service::SecretsManager).await;
    let reveal = proxy.function(&world, "reveal-sandbox-key");
    let shown = async || {
        let answer = reveal.call(Some(&admin), None, None).await;
        assert_eq!(outcome(&answer), (200, String::new()), "{answer}");
        body_of(&answer)["api_key"].clone()
    };
    let key = shown().await;
    for fault in HALVES {
        world.advance(301);
        proxy.fail("GetSecretValue", ALWAYS, fault);
        assert_eq!(shown().await, key, "{fault:?}");
        proxy.heal();
    }
    world.advance(301);
    assert_eq!(shown().await, key);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_with_a_broken_secret_and_cold_functions_say_that_it_is_our_fault() {
    let _tried = Tried;
    let world = World::new().await;
    let admin = world.admin().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let right = [world.secret(LOGIN).await, world.secret(SEALING).await];
    for broken in BROKEN {
        for setting in [LOGIN, SEALING] {
            world.put_secret(setting, broken).await;
        }
        for (name, event) in events(&admin, &challenge, &code) {
            let answer = Behind::new(&world, name, &[]).invoke(&event).await.expect("an answer");
            assert_eq!(outcome(&answer), (500, "internal_error".to_owned()), "{name} {broken}");
            assert!(!answer.to_string().contains("short"), "{name}: {answer}");
        }
    }
    for (setting, text) in [LOGIN, SEALING].into_iter().zip(right) {
        world.put_secret(setting, &text).await;
    }
    world.verify(&challenge, &code).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_with_a_broken_secret_and_mails_wait_until_it_is_right() {
    let _tried = Tried;
    let world = without_workers().await;
    let batch = batch_for(&world, &[ADMIN]).await;
    let right = world.secret(LOGIN).await;
    let deliver = Behind::new(&world, "deliver-mail", &[]);
    for broken in BROKEN {
        world.put_secret(LOGIN, broken).await;
        let answer = world.changes_nothing(deliver.invoke(&batch)).await;
        let again = json!({ "batchItemFailures": [{ "itemIdentifier": "0" }] });
        assert_eq!(answer.expect("an answer"), again, "{broken}");
    }
    world.put_secret(LOGIN, &right).await;
    let answer = deliver.invoke(&batch).await.expect("an answer");
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(world.mailed("login_code"), [ADMIN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_with_an_empty_proof_and_nobody_who_sends_none_is_taken_for_cloudfront() {
    let _tried = Tried;
    let world = World::new().await;
    let arn = world.desk.environment("request-code")["ORIGIN_SECRET_ARN"].clone();
    let put = json!({ "SecretId": arn, "SecretString": "" });
    assert_eq!(world.secrets_manager("PutSecretValue", put).await.0, 200);
    let ask = json!({ "email": ADMIN, "accept_terms": true });
    let mut event = http_event("request-code", None, None, Some(ask));
    event["headers"]["x-frontdesk-origin"] = "".into();
    event["headers"]["x-frontdesk-viewer"] = "203.0.113.7".into();
    let cold = Behind::new(&world, "request-code", &[]);
    let answer = world.changes_nothing(cold.invoke(&event)).await.expect("an answer");
    assert_eq!(outcome(&answer), (500, "internal_error".to_owned()), "{answer}");
}
