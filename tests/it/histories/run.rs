//! One run: the desk, what is known of it, and how an operation is begun, ended and told of.

use crate::histories::model::{Book, Challenge, Known, Membership, Session, Standing};
use crate::span::{Moments, Span};
use crate::support::{Reply, World};
use desk::InvokeError;
use domain::Role;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Why a history cannot be, in words.
pub type Judgement = Result<(), String>;

/// What must hold, or else what cannot be.
pub fn hold(holds: bool, otherwise: impl FnOnce() -> String) -> Judgement {
    if holds { Ok(()) } else { Err(otherwise()) }
}

pub struct Account {
    pub id: String,
    known: Mutex<Known>,
}

pub struct Run {
    pub world: World,
    pub seed: u64,
    pub accounts: Vec<Account>,
    /// The addresses that all accounts invite.
    pub addresses: Vec<String>,
    moments: Moments,
    operations: AtomicU64,
    book: Mutex<Book>,
    challenges: Mutex<Vec<Challenge>>,
    /// How often each operation was answered how.
    answers: Mutex<BTreeMap<(&'static str, String), u64>>,
    /// Refusals that must not tell a foreign id from a made-up one.
    refusals: Mutex<BTreeMap<&'static str, String>>,
}

/// An operation that is under way.
pub struct Act {
    pub number: u64,
    pub span: Span,
    pub at: i64,
    name: &'static str,
    about: String,
}

/// An operation that was answered, and the desk's time before and after.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    pub span: Span,
    pub from: i64,
    pub to: i64,
}

/// An answer, of HTTP or of an operator's function.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub code: String,
    pub body: Value,
    pub text: String,
    pub cookie: Option<String>,
}

impl Answer {
    pub fn is(&self, status: u16, code: &str) -> bool {
        self.status == status && self.code == code
    }

    pub fn is_good(&self) -> bool {
        self.status < 300
    }

    /// That it is one of those that the contract knows.
    pub fn among(&self, allowed: &[(u16, &str)]) -> Judgement {
        let known = allowed.iter().any(|(status, code)| self.is(*status, code));
        hold(known, || format!("the contract knows no such answer: {}", self.text))
    }

    /// The same of what a session is shown for.
    pub fn among_or_over(&self, allowed: &[(u16, &str)]) -> Judgement {
        if self.is_over() { Ok(()) } else { self.among(allowed) }
    }

    /// Whether the session was refused.
    pub fn is_over(&self) -> bool {
        self.has_expired() || self.is(401, "session_ended") || self.is(403, "account_suspended")
    }

    pub fn has_expired(&self) -> bool {
        self.is(401, "session_expired")
    }

    pub fn text_at(&self, pointer: &str) -> Option<String> {
        self.body.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
    }

    /// The role of the member that it tells of, if it does.
    pub fn role(&self) -> Option<Role> {
        serde_json::from_value(self.body["member"]["role"].clone()).ok()
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self {
            status: reply.status.as_u16(),
            code: reply.body["code"].as_str().unwrap_or_default().to_owned(),
            cookie: reply.cookie("__Host-frontdesk").map(str::to_owned),
            body: reply.body,
            text: reply.text,
        }
    }
}

impl From<Result<Value, InvokeError>> for Answer {
    fn from(done: Result<Value, InvokeError>) -> Self {
        let (body, text) = match done {
            Ok(body) => (body, String::new()),
            Err(InvokeError::Failed { message, .. }) => {
                (serde_json::from_str(&message).unwrap_or(Value::Null), message)
            }
            Err(error) => (Value::Null, error.to_string()),
        };
        let failed = if text.is_empty() { 200 } else { 500 };
        let status = body["status"].as_u64().and_then(|status| status.try_into().ok());
        let code = body["code"].as_str().unwrap_or_default().to_owned();
        Self { status: status.unwrap_or(failed), code, body, text, cookie: None }
    }
}

impl Run {
    /// A desk with so many new accounts, each with its founder.
    pub async fn start(seed: u64, accounts: usize, addresses: usize) -> Self {
        let world = World::new().await;
        let mut run = Self {
            world,
            seed,
            accounts: Vec::new(),
            addresses: (0..addresses).map(|number| format!("p{number}@example.com")).collect(),
            moments: Moments::default(),
            operations: AtomicU64::new(0),
            book: Mutex::default(),
            challenges: Mutex::default(),
            answers: Mutex::default(),
            refusals: Mutex::default(),
        };
        for number in 0..accounts {
            run.register(number).await;
        }
        run
    }

