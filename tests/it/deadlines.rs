//! Every invocation has its answer before Lambda would end the function: whatever it calls may
//! never answer.

use crate::logs::Log;
use crate::product::Product;
use crate::proxy::{Behind, Fault, Proxy, body_of, http_event, outcome};
use crate::support::{ADMIN, UNHURRIED, World, sample};
use crate::tidy::{template, template_functions};
use edge::budget::{ANSWER_TIME, Budget};
use edge::config::Env;
use edge::product_api::{MAX_RETRY_AFTER, VERDICT_TIME};
use edge::{App, Clock};
use functions::{FUNCTIONS, Function, Trigger, provision_sandbox, test_sandbox};
use futures::future::join_all;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Where a service should be: it takes connections, and says nothing on any of them. To a client
/// that begins with TLS that is a handshake which never ends.
struct Silent {
    address: String,
    server: JoinHandle<()>,
}

impl Silent {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = tokio::spawn(async move {
            let mut connections = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.push(connection);
            }
        });
        Self { address, server }
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// All that any function is given, with every service and the product API at `url`.
pub fn environment(url: &str) -> Env {
    let variables = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", url),
        ("TABLE_NAME", "frontdesk"),
        ("LOGIN_SECRET_ARN", "login"),
        ("SEALING_SECRET_ARN", "sealing"),
        ("CONSOLE_ORIGIN", "https://desk.example.com"),
        ("MAIL_FROM", "desk@example.com"),
        ("PRODUCT_API_URL", url),
        ("PRODUCT_API_TIMEOUT_MS", "3500"),
    ];
    Env::from_pairs(variables.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// The `Timeout` of every function of the template.
pub fn timeouts() -> BTreeMap<String, Duration> {
    let template = template();
    let global = &template["Globals"]["Function"]["Timeout"];
    let timeout = |resource: &Value| {
        let own = &resource["Properties"]["Timeout"];
        let seconds = own.as_u64().or(global.as_u64()).expect("a number of seconds");
        Duration::from_secs(seconds)
    };
    let functions = template_functions(&template).into_iter();
    functions.map(|(action, (_, resource))| (action, timeout(&resource))).collect()
}

/// What an outage is to whom the function answers.
#[track_caller]
pub fn is_an_outage(function: &Function, event: &Value, answer: Result<Value, Error>) {
    let name = function.name;
    match function.trigger {
        Trigger::Http { .. } | Trigger::ForwardAuth { .. } => {
            let answer = answer.expect("an answer");
            let code = "temporarily_unavailable".to_owned();
            assert_eq!(outcome(&answer), (503, code), "{name}: {answer}");
            assert_eq!(answer["headers"]["retry-after"], "1", "{name}");
            assert!(body_of(&answer)["instance"].is_string(), "{name}");
        }
        Trigger::Stream => {
            let first = &event["Records"][0]["dynamodb"]["SequenceNumber"];
            let failed = json!({ "batchItemFailures": [{ "itemIdentifier": first }] });
            assert_eq!(answer.expect("an answer"), failed, "{name}");
        }
        Trigger::Authorizer | Trigger::Topic | Trigger::Operator | Trigger::Schedule => {
            answer.expect_err("an outage is no answer");
        }
    }
}

/// The time is the test's: nothing happens here but waiting, and each wait is over at once. So what
/// is measured is what the waits come to, on any machine.
#[tokio::test(start_paused = true)]
async fn where_nothing_ever_answers_every_function_does_before_its_time_out() {
    let silent = Silent::new().await;
    let timeouts = timeouts();
    for scheme in ["http", "https"] {
        let env = environment(&format!("{scheme}://{}", silent.address));
        let log = Log::with(&env);
        for function in &FUNCTIONS {
            let event = sample(function.name);
            let app =
                App::new(&env, Clock::system(), function.budget).expect("the environment is right");
            let invoke = function.build(app);
            let payload = serde_json::value::to_raw_value(&event).expect("an event");
            let context = edge::lambda::context(format!("{scheme}-{}", function.name));
            let request_id = context.request_id.clone();
            let began = Instant::now();
            let answer = invoke(LambdaEvent::new(payload, context)).await;
            let took = began.elapsed();
            is_an_outage(function, &event, answer);
            assert!(took < timeouts[function.name], "{scheme}: {} took {took:?}", function.name);
            let (of, _, told) = log.of_request(&request_id);
            assert_eq!(of, function.name);
            assert_ne!(told, "ok", "{}", function.name);
        }
    }
}

#[test]
fn every_function_knows_its_time_out() {
    let known =
        FUNCTIONS.iter().map(|function| (function.name.to_owned(), function.budget.timeout));
    assert_eq!(known.collect::<BTreeMap<_, _>>(), timeouts());
}

#[test]
fn the_architecture_has_the_time_of_every_function() {
    let mut named: Vec<(Budget, Vec<String>)> = Vec::new();
    for function in FUNCTIONS.iter().filter(|function| function.budget != Budget::REQUEST) {
        let name = format!("`{}`", function.name);
        match named.iter_mut().find(|(budget, _)| *budget == function.budget) {
            Some((_, names)) => names.push(name),
            None => named.push((function.budget, vec![name])),
        }
    }
    named.push((Budget::REQUEST, vec!["all others".to_owned()]));
    let document = std::fs::read_to_string(desk::workspace_root().join("ARCHITECTURE.md"));
    let document = document.expect("the document");
    for (budget, names) in named {
        let times =
            [budget.timeout, budget.timeout - ANSWER_TIME, budget.aws_try, budget.aws_call()];
        let times = times.map(|time| format!("{} s", time.as_secs_f64())).join(" | ");
        let row = format!("| {} | {times} |", names.join(", "));
        assert!(document.contains(&row), "{row}");
    }
}

#[test]
fn every_function_has_time_for_the_longest_of_its_calls_and_for_its_answer() {
    let longest = template()["Parameters"]["ProductApiTimeoutMs"]["MaxValue"].as_u64();
    let longest = Duration::from_millis(longest.expect("a number"));
    for function in &FUNCTIONS {
        let (name, budget) = (function.name, function.budget);
        // What comes before it, and stays within the time that calls usually take, is not in this.
        assert!(budget.aws_call() + ANSWER_TIME < budget.timeout, "{name}");
        let tries = match name {
            "test-sandbox" => test_sandbox::MAX_VALIDATION_TRIES,
            "provision-sandbox" => provision_sandbox::MAX_VALIDATION_TRIES,
            _ => continue,
        };
        assert!(budget.aws_call() <= VERDICT_TIME, "{name}");
        let validation = longest * tries + MAX_RETRY_AFTER * (tries - 1);
        assert!(validation + VERDICT_TIME + ANSWER_TIME < budget.timeout, "{name}");
    }
    // A mail is read, its owner, the account and the keyring are looked up, all of it once more if
    // it is not the first of its batch; it is sent and noted.
    let budget = functions::DELIVER_MAIL.budget;
    assert!(budget.aws_call() * 9 + budget.mail_call() + ANSWER_TIME < budget.timeout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_falls_silent_halfway_is_named_in_an_answer() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let verify = json!({ "challenge": challenge, "code": code });
    let ask = json!({ "email": ADMIN, "accept_terms": true });
    let rename = json!({ "account_id": admin.account, "act": "rename", "name": "New" });
    let events = [
        ("request-code", http_event("request-code", None, None, Some(ask)), 1),
        ("verify-code", http_event("verify-code", None, None, Some(verify)), 2),
        ("test-sandbox", http_event("test-sandbox", Some(&admin), None, None), 3),
        ("list-keys", http_event("list-keys", Some(&admin), None, None), 2),
        ("register-account", sample("register-account"), 0),
        ("change-account", rename, 1),
    ];
    let silenced = events.map(|(name, event, spared)| {
        let world = &world;
        async move {
            let function = functions::find(name).expect("there is this function");
            let proxy = Proxy::new(world).await;
            proxy.spare("*", spared);
            proxy.fail("*", usize::MAX, Fault::Silence);
            let changed = [("AWS_ENDPOINT_URL_DYNAMODB", proxy.url())];
            let behind = Behind::with_budget(world, name, &changed, function.budget);
            let (answer, sent) = proxy.watch(behind.invoke(&event)).await;
            assert!(sent.requests() > spared, "{name} waits for no more: {sent:?}");
            is_an_outage(function, &event, answer);
        }
    });
    join_all(silenced).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_runs_out_of_time_says_from_where_on_it_is_not_done() {
    let world = World::new().await;
    let proxy = Proxy::new(&world).await;
    let one = sample("provision-sandbox");
    let mut event = one.clone();
    let records = event["Records"].as_array_mut().expect("records");
    let mut second = one["Records"][0].clone();
    second["dynamodb"]["SequenceNumber"] = "second".into();
    records.truncate(1);
    records.push(second);
    // Nobody has the row of the first: that is one read. The time is long enough for it anywhere.
    proxy.spare("*", 1);
    proxy.fail("*", usize::MAX, Fault::Silence);
    let budget = Budget { timeout: Duration::from_secs(10), ..UNHURRIED };
    let changed = [("AWS_ENDPOINT_URL_DYNAMODB", proxy.url())];
    let provision = Behind::with_budget(&world, "provision-sandbox", &changed, budget);
    let answer = provision.invoke(&event).await.expect("an answer");
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "second" }] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_runs_out_of_time_is_not_said_to_be_undone_and_a_read_is() {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    proxy.fail("*", usize::MAX, Fault::Silence);
    let budget = Budget { timeout: Duration::from_secs(1), ..UNHURRIED };
    let changed = [("AWS_ENDPOINT_URL_DYNAMODB", proxy.url())];
    for (name, body, said) in [
        ("create-key", Some(json!({ "name": "New" })), "It may have been done"),
        ("list-keys", None, "It was not done"),
    ] {
        let behind = Behind::with_budget(&world, name, &changed, budget);
        let answer = behind.call(Some(&admin), None, body).await;
        assert_eq!(outcome(&answer), (503, "temporarily_unavailable".to_owned()), "{name}");
        let detail = body_of(&answer)["detail"].to_string();
        assert!(detail.contains(said), "{name}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_tries_of_a_test_may_take_as_long_as_the_product_api_may() {
    let product = Product::start().await;
    let parameters = [("ProductApiUrl", product.url.as_str()), ("ProductApiTimeoutMs", "3500")];
    let world = World::with_parameters(&parameters).await;
    let admin = world.admin().await;
    product.take_calls();
    product.hold();
    let tested = admin.act("/api/sandbox/test").await;
    assert_eq!(tested.ok(200)["reason"], "api_timeout");
    assert_eq!(product.calls().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_api_for_which_there_is_no_time_is_not_asked() {
    let product = Product::start().await;
    let parameters = [("ProductApiUrl", product.url.as_str()), ("ProductApiTimeoutMs", "3500")];
    let world = World::with_parameters(&parameters).await;
    let admin = world.admin().await;
    product.take_calls();
    let short = MAX_RETRY_AFTER + VERDICT_TIME + ANSWER_TIME;
    let budget = Budget { timeout: short, ..UNHURRIED };
    let test = Behind::with_budget(&world, "test-sandbox", &[], budget);
    let answer = world.changes_nothing(test.call(Some(&admin), None, None)).await;
    assert_eq!(outcome(&answer), (503, "temporarily_unavailable".to_owned()));
    assert!(product.calls().is_empty());
}
