//! What the functions write for operators: the lines as they leave the function, taken where Lambda
//! would take them.
//!
//! A subscriber belongs to a thread, so each of these tests has one thread for itself, its desk and
//! its functions.

use crate::batch::{batch_for, without_workers};
use crate::child;
use crate::folder::Folder;
use crate::proxy::{Behind, KEY_CHECKS, Nobody, authorizer_event, lets_in, outcome};
use crate::rotation::Door;
use crate::support::{ADMIN, Browser, Person, World, wrong};
use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::StatusCode;
use desk::{MailServiceMode, ProductApiMode};
use edge::config::Env;
use edge::telemetry::Metric;
use functions::{FUNCTIONS, Invoke, Trigger};
use futures::FutureExt;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock, Mutex};
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};

/// Everything that the functions of this thread write from now on.
pub struct Log {
    written: Written,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic inside").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A second subscriber, which takes nothing. While there is one alone, `tracing` asks only the
/// thread that first comes by a line whether anybody wants it, and a test without a subscriber says
/// no for all.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));

impl Log {
    /// As a function of this world writes it, with the template's settings.
    pub fn of(world: &World) -> Self {
        Self::with(&Env::from_pairs(world.desk.shared_environment().clone()))
    }

    /// As a function with these settings writes it.
    pub fn with(env: &Env) -> Self {
        LazyLock::force(&SECOND);
        let written = Written::default();
        let writer = written.clone();
        let guard =
            tracing::subscriber::set_default(edge::telemetry::lines(env, move || writer.clone()));
        Self { written, _guard: guard }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.written.0.lock().expect("no panic inside").clone()).expect("a text")
    }

    /// The lines of the functions; the desk's own surroundings write here too.
    fn lines(&self) -> Vec<Value> {
        let lines = self
            .text()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("one JSON value each"))
            .collect::<Vec<_>>();
        lines.into_iter().filter(|line| line.get("function").is_some()).collect()
    }

    /// The lines that say how an invocation, or a record of its batch, went.
    fn outcomes(&self) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line.get("outcome").is_some()).collect()
    }

    /// Function, account and outcome of the one line about this request.
    #[track_caller]
    pub fn of_request(&self, request_id: &str) -> (String, Option<String>, String) {
        let outcomes = self.outcomes();
        let lines: Vec<&Value> =
            outcomes.iter().filter(|line| line["request_id"] == request_id).collect();
        assert_eq!(lines.len(), 1, "{request_id}: {lines:?}");
        let text = |name: &str| lines[0][name].as_str().map(str::to_owned);
        (
            text("function").expect("a function"),
            text("account"),
            text("outcome").expect("an outcome"),
        )
    }

    /// The causes that this was counted because of.
    pub fn causes(&self, metric: Metric) -> Vec<Value> {
        let counts = self.lines().into_iter().filter(|line| line.get(metric.name()).is_some());
        counts.map(|line| line["cause"].clone()).collect()
    }

    pub fn of_function(&self, function: &str) -> Vec<(Option<String>, String)> {
        let text = |line: &Value, name: &str| line[name].as_str().map(str::to_owned);
        let own = self.outcomes().into_iter().filter(|line| line["function"] == function);
        own.map(|line| (text(&line, "account"), text(&line, "outcome").expect("an outcome")))
            .collect()
    }
}

fn expected(
    function: &str,
    account: Option<&str>,
    outcome: &str,
) -> (String, Option<String>, String) {
    (function.to_owned(), account.map(str::to_owned), outcome.to_owned())
}

