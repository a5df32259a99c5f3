//! What strangers can do to somebody else's login, from one network and from many.

use crate::support::{ADMIN, Browser, Reply, World, wrong};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

const NOBODY: &str = "nobody@example.com";

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Everything that this address may be asked for by networks, from as many as it takes.
async fn use_up_networks(world: &World, email: &str) {
    for viewer in 0..20 {
        let viewer = format!("198.51.{viewer}.1");
        while world.request_code_from(&viewer, email).await.status == 202 {}
    }
    world.request_code_from("203.0.113.1", email).await.problem(429, "rate_limited");
}

/// A browser of the admin's that logs in for the first time, by a code asked for from the network
/// of this viewer.
async fn new_browser<'w>(world: &'w World, viewer: &str) -> Browser<'w> {
    let mut browser = world.browser();
    let reply = world.request_code_from(viewer, ADMIN).await;
    world.settle().await;
    let code = world.desk.inbox().code_for(ADMIN).expect("a code was mailed");
    let guess = json!({ "challenge": reply.ok(202)["challenge"], "code": code });
    browser.post("/api/login/verify", guess).await.ok(200);
    browser
}

async fn ask(browser: &mut Browser<'_>, email: &str, more: Value) -> Reply {
    let mut body = json!({ "email": email, "accept_terms": true });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    browser.post("/api/login/code", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_uses_up_the_allowance_of_one_network_and_of_no_other() {
    let world = World::new().await;
    for email in [ADMIN, NOBODY] {
        for _ in 0..3 {
            world.request_code_from("198.51.100.9", email).await.ok(202);
        }
        world.request_code_from("198.51.100.200", email).await.problem(429, "rate_limited");
        world.request_code_from("198.51.101.9", email).await.ok(202);
        world.request_code_from("2001:db8:1::9", email).await.ok(202);
    }
    world.settle().await;
    assert_eq!(world.mailed("login_code"), [ADMIN; 5]);
}

/// Of those whose requests are counted, a hash is enough.
#[tokio::test(flavor = "multi_thread")]
async fn no_row_holds_the_address_of_a_network() {
    let world = World::new().await;
    for viewer in ["198.51.100.9", "2001:db8:1::9"] {
        new_browser(&world, viewer).await;
        world.request_code_from(viewer, NOBODY).await.ok(202);
    }
    let rows = world.rows().await;
    assert!(rows.keys().any(|(pk, _)| pk.starts_with("NET#")), "they are counted");
    for (key, row) in rows {
        let text = format!("{key:?} {row:?}");
        assert!(!text.contains("198.51.100") && !text.contains("2001:db8"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_from_all_networks_do_not_shut_a_known_browser_out() {
    let world = World::new().await;
    let mut owner = world.browser();
    owner.log_in(ADMIN).await;
    use_up_networks(&world, ADMIN).await;
    world.settle().await;
    assert_eq!(world.mailed("login_code").len(), 20, "all networks together");
    owner.log_in(ADMIN).await;
    owner.get("/api/session").await.ok(200);
}

/// What the link of the newest invitation to an address carries.
async fn link_to(world: &World, email: &str) -> String {
    world.settle().await;
    let mails = world.desk.inbox().mails();
    let mail = mails.iter().find(|mail| mail.kind == "invitation" && mail.to == email);
    let (_, link) = mail.expect("an invitation").text.split_once("#invitation=").expect("a link");
    link.split_whitespace().next().expect("a token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_from_all_networks_do_not_shut_out_who_is_invited_and_a_resend_lets_in_anew() {
    const NEW: &str = "new@example.com";
    let world = World::new().await;
    let admin = world.admin().await;
    let invited = admin.post("/api/team", json!({ "email": NEW })).await;
    let id = text(&invited.ok(201)["member"]["id"]);
    let first = link_to(&world, NEW).await;
    use_up_networks(&world, NEW).await;

    let by_link =
        async |token: &str| ask(&mut world.browser(), NEW, json!({ "invitation": token })).await;
    // The link has its own allowance, of which a stranger without it uses nothing up.
    for _ in 0..3 {
        by_link(&first).await.ok(202);
    }
    by_link(&first).await.problem(429, "rate_limited");
    world.advance(901);
    admin.act(&format!("/api/team/{id}/invitation")).await.ok(202);
    let second = link_to(&world, NEW).await;
    assert_ne!(first, second);
    // The first one died with the resend; somebody else's, or one that is made up, gives nothing.
    for other in [first.as_str(), "inv_1.a.b.1.c", &second[..second.len() - 1], ""] {
        by_link(other).await.problem(429, "rate_limited");
    }
    let asked = by_link(&second).await;
    world.settle().await;
    let code = world.desk.inbox().code_for(NEW).expect("a code was mailed");
    world.verify(&text(&asked.ok(202)["challenge"]), &code).await.ok(200);
    // Once somebody has logged in, it is no way in any more.
    by_link(&second).await.problem(429, "rate_limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_forgotten_with_its_membership_and_by_the_end_of_all_sessions() {
    const GRACE: &str = "grace@example.com";
    let world = World::new().await;
    let admin = world.admin().await;
    let invite = async || {
        let reply = admin.post("/api/team", json!({ "email": GRACE })).await;
        text(&reply.ok(201)["member"]["id"])
    };
    let is_known = async |browser: &mut Browser<'_>| {
        use_up_networks(&world, GRACE).await;
        let known = browser.request_code(GRACE).await.status == 202;
        world.advance(24 * 3600 + 1);
        known
    };
    let id = invite().await;
    let mut browser = world.browser();
    browser.log_in(GRACE).await;
    assert!(is_known(&mut browser).await);
    admin.world.change(&admin.account, json!({ "act": "end_sessions", "email": GRACE })).await;
    assert!(!is_known(&mut browser).await);

    let mut browser = world.browser();
    browser.log_in(GRACE).await;
    let admin = world.admin().await;
    admin.delete(&format!("/api/team/{id}")).await.ok(204);
    assert!(!is_known(&mut browser).await);
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": GRACE })).await.ok(201);
    assert!(!is_known(&mut browser).await, "nor by the next membership");
}

/// Otherwise anybody says that he is somewhere else each time.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_cloudfront_says_where_a_request_comes_from() {
    let world = World::new().await;
    let ask = |number: usize| {
        let request = world
            .call("POST", "/api/login/code")
            .header("x-frontdesk-viewer", &format!("198.51.{number}.1"))
            .header("x-forwarded-for", &format!("198.51.{number}.1"));
        let request = if number.is_multiple_of(2) {
            request
        } else {
            request.header("x-frontdesk-origin", "a secret that somebody made up")
        };
        request.json(json!({ "email": NOBODY, "accept_terms": true })).send()
    };
    for number in 0..3 {
        ask(number).await.ok(202);
    }
    for number in 3..6 {
        ask(number).await.problem(429, "rate_limited");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_asks_for_so_many_codes_in_five_minutes_of_whichever_addresses() {
    let world = World::with_parameters(&[("NetworkCodeLimit", "7")]).await;
    // From the beginning of a stretch, so that it does not end meanwhile.
    world.advance_to_multiple_of(300);
    for number in 0..7 {
        world.request_code_from("198.51.100.1", &format!("a{number}@example.com")).await.ok(202);
    }
    let rows = world.rows().await.len();
    for number in 0..20 {
        let email = format!("b{number}@example.com");
        let refused = world.request_code_from("198.51.100.2", &email).await;
        let wait = refused.retry_after();
        assert!((240..=300).contains(&wait), "{wait}");
    }
    assert_eq!(world.rows().await.len(), rows, "nothing further is written");
    world.request_code_from("198.51.101.1", "b0@example.com").await.ok(202);
    world.advance(300);
    world.request_code_from("198.51.100.1", "b0@example.com").await.ok(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_once_of_a_network_are_counted_one_by_one() {
    let world = World::with_parameters(&[("NetworkCodeLimit", "10")]).await;
    world.advance_to_multiple_of(300);
    let asked = (0..40).map(async |number: usize| {
        world.request_code(&format!("a{number}@example.com")).await.status.as_u16()
    });
    let mut statuses = futures::future::join_all(asked).await;
    statuses.sort();
    assert_eq!((statuses[..10].to_vec(), statuses[10..].to_vec()), (vec![202; 10], vec![429; 30]));
}

/// By asking for codes of his own, a stranger neither ends the owner's challenge nor learns of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_neither_ends_nor_guesses_at_somebody_elses_challenge() {
    let world = World::new().await;
    let (owners, code) = world.challenge(ADMIN).await;
    let mut strangers = Vec::new();
    for viewer in ["198.51.100.1", "198.51.101.1"] {
        let reply = world.request_code_from(viewer, ADMIN).await;
        strangers.push(text(&reply.ok(202)["challenge"]));
        assert_eq!(reply.body["expires_in"], 180);
    }
    for challenge in &strangers {
        for left in [4, 3, 2, 1] {
            let guess = world.verify(challenge, wrong(&code)).await;
            assert_eq!(guess.problem(401, "code_incorrect")["attempts_left"], left);
        }
    }
    // What one token says of another: the address, and nothing that leads to it.
    let last = |token: &str| token.rsplit('.').next().expect("a part").to_owned();
    for token in &strangers {
        assert_ne!(last(token), last(&owners));
        assert!(last(token).len() >= 22, "{token}");
    }
    world.verify(&owners, &code).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_that_is_nobodys_replaces_none_with_the_same_answer_and_the_same_writes() {
    let world = World::new().await;
    let expired = text(&world.request_code("old@example.com").await.ok(202)["challenge"]);
    world.advance(1000);
    let (foreign, code) = world.challenge(ADMIN).await;
    let endless = "x".repeat(3000);
    let mut seen = Vec::new();
    for (email, challenge) in [
        ("a0@example.com", None),
        ("a1@example.com", Some("")),
        ("a2@example.com", Some("chl_")),
        ("a3@example.com", Some(foreign.as_str())),
        ("old@example.com", Some(expired.as_str())),
        ("a5@example.com", Some(endless.as_str())),
    ] {
        let rows = world.rows().await;
        let named = challenge.map_or(json!({}), |challenge| json!({ "challenge": challenge }));
        let reply = ask(&mut world.browser(), email, named).await;
        assert_eq!(reply.ok(202)["expires_in"], 180);
        world.settle().await;
        let fields: Vec<String> = reply.fields().into_iter().map(str::to_owned).collect();
        seen.push((fields, reply.text.len(), world.written_since(&rows).await));
    }
    assert_eq!(seen[0].2.len(), 3, "address, network and mail: {:?}", seen[0]);
    for other in &seen[1..] {
        assert_eq!(*other, seen[0]);
    }
    // Somebody else's is what it was.
    world.verify(&foreign, &code).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_membership_is_known_by_five_browsers_and_the_oldest_goes() {
    let world = World::new().await;
    let mut browsers = Vec::new();
    for number in 0..7 {
        browsers.push(new_browser(&world, &format!("198.51.{number}.1")).await);
        world.advance(60);
        if number == 4 {
            // The first one logs in again: now the second is the oldest.
            browsers[0].log_in(ADMIN).await;
            world.advance(60);
        }
    }
    let known: Vec<usize> = {
        use_up_networks(&world, ADMIN).await;
        let mut known = Vec::new();
        for (number, browser) in browsers.iter_mut().enumerate() {
            if browser.request_code(ADMIN).await.status == 202 {
                known.push(number);
            }
        }
        known
    };
    assert_eq!(known, [0, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_look_into_a_mailbox_gives_no_guesses_without_end() {
    let world = World::new().await;
    // As many browsers as can be had in a while.
    let mut browsers = Vec::new();
    for number in 0..20 {
        browsers.push(new_browser(&world, &format!("198.51.{number}.1")).await);
    }
    // A day later, all of them together guess as often as they can, and so does everybody else.
    world.advance(24 * 3600 + 1);
    let mut guesses = 0;
    for hour in 0..24 {
        for (number, browser) in browsers.iter_mut().enumerate() {
            let by_network = format!("203.0.{number}.1");
            let asked = [
                browser.request_code(ADMIN).await,
                world.request_code_from(&by_network, ADMIN).await,
            ];
            for asked in asked.iter().filter(|asked| asked.status == 202) {
                let challenge = text(&asked.body["challenge"]);
                world.settle().await;
                let code = world.desk.inbox().code_for(ADMIN).expect("a code was mailed");
                while world.verify(&challenge, wrong(&code)).await.status == 401 {
                    guesses += 1;
                }
            }
        }
        if hour == 0 {
            assert_eq!(guesses, 25, "in an hour");
        }
        world.advance(3600);
    }
    assert!(guesses <= 50, "{guesses} in a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_hears_of_ten_wrong_guesses_once_a_day() {
    let world = World::new().await;
    for email in [ADMIN, NOBODY] {
        for viewer in ["198.51.100.1", "198.51.101.1", "198.51.102.1"] {
            let reply = world.request_code_from(viewer, email).await;
            let challenge = text(&reply.ok(202)["challenge"]);
            for _ in 0..5 {
                world.verify(&challenge, "000000").await.problem(401, "code_incorrect");
            }
        }
        world.settle().await;
        assert_eq!(world.mailed("login_notice"), [ADMIN], "{email}");
    }
    // The rows are the same for an address that nobody has.
    assert_eq!(world.rows_of("login_notice").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_hears_of_a_login_from_a_new_browser_but_not_of_the_first_login() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.log_in(ADMIN).await;
    browser.log_in(ADMIN).await;
    assert_eq!(world.mailed("login_notice"), [""; 0]);
    // A program counts as a new browser each time.
    world.login(ADMIN).await;
    assert_eq!(world.mailed("login_notice"), [ADMIN]);
    let mail = world.desk.inbox().mails().into_iter().find(|mail| mail.kind == "login_notice");
    let mail = mail.expect("a notice");
    assert_eq!(mail.subject, "New login to Heify");
    assert!(mail.text.contains("change the password of your mailbox first"), "{}", mail.text);
    // One a day at most.
    let mut other = world.browser();
    other.log_in(ADMIN).await;
    assert_eq!(world.mailed("login_notice").len(), 1);
    world.advance(24 * 3600 + 1);
    world.login(ADMIN).await;
    assert_eq!(world.mailed("login_notice").len(), 2);
}

/// What is on record of codes asked for and guesses left, which names networks.
async fn asks_and_guesses_left(world: &World) -> (usize, usize) {
    let rows = world.rows_of("login").await;
    let row = rows.iter().find(|row| !row["browsers"].as_m().expect("a map").is_empty());
    let row = row.expect("a browser is known");
    // However many there are, they hold up nothing else that the sweep looks after.
    let is_asks = |shard: &AttributeValue| shard.as_s().expect("a text").starts_with("asks#");
    assert!(row.get("duty").is_none_or(is_asks));
    let count = |name: &str| row[name].as_m().expect("a map").len();
    (count("asks"), count("left"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_members_row_names_no_network_for_longer_than_a_day_and_goes_on_knowing_its_browser() {
    let world = World::new().await;
    let mut owner = world.browser();
    owner.log_in(ADMIN).await;
    world.advance(23 * 3600);
    for _ in 0..3 {
        world.request_code_from("198.51.100.9", ADMIN).await.ok(202);
    }
    assert_eq!(asks_and_guesses_left(&world).await.0, 4);
    // The login leaves it after a day, the stranger's requests still count.
    world.advance(2 * 3600);
    world.settle().await;
    assert_eq!(asks_and_guesses_left(&world).await.0, 3);
    world.advance(23 * 3600);
    world.settle().await;
    assert_eq!(asks_and_guesses_left(&world).await, (0, 0));
    // What a stranger asks for is no reason to forget whom the owner is known by.
    use_up_networks(&world, ADMIN).await;
    owner.log_in(ADMIN).await;
    assert_eq!(world.mailed("login_notice"), [""; 0]);
}

/// With one neighbour in the same network, who asks for codes of addresses without end.
#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_who_uses_up_the_networks_bound_shuts_out_neither_a_known_browser_nor_a_link() {
    const NEW: &str = "new@example.com";
    let world = World::with_parameters(&[("NetworkCodeLimit", "8")]).await;
    let admin = world.admin().await;
    admin.post("/api/team", json!({ "email": NEW })).await.ok(201);
    let link = link_to(&world, NEW).await;
    let mut owner = world.browser();
    owner.log_in(ADMIN).await;
    world.advance_to_multiple_of(300);
    for number in 0..8 {
        world.request_code(&format!("a{number}@example.com")).await.ok(202);
    }
    world.request_code(ADMIN).await.problem(429, "rate_limited");
    owner.request_code(ADMIN).await.ok(202);
    ask(&mut world.browser(), NEW, json!({ "invitation": link })).await.ok(202);
    // What is no cookie and no link of ours is anybody's.
    ask(&mut world.browser(), NEW, json!({ "invitation": "inv_1" }))
        .await
        .problem(429, "rate_limited");
}

/// Whoever looked into a mailbox for a minute has read the codes that were asked for before.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_all_sessions_and_a_new_membership_end_every_challenge() {
    const GRACE: &str = "grace@example.com";
    let world = World::new().await;
    let admin = world.admin().await;
    let colleague = world.member(&admin, GRACE).await;
    let (challenge, code) = world.challenge(GRACE).await;
    world.change(&admin.account, json!({ "act": "end_sessions", "email": GRACE })).await;
    world.verify(&challenge, &code).await.problem(401, "code_incorrect");

    let (challenge, code) = world.challenge(GRACE).await;
    admin.delete(&format!("/api/team/{}", colleague.id)).await.ok(204);
    admin.post("/api/team", json!({ "email": GRACE })).await.ok(201);
    world.verify(&challenge, &code).await.problem(401, "code_incorrect");
    world.advance(901);
    world.login(GRACE).await.get("/api/session").await.ok(200);
}
