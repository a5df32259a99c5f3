//! Calls beside each other at an account's meter. Each check here is a process of its own; what a
//! process holds of a meter is tried by the tests of `domain::meter`.

use super::{METERED, NONE, ONE, nothing_more};
use crate::choices::Independence;
use crate::explore::Case;
use crate::judge::{Judgement, holds, number};
use crate::scene::{Act, Key, Person, Scene, check, create_key, operate, until};
use crate::schedule::{Ended, Play};
use futures::FutureExt;
use jiff::SignedDuration;
use serde_json::{Value, json};

fn set_limits(admin: &Person, limits: Value) -> Act {
    operate(&admin.account, "set_limits", json!({ "limits": limits }))
}

/// An account with these limits, its admin, and a key.
async fn limited(scene: &mut Scene, limits: Value) -> (Person, Key) {
    let admin = scene.account(4, 2).await;
    let key = scene.key(&admin, "Checked").await;
    scene.done(&set_limits(&admin, limits)).await;
    (admin, key)
}

fn played(scene: Scene, actors: Vec<Vec<Act>>) -> Play {
    Play { actors, keys: vec![], people: vec![], scene: scene.ready() }
}

fn through(ended: &Ended) -> usize {
    ended.of("check-key").filter(|done| done.answer.is_success()).count()
}

/// What was taken from the month, by the meter.
fn taken(ended: &Ended) -> usize {
    let meter = ended.rows.iter().find(|((_, sk), _)| sk == "METER");
    meter.map_or(0, |(_, row)| number(row, "calls") as usize)
}

/// No more than so many calls, all of them counted; and none is refused while there are some left.
fn at_most(ended: &Ended, most: usize) -> Judgement {
    let (through, taken) = (through(ended), taken(ended));
    holds(through <= most, || format!("{through} calls, where {most} may be"))?;
    holds(through <= taken, || format!("{through} calls, and {taken} on record"))?;
    let over = ended.of("check-key").any(|done| done.answer.status == 429);
    holds(!over || taken >= most, || format!("one is over the limit, and {taken} are taken"))
}

pub const MONTH: Case = Case {
    name: "check x check for the last call of a month",
    holds: METERED,
    play: |mut scene| {
        async {
            let (_, key) = limited(&mut scene, json!({ "per_month": 1 })).await;
            played(scene, vec![vec![check(&key)]; 2])
        }
        .boxed()
    },
    independence: Independence::OfAll,
    faults: ONE,
    judge: |ended| at_most(ended, 1),
    sometimes: &[
        "check-key: 200",
        "check-key: 429",
        "refused by the store, then check-key: done",
        "LostAfter, then check-key: 429",
    ],
};

pub const BURST: Case = Case {
    name: "check x check x check for a burst of two calls",
    play: |mut scene| {
        async {
            let limits = json!({ "per_minute": 1, "burst": 2 });
            let (_, key) = limited(&mut scene, limits).await;
            played(scene, vec![vec![check(&key)]; 3])
        }
        .boxed()
    },
    faults: NONE,
    judge: |ended| {
        let through = through(ended);
        holds(through == 2, || format!("{through} calls, where two may be"))
    },
    sometimes: &["check-key: 200", "check-key: 429", "refused by the store, then check-key: done"],
    ..MONTH
};

/// Of the month before and of the new one, one call each.
pub const TURN: Case = Case {
    name: "a month's turn, check x check, check for one call of a month",
    play: |mut scene| {
        async {
            let (_, key) = limited(&mut scene, json!({ "per_month": 1 })).await;
            let turn = domain::Month::of(scene.now()).ends_at();
            scene.wait(turn.duration_since(scene.now()) - SignedDuration::from_secs(30));
            let after = vec![until(turn), check(&key)];
            played(scene, vec![after, vec![check(&key); 2]])
        }
        .boxed()
    },
    judge: |ended| {
        let (through, taken) = (through(ended), taken(ended));
        holds(through <= 2, || format!("{through} calls in two months of one"))?;
        holds(taken == 1, || format!("{taken} calls of a month that has one"))
    },
    sometimes: &["check-key: 200", "check-key: 429"],
    ..BURST
};

/// What is counted of the month stays, and whoever asks when they are changed has the new ones.
pub const CHANGE: Case = Case {
    name: "limits change, check x check",
    play: |mut scene| {
        async {
            let (admin, key) = limited(&mut scene, json!({ "per_month": 9 })).await;
            let limits = set_limits(&admin, json!({ "per_month": 1 }));
            played(scene, vec![vec![limits, check(&key)], vec![check(&key)]])
        }
        .boxed()
    },
    independence: Independence::OnceBegun,
    faults: NONE,
    judge: |ended| {
        let changed = ended.of("change-account").find(|done| done.answer.is_success());
        let checks = ended.of("check-key").filter(|done| done.answer.is_success());
        let Some(changed) = changed else { return Ok(()) };
        let (late, early): (Vec<_>, Vec<_>) = checks.partition(|done| done.is_after(changed));
        holds(late.len() <= 1, || format!("{} calls after one is the limit", late.len()))?;
        let before = early.iter().filter(|done| changed.is_after(done)).count();
        holds(late.is_empty() || before == 0, || "a call of the month was not counted".to_owned())
    },
    sometimes: &["check-key: 200", "check-key: 429", "change-account: 200"],
    ..MONTH
};

/// Whoever makes a key while limits change makes it with those that hold: by [`crate::judge`].
pub const CREATE: Case = Case {
    name: "limits change x create",
    play: |mut scene| {
        async {
            let (admin, _) = limited(&mut scene, json!({ "per_month": 9 })).await;
            let limits = set_limits(&admin, json!({ "per_minute": 1 }));
            played(scene, vec![vec![limits], vec![create_key(&admin, "A")]])
        }
        .boxed()
    },
    faults: NONE,
    judge: nothing_more,
    sometimes: &["create-key: 201", "change-account: 200"],
    ..MONTH
};