#[tokio::test]
async fn every_answer_of_the_api_has_one_line_with_its_function_account_and_outcome() {
    let world = World::new().await;
    let log = Log::of(&world);
    let request_id =
        |reply: &crate::support::Reply| reply.header("x-request-id").expect("an id").to_owned();
    let (challenge, code) = world.challenge(ADMIN).await;
    let guessed = world.verify(&challenge, wrong(&code)).await;
    assert_eq!(
        log.of_request(&request_id(&guessed)),
        expected("verify-code", None, "code_incorrect")
    );
    let opened = world.verify(&challenge, &code).await;
    let account = opened.ok(200)["account"]["id"].as_str().unwrap().to_owned();
    assert_eq!(log.of_request(&request_id(&opened)), expected("verify-code", Some(&account), "ok"));
    world.settle().await;

    let token = opened.body["session_token"].as_str().unwrap().to_owned();
    let admin = Person { world: &world, token, id: String::new(), account: account.clone() };
    let member = world.member(&admin, "member@example.com").await;
    let (key, _) = admin.key("Another key").await;
    for (reply, line) in [
        (
            world.call("GET", "/api/session").send().await,
            expected("get-session", None, "session_required"),
        ),
        (
            world.call("GET", "/api/nowhere").send().await,
            expected("get-session", None, "not_found"),
        ),
        (admin.get("/api/session").await, expected("get-session", Some(&account), "ok")),
        (
            admin.post("/api/keys", json!({ "name": "A key" })).await,
            expected("create-key", Some(&account), "ok"),
        ),
        (
            admin.post("/api/keys", json!({ "name": "" })).await,
            expected("create-key", None, "invalid_name"),
        ),
        (
            member.post("/api/keys", json!({ "name": "A key" })).await,
            expected("create-key", Some(&account), "admin_required"),
        ),
        (
            admin.delete("/api/keys/key_k00000000").await,
            expected("delete-key", Some(&account), "key_not_found"),
        ),
        (
            admin.delete(&format!("/api/keys/{key}")).await,
            expected("delete-key", Some(&account), "ok"),
        ),
        (admin.get("/api/keys").await, expected("list-keys", Some(&account), "ok")),
        (admin.get("/api/team").await, expected("list-members", Some(&account), "ok")),
        (member.get("/api/team").await, expected("list-members", Some(&account), "admin_required")),
        (
            admin.post("/api/team", json!({ "email": ADMIN })).await,
            expected("invite-member", Some(&account), "email_already_registered"),
        ),
        (
            admin.post("/api/team", json!({ "email": "new@example.com" })).await,
            expected("invite-member", Some(&account), "ok"),
        ),
        (
            admin
                .delete(&format!("/api/team/{}", opened.body["member"]["id"].as_str().unwrap()))
                .await,
            expected("revoke-member", Some(&account), "last_admin"),
        ),
        (admin.delete("/api/team/me").await, expected("leave-team", Some(&account), "last_admin")),
        (
            admin.patch(&format!("/api/team/{}", member.id), json!({ "role": "admin" })).await,
            expected("change-role", Some(&account), "ok"),
        ),
        (
            admin.delete(&format!("/api/team/{}", member.id)).await,
            expected("revoke-member", Some(&account), "ok"),
        ),
        (admin.get("/api/sandbox").await, expected("get-sandbox", Some(&account), "ok")),
        (admin.get("/api/usage").await, expected("get-usage", Some(&account), "ok")),
        (admin.act("/api/sandbox/key").await, expected("reveal-sandbox-key", Some(&account), "ok")),
        (
            admin.act("/api/sandbox/provision").await,
            expected("retry-sandbox", Some(&account), "ok"),
        ),
        (admin.act("/api/sandbox/test").await, expected("test-sandbox", Some(&account), "ok")),
        (admin.act("/api/logout").await, expected("end-session", Some(&account), "ok")),
        (admin.get("/api/keys").await, expected("list-keys", None, "session_ended")),
    ] {
        assert_eq!(log.of_request(&request_id(&reply)), line, "{}", reply.text);
    }
}

