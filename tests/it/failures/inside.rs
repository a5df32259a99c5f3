//! AWS in this process: what it says costs no time, so that with a clock that moves by waits alone
//! a test measures what the waits come to.

use crate::deadlines::sample;
use crate::proxy::{INJECTED, Service, http_event};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use desk::template::{Document, Parameters, Template};
use desk::{Engine, Reply};
use edge::config::Env;
use edge::{App, Clock, Random, Seams};
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};
use std::fmt;
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

impl fmt::Debug for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inside")
    }
}

impl Inside {
    pub fn new() -> Self {
        let own = [
            ("ConsoleOrigin", "https://desk.example.com"),
            ("MailFrom", "desk@example.com"),
            ("ProductApiPublicUrl", "https://api.example.com/validate"),
            ("ProductApiUrl", "https://api.example.com/validate"),
        ];
        let own: Parameters =
            own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let template = Document::read(&desk::workspace_root().join("template.yaml"))
            .and_then(|document| document.resolve(&Parameters::new(), &own))
            .expect("the template is right");
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
        let mut environment = declared.environment.clone();
        for variable in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            environment.insert(variable.to_owned(), "inside".to_owned());
        }
        let clock = Clock::system();
        let wire = edge::Wire::Inside(SharedHttpClient::new(self.clone()));
        let seams = Seams { clock: clock.clone(), random: Random::system(), wire };
        let app = App::new(&Env::from_pairs(environment), seams, function.budget);
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

    fn says(&self, service: Service, operation: &str, body: &[u8]) -> Reply {
        let answer = |body: String| Reply { status: 200, body };
        match service {
            Service::Store => {
                let body = std::str::from_utf8(body).expect("a text");
                self.0.engine.call(operation, body)
            }
            Service::SecretsManager => {
                answer(json!({ "ARN": "arn", "SecretString": self.0.keyring }).to_string())
            }
            Service::Ses => answer(
                "<SendEmailResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\">\
                 <SendEmailResult><MessageId>1</MessageId></SendEmailResult></SendEmailResponse>"
                    .to_owned(),
            ),
        }
    }
}

impl HttpClient for Inside {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Inside {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body = ByteStream::new(request.take_body());
        let aws = self.clone();
        HttpConnectorFuture::new(async move {
            let body = body.collect().await.expect("it is all there").into_bytes();
            let (service, operation) = match target.split_once('.') {
                Some(("secretsmanager", operation)) => (Service::SecretsManager, operation),
                Some((_, operation)) => (Service::Store, operation),
                None => (Service::Ses, "SendEmail"),
            };
            let failing = {
                let mut state = aws.state();
                state.sent.push((service, operation.to_owned()));
                state.failing.filter(|(failing, _)| *failing == service)
            };
            INJECTED.fetch_add(u64::from(failing.is_some()), Ordering::SeqCst);
            let Reply { status, body } = match failing {
                Some((_, Says::Nothing)) => std::future::pending().await,
                Some((_, Says::With(status, body))) => Reply { status, body: body.to_owned() },
                None => aws.says(service, operation, &body),
            };
            Ok(HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body)))
        })
    }
}
