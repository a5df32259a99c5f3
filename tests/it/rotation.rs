//! Rotating the keyrings while people work: no code, no key and no login is lost.
//!
//! Each function has its own copy of a keyring, fetched when it last needed one. So right after a
//! rotation some know the new version and some do not, and what one of them makes the others must
//! take.

use crate::proxy::{Behind, body_of, outcome};
use crate::support::{self, ADMIN, Person, World};
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use domain::AccountId;
use domain::sandbox::SandboxKey;
use futures::StreamExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

const LOGIN: &str = "LOGIN_SECRET_ARN";
const SEALING: &str = "SEALING_SECRET_ARN";

async fn reveal(person: &Person<'_>) -> String {
    let reply = person.act("/api/sandbox/key").await;
    reply.ok(200)["api_key"].as_str().expect("a key").to_owned()
}

/// A function that started this moment asks for a code: it has the keyring as it is now.
async fn request_code_at_a_new_instance(world: &World, email: &str) -> String {
    let answer = Behind::new(world, "request-code", &[])
        .call(None, None, Some(json!({ "email": email, "accept_terms": true })))
        .await;
    assert_eq!(outcome(&answer), (202, String::new()), "{answer}");
    body_of(&answer)["challenge"].as_str().expect("a challenge").to_owned()
}

/// The Sandbox key of an account, sealed anew by an instance that started this moment.
async fn seal_at_a_new_instance(world: &World, account: &str) {
    let app = world.app("provision-sandbox");
    let id = account.parse::<AccountId>().expect("an id");
    let key = app
        .store
        .find_sandbox(&id)
        .await
        .expect("the store answers")
        .and_then(|sandbox| sandbox.key)
        .expect("a key");
    let ring = app.keyrings.sealing().await.expect("a keyring");
    let place = SandboxKey::place(&id, &key.id, key.version);
    let sealed =
        ring.seal(&ring.open(&key.sealed, &place).expect("it opens"), &place, &mut app.rng());
    let Value::Object(sealed) = serde_json::to_value(&sealed).expect("plain fields") else {
        panic!("a struct")
    };
    let text = |value: &Value| AttributeValue::S(value.as_str().expect("a text").to_owned());
    let sealed = sealed.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let mut sandbox_key = world.row(&format!("SANDBOX#{account}"), "SANDBOX").await["sandbox_key"]
        .as_m()
        .expect("a map")
        .clone();
    sandbox_key.insert("sealed".to_owned(), AttributeValue::M(sealed));
    world
        .set_attributes(
            &format!("SANDBOX#{account}"),
            "SANDBOX",
            &[("sandbox_key", AttributeValue::M(sandbox_key))],
        )
        .await;
}

