//! What a case begins with: an account, its people and its keys, made by the functions themselves
//! over a wire on which nothing goes wrong.

use crate::deployment::{TEMPLATE, table};
use crate::stream::Delivery;
use crate::wire::{ASIDE, Line, Sabotage, Wire};
use desk::Engine;
use desk::inside::{self, UNHURRIED};
use domain::login::{ChallengeToken, LoginCode};
use domain::sandbox::SandboxKey;
use domain::{AccountId, EmailAddress, Invitation, Keyring, PlainKey, Secret, SessionToken};
use edge::{App, Clock, Random, Said, Seams, Silence, StandIn};
use functions::Invoke;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::LambdaEvent;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A row as DynamoDB writes it in JSON, by the names of its attributes.
pub type Row = Value;
pub type Rows = BTreeMap<(String, String), Row>;

/// Whoever calls a function, and how.
#[derive(Debug, Clone)]
pub struct Act {
    pub function: &'static str,
    pub event: Value,
    /// The member whose session it shows.
    pub by: Option<String>,
    /// The session that it shows.
    pub token: Option<String>,
    /// The key or the member that it is about.
    pub about: Option<String>,
    /// What has ended once it went well.
    pub ends: Option<Ends>,
    /// Whether it may find what another made under the same `Idempotency-Key`.
    pub may_repeat: bool,
    /// How far the clock of whoever runs it is ahead of the others'.
    pub skew: SignedDuration,
    /// Whether the process runs it that ran the actor's act before, if that has not ended.
    pub warm: bool,
}

/// The act by which time passes, for all at once.
pub const TIME: &str = "time";

/// What an act ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ends {
    Key(String),
    /// Of a member, all sessions that it had.
    Sessions(String),
    /// Of everybody.
    AllSessions,
    /// By its token.
    Session(String),
    /// Of a member, what only admins may.
    Role(String),
    /// Everything of the account, until it is resumed.
    Account,
}

/// What a function answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u64,
    /// The problem's code; empty for a success.
    pub code: String,
    pub body: Value,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// An outage, which may say that something may have been done.
    pub fn is_outage(&self) -> bool {
        self.status == 503
    }

    /// Whether it says that nobody knows whether it was done.
    pub fn says_perhaps(&self) -> bool {
        self.body["detail"].as_str().is_some_and(|detail| detail.contains("may have been done"))
    }

    /// What the case's list of what is sometimes reached calls it.
    pub fn named(&self) -> String {
        format!("{} {}", self.status, self.code).trim_end().to_owned()
    }
}

/// How far one clock may be ahead of another.
pub const CLOCKS_DIFFER_BY: SignedDuration = SignedDuration::from_mins(1);

/// The table with what the case needs in it, and who there is.
#[derive(Clone)]
pub struct Scene {
    pub rows: Rows,
    pub keyring: String,
    pub start: Timestamp,
    /// Where workers are at work, the records that are on their way as it begins.
    pub owed: Option<Vec<Delivery>>,
    clock: Clock,
    wire: Arc<Wire>,
    seed: u64,
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: String,
    pub account: String,
    pub email: String,
    pub token: String,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub struct Key {
    pub id: String,
    pub value: String,
}

impl Scene {
    pub fn new() -> Self {
        let start: Timestamp = "2026-03-02T12:00:00Z".parse().expect("a time");
        let keyring = Keyring::generate(&mut StdRng::seed_from_u64(1));
        let [engine, before] = [(); 2].map(|()| engine_with(&Rows::new()));
        let wire = Arc::new(Wire::new(engine, before, keyring.clone(), None));
        let clock = Clock::standing_at(start);
        Self { rows: Rows::new(), keyring, start, owed: None, clock, wire, seed: 1000 }
    }

    /// Calls a function, and nothing goes wrong.
    pub async fn call(&mut self, act: &Act) -> Answer {
        self.seed += 1;
        let seams = seams(&self.wire, 0, self.clock.clone(), self.seed);
        let function = function(act.function, seams, &self.wire.region());
        let answer = answer_of(&function, &act.event).await;
        self.clock.advance(Duration::from_secs(1));
        answer
    }

    /// The same of what has to go well.
    pub async fn done(&mut self, act: &Act) -> Value {
        let answer = self.call(act).await;
        assert!(answer.is_success(), "{act:?}: {answer:?}");
        answer.body
    }

