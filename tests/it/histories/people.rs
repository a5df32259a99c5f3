//! Members: invited, listed, promoted and demoted, revoked, gone by themselves.

use crate::histories::model::{Attempt, Book, Membership, Session, Standing};
use crate::histories::run::{Answer, Client, Done, Judgement, Run, Who, hold};
use domain::Role;
use serde_json::{Value, json};

impl Client {
    pub async fn invite(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        let run = self.run.clone();
        let email = self.any_address();
        let role = self.some_role(25);
        let act = run.begin("invite-member", format!("{email} as {role:?} by {}", session.email));
        let invited = Membership::new(account, &email, None, act.span, Some(role));
        run.book().members.push(invited);
        let body = Some(json!({ "email": email, "role": role }));
        let answer = run.send(&session, "POST", "/api/team", None, body).await;
        let done = run.end(&act, &[account], &answer);
        answer.among_or_over(&[
            (201, ""),
            (409, "member_limit_reached"),
            (409, "email_already_registered"),
            (429, "rate_limited"),
            (403, "admin_required"),
        ])?;
        run.judge_session(&session, Who::Admin, done, &answer)?;
        run.judge_place(account, done, &answer)?;
        hold(!answer.is_good() || answer.role() == Some(role), || {
            "somebody was invited in another role".to_owned()
        })?;
        run.judge_address(account, &email, done, &answer, "/member/id")
    }

    fn some_role(&mut self, percent_of_admins: u32) -> Role {
        if self.chance(percent_of_admins) { Role::Admin } else { Role::Member }
    }

    pub async fn list_members(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        let run = self.run.clone();
        let act = run.begin("list-members", format!("by {}", session.email));
        let answer = run.send(&session, "GET", "/api/team", None, None).await;
        let done = run.end(&act, &[account], &answer);
        answer.among_or_over(&[(200, ""), (403, "admin_required")])?;
        run.judge_session(&session, Who::Admin, done, &answer)?;
        if answer.is_good() { run.judge_list(account, done, &answer) } else { Ok(()) }
    }

    /// Revokes a member of the account's own, another account's, or one that nobody invited.
    pub async fn revoke(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        let run = self.run.clone();
        let member = self.some_member(account);
        let id = id_or_nobodys(member.as_ref(), &session);
        let own = member.filter(|member| member.account == account);
        let act = run.begin("revoke-member", format!("{id} by {}", session.email));
        if let Some(member) = &own {
            let email = Some(member.email.clone());
            run.book().removals.push(Attempt { span: act.span, account, email, but: None });
        }
        let path = format!("/api/team/{id}");
        let answer = run.send(&session, "DELETE", &path, None, None).await;
        let done = run.end(&act, &[account], &answer);
        answer.among_or_over(&[
            (204, ""),
            (404, "member_not_found"),
            (409, "last_admin"),
            (403, "admin_required"),
        ])?;
        let judged = run.judge_session(&session, Who::Admin, done, &answer);
        match own {
            Some(member) => run.judge_removal(&member, "member_revoked", done, &answer)?,
            None => hold(!answer.is_good(), || "a foreign member was revoked".to_owned())?,
        }
        judged?;
        if answer.is(404, "member_not_found") {
            run.same_bytes("member_not_found", &answer.text)?;
        }
        Ok(())
    }

