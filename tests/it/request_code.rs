//! `POST /api/login/code`

use crate::support::{ADMIN, Reply, World, wrong};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const NOBODY: &str = "nobody@example.com";
const MINUTES: u64 = 60;
const HOURS: u64 = 60 * MINUTES;

/// The clock of a desk runs on while a test does something: so long before an end something still
/// holds for certain.
const SHORTLY: u64 = 5;

/// Asks for codes, so many at each of these seconds since `start`; all of them are given.
async fn ask(world: &World, email: &str, start: Timestamp, plan: &[(u64, usize)]) {
    for (second, codes) in plan {
        if *second > 0 {
            world.advance_to(at(start, *second));
        }
        for _ in 0..*codes {
            world.request_code(email).await.ok(202);
        }
    }
}

fn at(start: Timestamp, seconds: u64) -> Timestamp {
    start + SignedDuration::from_secs(seconds as i64)
}

/// Checks that the address gets no code until `seconds` after the first one was asked for, between
/// `first` and then, is told so to the second, and gets one then.
async fn is_refused_until(world: &World, email: &str, first: (Timestamp, Timestamp), seconds: u64) {
    let seconds_from =
        |now: Timestamp, end: Timestamp| (end.as_millisecond() - now.as_millisecond() + 999) / 1000;
    world.settle().await;
    let asked = world.now();
    let told = world.changes_nothing(world.request_code(email)).await.retry_after();
    let answered = world.now();
    let (least, most) =
        (seconds_from(answered, at(first.0, seconds)), seconds_from(asked, at(first.1, seconds)));
    assert!((least..=most).contains(&told), "{told} is not between {least} and {most}");

    world.advance_to(at(first.0, seconds - SHORTLY));
    let told = world.request_code(email).await.retry_after();
    assert!((1..=SHORTLY as i64 + 1).contains(&told), "{told}");
    world.advance(told as u64);
    world.request_code(email).await.ok(202);
}

