//! `POST /api/logout`

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_ended_is_refused_and_the_cookie_is_taken_back() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.admin().await;
    let reply = admin.act("/api/logout").await;
    reply.ok(204);
    assert_eq!(
        reply.cookies(),
        ["__Host-frontdesk=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"]
    );
    admin.get("/api/session").await.problem(401, "session_ended");
    other.get("/api/session").await.ok(200);
    assert!(world.audit().await.contains(&"session_ended".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_there_is_nothing_to_end() {
    let world = World::new().await;
    world
        .changes_nothing(world.call("POST", "/api/logout").send())
        .await
        .problem(401, "session_required");
    let garbage = world.call("POST", "/api/logout").header("authorization", "Bearer fds_garbage");
    world.changes_nothing(garbage.send()).await.problem(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_from_a_suspended_account_says_what_every_call_says_and_is_one() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.admin().await;
    world.suspend(&admin.account).await;
    admin.act("/api/logout").await.problem(403, "account_suspended");
    world.resume(&admin.account).await;
    admin.get("/api/session").await.problem(401, "session_ended");
    other.get("/api/session").await.ok(200);
}
