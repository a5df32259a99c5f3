//! What others put into a request on its way: proxies, other sites on the parent domain, browsers'
//! extensions. None of it takes ours out.

use crate::proxy::{Proxy, http_event, outcome};
use crate::support::{ADMIN, Browser, Person, Request, World, wrong};
use serde_json::json;

/// `Authorization` as staging proxies, gateways and single sign-on put it in.
const NOT_OURS: [&str; 8] = [
    "Basic c3RhZ2luZzpzdGFnaW5n",
    "Negotiate YIIZ",
    "Digest username=\"a\", realm=\"b\", nonce=\"c\", uri=\"/\", response=\"d\"",
    "Bearer",
    "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "AWS4-HMAC-SHA256 Credential=x/20261125/us-east-1/execute-api/aws4_request",
    "",
    "fds_",
];

async fn logged_in(world: &World) -> Browser<'_> {
    let mut browser = world.browser();
    browser.log_in(ADMIN).await.ok(200);
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_that_is_not_ours_leaves_the_cookie_to_decide() {
    let world = World::new().await;
    let browser = logged_in(&world).await;
    for value in NOT_OURS {
        let call = browser.call("GET", "/api/session").header("authorization", value);
        call.send().await.ok(200);
        let call = browser.call("POST", "/api/keys").header("authorization", value);
        assert_eq!(call.json(json!({ "name": "A key" })).send().await.status, 201, "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_of_ours_is_found_beside_an_authorization_that_is_not() {
    let world = World::new().await;
    let admin = world.admin().await;
    let ours = format!("Bearer {}", admin.token);
    for value in NOT_OURS {
        let both = world.call("GET", "/api/session").header("authorization", value);
        both.header("authorization", &ours).send().await.ok(200);
        let both = world.call("GET", "/api/session").header("authorization", &ours);
        both.header("authorization", value).send().await.ok(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_of_ours_decides_even_where_the_cookie_is_good() {
    let world = World::new().await;
    let browser = logged_in(&world).await;
    let call = browser.call("GET", "/api/session").header("authorization", "Bearer fds_garbage");
    call.send().await.problem(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_of_somebody_elses_with_any_bytes_in_it_leaves_ours_readable() {
    let world = World::new().await;
    let browser = logged_in(&world).await;
    let ours = browser.cookies["__Host-frontdesk"].clone();
    let foreign: [&[u8]; 5] = [b"J\xfcrgen", "Jürgen".as_bytes(), b"\xff\xfe", b"\x80", b"a=b=c"];
    for value in foreign {
        let visitor = [b"visitor=".as_slice(), value].concat();
        let ours = format!("__Host-frontdesk={ours}").into_bytes();
        for cookies in [[visitor.clone(), ours.clone()], [ours, visitor]] {
            let line = cookies.join(b"; ".as_slice());
            let call = world.call("GET", "/api/session").header_bytes("cookie", &line);
            call.send().await.ok(200);
        }
    }
}

/// `Cookie` with sessions in this order.
fn sessions(tokens: &[&str]) -> String {
    tokens.iter().map(|token| format!("__Host-frontdesk={token}")).collect::<Vec<_>>().join("; ")
}

/// Sessions that are none (any more): one that was ended, one of a member who was revoked, one that
/// never was, and texts.
async fn bad_sessions(world: &World, admin: &Person<'_>) -> Vec<String> {
    let ended = world.admin().await;
    ended.act("/api/logout").await.ok(204);
    let revoked = world.member(admin, "grace@example.com").await;
    admin.delete(&format!("/api/team/{}", revoked.id)).await.ok(204);
    let never = format!("fds_{}", "0".repeat(84));
    let texts = ["fds_garbage", "garbage", ""].map(str::to_owned);
    [ended.token, revoked.token, never].into_iter().chain(texts).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_suspended_account_takes_none_out_that_is_good() {
    let world = World::new().await;
    let expired = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    // One is used meanwhile.
    world.advance(11 * 3600);
    other.get("/api/session").await.ok(200);
    world.advance(3600);
    let admin = world.admin().await;
    world.suspend(&other.account).await;
    for (one, another, status, code) in
        [(&other, &expired, 403, "account_suspended"), (&expired, &other, 401, "session_expired")]
    {
        let cookies = sessions(&[&one.token, &another.token, &admin.token]);
        world.call("GET", "/api/session").header("cookie", &cookies).send().await.ok(200);
        let create = world.call("POST", "/api/keys").header("cookie", &cookies);
        create.json(json!({ "name": "A key" })).send().await.ok(201);
        // Of those that are over, the first that tells why.
        let never = format!("fds_{}", "0".repeat(84));
        let cookies = sessions(&[&never, &one.token, &another.token]);
        let reply = world.call("GET", "/api/session").header("cookie", &cookies).send().await;
        reply.problem(status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_into_a_suspended_account_is_tried_once_whatever_sessions_come_along() {
    let world = World::new().await;
    let other = world.other_admin("other@example.com").await;
    let cookies = sessions(&[&other.token, &format!("fds_{}", "0".repeat(84))]);
    let (challenge, code) = world.challenge("other@example.com").await;
    world.suspend(&other.account).await;
    let guess = |code: &str| {
        let guess = json!({ "challenge": challenge, "code": code });
        world.call("POST", "/api/login/verify").header("cookie", &cookies).json(guess).send()
    };
    guess(&code).await.problem(403, "account_suspended");
    let wrong = guess(wrong(&code)).await;
    assert_eq!(wrong.problem(401, "code_incorrect")["attempts_left"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_session_cookies_the_one_that_is_good_counts() {
    let world = World::new().await;
    let admin = world.admin().await;
    for bad in bad_sessions(&world, &admin).await {
        for tokens in [[&*bad, &*admin.token], [&*admin.token, &*bad]] {
            let cookies = sessions(&tokens);
            let call =
                |method: &str, path: &str| world.call(method, path).header("cookie", &cookies);
            for path in ["/api/session", "/api/keys", "/api/sandbox", "/api/team"] {
                call("GET", path).send().await.ok(200);
            }
            let create = call("POST", "/api/keys").json(json!({ "name": "A key" })).send().await;
            let id = create.ok(201)["key"]["id"].as_str().expect("an id");
            call("DELETE", &format!("/api/keys/{id}")).send().await.ok(204);
            call("POST", "/api/sandbox/test").send().await.ok(200);
        }
        let only = world.call("GET", "/api/session").header("cookie", &sessions(&[&bad]));
        only.send().await.problem(401, "session_ended");
    }
    // The session is not the place to try many.
    let made_up: Vec<String> =
        (0..3).map(|number| format!("fds_{}{number}", "0".repeat(83))).collect();
    let mut tokens: Vec<&str> = made_up.iter().map(String::as_str).collect();
    tokens.push(&admin.token);
    let call = world.call("GET", "/api/session").header("cookie", &sessions(&tokens));
    call.send().await.problem(401, "session_ended");
    tokens.remove(0);
    // Nor does it matter how often one is there, or what is none.
    tokens.splice(0..0, [tokens[0], "garbage", tokens[0], "fds_", tokens[0]]);
    let call = world.call("GET", "/api/session").header("cookie", &sessions(&tokens));
    call.send().await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_good_sessions_the_first_one_acts_and_once() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    for (first, second) in [(&admin, &other), (&other, &admin)] {
        let cookies = sessions(&[&first.token, &second.token]);
        let call = |method: &str, path: &str| world.call(method, path).header("cookie", &cookies);
        let me = call("GET", "/api/session").send().await;
        assert_eq!(me.ok(200)["member"]["id"], first.id);
        call("POST", "/api/keys").json(json!({ "name": "A key" })).send().await.ok(201);
        assert_eq!(first.get("/api/keys").await.ok(200)["count"], 2);
    }
    // What the first one may not do, the second does not do for it.
    let member = world.member(&admin, "grace@example.com").await;
    let cookies = sessions(&[&member.token, &admin.token]);
    for (method, body) in [("GET", None), ("POST", Some(json!({ "email": "new@example.com" })))] {
        let call = world.call(method, "/api/team").header("cookie", &cookies);
        let call = body.into_iter().fold(call, Request::json);
        world.changes_nothing(call.send()).await.problem(403, "admin_required");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_sessions_are_read_side_by_side() {
    let world = World::new().await;
    let admin = world.admin().await;
    let proxy = Proxy::new(&world).await;
    let function = proxy.function(&world, "get-session");
    let mut event = http_event("get-session", None, None, None);
    event["cookies"] = json!([
        format!("__Host-frontdesk=fds_{}", "0".repeat(84)),
        format!("__Host-frontdesk={}", admin.token),
    ]);
    function.invoke(&event).await.expect("an answer");
    let waves: &[&[&str]] = &[&["GetItem", "GetItem", "UpdateItem", "UpdateItem"]];
    let (answer, recording) = proxy.record(waves, function.invoke(&event)).await;
    assert_eq!(outcome(&answer.expect("an answer")).0, 200);
    assert_eq!(recording.waves(), waves);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_cookies_of_known_browsers_the_one_that_is_good_counts() {
    let world = World::new().await;
    let browser = logged_in(&world).await;
    let device = &browser.cookies["__Host-frontdesk-device"];
    let mut other = world.browser();
    world.register(json!({ "name": "Other", "admin_email": "other@example.com" })).await;
    other.log_in("other@example.com").await.ok(200);
    let foreign = &other.cookies["__Host-frontdesk-device"];
    // A stranger uses up what everybody may.
    while world.request_code(ADMIN).await.status == 202 {}
    for cookies in [[foreign, device], [device, foreign]] {
        let line = cookies.map(|cookie| format!("__Host-frontdesk-device={cookie}")).join("; ");
        let body = json!({ "email": ADMIN, "accept_terms": true });
        let call = world.call("POST", "/api/login/code").header("cookie", &line);
        call.json(body).send().await.ok(202);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_kind_is_no_fault_of_the_json() {
    let world = World::new().await;
    let (challenge, code) = world.challenge(ADMIN).await;
    for session in [json!(null), json!(5), json!({}), json!({ "cookie": null }), json!(["cookie"])]
    {
        let body = json!({ "challenge": challenge, "code": code, "session": session });
        let reply = world.call("POST", "/api/login/verify").json(body).send().await;
        reply.problem(400, "invalid_request");
    }
    world.verify(&challenge, &code).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn utf8_is_what_people_write_and_a_packed_body_is_not_read() {
    let world = World::new().await;
    let admin = world.admin().await;
    let body = r#"{"name":"A key"}"#;
    for charset in ["utf8", "UTF8", "utf-8", "\"UTF-8\""] {
        let kind = format!("application/json; charset={charset}");
        let reply = admin.call("POST", "/api/keys").raw(&kind, body).send().await;
        assert_eq!(reply.status, 201, "{charset}");
    }
    for encoding in ["gzip", "br", "identity, gzip", "x"] {
        let call = admin.call("POST", "/api/keys").header("content-encoding", encoding);
        let reply = call.raw("application/json", body).send().await;
        reply.problem(415, "unsupported_media_type");
    }
    let call = admin.call("POST", "/api/keys").header("content-encoding", "identity");
    assert_eq!(call.raw("application/json", body).send().await.status, 201);
}
