//! The cases: who does what beside each other.

pub mod mails;
pub mod meter;
pub mod pairs;
pub mod time;
pub mod workers;

use crate::choices::Independence;
use crate::explore::{Case, FAULTS, LOST_ANSWERS};
use crate::judge::{Judgement, holds, text};
use crate::scene::{
    ADMIN, Act, Key, Person, Scene, change_role, check, create_key, create_key_once, delete_key,
    invite, leave, revoke_member, rotate_key, suspend, verify,
};
use crate::schedule::{Done, Ended, Faults, Play};
use futures::FutureExt;
use jiff::SignedDuration;

/// The promises, in the words of the first page.
pub const LIMITS: &str = "Never a key or a member too many, and counters are rows";
pub const KEYS: &str = "A key that is deleted or rotated away is refused from the answer on";
pub const PEOPLE: &str =
    "Revoked, demoted or logged out means refused, and nothing of theirs is done";
pub const ADMINS: &str = "An account keeps an admin";
pub const SUSPENDED: &str = "Suspended means stopped, every key of it";
pub const GUESSES: &str = "No guess beyond the fifth, and one session of a code";
pub const ONCE: &str = "A request that comes twice has one outcome";
pub const TIME: &str = "What has expired is refused, at the millisecond";
pub const SANDBOX: &str = "Every login has its Sandbox in the end: one key, and what is true of it";
pub const MAILS: &str = "A mail goes to whom it is owed, or it shows that it did not";
pub const PAIRS: &str = "Two changes at once come to what one after the other may come to";
pub const METERED: &str = "Never a call over a limit, and changed limits hold from the answer on";
pub const TRUE: &str = "What an answer says of a change is true, an outage's included";

/// One fault of any kind in a schedule.
const ONE: Faults = Faults { fates: FAULTS, most: 1 };

const NONE: Faults = Faults { fates: &[], most: 0 };

/// Whether every act was answered for good, and no outage leaves open what became of one.
fn all_known(ended: &Ended) -> bool {
    ended.done.iter().all(|done| !done.answer.is_outage())
}

/// Exactly one of the acts went well, unless nobody knows; and never two.
fn one_of(ended: &Ended, function: &str) -> Judgement {
    let done = ended.of(function).filter(|done| ended.changes(done) > 0).count();
    holds(done <= 1, || format!("{done} times {function}, where one may be done"))?;
    holds(done == 1 || !all_known(ended), || format!("no {function}, where one may be done"))
}

/// These acts, and nothing that is asked for when all is over.
fn play(actors: Vec<Vec<Act>>, scene: Scene) -> Play {
    Play { actors, keys: vec![], people: vec![], scene: scene.ready() }
}

fn nothing_more(_: &Ended) -> Judgement {
    Ok(())
}

/// An account with room for so many own keys, its admin, and one key.
async fn with_a_key(scene: &mut Scene, own_keys: u32) -> (Person, Key) {
    let admin = scene.account(own_keys + 1, 5).await;
    let key = scene.key(&admin, "First").await;
    (admin, key)
}

async fn with_two_admins(scene: &mut Scene) -> (Person, Person) {
    let admin = scene.account(3, 5).await;
    let other = scene.member(&admin, "other@example.com", "admin").await;
    (admin, other)
}

/// As many faults as make an outage of one request.
const OUTAGE: Faults = Faults { fates: FAULTS, most: 3 };

