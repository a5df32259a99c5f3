//! Direct invocation by an operator: creates an account, and nothing else.

use crate::operator::{AccountView, LimitsRequest, asked, operator_name, registered_in};
use crate::view::MemberView;
use domain::account::are_limits;
use edge::lambda::Event;
use edge::{App, Problem, ProblemCode, telemetry};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Failure, Registered, Registration, RegistrationRefusal};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterAccount {
    name: String,
    admin_email: String,
    #[serde(default)]
    key_limit: Option<u32>,
    #[serde(default)]
    member_limit: Option<u32>,
    #[serde(default)]
    limits: Option<LimitsRequest>,
    #[serde(default)]
    by: Option<String>,
}

pub async fn handle(app: &App, event: Event) -> Result<Value, Error> {
    Ok(register_account(app, asked(&event)?).await?)
}

async fn register_account(app: &App, request: RegisterAccount) -> Result<Value, Problem> {
    let key_limit = request.key_limit.unwrap_or(app.settings.default_key_limit);
    let member_limit = request.member_limit.unwrap_or(app.settings.default_member_limit);
    if !are_limits(Some(key_limit), Some(member_limit)) {
        return Err(ProblemCode::InvalidLimit.into());
    }
    let wanted = Registration {
        admin_email: request.admin_email.parse().or(Err(ProblemCode::InvalidEmail))?,
        name: request.name.parse().or(Err(ProblemCode::InvalidName))?,
        key_limit,
        member_limit,
        limits: request.limits.map_or(Ok(None), |limits| limits.limits())?,
        by: operator_name(request.by)?,
    };
    let now = app.clock.now();
    let done = app.store.register(&wanted, now).await;
    let Registered { account, admin } = done.map_err(refused)?;
    telemetry::set_account(&account.id);
    Ok(json!({
        "account": AccountView::new(&account, now),
        "admin": MemberView::from(&admin),
    }))
}

fn refused(failure: Failure<RegistrationRefusal>) -> Problem {
    match failure {
        Failure::Refused(RegistrationRefusal::AlreadyRegistered(account)) => {
            registered_in(&account)
        }
        Failure::Store(error) => error.into(),
    }
}
