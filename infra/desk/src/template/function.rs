//! A function: which action it is, its environment, and what invokes it.

use crate::filter::Filter;
use crate::template::error::TemplateError;
use crate::template::intrinsics::{ResourceScope, properties};
use crate::template::role::{self, Role, Roles};
use crate::template::route::Route;
use crate::template::yaml::scalar;
use serde_json::Value as Json;
use serde_yaml_ng::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// A Lambda function of the template.
#[derive(Debug)]
pub struct Function {
    /// The action: the name of the binary that is built for it.
    pub name: String,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// `MemorySize`, which the desk only tells the function.
    pub memory: i32,
    /// The environment that the template gives it.
    pub environment: BTreeMap<String, String>,
    /// What it may do.
    pub role: Role,
    /// The log group that Lambda writes its log to.
    pub log_group: String,
    /// Its routes in the HTTP API.
    pub routes: Vec<Route>,
    /// Its event source mappings on the table's stream.
    pub streams: Vec<StreamTrigger>,
    /// Its schedules.
    pub schedules: Vec<Schedule>,
    /// The topics that it has subscribed to, by ARN.
    pub topics: Vec<String>,
    /// How it is invoked by whoever does not wait for its answer.
    pub asynchronous: Asynchronous,
}

/// What Lambda does with an invocation that nobody waits for, and that fails.
#[derive(Clone, Debug)]
pub struct Asynchronous {
    pub maximum_retry_attempts: u32,
    pub maximum_event_age: Duration,
    /// The ARN of where an event that was given up is kept, if anywhere.
    pub on_failure: Option<String>,
}

/// An event source mapping on the table's stream.
#[derive(Clone, Debug)]
pub struct StreamTrigger {
    /// Logical ids of function and event, which checkpoints are kept under.
    pub id: String,
    pub batch_size: usize,
    /// How many batches are delivered at once, none of them with a partition key of another.
    pub parallelization_factor: usize,
    /// A record is delivered when one of them matches, or when there are none.
    pub filters: Vec<Filter>,
    /// Whether the function's answer may name the records that failed.
    pub report_batch_item_failures: bool,
    /// `None`: as often as the record's age allows.
    pub maximum_retry_attempts: Option<u32>,
    /// `None`: for ever.
    pub maximum_record_age: Option<Duration>,
    /// Whether a batch that failed is halved.
    pub bisect: bool,
    /// The ARN of where records that were given up are kept, if anywhere.
    pub on_failure: Option<String>,
}

/// A schedule at a fixed rate.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Logical ids of function and event.
    pub id: String,
    pub every: Duration,
    /// What the function is invoked with, where the template says so.
    pub input: Option<String>,
}

pub(super) fn read(
    scope: &ResourceScope<'_>,
    resource: &Value,
    roles: &Roles,
) -> Result<Function, TemplateError> {
    let name = resource
        .get("Metadata")
        .and_then(|metadata| metadata.get("BuildProperties"))
        .and_then(|build| build.get("Binary"))
        .and_then(Value::as_str)
        .ok_or_else(|| {
            scope.error("Metadata.BuildProperties.Binary", "is missing: it names the action")
        })?;
    let mut function = Function {
        name: name.to_owned(),
        timeout: Duration::from_secs(number(scope, resource, "Timeout")?.unwrap_or(3)),
        memory: number(scope, resource, "MemorySize")?.unwrap_or(128),
        environment: environment(scope, resource)?,
        role: role::of_function(scope, resource, roles)?,
        log_group: log_group(scope, resource, name)?,
        routes: Vec::new(),
        streams: Vec::new(),
        schedules: Vec::new(),
        topics: Vec::new(),
        asynchronous: asynchronous(scope, resource)?,
    };
    let events = resource.get("Properties").and_then(|properties| properties.get("Events"));
    for (event_name, event) in events.and_then(Value::as_mapping).into_iter().flatten() {
        let event_name = scalar(event_name).unwrap_or_default();
        let event = Event {
            scope,
            id: format!("{}.{event_name}", scope.resource),
            name: event_name,
            event,
        };
        match event.event.get("Type").and_then(Value::as_str) {
            Some("HttpApi") => function.routes.push(event.route(name)?),
            Some("DynamoDB") => function.streams.push(event.stream()?),
            Some("ScheduleV2" | "Schedule") => function.schedules.push(event.schedule()?),
            Some("SNS") => function.topics.push(event.topic()?),
            other => {
                let problem =
                    format!("the desk does not know the event type {}", other.unwrap_or("(none)"));
                return Err(scope.error(&format!("Events.{}.Type", event.name), problem));
            }
        }
    }
    Ok(function)
}