    /// An account with these limits, and its admin.
    pub async fn account(&mut self, keys: u32, members: u32) -> Person {
        let event = json!({
            "name": "Example Company",
            "admin_email": ADMIN,
            "key_limit": keys,
            "member_limit": members,
        });
        self.done(&Act::of("register-account", event)).await;
        self.login(ADMIN).await
    }

    /// Somebody else in the account, who has logged in.
    pub async fn member(&mut self, admin: &Person, email: &str, role: &str) -> Person {
        self.done(&invite(admin, email, role)).await;
        self.login(email).await
    }

    pub async fn login(&mut self, email: &str) -> Person {
        let (challenge, code) = self.challenge(email).await;
        let body = self.done(&verify(&challenge, &code)).await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Person {
            id: text(&body["member"]["id"]),
            account: text(&body["account"]["id"]),
            email: email.to_owned(),
            token: text(&body["session_token"]),
        }
    }

    /// Somebody who is invited only: its id, and what the invitation's link carries.
    pub async fn invited(&mut self, admin: &Person, email: &str) -> (String, String) {
        let body = self.done(&invite(admin, email, "member")).await;
        let id = body["member"]["id"].as_str().expect("a text").to_owned();
        let invitation = Invitation {
            account: admin.account.parse().expect("an id"),
            member: id.parse().expect("an id"),
            number: 1,
        };
        let ring = Keyring::parse(&self.keyring).expect("a keyring");
        (id, invitation.token(&ring).expose().to_owned())
    }

    /// A challenge and its code, which is derived as the mail's is.
    pub async fn challenge(&mut self, email: &str) -> (String, String) {
        let body = self.done(&request_code(email, "203.0.113.7")).await;
        let challenge = body["challenge"].as_str().expect("a text").to_owned();
        let id = ChallengeToken::parse(&challenge).expect("a challenge").id;
        let ring = Keyring::parse(&self.keyring).expect("a keyring");
        let address = email.parse::<EmailAddress>().expect("an address").hash();
        let code = LoginCode::derive(&ring, ring.current(), &address, &id).expect("a version");
        (challenge, code.secret().expose().to_owned())
    }

    /// A key of this admin's, of which a use is on record, so that the next check marks none.
    pub async fn key(&mut self, admin: &Person, name: &str) -> Key {
        self.key_of(&create_key(admin, name)).await
    }

    /// The one that this act makes.
    pub async fn key_of(&mut self, creation: &Act) -> Key {
        let key = self.unused_key_of(creation).await;
        self.done(&check(&key)).await;
        key
    }

    /// The same, and nobody has used it yet.
    pub async fn unused_key_of(&mut self, creation: &Act) -> Key {
        let body = self.done(creation).await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Key { id: text(&body["key"]["id"]), value: text(&body["api_key"]) }
    }

    /// One in which workers are at work beside everybody else.
    pub fn with_workers() -> Self {
        let scene = Self { owed: Some(Vec::new()), ..Self::new() };
        scene.wire.watch();
        scene
    }

    /// Brings the workers what has come of everything so far.
    pub async fn settle(&mut self) {
        self.settle_but(&[]).await;
    }

    /// The same, but for records of some workers: these are on their way as schedules begin.
    pub async fn settle_but(&mut self, later: &[&str]) {
        let mut owed = Vec::new();
        loop {
            let records = self.wire.take_records();
            if records.is_empty() {
                break;
            }
            for record in records {
                if later.contains(&record.function) {
                    owed.push(record);
                } else {
                    self.bring(record).await;
                }
            }
        }
        self.owed.as_mut().expect("a scene with workers").extend(owed);
    }

    /// Brings them what was left on its way.
    pub async fn settle_owed(&mut self) {
        for record in self.owed.replace(Vec::new()).into_iter().flatten() {
            self.bring(record).await;
        }
        self.settle().await;
    }

    /// The Sandbox key that the first worker of a schedule makes: what is drawn hangs on nobody
    /// else.
    pub async fn key_to_be_made(mut self) -> Key {
        self.seed = seed_of(FIRST_WORKER, 0) - 1;
        self.settle_owed().await;
        self.sandbox_key()
    }

    async fn bring(&mut self, delivery: Delivery) {
        let body = self.done(&Act::of(delivery.function, delivery.event())).await;
        assert_eq!(body, json!({ "batchItemFailures": [] }), "{}", delivery.function);
    }

    /// Whatever the key, while the scene is made.
    pub fn product_api_says(&self, status: u16) {
        self.wire.product_api_says(status);
    }

