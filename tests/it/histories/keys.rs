//! Keys: made, repeated, listed, deleted, and checked as gateways check them.

use crate::authorize_key::forged;
use crate::histories::model::{Key, Known, Repeatable, Session, Standing};
use crate::histories::run::{Answer, Client, Done, Judgement, Run, Who, hold};
use crate::proxy::authorizer_event;
use domain::PlainKey;
use serde_json::json;

/// For how long a repetition surely finds what was made, less than the contract's ten minutes.
const REPEATED_WITHIN: i64 = 500_000;

impl Client {
    pub async fn create_key(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        let run = self.run.clone();
        let name = format!("Key {}", self.any(&[1, 2]).expect("some"));
        let once = self.chance(40).then(|| self.once(&session));
        let act = run.begin("create-key", format!("{name} {once:?} by {}", session.email));
        {
            let mut known = run.known(account);
            known.creations.push(act.span);
            if let Some(once) = &once {
                known.repeatable.push(Repeatable {
                    token: session.token.clone(),
                    once: once.clone(),
                    name: name.clone(),
                    span: act.span,
                    at: act.at,
                    key: None,
                });
            }
        }
        let header = once.as_deref().map(|once| ("idempotency-key", once));
        let body = Some(json!({ "name": name }));
        let answer = run.send(&session, "POST", "/api/keys", header, body).await;
        let done = run.end(&act, &[account], &answer);
        answer.among_or_over(&[
            (201, ""),
            (409, "key_limit_reached"),
            (403, "admin_required"),
            (422, "idempotency_key_reused"),
            (404, "key_not_found"),
        ])?;
        run.judge_session(&session, Who::Admin, done, &answer)?;
        let mut known = run.known(account);
        let judged = created(&mut known, &session, once.as_deref(), &name, done, &answer);
        for creation in &mut known.creations {
            if creation.began == done.span.began {
                *creation = done.span;
            }
        }
        judged
    }

    /// A name for a request: a new one, or one that the session has used.
    fn once(&mut self, session: &Session) -> String {
        let before: Vec<String> = {
            let known = self.run.known(session.account);
            let own = known.repeatable.iter().filter(|before| before.token == session.token);
            own.map(|before| before.once.clone()).collect()
        };
        let fresh = format!("job {}", self.run.operations());
        if self.chance(60) { self.any(&before).unwrap_or(fresh) } else { fresh }
    }

    pub async fn list_keys(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        let run = self.run.clone();
        let act = run.begin("list-keys", format!("by {}", session.email));
        let answer = run.send(&session, "GET", "/api/keys", None, None).await;
        let done = run.end(&act, &[account], &answer);
        answer.among_or_over(&[(200, "")])?;
        run.judge_session(&session, Who::Anyone, done, &answer)?;
        if answer.is_good() { listed(&run.known(account), done, &answer) } else { Ok(()) }
    }

    /// Deletes a key of the account's own, another account's, or one that nobody made.
    pub async fn delete_key(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        let run = self.run.clone();
        let (owner, id) = self.some_key(account);
        let is_own = owner == Some(account);
        let act = run.begin("delete-key", format!("{id} by {}", session.email));
        if is_own {
            run.known(account).key_mut(&id).expect("it is known").deletions.push(act.span);
        }
        let path = format!("/api/keys/{id}");
        let answer = run.send(&session, "DELETE", &path, None, None).await;
        let done = run.end(&act, &[account], &answer);
        answer.among_or_over(&[(204, ""), (404, "key_not_found"), (403, "admin_required")])?;
        run.judge_session(&session, Who::Admin, done, &answer)?;
        if answer.is(404, "key_not_found") {
            run.same_bytes("key_not_found", &answer.text)?;
        }
        if is_own {
            return deleted(&mut run.known(account), &id, done, &answer);
        }
        hold(!answer.is_good(), || "a foreign key was deleted".to_owned())
    }

    /// A key with whose it is; its id alone, as clients name keys.
    fn some_key(&mut self, account: usize) -> (Option<usize>, String) {
        let owner = if self.chance(20) { self.any_account() } else { account };
        let wants_over = self.chance(15);
        let wants_sandbox = self.chance(12);
        let ids: Vec<String> = {
            let known = self.run.known(owner);
            let wanted =
                |key: &&Key| key.gone.is_some() == wants_over && key.sandbox == wants_sandbox;
            known.keys.iter().filter(wanted).map(|key| key.id.clone()).collect()
        };
        match self.any(&ids) {
            Some(id) if !self.chance(8) => (Some(owner), id),
            _ => (None, format!("key_k{:07}", self.run.operations())),
        }
    }

