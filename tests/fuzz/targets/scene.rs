//! Whom the events come to: every function, over a table with two accounts in it, each with people
//! and keys.

use crate::targets::panics;
use crate::targets::store::Store;
use desk::inside::{self, UNHURRIED};
use domain::login::{ChallengeToken, LoginCode};
use domain::{EmailAddress, Invitation, Keyring};
use edge::{App, Clock, Random, Seams, Wire};
use functions::{Event, FUNCTIONS, Invoke, Trigger};
use lambda_runtime::{Error, LambdaEvent};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

const ADMIN: &str = "admin@example.com";

/// The functions of one thread, and what means something to them.
pub struct Scene {
    pub store: Store,
    /// Events as they come every day, each with the name of its function.
    pub events: Vec<(&'static str, Value)>,
    /// Ids, tokens, keys and addresses that are there.
    pub words: Vec<String>,
    /// Those of them that let somebody in.
    pub sessions: Vec<String>,
    pub keys: Vec<String>,
    runtime: Runtime,
    functions: BTreeMap<&'static str, Invoke>,
    clock: Clock,
    keyring: String,
}

thread_local! {
    static SCENE: Scene = Scene::new();
}

impl Scene {
    /// The one of this thread.
    pub fn with<T>(play: impl FnOnce(&Self) -> T) -> T {
        SCENE.with(|scene| play(scene))
    }

    fn new() -> Self {
        panics::watch();
        let template = inside::template("https://api.example.com/validate");
        let keyring = Keyring::generate(&mut StdRng::seed_from_u64(1));
        let store = Store::new(template.table(), &keyring);
        let clock = Clock::standing_at("2026-03-02T12:00:00Z".parse().expect("a time"));
        let seams = Seams {
            clock: clock.clone(),
            random: Random::seeded(1),
            wire: Wire::Inside {
                aws: store.client(),
                product_api: inside::product_api_that_says(200),
            },
        };
        let functions = FUNCTIONS.iter().map(|function| {
            let environment = inside::environment(&template, function.name, "fuzz");
            let app = App::new(&environment, seams.clone(), UNHURRIED).expect("an environment");
            (function.name, function.build(app))
        });
        let functions = functions.collect();
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (events, words, sessions, keys) = Default::default();
        let mut scene =
            Self { store, events, words, sessions, keys, runtime, functions, clock, keyring };
        scene.set();
        scene
    }

    /// Calls a function with an event as Lambda hands it over.
    pub fn invoke(&self, name: &str, event: Event) -> Result<Value, Error> {
        let context = edge::lambda::context("fuzz".to_owned());
        self.runtime.block_on(self.functions[name](LambdaEvent::new(event, context)))
    }

    fn set(&mut self) {
        let one = self.account(ADMIN);
        let other = self.account("other@example.com");
        let member = self.invited(&one, "member@example.com", "member");
        let (member, _) = self.login(&member);
        let invited = self.invited(&one, "invited@example.com", "admin");
        let (key, id) = self.key(&one);
        let (foreign_key, foreign_id) = self.key(&other);
        let (challenge, code) = self.challenge(&invited);
        self.clock.advance(Duration::from_secs(200));
        self.store.keep();
        let rows = self.store.rows();
        let ids = rows.keys().filter_map(|(_, sk)| sk.split_once('#')).map(|(_, id)| id.to_owned());
        self.words.extend(ids);
        self.words.extend(rows.keys().map(|(pk, _)| pk.clone()));
        self.sessions = vec![one.clone(), member, other];
        self.keys = vec![key, foreign_key];
        let origin = self.keyring.clone();
        self.words.extend([id, foreign_id, challenge, code, invited, origin]);
        self.words.extend([ADMIN, "somebody@example.net"].map(str::to_owned));
        self.words.extend(self.sessions.iter().chain(&self.keys).cloned());
        self.words.push(self.link(&rows));
        self.words.extend(["GET", "POST", "PATCH", "DELETE", "HEAD"].map(str::to_owned));
        self.events =
            samples().into_iter().map(|(name, event)| (name, self.fitted(event))).collect();
    }

    fn link(&self, rows: &BTreeMap<(String, String), Value>) -> String {
        let mut invitations = rows.iter().filter_map(|((pk, sk), row)| {
            let account = pk.strip_prefix("ACCT#")?.parse().ok()?;
            let member = sk.strip_prefix("MEMBER#")?.parse().ok()?;
            (row["status"]["S"] == "invited").then_some((account, member))
        });
        let (account, member) = invitations.next().expect("somebody is invited");
        let ring = Keyring::parse(&self.keyring).expect("a keyring");
        Invitation { account, member, number: 1 }.token(&ring).expose().to_owned()
    }

    fn done(&self, name: &str, event: &Value) -> Value {
        let payload = serde_json::value::to_raw_value(event).expect("JSON");
        let answer = self.invoke(name, payload).unwrap_or_else(|error| panic!("{name}: {error}"));
        self.clock.advance(Duration::from_secs(1));
        self.store.keep();
        let status = answer["statusCode"].as_u64().unwrap_or(200);
        assert!((200..300).contains(&status), "{name}: {answer}");
        let body = answer["body"].as_str();
        body.map_or(answer.clone(), |body| serde_json::from_str(body).expect("JSON"))
    }

    fn request(&self, name: &str, session: Option<&str>, body: &Value) -> Value {
        let mut event = sample(name);
        event["cookies"] = Value::Null;
        if let Some(session) = session {
            event["headers"]["authorization"] = format!("Bearer {session}").into();
        }
        event["headers"]["idempotency-key"] = Value::Null;
        event["body"] = body.to_string().into();
        self.done(name, &event)
    }

