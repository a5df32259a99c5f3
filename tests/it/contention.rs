//! Rows that others are writing, throttling, outages, answers that get lost: what DynamoDB does and
//! the embedded engine never does. A [`Proxy`] does it in its words.

use crate::invitations::{invite, invited, link};
use crate::list_sessions;
use crate::proxy::{
    Behind, Fault, KEY_CHECKS, Nobody, Proxy, Recording, authorizer_event, body_of, check_event,
    http_event, lets_in, outcome,
};
use crate::support::{ADMIN, Person, World, sample, wrong};
use edge::budget::Budget;
use edge::config::Env;
use functions::{FUNCTIONS, Trigger};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// As often as anybody tries.
const ALWAYS: usize = usize::MAX;

/// An event of every HTTP action that goes well if nothing stands in its way.
pub struct Good {
    pub function: &'static str,
    pub event: Value,
    pub status: u64,
    /// What it leaves in the audit trail, if it changes something.
    pub audited: Option<&'static str>,
}

/// One good event for every HTTP action, for each of them in a state that the others leave alone.
pub async fn good_events(world: &World, admin: &Person<'_>) -> Vec<Good> {
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 11 })).await;
    let leaving = world.member(admin, "grace@example.com").await;
    let revoked = world.member(admin, "linus@example.com").await;
    let promoted = world.member(admin, "hedy@example.com").await;
    let tired = world.member(admin, "barbara@example.com").await;
    let laptop = world.member(admin, "edsger@example.com").await;
    let phone = list_sessions::id_of(&world.login("edsger@example.com").await).await;
    let invited = invited(admin, "invited@example.com").await;
    invite(admin, "declining@example.com").await.ok(201);
    world.settle().await;
    let declined = link(world, "declining@example.com");
    let (key, _) = admin.key("Doomed").await;
    let (kept, _) = admin.key("Kept").await;
    let (challenge, code) = world.challenge("grace@example.com").await;
    let good =
        |function: &'static str, event, status, audited| Good { function, event, status, audited };
    let plain = |function: &'static str| http_event(function, Some(admin), None, None);
    vec![
        good(
            "request-code",
            http_event(
                "request-code",
                None,
                None,
                Some(json!({ "email": ADMIN, "accept_terms": true })),
            ),
            202,
            None,
        ),
        good(
            "verify-code",
            http_event(
                "verify-code",
                None,
                None,
                Some(json!({ "challenge": challenge, "code": code, "session": "bearer" })),
            ),
            200,
            Some("session_opened"),
        ),
        good(
            "end-session",
            http_event("end-session", Some(&leaving), None, None),
            204,
            Some("session_ended"),
        ),
        good("get-session", plain("get-session"), 200, None),
        good("get-sandbox", plain("get-sandbox"), 200, None),
        good("get-usage", plain("get-usage"), 200, None),
        good("test-sandbox", plain("test-sandbox"), 200, Some("sandbox_ready")),
        good("reveal-sandbox-key", plain("reveal-sandbox-key"), 200, Some("sandbox_key_revealed")),
        good("retry-sandbox", plain("retry-sandbox"), 202, Some("provisioning_requested")),
        good("list-keys", plain("list-keys"), 200, None),
        good(
            "create-key",
            http_event("create-key", Some(admin), None, Some(json!({ "name": "New" }))),
            201,
            Some("key_created"),
        ),
        good(
            "change-key",
            http_event("change-key", Some(admin), Some(&kept), Some(json!({ "name": "Newer" }))),
            200,
            Some("key_renamed"),
        ),
        good(
            "rotate-key",
            http_event("rotate-key", Some(admin), Some(&kept), None),
            201,
            Some("key_rotated"),
        ),
        good(
            "delete-key",
            http_event("delete-key", Some(admin), Some(&key), None),
            204,
            Some("key_deleted"),
        ),
        good("list-members", plain("list-members"), 200, None),
        good("list-activity", plain("list-activity"), 200, None),
        good(
            "invite-member",
            http_event(
                "invite-member",
                Some(admin),
                None,
                Some(json!({ "email": "ada@example.com" })),
            ),
            201,
            Some("member_invited"),
        ),
        good(
            "change-role",
            http_event(
                "change-role",
                Some(admin),
                Some(&promoted.id),
                Some(json!({ "role": "admin" })),
            ),
            200,
            Some("role_changed"),
        ),
        good(
            "revoke-member",
            http_event("revoke-member", Some(admin), Some(&revoked.id), None),
            204,
            Some("member_revoked"),
        ),
        good(
            "leave-team",
            http_event("leave-team", Some(&tired), None, None),
            204,
            Some("member_left"),
        ),
        good(
            "resend-invitation",
            http_event("resend-invitation", Some(admin), Some(&invited), None),
            202,
            Some("invitation_resent"),
        ),
        good("list-sessions", plain("list-sessions"), 200, None),
        good(
            "revoke-session",
            http_event("revoke-session", Some(&laptop), Some(&phone), None),
            204,
            Some("session_ended"),
        ),
        good(
            "decline-invitation",
            http_event("decline-invitation", None, None, Some(json!({ "invitation": declined }))),
            204,
            Some("invitation_ended"),
        ),
    ]
}