    /// Asks the authorizer, with a key that is good, deleted, another account's, or mangled.
    pub async fn check_key(&mut self, account: usize) -> Judgement {
        let run = self.run.clone();
        let wants_over = self.chance(25);
        let keys: Vec<Key> = {
            let known = run.known(account);
            let wanted = |key: &&Key| key.value.is_some() && key.gone.is_some() == wants_over;
            known.keys.iter().filter(wanted).cloned().collect()
        };
        let Some(key) = self.any(&keys) else { return Ok(()) };
        let mangled = self.chance(20);
        let value = key.value.clone().expect("it has one");
        let value = if mangled { forged(&value, 1 + value.len() % 20) } else { value };
        let act = run.begin("authorize-key", format!("{} mangled: {mangled}", key.id));
        let answer = run.world.desk.invoke("authorize-key", &authorizer_event(&value)).await;
        let answer = Answer::from(answer);
        let done = run.end(&act, &[account], &answer);
        answer.among(&[(200, "")])?;
        let known = run.known(account);
        checked(&run, &known, (account, &key.id), mangled, done, &answer)
    }
}

/// Judges and notes what became of a creation.
fn created(
    known: &mut Known,
    session: &Session,
    once: Option<&str>,
    name: &str,
    done: Done,
    answer: &Answer,
) -> Judgement {
    let same = |before: &&Repeatable| {
        before.token == session.token
            && Some(before.once.as_str()) == once
            && before.span.began != done.span.began
    };
    let others: Vec<Repeatable> = known.repeatable.iter().filter(same).cloned().collect();
    if answer.is_good() {
        let (Some(id), Some(value)) = (answer.text_at("/key/id"), answer.text_at("/api_key"))
        else {
            return Err(format!("a key without its value: {}", answer.text));
        };
        return match known.keys.iter().find(|key| key.id == id) {
            Some(key) => repeated(key, &value, name, &others, done),
            None => made(known, id, value, name, &others, done),
        };
    }
    if answer.is(409, "key_limit_reached") {
        let least = known.key_limit.possible(done.span).into_iter().min().unwrap_or_default();
        let most = known.own_keys(done.span).1;
        hold(most as u64 + 1 >= least, || {
            format!("at most {most} own keys were there, of {least} with the Sandbox's")
        })?;
    }
    let reused = others.iter().any(|before| before.name != name);
    hold(reused || !answer.is(422, "idempotency_key_reused"), || {
        "no other request has had this Idempotency-Key".to_owned()
    })?;
    hold(!others.is_empty() || !answer.is(404, "key_not_found"), || {
        "nothing is repeated here".to_owned()
    })
}

/// Judges and notes a key that nobody was answered before.
fn made(
    known: &mut Known,
    id: String,
    value: String,
    name: &str,
    others: &[Repeatable],
    done: Done,
) -> Judgement {
    let (sure, _) = known.own_keys(done.span);
    let most = known.key_limit.possible(done.span).into_iter().max().unwrap_or_default();
    for request in &mut known.repeatable {
        if request.span.began == done.span.began {
            request.span = done.span;
            request.key = Some(id.clone());
        }
    }
    known.trail.surely("key_created", &id);
    known.keys.push(Key {
        id: id.clone(),
        value: Some(value),
        sandbox: false,
        made: done.span,
        deletions: Vec::new(),
        gone: None,
    });
    let before = others.iter().find(|before| {
        before.name == name
            && before.span.is_before(done.span)
            && before.key.is_some()
            && done.to - before.at < REPEATED_WITHIN
    });
    hold(before.is_none(), || format!("the same request made {before:?}, and now {id}"))?;
    hold((sure as u64) + 1 < most, || {
        format!("{sure} own keys were there all the time, of {most} with the Sandbox's")
    })
}

