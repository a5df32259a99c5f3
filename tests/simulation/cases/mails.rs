//! Reminders and warnings, which all admins have, and mails that come back.

use super::workers::{ANY_TWO, DELIVER, INVITE, INVITE_REVOKE, INVITED, ready};
use super::{MAILS, NONE, play};
use crate::choices::Independence;
use crate::explore::{Case, WORKERS_FAULTS};
use crate::judge::{Judgement, holds, text};
use crate::scene::{
    ADMIN, Act, Key, Person, Scene, change_key, check, create_key_until, delete_key,
    mail_came_back, operate, resend, revoke_member, sweep, verify,
};
use crate::schedule::{Ended, Faults};
use crate::wire::{Fate, Step};
use futures::FutureExt;
use jiff::SignedDuration;
use serde_json::{Value, json};

const OTHER: &str = "other@example.com";

/// An account with two admins, and a key of which the last reminder is begun: its record is on its
/// way.
async fn begun() -> (Scene, [Person; 2], Key) {
    let (mut scene, admins, key) = ending().await;
    scene.done(&sweep()).await;
    scene.settle_but(&[DELIVER]).await;
    (scene, admins, key)
}

/// One of which it is due.
async fn ending() -> (Scene, [Person; 2], Key) {
    let (mut scene, admin, _) = ready().await;
    let other = scene.member(&admin, OTHER, "admin").await;
    let end = scene.now() + SignedDuration::from_hours(25);
    let key = scene.key_of(&create_key_until(&admin, "Ends", end)).await;
    scene.settle().await;
    scene.wait(SignedDuration::from_hours(2));
    (scene, [admin, other], key)
}

/// How many mails of these each of the admins had, once all workers have had their turn.
fn had(ended: &Ended) -> [usize; 2] {
    let closed = ended.closed.iter().flat_map(|closed| &closed.mailed);
    let all: Vec<_> = ended.mailed.iter().chain(closed).collect();
    [ADMIN, OTHER].map(|admin| all.iter().filter(|mail| mail.to == admin).count())
}

/// Whoever is to hear of it does, unless SES says no; and more than once only if something else
/// went wrong.
fn all_hear(ended: &Ended, of: usize) -> Judgement {
    let fates = || ended.steps.iter().map(|step| step.fate);
    let faults = fates().filter(|fate| fate.is_fault()).count();
    let refused = fates().filter(|fate| *fate == Fate::Refused).count();
    let had = had(ended);
    let may = of.saturating_sub(refused)..=of + faults;
    holds(had.iter().all(|mails| may.contains(mails)), || {
        format!("{had:?} mails of {of}, with {faults} faults")
    })
}

pub const REMINDER: Case = Case {
    name: "the reminder of a key's end, with a fault",
    holds: MAILS,
    play: |_| {
        async {
            let (scene, ..) = begun().await;
            play(vec![], scene)
        }
        .boxed()
    },
    independence: Independence::OnceBegun,
    faults: Faults { fates: WORKERS_FAULTS, most: 1 },
    judge: |ended| all_hear(ended, 1),
    sometimes: &[
        "deliver-mail: Done",
        "deliver-mail: Again",
        "deliver-mail: Killed",
        "deliver-mail: NeverCame",
        "KilledAfter of SendEmail, then deliver-mail",
    ],
};

pub const REMINDER_IN_TROUBLE: Case = Case {
    name: "the reminder of a key's end, with two faults",
    faults: ANY_TWO,
    sometimes: &["deliver-mail: Done"],
    ..REMINDER
};

pub const REMINDER_TWICE: Case = Case {
    name: "the reminder of a key's end comes twice",
    faults: Faults { fates: &[Fate::Twice], most: 1 },
    sometimes: &["deliver-mail: Done"],
    ..REMINDER
};

/// Nobody is reminded who looked for the key when it was gone, or ended at another time.
fn none_after(ended: &Ended, function: &str) -> Judgement {
    let change = ended.of(function).find_map(|done| ended.first_change(done));
    let Some((changed, _)) = change else { return Ok(()) };
    for mail in &ended.mailed {
        let own =
            |step: &Step| (step.actor, step.act) == (mail.actor, mail.act) && step.reads("KEY#");
        let looked = ended.steps[..mail.at].iter().rposition(own);
        let looked = looked.ok_or("somebody was mailed, and nobody looked")?;
        holds(looked < changed, || format!("a mail was sent to {} after {function}", mail.to))?;
    }
    Ok(())
}

pub const REMINDER_DELETE: Case = Case {
    name: "the reminder of a key's end x it is deleted",
    play: |_| {
        async {
            let (scene, [admin, _], key) = begun().await;
            play(vec![vec![delete_key(&admin, &key)]], scene)
        }
        .boxed()
    },
    faults: NONE,
    judge: |ended| none_after(ended, "delete-key"),
    sometimes: &["delete-key: 204", "a mail was sent", "no mail was sent"],
    ..REMINDER
};

pub const REMINDER_CHANGE: Case = Case {
    name: "the reminder of a key's end x it does not end",
    play: |_| {
        async {
            let (scene, [admin, _], key) = begun().await;
            let lasts = change_key(&admin, &key, json!({ "expires_at": Value::Null }));
            play(vec![vec![lasts]], scene)
        }
        .boxed()
    },
    judge: |ended| none_after(ended, "change-key"),
    sometimes: &["change-key: 200", "a mail was sent", "no mail was sent"],
    ..REMINDER_DELETE
};

