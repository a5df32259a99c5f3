//! Every secret is where its line in `docs/security.md` says, and nowhere else: in no answer, mail,
//! row, record that was given up, or line of the log, whatever goes well or wrong, at the most
//! talkative level, as it is or in any usual code.
//!
//! A subscriber belongs to a thread, so each of these tests has one thread for itself, its desk and
//! its functions.

use crate::contention::good_events;
use crate::every_route;
use crate::invitations::invited;
use crate::logs::Log;
use crate::note_mail_event::complaint;
use crate::permissions::Script;
use crate::proxy::{Behind, KEY_CHECKS};
use crate::secrets::{Allowed, Kind, Place, Search, Secrets, allowed, forms};
use crate::support::{ADMIN, Person, World, client, record_of, wrong};
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use desk::{MailServiceMode, ProductApiMode};
use domain::{AccountId, AddressHash, EmailAddress};
use edge::config::Env;
use frontdesk_tests::proof::Proof;
use functions::{FUNCTIONS, Function, Trigger};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

// --- What is secret, and where it was found

/// Whatever a client may send that is nobody's business: each is sent in another place.
const BODY: &str = "BodyMarkQ7x2";
const PATH: &str = "PathMarkQ7x2";
const QUERY: &str = "QueryMarkQ7x2";
const HEADER: &str = "HeaderMarkQ7x2";
const COOKIE: &str = "CookieMarkQ7x2";
const AGENT: &str = "AgentMarkQ7x2";
const VIEWERS: [&str; 2] = ["203.0.113.77", "2001:db8:7777:8888::9"];

/// As much as our own crates can tell, and nothing more of others' than there ever is.
const TALKATIVE: &str = "trace,desk=trace,domain=trace";
/// Whatever anybody traces.
const EVERYTHING: &str = "trace,trace";

fn log_at(world: &World, level: &str) -> Log {
    let mut environment = world.desk.shared_environment().clone();
    environment.insert("LOG_LEVEL".to_owned(), level.to_owned());
    Log::with(&Env::from_pairs(environment))
}

/// What was found, with what it stood among.
type Found = BTreeMap<(Kind, Place), String>;

fn note(found: &mut Found, search: &Search, place: &Place, text: &str) {
    for (kind, around) in search.find(text) {
        found.entry((kind, place.clone())).or_insert(around);
    }
}

/// Everything that somebody could read of a watched world, searched; and how many texts it is.
fn found_in(world: &World, log: &Log, search: &Search) -> (Found, u64) {
    let mut found = Found::new();
    let mut texts = 0;
    let mut look = |place: Place, text: &str| {
        texts += 1;
        note(&mut found, search, &place, text);
    };
    for (by, text) in world.answers() {
        match by.split_once(' ') {
            None => look(Place::Answer(by), &text),
            Some((method, path)) => {
                if let Some(function) = function_of(method, path) {
                    look(Place::Answer(function.to_owned()), &text);
                }
            }
        }
    }
    for mail in world.desk.inbox().mails() {
        look(Place::Mail(mail.kind), &[mail.subject, mail.text, mail.html].join("\n"));
    }
    for image in world.images() {
        let kind = image["NewImage"]["type"]["S"].as_str().unwrap_or("deleted");
        look(Place::Row(kind.to_owned()), &image.to_string());
    }
    for record in world.desk.failures() {
        let arn = record["requestContext"]["functionArn"].as_str().expect("whose it was");
        let by = FUNCTIONS.iter().find(|function| arn.ends_with(function.name));
        look(Place::GivenUp(by.expect("a function").name.to_owned()), &record.to_string());
    }
    for line in log.text().lines() {
        look(Place::Log, line);
    }
    (found, texts)
}

