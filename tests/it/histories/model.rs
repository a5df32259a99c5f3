//! What the clients know: of each account its keys, sessions and settings, of each address whose it
//! is, of each login code how it was used. Whatever may be so is told apart from what surely is.

use crate::span::{Register, Span};
use domain::Role;
use std::collections::{BTreeMap, VecDeque};

/// How many of its last operations an account remembers.
const REMEMBERED: usize = 60;
const HOUR: i64 = 3_600_000;
const SESSION_IDLE_LIMIT: i64 = 12 * HOUR;
const SESSION_LIFETIME: i64 = 7 * 24 * HOUR;
const MAX_SESSIONS: usize = 10;

/// Whether something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Good,
    Over,
    Unsure,
}

#[derive(Debug, Clone)]
pub struct Key {
    pub id: String,
    /// Of the Sandbox key the one that was revealed last, if any.
    pub value: Option<String>,
    pub sandbox: bool,
    pub made: Span,
    /// Deletions that are running, or went well.
    pub deletions: Vec<Span>,
    pub gone: Option<Span>,
}

impl Key {
    /// Whether it was there all the time.
    pub fn standing(&self, span: Span) -> Standing {
        if self.gone.is_some_and(|gone| gone.is_before(span)) {
            Standing::Over
        } else if self.made.is_before(span)
            && self.gone.is_none_or(|gone| span.is_before(gone))
            && self.deletions.iter().all(|deletion| span.is_before(*deletion))
        {
            Standing::Good
        } else {
            Standing::Unsure
        }
    }

    /// Somebody's answer says that it is gone.
    pub fn is_gone(&mut self, span: Span) {
        self.gone.get_or_insert(span);
    }
}

/// A request that may be repeated.
#[derive(Debug, Clone)]
pub struct Repeatable {
    pub token: String,
    pub once: String,
    pub name: String,
    pub span: Span,
    pub at: i64,
    pub key: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Session {
    pub token: String,
    pub is_cookie: bool,
    pub account: usize,
    pub member: String,
    pub email: String,
    pub opened: Span,
    pub opened_at: i64,
    pub used_at: i64,
    /// The last answer that only a live session gets.
    pub proven: Span,
    /// Logouts that are running.
    pub logouts: Vec<Span>,
    pub gone: Option<Span>,
    /// So many logins of its member were open, or opening, that it may have made room for one.
    pub perhaps_replaced: bool,
}

impl Session {
    /// Its age, left to moves of the clock that are far longer than a history between two of them.
    fn age(&self, now: i64) -> Standing {
        let left = (self.opened_at + SESSION_LIFETIME).min(self.used_at + SESSION_IDLE_LIMIT) - now;
        match left {
            left if left > HOUR => Standing::Good,
            left if left < -HOUR => Standing::Over,
            _ => Standing::Unsure,
        }
    }
}

/// What an operation may do to whoever has an address in an account, or to everybody there.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub span: Span,
    pub account: usize,
    pub email: Option<String>,
    /// The session that it leaves alone.
    pub but: Option<String>,
}

impl Attempt {
    pub fn is_about(&self, account: usize, email: &str) -> bool {
        self.account == account && self.email.as_deref().is_none_or(|known| known == email)
    }
}

#[derive(Debug, Clone)]
pub struct Membership {
    pub account: usize,
    pub email: String,
    /// Unknown until somebody was told.
    pub id: Option<String>,
    pub made: Span,
    pub gone: Option<Span>,
    pub role: Register<Role>,
    /// The first login that was answered.
    pub arrived: Option<Span>,
    /// Whether it counts as an admin without one: an account's first admin does, and who took over
    /// from the last one, until somebody demotes them.
    pub counts: bool,
}

impl Membership {
    pub fn new(
        account: usize,
        email: &str,
        id: Option<&str>,
        made: Span,
        role: Option<Role>,
    ) -> Self {
        Self {
            account,
            email: email.to_owned(),
            id: id.map(str::to_owned),
            made,
            gone: None,
            role: role.map_or_else(|| Register::any_of([Role::Admin, Role::Member]), Register::new),
            arrived: None,
            counts: false,
        }
    }
}

