//! What a client was told, and whether it is so.

use crate::KEY_LIMIT;
use crate::client::{Client, Judgement, Request, Site, hold};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How many things that are over are tried again.
const KEPT: usize = 2;

#[derive(Debug, Clone)]
pub struct Key {
    pub name: String,
    pub id: String,
    /// None where nobody was told.
    pub value: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Member {
    pub email: String,
    pub id: String,
    /// Whether it was to log in: a second code could not be told from the first.
    pub was_asked: bool,
    pub session: Option<String>,
}

#[derive(Debug, Default)]
pub struct Facts {
    pub keys: Vec<Key>,
    pub members: Vec<Member>,
    pub dead_values: Vec<String>,
    pub dead_sessions: Vec<String>,
    /// Challenges with their codes.
    pub used_codes: Vec<(String, String)>,
}

/// What an account's lists have: the ids by name, and by address.
#[derive(Debug, Default)]
pub struct Listed {
    pub keys: BTreeMap<String, Vec<String>>,
    pub members: BTreeMap<String, String>,
}

impl Facts {
    pub fn key(&self, name: &str) -> &Key {
        self.keys.iter().find(|key| key.name == name).expect("it is its own")
    }

    pub fn member(&self, email: &str) -> &Member {
        self.members.iter().find(|member| member.email == email).expect("it is its own")
    }

    fn member_mut(&mut self, email: &str) -> &mut Member {
        self.members.iter_mut().find(|member| member.email == email).expect("it is its own")
    }

    pub fn is_rotated(&mut self, name: &str, value: Option<String>) {
        let key = self.keys.iter_mut().find(|key| key.name == name).expect("it is its own");
        let old = std::mem::replace(&mut key.value, value);
        self.dead_values.extend(old);
    }

    pub fn is_deleted(&mut self, name: &str) {
        let at = self.keys.iter().position(|key| key.name == name).expect("it is its own");
        self.dead_values.extend(self.keys.remove(at).value);
    }

    pub fn is_revoked(&mut self, email: &str) {
        let at = self.members.iter().position(|member| member.email == email);
        self.dead_sessions.extend(self.members.remove(at.expect("it is its own")).session);
    }

    pub fn was_asked(&mut self, email: &str) {
        self.member_mut(email).was_asked = true;
    }

    pub fn has_logged_in(&mut self, email: &str, session: Option<String>) {
        self.member_mut(email).session = session;
    }

    pub fn has_logged_out(&mut self, email: &str) {
        let over = self.member_mut(email).session.take();
        self.dead_sessions.extend(over);
    }

    /// Checks a key; false if nobody answers.
    pub async fn check(&self, site: &Site, value: &str) -> Result<bool, String> {
        let path = "/api/check".to_owned();
        let check = Request { path, key: Some(value), ..Request::default() };
        let Ok(answer) = site.call(check).await else { return Ok(false) };
        let is_good = self.keys.iter().any(|key| key.value.as_deref() == Some(value));
        // Dead ones are those that were deleted or rotated away.
        let expected = if is_good { 200 } else { 403 };
        hold(answer.status == expected || answer.status == 503, || {
            let key = self.keys.iter().find(|key| key.value.as_deref() == Some(value));
            format!("a check of {:?} is answered {}", key.map(|key| &key.id), answer.status)
        })?;
        Ok(true)
    }

    /// Whether a session is good.
    pub async fn is_open(&self, site: &Site, session: &str) -> Result<bool, String> {
        let body = get(site, session, "/api/session").await?;
        Ok(body["member"].is_object())
    }

    /// Whether each key, session and code does what it should.
    pub async fn tries_all(&mut self, site: &Site) -> Judgement {
        for over in [&mut self.dead_values, &mut self.dead_sessions] {
            over.drain(..over.len().saturating_sub(KEPT));
        }
        self.used_codes.drain(..self.used_codes.len().saturating_sub(1));
        let good = self.keys.iter().filter_map(|key| key.value.as_ref());
        for value in good.chain(&self.dead_values) {
            self.check(site, value).await?;
        }
        for member in &self.members {
            if let Some(session) = &member.session {
                let is_open = self.is_open(site, session).await?;
                hold(is_open, || format!("the session of {} is lost", member.email))?;
            }
        }
        for session in &self.dead_sessions {
            let is_open = self.is_open(site, session).await?;
            hold(!is_open, || "a session that was over is open".to_owned())?;
        }
        for (challenge, code) in &self.used_codes {
            let body = json!({ "challenge": challenge, "code": code, "session": "bearer" });
            let path = "/api/login/verify".to_owned();
            let body = Some(body);
            let again = Request { method: Method::POST, path, body, ..Request::default() };
            let again = site.call(again).await.map_err(|_| "it is gone")?;
            hold(again.status != 200, || "a code has opened two sessions".to_owned())?;
        }
        Ok(())
    }
}

impl Listed {
    pub async fn by(site: &Site, admin: &str) -> Result<Self, String> {
        let mut listed = Self::default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let keys = get(site, admin, "/api/keys").await?;
        let keys = keys["keys"].as_array().ok_or("no keys are listed")?;
        for key in keys.iter().filter(|key| key["sandbox"] == false) {
            listed.keys.entry(text(&key["name"])).or_default().push(text(&key["id"]));
        }
        let team = get(site, admin, "/api/team").await?;
        for member in team["members"].as_array().ok_or("no members are listed")? {
            listed.members.insert(text(&member["email"]), text(&member["id"]));
        }
        Ok(listed)
    }
}

async fn get(site: &Site, token: &str, path: &str) -> Result<Value, String> {
    let path = path.to_owned();
    let asked = Request { path, token: Some(token), ..Request::default() };
    let answer = site.call(asked).await.map_err(|_| "it is gone")?;
    let is_told = matches!(answer.status, 200 | 401);
    hold(is_told, || format!("{} {}", answer.status, answer.body))?;
    Ok(answer.body)
}

/// Whether an account has what its clients were told of, and nothing else.
pub async fn judge(site: &Site, clients: &[&Client]) -> Judgement {
    let listed = Listed::by(site, &clients[0].admin).await?;
    let keys: BTreeMap<String, Vec<String>> = clients
        .iter()
        .flat_map(|client| &client.facts.keys)
        .map(|key| (key.name.clone(), vec![key.id.clone()]))
        .collect();
    hold(listed.keys == keys, || {
        format!("the keys are {:?}, and were said to be {keys:?}", listed.keys)
    })?;
    // One place is the Sandbox key's.
    let most = KEY_LIMIT as usize - 1;
    hold(keys.len() <= most, || format!("{} keys, of {most}", keys.len()))?;
    let founder = listed.members.keys().filter(|email| email.starts_with("founder"));
    let told = clients.iter().flat_map(|client| &client.facts.members);
    let told: BTreeSet<&String> = told.map(|member| &member.email).chain(founder).collect();
    let are: BTreeSet<&String> = listed.members.keys().collect();
    hold(are == told, || format!("the members are {are:?}, and were said to be {told:?}"))
}