    /// What is on its way comes in one batch.
    pub fn in_one_batch(&mut self) {
        let owed = self.owed.as_mut().expect("a scene with workers");
        let rest = owed.split_off(1);
        assert!(rest.iter().all(|other| other.function == owed[0].function), "{rest:?}");
        owed[0].records.extend(rest.into_iter().flat_map(|other| other.records));
    }

    /// What was on its way never arrives.
    pub fn lose(&mut self) {
        self.wire.take_records();
        self.owed = Some(Vec::new());
    }

    /// The Sandbox key of the one account.
    pub fn sandbox_key(&self) -> Key {
        let rows = rows_of(&self.wire.engine);
        let sandbox = rows.iter().find(|((_, sk), _)| sk == "SANDBOX").expect("a Sandbox").1;
        let value = sealed(&self.keyring, sandbox).expect("it has a key");
        Key { id: PlainKey::parse(&value).expect("a key").id.to_string(), value }
    }

    pub fn wait(&mut self, time: SignedDuration) {
        self.clock.advance(time.unsigned_abs());
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Ends the making: schedules begin from here.
    pub fn ready(mut self) -> Self {
        self.rows = rows_of(&self.wire.engine);
        self.start = self.clock.now();
        for (number, record) in self.owed.iter_mut().flatten().enumerate() {
            record.actor = FIRST_WORKER + number;
        }
        self
    }

    /// A wire with a table of its own, for all schedules of a case.
    pub fn wire(&self, sabotage: Option<Sabotage>) -> Arc<Wire> {
        let engine = engine_with(&self.rows);
        Arc::new(Wire::new(engine, engine_with(&self.rows), self.keyring.clone(), sabotage))
    }
}

pub const ADMIN: &str = "admin@example.com";

/// Workers whose records are on their way as a schedule begins.
const FIRST_WORKER: usize = 500;

fn engine_with(rows: &Rows) -> Engine {
    let engine = Engine::with_table(table());
    restore(&engine, &Rows::new(), rows);
    engine
}

/// Makes the rows of a table what they were.
pub fn restore(engine: &Engine, are: &Rows, were: &Rows) {
    let call = |operation, mut request: Value| {
        request["TableName"] = table().name.as_str().into();
        let done = engine.call(operation, &request.to_string());
        assert_eq!(done.status, 200, "{}", done.body);
    };
    for (_, row) in were.iter().filter(|(key, row)| are.get(key) != Some(row)) {
        call("PutItem", json!({ "Item": row }));
    }
    for (pk, sk) in are.keys().filter(|key| !were.contains_key(key)) {
        call("DeleteItem", json!({ "Key": { "pk": { "S": pk }, "sk": { "S": sk } } }));
    }
}

/// Every row of the table, by its key.
pub fn rows_of(engine: &Engine) -> Rows {
    let scan = engine.call("Scan", &json!({ "TableName": table().name }).to_string());
    let scan: Value = serde_json::from_str(&scan.body).expect("JSON");
    assert!(scan.get("LastEvaluatedKey").is_none(), "one page has all rows of a case");
    let text = |row: &Value, name: &str| row[name]["S"].as_str().expect("a text").to_owned();
    let items = scan["Items"].as_array().expect("items").iter();
    items.map(|row| ((text(row, "pk"), text(row, "sk")), row.clone())).collect()
}

/// The value of the Sandbox key that this row has sealed.
pub fn sealed(keyring: &str, sandbox: &Row) -> Option<String> {
    let key: SandboxKey = serde_json::from_value(plain(sandbox.get("sandbox_key")?)).ok()?;
    let account: AccountId = sandbox["pk"]["S"].as_str()?.strip_prefix("SANDBOX#")?.parse().ok()?;
    let ring = Keyring::parse(keyring).expect("a keyring");
    Some(key.open(&account, &ring)?.expose().to_owned())
}

/// An attribute without the letters for its type.
fn plain(attribute: &Value) -> Value {
    let (kind, value) = attribute.as_object().and_then(|one| one.iter().next()).expect("a type");
    match (kind.as_str(), value) {
        ("M", Value::Object(parts)) => {
            parts.iter().map(|(name, part)| (name.clone(), plain(part))).collect()
        }
        ("N", Value::String(number)) => number.parse().map(Value::Number).expect("a number"),
        _ => value.clone(),
    }
}

/// What a function of this actor's meets.
pub fn seams(wire: &Arc<Wire>, actor: usize, clock: Clock, seed: u64) -> Seams {
    let line = Line { wire: wire.clone(), actor };
    let product_api = product_api(line.clone(), clock.clone());
    let wire = edge::Wire::Inside { aws: line.client(), product_api };
    Seams { clock, random: Random::seeded(seed), wire }
}

/// One whose gateway asks the key check, as soon as it is reached.
fn product_api(line: Line, clock: Clock) -> StandIn {
    StandIn::new(move |key| {
        let (line, clock) = (line.clone(), clock.clone());
        async move {
            let said = said_to(&key, &line, clock).await;
            let verdict = match &said {
                Ok(Said { status: 200..=299, .. }) => "ready",
                Ok(Said { status: 401 | 403, .. }) => "key_rejected",
                Ok(Said { status: 429, .. }) => "api_rate_limited",
                Ok(_) => "api_error",
                Err(Silence::Timeout) => "api_timeout",
                Err(Silence::NotReached(_)) => "api_unreachable",
            };
            line.wire.note_asked(line.actor, key.expose(), verdict);
            said
        }
    })
}

async fn said_to(key: &Secret, line: &Line, clock: Clock) -> Result<Said, Silence> {
    let row = PlainKey::parse(key.expose()).expect("a key");
    let row = json!({
        "pk": { "S": format!("ACCT#{}", row.account) },
        "sk": { "S": format!("KEY#{}", row.id) },
    });
    let status = match line.call_product_api(row).await {
        Err(error) if error.is_timeout() => return Err(Silence::Timeout),
        Err(error) => return Err(Silence::NotReached(error.to_string())),
        Ok(reply) => reply.status,
    };
    let status = if status == 200 { admits(&line.wire, clock, key.expose()).await } else { status };
    Ok(Said { status, retry_after: None })
}

/// What the key check says, asked by nobody who has a part in a schedule.
pub async fn admits(wire: &Arc<Wire>, clock: Clock, key: &str) -> u16 {
    let act = check_value(key);
    let answer = aside(wire, clock, &act).await;
    answer.status.try_into().expect("a status")
}

/// What a function answers whoever has no part in a schedule, when nothing goes wrong.
pub fn aside<'a>(wire: &'a Arc<Wire>, clock: Clock, act: &'a Act) -> BoxFuture<'a, Answer> {
    let seams = seams(wire, ASIDE, clock, wire.seed_aside());
    let function = function(act.function, seams, &wire.region());
    Box::pin(async move { answer_of(&function, &act.event).await })
}

/// What somebody draws in an act hangs on nobody else.
pub fn seed_of(actor: usize, act: usize) -> u64 {
    100 * actor as u64 + act as u64
}

/// A function, as cold as after a start, with the environment that the template gives it.
pub fn function(name: &str, seams: Seams, region: &str) -> Invoke {
    let environment = inside::environment(&TEMPLATE, name, region);
    let app = App::new(&environment, seams, UNHURRIED).expect("an environment");
    functions::find(name).expect("a function").build(app)
}

pub async fn answer_of(function: &Invoke, event: &Value) -> Answer {
    let payload = serde_json::value::to_raw_value(event).expect("JSON");
    let context = edge::lambda::context("simulation".to_owned());
    let answer = function(LambdaEvent::new(payload, context)).await;
    // A problem's document is the message of an operator's error.
    let (status, body) = match answer {
        Ok(answer) if answer.get("statusCode").is_some() => {
            let body = answer["body"].as_str().unwrap_or_default();
            (answer["statusCode"].as_u64(), serde_json::from_str(body).unwrap_or_default())
        }
        Ok(answer) => (Some(200), answer),
        Err(error) => {
            let problem: Value = serde_json::from_str(&error.to_string()).unwrap_or_default();
            // A schedule's function says in words that it met an outage.
            (problem["status"].as_u64().or(Some(503)), problem)
        }
    };
    let code = body["code"].as_str().unwrap_or_default().to_owned();
    Answer { status: status.expect("a status"), code, body }
}

/// A request to the API.
struct Http {
    function: &'static str,
    event: Value,
}

fn http(function: &'static str, method: &str, path: &str, body: Value) -> Http {
    let mut event = json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "content-type": "application/json" },
        "requestContext": {
            "http": { "method": method, "path": path, "sourceIp": "203.0.113.7" },
        },
        "isBase64Encoded": false,
    });
    if !body.is_null() {
        event["body"] = body.to_string().into();
    }
    Http { function, event }
}

