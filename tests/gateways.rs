//! Debian's nginx and Caddy in front of a product, which ask a desk about every call: configured as
//! `docs/api.md` says, save the addresses. And its JavaScript, in Node.
//!
//! They run by name alone (`cargo test --package frontdesk-tests --test gateways`), as `.ci/run`
//! does, so that `cargo test --workspace` needs neither. A gateway that is missing fails them.

#[expect(dead_code, reason = "what the other tests need besides")]
#[path = "it/product.rs"]
mod product;
#[expect(dead_code, reason = "what the other tests need besides")]
#[path = "it/support.rs"]
mod support;

use domain::Month;
use product::{Product, Says, Seen};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use support::{Person, World};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nginx,
    Caddy,
}

/// A gateway that runs, until it is dropped.
struct Gateway {
    kind: Kind,
    url: String,
    http: Client,
    process: Child,
    folder: PathBuf,
}

/// The configuration in the section of `docs/api.md` that is named so.
fn documented(section: &str) -> String {
    let document = std::fs::read_to_string(desk::workspace_root().join("docs/api.md"));
    let document = document.expect("the document is there");
    let (_, rest) = document.split_once(&format!("\n### {section}\n")).expect("the section");
    let (_, block) = rest.split_once("\n```").expect("a block");
    let (_language, block) = block.split_once('\n').expect("its first line");
    block.split_once("\n```").expect("its end").0.to_owned() + "\n"
}

/// Puts addresses into a configuration, each in its one place.
fn with_addresses(configuration: String, addresses: &[(&str, String)]) -> String {
    addresses.iter().fold(configuration, |text, (written, address)| {
        assert_eq!(text.matches(written).count(), 1, "{written} in:\n{text}");
        text.replace(written, address)
    })
}

/// An address of loopback that is nobody else's, so that none of its ports is taken by chance.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high | 1, low, NEXT.fetch_add(1, Ordering::Relaxed))
}

