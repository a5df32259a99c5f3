//! Calls beside each other at an account's meter: of processes that are as cold as after a start,
//! and of some that hold calls that they took ahead.

use super::{METERED, NONE, ONE, nothing_more, play};
use crate::choices::Independence;
use crate::explore::Case;
use crate::judge::{Judgement, holds, number};
use crate::scene::{
    Act, CLOCKS_DIFFER_BY, Key, Person, Scene, TIME, check, create_key, operate, until,
};
use crate::schedule::{Ended, Faults};
use crate::wire::Fate;
use domain::Month;
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
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

/// So many calls, one after the other, of a process that stays.
fn checks(key: &Key, calls: usize) -> Vec<Act> {
    vec![check(key).warm(); calls]
}

/// So long before the month ends: when it does.
fn before_turn(scene: &mut Scene, time: SignedDuration) -> Timestamp {
    let turn = Month::of(scene.now()).ends_at();
    scene.wait(turn.duration_since(scene.now()) - time);
    turn
}

/// A check of a process whose clock is a minute ahead, beside two others.
fn one_ahead(key: &Key) -> Vec<Vec<Act>> {
    let ahead = check(key).skewed(CLOCKS_DIFFER_BY);
    vec![vec![ahead], vec![check(key)], vec![check(key)]]
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
            play(vec![vec![check(&key)]; 2], scene)
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
            play(vec![vec![check(&key)]; 3], scene)
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
            let turn = before_turn(&mut scene, SignedDuration::from_secs(30));
            let after = vec![until(turn), check(&key)];
            play(vec![after, vec![check(&key); 2]], scene)
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
            play(vec![vec![limits, check(&key)], vec![check(&key)]], scene)
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
            play(vec![vec![limits], vec![create_key(&admin, "A")]], scene)
        }
        .boxed()
    },
    faults: NONE,
    judge: nothing_more,
    sometimes: &["create-key: 201", "change-account: 200"],
    ..MONTH
};

/// A process that ends wastes what it has taken, and nobody makes more of it.
pub const BLOCKS: Case = Case {
    name: "five checks of a process x five of another for eight calls, taken ahead",
    play: |mut scene| {
        async {
            let limits = json!({ "per_minute": 1, "burst": 25 });
            let (_, key) = limited(&mut scene, limits).await;
            for _ in 0..17 {
                scene.done(&check(&key)).await;
            }
            play(vec![checks(&key, 5); 2], scene)
        }
        .boxed()
    },
    faults: NONE,
    judge: |ended| {
        let through = through(ended);
        // Two are left of a block at most, and of one whose process ended, three.
        let wasted = 4 + 3 * ended.steps.iter().filter(|step| step.fate.is_fault()).count();
        holds(through <= 8 && through + wasted >= 8, || {
            format!("{through} calls, where eight may be")
        })
    },
    ..BURST
};

pub const BLOCKS_IN_TROUBLE: Case = Case {
    name: "calls that are taken ahead, with two faults",
    faults: Faults { fates: &[Fate::LostAfter, Fate::Killed, Fate::KilledAfter], most: 2 },
    sometimes: &["check-key: 200", "check-key: 503 killed", "LostAfter, then check-key: 200"],
    ..BLOCKS
};

/// Those that were taken ahead are let through in their month, or not at all.
pub const BLOCKS_TURN: Case = Case {
    name: "three checks, a month's turn and three checks of a process x check",
    play: |mut scene| {
        async {
            // So that two are taken at once, and the first of the new month would be left over.
            let (_, key) = limited(&mut scene, json!({ "per_month": 383 })).await;
            let turn = before_turn(&mut scene, SignedDuration::from_millis(200));
            let before = checks(&key, 3).into_iter().chain([until(turn)]);
            let acts = before.chain(checks(&key, 3)).collect();
            play(vec![acts, checks(&key, 1)], scene)
        }
        .boxed()
    },
    faults: NONE,
    judge: |ended| {
        let turn = ended.of(TIME).next().map_or(usize::MAX, |time| time.ended);
        let late = ended.of("check-key").filter(|done| done.began >= turn).count();
        let taken = taken(ended);
        holds((3..=4).contains(&late) && late <= taken, || {
            format!("{late} calls of the new month, and {taken} on record")
        })
    },
    sometimes: &["check-key: 200"],
    ..MONTH
};

/// Those that were taken ahead are of the limits that they were taken by.
pub const BLOCKS_CHANGE: Case = Case {
    name: "limits change x five checks of a process that takes ahead",
    play: |mut scene| {
        async {
            let limits = json!({ "per_minute": 1, "burst": 25 });
            let (admin, key) = limited(&mut scene, limits).await;
            let limits = set_limits(&admin, json!({ "per_minute": 1, "burst": 1 }));
            play(vec![vec![limits], checks(&key, 5)], scene)
        }
        .boxed()
    },
    judge: |ended| {
        let changed = ended.of("change-account").find(|done| done.answer.is_success());
        let Some(changed) = changed else { return Ok(()) };
        let late = ended.of("check-key").filter(|done| done.is_after(changed));
        let late = late.filter(|done| done.answer.is_success()).count();
        holds(late <= 1, || format!("{late} calls after one is the limit"))
    },
    ..CHANGE
};

/// Clocks that differ by a minute let through what the rate has in a minute, and no more.
pub const CLOCKS: Case = Case {
    name: "check, a minute ahead x check x check for a burst of one call",
    play: |mut scene| {
        async {
            let (_, key) = limited(&mut scene, json!({ "per_minute": 1, "burst": 1 })).await;
            play(one_ahead(&key), scene)
        }
        .boxed()
    },
    judge: |ended| {
        let through = through(ended);
        holds((1..=2).contains(&through), || format!("{through} calls, where two may be"))
    },
    ..BURST
};

/// The month is the one of the clock that is ahead, for all of them: it has its calls once.
pub const CLOCKS_TURN: Case = Case {
    name: "check in the next month x check x check for one call of a month",
    play: |mut scene| {
        async {
            let (_, key) = limited(&mut scene, json!({ "per_month": 1 })).await;
            before_turn(&mut scene, SignedDuration::from_secs(30));
            play(one_ahead(&key), scene)
        }
        .boxed()
    },
    ..TURN
};
