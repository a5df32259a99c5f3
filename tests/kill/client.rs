//! What clients do until the desk is gone, and how they find out what became of the last of it.

use crate::facts::{Facts, Key, Listed, Member};
use crate::support;
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::sync::Semaphore;

/// A desk, as clients reach it.
pub struct Site {
    url: String,
    http: reqwest::Client,
    answered: Semaphore,
    /// Whether deletions are acknowledged and not passed on.
    holds_back: bool,
}

/// Nobody answered.
#[derive(Debug)]
pub struct Gone;

pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Site {
    pub fn new(url: &str, holds_back: bool) -> Self {
        let (url, http) = (url.to_owned(), support::client());
        Self { url, http, answered: Semaphore::new(0), holds_back }
    }

    /// Returns after so many answers.
    pub async fn has_answered(&self, times: u32) {
        self.answered.acquire_many(times).await.expect("it is open").forget();
    }

    pub async fn call(&self, request: Request<'_>) -> Result<Answer, Gone> {
        let Request { method, path, token, once, key, body } = request;
        if self.holds_back && method == Method::DELETE {
            self.answered.add_permits(1);
            return Ok(Answer { status: 204, body: Value::Null });
        }
        // Whoever waits for a mail asks again and again.
        let counts = !path.starts_with("/_local/");
        let mut call = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = token {
            call = call.bearer_auth(token);
        }
        if let Some(once) = once {
            call = call.header("idempotency-key", once);
        }
        if let Some(key) = key {
            call = call.header("x-api-key", key);
        }
        if let Some(body) = body {
            call = call.json(&body);
        }
        let answer = call.send().await.map_err(|_| Gone)?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(|_| Gone)?;
        self.answered.add_permits(usize::from(counts));
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }
}

#[derive(Default)]
pub struct Request<'r> {
    pub method: Method,
    pub path: String,
    pub token: Option<&'r str>,
    pub once: Option<&'r str>,
    pub key: Option<&'r str>,
    pub body: Option<Value>,
}

/// What a client does with what is its own.
#[derive(Debug, Clone)]
pub enum Act {
    Create { name: String, once: bool },
    Rotate { name: String, once: String },
    DeleteKey { name: String },
    Invite { email: String },
    Revoke { email: String },
    LogIn { email: String, challenge: String, code: String },
    LogOut { email: String },
}

pub struct Client {
    account: usize,
    pub mark: String,
    pub admin: String,
    pub facts: Facts,
    /// What nobody was told the outcome of.
    pub open: Option<Act>,
    /// How many things have been named.
    named: u64,
    pub answers: BTreeMap<String, u64>,
}

pub type Judgement = Result<(), String>;

