//! The template's rules: what has to hold of several parameters together.

use crate::template::error::TemplateError;
use crate::template::intrinsics::TemplateScope;
use crate::template::yaml::scalar;
use serde_yaml_ng::Value;

/// Checks every assertion of every rule whose condition holds.
pub(super) fn check(scope: &TemplateScope<'_>) -> Result<(), TemplateError> {
    for (name, rule) in scope.rules() {
        let rule_scope = scope.of_rule(name);
        if let Some(condition) = rule.get("RuleCondition")
            && !rule_scope.holds("RuleCondition", condition)?
        {
            continue;
        }
        let assertions = rule.get("Assertions").and_then(Value::as_sequence);
        for assertion in assertions.into_iter().flatten() {
            let assert = assertion
                .get("Assert")
                .ok_or_else(|| rule_scope.error("Assertions", "one has no Assert"))?;
            if !rule_scope.holds("Assert", assert)? {
                let said = assertion.get("AssertDescription").and_then(scalar);
                return Err(TemplateError::RuleBroken {
                    rule: name.to_owned(),
                    said: said.unwrap_or("an assertion does not hold".to_owned()),
                });
            }
        }
    }
    Ok(())
}