    async fn register(&mut self, number: usize) {
        let (name, email) = (format!("Company {number}"), format!("founder{number}@example.com"));
        let event =
            json!({ "name": name, "admin_email": email, "key_limit": 10, "member_limit": 5 });
        let made = self.world.register(event).await;
        let id = made["account"]["id"].as_str().expect("an id").to_owned();
        let mut known = Known::new(&name, 10, 5);
        let admin = made["admin"]["id"].as_str().expect("an id").to_owned();
        known.trail.surely("account_created", "");
        self.accounts.push(Account { id, known: Mutex::new(known) });
        let role = Some(Role::Admin);
        let founder = Membership::new(number, &email, Some(&admin), Span::BEFORE_ALL, role);
        self.book().members.push(Membership { counts: true, ..founder });
    }

    pub fn known(&self, account: usize) -> MutexGuard<'_, Known> {
        self.accounts[account].known.lock().expect("nobody panics with it")
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nobody panics with it")
    }

    pub fn challenges(&self) -> MutexGuard<'_, Vec<Challenge>> {
        self.challenges.lock().expect("nobody panics with it")
    }

    pub fn answers(&self) -> MutexGuard<'_, BTreeMap<(&'static str, String), u64>> {
        self.answers.lock().expect("nobody panics with it")
    }

    pub fn now(&self) -> i64 {
        self.world.now().as_millisecond()
    }

    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::SeqCst)
    }

    /// Whoever may be a member of an account, by address.
    pub fn account_of(&self, email: &str) -> Option<usize> {
        let book = self.book();
        let members = book.members.iter().rev();
        members
            .filter(|member| member.email == email && member.gone.is_none())
            .map(|m| m.account)
            .next()
    }

    /// A moment between operations.
    pub fn moment(&self) -> Span {
        let moment = self.moments.next();
        Span::running(moment).until(moment)
    }

    pub fn begin(&self, name: &'static str, about: String) -> Act {
        let number = self.operations.fetch_add(1, Ordering::SeqCst) + 1;
        Act { number, span: Span::running(self.moments.next()), at: self.now(), name, about }
    }

    pub fn end(&self, act: &Act, accounts: &[usize], answer: &Answer) -> Done {
        let span = act.span.until(self.moments.next());
        let outcome = format!("{} {}", answer.status, answer.code);
        for account in accounts {
            self.known(*account).remember(format!(
                "#{} {span:?} {} {} -> {outcome} {}",
                act.number,
                act.name,
                act.about,
                shortened(&answer.body)
            ));
        }
        *self.answers().entry((act.name, outcome)).or_default() += 1;
        Done { span, from: act.at, to: self.now() }
    }

    /// What is told when a history cannot be.
    pub fn report(&self, account: usize, why: &str) -> String {
        format!(
            "seed {}, about operation {}, account {account} ({}): {why}\nIts last operations:{}",
            self.seed,
            self.operations(),
            self.accounts[account].id,
            self.known(account).story()
        )
    }

    pub fn session_standing(&self, session: &Session, done: Done) -> Standing {
        let membership = {
            let book = self.book();
            let member = book.member(&session.member);
            member.map_or(Standing::Unsure, |member| book.standing(member, done.span))
        };
        let known = self.known(session.account);
        let session = known
            .sessions
            .iter()
            .find(|own| own.token == session.token)
            .map_or(Standing::Over, |own| known.session(own, done.span, done.to));
        match (membership, session) {
            (Standing::Over, _) | (_, Standing::Over) => Standing::Over,
            (Standing::Good, Standing::Good) => Standing::Good,
            _ => Standing::Unsure,
        }
    }

    /// That a refusal of this kind has the same bytes each time.
    pub fn same_bytes(&self, kind: &'static str, text: &str) -> Judgement {
        let mut refusals = self.refusals.lock().expect("nobody panics with it");
        let first = refusals.entry(kind).or_insert_with(|| text.to_owned());
        hold(first == text, || format!("{text} can be told from {first}"))
    }
}

/// A body without what must not be printed, and not too long.
fn shortened(body: &Value) -> String {
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut() {
        for secret in ["api_key", "session_token", "detail", "title", "type", "status", "code"] {
            fields.remove(secret);
        }
    }
    body.to_string().chars().take(160).collect()
}

/// One of the clients that are at work at once; what it does hangs on the seed and on what it is
/// answered.
pub struct Client {
    pub run: Arc<Run>,
    pub rng: StdRng,
}

