//! What must fit together and no compiler looks at: the template, the binaries, the routes, the
//! sample events, the settings and the documents; and the rules of the house that a reviewer would
//! otherwise have to remember.

use crate::imports::{Crate, Module};
use edge::ProblemCode;
use functions::{FUNCTIONS, Trigger};
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

// --- Reading
// -------------------------------------------------------------------------------------------------

fn root() -> &'static Path {
    desk::workspace_root()
}

pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The project's own files, by their path from the root: all but what is built, kept or fetched.
fn files() -> Vec<PathBuf> {
    const NOT_OURS: [&str; 7] =
        ["target", ".git", ".frontdesk", ".venv", "node_modules", "dist", ".aws-sam"];
    let mut files = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !NOT_OURS.contains(&name) {
                    folders.push(path);
                }
            } else {
                files.push(path.strip_prefix(root()).expect("below the root").to_owned());
            }
        }
    }
    files.sort();
    files
}

/// The files below a folder with this ending, and what is in them.
fn sources(folder: &str, ending: &str) -> Vec<(String, String)> {
    let below = |path: &PathBuf| {
        path.starts_with(folder) && path.extension().is_some_and(|own| own == ending)
    };
    files()
        .into_iter()
        .filter(below)
        .map(|path| path.to_str().expect("UTF-8").to_owned())
        .map(|path| (path.clone(), read(&path)))
        .collect()
}

/// YAML as JSON, with `!Ref Table` as `{"!Ref": "Table"}`.
fn json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Tagged(tagged) => {
            Value::Object([(tagged.tag.to_string(), json(&tagged.value))].into_iter().collect())
        }
        Yaml::Mapping(mapping) => {
            let name = |name: &Yaml| name.as_str().expect("names are texts").to_owned();
            mapping.iter().map(|(key, value)| (name(key), json(value))).collect()
        }
        Yaml::Sequence(sequence) => sequence.iter().map(json).collect(),
        plain => serde_json::to_value(plain).expect("a plain value"),
    }
}

pub fn template() -> Value {
    json(&serde_yaml_ng::from_str(&read("template.yaml")).expect("template.yaml is YAML"))
}

/// The resources of a kind, by logical id.
pub fn resources(template: &Value, kind: &str) -> BTreeMap<String, Value> {
    let all = template["Resources"].as_object().expect("resources").clone();
    all.into_iter().filter(|(_, resource)| resource["Type"] == kind).collect()
}

/// The template's functions, by the action that they are built from.
pub fn template_functions(template: &Value) -> BTreeMap<String, (String, Value)> {
    let functions = resources(template, "AWS::Serverless::Function");
    let action = |resource: &Value| {
        resource["Metadata"]["BuildProperties"]["Binary"]
            .as_str()
            .expect("names a binary")
            .to_owned()
    };
    functions.into_iter().map(|(id, resource)| (action(&resource), (id, resource))).collect()
}

pub fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

pub fn texts(value: &Value) -> Vec<&str> {
    list(value).into_iter().map(|text| text.as_str().expect("a text")).collect()
}

/// All that the role of a function allows, by the function's logical id.
fn statements(template: &Value, id: &str) -> Vec<Value> {
    let role = &template["Resources"][format!("{id}Role")]["Properties"];
    let statements = list(&role["Policies"])
        .into_iter()
        .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
    statements.cloned().collect()
}

/// What cargo knows of the workspace.
fn cargo_metadata() -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root());
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn names() -> BTreeSet<String> {
    FUNCTIONS.iter().map(|function| function.name.to_owned()).collect()
}

/// `POST /api/keys` and the function behind it.
fn routes() -> BTreeSet<(String, String)> {
    let key = |trigger| match trigger {
        Trigger::ForwardAuth { path } => Some(format!("ANY {path}")),
        trigger => trigger.route().map(|(method, path)| format!("{method} {path}")),
    };
    let routes = |function: &'static functions::Function| {
        let name = function.name.to_owned();
        function.triggers().filter_map(key).map(move |key| (key, name.clone()))
    };
    FUNCTIONS.iter().flat_map(routes).collect()
}

fn snake(kebab: &str) -> String {
    kebab.replace('-', "_")
}

