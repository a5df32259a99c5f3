//! A key as it would be if nothing ever happened beside anything else.

use crate::linearizability::judge::Operation;

/// Which value of a key: the number of the operation that made it.
pub type Value = u64;

/// Two times, as functions have clocks of their own: the time was one of these, or one between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Times {
    pub from: i64,
    pub to: i64,
}

impl Times {
    pub fn exactly(at: i64) -> Self {
        Self { from: at, to: at }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Create {
        value: Value,
        ends: Option<i64>,
    },
    /// The value before is good until then.
    Rotate {
        value: Value,
        keep: Option<Times>,
    },
    Change {
        ends: Option<i64>,
    },
    Delete,
    Suspend,
    Resume,
    Check(Shown),
}

/// What a check is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Value(Value),
    /// The key's id with a secret that it never had.
    Forged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done; to a check: let in.
    Yes,
    /// To a check: not let in.
    No,
    NotFound,
    Expired,
    /// Nobody was told.
    Unknown,
}

/// One operation on a key, how it ended, and what time it was meanwhile.
#[derive(Debug, Clone)]
pub struct Done {
    pub client: usize,
    pub act: Act,
    pub outcome: Outcome,
    pub times: Times,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Key {
    life: Life,
    is_suspended: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
enum Life {
    #[default]
    Unborn,
    Live(Live),
    Over,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Live {
    value: Value,
    before: Option<(Value, Times)>,
    ends: Option<i64>,
}

impl Live {
    /// When it ends to let this in, at the earliest and the latest; never, if it does not now.
    fn lets_in(&self, shown: Shown) -> Option<Times> {
        let Shown::Value(shown) = shown else { return None };
        let ends = Times::exactly(self.ends.unwrap_or(i64::MAX));
        match self.before {
            _ if shown == self.value => Some(ends),
            Some((before, until)) if shown == before => {
                Some(Times { from: until.from.min(ends.from), to: until.to.min(ends.to) })
            }
            _ => None,
        }
    }
}

impl Key {
    /// The key as it is for who may do something with it, and finds it.
    fn found(&self) -> Option<&Live> {
        match &self.life {
            Life::Live(live) if !self.is_suspended => Some(live),
            _ => None,
        }
    }

    fn with(&self, life: Life) -> Self {
        Self { life, ..self.clone() }
    }

    fn may_answer(&self, shown: Shown, yes: bool, times: Times) -> bool {
        match (self.found().and_then(|live| live.lets_in(shown)), yes) {
            (Some(ends), true) => times.from < ends.to,
            (Some(ends), false) => times.to >= ends.from,
            (None, yes) => !yes,
        }
    }
}

impl Done {
    fn is_made(&self, key: &Key) -> Option<Key> {
        match self.act {
            Act::Suspend => return Some(Key { is_suspended: true, ..key.clone() }),
            Act::Resume => return Some(Key { is_suspended: false, ..key.clone() }),
            Act::Create { value, ends } if key.life == Life::Unborn && !key.is_suspended => {
                return Some(key.with(Life::Live(Live { value, before: None, ends })));
            }
            _ => {}
        }
        let live = key.found()?;
        match self.act {
            Act::Rotate { value, keep } if self.times.from < live.ends.unwrap_or(i64::MAX) => {
                let before = keep.map(|until| (live.value, until));
                Some(key.with(Life::Live(Live { value, before, ends: live.ends })))
            }
            Act::Change { ends } => Some(key.with(Life::Live(Live { ends, ..live.clone() }))),
            Act::Delete => Some(key.with(Life::Over)),
            _ => None,
        }
    }
}

impl Operation for Done {
    type State = Key;

    fn after(&self, key: &Key) -> Option<Key> {
        let stays = |holds: bool| holds.then(|| key.clone());
        match (&self.act, self.outcome) {
            (Act::Check(shown), outcome) => {
                stays(key.may_answer(*shown, outcome == Outcome::Yes, self.times))
            }
            (_, Outcome::Yes | Outcome::Unknown) => self.is_made(key),
            (_, Outcome::NotFound) => stays(!matches!(key.life, Life::Live(_))),
            (_, Outcome::Expired) => stays(match &key.life {
                Life::Live(live) => live.ends.is_some_and(|ends| self.times.to >= ends),
                Life::Unborn | Life::Over => false,
            }),
            (_, Outcome::No) => None,
        }
    }

    fn unanswered(&self) -> Option<Self> {
        let changes = !self.only_looks();
        changes.then(|| Self { outcome: Outcome::Unknown, ..self.clone() })
    }

    fn only_looks(&self) -> bool {
        let is_check = matches!(self.act, Act::Check(_));
        is_check || matches!(self.outcome, Outcome::NotFound | Outcome::Expired)
    }

    fn does_as(&self, other: &Self) -> bool {
        self.act == other.act
    }
}
