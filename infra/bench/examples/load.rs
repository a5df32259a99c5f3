//! `cargo load` has many clients ask a desk about a key at once, and its engine for a row in turns
//! with that, and prints how long both took.

#![expect(clippy::print_stdout, reason = "what it is for")]

use bench::http::send;
use bench::journey;
use bench::load::{Asked, ask};
use bench::local_desk::LocalDesk;
use bench::programs::Programs;
use bench::{Failure, command};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
cargo load [--clients N] [--seconds N] [--no-build]

Builds the desk for speed, and has many clients ask it about a key (GET /api/check) and its engine
for a row (GetItem) in turns. Prints how many answers came, and how long they took. It fails if any
was no good, and never for a time.
  --clients N  how many at once (64)
  --seconds N  for how long (60)
  --no-build   takes the desk as it was built last";

struct Plan {
    clients: usize,
    seconds: u64,
    build: bool,
}

fn main() -> ExitCode {
    command::run(USAGE, read, async |_, plan| run(&plan).await)
}

fn read(words: &[String]) -> Option<Plan> {
    let mut plan = Plan { clients: 64, seconds: 60, build: true };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--clients" => plan.clients = words.next()?.parse().ok()?,
            "--seconds" => plan.seconds = words.next()?.parse().ok()?,
            "--no-build" => plan.build = false,
            _ => return None,
        }
    }
    (plan.clients > 0 && plan.seconds > 0).then_some(plan)
}

async fn run(plan: &Plan) -> Result<(), Failure> {
    let programs = Programs::of_this()?;
    if plan.build {
        programs.build_optimised_desk()?;
    }
    let desk = LocalDesk::whole(&programs.optimised_desk()).await?;
    let (key, account) = journey::key(&desk).await?;
    let all = [check(desk.address(), key), row(desk.engine().await?, &account).await?];
    let came = ask(&all, plan.clients, Duration::from_secs(plan.seconds)).await?;
    println!("{} clients, {} seconds, each asks both in turns:\n", plan.clients, plan.seconds);
    println!("{:<20}{:>9}{:>10}{:>10}{:>10}", "what", "answers", "failures", "p50 ms", "p99 ms");
    for (what, came) in ["GET /api/check", "the engine's GetItem"].iter().zip(&came) {
        let (p50, p99) = (came.percentile(0.5), came.percentile(0.99));
        println!("{what:<20}{:>9}{:>10}{p50:>10.2}{p99:>10.2}", came.taken.len(), came.failures);
    }
    let [check, row] = &came[..] else { return Err("two were asked".into()) };
    let ratio = check.percentile(0.99) / row.percentile(0.99);
    println!("\nThe check's p99 is {ratio:.2} times the row's.");
    match came.iter().find_map(|came| came.refused.as_ref()) {
        Some(refused) => Err(format!("not all was answered well: {refused}").into()),
        None => Ok(()),
    }
}

fn check(to: SocketAddr, key: String) -> Asked {
    let headers = vec![("host", format!("localhost:{}", to.port())), ("x-api-key", key)];
    Asked { to, route: ("GET", "/api/check".to_owned()), headers, body: String::new() }
}

/// One strongly consistent read, as a check makes it.
async fn row(to: SocketAddr, account: &str) -> Result<Asked, Failure> {
    let tables = send(to, operation(to, "ListTables", &json!({})).request()?).await?;
    let tables: Value = serde_json::from_slice(tables.body())?;
    let table = &tables["TableNames"][0];
    let key = json!({ "pk": { "S": format!("ACCT#{account}") }, "sk": { "S": "ACCOUNT" } });
    let asked = json!({ "TableName": table, "Key": key, "ConsistentRead": true });
    let asked = operation(to, "GetItem", &asked);
    let found = send(to, asked.request()?).await?;
    let found: Value = serde_json::from_slice(found.body())?;
    if found["Item"].is_object() { Ok(asked) } else { Err(format!("no row: {found}").into()) }
}

/// A request to the engine, which looks at who signed and at no signature.
fn operation(to: SocketAddr, name: &str, body: &Value) -> Asked {
    let signed = "AWS4-HMAC-SHA256 Credential=desk/20260101/us-east-1/dynamodb/aws4_request, \
                  SignedHeaders=host, Signature=0";
    let headers = vec![
        ("host", to.to_string()),
        ("content-type", "application/x-amz-json-1.0".to_owned()),
        ("x-amz-target", format!("DynamoDB_20120810.{name}")),
        ("authorization", signed.to_owned()),
        ("x-amz-date", "20260101T000000Z".to_owned()),
    ];
    Asked { to, route: ("POST", "/".to_owned()), headers, body: body.to_string() }
}