pub fn hold(holds: bool, otherwise: impl FnOnce() -> String) -> Judgement {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl Client {
    pub fn new(account: usize, number: usize, admin: &str) -> Self {
        let mark = format!("c{account}x{number}x");
        let (facts, answers) = Default::default();
        Self { account, mark, admin: admin.to_owned(), facts, open: None, named: 0, answers }
    }

    pub fn is_of(&self, account: usize) -> bool {
        self.account == account
    }

    /// A name that nobody else gives, and nobody again.
    fn name(&mut self) -> String {
        self.named += 1;
        format!("{}{}", self.mark, self.named)
    }

    /// Is at work until nobody answers, or until something cannot be.
    pub async fn work(&mut self, site: &Site, mut rng: StdRng) -> Judgement {
        loop {
            let Some(act) = self.choose(site, &mut rng).await? else { return Ok(()) };
            let Some(act) = act else { continue };
            self.open = Some(act.clone());
            match self.perform(site, &act).await {
                Err(Gone) => return Ok(()),
                Ok(answer) => self.learn(&act, &answer)?,
            }
            // One that may have been done is found out by the next desk.
            if self.open.is_some() {
                return Ok(());
            }
        }
    }

    /// The next act; none if it was a look, and nothing at all if nobody answers.
    async fn choose(
        &mut self,
        site: &Site,
        rng: &mut StdRng,
    ) -> Result<Option<Option<Act>>, String> {
        let key = self.facts.keys.choose(rng).map(|key| key.name.clone());
        let member = self.facts.members.choose(rng).cloned();
        let act = match (rng.random_range(0..100), key, member) {
            (0..30, _, _) if self.facts.keys.len() < 4 => {
                Some(Act::Create { name: self.name(), once: rng.random_range(0..100) < 80 })
            }
            (30..42, Some(name), _) => Some(Act::Rotate { name, once: self.name() }),
            (42..55, Some(name), _) => Some(Act::DeleteKey { name }),
            (55..65, _, _) if self.facts.members.len() < 2 => {
                Some(Act::Invite { email: format!("{}@example.com", self.name()) })
            }
            (65..69, _, Some(member)) if !member.was_asked => {
                self.facts.was_asked(&member.email);
                match self.code(site, &member.email).await {
                    Some((challenge, code)) => {
                        Some(Act::LogIn { email: member.email, challenge, code })
                    }
                    None => return Ok(None),
                }
            }
            (75..80, _, Some(member)) => Some(Act::Revoke { email: member.email }),
            (80..83, _, Some(member)) if member.session.is_some() => {
                Some(Act::LogOut { email: member.email })
            }
            _ => return self.looks(site, rng).await.map(|there| there.then_some(None)),
        };
        Ok(Some(act))
    }

    /// The code that is mailed for a new challenge.
    async fn code(&self, site: &Site, email: &str) -> Option<(String, String)> {
        let body = Some(json!({ "email": email, "accept_terms": true }));
        let path = "/api/login/code".to_owned();
        let asked = Request { method: Method::POST, path, body, ..Request::default() };
        let asked = site.call(asked).await.ok()?;
        let challenge = asked.body["challenge"].as_str()?.to_owned();
        loop {
            let path = "/_local/mail".to_owned();
            let mails = site.call(Request { path, ..Request::default() }).await.ok()?;
            let mut mails = mails.body.as_array().into_iter().flatten();
            let mail = mails.find(|mail| mail["to"] == email && mail["kind"] == "login_code");
            if let Some(code) = mail.and_then(|mail| mail["code"].as_str()) {
                return Some((challenge, code.to_owned()));
            }
        }
    }

    /// Looks at something of its own; false if nobody answers.
    async fn looks(&mut self, site: &Site, rng: &mut StdRng) -> Result<bool, String> {
        let good = self.facts.keys.choose(rng).and_then(|key| key.value.clone());
        let bad = self.facts.dead_values.choose(rng).cloned();
        let value = if rng.random() { good.or(bad) } else { bad.or(good) };
        let Some(value) = value else { return Ok(true) };
        self.facts.check(site, &value).await
    }

    async fn perform(&self, site: &Site, act: &Act) -> Result<Answer, Gone> {
        let facts = &self.facts;
        let (method, path) = match act {
            Act::Create { .. } => (Method::POST, "/api/keys".to_owned()),
            Act::Rotate { name, .. } => {
                (Method::POST, format!("/api/keys/{}/rotate", facts.key(name).id))
            }
            Act::DeleteKey { name } => {
                (Method::DELETE, format!("/api/keys/{}", facts.key(name).id))
            }
            Act::Invite { .. } => (Method::POST, "/api/team".to_owned()),
            Act::Revoke { email } => {
                (Method::DELETE, format!("/api/team/{}", facts.member(email).id))
            }
            Act::LogIn { .. } => (Method::POST, "/api/login/verify".to_owned()),
            Act::LogOut { .. } => (Method::POST, "/api/logout".to_owned()),
        };
        let body = match act {
            Act::Create { name, .. } => Some(json!({ "name": name })),
            Act::Rotate { .. } => Some(json!({ "keep_old_seconds": 0 })),
            Act::Invite { email } => Some(json!({ "email": email })),
            Act::LogIn { challenge, code, .. } => {
                Some(json!({ "challenge": challenge, "code": code, "session": "bearer" }))
            }
            Act::DeleteKey { .. } | Act::Revoke { .. } | Act::LogOut { .. } => None,
        };
        let once = match act {
            Act::Create { name, once: true } => Some(name.as_str()),
            Act::Rotate { once, .. } => Some(once.as_str()),
            _ => None,
        };
        let token = match act {
            Act::LogIn { .. } => None,
            Act::LogOut { email } => facts.member(email).session.as_deref(),
            _ => Some(self.admin.as_str()),
        };
        site.call(Request { method, path, token, once, body, key: None }).await
    }

    /// Notes what an answer says.
    fn learn(&mut self, act: &Act, answer: &Answer) -> Judgement {
        let code = answer.body["code"].as_str().unwrap_or_default();
        let what = format!("{act:?}").split(' ').next().unwrap_or_default().to_owned();
        *self.answers.entry(format!("{what} {} {code}", answer.status)).or_default() += 1;
        let text =
            |pointer: &str| answer.body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        if answer.status == 503 {
            if text("/detail").is_some_and(|said| said.contains("It was not done")) {
                self.open = None;
            }
            return Ok(());
        }
        self.open = None;
        let facts = &mut self.facts;
        match (act, answer.status, code) {
            (Act::Create { name, .. }, 201, _) => facts.keys.push(Key {
                name: name.clone(),
                id: text("/key/id").unwrap_or_default(),
                value: text("/api_key"),
            }),
            (Act::Create { .. }, 409, "key_limit_reached") => {}
            (Act::Rotate { name, .. }, 201, _) => facts.is_rotated(name, text("/api_key")),
            (Act::DeleteKey { name }, 204, _) => facts.is_deleted(name),
            (Act::Invite { email }, 201, _) => facts.members.push(Member {
                email: email.clone(),
                id: text("/member/id").unwrap_or_default(),
                was_asked: false,
                session: None,
            }),
            (Act::Invite { .. }, 409, "member_limit_reached") => {}
            (Act::Invite { .. }, 429, "rate_limited") => {}
            (Act::Revoke { email }, 204, _) => facts.is_revoked(email),
            (Act::LogIn { email, challenge, code }, 200, _) => {
                facts.used_codes.push((challenge.clone(), code.clone()));
                facts.has_logged_in(email, text("/session_token"));
            }
            (Act::LogOut { email }, 204, _) => facts.has_logged_out(email),
            (act, status, code) => return Err(format!("{act:?} was answered {status} {code}")),
        }
        Ok(())
    }

    /// What became of what nobody was told of: it is asked for again, where that may be, and
    /// looked for.
    pub async fn find_out(&mut self, site: &Site, listed: &[Listed]) -> Judgement {
        let Some(act) = self.open.take() else { return Ok(()) };
        *self.answers.entry("never answered".to_owned()).or_default() += 1;
        let listed = &listed[self.account];
        match &act {
            Act::Create { once: true, .. } | Act::Rotate { .. } => {
                let mut told = Vec::new();
                for _ in 0..2 {
                    told.push(self.perform(site, &act).await.map_err(|_| "it is gone")?);
                }
                self.learn(&act, &told[0])?;
                let [first, second] = [0, 1].map(|at| (told[at].status, &told[at].body["api_key"]));
                hold(first == second, || format!("{act:?} has two outcomes: {first:?} {second:?}"))
            }
            // It has no name to be repeated by, and nobody has its value.
            Act::Create { name, .. } => {
                for id in listed.keys.get(name).into_iter().flatten() {
                    let (name, id) = (name.clone(), id.clone());
                    self.facts.keys.push(Key { name, id, value: None });
                }
                Ok(())
            }
            Act::DeleteKey { name } => {
                if !listed.keys.contains_key(name) {
                    self.facts.is_deleted(name);
                }
                Ok(())
            }
            Act::Invite { email } => {
                if let Some(id) = listed.members.get(email) {
                    let (email, id) = (email.clone(), id.clone());
                    let (was_asked, session) = (false, None);
                    self.facts.members.push(Member { email, id, was_asked, session });
                }
                Ok(())
            }
            Act::Revoke { email } => {
                if !listed.members.contains_key(email) {
                    self.facts.is_revoked(email);
                }
                Ok(())
            }
            Act::LogIn { email, challenge, code } => {
                let again = self.perform(site, &act).await.map_err(|_| "it is gone")?;
                if again.status == 200 {
                    return self.learn(&act, &again);
                }
                let said = again.body["code"] == "code_expired";
                self.facts.used_codes.push((challenge.clone(), code.clone()));
                self.facts.has_logged_in(email, None);
                hold(said, || format!("{act:?}, repeated: {} {}", again.status, again.body))
            }
            Act::LogOut { email } => {
                let session = self.facts.member(email).session.clone().unwrap_or_default();
                if !self.facts.is_open(site, &session).await? {
                    self.facts.has_logged_out(email);
                }
                Ok(())
            }
        }
    }

    /// Has a member log in who was never asked, so that there are sessions; false if all were.
    pub async fn logs_in(&mut self, site: &Site) -> Result<bool, String> {
        let mut new = self.facts.members.iter().filter(|member| !member.was_asked);
        let Some(email) = new.next().map(|member| member.email.clone()) else { return Ok(false) };
        self.facts.was_asked(&email);
        let (challenge, code) = self.code(site, &email).await.ok_or("no code is mailed")?;
        let act = Act::LogIn { email, challenge, code };
        let answer = self.perform(site, &act).await.map_err(|_| "it is gone")?;
        self.learn(&act, &answer)?;
        Ok(true)
    }

    /// Whether each thing does what it should.
    pub async fn tries_all(&mut self, site: &Site) -> Judgement {
        self.facts.tries_all(site).await
    }
}
