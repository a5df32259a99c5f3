//! Time passes beside what is under way. What has expired is refused whoever asks from then on;
//! what was asked before is done, or not.

use super::{NONE, ONE, TIME};
use crate::choices::Independence;
use crate::explore::Case;
use crate::judge::{Judgement, holds};
use crate::scene::{
    ADMIN, Act, Scene, check, create_key, create_key_until, invite, rotate_key, session, until,
    verify,
};
use crate::schedule::{Done, Ended, Play};
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};

/// What is asked when the time has come, beside what was asked before.
async fn at(end: Timestamp, after: Vec<Act>, before: Vec<Act>, scene: Scene) -> Play {
    let after = [until(end)].into_iter().chain(after).collect();
    Play { actors: vec![after, before], keys: vec![], people: vec![], scene: scene.ready() }
}

/// Whether it was asked when the time had come.
fn is_late(ended: &Ended, done: &Done) -> bool {
    ended.of(crate::scene::TIME).any(|time| done.asked_at >= time.ended)
}

/// Refused when the time has come, and not before.
fn over(ended: &Ended, function: &str) -> Judgement {
    for done in ended.of(function) {
        let is_late = is_late(ended, done);
        let is_early = ended.of(crate::scene::TIME).all(|time| done.ended <= time.began);
        let (actor, answer) = (done.actor, done.answer.named());
        holds(!(is_late && done.answer.is_success()), || {
            format!("{function} of actor {actor} went well though it was late")
        })?;
        holds(!is_early || done.answer.is_success() || done.answer.is_outage(), || {
            format!("{function} of actor {actor} was answered {answer} before it was late")
        })?;
    }
    Ok(())
}

pub const KEY: Case = Case {
    name: "a key expires x check, check",
    holds: TIME,
    play: |mut scene| {
        async {
            let admin = scene.account(2, 2).await;
            let end = scene.now() + SignedDuration::from_mins(6);
            let key = scene.key_of(&create_key_until(&admin, "Ends", end)).await;
            at(end, vec![check(&key)], vec![check(&key), check(&key)], scene).await
        }
        .boxed()
    },
    independence: Independence::OnceBegun,
    faults: ONE,
    judge: |ended| over(ended, "check-key"),
    sometimes: &["check-key: 200", "check-key: 403"],
};

pub const OLD_VALUE: Case = Case {
    name: "an old value's time is over x check, check",
    play: |mut scene| {
        async {
            let admin = scene.account(2, 2).await;
            let key = scene.key(&admin, "Rotated").await;
            let end = scene.now() + SignedDuration::from_hours(24);
            scene.done(&rotate_key(&admin, &key)).await;
            at(end, vec![check(&key)], vec![check(&key), check(&key)], scene).await
        }
        .boxed()
    },
    ..KEY
};

/// A use puts the end off, if it is done before.
pub const IDLE: Case = Case {
    name: "twelve hours without a use x create, create",
    play: |mut scene| {
        async {
            let admin = scene.account(9, 2).await;
            let end = scene.now() + SignedDuration::from_hours(12);
            scene.done(&create_key(&admin, "Used")).await;
            let late = vec![create_key(&admin, "A"), session(&admin)];
            at(end, late, vec![create_key(&admin, "B")], scene).await
        }
        .boxed()
    },
    faults: NONE,
    judge: |ended| {
        let before = ended.of("create-key").filter(|done| !is_late(ended, done));
        let used = before.filter_map(|done| ended.first_change(done)).map(|(place, _)| place).min();
        let late = |done: &&Done| is_late(ended, done) && done.answer.is_success();
        let functions = ["create-key", "get-session"];
        let mut late = functions.into_iter().flat_map(|function| ended.of(function)).filter(late);
        let is_used = |done: &Done| used.is_some_and(|place| place < done.ended);
        holds(late.all(is_used), || "a session went on after twelve hours".to_owned())
    },
    sometimes: &[
        "create-key: 201",
        "create-key: 401 session_expired",
        "get-session: 401 session_expired",
    ],
    ..KEY
};

pub const LIFETIME: Case = Case {
    name: "seven days of uses x create, create",
    play: |mut scene| {
        async {
            let opened = scene.now();
            let admin = scene.account(9, 2).await;
            for _ in 0..14 {
                scene.wait(SignedDuration::from_mins(11 * 60 + 50));
                scene.done(&session(&admin)).await;
            }
            let end = opened + SignedDuration::from_hours(7 * 24) + SignedDuration::from_secs(9);
            let late = vec![create_key(&admin, "A"), session(&admin)];
            at(end, late, vec![create_key(&admin, "B"), create_key(&admin, "C")], scene).await
        }
        .boxed()
    },
    judge: |ended| {
        over(ended, "create-key")?;
        over(ended, "get-session")
    },
    ..IDLE
};

pub const CODE: Case = Case {
    name: "three minutes of a code x login",
    play: |mut scene| {
        async {
            scene.account(2, 2).await;
            let end = scene.now() + SignedDuration::from_secs(180);
            let (challenge, code) = scene.challenge(ADMIN).await;
            let login = verify(&challenge, &code);
            at(end, vec![login.clone()], vec![login], scene).await
        }
        .boxed()
    },
    faults: NONE,
    judge: |ended| {
        let late = |done: &Done| is_late(ended, done) && done.answer.is_success();
        let late = ended.of("verify-code").any(late);
        holds(!late, || "a code was good for more than three minutes".to_owned())
    },
    sometimes: &["verify-code: 200", "verify-code: 401 code_expired"],
    ..KEY
};

pub const INVITATION: Case = Case {
    name: "an invitation ends x invite, first login",
    play: |mut scene| {
        async {
            let admin = scene.account(2, 2).await;
            let end = scene.now() + SignedDuration::from_hours(7 * 24);
            scene.invited(&admin, "invited@example.com").await;
            scene.wait(SignedDuration::from_hours(7 * 24) - SignedDuration::from_secs(60));
            let admin = scene.login(ADMIN).await;
            let (challenge, code) = scene.challenge("invited@example.com").await;
            let login = verify(&challenge, &code);
            let late = vec![invite(&admin, "new@example.com", "member")];
            at(end, late, vec![login], scene).await
        }
        .boxed()
    },
    judge: |ended| {
        let done = ended.done.iter().filter(|done| ended.changes(done) > 0).count();
        holds(done <= 1, || "an invitation was accepted, and its place given away".to_owned())
    },
    sometimes: &[
        "verify-code: 200",
        "invite-member: 201",
        "invite-member: 409 member_limit_reached",
    ],
    ..CODE
};
