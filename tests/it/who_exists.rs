//! What a stranger learns by asking of whoever is somebody here, and of what was: nothing.
//!
//! Everybody whom an answer could tell of, and somebody who is nobody, are asked about in the same
//! way, step by step. Their answers are compared to the byte, and so is what goes to the store
//! meanwhile: another request, or another wait, is time that a stranger can measure. Mails are sent
//! between the steps, so what became of them would show in the next answer.

use crate::access_patterns::{Waves, declared, shape};
use crate::every_route;
use crate::invitations::{invited, link};
use crate::list_sessions;
use crate::note_mail_event::{bounce, complaint, tell};
use crate::proxy::{Behind, Proxy, Recording, authorizer_event, check_event, http_event};
use crate::support::{Person, UNHURRIED, World};
use domain::key::KeyPrefix;
use domain::login::ChallengeToken;
use domain::{AccountId, EmailAddress, KeyId, KeyKind, MemberId, PlainKey};
use edge::{App, Clock};
use frontdesk_tests::proof::Proof;
use functions::{FUNCTIONS, Trigger};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const HERE: &str = "198.51.100.1";
const ELSEWHERE: &str = "198.51.101.1";
const DAY: u64 = 24 * 3600;

/// In the key of an account's row.
const ACCOUNT: &str = "\"ACCT#";

const ASKED: Waves = &[&["GetItem", "UpdateItem"], &["TransactWriteItems"]];
const REFUSED: Waves = &[&["GetItem", "UpdateItem"]];

/// Whoever a stranger may ask about.
struct Somebody {
    is: &'static str,
    email: String,
    account: String,
    member: String,
}

impl Somebody {
    fn new(is: &'static str, account: &str, member: &str) -> Self {
        Self { is, email: address(is), account: account.to_owned(), member: member.to_owned() }
    }

    /// Whether a right guess opens nothing.
    fn is_nobody(&self) -> bool {
        ["unknown", "revoked", "declined", "left"].contains(&self.is)
    }
}

/// They are all of one length, as are all that a stranger compares.
fn address(is: &str) -> String {
    format!("{is:0<12}@example.com")
}

async fn everybody(world: &World) -> Vec<Somebody> {
    let admin = world.admin().await;
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 50 })).await;
    let is = |is, member: &str| Somebody::new(is, &admin.account, member);
    let mut all = Vec::new();

    // Known by a browser.
    all.push(is("member", &invited(&admin, &address("member")).await));
    world.browser().log_in(&address("member")).await;
    let second = world.member(&admin, &address("admin")).await;
    admin.patch(&format!("/api/team/{}", second.id), json!({ "role": "admin" })).await.ok(200);
    all.push(is("admin", &second.id));
    all.push(is("invited", &invited(&admin, &address("invited")).await));

    for gone in ["revoked", "left"] {
        let member = world.member(&admin, &address(gone)).await;
        match gone {
            "left" => member.delete("/api/team/me").await.ok(204),
            _ => admin.delete(&format!("/api/team/{}", member.id)).await.ok(204),
        };
        all.push(is(gone, &member.id));
    }
    let declined = invited(&admin, &address("declined")).await;
    world.settle().await;
    decline(world, &link(world, &address("declined"))).await;
    all.push(is("declined", &declined));

    for (unreached, event) in [("bounced", true), ("complained", false)] {
        let member = world.member(&admin, &address(unreached)).await;
        let event = match event {
            true => bounce(&admin, &member.id).await,
            false => complaint(&admin, &member.id).await,
        };
        tell(world, &event).await;
        all.push(is(unreached, &member.id));
    }
    let other = world.other_admin(&address("elsewhere")).await;
    all.push(Somebody::new("elsewhere", &other.account, &other.id));
    let suspended = world.other_admin(&address("suspended")).await;
    world.suspend(&suspended.account).await;
    all.push(Somebody::new("suspended", &suspended.account, &suspended.id));

    let app = world.app("get-session");
    let unknown = address("unknown");
    let hash = unknown.parse::<EmailAddress>().expect("an address").hash();
    let (account, member) =
        (AccountId::random(&mut app.rng()), MemberId::random(&hash, &mut app.rng()));
    all.push(Somebody::new("unknown", account.as_str(), member.as_str()));
    all
}