/// Whose each address is, in all accounts.
#[derive(Debug, Default)]
pub struct Book {
    pub members: Vec<Membership>,
    pub removals: Vec<Attempt>,
    /// Those of operators, whose answers do not always say who became an admin.
    pub promotions: Vec<Attempt>,
    /// The promotions among them of whoever takes over from somebody.
    pub successions: Vec<Attempt>,
}

impl Book {
    pub fn member(&self, id: &str) -> Option<&Membership> {
        self.members.iter().find(|member| member.id.as_deref() == Some(id))
    }

    pub fn member_mut(&mut self, id: &str) -> Option<&mut Membership> {
        self.members.iter_mut().find(|member| member.id.as_deref() == Some(id))
    }

    pub fn standing(&self, member: &Membership, span: Span) -> Standing {
        let removed = |removal: &Attempt| {
            removal.is_about(member.account, &member.email)
                && removal.span.may_lie_between(member.made, span)
        };
        if member.gone.is_some_and(|gone| gone.is_before(span)) {
            Standing::Over
        } else if member.id.is_some()
            && member.made.is_before(span)
            && member.gone.is_none_or(|gone| span.is_before(gone))
            && !self.removals.iter().any(removed)
        {
            Standing::Good
        } else {
            Standing::Unsure
        }
    }

    /// The roles that the member may have had at some moment of `span`.
    pub fn roles(&self, member: &Membership, span: Span) -> Vec<Role> {
        let promoted = |promotion: &Attempt| {
            promotion.is_about(member.account, &member.email)
                && promotion.span.may_lie_between(member.made, span)
                && !member.role.is_written_over(promotion.span, span)
        };
        let mut roles = member.role.possible(span);
        if self.promotions.iter().any(promoted) {
            roles.push(Role::Admin);
        }
        roles
    }

    /// Whether the member was an admin all the time, or never was one.
    pub fn is_admin(&self, member: &Membership, span: Span) -> Standing {
        let roles = self.roles(member, span);
        match (roles.contains(&Role::Admin), roles.contains(&Role::Member)) {
            (true, false) => Standing::Good,
            (false, _) => Standing::Over,
            (true, true) => Standing::Unsure,
        }
    }

    /// Whether the member surely counted as an admin all the time.
    pub fn counts_as_admin(&self, member: &Membership, span: Span) -> bool {
        self.standing(member, span) == Standing::Good
            && self.is_admin(member, span) == Standing::Good
            && (member.counts || member.arrived.is_some_and(|arrived| arrived.is_before(span)))
    }

    /// Whether the member may have counted as an admin; whose login may be under way is known to
    /// the account.
    pub fn may_count_as_admin(&self, member: &Membership, span: Span, known: &Known) -> bool {
        let arrives = |(_, email): &(Span, String)| *email == member.email;
        let takes_over = |succession: &Attempt| succession.is_about(member.account, &member.email);
        self.standing(member, span) != Standing::Over
            && self.is_admin(member, span) != Standing::Over
            && (member.counts
                || member.arrived.is_some()
                || known.logins.iter().any(arrives)
                || self.successions.iter().any(takes_over))
    }

    /// Members of an account: those that were there all the time, and those that may have been.
    pub fn count(&self, account: usize, span: Span) -> (usize, usize) {
        let standings = self
            .members
            .iter()
            .filter(|member| member.account == account)
            .map(|member| self.standing(member, span));
        standings.fold((0, 0), |(sure, possible), standing| match standing {
            Standing::Good => (sure + 1, possible + 1),
            Standing::Unsure => (sure, possible + 1),
            Standing::Over => (sure, possible),
        })
    }

    /// Notes that a member's id was answered, and perhaps as what somebody was invited.
    pub fn learn(&mut self, account: usize, email: &str, id: &str, made: Span, role: Option<Role>) {
        if self.member(id).is_none() {
            self.members.push(Membership::new(account, email, Some(id), made, role));
        }
    }
}

#[derive(Debug)]
pub struct Challenge {
    pub email: String,
    pub token: String,
    pub asked_by: i64,
    pub wrong: Vec<Span>,
    pub used: u32,
}

/// Rows that the trail has to have since the last quiet point, and those that it may have besides.
#[derive(Debug, Default)]
pub struct Tally {
    pub sure: BTreeMap<(String, String), usize>,
    pub perhaps: BTreeMap<String, usize>,
}