fn port(address: Ipv4Addr) -> u16 {
    let listener = TcpListener::bind((address, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

const CHECK_HOST: &str = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com";
const PRODUCT: &str = "127.0.0.1:3000";

impl Gateway {
    /// Asks `frontdesk`, an origin, about the product's calls.
    fn start(kind: Kind, frontdesk: &str, product: &Product) -> Self {
        let product = product.url.strip_prefix("http://").expect("a URL");
        let product = product.split('/').next().expect("an address").to_owned();
        let address = own_address();
        let port = port(address);
        let folder = std::env::temp_dir().join(format!("frontdesk-gateway-{address}-{port}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let beyond = [(CHECK_HOST, frontdesk.to_owned()), (PRODUCT, product)];
        let process = match kind {
            Kind::Nginx => nginx(&folder, address, port, &beyond),
            Kind::Caddy => caddy(&folder, address, port, &beyond),
        };
        let url = format!("http://{address}:{port}");
        edge::install_tls_provider();
        let http = Client::builder().no_proxy().tls_certs_only([]).redirect(Policy::none());
        Self { kind, url, http: http.build().expect("a client"), process, folder }
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    async fn get_with(&self, key: &str, path: &str) -> StatusCode {
        let call = self.call(Method::GET, path).header("x-api-key", key);
        call.send().await.expect("an answer").status()
    }

    async fn status(&self, key: &str) -> StatusCode {
        self.get_with(key, "/v1/orders").await
    }

    /// Checks that a call is refused in the product's words, and never comes to the product.
    async fn refuses(&self, key: Option<&str>, product: &Product) {
        product.take_calls();
        let mut call = self.call(Method::POST, "/v1/orders").body("{}");
        if let Some(key) = key {
            call = call.header("x-api-key", key);
        }
        let answer = call.send().await.expect("an answer");
        assert_eq!(answer.status(), 403, "{:?}", self.kind);
        let text = answer.text().await.expect("a text");
        let body: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(body["error"]["code"], 403, "{text}");
        assert!(product.calls().is_empty(), "{:?} admits {key:?}", self.kind);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("an end");
        std::fs::remove_dir_all(&self.folder).expect("its folder");
    }
}

fn nginx(folder: &PathBuf, ip: Ipv4Addr, port: u16, beyond: &[(&str, String)]) -> Child {
    let mut addresses = vec![("listen 8080;", format!("listen {ip}:{port};"))];
    addresses.extend_from_slice(beyond);
    let site = with_addresses(documented("nginx"), &addresses);
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {}/{name};\n", folder.display()))
        .concat();
    let around = format!(
        "daemon off;\nmaster_process off;\npid {}/pid;\nerror_log stderr notice;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}{site}}}\n",
        folder.display()
    );
    std::fs::write(folder.join("nginx.conf"), around).expect("written");
    let mut command = Command::new("nginx");
    command.args(["-e", "stderr", "-c"]).arg(folder.join("nginx.conf")).arg("-p").arg(folder);
    // It says so once its sockets are open.
    running(command, "nginx-light", " nginx/")
}

fn caddy(folder: &PathBuf, ip: Ipv4Addr, first: u16, beyond: &[(&str, String)]) -> Child {
    let second = port(ip);
    let mut addresses = vec![
        ("127.0.0.1:8081", format!("{ip}:{second}")),
        ("\n:8080 {", format!("\n:{first} {{\n\tbind {ip}")),
        ("\n:8081 {", format!("\n:{second} {{")),
        ("bind 127.0.0.1", format!("bind {ip}")),
    ];
    addresses.extend_from_slice(beyond);
    let sites = with_addresses(documented("Caddy"), &addresses);
    std::fs::write(folder.join("Caddyfile"), format!("{{\n\tadmin off\n}}\n{sites}"))
        .expect("written");
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("Caddyfile"));
    command.env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    running(command, "caddy", "serving initial configuration")
}

/// Starts a gateway, and waits until it says that it serves.
fn running(mut command: Command, package: &str, ready: &str) -> Child {
    // Where Debian has its programs, servers among them.
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap_or_else(|error| {
        let program = command.get_program().display();
        panic!("{program} cannot be started ({error}). Install it: apt-get install {package}")
    });
    let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
    let mut said = String::new();
    loop {
        match lines.next() {
            Some(Ok(line)) => said = said + &line + "\n",
            Some(Err(_)) | None => panic!("{command:?} ended:\n{said}"),
        }
        if said.contains(ready) {
            break;
        }
    }
    // Whatever else it says is taken, or it would wait for that.
    std::thread::spawn(move || lines.for_each(drop));
    process
}

/// What the product was told of the one call that came to it.
#[track_caller]
fn told(product: &Product) -> [String; 4] {
    let calls = product.take_calls();
    let [Seen { headers, .. }] = calls.as_slice() else { panic!("one call, not {calls:?}") };
    assert!(!headers.contains_key("x-api-key"), "{headers:?}");
    // Many a product takes `_` or `.` in a header's name for `-`.
    let by_any_spelling = headers.keys().filter(|name| name.as_str().contains("frontdesk"));
    assert_eq!(by_any_spelling.count(), 4, "{headers:?}");
    ["account", "key", "key-name", "sandbox"].map(|name| {
        let values: Vec<_> = headers.get_all(format!("x-frontdesk-{name}")).iter().collect();
        assert_eq!(values.len(), 1, "{headers:?}");
        values[0].to_str().expect("a text").to_owned()
    })
}

async fn guards_the_product_as_frontdesk_says(kind: Kind) {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Zapier 東京").await;
    let product = Product::start().await;
    // nginx would ask the resolver of the snippet for a name.
    let desk = world.desk.url().replace("localhost", "127.0.0.1");
    let gateway = Gateway::start(kind, &desk, &product);

    // A good key, whatever is called, and whatever the client says of itself.
    let owner = [&admin.account, &id, "Zapier%20%E6%9D%B1%E4%BA%AC", "false"].map(str::to_owned);
    for (method, body) in
        [(Method::GET, ""), (Method::HEAD, ""), (Method::POST, &*"b".repeat(100_000))]
    {
        let call = gateway.call(method.clone(), "/v1/orders?a=b&limited=403").body(body.to_owned());
        let forged = call
            .header("x-api-key", &key)
            .header("X-Frontdesk-Account", "acct_000000000000")
            .header("x-frontdesk-sandbox", "true")
            .header("x-frontdesk-sandbox", "perhaps")
            .header("x_frontdesk_key", "key_k00000000")
            .header("X-Frontdesk_Account", "acct_000000000000")
            .header("x.frontdesk.account", "acct_000000000000")
            .header("X-FRONTDESK-KEY-NAME", "");
        assert_eq!(forged.send().await.expect("an answer").status(), 200, "{kind:?} {method}");
        let calls = product.calls();
        let line = format!("{method} /v1/orders?a=b&limited=403");
        assert_eq!((&calls[0].line, calls[0].body.len()), (&line, body.len()), "{kind:?}");
        assert_eq!(told(&product), owner, "{kind:?} {method}");
    }

    // Three times what Frontdesk's own gateway takes is the product's business alone.
    let much = "c".repeat(7_000);
    let call = gateway.call(Method::GET, &format!("/v1?{much}")).header("x-api-key", &key);
    let call = call.header("cookie", format!("a={much}")).header("x-much", &much);
    assert_eq!(call.send().await.expect("an answer").status(), 200, "{kind:?}");
    assert_eq!(product.calls()[0].headers["x-much"].len(), 7_000);
    assert_eq!(told(&product), owner);

    // No key, none that is one, and one that was deleted.
    gateway.refuses(None, &product).await;
    gateway.refuses(Some("garbage"), &product).await;
    let (deleted, value) = admin.key("Deleted").await;
    assert_eq!(gateway.status(&value).await, 200);
    admin.delete(&format!("/api/keys/{deleted}")).await.ok(204);
    gateway.refuses(Some(&value), &product).await;

    // A rotated key has both values until the overlap is over, and an expired one none.
    let until = json!({ "name": "Until", "expires_at": world.ahead(600) });
    let made = admin.post("/api/keys", until).await.ok(201).clone();
    let old = made["api_key"].as_str().expect("a key");
    let path = format!("/api/keys/{}/rotate", made["key"]["id"].as_str().expect("an id"));
    let rotated = admin.post(&path, json!({ "keep_old_seconds": 300 })).await.ok(201).clone();
    let new = rotated["api_key"].as_str().expect("a key");
    for value in [old, new] {
        assert_eq!(gateway.status(value).await, 200, "{kind:?}");
    }
    world.advance(300);
    gateway.refuses(Some(old), &product).await;
    assert_eq!(gateway.status(new).await, 200);
    world.advance(300);
    gateway.refuses(Some(new), &product).await;

    // Where nginx asks itself is no place for a client.
    if kind == Kind::Nginx {
        assert_eq!(gateway.get_with(&key, "/_check").await, 404);
    }
}

/// Leaves an account one call, in a month that has just begun.
async fn one_call_a_month(world: &World) -> (Person<'_>, String) {
    world.advance_to(Month::of(world.now()).ends_at());
    let admin = world.admin().await;
    let (_, key) = admin.key("Key").await;
    let limits = json!({ "act": "set_limits", "limits": { "per_month": 1 } });
    world.change(&admin.account, limits).await;
    (admin, key)
}

async fn answers_a_call_over_a_limit_with_429_and_when_to_come_back(kind: Kind) {
    let world = World::new().await;
    let (admin, key) = one_call_a_month(&world).await;
    let (deleted, value) = admin.key("Deleted").await;
    admin.delete(&format!("/api/keys/{deleted}")).await.ok(204);
    let product = Product::start().await;
    let desk = world.desk.url().replace("localhost", "127.0.0.1");
    let gateway = Gateway::start(kind, &desk, &product);
    // A key that is not good takes none.
    gateway.refuses(Some(&value), &product).await;
    assert_eq!(gateway.status(&key).await, 200, "{kind:?}");
    product.take_calls();

    let until = Month::of(world.now()).ends_at();
    let left = || until.duration_since(world.now()).as_secs() + 1;
    for method in [Method::GET, Method::POST] {
        let most = left();
        let call = gateway.call(method, "/v1/orders").header("x-api-key", &key);
        let answer = call.send().await.expect("an answer");
        assert_eq!(answer.status(), 429, "{kind:?}");
        assert_eq!(answer.headers()["content-type"], "application/json", "{kind:?}");
        let retry_after = answer.headers()["retry-after"].to_str().expect("a text").parse();
        assert!((left()..=most).contains(&retry_after.expect("seconds")), "{kind:?}");
        let text = answer.text().await.expect("a text");
        let body: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(body["error"]["code"], 429, "{kind:?}: {text}");
    }
    assert!(product.calls().is_empty(), "{kind:?}");

    // A bad key is one, whatever else is over a limit; and a month ends.
    gateway.refuses(Some("garbage"), &product).await;
    world.advance_to(until);
    assert_eq!(gateway.status(&key).await, 200, "{kind:?}");
}

/// What is neither yes nor no, from Frontdesk or from what stands in its place.
async fn admits_nobody_during_an_outage_and_sends_on_the_key_alone(kind: Kind) {
    let (frontdesk, product) = (Product::start().await, Product::start().await);
    let origin = frontdesk.url.trim_end_matches("/check");
    let gateway = Gateway::start(kind, origin, &product);
    let call = || {
        let call = gateway.call(Method::POST, "/v1/orders?secret=1").body("secret");
        call.header("x-api-key", "fd_live_key")
            .header("cookie", "secret=1")
            .header("x-secret", "1")
            .header("x-forwarded-for", "192.0.2.1")
            .header("user-agent", "secret")
            .send()
    };
    for says in [Says::Status(500), Says::Status(503), Says::Status(429), Says::Elsewhere] {
        frontdesk.says([says]);
        let status = call().await.expect("an answer").status();
        assert!(!status.is_success(), "{kind:?} answers {status} to {says:?}");
    }
    let asked = match kind {
        Kind::Nginx => "GET /api/check?limited=403",
        Kind::Caddy => "GET /api/check",
    };
    for Seen { line, headers, body } in frontdesk.take_calls() {
        assert_eq!((&*line, &*body), (asked, &b""[..]), "{kind:?}");
        assert_eq!(headers["x-api-key"], "fd_live_key");
        // Its own words of the connection.
        let own = ["host", "x-api-key", "connection", "accept-encoding"];
        assert!(headers.keys().all(|name| own.contains(&name.as_str())), "{kind:?}: {headers:?}");
    }
    assert!(product.calls().is_empty(), "{kind:?}");

    // Nobody there.
    let nobody = own_address();
    let gateway = Gateway::start(kind, &format!("http://{nobody}:{}", port(nobody)), &product);
    let status = gateway.status("fd_live_key").await;
    assert!([502, 503].contains(&status.as_u16()), "{kind:?} answers {status}");
    assert!(product.calls().is_empty(), "{kind:?}");
}

/// What the document's JavaScript says of a key, in JSON; or what it throws.
async fn key_owner(check_url: String, key: &str) -> Result<Value, String> {
    let address = own_address();
    let folder = std::env::temp_dir().join(format!("frontdesk-key-owner-{address}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("owner.mjs"), documented("Code of your own")).expect("written");
    let ask = "import { keyOwner } from './owner.mjs';\n\
        console.log(JSON.stringify(await keyOwner(process.argv[2])));\n";
    std::fs::write(folder.join("ask.mjs"), ask).expect("written");
    let mut node = Command::new("node");
    node.arg(folder.join("ask.mjs")).arg(key).env("CHECK_URL", check_url);
    let output = tokio::task::spawn_blocking(move || node.output()).await.expect("a thread");
    let output = output.expect("node is there");
    std::fs::remove_dir_all(folder).expect("its folder");
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_of_ones_own_learns_whose_a_key_is_that_it_is_none_or_that_nobody_knows() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (id, key) = admin.key("Zapier 東京").await;
    let url = format!("{}/api/check", world.desk.url());
    let owner = json!({
        "account": admin.account, "key": id, "keyName": "Zapier 東京", "sandbox": false,
    });
    assert_eq!(key_owner(url.clone(), &key).await, Ok(owner));
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    for refused in [key.as_str(), "", "garbage"] {
        assert_eq!(key_owner(url.clone(), refused).await, Ok(Value::Null), "{refused}");
    }
    // Another answer of the same desk is neither yes nor no.
    let elsewhere = format!("{}/api/session", world.desk.url());
    let thrown = key_owner(elsewhere, &key).await.expect_err("nobody knows");
    assert!(thrown.contains("The API key cannot be checked: 401"), "{thrown}");
    let nobody = own_address();
    let down = format!("http://{nobody}:{}/api/check", port(nobody));
    assert!(key_owner(down, &key).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn code_of_ones_own_learns_that_an_account_is_over_its_limit_and_when_to_come_back() {
    let world = World::new().await;
    let (admin, key) = one_call_a_month(&world).await;
    let url = format!("{}/api/check", world.desk.url());
    assert_eq!(key_owner(url.clone(), &key).await.expect("an owner")["account"], admin.account);
    let thrown = key_owner(url, &key).await.expect_err("it is over its limit");
    for told in ["Over a limit: quota_exceeded", "status: 429", "retryAfter: "] {
        assert!(thrown.contains(told), "{thrown}");
    }
}

/// The shell blocks of the section, pasted in a checkout, with ports of the test's own.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_behind_nginx_of_docs_local_md_can_be_pasted_as_it_stands() {
    let world = World::new().await;
    let document = std::fs::read_to_string(desk::workspace_root().join("docs/local.md"));
    let document = document.expect("the document is there");
    let section = document.split("\n## ").find(|part| part.starts_with("A key behind nginx"));
    let blocks = section.expect("the section").split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split("\n```\n").next().expect("a block ends"));
    let script = blocks.collect::<Vec<_>>().join("\n");
    let ip = own_address();
    let (guard, product) = (format!("{ip}:{}", port(ip)), format!("{ip}:{}", port(ip)));
    let script = script
        .replace("http://localhost:9000", &world.desk.url())
        .replace(
            "|listen 127.0.0.1:8080|",
            &format!("|listen {guard}|; s|127.0.0.1:3000|{product}|"),
        )
        .replace("127.0.0.1:8080", &guard)
        .replace("listen 127.0.0.1:3000", &format!("listen {product}"));
    // A paste that fails leaves no nginx behind.
    let script = format!("trap 'kill $(cat $NGINX/pid) 2>/dev/null || true' EXIT\n{script}");
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &script]).current_dir(desk::workspace_root());
    let run = tokio::task::spawn_blocking(move || bash.output()).await.expect("a thread");
    let run = run.expect("bash is there");
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{told}\n{}", String::from_utf8_lossy(&run.stderr));
    let account = world.account_of(support::ADMIN).await;
    let called = format!("{account} calls by Nightly");
    // What the gateway answers to each call, in its order.
    let asked: Vec<&str> = told
        .lines()
        .filter(|line| *line == called || line.ends_with("}}403"))
        .map(|line| if line == called { "200" } else { "403" })
        .collect();
    assert_eq!(asked, ["200", "200", "200", "403", "200", "403", "200"], "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_guards_the_product_as_frontdesk_says() {
    guards_the_product_as_frontdesk_says(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_guards_the_product_as_frontdesk_says() {
    guards_the_product_as_frontdesk_says(Kind::Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_answers_a_call_over_a_limit_with_429_and_when_to_come_back() {
    answers_a_call_over_a_limit_with_429_and_when_to_come_back(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_answers_a_call_over_a_limit_with_429_and_when_to_come_back() {
    answers_a_call_over_a_limit_with_429_and_when_to_come_back(Kind::Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_admits_nobody_during_an_outage_and_sends_on_the_key_alone() {
    admits_nobody_during_an_outage_and_sends_on_the_key_alone(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_admits_nobody_during_an_outage_and_sends_on_the_key_alone() {
    admits_nobody_during_an_outage_and_sends_on_the_key_alone(Kind::Caddy).await;
}
