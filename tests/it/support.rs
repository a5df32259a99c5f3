//! The world of a test: a desk of its own, people in it, and what they get to see.
//!
//! The engine, the SDK clients, the gateway, the stream and the mails are real; the third parties
//! are the desk's stand-ins. Time moves by [`World::advance`] alone, and side effects are waited
//! for by [`World::settle`]: no test sleeps.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use desk::{Desk, InvokeError, Options, StartError};
use edge::budget::Budget;
use edge::config::Env;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

/// The time that a function has where a test is not about time, on a machine that may be busy.
pub const UNHURRIED: Budget = Budget {
    timeout: Duration::from_secs(600),
    aws_try: Duration::from_secs(60),
    mail_try: Duration::from_secs(60),
    aside: Duration::from_secs(60),
};

pub const ADMIN: &str = "admin@example.com";

/// An event as the function gets it, of `tests/fixtures/events`.
pub fn sample(function: &str) -> Value {
    let file = desk::workspace_root().join(format!("tests/fixtures/events/{function}.json"));
    serde_json::from_str(&std::fs::read_to_string(file).expect("a sample event")).expect("JSON")
}

/// What the stream brings a function of this row.
pub fn record_of(function: &str, row: &BTreeMap<String, AttributeValue>) -> Value {
    let [pk, sk] = ["pk", "sk"].map(|name| row[name].as_s().expect("a text"));
    record_at(function, pk, sk)
}

/// The same of the row that has this key.
pub fn record_at(function: &str, pk: &str, sk: &str) -> Value {
    let mut event = sample(function);
    event["Records"].as_array_mut().expect("records").truncate(1);
    event["Records"][0]["dynamodb"]["Keys"] = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
    event
}

/// The longest that a connection lies idle: the desk ends what is silent for a minute.
const IDLE: Duration = Duration::from_secs(5);

/// A client for loopback: no proxy, and no certificate of anybody's.
pub fn client() -> Client {
    edge::install_tls_provider();
    let client = Client::builder().no_proxy().tls_certs_only([]).pool_idle_timeout(IDLE);
    client.build().expect("a client")
}

/// One running desk, with nothing in it but its first account.
pub struct World {
    pub desk: Desk,
    http: Client,
    watch: Option<Watch>,
}

/// What a desk tells, if somebody looks at all of it.
#[derive(Default)]
struct Watch {
    answers: Mutex<Vec<(String, String)>>,
    images: Mutex<Vec<Value>>,
    /// The stream and its shard, and how far it was read.
    stream: Mutex<Option<(Value, Value, Value)>>,
}

impl World {
    pub async fn new() -> Self {
        Self::with_parameters(&[]).await
    }

    /// A desk whose template parameters differ from the defaults.
    pub async fn with_parameters(parameters: &[(&str, &str)]) -> Self {
        let parameters = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let desk = Desk::start(Options { parameters, ..Options::default() })
            .await
            .expect("the desk starts");
        Self { desk, http: client(), watch: None }
    }

    pub async fn settle(&self) {
        self.desk.settle().await;
        self.read_stream().await;
    }

    pub fn advance(&self, seconds: u64) {
        self.desk.clock().advance(Duration::from_secs(seconds));
    }

