//! What AWS's documents, and the trouble of others, say of a template like ours, and no linter
//! looks at. Nothing of it can be seen without an AWS account but here.

use crate::tidy::{list, read, resources, template, template_functions, texts};
use serde_json::Value;
use std::collections::BTreeSet;

/// The longest name that a region has, e.g. `ap-southeast-1`.
const LONGEST_REGION: usize = 14;

/// How many shards the stream of a new table has at most: one for each partition, and an on-demand
/// table begins with four.
const SHARDS: u64 = 4;

/// How many functions may run at the same time in a new AWS account, all together.
const CONCURRENT_EXECUTIONS: u64 = 10;

/// The longest stack name that the documents allow.
fn longest_stack_name() -> usize {
    let guide = read("docs/operating.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, after) = guide.split_once("A stack's name has at most ").expect("a limit");
    after.split(' ').next().and_then(|limit| limit.parse().ok()).expect("a number")
}

#[test]
fn names_that_are_unique_in_an_aws_account_have_the_region_in_them_and_fit() {
    let template = template();
    let mut looked_at = 0;
    for (kind, config, longest) in [
        ("AWS::CloudFront::OriginAccessControl", "/OriginAccessControlConfig/Name", 64),
        ("AWS::CloudFront::ResponseHeadersPolicy", "/ResponseHeadersPolicyConfig/Name", 128),
        ("AWS::CloudFront::Function", "/Name", 64),
        ("AWS::CloudWatch::Dashboard", "/DashboardName", 255),
    ] {
        let mut names = BTreeSet::new();
        for (id, resource) in resources(&template, kind) {
            let name = resource["Properties"].pointer(config).unwrap_or_else(|| panic!("{id}"));
            let name = name["!Sub"].as_str().unwrap_or_else(|| panic!("{id} has a fixed name"));
            assert!(name.contains("${AWS::Region}"), "{id}: {name}");
            let stack = "s".repeat(longest_stack_name());
            let filled = name
                .replace("${AWS::StackName}", &stack)
                .replace("${AWS::Region}", &"r".repeat(LONGEST_REGION));
            assert!(filled.len() <= longest, "{id}: {filled}");
            assert!(names.insert(name.to_owned()), "{id}: {name} is there twice");
            looked_at += 1;
        }
    }
    assert!(looked_at >= 4, "the resources are named elsewhere now");
}

/// API Gateway warns of path parameters without a schema, and SAM writes none.
#[test]
fn a_warning_of_the_gateway_does_not_stop_the_first_deployment() {
    let template = template();
    for (id, api) in resources(&template, "AWS::Serverless::HttpApi") {
        assert_ne!(api["Properties"]["FailOnWarnings"], true, "{id}");
    }
}

/// What is retained although its stack never came to be costs, and stands in the way of the next
/// try; and a protected table cannot be taken back at all.
#[test]
fn what_is_stored_goes_with_a_first_deployment_that_fails_and_outlives_any_other() {
    let template = template();
    let stored: Vec<(String, Value)> =
        ["AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::S3::Bucket"]
            .iter()
            .flat_map(|kind| resources(&template, kind))
            .collect();
    assert!(stored.len() >= 5, "{stored:?}");
    for (id, resource) in stored {
        // What a build makes, and what is worth nothing without its stack, is not kept.
        if ["ConsoleBucket", "OriginSecret"].contains(&id.as_str()) {
            assert!(resource["DeletionPolicy"].is_null(), "{id}");
            continue;
        }
        assert_eq!(resource["DeletionPolicy"], "RetainExceptOnCreate", "{id}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{id}");
        assert!(resource["Properties"].get("DeletionProtectionEnabled").is_none(), "{id}");
    }
}

/// A version that outlives the deployment that made it, because that was taken back, keeps Lambda
/// from making the same one again.
#[test]
fn a_version_goes_with_the_deployment_that_made_it() {
    let template = template();
    assert_eq!(template["Globals"]["Function"]["VersionDeletionPolicy"], "Delete");
}

/// `SSEEnabled` chooses a key in KMS, which is paid for by the call.
#[test]
fn the_table_is_encrypted_with_the_key_that_costs_nothing() {
    let template = template();
    for (id, table) in resources(&template, "AWS::DynamoDB::Table") {
        assert!(table["Properties"].get("SSESpecification").is_none(), "{id}");
    }
}

/// The triggers that read the stream, by the logical id of their function.
fn stream_triggers(template: &Value) -> Vec<(String, Value)> {
    let functions = template_functions(template).into_values();
    functions
        .flat_map(|(id, function)| {
            let events = function["Properties"]["Events"].as_object().cloned().unwrap_or_default();
            events.into_values().map(move |event| (id.clone(), event))
        })
        .filter(|(_, event)| event["Type"] == "DynamoDB")
        .collect()
}

/// The value of a property, or of the parameter that it refers to as long as nobody sets it.
fn number(template: &Value, value: &Value) -> u64 {
    let parameter = value["!Ref"].as_str().map(|name| &template["Parameters"][name]["Default"]);
    parameter.unwrap_or(value).as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn the_streams_workers_leave_room_for_the_key_check_in_a_new_aws_account() {
    let template = template();
    let triggers = stream_triggers(&template);
    assert_eq!(triggers.len(), 2);
    let at_once = |(_, trigger): &(String, Value)| {
        SHARDS * number(&template, &trigger["Properties"]["ParallelizationFactor"])
    };
    let workers: u64 = triggers.iter().map(at_once).sum();
    assert!(workers < CONCURRENT_EXECUTIONS, "{workers} of {CONCURRENT_EXECUTIONS}");
}

/// The metrics of an alarm: namespace, name and dimensions, whether it has one or an expression.
fn metrics(alarm: &Value) -> Vec<(String, String, String)> {
    let properties = &alarm["Properties"];
    let stats = list(&properties["Metrics"]);
    let stats: Vec<&Value> = stats.iter().map(|metric| &metric["MetricStat"]["Metric"]).collect();
    let stats = if stats.is_empty() { vec![properties] } else { stats };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    stats
        .into_iter()
        .filter(|metric| metric["MetricName"].is_string())
        .map(|metric| {
            let namespace = text(&metric["Namespace"]);
            (namespace, text(&metric["MetricName"]), metric["Dimensions"].to_string())
        })
        .collect()
}

/// Which function or trigger an alarm looks at stands in its dimensions.
fn assert_alarm(namespace: &str, name: &str, dimension: &str) {
    let alarms = resources(&template(), "AWS::CloudWatch::Alarm");
    let found = alarms.values().flat_map(metrics).any(|(own_namespace, own_name, dimensions)| {
        own_namespace == namespace && own_name == name && dimensions.contains(dimension)
    });
    assert!(found, "no alarm looks at {namespace} {name} {dimension}");
}

/// A metric that is asked for and not reckoned with changes nothing.
#[test]
fn every_metric_of_an_alarm_counts_in_its_expression() {
    for (id, alarm) in resources(&template(), "AWS::CloudWatch::Alarm") {
        let metrics = list(&alarm["Properties"]["Metrics"]);
        let Some((expression, metrics)) = metrics.split_first() else { continue };
        let expression = expression["Expression"].as_str().expect("an expression");
        let mut words: Vec<&str> =
            expression.split(|c: char| !c.is_ascii_lowercase() && c != '_').collect();
        words.retain(|word| !word.is_empty());
        words.sort_unstable();
        let mut named: Vec<&str> =
            metrics.iter().map(|metric| metric["Id"].as_str().expect("a name")).collect();
        named.sort_unstable();
        assert_eq!(words, named, "{id}");
        let counts = |metric: &&Value| metric["ReturnData"] == false;
        assert!(metrics.iter().all(counts), "{id}");
    }
}

/// Login codes are no duties, so nothing else finds one that was lost.
#[test]
fn a_mail_that_the_stream_loses_is_an_alarm_whatever_lost_it() {
    let template = template();
    for (id, trigger) in stream_triggers(&template) {
        let counted = texts(&trigger["Properties"]["MetricsConfig"]["Metrics"]);
        assert_eq!(counted, ["EventCount"], "{id}");
        for metric in [
            "DroppedEventCount",
            "FailedInvokeEventCount",
            "OnFailureDestinationDeliveredEventCount",
            "PolledEventCount",
        ] {
            assert_alarm("AWS/Lambda", metric, &format!("{id}Committed"));
        }
        for metric in ["DestinationDeliveryFailures", "Errors"] {
            assert_alarm("AWS/Lambda", metric, &format!("\"{id}\""));
        }
    }
    for metric in ["ThrottledRequests", "SystemErrors"] {
        for operation in ["GetItem", "Query", "TransactWriteItems", "UpdateItem"] {
            assert_alarm("AWS/DynamoDB", metric, operation);
        }
    }
}

/// SES looks into senders of whose mails 5 % bounce, or 0.1 % are complained about.
#[test]
fn a_bad_name_with_ses_is_an_alarm_at_a_tenth_of_what_it_looks_into() {
    let template = template();
    for (metric, threshold) in
        [("Reputation.BounceRate", 0.005), ("Reputation.ComplaintRate", 0.0001)]
    {
        assert_alarm("AWS/SES", metric, "");
        let alarms = resources(&template, "AWS::CloudWatch::Alarm");
        let alarm = alarms.values().find(|alarm| alarm["Properties"]["MetricName"] == metric);
        assert_eq!(alarm.expect("an alarm")["Properties"]["Threshold"], threshold);
    }
}

/// `sam deploy --guided` writes down the answers. In a tracked file they would keep the next
/// checkout from beginning.
#[test]
fn the_answers_of_the_guided_deployment_go_into_a_file_that_is_not_tracked() {
    let ignored = read(".gitignore");
    for (document, text) in crate::tidy::documents() {
        let commands = text.lines().filter(|line| line.contains("sam deploy "));
        for line in commands.filter(|line| !line.contains('`') && !line.contains("guarded")) {
            let (_, file) = line.split_once("--config-file ").expect("a file of its own");
            let file = file.split_whitespace().next().expect("a name");
            assert!(ignored.lines().any(|own| own == format!("/{file}")), "{document}: {line}");
        }
    }
}

/// The guide says by which line of the script each thing is shown.
#[test]
fn what_only_aws_can_show_is_shown_by_a_line_of_the_script() {
    let guide = read("docs/operating.md");
    let script = read("infra/first-deployment-check.sh");
    let (_, section) = guide.split_once("\n## What only AWS can show\n").expect("the section");
    let mut lines = 0;
    for by in section.lines().filter_map(|row| row.strip_prefix("| ")?.split(" | ").nth(1)) {
        let spans = by.split('`').skip(1).step_by(2);
        for line in spans.filter(|span| span.contains(' ')) {
            assert!(script.contains(&format!("\"{line}\"")), "{line}");
            lines += 1;
        }
    }
    assert!(lines >= 10, "the table names {lines} lines");
}