async fn decline(world: &World, link: &str) {
    let body = json!({ "invitation": link });
    world.call("POST", "/api/invitation/decline").json(body).send().await.ok(204);
}

/// A stranger, whose functions go by a clock that stands, so that nothing is told by the time.
struct Stranger<'w> {
    world: &'w World,
    proxy: Proxy,
    clock: Clock,
    functions: BTreeMap<&'static str, Behind>,
    /// Whoever knows the codes, so that a guess is surely wrong.
    oracle: App,
    questions: u64,
}

impl<'w> Stranger<'w> {
    async fn to(world: &'w World) -> Self {
        world.settle().await;
        let (proxy, clock) = (Proxy::new(world).await, Clock::standing_at(world.now()));
        let oracle = world.app("verify-code");
        Self { world, proxy, clock, functions: BTreeMap::new(), oracle, questions: 0 }
    }

    /// Puts one question, and gives the answer with what a stranger could compare.
    async fn question(
        &mut self,
        function: &'static str,
        waves: Waves,
        event: &Value,
    ) -> (Value, Seen) {
        let store = [("AWS_ENDPOINT_URL_DYNAMODB", self.proxy.url())];
        let new =
            || Behind::with_clock(self.world, function, &store, UNHURRIED, self.clock.clone());
        let function = self.functions.entry(function).or_insert_with(new);
        let (answer, recording) = self.proxy.record(waves, function.invoke(event)).await;
        self.questions += 1;
        let answer = answer.expect("an answer");
        let seen = Seen::of(&answer, &recording);
        (answer, seen)
    }

    /// Puts one question about each of them, checks that nothing tells them apart, and gives the
    /// answers.
    async fn asks(
        &mut self,
        what: &str,
        function: &'static str,
        waves: Waves,
        about: Vec<(&str, Value)>,
    ) -> Vec<Value> {
        let mut answers = Vec::new();
        let mut first: Option<(&str, Seen)> = None;
        for (is, event) in about {
            let (answer, seen) = self.question(function, waves, &event).await;
            answers.push(answer);
            let (whose, first) = first.get_or_insert_with(|| (is, seen.clone()));
            assert_eq!(seen.waves, waves, "{what}, {is}: {}", seen.answer);
            assert_eq!(first.answer, seen.answer, "{what}: {whose} and {is}");
            assert_eq!(first.requests, seen.requests, "{what}: {whose} and {is}");
        }
        self.world.settle().await;
        answers
    }
}

/// What a stranger could compare.
#[derive(Clone)]
struct Seen {
    answer: String,
    waves: Vec<Vec<String>>,
    /// Side by side, one is as often the first as the other.
    requests: BTreeSet<(usize, String, String)>,
}

impl Seen {
    fn of(answer: &Value, recording: &Recording) -> Self {
        let requests = recording.0.iter().map(|sent| {
            // What a session's act has read it writes about: then it is the wait that counts.
            let is_of_read = sent.wave > 0 && sent.body.to_string().contains(ACCOUNT);
            let shape = if is_of_read { Value::Null } else { shape(&of_anybody(&sent.body)) };
            (sent.wave, sent.operation.clone(), shape.to_string())
        });
        let mut text = answer.to_string();
        if let Some(challenge) = challenge_of(answer) {
            text = text.replace(&challenge, &form(&challenge));
        }
        let owned = |wave: Vec<&str>| wave.into_iter().map(str::to_owned).collect();
        let waves = recording.waves().into_iter().map(owned).collect();
        Self { answer: text, waves, requests: requests.collect() }
    }
}