/// Whose route it is. The stand-in of the product API is nobody's.
fn function_of(method: &str, path: &str) -> Option<&'static str> {
    let path = path.split('?').next().unwrap_or_default();
    if !path.starts_with("/api/") {
        return None;
    }
    let fits = |known: &str| {
        known.split('/').count() == path.split('/').count()
            && known.split('/').zip(path.split('/')).all(|(a, b)| a == b || a.starts_with('{'))
    };
    let routes = |function: &'static Function| {
        function.triggers().map(move |trigger| (function.name, trigger))
    };
    let all = FUNCTIONS.iter().flat_map(routes).filter(|(_, trigger)| match trigger {
        Trigger::ForwardAuth { .. } => path.starts_with("/api/check"),
        other => other.route().is_some_and(|(known, route)| known == method && fits(route)),
    });
    // A name in a path comes before a parameter; the rest is the default route's.
    let all: Vec<_> = all.collect();
    let exact = all.iter().find(|(_, trigger)| trigger.route().is_some_and(|r| r.1 == path));
    Some(exact.or(all.first()).map_or("get-session", |(name, _)| *name))
}

/// All that a watched world has shown to be secret.
async fn secrets_of(world: &World) -> Secrets {
    let mut secrets = Secrets::default();
    for (_, text) in world.answers() {
        let after = |mark: &str| texts_after(&text, mark);
        for key in after("\"api_key\":\"") {
            secrets.learn(kind_of_key(&key), tail(&key, 38));
        }
        for token in after("\"session_token\":\"").into_iter().chain(after("__Host-frontdesk=")) {
            secrets.learn(Kind::SessionToken, tail(&token, 43));
        }
        for cookie in after("__Host-frontdesk-device=") {
            secrets.learn(Kind::BrowserCookie, last_part(&cookie));
        }
        for challenge in after("\"challenge\":\"") {
            secrets.learn(Kind::Challenge, last_part(&challenge));
        }
    }
    for mail in world.desk.inbox().mails() {
        for link in texts_after(&mail.text, "#invitation=") {
            secrets.learn(Kind::InvitationLink, last_part(&link));
        }
        if let Some(code) = &mail.code {
            secrets.learn(Kind::LoginCode, code);
        }
    }
    learn_keyrings(world, &mut secrets).await;
    learn_rows(world, &mut secrets).await;
    for mark in [BODY, PATH, QUERY, HEADER, COOKIE, AGENT] {
        secrets.learn(Kind::ClientsWords, mark);
    }
    for viewer in VIEWERS {
        secrets.learn(Kind::NetworkAddress, viewer);
    }
    secrets
}

fn kind_of_key(key: &str) -> Kind {
    if key.starts_with("fd_sandbox_") { Kind::SandboxKey } else { Kind::ApiKey }
}

fn tail(text: &str, length: usize) -> &str {
    &text[text.len() - length..]
}

fn last_part(text: &str) -> &str {
    text.rsplit('.').next().expect("a part")
}

/// What stands behind a mark, up to what no secret has in it.
fn texts_after(text: &str, mark: &str) -> Vec<String> {
    let rest = text.split(mark).skip(1);
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let texts = rest.map(|rest| rest.chars().take_while(|c| is_part(*c)).collect::<String>());
    texts.filter(|text| !text.is_empty()).collect()
}

async fn learn_keyrings(world: &World, secrets: &mut Secrets) {
    for setting in ["LOGIN_SECRET_ARN", "SEALING_SECRET_ARN"] {
        let ring: Value = serde_json::from_str(&world.secret(setting).await).expect("a keyring");
        for (name, value) in ring.as_object().expect("an object") {
            if name != "current" {
                secrets.learn(Kind::Keyring, value.as_str().expect("a text"));
            }
        }
    }
    secrets.learn(Kind::Keyring, &world.origin_secret().await);
}

