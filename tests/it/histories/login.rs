//! Logins with mailed codes, right and wrong ones, as a program and as a browser; logouts.

use crate::histories::model::{Challenge, Session, Standing};
use crate::histories::run::{Answer, Client, Done, Judgement, Run, Who, hold};
use rand::RngExt;
use serde_json::json;

const CODE_LIFETIME: i64 = 180_000;
const MAX_GUESSES: usize = 5;
/// How many of the newest challenges are guessed at.
const OPEN_CHALLENGES: usize = 16;

/// A guess, and whether it may be right.
struct Guess {
    code: String,
    mailed: bool,
}

impl Client {
    pub async fn request_code(&mut self, account: usize) -> Judgement {
        let email = match self.member_address(account) {
            Some(email) if !self.chance(8) => email,
            _ => self.any_address(),
        };
        self.request_code_for(account, &email).await
    }

    pub async fn request_code_for(&mut self, account: usize, email: &str) -> Judgement {
        let run = self.run.clone();
        let act = run.begin("request-code", email.to_owned());
        let answer = Answer::from(run.world.request_code(email).await);
        let done = run.end(&act, &[account], &answer);
        answer.among(&[(202, ""), (429, "rate_limited")])?;
        if let Some(token) = answer.text_at("/challenge") {
            let mut challenges = run.challenges();
            if challenges.len() == OPEN_CHALLENGES {
                challenges.remove(0);
            }
            challenges.push(Challenge {
                email: email.to_owned(),
                token,
                asked_by: done.to,
                wrong: Vec::new(),
                used: 0,
            });
        }
        Ok(())
    }

    /// Answers one of the newest challenges, the newest mailed code of its address being right.
    pub async fn verify(&mut self, _account: usize) -> Judgement {
        let run = self.run.clone();
        let challenges: Vec<(String, String)> = {
            let challenges = run.challenges();
            let open = challenges.iter().filter(|challenge| challenge.used == 0);
            open.map(|challenge| (challenge.token.clone(), challenge.email.clone())).collect()
        };
        let used = {
            let challenges = run.challenges();
            challenges.iter().find(|c| c.used > 0).map(|c| (c.token.clone(), c.email.clone()))
        };
        let chosen = if self.chance(8) { used } else { None };
        let Some((token, email)) = chosen.or_else(|| self.any(&challenges)) else {
            return Ok(());
        };
        if self.chance(6) {
            // Too late.
            run.world.advance(CODE_LIFETIME.unsigned_abs() / 1000);
        }
        self.answer(&token, &email).await
    }

    pub async fn answer(&mut self, token: &str, email: &str) -> Judgement {
        let run = self.run.clone();
        let Some(guess) = self.guess(email) else { return Ok(()) };
        let is_cookie = self.chance(40);
        let account = run.account_of(email).unwrap_or(0);
        let act = run.begin("verify-code", format!("{email} mailed: {}", guess.mailed));
        for account in 0..run.accounts.len() {
            let mut known = run.known(account);
            known.logins.push((act.span, email.to_owned()));
            known.count_logins(email);
        }
        let mut body = json!({ "challenge": token, "code": guess.code });
        if !is_cookie {
            body["session"] = "bearer".into();
        }
        let reply = run.world.call("POST", "/api/login/verify").json(body).send().await;
        let answer = Answer::from(reply);
        let done = run.end(&act, &[account], &answer);
        answer.among(&[
            (200, ""),
            (401, "code_incorrect"),
            (401, "code_expired"),
            (429, "too_many_attempts"),
            (429, "rate_limited"),
            (403, "account_suspended"),
        ])?;
        let judged = run.judge_guess(token, &guess, done, &answer);
        let opened = if answer.is_good() {
            run.open(email, is_cookie, done, &answer)
        } else {
            run.judge_suspended(email, done, &answer)
        };
        for account in 0..run.accounts.len() {
            run.known(account).logins.retain(|(span, _)| span.began != done.span.began);
        }
        judged.and(opened)
    }

    /// The newest code that was mailed to the address, or one that never was.
    fn guess(&mut self, email: &str) -> Option<Guess> {
        let mails = self.run.world.desk.inbox().mails();
        let mut codes =
            mails.iter().filter(|mail| mail.to == email).filter_map(|mail| mail.code.as_deref());
        if self.chance(80) {
            let code = codes.next()?.to_owned();
            return Some(Guess { code, mailed: true });
        }
        let code = format!("{:06}", self.rng.random_range(0..1_000_000));
        codes.all(|mailed| mailed != code).then_some(Guess { code, mailed: false })
    }