#[tokio::test]
async fn every_other_invocation_has_its_line_too() {
    let world = World::new().await;
    let log = Log::of(&world);
    let admin = world.admin().await;
    let account = || Some(admin.account.clone());
    assert_eq!(log.of_function("deliver-mail"), [(account(), "sent".to_owned())]);
    assert_eq!(log.of_function("provision-sandbox"), [(account(), "ready".to_owned())]);
    let (_, key) = admin.key("A key").await;
    for presented in [&*key, "fd_live_nothing"] {
        world.desk.invoke("authorize-key", &authorizer_event(presented)).await.expect("an answer");
    }
    for (presented, outcome) in [(&*key, "allowed"), ("fd_live_nothing", "refused")] {
        let reply = world.call("GET", "/api/check").header("x-api-key", presented).send().await;
        let account = (outcome == "allowed").then_some(&*admin.account);
        let id = reply.header("x-request-id").expect("an id");
        assert_eq!(log.of_request(id), expected("check-key", account, outcome));
    }
    // The product API asked as well, when the Sandbox was provisioned.
    assert_eq!(
        log.of_function("authorize-key")[1..],
        [(account(), "allowed".to_owned()), (None, "refused".to_owned())]
    );

    world.desk.invoke("sweep", &json!({})).await.expect("an answer");
    assert_eq!(log.of_function("sweep"), [(None, "ok".to_owned())]);
    let made = world.register(json!({ "name": "Other", "admin_email": "other@example.com" })).await;
    let taken = world
        .desk
        .invoke("register-account", &json!({ "name": "", "admin_email": "third@example.com" }))
        .await;
    assert!(taken.is_err_and(|error| error.to_string().contains("invalid_name")));
    let registered = (made["account"]["id"].as_str().map(str::to_owned), "ok".to_owned());
    assert_eq!(
        log.of_function("register-account"),
        [registered, (None, "invalid_name".to_owned())]
    );

    world.change(&admin.account, json!({ "act": "rename", "name": "New" })).await;
    let act = json!({ "account_id": "acct_000000000000", "act": "suspend" });
    let refused = world.desk.invoke("change-account", &act).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("account_not_found")));
    assert_eq!(
        log.of_function("change-account"),
        [(account(), "ok".to_owned()), (None, "account_not_found".to_owned())]
    );

    world.request_code("nobody@example.net").await.ok(202);
    world.desk.mail_service().set_mode(MailServiceMode::Rejecting);
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    world.settle().await;
    let mails = log.of_function("deliver-mail");
    assert!(
        mails.contains(&(None, "settled".to_owned()))
            && mails.contains(&(account(), "given_up".to_owned())),
        "{mails:?}"
    );
}

#[tokio::test]
async fn an_event_that_cannot_be_read_leaves_its_line_and_is_not_repeated_in_it() {
    let world = World::new().await;
    let log = Log::of(&world);
    let kept = "fd_live_of-the-event";
    let names = [
        "get-session",
        "deliver-mail",
        "authorize-key",
        "check-key",
        "register-account",
        "change-account",
    ];
    for name in names {
        let event = json!({
            "headers": kept, "Records": kept, "name": [kept], "version": "2.0", "rawPath": [kept],
        });
        let error = world.desk.invoke(name, &event).await.expect_err("it cannot be read");
        assert!(!error.to_string().contains(kept), "{error}");
        assert_eq!(log.of_function(name).len(), 1, "{name}");
    }
    assert!(!log.text().contains(kept), "{}", log.text());
    assert!(
        log.outcomes()[..3]
            .iter()
            .all(|line| line["outcome"] == "failed" && line["level"] == "ERROR"),
        "{}",
        log.text()
    );
}

/// The words of a panic may repeat what was sent.
const PANICS_WORDS: &str = "byte index 3 is not a char boundary of fd_live_secret";

/// Whether this request is one that the functions below panic at.
fn panic_at(request: &str) {
    assert!(!request.contains("bad"), "{PANICS_WORDS}");
}

#[tokio::test]
async fn a_panic_is_one_line_without_its_words_and_one_problem_and_the_function_serves_on() {
    let world = World::new().await;
    let log = Log::of(&world);
    let app = || world.app("get-session");
    let http = edge::lambda::http(app(), |_, call| {
        async {
            panic_at(&call.path());
            Ok(edge::http::Answer::no_content())
        }
        .boxed()
    });
    // Before there is a future, as well.
    let early = edge::lambda::http(app(), |_, call| {
        panic_at(&call.path());
        async { Ok(edge::http::Answer::no_content()) }.boxed()
    });
    for (name, function) in [("get-session", http), ("list-keys", early)] {
        let function = edge::lambda::named(name, function);
        for (path, id) in [("/good", "1"), ("/bad", "2"), ("/good", "3")] {
            let event =
                json!({ "rawPath": path, "requestContext": { "http": { "method": "GET" } } });
            let answer = invoke(&function, event, id).await.expect("an answer");
            let (status, code) = outcome(&answer);
            if path == "/good" {
                assert_eq!((status, &*code), (204, ""));
                continue;
            }
            assert_eq!((status, &*code), (500, "internal_error"));
            let headers = &answer["headers"];
            assert_eq!(headers["content-type"], "application/problem+json");
            assert_eq!(headers["x-request-id"], id);
        }
        let outcomes: Vec<_> = log.of_function(name).into_iter().map(|(_, told)| told).collect();
        assert_eq!(outcomes, ["ok", "internal_error", "ok"]);
        let line = log.outcomes().into_iter().find(|line| line["request_id"] == "2");
        let line = line.expect("a line");
        let cause = line["cause"].as_str().expect("a cause");
        assert!(cause.starts_with("panicked at tests/it/logs.rs:"), "{line}");
    }
    assert!(!log.text().contains(PANICS_WORDS), "{}", log.text());
}