/// Asks as planned, and checks how long the next code has to wait.
async fn limit(email: &str, plan: &[(u64, usize)], free_at: u64) {
    let world = World::new().await;
    let before = world.now();
    world.request_code(email).await.ok(202);
    let first = (before, world.now());
    ask(&world, email, first.1, plan).await;
    is_refused_until(&world, email, first, free_at).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_gets_a_challenge_and_the_address_gets_a_code() {
    let world = World::new().await;
    let reply = world.request_code(ADMIN).await;
    let challenge = reply.ok(202)["challenge"].as_str().expect("a challenge").to_owned();
    assert_eq!(
        reply.body,
        json!({ "challenge": challenge, "expires_in": 180, "resend_after": 30 })
    );
    assert!(!challenge.contains("admin") && !challenge.contains("example"), "{challenge}");
    assert_eq!(reply.cookies(), [""; 0]);
    world.settle().await;
    assert_eq!(world.mailed("login_code"), [ADMIN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_terms_there_is_no_code() {
    let world = World::new().await;
    for body in [json!({ "email": ADMIN, "accept_terms": false }), json!({ "email": ADMIN })] {
        let request = world.call("POST", "/api/login/code").json(body);
        world.changes_nothing(request.send()).await.problem(400, "terms_not_accepted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_address_gets_no_code() {
    let world = World::new().await;
    let long = format!("{}@example.com", "a".repeat(65));
    let longer = format!("a@{}example.com", "a.".repeat(122));
    let texts = [
        "",
        "admin",
        "@example.com",
        "admin@",
        "admin@localhost",
        "admin@127.0.0.1",
        "admin@[127.0.0.1]",
        "admin@exam ple.com",
        "ad min@example.com",
        "admin@@example.com",
        "admin@example..com",
        "admin@example.com.",
        ".admin@example.com",
        "admin@example.com,nobody@example.com",
        "<admin@example.com>",
        "\"admin\"@example.com",
        &long,
        &longer,
    ];
    world
        .changes_nothing(async {
            for text in texts {
                world.request_code(text).await.problem(400, "invalid_email");
            }
            let nothing =
                world.call("POST", "/api/login/code").json(json!({ "accept_terms": true }));
            nothing.send().await.problem(400, "invalid_email");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_gets_three_codes_in_fifteen_minutes() {
    for email in [ADMIN, NOBODY] {
        limit(email, &[(0, 2)], 15 * MINUTES).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_gets_five_codes_in_an_hour() {
    for email in [ADMIN, NOBODY] {
        limit(email, &[(0, 2), (20 * MINUTES, 2)], HOURS).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_gets_ten_codes_in_a_day() {
    for email in [ADMIN, NOBODY] {
        limit(email, &[(0, 2), (2 * HOURS, 3), (4 * HOURS, 3), (6 * HOURS, 1)], 24 * HOURS).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spellings_of_an_address_share_its_allowance() {
    let world = World::new().await;
    for spelling in ["Admin@EXAMPLE.com", " admin@example.com ", "ADMIN@example.COM"] {
        world.request_code(spelling).await.ok(202);
    }
    world.request_code(ADMIN).await.retry_after();
    world.settle().await;
    assert_eq!(world.mailed("login_code"), [ADMIN; 3]);

    for spelling in
        ["nobody@bücher.example", "nobody@BÜCHER.example", "nobody@xn--bcher-kva.example"]
    {
        world.request_code(spelling).await.ok(202);
    }
    world.request_code("nobody@bücher.example").await.retry_after();
    // Dots and plus parts are not folded: these are other people.
    for other in ["ad.min@example.com", "admin+1@example.com"] {
        world.request_code(other).await.ok(202);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_requests_for_an_address_exactly_three_succeed() {
    let world = World::new().await;
    for email in [ADMIN, NOBODY] {
        let start = world.now();
        let replies = futures::future::join_all((0..16).map(|_| world.request_code(email))).await;
        let longest = world.now().duration_since(start).as_secs() + 1 + 15 * MINUTES as i64;
        let (given, refused): (Vec<_>, Vec<_>) =
            replies.iter().partition(|reply| reply.status == 202);
        assert_eq!(given.len(), 3, "{email}");
        refused.into_iter().for_each(|reply| assert!(reply.retry_after() <= longest));

        // Whatever the order was, each has a challenge of its own that can be answered.
        for reply in given {
            let challenge = reply.body["challenge"].as_str().expect("a challenge");
            let guess = world.verify(challenge, "000000").await;
            if email == NOBODY {
                guess.problem(401, "code_incorrect");
            }
            assert_ne!(guess.body["code"], "code_expired");
        }
    }
    world.settle().await;
    assert_eq!(world.mailed("login_code"), [ADMIN; 3]);
}

/// What a request for a code writes: kind, attributes and end state of each row, and how many mails
/// are sent.
async fn written(world: &World, email: &str) -> (Vec<String>, usize) {
    let rows = world.rows().await;
    let mails = world.desk.inbox().mails().len();
    world.request_code(email).await.ok(202);
    world.settle().await;
    (world.written_since(&rows).await, world.desk.inbox().mails().len() - mails)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_nobody_registered_is_told_apart_by_neither_answer_nor_rows() {
    let world = World::new().await;
    // Somebody who has logged in before.
    world.admin().await;
    let (known, unknown) = (world.request_code(ADMIN).await, world.request_code(NOBODY).await);
    assert_eq!(
        (known.status, known.fields(), known.text.len()),
        (unknown.status, unknown.fields(), unknown.text.len())
    );
    assert_eq!(
        (&known.body["expires_in"], &known.body["resend_after"]),
        (&unknown.body["expires_in"], &unknown.body["resend_after"])
    );
    let names = |reply: &Reply| {
        reply.headers.keys().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&known), names(&unknown));
    world.settle().await;

    let ((known, sent), (unknown, unsent)) =
        (written(&world, ADMIN).await, written(&world, NOBODY).await);
    assert_eq!(known, unknown);
    assert_eq!(known.len(), 3, "address, network and mail: {known:?}");
    assert_eq!((sent, unsent), (1, 0));
    assert_eq!(world.mailed("login_code"), [ADMIN; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_does_not_tell_whether_the_address_is_registered() {
    let world = World::new().await;
    let (known, code) = world.challenge(ADMIN).await;
    let unknown = world.request_code(NOBODY).await.body["challenge"]
        .as_str()
        .expect("a challenge")
        .to_owned();
    for _ in 0..7 {
        let (known, unknown) =
            (world.verify(&known, wrong(&code)).await, world.verify(&unknown, wrong(&code)).await);
        assert_eq!((known.status, known.text), (unknown.status, unknown.text));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_legacy_mode_says_who_is_not_registered() {
    let world = World::with_parameters(&[("PreventUserExistenceErrors", "LEGACY")]).await;
    for _ in 0..3 {
        world.request_code(NOBODY).await.problem(404, "user_not_found");
    }
    // Nor does this mode give a stranger more than the allowance.
    world.request_code(NOBODY).await.retry_after();
    let admin = world.admin().await;
    admin.get("/api/session").await.ok(200);
    assert_eq!(world.mailed("login_code"), [ADMIN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_uses_up_a_networks_allowance_does_not_lock_the_owners_browser_out() {
    let world = World::new().await;
    let mut owner = world.browser();
    owner.log_in(ADMIN).await;
    // A stranger in the same network takes the rest of its allowance.
    for _ in 0..2 {
        world.request_code(ADMIN).await.ok(202);
    }
    world.request_code(ADMIN).await.retry_after();

    let again = owner.log_in(ADMIN).await;
    assert_eq!(again.body["member"]["email"], ADMIN);
    owner.get("/api/session").await.ok(200);
    world.request_code(ADMIN).await.retry_after();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_not_kill_the_code_of_the_owners_browser() {
    let world = World::new().await;
    let mut owner = world.browser();
    owner.log_in(ADMIN).await;
    let asked = owner.request_code(ADMIN).await;
    world.settle().await;
    let code = world.desk.inbox().code_for(ADMIN).expect("a code was mailed");

    let strangers = world.request_code(ADMIN).await.ok(202)["challenge"]
        .as_str()
        .expect("a challenge")
        .to_owned();
    for _ in 0..6 {
        assert_ne!(world.verify(&strangers, wrong(&code)).await.status, 200);
    }
    world.verify(asked.ok(202)["challenge"].as_str().expect("a challenge"), &code).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browsers_own_allowance_is_no_larger_and_no_login_fills_it_up() {
    let world = World::new().await;
    let mut owner = world.browser();
    owner.log_in(ADMIN).await;
    for _ in 0..3 {
        owner.log_in(ADMIN).await;
    }
    owner.request_code(ADMIN).await.retry_after();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_cookie_that_is_forged_or_of_another_address_gives_no_allowance() {
    let world = World::new().await;
    let admin = world.admin().await;
    let mut colleague = world.browser();
    admin.post("/api/team", json!({ "email": "grace@example.com" })).await.ok(201);
    colleague.log_in("grace@example.com").await;
    let mut owner = world.browser();
    owner.log_in(ADMIN).await;
    world.request_code(ADMIN).await.ok(202);
    world.request_code(ADMIN).await.retry_after();

    let good = owner.cookies["__Host-frontdesk-device"].clone();
    let parts: Vec<&str> = good.split('.').collect();
    world.settle().await;
    let other_end = if good.ends_with('A') { "E" } else { "A" };
    let forged = [
        colleague.cookies["__Host-frontdesk-device"].clone(),
        format!("{}{other_end}", &good[..good.len() - 1]),
        // Another browser under the signature of this one, and this one without its signature.
        good.replacen(parts[1], "0123456789abcdef", 1),
        good[..good.len() - parts.last().expect("a signature").len()].to_owned(),
        format!("{good}.{}", parts[1]),
        "0123456789abcdef".to_owned(),
        String::new(),
    ];
    for cookie in forged {
        let request = world
            .call("POST", "/api/login/code")
            .header("cookie", &format!("__Host-frontdesk-device={cookie}"));
        let request = request.json(json!({ "email": ADMIN, "accept_terms": true }));
        world.changes_nothing(request.send()).await.retry_after();
    }
    owner.request_code(ADMIN).await.ok(202);
    // Nor does it open anything by itself.
    let device_alone = world
        .call("GET", "/api/session")
        .header("cookie", &format!("__Host-frontdesk-device={good}"));
    device_alone.send().await.problem(401, "session_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn allowances_of_two_addresses_are_apart() {
    let world = World::new().await;
    for _ in 0..3 {
        world.request_code(NOBODY).await.ok(202);
    }
    world.request_code(NOBODY).await.retry_after();
    world.request_code(ADMIN).await.ok(202);
}