/// Addresses; the codes of all challenges, mailed or not; and the Sandbox keys.
async fn learn_rows(world: &World, secrets: &mut Secrets) {
    let (login, sealing) = (world.app("verify-code"), world.app("provision-sandbox"));
    let mut accounts = BTreeSet::new();
    let mails = world.desk.inbox().mails();
    let mut receivers: BTreeSet<String> = mails.into_iter().map(|mail| mail.to).collect();
    let images = world.images();
    let rows = || images.iter().map(|image| &image["NewImage"]);
    let text = |row: &Value, name: &str| row[name]["S"].as_str().map(str::to_owned);
    for row in rows() {
        match row["type"]["S"].as_str() {
            Some("owner") => {
                secrets.learn(Kind::MemberAddress, &text(row, "email").expect("a text"));
            }
            Some("mail") => receivers.extend(text(row, "to")),
            Some("account") => accounts.extend(text(row, "id")),
            _ => {}
        }
    }
    // Whoever asks for a code is owed a mail.
    let hash = |to: &String| to.parse::<EmailAddress>().expect("an address").hash();
    let addresses: BTreeMap<String, AddressHash> =
        receivers.iter().map(hash).map(|hash| (format!("ADDR#{hash}"), hash)).collect();
    for row in rows().filter(|row| row["type"]["S"] == "login") {
        let Some(asks) = row["asks"]["M"].as_object().filter(|asks| !asks.is_empty()) else {
            continue;
        };
        let address = &addresses[&text(row, "pk").expect("a key")];
        for (id, ask) in asks {
            let version = ask["M"]["keyring_version"]["S"].as_str().expect("a version");
            let code = login.keyrings.login_code(address, id, version).await;
            if let Some(code) = code.expect("a keyring") {
                secrets.learn(Kind::LoginCode, code.secret().expose());
            }
        }
    }
    let members: BTreeSet<String> = secrets.of(Kind::MemberAddress).map(str::to_owned).collect();
    for receiver in receivers.difference(&members) {
        secrets.learn(Kind::OtherAddress, receiver);
    }
    for account in accounts {
        let account: AccountId = account.parse().expect("an id");
        let sandbox = sealing.store.find_sandbox(&account).await.expect("the store answers");
        let Some(key) = sandbox.and_then(|sandbox| sandbox.key) else { continue };
        let opened = sealing.keyrings.open_sandbox_key(&account, &key).await.expect("a keyring");
        if let Some(key) = opened {
            secrets.learn(Kind::SandboxKey, tail(key.expose(), 38));
        }
    }
}

#[track_caller]
fn nowhere_else(when: impl Debug, found: &Found, allowed: &Allowed) {
    let leaked: Vec<_> = found.iter().filter(|(place, _)| !allowed.contains(place)).collect();
    assert!(leaked.is_empty(), "{when:?}: no line of docs/security.md has this: {leaked:#?}");
}

// --- Everything happens

/// What strangers and members send that nobody asked for, to every route.
async fn bad_input(world: &World, admin: &Person<'_>) {
    for case in every_route::cases() {
        let function = functions::find(case.function).expect("there is this function");
        for (method, path) in function.triggers().filter_map(Trigger::route) {
            let path = match path.split_once('{') {
                Some((before, rest)) => {
                    let after = rest.split_once('}').map_or("", |(_, after)| after);
                    format!("{before}{PATH}{after}?{QUERY}={QUERY}")
                }
                None => format!("{path}?{QUERY}={QUERY}"),
            };
            let mut surplus = case.body.clone().unwrap_or_else(|| json!({}));
            surplus[BODY] = BODY.into();
            for body in [surplus.to_string(), format!("{{\"name\": {BODY}"), BODY.to_owned()] {
                for token in [&admin.token, HEADER] {
                    let call = world.call(method, &path).raw("application/json", body.clone());
                    let call = call
                        .header("authorization", &format!("Bearer {token}"))
                        .header("idempotency-key", HEADER)
                        .header("x-api-key", HEADER)
                        .header("origin", &format!("https://{HEADER}.example"))
                        .header("user-agent", &format!("{AGENT} Firefox/1"))
                        .header("cookie", &format!("__Host-frontdesk={COOKIE}; {COOKIE}=1"));
                    call.send().await;
                }
            }
        }
    }
    for function in FUNCTIONS {
        let event = json!({
            "headers": BODY, "Records": [BODY], "name": [BODY], "version": BODY, "rawPath": [BODY],
            "account_id": BODY, "act": BODY, "admin_email": BODY,
        });
        let _ = world.invoke(function.name, &event).await;
    }
    let path = format!("/api/{PATH}?{QUERY}");
    world.call("GET", &path).header("user-agent", AGENT).send().await.problem(404, "not_found");
}