    /// A request to the desk, as anybody: `("POST", "/api/keys")`.
    pub fn call(&self, method: &str, path: &str) -> Request<'_> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        Request {
            world: self,
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: None,
        }
    }

    /// Asks for a code and gives the challenge.
    pub async fn request_code(&self, email: &str) -> Reply {
        self.call("POST", "/api/login/code")
            .json(json!({ "email": email, "accept_terms": true }))
            .send()
            .await
    }

    /// The challenge of a request that went well, and the code that was mailed for it.
    pub async fn challenge(&self, email: &str) -> (String, String) {
        let reply = self.request_code(email).await;
        assert_eq!(reply.status, 202, "{}", reply.text);
        self.settle().await;
        let code = self.desk.inbox().code_for(email).expect("a code was mailed");
        (reply.body["challenge"].as_str().expect("a challenge").to_owned(), code)
    }

    pub async fn verify(&self, challenge: &str, code: &str) -> Reply {
        self.call("POST", "/api/login/verify")
            .json(json!({ "challenge": challenge, "code": code, "session": "bearer" }))
            .send()
            .await
    }

    /// Logs somebody in, as a program; the Sandbox is provisioned when this returns.
    pub async fn login(&self, email: &str) -> Person<'_> {
        let (challenge, code) = self.challenge(email).await;
        let reply = self.verify(&challenge, &code).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        self.settle().await;
        Person {
            world: self,
            token: reply.body["session_token"].as_str().expect("a token").to_owned(),
            id: reply.body["member"]["id"].as_str().expect("an id").to_owned(),
            account: reply.body["account"]["id"].as_str().expect("an id").to_owned(),
        }
    }

    pub async fn admin(&self) -> Person<'_> {
        self.login(ADMIN).await
    }

    /// Registers a further account and logs its admin in.
    pub async fn other_admin(&self, email: &str) -> Person<'_> {
        self.register(json!({ "name": "Other Company", "admin_email": email })).await;
        self.login(email).await
    }

    /// Invites somebody to the admin's account and logs them in.
    pub async fn member(&self, admin: &Person<'_>, email: &str) -> Person<'_> {
        let reply = admin.post("/api/team", json!({ "email": email })).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        self.login(email).await
    }

    /// Runs `register-account`.
    pub async fn register(&self, event: Value) -> Value {
        self.invoke("register-account", &event).await.expect("the account is registered")
    }

    /// The id of the account that an address belongs to.
    pub async fn account_of(&self, email: &str) -> String {
        let address = email.parse::<domain::EmailAddress>().expect("an address").hash();
        let owner = self.row(&format!("ADDR#{address}"), "OWNER").await;
        owner["account_id"].as_s().expect("a text").clone()
    }

    /// Runs one act of `change-account`.
    pub async fn change(&self, account: &str, mut act: Value) -> Value {
        act["account_id"] = account.into();
        self.invoke("change-account", &act).await.expect("the account is changed")
    }

    pub async fn set_suspended(&self, account: &str, suspended: bool) -> Value {
        let act = if suspended { "suspend" } else { "resume" };
        self.change(account, json!({ "act": act })).await
    }

    pub async fn suspend(&self, account: &str) -> Value {
        self.set_suspended(account, true).await
    }

    pub async fn resume(&self, account: &str) -> Value {
        self.set_suspended(account, false).await
    }

    /// Whether the guarded product API takes this key: its status.
    pub async fn product_api(&self, key: &str) -> StatusCode {
        self.call("POST", "/heify/get-configurations")
            .header("x-api-key", key)
            .json(json!({}))
            .send()
            .await
            .status
    }

    /// An app like a function's own, to call the store and the handlers directly.
    pub fn app(&self, function: &str) -> edge::App {
        let env = Env::from_pairs(self.desk.environment(function));
        edge::App::new(&env, self.desk.clock().clone(), UNHURRIED)
            .expect("the environment is right")
    }

    /// A client of the table itself, beside the functions': an operator's.
    pub fn table(&self) -> (aws_sdk_dynamodb::Client, String) {
        let environment = self.desk.shared_environment();
        let access_key = &environment["AWS_ACCESS_KEY_ID"];
        let credentials =
            aws_sdk_dynamodb::config::Credentials::new(access_key, "test", None, None, "test");
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::new(environment["AWS_REGION"].clone()))
            .credentials_provider(credentials)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(&environment["AWS_ENDPOINT_URL_DYNAMODB"])
            .build();
        (aws_sdk_dynamodb::Client::from_conf(config), environment["TABLE_NAME"].clone())
    }

    /// Every row of the table, by its key.
    pub async fn rows(&self) -> BTreeMap<(String, String), BTreeMap<String, AttributeValue>> {
        let (client, table) = self.table();
        let mut pages =
            client.scan().table_name(table).consistent_read(true).into_paginator().items().send();
        let mut rows = BTreeMap::new();
        while let Some(item) = pages.next().await {
            let item: BTreeMap<String, AttributeValue> =
                item.expect("a scan").into_iter().collect();
            let text = |name: &str| item[name].as_s().expect("keys are texts").clone();
            rows.insert((text("pk"), text("sk")), item);
        }
        rows
    }

    /// The rows that are not as they were: what each is, its status, and the names of its
    /// attributes.
    pub async fn written_since(
        &self,
        before: &BTreeMap<(String, String), BTreeMap<String, AttributeValue>>,
    ) -> Vec<String> {
        let describe = |row: &BTreeMap<String, AttributeValue>| {
            let names: Vec<&str> = row.keys().map(String::as_str).collect();
            let state = |name: &str| {
                row.get(name).and_then(|value| value.as_s().ok()).map_or("-", String::as_str)
            };
            format!("{} {} {}", state("type"), state("status"), names.join(","))
        };
        let rows = self.rows().await.into_iter();
        let written = rows.filter(|(key, row)| before.get(key) != Some(row));
        let mut written: Vec<String> = written.map(|(_, row)| describe(&row)).collect();
        written.sort();
        written
    }

    /// The rows of one `type`.
    pub async fn rows_of(&self, kind: &str) -> Vec<BTreeMap<String, AttributeValue>> {
        let is = |row: &BTreeMap<String, AttributeValue>| {
            row.get("type").and_then(|kind| kind.as_s().ok()).is_some_and(|text| text == kind)
        };
        self.rows().await.into_values().filter(is).collect()
    }

    /// The challenge that was asked for last, of each address that has any.
    pub async fn newest_asks(&self) -> Vec<Ask> {
        let newest = |row: BTreeMap<String, AttributeValue>| {
            let asks = row.get("asks")?.as_m().expect("a map").iter();
            let asks = asks.map(|(id, ask)| {
                let ask = ask.as_m().expect("a map");
                let at = ask["at"].as_n().expect("a time").parse::<i64>().expect("a number");
                let version = ask["keyring_version"].as_s().expect("a text").clone();
                (at, Ask { challenge: id.clone(), keyring_version: version })
            });
            asks.max_by_key(|(at, _)| *at).map(|(_, ask)| ask)
        };
        self.rows_of("login").await.into_iter().filter_map(newest).collect()
    }

    /// The audited actions, oldest first.
    pub async fn audit(&self) -> Vec<String> {
        let mut rows = self.rows_of("audit").await;
        rows.sort_by_key(|row| row["at"].as_n().expect("a time").parse::<i64>().expect("a number"));
        rows.into_iter().map(|row| row["action"].as_s().expect("a text").clone()).collect()
    }

    /// Everybody whom a mail of this kind was sent to, oldest first.
    pub fn mailed(&self, kind: &str) -> Vec<String> {
        let mut mails = self.desk.inbox().mails();
        mails.retain(|mail| mail.kind == kind);
        mails.reverse();
        mails.into_iter().map(|mail| mail.to).collect()
    }

    /// Checks that `act` changes no row and sends no mail; whatever it is answered is given back.
    ///
    /// That a session or a key was used, or that a network asked, is no change: such marks are left
    /// out.
    pub async fn changes_nothing<T>(&self, act: impl Future<Output = T>) -> T {
        self.settle().await;
        let before = (self.rows_but_marks().await, self.desk.inbox().mails().len());
        let done = act.await;
        self.settle().await;
        let after = (self.rows_but_marks().await, self.desk.inbox().mails().len());
        assert_eq!(before, after, "something was written or sent");
        done
    }

    /// A request as CloudFront passes it on for a viewer at this address, behind which one network
    /// is not another.
    pub async fn as_viewer<'w>(&'w self, request: Request<'w>, viewer: &str) -> Request<'w> {
        let proof = self.origin_secret().await;
        request.header("x-frontdesk-origin", &proof).header("x-frontdesk-viewer", viewer)
    }

    /// What CloudFront proves itself by.
    pub async fn origin_secret(&self) -> String {
        let secret = &self.desk.environment("request-code")["ORIGIN_SECRET_ARN"];
        let get = json!({ "SecretId": secret });
        let (_, answer) = self.secrets_manager("GetSecretValue", get).await;
        answer["SecretString"].as_str().expect("a text").to_owned()
    }

    /// [`World::request_code`], from the network of this viewer.
    pub async fn request_code_from(&self, viewer: &str, email: &str) -> Reply {
        let request = self
            .call("POST", "/api/login/code")
            .json(json!({ "email": email, "accept_terms": true }));
        self.as_viewer(request, viewer).await.send().await
    }

    async fn rows_but_marks(&self) -> BTreeMap<(String, String), BTreeMap<String, AttributeValue>> {
        let mut rows = self.rows().await;
        rows.retain(|(pk, _), _| !pk.starts_with("NET#"));
        for row in rows.values_mut() {
            row.remove("last_used_at");
            if let Some(AttributeValue::M(sessions)) = row.get_mut("sessions") {
                for session in sessions.values_mut() {
                    if let AttributeValue::M(session) = session {
                        session.remove("u");
                    }
                }
            }
        }
        rows
    }
}

