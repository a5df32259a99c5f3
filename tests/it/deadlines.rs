//! Every invocation has its answer before Lambda would end the function: whatever it calls may
//! never answer.

use crate::logs::Log;
use crate::proxy::{body_of, outcome};
use crate::tidy::{template, template_functions};
use edge::config::Env;
use edge::{App, Clock};
use functions::{FUNCTIONS, Function, Trigger};
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
fn environment(url: &str) -> Env {
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

fn sample(function: &str) -> Value {
    let file = desk::workspace_root().join(format!("tests/fixtures/events/{function}.json"));
    serde_json::from_str(&std::fs::read_to_string(file).expect("a sample event")).expect("JSON")
}

/// The `Timeout` of every function of the template.
fn timeouts() -> BTreeMap<String, Duration> {
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
fn is_an_outage(function: &Function, event: &Value, answer: Result<Value, Error>) {
    let name = function.name;
    match function.trigger {
        Trigger::Http { .. } => {
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
        Trigger::Authorizer | Trigger::Operator | Trigger::Schedule => {
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
            let app = App::new(&env, Clock::system()).expect("the environment is right");
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
fn a_test_of_the_connection_has_time_for_both_tries_and_for_its_verdict() {
    // As long as the product API may take, twice, and as long as it may ask to wait in between.
    let longest = template()["Parameters"]["ProductApiTimeoutMs"]["MaxValue"].as_u64();
    let tries = 2 * Duration::from_millis(longest.expect("a number"));
    let (wait, verdict) = (Duration::from_secs(2), Duration::from_secs(3));
    assert!(tries + wait + verdict < timeouts()["test-sandbox"]);
}
