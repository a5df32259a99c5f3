//! What the functions of operators have in common.

use domain::account::are_limits;
use domain::{Account, AccountId, InvalidName, Limits, OperatorName};
use edge::http::{given, whole};
use edge::lambda::Event;
use edge::{App, Problem, ProblemCode, telemetry};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use store::NewLimits;

/// An account to operators.
#[derive(Debug, Serialize)]
pub struct AccountView {
    id: AccountId,
    name: String,
    key_count: u32,
    key_limit: u32,
    member_count: u32,
    member_limit: u32,
    /// Of calls, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<LimitsView>,
    suspended: bool,
}

#[derive(Debug, Serialize)]
struct LimitsView {
    per_minute: Option<u32>,
    burst: Option<u32>,
    per_month: Option<u64>,
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> Self {
        let (per_minute, burst) = (limits.per_minute(), limits.burst());
        Self { per_minute, burst, per_month: limits.per_month }
    }
}

/// Limits of calls, as an operator asks for them: what is absent is no limit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsRequest {
    per_minute: Option<Number>,
    burst: Option<Number>,
    per_month: Option<Number>,
}

impl LimitsRequest {
    pub fn limits(&self) -> Result<Option<Limits>, ProblemCode> {
        let count = |number: &Option<Number>| match number {
            None => Ok(None),
            Some(number) => {
                let count = whole(number).and_then(|number| number.try_into().ok());
                count.map(Some).ok_or(ProblemCode::InvalidLimit)
            }
        };
        Limits::new(count(&self.per_minute)?, count(&self.burst)?, count(&self.per_month)?)
            .or(Err(ProblemCode::InvalidLimit))
    }
}

impl AccountView {
    pub fn new(account: &Account, now: Timestamp) -> Self {
        Self {
            id: account.id.clone(),
            name: account.name.as_str().to_owned(),
            key_count: account.key_count(),
            key_limit: account.key_limit(),
            member_count: account.member_count(now),
            member_limit: account.member_limit,
            limits: account.plan.limits.map(LimitsView::from),
            suspended: account.suspended,
        }
    }
}

/// Limits that an operator sets; what is absent stays as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLimitsRequest {
    key_limit: Option<u32>,
    member_limit: Option<u32>,
    /// Null: none of calls any more.
    #[serde(default, deserialize_with = "given")]
    limits: Option<Option<LimitsRequest>>,
}

impl NewLimitsRequest {
    pub fn limits(&self) -> Result<NewLimits, Problem> {
        let Self { key_limit: keys, member_limit: members, limits } = self;
        if keys.or(*members).is_none() && limits.is_none() {
            return Err(Problem::new(ProblemCode::InvalidRequest)
                .with_detail("Name a key limit, a member limit, or limits of calls."));
        }
        if !are_limits(*keys, *members) {
            return Err(ProblemCode::InvalidLimit.into());
        }
        let of_calls = |limits: &Option<LimitsRequest>| {
            limits.as_ref().map_or(Ok(None), LimitsRequest::limits)
        };
        let calls = limits.as_ref().map(of_calls).transpose()?;
        Ok(NewLimits { keys: *keys, members: *members, calls })
    }
}

/// What an operators' function is asked for.
pub fn asked<T: DeserializeOwned>(event: &Event) -> Result<T, Problem> {
    serde_json::from_str(event.get()).map_err(|error| Problem::invalid_request(&error))
}

/// The account that an operator names by its id.
pub async fn account_named(app: &App, id: &str) -> Result<Account, Problem> {
    let id: AccountId = id.parse().or(Err(ProblemCode::AccountNotFound))?;
    let account = app.store.find_account(&id).await?.ok_or(ProblemCode::AccountNotFound)?;
    telemetry::set_account(&id);
    Ok(account)
}

/// Who acts, as the caller of an operators' function says it.
pub fn operator_name(by: Option<String>) -> Result<Option<OperatorName>, Problem> {
    by.map(|name| name.parse()).transpose().map_err(|InvalidName| {
        Problem::new(ProblemCode::InvalidRequest)
            .with_detail("The field `by` has 1 to 64 characters, without control characters.")
    })
}

/// To operators: where an address is registered.
pub fn registered_in(account: &AccountId) -> Problem {
    Problem::new(ProblemCode::EmailAlreadyRegistered)
        .with_detail(format!("This e-mail address belongs to a member of {account}."))
}