/// A request for a code, as it is on record.
pub struct Ask {
    pub challenge: String,
    pub keyring_version: String,
}

/// Somebody who is logged in.
#[derive(Clone)]
pub struct Person<'w> {
    pub world: &'w World,
    pub token: String,
    pub id: String,
    pub account: String,
}

impl<'w> Person<'w> {
    pub fn call(&self, method: &str, path: &str) -> Request<'w> {
        self.world.call(method, path).header("authorization", &format!("Bearer {}", self.token))
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call("POST", path).json(body).send().await
    }

    /// A POST without a body.
    pub async fn act(&self, path: &str) -> Reply {
        self.call("POST", path).send().await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.call("PATCH", path).json(body).send().await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path).send().await
    }

    /// Makes a key and gives its id and its value.
    pub async fn key(&self, name: &str) -> (String, String) {
        let reply = self.post("/api/keys", json!({ "name": name })).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&reply.body["key"]["id"]), text(&reply.body["api_key"]))
    }
}

/// A request that is being put together.
#[derive(Clone)]
pub struct Request<'w> {
    world: &'w World,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

impl Request<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.append(name, HeaderValue::from_str(value).expect("a header value"));
        self
    }

    /// A header with bytes that are no text.
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.append(name, HeaderValue::from_bytes(value).expect("a header value"));
        self
    }

    pub fn json(self, body: Value) -> Self {
        self.raw("application/json", body.to_string())
    }

    pub fn raw(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// A body without a content type.
    pub fn bare(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub async fn send(self) -> Reply {
        let url = format!("{}{}", self.world.desk.url(), self.path);
        let route = format!("{} {}", self.method, self.path);
        let mut request = self.world.http.request(self.method, url).headers(self.headers);
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request.send().await.expect("the desk answers");
        let status = response.status();
        let headers = response.headers().clone();
        let text = response.text().await.expect("a text");
        self.world.note_answer(route, || format!("{headers:?}\n{text}"));
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Reply { status, headers, text, body }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `Set-Cookie` lines.
    pub fn cookies(&self) -> Vec<&str> {
        self.headers
            .get_all("set-cookie")
            .iter()
            .map(|value| value.to_str().expect("cookies are ASCII"))
            .collect()
    }

    /// The value of a cookie that was set.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let value = |line: &&'_ str| {
            line.split(';')
                .next()
                .and_then(|pair| pair.split_once('='))
                .is_some_and(|(known, _)| known == name)
        };
        self.cookies()
            .into_iter()
            .find(value)
            .and_then(|line| line.split(';').next()?.split_once('='))
            .map(|(_, value)| value)
    }

    /// Checks that this is a problem document with this status and code, and gives it back.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> &Value {
        assert_eq!(
            (self.status.as_u16(), self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.body["status"], status);
        assert!(
            self.body["detail"]
                .as_str()
                .is_some_and(|detail| detail.ends_with('.') && detail.len() > 10),
            "{}",
            self.text
        );
        &self.body
    }

    /// Checks that this is a good answer with this status, and gives its body.
    #[track_caller]
    pub fn ok(&self, status: u16) -> &Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("cache-control"), Some("no-store"));
        if status != 204 {
            assert_eq!(self.header("content-type"), Some("application/json"));
        }
        &self.body
    }

    /// Checks that an allowance was used up, and gives the seconds to wait.
    #[track_caller]
    pub fn retry_after(&self) -> i64 {
        self.problem(429, "rate_limited");
        self.header("retry-after").expect("waiting helps").parse().expect("seconds")
    }

    /// The names of the body's fields.
    pub fn fields(&self) -> BTreeSet<&str> {
        self.body.as_object().expect("an object").keys().map(String::as_str).collect()
    }
}