    /// A new account with a Sandbox that works; its admin's session.
    fn account(&self, email: &str) -> String {
        self.done("register-account", &json!({ "name": "Example", "admin_email": email }));
        let (session, account) = self.login(email);
        let due = self
            .store
            .rows()
            .into_iter()
            .find(|((pk, _), row)| pk.ends_with(&account) && row["type"]["S"] == "login_event");
        let ((pk, sk), _) = due.expect("a login leaves its event");
        let mut event = sample("provision-sandbox");
        event["Records"].as_array_mut().expect("records").truncate(1);
        event["Records"][0]["dynamodb"]["Keys"] = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
        let done = self.done("provision-sandbox", &event);
        assert_eq!(done, json!({ "batchItemFailures": [] }));
        session
    }

    fn invited(&self, admin: &str, email: &str, role: &str) -> String {
        let body = json!({ "email": email, "role": role });
        self.request("invite-member", Some(admin), &body);
        email.to_owned()
    }

    /// A challenge, and its code as the mail has it.
    fn challenge(&self, email: &str) -> (String, String) {
        let body = json!({ "email": email, "accept_terms": true });
        let answer = self.request("request-code", None, &body);
        let challenge = answer["challenge"].as_str().expect("a text").to_owned();
        let id = ChallengeToken::parse(&challenge).expect("a challenge").id;
        let ring = Keyring::parse(&self.keyring).expect("a keyring");
        let address = email.parse::<EmailAddress>().expect("an address").hash();
        let code = LoginCode::derive(&ring, ring.current(), &address, &id).expect("a version");
        (challenge, code.secret().expose().to_owned())
    }

    /// A session, and its account.
    fn login(&self, email: &str) -> (String, String) {
        let (challenge, code) = self.challenge(email);
        let body = json!({ "challenge": challenge, "code": code, "session": "bearer" });
        let answer = self.request("verify-code", None, &body);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&answer["session_token"]), text(&answer["account"]["id"]))
    }

    /// A key that ends, and its id.
    fn key(&self, admin: &str) -> (String, String) {
        let body = json!({ "name": "A key", "expires_at": "2026-09-02T12:00:00Z" });
        let answer = self.request("create-key", Some(admin), &body);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&answer["api_key"]), text(&answer["key"]["id"]))
    }

    /// A sample with what is here in the place of what never was.
    fn fitted(&self, mut event: Value) -> Value {
        if let Some(cookies) = event.get_mut("cookies") {
            *cookies = json!([format!("__Host-frontdesk={}", self.sessions[0])]);
        }
        for headers in ["headers", "multiValueHeaders"] {
            if let Some(key) = event.get_mut(headers).and_then(|all| all.get_mut("x-api-key")) {
                *key = if key.is_array() { json!([self.keys[0]]) } else { json!(self.keys[0]) };
            }
        }
        let rows = self.store.rows();
        let mut owed = rows.iter().filter(|(_, row)| row["status"]["S"] == "pending").cycle();
        let records = event.get_mut("Records").and_then(Value::as_array_mut);
        for record in records.into_iter().flatten() {
            if record.get("dynamodb").is_some() {
                let ((pk, sk), row) = owed.next().expect("something is owed");
                record["dynamodb"]["Keys"] = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
                record["dynamodb"]["NewImage"] = row.clone();
            }
        }
        let text = event.to_string();
        let here = |kind: &str| {
            let of_here = |(pk, sk): &(String, String)| {
                let id = if kind == "acct_" { pk } else { sk }.split_once('#')?.1;
                id.starts_with(kind).then(|| id.to_owned())
            };
            rows.keys().find_map(of_here).unwrap_or_default()
        };
        let ids = ["acct_", "mem_", "key_k"].map(|kind| (kind, here(kind)));
        let text = ids.iter().fold(text, |text, (kind, id)| with_id(&text, kind, id));
        serde_json::from_str(&text).expect("JSON as before")
    }
}

/// The text with this id in the place of all of its kind.
fn with_id(text: &str, kind: &str, id: &str) -> String {
    let mut parts = text.split(kind);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric();
        let rest = part.trim_start_matches(is_letter);
        if part.len() - rest.len() == id.len() - kind.len() {
            text + id + rest
        } else {
            text + kind + part
        }
    })
}

/// The sample events, each with the name of its function.
fn samples() -> Vec<(&'static str, Value)> {
    static SAMPLES: LazyLock<Vec<(&str, Value)>> = LazyLock::new(|| {
        let folder = desk::workspace_root().join("tests/fixtures/events");
        let files = std::fs::read_dir(folder).expect("the sample events");
        let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        paths.sort();
        let sample = |path: &std::path::PathBuf| {
            let file = path.file_stem().and_then(|name| name.to_str()).expect("a name");
            let name = file.split('.').next().unwrap_or_default();
            let name = functions::find(name).expect("a sample is of a function").name;
            let text = std::fs::read_to_string(path).expect("a text");
            (name, serde_json::from_str(&text).expect("JSON"))
        };
        paths.iter().map(sample).collect()
    });
    SAMPLES.clone()
}

fn sample(name: &str) -> Value {
    let mut samples = samples().into_iter();
    samples.find(|(known, _)| *known == name).expect("every function has a sample").1
}

/// What makes the function of this name run.
pub fn trigger_of(name: &str) -> Trigger {
    functions::find(name).expect("a function").trigger
}