#[tokio::test]
async fn a_panic_of_a_worker_or_the_authorizer_is_a_failure_and_never_a_yes() {
    let world = World::new().await;
    let log = Log::of(&world);
    let app = || world.app("get-session");
    let authorizer = edge::lambda::named(
        "authorize-key",
        edge::lambda::event(app(), |_, event: Value| {
            async move {
                panic_at(&event.to_string());
                Ok(json!({ "isAuthorized": true }))
            }
            .boxed()
        }),
    );
    let error = invoke(&authorizer, json!("bad"), "1").await.expect_err("no answer");
    let problem: Value = serde_json::from_str(&error.to_string()).expect("a problem");
    assert_eq!((&problem["code"], &problem["status"]), (&json!("internal_error"), &json!(500)));
    invoke(&authorizer, json!("good"), "2").await.expect("an answer");

    let worker = edge::lambda::named(
        "deliver-mail",
        edge::lambda::stream(app(), |_, record| {
            async move {
                record.turn().await;
                panic_at(&record.event.event_id);
                Ok(())
            }
            .boxed()
        }),
    );
    let sample = include_str!("../fixtures/events/deliver-mail.json");
    let mut batch: Value = serde_json::from_str(sample).expect("a sample");
    let record = batch["Records"][0].clone();
    let records = ["good", "bad", "good"].iter().enumerate().map(|(number, id)| {
        let mut record = record.clone();
        record["eventID"] = (*id).into();
        record["dynamodb"]["SequenceNumber"] = number.to_string().into();
        record
    });
    batch["Records"] = records.collect();
    let answer = invoke(&worker, batch, "3").await.expect("an answer");
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "1" }] }));

    let told = |name| log.of_function(name).into_iter().map(|(_, told)| told).collect::<Vec<_>>();
    assert_eq!(told("authorize-key"), ["internal_error", "ok"]);
    assert_eq!(told("deliver-mail"), ["ok", "record_failed"]);
    assert!(!log.text().contains(PANICS_WORDS), "{}", log.text());
    assert!(!error.to_string().contains(PANICS_WORDS), "{error}");
}

#[tokio::test]
async fn each_record_of_a_batch_has_a_line_with_its_own_account_and_outcome() {
    let world = without_workers().await;
    let other = "grace@example.com";
    let account = json!({ "name": "Other Company", "admin_email": other });
    let register = Behind::new(&world, "register-account", &[]);
    register.invoke(&account).await.expect("the account is registered");
    let strangers = ["nobody1@example.net", "nobody2@example.net"];
    let batch = batch_for(&world, &[other, strangers[0], ADMIN, strangers[1]]).await;

    let log = Log::of(&world);
    Behind::new(&world, "deliver-mail", &[]).invoke(&batch).await.expect("an answer");
    let mut told = log.of_function("deliver-mail");
    told.sort();
    let mut mailed = [world.account_of(other).await, world.account_of(ADMIN).await];
    mailed.sort();
    let [first, second] = mailed.map(|account| (Some(account), "sent".to_owned()));
    let nobodys = (None, "settled".to_owned());
    assert_eq!(told, [nobodys.clone(), nobodys, first, second]);
}

async fn invoke(function: &Invoke, event: Value, id: &str) -> Result<Value, Error> {
    let payload = serde_json::value::to_raw_value(&event).expect("an event");
    function(LambdaEvent::new(payload, edge::lambda::context(id.to_owned()))).await
}