/// The problem that an operator's function refuses an event with; nothing is written.
pub async fn refused_invocation(world: &World, function: &str, event: &Value) -> Value {
    let done = world.changes_nothing(world.desk.invoke(function, event)).await;
    let Err(InvokeError::Failed { message, .. }) = done else {
        panic!("{event} is refused, not {done:?}")
    };
    serde_json::from_str(&message).expect("the message is a problem document")
}

pub fn status_and_code(problem: &Value) -> (u64, &str) {
    assert_eq!(problem["type"], "about:blank");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.ends_with('.')));
    (problem["status"].as_u64().expect("a status"), problem["code"].as_str().expect("a code"))
}

/// A six-digit code that is not `right`.
pub fn wrong(right: &str) -> &'static str {
    if right == "123456" { "654321" } else { "123456" }
}

impl World {
    /// The time as the desk has it.
    pub fn now(&self) -> jiff::Timestamp {
        self.desk.clock().now()
    }

    /// The time so many seconds ahead, as answers have it.
    pub fn ahead(&self, seconds: i64) -> String {
        edge::UtcTime(self.now() + jiff::SignedDuration::from_secs(seconds)).to_string()
    }

    /// Moves the clock to a time that has not come yet.
    pub fn advance_to(&self, time: jiff::Timestamp) {
        let wait = time.duration_since(self.now());
        assert!(wait.is_positive(), "this time has passed");
        self.desk.clock().advance(wait.unsigned_abs());
    }

