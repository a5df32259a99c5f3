//! One strongly consistent `GetItem` by the SDK, and nothing done with the row.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use floor::sdk::{client, setting};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = client().ok_or("a variable of AWS is missing")?;
    let row: Value = serde_json::from_str(&setting("BENCH_ROW").ok_or("there is no BENCH_ROW")?)?;
    let (client, row) = (&client, &row);
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| get(client, row))).await
}

async fn get(client: &Client, row: &Value) -> Result<Value, Error> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = |name: &str| AttributeValue::S(text(&row["Key"][name]["S"]));
    let found = client
        .get_item()
        .table_name(text(&row["TableName"]))
        .key("pk", key("pk"))
        .key("sk", key("sk"))
        .consistent_read(true)
        .send()
        .await?;
    Ok(json!({ "isAuthorized": found.item.is_some() }))
}
