//! The acts of `change-account`.

use crate::histories::keys::deleted;
use crate::histories::model::{Attempt, Known, Membership};
use crate::histories::run::{Answer, Client, Done, Judgement, Run, hold};
use crate::span::{Register, Span};
use domain::Role;
use rand::RngExt;
use serde_json::{Value, json};

impl Client {
    async fn change(&self, account: usize, mut act: Value) -> Answer {
        act["account_id"] = self.run.accounts[account].id.as_str().into();
        self.run.world.desk.invoke("change-account", &act).await.into()
    }

    pub async fn suspend(&mut self, account: usize) -> Judgement {
        self.set_suspended(account, true).await
    }

    pub async fn resume(&mut self, account: usize) -> Judgement {
        self.set_suspended(account, false).await
    }

    async fn set_suspended(&mut self, account: usize, suspended: bool) -> Judgement {
        let run = self.run.clone();
        let (name, action) = if suspended {
            ("suspend", "account_suspended")
        } else {
            ("resume", "account_resumed")
        };
        let act = run.begin(name, String::new());
        run.known(account).suspended.begin(act.span, suspended);
        let answer = self.change(account, json!({ "act": name })).await;
        let done = run.end(&act, &[account], &answer);
        answer.among(&[(200, "")])?;
        run.suspended(account, action, done, &answer);
        self.check_key(account).await
    }

    pub async fn rename(&mut self, account: usize) -> Judgement {
        let name = format!("Company {account}.{}", self.rng.random_range(0..4));
        let act = json!({ "act": "rename", "name": name });
        self.set("rename", account, act, |known| &mut known.name, name).await
    }

    pub async fn set_key_limit(&mut self, account: usize) -> Judgement {
        let limit = self.rng.random_range(7..=10);
        let act = json!({ "act": "set_limits", "key_limit": limit });
        self.set("set_limits", account, act, |known| &mut known.key_limit, limit).await
    }

    pub async fn set_member_limit(&mut self, account: usize) -> Judgement {
        let limit = self.rng.random_range(4..=6);
        let act = json!({ "act": "set_limits", "member_limit": limit });
        self.set("set_limits", account, act, |known| &mut known.member_limit, limit).await
    }

    async fn set<T: Clone + PartialEq>(
        &mut self,
        name: &'static str,
        account: usize,
        act: Value,
        register: fn(&mut Known) -> &mut Register<T>,
        value: T,
    ) -> Judgement {
        let run = self.run.clone();
        let begun = run.begin(name, act.to_string());
        register(&mut run.known(account)).begin(begun.span, value);
        let answer = self.change(account, act).await;
        let done = run.end(&begun, &[account], &answer);
        answer.among(&[(200, "")])?;
        let mut known = run.known(account);
        register(&mut known).end(done.span);
        if answer.body["changed"] == true {
            known.trail.surely("account_changed", "");
        }
        Ok(())
    }

    pub async fn add_admin(&mut self, account: usize) -> Judgement {
        let run = self.run.clone();
        let email = match self.member_address(account) {
            Some(email) if self.chance(50) => email,
            _ => self.any_address(),
        };
        let act = run.begin("add_admin", email.clone());
        run.appoint(account, &email, act.span);
        let answer = self.change(account, json!({ "act": "add_admin", "email": email })).await;
        let done = run.end(&act, &[account], &answer);
        answer.among(&[
            (200, ""),
            (409, "email_already_registered"),
            (409, "member_limit_reached"),
        ])?;
        run.judge_place(account, done, &answer)?;
        run.judge_address(account, &email, done, &answer, "/admin/id")?;
        run.appointed(account, done, &answer);
        Ok(())
    }

    /// Removes whoever has the address, at times with somebody who takes over.
    pub async fn remove_member(&mut self, account: usize) -> Judgement {
        let run = self.run.clone();
        let Some(email) = self.member_address(account) else { return Ok(()) };
        let successor = self.any_address();
        let successor = (self.chance(40) && successor != email).then_some(successor);
        let mut event = json!({ "act": "remove_member", "email": email });
        let act = run.begin("remove_member", format!("{email} replaced by {successor:?}"));
        let about = Some(email.clone());
        run.book().removals.push(Attempt { span: act.span, account, email: about, but: None });
        if let Some(successor) = &successor {
            event["replaced_by"] = successor.as_str().into();
            run.appoint(account, successor, act.span);
            let email = Some(successor.clone());
            run.book().successions.push(Attempt { span: act.span, account, email, but: None });
        }
        let answer = self.change(account, event).await;
        let done = run.end(&act, &[account], &answer);
        answer.among(&[
            (200, ""),
            (404, "member_not_found"),
            (409, "last_admin"),
            (409, "email_already_registered"),
        ])?;
        if let Some(id) = answer.text_at("/removed/id") {
            run.book().learn(account, &email, &id, done.span, None);
        }
        for member in run.members_with(account, &email, &answer) {
            run.judge_removal(&member, "member_revoked", done, &answer)?;
        }
        if successor.is_some() {
            run.succeeded(account, done, &answer);
        }
        hold(successor.is_none() || !answer.is(409, "last_admin"), || {
            "the last admin was to be replaced, and was told to be the last".to_owned()
        })
    }