fn pascal(kebab: &str) -> String {
    kebab.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

// --- One action, five places
// --------------------------------------------------------------------------------------

#[test]
fn every_action_is_one_function_of_the_template_named_after_it() {
    let template = template();
    let functions = template_functions(&template);
    assert_eq!(functions.keys().cloned().collect::<BTreeSet<_>>(), names());
    assert_eq!(
        functions.len(),
        resources(&template, "AWS::Serverless::Function").len(),
        "two functions of one binary"
    );
    for (name, (id, resource)) in &functions {
        assert_eq!(*id, pascal(name));
        assert_eq!(resource["Metadata"]["BuildMethod"], "rust-cargolambda", "{id}");
        // One build for all: a CodeUri of its own would compile every dependency once more.
        assert_eq!(resource["Properties"].get("CodeUri"), None, "{id}");
    }
    let globals = &template["Globals"]["Function"];
    assert_eq!((&globals["CodeUri"], &globals["Handler"]), (&".".into(), &"bootstrap".into()));
    assert_eq!(
        (&globals["Runtime"], &globals["Architectures"]),
        (&"provided.al2023".into(), &serde_json::json!(["arm64"]))
    );
}

#[test]
fn the_template_has_the_routes_of_the_functions_and_a_default_one_and_no_others() {
    let template = template();
    let mut found = BTreeSet::new();
    let mut defaults = Vec::new();
    for (name, (_, resource)) in template_functions(&template) {
        for event in resource["Properties"]["Events"]
            .as_object()
            .into_iter()
            .flat_map(|events| events.values())
        {
            if event["Type"] != "HttpApi" {
                continue;
            }
            let (path, method) = (&event["Properties"]["Path"], &event["Properties"]["Method"]);
            match path.as_str().expect("a path") {
                "$default" => defaults.push(name.clone()),
                path => assert!(found.insert((
                    format!("{} {path}", method.as_str().expect("a method")),
                    name.clone()
                ))),
            }
        }
    }
    assert_eq!(found, routes());
    assert_eq!(defaults, ["get-session"]);
}

#[test]
fn every_function_has_the_triggers_of_its_kind_and_no_others() {
    let template = template();
    let functions = template_functions(&template);
    for function in FUNCTIONS {
        let events = functions[function.name].1["Properties"]["Events"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let kinds: BTreeSet<&str> =
            events.values().map(|event| event["Type"].as_str().expect("a type")).collect();
        let wanted: &[&str] = match function.trigger {
            Trigger::Http { .. } | Trigger::ForwardAuth { .. } => &["HttpApi"],
            Trigger::Stream => &["DynamoDB"],
            Trigger::Topic => &["SNS"],
            Trigger::Schedule => &["ScheduleV2"],
            Trigger::Authorizer | Trigger::Operator => &[],
        };
        assert_eq!(kinds.into_iter().collect::<Vec<_>>(), wanted, "{}", function.name);
        for event in events.values().filter(|event| event["Type"] == "DynamoDB") {
            let properties = &event["Properties"];
            assert_eq!(
                properties["FunctionResponseTypes"],
                serde_json::json!(["ReportBatchItemFailures"]),
                "{}",
                function.name
            );
            assert_eq!(properties["StartingPosition"], "TRIM_HORIZON", "{}", function.name);
            assert!(
                properties["DestinationConfig"]["OnFailure"].is_object(),
                "{}: what is given up must be kept",
                function.name
            );
            assert!(
                !list(&properties["FilterCriteria"]["Filters"]).is_empty(),
                "{}",
                function.name
            );
        }
    }
}

/// What strangers' mail servers make SES say ends there.
#[test]
fn an_event_of_a_mail_may_mark_a_member_and_is_told_nothing() {
    let template = template();
    let statements = statements(&template, "NoteMailEvent");
    let marks = statements.iter().find(|own| own["Sid"] == "MailProblem").expect("a statement");
    let attributes =
        ["pk", "sk", "mail_problem", "complained", "invitation", "last_login_at"].as_slice();
    let condition = json!({
        "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["ACCT#*"] },
        "ForAllValues:StringEquals": { "dynamodb:Attributes": attributes },
        "StringEqualsIfExists": { "dynamodb:ReturnValues": "NONE" },
    });
    assert_eq!(
        (&marks["Action"], &marks["Condition"]),
        (&json!(["dynamodb:UpdateItem"]), &condition)
    );
}

#[test]
fn ses_alone_publishes_what_becomes_of_mails_and_of_this_stacks_alone() {
    let template = template();
    let of = |name: &str| template["Resources"][name]["Properties"].clone();
    let topic = json!({ "!Ref": "MailEvents" });
    let set = json!({ "!Ref": "MailConfigurationSet" });
    let policy = of("MailEventsPolicy");
    let statement = &policy["PolicyDocument"]["Statement"][0];
    assert_eq!(policy["PolicyDocument"]["Statement"].as_array().map(Vec::len), Some(1));
    assert_eq!((&policy["Topics"], &statement["Resource"]), (&json!([topic]), &topic));
    assert_eq!(statement["Principal"], json!({ "Service": "ses.amazonaws.com" }));
    let only = &statement["Condition"]["StringEquals"];
    assert_eq!(only["AWS:SourceAccount"], json!({ "!Ref": "AWS::AccountId" }));
    let source = only["AWS:SourceArn"]["!Sub"].as_str().expect("a text");
    assert!(source.ends_with(":configuration-set/${MailConfigurationSet}"), "{source}");

    // SES publishes there when the destination is made, and fails if it may not yet.
    let destination = &template["Resources"]["MailEventsDestination"];
    assert_eq!(destination["DependsOn"], "MailEventsPolicy");
    let destination = &destination["Properties"];
    assert_eq!(destination["ConfigurationSetName"], set);
    assert_eq!(destination["EventDestination"]["SnsDestination"]["TopicARN"], topic);
    let sends = of("DeliverMail")["Environment"]["Variables"]["MAIL_CONFIGURATION_SET"].clone();
    assert_eq!(sends, set);
    // Whoever called a mail unwanted gets login codes all the same.
    let suppressed = &of("MailConfigurationSet")["SuppressionOptions"]["SuppressedReasons"];
    assert_eq!(suppressed, &json!(["BOUNCE"]));
}

#[test]
fn a_sweep_that_fails_is_repeated_by_nobody() {
    let template = template();
    let properties = &template_functions(&template)["sweep"].1["Properties"];
    // The scheduler repeats what Lambda did not take, Lambda what it took and did not get done.
    let schedule = &properties["Events"]["EveryFiveMinutes"]["Properties"];
    assert_eq!(schedule["RetryPolicy"]["MaximumRetryAttempts"], 0);
    assert_eq!(properties["EventInvokeConfig"]["MaximumRetryAttempts"], 0);
    let age = properties["EventInvokeConfig"]["MaximumEventAgeInSeconds"].as_u64();
    assert!(age.is_some_and(|age| age < 300), "the next one comes after five minutes");
}

#[test]
fn every_function_has_a_log_group_of_its_own_that_forgets() {
    let template = template();
    let mut groups = resources(&template, "AWS::Logs::LogGroup");
    let functions = template_functions(&template);
    let gateways = groups.remove("ApiLogs").expect("the gateway's");
    assert!(gateways["Properties"]["RetentionInDays"].as_u64().is_some());
    assert_eq!(groups.len(), functions.len(), "a log group belongs to nobody");
    for (name, (id, resource)) in functions {
        assert_eq!(
            resource["Properties"]["LoggingConfig"]["LogGroup"],
            serde_json::json!({ "!Ref": format!("{id}Logs") }),
            "{name}"
        );
        let group = &groups[&format!("{id}Logs")]["Properties"];
        assert!(group["RetentionInDays"].as_u64().is_some(), "{name}");
        assert!(
            group["LogGroupName"]["!Sub"]
                .as_str()
                .is_some_and(|group| group.ends_with(&format!("-{name}"))),
            "{name}"
        );
    }
}

#[test]
fn every_function_has_a_role_of_its_own_that_names_actions_and_resources() {
    const ON_ITEMS: [&str; 7] = [
        "GetItem",
        "BatchGetItem",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "ConditionCheckItem",
        "Query",
    ];
    let template = template();
    let get = |path: &str| serde_json::json!({ "!GetAtt": path });
    for (name, (id, resource)) in template_functions(&template) {
        assert_eq!(
            resource["Properties"]["Role"],
            get(&format!("{id}Role.Arn")),
            "{name} has somebody else's role"
        );
        let role =
            template["Resources"][format!("{id}Role")]["Properties"].as_object().expect("a role");
        // Nothing from elsewhere: what a function may do stands in the template whole.
        assert_eq!(
            role.keys().collect::<Vec<_>>(),
            ["AssumeRolePolicyDocument", "Policies"],
            "{name}"
        );
        let (only_if, statements): (Vec<_>, Vec<_>) = statements(&template, &id)
            .into_iter()
            .partition(|statement| statement.get("!If").is_some());
        // X-Ray knows no resources. Lambda looks for this when it makes a function that is traced,
        // so it is part of the role, as long as traces are on.
        let traces = serde_json::json!({
            "Sid": "Traces",
            "Effect": "Allow",
            "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
            "Resource": "*",
        });
        let traces = serde_json::json!({ "!If": ["IsTraced", traces, { "!Ref": "AWS::NoValue" }] });
        assert_eq!(only_if, [traces], "{name}");
        let log =
            statements.iter().find(|statement| statement["Sid"] == "Log").expect("a function logs");
        assert_eq!(log["Resource"], get(&format!("{id}Logs.Arn")), "{name} logs somewhere else");
        let on_rows = |statement: &&Value| statement["Resource"] == get("Table.Arn");
        let mut actions: Vec<&str> =
            statements.iter().filter(on_rows).flat_map(|own| texts(&own["Action"])).collect();
        actions.sort_unstable();
        if ["authorize-key", "check-key"].contains(&name.as_str()) {
            // The mark of a use goes alone, and what is taken from a meter goes with nothing of an
            // account's.
            let first = actions.iter().position(|action| *action == "dynamodb:UpdateItem");
            actions.remove(first.expect("a check marks, and takes"));
        }
        // IAM may look at the keys of all items of an action together, which no two statements
        // allow that name a part of them each.
        assert!(actions.is_sorted_by(|a, b| a < b), "{name}: in two statements: {actions:?}");
        for statement in statements {
            assert_eq!(statement["Effect"], "Allow", "{name}");
            // Lambda names the objects in the bucket of failed records; and mail is fenced by its
            // sender.
            let fenced = statement["Condition"]["StringEquals"]["ses:FromAddress"]
                == serde_json::json!({ "!Ref": "MailFrom" });
            let named = |resource: &Value| {
                !resource.to_string().contains('*')
                    || resource["!Sub"] == "${FailedRecords.Arn}/*"
                    || fenced
            };
            assert!(list(&statement["Resource"]).into_iter().all(named), "{name}: {statement}");
            for action in texts(&statement["Action"]) {
                assert!(!action.contains('*'), "{name}: {action}");
                let Some(operation) = action.strip_prefix("dynamodb:") else { continue };
                let on_stream = statement["Resource"] == get("Table.StreamArn");
                assert!(on_stream || ON_ITEMS.contains(&operation), "{name} may {operation}");
                // An index has no partition of its own to be fenced by; only the sweep reads one.
                let on_table = statement["Resource"] == get("Table.Arn");
                assert!(on_table || on_stream || name == "sweep", "{name}: {statement}");
                let fence =
                    &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
                assert_eq!(on_table, !texts(fence).is_empty(), "{name}: {statement}");
            }
        }
    }
    let roles = resources(&template, "AWS::IAM::Role");
    assert_eq!(roles.len(), names().len(), "a role is nobody's");
    for other in ["ManagedPolicy", "Policy", "RolePolicy"] {
        let elsewhere = resources(&template, &format!("AWS::IAM::{other}"));
        assert!(elsewhere.is_empty(), "{elsewhere:?} may come after the function that needs it");
    }
}

#[test]
fn the_authorizer_may_read_one_row_of_an_account_mark_its_use_and_take_from_its_meter() {
    let template = template();
    // The same check over HTTP may do no more.
    for name in ["authorize-key", "check-key"] {
        let (id, function) = &template_functions(&template)[name];
        let statements = statements(&template, id);
        let actions: Vec<&str> = statements
            .iter()
            .filter(|own| own["Sid"] != "Log")
            .flat_map(|own| texts(&own["Action"]))
            .collect();
        let may =
            ["GetItem", "UpdateItem", "UpdateItem", "PutItem"].map(|one| format!("dynamodb:{one}"));
        assert_eq!(actions, may, "{name}");
        for (sid, partition) in [("Meter", "METER#*"), ("UsageWarnings", "USAGE#*")] {
            let own = statements.iter().find(|own| own["Sid"] == sid).expect("a statement");
            let fence =
                json!({ "ForAllValues:StringLike": { "dynamodb:LeadingKeys": [partition] } });
            assert_eq!(own["Condition"], fence, "{name}");
        }
        let mark = statements.iter().find(|own| own["Sid"] == "LastUse").expect("a statement");
        let condition = json!({
            "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["ACCT#*"] },
            "ForAllValues:StringEquals": { "dynamodb:Attributes": ["pk", "sk", "last_used_at"] },
            "StringEqualsIfExists": { "dynamodb:ReturnValues": "NONE" },
        });
        assert_eq!(mark["Condition"], condition, "{name}");
        let variables = function["Properties"]["Environment"]["Variables"].as_object();
        let is_more = |name: &String| name.ends_with("_SECRET_ARN") || name == "PRODUCT_API_URL";
        let more: Vec<&String> =
            variables.into_iter().flat_map(|own| own.keys()).filter(|name| is_more(name)).collect();
        assert!(more.is_empty(), "{name}: {more:?}");
    }
}

#[test]
fn each_route_of_the_key_check_over_http_has_the_throttle_of_the_parameter_and_no_other_has_one() {
    let template = template();
    let api = &template["Resources"]["Api"]["Properties"];
    let settings = api["RouteSettings"].as_object().expect("settings of routes");
    let checked: BTreeSet<String> =
        routes().into_iter().filter(|(_, name)| name == "check-key").map(|(key, _)| key).collect();
    assert_eq!(settings.keys().cloned().collect::<BTreeSet<_>>(), checked);
    let throttle = json!({
        "ThrottlingBurstLimit": { "!Ref": "CheckRateLimit" },
        "ThrottlingRateLimit": { "!Ref": "CheckRateLimit" },
    });
    for (key, own) in settings {
        assert_eq!(*own, throttle, "{key}");
    }
    assert!(api["DefaultRouteSettings"]["ThrottlingRateLimit"].as_u64().is_some());
}

/// How many characters the longest value of a parameter has.
fn longest(parameter: &Value) -> usize {
    let digits = |number: &Value| number.as_u64().map(|number| number.to_string().len());
    let words = parameter["AllowedValues"]
        .as_array()
        .and_then(|_| texts(&parameter["AllowedValues"]).into_iter().map(str::len).max());
    let limit = parameter["MaxLength"].as_u64().and_then(|limit| usize::try_from(limit).ok());
    words
        .or(limit)
        .or_else(|| digits(&parameter["MaxValue"]))
        .unwrap_or_else(|| panic!("a limit of {parameter}"))
}

#[test]
fn every_change_of_a_functions_settings_makes_a_version_that_everybody_calls() {
    let template = template();
    let shared = &template["Globals"]["Function"];
    assert_eq!(shared["AutoPublishAlias"], "live");
    for (name, (_, resource)) in template_functions(&template) {
        let properties = &resource["Properties"];
        assert_eq!(properties["AutoPublishAliasAllProperties"], true, "{name}");
        // Lambda takes 256 characters.
        let description =
            properties["VersionDescription"]["!Sub"].as_str().expect("a description").to_owned();
        let mut told = BTreeSet::new();
        let mut length = description.matches(' ').count();
        for word in description.split(' ') {
            let parameter = word
                .strip_prefix("${")
                .and_then(|word| word.strip_suffix('}'))
                .expect("a parameter");
            length += longest(&template["Parameters"][parameter]);
            told.insert(parameter);
        }
        assert!(length <= 256, "{name}: {length}");
        let variables =
            [&shared["Environment"]["Variables"], &properties["Environment"]["Variables"]];
        let values = variables
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(|variables| variables.values());
        let named = values
            .chain([&shared["Tracing"]])
            .filter_map(|value| value["!Ref"].as_str())
            .filter(|name| template["Parameters"].get(name).is_some());
        assert_eq!(told, named.collect(), "{name}");
    }
}

#[test]
fn every_action_has_a_module_and_a_binary_of_at_most_ten_lines_that_serves_it() {
    let metadata = cargo_metadata();
    let mut binaries = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        for target in package["targets"].as_array().expect("targets") {
            if texts(&target["kind"]).contains(&"bin") {
                // cargo-lambda takes every binary of the workspace for a Lambda.
                assert_eq!(
                    package["name"], "frontdesk-functions",
                    "{} is no Lambda",
                    target["name"]
                );
                binaries.insert(
                    target["name"].as_str().expect("a name").to_owned(),
                    PathBuf::from(target["src_path"].as_str().expect("a path")),
                );
            }
        }
    }
    assert_eq!(binaries.keys().cloned().collect::<BTreeSet<_>>(), names());
    for (name, path) in binaries {
        assert_eq!(
            path.strip_prefix(root()).expect("below the root"),
            Path::new(&format!("functions/src/bin/{}.rs", snake(&name)))
        );
        let text = std::fs::read_to_string(path).expect("the binary's source");
        let run = format!("functions::run(functions::{})", snake(&name).to_uppercase());
        assert!(text.lines().count() <= 10 && text.contains(&run), "{name}:\n{text}");
        let module = read(&format!("functions/src/{}.rs", snake(&name)));
        assert!(module.starts_with("//! ") && module.contains("\npub async fn handle("), "{name}");
    }
}

#[test]
fn cargo_lambda_watches_the_routes_of_the_template() {
    let metadata = cargo_metadata();
    let router = metadata["metadata"]["lambda"]["watch"]["router"]
        .as_object()
        .expect("the watch router")
        .clone();
    let mut found = BTreeSet::new();
    let mut default = None;
    for (path, target) in router {
        if let Value::String(function) = &target {
            if path == "/{*path}" {
                default = Some(function.clone());
            } else {
                let path = path.replace("{*rest}", "{rest+}");
                found.insert((format!("ANY {path}"), function.clone()));
            }
            continue;
        }
        for route in list(&target) {
            let text = |name: &str| route[name].as_str().expect("a text").to_owned();
            assert!(found.insert((format!("{} {path}", text("method")), text("function"))));
        }
    }
    assert_eq!(found, routes());
    // What `$default` is in the template.
    assert_eq!(default.as_deref(), Some("get-session"));
}

#[test]
fn every_function_has_a_sample_event_that_fits_its_trigger() {
    let mut files: BTreeSet<String> = BTreeSet::new();
    for (path, text) in sources("tests/fixtures/events", "json") {
        let file =
            Path::new(&path).file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let event: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let name = file.split('.').next().expect("a name");
        let function = functions::find(name).unwrap_or_else(|| panic!("{path} is for no function"));
        match function.trigger {
            Trigger::Http { method, path: route } => {
                assert!(is_request(&event, method, route), "{path}: {method} {route}");
                assert_eq!(event["requestContext"]["http"]["method"], method, "{path}");
            }
            Trigger::ForwardAuth { .. } => {
                let fits = |trigger| match trigger {
                    Trigger::ForwardAuth { path } => is_request(&event, "ANY", path),
                    _ => false,
                };
                assert!(function.triggers().any(fits), "{path}: {event}");
            }
            Trigger::Authorizer => assert_eq!(event["type"], "REQUEST", "{path}"),
            Trigger::Stream => {
                assert_eq!(event["Records"][0]["eventSource"], "aws:dynamodb", "{path}")
            }
            Trigger::Topic => {
                assert_eq!(event["Records"][0]["EventSource"], "aws:sns", "{path}")
            }
            Trigger::Schedule => assert_eq!(event["source"], "aws.scheduler", "{path}"),
            Trigger::Operator => {
                let acts = ["register-account", "change-account"].contains(&name);
                assert_eq!(event["by"].is_string(), acts, "{path}");
            }
        }
        files.insert(file);
    }
    let mut wanted = names();
    // The authorizer takes the events of REST APIs, too.
    wanted.insert("authorize-key.rest".to_owned());
    assert_eq!(files, wanted);
}

/// Whether an event is of a request that this route took.
fn is_request(event: &Value, method: &str, route: &str) -> bool {
    let key = format!("{method} {route}");
    event["version"] == "2.0"
        && event["routeKey"] == key.as_str()
        && event["requestContext"]["routeKey"] == key.as_str()
        && event["requestContext"]["http"]["path"] == event["rawPath"]
        && fills(route, event)
}

/// Whether an event's path is the route with its parameters filled in.
fn fills(route: &str, event: &Value) -> bool {
    let filled = route.split('/').map(|segment| {
        match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => {
                let name = name.trim_end_matches('+');
                event["pathParameters"][name].as_str().unwrap_or("(absent)").to_owned()
            }
            None => segment.to_owned(),
        }
    });
    event["rawPath"].as_str() == Some(filled.collect::<Vec<_>>().join("/").as_str())
}

