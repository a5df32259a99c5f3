//! Direct invocation by an operator: creates or changes an account.

use domain::account::{MAX_KEY_LIMIT, MAX_MEMBER_LIMIT};
use domain::{AccountId, AccountName, EmailAddress};
use edge::lambda::Event;
use edge::{App, Problem, ProblemCode, telemetry};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Registered, Registration, RegistrationRefusal};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterAccount {
    #[serde(default)]
    account_id: Option<String>,
    name: String,
    admin_email: String,
    #[serde(default)]
    key_limit: Option<u32>,
    #[serde(default)]
    member_limit: Option<u32>,
    #[serde(default)]
    suspended: Option<bool>,
}

pub async fn handle(app: &App, event: Event) -> Result<Value, Error> {
    let request =
        serde_json::from_str(event.get()).map_err(|error| Problem::invalid_request(&error))?;
    Ok(register_account(app, request).await?)
}

async fn register_account(app: &App, request: RegisterAccount) -> Result<Value, Problem> {
    let within =
        |limit: Option<u32>, most: u32| limit.is_none_or(|limit| (1..=most).contains(&limit));
    if !within(request.key_limit, MAX_KEY_LIMIT) || !within(request.member_limit, MAX_MEMBER_LIMIT)
    {
        return Err(ProblemCode::InvalidLimit.into());
    }
    let admin_email: EmailAddress =
        request.admin_email.parse().or(Err(ProblemCode::InvalidEmail))?;
    let account = request
        .account_id
        .map(|id| id.parse::<AccountId>().or(Err(ProblemCode::AccountNotFound)))
        .transpose()?;
    let name: AccountName = request.name.parse().or(Err(ProblemCode::InvalidName))?;
    let wanted = Registration {
        account,
        name,
        admin_email: admin_email.clone(),
        key_limit: request.key_limit,
        member_limit: request.member_limit,
        suspended: request.suspended,
        default_key_limit: app.settings.default_key_limit,
        default_member_limit: app.settings.default_member_limit,
    };
    let done = app
        .store
        .register(&wanted, app.clock.now())
        .await
        .map_err(|failure| Problem::of(failure, refused))?;
    let Registered { account, admin, created } = done;
    telemetry::set_account(&account.id);
    Ok(json!({
        "account_id": account.id,
        "name": account.name,
        "admin_email": admin_email,
        "admin_id": admin,
        "key_limit": account.key_limit(),
        "member_limit": account.member_limit,
        "suspended": account.suspended,
        "created": created,
    }))
}

fn refused(refusal: RegistrationRefusal) -> ProblemCode {
    match refusal {
        RegistrationRefusal::AccountNotFound => ProblemCode::AccountNotFound,
        RegistrationRefusal::AlreadyRegistered => ProblemCode::EmailAlreadyRegistered,
        RegistrationRefusal::MemberLimitReached => ProblemCode::MemberLimitReached,
    }
}