#[tokio::test]
async fn the_instance_of_a_failure_on_our_side_leads_to_the_one_line_with_its_cause() {
    let world = World::new().await;
    let log = Log::of(&world);
    // A keyring that cannot be read is a mistake of the operator's: 500.
    world.put_secret("LOGIN_SECRET_ARN", "[]").await;
    let reply = world.request_code(ADMIN).await;
    let instance =
        reply.problem(500, "internal_error")["instance"].as_str().expect("an instance").to_owned();
    // What stands in the guide: the part after the last colon is the request's id.
    let (_, id) = instance.rsplit_once(':').expect("a URN");
    assert_eq!(log.of_request(id), expected("request-code", None, "internal_error"));
    let causes: Vec<Value> = log
        .lines()
        .into_iter()
        .filter(|line| line["request_id"] == id && line.get("cause").is_some())
        .collect();
    assert_eq!(causes.len(), 1, "{causes:?}");
    assert_eq!(
        (&causes[0]["level"], &causes[0]["cause"]),
        (&json!("ERROR"), &json!("the secret is not a JSON object of texts"))
    );
    assert!(!reply.text.contains("secret is not"), "the cause is for operators alone");

    // A store that does not answer is an outage: 503.
    let nobody = Nobody::new().await;
    let function =
        Behind::new(&world, "get-session", &[("AWS_ENDPOINT_URL_DYNAMODB", &nobody.url())]);
    let admin = Person {
        world: &world,
        token: format!("fds_{}", "0".repeat(84)),
        id: String::new(),
        account: String::new(),
    };
    let answer = function.call(Some(&admin), None, None).await;
    let problem = crate::proxy::body_of(&answer);
    let (_, id) =
        problem["instance"].as_str().expect("an instance").rsplit_once(':').expect("a URN");
    assert_eq!(log.of_request(id), expected("get-session", None, "temporarily_unavailable"));
    let line = log.outcomes().into_iter().find(|line| line["request_id"] == id).expect("the line");
    assert!(
        line["cause"].as_str().is_some_and(|cause| cause.starts_with("the store did not answer: ")),
        "{line}"
    );
}

/// No waiting heals it, so nobody is asked to come back.
#[tokio::test]
async fn what_a_function_may_not_do_is_no_outage_and_the_line_says_what_it_is() {
    let world = World::new().await;
    let admin = world.admin().await;
    let log = Log::of(&world);
    let asks = json!({ "email": ADMIN, "accept_terms": true });
    for (function, role, body, starts, denied) in [
        (
            "get-session",
            "invite-member",
            None,
            "the store refuses this function: ",
            "dynamodb:GetItem",
        ),
        (
            "request-code",
            "change-account",
            Some(asks),
            "Secrets Manager refuses this function: ",
            "secretsmanager:GetSecretValue",
        ),
        // Nobody has this access key.
        ("list-keys", "nobody", None, "the store refuses this function: ", "security token"),
    ] {
        let misled = Behind::new(&world, function, &[("AWS_ACCESS_KEY_ID", role)]);
        let answer = world.changes_nothing(misled.call(Some(&admin), None, body)).await;
        assert_eq!(outcome(&answer), (500, "internal_error".to_owned()), "{function}");
        assert_eq!(answer["headers"].get("retry-after"), None, "{function}");
        let lines = log.outcomes();
        let line = lines.iter().find(|line| line["function"] == function).expect("a line");
        let cause = line["cause"].as_str().expect("a text");
        assert_eq!(line["level"], "ERROR", "{line}");
        assert!(cause.starts_with(starts) && cause.contains(denied), "{line}");
    }
}

#[tokio::test]
async fn a_record_that_fails_says_of_which_account_it_is() {
    let world = World::new().await;
    world.admin().await;
    let account = world.account_of(ADMIN).await;
    let log = Log::of(&world);
    for worker in ["provision-sandbox", "deliver-mail"] {
        let file = desk::workspace_root().join(format!("tests/fixtures/events/{worker}.json"));
        let sample = std::fs::read_to_string(file).expect("a sample");
        let mut batch: Value = serde_json::from_str(&sample).expect("JSON");
        batch["Records"][0]["dynamodb"]["Keys"]["pk"]["S"] = format!("ACCT#{account}").into();
        let misled = Behind::new(&world, worker, &[("AWS_ACCESS_KEY_ID", "nobody")]);
        misled.invoke(&batch).await.expect("an answer");
        let lines = log.outcomes();
        let line = lines.iter().find(|line| line["function"] == worker).expect("a line");
        assert_eq!(line["outcome"], "record_failed", "{line}");
        assert_eq!(line["account"], *account, "{line}");
    }
}

