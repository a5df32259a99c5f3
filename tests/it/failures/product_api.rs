//! The product API, when it fails.

use crate::failures::Tried;
use crate::support::World;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A product API that says these bytes to every request, and ends the connection.
struct Bytes {
    url: String,
    says: Arc<Mutex<&'static [u8]>>,
}

impl Bytes {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/check", listener.local_addr().expect("an address"));
        let says = Arc::new(Mutex::new(GOOD));
        let told = says.clone();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let says: &[u8] = *told.lock().expect("no panic inside");
                tokio::spawn(async move {
                    // The whole request, so that what is said is not lost with what is unread.
                    let mut request = Vec::new();
                    while !request.ends_with(b"{}") {
                        if !matches!(connection.read_buf(&mut request).await, Ok(1..)) {
                            return;
                        }
                    }
                    // Whoever has seen enough hangs up.
                    let _ = connection.write_all(says).await;
                    let _ = connection.shutdown().await;
                });
            }
        });
        Self { url, says }
    }

    fn says(&self, bytes: &'static [u8]) {
        *self.says.lock().expect("no panic inside") = bytes;
    }
}

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// What it says, and the reason that the Sandbox is given; none if that is an acceptance.
const ANSWERS: [(&[u8], Option<&str>); 13] = [
    (b"", Some("api_unreachable")),
    (b"HTTP/1.1 2", Some("api_unreachable")),
    (b"HTTP/1.1 200 OK\r\n", Some("api_unreachable")),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\ncont", Some("api_unreachable")),
    (b"HTTP/1.1 100 Continue\r\n\r\n", Some("api_unreachable")),
    (b"<html><body>Welcome!</body></html>\r\n\r\n", Some("api_unreachable")),
    (b"HTTP/1.1 401 Unauth", Some("api_unreachable")),
    // A status that has come whole counts, whatever becomes of the rest.
    (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"half\":", None),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n63\r\n{", None),
    (b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 99\r\n\r\n{", Some("key_rejected")),
    (b"HTTP/1.1 500 \r\n\r\n", Some("api_error")),
    (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 99\r\n\r\n", Some("api_error")),
    (b"HTTP/1.1 429 \r\nretry-after: 0\r\n\r\n", Some("api_rate_limited")),
];

#[tokio::test(flavor = "multi_thread")]
async fn answers_by_half_and_only_a_whole_status_is_a_verdict_and_the_key_stays() {
    let _tried = Tried;
    let product = Bytes::new().await;
    let world = World::with_parameters(&[("ProductApiUrl", &product.url)]).await;
    let admin = world.admin().await;
    let shown = async || {
        let reply = admin.act("/api/sandbox/key").await;
        reply.ok(200)["api_key"].as_str().expect("a key").to_owned()
    };
    let key = shown().await;
    for (bytes, reason) in ANSWERS {
        let said = String::from_utf8_lossy(bytes);
        product.says(bytes);
        let tested = admin.act("/api/sandbox/test").await;
        assert_eq!(tested.ok(200)["reason"].as_str(), reason, "{said}");
        let state = if reason.is_none() { "ready" } else { "not_configured" };
        assert_eq!(tested.body["state"], state, "{said}");
        product.says(GOOD);
        assert_eq!(admin.act("/api/sandbox/test").await.ok(200)["state"], "ready", "{said}");
        assert_eq!(shown().await, key, "{said}");
    }
    product.says(ANSWERS[0].0);
    admin.act("/api/sandbox/provision").await.ok(202);
    world.settle().await;
    let sandbox = admin.get("/api/sandbox").await;
    assert_eq!(sandbox.ok(200)["reason"], "api_unreachable");
    product.says(GOOD);
    assert_eq!(admin.act("/api/sandbox/test").await.ok(200)["state"], "ready");
    assert_eq!(shown().await, key);
    assert_eq!(world.desk.failures(), Vec::<Value>::new());
}
