//! An account's limits: in its own row, and in the row of each of its keys, so that a check learns
//! them by the one read that it does.
//!
//! Whoever makes a key writes the limits that it believes in, on condition that the account's row
//! has this version of them. Whoever changes them changes the account's row first; from then on no
//! key is made with others, and all keys that there are can be marked.

use crate::rows::{PlanFields, PlanRow};
use crate::write::Write;
use domain::Plan;

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
    let PlanFields { per_minute, burst, per_month, .. } = PlanRow(*plan).into();
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
    let PlanFields { limits_version, per_minute, burst, per_month } = PlanRow(*plan).into();
    write
        .some_value(":limits_version", limits_version)
        .some_value(":per_minute", per_minute)
        .some_value(":burst", burst)
        .some_value(":per_month", per_month)
}
