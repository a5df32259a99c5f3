//! AWS in this process: what it says costs no time, so that with a clock that moves by waits alone
//! a test measures what the waits come to.

use crate::proxy::{INJECTED, http_event};
use crate::support::sample;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use desk::inside::{self, Sent, Service};
use desk::template::Template;
use desk::{Engine, Reply};
use edge::{App, Clock, Random, Seams};
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::time::Instant;

/// What a service says to every request, in place of an answer.
#[derive(Debug, Clone, Copy)]
pub enum Says {
    Nothing,
    With(u16, &'static str),
}

#[derive(Clone)]
pub struct Inside(Arc<Shared>);

struct Shared {
    template: Template,
    engine: Engine,
    keyring: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failing: Option<(Service, Says)>,
    sent: Vec<(Service, String)>,
}

impl Inside {
    pub fn new() -> Self {
        let template = inside::template("https://api.example.com/validate");
        Self(Arc::new(Shared {
            engine: Engine::with_table(template.table()),
            template,
            keyring: domain::Keyring::generate(&mut Random::system()),
            state: Mutex::default(),
        }))
    }

    /// With one account.
    pub async fn with_account(admin: &str) -> Self {
        let aws = Self::new();
        let account = json!({ "name": "Example Company", "admin_email": admin });
        aws.in_its_time("register-account", &account).await.expect("it is registered");
        aws
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("nobody panics with it")
    }

    pub fn fail(&self, service: Service, says: Says) {
        self.state().failing = Some((service, says));
    }

    pub fn heal(&self) {
        self.state().failing = None;
    }

    /// The operations that the service was sent since the last time that this was asked.
    pub fn take_sent(&self, service: Service) -> Vec<String> {
        let sent = std::mem::take(&mut self.state().sent).into_iter();
        sent.filter(|(to, _)| *to == service).map(|(_, operation)| operation).collect()
    }

    /// Asks for a code, and gives the event by which its mail is delivered.
    pub async fn asked_for_a_code(&self, email: &str) -> Value {
        let ask = json!({ "email": email, "accept_terms": true });
        let ask = http_event("request-code", None, None, Some(ask));
        let answer = self.in_its_time("request-code", &ask).await.expect("an answer");
        assert_eq!(answer["statusCode"], 202, "{answer}");
        let scan = json!({ "TableName": self.0.template.table().name });
        let rows = self.0.engine.call("Scan", &scan.to_string());
        let rows: Value = serde_json::from_str(&rows.body).expect("JSON");
        let mut rows = rows["Items"].as_array().expect("rows").iter();
        let row = rows.find(|row| row["type"]["S"] == "mail").expect("a mail");
        let mut event = sample("deliver-mail");
        event["Records"].as_array_mut().expect("records").truncate(1);
        let change = &mut event["Records"][0]["dynamodb"];
        change["Keys"] = json!({ "pk": row["pk"], "sk": row["sk"] });
        change["SequenceNumber"] = "0".into();
        event
    }

    /// What a function that has just started answers, before the end that Lambda tells it.
    pub async fn in_its_time(&self, name: &str, event: &Value) -> Result<Value, Error> {
        let function = functions::find(name).expect("there is this function");
        let declared = self.0.template.function(name).expect("a function of the template");
        let environment = inside::environment(&self.0.template, name, "inside");
        let clock = Clock::system();
        let product_api = inside::product_api_that_says(200);
        let wire = edge::Wire::Inside { aws: self.client(), product_api };
        let seams = Seams { clock: clock.clone(), random: Random::system(), wire };
        let app = App::new(&environment, seams, function.budget);
        let invoke = function.build(app.expect("the environment is right"));
        let payload = serde_json::value::to_raw_value(event).expect("JSON");
        let timeout = declared.timeout;
        let mut context = edge::lambda::context("test".to_owned());
        context.deadline = u64::try_from((clock.now() + timeout).as_millisecond()).expect("a time");
        let began = Instant::now();
        let answer = invoke(LambdaEvent::new(payload, context)).await;
        assert!(began.elapsed() < timeout, "{name} took {:?}", began.elapsed());
        answer
    }

    /// What it looks like to the SDK.
    fn client(&self) -> SharedHttpClient {
        let aws = self.clone();
        inside::client(move |sent| {
            let aws = aws.clone();
            async move { Ok(aws.answer(&sent).await) }
        })
    }

    async fn answer(&self, sent: &Sent) -> Reply {
        let failing = {
            let mut state = self.state();
            state.sent.push((sent.service, sent.operation.clone()));
            state.failing.filter(|(failing, _)| *failing == sent.service)
        };
        INJECTED.fetch_add(u64::from(failing.is_some()), Ordering::SeqCst);
        match (failing, sent.service) {
            (Some((_, Says::Nothing)), _) => std::future::pending().await,
            (Some((_, Says::With(status, body))), _) => Reply { status, body: body.to_owned() },
            (None, Service::DynamoDb) => {
                let body = std::str::from_utf8(&sent.body).expect("a text");
                self.0.engine.call(&sent.operation, body)
            }
            (None, Service::SecretsManager) => inside::secret(&self.0.keyring),
            (None, Service::Ses) => inside::mail_taken(),
        }
    }
}
