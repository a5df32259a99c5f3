//! Functions without a network: what their SDK clients send is answered in this process, by
//! whatever a test puts in the network's place.

use crate::checkout::workspace_root;
use crate::engine::Reply;
use crate::template::{Document, Parameters, Template};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use edge::budget::Budget;
use edge::config::Env;
use edge::{Said, StandIn};
use serde_json::json;
use std::fmt::{Debug, Formatter, Result as Written};
use std::time::Duration;

/// Nothing times out: what is lost says so, and nothing else is slow, save the machine.
pub const UNHURRIED: Budget = Budget {
    timeout: Duration::from_secs(36_000),
    aws_try: Duration::from_secs(3600),
    mail_try: Duration::from_secs(3600),
    aside: Duration::from_secs(3600),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    DynamoDb,
    SecretsManager,
    Ses,
}

impl Service {
    /// The setting that says where it is.
    pub fn setting(self) -> &'static str {
        match self {
            Self::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
            Self::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            Self::Ses => "AWS_ENDPOINT_URL_SES",
        }
    }
}

/// A request to a service of AWS's.
#[derive(Debug)]
pub struct Sent {
    pub service: Service,
    pub operation: String,
    pub body: Vec<u8>,
}

impl Sent {
    /// SES alone names no target.
    fn new(target: &str, body: Vec<u8>) -> Self {
        let (service, operation) = match target.split_once('.') {
            Some(("secretsmanager", operation)) => (Service::SecretsManager, operation),
            Some((_, operation)) => (Service::DynamoDb, operation),
            None => (Service::Ses, "SendEmail"),
        };
        Self { service, operation: operation.to_owned(), body }
    }
}

/// A client in the network's place, whose requests this answers.
pub fn client<A>(answer: impl Fn(Sent) -> A + Clone + Send + Sync + 'static) -> SharedHttpClient
where
    A: Future<Output = Result<Reply, ConnectorError>> + Send + 'static,
{
    let connector = SharedHttpConnector::new(Answering(answer));
    http_client_fn(move |_, _| connector.clone())
}

struct Answering<F>(F);

impl<F> Debug for Answering<F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        f.write_str("Answering")
    }
}

impl<F, A> HttpConnector for Answering<F>
where
    F: Fn(Sent) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Reply, ConnectorError>> + Send + 'static,
{
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body = ByteStream::new(request.take_body());
        let answer = self.0.clone();
        HttpConnectorFuture::new(async move {
            // As a stream: the SDK watches whether a request is still being sent.
            let body = body.collect().await.expect("it is all there").to_vec();
            let Reply { status, body } = answer(Sent::new(&target, body)).await?;
            Ok(HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body)))
        })
    }
}

/// As Secrets Manager answers.
pub fn secret(text: &str) -> Reply {
    Reply { status: 200, body: json!({ "ARN": "arn", "SecretString": text }).to_string() }
}

/// As SES answers that it has taken a mail.
pub fn mail_taken() -> Reply {
    let body = "<SendEmailResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\">\
                <SendEmailResult><MessageId>1</MessageId></SendEmailResult></SendEmailResponse>";
    Reply { status: 200, body: body.to_owned() }
}

/// A product API that says this to every key.
pub fn product_api_that_says(status: u16) -> StandIn {
    StandIn::new(move |_| std::future::ready(Ok(Said { status, retry_after: None })))
}

/// The template with what a deployment sets.
pub fn template(product_api: &str) -> Template {
    let own = [
        ("ConsoleOrigin", "https://desk.example.com"),
        ("MailFrom", "desk@example.com"),
        ("ProductApiPublicUrl", product_api),
        ("ProductApiUrl", product_api),
    ];
    let own: Parameters =
        own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Document::read(&workspace_root().join("template.yaml"))
        .and_then(|document| document.resolve(&Parameters::new(), &own))
        .expect("the template is right")
}

/// What a function of it is given. The SDK counts by the region how often all of a process may try
/// again.
pub fn environment(template: &Template, function: &str, region: &str) -> Env {
    let declared = template.function(function).expect("a function of the template");
    let mut environment = declared.environment.clone();
    for (name, value) in [
        ("AWS_REGION", region),
        ("AWS_ACCESS_KEY_ID", "inside"),
        ("AWS_SECRET_ACCESS_KEY", "inside"),
    ] {
        environment.insert(name.to_owned(), value.to_owned());
    }
    Env::from_pairs(environment)
}