    pub async fn end_sessions(&mut self, account: usize) -> Judgement {
        let run = self.run.clone();
        let email = if self.chance(30) { None } else { self.member_address(account) };
        let mut event = json!({ "act": "end_sessions" });
        if let Some(email) = &email {
            event["email"] = email.as_str().into();
        }
        let act = run.begin("end_sessions", format!("{email:?}"));
        run.known(account).ends.push(Attempt {
            span: act.span,
            account,
            email: email.clone(),
            but: None,
        });
        let answer = self.change(account, event).await;
        let done = run.end(&act, &[account], &answer);
        answer.among(&[(200, ""), (404, "member_not_found")])?;
        let mut known = run.known(account);
        known.ends.retain(|end| answer.is_good() || end.span.began != done.span.began);
        for end in &mut known.ends {
            if end.span.began == done.span.began {
                end.span = done.span;
            }
        }
        known.trail.perhaps("session_ended", 10);
        Ok(())
    }

    pub async fn revoke_key(&mut self, account: usize) -> Judgement {
        let run = self.run.clone();
        let ids: Vec<String> = {
            let known = run.known(account);
            known.keys.iter().map(|key| key.id.clone()).rev().take(12).collect()
        };
        let Some(id) = self.any(&ids) else { return Ok(()) };
        // An operator who names another account's key names none.
        let named = if self.chance(20) { self.any_account() } else { account };
        let act = run.begin("revoke_key", format!("{id} of {named}"));
        if named == account {
            run.known(account).key_mut(&id).expect("it is known").deletions.push(act.span);
        }
        let answer = self.change(named, json!({ "act": "revoke_key", "key_id": id })).await;
        let done = run.end(&act, &[account], &answer);
        answer.among(&[(200, ""), (404, "key_not_found")])?;
        if named == account {
            return deleted(&mut run.known(account), &id, done, &answer);
        }
        hold(!answer.is_good(), || "a foreign key was revoked".to_owned())
    }
}

impl Run {
    fn suspended(&self, account: usize, action: &str, done: Done, answer: &Answer) {
        let mut known = self.known(account);
        known.suspended.end(done.span);
        if answer.body["changed"] == true {
            known.trail.surely(action, "");
        }
        if action == "account_suspended" {
            // Whoever resumes it in between has it suspended once more.
            known.trail.perhaps(action, 6);
        }
    }

    /// Notes that somebody may become an admin, as a new member or as the one that is there.
    fn appoint(&self, account: usize, email: &str, span: Span) {
        let mut book = self.book();
        book.promotions.push(Attempt { span, account, email: Some(email.to_owned()), but: None });
        book.members.push(Membership::new(account, email, None, span, Some(Role::Admin)));
    }

    fn appointed(&self, account: usize, done: Done, answer: &Answer) {
        let mut book = self.book();
        // From here on the member's own role says it: who was one already was it then.
        book.promotions.retain(|promotion| promotion.span.began != done.span.began);
        let id = answer.text_at("/admin/id");
        if let Some(member) = id.as_deref().and_then(|id| book.member_mut(id)) {
            member.role.begin(done.span, Role::Admin);
        }
        drop(book);
        if answer.body["changed"] == true {
            let mut known = self.known(account);
            known.trail.perhaps("member_invited", 1);
            known.trail.perhaps("role_changed", 1);
        }
    }

    /// Notes what became of somebody who was to take over: the answer does not say who it is.
    fn succeeded(&self, account: usize, done: Done, answer: &Answer) {
        let mut book = self.book();
        if !answer.is_good() {
            book.promotions.retain(|promotion| promotion.span.began != done.span.began);
            book.successions.retain(|succession| succession.span.began != done.span.began);
            book.members.retain(|member| member.made.began != done.span.began);
            return;
        }
        for promotion in &mut book.promotions {
            if promotion.span.began == done.span.began {
                promotion.span = done.span;
            }
        }
        for member in &mut book.members {
            if member.id.is_none() && member.made.began == done.span.began {
                member.made = done.span;
            }
        }
        drop(book);
        let mut known = self.known(account);
        known.trail.perhaps("member_invited", 1);
        known.trail.perhaps("role_changed", 1);
    }

    /// The member that was removed, or else those of the address that nothing was found of.
    fn members_with(&self, account: usize, email: &str, answer: &Answer) -> Vec<Membership> {
        let removed = answer.text_at("/removed/id");
        let book = self.book();
        let members = book.members.iter().filter(|member| {
            member.account == account && member.email == email && member.id.is_some()
        });
        members.filter(|member| removed.is_none() || member.id == removed).cloned().collect()
    }
}
