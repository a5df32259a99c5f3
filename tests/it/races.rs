//! Requests that race each other: whatever their order, the end state is one that some order of
//! them, one after the other, has.

use crate::gate::{Gate, Held, overtaken};
use crate::invitations::link;
use crate::proxy::{http_event, outcome};
use crate::support::{ADMIN, Person, Reply, World};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::{join, join_all};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Semaphore;

fn count(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

/// All of them had this status, save those that had the other one with its code.
#[track_caller]
fn only(replies: &[Reply], good: u16, refusal: (u16, &str)) {
    for reply in replies {
        if reply.status == good {
            reply.ok(good);
        } else {
            reply.problem(refusal.0, refusal.1);
        }
    }
}

async fn create(person: &Person<'_>, number: usize) -> Reply {
    person.post("/api/keys", json!({ "name": format!("Key {number}") })).await
}

async fn invite(person: &Person<'_>, email: &str) -> Reply {
    person.post("/api/team", json!({ "email": email })).await
}

async fn revoke(person: &Person<'_>, id: &str) -> Reply {
    person.delete(&format!("/api/team/{id}")).await
}

/// Two admins of one new account, which has this many places for keys.
async fn two_admins(world: &World, number: usize, key_limit: usize) -> (Person<'_>, Person<'_>) {
    let emails = [format!("first{number}@example.com"), format!("second{number}@example.com")];
    let name = format!("Company {number}");
    let account = world
        .register(json!({ "name": name, "admin_email": emails[0], "key_limit": key_limit }))
        .await;
    let second = json!({ "act": "add_admin", "email": emails[1] });
    world.change(account["account"]["id"].as_str().expect("an id"), second).await;
    (world.login(&emails[0]).await, world.login(&emails[1]).await)
}

/// Keys of an account that its admins made, as the table has them now.
async fn own_keys(world: &World, account: &str) -> usize {
    let rows = world.rows().await;
    rows.keys()
        .filter(|(pk, sk)| *pk == format!("ACCT#{account}") && sk.starts_with("KEY#key_k"))
        .count()
}

async fn audited(world: &World, action: &str) -> usize {
    world.audit().await.iter().filter(|known| *known == action).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_requests_for_the_last_place_one_gets_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    for number in 0..8 {
        admin.key(&format!("Early {number}")).await;
    }
    let replies = join_all((0..64).map(|number| create(&admin, number))).await;
    only(&replies, 201, (409, "key_limit_reached"));
    assert_eq!(count(&replies, 201), 1);
    let listed = admin.get("/api/keys").await;
    assert_eq!((&listed.body["count"], &listed.body["available"]), (&json!(10), &json!(0)));
    assert_eq!(audited(&world, "key_created").await, 9);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_and_sessions_share_one_limit() {
    let world = World::new().await;
    let (first, second) = two_admins(&world, 0, 10).await;
    let third = world.login("first0@example.com").await;
    let replies = join_all(
        [&first, &second, &third]
            .into_iter()
            .flat_map(|person| (0..8).map(move |number| create(person, number))),
    )
    .await;
    only(&replies, 201, (409, "key_limit_reached"));
    assert_eq!(count(&replies, 201), 9);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_finds_its_place_whatever_is_made_meanwhile() {
    let world = World::new().await;
    let admin = world.admin().await;
    let sandbox =
        admin.get("/api/sandbox").await.body["key_id"].as_str().expect("an id").to_owned();
    admin.delete(&format!("/api/keys/{sandbox}")).await.ok(204);
    let (replies, provision) = join(
        join_all((0..32).map(|number| create(&admin, number))),
        admin.act("/api/sandbox/provision"),
    )
    .await;
    provision.ok(202);
    world.settle().await;
    only(&replies, 201, (409, "key_limit_reached"));
    assert_eq!(count(&replies, 201), 9);
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
    assert_eq!(admin.get("/api/keys").await.ok(200)["count"], 10);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_idempotency_key_with_different_requests_makes_one_key() {
    let world = World::new().await;
    let admin = world.admin().await;
    let request = |number: usize| {
        let body = json!({ "name": format!("Key {}", number % 2) });
        admin.call("POST", "/api/keys").header("idempotency-key", "job-17").json(body).send()
    };
    let replies = join_all((0..16).map(request)).await;
    only(&replies, 201, (422, "idempotency_key_reused"));
    // The half that asks for the same as the first gets its key; the other half nothing.
    assert_eq!(count(&replies, 201), 8);
    let made: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert!(made.iter().all(|reply| reply.text == made[0].text));
    assert_eq!(own_keys(&world, &admin.account).await, 1);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_invitations_for_the_last_place_one_gets_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    for number in 0..3 {
        invite(&admin, &format!("early{number}@example.com")).await.ok(201);
    }
    let emails: Vec<String> = (0..16).map(|number| format!("late{number}@example.com")).collect();
    let replies = join_all(emails.iter().map(|email| invite(&admin, email))).await;
    only(&replies, 201, (409, "member_limit_reached"));
    assert_eq!(count(&replies, 201), 1);
    world.settle().await;
    assert_eq!(world.mailed("invitation").len(), 4);
    assert_eq!(admin.get("/api/team").await.ok(200)["count"], 5);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_is_invited_once_however_often_it_is_asked_for() {
    let world = World::new().await;
    let admin = world.admin().await;
    let replies = join_all((0..16).map(|_| invite(&admin, "new@example.com"))).await;
    // The others are told so, as often as the day allows.
    let others: Vec<Reply> = replies.into_iter().filter(|reply| reply.status != 201).collect();
    for reply in &others {
        let told = if reply.status == 409 { "email_already_registered" } else { "rate_limited" };
        reply.problem(if reply.status == 409 { 409 } else { 429 }, told);
    }
    assert_eq!((others.len(), count(&others, 409)), (15, 10));
    world.settle().await;
    assert_eq!(world.mailed("invitation"), ["new@example.com"]);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_two_accounts_invite_at_once_belongs_to_one() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    for number in 0..4 {
        let email = format!("wanted{number}@example.com");
        let (here, there) = join(invite(&admin, &email), invite(&other, &email)).await;
        let winner = if here.status == 201 { &admin } else { &other };
        let replies = [here, there];
        only(&replies, 201, (409, "email_already_registered"));
        assert_eq!(count(&replies, 201), 1);
        assert_eq!(world.login(&email).await.account, winner.account);
    }
    assert_eq!(world.mailed("invitation").len(), 4);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_revoke_each_other_one_remains() {
    let world = World::new().await;
    for number in 0..10 {
        let (first, second) = two_admins(&world, number, 10).await;
        let (by_first, by_second) =
            join(revoke(&first, &second.id), revoke(&second, &first.id)).await;
        let (winner, loser) =
            if by_first.status == 204 { (&first, &second) } else { (&second, &first) };
        let replies = [by_first, by_second];
        only(&replies, 204, (401, "session_ended"));
        assert_eq!(count(&replies, 204), 1);
        let team = winner.get("/api/team").await;
        assert_eq!(
            (&team.ok(200)["count"], &team.body["members"][0]["id"]),
            (&json!(1), &json!(winner.id))
        );
        loser.get("/api/session").await.problem(401, "session_ended");
    }
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_leave_at_once_one_remains() {
    let world = World::new().await;
    for number in 0..10 {
        let (first, second) = two_admins(&world, number, 10).await;
        let (left, right) = join(revoke(&first, &first.id), revoke(&second, &second.id)).await;
        let stayed = if left.status == 204 { &second } else { &first };
        let replies = [left, right];
        only(&replies, 204, (409, "last_admin"));
        assert_eq!(count(&replies, 204), 1);
        assert_eq!(stayed.get("/api/team").await.ok(200)["count"], 1);
    }
    world.check_counters().await;
}

/// How an admin stops being one, by an admin's act on `whom`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Revoked,
    Demoted,
    Left,
}

impl End {
    const ALL: [Self; 3] = [Self::Revoked, Self::Demoted, Self::Left];

    async fn of(self, whom: &Person<'_>, by: &Person<'_>) -> Reply {
        let path = format!("/api/team/{}", whom.id);
        match self {
            Self::Revoked => by.delete(&path).await,
            Self::Demoted => by.patch(&path, json!({ "role": "member" })).await,
            Self::Left => whom.delete("/api/team/me").await,
        }
    }
}

/// Checks that exactly one of two admins is one still, and works as one.
async fn one_admin_is_left(first: &Person<'_>, second: &Person<'_>) {
    let teams = [first.get("/api/team").await, second.get("/api/team").await];
    assert_eq!(count(&teams, 200), 1, "{} {}", teams[0].text, teams[1].text);
    let team = teams.iter().find(|team| team.status == 200).expect("one is there");
    let members = team.body["members"].as_array().expect("a list").iter();
    assert_eq!(members.filter(|member| member["role"] == "admin").count(), 1, "{}", team.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_end_each_other_or_themselves_in_any_way_one_remains() {
    let world = World::new().await;
    let mut number = 0;
    for ends in End::ALL.into_iter().flat_map(|one| End::ALL.map(|other| [one, other])) {
        for by_themselves in [false, true] {
            let (first, second) = two_admins(&world, number, 10).await;
            number += 1;
            let (by, other) = if by_themselves { (&first, &second) } else { (&second, &first) };
            let replies = join(ends[0].of(&first, by), ends[1].of(&second, other)).await;
            let replies = [replies.0, replies.1];
            let done = replies.iter().filter(|reply| reply.status.is_success()).count();
            assert_eq!(done, 1, "{ends:?}: {} {}", replies[0].text, replies[1].text);
            for refused in replies.iter().filter(|reply| !reply.status.is_success()) {
                let code = refused.body["code"].as_str().unwrap_or_default();
                let known = ["last_admin", "session_ended", "admin_required"];
                assert!(known.contains(&code), "{ends:?}: {}", refused.text);
            }
            one_admin_is_left(&first, &second).await;
        }
    }
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_admins_who_end_in_any_way_at_once_one_remains() {
    let world = World::new().await;
    let (first, second) = two_admins(&world, 0, 10).await;
    let mut admins = vec![first, second];
    for number in 2..6 {
        let member = world.member(&admins[0], &format!("more{number}@example.com")).await;
        let path = format!("/api/team/{}", member.id);
        admins[0].patch(&path, json!({ "role": "admin" })).await.ok(200);
        admins.push(member);
    }
    let replies = join_all(
        admins.iter().enumerate().map(|(place, admin)| End::ALL[place % 3].of(admin, admin)),
    )
    .await;
    let done = replies.iter().filter(|reply| reply.status.is_success()).count();
    assert_eq!(done, admins.len() - 1);
    let refused = replies.iter().find(|reply| !reply.status.is_success()).expect("one is refused");
    refused.problem(409, "last_admin");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_ends_beside_the_first_login_of_another_only_if_that_comes_first() {
    let world = World::new().await;
    for (number, end) in End::ALL.into_iter().cycle().take(6).enumerate() {
        let emails = [format!("old{number}@example.com"), format!("new{number}@example.com")];
        let admin = world.other_admin(&emails[0]).await;
        let invitation = json!({ "email": emails[1], "role": "admin" });
        admin.post("/api/team", invitation).await.ok(201);
        let (challenge, code) = world.challenge(&emails[1]).await;
        let (opened, ended) = join(world.verify(&challenge, &code), end.of(&admin, &admin)).await;
        opened.ok(200);
        if !ended.status.is_success() {
            ended.problem(409, "last_admin");
        }
        world.settle().await;
        world.check_counters().await;
        let second = Person {
            token: opened.body["session_token"].as_str().expect("a token").to_owned(),
            ..admin.clone()
        };
        second.get("/api/team").await.ok(200);
        let others = if ended.status.is_success() { "member" } else { "admin" };
        let role = admin.get("/api/session").await.body["member"]["role"].clone();
        assert!(role == others || role.is_null(), "{end:?}: {role}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_who_never_came_stands_in_for_nobody_however_the_invitation_ends_beside() {
    let world = World::new().await;
    for (number, end) in End::ALL.into_iter().enumerate() {
        for way in ["declined", "revoked", "demoted", "ended"] {
            let email = |who: &str| format!("{who}.{way}{number}@example.com");
            let admin = world.other_admin(&email("old")).await;
            let invitation = json!({ "email": email("new"), "role": "admin" });
            let id = admin.post("/api/team", invitation).await.ok(201)["member"]["id"].clone();
            world.settle().await;
            let path = format!("/api/team/{}", id.as_str().expect("an id"));
            let invitation = async {
                match way {
                    "declined" => {
                        let body = json!({ "invitation": link(&world, &email("new")) });
                        let call = world.call("POST", "/api/invitation/decline").json(body);
                        call.send().await.ok(204);
                    }
                    "revoked" => _ = admin.delete(&path).await.ok(204),
                    "demoted" => {
                        admin.patch(&path, json!({ "role": "member" })).await.ok(200);
                    }
                    _ => {
                        let row = format!("MEMBER#{}", id.as_str().expect("an id"));
                        let long_ago = || AttributeValue::N("1".to_owned());
                        let over = [("invited_until", long_ago()), ("due_at", long_ago())];
                        let partition = format!("ACCT#{}", admin.account);
                        world.set_attributes(&partition, &row, &over).await;
                        world.desk.invoke("sweep", &json!({})).await.expect("the sweep runs");
                    }
                }
            };
            let (ended, ()) = join(end.of(&admin, &admin), invitation).await;
            ended.problem(409, "last_admin");
            world.check_counters().await;
            let left = if way == "demoted" { 2 } else { 1 };
            assert_eq!(admin.get("/api/team").await.ok(200)["count"], left, "{way}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_revoked_by_many_at_once_is_counted_out_once() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "member@example.com").await;
    let replies = join_all((0..16).map(|_| revoke(&admin, &member.id))).await;
    only(&replies, 204, (404, "member_not_found"));
    assert_eq!(count(&replies, 204), 1);
    assert_eq!(admin.get("/api/team").await.ok(200)["count"], 1);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_revoked_admin_had_in_flight_is_done_after_the_revocation() {
    let world = World::new().await;
    for number in 0..3 {
        let (first, second) = two_admins(&world, number, 40).await;
        let answered = Semaphore::new(0);
        let creates = join_all((0..32).map(async |number| {
            let reply = create(&second, number).await;
            answered.add_permits(1);
            reply
        }));
        // In the midst of them. What the table has when the revocation is answered is all that it
        // will ever have.
        let revocation = async {
            let _some = answered.acquire_many(4).await.expect("it is open");
            revoke(&first, &second.id).await.ok(204);
            own_keys(&world, &first.account).await
        };
        let (replies, then) = join(creates, revocation).await;
        only(&replies, 201, (401, "session_ended"));
        assert_eq!(own_keys(&world, &first.account).await, then);
        assert_eq!(count(&replies, 201), then);
        create(&second, 99).await.problem(401, "session_ended");

        // Each key that was made has its row in the trail, in the same transaction.
        let rows = world.rows().await;
        let by_second = rows.iter().filter(|((pk, _), row)| {
            let is = |name: &str, text: &str| {
                row.get(name).and_then(|value| value.as_s().ok()).is_some_and(|known| known == text)
            };
            *pk == format!("AUDIT#{}", first.account)
                && is("action", "key_created")
                && is("actor", &second.id)
        });
        assert_eq!(by_second.count(), then);
    }
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_races_a_revocation_leaves_no_session() {
    let world = World::new().await;
    let admin = world.admin().await;
    for number in 0..4 {
        let email = format!("member{number}@example.com");
        let id = invite(&admin, &email).await.ok(201)["member"]["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        let (challenge, code) = world.challenge(&email).await;
        let (opened, revoked) = join(world.verify(&challenge, &code), revoke(&admin, &id)).await;
        revoked.ok(204);
        if opened.status == 200 {
            let token = opened.body["session_token"].as_str().expect("a token");
            let session = world
                .call("GET", "/api/session")
                .header("authorization", &format!("Bearer {token}"));
            session.send().await.problem(401, "session_ended");
        } else {
            opened.problem(401, "code_incorrect");
        }
        assert_eq!(admin.get("/api/team").await.ok(200)["count"], 1);
    }
    world.settle().await;
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_and_creations_at_once_leave_the_counter_right() {
    let world = World::new().await;
    let admin = world.admin().await;
    let mut early = Vec::new();
    for number in 0..9 {
        early.push(admin.key(&format!("Early {number}")).await.0);
    }
    // Each key is deleted twice at once.
    let paths: Vec<String> =
        early.iter().chain(&early).map(|id| format!("/api/keys/{id}")).collect();
    let deletes = join_all(paths.iter().map(|path| admin.delete(path)));
    let (created, deleted) =
        join(join_all((0..24).map(|number| create(&admin, number))), deletes).await;
    only(&created, 201, (409, "key_limit_reached"));
    only(&deleted, 204, (404, "key_not_found"));
    assert_eq!(count(&deleted, 204), 9);
    assert_eq!(own_keys(&world, &admin.account).await, count(&created, 201));
    assert_eq!(admin.get("/api/keys").await.ok(200)["available"], 9 - count(&created, 201));
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_hands_out_no_key_whose_deletion_was_answered_before_it_began() {
    let world = World::new().await;
    let admin = world.admin().await;
    let make = async |once: &str| {
        let call = admin.call("POST", "/api/keys").header("idempotency-key", once);
        call.json(json!({ "name": "A key" })).send().await
    };
    for round in 0..8 {
        let once = format!("round {round}");
        let made = make(&once).await;
        let path = format!("/api/keys/{}", made.ok(201)["key"]["id"].as_str().expect("an id"));
        let deletion = async {
            let deleted = admin.delete(&path).await;
            (deleted, make(&once).await)
        };
        let ((deleted, after), beside) =
            join(deletion, join_all((0..8).map(|_| make(&once)))).await;
        deleted.ok(204);
        after.problem(404, "key_not_found");
        for reply in &beside {
            match reply.status.as_u16() {
                201 => assert_eq!(reply.body, made.body),
                _ => drop(reply.problem(404, "key_not_found")),
            }
        }
    }
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_key_that_is_deleted_by_many_at_once_is_deleted_once() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = admin.get("/api/sandbox").await.body["key_id"].as_str().expect("an id").to_owned();
    let path = format!("/api/keys/{id}");
    let replies = join_all((0..8).map(|_| admin.delete(&path))).await;
    only(&replies, 204, (404, "key_not_found"));
    assert_eq!(count(&replies, 204), 1);
    assert_eq!(admin.get("/api/sandbox").await.ok(200)["reason"], "key_deleted");
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_slips_through_a_suspension() {
    let world = World::new().await;
    let admin = world.admin().await;
    let mut keys = Vec::new();
    for number in 0..3 {
        keys.push(admin.key(&format!("Early {number}")).await.1);
    }
    keys.push(
        admin.act("/api/sandbox/key").await.ok(200)["api_key"].as_str().expect("a key").to_owned(),
    );
    let answered = Semaphore::new(0);
    let creates = join_all((0..32).map(async |number| {
        let reply = create(&admin, number).await;
        answered.add_permits(1);
        reply
    }));
    let suspension = async {
        let _some = answered.acquire_many(2).await.expect("it is open");
        world.suspend(&admin.account).await;
        own_keys(&world, &admin.account).await
    };
    let (replies, then) = join(creates, suspension).await;
    for reply in &replies {
        match reply.status.as_u16() {
            201 => keys.push(reply.body["api_key"].as_str().expect("a key").to_owned()),
            403 => _ = reply.problem(403, "account_suspended"),
            _ => _ = reply.problem(409, "key_limit_reached"),
        }
    }
    assert_eq!(own_keys(&world, &admin.account).await, then);
    assert_eq!(3 + count(&replies, 201), then);
    for key in &keys {
        assert_eq!(world.product_api(key).await, 403);
    }
    let rows = world.rows_of("api_key").await;
    assert_eq!(rows.len(), keys.len());
    assert!(rows.iter().all(|row| row["suspended"].as_bool().is_ok_and(|suspended| *suspended)));
    create(&admin, 99).await.problem(403, "account_suspended");
    world.check_counters().await;

    world.resume(&admin.account).await;
    for key in &keys {
        assert_eq!(world.product_api(key).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_made_while_a_suspension_reads_is_stopped_too() {
    let world = World::new().await;
    let admin = world.admin().await;
    let gate = Gate::before(&world, Held::AccountReads).await;
    let suspension = gate.function(&world, "change-account");
    let event = json!({ "account_id": admin.account, "act": "suspend" });
    let made = gate.around(create(&admin, 0));
    let (suspended, reply) = join(suspension.invoke(&event), made).await;
    suspended.expect("the account is suspended");
    let rows = world.rows_of("api_key").await;
    assert!(rows.iter().all(|row| row["suspended"].as_bool().is_ok_and(|suspended| *suspended)));
    if let Some(key) = reply.body["api_key"].as_str() {
        assert_eq!(world.product_api(key).await, 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_s_new_admin_and_invitations_share_the_last_place() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.change(&admin.account, json!({ "act": "set_limits", "member_limit": 2 })).await;
    let act =
        json!({ "account_id": admin.account, "act": "add_admin", "email": "two@example.com" });
    let invitations = join_all((0..8).map(async |number| {
        invite(&admin, &format!("guest{number}@example.com")).await.status.as_u16()
    }));
    let (added, invited) = join(world.desk.invoke("change-account", &act), invitations).await;
    let places = invited.iter().filter(|status| **status == 201).count();
    assert_eq!(places + usize::from(added.is_ok()), 1);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_take_over_from_the_last_admin_at_once_one_does() {
    let world = World::new().await;
    let admin = world.admin().await;
    let replaced = join_all((0..6).map(async |number| {
        let act = json!({
            "account_id": admin.account, "act": "remove_member", "email": ADMIN,
            "replaced_by": format!("next{number}@example.com"),
        });
        world.desk.invoke("change-account", &act).await.is_ok()
    }));
    assert_eq!(replaced.await.iter().filter(|replaced| **replaced).count(), 1);
    world.check_counters().await;
    let row = world.row(&format!("ACCT#{}", admin.account), "ACCOUNT").await;
    assert_eq!(row["member_count"].as_n().map(String::as_str), Ok("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_customer_cannot_hold_off_a_suspension() {
    let world = World::new().await;
    let admin = world.admin().await;
    let suspended = AtomicBool::new(false);
    // Each makes a key and deletes it, over and over, until it is told that its session is over.
    let busy = join_all((0..8).map(async |number| {
        while !suspended.load(Ordering::SeqCst) {
            let reply = create(&admin, number).await;
            if let Some(id) = reply.body["key"]["id"].as_str() {
                admin.delete(&format!("/api/keys/{id}")).await;
            }
        }
    }));
    let suspension = async {
        world.suspend(&admin.account).await;
        suspended.store(true, Ordering::SeqCst);
    };
    join(busy, suspension).await;
    create(&admin, 99).await.problem(403, "account_suspended");
    let rows = world.rows_of("api_key").await;
    assert!(rows.iter().all(|row| row["suspended"].as_bool().is_ok_and(|suspended| *suspended)));
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_customer_cannot_hold_off_a_resumption_that_changes_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let resumed = AtomicBool::new(false);
    let busy = join_all((0..8).map(async |number| {
        while !resumed.load(Ordering::SeqCst) {
            let reply = create(&admin, number).await;
            if let Some(id) = reply.body["key"]["id"].as_str() {
                admin.delete(&format!("/api/keys/{id}")).await.ok(204);
            }
        }
    }));
    let event = json!({ "account_id": admin.account, "act": "resume" });
    let resumptions = async {
        let mut outcomes = Vec::new();
        for _ in 0..4 {
            outcomes.push(world.desk.invoke("change-account", &event).await);
        }
        resumed.store(true, Ordering::SeqCst);
        outcomes
    };
    for outcome in join(busy, resumptions).await.1 {
        assert_eq!(outcome.expect("the account is resumed")["changed"], false);
    }
    world.check_counters().await;
}

/// Sends one request of each kind that changes something, has `between` happen when all of them
/// have been decided and none has been committed, and gives their outcomes; nothing but `between`
/// may have changed anything.
async fn in_flight(person: &Person<'_>, between: impl Future<Output = ()>) -> Vec<(u64, String)> {
    let world = person.world;
    let (key, sandbox) =
        (person.key("In use").await.0, person.get("/api/sandbox").await.body["key_id"].clone());
    let colleague = invite(person, "colleague@example.com").await.ok(201)["member"]["id"].clone();
    world.settle().await;
    let text = |id: &serde_json::Value| id.as_str().expect("an id").to_owned();
    let requests = [
        ("create-key", None, Some(json!({ "name": "In flight" }))),
        ("change-key", Some(key.clone()), Some(json!({ "name": "Taken over" }))),
        ("rotate-key", Some(key.clone()), None),
        ("delete-key", Some(key), None),
        ("delete-key", Some(text(&sandbox)), None),
        ("invite-member", None, Some(json!({ "email": "accomplice@example.com" }))),
        ("resend-invitation", Some(text(&colleague)), None),
        ("change-role", Some(text(&colleague)), Some(json!({ "role": "admin" }))),
        ("change-role", Some(person.id.clone()), Some(json!({ "role": "member" }))),
        ("revoke-member", Some(text(&colleague)), None),
        ("revoke-member", Some(person.id.clone()), None),
        ("leave-team", None, None),
        ("retry-sandbox", None, None),
        ("reveal-sandbox-key", None, None),
    ];
    let gate = Gate::new(world).await;
    let functions: Vec<_> =
        requests.iter().map(|(name, _, _)| gate.function(world, name)).collect();
    let calls =
        join_all(functions.iter().zip(&requests).map(async |(function, (name, id, body))| {
            let answer = function
                .invoke(&http_event(name, Some(person), id.as_deref(), body.clone()))
                .await
                .expect("an answer");
            outcome(&answer)
        }));
    let meanwhile = async {
        gate.holds(requests.len() as u32).await;
        between.await;
        world.settle().await;
        let rows = world.rows().await;
        gate.open();
        rows
    };
    let (outcomes, before) = join(calls, meanwhile).await;
    world.settle().await;
    assert_eq!(world.rows().await, before, "something was written after the answer");
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_before_a_revocation_is_not_written_after_it() {
    let world = World::new().await;
    let (first, second) = two_admins(&world, 0, 10).await;
    let outcomes = in_flight(&second, async { _ = revoke(&first, &second.id).await.ok(204) }).await;
    assert_eq!(outcomes, vec![(401, "session_ended".to_owned()); 14]);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_before_a_logout_is_not_written_after_it() {
    let world = World::new().await;
    let (_, second) = two_admins(&world, 0, 10).await;
    let outcomes = in_flight(&second, async { _ = second.act("/api/logout").await.ok(204) }).await;
    assert_eq!(outcomes, vec![(401, "session_ended".to_owned()); 14]);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_before_a_suspension_is_not_written_after_it() {
    let world = World::new().await;
    let (first, second) = two_admins(&world, 0, 10).await;
    let suspension = async { _ = world.suspend(&first.account).await };
    let outcomes = in_flight(&second, suspension).await;
    assert_eq!(outcomes, vec![(403, "account_suspended".to_owned()); 14]);
    world.check_counters().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_opens_nothing_when_the_member_was_revoked_meanwhile() {
    let world = World::new().await;
    let admin = world.admin().await;
    let id = invite(&admin, "new@example.com").await.ok(201)["member"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let (challenge, code) = world.challenge("new@example.com").await;
    let body = json!({ "challenge": challenge, "code": code, "session": "bearer" });
    let event = http_event("verify-code", None, None, Some(body));
    // The guess is counted and right; the session is about to be opened.
    let revocation = async { _ = revoke(&admin, &id).await.ok(204) };
    let outcome = overtaken(&world, "verify-code", &event, revocation).await;
    assert_eq!(outcome, (401, "code_incorrect".to_owned()));
    world.settle().await;
    let events = world.rows_of("login_event").await;
    assert!(events.iter().all(|event| event["member_id"].as_s().is_ok_and(|member| *member != id)));
    world.check_counters().await;
}
