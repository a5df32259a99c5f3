//! Each pair of changes, beside each other.
//!
//! They begin with one scene: two admins with two sessions each, somebody who is invited, a key,
//! and one place left for a key and for a member. A change is written once, for the [`Side`] that
//! makes it, and a pair is two of them. What is judged is what holds of every case.

use super::{NONE, PAIRS, TRUE};
use crate::choices::{Choices, Independence};
use crate::explore::{Explored, FAULTS, Rules, asked_choices, on_one_thread, setting};
use crate::judge::{Judgement, holds};
use crate::scene::{
    Act, CLOCKS_DIFFER_BY, Key, Person, Scene, change_key, change_role, check, create_key, decline,
    delete_key, end_all_sessions, end_session, end_sessions, invite, leave, operate, register,
    remove_member, request_code, resend, retry_sandbox, revoke_key, revoke_member,
    revoke_other_sessions, revoke_session, rotate_key, session, suspend, verify,
};
use crate::schedule::{Done, Ended, Faults, Play, run};
use crate::wire::{Fate, Reach, Wire};
use frontdesk_tests::proof::{is_quick, size};
use jiff::SignedDuration;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Who there is.
struct Cast {
    admins: [Admin; 2],
    key: Key,
    invited: Invited,
}

/// An admin with two sessions, and a code that opens a third one.
struct Admin {
    first: Person,
    second: Person,
    code: (String, String),
}

struct Invited {
    id: String,
    link: String,
    code: (String, String),
}

/// One of two at work: who it is, and who the other one is.
struct Side<'c> {
    me: &'c Person,
    my_code: &'c (String, String),
    other: &'c Admin,
    key: &'c Key,
    invited: &'c Invited,
}

const INVITED: &str = "invited@example.com";

/// Something that can be asked for, by the name that a replay takes.
struct Change {
    name: &'static str,
    act: fn(&Side) -> Act,
}

const fn change(name: &'static str, act: fn(&Side) -> Act) -> Change {
    Change { name, act }
}

/// What is done with a session, or a code, or a link.
static CUSTOMERS: [Change; 18] = [
    change("create-key", |side| create_key(side.me, "New")),
    change("change-key", |side| change_key(side.me, side.key, json!({ "name": "Other" }))),
    change("rotate-key", |side| rotate_key(side.me, side.key)),
    change("delete-key", |side| delete_key(side.me, side.key)),
    change("invite-member", |side| invite(side.me, "new@example.com", "member")),
    change("resend-invitation", |side| resend(side.me, &side.invited.id)),
    change("decline-invitation", |side| decline(&side.invited.link)),
    change("revoke-member", |side| revoke_member(side.me, &side.other.first.id)),
    change("revoke-invited", |side| revoke_member(side.me, &side.invited.id)),
    change("demote", |side| change_role(side.me, &side.other.first.id, "member")),
    change("promote-invited", |side| change_role(side.me, &side.invited.id, "admin")),
    change("leave-team", |side| leave(side.me)),
    change("leave-meanwhile", |side| leave(&side.other.second)),
    change("end-session", |side| end_session(&side.other.first)),
    change("revoke-session", |side| revoke_session(&side.other.second, &side.other.first)),
    change("revoke-sessions", |side| revoke_other_sessions(&side.other.second, &side.other.first)),
    change("request-code", |side| request_code(&side.me.email, "198.51.100.7")),
    change("retry-sandbox", |side| retry_sandbox(side.me)),
];

const LOGIN: Change = change("login", |side| verify(&side.my_code.0, &side.my_code.1));

static LOGINS: [Change; 2] =
    [LOGIN, change("first-login", |side| verify(&side.invited.code.0, &side.invited.code.1))];

static LOGIN_ALONE: [Change; 1] = [LOGIN];

/// What ends the membership of whoever logs in meanwhile.
static ENDS: [Change; 1] =
    [change("revoke-member", |side| revoke_member(side.me, &side.other.first.id))];

const SUSPEND: Change = change("suspend", |side| suspend(&side.me.account));
const RESUME: Change = change("resume", |side| operate(&side.me.account, "resume", json!({})));

static SUSPENSION: [Change; 2] = [SUSPEND, RESUME];

