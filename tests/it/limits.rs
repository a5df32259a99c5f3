//! Limits of an account's calls: what the key checks let through, what they say of what they do
//! not, and how limits change.

use crate::authorize_key::forged;
use crate::proxy::{
    Behind, Fault, KEY_CHECKS, Proxy, authorizer_event, check_event, lets_in, over_limit,
};
use crate::support::{
    Person, Reply, UNHURRIED, World, record_of, refused_invocation, status_and_code,
};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::MailServiceMode;
use edge::Clock;
use futures::future::{join, join_all};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// The first account with these limits, its admin, and a key whose use is on record.
async fn limited(world: &World, limits: Value) -> (Person<'_>, String) {
    let admin = world.admin().await;
    let (_, key) = admin.key("A key").await;
    assert_eq!(check(world, &key).await.status, 200);
    set_limits(&admin, limits).await;
    (admin, key)
}

async fn set_limits(admin: &Person<'_>, limits: Value) -> Value {
    admin.world.change(&admin.account, json!({ "act": "set_limits", "limits": limits })).await
}

async fn check(world: &World, key: &str) -> Reply {
    world.call("GET", "/api/check").header("x-api-key", key).send().await
}

/// How many of so many calls, one after the other, are let through.
async fn admitted(world: &World, key: &str, calls: usize) -> usize {
    let mut through = 0;
    for _ in 0..calls {
        let reply = check(world, key).await;
        assert!([200, 429].contains(&reply.status.as_u16()), "{}", reply.text);
        through += usize::from(reply.status == 200);
    }
    through
}

async fn used(person: &Person<'_>) -> Value {
    person.get("/api/usage").await.ok(200)["calls"].clone()
}

/// What stands in the account's meter.
async fn meter(admin: &Person<'_>) -> std::collections::BTreeMap<String, AttributeValue> {
    admin.world.row(&format!("METER#{}", admin.account), "METER").await
}