/// Keys that are good, misspelt and somebody's session, by each way to ask.
async fn keys(world: &World, admin: &Person<'_>) {
    let (_, key) = admin.key("Marked").await;
    for presented in [&*key, &key[..key.len() - 1], &admin.token] {
        for (name, event) in KEY_CHECKS {
            world.invoke(name, &event(presented)).await.expect("an answer");
        }
        let bearer = format!("Bearer {presented}");
        world.call("GET", "/api/check/v1").header("authorization", &bearer).send().await;
    }
}

/// What depends on others goes wrong in every way that they have.
async fn others_fail(world: &World, admin: &Person<'_>) {
    for mode in [ProductApiMode::Rejecting, ProductApiMode::Failing, ProductApiMode::Down] {
        world.desk.product_api().set_mode(mode);
        admin.act("/api/sandbox/provision").await.ok(202);
        world.settle().await;
        admin.act("/api/sandbox/test").await.ok(200);
    }
    world.desk.product_api().set_mode(ProductApiMode::Up);
    let modes =
        [MailServiceMode::Rejecting, MailServiceMode::Bouncing, MailServiceMode::Throttling];
    for (number, mode) in modes.into_iter().enumerate() {
        world.desk.mail_service().set_mode(mode);
        invited(admin, &format!("unreached{number}@example.com")).await;
        world.settle().await;
    }
    for viewer in VIEWERS {
        world.request_code_from(viewer, ADMIN).await.ok(202);
        let reply = world.request_code_from(viewer, "stranger@example.net").await;
        let challenge = reply.ok(202)["challenge"].as_str().expect("a challenge").to_owned();
        world.verify(&challenge, "000000").await;
    }
    // Nobody mails the codes while they are good.
    world.advance(601);
    world.settle().await;
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    let ring = world.secret("LOGIN_SECRET_ARN").await;
    world.put_secret("LOGIN_SECRET_ARN", &format!("[{ring}]")).await;
    world.advance(301);
    world.request_code(ADMIN).await.problem(500, "internal_error");
    world.put_secret("LOGIN_SECRET_ARN", &ring).await;
    world.advance(31);
}

/// A row that cannot be read, for an address stands where none belongs.
async fn damaged_row(world: &World, admin: &Person<'_>) {
    let role = [("role", AttributeValue::S(ADMIN.to_owned()))];
    let (pk, sk) = (format!("ACCT#{}", admin.account), format!("MEMBER#{}", admin.id));
    world.set_attributes(&pk, &sk, &role).await;
    admin.get("/api/session").await.problem(500, "internal_error");
}

/// A browser that comes back, and guesses wrongly in between.
async fn logins(world: &World) {
    let mut browser = world.browser();
    browser.log_in(ADMIN).await;
    let (challenge, code) = world.challenge(ADMIN).await;
    world.verify(&challenge, wrong(&code)).await.problem(401, "code_incorrect");
    world.verify(&challenge, &code).await.ok(200);
    for path in ["/api/session", "/api/sessions", "/api/keys", "/api/team", "/api/activity"] {
        browser.get(path).await.ok(200);
    }
}

