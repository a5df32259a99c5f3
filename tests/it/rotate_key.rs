//! `POST /api/keys/{key_id}/rotate`

use crate::support::{Person, Reply, World};
use domain::PlainKey;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

async fn rotate(person: &Person<'_>, id: &str, body: Value) -> Reply {
    person.post(&format!("/api/keys/{id}/rotate"), body).await
}

async fn rotate_once(person: &Person<'_>, id: &str, once: &str, body: Value) -> Reply {
    let call = person.call("POST", &format!("/api/keys/{id}/rotate"));
    call.header("idempotency-key", once).json(body).send().await
}

fn value(reply: &Reply) -> String {
    reply.ok(201)["api_key"].as_str().expect("a key").to_owned()
}

/// Which of these values are good.
async fn good(world: &World, values: &[&String]) -> Vec<bool> {
    let statuses = join_all(values.iter().map(|value| world.product_api(value))).await;
    statuses.into_iter().map(|status| status == 200).collect()
}

async fn sandbox_key(person: &Person<'_>) -> String {
    let sandbox = person.get("/api/sandbox").await;
    sandbox.body["key_id"].as_str().expect("there is a Sandbox key").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_gets_a_new_value_and_stays_the_same_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    let until = world.ahead(3 * 86400);
    let made = admin.post("/api/keys", json!({ "name": "Deploy", "expires_at": until })).await;
    let first = value(&made);
    let id = made.body["key"]["id"].as_str().expect("an id");
    world.advance(60);
    let before = world.now();
    let rotated = admin.act(&format!("/api/keys/{id}/rotate")).await;
    let after = world.now();
    let second = value(&rotated);
    let mut key = made.body["key"].clone();
    let of = |name: &str| rotated.body["key"][name].clone();
    key["rotated_at"] = of("rotated_at");
    key["old_valid_until"] = of("old_valid_until");
    assert_eq!(rotated.body, json!({ "key": key, "api_key": second }));
    let time = |name| of(name).as_str().expect("a time").parse::<jiff::Timestamp>().expect("one");
    assert!((before..=after).contains(&time("rotated_at")));
    let day = jiff::SignedDuration::from_hours(24);
    assert_eq!(time("old_valid_until"), time("rotated_at") + day);
    let start = key["start"].as_str().expect("a text");
    assert!(second != first && second.starts_with(start) && second.len() == first.len());
    let mut listed = admin.get("/api/keys").await.ok(200)["keys"][1].clone();
    listed.as_object_mut().expect("a key").remove("created_by");
    assert_eq!(listed, key);
    assert_eq!(admin.get("/api/keys").await.body["count"], 2);
    assert_eq!(good(&world, &[&first, &second]).await, [true, true]);

    let audited = world.rows_of("audit").await;
    let of_it = audited.iter().find(|row| row["action"].as_s().is_ok_and(|it| it == "key_rotated"));
    assert_eq!(of_it.expect("it is told")["label"].as_s().expect("a text"), "Deploy");
    let everything = format!("{:?}", world.rows().await);
    for key in [&first, &second] {
        assert!(!everything.contains(&key[key.len() - 38..key.len() - 6]));
    }
    let digest = String::from(PlainKey::parse(&second).expect("a key").digest());
    assert!(everything.contains(&digest));
    // Each ends in its time.
    world.advance_to(time("old_valid_until"));
    assert_eq!(good(&world, &[&first, &second]).await, [false, true]);
    assert_eq!(admin_key(&world).await["old_valid_until"], Value::Null);
    world.advance_to(until.parse().expect("a time"));
    assert_eq!(good(&world, &[&first, &second]).await, [false, false]);
}

/// The newest key, as a new session of the admin's sees it.
async fn admin_key(world: &World) -> Value {
    world.admin().await.get("/api/keys").await.ok(200)["keys"][1].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_rotation_ends_the_value_before_the_last_and_none_is_kept_for_0_seconds() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, first) = admin.key("Deploy").await;
    let second = value(&rotate(&admin, &id, json!({ "keep_old_seconds": 604_800 })).await);
    let third = value(&rotate(&admin, &id, json!({})).await);
    assert_eq!(good(&world, &[&first, &second, &third]).await, [false, true, true]);
    let rotated = rotate(&admin, &id, json!({ "keep_old_seconds": 0 })).await;
    assert_eq!(rotated.ok(201)["key"]["old_valid_until"], Value::Null);
    let fourth = value(&rotated);
    assert_eq!(good(&world, &[&second, &third, &fourth]).await, [false, false, true]);
}

