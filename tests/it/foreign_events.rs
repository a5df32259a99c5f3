//! What a gateway may make of what clients send: letters of any form in any header, addresses that
//! are none, events that fit badly. Nothing of it ends an invocation.

use crate::proxy::{Behind, KEY_CHECKS, http_event, lets_in, outcome};
use crate::support::{ADMIN, Person, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A byte that is no ASCII, in all the forms that a JSON event could have it in: as text, as the
/// letter of its number in Latin-1, replaced, as half of a surrogate pair, and two that no header
/// can hold.
const LETTERS: [&str; 9] = [
    "ü",
    "\\u00fc",
    "\\ufffd",
    "\\u0080",
    "\\u00ff",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\u0001",
    "\\u007f",
];

/// Stands in an event for one of [`LETTERS`], which are JSON already.
const HERE: &str = "(letter)";

struct Case<'w> {
    function: Behind,
    name: &'static str,
    admin: Person<'w>,
}

impl<'w> Case<'w> {
    fn new(world: &'w World, admin: &Person<'w>, name: &'static str) -> Self {
        Self { function: Behind::new(world, name, &[]), name, admin: admin.clone() }
    }

    /// A good event of a browser's, with its session in a cookie.
    fn event(&self) -> Value {
        let body = match self.name {
            "create-key" => Some(json!({ "name": "A key" })),
            "request-code" => Some(json!({ "email": ADMIN, "accept_terms": true })),
            _ => None,
        };
        let mut event = http_event(self.name, None, None, body);
        event["cookies"] = json!([format!("__Host-frontdesk={}", self.admin.token)]);
        event
    }

    async fn outcome(&self, event: &Value, letter: &str) -> (u64, String) {
        let text = event.to_string().replace(HERE, letter);
        let answer = self.function.invoke_text(&text).await;
        outcome(&answer.unwrap_or_else(|error| panic!("{error}: {text}")))
    }
}

fn went_well(status: u64) -> (u64, String) {
    (status, String::new())
}