impl Http {
    fn at(mut self, parameter: &str, value: &str) -> Self {
        self.event["pathParameters"] = json!({ parameter: value });
        self
    }

    fn with(mut self, header: &str, value: &str) -> Self {
        self.event["headers"][header] = value.into();
        self
    }

    fn by(self, person: &Person) -> Act {
        let shown = self.with("authorization", &format!("Bearer {}", person.token));
        let (by, token) = (Some(person.id.clone()), Some(person.token.clone()));
        Act { by, token, ..shown.by_nobody() }
    }

    fn by_nobody(self) -> Act {
        Act::of(self.function, self.event)
    }
}

impl Act {
    pub fn of(function: &'static str, event: Value) -> Self {
        Self {
            function,
            event,
            by: None,
            token: None,
            about: None,
            ends: None,
            may_repeat: false,
            skew: SignedDuration::ZERO,
            warm: false,
        }
    }

    fn about(self, id: &str) -> Self {
        Self { about: Some(id.to_owned()), ..self }
    }

    pub fn skewed(self, skew: SignedDuration) -> Self {
        Self { skew, ..self }
    }

    pub fn warm(self) -> Self {
        Self { warm: true, ..self }
    }

    fn ending(self, ends: Ends) -> Self {
        Self { ends: Some(ends), ..self }
    }

