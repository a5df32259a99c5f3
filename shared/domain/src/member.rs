//! A member: a person's login in exactly one account.

use crate::email::EmailAddress;
use crate::id::{AccountId, MemberId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    Member,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// Until the first login.
    Invited,
    Active,
}

/// What is known to have gone wrong with a member's mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailProblem {
    /// The newest invitation could not be sent.
    Failed,
    /// A mail came back: the address does not exist, or takes none.
    Bounced,
    /// Somebody there called a mail unwanted.
    Complained,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    pub email: EmailAddress,
    pub role: Role,
    pub status: MemberStatus,
    pub invited_at: Timestamp,
    /// By whom; an operator is nobody's member.
    pub invited_by: Option<MemberId>,
    /// The number of the invitation: the first is 1, each resend has the next.
    pub invitation: u32,
    /// Until when it is open, if it ends by itself.
    pub invited_until: Option<Timestamp>,
    pub last_login_at: Option<Timestamp>,
    /// A login ends it, unless it is a complaint; another invitation ends any.
    pub mail_problem: Option<MailProblem>,
}

impl Member {
    /// The member as a login leaves it.
    pub fn logged_in(self, now: Timestamp) -> Self {
        let complained = MailProblem::Complained;
        Self {
            status: MemberStatus::Active,
            last_login_at: Some(now),
            mail_problem: self.mail_problem.filter(|problem| *problem == complained),
            ..self
        }
    }

    pub fn is_active(&self) -> bool {
        self.status == MemberStatus::Active
    }

    /// Whether they may be mailed what they did not ask for: notices and reminders. A code, or an
    /// invitation that an admin sends again, is asked for.
    pub fn wants_notices(&self) -> bool {
        self.mail_problem != Some(MailProblem::Complained)
    }

    /// Whether the invitation has ended: then it holds neither place nor address.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.invited_until.is_some_and(|until| until <= now)
    }
}

/// The order of the team: as they were invited.
pub fn in_listing_order(members: &mut [Member]) {
    members.sort_by(|a, b| (a.invited_at, &a.id).cmp(&(b.invited_at, &b.id)));
}

/// Whom a mail goes to: a member as often invited, and logged in when, as it was at that time. What
/// becomes of the mail later says nothing of a member who has been invited anew or was there since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    pub account: AccountId,
    pub member: MemberId,
    pub invitation: u32,
    pub last_login_at: Option<Timestamp>,
}

impl Recipient {
    pub fn new(account: &AccountId, member: &Member) -> Self {
        Self {
            account: account.clone(),
            member: member.id.clone(),
            invitation: member.invitation,
            last_login_at: member.last_login_at,
        }
    }
}