fn refused(status: u64, code: &str) -> (u64, String) {
    (status, code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_letter_in_a_header_of_somebody_elses_takes_anything_of_ours_out() {
    let world = World::new().await;
    let admin = world.admin().await;
    let session = Case::new(&world, &admin, "get-session");
    for letter in LETTERS {
        for name in ["user-agent", "referer", "x-visitor", "forwarded", "accept-language", "host"] {
            let mut event = session.event();
            event["headers"][name] = format!("Visitor {HERE}").into();
            assert_eq!(session.outcome(&event, letter).await, went_well(200), "{name} {letter}");
        }
        for authorization in [format!("Basic {HERE}"), format!("Bearer {HERE}"), HERE.to_owned()] {
            let mut event = session.event();
            event["headers"]["authorization"] = authorization.into();
            assert_eq!(session.outcome(&event, letter).await, went_well(200), "{letter}");
        }
        let both = format!("Digest username=\"{HERE}\", Bearer {}", admin.token);
        let mut event = session.event();
        event["cookies"] = json!([]);
        event["headers"]["authorization"] = both.into();
        assert_eq!(session.outcome(&event, letter).await, went_well(200), "{letter}");

        let ours = &session.event()["cookies"][0];
        let theirs = format!("visitor={HERE}");
        for cookies in [json!([theirs, ours]), json!([ours, theirs]), json!([HERE, ours, HERE])] {
            let mut event = session.event();
            event["cookies"] = cookies;
            assert_eq!(session.outcome(&event, letter).await, went_well(200), "{letter}");
        }
        let mut event = session.event();
        let both = format!("{theirs}; {}", ours.as_str().expect("a cookie"));
        event["headers"]["cookie"] = both.into();
        event["cookies"] = json!([]);
        assert_eq!(session.outcome(&event, letter).await, went_well(200), "{letter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_in_a_header_of_ours_decides_as_any_other_text_would() {
    let world = World::new().await;
    let admin = world.admin().await;
    let create = Case::new(&world, &admin, "create-key");
    let is = async |name: &str, value: String, letter: &str, expected: (u64, String)| {
        let mut event = create.event();
        event["headers"][name] = value.clone().into();
        assert_eq!(create.outcome(&event, letter).await, expected, "{name}: {value} {letter}");
    };
    world
        .changes_nothing(async {
            for letter in LETTERS {
                let ours = format!("Bearer {}{HERE}", admin.token);
                is("authorization", ours, letter, refused(401, "session_ended")).await;
                for site in [HERE.to_owned(), format!("same-origin{HERE}")] {
                    is("sec-fetch-site", site, letter, refused(403, "cross_site")).await;
                }
                for origin in [HERE.to_owned(), format!("https://desk.example.com{HERE}")] {
                    is("origin", origin, letter, refused(403, "cross_site")).await;
                }
                let gzip = format!("{HERE}, gzip");
                is("content-encoding", gzip, letter, refused(415, "unsupported_media_type")).await;
                for kind in [format!("application/json{HERE}"), HERE.to_owned()] {
                    is("content-type", kind, letter, refused(415, "unsupported_media_type")).await;
                }
                let once = format!("once{HERE}");
                is("idempotency-key", once, letter, refused(400, "invalid_idempotency_key")).await;
                let mut event = create.event();
                event["cookies"] = json!([format!("__Host-frontdesk={}{HERE}", admin.token)]);
                let ended = refused(401, "session_ended");
                assert_eq!(create.outcome(&event, letter).await, ended, "{letter}");
            }
        })
        .await;
    for letter in LETTERS {
        let kind = format!("application/json; profile=\"{HERE}\"; charset=utf-8");
        is("content-type", kind, letter, went_well(201)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_letter_takes_the_key_out_of_a_check_or_makes_one_good() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("A key").await;
    for (name, with_key) in KEY_CHECKS {
        let function = Behind::new(&world, name, &[]);
        let check = async |event: &Value, letter: &str| {
            let text = event.to_string().replace(HERE, letter);
            let answer = function.invoke_text(&text).await;
            lets_in(&answer.unwrap_or_else(|error| panic!("{error}: {text}")))
        };
        for letter in LETTERS {
            let mut event = with_key(&key);
            event["headers"]["user-agent"] = HERE.into();
            event["headers"][HERE] = HERE.into();
            event["cookies"] = json!([HERE]);
            event["queryStringParameters"] = json!({ HERE: HERE });
            assert!(check(&event, letter).await, "{name} {letter}");
            for bad in [format!("{key}{HERE}"), format!("{HERE}{key}"), HERE.to_owned()] {
                assert!(!check(&with_key(&bad), letter).await, "{name} {letter}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_sent_in_two_spellings_is_refused_whichever_is_good() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("A key").await;
    for (name, with_key) in KEY_CHECKS {
        let check = Behind::new(&world, name, &[]);
        let mut event = with_key(&key);
        event["headers"]["X-Api-Key"] = "another".into();
        // A map of a random order would let it through every other time.
        for _ in 0..20 {
            assert!(!lets_in(&check.invoke(&event).await.expect("an answer")), "{name}");
        }
    }
}

/// What a client may write where a host belongs.
const HOSTS: [&str; 12] = [
    "localhost:99999",
    "one.example.com,two.example.com",
    "[::1",
    "[::1]:x",
    "a b",
    "a/b?c#d",
    "%zz",
    "<script>",
    "user:password@host",
    "",
    ":",
    "\u{1}",
];

#[tokio::test(flavor = "multi_thread")]
async fn where_a_request_says_that_it_goes_decides_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let session = Case::new(&world, &admin, "get-session");
    for host in HOSTS {
        for proto in ["https", "http", "", "no scheme", "ws", "javascript", "https,http"] {
            let mut event = session.event();
            event["headers"]["host"] = host.into();
            event["headers"]["x-forwarded-proto"] = proto.into();
            event["headers"]["x-forwarded-host"] = host.into();
            event["headers"]["forwarded"] = format!("host={host};proto={proto}").into();
            event["headers"]["x-forwarded-port"] = "99999".into();
            event["requestContext"]["domainName"] = host.into();
            assert_eq!(session.outcome(&event, "").await, went_well(200), "{host} {proto}");
        }
    }
    for query in ["\"", "<", " ", "%zz", "a=\u{1}", "ü", "??", "#", "a=b&a=c", &"q".repeat(70_000)]
    {
        let mut event = session.event();
        event["rawQueryString"] = query.into();
        event["queryStringParameters"] = json!({ query: query });
        assert_eq!(session.outcome(&event, "").await, went_well(200), "{query:.9}");
    }
    for path in ["", "no slash", "//", "/api/ session", "/api/%zz", "*", ":99999", "/\u{1}\"<"] {
        let mut event = session.event();
        event["rawPath"] = path.into();
        assert_eq!(session.outcome(&event, "").await, refused(404, "not_found"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_said_to_be_base64_and_is_not_is_read_as_it_is() {
    let world = World::new().await;
    let admin = world.admin().await;
    let create = Case::new(&world, &admin, "create-key");
    let with = async |body: &str| {
        let mut event = create.event();
        event["body"] = body.into();
        event["isBase64Encoded"] = true.into();
        create.outcome(&event, "\\ud800").await
    };
    assert_eq!(with("eyJuYW1lIjoiQSBrZXkifQ==").await, went_well(201));
    assert_eq!(with("{\"name\":\"A key\"}").await, went_well(201));
    for garbage in ["not base64", "e30", "=", "\u{1}", "ü", HERE, "{"] {
        assert_eq!(with(garbage).await, refused(400, "invalid_json"), "{garbage}");
    }
}

/// Sends bytes to the desk as they are and gives the head and body of its answer.
async fn send(world: &World, request: &str) -> (String, String) {
    let address = world.desk.url().trim_start_matches("http://").to_owned();
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    (head.to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_takes_forwarded_requests_and_any_host() {
    let world = World::new().await;
    let admin = world.admin().await;
    let rest = format!("Authorization: Bearer {}\r\nConnection: close\r\n\r\n", admin.token);
    let mut requests = vec![
        "GET /api/session HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https".to_owned(),
        "GET /api/session HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: b\r\nX-Forwarded-Port: x"
            .to_owned(),
        "GET /api/session HTTP/1.1\r\nHost: a\r\nForwarded: proto=https;host=[::1".to_owned(),
        "GET /api/session HTTP/1.1\r\nHost: a\r\nHost: b".to_owned(),
        "GET http://desk.example.com/api/session HTTP/1.1\r\nHost: localhost".to_owned(),
        "GET https://user@desk.example.com:1/api/session?q HTTP/1.1\r\nHost: localhost".to_owned(),
        "GET /api/session?%zz&=&&?[]| HTTP/1.1\r\nHost: localhost".to_owned(),
        "GET /api/session HTTP/1.0".to_owned(),
    ];
    let hosts = HOSTS.iter().filter(|host| !host.contains('\u{1}'));
    requests.extend(hosts.map(|host| format!("GET /api/session HTTP/1.1\r\nHost: {host}")));
    for request in requests {
        let (head, body) = send(&world, &format!("{request}\r\n{rest}")).await;
        // What is no request at all is answered before it comes to any route.
        let status = head.split(' ').nth(1).expect("a status");
        assert_eq!(status, "200", "{request}: {head} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_cannot_be_read_is_not_called_too_large() {
    let world = World::new().await;
    let chunked = "POST /api/login/code HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nno length\r\n";
    let (head, body) = send(&world, chunked).await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert_eq!(body, r#"{"message":"Bad Request"}"#);
}
