//! `POST /api/keys`

use crate::support::{Person, Reply, World};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::PlainKey;
use serde_json::{Value, json};

/// With these, an account with the default limit has made all the keys that it may.
const ALL: usize = 9;

async fn make(person: &Person<'_>, count: usize) {
    for number in 0..count {
        person.key(&format!("Key {number}")).await;
    }
}

/// Asks for a key under an `Idempotency-Key`.
async fn make_once(person: &Person<'_>, name: &str, once: &str) -> Reply {
    person
        .call("POST", "/api/keys")
        .header("idempotency-key", once)
        .json(json!({ "name": name }))
        .send()
        .await
}

/// The same for a key that is to end then.
async fn make_until(person: &Person<'_>, until: &Value, once: &str) -> Reply {
    person
        .call("POST", "/api/keys")
        .header("idempotency-key", once)
        .json(json!({ "name": "Until", "expires_at": until }))
        .send()
        .await
}

async fn tenth(person: &Person<'_>) -> Reply {
    person.post("/api/keys", json!({ "name": "One too many" })).await
}

async fn sandbox_key(person: &Person<'_>) -> String {
    person.get("/api/sandbox").await.body["key_id"]
        .as_str()
        .expect("there is a Sandbox key")
        .to_owned()
}

async fn suspend(person: &Person<'_>, suspended: bool) {
    person.world.set_suspended(&person.account, suspended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_shown_once_and_works_at_once() {
    let world = World::new().await;
    let admin = world.admin().await;
    let before = world.now();
    let reply = admin.post("/api/keys", json!({ "name": "Zapier Integration" })).await;
    let after = world.now();
    let key = &reply.ok(201)["key"];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let id = text(&key["id"]);
    let start = text(&key["start"]);
    let created_at = text(&key["created_at"]);
    let api_key = text(&reply.body["api_key"]);
    let view = json!({
        "id": id, "name": "Zapier Integration", "start": start, "sandbox": false,
        "created_at": created_at, "expires_at": null, "state": "active",
        "last_used_at": null, "rotated_at": null, "old_valid_until": null,
    });
    assert_eq!(reply.body, json!({ "key": view, "api_key": api_key }));

    assert!((before..=after).contains(&created_at.parse().expect("a time")), "{created_at}");
    assert!(api_key.starts_with("fd_live_") && api_key.starts_with(&start), "{start}");
    assert!(api_key.len() - start.len() >= 32, "{start} tells too much");
    assert!(
        api_key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
        "one double click does not select {api_key}"
    );

    let listed = admin.get("/api/keys").await;
    let mut seen = view;
    seen["created_by"] = json!({ "id": admin.id, "email": crate::support::ADMIN });
    assert!(listed.body["keys"].as_array().expect("a list").contains(&seen), "{}", listed.text);
    assert!(!listed.text.contains(&api_key), "{}", listed.text);
    assert_eq!(world.product_api(&api_key).await, 200);
    assert!(world.audit().await.contains(&"key_created".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_keeps_a_digest_of_a_key_and_nothing_of_its_secret() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, plain) = admin.key("Plain").await;
    let repeated = make_once(&admin, "Repeated", "again-1").await.body["api_key"]
        .as_str()
        .expect("a key")
        .to_owned();
    let rows = world.rows().await;
    let everything = format!("{rows:?}");
    for key in [plain, repeated] {
        // Prefix, the place of the row, 32 characters of secret, 6 of checksum.
        let secret = &key[key.len() - 38..key.len() - 6];
        assert!(!everything.contains(&key) && !everything.contains(secret));
        let parsed = PlainKey::parse(&key).expect("a key");
        let row = &rows[&(format!("ACCT#{}", admin.account), format!("KEY#{}", parsed.id))];
        assert_eq!(row["digest"].as_s().expect("a text"), &String::from(parsed.digest()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_has_1_to_64_characters_after_trimming() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (longest, wide) = ("x".repeat(64), "🗝".repeat(64));
    for (given, kept) in [
        ("a", "a"),
        ("  Zapier Integration\t\r\n", "Zapier Integration"),
        (&longest, &longest),
        (&format!("  {wide}  "), &wide),
        ("Schlüssel für 東京", "Schlüssel für 東京"),
        ("<script>\"'&", "<script>\"'&"),
    ] {
        let reply = admin.post("/api/keys", json!({ "name": given })).await;
        assert_eq!(reply.ok(201)["key"]["name"], kept);
    }
    let too_long = ["x".repeat(65), "🗝".repeat(65), format!("{}  x", "x".repeat(62))];
    let bad =
        ["", "   ", "\t\n", "a\u{0}b", "a\nb", "a\tb", "a\u{7f}b", "a\u{85}b", "a\u{1b}[31mb"];
    world
        .changes_nothing(async {
            for name in bad.into_iter().chain(too_long.iter().map(String::as_str)) {
                admin.post("/api/keys", json!({ "name": name })).await.problem(400, "invalid_name");
            }
            admin.post("/api/keys", json!({})).await.problem(400, "invalid_name");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_one_that_people_see_and_is_kept_composed() {
    let world = World::new().await;
    let admin = world.admin().await;
    for (given, kept) in [
        ("Zoe\u{308}", "Zoë"),
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
        (
            "👩\u{200d}💻 🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "👩\u{200d}💻 🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        ),
        (&"e\u{301}".repeat(64), &"é".repeat(64)),
    ] {
        let reply = admin.post("/api/keys", json!({ "name": given })).await;
        assert_eq!(reply.ok(201)["key"]["name"], kept);
    }
    // A repetition in the other form is one all the same.
    let first = make_once(&admin, "Zoe\u{308}", "once").await;
    let again = make_once(&admin, "Zoë", "once").await;
    assert_eq!(first.ok(201), again.ok(201));
    let hidden = [
        "\u{3164}",
        "\u{2060}",
        "\u{200d}",
        "\u{ad}",
        "\u{2800}",
        "Zapier\u{2060}",
        "Zapier\u{fe0f}",
        "Zapier\u{e0061}",
        "\u{202e}Zapier",
    ];
    world
        .changes_nothing(async {
            for name in hidden {
                let reply = admin.post("/api/keys", json!({ "name": name })).await;
                reply.problem(400, "invalid_name");
                let event = json!({ "name": name, "admin_email": "other@example.com" });
                let refused = world.desk.invoke("register-account", &event).await;
                assert!(refused.is_err_and(|error| error.to_string().contains("invalid_name")));
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_name_would_be_refused_today_is_listed_checked_and_deleted() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("A key").await;
    let name = AttributeValue::S("\u{3164}".to_owned());
    let row = (format!("ACCT#{}", admin.account), format!("KEY#{id}"));
    world.set_attributes(&row.0, &row.1, &[("name", name)]).await;
    assert_eq!(admin.get("/api/keys").await.ok(200)["keys"][1]["name"], "\u{3164}");
    assert_eq!(world.product_api(&key).await, 200);
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_a_name_alone_makes_no_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    world
        .changes_nothing(async {
            for body in [
                json!({ "name": 7 }),
                json!({ "name": null }),
                json!({ "name": ["a"] }),
                json!({ "name": "a", "sandbox": true }),
                json!(["a"]),
                json!("a"),
            ] {
                admin.post("/api/keys", body).await.problem(400, "invalid_request");
            }
            admin.act("/api/keys").await.problem(415, "unsupported_media_type");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_make_keys() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let body = json!({ "name": "Mine" });
    world
        .changes_nothing(member.post("/api/keys", body.clone()))
        .await
        .problem(403, "admin_required");
    world.changes_nothing(make_once(&member, "Mine", "once")).await.problem(403, "admin_required");
    let nobody = world.call("POST", "/api/keys").json(body.clone());
    world.changes_nothing(nobody.send()).await.problem(401, "session_required");
    let garbage =
        world.call("POST", "/api/keys").header("authorization", "Bearer fds_garbage").json(body);
    world.changes_nothing(garbage.send()).await.problem(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_counts_in_its_own_account_alone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let theirs = other.get("/api/keys").await;
    make(&admin, ALL).await;
    tenth(&admin).await.problem(409, "key_limit_reached");
    other.get("/api/keys").await.is_indistinguishable_from(&theirs);
    make(&other, ALL).await;
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenth_key_of_its_own_is_refused_until_one_is_deleted() {
    let world = World::new().await;
    let admin = world.admin().await;
    make(&admin, ALL - 1).await;
    let (last, _) = admin.key("The ninth").await;
    let listed = admin.get("/api/keys").await;
    assert_eq!(
        (&listed.body["count"], &listed.body["limit"], &listed.body["available"]),
        (&json!(10), &json!(10), &json!(0))
    );
    world.changes_nothing(tenth(&admin)).await.problem(409, "key_limit_reached");
    admin.delete(&format!("/api/keys/{last}")).await.ok(204);
    tenth(&admin).await.ok(201);
    world.changes_nothing(tenth(&admin)).await.problem(409, "key_limit_reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_of_the_sandbox_key_is_held_while_the_key_is_gone() {
    let world = World::new().await;
    let admin = world.admin().await;
    let gone = sandbox_key(&admin).await;
    admin.delete(&format!("/api/keys/{gone}")).await.ok(204);
    make(&admin, ALL).await;
    let listed = admin.get("/api/keys").await;
    assert_eq!((&listed.body["count"], &listed.body["available"]), (&json!(9), &json!(0)));
    world.changes_nothing(tenth(&admin)).await.problem(409, "key_limit_reached");

    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
    assert_ne!(sandbox_key(&admin).await, gone);
    assert_eq!(admin.get("/api/keys").await.ok(200)["count"], 10);
    world.changes_nothing(tenth(&admin)).await.problem(409, "key_limit_reached");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_one_place_has_its_sandbox_and_makes_no_key() {
    let world = World::new().await;
    world
        .register(json!({ "name": "Small", "admin_email": "small@example.com", "key_limit": 1 }))
        .await;
    let admin = world.login("small@example.com").await;
    let listed = admin.get("/api/keys").await;
    assert_eq!(
        (&listed.body["count"], &listed.body["limit"], &listed.body["available"]),
        (&json!(1), &json!(1), &json!(0))
    );
    world.changes_nothing(tenth(&admin)).await.problem(409, "key_limit_reached");
    admin.delete(&format!("/api/keys/{}", sandbox_key(&admin).await)).await.ok(204);
    world.changes_nothing(tenth(&admin)).await.problem(409, "key_limit_reached");
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_was_lowered_below_the_count_keeps_the_keys_and_allows_no_more() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("One").await;
    make(&admin, 3).await;
    world.change(&admin.account, json!({ "act": "set_limits", "key_limit": 2 })).await;
    let listed = admin.get("/api/keys").await;
    assert_eq!(
        (&listed.body["count"], &listed.body["limit"], &listed.body["available"]),
        (&json!(5), &json!(2), &json!(0))
    );
    world.changes_nothing(tenth(&admin)).await.problem(409, "key_limit_reached");
    assert_eq!(world.product_api(&key).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_idempotency_key_the_same_request_makes_another_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (first, second) = (admin.key("Twin").await, admin.key("Twin").await);
    assert!(first.0 != second.0 && first.1 != second.1);
    for (_, key) in [first, second] {
        assert_eq!(world.product_api(&key).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gets_the_same_key_and_takes_one_place() {
    let world = World::new().await;
    let admin = world.admin().await;
    let first = make_once(&admin, "Deploy", "job-17").await;
    first.ok(201);
    world.advance(60);
    let again = world.changes_nothing(make_once(&admin, "Deploy", "job-17")).await;
    again.is_indistinguishable_from(&first);
    // What is left of a name after trimming is the name.
    world
        .changes_nothing(make_once(&admin, "  Deploy ", "job-17"))
        .await
        .is_indistinguishable_from(&first);
    assert_eq!(world.product_api(again.body["api_key"].as_str().expect("a key")).await, 200);
    assert_eq!(admin.get("/api/keys").await.ok(200)["available"], 8);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_identical_requests_at_once_make_one_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    let replies =
        futures::future::join_all((0..16).map(|_| make_once(&admin, "Deploy", "job-17"))).await;
    for reply in &replies {
        reply.ok(201);
        reply.is_indistinguishable_from(&replies[0]);
    }
    assert_eq!(world.product_api(replies[0].body["api_key"].as_str().expect("a key")).await, 200);
    assert_eq!(admin.get("/api/keys").await.ok(200)["count"], 2);
    assert_eq!(world.audit().await.iter().filter(|action| *action == "key_created").count(), 1);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_is_answered_when_no_place_is_left() {
    let world = World::new().await;
    let admin = world.admin().await;
    make(&admin, ALL - 1).await;
    let first = make_once(&admin, "Deploy", "job-17").await;
    first.ok(201);
    tenth(&admin).await.problem(409, "key_limit_reached");
    world
        .changes_nothing(make_once(&admin, "Deploy", "job-17"))
        .await
        .is_indistinguishable_from(&first);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_minutes_after_it_was_answered_a_request_makes_a_new_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    let first = make_once(&admin, "Deploy", "job-17").await;
    first.ok(201);
    let answered = world.now();
    // A repetition does not make the ten minutes any longer.
    world.advance(9 * 60);
    make_once(&admin, "Deploy", "job-17").await.is_indistinguishable_from(&first);
    world.advance_to(answered + jiff::SignedDuration::from_mins(10));
    let later = make_once(&admin, "Deploy", "job-17").await;
    later.ok(201);
    assert_ne!(later.body["key"]["id"], first.body["key"]["id"]);
    assert_ne!(later.body["api_key"], first.body["api_key"]);
    // From now on the key repeats the later request.
    world
        .changes_nothing(make_once(&admin, "Deploy", "job-17"))
        .await
        .is_indistinguishable_from(&later);
    for reply in [&first, &later] {
        assert_eq!(world.product_api(reply.body["api_key"].as_str().expect("a key")).await, 200);
    }
    assert_eq!(admin.get("/api/keys").await.ok(200)["count"], 3);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_minutes_an_idempotency_key_may_carry_another_request() {
    let world = World::new().await;
    let admin = world.admin().await;
    make_once(&admin, "Deploy", "job-17").await.ok(201);
    world.advance(10 * 60);
    assert_eq!(make_once(&admin, "Staging", "job-17").await.ok(201)["key"]["name"], "Staging");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_under_the_same_idempotency_key_is_refused() {
    let world = World::new().await;
    let admin = world.admin().await;
    let first = make_once(&admin, "Deploy", "job-17").await;
    first.ok(201);
    for name in ["Staging", "deploy", "Deploy 2"] {
        world
            .changes_nothing(make_once(&admin, name, "job-17"))
            .await
            .problem(422, "idempotency_key_reused");
    }
    make_once(&admin, "Deploy", "job-17").await.is_indistinguishable_from(&first);
    make_once(&admin, "Staging", "Job-17").await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_the_business_of_one_session() {
    let world = World::new().await;
    let admin = world.admin().await;
    let again = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let mut keys = Vec::new();
    for person in [&admin, &again, &other] {
        let reply = make_once(person, "Deploy", "job-17").await;
        keys.push(reply.ok(201)["api_key"].as_str().expect("a key").to_owned());
        make_once(person, "Deploy", "job-17").await.is_indistinguishable_from(&reply);
    }
    assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys[1] != keys[2]);
    // Another session's request is not even reused.
    assert_eq!(
        make_once(&world.admin().await, "Staging", "job-17").await.ok(201)["key"]["name"],
        "Staging"
    );
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_refused_does_not_use_its_idempotency_key_up() {
    let world = World::new().await;
    let admin = world.admin().await;
    make(&admin, ALL - 1).await;
    let (last, _) = admin.key("The ninth").await;
    world
        .changes_nothing(make_once(&admin, "Deploy", "job-17"))
        .await
        .problem(409, "key_limit_reached");
    world.changes_nothing(make_once(&admin, "", "job-17")).await.problem(400, "invalid_name");
    admin.delete(&format!("/api/keys/{last}")).await.ok(204);
    make_once(&admin, "Deploy", "job-17").await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_does_not_bring_a_deleted_key_back() {
    let world = World::new().await;
    let admin = world.admin().await;
    let first = make_once(&admin, "Deploy", "job-17").await;
    let id = first.ok(201)["key"]["id"].as_str().expect("an id").to_owned();
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    let gone = world.changes_nothing(make_once(&admin, "Deploy", "job-17")).await;
    let problem = gone.problem(404, "key_not_found");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("Idempotency-Key")));
    assert_eq!(gone.body.get("api_key"), None);
    // Another request under the same key stays what it is.
    let other = world.changes_nothing(make_once(&admin, "Other", "job-17")).await;
    other.problem(422, "idempotency_key_reused");
    assert_eq!(world.product_api(first.body["api_key"].as_str().expect("a key")).await, 403);
    assert_eq!(admin.get("/api/keys").await.ok(200)["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_has_1_to_255_printable_characters() {
    let world = World::new().await;
    let admin = world.admin().await;
    let longest = "k".repeat(255);
    for (number, once) in
        ["k", &longest, "a b~!", "8e03978e-40d5-43dd-bc93-6894a57f9324"].into_iter().enumerate()
    {
        make_once(&admin, &format!("Good {number}"), once).await.ok(201);
    }
    for once in [String::new(), "k".repeat(256), "a\tb".to_owned()] {
        world
            .changes_nothing(make_once(&admin, "Bad", &once))
            .await
            .problem(400, "invalid_idempotency_key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_makes_no_key_and_repeats_none() {
    let world = World::new().await;
    let admin = world.admin().await;
    let first = make_once(&admin, "Deploy", "job-17").await;
    first.ok(201);
    suspend(&admin, true).await;
    world
        .changes_nothing(async {
            tenth(&admin).await.problem(403, "account_suspended");
            make_once(&admin, "Deploy", "job-17").await.problem(403, "account_suspended");
            make_once(&admin, "Staging", "job-17").await.problem(403, "account_suspended");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_when_it_was_made_to_end_and_keeps_its_place() {
    let world = World::new().await;
    let admin = world.admin().await;
    let until = world.ahead(3600);
    let made = admin.post("/api/keys", json!({ "name": "Until", "expires_at": until })).await;
    assert_eq!(made.ok(201)["key"]["expires_at"], until);
    assert_eq!(made.body["key"]["state"], "active");
    let key = made.body["api_key"].as_str().expect("a key");
    world.advance(3000);
    assert_eq!(world.product_api(key).await, 200);
    world.advance_to(until.parse().expect("a time"));
    assert_eq!(world.product_api(key).await, 403);
    let listed = admin.get("/api/keys").await;
    let of_key = &listed.ok(200)["keys"][1];
    assert_eq!((&of_key["state"], &of_key["expires_at"]), (&json!("expired"), &json!(until)));
    assert_eq!((&listed.body["count"], &listed.body["available"]), (&json!(2), &json!(8)));
    let path = format!("/api/keys/{}", made.body["key"]["id"].as_str().expect("an id"));
    admin.delete(&path).await.ok(204);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_to_end_in_any_form_of_a_time_and_otherwise_never() {
    let world = World::new().await;
    let admin = world.admin().await;
    for (given, kept) in [
        (json!(null), json!(null)),
        (json!("2029-02-28T23:30:00.1239-00:30"), json!("2029-03-01T00:00:00.123Z")),
        (json!("2029-03-01T00:00:00Z"), json!("2029-03-01T00:00:00.000Z")),
    ] {
        let reply = admin.post("/api/keys", json!({ "name": "Until", "expires_at": given })).await;
        assert_eq!(reply.ok(201)["key"]["expires_at"], kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_no_key_may_end_at_makes_none() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (soon, late) = (world.ahead(240), world.ahead(5 * 366 * 86400));
    world
        .changes_nothing(async {
            for until in ["", "tomorrow", "2029-02-29T00:00:00Z", "2029-03-01", &soon, &late] {
                for once in ["one", "two"] {
                    let reply = make_until(&admin, &json!(until), once).await;
                    reply.problem(400, "invalid_expiry");
                }
                let body = json!({ "name": "Until", "expires_at": until });
                admin.post("/api/keys", body).await.problem(400, "invalid_expiry");
            }
            for until in [json!(1_800_000_000), json!(true), json!(["2029-03-01T00:00:00Z"])] {
                make_until(&admin, &until, "one").await.problem(400, "invalid_request");
            }
        })
        .await;
    make_until(&admin, &json!(world.ahead(360)), "one").await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_is_recognised_when_its_time_is_not_ahead_any_more() {
    let world = World::new().await;
    let admin = world.admin().await;
    let until = json!(world.ahead(360));
    let first = make_until(&admin, &until, "job-17").await;
    first.ok(201);
    world.advance(120);
    world
        .changes_nothing(make_until(&admin, &until, "job-17"))
        .await
        .is_indistinguishable_from(&first);
    world
        .changes_nothing(make_until(&admin, &until, "job-18"))
        .await
        .problem(400, "invalid_expiry");
    for other in [json!(null), json!(world.ahead(7200)), json!(world.ahead(60))] {
        let reply = world.changes_nothing(make_until(&admin, &other, "job-17")).await;
        reply.problem(422, "idempotency_key_reused");
    }
    world.advance(300);
    let again = world.changes_nothing(make_until(&admin, &until, "job-17")).await;
    assert_eq!(again.ok(201)["key"]["state"], "expired");
    assert_eq!(again.body["api_key"], first.body["api_key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_admin_is_told_so_before_what_else_is_wrong() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let bad = [
        json!({ "name": "" }),
        json!({ "name": "Until", "expires_at": "tomorrow" }),
        json!({ "name": "Until", "expires_at": "2026-01-01T00:00:00Z" }),
    ];
    world
        .changes_nothing(async {
            for body in bad {
                member.post("/api/keys", body).await.problem(403, "admin_required");
            }
            make_once(&member, "Mine", "").await.problem(403, "admin_required");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_gives_no_value_that_a_rotation_has_ended() {
    let world = World::new().await;
    let admin = world.admin().await;
    let made = make_once(&admin, "Deploy", "once").await;
    let id = made.ok(201)["key"]["id"].as_str().expect("an id").to_owned();
    let rotate = format!("/api/keys/{id}/rotate");
    // While it is the old value of the two, it is given again.
    admin.post(&rotate, json!({})).await.ok(201);
    let again = make_once(&admin, "Deploy", "once").await;
    assert_eq!(again.ok(201)["api_key"], made.ok(201)["api_key"]);
    admin.post(&rotate, json!({ "keep_old_seconds": 0 })).await.ok(201);
    let ended = world.changes_nothing(make_once(&admin, "Deploy", "once")).await;
    ended.problem(409, "key_superseded");
    assert!(ended.text.contains("Make another"), "{}", ended.text);
}