pub async fn audited(world: &World, action: &str) -> usize {
    world.audit().await.iter().filter(|audited| *audited == action).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_http_action_is_put_to_these_tests() {
    let world = World::new().await;
    let admin = world.admin().await;
    let mut tested: Vec<&str> =
        good_events(&world, &admin).await.iter().map(|good| good.function).collect();
    let is_http = |trigger| matches!(trigger, Trigger::Http { .. });
    let mut wanted: Vec<&str> = FUNCTIONS
        .iter()
        .filter(|function| is_http(function.trigger))
        .map(|function| function.name)
        .collect();
    tested.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(tested, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_meets_another_one_is_tried_again_and_made_once() {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    for Good { function, event, status, audited: action } in good_events(&world, &admin).await {
        let before = match action {
            Some(action) => audited(&world, action).await,
            None => 0,
        };
        let behind = proxy.function(&world, function);
        // Twice in a row, at every request that can meet another one.
        for operation in ["TransactWriteItems", "UpdateItem"] {
            proxy.fail(operation, 2, Fault::Conflict);
        }
        let (answer, recording) = proxy.watch(behind.invoke(&event)).await;
        proxy.heal();
        assert_eq!(outcome(&answer.expect("an answer")), (status, String::new()), "{function}");
        let sent = |operation: &str| {
            recording.operations().iter().filter(|sent| **sent == operation).count()
        };
        assert!(
            [0, 3].contains(&sent("TransactWriteItems")) && [0, 3].contains(&sent("UpdateItem")),
            "{function}: {recording:?}"
        );
        assert!(sent("TransactWriteItems") + sent("UpdateItem") > 0, "{function} writes nothing");
        if let Some(action) = action {
            assert_eq!(audited(&world, action).await, before + 1, "{function}");
        }
        world.settle().await;
    }
    assert_eq!(admin.get("/api/keys").await.body["count"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_that_meets_another_one_is_counted_once() {
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let proxy = Proxy::new(&world).await;
    let verify = proxy.function(&world, "verify-code");
    let body = json!({ "challenge": challenge, "code": wrong(&code) });
    proxy.fail("UpdateItem", 3, Fault::Conflict);
    let answer = verify.call(None, None, Some(body)).await;
    assert_eq!(outcome(&answer), (401, "code_incorrect".to_owned()));
    assert_eq!(body_of(&answer)["attempts_left"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_meets_others_without_end_is_not_made_and_asks_to_come_back() {
    let world = World::new().await;
    let admin = world.admin().await;
    let events = good_events(&world, &admin).await;
    let proxy = Proxy::new(&world).await;
    proxy.fail("*", ALWAYS, Fault::Conflict);
    // GetItem and Query meet nobody; a conflict is what they cannot answer either.
    let act = async { join_all(events.iter().map(|good| call(&proxy, &world, good))).await };
    for (function, answer) in world.changes_nothing(act).await {
        comes_back(function, &answer);
    }
    proxy.heal();
    for good in &events {
        let (function, answer) = call(&proxy, &world, good).await;
        assert_eq!(outcome(&answer), (good.status, String::new()), "{function}");
        world.settle().await;
    }
}

async fn call(proxy: &Proxy, world: &World, good: &Good) -> (&'static str, Value) {
    (
        good.function,
        proxy.function(world, good.function).invoke(&good.event).await.expect("an answer"),
    )
}

/// The answer of an action that could not be decided.
#[track_caller]
pub fn comes_back(function: &str, answer: &Value) {
    assert_eq!(
        outcome(answer),
        (503, "temporarily_unavailable".to_owned()),
        "{function}: {answer}"
    );
    assert_eq!(answer["headers"]["retry-after"], "1", "{function}");
    assert_eq!(answer["headers"]["content-type"], "application/problem+json", "{function}");
    assert!(
        body_of(answer)["instance"].as_str().is_some_and(|instance| instance.ends_with(":test")),
        "{function}: {answer}"
    );
    assert_eq!(answer["headers"].get("set-cookie"), None, "{function}");
    assert_eq!(answer["cookies"].as_array().map_or(0, Vec::len), 0, "{function}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_store_reads_as_an_outage_and_writes_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let events = good_events(&world, &admin).await;
    let proxy = Proxy::new(&world).await;
    for fault in [Fault::Throttled, Fault::PartThrottled, Fault::ServerError] {
        proxy.fail("*", ALWAYS, fault);
        let act = async { join_all(events.iter().map(|good| call(&proxy, &world, good))).await };
        for (function, answer) in world.changes_nothing(act).await {
            comes_back(function, &answer);
        }
        proxy.heal();
    }
    let nobody = Nobody::new().await;
    let url = nobody.url();
    let dead = |good: &Good| {
        let function = good.function;
        let event = good.event.clone();
        let behind = Behind::new(&world, function, &[("AWS_ENDPOINT_URL_DYNAMODB", &url)]);
        async move { (function, behind.invoke(&event).await.expect("an answer")) }
    };
    for (function, answer) in join_all(events.iter().map(dead)).await {
        comes_back(function, &answer);
    }
    assert!(nobody.connections().await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_of_throttling_is_not_seen() {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    for good in good_events(&world, &admin).await {
        for operation in ["GetItem", "Query", "UpdateItem", "TransactWriteItems"] {
            proxy.fail(operation, 1, Fault::Throttled);
        }
        proxy.fail("TransactWriteItems", 1, Fault::PartThrottled);
        let (function, answer) = call(&proxy, &world, &good).await;
        proxy.heal();
        assert_eq!(outcome(&answer), (good.status, String::new()), "{function}: {answer}");
        world.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_got_lost_is_made_once_and_reported_as_made() {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    for good in good_events(&world, &admin).await {
        let Some(action) = good.audited else { continue };
        let before = audited(&world, action).await;
        let behind = proxy.function(&world, good.function);
        proxy.fail("TransactWriteItems", 1, Fault::AnswerLost);
        let (answer, recording) = proxy.watch(behind.invoke(&good.event)).await;
        proxy.heal();
        let answer = answer.expect("an answer");
        assert_eq!(outcome(&answer), (good.status, String::new()), "{}: {answer}", good.function);
        let writes: Vec<&Value> = recording
            .0
            .iter()
            .filter(|sent| sent.operation == "TransactWriteItems")
            .map(|sent| &sent.body)
            .collect();
        assert_eq!(writes.len(), 2, "{}", good.function);
        assert_eq!(
            writes[0], writes[1],
            "{}: the same request, with the same token",
            good.function
        );
        if let Some(key) = body_of(&answer)["api_key"].as_str() {
            assert_eq!(world.product_api(key).await, 200);
        }
        world.settle().await;
        assert_eq!(audited(&world, action).await, before + 1, "{}", good.function);
    }
    assert_eq!(admin.get("/api/keys").await.body["count"], 3);
}

/// Every change, each with these faults at its transaction: it is made once, and reported as made.
pub async fn made_once(faults: &[(usize, Fault)]) {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    for good in good_events(&world, &admin).await {
        let Some(action) = good.audited else { continue };
        let before = audited(&world, action).await;
        for (times, fault) in faults {
            proxy.fail("TransactWriteItems", *times, *fault);
        }
        let (function, answer) = call(&proxy, &world, &good).await;
        proxy.heal();
        assert_eq!(outcome(&answer), (good.status, String::new()), "{function}: {answer}");
        if let Some(key) = body_of(&answer)["api_key"].as_str() {
            assert_eq!(world.product_api(key).await, 200);
        }
        world.settle().await;
        assert_eq!(audited(&world, action).await, before + 1, "{function}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_said_to_be_in_progress_is_made_once_and_reported_as_made() {
    // More often than the SDK tries by itself.
    made_once(&[(4, Fault::InProgress)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_in_progress_and_whose_repetition_meets_another_is_made_once() {
    // The SDK repeats what is in progress by itself, and tells of the conflict alone.
    made_once(&[(1, Fault::InProgress), (1, Fault::Conflict)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_got_lost_and_whose_repetition_meets_another_is_reported_as_made() {
    made_once(&[(1, Fault::AnswerLost), (1, Fault::Conflict)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cancelled_is_sent_with_a_new_token_and_what_may_be_made_with_the_same_bytes() {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    for (fault, times, tokens) in [
        (Fault::Conflict, 2, 3),
        (Fault::PartThrottled, 2, 3),
        (Fault::InProgress, 4, 1),
        (Fault::AnswerLost, 2, 1),
        (Fault::ServerError, 2, 1),
    ] {
        let create = proxy.function(&world, "create-key");
        let event = http_event("create-key", Some(&admin), None, Some(json!({ "name": "New" })));
        proxy.fail("TransactWriteItems", times, fault);
        let (answer, Recording(sent)) = proxy.watch(create.invoke(&event)).await;
        proxy.heal();
        assert_eq!(outcome(&answer.expect("an answer")).0, 201, "{fault:?}");
        assert_eq!(sent.len(), times + 1, "{fault:?}");
        let different: BTreeSet<&str> = sent
            .iter()
            .map(|sent| sent.body["ClientRequestToken"].as_str().expect("a token"))
            .collect();
        assert_eq!(different.len(), tokens, "{fault:?}");
        if tokens == 1 {
            assert!(sent.iter().all(|again| again.bytes == sent[0].bytes), "{fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_which_nobody_knows_is_not_said_to_be_undone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    let detail = |answer: &Value| body_of(answer)["detail"].as_str().unwrap_or_default().to_owned();
    for good in good_events(&world, &admin).await {
        let Some(action) = good.audited else { continue };
        let before = audited(&world, action).await;
        for fault in [Fault::Conflict, Fault::Throttled, Fault::PartThrottled] {
            proxy.fail("TransactWriteItems", ALWAYS, fault);
            let (function, answer) = call(&proxy, &world, &good).await;
            comes_back(function, &answer);
            assert!(detail(&answer).contains("It was not done"), "{function} {fault:?}: {answer}");
            proxy.heal();
        }
        assert_eq!(audited(&world, action).await, before, "{}", good.function);

        proxy.fail("TransactWriteItems", ALWAYS, Fault::AnswerLost);
        let (function, answer) = call(&proxy, &world, &good).await;
        proxy.heal();
        comes_back(function, &answer);
        assert!(detail(&answer).contains("It may have been done"), "{function}: {answer}");
        world.settle().await;
        assert_eq!(audited(&world, action).await, before + 1, "{function}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_throttled_after_its_answer_got_lost_is_not_said_to_be_undone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    proxy.fail("TransactWriteItems", 1, Fault::AnswerLost);
    proxy.fail("TransactWriteItems", ALWAYS, Fault::Throttled);
    let body = json!({ "name": "New" });
    let answer = proxy.function(&world, "create-key").call(Some(&admin), None, Some(body)).await;
    comes_back("create-key", &answer);
    let detail = body_of(&answer)["detail"].to_string();
    assert!(detail.contains("It may have been done"), "{detail}");
    assert_eq!(admin.get("/api/keys").await.body["count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_not_said_to_be_undone_because_a_read_beside_it_failed() {
    // The look-up of the address comes before the session; the reads beside it fail.
    for (function, reads_before) in [("verify-code", 1), ("retry-sandbox", 0)] {
        let world = World::new().await;
        let admin = world.admin().await;
        let proxy = Proxy::new(&world).await;
        let events = good_events(&world, &admin).await;
        let good = events.iter().find(|good| good.function == function).expect("it has an event");
        let action = good.audited.expect("it changes something");
        let before = audited(&world, action).await;
        proxy.spare("GetItem", reads_before);
        proxy.fail("GetItem", ALWAYS, Fault::Throttled);
        let (function, answer) = call(&proxy, &world, good).await;
        comes_back(function, &answer);
        let detail = body_of(&answer)["detail"].to_string();
        assert!(detail.contains("It may have been done"), "{function}: {detail}");
        assert_eq!(audited(&world, action).await, before + 1, "{function}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_whose_answer_got_lost_is_counted_once_and_looked_at() {
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let proxy = Proxy::new(&world).await;
    let verify = proxy.function(&world, "verify-code");
    let guess = async |code: &str| {
        proxy.fail("UpdateItem", 1, Fault::AnswerLost);
        let body = json!({ "challenge": challenge, "code": code, "session": "bearer" });
        let answer = verify.call(None, None, Some(body)).await;
        proxy.heal();
        answer
    };
    for left in (1..5).rev() {
        let answer = guess(wrong(&code)).await;
        assert_eq!(outcome(&answer), (401, "code_incorrect".to_owned()));
        assert_eq!(body_of(&answer)["attempts_left"], left);
    }
    assert_eq!(outcome(&guess(&code).await), (200, String::new()), "the last one is right");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_never_reads_as_an_invalid_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Good").await;
    let event = authorizer_event(&key);
    let proxy = Proxy::new(&world).await;
    let authorizer = proxy.function(&world, "authorize-key");
    let over_http = proxy.function(&world, "check-key");
    for fault in [Fault::Throttled, Fault::ServerError, Fault::AnswerLost] {
        proxy.fail("GetItem", ALWAYS, fault);
        let error = authorizer.invoke(&event).await.expect_err("an outage").to_string();
        assert!(!error.contains(&key), "{error}");
        for method in ["GET", "POST"] {
            let answer = over_http.invoke(&check_event(method, Some(&key))).await;
            comes_back("check-key", &answer.expect("an answer"));
        }
        proxy.heal();
        for (name, event) in KEY_CHECKS {
            let answer = proxy.function(&world, name).invoke(&event(&key)).await;
            assert!(lets_in(&answer.expect("an answer")), "{name}");
        }
    }
    let nobody = Nobody::new().await;
    let url = nobody.url();
    let cut_off = |name| Behind::new(&world, name, &[("AWS_ENDPOINT_URL_DYNAMODB", &url)]);
    assert!(cut_off("authorize-key").invoke(&event).await.is_err());
    let answer = cut_off("check-key").invoke(&check_event("GET", Some(&key))).await;
    comes_back("check-key", &answer.expect("an answer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_keyrings_reads_as_an_outage_and_costs_no_guess() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let nobody = Nobody::new().await;
    let url = nobody.url();
    let cold = |function: &str| {
        Behind::new(&world, function, &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &url)])
    };
    let guess = json!({ "challenge": challenge, "code": wrong(&code) });
    let act = async {
        let asked = cold("request-code")
            .call(None, None, Some(json!({ "email": ADMIN, "accept_terms": true })))
            .await;
        comes_back("request-code", &asked);
        for _ in 0..5 {
            comes_back(
                "verify-code",
                &cold("verify-code").call(None, None, Some(guess.clone())).await,
            );
        }
        comes_back("test-sandbox", &cold("test-sandbox").call(Some(&admin), None, None).await);
    };
    world.changes_nothing(act).await;
    comes_back(
        "reveal-sandbox-key",
        &cold("reveal-sandbox-key").call(Some(&admin), None, None).await,
    );
    world.verify(&challenge, &code).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_record_that_meets_an_outage_is_delivered_again() {
    let world = World::new().await;
    let proxy = Proxy::new(&world).await;
    for function in ["provision-sandbox", "deliver-mail"] {
        let event = sample(function);
        let first = &event["Records"][0]["dynamodb"]["SequenceNumber"];
        let behind = proxy.function(&world, function);
        for fault in [Fault::Throttled, Fault::ServerError] {
            proxy.fail("*", ALWAYS, fault);
            let answer = behind.invoke(&event).await.expect("an answer");
            assert_eq!(
                answer,
                json!({ "batchItemFailures": [{ "itemIdentifier": first }] }),
                "{function}"
            );
            proxy.heal();
        }
        assert_eq!(
            behind.invoke(&event).await.expect("an answer"),
            json!({ "batchItemFailures": [] }),
            "{function}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_told_of_an_outage_and_a_second_call_does_it() {
    let world = World::new().await;
    let proxy = Proxy::new(&world).await;
    let register = proxy.function(&world, "register-account");
    let wanted = json!({ "name": "Other Company", "admin_email": "other@example.com" });
    proxy.fail("*", ALWAYS, Fault::ServerError);
    let error =
        world.changes_nothing(register.invoke(&wanted)).await.expect_err("an outage").to_string();
    let problem: Value = serde_json::from_str(&error).expect("a problem document");
    assert_eq!(
        (&problem["status"], &problem["code"]),
        (&json!(503), &json!("temporarily_unavailable"))
    );
    proxy.heal();
    proxy.fail("TransactWriteItems", 1, Fault::Conflict);
    assert_eq!(
        register.invoke(&wanted).await.expect("an account")["account"]["name"],
        "Other Company"
    );
    assert_eq!(audited(&world, "account_created").await, 2);

    let sweep = proxy.function(&world, "sweep");
    proxy.fail("Query", ALWAYS, Fault::Throttled);
    assert!(sweep.invoke(&json!({})).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_lacks_a_setting_says_which_and_never_shows_a_value() {
    let world = World::new().await;
    let mut environment = world.desk.environment("authorize-key");
    environment.remove("TABLE_NAME");
    let error = edge::App::new(
        &Env::from_pairs(environment),
        world.desk.clock().clone(),
        Budget::KEY_CHECK,
    )
    .expect_err("a setting is missing")
    .to_string();
    assert_eq!(error, "the setting TABLE_NAME is missing");
}