    /// Gives another role, or the same one, to a member of the account's own, another account's, or
    /// one that nobody invited; at times the own one.
    pub async fn change_role(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        let run = self.run.clone();
        let own = run.book().member(&session.member).cloned();
        let member = if self.chance(25) { own } else { self.some_member(account) };
        let role = self.some_role(55);
        let id = id_or_nobodys(member.as_ref(), &session);
        let own = member.filter(|member| member.account == account);
        let act = run.begin("change-role", format!("{id} to {role:?} by {}", session.email));
        if let Some(member) = run.book().member_mut(&id).filter(|_| own.is_some()) {
            member.role.begin(act.span, role);
        }
        let path = format!("/api/team/{id}");
        let answer = run.send(&session, "PATCH", &path, None, Some(json!({ "role": role }))).await;
        let done = run.end(&act, &[account], &answer);
        answer.among_or_over(&[
            (200, ""),
            (404, "member_not_found"),
            (409, "last_admin"),
            (403, "admin_required"),
        ])?;
        let judged = run.judge_session(&session, Who::Admin, done, &answer);
        match own {
            Some(_) => run.judge_role(&id, role, done, &answer)?,
            None => hold(!answer.is_good(), || "a foreign member's role was changed".to_owned())?,
        }
        judged?;
        if answer.is(404, "member_not_found") {
            run.same_bytes("member_not_found", &answer.text)?;
        }
        Ok(())
    }

    /// A member, or an admin who may be the last one, leaves by itself.
    pub async fn leave(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        let run = self.run.clone();
        let Some(own) = run.book().member(&session.member).cloned() else { return Ok(()) };
        let act = run.begin("leave-team", format!("by {}", session.email));
        let email = Some(session.email.clone());
        run.book().removals.push(Attempt { span: act.span, account, email, but: None });
        let answer = run.send(&session, "DELETE", "/api/team/me", None, None).await;
        let done = run.end(&act, &[account], &answer);
        answer.among_or_over(&[(204, ""), (409, "last_admin")])?;
        let judged = run.judge_session(&session, Who::Anyone, done, &answer);
        run.judge_removal(&own, "member_left", done, &answer)?;
        judged
    }

    fn some_member(&mut self, account: usize) -> Option<Membership> {
        let owner = if self.chance(20) { self.any_account() } else { account };
        let wants_over = self.chance(10);
        if self.chance(6) {
            return None;
        }
        let members: Vec<Membership> = {
            let book = self.run.book();
            let wanted = |member: &&Membership| {
                member.account == owner
                    && member.id.is_some()
                    && member.gone.is_some() == wants_over
            };
            book.members.iter().filter(wanted).cloned().collect()
        };
        self.any(&members)
    }

    pub async fn get_session(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        self.look(&session).await.map(drop)
    }

    /// Asks who a session is; whether it is good.
    pub async fn look(&self, session: &Session) -> Result<bool, String> {
        let run = &self.run;
        let act = run.begin("get-session", format!("by {}", session.email));
        let answer = run.send(session, "GET", "/api/session", None, None).await;
        let done = run.end(&act, &[session.account], &answer);
        answer.among_or_over(&[(200, "")])?;
        run.judge_session(session, Who::Anyone, done, &answer)?;
        if !answer.is_good() {
            return Ok(false);
        }
        let known = run.known(session.account);
        let text = |pointer| answer.text_at(pointer).unwrap_or_default();
        let is_own = text("/member/id") == session.member
            && text("/member/email") == session.email
            && text("/account/id") == run.accounts[session.account].id;
        hold(is_own, || "the session is somebody else's".to_owned())?;
        let names = known.name.possible(done.span);
        hold(names.contains(&text("/account/name")), || format!("its name is of {names:?}"))?;
        let limits = known.key_limit.possible(done.span);
        let limit = answer.body["account"]["key_limit"].as_u64().unwrap_or_default();
        hold(limits.contains(&limit), || format!("its key limit is of {limits:?}"))?;
        drop(known);
        run.judge_told_role(&session.member, done, answer.role())?;
        Ok(true)
    }
}

/// A member's id; or one of the same form, which is nobody's.
fn id_or_nobodys(member: Option<&Membership>, session: &Session) -> String {
    member.and_then(|member| member.id.clone()).unwrap_or_else(|| {
        let own = session.member.trim_start_matches("mem_");
        format!("mem_{}", own.chars().rev().collect::<String>())
    })
}

