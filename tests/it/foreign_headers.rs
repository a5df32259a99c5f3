//! What others put into a request on its way: proxies, other sites on the parent domain, browsers'
//! extensions. None of it takes ours out.

use crate::support::{ADMIN, Browser, World};
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
