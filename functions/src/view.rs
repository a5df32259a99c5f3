//! How accounts, members and the Sandbox look to clients.

use domain::invitation::rest_of_day;
use domain::{
    Account, AccountId, EmailAddress, KeyId, MailProblem, Member, MemberId, MemberStatus, Reason,
    Role, Sandbox, SandboxState,
};
use edge::{Problem, ProblemCode, UtcTime};
use jiff::Timestamp;
use serde::Serialize;

/// A member about itself.
#[derive(Debug, Serialize)]
pub struct MemberView {
    id: MemberId,
    email: EmailAddress,
    role: Role,
    status: MemberStatus,
}

impl From<&Member> for MemberView {
    fn from(member: &Member) -> Self {
        Self {
            id: member.id.clone(),
            email: member.email.clone(),
            role: member.role,
            status: member.status,
        }
    }
}

/// An account to one of its members; only admins see how many members there are.
#[derive(Debug, Serialize)]
pub struct AccountView {
    id: AccountId,
    name: String,
    key_count: u32,
    key_limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    member_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member_limit: Option<u32>,
}

impl AccountView {
    pub fn to(role: Role, account: &Account, now: Timestamp) -> Self {
        let admin = role == Role::Admin;
        Self {
            id: account.id.clone(),
            name: account.name.as_str().to_owned(),
            key_count: account.key_count(),
            key_limit: account.key_limit(),
            member_count: admin.then(|| account.member_count(now)),
            member_limit: admin.then_some(account.member_limit),
        }
    }
}

/// A member in the list that admins see.
#[derive(Debug, Serialize)]
pub struct TeamMemberView {
    #[serde(flatten)]
    member: MemberView,
    invited_at: UtcTime,
    last_login_at: Option<UtcTime>,
    mail_problem: Option<MailProblem>,
    you: bool,
}

impl TeamMemberView {
    pub fn new(member: &Member, you: bool) -> Self {
        Self {
            member: member.into(),
            invited_at: member.invited_at.into(),
            last_login_at: member.last_login_at.map(UtcTime),
            mail_problem: member.mail_problem,
            you,
        }
    }
}

/// A member as the list has it, with whoever invited it.
#[derive(Debug, Serialize)]
pub struct ListedMemberView<'a> {
    #[serde(flatten)]
    member: TeamMemberView,
    invited_by: Option<PersonView<'a>>,
}

impl<'a> ListedMemberView<'a> {
    pub fn new(member: &'a Member, team: &'a [Member], you: bool) -> Self {
        Self {
            member: TeamMemberView::new(member, you),
            invited_by: PersonView::who_invited(member, team),
        }
    }
}

/// Who did something, and the address, while that is a member.
#[derive(Debug, Serialize)]
pub struct PersonView<'a> {
    pub id: &'a MemberId,
    pub email: Option<&'a EmailAddress>,
}

impl<'a> PersonView<'a> {
    /// Nobody, where it was an operator.
    pub fn who_invited(member: &'a Member, team: &'a [Member]) -> Option<Self> {
        let id = member.invited_by.as_ref()?;
        let email = team.iter().find(|member| member.id == *id).map(|member| &member.email);
        Some(Self { id, email })
    }
}

#[derive(Debug, Serialize)]
pub struct SandboxView {
    state: SandboxState,
    reason: Option<Reason>,
    key_id: Option<KeyId>,
    validated_at: Option<UtcTime>,
    since: UtcTime,
}

impl SandboxView {
    /// The Sandbox as it reads at `now`.
    pub fn new(sandbox: &Sandbox, now: Timestamp) -> Self {
        let (state, reason) = sandbox.reading(now);
        let key_id = sandbox.key.as_ref().map(|key| key.id.clone());
        let validated_at = sandbox.validated_at.map(UtcTime);
        Self { state, reason, key_id, validated_at, since: sandbox.since.into() }
    }
}

/// A refusal of an invitation: how long there is nothing more to be had that day.
pub fn of_invitations(problem: Problem, now: Timestamp) -> Problem {
    if problem.code != ProblemCode::RateLimited {
        return problem;
    }
    problem.retry_after(rest_of_day(now)).with_detail(
        "Enough people were invited today, or this one often enough. Try again tomorrow.",
    )
}