pub const CREATE: Case = Case {
    name: "create, in an outage",
    holds: TRUE,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 2).await;
            Play {
                actors: vec![vec![create_key(&admin, "A")]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfAll,
    faults: OUTAGE,
    judge: nothing_more,
    sometimes: &[
        "create-key: 201",
        "create-key: not done",
        "create-key: perhaps done, and not",
        "create-key: perhaps done, and done",
    ],
};

pub const DELETE: Case = Case {
    name: "delete, in an outage",
    holds: TRUE,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 2).await;
            Play {
                actors: vec![vec![delete_key(&admin, &key)]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    sometimes: &[
        "delete-key: 204",
        "delete-key: not done",
        "delete-key: perhaps done, and not",
        "delete-key: perhaps done, and done",
    ],
    ..CREATE
};

/// Made twice, it would end the value that programs still use.
pub const ROTATE: Case = Case {
    name: "rotate, with two faults",
    holds: ONCE,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 2).await;
            Play {
                actors: vec![vec![rotate_key(&admin, &key)]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    faults: Faults { fates: FAULTS, most: 2 },
    sometimes: &["LostAfter, then rotate-key: 201", "Conflict, then rotate-key: 201"],
    ..CREATE
};

pub const LOGIN: Case = Case {
    name: "login, with a fault",
    holds: GUESSES,
    play: |mut scene| {
        async {
            scene.account(2, 2).await;
            let (challenge, code) = scene.challenge(ADMIN).await;
            Play {
                actors: vec![vec![verify(&challenge, &code)]],
                keys: vec![],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    faults: ONE,
    judge: |ended| {
        let guesses = ended.guesses().max().unwrap_or_default();
        holds(guesses <= 1, || format!("one guess is on record {guesses} times"))
    },
    sometimes: &["LostAfter, then verify-code: 200", "Late, then verify-code: 200"],
    ..CREATE
};

pub const CREATE_CREATE: Case = Case {
    name: "create x create, one place left",
    holds: LIMITS,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 2).await;
            Play {
                actors: vec![vec![create_key(&admin, "A")], vec![create_key(&admin, "B")]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: Faults { fates: FAULTS, most: 2 },
    judge: |ended| one_of(ended, "create-key"),
    sometimes: &[
        "create-key: 201",
        "create-key: 409 key_limit_reached",
        "Conflict, then create-key: 201",
        "LostAfter, then create-key: 201",
        "Late, then create-key: 201",
        "InProgress, then create-key: 201",
        "LostBefore, then create-key: 503 temporarily_unavailable",
    ],
};

pub const CREATE_CREATE_CREATE: Case = Case {
    name: "create x create x create, one place left",
    holds: LIMITS,
    play: |mut scene| {
        async {
            let (admin, _) = with_a_key(&mut scene, 2).await;
            Play {
                actors: ["A", "B", "C"].map(|name| vec![create_key(&admin, name)]).into(),
                keys: vec![],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    faults: ONE,
    sometimes: &[
        "create-key: 201",
        "create-key: 409 key_limit_reached",
        "Late, then create-key: 201",
    ],
    ..CREATE_CREATE
};

pub const CREATE_ONCE: Case = Case {
    name: "create x create, one Idempotency-Key",
    holds: ONCE,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 3).await;
            let create = create_key_once(&admin, "A", "once");
            Play {
                actors: vec![vec![create.clone()], vec![create]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: |ended| {
        one_of(ended, "create-key")?;
        holds(ended.made.len() <= 1, || "one request has two outcomes".to_owned())?;
        holds(ended.made.keys().all(|value| ended.accepted[value]), || {
            "a key was answered that is none".to_owned()
        })
    },
    sometimes: &["create-key: 201", "refused by the store, then create-key: done"],
};

pub const DELETE_CHECK: Case = Case {
    name: "delete x check, check",
    holds: KEYS,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 2).await;
            Play {
                actors: vec![vec![delete_key(&admin, &key)], vec![check(&key), check(&key)]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: |ended| {
        let deleted = ended.of("delete-key").any(|done| ended.changes(done) > 0);
        let accepted = ended.accepted.values().all(|accepted| *accepted);
        holds(deleted != accepted, || format!("deleted: {deleted}, accepted: {accepted}"))
    },
    sometimes: &["delete-key: 204", "check-key: 200", "check-key: 403"],
};

/// Of two checks at once that find no use on record, one marks it: a busy key's row is not written
/// at every call.
pub const CHECK_CHECK: Case = Case {
    name: "check x check, of a key that nobody has used",
    holds: KEYS,
    play: |mut scene| {
        async {
            let admin = scene.account(2, 2).await;
            let key = scene.unused_key_of(&create_key(&admin, "First")).await;
            Play {
                actors: vec![vec![check(&key)], vec![check(&key)]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfAll,
    faults: NONE,
    judge: |ended| {
        let marks = ended.steps.iter().filter(|step| step.commits).count();
        holds(marks == 1, || format!("one use is marked {marks} times"))
    },
    sometimes: &["check-key: 200", "refused by the store, then check-key: done"],
};

pub const DELETE_DELETE: Case = Case {
    name: "delete x delete",
    holds: ONCE,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 2).await;
            Play {
                actors: vec![vec![delete_key(&admin, &key)], vec![delete_key(&admin, &key)]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: |ended| one_of(ended, "delete-key"),
    sometimes: &["delete-key: 204", "delete-key: 404 key_not_found"],
};

pub const DELETE_CREATE: Case = Case {
    name: "delete x create, no place left",
    holds: LIMITS,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 1).await;
            Play {
                actors: vec![vec![delete_key(&admin, &key)], vec![create_key(&admin, "A")]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: nothing_more,
    sometimes: &["delete-key: 204", "create-key: 201", "create-key: 409 key_limit_reached"],
};

pub const REVOKE_CREATE: Case = Case {
    name: "revoke x create, create by the revoked",
    holds: PEOPLE,
    play: |mut scene| {
        async {
            let (admin, other) = with_two_admins(&mut scene).await;
            Play {
                actors: vec![
                    vec![revoke_member(&admin, &other.id)],
                    vec![create_key(&other, "A"), create_key(&other, "B")],
                ],
                keys: vec![],
                people: vec![other],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: |ended| {
        let revoked = ended.of("revoke-member").any(|done| ended.changes(done) > 0);
        holds(revoked != ended.logged_in[0], || "whoever is revoked is logged in".to_owned())
    },
    sometimes: &["revoke-member: 204", "create-key: 201", "create-key: 401 session_ended"],
};

pub const DEMOTE_CREATE: Case = Case {
    name: "demote x create, create by the demoted",
    holds: PEOPLE,
    play: |mut scene| {
        async {
            let (admin, other) = with_two_admins(&mut scene).await;
            Play {
                actors: vec![
                    vec![change_role(&admin, &other.id, "member")],
                    vec![create_key(&other, "A"), create_key(&other, "B")],
                ],
                keys: vec![],
                people: vec![other],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: |ended| {
        holds(ended.logged_in[0], || "whoever is no admin any more is logged out".to_owned())
    },
    sometimes: &["change-role: 200", "create-key: 201", "create-key: 403 admin_required"],
};

pub const DEMOTE_DEMOTE: Case = Case {
    name: "two admins demote each other",
    holds: ADMINS,
    play: |mut scene| {
        async {
            let (one, other) = with_two_admins(&mut scene).await;
            Play {
                actors: vec![
                    vec![change_role(&one, &other.id, "member")],
                    vec![change_role(&other, &one.id, "member")],
                ],
                keys: vec![],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: |ended| one_of(ended, "change-role"),
    sometimes: &["change-role: 200", "change-role: 403 admin_required"],
};

pub const LEAVE_DEMOTE: Case = Case {
    name: "one admin leaves, the other steps down",
    holds: ADMINS,
    play: |mut scene| {
        async {
            let (one, other) = with_two_admins(&mut scene).await;
            Play {
                actors: vec![vec![leave(&one)], vec![change_role(&other, &other.id, "member")]],
                keys: vec![],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: |ended| {
        let changed = ended.done.iter().filter(|done| ended.changes(done) > 0).count();
        holds(changed <= 1, || "both of the last two admins are gone".to_owned())
    },
    sometimes: &[
        "leave-team: 204",
        "leave-team: 409 last_admin",
        "change-role: 200",
        "change-role: 409 last_admin",
    ],
};

pub const LEAVE_DEMOTED: Case = Case {
    name: "one admin leaves, the other demotes it",
    holds: ADMINS,
    play: |mut scene| {
        async {
            let (one, other) = with_two_admins(&mut scene).await;
            Play {
                actors: vec![vec![leave(&one)], vec![change_role(&other, &one.id, "member")]],
                keys: vec![],
                people: vec![one],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: nothing_more,
    sometimes: &["leave-team: 204", "change-role: 200", "change-role: 404 member_not_found"],
};

pub const SUSPEND_CREATE: Case = Case {
    name: "suspend x create",
    holds: SUSPENDED,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 3).await;
            Play {
                actors: vec![vec![suspend(&admin.account)], vec![create_key(&admin, "A")]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: none_is_good_once_it_is_suspended,
    sometimes: &["change-account: 200", "create-key: 201", "create-key: 403 account_suspended"],
};

pub const SUSPEND_CHECK: Case = Case {
    name: "suspend x check",
    holds: SUSPENDED,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 3).await;
            Play {
                actors: vec![vec![suspend(&admin.account)], vec![check(&key)]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: none_is_good_once_it_is_suspended,
    sometimes: &["change-account: 200", "check-key: 200", "check-key: 403"],
};

fn none_is_good_once_it_is_suspended(ended: &Ended) -> Judgement {
    let suspended = ended.of("change-account").all(|done| done.answer.is_success());
    let good = ended.accepted.values().filter(|accepted| **accepted).count();
    holds(!suspended || good == 0, || format!("{good} keys slipped through a suspension"))
}

/// The values that were committed, the newest last: the first one, and those of the rotations.
fn values<'e>(ended: &'e Ended, key: &'e str) -> Vec<Option<&'e str>> {
    let mut rotations: Vec<&Done> =
        ended.of("rotate-key").filter(|done| ended.changes(done) > 0).collect();
    rotations.sort_by_key(|done| ended.first_change(done).map(|(place, _)| place));
    let made = rotations.into_iter().map(|done| done.answer.body["api_key"].as_str());
    std::iter::once(Some(key)).chain(made).collect()
}

pub const ROTATE_ROTATE: Case = Case {
    name: "rotate x rotate",
    holds: KEYS,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 2).await;
            Play {
                actors: vec![vec![rotate_key(&admin, &key)], vec![rotate_key(&admin, &key)]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: |ended| {
        let key = ended.table().keys().first().map(|row| text(row, "id")).expect("a key");
        let values = values(ended, key);
        let newest = values.len().saturating_sub(2);
        // Of one whose answer was lost for good, nobody knows the value.
        for (place, value) in
            values.iter().enumerate().filter_map(|(n, value)| Some((n, (*value)?)))
        {
            let (good, accepted) = (place >= newest, ended.accepted[value]);
            holds(good == accepted, || format!("value {place} of {}: {accepted}", values.len()))?;
        }
        Ok(())
    },
    sometimes: &["rotate-key: 201", "LostAfter, then rotate-key: 201"],
};

pub const ROTATE_DELETE: Case = Case {
    name: "rotate x delete",
    holds: KEYS,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 2).await;
            Play {
                actors: vec![vec![rotate_key(&admin, &key)], vec![delete_key(&admin, &key)]],
                keys: vec![key],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: |ended| {
        let deleted = ended.of("delete-key").any(|done| ended.changes(done) > 0);
        let accepted = ended.accepted.values().any(|accepted| *accepted);
        holds(deleted != accepted, || format!("deleted: {deleted}, accepted: {accepted}"))
    },
    sometimes: &["rotate-key: 201", "rotate-key: 404 key_not_found", "delete-key: 204"],
};

pub const INVITE_INVITE: Case = Case {
    name: "invite x invite, one place left",
    holds: LIMITS,
    play: |mut scene| {
        async {
            let admin = scene.account(2, 2).await;
            Play {
                actors: vec![
                    vec![invite(&admin, "one@example.com", "member")],
                    vec![invite(&admin, "other@example.com", "member")],
                ],
                keys: vec![],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: ONE,
    judge: |ended| one_of(ended, "invite-member"),
    sometimes: &["invite-member: 201", "invite-member: 409 member_limit_reached"],
};

/// How often a code was compared with what somebody typed.
fn compares(ended: &Ended) -> usize {
    ended.answered("200") + ended.answered("401 code_incorrect")
}

fn wrong(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..5])
}

pub const GUESS_GUESS: Case = Case {
    name: "guess x guess, one guess left",
    holds: GUESSES,
    play: |mut scene| {
        async {
            scene.account(2, 2).await;
            let (challenge, code) = scene.challenge(ADMIN).await;
            let wrong = verify(&challenge, &wrong(&code));
            for _ in 0..4 {
                scene.call(&wrong).await;
            }
            Play {
                actors: vec![vec![verify(&challenge, &code)], vec![wrong]],
                keys: vec![],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfAll,
    faults: Faults { fates: LOST_ANSWERS, most: 1 },
    judge: |ended| {
        let (guesses, compares) = (ended.guesses().max().unwrap_or_default(), compares(ended));
        holds(guesses <= 5, || format!("{guesses} guesses are on record"))?;
        holds(compares <= 1, || format!("{compares} were looked at where one guess was left"))
    },
    sometimes: &[
        "verify-code: 200",
        "verify-code: 401 code_incorrect",
        "verify-code: 429 too_many_attempts",
        "LostAfter, then verify-code: 200",
    ],
};

/// Nine of the ten wrong guesses that one network has in an hour.
pub const ALLOWANCE: Case = Case {
    name: "guess x guess, the last of an hour",
    play: |mut scene| {
        async {
            scene.account(2, 2).await;
            // Those before were of the login that made the scene.
            scene.wait(SignedDuration::from_hours(1));
            for guesses in [5, 4] {
                let (challenge, code) = scene.challenge(ADMIN).await;
                for _ in 0..guesses {
                    scene.call(&verify(&challenge, &wrong(&code))).await;
                }
            }
            let (challenge, code) = scene.challenge(ADMIN).await;
            let wrong = verify(&challenge, &wrong(&code));
            Play {
                actors: vec![vec![wrong.clone()], vec![wrong]],
                keys: vec![],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    judge: |ended| {
        let compares = compares(ended);
        holds(compares <= 1, || format!("{compares} were looked at where one guess was left"))
    },
    sometimes: &["verify-code: 401 code_incorrect", "verify-code: 429 too_many_attempts"],
    ..GUESS_GUESS
};

/// Each finds the other's notice on record, and a session in its place.
pub const LOGINS_OF_ONE: Case = Case {
    name: "login x login, by two codes of one member",
    holds: GUESSES,
    play: |mut scene| {
        async {
            scene.account(2, 2).await;
            let mut logins = Vec::new();
            for _ in 0..2 {
                let (challenge, code) = scene.challenge(ADMIN).await;
                logins.push(vec![verify(&challenge, &code)]);
            }
            play(logins, scene)
        }
        .boxed()
    },
    independence: Independence::OnceBegun,
    faults: NONE,
    judge: |ended| {
        let refused = ended.done.iter().find(|done| !done.answer.is_success());
        holds(refused.is_none(), || "a right code was refused".to_owned())
    },
    sometimes: &["refused by the store, then verify-code: done"],
};

pub const LOGIN_LOGIN: Case = Case {
    name: "one code, shown twice",
    holds: GUESSES,
    play: |mut scene| {
        async {
            scene.account(2, 2).await;
            let (challenge, code) = scene.challenge(ADMIN).await;
            Play {
                actors: vec![vec![verify(&challenge, &code)], vec![verify(&challenge, &code)]],
                keys: vec![],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfAll,
    faults: NONE,
    judge: |ended| one_of(ended, "verify-code"),
    sometimes: &["verify-code: 200", "verify-code: 401 code_expired"],
};

/// More than can be tried in every order.
pub const MANY: Case = Case {
    name: "four actors, ten acts, up to four faults",
    holds: TRUE,
    play: |mut scene| {
        async {
            let (admin, key) = with_a_key(&mut scene, 3).await;
            let rotated = scene.key(&admin, "Rotated").await;
            let other = scene.member(&admin, "other@example.com", "admin").await;
            Play {
                actors: vec![
                    vec![
                        create_key(&admin, "A"),
                        delete_key(&admin, &key),
                        change_role(&admin, &other.id, "member"),
                    ],
                    vec![
                        create_key(&other, "B"),
                        rotate_key(&other, &rotated),
                        create_key(&other, "C"),
                    ],
                    vec![check(&key), check(&rotated), check(&key)],
                    vec![suspend(&admin.account)],
                ],
                keys: vec![key, rotated],
                people: vec![],
                scene: scene.ready(),
            }
        }
        .boxed()
    },
    independence: Independence::OfOneActor,
    faults: Faults { fates: FAULTS, most: 4 },
    judge: nothing_more,
    sometimes: &[
        "create-key: 201",
        "create-key: 409 key_limit_reached",
        "create-key: 403 admin_required",
        "create-key: 403 account_suspended",
        "delete-key: 204",
        "rotate-key: 201",
        "check-key: 200",
        "check-key: 403",
        "Late, then create-key: 201",
    ],
};