    /// What an operator asks `change-account` to do.
    pub fn operators(&self) -> Option<&str> {
        (self.function == "change-account").then(|| self.event["act"].as_str()).flatten()
    }
}

pub fn create_key(admin: &Person, name: &str) -> Act {
    http("create-key", "POST", "/api/keys", json!({ "name": name })).by(admin)
}

/// A key that is good until then.
pub fn create_key_until(admin: &Person, name: &str, end: Timestamp) -> Act {
    let wanted = json!({ "name": name, "expires_at": end.to_string() });
    http("create-key", "POST", "/api/keys", wanted).by(admin)
}

/// The same under an `Idempotency-Key`.
pub fn create_key_once(admin: &Person, name: &str, once: &str) -> Act {
    let request = http("create-key", "POST", "/api/keys", json!({ "name": name }));
    Act { may_repeat: true, ..request.with("idempotency-key", once).by(admin) }
}

pub fn delete_key(admin: &Person, key: &Key) -> Act {
    let path = format!("/api/keys/{}", key.id);
    let request = http("delete-key", "DELETE", &path, Value::Null);
    request.at("key_id", &key.id).by(admin).about(&key.id).ending(Ends::Key(key.id.clone()))
}

pub fn change_key(admin: &Person, key: &Key, change: Value) -> Act {
    let path = format!("/api/keys/{}", key.id);
    http("change-key", "PATCH", &path, change).at("key_id", &key.id).by(admin).about(&key.id)
}

pub fn rotate_key(admin: &Person, key: &Key) -> Act {
    let path = format!("/api/keys/{}/rotate", key.id);
    let request = http("rotate-key", "POST", &path, Value::Null);
    request.at("key_id", &key.id).by(admin).about(&key.id)
}

/// Whether a key is good: the value that it had at first.
pub fn check(key: &Key) -> Act {
    check_value(&key.value).about(&key.id)
}

pub fn check_value(value: &str) -> Act {
    http("check-key", "GET", "/api/check", Value::Null).with("x-api-key", value).by_nobody()
}

pub fn revoke_member(admin: &Person, member: &str) -> Act {
    let path = format!("/api/team/{member}");
    let request = http("revoke-member", "DELETE", &path, Value::Null);
    let revoked = request.at("member_id", member).by(admin).about(member);
    revoked.ending(Ends::Sessions(member.to_owned()))
}

pub fn invite(admin: &Person, email: &str, role: &str) -> Act {
    let wanted = json!({ "email": email, "role": role });
    http("invite-member", "POST", "/api/team", wanted).by(admin)
}

pub fn resend(admin: &Person, member: &str) -> Act {
    let path = format!("/api/team/{member}/invitation");
    http("resend-invitation", "POST", &path, Value::Null).at("member_id", member).by(admin)
}

/// By the link of an invitation.
pub fn decline(token: &str) -> Act {
    let body = json!({ "invitation": token });
    http("decline-invitation", "POST", "/api/invitation/decline", body).by_nobody()
}

