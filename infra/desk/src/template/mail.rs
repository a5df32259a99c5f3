//! Where SES publishes what becomes of mails.

use crate::template::error::TemplateError;
use crate::template::intrinsics::{ResourceScope, properties};
use serde_yaml_ng::Value;

/// A topic that the events of a configuration set go to.
#[derive(Clone, Debug)]
pub struct EventDestination {
    pub configuration_set: String,
    /// Its ARN.
    pub topic: String,
    /// Which ones, in SES's words: `bounce`, `complaint`.
    pub event_types: Vec<String>,
}

pub(super) fn read(
    scope: &ResourceScope<'_>,
    resource: &Value,
) -> Result<EventDestination, TemplateError> {
    let properties = properties(scope, resource, &["ConfigurationSetName", "EventDestination"])?;
    let destination = &properties["EventDestination"];
    if destination["Enabled"] != true {
        return Err(scope.error("EventDestination.Enabled", "must be true"));
    }
    let text = |value: &serde_json::Value, property: &str| {
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| scope.error(property, "must be text"))
    };
    let event_types = destination["MatchingEventTypes"].as_array().into_iter().flatten();
    Ok(EventDestination {
        configuration_set: text(&properties["ConfigurationSetName"], "ConfigurationSetName")?,
        topic: text(
            &destination["SnsDestination"]["TopicARN"],
            "EventDestination.SnsDestination.TopicARN",
        )?,
        event_types: event_types
            .map(|kind| text(kind, "EventDestination.MatchingEventTypes"))
            .collect::<Result<_, _>>()?,
    })
}