#[tokio::test]
async fn a_keyring_that_may_not_be_read_any_more_stays_in_use_and_is_an_error() {
    const DENIED: &str = r#"{ "__type": "AccessDeniedException", "Message": "not authorized" }"#;
    let world = World::new().await;
    let door = Door::before_secrets_manager(&world).await;
    let log = Log::of(&world);
    let function =
        Behind::new(&world, "request-code", &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &door.url)]);
    let ask = || function.call(None, None, Some(json!({ "email": ADMIN, "accept_terms": true })));
    assert_eq!(ask().await["statusCode"], 202);
    for (answer, level, cause) in [
        ((StatusCode::BAD_REQUEST, DENIED), "ERROR", "AccessDeniedException: not authorized"),
        ((StatusCode::SERVICE_UNAVAILABLE, ""), "WARN", "unknown"),
    ] {
        door.shut.send_replace(Some(answer));
        world.advance(301);
        assert_eq!(ask().await["statusCode"], 202);
        let line = log
            .lines()
            .into_iter()
            .rfind(|line| line["message"] == "keyring not refreshed")
            .expect("a line");
        assert_eq!(line["level"], level, "{line}");
        assert!(line["cause"].as_str().is_some_and(|told| told.contains(cause)), "{line}");
    }
}

#[tokio::test]
async fn a_mail_that_a_setting_keeps_back_is_counted_at_once_and_says_what_to_put_right() {
    // A record that fails holds up those behind it, so each mail has a desk of its own.
    for kind in ["login_code", "invitation"] {
        let world = World::new().await;
        let log = Log::of(&world);
        let admin = world.admin().await;
        world.desk.mail_service().set_mode(MailServiceMode::Denying);
        if kind == "login_code" {
            world.request_code(ADMIN).await.ok(202);
        } else {
            admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
        }
        world.settle().await;

        let lines = log.lines();
        let counted = |line: &Value| line["MailFailed"] == 1 && line["cause"] == "AccessDenied";
        assert!(lines.iter().any(counted), "{kind}: {}", log.text());
        let failed: Vec<&Value> =
            lines.iter().filter(|line| line["outcome"] == "record_failed").collect();
        assert!(!failed.is_empty(), "{kind}: {}", log.text());
        for line in failed {
            let cause = line["cause"].as_str().expect("a text");
            assert_eq!(line["level"], "ERROR", "{line}");
            assert!(
                cause.starts_with("SES refuses this deployment's mail (AccessDenied): ")
                    && cause.contains("ses:SendEmail"),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn an_account_that_a_made_up_session_claims_is_in_no_line() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("A key").await;
    let log = Log::of(&world);
    let last = if admin.token.ends_with('0') { "1" } else { "0" };
    let made_up = format!("{}{last}", &admin.token[..admin.token.len() - 1]);
    for function in FUNCTIONS {
        let Trigger::Http { method, path } = function.trigger else { continue };
        let path = path
            .replace("{key_id}", "key_k00000000")
            .replace("{member_id}", &admin.id)
            .replace("{session_id}", "ses_0000000000000000");
        for body in
            [None, Some(json!({ "name": "A key", "email": "new@example.com" })), Some(json!({}))]
        {
            let call =
                world.call(method, &path).header("authorization", &format!("Bearer {made_up}"));
            let reply = if let Some(body) = body {
                call.json(body).send().await
            } else {
                call.send().await
            };
            assert!(reply.status.is_client_error(), "{}: {}", function.name, reply.text);
        }
    }
    let other_last = if key.ends_with('0') { "1" } else { "0" };
    let misspelt = format!("{}{other_last}", &key[..key.len() - 1]);
    for (name, event) in KEY_CHECKS {
        assert!(!lets_in(&world.desk.invoke(name, &event(&misspelt)).await.expect("an answer")));
    }
    assert!(log.outcomes().len() > 14);
    assert!(!log.text().contains(&admin.account), "{}", log.text());
}

#[tokio::test]
async fn no_line_holds_a_key_a_code_a_token_an_address_an_ip_or_a_body() {
    let world = World::new().await;
    let log = Log::of(&world);
    let mut browser = world.browser();
    browser.log_in(ADMIN).await;
    let device = browser.cookies["__Host-frontdesk-device"].clone();
    let session = browser.cookies["__Host-frontdesk"].clone();
    let first_code = world.desk.inbox().code_for(ADMIN).expect("a code");
    let (challenge, code) = world.challenge(ADMIN).await;
    world.verify(&challenge, wrong(&code)).await;
    let admin = opened(&world, &challenge, &code).await;
    let (_, key) = admin.key("Kept to ourselves").await;
    let sandbox_key =
        admin.act("/api/sandbox/key").await.ok(200)["api_key"].as_str().unwrap().to_owned();
    for presented in [&*key, &key[..key.len() - 1], &sandbox_key] {
        for (name, event) in KEY_CHECKS {
            world.desk.invoke(name, &event(presented)).await.expect("an answer");
        }
        let bearer = format!("Bearer {presented}");
        world.call("GET", "/api/check/below").header("authorization", &bearer).send().await;
    }
    admin.post("/api/team", json!({ "email": "colleague@example.com" })).await.ok(201);
    admin
        .post("/api/team", json!({ "email": "colleague@example.com", "surplus": "of-the-body" }))
        .await
        .problem(400, "invalid_request");
    // What goes wrong says most.
    world.desk.mail_service().set_mode(MailServiceMode::Rejecting);
    admin.post("/api/team", json!({ "email": "refused@example.com" })).await.ok(201);
    for mode in [ProductApiMode::Rejecting, ProductApiMode::Failing, ProductApiMode::Down] {
        world.desk.product_api().set_mode(mode);
        admin.act("/api/sandbox/provision").await.ok(202);
        world.settle().await;
        admin.act("/api/sandbox/test").await.ok(200);
    }
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    world.request_code("refused@example.com").await.ok(202);
    world.settle().await;
    world.put_secret("LOGIN_SECRET_ARN", "[\"of-the-secret\"]").await;
    world.advance(301);
    browser.request_code(ADMIN).await.problem(500, "internal_error");
    let Browser { cookies, .. } = &browser;

    let text = log.text();
    assert!(log.outcomes().len() > 20 && text.contains("\"cause\":"), "{text}");
    let secrets = [
        &*key,
        &key[9..],
        &sandbox_key,
        &code,
        &first_code,
        &challenge,
        &admin.token,
        &session,
        &device,
        &cookies["__Host-frontdesk"],
    ];
    let people =
        [ADMIN, "colleague@example.com", "refused@example.com", "@example.com", "127.0.0.1", "::1"];
    let bodies = ["Kept to ourselves", "of-the-body", "of-the-secret", "surplus"];
    for told in secrets.into_iter().chain(people).chain(bodies) {
        let line = text.lines().find(|line| line.contains("\"function\"") && line.contains(told));
        assert_eq!(line, None, "{told} is in a line");
    }
}

async fn opened<'w>(world: &'w World, challenge: &str, code: &str) -> Person<'w> {
    let reply = world.verify(challenge, code).await;
    world.settle().await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let body = reply.ok(200);
    Person {
        world,
        token: text(&body["session_token"]),
        id: text(&body["member"]["id"]),
        account: text(&body["account"]["id"]),
    }
}

/// The rules of CloudWatch's embedded metric format, as its specification has them.
fn embedded_metric_format() -> Value {
    let name = json!({ "type": "string", "minLength": 1, "maxLength": 255 });
    json!({
        "type": "object",
        "required": ["_aws"],
        "properties": { "_aws": {
            "type": "object",
            "additionalProperties": false,
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": { "type": "integer" },
                "CloudWatchMetrics": { "type": "array", "minItems": 1, "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["Namespace", "Dimensions", "Metrics"],
                    "properties": {
                        "Namespace": name,
                        "Dimensions": {
                            "type": "array",
                            "minItems": 1,
                            "items": { "type": "array", "maxItems": 9, "items": name },
                        },
                        "Metrics": { "type": "array", "minItems": 1, "maxItems": 100, "items": {
                            "type": "object",
                            "additionalProperties": false,
                            "required": ["Name"],
                            "properties": {
                                "Name": name,
                                "Unit": {
                                    "enum": ["Count", "Milliseconds", "Bytes", "Percent", "None"],
                                },
                            },
                        } },
                    },
                } },
            },
        } },
    })
}

