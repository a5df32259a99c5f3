//! Direct invocation by an operator: an account with its members, keys, Sandbox and newest events.

use crate::event_view::{WholeEventView, count_unreadable};
use crate::key_view::KeyView;
use crate::operator::{AccountView, account_named, asked};
use crate::view::{MemberView, PersonView, SandboxView};
use domain::{ApiKey, MailProblem, Member, MemberId};
use edge::lambda::Event;
use edge::{App, Problem, UtcTime};
use jiff::Timestamp;
use lambda_runtime::Error;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Description;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribeAccount {
    account_id: String,
}

pub async fn handle(app: &App, event: Event) -> Result<Value, Error> {
    Ok(describe_account(app, asked(&event)?).await?)
}

async fn describe_account(app: &App, request: DescribeAccount) -> Result<Value, Problem> {
    let account = account_named(app, &request.account_id).await?;
    let now = app.clock.now();
    let Description { members, keys, sandbox, newest, unreadable } =
        app.store.describe(&account.id, now).await?;
    count_unreadable(&newest);
    Ok(json!({
        "account": AccountView::new(&account, now),
        "members": described(&members),
        "keys": keys.iter().map(|key| DescribedKey::new(key, now)).collect::<Vec<_>>(),
        "sandbox": sandbox.map(|sandbox| SandboxView::new(&sandbox, now)),
        "events": newest.events.iter().map(WholeEventView::from).collect::<Vec<_>>(),
        "unreadable": unreadable + newest.unreadable.len(),
    }))
}

#[derive(Serialize)]
struct DescribedMember<'a> {
    #[serde(flatten)]
    member: MemberView,
    invited_at: UtcTime,
    invited_by: Option<PersonView<'a>>,
    invited_until: Option<UtcTime>,
    last_login_at: Option<UtcTime>,
    mail_problem: Option<MailProblem>,
}

fn described(members: &[Member]) -> Vec<DescribedMember<'_>> {
    let described = members.iter().map(|member| DescribedMember {
        member: member.into(),
        invited_at: member.invited_at.into(),
        invited_by: PersonView::who_invited(member, members),
        invited_until: member.invited_until.map(UtcTime),
        last_login_at: member.last_login_at.map(UtcTime),
        mail_problem: member.mail_problem,
    });
    described.collect()
}

#[derive(Serialize)]
struct DescribedKey<'a> {
    #[serde(flatten)]
    key: KeyView,
    created_by: Option<&'a MemberId>,
}

impl<'a> DescribedKey<'a> {
    fn new(key: &'a ApiKey, now: Timestamp) -> Self {
        Self { key: KeyView::new(key, now), created_by: key.created_by.as_ref() }
    }
}
