//! Policies, and what they decide: the part of IAM's policy language that `template.yaml` is
//! written in.
//!
//! By AWS's rules for the policies of a role: what no statement allows is denied, and a statement
//! that denies wins over all that allow. A statement speaks of a request when one of its actions,
//! one of its resources and every one of its conditions match. What is not understood here is an
//! error when the template is read and never passed over, for a policy that is understood in part
//! is another policy.

use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What somebody asks IAM for: one action on one resource, with what conditions look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRequest {
    /// `dynamodb:GetItem`
    pub action: String,
    /// Its ARN.
    pub resource: String,
    pub condition_keys: ConditionKeys,
}

/// The values of the condition keys that the desk knows; a request has only some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConditionKeys {
    /// `dynamodb:LeadingKeys`: the partition keys that a request names.
    pub leading_keys: Option<Vec<String>>,
    /// `ses:FromAddress`
    pub from_address: Option<String>,
    /// `dynamodb:Attributes`: what a request names of a row, where the desk can tell.
    pub attributes: Option<Vec<String>>,
    /// `dynamodb:ReturnValues`, where the request has it.
    pub return_values: Option<String>,
}

impl AccessRequest {
    /// A request that no condition looks at.
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            condition_keys: ConditionKeys::default(),
        }
    }
}

/// Everything that a role may do.
#[derive(Clone, Debug, Default)]
pub struct Policy(Vec<Statement>);

#[derive(Clone, Debug)]
struct Statement {
    sid: String,
    effect: Effect,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// A key of the request and the values that it may have.
#[derive(Clone, Debug)]
struct Condition {
    operator: Operator,
    key: ConditionKey,
    values: Vec<String>,
}

/// How a text of the request is compared with a value of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equals,
    /// The same, and it holds where the request has no such key.
    EqualsIfExists,
    Like,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConditionKey {
    LeadingKeys,
    FromAddress,
    Attributes,
    ReturnValues,
}

impl ConditionKey {
    /// Whether it says to what a permission is given, each value to something else; or else how far
    /// it goes there.
    fn is_of_what(self) -> bool {
        match self {
            Self::LeadingKeys | Self::FromAddress => true,
            Self::Attributes | Self::ReturnValues => false,
        }
    }
}

/// One permission: an action of a statement, on a resource of the same statement, for one value of
/// each of its conditions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Grant {
    /// The statement's `Sid`.
    pub statement: String,
    pub action: String,
    pub resource: String,
    /// What it is given to, a value of each such condition: `ACCT#*`, of `dynamodb:LeadingKeys`.
    pub only: Vec<String>,
}

/// What a policy says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// By these permissions, all of one statement: the first that allows it.
    Allowed(Vec<Grant>),
    /// No statement allows it.
    ImplicitlyDenied,
    /// A statement forbids it.
    ExplicitlyDenied,
}

impl Policy {
    /// Adds the statements of a policy document.
    pub fn add(&mut self, document: &Value) -> Result<(), String> {
        let document = object(document, "a policy document", &["Version", "Statement", "Id"])?;
        match document.get("Version").and_then(Value::as_str) {
            Some("2012-10-17") => {}
            _ => return Err("a policy document must have the Version \"2012-10-17\"".to_owned()),
        }
        for statement in list(document.get("Statement")) {
            let statement = Statement::read(statement)?;
            if self.0.iter().any(|known| known.sid == statement.sid) {
                return Err(format!("two statements have the Sid {}", statement.sid));
            }
            self.0.push(statement);
        }
        Ok(())
    }

    pub fn decide(&self, request: &AccessRequest) -> Decision {
        let matching = |effect: Effect| {
            self.0
                .iter()
                .filter(move |statement| statement.effect == effect)
                .find_map(|statement| statement.matching(request))
        };
        match (matching(Effect::Deny), matching(Effect::Allow)) {
            (Some(_), _) => Decision::ExplicitlyDenied,
            (None, Some(grants)) => Decision::Allowed(grants),
            (None, None) => Decision::ImplicitlyDenied,
        }
    }