fn challenge_of(answer: &Value) -> Option<String> {
    let body: Value = serde_json::from_str(answer["body"].as_str()?).ok()?;
    body["challenge"].as_str().map(str::to_owned)
}

/// Of what is random, and never the same twice.
fn form(random: &str) -> String {
    random.chars().map(|c| if c.is_ascii_alphanumeric() { 'x' } else { c }).collect()
}

/// What the row of an address has for its member alone: who knows it, and how long it is kept. It
/// makes a request longer by some hundred bytes, and nothing else.
const OWN: [&str; 7] = ["browsers", "invited", "closed_at", "noticed_at", "ttl", "duty", "due_at"];

/// A request without that, and without how large its numbers are.
fn of_anybody(value: &Value) -> Value {
    match value {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("N") => "number".into(),
        Value::Object(fields) => {
            let is_login = fields.get("type").is_some_and(|kind| kind["S"] == "login");
            let kept = fields.iter().filter(|(name, _)| !is_login || !OWN.contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), of_anybody(value))).collect()
        }
        Value::Array(values) => values.iter().map(of_anybody).collect(),
        other => other.clone(),
    }
}

fn ask(from: &str, email: &str, more: Value) -> Value {
    let mut body = json!({ "email": email, "accept_terms": true });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    from_viewer(from, http_event("request-code", None, None, Some(body)))
}

fn guess(challenge: &str, code: &str) -> Value {
    let body = json!({ "challenge": challenge, "code": code, "session": "bearer" });
    from_viewer(HERE, http_event("verify-code", None, None, Some(body)))
}

fn from_viewer(from: &str, mut event: Value) -> Value {
    event["requestContext"]["http"]["sourceIp"] = from.into();
    event
}

