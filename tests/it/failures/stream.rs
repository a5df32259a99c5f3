//! The table's stream, and the workers that it comes to.

use crate::batch::{batch_for, without_workers};
use crate::contention::good_events;
use crate::failures::Tried;
use crate::product::Product;
use crate::proxy::{Behind, Proxy, authorizer_event, body_of, http_event, lets_in, outcome};
use crate::support::{ADMIN, World, record_at};
use desk::{FunctionHost, Options};
use serde_json::{Value, json};

fn all_done() -> Value {
    json!({ "batchItemFailures": [] })
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_every_record_and_nothing_is_done_again() {
    let _tried = Tried;
    let world = World::new().await;
    let admin = world.admin().await;
    for good in good_events(&world, &admin).await {
        let function = Behind::new(&world, good.function, &[]);
        let answer = function.invoke(&good.event).await.expect("an answer");
        assert_eq!(outcome(&answer), (good.status, String::new()), "{}", good.function);
    }
    let end = world.ahead(8 * 24 * 3600);
    admin.post("/api/keys", json!({ "name": "Ends", "expires_at": end })).await.ok(201);
    // The sweep has the first reminder sent.
    world.advance(25 * 3600);
    world.settle().await;
    assert!(world.mailed("key_expiring").contains(&ADMIN.to_owned()));
    for (function, kinds) in [
        ("deliver-mail", ["mail", "login_notice", "key_expiring"].as_slice()),
        ("provision-sandbox", &["login_event", "provision_request"]),
    ] {
        let worker = Behind::new(&world, function, &[]);
        for kind in kinds {
            let rows = world.rows_of(kind).await;
            assert!(!rows.is_empty(), "there is a {kind}");
            let repeat = async {
                for row in &rows {
                    let [pk, sk] = ["pk", "sk"].map(|name| row[name].as_s().expect("a text"));
                    let again = worker.invoke(&record_at(function, pk, sk)).await;
                    assert_eq!(again.expect("an answer"), all_done(), "{kind} {pk} {sk}");
                }
            };
            world.changes_nothing(repeat).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn brings_half_a_record_and_that_alone_comes_again() {
    let _tried = Tried;
    let world = without_workers().await;
    let deliver = Behind::new(&world, "deliver-mail", &[]);
    let mut batch = batch_for(&world, &[ADMIN, "nobody@example.net"]).await;
    let whole = batch["Records"][0]["dynamodb"]["Keys"].clone();
    for half in [json!({}), json!({ "pk": whole["pk"] }), json!({ "pk": { "S": "MAIL" } })] {
        let records = batch["Records"].as_array_mut().expect("records");
        let mut poison = records[1].clone();
        poison["dynamodb"]["Keys"] = half.clone();
        poison["dynamodb"]["SequenceNumber"] = "poison".into();
        let event = json!({ "Records": [records[0], poison, records[1]] });
        let answer = deliver.invoke(&event).await.expect("an answer");
        let again = json!({ "batchItemFailures": [{ "itemIdentifier": "poison" }] });
        assert_eq!(answer, again, "{half}");
        assert_eq!(world.mailed("login_code"), [ADMIN]);
    }
    let rest = json!({ "Records": [batch["Records"][1]] });
    assert_eq!(deliver.invoke(&rest).await.expect("an answer"), all_done());
}

/// Somebody logs in for the first time, where a test alone brings records to the workers. The
/// record of the login event, and the account.
async fn logged_in(world: &World, email: &str) -> (Value, String) {
    let call = async |function: &str, body: Value| {
        let event = http_event(function, None, None, Some(body));
        let answer = Behind::new(world, function, &[]).invoke(&event).await.expect("an answer");
        assert!(answer["statusCode"].as_u64().is_some_and(|status| status < 300), "{answer}");
        body_of(&answer)
    };
    let register = Behind::new(world, "register-account", &[]);
    let account = json!({ "name": "Example Company", "admin_email": email });
    let account = register.invoke(&account).await.expect("it is registered");
    let account = account["account"]["id"].as_str().expect("an id").to_owned();
    let asked = call("request-code", json!({ "email": email, "accept_terms": true })).await;
    let mut mails = world.rows_of("mail").await;
    mails.retain(|mail| mail["status"].as_s().expect("a text") == "pending");
    let (pk, sk) = (mails[0]["pk"].as_s().expect("a text"), mails[0]["sk"].as_s().expect("a text"));
    let deliver = Behind::new(world, "deliver-mail", &[]);
    let answer = deliver.invoke(&record_at("deliver-mail", pk, sk)).await.expect("an answer");
    assert_eq!(answer, all_done());
    let code = world.desk.inbox().code_for(email).expect("a code was mailed");
    call("verify-code", json!({ "challenge": asked["challenge"], "code": code })).await;
    let events = world.rows_of("login_event").await;
    let event = events.iter().find(|row| row["account_id"].as_s().expect("a text") == &account);
    let sk = event.expect("a login event")["sk"].as_s().expect("a text");
    (record_at("provision-sandbox", &format!("ACCT#{account}"), sk), account)
}

#[tokio::test(flavor = "multi_thread")]
async fn comes_to_a_worker_that_dies_after_any_of_its_requests_and_the_next_one_finishes() {
    let _tried = Tried;
    let product = Product::start().await;
    let parameters = [("ProductApiUrl".to_owned(), product.url.clone())];
    let functions = FunctionHost::Remote("http://127.0.0.1:9".to_owned());
    let options = Options { functions, parameters: parameters.into(), ..Options::default() };
    let world = World::with_options(options).await;
    let mut deaths = 0;
    loop {
        let (event, account) = logged_in(&world, &format!("admin{deaths}@example.net")).await;
        let proxy = Proxy::new(&world).await;
        let provision = proxy.function(&world, "provision-sandbox");
        let ended = proxy.dies_at("*", deaths, provision.invoke(&event)).await;
        for _ in 0..2 {
            let answer = provision.invoke(&event).await.expect("an answer");
            assert_eq!(answer, all_done(), "after {deaths} requests");
        }
        let partition = format!("ACCT#{account}");
        let rows = world.rows().await;
        let sandbox = &rows[&(format!("SANDBOX#{account}"), "SANDBOX".to_owned())];
        assert_eq!(sandbox["state"].as_s().expect("a text"), "ready", "after {deaths} requests");
        let keys = rows.keys().filter(|(pk, sk)| *pk == partition && sk.starts_with("KEY#"));
        assert_eq!(keys.count(), 1, "after {deaths} requests");
        // The key that the product API was shown last is the one that there is.
        let shown = product.calls().last().expect("a call").key().to_owned();
        let check = Behind::new(&world, "authorize-key", &[]);
        let answer = check.invoke(&authorizer_event(&shown)).await.expect("an answer");
        assert!(lets_in(&answer), "after {deaths} requests");
        if ended.is_some() {
            break;
        }
        deaths += 1;
    }
    // The event; the account and the Sandbox; the key; the verdict.
    assert_eq!(deaths, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn comes_to_a_mailer_that_dies_after_any_of_its_requests_and_the_next_one_sends_the_mail() {
    let _tried = Tried;
    let world = without_workers().await;
    let mut deaths = 0;
    loop {
        // Not more codes than an address may ask for.
        world.advance(3 * 3600);
        let batch = batch_for(&world, &[ADMIN]).await;
        let proxy = Proxy::new(&world).await;
        let deliver = proxy.function(&world, "deliver-mail");
        let before = world.mailed("login_code").len();
        let ended = proxy.dies_at("*", deaths, deliver.invoke(&batch)).await;
        for _ in 0..2 {
            let answer = deliver.invoke(&batch).await.expect("an answer");
            assert_eq!(answer, all_done(), "after {deaths} requests");
        }
        assert_eq!(world.mailed("login_code").len(), before + 1, "after {deaths} requests");
        if ended.is_some() {
            break;
        }
        deaths += 1;
    }
    // The mail; whose the address is; the account and the member; its end.
    assert_eq!(deaths, 5);
}