#[tokio::test]
async fn every_secret_is_where_its_line_says_and_nowhere_else() {
    let world = World::watched().await;
    let log = log_at(&world, TALKATIVE);
    assert_eq!(Script { world: &world }.run().await, Ok(()));
    world.advance(25 * 3600);
    logins(&world).await;
    let admin = world.admin().await;
    keys(&world, &admin).await;
    others_fail(&world, &admin).await;
    let admin = world.admin().await;
    bad_input(&world, &admin).await;
    damaged_row(&world, &admin).await;
    world.settle().await;

    let invoked = |function: &&Function| !log.of_function(function.name).is_empty();
    let silent: Vec<_> = FUNCTIONS.iter().filter(|function| !invoked(function)).collect();
    assert!(silent.is_empty(), "nothing was heard of {silent:?}");
    let secrets = secrets_of(&world).await;
    for kind in Kind::ALL {
        assert!(secrets.of(kind).next().is_some(), "there is no {kind:?} to look for");
    }
    let (found, texts) = found_in(&world, &log, &secrets.search());
    let allowed = allowed();
    nowhere_else("at the end", &found, &allowed);
    let needless: Vec<_> = allowed.iter().filter(|place| !found.contains_key(place)).collect();
    assert!(needless.is_empty(), "a line of docs/security.md says what is not so: {needless:#?}");
    let (planted, noticed) = plant(&secrets);
    let mutants = Some((noticed, planted));
    Proof { holds: "no secret is where it does not belong", runs: texts, faults: 0, mutants }
        .print();
}

/// Each kind of secret in each form in the middle of a line: how many there were, and how many of
/// them are found.
fn plant(secrets: &Secrets) -> (u64, u64) {
    let search = secrets.search();
    let (mut planted, mut noticed) = (0, 0);
    for kind in Kind::ALL {
        let secret = secrets.of(kind).next().expect("one of each");
        for (_, text) in forms(secret) {
            planted += 1;
            let line = format!("a line of the log: it was {text}.");
            let found = search.find(&line).contains_key(&kind);
            assert!(found, "{kind:?} is not found: {line}");
            noticed += u64::from(found);
        }
    }
    (planted, noticed)
}

// --- What others tell of a request when they fail

/// What the functions call, and how it fails: it says in its error what it was asked, or its answer
/// breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoilt {
    Refused,
    Denied,
    Failed,
    Half,
}

/// Whose answers are spoilt, from how many of a caller's requests on.
const TURNS: [(&[&str], usize); 4] =
    [(&["dynamodb"], 0), (&["dynamodb"], 2), (&["secrets"], 0), (&["ses", "product"], 0)];

/// A server in front of everything that the functions call. Of each caller it lets some requests
/// through, and spoils those that follow.
struct Spoiler {
    url: String,
    shared: Arc<Spoiling>,
    server: JoinHandle<()>,
}

struct Spoiling {
    client: reqwest::Client,
    /// By name.
    services: BTreeMap<&'static str, String>,
    how: Spoilt,
    turn: (&'static [&'static str], usize),
    /// By caller and service.
    seen: Mutex<BTreeMap<(String, String), usize>>,
    /// By service.
    spoilt: Mutex<BTreeMap<String, u64>>,
}

