//! The Sandbox: looked at, tested, provisioned again, its key revealed; and the third parties that
//! misbehave, and the clock that moves.

use crate::histories::keys::id_of;
use crate::histories::model::{Key, Session};
use crate::histories::run::{Answer, Client, Done, Judgement, Run, Who, hold};
use desk::{MailServiceMode, ProductApiMode};
use serde_json::Value;

impl Client {
    pub async fn get_sandbox(&mut self, account: usize) -> Judgement {
        self.ask_sandbox("get-sandbox", account, ("GET", "/api/sandbox"), 200).await
    }

    pub async fn test_sandbox(&mut self, account: usize) -> Judgement {
        self.ask_sandbox("test-sandbox", account, ("POST", "/api/sandbox/test"), 200).await
    }

    pub async fn retry_sandbox(&mut self, account: usize) -> Judgement {
        self.ask_sandbox("retry-sandbox", account, ("POST", "/api/sandbox/provision"), 202).await
    }

    async fn ask_sandbox(
        &mut self,
        name: &'static str,
        account: usize,
        (method, path): (&str, &str),
        good: u16,
    ) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        let run = self.run.clone();
        let act = run.begin(name, format!("by {}", session.email));
        let answer = run.send(&session, method, path, None, None).await;
        let done = run.end(&act, &[account], &answer);
        let not_ready = (409, "sandbox_not_ready");
        let refusal = if name == "test-sandbox" { not_ready } else { (good, "") };
        answer.among_or_over(&[(good, ""), refusal])?;
        run.judge_session(&session, Who::Anyone, done, &answer)?;
        if !answer.is_good() {
            return Ok(());
        }
        run.learn_sandbox_key(account, answer.body["key_id"].as_str(), None, done);
        if good == 202 {
            // Or it joined one that was running.
            run.known(account).trail.perhaps("provisioning_requested", 1);
        }
        is_sandbox(&answer)
    }

    pub async fn reveal(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        self.reveal_as(&session).await
    }

    pub async fn reveal_as(&self, session: &Session) -> Judgement {
        let (run, account) = (&self.run, session.account);
        let act = run.begin("reveal-sandbox-key", format!("by {}", session.email));
        let answer = run.send(session, "POST", "/api/sandbox/key", None, None).await;
        let done = run.end(&act, &[account], &answer);
        answer.among_or_over(&[(200, ""), (409, "sandbox_not_ready")])?;
        run.judge_session(session, Who::Anyone, done, &answer)?;
        let Some(value) = answer.text_at("/api_key") else {
            // It may have been deleted right after it was put on record that somebody asked.
            run.known(account).trail.perhaps("sandbox_key_revealed", 1);
            return Ok(());
        };
        let id = id_of(&value).ok_or_else(|| "what was revealed is no key".to_owned())?;
        run.known(account).trail.surely("sandbox_key_revealed", &session.member);
        run.learn_sandbox_key(account, Some(&id), Some(value), done);
        Ok(())
    }

    /// The product API or the mail service misbehaves, or does so no more.
    pub async fn switch(&mut self, _account: usize) -> Judgement {
        const PRODUCT: [ProductApiMode; 8] = [
            ProductApiMode::Up,
            ProductApiMode::Up,
            ProductApiMode::Up,
            ProductApiMode::Rejecting,
            ProductApiMode::Rejecting,
            ProductApiMode::Failing,
            ProductApiMode::Limiting,
            ProductApiMode::Down,
        ];
        const MAIL: [MailServiceMode; 6] = [
            MailServiceMode::Up,
            MailServiceMode::Up,
            MailServiceMode::Up,
            MailServiceMode::Throttling,
            MailServiceMode::Rejecting,
            MailServiceMode::Denying,
        ];
        let desk = &self.run.clone().world.desk;
        if self.chance(60) {
            desk.product_api().set_mode(self.any(&PRODUCT).expect("some"));
        } else {
            desk.mail_service().set_mode(self.any(&MAIL).expect("some"));
        }
        Ok(())
    }

    /// Seconds, at times minutes; hours pass between histories only.
    pub async fn wait(&mut self, _account: usize) -> Judgement {
        let seconds = self.any(&[1, 5, 20, 61, 181, 200]).expect("some");
        self.run.world.advance(seconds);
        Ok(())
    }
}

impl Run {
    fn learn_sandbox_key(
        &self,
        account: usize,
        id: Option<&str>,
        value: Option<String>,
        done: Done,
    ) {
        let Some(id) = id else { return };
        let mut known = self.known(account);
        match known.key_mut(id) {
            Some(key) => key.value = value.or_else(|| key.value.take()),
            None => known.keys.push(Key {
                id: id.to_owned(),
                value,
                sandbox: true,
                made: done.span,
                deletions: Vec::new(),
                gone: None,
            }),
        }
    }
}

/// Judges what an answer says of the Sandbox by itself.
fn is_sandbox(answer: &Answer) -> Judgement {
    let Value::Object(sandbox) = &answer.body else {
        return Err(format!("no Sandbox: {}", answer.text));
    };
    let (reason, has_key) = (&sandbox["reason"], !sandbox["key_id"].is_null());
    let fits = match sandbox["state"].as_str() {
        Some("ready") => reason.is_null() && has_key,
        Some("validating") => reason.is_null(),
        Some("not_configured") => match reason.as_str() {
            Some("never_provisioned" | "key_deleted") => !has_key,
            Some(_) => true,
            None => false,
        },
        _ => false,
    };
    hold(fits, || format!("the Sandbox cannot be so: {}", answer.text))
}