// --- Settings
// -------------------------------------------------------------------------------------------------

/// The names of settings in a source: texts of capitals with an underscore. AWS's own are not the
/// template's.
fn settings_in(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().expect("a beginning");
    let is_setting = |text: &&str| {
        text.contains('_') && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    code.split('"')
        .skip(1)
        .step_by(2)
        .filter(is_setting)
        .filter(|name| !name.starts_with("AWS_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_setting_that_is_read_is_set_by_the_template_and_none_is_set_for_nobody() {
    let read: BTreeSet<String> =
        sources("shared/edge/src", "rs").iter().flat_map(|(_, text)| settings_in(text)).collect();
    let template = template();
    let functions = template_functions(&template)
        .into_values()
        .map(|(_, resource)| resource["Properties"].clone());
    let holders = functions.chain([template["Globals"]["Function"].clone()]);
    let set: BTreeSet<String> = holders
        .flat_map(|holder| {
            holder["Environment"]["Variables"].as_object().cloned().unwrap_or_default()
        })
        .map(|(name, _)| name)
        .collect();
    assert!(read.len() > 10, "the settings are read elsewhere now: {read:?}");
    assert_eq!(set, read);
}

#[test]
fn every_parameter_of_the_template_is_used_and_explained() {
    let template = template();
    let text = read("template.yaml");
    let document = read("docs/configuration.md");
    for (name, parameter) in template["Parameters"].as_object().expect("parameters") {
        let referred = text
            .match_indices(&format!("!Ref {name}"))
            .any(|(at, found)| !text[at + found.len()..].starts_with(char::is_alphanumeric));
        assert!(referred || text.contains(&format!("${{{name}}}")), "{name} is used nowhere");
        let explained = parameter["Description"].as_str().is_some_and(|text| text.len() > 20);
        assert!(explained && parameter["ConstraintDescription"].is_string(), "{name}");
        assert!(
            document.contains(&format!("`{name}`")),
            "docs/configuration.md does not name {name}"
        );
    }
}

#[test]
fn every_setting_of_the_template_is_in_the_configuration_document() {
    let document = read("docs/configuration.md");
    for (_, text) in sources("shared/edge/src", "rs") {
        for name in settings_in(&text) {
            assert!(
                document.contains(&format!("`{name}`")),
                "docs/configuration.md does not name {name}"
            );
        }
    }
}

#[test]
fn whatever_checkov_does_not_look_for_has_a_sentence_that_says_why() {
    let is_sentence = |text: &str| text.len() > 30 && text.ends_with('.');
    for path in ["template.yaml", "infra/guarded-api.yaml"] {
        let template = json(&serde_yaml_ng::from_str(&read(path)).expect("YAML"));
        for (id, resource) in template["Resources"].as_object().expect("resources") {
            for skip in list(&resource["Metadata"]["checkov"]["skip"]) {
                assert!(skip["comment"].as_str().is_some_and(is_sentence), "{path}: {id}: {skip}");
            }
        }
    }
    let config = read("infra/checkov.yaml");
    let mut before = "";
    for line in
        config.split_once("skip-check:\n").expect("what is skipped").1.lines().map(str::trim)
    {
        let told =
            before.starts_with("- CKV_") || (before.starts_with("# ") && is_sentence(before));
        assert!(!line.starts_with("- ") || (line.starts_with("- CKV_") && told), "{line}");
        before = line;
    }
}

// --- Metrics, alarms, dashboard
// -------------------------------------------------------------------------------------

/// The metrics of ours that an object names: those after the stack's namespace.
fn own_metrics(dashboard: &Value) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for widget in dashboard["widgets"]
        .as_array()
        .expect("widgets")
        .iter()
        .filter(|widget| widget["type"] == "metric")
    {
        let mut before = (String::new(), String::new());
        for metric in widget["properties"]["metrics"].as_array().expect("metrics") {
            // A dot stands for the same as in the line before, three for all of them.
            let text = |at: usize| metric[at].as_str().unwrap_or_default();
            if text(0) == "..." {
                continue;
            }
            let same = |own: &str, before: &str| {
                if own == "." { before.to_owned() } else { own.to_owned() }
            };
            before = (same(text(0), &before.0), same(text(1), &before.1));
            if before.0 == "Frontdesk/${AWS::StackName}" {
                named.insert(before.1.clone());
            }
        }
    }
    named
}

#[test]
fn every_metric_of_ours_is_counted_once_and_shown_and_every_alarm_is_on_the_dashboard_and_in_the_guide()
 {
    let template = template();
    // A filter counts the lines of one log; those of several logs may be one metric.
    let mut filtered = BTreeMap::new();
    for filter in resources(&template, "AWS::Logs::MetricFilter").into_values() {
        let properties = &filter["Properties"];
        for metric in list(&properties["MetricTransformations"]) {
            assert_eq!(metric["MetricNamespace"]["!Sub"], "Frontdesk/${AWS::StackName}");
            let name = metric["MetricName"].as_str().expect("a name").to_owned();
            let logs: &mut BTreeSet<_> = filtered.entry(name).or_default();
            assert!(logs.insert(properties["LogGroupName"].to_string()), "{filter}");
        }
    }
    let filtered = filtered.into_keys();
    let written = edge::telemetry::Metric::ALL.iter().map(|metric| metric.name().to_owned());
    let counted: Vec<String> = written.chain(filtered).collect();
    let names: BTreeSet<String> = counted.iter().cloned().collect();
    assert_eq!(names.len(), counted.len(), "one is counted twice: {counted:?}");
    let namespace =
        &template["Globals"]["Function"]["Environment"]["Variables"]["METRIC_NAMESPACE"];
    assert_eq!(namespace["!Sub"], "Frontdesk/${AWS::StackName}");

    let dashboard = resources(&template, "AWS::CloudWatch::Dashboard")
        .into_values()
        .next()
        .expect("a dashboard");
    let dashboard: Value = serde_json::from_str(
        dashboard["Properties"]["DashboardBody"]["!Sub"].as_str().expect("a text"),
    )
    .expect("JSON");
    assert_eq!(own_metrics(&dashboard), names);
    let shown = dashboard["widgets"]
        .as_array()
        .expect("widgets")
        .iter()
        .find(|widget| widget["type"] == "alarm")
        .expect("the alarms");
    let shown: Vec<&str> = texts(&shown["properties"]["alarms"]);

    let guide = read("docs/operating.md");
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    assert_eq!(shown.len(), alarms.len());
    for (id, alarm) in &alarms {
        let alarm = &alarm["Properties"];
        if alarm["Namespace"].is_object() {
            assert_eq!(alarm["Namespace"]["!Sub"], "Frontdesk/${AWS::StackName}", "{id}");
            assert!(
                names.contains(alarm["MetricName"].as_str().expect("a name")),
                "{id} waits for what nobody counts"
            );
        }
        assert!(shown.contains(&format!("${{{id}.Arn}}").as_str()), "{id} is not on the dashboard");
        assert_eq!(
            alarm["AlarmActions"],
            serde_json::json!([{ "!Ref": "Alarms" }]),
            "{id} tells nobody"
        );
        assert_eq!(
            guide.matches(&format!("\n| `{id}` | ")).count(),
            1,
            "docs/operating.md has no row for {id}"
        );
    }
    let rows = guide
        .split_once("\n## Alarms\n")
        .and_then(|(_, rest)| rest.split_once("\n## "))
        .expect("the alarms of the guide")
        .0;
    assert_eq!(
        rows.matches("\n| `").count(),
        alarms.len(),
        "docs/operating.md has a row for an alarm that there is not"
    );
}

// --- The arrow
// -------------------------------------------------------------------------------------------------

#[test]
fn the_crates_depend_on_each_other_in_one_direction_and_on_the_world_in_one_place() {
    let metadata = cargo_metadata();
    let dependencies = |package: &str| -> BTreeSet<String> {
        let packages = metadata["packages"].as_array().expect("packages");
        let package = packages.iter().find(|known| known["name"] == package).expect("the package");
        let normal = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"].is_null());
        normal.map(|dependency| dependency["name"].as_str().expect("a name").to_owned()).collect()
    };
    let own = |package: &str| {
        dependencies(package)
            .into_iter()
            .filter(|name| name.starts_with("frontdesk-"))
            .collect::<Vec<_>>()
    };
    assert_eq!(own("frontdesk-domain"), Vec::<String>::new());
    assert_eq!(own("frontdesk-store"), ["frontdesk-domain"]);
    assert_eq!(own("frontdesk-edge"), ["frontdesk-domain", "frontdesk-store"]);
    assert_eq!(
        own("frontdesk-functions"),
        ["frontdesk-domain", "frontdesk-edge", "frontdesk-store"]
    );
    assert_eq!(own("frontdesk-desk"), ["frontdesk-edge", "frontdesk-functions"]);

    let outside = ["tokio", "futures", "reqwest", "hyper", "tracing", "lambda"];
    let touches_the_world = |name: &&String| {
        name.starts_with("aws") || outside.iter().any(|prefix| name.starts_with(prefix))
    };
    assert_eq!(
        dependencies("frontdesk-domain").iter().filter(touches_the_world).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
    let sdk = |package: &str| {
        dependencies(package)
            .into_iter()
            .filter(|name| name.starts_with("aws-sdk-") || name == "reqwest")
            .collect::<Vec<_>>()
    };
    assert_eq!(sdk("frontdesk-store"), ["aws-sdk-dynamodb"]);
    assert_eq!(sdk("frontdesk-edge"), ["aws-sdk-secretsmanager", "aws-sdk-ses", "reqwest"]);
    assert_eq!(sdk("frontdesk-functions"), Vec::<String>::new());
}

#[test]
fn only_edge_reads_the_environment_and_the_clock_and_starts_the_runtime() {
    let seams = [
        "std::env",
        "SystemTime",
        "Timestamp::now",
        "Instant::now",
        "lambda_runtime::run",
        "lambda_http::run",
        "Zoned::now",
    ];
    for (path, text) in sources("shared", "rs").into_iter().chain(sources("functions", "rs")) {
        if !path.starts_with("shared/edge/") {
            for seam in seams {
                assert!(!text.contains(seam), "{path} names {seam}");
            }
        }
    }
}

/// The sources of each crate of the workspace, by the folder of its `src`.
fn crates() -> BTreeMap<&'static str, Crate> {
    let read = |src: &'static str| {
        let from_src = |(path, text): (String, String)| {
            let path = path.strip_prefix(src).expect("below its src");
            (path.trim_start_matches('/').to_owned(), text)
        };
        let sources: Vec<(String, String)> = sources(src, "rs").into_iter().map(from_src).collect();
        (src, Crate::new(&sources))
    };
    [
        "functions/src",
        "shared/domain/src",
        "shared/store/src",
        "shared/edge/src",
        "infra/desk/src",
        "infra/bench/src",
    ]
    .map(read)
    .into()
}

#[test]
fn no_import_circle_inside_a_crate() {
    let name = |module: &Module| match module.as_slice() {
        [] => "lib".to_owned(),
        names => names.join("::"),
    };
    let mut found = Vec::new();
    for (src, sources) in crates() {
        for circle in sources.circles() {
            let names: Vec<String> = circle.iter().chain(circle.first()).map(name).collect();
            found.push(format!("{src}: {}", names.join(" -> ")));
        }
    }
    assert!(found.is_empty(), "modules that import each other:\n{}", found.join("\n"));
}

#[test]
fn no_action_imports_another_action() {
    let actions: BTreeSet<Module> = names().iter().map(|name| vec![snake(name)]).collect();
    let sources = &crates()["functions/src"];
    for action in &actions {
        let others: Vec<String> =
            sources.imports(action).intersection(&actions).map(|other| other.join("::")).collect();
        assert!(others.is_empty(), "{} imports {}", action.join("::"), others.join(", "));
    }
}

// --- The house
// -------------------------------------------------------------------------------------------------

#[test]
fn no_refusal_is_caught_by_a_wildcard_and_every_handler_fits_a_screen_or_two() {
    for (path, text) in sources("functions/src", "rs") {
        for arm in ["_ =>", "_ if ", "map_err(|_|"] {
            assert!(
                !text
                    .lines()
                    .any(|line| line.trim_start().starts_with(arm)
                        || line.contains(&format!("| {arm}"))),
                "{path}: {arm}"
            );
        }
        // The table of all functions is no handler, and grows with them.
        let most = if path.ends_with("/lib.rs") { 300 } else { 150 };
        assert!(text.lines().count() <= most, "{path} has {} lines", text.lines().count());
    }
}

#[test]
fn every_snapshot_is_of_a_test_that_there_is_and_none_waits_for_a_decision() {
    let mut found = 0;
    for path in files() {
        let path = path.to_str().expect("UTF-8");
        assert!(!path.ends_with(".snap.new"), "{path} was never looked at");
        let Some(stem) = path.strip_suffix(".snap") else { continue };
        let name = stem.rsplit("__").next().expect("a last part");
        let text = read(path);
        let source = text
            .lines()
            .find_map(|line| line.strip_prefix("source: "))
            .unwrap_or_else(|| panic!("{path} names no source"));
        assert!(read(source).contains(&format!("\"{name}\"")), "{path} is of no test in {source}");
        found += 1;
    }
    assert!(found > 0);
}

#[test]
fn a_lint_is_expected_with_a_reason_and_never_allowed() {
    let attribute = format!("[{}(", "allow");
    for folder in ["functions", "shared", "infra", "tests"] {
        for (path, text) in sources(folder, "rs") {
            assert!(
                !text.contains(&format!("#{attribute}"))
                    && !text.contains(&format!("#!{attribute}")),
                "{path}"
            );
        }
    }
    for path in
        files().iter().filter(|path| path.file_name().is_some_and(|name| name == "Cargo.toml"))
    {
        let text = read(path.to_str().expect("UTF-8"));
        assert!(
            text.contains("[lints]\nworkspace = true") || text.contains("[workspace.lints"),
            "{} has lints of its own",
            path.display()
        );
    }
}

/// A module of the tests by its file, and the file that has to name it.
fn module_of(path: &str) -> (&str, String) {
    let file = path.strip_suffix("/mod.rs").unwrap_or(path);
    let (folder, name) = file.rsplit_once('/').expect("below tests/it");
    let parent = if folder == "tests/it" { "main" } else { "mod" };
    (name.trim_end_matches(".rs"), format!("{folder}/{parent}.rs"))
}

#[test]
fn no_test_sleeps_or_is_left_out_and_every_module_of_tests_is_run() {
    for (path, text) in sources("tests/it", "rs") {
        for word in ["sleep(", "#[ignore"] {
            // This file names them.
            assert!(path == "tests/it/tidy.rs" || !text.contains(word), "{path}: {word}");
        }
        let (module, parent) = module_of(&path);
        assert!(
            path == "tests/it/main.rs" || read(&parent).contains(&format!("\nmod {module};")),
            "{module} is not a module of {parent}"
        );
    }
}

#[test]
fn no_line_is_longer_than_a_hundred_characters() {
    const LONGEST_LINE: usize = 100;
    // What cannot be broken: an address, a digest, a sentence that is a name.
    const LONGEST_WORD: usize = 80;
    const MADE_BY_TOOLS: [&str; 5] = [
        "Cargo.lock",
        "package-lock.json",
        "web/src/api/schema.d.ts",
        "docs/speed/speed.json",
        ".snap",
    ];
    let length = |text: &str| text.chars().count();
    let is_too_long = |line: &str| {
        length(line) > LONGEST_LINE
            && line.split_whitespace().all(|word| length(word) <= LONGEST_WORD)
    };
    let mut found = Vec::new();
    for path in files() {
        let path = path.to_str().expect("UTF-8");
        // What is no text is a picture.
        let Ok(text) = std::fs::read_to_string(root().join(path)) else { continue };
        if MADE_BY_TOOLS.iter().any(|made| path.ends_with(made)) {
            continue;
        }
        // In documents, tables and what can be pasted have a form of their own.
        let mut pasted = false;
        for (number, line) in (1..).zip(text.lines()) {
            pasted ^= path.ends_with(".md") && line.trim_start().starts_with("```");
            let is_table = path.ends_with(".md") && line.starts_with('|');
            if is_too_long(line) && !pasted && !is_table {
                found.push(format!("{path}:{number}: {} characters", length(line)));
            }
        }
    }
    assert!(found.is_empty(), "{} lines:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let homes = ["home", "Users", "root", "private/var"].map(|folder| format!("/{folder}/"));
    let checkout = root().to_str().expect("UTF-8");
    for path in files() {
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        for place in homes.iter().map(String::as_str).chain([checkout]) {
            // A path begins there: `docs/home/` is no place on a machine.
            let begins = |at: usize| {
                at == 0 || {
                    let before = text.as_bytes()[at - 1];
                    !before.is_ascii_alphanumeric() && !b"_-.}".contains(&before)
                }
            };
            // A checkout right below the root is named like any folder of the project.
            let telling = place.matches('/').count() > 1;
            assert!(
                !telling || !text.match_indices(place).any(|(at, _)| begins(at)),
                "{} names {place}",
                path.display()
            );
        }
    }
}

// --- The catalogue of problems
// ------------------------------------------------------------------------------------

#[test]
fn every_problem_has_a_code_of_its_own_named_like_its_variant_and_a_line_in_the_api_document() {
    let document = read("docs/api.md");
    let mut seen = BTreeSet::new();
    for code in ProblemCode::ALL {
        assert!(seen.insert(code.name()), "{} stands for two problems", code.name());
        assert!((400..600).contains(&code.status()), "{}", code.name());
        let mut variant = String::new();
        for letter in format!("{code:?}").chars() {
            if letter.is_ascii_uppercase() && !variant.is_empty() {
                variant.push('_');
            }
            variant.push(letter.to_ascii_lowercase());
        }
        assert_eq!(variant, code.name());
        let line = format!("| `{}` | {} |", code.name(), code.status());
        assert!(document.contains(&line), "docs/api.md has no line that begins with {line}");
    }
    let listed = document.lines().filter(|line| {
        line.starts_with("| `")
            && line.split('|').nth(2).is_some_and(|status| status.trim().parse::<u16>().is_ok())
    });
    assert_eq!(
        listed.count(),
        ProblemCode::ALL.len(),
        "docs/api.md lists a code that there is not"
    );
}

// --- Documents
// -------------------------------------------------------------------------------------------------

pub fn documents() -> Vec<(String, String)> {
    let is_document = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "md");
    files()
        .into_iter()
        .filter(is_document)
        .map(|path| path.to_str().expect("UTF-8").to_owned())
        .map(|path| (path.clone(), read(&path)))
        .collect()
}

/// A document without its fenced code.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let outside = |line: &&str| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    };
    text.lines().filter(outside).collect::<Vec<_>>().join("\n")
}