    /// Every permission that there is.
    pub fn grants(&self) -> Vec<Grant> {
        let allowing = self.0.iter().filter(|statement| statement.effect == Effect::Allow);
        let of = |statement: &Statement| {
            let pairs = statement.actions.iter().flat_map(|action| {
                statement.resources.iter().map(move |resource| (action, resource))
            });
            let of_what = statement.conditions.iter().filter(|of| of.key.is_of_what());
            let values: Vec<_> = of_what.map(Condition::values).collect();
            pairs
                .flat_map(|(action, resource)| statement.grants(action, resource, &values))
                .collect::<Vec<_>>()
        };
        allowing.flat_map(of).collect()
    }
}

impl Statement {
    fn read(statement: &Value) -> Result<Self, String> {
        let fields = object(
            statement,
            "a statement",
            &["Sid", "Effect", "Action", "Resource", "Condition"],
        )?;
        let sid = fields
            .get("Sid")
            .and_then(Value::as_str)
            .ok_or_else(|| format!("a statement has no Sid: {statement}"))?
            .to_owned();
        let effect = match fields.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return Err(format!("the Effect of {sid} is neither Allow nor Deny")),
        };
        let mut conditions = Vec::new();
        let operators =
            fields.get("Condition").map(|condition| object_of_any(condition, &sid)).transpose()?;
        for (operator, keys) in operators.into_iter().flatten() {
            for (key, values) in object_of_any(keys, &sid)? {
                conditions.push(
                    Condition::read(operator, key, values)
                        .map_err(|problem| format!("the Condition of {sid}: {problem}"))?,
                );
            }
        }
        let actions = texts(fields.get("Action"), &sid)?;
        let resources = texts(fields.get("Resource"), &sid)?;
        if let Some(action) = actions.iter().find(|action| *action != "*" && !action.contains(':'))
        {
            return Err(format!("the Action of {sid} names no service: {action}"));
        }
        if let Some(resource) =
            resources.iter().find(|resource| *resource != "*" && segments(resource).is_none())
        {
            return Err(format!("the Resource of {sid} is no ARN: {resource}"));
        }
        Ok(Self { sid, effect, actions, resources, conditions })
    }

    /// The permissions by which this statement speaks of the request; without any condition it is
    /// one.
    fn matching(&self, request: &AccessRequest) -> Option<Vec<Grant>> {
        let action = self.actions.iter().find(|action| {
            is_like(&action.to_ascii_lowercase(), &request.action.to_ascii_lowercase())
        })?;
        let resource =
            self.resources.iter().find(|resource| covers(resource, &request.resource))?;
        let values = self
            .conditions
            .iter()
            .map(|condition| {
                let met_by = condition.met_by(&request.condition_keys)?;
                Some((condition.key, met_by))
            })
            .collect::<Option<Vec<_>>>()?;
        let values = values.into_iter().filter(|(key, _)| key.is_of_what());
        let values: Vec<_> = values.map(|(_, values)| values).collect();
        Some(self.grants(action, resource, &values))
    }

    /// An action on a resource, for each choice of one value from each condition.
    fn grants(&self, action: &str, resource: &str, values: &[BTreeSet<&str>]) -> Vec<Grant> {
        let choices = values.iter().fold(vec![Vec::new()], |choices, values| {
            let with = |choice: &Vec<String>, value: &&str| {
                choice.iter().cloned().chain([(*value).to_owned()]).collect()
            };
            choices
                .iter()
                .flat_map(|choice| values.iter().map(move |value| with(choice, value)))
                .collect()
        });
        let grant = |only| Grant {
            statement: self.sid.clone(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            only,
        };
        choices.into_iter().map(grant).collect()
    }
}