impl Stranger<'_> {
    /// The code that was mailed for a challenge, or would have been.
    async fn right_code(&self, challenge: &str) -> String {
        let token = ChallengeToken::parse(challenge).expect("a challenge");
        let keyrings = &self.oracle.keyrings;
        let ring = keyrings.login().await.expect("a keyring");
        let code = keyrings.login_code(&token.address, &token.id, ring.current()).await;
        code.expect("a keyring").expect("its version").secret().expose().to_owned()
    }

    /// Asks for a code of each, and gives the challenges, if there are any.
    async fn codes(
        &mut self,
        what: &str,
        waves: Waves,
        all: &[Somebody],
        event: impl Fn(usize, &str) -> Value,
    ) -> Vec<String> {
        let about = all.iter().enumerate();
        let about = about.map(|(number, one)| (one.is, event(number, &one.email))).collect();
        let answers = self.asks(what, "request-code", waves, about).await;
        answers.iter().filter_map(challenge_of).collect()
    }

    async fn guesses(
        &mut self,
        what: &str,
        waves: Waves,
        all: &[Somebody],
        challenges: &[String],
        code: impl AsyncFn(&Self, &Somebody, &str) -> String,
    ) {
        let mut about = Vec::new();
        for (one, challenge) in all.iter().zip(challenges) {
            about.push((one.is, guess(challenge, &code(self, one, challenge).await)));
        }
        self.asks(what, "verify-code", waves, about).await;
    }

    async fn asks_for_codes(&mut self, all: &[Somebody]) {
        self.pass(DAY);
        let plain = |_: usize, email: &str| ask(HERE, email, json!({}));
        let first = self.codes("a code", ASKED, all, plain).await;
        let again =
            |number: usize, email: &str| ask(HERE, email, json!({ "challenge": first[number] }));
        self.codes("another in its place", ASKED, all, again).await;
        let made_up = |_: usize, email: &str| {
            let mut event = ask(HERE, email, json!({ "invitation": "inv_1.x.x.1.x" }));
            event["cookies"] = json!(["__Host-frontdesk-device=1.0123456789abcdef.x"]);
            event
        };
        self.codes("with what was made up", ASKED, all, made_up).await;
        self.codes("one too many", REFUSED, all, plain).await;
        let others = |_: usize, email: &str| {
            from_viewer(ELSEWHERE, ask(HERE, email, json!({ "challenge": first[0] })))
        };
        self.codes("in place of somebody else's", ASKED, all, others).await;
        let unasked = |_: usize, email: &str| ask(HERE, email, json!({ "accept_terms": false }));
        self.codes("without the terms", &[], all, unasked).await;
    }

    async fn guesses_at_codes(&mut self, all: &[Somebody]) {
        self.pass(DAY);
        let mut guesses = 0;
        for from in [HERE, ELSEWHERE, "2001:db8:1::1"] {
            let plain = |_: usize, email: &str| ask(from, email, json!({}));
            let asked = self.codes("a code to guess", ASKED, all, plain).await;
            for _ in 0..5 {
                guesses += 1;
                // From the tenth in a day on, the owner is to be told, once and if there is one.
                let waves = if guesses < 10 { REFUSED } else { ASKED };
                self.guesses(&format!("guess {guesses}"), waves, all, &asked, wrong).await;
            }
            self.guesses("a guess too many", REFUSED, all, &asked, wrong).await;
        }
    }

    /// Of whom nobody is (any more), the right code is a wrong one.
    async fn guesses_rightly_of_nobody(&mut self, all: &[Somebody]) {
        self.pass(DAY);
        let plain = |_: usize, email: &str| ask(HERE, email, json!({}));
        let asked = self.codes("a code to guess rightly", ASKED, all, plain).await;
        let right = async |own: &Self, one: &Somebody, challenge: &str| {
            if one.is_nobody() {
                own.right_code(challenge).await
            } else {
                wrong(own, one, challenge).await
            }
        };
        self.guesses("the right code of nobody", REFUSED, all, &asked, right).await;
        self.pass(180);
        self.guesses("a code that is over", REFUSED, all, &asked, wrong).await;
        let made_up: Vec<String> = asked
            .iter()
            .map(|challenge| {
                let (place, _) = challenge.rsplit_once('.').expect("parts");
                format!("{place}.{}", "0".repeat(22))
            })
            .collect();
        let any = async |_: &Self, _: &Somebody, _: &str| "123456".to_owned();
        self.guesses("a challenge that was made up", REFUSED, all, &made_up, any).await;
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    async fn declines(&mut self, all: &[Somebody]) {
        let link = |one: &Somebody, mac: &str| {
            let ids = [&one.account, &one.member].map(|id| id.split_once('_').expect("an id").1);
            format!("inv_1.{}.{}.1.{mac}", ids[0], ids[1])
        };
        for mac in [&*"A".repeat(43), ""] {
            let about = all.iter().map(|one| (one.is, declining(&link(one, mac)))).collect();
            self.asks("a link that was made up", "decline-invitation", &[], about).await;
        }
    }
}

fn declining(link: &str) -> Value {
    http_event("decline-invitation", None, None, Some(json!({ "invitation": link })))
}

async fn wrong(own: &Stranger<'_>, _: &Somebody, challenge: &str) -> String {
    crate::support::wrong(&own.right_code(challenge).await).to_owned()
}

/// A day later, when nobody's requests are on record any more.
async fn a_day_later(world: &World) -> Stranger<'_> {
    world.advance(DAY + 3600);
    Stranger::to(world).await
}