static OPERATORS: [Change; 11] = [
    change("register-account", |_| register("Other Company", INVITED)),
    change("rename", |side| operate(&side.me.account, "rename", json!({ "name": "Other" }))),
    change("set_limits", |side| {
        operate(&side.me.account, "set_limits", json!({ "key_limit": 4, "member_limit": 5 }))
    }),
    change("set_limits of calls", |side| {
        operate(&side.me.account, "set_limits", json!({ "limits": { "per_minute": 60 } }))
    }),
    change("add_admin", |side| operate(&side.me.account, "add_admin", json!({ "email": INVITED }))),
    change("remove_member", |side| remove_member(&side.other.first)),
    change("end_sessions", |side| end_sessions(&side.other.first)),
    change("end_all_sessions", |side| end_all_sessions(&side.me.account)),
    change("revoke_key", |side| revoke_key(&side.me.account, side.key)),
    SUSPEND,
    RESUME,
];

/// They change nothing, and show what has ended.
static READERS: [Change; 2] =
    [change("check-key", |side| check(side.key)), change("get-session", |side| session(side.me))];

impl Cast {
    async fn of(scene: &mut Scene) -> Self {
        let first = scene.account(3, 4).await;
        let key = scene.key(&first, "First").await;
        let admin = scene.admin(first).await;
        let first = scene.member(&admin.first, "other@example.com", "admin").await;
        let other = scene.admin(first).await;
        let (id, link) = scene.invited(&admin.first, INVITED).await;
        let invited = Invited { id, link, code: scene.challenge(INVITED).await };
        Self { admins: [admin, other], key, invited }
    }

    fn side(&self, number: usize) -> Side<'_> {
        let Self { admins, key, invited } = self;
        let Admin { first: me, code: my_code, .. } = &admins[number];
        Side { me, my_code, other: &admins[1 - number], key, invited }
    }
}

impl Scene {
    async fn admin(&mut self, first: Person) -> Admin {
        let email = first.email.clone();
        Admin { second: self.login(&email).await, code: self.challenge(&email).await, first }
    }
}

/// Pairs of two lists, each once; of a list, or its beginning, with itself, those of a change with
/// itself, too.
pub struct Pairs {
    name: &'static str,
    holds: &'static str,
    one: &'static [Change],
    other: &'static [Change],
    rules: Rules<'static>,
    /// How far the clock of whoever does the second is ahead.
    skew: SignedDuration,
    /// How many schedules of each pair are tried every day, and with `PROOFS=long`, if not all.
    sampled: [Option<u64>; 2],
}

const RULES: Rules =
    Rules { independence: Independence::OnceBegun, faults: NONE, judge: &|_| Ok(()) };

pub const OF_CUSTOMERS: Pairs = Pairs {
    name: "each pair of customers' changes",
    holds: PAIRS,
    one: &CUSTOMERS,
    other: &CUSTOMERS,
    rules: RULES,
    skew: SignedDuration::ZERO,
    sampled: [None, None],
};

pub const WITH_READERS: Pairs =
    Pairs { name: "each change beside a reader", other: &READERS, ..OF_CUSTOMERS };

pub const WITH_OPERATORS: Pairs = Pairs {
    name: "each customers' change beside an operator's",
    other: &OPERATORS,
    sampled: [Some(1), None],
    ..OF_CUSTOMERS
};

pub const OF_LOGINS: [Pairs; 3] = [
    Pairs { name: "each customers' change beside a login", other: &LOGINS, ..WITH_OPERATORS },
    Pairs {
        name: "each operators' change beside a login",
        one: &OPERATORS,
        other: &LOGINS,
        ..WITH_OPERATORS
    },
    Pairs { name: "a login beside another", one: &LOGINS, other: &LOGINS, ..WITH_OPERATORS },
];

pub const LOGIN_ENDS: Pairs =
    Pairs { name: "a login beside its end", one: &ENDS, other: &LOGIN_ALONE, ..OF_CUSTOMERS };

/// Of an operator's acts, those that stop the account and let it go on.
pub const WITH_SUSPENSION: Pairs = Pairs {
    name: "each customers' change beside a suspension or a resumption",
    other: &SUSPENSION,
    sampled: [Some(8), Some(500)],
    ..OF_CUSTOMERS
};

pub const OF_SUSPENSION: Pairs = Pairs {
    name: "suspensions and resumptions beside each other",
    one: &SUSPENSION,
    sampled: [Some(40), Some(5000)],
    ..WITH_SUSPENSION
};