impl Run {
    /// Judges whether there was a place for one more member.
    pub fn judge_place(&self, account: usize, done: Done, answer: &Answer) -> Judgement {
        let limits = self.known(account).member_limit.possible(done.span);
        let (sure, possible) = self.book().count(account, done.span);
        if answer.is(409, "member_limit_reached") {
            let least = limits.into_iter().min().unwrap_or_default();
            // One of those is whom this very request is about.
            return hold(possible as u64 > least, || {
                format!("less than {possible} of {least} places were taken, and there was none")
            });
        }
        let most = limits.into_iter().max().unwrap_or_default();
        hold(!answer.is(201, "") || (sure as u64) < most, || {
            format!("{sure} members were there all the time, and the limit was {most} at most")
        })
    }

    /// Judges and notes what became of the address that somebody new was to have.
    pub fn judge_address(
        &self,
        account: usize,
        email: &str,
        done: Done,
        answer: &Answer,
        id: &str,
    ) -> Judgement {
        let mut book = self.book();
        let own = |member: &Membership| member.made.began == done.span.began;
        let others = book.members.iter().filter(|member| member.email == email && !own(member));
        let standings: Vec<(Option<String>, Standing)> =
            others.map(|member| (member.id.clone(), book.standing(member, done.span))).collect();
        book.members.retain(|member| !own(member));
        if let (true, Some(id)) = (answer.is_good(), answer.text_at(id)) {
            let taken = standings
                .iter()
                .find(|(own, standing)| *standing == Standing::Good && own.as_ref() != Some(&id));
            hold(taken.is_none(), || format!("the address was {taken:?}'s all the time"))?;
            book.learn(account, email, &id, done.span, answer.role());
            if answer.status == 201 {
                self.known(account).trail.surely("member_invited", &id);
            }
            return Ok(());
        }
        if answer.is(409, "email_already_registered") {
            self.known(account).trail.perhaps("address_named", 1);
        }
        let free = standings.iter().all(|(_, standing)| *standing == Standing::Over);
        hold(!(free && answer.is(409, "email_already_registered")), || {
            format!("nobody can have had {email}, and it was taken")
        })
    }

    fn judge_list(&self, account: usize, done: Done, answer: &Answer) -> Judgement {
        let members = answer.body["members"].as_array().cloned().unwrap_or_default();
        let ids: Vec<&str> = members.iter().filter_map(|member| member["id"].as_str()).collect();
        let book = self.book();
        for member in book.members.iter().filter(|member| member.account == account) {
            let Some(id) = &member.id else { continue };
            let listed = ids.contains(&id.as_str());
            let standing = book.standing(member, done.span);
            hold(standing != Standing::Good || listed, || format!("{id} is not listed"))?;
            hold(standing != Standing::Over || !listed, || format!("{id} is gone, and listed"))?;
            let own = members.iter().find(|member| member["id"] == id.as_str());
            let role = own.and_then(|own| serde_json::from_value(own["role"].clone()).ok());
            judge_told(&book, member, done, role)?;
        }
        let is_admin = |member: &&Value| member["role"] == "admin";
        hold(members.iter().any(|member| is_admin(&member)), || "there is no admin".to_owned())
    }

    /// Judges and notes what became of the removal of an account's own member, by id or address.
    pub fn judge_removal(
        &self,
        member: &Membership,
        action: &str,
        done: Done,
        answer: &Answer,
    ) -> Judgement {
        let mut book = self.book();
        if !answer.is_good() {
            book.removals.retain(|removal| removal.span.began != done.span.began);
        }
        for removal in &mut book.removals {
            if removal.span.began == done.span.began {
                removal.span = done.span;
            }
        }
        let id = member.id.as_deref().unwrap_or_default();
        let Some(now) = book.member(id).cloned() else { return Ok(()) };
        let standing = book.standing(&now, done.span);
        if answer.is(404, "member_not_found") {
            hold(standing != Standing::Good, || format!("{id} was there, and was not found"))?;
        }
        self.judge_admins(&book, &now, done, answer)?;
        let is_gone = answer.is_good() || answer.is(404, "member_not_found");
        if answer.is_good() {
            self.known(member.account).trail.surely(action, id);
            hold(standing != Standing::Over, || format!("{id} was removed twice"))?;
        }
        if let (true, Some(member)) = (is_gone, book.member_mut(id)) {
            member.gone.get_or_insert(done.span);
        }
        Ok(())
    }

