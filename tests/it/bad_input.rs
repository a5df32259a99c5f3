//! What no route takes: each kind of bad input gets its problem document, and writes nothing.

use crate::support::{ADMIN, Person, Reply, Request, World, with_ids};
use serde_json::{Value, json};

/// Something that a client sent in confidence; no answer to a mistake repeats it.
const SECRET: &str = "834917";
const PRIVATE: &str = "private.person";

/// A route that takes a body, and one that it would take.
struct Taking {
    method: &'static str,
    path: &'static str,
    /// With a session, that the body is what is wrong.
    session: bool,
    good: Value,
    /// The name of one of its fields of text.
    field: &'static str,
}

fn taking() -> [Taking; 7] {
    let email = format!("{PRIVATE}@example.com");
    [
        Taking {
            method: "POST",
            path: "/api/login/code",
            session: false,
            good: json!({ "email": email, "accept_terms": true }),
            field: "email",
        },
        Taking {
            method: "POST",
            path: "/api/login/verify",
            session: false,
            good: json!({ "challenge": PRIVATE, "code": SECRET }),
            field: "code",
        },
        Taking {
            method: "POST",
            path: "/api/invitation/decline",
            session: false,
            good: json!({ "invitation": SECRET }),
            field: "invitation",
        },
        Taking {
            method: "POST",
            path: "/api/keys",
            session: true,
            good: json!({ "name": PRIVATE }),
            field: "name",
        },
        Taking {
            method: "PATCH",
            path: "/api/keys/key_k00000000",
            session: true,
            good: json!({ "name": PRIVATE }),
            field: "name",
        },
        Taking {
            method: "POST",
            path: "/api/team",
            session: true,
            good: json!({ "email": email }),
            field: "email",
        },
        Taking {
            method: "PATCH",
            path: "/api/team/mem_0000000000000000000000000000",
            session: true,
            good: json!({ "role": "member" }),
            field: "role",
        },
    ]
}

/// The routes that change something, with an id where the path has one.
fn changing() -> Vec<(&'static str, String)> {
    let mut routes = Vec::new();
    let triggers = functions::FUNCTIONS.iter().flat_map(functions::Function::triggers);
    for (method, path) in triggers.filter_map(functions::Trigger::route) {
        if method != "GET" {
            routes.push((method, with_ids(path)));
        }
    }
    assert_eq!(routes.len(), 18);
    routes
}

/// The routes that change something and take no body.
fn bodiless() -> Vec<(&'static str, String)> {
    let with_body = taking().map(|route| (route.method, route.path.to_owned()));
    changing().into_iter().filter(|route| !with_body.contains(route)).collect()
}

fn request<'w>(person: &Person<'w>, route: &Taking) -> Request<'w> {
    if route.session {
        person.call(route.method, route.path)
    } else {
        person.world.call(route.method, route.path)
    }
}