const SERVICES: [(&str, &str); 3] = [
    ("dynamodb", "AWS_ENDPOINT_URL_DYNAMODB"),
    ("ses", "AWS_ENDPOINT_URL_SES"),
    ("secrets", "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
];

impl Spoiler {
    async fn new(world: &World, how: Spoilt, turn: (&'static [&'static str], usize)) -> Self {
        let environment = world.desk.environment("deliver-mail");
        let services = SERVICES.map(|(name, variable)| (name, environment[variable].clone()));
        let shared = Arc::new(Spoiling {
            client: client(),
            services: services.into(),
            how,
            turn,
            seen: Mutex::default(),
            spoilt: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(spoil).with_state(shared.clone());
        let server =
            tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, shared, server }
    }

    fn function(&self, world: &World, name: &str, caller: usize) -> Behind {
        let urls = SERVICES.map(|(service, _)| format!("{}/{caller}/{service}", self.url));
        let product = format!("{}/{caller}/product", self.url);
        let mut changed = vec![("PRODUCT_API_URL", product.as_str())];
        changed.extend(SERVICES.iter().zip(&urls).map(|((_, variable), url)| (*variable, &**url)));
        Behind::new(world, name, &changed)
    }
}

impl Drop for Spoiler {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn spoil(
    State(shared): State<Arc<Spoiling>>,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut parts = uri.path().trim_start_matches('/').split('/');
    let caller = parts.next().expect("a caller").to_owned();
    let service = parts.next().expect("a service").to_owned();
    let (services, first) = shared.turn;
    let spared = {
        let mut seen = shared.seen.lock().expect("no panic inside");
        let seen = seen.entry((caller, service.clone())).or_default();
        *seen += 1;
        !services.contains(&&*service) || *seen <= first
    };
    if !spared {
        let mut spoilt = shared.spoilt.lock().expect("no panic inside");
        *spoilt.entry(service.clone()).or_default() += 1;
    }
    let asked = format!("{headers:?} {}", String::from_utf8_lossy(&body));
    let Some(upstream) = shared.services.get(&*service) else {
        let status = if spared { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
        return (status, asked).into_response();
    };
    if !spared && shared.how != Spoilt::Half {
        return refusal(shared.how, &service, &asked);
    }
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    let sent = shared.client.post(upstream).headers(headers).body(body).send();
    let answer = sent.await.expect("the service answers");
    let status = answer.status();
    let mut headers = answer.headers().clone();
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove("x-amz-crc32");
    let mut bytes = answer.bytes().await.expect("a whole answer");
    if !spared {
        bytes.truncate(bytes.len().saturating_sub(2));
    }
    (status, headers, bytes).into_response()
}

/// An error in the service's words, with what it was asked.
fn refusal(how: Spoilt, service: &str, asked: &str) -> Response {
    let (status, code) = match how {
        Spoilt::Refused if service == "ses" => (400, "MessageRejected"),
        Spoilt::Refused => (400, "ValidationException"),
        Spoilt::Denied => (400, "AccessDeniedException"),
        Spoilt::Failed | Spoilt::Half => (500, "InternalServerError"),
    };
    let status = StatusCode::from_u16(status).expect("a status");
    if service == "ses" {
        let asked = asked.replace('&', "&amp;").replace('<', "&lt;");
        let text = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>{asked}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        );
        return (status, [(header::CONTENT_TYPE, "text/xml")], text).into_response();
    }
    let error =
        json!({ "__type": format!("com.amazonaws#{code}"), "message": asked, "Message": asked });
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], error.to_string())
        .into_response()
}

/// An event for each function, with secrets in it where it has any.
async fn events(world: &World, admin: &Person<'_>) -> Vec<(&'static str, Value)> {
    let good = good_events(world, admin).await;
    let mut events: Vec<_> = good.into_iter().map(|good| (good.function, good.event)).collect();
    let (_, key) = admin.key("Checked").await;
    events.extend(KEY_CHECKS.map(|(function, event)| (function, event(&key))));
    let own = json!({ "account_id": admin.account });
    let second = json!({
        "account_id": admin.account, "act": "add_admin", "email": "second@example.com",
    });
    let other = json!({ "name": "Other Company", "admin_email": "other@example.com" });
    events.extend([
        ("register-account", other),
        ("change-account", second),
        ("describe-account", own.clone()),
        ("export-activity", own),
        ("sweep", json!({})),
        ("note-mail-event", complaint(admin, &admin.id).await),
    ]);
    // Mails that wait, and what the other worker is told of once more.
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    world.request_code("stranger@example.net").await.ok(202);
    invited(admin, "waiting@example.com").await;
    for (function, kinds) in [
        ("deliver-mail", ["mail", "login_notice"].as_slice()),
        ("provision-sandbox", &["login_event", "provision_request"]),
    ] {
        for kind in kinds {
            for row in world.rows_of(kind).await {
                let text = |name: &str| row[name].as_s().expect("a text").clone();
                if function == "provision-sandbox" {
                    world.make_pending(&text("pk"), kind, &[&text("sk")]).await;
                } else if text("status") != "pending" {
                    continue;
                }
                events.push((function, record_of(function, &row)));
            }
        }
    }
    events
}