impl Condition {
    fn read(operator: &str, key: &str, values: &Value) -> Result<Self, String> {
        let (for_all, operator) = match operator.strip_prefix("ForAllValues:") {
            Some(operator) => (true, operator),
            None => (false, operator),
        };
        let operator = match operator {
            "StringEquals" => Operator::Equals,
            "StringEqualsIfExists" => Operator::EqualsIfExists,
            "StringLike" => Operator::Like,
            other => return Err(format!("the desk does not know the operator {other}")),
        };
        // A key with many values takes a set operator, a key with one takes none: IAM warns of the
        // other way round.
        let (known, has_many) = match key {
            "dynamodb:LeadingKeys" => (ConditionKey::LeadingKeys, true),
            "dynamodb:Attributes" => (ConditionKey::Attributes, true),
            "ses:FromAddress" => (ConditionKey::FromAddress, false),
            "dynamodb:ReturnValues" => (ConditionKey::ReturnValues, false),
            other => return Err(format!("the desk does not know the key {other}")),
        };
        match (has_many, for_all) {
            (true, false) => return Err(format!("{key} has many values and wants ForAllValues")),
            (false, true) => return Err(format!("{key} has one value and wants no ForAllValues")),
            (true, true) | (false, false) => {}
        }
        // Any other fence would be open to whoever leaves the key out.
        if operator == Operator::EqualsIfExists && known != ConditionKey::ReturnValues {
            return Err(format!("the desk does not know StringEqualsIfExists of {key}"));
        }
        let key = known;
        Ok(Self { operator, key, values: texts(Some(values), "it")? })
    }

    fn values(&self) -> BTreeSet<&str> {
        self.values.iter().map(String::as_str).collect()
    }

    /// The values that the request meets it by; none if it does not.
    fn met_by(&self, request: &ConditionKeys) -> Option<BTreeSet<&str>> {
        let fitting = |value: &String| {
            let fits = |wanted: &&str| match self.operator {
                Operator::Equals | Operator::EqualsIfExists => wanted == value,
                Operator::Like => is_like(wanted, value),
            };
            self.values.iter().map(String::as_str).find(fits)
        };
        let one = |value: &Option<String>| {
            value.as_ref().and_then(fitting).map(|value| BTreeSet::from([value]))
        };
        match self.key {
            // `ForAllValues` holds where there is no value at all, and where the request has no
            // such key. It then reaches what any of the values stands for.
            ConditionKey::LeadingKeys => match request.leading_keys.as_deref() {
                None | Some([]) => Some(self.values()),
                Some(keys) => keys.iter().map(fitting).collect(),
            },
            // Where the desk cannot tell what a request names, it is not let through.
            ConditionKey::Attributes => request.attributes.as_ref()?.iter().map(fitting).collect(),
            ConditionKey::FromAddress => one(&request.from_address),
            ConditionKey::ReturnValues => match (&request.return_values, self.operator) {
                (None, Operator::EqualsIfExists) => Some(self.values()),
                (value, _) => one(value),
            },
        }
    }
}

/// Whether an ARN is covered by a pattern. A wildcard stays between the colons, save behind the
/// fifth, where all the rest is one part.
fn covers(pattern: &str, arn: &str) -> bool {
    match (segments(pattern), segments(arn)) {
        (Some(patterns), Some(parts)) => {
            patterns.iter().zip(parts).all(|(pattern, part)| is_like(pattern, part))
        }
        _ => pattern == "*",
    }
}

fn segments(arn: &str) -> Option<[&str; 6]> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    <[&str; 6]>::try_from(parts).ok().filter(|parts| parts[0] == "arn")
}

/// `*` stands for any characters or none, `?` for any one.
fn is_like(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let mut at = 0;
    let mut from = 0;
    // Where the last `*` stands, and how far it has reached.
    let mut star = None;
    while from < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[from] => {
                (at, from) = (at + 1, from + 1)
            }
            Some(_) | None => match star {
                Some((position, reached)) => {
                    star = Some((position, reached + 1));
                    (at, from) = (position + 1, reached + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// An object that has no other fields than these.
fn object<'v>(
    value: &'v Value,
    what: &str,
    known: &[&str],
) -> Result<&'v Map<String, Value>, String> {
    let object = object_of_any(value, what)?;
    match object.keys().find(|field| !known.contains(&field.as_str())) {
        Some(field) => Err(format!("the desk does not know {field} in {what}")),
        None => Ok(object),
    }
}

fn object_of_any<'v>(value: &'v Value, what: &str) -> Result<&'v Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("something in {what} is not an object: {value}"))
}

fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(values)) => values.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// One text or a list of them; never none.
fn texts(value: Option<&Value>, of: &str) -> Result<Vec<String>, String> {
    let read = |value: &Value| match value.as_str() {
        Some(text) if text.contains("${") => {
            Err(format!("the desk does not know policy variables, as {of} has one: {text}"))
        }
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("something in {of} is not a text: {value}")),
    };
    let texts = list(value).into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if texts.is_empty() { Err(format!("something is missing or empty in {of}")) } else { Ok(texts) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/frontdesk";

    fn policy(statements: Value) -> Policy {
        let mut policy = Policy::default();
        policy.add(&json!({"Version": "2012-10-17", "Statement": statements})).expect("a policy");
        policy
    }

    fn allow(action: Value, resource: Value) -> Value {
        json!({"Sid": "One", "Effect": "Allow", "Action": action, "Resource": resource})
    }

    fn fenced(condition: Value) -> Policy {
        let mut statement = allow(json!(["dynamodb:GetItem", "ses:SendEmail"]), json!("*"));
        statement["Condition"] = condition;
        policy(statement)
    }

    fn allows(policy: &Policy, request: &AccessRequest) -> bool {
        matches!(policy.decide(request), Decision::Allowed(_))
    }

    #[test]
    fn what_nothing_allows_is_denied_and_what_something_forbids_is_forbidden_whatever_allows_it() {
        let read = AccessRequest::new("dynamodb:GetItem", TABLE);
        assert_eq!(Policy::default().decide(&read), Decision::ImplicitlyDenied);
        let allowing = allow(json!("dynamodb:*"), json!("*"));
        assert!(allows(&policy(json!([allowing])), &read));
        let forbidding =
            json!({"Sid": "Two", "Effect": "Deny", "Action": "dynamodb:GetItem", "Resource": "*"});
        for statements in [json!([allowing, forbidding]), json!([forbidding, allowing])] {
            assert_eq!(policy(statements.clone()).decide(&read), Decision::ExplicitlyDenied);
            assert!(allows(&policy(statements), &AccessRequest::new("dynamodb:PutItem", TABLE)));
        }
    }

    #[test]
    fn an_action_is_matched_whole_without_regard_to_case() {
        for (pattern, action, fits) in [
            ("dynamodb:GetItem", "dynamodb:GetItem", true),
            ("DynamoDB:getitem", "dynamodb:GetItem", true),
            ("dynamodb:GetItem", "dynamodb:GetItems", false),
            ("dynamodb:GetItem", "dynamodb:BatchGetItem", false),
            ("dynamodb:*Item", "dynamodb:BatchGetItem", true),
            ("dynamodb:???Item", "dynamodb:PutItem", true),
            ("dynamodb:???Item", "dynamodb:UpdateItem", false),
            ("dynamodb:*", "dynamodbstreams:GetRecords", false),
            ("*", "ses:SendEmail", true),
        ] {
            assert_eq!(
                allows(
                    &policy(allow(json!(pattern), json!("*"))),
                    &AccessRequest::new(action, TABLE)
                ),
                fits,
                "{pattern} {action}"
            );
        }
    }

    #[test]
    fn a_resource_is_matched_part_by_part_and_with_regard_to_case() {
        let logs = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/x";
        for (pattern, resource, fits) in [
            (TABLE.to_owned(), TABLE.to_owned(), true),
            (TABLE.to_owned(), format!("{TABLE}/index/duties"), false),
            (TABLE.to_owned(), format!("{TABLE}2"), false),
            (TABLE.to_owned(), TABLE.to_uppercase(), false),
            (format!("{TABLE}/index/*"), format!("{TABLE}/index/duties"), true),
            (format!("{TABLE}/index/*"), TABLE.to_owned(), false),
            (format!("{TABLE}*"), format!("{TABLE}/stream/2024-01-01T00:00:00.000"), true),
            ("arn:aws:dynamodb:*:*:table/frontdesk".to_owned(), TABLE.to_owned(), true),
            ("arn:aws:*:*:*:/aws/lambda/x".to_owned(), logs.to_owned(), false),
            (
                "arn:aws:dynamodb:us-east-?:000000000000:table/front*".to_owned(),
                TABLE.to_owned(),
                true,
            ),
            (format!("{logs}:*"), format!("{logs}:log-stream:2026/11/24/[$LATEST]a"), true),
            (format!("{logs}:*"), format!("{logs}y:log-stream:2026/11/24/[$LATEST]a"), false),
            ("*".to_owned(), TABLE.to_owned(), true),
            ("*".to_owned(), "*".to_owned(), true),
            (TABLE.to_owned(), "*".to_owned(), false),
        ] {
            let policy = policy(allow(json!("dynamodb:GetItem"), json!(pattern)));
            assert_eq!(
                allows(&policy, &AccessRequest::new("dynamodb:GetItem", resource.clone())),
                fits,
                "{pattern} {resource}"
            );
        }
    }

    #[test]
    fn for_all_values_wants_every_key_to_fit_and_holds_where_there_is_none() {
        let policy =
            fenced(json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["ACCT#*", "X?"]}}));
        let read = |keys: Option<&[&str]>| {
            let leading_keys = keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect());
            AccessRequest {
                condition_keys: ConditionKeys { leading_keys, ..ConditionKeys::default() },
                ..AccessRequest::new("dynamodb:GetItem", TABLE)
            }
        };
        for (keys, fits) in [
            (None, true),
            (Some(&[][..]), true),
            (Some(&["ACCT#1"][..]), true),
            (Some(&["ACCT#"][..]), true),
            (Some(&["ACCT#1", "X2"][..]), true),
            (Some(&["acct#1"][..]), false),
            (Some(&["XACCT#1"][..]), false),
            (Some(&["X"][..]), false),
            (Some(&["X12"][..]), false),
            (Some(&["ACCT#1", "ADDR#1"][..]), false),
        ] {
            assert_eq!(allows(&policy, &read(keys)), fits, "{keys:?}");
        }
    }

    #[test]
    fn a_key_with_one_value_must_be_there_and_equal() {
        let policy =
            fenced(json!({"StringEquals": {"ses:FromAddress": ["desk@example.com", "*"]}}));
        let send = |from: Option<&str>| {
            let condition_keys =
                ConditionKeys { from_address: from.map(str::to_owned), ..ConditionKeys::default() };
            AccessRequest {
                condition_keys,
                ..AccessRequest::new(
                    "ses:SendEmail",
                    "arn:aws:ses:us-east-1:000000000000:identity/example.com",
                )
            }
        };
        for (from, fits) in [
            (Some("desk@example.com"), true),
            (Some("Desk@example.com"), false),
            (Some("other@example.com"), false),
            (Some("*"), true),
            (None, false),
        ] {
            assert_eq!(allows(&policy, &send(from)), fits, "{from:?}");
        }
    }

    #[test]
    fn the_attributes_that_a_request_names_must_be_told_and_all_be_among_those_allowed() {
        let policy = fenced(json!({
            "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "seen"]},
        }));
        let read = |names: Option<&[&str]>| {
            let attributes = names.map(|names| names.iter().map(|it| (*it).to_owned()).collect());
            AccessRequest {
                condition_keys: ConditionKeys { attributes, ..ConditionKeys::default() },
                ..AccessRequest::new("dynamodb:GetItem", TABLE)
            }
        };
        for (names, fits) in [
            (None, false),
            (Some(&["pk", "sk"][..]), true),
            (Some(&["pk", "sk", "seen"][..]), true),
            (Some(&["pk", "sk", "seen", "name"][..]), false),
            (Some(&["Seen"][..]), false),
        ] {
            assert_eq!(allows(&policy, &read(names)), fits, "{names:?}");
        }
        // It is one permission, however many attributes it is about.
        assert_eq!(policy.grants().len(), 2);
    }

    #[test]
    fn values_that_are_asked_back_must_be_those_allowed_and_may_be_none() {
        let of = |operator: &str| fenced(json!({ operator: {"dynamodb:ReturnValues": "NONE"} }));
        let (strict, lenient) = (of("StringEquals"), of("StringEqualsIfExists"));
        for (value, fits) in
            [(None, [false, true]), (Some("NONE"), [true; 2]), (Some("ALL_OLD"), [false; 2])]
        {
            let condition_keys = ConditionKeys {
                return_values: value.map(str::to_owned),
                ..ConditionKeys::default()
            };
            let request =
                AccessRequest { condition_keys, ..AccessRequest::new("dynamodb:GetItem", TABLE) };
            assert_eq!(
                [&strict, &lenient].map(|policy| allows(policy, &request)),
                fits,
                "{value:?}"
            );
        }
    }

    #[test]
    fn every_condition_must_hold() {
        let policy = fenced(json!({
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": "ACCT#*"},
            "StringLike": {"ses:FromAddress": "*@example.com"},
        }));
        let request = |key: &str, from: &str| {
            let condition_keys = ConditionKeys {
                leading_keys: Some(vec![key.to_owned()]),
                from_address: Some(from.to_owned()),
                ..ConditionKeys::default()
            };
            AccessRequest { condition_keys, ..AccessRequest::new("dynamodb:GetItem", TABLE) }
        };
        assert!(allows(&policy, &request("ACCT#1", "a@example.com")));
        assert!(!allows(&policy, &request("ADDR#1", "a@example.com")));
        assert!(!allows(&policy, &request("ACCT#1", "a@example.org")));
    }

    #[test]
    fn an_act_is_allowed_by_a_permission_for_each_kind_of_key_and_each_is_named_once() {
        let mut statement = allow(
            json!(["dynamodb:GetItem", "dynamodb:PutItem"]),
            json!([TABLE, format!("{TABLE}/index/duties")]),
        );
        statement["Condition"] =
            json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["ACCT#*", "ADDR#*"]}});
        let policy = policy(json!([statement]));
        let granted = |only: &str| Grant {
            statement: "One".to_owned(),
            action: "dynamodb:PutItem".to_owned(),
            resource: TABLE.to_owned(),
            only: vec![only.to_owned()],
        };
        let put = |keys: &[&str]| {
            let leading_keys = Some(keys.iter().map(|key| (*key).to_owned()).collect());
            let condition_keys = ConditionKeys { leading_keys, ..ConditionKeys::default() };
            let request = AccessRequest::new("dynamodb:PutItem", TABLE);
            policy.decide(&AccessRequest { condition_keys, ..request })
        };
        let both = || Decision::Allowed(vec![granted("ACCT#*"), granted("ADDR#*")]);
        assert_eq!(put(&["ADDR#1"]), Decision::Allowed(vec![granted("ADDR#*")]));
        assert_eq!(put(&["ACCT#1", "ACCT#2"]), Decision::Allowed(vec![granted("ACCT#*")]));
        assert_eq!(put(&["ADDR#1", "ACCT#1"]), both());
        assert_eq!(put(&[]), both());
        assert_eq!(put(&["ADDR#1", "OTHER#1"]), Decision::ImplicitlyDenied);
        let grants = policy.grants();
        assert_eq!(grants.len(), 8);
        for only in ["ACCT#*", "ADDR#*"] {
            assert_eq!(grants.iter().filter(|grant| **grant == granted(only)).count(), 1);
        }
    }

    #[test]
    fn a_permission_without_conditions_is_one_and_one_with_two_is_each_choice_of_their_values() {
        let free = policy(json!([allow(json!("dynamodb:GetItem"), json!(TABLE))]));
        assert_eq!(free.grants()[0].only, Vec::<String>::new());
        assert_eq!(
            free.decide(&AccessRequest::new("dynamodb:GetItem", TABLE)),
            Decision::Allowed(free.grants())
        );
        let fenced = fenced(json!({
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["ACCT#*", "ADDR#*"]},
            "StringLike": {"ses:FromAddress": ["a@*", "b@*"]},
        }));
        let only: BTreeSet<String> =
            fenced.grants().into_iter().map(|grant| grant.only.join(" ")).collect();
        let all = ["ACCT#* a@*", "ACCT#* b@*", "ADDR#* a@*", "ADDR#* b@*"];
        assert_eq!(only.iter().map(String::as_str).collect::<Vec<_>>(), all);
    }

    #[test]
    fn a_star_is_tried_at_every_place() {
        for (pattern, text, fits) in [
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-c-", false),
            ("*ab", "aab", true),
            ("a**", "a", true),
            ("*?*", "", false),
            ("é?", "éé", true),
        ] {
            assert_eq!(is_like(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error_that_names_it() {
        let good =
            json!({"Sid": "S", "Effect": "Allow", "Action": "ses:SendEmail", "Resource": TABLE});
        let with = |field: &str, value: Value| {
            let mut statement = good.clone();
            statement[field] = value;
            statement
        };
        let condition = |value: Value| with("Condition", value);
        for (statement, said) in [
            (with("NotAction", json!("ses:*")), "NotAction"),
            (with("NotResource", json!("*")), "NotResource"),
            (with("Principal", json!("*")), "Principal"),
            (with("Effect", json!("allow")), "Effect of S"),
            (with("Action", json!([])), "in S"),
            (with("Action", json!("SendEmail")), "names no service"),
            (with("Action", json!([7])), "not a text"),
            (with("Resource", json!("frontdesk")), "no ARN"),
            (with("Resource", json!("arn:aws:dynamodb:*:table/frontdesk")), "no ARN"),
            (with("Resource", json!(format!("{TABLE}/${{aws:username}}"))), "policy variables"),
            (with("Sid", Value::Null), "no Sid"),
            (condition(json!({"StringNotLike": {"ses:FromAddress": "x"}})), "StringNotLike"),
            (
                condition(json!({"StringEqualsIfExists": {"ses:FromAddress": "x"}})),
                "StringEqualsIfExists",
            ),
            (
                condition(json!({"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": "x"}})),
                "ForAnyValue:StringLike",
            ),
            (condition(json!({"StringLike": {"dynamodb:LeadingKeys": "x"}})), "wants ForAllValues"),
            (
                condition(json!({"ForAllValues:StringLike": {"ses:FromAddress": "x"}})),
                "wants no ForAllValues",
            ),
            (condition(json!({"StringEquals": {"aws:SourceIp": "x"}})), "aws:SourceIp"),
            (condition(json!({"StringEquals": {"ses:FromAddress": []}})), "Condition of S"),
            (condition(json!("x")), "not an object"),
        ] {
            let document = json!({"Version": "2012-10-17", "Statement": [statement]});
            let error = Policy::default().add(&document).expect_err("not understood");
            assert!(error.contains(said), "{error:?} does not say {said:?}");
        }
        for document in
            [json!({"Statement": [good]}), json!({"Version": "2008-10-17", "Statement": [good]})]
        {
            assert!(
                Policy::default()
                    .add(&document)
                    .expect_err("an old version")
                    .contains("2012-10-17")
            );
        }
        let twice = json!({"Version": "2012-10-17", "Statement": [good, good]});
        assert!(Policy::default().add(&twice).expect_err("two of one name").contains("Sid S"));
    }
}