async fn sealed_under(world: &World, account: &str) -> String {
    let row = world.row(&format!("SANDBOX#{account}"), "SANDBOX").await;
    row["sandbox_key"].as_m().unwrap()["sealed"].as_m().unwrap()["version"].as_s().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_made_under_a_version_that_the_other_functions_just_missed_is_mailed_and_accepted() {
    let world = World::new().await;
    // Now every function of a login has fetched the keyring.
    world.admin().await;
    world.rotate(LOGIN, "2").await;
    let challenge = request_code_at_a_new_instance(&world, ADMIN).await;
    world.settle().await;
    let code = world.desk.inbox().code_for(ADMIN).expect("a code was mailed");
    world.verify(&challenge, &code).await.ok(200);
    let asks = world.newest_asks().await;
    assert_eq!(asks.iter().map(|ask| &*ask.keyring_version).collect::<Vec<_>>(), ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sealed_under_a_version_that_the_other_functions_just_missed_opens_and_is_not_replaced()
 {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = reveal(&admin).await;
    world.rotate(SEALING, "2").await;
    seal_at_a_new_instance(&world, &admin.account).await;
    assert_eq!(reveal(&admin).await, key);
    assert_eq!(admin.act("/api/sandbox/test").await.ok(200)["state"], "ready");
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    assert_eq!(
        (reveal(&admin).await, sealed_under(&world, &admin.account).await),
        (key, "2".to_owned())
    );
    assert!(!world.audit().await.contains(&"sandbox_key_replaced".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_whose_version_was_taken_out_is_given_up_visibly_and_holds_no_other_up() {
    let world = World::new().await;
    // An instance that has the keyring as it was; `deliver-mail` has not needed one for an address
    // that nobody has.
    let warm = Behind::new(&world, "request-code", &[]);
    warm.call(None, None, Some(json!({ "email": "nobody@example.net", "accept_terms": true })))
        .await;
    world.settle().await;
    world.put_secret(LOGIN, &json!({ "current": "2", "2": "n".repeat(64) }).to_string()).await;
    let answer = warm.call(None, None, Some(json!({ "email": ADMIN, "accept_terms": true }))).await;
    assert_eq!(outcome(&answer), (202, String::new()));
    world.settle().await;
    let mails = world.rows_of("mail").await;
    let status = |to: &str| {
        mails
            .iter()
            .find(|row| row["to"].as_s().unwrap() == to)
            .map(|row| row["status"].as_s().unwrap().as_str())
    };
    assert_eq!((status("nobody@example.net"), status(ADMIN)), (Some("done"), Some("failed")));
    assert!(world.desk.inbox().mails().is_empty());
    // Nobody's fault: who asks again gets in.
    world.admin().await;
}

/// Secrets Manager behind a door that can be shut.
pub struct Door {
    pub url: String,
    /// What is answered instead, while it is shut.
    pub shut: watch::Sender<Option<(StatusCode, &'static str)>>,
    /// How often somebody has come to it.
    knocks: Arc<AtomicUsize>,
}

impl Door {
    fn knocks(&self) -> usize {
        self.knocks.load(Ordering::SeqCst)
    }

    pub async fn before_secrets_manager(world: &World) -> Self {
        let shut = watch::Sender::new(None);
        let upstream = world.desk.shared_environment()["AWS_ENDPOINT_URL_SECRETS_MANAGER"].clone();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let knocks = Arc::<AtomicUsize>::default();
        let way =
            Way { shut: shut.clone(), knocks: knocks.clone(), upstream, client: support::client() };
        let router = Router::new().fallback(pass).with_state(Arc::new(way));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shut, knocks }
    }
}

struct Way {
    shut: watch::Sender<Option<(StatusCode, &'static str)>>,
    knocks: Arc<AtomicUsize>,
    upstream: String,
    client: reqwest::Client,
}

async fn pass(
    State(way): State<Arc<Way>>,
    mut headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Bytes) {
    let Way { shut, knocks, upstream, client } = &*way;
    knocks.fetch_add(1, Ordering::SeqCst);
    if let Some((status, answer)) = *shut.borrow() {
        return (status, Bytes::from_static(answer.as_bytes()));
    }
    headers.remove(header::HOST);
    let answer = client
        .post(upstream)
        .headers(headers)
        .body(body)
        .send()
        .await
        .expect("Secrets Manager answers");
    (answer.status(), answer.bytes().await.expect("a whole answer"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_secrets_manager_never_reads_as_a_key_that_does_not_open() {
    let world = World::new().await;
    let admin = world.admin().await;
    let key = reveal(&admin).await;
    let door = Door::before_secrets_manager(&world).await;
    let function = Behind::new(
        &world,
        "reveal-sandbox-key",
        &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &door.url)],
    );
    let revealed = |answer: Value| body_of(&answer)["api_key"].as_str().map(str::to_owned);
    assert_eq!(revealed(function.call(Some(&admin), None, None).await).as_ref(), Some(&key));

    world.rotate(SEALING, "2").await;
    seal_at_a_new_instance(&world, &admin.account).await;
    door.shut.send_replace(Some((StatusCode::SERVICE_UNAVAILABLE, "")));
    assert_eq!(
        outcome(&function.call(Some(&admin), None, None).await),
        (503, "temporarily_unavailable".to_owned())
    );
    door.shut.send_replace(None);
    assert_eq!(revealed(function.call(Some(&admin), None, None).await), Some(key));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_secrets_manager_is_waited_for_once_while_a_keyring_is_at_hand() {
    let world = World::new().await;
    let admin = world.admin().await;
    let door = Door::before_secrets_manager(&world).await;
    let changed = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", door.url.as_str())];
    let function = Behind::new(&world, "reveal-sandbox-key", &changed);
    let reveal = async || {
        let answer = function.call(Some(&admin), None, None).await;
        assert_eq!(outcome(&answer), (200, String::new()));
        door.knocks()
    };
    let fetched = reveal().await;
    world.advance(301);
    door.shut.send_replace(Some((StatusCode::SERVICE_UNAVAILABLE, "")));
    let in_vain = reveal().await;
    assert!(in_vain > fetched, "the keyring is old");
    assert_eq!(reveal().await, in_vain, "nobody else waits for it now");
    world.advance(31);
    door.shut.send_replace(None);
    assert_eq!(reveal().await, in_vain + 1);
    assert_eq!(reveal().await, in_vain + 1);
}

// --- Under load
// -------------------------------------------------------------------------------------------------

/// What somebody got done while the keyrings changed.
#[derive(Debug)]
struct Done {
    email: String,
    accepted: bool,
    /// Every value that the Sandbox key was shown to have.
    keys: BTreeSet<String>,
    /// How often the product API took it.
    ready: usize,
}

/// Logs in, shows and tests the Sandbox key, has it provisioned again, and shows it once more.
/// Every second person comes to an instance that has just started, as a growing fleet has them.
async fn work(world: &World, email: &str, number: usize, progress: &watch::Sender<usize>) -> Done {
    let step = || progress.send_modify(|steps| *steps += 1);
    let mut done =
        Done { email: email.to_owned(), accepted: false, keys: BTreeSet::new(), ready: 0 };
    let challenge = if number.is_multiple_of(2) {
        request_code_at_a_new_instance(world, email).await
    } else {
        world.request_code(email).await.ok(202)["challenge"]
            .as_str()
            .expect("a challenge")
            .to_owned()
    };
    step();
    world.settle().await;
    step();
    let code = world.desk.inbox().code_for(email).unwrap_or_default();
    let verified = world.verify(&challenge, &code).await;
    step();
    done.accepted = verified.status == 200;
    let Some(token) = verified.body["session_token"].as_str() else { return done };
    let person =
        Person { world, token: token.to_owned(), id: String::new(), account: String::new() };
    for again in [true, false] {
        world.settle().await;
        let (shown, tested) =
            tokio::join!(person.act("/api/sandbox/key"), person.act("/api/sandbox/test"));
        done.keys.insert(shown.body["api_key"].as_str().unwrap_or("not shown").to_owned());
        done.ready += usize::from(tested.body["state"] == "ready");
        step();
        if again {
            person.act("/api/sandbox/provision").await.ok(202);
            step();
        }
    }
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_both_keyrings_under_load_loses_no_login_and_opens_every_sealed_key() {
    const STEPS: usize = 6;
    let world = World::new().await;
    let mut people: Vec<String> = Vec::new();
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    let mut version = 1;
    let mut logins = 0;
    for round in 0..4 {
        for number in 0..3 {
            people.push(format!("admin{number}@company{round}.example"));
            world.register(json!({ "name": "Company", "admin_email": people.last() })).await;
        }
        let progress = watch::Sender::new(0);
        let all = people.len() * STEPS;
        let rotations = async {
            // When a fifth, two, three and four fifths of all that there is to do are done.
            for fifth in 1..5 {
                progress
                    .subscribe()
                    .wait_for(|steps| *steps >= all * fifth / 5)
                    .await
                    .expect("people work");
                version += 1;
                let name = version.to_string();
                tokio::join!(world.rotate(LOGIN, &name), world.rotate(SEALING, &name));
            }
        };
        // Three at a time, so that some begin before a rotation, some after it, and some are in the
        // middle.
        let work = futures::stream::iter(people.iter().enumerate())
            .map(|(number, email)| work(&world, email, number, &progress));
        let (done, ()) = tokio::join!(work.buffer_unordered(3).collect::<Vec<_>>(), rotations);

        logins += people.len();
        let accepted = done.iter().filter(|done| done.accepted).count();
        assert_eq!(
            accepted,
            people.len(),
            "every code that was mailed is accepted, round {round}: {done:?}"
        );
        assert_eq!(
            done.iter().map(|done| done.ready).sum::<usize>(),
            2 * people.len(),
            "every key is tested, round {round}: {done:?}"
        );
        for Done { email, keys: shown, .. } in done {
            let known =
                keys.entry(email.clone()).or_insert_with(|| shown.first().expect("a key").clone());
            assert_eq!(
                shown.iter().collect::<Vec<_>>(),
                [&*known],
                "the key of {email} stays the same, round {round}"
            );
        }
        // Some functions will fetch the keyring because theirs is old, some because they meet a
        // version.
        world.advance(301);
    }

    // New things are made under the new version, and what was sealed under an older one is sealed
    // anew.
    let newest = version.to_string();
    for email in &people {
        let person = world.login(email).await;
        logins += 1;
        assert_eq!(reveal(&person).await, keys[email]);
        assert_eq!(sealed_under(&world, &person.account).await, newest);
    }
    let asks = world.newest_asks().await;
    let versions: BTreeSet<&str> = asks.iter().map(|ask| &*ask.keyring_version).collect();
    assert_eq!(versions.into_iter().collect::<Vec<_>>(), [&newest]);

    // So the older versions can go.
    for setting in [LOGIN, SEALING] {
        let ring: Value = serde_json::from_str(&world.secret(setting).await).expect("a keyring");
        assert_eq!(
            ring.as_object().expect("an object").len(),
            1 + 17,
            "seventeen versions and `current`"
        );
        world
            .put_secret(setting, &json!({ "current": newest, &newest: ring[&newest] }).to_string())
            .await;
    }
    world.advance(3600);
    for email in &people {
        let person = world.login(email).await;
        logins += 1;
        assert_eq!(reveal(&person).await, keys[email]);
        assert_eq!(world.product_api(&keys[email]).await, 200);
    }
    let audit = world.audit().await;
    let audited = |action: &str| audit.iter().filter(|audited| *audited == action).count();
    assert_eq!((audited("session_opened"), audited("sandbox_key_created")), (logins, people.len()));
    assert_eq!(audited("sandbox_key_replaced"), 0);
}