#[tokio::test]
async fn every_count_is_a_document_of_the_embedded_metric_format_in_the_stacks_namespace() {
    let world = World::new().await;
    let log = Log::of(&world);
    let before = edge::Clock::system().now().as_millisecond();
    let admin = world.admin().await;
    // A wrong guess, and more codes than there are.
    let asked = world.request_code("nobody@example.com").await.ok(202)["challenge"].clone();
    let challenge = asked.as_str().expect("a challenge");
    world.verify(challenge, "000000").await.problem(401, "code_incorrect");
    while world.request_code("nobody@example.com").await.status == 202 {}
    world.settle().await;
    world.desk.product_api().set_mode(ProductApiMode::Rejecting);
    admin.act("/api/sandbox/provision").await.ok(202);
    world.desk.mail_service().set_mode(MailServiceMode::Rejecting);
    admin.post("/api/team", json!({ "email": "new@example.com" })).await.ok(201);
    world.settle().await;
    admin
        .post("/api/team", json!({ "email": ADMIN }))
        .await
        .problem(409, "email_already_registered");
    // An invitation that is late, and then one that was redelivered too often.
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    admin.post("/api/team", json!({ "email": "late@example.com" })).await.ok(201);
    world.advance(130);
    world.desk.invoke("sweep", &json!({})).await.expect("an answer");
    let mails = world.rows_of("mail").await;
    let late = mails
        .iter()
        .find(|row| row["to"].as_s().is_ok_and(|to| to == "late@example.com"))
        .expect("the mail");
    let number = |number: i64| AttributeValue::N(number.to_string());
    let exhausted = [("redeliveries", number(9)), ("due_at", number(1))];
    world.set_attributes(late["pk"].as_s().unwrap(), late["sk"].as_s().unwrap(), &exhausted).await;
    // A row that cannot be read.
    let unreadable = [("duty", AttributeValue::S("duty#0".to_owned())), ("due_at", number(1))];
    world.set_attributes(late["pk"].as_s().unwrap(), "EVENT#unreadable", &unreadable).await;
    world.desk.invoke("sweep", &json!({})).await.expect("an answer");
    // And one of the trail.
    let event = [("at", AttributeValue::Bool(true))];
    let trail = format!("AUDIT#{}", admin.account);
    world.set_attributes(&trail, &format!("{before}#unreadable"), &event).await;
    admin.get("/api/activity").await.ok(200);

    let documents: Vec<Value> =
        log.lines().into_iter().filter(|line| line.get("_aws").is_some()).collect();
    let rules = jsonschema::validator_for(&embedded_metric_format()).expect("a schema");
    let mut counted = BTreeSet::new();
    for document in &documents {
        assert!(
            rules.is_valid(document),
            "{:?}",
            rules.iter_errors(document).map(|error| error.to_string()).collect::<Vec<_>>()
        );
        let at = document["_aws"]["Timestamp"].as_i64().expect("a number");
        assert!(at >= before && at < before + 3_600_000, "milliseconds: {document}");
        // A code is asked for, and guessed at, in nobody's name.
        let is_nobodys =
            document["function"] == "request-code" || document.get("WrongCode").is_some();
        let whose = if is_nobodys { Value::Null } else { admin.account.as_str().into() };
        assert_eq!(document["account"], whose, "whose it is: {document}");
        for directive in document["_aws"]["CloudWatchMetrics"].as_array().expect("directives") {
            assert_eq!(directive["Namespace"], "Frontdesk/frontdesk");
            for dimension in directive["Dimensions"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|set| set.as_array().expect("a set"))
            {
                assert!(
                    document[dimension.as_str().expect("a name")].is_string(),
                    "a dimension is in the root: {document}"
                );
            }
            for metric in directive["Metrics"].as_array().expect("metrics") {
                let name = metric["Name"].as_str().expect("a name");
                assert_eq!(document[name], 1, "a metric is in the root: {document}");
                counted.insert(name.to_owned());
            }
        }
    }
    assert_eq!(
        counted,
        Metric::ALL.iter().map(|metric| metric.name().to_owned()).collect(),
        "{}",
        log.text()
    );
}

/// In a process of its own, which can complain of it nowhere either.
#[cfg(target_os = "linux")]
#[test]
fn a_line_that_cannot_be_written_ends_nothing() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    if child::folder().is_none() {
        let test = "logs::a_line_that_cannot_be_written_ends_nothing";
        return child::run(test, &Folder::new().0, "exec 2>/dev/full");
    }
    let lines = edge::telemetry::lines(&Env::from_pairs([]), || Closed);
    tracing::subscriber::with_default(lines, || Metric::MailFailed.count_because("a cause"));
}
