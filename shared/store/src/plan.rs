//! An account's limits: in its own row, and in the row of each of its keys, so that a check learns
//! them by the one read that it does.
//!
//! Whoever makes a key writes the limits that it believes in, on condition that the account's row
//! has this version of them. Whoever changes them changes the account's row first; from then on no
//! key is made with others, and all keys that there are can be marked.

use crate::write::Write;
use domain::limits::InvalidLimits;
use domain::{Limits, Plan};
use serde::{Deserialize, Serialize};

/// As rows have it. Of an account that never had limits, there is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub(crate) struct PlanRow(pub Plan);

#[derive(Default, Serialize, Deserialize)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limits_version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_minute: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    burst: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_month: Option<u64>,
}

impl TryFrom<Fields> for PlanRow {
    type Error = InvalidLimits;

    fn try_from(fields: Fields) -> Result<Self, InvalidLimits> {
        let Fields { limits_version, per_minute, burst, per_month } = fields;
        let limits = Limits::new(per_minute, burst, per_month)?;
        Ok(Self(Plan { version: limits_version.unwrap_or_default(), limits }))
    }
}

impl From<PlanRow> for Fields {
    fn from(PlanRow(plan): PlanRow) -> Self {
        let rate = plan.limits.and_then(|limits| limits.rate);
        Self {
            limits_version: (plan.version > 0).then_some(plan.version),
            per_minute: rate.map(|rate| rate.per_minute.into()),
            burst: rate.map(|rate| rate.burst.into()),
            per_month: plan.limits.and_then(|limits| limits.per_month),
        }
    }
}

/// One more condition: that the row has this version of the limits.
pub(crate) fn is(write: Write, plan: &Plan) -> Write {
    match plan.version {
        0 => write.and("attribute_not_exists(limits_version)"),
        version => write.and("limits_version = :plan_was").value(":plan_was", version),
    }
}

/// What an update sets, and what it removes.
#[derive(Default)]
pub(crate) struct Change {
    pub set: Vec<String>,
    pub remove: Vec<String>,
}

impl Change {
    pub fn expression(&self) -> String {
        let clause = |name: &str, parts: &[String]| {
            if parts.is_empty() { String::new() } else { format!("{name} {}", parts.join(", ")) }
        };
        format!("{} {}", clause("SET", &self.set), clause("REMOVE", &self.remove))
    }
}

/// What an update changes so that the row has these limits; [`with_values`] gives the values.
pub(crate) fn changed(plan: &Plan) -> Change {
    let Fields { per_minute, burst, per_month, .. } = PlanRow(*plan).into();
    let mut change = Change { set: Vec::new(), remove: Vec::new() };
    let version = (plan.version > 0).then_some(plan.version);
    for (name, value) in [
        ("limits_version", version),
        ("per_minute", per_minute),
        ("burst", burst),
        ("per_month", per_month),
    ] {
        match value {
            Some(_) => change.set.push(format!("{name} = :{name}")),
            None => change.remove.push(name.to_owned()),
        }
    }
    change
}

pub(crate) fn with_values(write: Write, plan: &Plan) -> Write {
    let Fields { limits_version, per_minute, burst, per_month } = PlanRow(*plan).into();
    write
        .some_value(":limits_version", limits_version)
        .some_value(":per_minute", per_minute)
        .some_value(":burst", burst)
        .some_value(":per_month", per_month)
}