/// The other one hears of it all the same.
pub const REMINDER_REVOKE: Case = Case {
    name: "the reminder of a key's end x an admin is revoked",
    play: |_| {
        async {
            let (scene, [admin, other], _) = begun().await;
            play(vec![vec![revoke_member(&admin, &other.id)]], scene)
        }
        .boxed()
    },
    judge: |ended| {
        let [admin, other] = had(ended);
        holds(admin == 1 && other <= 1, || format!("{admin} and {other} mails of one reminder"))
    },
    sometimes: &["revoke-member: 204", "a mail was sent"],
    ..REMINDER_DELETE
};

pub const REMINDER_SWEEP: Case = Case {
    name: "the sweep begins the reminder of a key's end, with a fault",
    play: |_| {
        async {
            let (scene, ..) = ending().await;
            play(vec![vec![sweep()]], scene)
        }
        .boxed()
    },
    sometimes: &["sweep: 200", "sweep: 503", "deliver-mail: Done"],
    ..REMINDER
};

/// An account with two admins, and a key by which four of five calls of the month are made.
async fn metered() -> (Scene, Key) {
    let (mut scene, admin, _) = ready().await;
    scene.member(&admin, OTHER, "admin").await;
    scene.settle().await;
    let key = scene.key(&admin, "Checked").await;
    let limits = json!({ "limits": { "per_month": 5 } });
    scene.done(&operate(&admin.account, "set_limits", limits)).await;
    for _ in 0..4 {
        scene.done(&check(&key)).await;
    }
    scene.settle().await;
    (scene, key)
}

pub const WARNING: Case = Case {
    name: "the last call of a month x one too many, with a fault of the mail's",
    play: |_| {
        async {
            let (scene, key) = metered().await;
            play(vec![vec![check(&key)], vec![check(&key)]], scene)
        }
        .boxed()
    },
    independence: Independence::OfAll,
    faults: Faults {
        fates: &[Fate::Undelivered, Fate::Down, Fate::Killed, Fate::KilledAfter],
        most: 1,
    },
    judge: |ended| {
        let owed = ended.rows.keys().any(|(_, sk)| sk.ends_with("#100"));
        all_hear(ended, usize::from(owed))
    },
    sometimes: &["check-key: 200", "check-key: 429", "deliver-mail: Again", "a mail was sent"],
    ..REMINDER
};

/// Somebody who is invited and has the mail; what comes back of it, and a code.
async fn came_back() -> (Scene, Person, String, Act, (String, String)) {
    let (mut scene, admin, _) = ready().await;
    let (member, _) = scene.invited(&admin, INVITED).await;
    scene.settle().await;
    let code = scene.challenge(INVITED).await;
    scene.settle().await;
    let back = mail_came_back(&admin, &member, 1);
    (scene, admin, member, back, code)
}

/// What the list says of the mail to whoever is invited, if it is there still.
fn problem(ended: &Ended) -> Option<&str> {
    let members = ended.table().members();
    let member = members.into_iter().find(|row| text(row, "email") == INVITED);
    member.map(|row| text(row, "mail_problem"))
}

pub const BACK: Case = Case {
    name: "an invitation comes back twice, with faults",
    play: |_| {
        async {
            let (scene, .., back, _) = came_back().await;
            play(vec![vec![back.clone()], vec![back]], scene)
        }
        .boxed()
    },
    faults: ANY_TWO,
    judge: |ended| {
        let told = ended.of("note-mail-event").any(|done| done.answer.is_success());
        let problem = problem(ended);
        holds(!told || problem == Some("bounced"), || format!("{problem:?} is told of it"))
    },
    sometimes: &["note-mail-event: 200", "note-mail-event: 503"],
    ..INVITE
};

/// What is told of one mail says nothing of the next.
pub const BACK_RESEND: Case = Case {
    name: "an invitation comes back x another one",
    play: |_| {
        async {
            let (scene, admin, member, back, _) = came_back().await;
            play(vec![vec![back], vec![resend(&admin, &member)]], scene)
        }
        .boxed()
    },
    judge: |ended| {
        let problem = problem(ended);
        holds(problem == Some(""), || format!("{problem:?} is told of a new invitation"))
    },
    sometimes: &["note-mail-event: 200", "resend-invitation: 202"],
    ..INVITE_REVOKE
};

pub const BACK_LOGIN: Case = Case {
    name: "an invitation comes back x its login",
    play: |_| {
        async {
            let (scene, _, _, back, (challenge, code)) = came_back().await;
            play(vec![vec![back], vec![verify(&challenge, &code)]], scene)
        }
        .boxed()
    },
    judge: |ended| {
        let problem = problem(ended);
        holds(problem == Some(""), || format!("{problem:?} is told of whoever logged in"))
    },
    sometimes: &["note-mail-event: 200", "verify-code: 200"],
    ..BACK_RESEND
};

/// Nobody comes back by it.
pub const BACK_REVOKE: Case = Case {
    name: "an invitation comes back x it is revoked",
    play: |_| {
        async {
            let (scene, admin, member, back, _) = came_back().await;
            play(vec![vec![back], vec![revoke_member(&admin, &member)]], scene)
        }
        .boxed()
    },
    judge: |ended| holds(problem(ended).is_none(), || "somebody is there still".to_owned()),
    sometimes: &["note-mail-event: 200", "revoke-member: 204"],
    ..BACK_RESEND
};
