//! What a function has before its first event: connections to the table, and its keyring.

use crate::access_patterns::declared;
use crate::batch::{batch_for, without_workers};
use crate::contention::good_events;
use crate::proxy::{Behind, Fault, Proxy, authorizer_event, check_event, lets_in, outcome};
use crate::support::{ADMIN, UNHURRIED, World};
use desk::inside::Service;
use edge::budget::Budget;
use functions::FUNCTIONS;
use serde_json::json;
use std::collections::BTreeSet;

/// On one thread, as a function is.
#[tokio::test]
async fn the_first_event_of_every_action_finds_all_connections_that_it_needs() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Good").await;
    let proxy = Proxy::new(&world).await;
    let mut events: Vec<_> = good_events(&world, &admin)
        .await
        .into_iter()
        .map(|good| (good.function, good.event))
        .collect();
    events.push(("authorize-key", authorizer_event(&key)));
    events.push(("check-key", check_event("GET", Some(&key))));
    for (name, event) in events {
        let needed = declared(name).iter().map(|wave| wave.len()).max().unwrap_or_default();
        let at_once = vec![""; needed];
        let (function, ahead) = proxy.record(&[&at_once], proxy.started(&world, name)).await;
        assert_eq!(ahead.connections().len(), needed, "{name}");
        // While a function asks for its event, connections are put back where it finds them.
        world.settle().await;
        let (answer, sent) = proxy.record(declared(name), function.invoke(&event)).await;
        let answer = answer.expect("an answer");
        match name {
            "authorize-key" | "check-key" => assert!(lets_in(&answer), "{name}: {answer}"),
            _ => assert_eq!(outcome(&answer).1, "", "{name}: {answer}"),
        }
        assert!(sent.connections().is_subset(&ahead.connections()), "{name}: {sent:?}");
        world.settle().await;
    }
}

#[tokio::test]
async fn the_first_mail_finds_a_connection() {
    let world = without_workers().await;
    let proxy = Proxy::before(&world, Service::Ses).await;
    let event = batch_for(&world, &[ADMIN]).await;
    let (deliver, ahead) = proxy.watch(proxy.started(&world, "deliver-mail")).await;
    assert_eq!(world.mailed("login_code").len(), 0);
    let (answer, sent) = proxy.watch(deliver.invoke(&event)).await;
    assert_eq!(answer.expect("an answer"), json!({ "batchItemFailures": [] }));
    assert_eq!(world.mailed("login_code").len(), 1);
    assert_eq!((ahead.requests(), sent.requests()), (1, 1));
    assert_eq!(sent.connections(), ahead.connections());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_has_started_does_without_secrets_manager() {
    const SETTING: &str = "SEALING_SECRET_ARN";
    let world = World::new().await;
    let admin = world.admin().await;
    world.settle().await;
    let started = Behind::started(&world, "reveal-sandbox-key", &[], UNHURRIED).await;
    let other = Behind::new(&world, "reveal-sandbox-key", &[]);
    world.put_secret(SETTING, "no keyring").await;
    let answer = started.call(Some(&admin), None, None).await;
    assert_eq!(outcome(&answer), (200, String::new()));
    let answer = other.call(Some(&admin), None, None).await;
    assert_eq!(outcome(&answer), (500, "internal_error".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_fetches_the_secrets_that_it_is_told_of_and_no_other() {
    let world = World::new().await;
    let proxy = Proxy::before(&world, Service::SecretsManager).await;
    for function in &FUNCTIONS {
        let (_, asked) = proxy.watch(proxy.started(&world, function.name)).await;
        let fetched: BTreeSet<String> =
            asked.0.iter().map(|sent| sent.body["SecretId"].to_string()).collect();
        let told: BTreeSet<String> = world
            .desk
            .environment(function.name)
            .into_iter()
            .filter(|(name, _)| name.ends_with("_SECRET_ARN"))
            .map(|(_, arn)| json!(arn).to_string())
            .collect();
        assert_eq!(fetched, told, "{}", function.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_starts_without_secrets_manager_and_asks_again_with_its_first_event() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.settle().await;
    for fault in [Fault::ServerError, Fault::Silence] {
        let proxy = Proxy::before(&world, Service::SecretsManager).await;
        proxy.fail("*", usize::MAX, fault);
        let (name, settings) = ("reveal-sandbox-key", proxy.settings());
        let start = Behind::started(&world, name, &settings, Budget::REQUEST);
        let (started, asked) = proxy.watch(start).await;
        assert!(asked.requests() > 0, "{fault:?}");
        // It is not tried as often as an event would: Lambda gives a start ten seconds.
        assert!(fault != Fault::Silence || asked.requests() < 3, "{asked:?}");
        proxy.heal();
        let (answer, asked) = proxy.watch(started.call(Some(&admin), None, None)).await;
        assert_eq!(outcome(&answer), (200, String::new()), "{fault:?}");
        assert_eq!(asked.requests(), 1, "{fault:?}");
    }
}