/// Judges a key that is handed out again.
fn repeated(key: &Key, value: &str, name: &str, others: &[Repeatable], done: Done) -> Judgement {
    let same = others.iter().any(|before| before.name == name);
    hold(same, || format!("{} is handed out, and no such request was made before", key.id))?;
    hold(key.value.as_deref() == Some(value), || format!("{} has two values", key.id))?;
    hold(key.standing(done.span) != Standing::Over, || {
        format!("{} is handed out after its deletion", key.id)
    })
}

fn listed(known: &Known, done: Done, answer: &Answer) -> Judgement {
    let keys = answer.body["keys"].as_array().cloned().unwrap_or_default();
    let is_sandbox = |key: &serde_json::Value| key["sandbox"] == true;
    hold(!keys.iter().skip(1).any(is_sandbox), || "the Sandbox key is not first".to_owned())?;
    let ids: Vec<String> =
        keys.iter().filter_map(|key| key["id"].as_str()).map(str::to_owned).collect();
    hold(answer.body["count"] == ids.len(), || "the account counts otherwise".to_owned())
        .or_else(|why| unless_changing(known, done, why))?;
    for key in known.keys.iter().filter(|key| key.standing(done.span) == Standing::Good) {
        hold(ids.contains(&key.id), || format!("{} is there, and is not listed", key.id))?;
    }
    for id in &ids {
        let listed = known.keys.iter().find(|key| key.id == *id);
        hold(listed.is_none_or(|key| key.standing(done.span) != Standing::Over), || {
            format!("{id} was deleted before, and is listed")
        })?;
        let is_new = known.creations.iter().any(|creation| !creation.is_before(done.span));
        hold(listed.is_some() || is_new || id.starts_with("key_s"), || {
            format!("{id} is listed, and nobody made it")
        })?;
    }
    Ok(())
}

/// Account and keys are read side by side: while keys come and go they may differ.
fn unless_changing(known: &Known, done: Done, why: String) -> Judgement {
    let creations = known.creations.iter();
    let created = creations.clone().any(|creation| !creation.is_before(done.span));
    let deleted = known.keys.iter().any(|key| {
        key.sandbox || key.deletions.iter().any(|deletion| !deletion.is_before(done.span))
    });
    if created || deleted { Ok(()) } else { Err(why) }
}

/// Judges and notes what became of the deletion of an account's own key, whoever asked for it.
pub fn deleted(known: &mut Known, id: &str, done: Done, answer: &Answer) -> Judgement {
    let went_well = answer.is_good();
    let key = known.key_mut(id).expect("it is known");
    let standing = {
        let mut others = key.clone();
        others.deletions.retain(|deletion| deletion.began != done.span.began);
        others.standing(done.span)
    };
    key.deletions.retain(|deletion| deletion.began != done.span.began);
    if went_well {
        key.deletions.push(done.span);
        key.is_gone(done.span);
        known.trail.surely("key_deleted", id);
        return hold(standing != Standing::Over, || format!("{id} was deleted twice"));
    }
    if answer.is(404, "key_not_found") {
        hold(standing != Standing::Good, || format!("{id} was there, and was not found"))?;
        key.is_gone(done.span);
    }
    Ok(())
}

fn checked(
    run: &Run,
    known: &Known,
    (account, id): (usize, &str),
    mangled: bool,
    done: Done,
    answer: &Answer,
) -> Judgement {
    let key = known.keys.iter().find(|key| key.id == id).expect("it is known");
    let standing = key.standing(done.span);
    let allowed = answer.body["isAuthorized"] == true;
    if allowed {
        hold(!mangled, || "a mangled key was taken".to_owned())?;
        hold(standing != Standing::Over, || format!("{id} was taken after its deletion"))?;
        hold(!known.suspended.surely(done.span, &true), || {
            format!("{id} was taken after its account's suspension")
        })?;
        let context = &answer.body["context"];
        let whose = context["account_id"] == run.accounts[account].id && context["key_id"] == id;
        return hold(whose, || format!("{id} was taken for {context}"));
    }
    let good = standing == Standing::Good
        && !mangled
        && !key.sandbox
        && known.suspended.surely(done.span, &false);
    hold(!good, || format!("{id} is good, and was refused"))
}

/// The id of the key that has this value.
pub fn id_of(value: &str) -> Option<String> {
    PlainKey::parse(value).map(|plain| plain.id.to_string())
}
