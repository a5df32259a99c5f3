//! The local desk itself: why it does not start, and its controls.

use crate::folder::Folder;
use crate::support::{ADMIN, Reply, World};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::{Desk, MailServiceMode, Options, ProductApiMode, StartError};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::Duration;

/// Why the desk does not start.
pub async fn refused(options: Options) -> StartError {
    match Desk::start(options).await {
        Ok(_) => panic!("the desk starts"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_takes_one_word_and_nothing_from_another_site() {
    let world = World::new().await;
    let call = || world.call("POST", "/_local/product-api");
    for mode in [json!({ "down": null }), json!(null), json!(5), json!(["down"]), json!("no mode")]
    {
        let reply = call().json(json!({ "mode": mode })).send().await;
        reply.problem(400, "invalid_request");
    }
    for (name, value) in [("sec-fetch-site", &b"\xff"[..]), ("origin", b"http://\xfcber.example")] {
        let reply = call().header_bytes(name, value).json(json!({ "mode": "down" })).send().await;
        reply.problem(403, "cross_site");
    }
    let mode = world.call("GET", "/_local/product-api").send().await;
    assert_eq!(mode.body, json!({ "mode": "up" }));
}

// --- Starting
// -------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port();
    let error = refused(Options { port, ..Options::default() }).await;
    assert!(matches!(error, StartError::PortTaken(named) if named == port), "{error}");
    let said = error.to_string();
    assert!(said.contains(&port.to_string()) && said.contains("--port"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_template_is_explained_by_resource_and_property() {
    let template = std::fs::read_to_string(desk::workspace_root().join("template.yaml"))
        .expect("the template");
    let broken = [
        (
            "CONSOLE_ORIGIN: !Ref ConsoleOrigin",
            "CONSOLE_ORIGIN: !ImportValue Origin",
            "Environment.Variables.CONSOLE_ORIGIN",
        ),
        ("CONSOLE_ORIGIN: !Ref ConsoleOrigin", "CONSOLE_ORIGIN: !Ref Nobody", "Nobody"),
        (
            "LOGIN_SECRET_ARN: !GetAtt LoginSecret.Id",
            "LOGIN_SECRET_ARN: !GetAtt LoginSecret.Colour",
            "Colour",
        ),
        ("Type: HttpApi", "Type: Kafka", "Kafka"),
        ("rate(5 minutes)", "cron(0 12 * * ? *)", "ScheduleExpression"),
        ("\"status\":{\"S\":[\"pending\"]}", "\"status\":{\"S\":[{\"suffix\":\"ing\"}]}", "suffix"),
        ("Binary: create-key", "Binary: create-keys", "create-keys"),
        ("Resources:\n", "Resources: [\n", "not YAML"),
    ];
    let folder = Folder::new();
    for (before, after, said) in broken {
        assert!(template.contains(before), "the template has {before}");
        let path = folder.write("template.yaml", template.replacen(before, after, 1));
        let error = refused(Options { template: path, ..Options::default() }).await.to_string();
        assert!(error.contains("template") && error.contains(said), "{error} does not say {said}");
    }
    let absent = folder.0.join("absent.yaml");
    let error =
        refused(Options { template: absent.clone(), ..Options::default() }).await.to_string();
    assert!(error.contains(absent.to_str().expect("UTF-8")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_does_not_fit_is_refused_with_what_would() {
    let set = |name: &str, value: &str| Options {
        parameters: [(name.to_owned(), value.to_owned())].into(),
        ..Options::default()
    };
    for (name, value, said) in [
        ("KeyPrefx", "fd", "KeyPrefix"),
        ("AuthorizerResponse", "maybe", "simple, iam"),
        ("KeyPrefix", "FD", "must be 1 to 10 lower-case letters and digits, a letter first"),
        ("KeyPrefix", "abcdefghijk", "MaxLength 10"),
        ("ProductApiUrl", "http://api.example.com/", "must be an https URL"),
        ("ConsoleOrigin", "https://desk.example.com/", "without a trailing slash"),
        ("DefaultKeyLimit", "91", "must be between 2 and 90 (MaxValue 90)"),
        ("DefaultKeyLimit", "1", "must be between 2 and 90 (MinValue 2)"),
        ("DefaultKeyLimit", "ten", "must be between 2 and 90 (Type Number)"),
        ("MailFrom", "Desk <desk@example.com>", "must be a plain address"),
        // The whole of it has to match, not one of its lines.
        ("MailFrom", "desk@example.com\n", "must be a plain address"),
        ("ProductName", "", "must be 1 to 64 characters"),
        ("TermsUrl", "javascript:alert(1)", "must be an https URL"),
        ("TermsUrl", "http://example.com/terms", "must be an https URL"),
        ("PrivacyUrl", "https://example.com/\n", "must be an https URL"),
        ("PrivacyUrl", "https://me@example.com/", "must be an https URL"),
        ("DocsUrl", "https://docs.example.com/#top", "without query and fragment"),
        ("ContactUrl", "sales@example.com", "or mailto: with a plain address"),
        ("ContactUrl", "mailto:sales@example.com?bcc=x", "or mailto: with a plain address"),
        ("ProductApiPublicUrl", "https://api.example.com/'; rm", "must be an https URL"),
        ("ConsoleDomainName", "desk.example.com", "go together"),
    ] {
        let error = refused(set(name, value)).await.to_string();
        assert!(error.contains(name) && error.contains(said), "{name}={value}: {error}");
    }
    let both = [
        ("ConsoleDomainName", "desk.example.com"),
        ("AcmCertificateArn", "arn:aws:acm:us-east-1:000000000000:certificate/0a1b"),
    ];
    World::with_parameters(&both).await;
}

// --- Resting
// -------------------------------------------------------------------------------------------------

/// What the functions and their triggers asked of the stand-ins so far.
fn asked(world: &World) -> Vec<String> {
    let used = world.desk.permissions().granted.into_iter().filter(|grant| grant.times > 0);
    used.map(|grant| format!("{:?} {} times", grant.permission, grant.times)).collect()
}

#[tokio::test]
async fn a_desk_that_nobody_uses_asks_for_nothing() {
    let world = World::new().await;
    world.admin().await;
    world.settle().await;
    let before = asked(&world);
    // Here time passes as soon as there is nothing to do.
    tokio::time::pause();
    let minute = tokio::time::timeout(Duration::from_secs(60), std::future::pending::<()>());
    minute.await.expect_err("a minute is over");
    tokio::time::resume();
    assert_eq!(asked(&world), before);
}

/// Asks for the mails until there are this many. Whoever waits by `settle` wakes the desk, which is
/// what these tests are about.
async fn mails_come(world: &World, count: usize) {
    /// It ends a test that fails, and decides no other; below the minute after which the desk
    /// looks after its store for the first time, and wakes for it.
    const PATIENCE: Duration = Duration::from_secs(30);
    let come = async {
        while world.desk.inbox().mails().len() < count {
            world.call("GET", "/_local/mail").send().await;
        }
    };
    tokio::time::timeout(PATIENCE, come).await.expect("the mails come by themselves");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_wakes_a_desk_that_rests_and_so_does_a_clock_that_is_moved() {
    let folder = Folder::new();
    let world = World::with_options(folder.kept()).await;
    world.settle().await;
    world.request_code(ADMIN).await.ok(202);
    mails_come(&world, 1).await;

    // One that is due again later, on a desk that rests until then.
    let asked_in_vain = async || {
        world.desk.mail_service().set_mode(MailServiceMode::Throttling);
        world.request_code(ADMIN).await.ok(202);
        world.settle().await;
    };
    asked_in_vain().await;
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    post(&world, "/_local/clock", "{\"advance_seconds\": 30}").await;
    mails_come(&world, 2).await;
    // The time itself passes, too.
    asked_in_vain().await;
    world.desk.mail_service().set_mode(MailServiceMode::Up);
    mails_come(&world, 3).await;

    // And one that is left over when a desk ends.
    post(&world, "/_local/clock", "{\"advance_seconds\": 3600}").await;
    asked_in_vain().await;
    world.desk.shutdown().await;
    let world = World::with_options(folder.kept()).await;
    mails_come(&world, 4).await;
    world.desk.shutdown().await;
}

// --- The controls
// -------------------------------------------------------------------------------------------------

async fn post(world: &World, path: &str, body: &str) -> Reply {
    world.call("POST", path).raw("application/json", body).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_refuses_what_it_does_not_know_and_changes_nothing() {
    let world = World::new().await;
    let before = (
        world.desk.clock().ahead(),
        world.desk.product_api().mode(),
        world.desk.mail_service().mode(),
    );
    let bad = [
        ("/_local/clock", "advance_seconds=5"),
        ("/_local/clock", "{}"),
        ("/_local/clock", "{\"advance_seconds\": 0}"),
        ("/_local/clock", "{\"advance_seconds\": -1}"),
        ("/_local/clock", "{\"advance_seconds\": 1.5}"),
        ("/_local/clock", "{\"advance_seconds\": \"60\"}"),
        ("/_local/clock", "{\"advance_seconds\": 99999999999}"),
        ("/_local/clock", "{\"advance_seconds\": 60, \"now\": true}"),
        ("/_local/product-api", "{\"mode\": \"sideways\"}"),
        ("/_local/product-api", "{\"mode\": \"up\", \"for\": 3}"),
        ("/_local/product-api", "\"up\""),
        ("/_local/product-api", ""),
        ("/_local/mail-service", "{\"mode\": \"slow\"}"),
        ("/_local/mail-service", "[]"),
        ("/_local/accounts", "not JSON"),
        ("/_local/accounts", "{}"),
        (
            "/_local/accounts",
            "{\"name\": \"X\", \"admin_email\": \"x@example.com\", \"colour\": \"red\"}",
        ),
    ];
    for (path, body) in bad {
        world.changes_nothing(post(&world, path, body)).await.problem(400, "invalid_request");
    }
    for (body, status, code) in [
        (json!({ "name": "X", "admin_email": "nobody" }), 400, "invalid_email"),
        (json!({ "name": "", "admin_email": "x@example.com" }), 400, "invalid_name"),
        (
            json!({ "name": "X", "admin_email": "x@example.com", "key_limit": 91 }),
            400,
            "invalid_limit",
        ),
        (json!({ "name": "X", "account_id": "acct_000000000000" }), 404, "account_not_found"),
    ] {
        world
            .changes_nothing(post(&world, "/_local/accounts", &body.to_string()))
            .await
            .problem(status, code);
    }
    assert_eq!(
        (
            world.desk.clock().ahead(),
            world.desk.product_api().mode(),
            world.desk.mail_service().mode()
        ),
        before
    );
    world.call("GET", "/_local/nothing").send().await.problem(404, "not_found");
    world.call("PUT", "/_local/clock").send().await.problem(405, "method_not_allowed");
    world.call("DELETE", "/_local/failures").send().await.problem(405, "method_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_the_workers_fare_is_seen() {
    let world = World::new().await;
    let workers = world.call("GET", "/_local/workers").send().await.body;
    let workers = workers.as_array().expect("a list");
    for name in ["deliver-mail: reads the stream", "sweep: keeps the schedule"] {
        let worker = json!({ "worker": name, "panics": 0, "last_panic": null });
        assert!(workers.contains(&worker), "{workers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_neither_works_the_controls_nor_reads_the_inbox() {
    let world = World::new().await;
    world.admin().await;
    let controls = [
        ("POST", "/_local/clock", json!({ "advance_seconds": 60 })),
        ("POST", "/_local/product-api", json!({ "mode": "down" })),
        ("POST", "/_local/mail-service", json!({ "mode": "rejecting" })),
        ("POST", "/_local/accounts", json!({ "name": "X", "admin_email": "x@example.com" })),
        ("DELETE", "/_local/mail", json!({})),
    ];
    for (method, path, body) in controls {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
        ] {
            let call = world.call(method, path).json(body.clone()).header(name, value);
            world.changes_nothing(call.send()).await.problem(403, "cross_site");
        }
    }
    for path in ["/_local/mail", "/_local/inbox", "/_local/failures"] {
        // A name of the other site's that leads to loopback.
        world
            .call("GET", path)
            .header("host", "evil.example")
            .send()
            .await
            .problem(403, "not_local");
    }
    assert_eq!(
        (world.desk.product_api().mode(), world.desk.mail_service().mode()),
        (ProductApiMode::Up, MailServiceMode::Up)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mails_are_an_array_newest_first_until_they_are_thrown_away() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": "grace@example.com" })).await.ok(201);
    world.settle().await;
    let reply = world.call("GET", "/_local/mail").send().await;
    let mails = reply.body.as_array().expect("an array");
    let kinds: Vec<&Value> = mails.iter().map(|mail| &mail["kind"]).collect();
    assert_eq!(kinds, ["invitation", "login_code"]);
    let fields = |mail: &Value| {
        mail.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(fields(&mails[0]), "at from html kind subject text to");
    assert_eq!(fields(&mails[1]), "at code from html kind subject text to");
    assert_eq!((&mails[0]["to"], &mails[1]["to"]), (&json!("grace@example.com"), &json!(ADMIN)));
    assert!(
        mails[1]["code"]
            .as_str()
            .is_some_and(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()))
    );
    assert!(mails[1]["at"].as_str().expect("a time").parse::<jiff::Timestamp>().is_ok());

    assert_eq!(world.call("DELETE", "/_local/mail").send().await.status, 204);
    assert_eq!(world.call("GET", "/_local/mail").send().await.body, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_moves_forward_by_what_is_asked_and_everything_goes_by_it() {
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let before = world.desk.clock().ahead();
    let reply = post(&world, "/_local/clock", "{\"advance_seconds\": 181}").await;
    assert_eq!(reply.status, 200);
    assert_eq!((world.desk.clock().ahead() - before).as_secs(), 181);
    let told: jiff::Timestamp =
        reply.body["now"].as_str().expect("a time").parse().expect("a time");
    assert_eq!(reply.fields().into_iter().collect::<Vec<_>>(), ["now"]);
    let later: jiff::Timestamp = {
        let reply = world.call("GET", "/_local/clock").send().await;
        reply.body["now"].as_str().expect("a time").parse().expect("a time")
    };
    assert!(told <= later && later <= world.desk.clock().now());
    world.verify(&challenge, &code).await.problem(401, "code_expired");
    let admin = world.admin().await;
    let opened: jiff::Timestamp = admin.get("/api/keys").await.body["keys"][0]["created_at"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a time");
    assert!(opened >= told);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_parties_behave_as_they_are_told() {
    let world = World::new().await;
    let admin = world.admin().await;
    for mode in ["rejecting", "failing", "slow", "limiting", "down", "up"] {
        let reply = post(&world, "/_local/product-api", &json!({ "mode": mode }).to_string()).await;
        assert_eq!((reply.status.as_u16(), &reply.body), (200, &json!({ "mode": mode })));
        assert_eq!(
            world.call("GET", "/_local/product-api").send().await.body,
            json!({ "mode": mode })
        );
    }
    for mode in ["throttling", "rejecting", "up"] {
        let reply =
            post(&world, "/_local/mail-service", &json!({ "mode": mode }).to_string()).await;
        assert_eq!((reply.status.as_u16(), &reply.body), (200, &json!({ "mode": mode })));
        assert_eq!(
            world.call("GET", "/_local/mail-service").send().await.body,
            json!({ "mode": mode })
        );
    }
    let (_, key) = admin.key("Good").await;
    for (mode, status) in
        [("rejecting", 403), ("failing", 500), ("limiting", 429), ("down", 503), ("up", 200)]
    {
        post(&world, "/_local/product-api", &json!({ "mode": mode }).to_string()).await;
        let reply = world
            .call("POST", "/heify/get-configurations")
            .header("x-api-key", &key)
            .json(json!({}))
            .send()
            .await;
        assert_eq!(reply.status.as_u16(), status, "{mode}");
        if status != 200 {
            assert_eq!(reply.body["error"]["code"], status, "{mode}: {}", reply.text);
            assert!(reply.body["error"]["message"].is_string(), "{mode}");
        }
        assert_eq!(reply.header("retry-after").is_some(), mode == "limiting", "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guarded_product_api_answers_as_the_real_one_and_tells_whose_key_it_was() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Good").await;
    let call = |method: &str, path: &str, body: &str| {
        world.call(method, path).header("x-api-key", &key).raw("application/json", body).send()
    };
    let all = call("POST", "/heify/get-configurations", "{}").await;
    assert_eq!(
        (all.status.as_u16(), all.header("x-account-id")),
        (200, Some(admin.account.as_str()))
    );
    let id = all.body["configurations"][0]["configuration_id"].clone();
    let one =
        call("POST", "/heify/get-configurations", &json!({ "configuration_id": id }).to_string())
            .await;
    assert_eq!(one.body["configuration"], all.body["configurations"][0]);
    for (method, path, body, status) in [
        ("POST", "/heify/get-configurations", "{\"configuration_id\": \"nothing\"}", 400),
        ("POST", "/heify/get-configurations", "not JSON", 400),
        ("POST", "/heify/get-everything", "{}", 404),
        ("GET", "/heify/get-configurations", "", 405),
    ] {
        let reply = call(method, path, body).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["error"]["code"]),
            (status, &json!(status)),
            "{method} {path} {body}"
        );
    }
    let without = world.call("POST", "/heify/get-configurations").json(json!({})).send().await;
    assert_eq!((without.status.as_u16(), &without.body["error"]["code"]), (403, &json!(403)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_registered_changed_and_refused_over_the_control() {
    let world = World::new().await;
    let wanted =
        json!({ "name": "Other Company", "admin_email": "other@example.com", "key_limit": 4 });
    let created = post(&world, "/_local/accounts", &wanted.to_string()).await;
    assert_eq!(created.status.as_u16(), 201, "{}", created.text);
    let id = created.body["account"]["id"].clone();
    world
        .changes_nothing(post(&world, "/_local/accounts", &wanted.to_string()))
        .await
        .problem(409, "email_already_registered");
    let other = world.login("other@example.com").await;
    assert_eq!(json!(other.account), id);
    assert_eq!(other.get("/api/keys").await.body["limit"], 4);

    let all = json!({
        "account_id": id, "name": "New", "key_limit": 5, "member_limit": 6, "suspended": true,
    });
    let changed = post(&world, "/_local/accounts", &all.to_string()).await;
    let expected = json!({
        "account": {
            "id": id, "name": "New", "key_count": 1, "key_limit": 5, "member_count": 1,
            "member_limit": 6, "suspended": true,
        },
    });
    assert_eq!((changed.status.as_u16(), &changed.body), (200, &expected));
    other.get("/api/session").await.problem(403, "account_suspended");
    let same = json!({ "account_id": id, "name": "New", "member_limit": 6 }).to_string();
    let again = world.changes_nothing(post(&world, "/_local/accounts", &same)).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &expected));
    // It stops at the first refusal.
    let halfway = json!({ "account_id": id, "name": "Newer", "key_limit": 0, "suspended": false });
    post(&world, "/_local/accounts", &halfway.to_string()).await.problem(400, "invalid_limit");
    let resumed = json!({ "account_id": id, "suspended": false }).to_string();
    let resumed = post(&world, "/_local/accounts", &resumed).await;
    assert_eq!(
        (&resumed.body["account"]["name"], &resumed.body["account"]["suspended"]),
        (&json!("Newer"), &json!(false))
    );
    for (field, value) in [
        ("admin_email", json!("other@example.com")),
        ("act", json!("suspend")),
        ("limits", json!(5)),
        ("suspended", json!("yes")),
        ("key_limit", json!(-1)),
    ] {
        let mut body = json!({ "account_id": id, "name": "Newest" });
        body[field] = value;
        world
            .changes_nothing(post(&world, "/_local/accounts", &body.to_string()))
            .await
            .problem(400, "invalid_request");
    }
}

/// An outbox row that can be read, and not be done: it needs keyrings of a version that is to come,
/// and Secrets Manager has none that can be read. What needs no other than those that functions
/// have by now is done as ever, for five minutes.
async fn put_poison(world: &World, pk: &str, sk: &str, kind: &str, status: &str) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: i64| AttributeValue::N(number.to_string());
    let other = world.other_admin("other@example.com").await.account;
    world.settle().await;
    let sandbox = format!("SANDBOX#{other}");
    let mut key =
        world.row(&sandbox, "SANDBOX").await["sandbox_key"].as_m().expect("a map").clone();
    let mut sealed = key["sealed"].as_m().expect("a map").clone();
    sealed.insert("version".to_owned(), text("9"));
    key.insert("sealed".to_owned(), AttributeValue::M(sealed));
    world.set_attributes(&sandbox, "SANDBOX", &[("sandbox_key", AttributeValue::M(key))]).await;
    for secret in ["LOGIN_SECRET_ARN", "SEALING_SECRET_ARN"] {
        world.put_secret(secret, "no keyring").await;
    }
    let now = world.now();
    let row = [
        ("type", text(kind)),
        ("account_id", text(&other)),
        ("member_id", text(&format!("mem_{}AAAAAA", crate::invitations::hash("ada@example.com")))),
        ("mail", text("login_code")),
        ("to", text(ADMIN)),
        ("challenge_id", text(&"x".repeat(22))),
        ("keyring_version", text("9")),
        ("expires_at", number((now + SignedDuration::from_hours(1)).as_millisecond())),
        ("at", number(1)),
        ("redeliveries", number(0)),
        ("ttl", number(now.as_second() + 86_400)),
        ("status", text(status)),
    ];
    world.set_attributes(pk, sk, &row).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_nothing_can_process_ends_in_the_failures_and_lets_the_others_pass() {
    let world = World::new().await;
    let admin = world.admin().await;
    let partition = format!("ACCT#{}", admin.account);
    put_poison(&world, &partition, "MAIL#poison", "mail", "pending").await;
    world.settle().await;
    assert!(world.desk.failures().is_empty(), "it is tried again first");

    world.advance(200);
    world.settle().await;
    // Behind it in the same partition, and beside it at another trigger.
    admin.post("/api/team", json!({ "email": "grace@example.com" })).await.ok(201);
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    assert_eq!(admin.get("/api/sandbox").await.body["state"], "ready");
    assert_eq!(world.mailed("invitation"), Vec::<String>::new());

    // It is older now than the template lets it become.
    world.advance(60);
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["grace@example.com"]);
    let failures = world.call("GET", "/_local/failures").send().await.body;
    assert_eq!(failures, json!(world.desk.failures()));
    let failures = failures.as_array().expect("an array").clone();
    assert_eq!(failures.len(), 1);
    let records = failures[0]["payload"]["Records"].as_array().expect("the records");
    assert_eq!(records.len(), 1);
    assert_eq!(
        records[0]["dynamodb"]["Keys"],
        json!({ "pk": { "S": partition }, "sk": { "S": "MAIL#poison" } })
    );
    assert!(
        failures[0]["requestContext"]["functionArn"]
            .as_str()
            .is_some_and(|arn| arn.ends_with(":function:deliver-mail"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_neighbours_of_a_record_that_nothing_can_process_are_done_by_either_worker_and_it_alone_is_kept()
 {
    // A provisioning is given up after its fifth retry, a mail when it is four minutes old; so its
    // neighbour behind it is younger here.
    for (function, kind, prefix, younger, until) in [
        ("provision-sandbox", "login_event", "EVENT#", 0, 120),
        ("deliver-mail", "mail", "MAIL#", 200, 60),
    ] {
        let world = World::new().await;
        let admin = world.admin().await;
        world.login(ADMIN).await;
        for colleague in ["ada@example.com", "grace@example.com"] {
            admin.post("/api/team", json!({ "email": colleague })).await.ok(201);
        }
        world.settle().await;
        let partition = format!("ACCT#{}", admin.account);
        let of_kind = |(pk, sk): &(String, String)| *pk == partition && sk.starts_with(prefix);
        let done: Vec<String> =
            world.rows().await.into_keys().filter(of_kind).map(|(_, sk)| sk).collect();
        let [before, behind] = done.as_slice() else { panic!("{function}: {done:?}") };
        let status = async |sk: &str| {
            world.row(&partition, sk).await["status"].as_s().expect("a text").clone()
        };

        // In one transaction, so that one batch has both: a good row, and one that is never done.
        put_poison(&world, &partition, &format!("{prefix}poison"), kind, "done").await;
        world.make_pending(&partition, kind, &[before, &format!("{prefix}poison")]).await;
        world.settle().await;
        assert_eq!(status(before).await, "done", "{function}");
        assert!(world.desk.failures().is_empty(), "{function}: it is tried again first");

        world.advance(younger);
        world.make_pending(&partition, kind, &[behind]).await;
        world.settle().await;
        assert_eq!(status(behind).await, "pending", "{function}: one partition keeps its order");

        for _ in 0..until / 20 {
            world.advance(20);
            world.settle().await;
        }
        assert_eq!(status(behind).await, "done", "{function}");
        let failures = world.desk.failures();
        assert_eq!(failures.len(), 1, "{function}: {failures:?}");
        let records = failures[0]["payload"]["Records"].as_array().expect("the records");
        let keys: Vec<&Value> =
            records.iter().map(|record| &record["dynamodb"]["Keys"]["sk"]["S"]).collect();
        assert_eq!(keys, [&json!(format!("{prefix}poison"))], "{function}");
        assert!(
            failures[0]["requestContext"]["functionArn"]
                .as_str()
                .is_some_and(|arn| arn.ends_with(&format!(":function:{function}")))
        );
    }
}

// --- The pages
// -------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_runs_no_script_and_shows_markup_as_text() {
    let world = World::with_parameters(&[("ProductName", "Fish & \"Chips\"")]).await;
    let name = "<script>alert('x')</script>&amp;";
    let account = world.account_of(ADMIN).await;
    world.change(&account, json!({ "act": "rename", "name": name })).await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": "grace@example.com" })).await.ok(201);
    world.settle().await;
    let code = world.desk.inbox().code_for(ADMIN).expect("a code");
    let inbox = world.call("GET", "/_local/inbox").send().await;
    assert!(
        inbox.text.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;"),
        "{}",
        inbox.text
    );
    assert!(inbox.text.contains("Fish &amp; &quot;Chips&quot;"));
    assert!(inbox.text.contains(&format!("<p class=\"code\">{code}</p>")));
    assert!(!inbox.text.contains("<script"), "{}", inbox.text);
    assert!(
        inbox
            .header("content-security-policy")
            .is_some_and(|policy| policy.starts_with("default-src 'none'"))
    );
    let home = world.call("GET", "/_local/").send().await;
    for page in [inbox, home] {
        assert_eq!(
            (page.status.as_u16(), page.header("x-content-type-options")),
            (200, Some("nosniff"))
        );
        assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
        assert!(page.header("content-security-policy").is_some());
        assert!(!page.text.contains("{{"), "a placeholder is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_outside_the_api_is_no_business_of_a_function() {
    let world = World::new().await;
    for (method, path) in [
        ("GET", "/favicon.ico"),
        ("POST", "/"),
        ("GET", "/api2"),
        ("DELETE", "/apiary/keys"),
        ("GET", "/heify"),
    ] {
        let reply = world.call(method, path).send().await;
        // Every answer of a function carries it.
        assert_eq!(reply.header("x-request-id"), None, "{method} {path}");
    }
    world.call("GET", "/api").send().await.problem(404, "not_found");
    world.call("GET", "/api/nothing").send().await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_api_is_dated_by_the_desks_clock() {
    let world = World::new().await;
    world.advance(24 * 3600);
    for (method, path) in
        [("GET", "/api/session"), ("POST", "/api/session"), ("GET", "/api/nothing")]
    {
        let before = world.now().as_second();
        let reply = world.call(method, path).send().await;
        let date = jiff::fmt::rfc2822::parse(reply.header("date").expect("a date"));
        let date = date.expect("a time").timestamp().as_second();
        // Whole seconds, never ahead.
        assert!(before <= date && date <= world.now().as_second(), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_takes_ten_kib_of_a_request_line_and_headers_and_no_more_as_api_gateway_does() {
    let world = World::new().await;
    let admin = world.admin().await;
    let padded = |bytes: usize| {
        let half = "c".repeat(bytes / 2);
        admin.call("GET", "/api/session").header("cookie", &half).header("x-padding", &half)
    };
    padded(9_500).send().await.ok(200);
    let refused = padded(10_240).send().await;
    assert_eq!(refused.status, 431);
    assert_eq!(refused.body, json!({ "message": "Request Header Fields Too Large" }));
    // It is a function's answer that has one.
    assert_eq!(refused.header("x-request-id"), None);
    let query = "q".repeat(10_240);
    assert_eq!(world.call("GET", &format!("/api/session?{query}")).send().await.status, 431);
    // The product's own gateway is none of ours.
    let (_, key) = admin.key("A key").await;
    let call = world.call("POST", "/heify/get-configurations").header("x-padding", &query);
    assert_eq!(call.header("x-api-key", &key).json(json!({})).send().await.status, 200);
}