/// Without those of [`OF_SUSPENSION`], which have too many schedules to try all.
pub const OF_OPERATORS: Pairs = Pairs {
    name: "each pair of operators' changes",
    one: OPERATORS.split_at(OPERATORS.len() - SUSPENSION.len()).0,
    ..WITH_OPERATORS
};

pub const OPERATORS_WITH_READERS: Pairs = Pairs {
    name: "each operators' change beside a reader",
    one: &OPERATORS,
    other: &READERS,
    ..WITH_OPERATORS
};

/// Where a function runs whose clock is ahead, or behind.
pub const SKEWED: [Pairs; 2] = [
    Pairs {
        name: "each pair of customers' changes, one clock ahead",
        skew: CLOCKS_DIFFER_BY,
        sampled: [Some(1), None],
        ..OF_CUSTOMERS
    },
    Pairs {
        name: "each pair of customers' changes, one clock behind",
        skew: CLOCKS_DIFFER_BY.checked_neg().expect("a minute"),
        sampled: [Some(1), None],
        ..OF_CUSTOMERS
    },
];

const IN_TROUBLE: Rules = Rules { faults: Faults { fates: FAULTS, most: 2 }, ..RULES };

/// The same pairs, when not all goes well.
pub const ALL_IN_TROUBLE: [Pairs; 3] = [
    Pairs {
        name: "each pair of customers' changes, with faults",
        rules: IN_TROUBLE,
        sampled: [Some(1), Some(40)],
        ..OF_CUSTOMERS
    },
    Pairs {
        name: "each customers' change beside an operator's, with faults",
        rules: IN_TROUBLE,
        sampled: [Some(1), Some(40)],
        ..WITH_OPERATORS
    },
    Pairs {
        name: "each pair of operators' changes, with faults",
        one: &OPERATORS,
        rules: IN_TROUBLE,
        sampled: [Some(1), Some(40)],
        ..WITH_OPERATORS
    },
];

impl Pairs {
    /// Holds every schedule of every pair, or so many of each, to what holds of every case.
    pub fn hold(&self) {
        let began = Instant::now();
        let explored = on_one_thread(async {
            let stage = Stage::new().await;
            let mut explored = Explored::default();
            let alone = stage.reaches(self.one, 0).await;
            let beside = stage.reaches(self.other, 1).await;
            for [one, other] in self.each() {
                if alone[one].meets(&beside[other]) {
                    self.pair([&self.one[one], &self.other[other]], &stage, &mut explored).await;
                }
            }
            explored
        });
        explored.tell(self.holds, self.name, began);
    }

    async fn pair(&self, [one, other]: [&Change; 2], stage: &Stage, explored: &mut Explored) {
        let name = format!("{} x {}", one.name, other.name);
        if setting("SIMULATION_PAIR").is_some_and(|asked| asked != name) {
            return;
        }
        let beside = stage.act(other, 1).skewed(self.skew);
        let play = stage.play(vec![stage.act(one, 0), beside]);
        let again = format!("SIMULATION_PAIR='{name}' ");
        let orders = [stage.outcome(&play, 0).await, stage.outcome(&play, 1).await];
        let judge = |ended: &Ended| as_one_by_one(ended, &orders);
        let rules = Rules { judge: &judge, ..self.rules };
        if let Some(choices) = asked_choices() {
            rules.replay(&choices, &play, &stage.wire).await.refuse(&name, &again);
            return;
        }
        let [daily, long] = self.sampled;
        match if is_quick() { Some(1) } else { size(daily, long) } {
            None => rules.all(&play, &stage.wire, explored).await,
            Some(most) => rules.some(0..most, &play, &stage.wire, explored).await,
        }
        explored.refuse(&name, &again);
    }

    /// By their places in the lists. Where little is asked for, every third of them: so each change
    /// is there still, whatever the length of the lists.
    fn each(&self) -> impl Iterator<Item = [usize; 2]> {
        let is_own = std::ptr::eq(self.one.as_ptr(), self.other.as_ptr());
        let others = self.other.len();
        let pairs = (0..self.one.len()).flat_map(move |one| {
            let first = if is_own { one } else { 0 };
            (first..others).map(move |other| [one, other])
        });
        pairs.step_by(if is_quick() { 3 } else { 1 })
    }
}

/// What each was answered, and whether it changed anything; none where anything may come of any.
type Outcome = Vec<Option<(String, bool)>>;

