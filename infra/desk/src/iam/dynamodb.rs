//! What a call of DynamoDB asks for, as the service hands it to IAM.
//!
//! A transaction asks for the actions of its items; IAM knows none for the transaction itself. What
//! it sees as the leading keys there is one of two [readings](LeadingKeysReading). A batch has an
//! action of its own, on all of its keys. A query of an index is a request for the index.

use crate::names::{index_arn, table_arn};
use crate::policy::{AccessRequest, ConditionKeys};
use crate::template::Table;
use serde_json::Value;

/// What IAM sees as `dynamodb:LeadingKeys` where a transaction has several items of one action.
/// AWS's documents do not say it, so a call has to be allowed under both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeadingKeysReading {
    /// Each item is a request with the one key that it names.
    PerItem,
    /// All items of one action are one request with all of their keys.
    PerAction,
}

/// What a call asks for, or why that cannot be told.
pub(super) fn access_requests(
    table: &Table,
    target: &str,
    body: &Value,
    reading: LeadingKeysReading,
) -> Result<Vec<AccessRequest>, String> {
    let rows = Rows { table, reading };
    match target.split_once('.') {
        Some(("DynamoDBStreams_20120810", operation)) => {
            Ok(vec![AccessRequest::new(format!("dynamodb:{operation}"), &*table.stream_arn)])
        }
        Some(("DynamoDB_20120810", operation)) => rows.access_requests(operation, body),
        _ => Err(format!("the desk does not know the operation {target}")),
    }
}

/// The rows of the one table that the desk has.
struct Rows<'t> {
    table: &'t Table,
    reading: LeadingKeysReading,
}

impl Rows<'_> {
    fn access_requests(&self, operation: &str, body: &Value) -> Result<Vec<AccessRequest>, String> {
        let one =
            |keys: Option<Vec<String>>| Ok(vec![access_request(operation, resource(body), keys)]);
        match operation {
            "UpdateItem" => {
                let keys = Some(vec![self.key(&body["Key"])?]);
                Ok(vec![updating(access_request(operation, resource(body), keys), body)])
            }
            "GetItem" | "DeleteItem" => one(Some(vec![self.key(&body["Key"])?])),
            "PutItem" => one(Some(vec![self.key(&body["Item"])?])),
            "Query" => one(Some(vec![self.queried_key(body)?])),
            "Scan" => one(None),
            "TransactWriteItems" | "TransactGetItems" => {
                let items = list(&body["TransactItems"])?.iter().map(|item| self.item(item));
                let items = items.collect::<Result<_, _>>()?;
                Ok(match self.reading {
                    LeadingKeysReading::PerItem => items,
                    LeadingKeysReading::PerAction => together(items),
                })
            }
            "BatchGetItem" | "BatchWriteItem" => self.batch(operation, &body["RequestItems"]),
            // Without this list a request could name rows in a way that is not looked at here.
            "DescribeTable" | "ListTables" | "DescribeTimeToLive" | "DescribeLimits"
            | "DescribeEndpoints" => one(None),
            other => Err(format!("the desk does not know which rows {other} names")),
        }
    }

    /// One item of a transaction.
    fn item(&self, item: &Value) -> Result<AccessRequest, String> {
        const ACTIONS: [(&str, &str, &str); 5] = [
            ("Get", "GetItem", "Key"),
            ("Put", "PutItem", "Item"),
            ("Update", "UpdateItem", "Key"),
            ("Delete", "DeleteItem", "Key"),
            ("ConditionCheck", "ConditionCheckItem", "Key"),
        ];
        let known =
            ACTIONS.iter().find_map(|(name, action, key)| Some((action, item.get(name)?, key)));
        let (action, part, key) = known
            .ok_or_else(|| format!("the desk does not know this item of a transaction: {item}"))?;
        let request = access_request(action, resource(part), Some(vec![self.key(&part[key])?]));
        Ok(if *action == "UpdateItem" { updating(request, part) } else { request })
    }

    /// One request for each table, with all keys that the batch names there.
    fn batch(&self, operation: &str, tables: &Value) -> Result<Vec<AccessRequest>, String> {
        let tables = tables.as_object().ok_or("RequestItems is not an object")?;
        let of = |(table, items): (&String, &Value)| {
            let keys: Vec<&Value> = match operation {
                "BatchGetItem" => list(&items["Keys"])?.iter().collect(),
                _ => list(items)?
                    .iter()
                    .map(|item| {
                        item.get("PutRequest")
                            .map_or(&item["DeleteRequest"]["Key"], |put| &put["Item"])
                    })
                    .collect(),
            };
            let keys = keys.into_iter().map(|key| self.key(key)).collect::<Result<_, _>>()?;
            Ok(access_request(operation, table_arn(table), Some(keys)))
        };
        tables.iter().map(of).collect()
    }

    /// The partition key of a row.
    fn key(&self, row: &Value) -> Result<String, String> {
        text(&row[&self.table.key.hash])
            .ok_or_else(|| "the request names a row without its partition key".to_owned())
    }

    /// The partition key of a query: `KeyConditionExpression` begins with it or has it behind
    /// `AND`, as `name = :value`.
    fn queried_key(&self, body: &Value) -> Result<String, String> {
        let hash = match body["IndexName"].as_str() {
            None => &self.table.key.hash,
            Some(name) => match self.table.indexes.iter().find(|index| index.name == name) {
                Some(index) => &index.key.hash,
                None => return Err(format!("the desk does not know the index {name}")),
            },
        };
        let words: Vec<&str> = body["KeyConditionExpression"]
            .as_str()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let is_hash =
            |name: &str| body["ExpressionAttributeNames"][name].as_str().unwrap_or(name) == hash;
        let value = words
            .windows(3)
            .find(|words| words[1] == "=" && is_hash(words[0]))
            .map(|words| words[2]);
        value
            .and_then(|value| text(&body["ExpressionAttributeValues"][value]))
            .ok_or_else(|| "the desk cannot tell the query's partition".to_owned())
    }
}