impl Client {
    pub fn new(run: &Arc<Run>, round: u64, number: u64) -> Self {
        let seed = run.seed ^ (round << 8 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self { run: Arc::clone(run), rng: StdRng::seed_from_u64(seed) }
    }

    pub fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    pub fn any_account(&mut self) -> usize {
        self.rng.random_range(0..self.run.accounts.len())
    }

    pub fn any<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        of.choose(&mut self.rng).cloned()
    }

    /// One of the addresses that all accounts invite, or at times a founder's.
    pub fn any_address(&mut self) -> String {
        if self.chance(15) {
            return format!("founder{}@example.com", self.any_account());
        }
        self.any(&Arc::clone(&self.run).addresses).expect("there are some")
    }

    /// An address that may have a member in the account.
    pub fn member_address(&mut self, account: usize) -> Option<String> {
        let emails: Vec<String> = {
            let book = self.run.book();
            let there = |member: &&Membership| member.account == account && member.gone.is_none();
            book.members.iter().filter(there).map(|member| member.email.clone()).collect()
        };
        self.any(&emails)
    }

    /// A session, mostly one that may be good.
    pub fn session(&mut self, account: usize) -> Option<Session> {
        let over = self.chance(6);
        let sessions: Vec<Session> = {
            let known = self.run.known(account);
            let wanted = |session: &&Session| session.gone.is_some() == over;
            known.sessions.iter().filter(wanted).cloned().collect()
        };
        let admins: Vec<Session> = {
            let book = self.run.book();
            let now = self.run.moment();
            let is_admin = |session: &&Session| {
                book.member(&session.member).is_some_and(|member| {
                    member.gone.is_none() && book.roles(member, now).contains(&Role::Admin)
                })
            };
            sessions.iter().filter(is_admin).cloned().collect()
        };
        let admins = if self.chance(65) { admins } else { Vec::new() };
        self.any(&admins).or_else(|| self.any(&sessions))
    }
}

/// What an operation of a member's asks of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Admin,
    Anyone,
}

impl Run {
    /// Sends a member's request, with the cookie or as a program.
    pub async fn send(
        &self,
        session: &Session,
        method: &str,
        path: &str,
        header: Option<(&str, &str)>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = self.world.call(method, path);
        request = if session.is_cookie {
            let cookie = format!("__Host-frontdesk={}", session.token);
            request.header("cookie", &cookie).header("sec-fetch-site", "same-origin")
        } else {
            request.header("authorization", &format!("Bearer {}", session.token))
        };
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.into()
    }

    /// Judges what every request with a session has in common, and notes that it was used.
    pub fn judge_session(
        &self,
        session: &Session,
        who: Who,
        done: Done,
        answer: &Answer,
    ) -> Judgement {
        let standing = self.session_standing(session, done);
        self.note_use(session, done, answer);
        let refused = answer.is_over();
        hold(standing != Standing::Over || refused, || {
            format!("a session that is over was answered {}", answer.text)
        })?;
        hold(standing != Standing::Good || !refused, || {
            format!("a session that nothing has ended was refused: {}", answer.text)
        })?;
        if who == Who::Anyone || refused {
            return hold(who == Who::Admin || !answer.is(403, "admin_required"), || {
                "what everybody may do was kept to admins".to_owned()
            });
        }
        let admin = {
            let book = self.book();
            let member = book.member(&session.member);
            member.map_or(Standing::Unsure, |member| book.is_admin(member, done.span))
        };
        let required = answer.is(403, "admin_required");
        hold(admin != Standing::Over || required, || {
            format!("somebody who is no admin was answered {}", answer.text)
        })?;
        hold(admin != Standing::Good || !required, || "an admin was taken for none".to_owned())
    }

    /// A session that was used is good then; one that was refused stays over, unless its account's
    /// suspension refused it.
    fn note_use(&self, session: &Session, done: Done, answer: &Answer) {
        let mut known = self.known(session.account);
        let active = known.suspended.surely(done.span, &false);
        let Some(session) = known.session_mut(&session.token) else { return };
        if answer.is_good() {
            session.used_at = session.used_at.max(done.to);
            // What overlaps this use may have ended the session after it.
            if session.proven.is_before(done.span) {
                session.proven = done.span;
            }
        } else if answer.has_expired() || (active && answer.is(401, "session_ended")) {
            session.gone.get_or_insert(done.span);
        }
    }
}
