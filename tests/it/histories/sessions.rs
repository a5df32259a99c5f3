//! A member's own sessions: one that another one ends, and all others.

use crate::histories::model::{Attempt, Session, Standing};
use crate::histories::run::{Answer, Client, Done, Judgement, Run, Who, hold};
use domain::SessionToken;

impl Client {
    /// Ends a session of the same member's, or tries to end somebody else's.
    pub async fn revoke_session(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        let run = self.run.clone();
        let Some(other) = self.some_session(&session) else { return Ok(()) };
        let id = SessionToken::parse(&other.token).expect("a token").id();
        let is_own = other.member == session.member;
        let act = run.begin("revoke-session", format!("{id} by {}", session.email));
        if let (true, Some(other)) = (is_own, run.known(account).session_mut(&other.token)) {
            other.logouts.push(act.span);
        }
        let path = format!("/api/sessions/{id}");
        let answer = run.send(&session, "DELETE", &path, None, None).await;
        let done = run.end(&act, &[account], &answer);
        answer.among_or_over(&[(204, ""), (404, "session_not_found")])?;
        let judged = run.judge_session(&session, Who::Anyone, done, &answer);
        if is_own {
            run.judge_end(&other, done, &answer)?;
        } else {
            hold(!answer.is_good(), || "somebody else's session was ended".to_owned())?;
        }
        judged?;
        if answer.is(404, "session_not_found") {
            run.same_bytes("session_not_found", &answer.text)?;
        }
        self.look(&other).await.map(drop)
    }

    pub async fn revoke_other_sessions(&mut self, account: usize) -> Judgement {
        let Some(session) = self.session(account) else { return Ok(()) };
        let run = self.run.clone();
        let act = run.begin("revoke-session", format!("all others by {}", session.email));
        run.known(account).ends.push(Attempt {
            span: act.span,
            account,
            email: Some(session.email.clone()),
            but: Some(session.token.clone()),
        });
        let answer = run.send(&session, "DELETE", "/api/sessions", None, None).await;
        let done = run.end(&act, &[account], &answer);
        answer.among_or_over(&[(204, "")])?;
        let judged = run.judge_session(&session, Who::Anyone, done, &answer);
        let mut known = run.known(account);
        known.ends.retain(|end| answer.is_good() || end.span.began != done.span.began);
        for end in &mut known.ends {
            if end.span.began == done.span.began {
                end.span = done.span;
            }
        }
        if answer.is_good() {
            known.trail.perhaps("session_ended", 9);
        }
        judged
    }

    fn some_session(&mut self, of: &Session) -> Option<Session> {
        let account = if self.chance(15) { self.any_account() } else { of.account };
        let is_own = account == of.account;
        let sessions: Vec<Session> = {
            let known = self.run.known(account);
            let wanted = |other: &&Session| !is_own || other.member == of.member;
            known.sessions.iter().filter(wanted).cloned().collect()
        };
        self.any(&sessions)
    }
}

impl Run {
    /// Judges and notes what became of a session that another one of its member was to end.
    fn judge_end(&self, other: &Session, done: Done, answer: &Answer) -> Judgement {
        let mut known = self.known(other.account);
        let Some(ended) = known.session_mut(&other.token) else { return Ok(()) };
        ended.logouts.retain(|logout| logout.began != done.span.began);
        let was = ended.clone();
        let is_gone = answer.is_good() || answer.is(404, "session_not_found");
        if is_gone {
            ended.gone.get_or_insert(done.span);
        }
        let standing = known.session(&was, done.span, done.to);
        if answer.is_good() {
            known.trail.surely("session_ended", &other.member);
            return hold(standing != Standing::Over, || "a session was ended twice".to_owned());
        }
        hold(standing != Standing::Good || !is_gone, || {
            "a session was there, and was not found".to_owned()
        })
    }
}