pub fn change_role(admin: &Person, member: &str, role: &str) -> Act {
    let path = format!("/api/team/{member}");
    let request = http("change-role", "PATCH", &path, json!({ "role": role }));
    let changed = request.at("member_id", member).by(admin).about(member);
    if role == "admin" { changed } else { changed.ending(Ends::Role(member.to_owned())) }
}

pub fn leave(member: &Person) -> Act {
    let left = http("leave-team", "DELETE", "/api/team/me", Value::Null).by(member);
    left.about(&member.id).ending(Ends::Sessions(member.id.clone()))
}

pub fn end_session(member: &Person) -> Act {
    let ended = http("end-session", "POST", "/api/logout", Value::Null).by(member);
    ended.ending(Ends::Session(member.token.clone()))
}

/// From one browser, the session of another.
pub fn revoke_session(by: &Person, ended: &Person) -> Act {
    let id = SessionToken::parse(&ended.token).expect("a session").id();
    let path = format!("/api/sessions/{id}");
    let request = http("revoke-session", "DELETE", &path, Value::Null);
    request.at("session_id", id.as_str()).by(by).ending(Ends::Session(ended.token.clone()))
}

/// All sessions but the one that asks, of which the other is one.
pub fn revoke_other_sessions(by: &Person, other: &Person) -> Act {
    let request = http("revoke-session", "DELETE", "/api/sessions", Value::Null);
    request.by(by).ending(Ends::Session(other.token.clone()))
}

pub fn retry_sandbox(member: &Person) -> Act {
    http("retry-sandbox", "POST", "/api/sandbox/provision", Value::Null).by(member)
}

pub fn test_sandbox(member: &Person) -> Act {
    http("test-sandbox", "POST", "/api/sandbox/test", Value::Null).by(member)
}

/// What SES tells of an invitation that it could not deliver.
pub fn mail_came_back(admin: &Person, member: &str, invitation: u64) -> Act {
    let tags = json!({
        "account": [admin.account],
        "member": [member],
        "invitation": [invitation.to_string()],
        "last_login": ["never"],
    });
    let told = json!({
        "eventType": "Bounce",
        "bounce": { "bounceType": "Permanent" },
        "mail": { "tags": tags },
    });
    let event = json!({ "Records": [{ "Sns": { "Message": told.to_string() } }] });
    Act::of("note-mail-event", event)
}

/// What runs every few minutes.
pub fn sweep() -> Act {
    Act::of("sweep", json!({}))
}

pub fn request_code(email: &str, from: &str) -> Act {
    let wanted = json!({ "email": email, "accept_terms": true });
    let mut request = http("request-code", "POST", "/api/login/code", wanted);
    request.event["requestContext"]["http"]["sourceIp"] = from.into();
    request.by_nobody()
}

pub fn verify(challenge: &str, code: &str) -> Act {
    let body = json!({ "challenge": challenge, "code": code, "session": "bearer" });
    http("verify-code", "POST", "/api/login/verify", body).by_nobody().about(challenge)
}

pub fn session(person: &Person) -> Act {
    http("get-session", "GET", "/api/session", Value::Null).by(person)
}

/// It is this time, after whatever came before it, and before whatever comes after.
pub fn until(time: Timestamp) -> Act {
    Act::of(TIME, json!(time.as_millisecond()))
}

pub fn register(name: &str, email: &str) -> Act {
    Act::of("register-account", json!({ "name": name, "admin_email": email }))
}

/// An operator's act on an account; `more` has what it takes besides.
pub fn operate(account: &str, act: &str, mut more: Value) -> Act {
    more["account_id"] = account.into();
    more["act"] = act.into();
    Act::of("change-account", more)
}

pub fn suspend(account: &str) -> Act {
    operate(account, "suspend", json!({})).ending(Ends::Account)
}

pub fn remove_member(member: &Person) -> Act {
    let removed = operate(&member.account, "remove_member", json!({ "email": member.email }));
    removed.ending(Ends::Sessions(member.id.clone()))
}

pub fn end_sessions(member: &Person) -> Act {
    let ended = operate(&member.account, "end_sessions", json!({ "email": member.email }));
    ended.ending(Ends::Sessions(member.id.clone()))
}

pub fn end_all_sessions(account: &str) -> Act {
    operate(account, "end_sessions", json!({})).ending(Ends::AllSessions)
}

pub fn revoke_key(account: &str, key: &Key) -> Act {
    let revoked = operate(account, "revoke_key", json!({ "key_id": key.id })).about(&key.id);
    revoked.ending(Ends::Key(key.id.clone()))
}