/// Its `EventInvokeConfig`, or what Lambda does without one.
fn asynchronous(
    scope: &ResourceScope<'_>,
    resource: &Value,
) -> Result<Asynchronous, TemplateError> {
    let config = &properties(scope, resource, &["EventInvokeConfig"])?["EventInvokeConfig"];
    let number = |name: &str, default: u64| config[name].as_u64().unwrap_or(default);
    let destination = &config["DestinationConfig"]["OnFailure"]["Destination"];
    Ok(Asynchronous {
        maximum_retry_attempts: u32::try_from(number("MaximumRetryAttempts", 2)).unwrap_or(2),
        maximum_event_age: Duration::from_secs(number("MaximumEventAgeInSeconds", 6 * 3600)),
        on_failure: destination.as_str().map(str::to_owned),
    })
}

/// A property of the function, else of `Globals.Function`.
fn own_or_global<'v>(
    scope: &ResourceScope<'v>,
    resource: &'v Value,
    property: &str,
) -> Option<&'v Value> {
    let own = resource.get("Properties").and_then(|properties| properties.get(property));
    own.or_else(|| scope.template().globals()?.get(property))
}

fn number<N: std::str::FromStr>(
    scope: &ResourceScope<'_>,
    resource: &Value,
    property: &str,
) -> Result<Option<N>, TemplateError> {
    let Some(value) = own_or_global(scope, resource, property) else { return Ok(None) };
    let text = scope.text(property, value)?;
    text.map(|text| {
        text.parse().map_err(|_| scope.error(property, format!("{text:?} is not a number")))
    })
    .transpose()
}

/// The one that `LoggingConfig` names, or the one that Lambda makes.
fn log_group(
    scope: &ResourceScope<'_>,
    resource: &Value,
    name: &str,
) -> Result<String, TemplateError> {
    let group = resource
        .get("Properties")
        .and_then(|properties| properties.get("LoggingConfig")?.get("LogGroup"));
    let group =
        group.map(|group| scope.text("LoggingConfig.LogGroup", group)).transpose()?.flatten();
    Ok(group.unwrap_or_else(|| format!("/aws/lambda/{name}")))
}

/// The variables of `Globals.Function`, overlaid with the function's own.
fn environment(
    scope: &ResourceScope<'_>,
    resource: &Value,
) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut variables = BTreeMap::new();
    for holder in [scope.template().globals(), resource.get("Properties")].into_iter().flatten() {
        let declared =
            holder.get("Environment").and_then(|environment| environment.get("Variables"));
        for (name, value) in declared.and_then(Value::as_mapping).into_iter().flatten() {
            let name = scalar(name).unwrap_or_default();
            if let Some(value) = scope.text(&format!("Environment.Variables.{name}"), value)? {
                variables.insert(name, value);
            }
        }
    }
    Ok(variables)
}

/// One entry of a function's `Events`.
struct Event<'e> {
    scope: &'e ResourceScope<'e>,
    id: String,
    name: String,
    event: &'e Value,
}

