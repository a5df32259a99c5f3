//! Direct invocation by an operator: one act on one account that is there.

use crate::operator::{
    AccountView, NewLimitsRequest, account_named, asked, operator_name, registered_in,
};
use crate::view::MemberView;
use domain::EmailAddress;
use edge::lambda::Event;
use edge::{App, Problem, ProblemCode};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{ChangeRefusal, Failure, Operator, StoreError};

#[derive(Debug, Deserialize)]
pub struct ChangeAccount {
    account_id: String,
    by: Option<String>,
    /// It refuses what neither it nor this request has.
    #[serde(flatten)]
    act: Act,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
enum Act {
    Rename { name: String },
    SetLimits(NewLimitsRequest),
    Suspend {},
    Resume {},
    AddAdmin { email: String },
    RemoveMember { email: String, replaced_by: Option<String> },
    EndSessions { email: Option<String> },
    RevokeKey { key_id: String },
}

pub async fn handle(app: &App, event: Event) -> Result<Value, Error> {
    Ok(change_account(app, asked(&event)?).await?)
}

async fn change_account(app: &App, request: ChangeAccount) -> Result<Value, Problem> {
    let ChangeAccount { account_id, by, act } = request;
    let by = operator_name(by)?;
    let account = account_named(app, &account_id).await?.id;
    let mut answer = take(app, Operator { account: &account, by: by.as_ref() }, act).await?;
    let after = app.store.find_account(&account).await.map_err(StoreError::beside_a_change)?;
    let after = after.ok_or(ProblemCode::AccountNotFound)?;
    answer["account"] = json!(AccountView::new(&after, app.clock.now()));
    Ok(answer)
}

/// The one act; what its answer has besides the account.
async fn take(app: &App, operator: Operator<'_>, act: Act) -> Result<Value, Problem> {
    let (store, now) = (&app.store, app.clock.now());
    match act {
        Act::Rename { name } => {
            let name = name.parse().or(Err(ProblemCode::InvalidName))?;
            changed(store.rename(operator, &name, now).await)
        }
        Act::SetLimits(request) => {
            changed(store.set_limits(operator, &request.limits()?, now).await)
        }
        Act::Suspend {} => changed(store.suspend(operator, now).await),
        Act::Resume {} => changed(store.resume(operator, now).await),
        Act::AddAdmin { email } => {
            let added = store.add_admin(operator, &address(&email)?, now).await;
            let (id, changed) = added.map_err(refused)?;
            let admin = store.find_member(operator.account, &id).await;
            let admin = admin.map_err(StoreError::beside_a_change)?;
            Ok(json!({ "admin": admin.as_ref().map(MemberView::from), "changed": changed }))
        }
        Act::RemoveMember { email, replaced_by } => {
            let email = address(&email)?;
            let replaced_by = replaced_by.as_deref().map(address).transpose()?;
            if replaced_by.as_ref() == Some(&email) {
                return Err(invalid("Nobody can be replaced by themselves."));
            }
            let removed = store.remove_member(operator, &email, replaced_by.as_ref(), now).await;
            Ok(json!({ "removed": { "id": removed.map_err(refused)?, "email": email } }))
        }
        Act::EndSessions { email } => {
            let email = email.as_deref().map(address).transpose()?;
            store.end_sessions(operator, email.as_ref(), now).await.map_err(refused)?;
            Ok(json!({}))
        }
        Act::RevokeKey { key_id } => {
            let key = key_id.parse().or(Err(ProblemCode::KeyNotFound))?;
            store.revoke_key(operator, &key, now).await.map_err(refused)?;
            Ok(json!({}))
        }
    }
}

fn address(text: &str) -> Result<EmailAddress, ProblemCode> {
    text.parse().or(Err(ProblemCode::InvalidEmail))
}

fn invalid(detail: &str) -> Problem {
    Problem::new(ProblemCode::InvalidRequest).with_detail(detail)
}

fn changed(done: Result<bool, Failure<ChangeRefusal>>) -> Result<Value, Problem> {
    Ok(json!({ "changed": done.map_err(refused)? }))
}

/// The problem, with what is there instead.
fn refused(failure: Failure<ChangeRefusal>) -> Problem {
    let refusal = match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Store(error) => return error.into(),
    };
    match refusal {
        ChangeRefusal::AccountNotFound => ProblemCode::AccountNotFound.into(),
        ChangeRefusal::AlreadyRegistered(account) => registered_in(&account),
        ChangeRefusal::MemberLimitReached => Problem::new(ProblemCode::MemberLimitReached)
            .with_detail("The account has as many members as it may. Remove one, or set_limits."),
        ChangeRefusal::MemberNotFound(elsewhere) => Problem::new(ProblemCode::MemberNotFound)
            .with_detail(match elsewhere {
                Some(account) => format!("This e-mail address belongs to a member of {account}."),
                None => "No account has a member with this e-mail address.".to_owned(),
            }),
        ChangeRefusal::LastAdmin => Problem::new(ProblemCode::LastAdmin)
            .with_detail("This is the last admin of the account. Say who takes over: replaced_by."),
        ChangeRefusal::KeyNotFound => ProblemCode::KeyNotFound.into(),
    }
}
