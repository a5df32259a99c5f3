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

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    fn invited(seed: u64) -> Member {
        let email: EmailAddress = "jane@example.com".parse().unwrap();
        let hash = email.hash();
        Member {
            id: MemberId::random(&hash, &mut StdRng::seed_from_u64(seed)),
            email,
            role: Role::Member,
            status: MemberStatus::Invited,
            invited_at: at(1000),
            invited_by: None,
            invitation: 2,
            invited_until: Some(at(2000)),
            last_login_at: None,
            mail_problem: None,
        }
    }

    #[test]
    fn an_invitation_ends_with_its_millisecond_or_never() {
        let member = invited(1);
        assert!(!member.has_ended(at(1999)) && member.has_ended(at(2000)));
        assert!(!Member { invited_until: None, ..member }.has_ended(Timestamp::MAX));
    }

    #[test]
    fn a_login_makes_a_member_active_and_ends_every_problem_but_a_complaint() {
        let member = invited(1);
        assert!(!member.is_active());
        let active = member.clone().logged_in(at(1500));
        assert!(active.is_active());
        assert_eq!(active.last_login_at, Some(at(1500)));
        assert_eq!(Member { last_login_at: None, status: MemberStatus::Invited, ..active }, member);
        for (problem, kept) in [
            (MailProblem::Failed, None),
            (MailProblem::Bounced, None),
            (MailProblem::Complained, Some(MailProblem::Complained)),
        ] {
            let member = Member { mail_problem: Some(problem), ..member.clone() };
            assert_eq!(member.wants_notices(), kept.is_none());
            assert_eq!(member.logged_in(at(1500)).mail_problem, kept);
        }
        assert!(member.wants_notices());
    }

    #[test]
    fn the_team_stands_in_the_order_of_its_invitations() {
        let [first, second] = [1000, 3000].map(|at_| Member { invited_at: at(at_), ..invited(1) });
        let mut together = [invited(2), invited(3)];
        together.sort_by(|a, b| b.id.cmp(&a.id));
        let mut team = [second.clone(), together[0].clone(), together[1].clone()];
        in_listing_order(&mut team);
        assert_eq!(team, [together[1].clone(), together[0].clone(), second.clone()]);
        let mut team = [second.clone(), first.clone()];
        in_listing_order(&mut team);
        assert_eq!(team, [first, second]);
    }

    #[test]
    fn a_mail_goes_to_a_member_as_often_invited_and_logged_in_as_then() {
        let member = invited(1).logged_in(at(1500));
        let account: AccountId = "acct_0123456789ab".parse().unwrap();
        let recipient = Recipient::new(&account, &member);
        assert_eq!(recipient.account, account);
        assert_eq!((recipient.member, recipient.invitation), (member.id, 2));
        assert_eq!(recipient.last_login_at, Some(at(1500)));
    }
}