    /// Judges and notes what became of a member's role.
    fn judge_role(&self, id: &str, role: Role, done: Done, answer: &Answer) -> Judgement {
        let mut book = self.book();
        let Some(member) = book.member_mut(id) else { return Ok(()) };
        member.role.cancel(done.span);
        let was = member.clone();
        if answer.is_good() {
            member.role.begin(done.span, role);
            // Whoever has not logged in counts from the first login on, if promoted once more.
            member.counts &= role == Role::Admin;
        }
        let standing = book.standing(&was, done.span);
        if answer.is(404, "member_not_found") {
            hold(standing != Standing::Good, || format!("{id} was there, and was not found"))?;
            book.member_mut(id).expect("it is known").gone.get_or_insert(done.span);
        }
        hold(!answer.is(409, "last_admin") || role == Role::Member, || {
            format!("{id} was to be an admin, and was told to be the last")
        })?;
        if !answer.is_good() {
            return self.judge_admins(&book, &was, done, answer);
        }
        if role == Role::Member {
            self.judge_admins(&book, &was, done, answer)?;
        }
        hold(standing != Standing::Over, || format!("{id} was gone, and got a role"))?;
        let told = answer.text_at("/member/id").as_deref() == Some(id)
            && answer.text_at("/member/email").as_ref() == Some(&was.email)
            && answer.role() == Some(role);
        hold(told, || format!("{} is not {id} as {role:?}", answer.text))?;
        let mut known = self.known(was.account);
        if book.roles(&was, done.span).contains(&role) {
            known.trail.perhaps("role_changed", 1);
        } else {
            known.trail.surely("role_changed", id);
        }
        Ok(())
    }

    /// Judges what a removal or demotion says of the last admin: who is told to be the last is not
    /// one of two, and another one is left when it is done.
    fn judge_admins(
        &self,
        book: &Book,
        member: &Membership,
        done: Done,
        answer: &Answer,
    ) -> Judgement {
        let id = member.id.as_deref().unwrap_or_default();
        let team = || book.members.iter().filter(|other| other.account == member.account);
        if answer.is(409, "last_admin") {
            let admins = team().filter(|other| book.counts_as_admin(other, done.span)).count();
            hold(admins < 2, || format!("{id} was none of the last, but one of {admins} admins"))?;
            // By an address, one who is gone may not be whom it was about.
            let may_be = book.standing(member, done.span) != Standing::Good
                || book.is_admin(member, done.span) != Standing::Over;
            hold(may_be, || format!("{id} was no admin, and was told to be the last"))?;
        }
        let known = self.known(member.account);
        let mut others = team().filter(|other| other.id.as_deref() != Some(id));
        let is_left = others.any(|other| book.may_count_as_admin(other, done.span, &known));
        hold(!answer.is_good() || is_left, || format!("{id} was the last admin, and is none"))
    }

    /// Judges the role that a member was told to have.
    pub fn judge_told_role(&self, id: &str, done: Done, role: Option<Role>) -> Judgement {
        let book = self.book();
        let Some(member) = book.member(id) else { return Ok(()) };
        judge_told(&book, member, done, role)
    }
}

fn judge_told(book: &Book, member: &Membership, done: Done, role: Option<Role>) -> Judgement {
    let Some(role) = role else { return Ok(()) };
    let roles = book.roles(member, done.span);
    hold(roles.contains(&role), || format!("{:?} is told to be {role:?}, not {roles:?}", member.id))
}
