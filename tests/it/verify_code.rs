//! `POST /api/login/verify`

use crate::support::{ADMIN, Browser, Person, Reply, World, wrong};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const GRACE: &str = "grace@example.com";
const SESSION: &str = "__Host-frontdesk";
const DEVICE: &str = "__Host-frontdesk-device";

/// The clock of a desk runs on while a test does something: so long before an end something still
/// holds for certain.
const SHORTLY: SignedDuration = SignedDuration::from_secs(5);

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn time(value: &Value) -> Timestamp {
    text(value).parse().expect("a time")
}

/// Asks for a code and gives the challenge alone: for guesses.
async fn challenge(world: &World, email: &str) -> String {
    text(&world.request_code(email).await.ok(202)["challenge"])
}

/// Asks for another code in place of the one of a challenge.
async fn resend(world: &World, email: &str, replaced: &str) -> (String, String) {
    let body = json!({ "email": email, "accept_terms": true, "challenge": replaced });
    let reply = world.call("POST", "/api/login/code").json(body).send().await;
    let challenge = text(&reply.ok(202)["challenge"]);
    world.settle().await;
    (challenge, world.desk.inbox().code_for(email).expect("a code was mailed"))
}

/// How a guess went: `code_incorrect 4`, `code_expired`, ...
fn outcome(reply: &Reply) -> String {
    let code = reply.body["code"].as_str().unwrap_or("a session");
    match reply.body["attempts_left"].as_u64() {
        Some(left) => format!("{code} {left}"),
        None => code.to_owned(),
    }
}

async fn sessions(world: &World) -> usize {
    let members = world.rows_of("member").await;
    members.iter().map(|row| row["sessions"].as_m().expect("a map").len()).sum()
}