/// The anchors of a document's headings, as GitHub makes them: lower case, without punctuation,
/// with dashes for spaces; a second heading of the same words gets a number.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let headings = prose
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    headings
        .map(|heading| heading.chars().filter(kept).collect::<String>().replace(' ', "-"))
        .map(|anchor| {
            let before = seen.entry(anchor.clone()).or_default();
            *before += 1;
            if *before == 1 { anchor } else { format!("{anchor}-{}", *before - 1) }
        })
        .collect()
}

/// Where a document's links and pictures lead: those of Markdown, and those of HTML.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let markdown = ("](", ')');
    let html = ["src", "srcset", "href"].map(|name| (format!(" {name}=\""), '"'));
    html.iter()
        .map(|(begin, end)| (begin.as_str(), *end))
        .chain([markdown])
        .flat_map(|(begin, end)| {
            prose.split(begin).skip(1).filter_map(move |rest| rest.split(end).next())
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let documents = documents();
    assert!(documents.iter().any(|(path, _)| path == "README.md"));
    for (path, text) in &documents {
        let folder = Path::new(path).parent().expect("a folder");
        for link in links(text) {
            if link.starts_with("https://") || link.starts_with("http://localhost") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { PathBuf::from(path) } else { folder.join(file) };
            assert!(root().join(&target).exists(), "{path} links to {link}");
            if !anchor.is_empty() {
                let target = target.to_str().expect("UTF-8");
                assert!(anchors(&read(target)).contains(anchor), "{path} links to {link}");
            }
        }
    }
}

#[test]
fn links_and_anchors_are_found_as_github_finds_them() {
    let text = "# What's new, `here`?\n## Twice\n## Twice\n```sh\n# none [no](no.md)\n```\n";
    assert_eq!(
        anchors(text).into_iter().collect::<Vec<_>>(),
        ["twice", "twice-1", "whats-new-here"]
    );
    let text = "[a](b.md#c), <img width=\"1\" src=\"d.webp\">\n<source srcset=\"e.webp\">\n";
    assert_eq!(links(text), ["d.webp", "e.webp", "b.md#c"]);
}

#[test]
fn the_readme_has_at_most_150_lines_and_both_commands_are_in_the_first_screenful() {
    let readme = read("README.md");
    let lines: Vec<&str> = readme.lines().collect();
    assert!(lines.len() <= 150, "README.md has {} lines", lines.len());
    for command in ["cargo desk", "cargo test --workspace"] {
        assert!(lines[..35].contains(&command), "{command} stands further down in README.md");
    }
}

/// That they exist is the next test's to see.
#[test]
fn every_guarantee_of_the_readme_names_tests_that_hold_it() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("| guarantee | held by |\n|---|---|\n").expect("a table");
    let rows: Vec<_> = rest.lines().take_while(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let tests = row.split('|').nth(2).expect("what holds it");
        assert!(tests.split("<br>").all(|test| test.contains("::")), "{row}");
    }
}