impl Tally {
    pub fn surely(&mut self, action: &str, whom: &str) {
        *self.sure.entry((action.to_owned(), whom.to_owned())).or_default() += 1;
    }

    pub fn perhaps(&mut self, action: &str, times: usize) {
        *self.perhaps.entry(action.to_owned()).or_default() += times;
    }
}

/// What is known of one account.
#[derive(Debug)]
pub struct Known {
    pub suspended: Register<bool>,
    pub key_limit: Register<u64>,
    pub member_limit: Register<u64>,
    pub name: Register<String>,
    pub keys: Vec<Key>,
    pub creations: Vec<Span>,
    pub repeatable: Vec<Repeatable>,
    pub sessions: Vec<Session>,
    /// Logins that are running: whose.
    pub logins: Vec<(Span, String)>,
    /// What ends sessions by their members' addresses, while it runs and when it went well.
    pub ends: Vec<Attempt>,
    pub trail: Tally,
    log: VecDeque<String>,
}

impl Known {
    pub fn new(name: &str, key_limit: u64, member_limit: u64) -> Self {
        Self {
            suspended: Register::new(false),
            key_limit: Register::new(key_limit),
            member_limit: Register::new(member_limit),
            name: Register::new(name.to_owned()),
            keys: Vec::new(),
            creations: Vec::new(),
            repeatable: Vec::new(),
            sessions: Vec::new(),
            logins: Vec::new(),
            ends: Vec::new(),
            trail: Tally::default(),
            log: VecDeque::new(),
        }
    }

    pub fn remember(&mut self, line: String) {
        if self.log.len() == REMEMBERED {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }

    pub fn story(&self) -> String {
        self.log.iter().map(|line| format!("\n  {line}")).collect()
    }

    pub fn key_mut(&mut self, id: &str) -> Option<&mut Key> {
        self.keys.iter_mut().find(|key| key.id == id)
    }

    pub fn session_mut(&mut self, token: &str) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.token == token)
    }

    /// Own keys that were there all the time, and those that may have been.
    pub fn own_keys(&self, span: Span) -> (usize, usize) {
        let own = || self.keys.iter().filter(|key| !key.sandbox);
        let sure = own().filter(|key| key.standing(span) == Standing::Good).count();
        let recorded = own().filter(|key| key.standing(span) != Standing::Over).count();
        // One of those is this very request.
        let running = self.creations.iter().filter(|creation| creation.is_running()).count();
        (sure, recorded + running.saturating_sub(1))
    }

    /// Whether a session is as good as its member: not ended, not replaced, not too old, and its
    /// account not suspended.
    pub fn session(&self, session: &Session, span: Span, now: i64) -> Standing {
        let gone = session.gone.is_some_and(|gone| gone.is_before(span));
        let about = |end: &&Attempt| {
            end.is_about(session.account, &session.email)
                && end.but.as_ref() != Some(&session.token)
        };
        let mut ends = self.ends.iter().filter(about);
        let ended =
            ends.clone().any(|end| session.opened.is_before(end.span) && end.span.is_before(span));
        let age = session.age(now);
        if gone || ended || age == Standing::Over || self.suspended.surely(span, &true) {
            return Standing::Over;
        }
        let touched = ends.any(|end| end.span.may_lie_between(session.proven, span))
            || session.logouts.iter().any(|logout| !span.is_before(*logout))
            || session.gone.is_some_and(|gone| !span.is_before(gone))
            || session.perhaps_replaced;
        if touched || age == Standing::Unsure || !self.suspended.surely(span, &false) {
            return Standing::Unsure;
        }
        Standing::Good
    }

    /// Notes that somebody may be logging in: with so many sessions, one of them gives way.
    pub fn count_logins(&mut self, email: &str) {
        let running = self.logins.iter().filter(|(_, whose)| whose == email).count();
        let open = |session: &&mut Session| session.email == email && session.gone.is_none();
        if running + self.sessions.iter_mut().filter(open).count() > MAX_SESSIONS {
            for session in self.sessions.iter_mut().filter(open) {
                session.perhaps_replaced = true;
            }
        }
    }
}