/// Whether a program with this token is somebody.
async fn works(world: &World, token: &str) -> bool {
    let reply = world
        .call("GET", "/api/session")
        .header("authorization", &format!("Bearer {token}"))
        .send()
        .await;
    reply.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_its_session_in_a_cookie_that_no_script_and_no_other_site_can_use() {
    let world = World::new().await;
    world.admin().await;
    let mut browser = world.browser();
    let before = world.now();
    let reply = browser.log_in(ADMIN).await;
    let after = world.now();

    let body = reply.ok(200);
    let (member, account) = (text(&body["member"]["id"]), text(&body["account"]["id"]));
    let expected = json!({
        "member": { "id": member, "email": ADMIN, "role": "admin", "status": "active" },
        "account": {
            "id": account, "name": "Example Company", "key_count": 1, "key_limit": 10,
            "member_count": 1, "member_limit": 5,
        },
        "expires_at": body["expires_at"],
    });
    assert_eq!(*body, expected);
    assert!(member.starts_with("mem_") && account.starts_with("acct_"));
    let opened = time(&json!(reply.headers["x-frontdesk-opened-at"].to_str().expect("a text")));
    assert_eq!(time(&body["expires_at"]), opened + SignedDuration::from_hours(12));
    assert!(before <= opened && opened <= after);

    let cookies: BTreeMap<&str, Vec<&str>> = reply
        .cookies()
        .into_iter()
        .map(|line| {
            let (pair, attributes) = line.split_once("; ").expect("attributes");
            (pair.split_once('=').expect("a pair").0, attributes.split("; ").collect())
        })
        .collect();
    let attributes = |age| vec!["Path=/", age, "Secure", "HttpOnly", "SameSite=Strict"];
    let expected = BTreeMap::from([
        (SESSION, attributes("Max-Age=604800")),
        (DEVICE, attributes("Max-Age=15552000")),
    ]);
    assert_eq!(cookies, expected);
    assert!(!reply.text.contains(reply.cookie(SESSION).expect("a session")));

    browser.get("/api/session").await.ok(200);
    // The same session serves a program, too.
    assert!(works(&world, reply.cookie(SESSION).expect("a session")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_its_session_in_the_body_and_no_cookie() {
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let reply = world.verify(&challenge, &code).await;
    let fields = ["account", "expires_at", "member", "session_token"];
    reply.ok(200);
    assert_eq!(reply.fields(), fields.into());
    assert_eq!(reply.cookies(), [""; 0]);
    let token = text(&reply.body["session_token"]);
    assert!(works(&world, &token).await);
    // The same session serves a browser, too.
    let as_cookie = world
        .call("GET", "/api/session")
        .header("cookie", &format!("theme=dark; {SESSION}={token}"));
    as_cookie.send().await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_to_carry_a_session_that_there_is_not_costs_no_guess() {
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let bodies = [
        json!({ "challenge": challenge, "code": code, "session": "query" }),
        json!({ "challenge": challenge, "code": code[..5] }),
        json!({ "challenge": challenge, "code": format!("{code}0") }),
        json!({ "challenge": challenge, "code": format!(" {}", &code[..5]) }),
        json!({ "challenge": challenge, "code": "１２３４５６" }),
        json!({ "challenge": challenge }),
        json!({ "code": code }),
    ];
    for body in bodies {
        let request = world.call("POST", "/api/login/verify").json(body);
        world.changes_nothing(request.send()).await.problem(400, "invalid_request");
    }
    assert_eq!(outcome(&world.verify(&challenge, wrong(&code)).await), "code_incorrect 4");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_guesses_end_a_challenge_even_for_the_right_code() {
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    for left in [4, 3, 2, 1, 0] {
        let reply = world.verify(&challenge, wrong(&code)).await;
        assert_eq!(reply.problem(401, "code_incorrect")["attempts_left"], left);
        assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"frontdesk\""));
        assert_eq!(reply.cookies(), [""; 0]);
    }
    for guess in [code.as_str(), wrong(&code)] {
        let reply = world.changes_nothing(world.verify(&challenge, guess)).await;
        assert!(reply.problem(429, "too_many_attempts").get("attempts_left").is_none());
    }
    assert_eq!(sessions(&world).await, 0);
    // The way out is a new request.
    world.admin().await.get("/api/session").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_forty_parallel_guesses_exactly_five_are_looked_at() {
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let replies = join_all((0..40).map(|_| world.verify(&challenge, wrong(&code)))).await;
    let mut outcomes: Vec<String> = replies.iter().map(outcome).collect();
    outcomes.sort();
    let looked_at = [
        "code_incorrect 0",
        "code_incorrect 1",
        "code_incorrect 2",
        "code_incorrect 3",
        "code_incorrect 4",
    ];
    assert_eq!(outcomes[..5], looked_at);
    assert!(outcomes[5..].iter().all(|outcome| outcome == "too_many_attempts"), "{outcomes:?}");
    world.verify(&challenge, &code).await.problem(429, "too_many_attempts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_kills_the_older_code_and_gives_no_guess_back() {
    let world = World::new().await;
    let (first, code) = world.challenge(ADMIN).await;
    for left in [4, 3, 2] {
        assert_eq!(
            outcome(&world.verify(&first, wrong(&code)).await),
            format!("code_incorrect {left}")
        );
    }
    let (second, newer) = resend(&world, ADMIN, &first).await;
    world.verify(&first, &code).await.problem(401, "code_expired");
    assert_eq!(outcome(&world.verify(&second, wrong(&newer)).await), "code_incorrect 1");
    world.verify(&second, &newer).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_that_race_a_resend_are_five_at_most() {
    let world = World::new().await;
    let (first, code) = world.challenge(ADMIN).await;
    let (guesses, second) = tokio::join!(
        join_all((0..12).map(|_| world.verify(&first, wrong(&code)))),
        resend(&world, ADMIN, &first)
    );
    let (second, newer) = second;
    let more = join_all((0..12).map(|_| world.verify(&second, wrong(&newer)))).await;
    let outcomes: Vec<String> = guesses.iter().chain(&more).map(outcome).collect();
    // A resend that came after the fifth guess began a new challenge, with five guesses of its own.
    let ended = guesses.iter().map(outcome).any(|outcome| outcome == "code_incorrect 0");
    let looked_at = outcomes.iter().filter(|outcome| outcome.starts_with("code_incorrect")).count();
    assert_eq!(looked_at, if ended { 10 } else { 5 }, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_three_minutes_and_no_longer() {
    let world = World::new().await;
    let before = world.now();
    let (challenge, code) = world.challenge(ADMIN).await;
    world.advance_to(before + SignedDuration::from_secs(180) - SHORTLY);
    world.verify(&challenge, &code).await.ok(200);

    let (challenge, code) = world.challenge(ADMIN).await;
    world.advance(180);
    world.changes_nothing(world.verify(&challenge, &code)).await.problem(401, "code_expired");
    world
        .changes_nothing(world.verify(&challenge, wrong(&code)))
        .await
        .problem(401, "code_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_works_once() {
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let token = text(&world.verify(&challenge, &code).await.ok(200)["session_token"]);
    world.settle().await;
    world.changes_nothing(world.verify(&challenge, &code)).await.problem(401, "code_expired");
    assert!(works(&world, &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_given_many_times_at_once_opens_one_session() {
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    let replies = join_all((0..16).map(|_| world.verify(&challenge, &code))).await;
    let mut outcomes: Vec<String> = replies.iter().map(outcome).collect();
    outcomes.sort();
    assert_eq!(
        outcomes.iter().filter(|outcome| *outcome == "a session").count(),
        1,
        "{outcomes:?}"
    );
    assert!(
        outcomes.iter().all(|outcome| ["a session", "code_expired", "too_many_attempts"]
            .contains(&outcome.as_str())),
        "{outcomes:?}"
    );
    assert_eq!((sessions(&world).await, world.rows_of("login_event").await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_that_was_never_given_is_over_and_writes_nothing() {
    let world = World::new().await;
    let (good, code) = world.challenge(ADMIN).await;
    let parts: Vec<&str> = good.strip_prefix("chl_").expect("a challenge").split('.').collect();
    let [address, by, id] = parts[..] else { panic!("{good}") };
    let elsewhere = "0".repeat(address.len());
    let garbled = [
        String::new(),
        "chl_".to_owned(),
        "x".repeat(3000),
        "chl_\u{0}".to_owned(),
        good.to_uppercase(),
        format!("{good} "),
        format!("{good}.1"),
        format!("{good}0"),
        format!("chl_{elsewhere}.{by}.{id}"),
        format!("chl_{address}.{by}.{}", "0".repeat(id.len())),
        format!("chl_{address}.{by}.{}", id.to_lowercase()),
        format!("chl_{address}.{}{by}.{id}", "0"),
        format!("chl_{address}.n{}.{id}", "0".repeat(by.len() - 1)),
        format!("chl_{address}.b0123456789abcdef.{id}"),
        format!("chl_{address}.i.{id}"),
        format!("chl_{address}.OWNER.{id}"),
        format!("chl_{address}#.{by}.{id}"),
        format!("chl_{address}.{id}"),
    ];
    world
        .changes_nothing(async {
            let mut answers = Vec::new();
            for challenge in &garbled {
                let reply = world.verify(challenge, &code).await;
                reply.problem(401, "code_expired");
                answers.push(reply.text);
            }
            answers.dedup();
            assert_eq!(answers.len(), 1, "one cannot be told from the other");
        })
        .await;
    world.verify(&good, &code).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_code_of_another_challenge_is_a_wrong_code() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": GRACE })).await.ok(201);
    let (admins, code) = world.challenge(ADMIN).await;
    let (colleagues, other_code) = world.challenge(GRACE).await;
    // One in a million runs has the same code twice; then there is nothing to tell apart.
    if code != other_code {
        assert_eq!(outcome(&world.verify(&colleagues, &code).await), "code_incorrect 4");
        assert_eq!(outcome(&world.verify(&admins, &other_code).await), "code_incorrect 4");
    }
    assert_eq!(world.verify(&colleagues, &other_code).await.ok(200)["member"]["email"], GRACE);
    assert_eq!(world.verify(&admins, &code).await.ok(200)["member"]["email"], ADMIN);
}

/// Five wrong guesses at a new challenge, from the network of this viewer.
async fn spend(world: &World, viewer: &str, email: &str) {
    let challenge = text(&world.request_code_from(viewer, email).await.ok(202)["challenge"]);
    for left in [4, 3, 2, 1, 0] {
        let guess = world.verify(&challenge, "000000").await;
        assert_eq!(outcome(&guess), format!("code_incorrect {left}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_has_ten_wrong_guesses_an_hour_and_all_together_fifteen() {
    const NOBODY: &str = "nobody@example.com";
    let world = World::new().await;
    let start = world.now();
    spend(&world, "198.51.100.1", NOBODY).await;
    world.advance(600);
    spend(&world, "198.51.100.2", NOBODY).await;
    // The same network, of which only the first 24 bits count.
    let is_until_the_first_are_an_hour_old = |refused: &Reply| {
        let wait = refused.retry_after();
        let elapsed = world.now().duration_since(start).as_secs();
        assert!((3590 - elapsed..=3610 - elapsed).contains(&wait), "{wait}");
        wait as u64
    };
    is_until_the_first_are_an_hour_old(&world.request_code_from("198.51.100.77", NOBODY).await);
    spend(&world, "203.0.113.1", NOBODY).await;
    // That was the fifteenth; no network is left any.
    let refused = world.request_code_from("192.0.2.1", NOBODY).await;
    world.advance(is_until_the_first_are_an_hour_old(&refused));
    spend(&world, "192.0.2.1", NOBODY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges_at_once_share_the_guesses_of_their_network() {
    let world = World::new().await;
    let mut challenges = Vec::new();
    for _ in 0..3 {
        challenges.push(challenge(&world, "nobody@example.com").await);
    }
    let guesses = challenges.iter().cycle().take(60);
    let replies = join_all(guesses.map(|challenge| world.verify(challenge, "000000"))).await;
    let outcomes: Vec<String> = replies.iter().map(outcome).collect();
    let looked_at = outcomes.iter().filter(|outcome| outcome.starts_with("code_incorrect")).count();
    assert_eq!(looked_at, 10, "{outcomes:?}");
    assert!(
        outcomes.iter().all(|one| one.starts_with("code_incorrect") || one == "too_many_attempts"),
        "{outcomes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_mailed_before_a_revocation_logs_nobody_in() {
    let world = World::new().await;
    let admin = world.admin().await;
    let colleague = world.member(&admin, GRACE).await;
    let (challenge, code) = world.challenge(GRACE).await;
    admin.delete(&format!("/api/team/{}", colleague.id)).await.ok(204);
    let reply = world.verify(&challenge, &code).await;
    reply.problem(401, "code_incorrect");
    assert_eq!(reply.cookies(), [""; 0]);
    assert_eq!((sessions(&world).await, world.rows_of("member").await.len()), (1, 1));
    // And no further code is mailed.
    let sent = world.mailed("login_code").len();
    world.request_code(GRACE).await.ok(202);
    world.settle().await;
    assert_eq!(world.mailed("login_code").len(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_logs_in_to_a_suspended_account_until_it_is_resumed() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    world.suspend(&admin.account).await;
    world.verify(&challenge, &code).await.problem(403, "account_suspended");
    assert_eq!(sessions(&world).await, 1, "only the one of before");

    let sent = world.mailed("login_code").len();
    world.request_code(ADMIN).await.ok(202);
    world.settle().await;
    assert_eq!(world.mailed("login_code").len(), sent);

    world.resume(&admin.account).await;
    world.advance(900);
    world.admin().await.get("/api/session").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_on_record_with_its_event_its_audit_row_and_the_member_it_made_active() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": GRACE })).await.ok(201);
    let before = world.now();
    let colleague = world.login(GRACE).await;
    let after = world.now();

    let text_of = |row: &BTreeMap<String, AttributeValue>, name: &str| {
        row[name].as_s().expect("a text").clone()
    };
    let mut events = world.rows_of("login_event").await;
    events.retain(|row| text_of(row, "member_id") == colleague.id);
    assert_eq!(events.len(), 1);
    assert_eq!(
        (text_of(&events[0], "account_id"), text_of(&events[0], "status")),
        (colleague.account.clone(), "done".to_owned())
    );

    let mut audit = world.rows_of("audit").await;
    audit.retain(|row| {
        text_of(row, "action") == "session_opened" && text_of(row, "actor") == colleague.id
    });
    assert_eq!(audit.len(), 1);

    let listed = admin.get("/api/team").await;
    let listed = listed.ok(200)["members"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|member| member["email"] == GRACE)
        .expect("listed")
        .clone();
    assert_eq!(listed["status"], "active");
    let login = time(&listed["last_login_at"]);
    assert!(before <= login && login <= after);
}

/// Texts in a row that are a number of six digits by themselves, as a code would be.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| word.len() == 6)
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_codes_nor_tokens_lie_in_the_table_or_in_other_peoples_mail() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": GRACE })).await.ok(201);
    let (challenge, code) = world.challenge(GRACE).await;
    let rows_before = world.rows().await;
    let token = text(&world.verify(&challenge, &code).await.ok(200)["session_token"]);
    let mut browser = world.browser();
    browser.log_in(ADMIN).await;
    let admins_code = world.desk.inbox().code_for(ADMIN).expect("a code was mailed");

    let secret = &token[token.len() - 43..];
    let cookie = &browser.cookies[SESSION];
    let device = browser.cookies[DEVICE].rsplit('.').next().expect("a signature").to_owned();
    for (key, row) in rows_before.into_iter().chain(world.rows().await) {
        let text = format!("{key:?} {row:?}");
        for secret in
            [secret, &cookie[cookie.len() - 43..], &admin.token[admin.token.len() - 43..], &device]
        {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(numbers(&text).all(|number| number != code && number != admins_code), "{text}");
    }
    for mail in world.desk.inbox().mails() {
        let text = format!("{} {} {}", mail.subject, mail.text, mail.html);
        assert!(!text.contains(secret) && !text.contains(&challenge), "{text}");
        assert!(mail.to == GRACE || numbers(&text).all(|number| number != code), "{text}");
    }
}

/// Browsers of the admin that have logged in, each with an allowance of its own: by three logins,
/// everyone's is used up.
async fn known_browsers(world: &World) -> Vec<Browser<'_>> {
    let mut browsers = Vec::new();
    for _ in 0..3 {
        let mut browser = world.browser();
        browser.log_in(ADMIN).await;
        browsers.push(browser);
    }
    browsers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_keeps_ten_sessions_and_one_more_login_ends_the_oldest() {
    let world = World::new().await;
    let mut tokens = Vec::new();
    let mut browsers = known_browsers(&world).await;
    tokens.extend(browsers.iter().map(|browser| browser.cookies[SESSION].clone()));
    for login in 3..11 {
        assert!(works(&world, &tokens[0]).await, "after {login} logins the first session is live");
        let browser = &mut browsers[login % 3];
        browser.log_in(ADMIN).await;
        tokens.push(browser.cookies[SESSION].clone());
    }
    let mut live = Vec::new();
    for token in &tokens {
        live.push(works(&world, token).await);
    }
    assert_eq!((live[0], &live[1..]), (false, &[true; 10][..]));
    assert_eq!(sessions(&world).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eleventh_login_takes_the_place_of_a_session_that_is_over_and_ends_none_that_is_live() {
    let world = World::new().await;
    let mut browsers = known_browsers(&world).await;
    let first = browsers[0].cookies[SESSION].clone();
    for login in 3..10 {
        browsers[login % 3].log_in(ADMIN).await;
    }
    for _ in 0..2 {
        world.advance(7 * 3600);
        assert!(works(&world, &first).await, "it is used, and the nine others are not");
    }
    let mut tokens = vec![first];
    for browser in &mut browsers {
        browser.log_in(ADMIN).await;
        tokens.push(browser.cookies[SESSION].clone());
    }
    for token in &tokens {
        assert!(works(&world, token).await);
    }
    assert_eq!(sessions(&world).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_logins_of_one_member_each_get_a_session_that_works() {
    let world = World::new().await;
    let mut ready = Vec::new();
    for mut browser in known_browsers(&world).await {
        let challenge = text(&browser.request_code(ADMIN).await.ok(202)["challenge"]);
        world.settle().await;
        ready.push((challenge, world.desk.inbox().code_for(ADMIN).expect("a code was mailed")));
    }
    let replies =
        join_all(ready.iter().map(|(challenge, code)| world.verify(challenge, code))).await;
    let mut tokens: Vec<String> =
        replies.iter().map(|reply| text(&reply.ok(200)["session_token"])).collect();
    for token in &tokens {
        assert!(works(&world, token).await);
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!((tokens.len(), sessions(&world).await), (3, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_leads_to_the_account_that_the_address_belongs_to() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other: Person<'_> = world.other_admin("admin@other.example").await;
    assert_ne!(admin.account, other.account);
    assert_eq!(other.get("/api/session").await.ok(200)["account"]["name"], "Other Company");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_user_agent_two_letters_are_kept_and_their_words_in_the_trail() {
    let world = World::new().await;
    for (user_agent, letters, words) in [
        (
            &b"Mozilla/5.0 (X11; Rare; Linux x86_64; rv:133.0) Firefox/133.0"[..],
            "fl",
            "Firefox on Linux",
        ),
        (b"Rare/1.0 \xff\xfe", "--", "Unknown browser"),
        (&[b'R'; 8000], "--", "Unknown browser"),
    ] {
        world.advance(3600);
        let (challenge, code) = world.challenge(ADMIN).await;
        let body = json!({ "challenge": challenge, "code": code });
        let login = world.call("POST", "/api/login/verify").json(body);
        login.header_bytes("user-agent", user_agent).send().await.ok(200);
        world.settle().await;
        let rows = world.rows().await;
        assert!(!format!("{rows:?}").contains("Rare"), "nothing else of it");
        let member = world.rows_of("member").await.remove(0);
        let sessions = member["sessions"].as_m().expect("a map").values();
        let newest = sessions.map(|session| session.as_m().expect("a map"));
        let newest = newest.max_by_key(|session| session["o"].as_n().expect("a time").clone());
        assert_eq!(newest.expect("a session")["l"], AttributeValue::S(letters.to_owned()));
        let mut trail = world.rows_of("audit").await;
        trail.retain(|row| row["action"].as_s().is_ok_and(|action| action == "session_opened"));
        let newest = trail.into_iter().max_by_key(|row| row["at"].as_n().expect("a time").clone());
        assert_eq!(newest.expect("a row")["label"], AttributeValue::S(words.to_owned()));
    }
}