    /// Moves the clock to the next multiple of so many seconds.
    pub fn advance_to_multiple_of(&self, seconds: i64) {
        let next = (self.now().as_second() / seconds + 1) * seconds;
        self.advance_to(jiff::Timestamp::from_second(next).expect("a time"));
    }

    /// A browser that has never been here.
    pub fn browser(&self) -> Browser<'_> {
        Browser { world: self, cookies: BTreeMap::new() }
    }
}

/// A browser with the console in it: it keeps the cookies that it is given, and says where its
/// requests come from.
pub struct Browser<'w> {
    world: &'w World,
    pub cookies: BTreeMap<String, String>,
}

impl<'w> Browser<'w> {
    pub fn call(&self, method: &str, path: &str) -> Request<'w> {
        let request = self.world.call(method, path).header("sec-fetch-site", "same-origin");
        if self.cookies.is_empty() {
            return request;
        }
        let pairs: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request.header("cookie", &pairs.join("; "))
    }

    /// Sends a request and keeps the cookies of its answer.
    pub async fn send(&mut self, request: Request<'_>) -> Reply {
        let reply = request.send().await;
        for line in reply.cookies() {
            let (name, value) =
                line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if line.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.send(self.call("GET", path)).await
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Reply {
        self.send(self.call("POST", path).json(body)).await
    }

    pub async fn delete(&mut self, path: &str) -> Reply {
        self.send(self.call("DELETE", path)).await
    }

    pub async fn request_code(&mut self, email: &str) -> Reply {
        self.post("/api/login/code", json!({ "email": email, "accept_terms": true })).await
    }

    /// Asks for a code, reads the mail and gives it; the Sandbox is provisioned when this returns.
    pub async fn log_in(&mut self, email: &str) -> Reply {
        let reply = self.request_code(email).await;
        assert_eq!(reply.status, 202, "{}", reply.text);
        self.world.settle().await;
        let code = self.world.desk.inbox().code_for(email).expect("a code was mailed");
        let reply = self
            .post(
                "/api/login/verify",
                json!({ "challenge": reply.body["challenge"], "code": code }),
            )
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        self.world.settle().await;
        reply
    }
}

/// As the SDK signs, as far as a stand-in looks at it.
pub fn signed_by(environment: &BTreeMap<String, String>) -> String {
    let access_key = &environment["AWS_ACCESS_KEY_ID"];
    format!(
        "AWS4-HMAC-SHA256 Credential={access_key}/20261124/us-east-1/service/aws4_request, \
         SignedHeaders=host, Signature=0"
    )
}

/// The deployment behind the desk, as a test may put it: rows, deliveries, secrets.
impl World {
    pub async fn row(&self, pk: &str, sk: &str) -> BTreeMap<String, AttributeValue> {
        self.rows().await.remove(&(pk.to_owned(), sk.to_owned())).expect("the row is there")
    }

    /// Puts rows of one partition before their worker again, in one transaction; a row that is not
    /// there is made, and has nothing that its worker needs.
    pub async fn make_pending(&self, pk: &str, kind: &str, rows: &[&str]) {
        let (client, table) = self.table();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut transaction = client.transact_write_items();
        for sk in rows {
            let update =
                Update::builder().table_name(&table).key("pk", text(pk)).key("sk", text(sk));
            let update = update.update_expression("SET #type = :type, #status = :pending");
            let update = update
                .expression_attribute_names("#type", "type")
                .expression_attribute_names("#status", "status");
            let update = update
                .expression_attribute_values(":type", text(kind))
                .expression_attribute_values(":pending", text("pending"));
            transaction = transaction.transact_items(
                TransactWriteItem::builder().update(update.build().expect("complete")).build(),
            );
        }
        transaction.send().await.expect("the rows are pending");
    }

    /// Sets attributes of a row, as a crash would have left them; a row that is not there is made.
    pub async fn set_attributes(&self, pk: &str, sk: &str, attributes: &[(&str, AttributeValue)]) {
        let (client, table) = self.table();
        let mut update = client.update_item().table_name(table);
        update = update
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(sk.to_owned()));
        let mut sets = Vec::new();
        for (number, (name, value)) in attributes.iter().enumerate() {
            update = update.expression_attribute_names(format!("#n{number}"), *name);
            update = update.expression_attribute_values(format!(":v{number}"), value.clone());
            sets.push(format!("#n{number} = :v{number}"));
        }
        update
            .update_expression(format!("SET {}", sets.join(", ")))
            .send()
            .await
            .expect("the attributes are set");
    }

    /// Delivers a row's stream record to a function once more, as a stream does that repeats
    /// itself.
    pub async fn deliver(&self, function: &str, pk: &str, sk: &str) -> Value {
        let mut event = sample(function);
        let records = event["Records"].as_array_mut().expect("records");
        records.truncate(1);
        let key = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
        for (name, value) in key.as_object().expect("an object") {
            records[0]["dynamodb"]["NewImage"][name] = value.clone();
        }
        records[0]["dynamodb"]["Keys"] = key;
        self.desk.invoke(function, &event).await.expect("the function answers")
    }

    /// The text of a secret, by the setting that names it: `LOGIN_SECRET_ARN`,
    /// `SEALING_SECRET_ARN`.
    pub async fn secret(&self, setting: &str) -> String {
        let get = json!({ "SecretId": self.desk.shared_environment()[setting] });
        let (status, answer) = self.secrets_manager("GetSecretValue", get).await;
        assert_eq!(status, 200);
        answer["SecretString"].as_str().expect("a text").to_owned()
    }

    pub async fn put_secret(&self, setting: &str, text: &str) {
        assert_eq!(self.try_put_secret(setting, text).await, 200);
    }

    /// What Secrets Manager answers to a new value.
    pub async fn try_put_secret(&self, setting: &str, text: &str) -> StatusCode {
        let put =
            json!({ "SecretId": self.desk.shared_environment()[setting], "SecretString": text });
        self.secrets_manager("PutSecretValue", put).await.0
    }

    /// Rotates a keyring: `version` is current from now on, the older versions stay.
    pub async fn rotate(&self, setting: &str, version: &str) {
        let mut ring: Value = serde_json::from_str(&self.secret(setting).await).expect("a keyring");
        ring[version] = version.repeat(64).into();
        ring["current"] = version.into();
        self.put_secret(setting, &ring.to_string()).await;
    }

    pub async fn secrets_manager(&self, operation: &str, request: Value) -> (StatusCode, Value) {
        let environment = self.desk.shared_environment();
        let url = &environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"];
        let target = format!("secretsmanager.{operation}");
        let (status, answer) =
            self.aws(url, &signed_by(environment), &target, request.to_string()).await;
        (status, serde_json::from_str(&answer).expect("JSON"))
    }
}