#[test]
fn every_test_that_the_documents_name_exists() {
    let code: Vec<(String, String)> = ["tests", "shared", "functions", "infra"]
        .iter()
        .flat_map(|folder| sources(folder, "rs"))
        .collect();
    let is_name = |name: &str| {
        name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b':')
        })
    };
    for (path, text) in documents() {
        let prose = prose(&text);
        for name in prose.split('`').skip(1).step_by(2).filter(|name| is_name(name)) {
            let mut parts: Vec<&str> = name.split("::").collect();
            let test = parts.pop().expect("a last part");
            // A sentence is the name of a test; what is shorter is a word of the code or of the
            // API.
            if test.matches('_').count() < 4 {
                continue;
            }
            let module = parts.first().copied().unwrap_or_default();
            let holds = |(file, text): &&(String, String)| {
                let inside = match module {
                    "" => true,
                    "domain" | "store" | "edge" | "functions" | "desk" => {
                        file.contains(&format!("{module}/"))
                    }
                    module => {
                        let it = format!("tests/it/{module}");
                        let files = [format!("{it}.rs"), format!("tests/{module}/main.rs")];
                        files.contains(file) || file.starts_with(&format!("{it}/"))
                    }
                };
                inside && text.contains(&format!("fn {test}("))
            };
            assert!(
                code.iter().any(|file| holds(&file)),
                "{path} names the test {name}, which does not exist"
            );
        }
    }
}