fn outcome(ended: &Ended) -> Outcome {
    let of = |done: &Done| {
        // Whoever goes while its sessions are being ended has none left, as was asked for.
        let ends_them = done.asked.operators() == Some("end_sessions") && done.answer.is_success();
        let is_any = done.answer.is_outage() || ends_them;
        (!is_any).then(|| (done.answer.named(), ended.changes(done) > 0))
    };
    let mut done: Vec<_> = ended.done.iter().collect();
    done.sort_by_key(|done| done.actor);
    done.into_iter().map(of).collect()
}

/// Two at once are answered what one after the other is, in one of both orders.
fn as_one_by_one(ended: &Ended, orders: &[Outcome; 2]) -> Judgement {
    let outcome = outcome(ended);
    let is_so = |order: &Outcome| {
        let both = order.iter().zip(&outcome);
        both.into_iter().all(|(one, is)| is.is_none() || one == is)
    };
    holds(orders.iter().any(is_so), || {
        format!("both came to {outcome:?}, and one after the other to {orders:?}")
    })
}

/// Each change by itself, in an outage that begins at any of its requests.
pub fn hold_alone_in_an_outage() {
    hold_alone("each change, in an outage", &[Fate::Outage]);
}

/// The same while Secrets Manager gives no keyring.
pub fn hold_alone_without_keyring() {
    hold_alone("each change, while no keyring comes", &[Fate::NoKeyring]);
}

/// Of a store that is out nobody asks the same write more often than the SDK does by itself:
/// whoever waits for an answer is told of an outage in time.
fn soon_given_up(ended: &Ended) -> Judgement {
    let mut sent = BTreeMap::new();
    for step in &ended.steps {
        let is_out = matches!(step.fate, Fate::Outage | Fate::StillOut);
        if is_out && step.is_write() {
            *sent.entry((&step.operation, &step.about)).or_insert(0_usize) += 1;
        }
    }
    let often = sent.iter().find(|(_, times)| **times > SDK_TRIES);
    holds(often.is_none(), || format!("{often:?} in an outage"))
}

/// How often the SDK sends a request that fails.
const SDK_TRIES: usize = 3;

fn hold_alone(name: &str, fates: &'static [Fate]) {
    let began = Instant::now();
    let faults = Faults { fates, most: 1 };
    let rules = Rules { faults, independence: Independence::OfAll, judge: &soon_given_up };
    let explored = on_one_thread(async {
        let stage = Stage::new().await;
        let mut explored = Explored::default();
        for change in CUSTOMERS.iter().chain(&LOGINS).chain(&OPERATORS) {
            let play = stage.play(vec![stage.act(change, 0)]);
            rules.all(&play, &stage.wire, &mut explored).await;
            explored.refuse(change.name, "");
        }
        explored
    });
    explored.tell(TRUE, name, began);
}

/// The scene of all pairs, with the one wire of all their schedules.
struct Stage {
    scene: Scene,
    cast: Cast,
    wire: Arc<Wire>,
}

impl Stage {
    async fn new() -> Self {
        let mut scene = Scene::new();
        let cast = Cast::of(&mut scene).await;
        let scene = scene.ready();
        Self { wire: scene.wire(None), scene, cast }
    }

    fn act(&self, change: &Change, side: usize) -> Act {
        (change.act)(&self.cast.side(side))
    }

    fn play(&self, acts: Vec<Act>) -> Play {
        Play {
            actors: acts.into_iter().map(|act| vec![act]).collect(),
            keys: vec![],
            people: vec![],
            scene: self.scene.clone(),
        }
    }

    async fn reaches(&self, changes: &[Change], side: usize) -> Vec<Reach> {
        let mut reaches = Vec::new();
        for change in changes {
            reaches.push(self.reach(change, side).await);
        }
        reaches
    }

    /// What the acts of a play come to one after the other, this actor's first.
    async fn outcome(&self, play: &Play, first: usize) -> Outcome {
        let mut choices = Choices::one_by_one(first);
        let ended = run(play, &self.wire, &mut choices, NONE).await;
        outcome(&ended.expect("nothing is left out"))
    }

    /// The rows that a change reads and writes when nobody else does anything.
    async fn reach(&self, change: &Change, side: usize) -> Reach {
        let play = self.play(vec![self.act(change, side)]);
        let mut first = Choices::first(RULES.independence);
        let ended = run(&play, &self.wire, &mut first, RULES.faults).await;
        let steps = ended.expect("there is always a first schedule").steps;
        steps.into_iter().map(|step| step.reach).reduce(Reach::and).unwrap_or_default()
    }
}