impl Reply {
    /// Checks that nobody can tell this answer from the other: status, headers but the request's
    /// own, and bytes.
    #[track_caller]
    pub fn is_indistinguishable_from(&self, other: &Self) {
        let headers = |reply: &Self| {
            let mut headers = reply.headers.clone();
            for own in ["x-request-id", "apigw-requestid", "date"] {
                headers.remove(own);
            }
            headers
        };
        assert_eq!((self.status, &self.text), (other.status, &other.text));
        assert_eq!(headers(self), headers(other));
    }
}

/// A path of the template, with the id of nobody's thing where it has one.
pub fn with_ids(path: &str) -> String {
    path.replace("{key_id}", "key_k00000000")
        .replace("{member_id}", "mem_0000000000000000000000000000")
        .replace("{session_id}", "ses_0000000000000000")
}

impl World {
    /// Checks that the counters of every account are the numbers of its rows, that its set of
    /// admins is those who have logged in, or is one who is invited for ever, that each of its
    /// members owns its address, and that reminders are of a key that ends when they say.
    #[track_caller]
    pub fn check_counters(&self) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let rows = self.rows().await;
            for ((partition, _), account) in rows.iter().filter(|((_, sk), _)| sk == "ACCOUNT") {
                let with = |prefix: &str| {
                    rows.iter()
                        .filter(|((pk, sk), _)| pk == partition && sk.starts_with(prefix))
                        .count()
                        .to_string()
                };
                let number = |name: &str| account[name].as_n().expect("a number").clone();
                let sandbox_keys =
                    usize::from(*account["has_sandbox_key"].as_bool().expect("yes or no"))
                        .to_string();
                assert_eq!(
                    number("own_keys"),
                    with("KEY#key_k"),
                    "own keys of {partition}, {caller}"
                );
                assert_eq!(
                    sandbox_keys,
                    with("KEY#key_s"),
                    "Sandbox keys of {partition}, {caller}"
                );
                assert_eq!(
                    number("member_count"),
                    with("MEMBER#"),
                    "members of {partition}, {caller}"
                );

                let own = rows.iter().filter(|((pk, _), _)| pk == partition);
                for ((_, sk), reminders) in own {
                    let Some(key) = sk.strip_prefix("EXPIRY#") else { continue };
                    let key = rows.get(&(partition.clone(), format!("KEY#{key}")));
                    assert_eq!(
                        key.and_then(|key| key.get("expires_at")),
                        reminders.get("expires_at"),
                        "{sk} of {partition}, {caller}"
                    );
                }

                let id = account["id"].as_s().expect("a text");
                let members: Vec<_> = rows
                    .iter()
                    .filter(|((pk, sk), _)| pk == partition && sk.starts_with("MEMBER#"))
                    .map(|(_, row)| row)
                    .collect();
                let ids = |wanted: &dyn Fn(&BTreeMap<String, AttributeValue>) -> bool| {
                    let chosen = members.iter().filter(|row| wanted(row));
                    chosen
                        .map(|row| row["id"].as_s().expect("a text").clone())
                        .collect::<BTreeSet<_>>()
                };
                let is = |row: &BTreeMap<String, AttributeValue>, name: &str, text: &str| {
                    row[name].as_s().is_ok_and(|known| known == text)
                };
                let is_admin = |row: &_| is(row, "role", "admin");
                let admins: BTreeSet<_> =
                    account["admins"].as_ss().expect("a set").iter().cloned().collect();
                let active = ids(&|row| is_admin(row) && is(row, "status", "active"));
                let lasting = ids(&|row| is_admin(row) && !row.contains_key("invited_until"));
                assert!(
                    !admins.is_empty() && active.is_subset(&admins) && admins.is_subset(&lasting),
                    "admins of {partition}, {caller}: {admins:?}, and {active:?} are active"
                );
                let waiting = admins.difference(&active).count();
                assert!(waiting <= 1, "{waiting} of {partition} never logged in, {caller}");
                let owners = rows.iter().filter(|((_, sk), row)| {
                    sk == "OWNER" && row["account_id"].as_s().is_ok_and(|owner| owner == id)
                });
                let owners: BTreeSet<_> = owners
                    .map(|(_, row)| row["member_id"].as_s().expect("a text").clone())
                    .collect();
                assert_eq!(owners, ids(&|_| true), "owners of {partition}, {caller}");
            }
        }
    }
}