/// The routes that ask for no session, by what the contract says of each.
fn open_routes() -> BTreeSet<(String, &'static str)> {
    let text = std::fs::read_to_string(desk::workspace_root().join("openapi.yaml"));
    let document: Value =
        serde_yaml_ng::from_str(&text.expect("there is the document")).expect("YAML");
    let mut open = BTreeSet::new();
    for function in FUNCTIONS {
        for trigger in function.triggers() {
            let (method, path) = match trigger {
                Trigger::ForwardAuth { path } => ("ANY", path),
                other => match other.route() {
                    Some(route) => route,
                    None => continue,
                },
            };
            let operation = &document["paths"][path][method.to_lowercase()];
            // An operation has the document's own rule, a session, unless it has another.
            if operation.is_null() || operation.get("security").is_some() {
                open.insert((format!("{method} {path}"), function.name));
            }
        }
    }
    open
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_learns_of_nobody_by_any_route_without_a_session() {
    let world = World::with_parameters(&[("NetworkCodeLimit", "100000")]).await;
    let all = everybody(&world).await;
    let keys = Keys::of(&world).await;
    let mut stranger = a_day_later(&world).await;
    for (route, function) in open_routes() {
        match route.as_str() {
            "POST /api/login/code" => stranger.asks_for_codes(&all).await,
            "POST /api/login/verify" => {
                stranger.guesses_at_codes(&all).await;
                stranger.guesses_rightly_of_nobody(&all).await;
            }
            "POST /api/invitation/decline" => stranger.declines(&all).await,
            "ANY /api/check" => stranger.shows_keys(&keys, ways_to_check("/api/check")).await,
            "ANY /api/check/{rest+}" => {
                stranger.shows_keys(&keys, ways_to_check("/api/check/v1/calls")).await;
            }
            _ => panic!("{route} of {function} asks for no session: what does it tell strangers?"),
        }
    }
    // No route, and asked by every call of the product.
    stranger.shows_keys(&keys, ways_to_authorize()).await;
    let runs = stranger.questions;
    Proof { holds: "no stranger learns who or what is here", runs, faults: 0, mutants: None }
        .print();
}

/// Keys that are no good any more, or never were.
struct Keys(Vec<(&'static str, String)>);

impl Keys {
    async fn of(world: &World) -> Self {
        let owner = world.other_admin("keys@example.com").await;
        let mut keys = Vec::new();
        let (id, deleted) = owner.key("Deleted").await;
        owner.delete(&format!("/api/keys/{id}")).await.ok(204);
        keys.push(("deleted", deleted));
        let (id, rotated) = owner.key("Rotated").await;
        let path = format!("/api/keys/{id}/rotate");
        owner.post(&path, json!({ "keep_old_seconds": 0 })).await.ok(201);
        keys.push(("rotated away", rotated));
        // A day later it is.
        let ends = json!({ "name": "Expired", "expires_at": world.ahead(3600) });
        let expired = owner.post("/api/keys", ends).await;
        keys.push(("expired", expired.ok(201)["api_key"].as_str().expect("a key").to_owned()));
        let (good, _) = owner.key("Good").await;
        let suspended = world.other_admin("suspended-keys@example.com").await;
        keys.push(("of a suspended account", suspended.key("Stopped").await.1));
        world.suspend(&suspended.account).await;

        let app = world.app("authorize-key");
        let made_up = |account: &AccountId, id: &KeyId| {
            let key = PlainKey::mint(&KeyPrefix::default(), account, id, &mut app.rng());
            key.secret().expose().to_owned()
        };
        let account: AccountId = owner.account.parse().expect("an id");
        let unknown = KeyId::random(KeyKind::Live, &mut app.rng());
        keys.push(("another secret", made_up(&account, &good.parse().expect("an id"))));
        keys.push(("unknown", made_up(&account, &unknown)));
        let nobodys = AccountId::random(&mut app.rng());
        keys.push(("of no account", made_up(&nobodys, &unknown)));
        Self(keys)
    }
}

/// How a key is shown, and by which function.
type Way = (&'static str, Box<dyn Fn(&str) -> Value>);

fn ways_to_check(path: &'static str) -> Vec<Way> {
    let at = move |mut event: Value| {
        event["rawPath"] = path.into();
        event["requestContext"]["http"]["path"] = path.into();
        event
    };
    let bearer = move |key: &str| {
        let mut event = check_event("POST", None);
        event["headers"]["authorization"] = format!("Bearer {key}").into();
        at(event)
    };
    let plain = move |method: &'static str| move |key: &str| at(check_event(method, Some(key)));
    vec![
        ("check-key", Box::new(plain("GET"))),
        ("check-key", Box::new(plain("HEAD"))),
        ("check-key", Box::new(bearer)),
    ]
}

fn ways_to_authorize() -> Vec<Way> {
    let of_rest = |key: &str| {
        let mut event = authorizer_event(key);
        event["version"] = "1.0".into();
        event["methodArn"] = event["routeArn"].take();
        event
    };
    vec![("authorize-key", Box::new(authorizer_event)), ("authorize-key", Box::new(of_rest))]
}

impl Stranger<'_> {
    async fn shows_keys(&mut self, keys: &Keys, ways: Vec<Way>) {
        for (function, event) in ways {
            let about = keys.0.iter().map(|(is, key)| (*is, event(key))).collect();
            self.asks("a key", function, declared(function), about).await;
        }
    }
}

/// Whoever has no session has none of anybody's: a token names a place, and of no place is anything
/// told to whoever made the token up.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_made_up_tells_of_nobody_on_any_route() {
    let world = World::new().await;
    let all = everybody(&world).await;
    let admin = world.admin().await;
    let (key, _) = admin.key("Key").await;
    let session = list_sessions::id_of(&admin).await;
    let mut stranger = Stranger::to(&world).await;
    for case in every_route::cases() {
        if case.who == every_route::Who::Anyone {
            continue;
        }
        let nobodys = case.id.split('/').next().filter(|id| !id.is_empty());
        let event = |one: &Somebody, id: Option<&str>| {
            let token = format!(
                "fds_{}{}0{}",
                one.account.split_once('_').expect("an id").1,
                one.member.split_once('_').expect("an id").1,
                "0".repeat(43)
            );
            let (account, member_id) = (one.account.clone(), one.member.clone());
            let person = Person { world: &world, token, id: member_id, account };
            http_event(case.function, Some(&person), id, case.body.clone())
        };
        let mut about: Vec<_> = all.iter().map(|one| (one.is, event(one, nobodys))).collect();
        // What is there is no more than what is not.
        if let Some(nobodys) = nobodys {
            let there = match &nobodys[..3] {
                "key" => &key,
                "mem" => &admin.id,
                _ => &session,
            };
            about.push(("a member of what is there", event(&all[0], Some(there))));
        }
        let waves = first_wait(case.function);
        stranger.asks("no session", case.function, waves, about).await;
        // Without any token, nothing is asked of the store.
        let body = || http_event(case.function, None, nobodys, case.body.clone());
        stranger.asks("nothing", case.function, &[], vec![("nobody", body())]).await;
    }
}

/// What is sent for a session that is none: a read that would follow is not made.
fn first_wait(function: &'static str) -> Waves {
    match function {
        "test-sandbox" | "list-activity" => &declared(function)[..1],
        _ => declared(function),
    }
}

/// A login from a new browser is told to its owner, once a day, and a stranger's guesses would be.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_of_today_makes_no_difference_to_a_strangers_guesses() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, &address("member")).await;
    world.advance(DAY + 3600);
    // Not the first login, and from a browser that nobody knows.
    world.login(&address("member")).await;
    world.request_code(&address("unknown")).await.ok(202);
    let all = [
        Somebody::new("unknown", &admin.account, &member.id),
        Somebody::new("member", &admin.account, &member.id),
    ];
    let mut stranger = Stranger::to(&world).await;
    let mut guesses = 0;
    for from in [HERE, ELSEWHERE, "2001:db8:1::1"] {
        let mut asked = Vec::new();
        for one in &all {
            let reply = world.request_code_from(from, &one.email).await;
            asked.push(reply.ok(202)["challenge"].as_str().expect("a challenge").to_owned());
        }
        for _ in 0..5 {
            guesses += 1;
            let waves = if guesses < 10 { REFUSED } else { ASKED };
            stranger.guesses(&format!("guess {guesses}"), waves, &all, &asked, wrong).await;
        }
    }
}
