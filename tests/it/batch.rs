//! Batches of mail records, made by requests and delivered by whoever asked for them.

use crate::proxy::{Behind, http_event, outcome};
use crate::support::{World, record_of};
use desk::{FunctionHost, Options};
use serde_json::{Value, json};

/// A world whose own workers are out of reach: a mail waits until a test delivers its record.
pub async fn without_workers() -> World {
    let functions = FunctionHost::Remote("http://127.0.0.1:9".to_owned());
    World::with_options(Options { functions, ..Options::default() }).await
}

/// A code is asked for at each of these addresses. The records of the mails, in one batch, in the
/// same order; their sequence numbers are their places.
pub async fn batch_for(world: &World, addresses: &[&str]) -> Value {
    let request_code = Behind::new(world, "request-code", &[]);
    for address in addresses {
        let body = json!({ "email": address, "accept_terms": true });
        let answer = request_code.invoke(&http_event("request-code", None, None, Some(body))).await;
        assert_eq!(outcome(&answer.expect("an answer")), (202, String::new()), "{address}");
    }
    let mut rows = world.rows_of("mail").await;
    rows.retain(|row| row["status"].as_s().unwrap() == "pending");
    rows.sort_by_key(|row| addresses.iter().position(|to| row["to"].as_s().unwrap() == to));
    let records = rows.iter().enumerate().map(|(place, row)| {
        let mut record = record_of("deliver-mail", row)["Records"][0].take();
        record["dynamodb"]["SequenceNumber"] = place.to_string().into();
        record
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}