impl Event<'_> {
    fn error(&self, property: &str, problem: impl Into<String>) -> TemplateError {
        self.scope.error(&format!("Events.{}.{property}", self.name), problem)
    }

    /// The property, resolved; null when it is absent.
    fn property(&self, name: &str) -> Result<Json, TemplateError> {
        let Some(value) = self.event.get("Properties").and_then(|properties| properties.get(name))
        else {
            return Ok(Json::Null);
        };
        Ok(self
            .scope
            .resolve(&format!("Events.{}.{name}", self.name), value)?
            .unwrap_or(Json::Null))
    }

    /// A number, which a parameter would give as text. `-1` is AWS's word for "no limit".
    fn integer(&self, name: &str) -> Result<Option<i64>, TemplateError> {
        let value = self.property(name)?;
        let number = match &value {
            Json::Null => return Ok(None),
            Json::String(text) => text.parse().ok(),
            other => other.as_i64(),
        };
        number.map(Some).ok_or_else(|| self.error(name, format!("{value} is not a whole number")))
    }

    fn limit(&self, name: &str) -> Result<Option<u64>, TemplateError> {
        Ok(self.integer(name)?.and_then(|number| u64::try_from(number).ok()))
    }

    fn route(&self, function: &str) -> Result<Route, TemplateError> {
        let path = self.property("Path")?;
        let method = self.property("Method")?;
        Ok(Route::new(
            path.as_str().unwrap_or("$default"),
            method.as_str().unwrap_or("ANY"),
            function,
        ))
    }

    fn stream(&self) -> Result<StreamTrigger, TemplateError> {
        let stream = self.property("Stream")?;
        if !stream
            .as_str()
            .is_some_and(|arn| arn.starts_with("arn:aws:dynamodb:") && arn.contains("/stream/"))
        {
            return Err(self.error("Stream", "must be the StreamArn of the table"));
        }
        let criteria = self.property("FilterCriteria")?;
        let mut filters = Vec::new();
        for entry in criteria["Filters"].as_array().into_iter().flatten() {
            let pattern = entry["Pattern"]
                .as_str()
                .ok_or_else(|| self.error("FilterCriteria", "has no Pattern"))?;
            filters.push(
                pattern
                    .parse()
                    .map_err(|problem| self.error("FilterCriteria", format!("{problem}")))?,
            );
        }
        let response_types = self.property("FunctionResponseTypes")?;
        let destination = self.property("DestinationConfig")?;
        let retries = self.limit("MaximumRetryAttempts")?;
        Ok(StreamTrigger {
            id: self.id.clone(),
            batch_size: usize::try_from(self.limit("BatchSize")?.unwrap_or(100))
                .unwrap_or(usize::MAX)
                .max(1),
            parallelization_factor: usize::try_from(
                self.limit("ParallelizationFactor")?.unwrap_or(1),
            )
            .unwrap_or(1)
            .clamp(1, 10),
            filters,
            report_batch_item_failures: response_types
                .as_array()
                .is_some_and(|types| types.iter().any(|kind| kind == "ReportBatchItemFailures")),
            maximum_retry_attempts: retries.map(|number| u32::try_from(number).unwrap_or(u32::MAX)),
            maximum_record_age: self.limit("MaximumRecordAgeInSeconds")?.map(Duration::from_secs),
            bisect: self.property("BisectBatchOnFunctionError")? == true,
            on_failure: destination["OnFailure"]["Destination"].as_str().map(str::to_owned),
        })
    }

    fn topic(&self) -> Result<String, TemplateError> {
        let topic = self.property("Topic")?;
        topic.as_str().map(str::to_owned).ok_or_else(|| self.error("Topic", "must be a topic"))
    }

    fn schedule(&self) -> Result<Schedule, TemplateError> {
        // `Schedule` events say `Schedule`, `ScheduleV2` events say `ScheduleExpression`.
        let name = if self.event.get("Type").and_then(Value::as_str) == Some("Schedule") {
            "Schedule"
        } else {
            "ScheduleExpression"
        };
        let expression = self.property(name)?;
        let every = expression.as_str().and_then(rate).ok_or_else(|| {
            self.error(
                name,
                format!("the desk runs only rates such as rate(5 minutes), not {expression}"),
            )
        })?;
        Ok(Schedule {
            id: self.id.clone(),
            every,
            input: self.property("Input")?.as_str().map(str::to_owned),
        })
    }
}

/// `rate(5 minutes)` as a duration.
fn rate(expression: &str) -> Option<Duration> {
    let (number, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 60 * 60,
        "day" => 24 * 60 * 60,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}