/// Checks that the answer is this problem, with what every answer carries, and that it repeats
/// nothing.
#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str) {
    reply.problem(status, code);
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert!(reply.header("x-request-id").is_some_and(|id| !id.is_empty()));
    assert_eq!(reply.cookies(), [""; 0]);
    assert_eq!(reply.body["type"], "about:blank");
    assert!(reply.body["title"].is_string());
    for confided in [SECRET, PRIVATE] {
        assert!(!reply.text.contains(confided), "{}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_what_the_route_takes_is_refused_and_writes_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    world
        .changes_nothing(async {
            for route in taking() {
                let good = route.good.to_string();
                let field = route.field;
                let inside = &good[1..good.len() - 1];
                let but = |value: Value| {
                    let mut body = route.good.clone();
                    body[field] = value;
                    body.to_string()
                };
                let values: Vec<&Value> =
                    route.good.as_object().expect("an object").values().collect();
                let cases = [
                    // Not JSON.
                    (format!("{{{inside}"), "invalid_json"),
                    (format!("{good}{good}"), "invalid_json"),
                    (format!("{good}, {SECRET}"), "invalid_json"),
                    (format!("{{{inside},}}"), "invalid_json"),
                    (good.replace('"', "'"), "invalid_json"),
                    (PRIVATE.to_owned(), "invalid_json"),
                    (format!("email={PRIVATE}&code={SECRET}"), "invalid_json"),
                    (format!("\u{feff}{good}"), "invalid_json"),
                    (format!("{{\"{field}\":\"{PRIVATE}\\ud800\"}}"), "invalid_json"),
                    (String::new(), "invalid_json"),
                    (" \n".to_owned(), "invalid_json"),
                    // JSON, but no object.
                    (json!(values).to_string(), "invalid_request"),
                    (format!("[{good}]"), "invalid_request"),
                    (format!("\"{PRIVATE}\""), "invalid_request"),
                    (SECRET.to_owned(), "invalid_request"),
                    ("null".to_owned(), "invalid_request"),
                    ("true".to_owned(), "invalid_request"),
                    // Fields too many, or twice.
                    (format!("{{{inside},\"{PRIVATE}\":\"{SECRET}\"}}"), "invalid_request"),
                    (
                        format!("{{{inside},\"account_id\":\"acct_000000000000\"}}"),
                        "invalid_request",
                    ),
                    (format!("{{{inside},\"__proto__\":{{}}}}"), "invalid_request"),
                    (format!("{{{inside},\"\":null}}"), "invalid_request"),
                    (format!("{{{inside},{inside}}}"), "invalid_request"),
                    (format!("{{\"{field}\":\"{PRIVATE}\",{inside}}}"), "invalid_request"),
                    (good.replace(field, &field.to_uppercase()), "invalid_request"),
                    // Of another type.
                    (but(json!(834917)), "invalid_request"),
                    (format!("{{\"{field}\":1e999}}"), "invalid_request"),
                    (but(json!(null)), "invalid_request"),
                    (but(json!([PRIVATE])), "invalid_request"),
                    (but(json!({ "text": SECRET })), "invalid_request"),
                    (but(json!(true)), "invalid_request"),
                ];
                for (body, code) in cases {
                    let reply =
                        request(&admin, &route).raw("application/json", body.clone()).send().await;
                    assert_eq!(reply.body["code"], code, "{} {body}", route.path);
                    refused(&reply, 400, code);
                }
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_missing_or_there_twice_is_named() {
    let world = World::new().await;
    for (body, says) in [
        ("{\"challenge\":\"x\"}", "missing field `code` at line 1 column 17"),
        ("{\"code\":\"1\",\n\"code\":\"1\"}", "duplicate field `code` at line 2 column 6"),
    ] {
        let reply = world.call("POST", "/api/login/verify").raw("application/json", body);
        let reply = reply.send().await;
        refused(&reply, 400, "invalid_request");
        assert_eq!(reply.body["detail"], format!("The body is not as expected: {says}."));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_another_type_is_not_repeated_by_the_answer() {
    let world = World::new().await;
    let bodies = [
        (
            "/api/login/code",
            format!("{{\"email\":\"{PRIVATE}@example.com\",\"accept_terms\":\"{SECRET}\"}}"),
        ),
        (
            "/api/login/verify",
            format!("{{\"challenge\":\"x\",\"code\":\"123456\",\"session\":\"{PRIVATE}\"}}"),
        ),
        ("/api/login/verify", format!("{{\"challenge\":\"x\",\"code\":{SECRET}}}")),
        ("/api/login/verify", format!("{{\"challenge\":{SECRET}.5,\"code\":\"123456\"}}")),
        (
            "/api/login/verify",
            format!("{{\"challenge\":\"x\",\"code\":\"123456\",\"session\":{{\"{PRIVATE}\":1}}}}"),
        ),
    ];
    for (path, body) in bodies {
        let reply = world
            .changes_nothing(world.call("POST", path).raw("application/json", body).send())
            .await;
        refused(&reply, 400, "invalid_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_no_json() {
    let world = World::new().await;
    let admin = world.admin().await;
    world
        .changes_nothing(async {
            for route in taking() {
                for bytes in [&b"\xff\xfe"[..], b"\xc3\x28", b"\xed\xa0\x80"] {
                    let good = route.good.to_string();
                    let body = [good
                        .replace(PRIVATE, "")
                        .replace(SECRET, "")
                        .replacen(":\"", ":\"\u{1}", 1)
                        .into_bytes()]
                    .concat();
                    let at = body.iter().position(|byte| *byte == 1).expect("a place");
                    let body = [&body[..at], bytes, &body[at + 1..]].concat();
                    refused(
                        &request(&admin, &route).raw("application/json", body).send().await,
                        400,
                        "invalid_json",
                    );
                }
                let utf_16: Vec<u8> =
                    route.good.to_string().encode_utf16().flat_map(u16::to_le_bytes).collect();
                refused(
                    &request(&admin, &route).raw("application/json", utf_16).send().await,
                    400,
                    "invalid_json",
                );
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_content_type_is_refused_whatever_is_in_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    let types = [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/problem+json",
        "application/jsonp",
        "application",
        "*/*",
        "application/json, text/plain",
        "application/json; charset=latin1",
        "",
    ];
    world
        .changes_nothing(async {
            for route in taking() {
                for content_type in types {
                    let reply = request(&admin, &route)
                        .raw(content_type, route.good.to_string())
                        .send()
                        .await;
                    refused(&reply, 415, "unsupported_media_type");
                }
                refused(
                    &request(&admin, &route).bare(route.good.to_string()).send().await,
                    415,
                    "unsupported_media_type",
                );
                refused(&request(&admin, &route).send().await, 415, "unsupported_media_type");
            }
            for (method, path) in bodiless() {
                let reply = admin.call(method, &path).raw("text/plain", "{}").send().await;
                refused(&reply, 415, "unsupported_media_type");
            }
        })
        .await;
    let spelled = world
        .call("POST", "/api/login/code")
        .raw("Application/JSON; Charset=\"UTF-8\"", taking()[0].good.to_string());
    spelled.send().await.ok(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_more_than_16_kib_is_refused_by_every_route() {
    let world = World::new().await;
    let admin = world.admin().await;
    let sized = |good: &Value, size: usize| {
        let good = good.to_string();
        format!("{}{good}", " ".repeat(size - good.len()))
    };
    world
        .changes_nothing(async {
            for route in taking() {
                for size in [16 * 1024 + 1, 17 * 1024, 200 * 1024] {
                    let reply = request(&admin, &route)
                        .raw("application/json", sized(&route.good, size))
                        .send()
                        .await;
                    refused(&reply, 413, "body_too_large");
                }
            }
            for (method, path) in bodiless() {
                let reply = admin
                    .call(method, &path)
                    .raw("application/json", sized(&json!({}), 17 * 1024))
                    .send()
                    .await;
                refused(&reply, 413, "body_too_large");
            }
        })
        .await;
    let largest = world
        .call("POST", "/api/login/code")
        .raw("application/json", sized(&taking()[0].good, 16 * 1024));
    largest.send().await.ok(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_without_a_body_takes_nothing_but_an_empty_object() {
    let world = World::new().await;
    let admin = world.admin().await;
    world
        .changes_nothing(async {
            for (method, path) in bodiless() {
                let cases = [
                    (format!("{{\"{PRIVATE}\":\"{SECRET}\"}}"), "invalid_request"),
                    (format!("{{\", expected {PRIVATE}\":1}}"), "invalid_request"),
                    ("[]".to_owned(), "invalid_request"),
                    ("null".to_owned(), "invalid_request"),
                    (SECRET.to_owned(), "invalid_request"),
                    ("{".to_owned(), "invalid_json"),
                    (PRIVATE.to_owned(), "invalid_json"),
                    (" ".to_owned(), "invalid_json"),
                ];
                for (body, code) in cases {
                    refused(
                        &admin.call(method, &path).raw("application/json", body).send().await,
                        400,
                        code,
                    );
                }
            }
        })
        .await;
    admin.post("/api/sandbox/test", json!({})).await.ok(200);
    admin.post("/api/logout", json!({})).await.ok(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_or_endless_json_is_refused_and_breaks_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let deep = |open: &str| open.repeat(16 * 1024 / open.len());
    for route in taking() {
        for body in [
            deep("["),
            deep("{\"a\":"),
            format!("{{\"{}\":{}", route.field, deep("[")),
            format!("{{\"x\":{}", deep("{\"x\":")),
        ] {
            let body = &body[..body.len().min(16 * 1024)];
            let reply = world
                .changes_nothing(request(&admin, &route).raw("application/json", body).send())
                .await;
            let code = reply.body["code"].as_str().expect("a code");
            assert!(["invalid_json", "invalid_request"].contains(&code), "{}", reply.text);
            refused(&reply, 400, code);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_carries_no_header_into_a_mail() {
    let world = World::new().await;
    let admin = world.admin().await;
    let addresses = [
        "eve@example.com\r\nBcc: all@example.com",
        "eve@example.com\nBcc: all@example.com",
        "eve@example.com\r",
        "\reve@example.com",
        "eve\r\n@example.com",
        "eve@exam\r\nple.com",
        "eve@example.com%0d%0aBcc:all@example.com",
        "eve@example.com\u{0}",
        "eve@example.com\u{2028}Bcc: all@example.com",
        "eve@example.com, all@example.com",
        "eve@example.com;all@example.com",
        "Eve <eve@example.com>",
        "eve@example.com\t",
        "eve\u{202e}@example.com",
    ];
    world
        .changes_nothing(async {
            for address in addresses {
                world.request_code(address).await.problem(400, "invalid_email");
                admin
                    .post("/api/team", json!({ "email": address }))
                    .await
                    .problem(400, "invalid_email");
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_a_unicode_local_part_is_no_address() {
    let world = World::new().await;
    let admin = world.admin().await;
    world
        .changes_nothing(async {
            // The last two look like the admin's, with a letter of another script and one that
            // Unicode folds to it.
            for address in [
                "jürgen@example.com",
                "用户@example.com",
                "😀@example.com",
                "аdmin@example.com",
                "ａdmin@example.com",
            ] {
                world.request_code(address).await.problem(400, "invalid_email");
                admin
                    .post("/api/team", json!({ "email": address }))
                    .await
                    .problem(400, "invalid_email");
            }
            // U+212A is no K, and must not become one.
            world.request_code("\u{212a}eith@example.com").await.problem(400, "invalid_email");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_has_1_to_64_characters_and_no_control_characters() {
    let world = World::new().await;
    let admin = world.admin().await;
    let bad = [
        String::new(),
        " \t\n ".to_owned(),
        "a".repeat(65),
        "é".repeat(65),
        "Zapier\r\nSet-Cookie: a=b".to_owned(),
        "Zap\nier".to_owned(),
        "Zap\u{0}ier".to_owned(),
        "Zap\u{7f}ier".to_owned(),
        "Zap\u{85}ier".to_owned(),
        "Zap\u{202e}ier".to_owned(),
        "\u{200b}".to_owned(),
    ];
    world
        .changes_nothing(async {
            for name in &bad {
                admin.post("/api/keys", json!({ "name": name })).await.problem(400, "invalid_name");
            }
            admin.post("/api/keys", json!({})).await.problem(400, "invalid_name");
        })
        .await;
    let (long, wide) = ("a".repeat(64), "é".repeat(64));
    for (name, kept) in [
        (long.as_str(), long.as_str()),
        (&wide, &wide),
        ("  Zapier <b> \"Integration\" ", "Zapier <b> \"Integration\""),
    ] {
        let reply = admin.post("/api/keys", json!({ "name": name })).await;
        assert_eq!(reply.ok(201)["key"]["name"], kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_one_line_of_at_most_255_characters() {
    let world = World::new().await;
    let admin = world.admin().await;
    let create = || admin.call("POST", "/api/keys").json(json!({ "name": "Zapier Integration" }));
    world
        .changes_nothing(async {
            for text in ["", &"k".repeat(256), "key\u{e9}", "a\tb"] {
                create()
                    .header("idempotency-key", text)
                    .send()
                    .await
                    .problem(400, "invalid_idempotency_key");
            }
            let two = create().header("idempotency-key", "one").header("idempotency-key", "two");
            two.send().await.problem(400, "invalid_idempotency_key");
            let same_twice =
                create().header("idempotency-key", "one").header("idempotency-key", "one");
            same_twice.send().await.problem(400, "invalid_idempotency_key");
        })
        .await;
    create().header("idempotency-key", &"k".repeat(255)).send().await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_is_kept_out_of_caches_and_has_a_request_id_of_its_own() {
    let world = World::new().await;
    let admin = world.admin().await;
    let create = |name: &str| {
        admin
            .call("POST", "/api/keys")
            .header("idempotency-key", "once")
            .json(json!({ "name": name }))
    };
    create("first").send().await.ok(201);
    let sandbox =
        admin.get("/api/sandbox").await.body["key_id"].as_str().expect("an id").to_owned();
    admin.delete(&format!("/api/keys/{sandbox}")).await.ok(204);
    for _ in 0..2 {
        world.request_code(ADMIN).await.ok(202);
    }
    let problems = [
        (admin.call("POST", "/api/keys").json(json!({ "name": "" })), 400, "invalid_name"),
        (world.call("GET", "/api/keys"), 401, "session_required"),
        (
            admin.call("POST", "/api/logout").header("sec-fetch-site", "cross-site"),
            403,
            "cross_site",
        ),
        (admin.call("GET", "/api/nothing"), 404, "not_found"),
        (admin.call("DELETE", "/api/keys/key_k00000000"), 404, "key_not_found"),
        (admin.call("PUT", "/api/keys"), 405, "method_not_allowed"),
        (admin.call("POST", "/api/sandbox/key"), 409, "sandbox_not_ready"),
        (
            admin.call("POST", "/api/team").json(json!({ "email": ADMIN })),
            409,
            "email_already_registered",
        ),
        (create("second"), 422, "idempotency_key_reused"),
        (
            world
                .call("POST", "/api/login/code")
                .json(json!({ "email": ADMIN, "accept_terms": true })),
            429,
            "rate_limited",
        ),
    ];
    let mut ids = Vec::new();
    for (request, status, code) in problems {
        let reply = request.send().await;
        refused(&reply, status, code);
        ids.push(reply.header("x-request-id").expect("an id").to_owned());
    }
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

/// Ways in which a browser says that another site is behind a request.
const ELSEWHERE: [&[(&str, &str)]; 8] = [
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "unheard-of")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "https://desk.example.com.evil.example")],
    &[("origin", "http://desk.example.com")],
    // What the browser itself says of the site goes before the origin.
    &[("sec-fetch-site", "cross-site"), ("origin", "https://desk.example.com")],
];

async fn desk_of_a_company() -> World {
    World::with_parameters(&[("ConsoleOrigin", "https://desk.example.com")]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_changes_nothing_by_any_route() {
    let world = desk_of_a_company().await;
    let mut browser = world.browser();
    browser.log_in(ADMIN).await;
    let cookie: Vec<String> =
        browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    world
        .changes_nothing(async {
            for (method, path) in changing() {
                for headers in ELSEWHERE {
                    let request = world.call(method, &path).header("cookie", &cookie.join("; "));
                    let request = headers
                        .iter()
                        .fold(request, |request, (name, value)| request.header(name, value));
                    let good = taking()
                        .into_iter()
                        .find(|route| route.path == path)
                        .map(|route| route.good);
                    let request = match good {
                        Some(body) => request.json(body),
                        None => request,
                    };
                    refused(&request.send().await, 403, "cross_site");
                }
            }
        })
        .await;
    browser.get("/api/session").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_and_programs_are_no_other_site() {
    let world = desk_of_a_company().await;
    let mut browser = world.browser();
    browser.log_in(ADMIN).await;
    let session = format!("__Host-frontdesk={}", browser.cookies["__Host-frontdesk"]);
    let here: [&[(&str, &str)]; 5] = [
        &[],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "same-origin"), ("origin", "https://desk.example.com")],
        &[("origin", "https://desk.example.com")],
        // A person who typed the address, or opened a bookmark.
        &[("sec-fetch-site", "none")],
    ];
    for (number, headers) in here.into_iter().enumerate() {
        let request = world
            .call("POST", "/api/keys")
            .header("cookie", &session)
            .json(json!({ "name": format!("Key {number}") }));
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.send().await.ok(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_from_another_site_is_no_change() {
    let world = desk_of_a_company().await;
    let admin = world.admin().await;
    for path in ["/api/session", "/api/sandbox", "/api/keys", "/api/team"] {
        for headers in ELSEWHERE {
            let request = headers.iter().fold(admin.call("GET", path), |request, (name, value)| {
                request.header(name, value)
            });
            let reply = world.changes_nothing(request.send()).await;
            reply.ok(200);
            // But the page may not read the answer.
            assert_eq!(reply.header("access-control-allow-origin"), None);
        }
    }
}