    pub async fn log_out(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        let run = self.run.clone();
        let act = run.begin("end-session", format!("by {}", session.email));
        if let Some(session) = run.known(account).session_mut(&session.token) {
            session.logouts.push(act.span);
        }
        let answer = run.send(&session, "POST", "/api/logout", None, None).await;
        let done = run.end(&act, &[account], &answer);
        answer.among_or_over(&[(204, "")])?;
        let judged = run.judge_session(&session, Who::Anyone, done, &answer);
        run.logged_out(&session, done, &answer);
        judged?;
        self.look(&session).await.map(drop)
    }
}

impl Run {
    fn logged_out(&self, session: &Session, done: Done, answer: &Answer) {
        let mut known = self.known(session.account);
        if answer.is_good() {
            known.trail.surely("session_ended", &session.member);
        } else {
            // A suspended account's session ends, too, and its member is told what every call is.
            known.trail.perhaps("session_ended", 1);
        }
        let Some(session) = known.session_mut(&session.token) else { return };
        session.logouts.retain(|logout| logout.began != done.span.began);
        session.gone.get_or_insert(done.span);
    }

    fn judge_guess(&self, token: &str, guess: &Guess, done: Done, answer: &Answer) -> Judgement {
        let mut challenges = self.challenges();
        let challenge = challenges.iter_mut().find(|challenge| challenge.token == token);
        let Some(challenge) = challenge else { return Ok(()) };
        if answer.is(401, "code_incorrect") {
            challenge.wrong.push(done.span);
        }
        if !answer.is_good() {
            return Ok(());
        }
        challenge.used += 1;
        hold(guess.mailed, || "a code that was never mailed opened a session".to_owned())?;
        hold(challenge.used == 1, || "one challenge opened two sessions".to_owned())?;
        hold(done.from < challenge.asked_by + CODE_LIFETIME, || {
            "a code was good after its time".to_owned()
        })?;
        let wrong = challenge.wrong.iter().filter(|wrong| wrong.is_before(done.span)).count();
        hold(wrong < MAX_GUESSES, || format!("a code was good after {wrong} wrong guesses"))
    }

    /// Judges and notes a session that was opened.
    fn open(&self, email: &str, is_cookie: bool, done: Done, answer: &Answer) -> Judgement {
        let id = answer.text_at("/account/id").unwrap_or_default();
        let account = self.accounts.iter().position(|account| account.id == id);
        let account = account.ok_or_else(|| format!("a session of {id}, which nobody made"))?;
        let member = answer.text_at("/member/id").unwrap_or_default();
        let bearer = answer.text_at("/session_token");
        let token = if is_cookie { answer.cookie.clone() } else { bearer };
        let token = token.ok_or("a session without its token")?;
        let standing = {
            let mut book = self.book();
            let span = done.span;
            book.learn(account, email, &member, span, None);
            let membership = book.member(&member).cloned().expect("it was learnt");
            hold(membership.email == email, || format!("{member} logged in as {email}"))?;
            if let Some(member) = book.member_mut(&member) {
                member.arrived.get_or_insert(span);
            }
            book.standing(&membership, span)
        };
        hold(standing != Standing::Over, || format!("{member} logged in after the removal"))?;
        self.judge_told_role(&member, done, answer.role())?;
        let mut known = self.known(account);
        hold(!known.suspended.surely(done.span, &true), || {
            "a session was opened after a suspension".to_owned()
        })?;
        known.trail.surely("session_opened", &member);
        known.sessions.push(Session {
            token,
            is_cookie,
            account,
            member,
            email: email.to_owned(),
            opened: done.span,
            opened_at: done.to,
            used_at: done.to,
            proven: done.span,
            logouts: Vec::new(),
            gone: None,
            perhaps_replaced: false,
        });
        known.count_logins(email);
        Ok(())
    }

    fn judge_suspended(&self, email: &str, done: Done, answer: &Answer) -> Judgement {
        if !answer.is(403, "account_suspended") {
            return Ok(());
        }
        let accounts: Vec<usize> = {
            let book = self.book();
            let members = book.members.iter().filter(|member| {
                member.email == email && book.standing(member, done.span) != Standing::Over
            });
            members.map(|member| member.account).collect()
        };
        let possible = accounts
            .iter()
            .any(|account| !self.known(*account).suspended.surely(done.span, &false));
        hold(possible, || format!("no account that {email} may belong to was suspended"))
    }
}
