//! What a desk takes that nobody uses and how soon it wakes; and what takes longer when there is
//! more of something, each against itself in one run: a mail behind a flood, and a login to a desk
//! with a history.
//!
//! `cargo bench --package frontdesk-tests --profile dev` prints it. Milliseconds are the machine's;
//! where there are ratios, they are what counts.

#![expect(dead_code, reason = "what the tests share has more in it")]
#![expect(clippy::print_stdout, reason = "what it is for")]

#[path = "it/batch.rs"]
mod batch;
#[path = "it/folder.rs"]
mod folder;
#[path = "it/proxy.rs"]
mod proxy;
#[path = "it/support.rs"]
mod support;

use crate::batch::{batch_for, without_workers};
use crate::folder::Folder;
use crate::proxy::Behind;
use crate::support::{ADMIN, World, client};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use edge::lambda::RECORDS_AT_ONCE;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// What an answer of the store takes beside the engine's own time: about what DynamoDB's takes.
const STORE_WAIT: Duration = Duration::from_millis(5);
/// So long a desk is left alone.
const IDLE: Duration = Duration::from_secs(20);
/// How often something is measured; the median counts.
const TIMES: usize = 11;
/// Rows of what has been.
const HISTORY: usize = 20_000;

#[tokio::main]
async fn main() {
    at_rest().await;
    mail_behind_a_flood().await;
    let folder = Folder::new();
    history("in memory", World::new().await).await;
    history("kept", World::with_options(folder.kept()).await).await;
}

fn print(what: &str, before: (&str, Vec<Duration>), after: (&str, Vec<Duration>)) {
    let median = |mut times: Vec<Duration>| {
        times.sort();
        millis(times[times.len() / 2])
    };
    let ((before, slow), (after, fast)) =
        ((before.0, median(before.1)), (after.0, median(after.1)));
    println!("{what}: {before} {slow:.1} ms, {after} {fast:.1} ms; {:.1} to 1", slow / fast);
}

/// What a desk takes of a processor while nobody uses it, and how long after the answer to a
/// request for a code its mail can be read, from a desk that has rested.
async fn at_rest() {
    let world = World::new().await;
    world.admin().await;
    world.settle().await;
    let (began, used_before) = (Instant::now(), processor_time());
    tokio::time::sleep(IDLE).await;
    if let (Some(before), Some(after)) = (used_before, processor_time()) {
        let (used, real) = ((after - before).as_secs_f64(), began.elapsed().as_secs_f64());
        println!(
            "A desk that nobody uses: {used:.2} s of a processor in {real:.1} s, {:.2} % of one \
             (utime and stime in /proc/self/stat)",
            100.0 * used / real
        );
    }
    let mut took = Vec::new();
    for _ in 0..TIMES {
        world.advance(3 * 3600);
        world.settle().await;
        assert_eq!(world.call("DELETE", "/_local/mail").send().await.status, 204);
        assert_eq!(world.request_code(ADMIN).await.status, 202);
        let answered = Instant::now();
        while world.call("GET", "/_local/mail").send().await.body == json!([]) {}
        took.push(answered.elapsed());
    }
    took.sort();
    println!(
        "A mail, from the answer of POST /api/login/code until GET /_local/mail, asked again and \
         again, shows it: {:.1} ms, at most {:.1} ms of {TIMES} times",
        millis(took[TIMES / 2]),
        millis(took[TIMES - 1])
    );
    world.desk.shutdown().await;
}