#[tokio::test]
async fn what_others_say_when_they_fail_brings_no_secret_into_log_or_answer() {
    let world = World::watched().await;
    let admin = world.admin().await;
    let events = events(&world, &admin).await;
    let covered: BTreeSet<&str> = events.iter().map(|(function, _)| *function).collect();
    assert_eq!(covered, FUNCTIONS.iter().map(|function| function.name).collect());
    let log = log_at(&world, TALKATIVE);
    let mut told = Vec::new();
    let mut spoilt = BTreeMap::<String, u64>::new();
    for how in [Spoilt::Refused, Spoilt::Denied, Spoilt::Failed, Spoilt::Half] {
        for turn in TURNS {
            let spoiler = Spoiler::new(&world, how, turn).await;
            let before = log.text().len();
            let calls = events.iter().enumerate().map(async |(caller, (function, event))| {
                let answer = spoiler.function(&world, function, caller).invoke(event).await;
                (Place::Answer((*function).to_owned()), how, format!("{answer:?}"))
            });
            told.extend(join_all(calls).await);
            told.push((Place::Log, how, log.text()[before..].to_owned()));
            for (service, times) in &*spoiler.shared.spoilt.lock().expect("no panic inside") {
                *spoilt.entry(service.clone()).or_default() += times;
            }
        }
    }
    let services: Vec<&str> = spoilt.keys().map(String::as_str).collect();
    assert_eq!(services, ["dynamodb", "product", "secrets", "ses"], "each of them was asked");
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    world.settle().await;
    let search = secrets_of(&world).await.search();
    let (found, texts) = found_in(&world, &log, &search);
    let allowed = allowed();
    for how in [Spoilt::Refused, Spoilt::Denied, Spoilt::Failed, Spoilt::Half] {
        let mut found = Found::new();
        for (place, _, text) in told.iter().filter(|(_, other, _)| *other == how) {
            note(&mut found, &search, place, text);
        }
        nowhere_else(how, &found, &allowed);
    }
    nowhere_else("after all", &found, &allowed);
    let texts = texts + told.len() as u64;
    let holds = "no error of others brings a secret to light";
    Proof { holds, runs: texts, faults: spoilt.values().sum(), mutants: None }.print();
}

/// What the tests here look for would be found, and is what the level keeps out: the lines of the
/// libraries that carry requests have all of it.
#[tokio::test]
async fn what_libraries_trace_is_found_and_kept_out_at_every_level_of_the_template() {
    let world = World::watched().await;
    let admin = {
        let _log = log_at(&world, TALKATIVE);
        world.admin().await
    };
    let everything = log_at(&world, EVERYTHING);
    admin.key("Key").await;
    admin.act("/api/sandbox/test").await.ok(200);
    let (challenge, code) = world.challenge(ADMIN).await;
    world.verify(&challenge, &code).await.ok(200);
    let search = secrets_of(&world).await.search();
    let (found, _) = found_in(&world, &everything, &search);
    let in_log: BTreeSet<Kind> =
        found.keys().filter(|(_, place)| *place == Place::Log).map(|(kind, _)| *kind).collect();
    for kind in [Kind::MemberAddress, Kind::Challenge] {
        assert!(in_log.contains(&kind), "{kind:?} is in no line: {in_log:?}");
    }
    // A level is a word, and no rule of a filter that would let them through.
    let text = std::fs::read_to_string(desk::workspace_root().join("template.yaml"));
    let line = text.as_deref().expect("a template").split_once("  LogLevel:\n").expect("it").1;
    let levels = line.split_once("AllowedValues: [").and_then(|(_, rest)| rest.split_once(']'));
    let (levels, _) = levels.expect("the levels");
    assert_eq!(levels, "error, warn, info, debug");
}