fn access_request(
    operation: &str,
    resource: String,
    leading_keys: Option<Vec<String>>,
) -> AccessRequest {
    AccessRequest {
        condition_keys: ConditionKeys { leading_keys, ..ConditionKeys::default() },
        ..AccessRequest::new(format!("dynamodb:{operation}"), resource)
    }
}

/// What an update names of the row, by its key and its expressions, and what it asks back.
fn updating(request: AccessRequest, body: &Value) -> AccessRequest {
    let keys = body["Key"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    let expressions = ["UpdateExpression", "ConditionExpression"];
    let expressions = expressions.iter().filter_map(|name| body[name].as_str());
    let named = expressions.flat_map(|text| attributes(text, &body["ExpressionAttributeNames"]));
    // The forms that are older than expressions name attributes, too.
    let legacy = ["AttributeUpdates", "Expected"].iter().any(|name| body.get(name).is_some());
    let condition_keys = ConditionKeys {
        attributes: (!legacy).then(|| keys.chain(named).collect()),
        return_values: body["ReturnValues"].as_str().map(str::to_owned),
        ..request.condition_keys
    };
    AccessRequest { condition_keys, ..request }
}

/// The attributes of a row that an expression names: of a path its first part.
fn attributes(expression: &str, names: &Value) -> Vec<String> {
    const WORDS: [&str; 9] =
        ["SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN"];
    let of_path = |c: char| c.is_alphanumeric() || "_#:.[]".contains(c);
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(of_path) {
        let end = rest[start..].find(|c| !of_path(c)).map_or(rest.len(), |length| start + length);
        let (path, behind) = (&rest[start..end], &rest[end..]);
        rest = behind;
        let is_function = behind.trim_start().starts_with('(');
        let is_word = WORDS.iter().any(|word| path.eq_ignore_ascii_case(word));
        let name = path.split(['.', '[']).next().unwrap_or_default();
        if !is_word && !is_function && !name.starts_with(':') && !name.is_empty() {
            found.push(names[name].as_str().unwrap_or(name).to_owned());
        }
    }
    found
}

/// One request for each action on a resource, with the keys of all.
fn together(items: Vec<AccessRequest>) -> Vec<AccessRequest> {
    let mut requests: Vec<AccessRequest> = Vec::new();
    for item in items {
        let same = requests
            .iter_mut()
            .find(|request| (&request.action, &request.resource) == (&item.action, &item.resource));
        match same {
            Some(request) => {
                let keys = request.condition_keys.leading_keys.get_or_insert_default();
                keys.extend(item.condition_keys.leading_keys.into_iter().flatten());
                let attributes = &mut request.condition_keys.attributes;
                *attributes =
                    attributes.take().zip(item.condition_keys.attributes).map(|(mut all, more)| {
                        all.extend(more);
                        all
                    });
            }
            None => requests.push(item),
        }
    }
    requests
}

/// The table, or the index of it, that a request or a part of one names.
fn resource(request: &Value) -> String {
    match (request["TableName"].as_str(), request["IndexName"].as_str()) {
        (Some(table), Some(index)) => index_arn(table, index),
        (Some(table), None) => table_arn(table),
        (None, _) => "*".to_owned(),
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| "the request has no list where it needs one".to_owned())
}

fn text(value: &Value) -> Option<String> {
    value["S"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkout::workspace_root;
    use crate::policy::{Decision, Policy};
    use crate::template::{Document, Template};
    use serde_json::json;
    use std::collections::BTreeMap;

    /// Action, end of the resource, keys.
    type Asked = (String, String, Option<Vec<String>>);

    /// What `template.yaml` declares.
    fn template() -> Template {
        let document =
            Document::read(&workspace_root().join("template.yaml")).expect("the template is there");
        let own = [("ConsoleOrigin", "http://localhost:1"), ("MailFrom", "desk@example.com")];
        let own: BTreeMap<String, String> =
            own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        document.resolve(&BTreeMap::new(), &own).expect("a good template")
    }

    /// What a call on the table asks for, item by item.
    fn asked_for(target: &str, body: Value) -> Result<Vec<Asked>, String> {
        asked_for_under(LeadingKeysReading::PerItem, target, body)
    }

    fn asked_for_under(
        reading: LeadingKeysReading,
        target: &str,
        mut body: Value,
    ) -> Result<Vec<Asked>, String> {
        let template = template();
        let named = |value: &mut Value| {
            if value.is_object() {
                value["TableName"] = template.table().name.clone().into();
            }
        };
        named(&mut body);
        for item in body["TransactItems"].as_array_mut().into_iter().flatten() {
            item.as_object_mut().expect("an item").values_mut().for_each(named);
        }
        let arn = table_arn(&template.table().name);
        let requests = access_requests(template.table(), target, &body, reading)?;
        let asked = |request: AccessRequest| {
            let resource = request.resource.replace(&arn, "T");
            (request.action, resource, request.condition_keys.leading_keys)
        };
        Ok(requests.into_iter().map(asked).collect())
    }

    fn row(pk: &str) -> Value {
        json!({"pk": {"S": pk}, "sk": {"S": "s"}})
    }

    fn asked(action: &str, resource: &str, keys: &[&str]) -> Asked {
        (
            format!("dynamodb:{action}"),
            resource.to_owned(),
            Some(keys.iter().map(|key| (*key).to_owned()).collect()),
        )
    }

    #[test]
    fn a_request_for_one_row_is_one_act_with_its_partition_key() {
        for (operation, field) in
            [("GetItem", "Key"), ("UpdateItem", "Key"), ("DeleteItem", "Key"), ("PutItem", "Item")]
        {
            let found =
                asked_for(&format!("DynamoDB_20120810.{operation}"), json!({ field: row("A") }));
            assert_eq!(found, Ok(vec![asked(operation, "T", &["A"])]));
        }
    }

    #[test]
    fn an_update_names_the_attributes_of_its_key_and_its_expressions() {
        let body = json!({
            "TableName": template().table().name, "Key": row("A"), "ReturnValues": "ALL_NEW",
            "UpdateExpression":
                "SET #a = if_not_exists(#a, d), b.#c[1] = :n-size(d) REMOVE e, s.#s ADD f :n",
            "ConditionExpression":
                "attribute_exists(pk) AND (NOT begins_with(g, :n) OR #h BETWEEN :n AND i)",
            "ExpressionAttributeNames": {"#a": "last.used", "#c": "deep", "#h": "SET", "#s": "s0"},
        });
        let reading = LeadingKeysReading::PerItem;
        let target = "DynamoDB_20120810.UpdateItem";
        let asked = |body: &Value| {
            let requests = access_requests(template().table(), target, body, reading);
            requests.expect("a request").remove(0).condition_keys
        };
        let keys = asked(&body);
        let names: std::collections::BTreeSet<String> =
            keys.attributes.expect("they are told").into_iter().collect();
        let wanted = ["SET", "b", "d", "e", "f", "g", "i", "last.used", "pk", "s", "sk"];
        assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
        assert_eq!(keys.return_values.as_deref(), Some("ALL_NEW"));
        for legacy in ["AttributeUpdates", "Expected"] {
            let mut old = body.clone();
            old[legacy] = json!({});
            assert_eq!(asked(&old).attributes, None);
        }
    }

    #[test]
    fn a_transaction_is_the_acts_of_its_items_and_has_none_of_its_own() {
        let items = json!({"TransactItems": [
            {"Put": {"Item": row("A")}},
            {"Update": {"Key": row("B")}},
            {"Delete": {"Key": row("C")}},
            {"ConditionCheck": {"Key": row("D")}},
        ]});
        let wanted = [
            asked("PutItem", "T", &["A"]),
            asked("UpdateItem", "T", &["B"]),
            asked("DeleteItem", "T", &["C"]),
            asked("ConditionCheckItem", "T", &["D"]),
        ];
        assert_eq!(asked_for("DynamoDB_20120810.TransactWriteItems", items), Ok(wanted.to_vec()));
        let items = json!({"TransactItems": [{"Get": {"Key": row("A")}}]});
        assert_eq!(
            asked_for("DynamoDB_20120810.TransactGetItems", items),
            Ok(vec![asked("GetItem", "T", &["A"])])
        );
    }

    #[test]
    fn the_items_of_one_action_may_be_one_act_with_all_of_their_keys() {
        let items = json!({"TransactItems": [
            {"Put": {"Item": row("A")}},
            {"Update": {"Key": row("B")}},
            {"Put": {"Item": row("C")}},
            {"Put": {"Item": row("A")}},
        ]});
        assert_eq!(
            asked_for_under(
                LeadingKeysReading::PerAction,
                "DynamoDB_20120810.TransactWriteItems",
                items
            ),
            Ok(vec![asked("PutItem", "T", &["A", "C", "A"]), asked("UpdateItem", "T", &["B"])])
        );
    }

    #[test]
    fn two_statements_for_one_action_allow_its_items_one_by_one_and_not_together() {
        let table = template().table().clone();
        let statement = |sid: &str, patterns: &[&str]| {
            json!({
                "Sid": sid, "Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*",
                "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": patterns}},
            })
        };
        let policy = |statements: Value| {
            let mut policy = Policy::default();
            let document = json!({"Version": "2012-10-17", "Statement": statements});
            policy.add(&document).expect("a policy");
            policy
        };
        let two = policy(json!([statement("One", &["ACCT#*"]), statement("Two", &["ADDR#*"])]));
        let one = policy(json!([statement("One", &["ACCT#*", "ADDR#*"])]));
        let allows = |policy: &Policy, reading: LeadingKeysReading, keys: [&str; 2]| {
            let put = |key: &str| json!({"Put": {"TableName": table.name, "Item": row(key)}});
            let body = json!({"TransactItems": keys.map(put)});
            let target = "DynamoDB_20120810.TransactWriteItems";
            let requests = access_requests(&table, target, &body, reading).expect("requests");
            requests.iter().all(|asked| matches!(policy.decide(asked), Decision::Allowed(_)))
        };
        let (item, action) = (LeadingKeysReading::PerItem, LeadingKeysReading::PerAction);
        let of_both = ["ACCT#1", "ADDR#1"];
        assert!(allows(&two, item, of_both) && !allows(&two, action, of_both));
        assert!(allows(&one, item, of_both) && allows(&one, action, of_both));
        for of_one in [["ACCT#1", "ACCT#2"], ["ADDR#1", "ADDR#1"]] {
            assert!(allows(&two, item, of_one) && allows(&two, action, of_one));
        }
        for with_another in [["ACCT#1", "OTHER#1"], ["OTHER#1", "ADDR#1"]] {
            for policy in [&one, &two] {
                assert!(!allows(policy, item, with_another), "{with_another:?}");
                assert!(!allows(policy, action, with_another), "{with_another:?}");
            }
        }
    }

    #[test]
    fn a_batch_has_an_action_of_its_own_on_each_table_with_all_keys() {
        let name = "frontdesk-Table";
        let found = asked_for(
            "DynamoDB_20120810.BatchGetItem",
            json!({"RequestItems": {name: {"Keys": [row("A"), row("B")]}}}),
        );
        assert_eq!(found, Ok(vec![asked("BatchGetItem", "T", &["A", "B"])]));
        let writes = json!({"RequestItems": {name: [
            {"PutRequest": {"Item": row("A")}},
            {"DeleteRequest": {"Key": row("B")}},
        ]}});
        assert_eq!(
            asked_for("DynamoDB_20120810.BatchWriteItem", writes),
            Ok(vec![asked("BatchWriteItem", "T", &["A", "B"])])
        );
    }

    #[test]
    fn a_query_names_its_partition_and_one_of_an_index_is_an_act_on_the_index() {
        let values = json!({":pk": {"S": "A"}, ":x": {"S": "x"}, ":n": {"N": "1"}});
        let query = |expression: &str, more: Value| {
            let mut body =
                json!({"KeyConditionExpression": expression, "ExpressionAttributeValues": values});
            body.as_object_mut()
                .expect("an object")
                .extend(more.as_object().expect("an object").clone());
            asked_for("DynamoDB_20120810.Query", body)
        };
        let table = Ok(vec![asked("Query", "T", &["A"])]);
        assert_eq!(query("pk = :pk AND begins_with(sk, :x)", json!({})), table);
        assert_eq!(query("begins_with(sk, :x) AND pk = :pk", json!({})), table);
        assert_eq!(query("#p = :pk", json!({"ExpressionAttributeNames": {"#p": "pk"}})), table);
        let names = json!({"ExpressionAttributeNames": {"#duty": "duty"}, "IndexName": "duties"});
        assert_eq!(
            query("#duty = :pk AND due_at < :n", names),
            Ok(vec![asked("Query", "T/index/duties", &["A"])])
        );
        assert!(query("sk = :x", json!({})).is_err());
        assert!(query("pk = :pk", json!({"IndexName": "others"})).is_err());
    }

    #[test]
    fn a_scan_names_no_key_at_all() {
        assert_eq!(
            asked_for("DynamoDB_20120810.Scan", json!({})),
            Ok(vec![("dynamodb:Scan".to_owned(), "T".to_owned(), None)])
        );
        let index = Ok(vec![("dynamodb:Scan".to_owned(), "T/index/duties".to_owned(), None)]);
        assert_eq!(asked_for("DynamoDB_20120810.Scan", json!({"IndexName": "duties"})), index);
    }

    #[test]
    fn what_names_rows_in_a_way_that_is_not_known_is_no_act_at_all() {
        for (target, body) in [
            ("DynamoDB_20120810.ExecuteStatement", json!({"Statement": "SELECT * FROM x"})),
            ("DynamoDB_20120810.GetItem", json!({})),
            ("DynamoDB_20120810.GetItem", json!({"Key": {"pk": {"B": "AAAA"}}})),
            (
                "DynamoDB_20120810.TransactWriteItems",
                json!({"TransactItems": [{"Upsert": {"Key": row("A")}}]}),
            ),
            ("DynamoDB_20120810.TransactWriteItems", json!({})),
            ("DynamoDB_20120810.Query", json!({"KeyConditions": {}})),
            ("GetItem", json!({"Key": row("A")})),
            ("", json!({})),
        ] {
            assert!(asked_for(target, body.clone()).is_err(), "{target} {body}");
        }
    }

    #[test]
    fn reading_the_stream_is_an_act_on_the_stream() {
        for operation in ["ListStreams", "DescribeStream", "GetShardIterator", "GetRecords"] {
            let found = asked_for(&format!("DynamoDBStreams_20120810.{operation}"), json!({}))
                .expect("a request");
            assert_eq!(found[0].0, format!("dynamodb:{operation}"));
            assert!(found[0].1.starts_with("T/stream/"), "{found:?}");
        }
    }
}