/// What this process has used of processors so far, to a hundredth of a second; none where there is
/// no /proc.
fn processor_time() -> Option<Duration> {
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which may have anything in it: the state, ten numbers, and these two.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    Some(TICK * (times.next()?.ok()? + times.next()?.ok()?))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A mail that is due behind a whole batch for addresses that nobody has: the records delivered one
/// by one, and as one batch.
async fn mail_behind_a_flood() {
    let world = without_workers().await;
    let store = slow_store(&world).await;
    let deliver = Behind::new(&world, "deliver-mail", &[("AWS_ENDPOINT_URL_DYNAMODB", &store)]);
    let mut took = [Vec::new(), Vec::new()];
    // The first time is for what is opened and fetched once.
    for time in 0..=TIMES {
        for (way, batch_size) in [1, RECORDS_AT_ONCE].into_iter().enumerate() {
            world.advance(3 * 3600);
            let stranger = |number| format!("nobody{time}-{way}-{number}@example.net");
            let strangers: Vec<String> = (1..RECORDS_AT_ONCE).map(stranger).collect();
            let addresses: Vec<&str> =
                strangers.iter().map(String::as_str).chain([ADMIN]).collect();
            let event = batch_for(&world, &addresses).await;
            let began = Instant::now();
            for records in event["Records"].as_array().expect("records").chunks(batch_size) {
                let answer = deliver.invoke(&json!({ "Records": records })).await;
                assert_eq!(answer.expect("an answer"), json!({ "batchItemFailures": [] }));
            }
            if time > 0 {
                took[way].push(began.elapsed());
            }
        }
    }
    assert_eq!(world.mailed("login_code").len(), 2 * (TIMES + 1));
    let [one_by_one, side_by_side] = took;
    let others = RECORDS_AT_ONCE - 1;
    let what = format!("A mail behind {others} that nobody gets, {STORE_WAIT:?} a request");
    print(&what, ("one by one", one_by_one), ("side by side", side_by_side));
}

/// The store behind a wait.
async fn slow_store(world: &World) -> String {
    async fn forward(
        State((client, url)): State<(reqwest::Client, String)>,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        headers.remove(header::HOST);
        tokio::time::sleep(STORE_WAIT).await;
        let answer = client.post(url).headers(headers).body(body).send().await;
        let answer = answer.expect("the store answers");
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(header::TRANSFER_ENCODING);
        (status, headers, answer.bytes().await.expect("a whole answer")).into_response()
    }
    let url = world.desk.environment("deliver-mail")["AWS_ENDPOINT_URL_DYNAMODB"].clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let router = axum::Router::new().fallback(forward).with_state((client(), url));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A code, from the request to the mail, on a new desk and on the same with a history.
async fn history(kind: &str, world: World) {
    let new = codes(&world).await;
    fill(&world).await;
    let old = codes(&world).await;
    let after = format!("with {HISTORY} rows of history");
    print(&format!("A code, desk {kind}"), (&after, old), ("new", new));
    world.desk.shutdown().await;
}

async fn codes(world: &World) -> Vec<Duration> {
    let mut took = Vec::new();
    for time in 0..=TIMES {
        world.advance(3 * 3600);
        world.settle().await;
        let began = Instant::now();
        world.challenge(ADMIN).await;
        if time > 0 {
            took.push(began.elapsed());
        }
    }
    took
}

/// Rows as they remain of mails for addresses that nobody has, and their stream records.
async fn fill(world: &World) {
    let (client, table) = world.table();
    let rows: Vec<usize> = (0..HISTORY).collect();
    for rows in rows.chunks(25) {
        let put = |row: &usize| {
            let text = |text: String| AttributeValue::S(text);
            let put = PutRequest::builder()
                .item("pk", text(format!("ADDR#{row:022}")))
                .item("sk", text(format!("MAIL#{row:016}")))
                .item("type", text("mail".to_owned()))
                .item("status", text("done".to_owned()))
                .item("to", text(format!("nobody{row}@example.net")));
            WriteRequest::builder().put_request(put.build().expect("complete")).build()
        };
        let requests = rows.iter().map(put).collect();
        let write = client.batch_write_item().request_items(&table, requests).send().await;
        assert!(write.expect("written").unprocessed_items.is_none_or(|left| left.is_empty()));
    }
    world.settle().await;
}