impl World {
    /// A world around a desk that is started otherwise than tests start theirs.
    pub async fn with_options(options: Options) -> Self {
        Self::start(options).await.expect("the desk starts")
    }

    /// A world whose desk may not start.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let desk = Desk::start(options).await?;
        Ok(Self { desk, http: client(), watch: None })
    }

    /// What a stand-in answers to a body that a function (or an operator) sends it.
    pub async fn aws(
        &self,
        url: &str,
        signed_by: &str,
        target: &str,
        body: String,
    ) -> (StatusCode, String) {
        let call = self
            .http
            .post(url)
            .header("authorization", signed_by)
            .header("x-amz-date", "20261124T000000Z");
        let answer = call
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.0")
            .body(body)
            .send();
        let answer = answer.await.expect("an answer");
        (answer.status(), answer.text().await.expect("a text"))
    }
}

/// A world that is watched.
impl World {
    pub async fn watched() -> Self {
        Self { watch: Some(Watch::default()), ..Self::new().await }
    }

    /// Invokes a function, as whoever has AWS's credentials.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Value, InvokeError> {
        let answer = self.desk.invoke(function, event).await;
        self.note_answer(function.to_owned(), || format!("{answer:?}"));
        answer
    }

    fn note_answer(&self, by: String, text: impl FnOnce() -> String) {
        if let Some(watch) = &self.watch {
            watch.answers.lock().expect("no panic inside").push((by, text()));
        }
    }

    /// What was answered so far: the request (or the function that was invoked), and the answer.
    pub fn answers(&self) -> Vec<(String, String)> {
        let watch = self.watch.as_ref().expect("it is watched");
        watch.answers.lock().expect("no panic inside").clone()
    }

    /// Every row as it ever was, in the order of the stream.
    pub fn images(&self) -> Vec<Value> {
        let watch = self.watch.as_ref().expect("it is watched");
        watch.images.lock().expect("no panic inside").clone()
    }

    /// Takes what is new in the table's stream, before time takes it away.
    async fn read_stream(&self) {
        let Some(watch) = &self.watch else { return };
        let known = watch.stream.lock().expect("no panic inside").take();
        let (stream, shard, mut read) = match known {
            Some(known) => known,
            None => self.open_stream().await,
        };
        let mut from = json!({ "StreamArn": stream, "ShardId": shard });
        from["ShardIteratorType"] = "TRIM_HORIZON".into();
        if read.is_string() {
            from["ShardIteratorType"] = "AFTER_SEQUENCE_NUMBER".into();
            from["SequenceNumber"] = read.clone();
        }
        let mut iterator = self.streams("GetShardIterator", from).await["ShardIterator"].take();
        loop {
            let mut page = self.streams("GetRecords", json!({ "ShardIterator": iterator })).await;
            let records = page["Records"].as_array().expect("records").clone();
            let Some(last) = records.last() else { break };
            read = last["dynamodb"]["SequenceNumber"].clone();
            iterator = page["NextShardIterator"].take();
            let images = records.into_iter().map(|mut record| record["dynamodb"].take());
            watch.images.lock().expect("no panic inside").extend(images);
        }
        *watch.stream.lock().expect("no panic inside") = Some((stream, shard, read));
    }

    async fn open_stream(&self) -> (Value, Value, Value) {
        let table = &self.desk.shared_environment()["TABLE_NAME"];
        let listed = self.streams("ListStreams", json!({ "TableName": table })).await;
        let stream = listed["Streams"][0]["StreamArn"].clone();
        let described = self.streams("DescribeStream", json!({ "StreamArn": stream })).await;
        let shard = described["StreamDescription"]["Shards"][0]["ShardId"].clone();
        (stream, shard, Value::Null)
    }

    async fn streams(&self, operation: &str, request: Value) -> Value {
        let environment = self.desk.shared_environment();
        let url = &environment["AWS_ENDPOINT_URL_DYNAMODB"];
        let target = format!("DynamoDBStreams_20120810.{operation}");
        let (status, text) =
            self.aws(url, &signed_by(environment), &target, request.to_string()).await;
        assert_eq!(status, 200, "{operation}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }
}