fn until_next_month(world: &World) -> u64 {
    let month = domain::Month::of(world.now());
    let rest = month.ends_at().duration_since(world.now()).as_secs();
    u64::try_from(rest).expect("it has not ended") + 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_let_through_and_then_as_many_calls_as_a_minute_has() {
    let world = World::new().await;
    let (_, key) = limited(&world, json!({ "per_minute": 1, "burst": 5 })).await;
    assert_eq!(admitted(&world, &key, 8).await, 5);
    world.advance(180);
    assert_eq!(admitted(&world, &key, 8).await, 3);
    world.advance(3600);
    assert_eq!(admitted(&world, &key, 8).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_a_limit_is_answered_by_429_that_says_which_and_when_to_come_again() {
    let world = World::new().await;
    let (admin, key) = limited(&world, json!({ "per_minute": 30, "burst": 2 })).await;
    assert_eq!(admitted(&world, &key, 2).await, 2);
    let policy = "\"minute\";q=30;w=60";
    let reply = check(&world, &key).await;
    is_over(&reply, 429, "rate_limited", policy, "minute");
    assert!((1..=2).contains(&seconds(&reply)));
    let reply = world.call("HEAD", "/api/check/v1/orders?x=1&limited=403");
    let reply = reply.header("authorization", &format!("Bearer {key}")).send().await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (403, ""));
    assert_eq!(reply.header("x-frontdesk-reason"), Some("rate_limited"));

    set_limits(&admin, json!({ "per_minute": 30, "burst": 2, "per_month": 3 })).await;
    // What is counted of the month goes on.
    let before = used(&admin).await.as_u64().expect("a number");
    set_limits(&admin, json!({ "per_minute": 30, "burst": 20, "per_month": before + 1 })).await;
    assert_eq!(admitted(&world, &key, 1).await, 1);
    let month = domain::Month::of(world.now());
    let policy = format!("\"minute\";q=30;w=60, \"month\";q={};w={}", before + 1, month.seconds());
    let reply = check(&world, &key).await;
    is_over(&reply, 429, "quota_exceeded", &policy, "month");
    let rest = month.ends_at().duration_since(world.now()).as_secs();
    assert!((rest..=rest + 60).contains(&seconds(&reply)));
    let reply = world.call("GET", "/api/check?limited=403").header("x-api-key", &key).send().await;
    is_over(&reply, 403, "quota_exceeded", &policy, "month");
}

/// In how many it is worth trying again.
fn seconds(reply: &Reply) -> i64 {
    reply.header("retry-after").expect("it says when").parse().expect("a number")
}

#[track_caller]
fn is_over(reply: &Reply, status: u16, reason: &str, policy: &str, limit: &str) {
    assert_eq!(reply.status.as_u16(), status, "{}", reply.text);
    assert_eq!(reply.body["error"]["code"], status);
    assert!(reply.body["error"]["message"].is_string());
    assert_eq!(reply.header("x-frontdesk-reason"), Some(reason));
    assert_eq!(reply.header("ratelimit-policy"), Some(policy));
    let after = reply.header("retry-after").expect("it says when");
    assert_eq!(reply.header("ratelimit"), Some(&*format!("\"{limit}\";r=0;t={after}")));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("x-frontdesk-account"), None);
}

/// The reason in the context of a refusal, which says besides only when to come again.
#[track_caller]
fn told(answer: &Value) -> &str {
    let context = &answer["context"];
    assert_eq!(context.as_object().map(|fields| fields.len()), Some(2), "{answer}");
    assert!((1..=60).contains(&context["retry_after"].as_i64().expect("a whole number")));
    context["reason"].as_str().expect("a text")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorizer_refuses_a_call_over_a_limit_and_says_why() {
    let world = World::with_parameters(&[("OnLimit", "refuse")]).await;
    let (_, key) = limited(&world, json!({ "per_minute": 1 })).await;
    let authorizer = Behind::new(&world, "authorize-key", &[]);
    let simple = authorizer_event(&key);
    let mut rest = simple.clone();
    rest["version"] = json!("1.0");
    rest["methodArn"] = rest["routeArn"].take();
    let answer = async |event: &Value| authorizer.invoke(event).await.expect("an answer");
    let first = answer(&simple).await;
    assert_eq!(first["isAuthorized"], true);
    let names: Vec<&String> = first["context"].as_object().expect("a context").keys().collect();
    assert_eq!(names, ["account_id", "key_id", "key_name", "sandbox"]);
    let refused = answer(&simple).await;
    assert_eq!((&refused["isAuthorized"], told(&refused)), (&json!(false), "rate_limited"));
    let denied = answer(&rest).await;
    assert_eq!(denied["policyDocument"]["Statement"][0]["Effect"], "Deny");
    assert_eq!(told(&denied), "rate_limited");
    // A key that is none has nothing to be told.
    let forged = answer(&authorizer_event(&forged(&key, 1))).await;
    assert_eq!(forged, json!({ "isAuthorized": false }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorizer_that_lets_them_pass_tells_the_product() {
    let world = World::new().await;
    let (admin, key) = limited(&world, json!({ "per_minute": 1 })).await;
    let authorizer = Behind::new(&world, "authorize-key", &[]);
    authorizer.invoke(&authorizer_event(&key)).await.expect("an answer");
    let passed = authorizer.invoke(&authorizer_event(&key)).await.expect("an answer");
    assert_eq!(passed["isAuthorized"], true);
    let context = &passed["context"];
    assert_eq!(context["limited"], "rate_limited");
    assert!((1..=60).contains(&context["retry_after"].as_i64().expect("a whole number")));
    assert_eq!(context["account_id"], admin.account);
    // As the stand-in has it, which is such a product.
    let call = world.call("POST", "/heify/get-configurations").header("x-api-key", &key);
    let reply = call.json(json!({})).send().await;
    assert_eq!((reply.status.as_u16(), &reply.body["error"]["code"]), (429, &json!(429)));
    assert!((1..=60).contains(&seconds(&reply)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_calls_at_once_as_many_are_let_through_as_a_month_has() {
    let world = World::new().await;
    let (admin, key) = limited(&world, json!({ "per_month": 100 })).await;
    let process = Behind::new(&world, "check-key", &[]);
    let event = check_event("GET", Some(&key));
    let answers = join_all((0..200).map(|_| process.invoke(&event))).await;
    let statuses = answers.iter().flatten().map(|answer| answer["statusCode"].as_u64());
    let through = statuses.clone().filter(|status| *status == Some(200)).count();
    let over = statuses.filter(|status| *status == Some(429)).count();
    assert_eq!((through, over), (100, 100));
    assert_eq!(used(&admin).await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_share_a_months_calls() {
    let world = World::new().await;
    let (admin, key) = limited(&world, json!({ "per_month": 100 })).await;
    let processes: Vec<Behind> = (0..5)
        .map(|number| {
            let name = if number % 2 == 0 { "check-key" } else { "authorize-key" };
            Behind::new(&world, name, &[("ON_LIMIT", "refuse")])
        })
        .collect();
    let events = [check_event("GET", Some(&key)), authorizer_event(&key)];
    let calls = (0..200).map(|call| processes[call % 5].invoke(&events[call % 5 % 2]));
    let answers = join_all(calls).await;
    let through = answers.iter().flatten().filter(|answer| !over_limit(answer)).count();
    assert_eq!((answers.iter().flatten().count(), through), (200, 100));
    assert_eq!(used(&admin).await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_a_limit_is_no_use_of_the_key() {
    let world = World::new().await;
    let (admin, key) = limited(&world, json!({ "per_month": 1 })).await;
    let last_used = async || admin.get("/api/keys").await.body["keys"][1]["last_used_at"].clone();
    world.advance(7200);
    let before = last_used().await;
    assert_eq!(admitted(&world, &key, 1).await, 1);
    let after = last_used().await;
    assert_ne!(before, after);
    world.advance(7200);
    assert_eq!(admitted(&world, &key, 3).await, 0);
    assert_eq!(last_used().await, after);
    assert_eq!(used(&admin).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_good_key_takes_nothing_from_anybody() {
    let world = World::new().await;
    let (admin, key) = limited(&world, json!({ "per_month": 100 })).await;
    check(&world, &forged(&key, 1)).await;
    let in_an_hour = world.ahead(3600);
    let body = json!({ "name": "Short", "expires_at": in_an_hour });
    let made = admin.post("/api/keys", body).await;
    let expired = made.ok(201)["api_key"].as_str().expect("a key").to_owned();
    world.advance(3600);
    assert_eq!(check(&world, &expired).await.status, 403);
    world.suspend(&admin.account).await;
    assert_eq!(check(&world, &key).await.status, 403);
    world.resume(&admin.account).await;
    assert!(world.rows_of("meter").await.is_empty());
    assert_eq!(used(&admin).await, 0);
    assert_eq!(admitted(&world, &key, 1).await, 1);
    assert_eq!(used(&admin).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_limits_hold_at_once_with_the_rate_anew_and_the_month_going_on() {
    let world = World::new().await;
    let (admin, key) =
        limited(&world, json!({ "per_minute": 1, "burst": 2, "per_month": 50 })).await;
    assert_eq!(admitted(&world, &key, 3).await, 2);
    assert_eq!(set_limits(&admin, json!({ "per_minute": 2 })).await["changed"], true);
    assert_eq!(admitted(&world, &key, 3).await, 2);
    assert_eq!(set_limits(&admin, json!({ "per_minute": 2, "burst": 2 })).await["changed"], false);
    assert_eq!(admitted(&world, &key, 1).await, 0);
    assert_eq!(used(&admin).await, 4);
    assert_eq!(set_limits(&admin, Value::Null).await["account"]["limits"], Value::Null);
    assert_eq!(admitted(&world, &key, 20).await, 20);
    assert_eq!(used(&admin).await, Value::Null);
    let limits = set_limits(&admin, json!({ "per_month": 6 })).await["account"]["limits"].clone();
    assert_eq!(limits, json!({ "per_minute": null, "burst": null, "per_month": 6 }));
    assert_eq!(used(&admin).await, 4);
    assert_eq!(admitted(&world, &key, 5).await, 2);
    // Each change is in the trail, with what was and is.
    let told = world.rows_of("audit").await;
    let of = |name: &str, side: &str, number: &str| {
        let field = AttributeValue::N(number.to_owned());
        told.iter()
            .filter(|row| row["action"].as_s().is_ok_and(|act| act == "account_changed"))
            .any(|row| row.get(side).and_then(|side| side.as_m().ok()?.get(name)) == Some(&field))
    };
    assert!(of("per_month", "is", "50") && of("per_month", "was", "50"));
    assert!(of("burst", "was", "2") && of("per_minute", "is", "2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_made_while_limits_change_has_the_new_ones() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.change(&admin.account, json!({ "act": "set_limits", "key_limit": 90 })).await;
    let creations = (0..64).map(|number| {
        let admin = admin.clone();
        async move { admin.key(&format!("Key {number}")).await }
    });
    let changes = async {
        for per_month in 1..=5 {
            set_limits(&admin, json!({ "per_month": per_month })).await;
        }
    };
    let (keys, ()) = join(join_all(creations), changes).await;
    assert_eq!(keys.len(), 64);
    let keys = world.rows_of("api_key").await;
    assert_eq!(keys.len(), 65);
    for key in keys {
        assert_eq!(key["per_month"].as_n().map(String::as_str), Ok("5"));
        assert_eq!(key["limits_version"].as_n().map(String::as_str), Ok("5"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_key_is_made_with_the_accounts_limits_and_its_calls_count() {
    let world = World::new().await;
    let limits = json!({ "per_month": 10 });
    world.register(json!({ "name": "B", "admin_email": "b@example.com", "limits": limits })).await;
    let admin = world.login("b@example.com").await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
    assert_eq!(used(&admin).await, 1);
    let (_, key) = admin.key("A key").await;
    assert_eq!(admitted(&world, &key, 20).await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_hear_of_80_and_of_100_percent_once_each() {
    let world = World::new().await;
    let (admin, key) = limited(&world, json!({ "per_month": 10 })).await;
    let grace = world.member(&admin, "grace@example.com").await;
    admin.patch(&format!("/api/team/{}", grace.id), json!({ "role": "admin" })).await.ok(200);
    world.member(&admin, "linus@example.com").await;
    let heard = async || {
        world.settle().await;
        let mut heard = world.mailed("usage_warning");
        heard.sort();
        heard
    };
    let both = ["admin@example.com", "grace@example.com"];
    let calls = used(&admin).await.as_u64().expect("a number") as usize;
    assert_eq!(admitted(&world, &key, 7 - calls).await, 7 - calls);
    assert_eq!(heard().await, [""; 0]);
    assert_eq!(admitted(&world, &key, 2).await, 2);
    assert_eq!(heard().await, both);
    assert_eq!(admitted(&world, &key, 5).await, 1);
    assert_eq!(heard().await, [both[0], both[0], both[1], both[1]]);
    let subjects: Vec<String> = world
        .desk
        .inbox()
        .mails()
        .into_iter()
        .filter(|mail| mail.kind == "usage_warning")
        .map(|mail| mail.subject)
        .collect();
    assert!(subjects[0].contains("used up") && subjects[3].contains("80 %"), "{subjects:?}");
    // Other processes find the month used up as well.
    let other = Behind::new(&world, "check-key", &[]);
    other.invoke(&check_event("GET", Some(&key))).await.expect("an answer");
    assert_eq!(heard().await.len(), 4);
    world.advance(until_next_month(&world));
    assert_eq!(admitted(&world, &key, 8).await, 8);
    assert_eq!(heard().await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_that_cannot_be_written_fails_no_check_and_is_the_next_ones() {
    let world = World::new().await;
    let (_, key) = limited(&world, json!({ "per_month": 1 })).await;
    let proxy = Proxy::new(&world).await;
    let check = proxy.function(&world, "check-key");
    proxy.fail("TransactWriteItems", 6, Fault::ServerError);
    let event = check_event("GET", Some(&key));
    for (status, warnings) in [(200, 0), (429, 0), (429, 1), (429, 1)] {
        let answer = check.invoke(&event).await.expect("an answer");
        assert_eq!(answer["statusCode"], status);
        assert_eq!(world.rows_of("usage_warning").await.len(), warnings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_of_a_suspended_account_waits_and_one_of_a_past_month_is_none() {
    let world = World::new().await;
    let (admin, key) = limited(&world, json!({ "per_month": 2 })).await;
    assert_eq!(admitted(&world, &key, 3).await, 2);
    world.settle().await;
    let status = async || world.rows_of("usage_warning").await[0]["status"].clone();
    let [pending, done] = ["pending", "done"].map(|word| AttributeValue::S(word.to_owned()));
    assert_eq!((world.mailed("usage_warning").len(), status().await), (1, done.clone()));
    // Before its mail was noted, the account was suspended.
    let sort_key = world.rows_of("usage_warning").await[0]["sk"].as_s().expect("a text").clone();
    let partition = format!("USAGE#{}", admin.account);
    let again = async || {
        let told = ("told", AttributeValue::M([].into()));
        let due = ("due_at", AttributeValue::N(world.now().as_millisecond().to_string()));
        let fields = [
            ("status", pending.clone()),
            ("duty", AttributeValue::S("duty#0".to_owned())),
            due,
            told,
        ];
        world.set_attributes(&partition, &sort_key, &fields).await;
        world.settle().await;
    };
    world.suspend(&admin.account).await;
    again().await;
    assert_eq!((world.mailed("usage_warning").len(), status().await), (1, pending.clone()));
    world.resume(&admin.account).await;
    world.advance(3600);
    world.invoke("sweep", &json!({})).await.expect("it sweeps");
    world.settle().await;
    assert_eq!((world.mailed("usage_warning").len(), status().await), (2, done.clone()));
    world.advance(until_next_month(&world));
    again().await;
    assert_eq!((world.mailed("usage_warning").len(), status().await), (2, done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_is_owed_until_its_month_ends_and_not_from_then_on() {
    let world = World::new().await;
    let (_, key) = limited(&world, json!({ "per_month": 2 })).await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    assert_eq!(admitted(&world, &key, 3).await, 2);
    let row = world.rows_of("usage_warning").await.remove(0);
    let ends = domain::Month::of(world.now()).ends_at();
    // Who is owed a mail has to be told again, for the mail service takes none.
    for (before, failures) in [(1, 1), (0, 0)] {
        let clock = Clock::standing_at(ends - SignedDuration::from_millis(before));
        let deliver = Behind::with_clock(&world, "deliver-mail", &[], UNHURRIED, clock);
        let answer = deliver.invoke(&record_of("deliver-mail", &row)).await.expect("an answer");
        let failed = answer["batchItemFailures"].as_array().expect("a list");
        assert_eq!(failed.len(), failures, "{before} ms before the end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_over_a_limit_keeps_its_key_and_is_ready_after_the_months_turn() {
    for (on_limit, what_the_api_says) in [("pass", 429), ("refuse", 403)] {
        let world = World::with_parameters(&[("OnLimit", on_limit)]).await;
        let (admin, key) = limited(&world, json!({ "per_month": 3 })).await;
        admitted(&world, &key, 5).await;
        assert_eq!(world.product_api(&key).await, what_the_api_says);
        let sandbox_key = world.rows_of("sandbox").await[0]["sandbox_key"].clone();
        let over = |reply: &Reply| {
            assert_eq!(reply.body["state"], "not_configured", "{}", reply.text);
            assert_eq!(reply.body["reason"], "api_rate_limited", "{on_limit}: {}", reply.text);
        };
        over(&admin.act("/api/sandbox/test").await);
        let again = world.admin().await;
        over(&again.get("/api/sandbox").await);
        admin.act("/api/sandbox/provision").await.ok(202);
        world.settle().await;
        over(&admin.get("/api/sandbox").await);
        assert_eq!(world.rows_of("sandbox").await[0]["sandbox_key"], sandbox_key);
        world.advance(until_next_month(&world));
        let admin = world.admin().await;
        assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready", "{on_limit}");
        assert_eq!(world.rows_of("sandbox").await[0]["sandbox_key"], sandbox_key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_with_limits_costs_one_read_and_one_write_and_a_refusal_soon_none() {
    let world = World::new().await;
    let (_, key) = limited(&world, json!({ "per_minute": 120, "per_month": 1_000_000 })).await;
    let proxy = Proxy::new(&world).await;
    for (name, event) in KEY_CHECKS {
        let check = proxy.function(&world, name);
        world.advance(60);
        check.invoke(&event(&key)).await.expect("an answer");
        for _ in 0..5 {
            world.advance(1);
            let waves: &[&[&str]] = &[&["GetItem"], &["UpdateItem"]];
            let (answer, recording) = proxy.record(waves, check.invoke(&event(&key))).await;
            assert!(lets_in(&answer.expect("an answer")));
            assert_eq!(recording.waves(), waves, "{name}");
            assert_eq!((recording.read_units(), recording.write_units()), (1.0, 1.0), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_calls_of_a_process_cost_two_writes_at_most() {
    let world = World::new().await;
    let (_, key) = limited(&world, json!({ "per_month": 1 })).await;
    assert_eq!(admitted(&world, &key, 1).await, 1);
    let proxy = Proxy::new(&world).await;
    let check = proxy.function(&world, "check-key");
    let event = check_event("GET", Some(&key));
    let (refused, recording) = proxy
        .record(&[], async {
            let mut refused = 0;
            for _ in 0..300 {
                let answer = check.invoke(&event).await.expect("an answer");
                refused += usize::from(answer["statusCode"] == 429);
            }
            refused
        })
        .await;
    let writes =
        recording.operations().into_iter().filter(|operation| *operation != "GetItem").count();
    assert_eq!(refused, 300);
    assert!(writes <= 2, "{writes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_meter_does_not_answer_nobody_is_let_through_and_nobody_refused() {
    let world = World::new().await;
    let (admin, key) = limited(&world, json!({ "per_month": 1000 })).await;
    assert_eq!(admitted(&world, &key, 1).await, 1);
    for fault in [Fault::ServerError, Fault::Throttled, Fault::AnswerLost, Fault::NoBody] {
        let proxy = Proxy::new(&world).await;
        let [over_http, authorizer] =
            ["check-key", "authorize-key"].map(|name| proxy.function(&world, name));
        proxy.fail("UpdateItem", usize::MAX, fault);
        let event = check_event("GET", Some(&key));
        for answer in join_all((0..5).map(|_| over_http.invoke(&event))).await {
            let answer = answer.expect("an answer");
            assert_eq!(answer["statusCode"], 503, "{fault:?}: {answer}");
        }
        assert!(authorizer.invoke(&authorizer_event(&key)).await.is_err(), "{fault:?}");
    }
    // Only what was known to be taken was let through; what may have been is counted.
    assert!(used(&admin).await.as_u64().is_some_and(|calls| calls >= 1));
    assert_eq!(admitted(&world, &key, 1).await, 1);
    let row = ("calls", AttributeValue::S("many".to_owned()));
    world.set_attributes(&format!("METER#{}", admin.account), "METER", &[row]).await;
    assert_eq!(check(&world, &key).await.status, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_are_none_are_refused_and_change_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let limits = [
        (json!({ "per_minute": 0 }), "invalid_limit"),
        (json!({ "per_minute": 6_000_001 }), "invalid_limit"),
        (json!({ "per_minute": -1 }), "invalid_limit"),
        (json!({ "per_minute": 1.5 }), "invalid_limit"),
        (json!({ "burst": 5 }), "invalid_limit"),
        (json!({ "burst": 5, "per_month": 5 }), "invalid_limit"),
        (json!({ "per_minute": 5, "burst": 6_000_001 }), "invalid_limit"),
        (json!({ "per_month": 0 }), "invalid_limit"),
        (json!({ "per_month": 1_000_000_000_001i64 }), "invalid_limit"),
        (json!({ "per_month": 1e30 }), "invalid_limit"),
        (json!({ "per_day": 5 }), "invalid_request"),
        (json!({ "per_month": "5" }), "invalid_request"),
        (json!([]), "invalid_request"),
        (json!(5), "invalid_request"),
    ];
    for (limits, code) in limits {
        let register = json!({ "name": "B", "admin_email": "b@example.com", "limits": limits });
        let act = json!({ "account_id": admin.account, "act": "set_limits", "limits": limits });
        for (function, event) in [("register-account", register), ("change-account", act)] {
            let refused = refused_invocation(&world, function, &event);
            let problem = world.changes_nothing(refused).await;
            assert_eq!(status_and_code(&problem), (400, code), "{function} {limits}");
        }
        let local = json!({ "account_id": admin.account, "limits": limits });
        let reply = world.call("POST", "/_local/accounts").json(local).send().await;
        assert_eq!((reply.status.as_u16(), &reply.body["code"]), (400, &json!(code)), "{limits}");
    }
    // JSON has one kind of numbers, and what is absent is no limit.
    let whole = set_limits(&admin, json!({ "per_minute": 60.0, "per_month": 1e12 })).await;
    let limits = json!({ "per_minute": 60, "burst": 60, "per_month": 1_000_000_000_000i64 });
    assert_eq!(whole["account"]["limits"], limits);
    let none = set_limits(&admin, json!({})).await;
    assert_eq!(none["account"]["limits"], Value::Null);
    let reply = json!({ "account_id": admin.account, "limits": { "per_month": 7 }, "name": "C" });
    let reply = world.call("POST", "/_local/accounts").json(reply).send().await;
    assert_eq!(reply.body["account"]["limits"]["per_month"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_told_to_every_member_of_the_account_and_nobody_else() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "grace@example.com").await;
    let other = world.other_admin("other@example.com").await;
    let month = domain::Month::of(world.now());
    let none = json!({
        "month": month.to_string(), "calls": null, "per_month": null, "per_minute": null,
        "burst": null, "resets_at": null,
    });
    assert_eq!(admin.get("/api/usage").await.ok(200), &none);
    set_limits(&admin, json!({ "per_minute": 600, "burst": 100, "per_month": 100 })).await;
    let (_, key) = admin.key("A key").await;
    assert_eq!(admitted(&world, &key, 3).await, 3);
    let usage = json!({
        "month": month.to_string(), "calls": 3, "per_month": 100, "per_minute": 600,
        "burst": 100, "resets_at": edge::UtcTime(month.ends_at()).to_string(),
    });
    for person in [&admin, &member] {
        assert_eq!(world.changes_nothing(person.get("/api/usage")).await.ok(200), &usage);
    }
    assert_eq!(other.get("/api/usage").await.ok(200), &none);
    set_limits(&admin, json!({ "per_minute": 600 })).await;
    let rate = json!({
        "month": month.to_string(), "calls": 3, "per_month": null, "per_minute": 600,
        "burst": 600, "resets_at": null,
    });
    assert_eq!(admin.get("/api/usage").await.ok(200), &rate);
    world.call("GET", "/api/usage").send().await.problem(401, "session_required");
    world.suspend(&admin.account).await;
    admin.get("/api/usage").await.problem(403, "account_suspended");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_reach_the_keys_of_a_suspended_account_and_a_change_that_ended_halfway_is_finished()
{
    let world = World::new().await;
    let (admin, key) = limited(&world, json!({ "per_month": 100 })).await;
    world.suspend(&admin.account).await;
    set_limits(&admin, json!({ "per_month": 2 })).await;
    assert_eq!(check(&world, &key).await.status, 403);
    world.resume(&admin.account).await;
    assert_eq!(admitted(&world, &key, 5).await, 2);

    // The account's row has the new limits, and no key has: whoever changed them is dead.
    let proxy = Proxy::new(&world).await;
    let change = proxy.function(&world, "change-account");
    proxy.spare("TransactWriteItems", 1);
    proxy.fail("TransactWriteItems", usize::MAX, Fault::ServerError);
    let act = json!({
        "account_id": admin.account, "act": "set_limits", "limits": { "per_month": 4 },
    });
    assert!(change.invoke(&act).await.is_err());
    assert_eq!(admitted(&world, &key, 1).await, 0);
    world.advance(150);
    world.invoke("sweep", &json!({})).await.expect("it sweeps");
    assert_eq!(admitted(&world, &key, 5).await, 2);
    let row = world.row(&format!("ACCT#{}", admin.account), "ACCOUNT").await;
    assert_eq!(row.get("duty"), None);
    assert_eq!(
        meter(&world.admin().await).await["limits_version"].as_n().map(String::as_str),
        Ok("3")
    );
}