/// JSON has one kind of numbers: some languages write a whole one with a fraction, and to JSON
/// Schema it is an integer.
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_number_of_seconds_is_one_however_it_is_written() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, _) = admin.key("Deploy").await;
    for written in ["60.0", "6e1", "60"] {
        let body = format!("{{\"keep_old_seconds\":{written}}}");
        let path = format!("/api/keys/{id}/rotate");
        let rotated = admin.call("POST", &path).raw("application/json", body).send().await;
        let key = &rotated.ok(201)["key"];
        let time = |name: &str| -> Timestamp {
            key[name].as_str().expect("a text").parse().expect("a time")
        };
        let minute = SignedDuration::from_mins(1);
        assert_eq!(time("old_valid_until"), time("rotated_at") + minute, "{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_and_a_suspension_hold_for_both_values() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, first) = admin.key("Deploy").await;
    let second = value(&rotate(&admin, &id, json!({})).await);
    world.suspend(&admin.account).await;
    assert_eq!(good(&world, &[&first, &second]).await, [false, false]);
    let refused = world.changes_nothing(rotate(&admin, &id, json!({}))).await;
    refused.problem(403, "account_suspended");
    world.resume(&admin.account).await;
    assert_eq!(good(&world, &[&first, &second]).await, [true, true]);
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    assert_eq!(good(&world, &[&first, &second]).await, [false, false]);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rotations_at_once_leave_two_good_values_and_end_the_first() {
    let world = World::new().await;
    let admin = world.admin().await;
    for once in [None, Some(["one", "two"])] {
        let (id, first) = admin.key("Deploy").await;
        let (one, two) = match once {
            None => {
                tokio::join!(rotate(&admin, &id, json!({})), rotate(&admin, &id, json!({})))
            }
            Some([one, two]) => tokio::join!(
                rotate_once(&admin, &id, one, json!({})),
                rotate_once(&admin, &id, two, json!({}))
            ),
        };
        let (one, two) = (value(&one), value(&two));
        assert_eq!(good(&world, &[&first, &one, &two]).await, [false, true, true]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_rotation_gives_its_value_again_while_the_key_has_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, first) = admin.key("Deploy").await;
    let short = json!({ "keep_old_seconds": 60 });
    let made = rotate_once(&admin, &id, "one", short.clone()).await;
    let second = value(&made);
    world.advance(30);
    let again = world.changes_nothing(rotate_once(&admin, &id, "one", short.clone())).await;
    again.is_indistinguishable_from(&made);
    assert_eq!(good(&world, &[&first, &second]).await, [true, true]);
    // Beside the next value, and no longer.
    let next = rotate_once(&admin, &id, "two", short.clone()).await;
    let third = value(&next);
    let again = world.changes_nothing(rotate_once(&admin, &id, "one", short.clone())).await;
    assert_eq!((value(&again), &again.body["key"]), (second.clone(), &next.body["key"]));
    world.advance(60);
    let over = world.changes_nothing(rotate_once(&admin, &id, "one", short.clone())).await;
    over.problem(409, "key_superseded");
    let again = world.changes_nothing(rotate_once(&admin, &id, "two", short.clone())).await;
    assert_eq!(value(&again), third);
    rotate(&admin, &id, json!({ "keep_old_seconds": 0 })).await.ok(201);
    let over = world.changes_nothing(rotate_once(&admin, &id, "two", short.clone())).await;
    over.problem(409, "key_superseded");
    // After ten minutes it is another request.
    world.advance(600);
    let anew = value(&rotate_once(&admin, &id, "two", short.clone()).await);
    assert!(anew != third);
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    let gone = world.changes_nothing(rotate_once(&admin, &id, "two", short)).await;
    gone.problem(404, "key_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_identical_rotations_at_once_make_one_value() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, first) = admin.key("Deploy").await;
    let replies = join_all((0..8).map(|_| rotate_once(&admin, &id, "one", json!({})))).await;
    for reply in &replies {
        assert_eq!(value(reply), value(&replies[0]));
    }
    assert_eq!(good(&world, &[&first, &value(&replies[0])]).await, [true, true]);
    let rotations = world.audit().await.into_iter().filter(|action| action == "key_rotated");
    assert_eq!(rotations.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_one_action_on_one_key_with_one_body() {
    let world = World::new().await;
    let admin = world.admin().await;
    let create = |once: &str| {
        let call = admin.call("POST", "/api/keys").header("idempotency-key", once);
        call.json(json!({ "name": "Deploy" }))
    };
    let made = create("created").send().await;
    let id = made.ok(201)["key"]["id"].as_str().expect("an id");
    let (other, _) = admin.key("Other").await;
    rotate_once(&admin, id, "rotated", json!({})).await.ok(201);
    let reused = async |reply: Reply| {
        reply.problem(422, "idempotency_key_reused");
    };
    world
        .changes_nothing(async {
            reused(rotate_once(&admin, id, "created", json!({})).await).await;
            reused(rotate_once(&admin, &other, "rotated", json!({})).await).await;
            let longer = json!({ "keep_old_seconds": 86_401 });
            reused(rotate_once(&admin, id, "rotated", longer).await).await;
            reused(create("rotated").send().await).await;
            // What is left out is what it is by default.
            let day = json!({ "keep_old_seconds": 86_400 });
            rotate_once(&admin, id, "rotated", day).await.ok(201);
        })
        .await;
    // Another session's is another one.
    rotate_once(&world.admin().await, id, "created", json!({})).await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_come_in_their_order() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let other = world.other_admin("other@example.com").await;
    let (theirs, _) = other.key("Theirs").await;
    let (id, _) = admin.key("Deploy").await;
    let soon = json!({ "name": "Soon", "expires_at": world.ahead(360) });
    let expired = admin.post("/api/keys", soon).await.ok(201)["key"]["id"].clone();
    let expired = expired.as_str().expect("an id");
    let sandbox = sandbox_key(&admin).await;
    rotate_once(&admin, expired, "one", json!({})).await.ok(201);
    world.advance(360);
    let bad = json!({ "keep_old_seconds": -1 });
    world
        .changes_nothing(async {
            for body in [json!({}), bad.clone()] {
                for id in [&*id, expired, &sandbox, "key_k00000000"] {
                    let reply = rotate(&member, id, body.clone()).await;
                    reply.problem(403, "admin_required");
                }
                let made_up = rotate(&admin, "key_k00000000", body.clone()).await;
                made_up.problem(404, "key_not_found");
                for id in [&*theirs, "key_s00000000", "of_no_form"] {
                    let reply = rotate(&admin, id, body.clone()).await;
                    reply.is_indistinguishable_from(&made_up);
                }
                rotate(&admin, &sandbox, body.clone()).await.problem(409, "sandbox_key");
                rotate(&admin, expired, body.clone()).await.problem(409, "key_expired");
            }
            rotate_once(&admin, expired, "one", json!({})).await.problem(409, "key_expired");
            for seconds in [json!(-1), json!(604_801), json!(1.5), json!(1e30)] {
                let body = json!({ "keep_old_seconds": seconds });
                rotate(&admin, &id, body).await.problem(400, "invalid_overlap");
            }
            for seconds in [json!(null), json!("60"), json!(true)] {
                let body = json!({ "keep_old_seconds": seconds });
                rotate(&admin, &id, body).await.problem(400, "invalid_request");
            }
            let reply = rotate_once(&admin, &id, "", json!({})).await;
            reply.problem(400, "invalid_idempotency_key");
            let nobody = world.call("POST", &format!("/api/keys/{id}/rotate"));
            nobody.send().await.problem(401, "session_required");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_meets_a_deletion_brings_nothing_back() {
    let world = World::new().await;
    let admin = world.admin().await;
    for number in 0..4 {
        let (id, first) = admin.key(&format!("Key {number}")).await;
        let path = format!("/api/keys/{id}");
        let (deleted, rotated) = tokio::join!(admin.delete(&path), rotate(&admin, &id, json!({})));
        deleted.ok(204);
        assert!([201, 404].contains(&rotated.status.as_u16()), "{}", rotated.text);
        assert_eq!(good(&world, &[&first]).await, [false]);
        if let Some(second) = rotated.body["api_key"].as_str() {
            assert_eq!(world.product_api(second).await, 403);
        }
    }
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_keeps_its_prefix_in_a_deployment_with_another_one() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, first) = admin.key("Deploy").await;
    let renamed = crate::proxy::Behind::new(&world, "rotate-key", &[("KEY_PREFIX", "acme")]);
    let answer = renamed.call(Some(&admin), Some(&id), None).await;
    let second = crate::proxy::body_of(&answer)["api_key"].as_str().expect("a key").to_owned();
    assert!(second.starts_with("fd_live_"), "{second:.8}");
    assert_eq!(good(&world, &[&first, &second]).await, [true, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_value_of_a_key_that_ends_sooner_is_said_to_work_until_then() {
    let world = World::new().await;
    let admin = world.admin().await;
    let ends = world.ahead(3600);
    let made = admin.post("/api/keys", json!({ "name": "Backend", "expires_at": ends })).await;
    let id = made.ok(201)["key"]["id"].as_str().expect("an id").to_owned();
    let rotated = rotate(&admin, &id, json!({})).await;
    assert_eq!(rotated.ok(201)["key"]["old_valid_until"], *ends);
    world.advance(3600);
    assert_eq!(admin_key(&world).await["old_valid_until"], Value::Null, "it opens nothing");
    let later = json!({ "expires_at": null });
    let revived = admin.patch(&format!("/api/keys/{id}"), later).await;
    assert_ne!(revived.ok(200)["key"]["old_valid_until"], Value::Null);
}
