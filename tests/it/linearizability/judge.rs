//! Whether a history is linearizable: whether each operation may have happened in one moment
//! between its request and its answer, all of them one after the other.
//!
//! Wing and Gong's search, with Lowe's memory: of the operations that may be the next one, each is
//! tried, and no set of operations is tried twice from the same state. One whose outcome nobody
//! knows may happen at any time after its request, or never. What only looks is done as soon as it
//! may be, for nothing is gained by doing it later; unless that shuts out what may have happened
//! before.

use crate::span::Span;
use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

/// What operations mean if nothing happens beside them.
pub trait Operation: Clone + Debug {
    type State: Clone + Default + Eq + Hash;

    /// What the state is then, if the operation may end so in this one.
    fn after(&self, state: &Self::State) -> Option<Self::State>;

    /// The same, where nobody knows yet how it ended; nothing where that changes nothing.
    fn unanswered(&self) -> Option<Self>;

    /// Whether it changes nothing, whatever the state is.
    fn only_looks(&self) -> bool;

    /// Whether it comes to the same as the other one, where nobody knows how they ended.
    fn does_as(&self, other: &Self) -> bool;
}

/// An operation with the moments of its request and of its answer; it is running for ever where no
/// answer says how it ended.
#[derive(Debug, Clone)]
pub struct Event<O> {
    pub span: Span,
    pub operation: O,
    /// Whether it has happened, and not only perhaps.
    pub is_sure: bool,
}

pub fn is_linearizable<O: Operation>(history: &[Event<O>]) -> bool {
    // What has happened is tried before what may have.
    let mut history: Vec<&Event<O>> = history.iter().collect();
    history.sort_by_key(|event| (!event.is_sure, event.span.ended().unwrap_or(u64::MAX)));
    let done = vec![false; history.len()];
    Search { history, tried: HashSet::new(), done }.goes_on_from(&O::State::default())
}

struct Search<'h, O: Operation> {
    history: Vec<&'h Event<O>>,
    tried: HashSet<(Vec<bool>, O::State)>,
    done: Vec<bool>,
}

impl<O: Operation> Search<'_, O> {
    fn goes_on_from(&mut self, state: &O::State) -> bool {
        if self.open().all(|event| !event.is_sure) {
            return true;
        }
        if !self.tried.insert((self.done.clone(), state.clone())) {
            return false;
        }
        for next in 0..self.history.len() {
            if !self.may_be_next(next) {
                continue;
            }
            let Some(after) = self.history[next].operation.after(state) else { continue };
            if !self.history[next].is_sure && (after == *state || self.is_spare(next)) {
                continue;
            }
            self.done[next] = true;
            if self.goes_on_from(&after) {
                return true;
            }
            self.done[next] = false;
            let Event { span, operation, .. } = self.history[next];
            let shuts_out = self.open().any(|other| other.span.is_before(*span));
            if operation.only_looks() && !shuts_out {
                return false;
            }
        }
        false
    }

    /// What is not done yet.
    fn open(&self) -> impl Iterator<Item = &Event<O>> {
        let events = self.history.iter().zip(&self.done);
        events.filter(|(_, done)| !**done).map(|(event, _)| *event)
    }

    /// Whether nothing has to come before it that is not done, and nothing is done that has to come
    /// after it.
    fn may_be_next(&self, next: usize) -> bool {
        let span = self.history[next].span;
        let mut done = self.history.iter().zip(&self.done).filter(|(_, done)| **done);
        !self.done[next]
            && !self.open().any(|other| other.is_sure && other.span.is_before(span))
            && !done.any(|(other, _)| span.is_before(other.span))
    }

    /// Whether another one that may have happened does as well: of those that do the same, the one
    /// whose time is over first.
    fn is_spare(&self, next: usize) -> bool {
        let operation = &self.history[next].operation;
        (0..next).any(|earlier| {
            let event = self.history[earlier];
            !event.is_sure && event.operation.does_as(operation) && self.may_be_next(earlier)
        })
    }
}

/// The smallest part of a history that is not linearizable which shows that the whole is not: it
/// ends as early as it can, and looks no more than it must.
pub fn smallest<O: Operation>(history: &[Event<O>]) -> Vec<Event<O>> {
    let mut ends: Vec<u64> = history.iter().filter_map(|event| event.span.ended()).collect();
    ends.sort_unstable();
    let parts = ends.into_iter().map(|end| until(history, end));
    let mut part = { parts }.find(|part| !is_linearizable(part)).expect("the whole is one");
    // Without a look nothing else becomes impossible; without a change it may.
    for at in (0..part.len()).rev() {
        if part[at].operation.only_looks() {
            let looked = part.remove(at);
            if is_linearizable(&part) {
                part.insert(at, looked);
            }
        }
    }
    part
}

/// A history as it was known at a moment.
fn until<O: Operation>(history: &[Event<O>], end: u64) -> Vec<Event<O>> {
    let begun = history.iter().filter(|event| event.span.began <= end);
    begun
        .filter_map(|event| match event.span.ended() {
            Some(ended) if ended <= end => Some(event.clone()),
            _ => {
                let operation = event.operation.unanswered()?;
                let span = Span::running(event.span.began);
                Some(Event { span, operation, is_sure: false })
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linearizability::key::{Act, Done, Key, Outcome, Shown, Times};
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    fn event(span: Span, act: Act, outcome: Outcome) -> Event<Done> {
        let times = Times { from: 10, to: 20 };
        let operation = Done { client: 0, act, outcome, times };
        Event { span, operation, is_sure: outcome != Outcome::Unknown }
    }

    /// Every order of every choice of what may have happened.
    fn has_an_order(history: &[Event<Done>], done: &mut Vec<usize>, key: &Key) -> bool {
        let is_done = |at: &usize| done.contains(at);
        if (0..history.len()).all(|at| is_done(&at) || !history[at].is_sure) {
            let mut pairs = (0..done.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
            return pairs.all(|(a, b)| !history[done[b]].span.is_before(history[done[a]].span));
        }
        (0..history.len()).any(|next| {
            let Some(after) = history[next].operation.after(key) else { return false };
            if done.contains(&next) {
                return false;
            }
            done.push(next);
            let found = has_an_order(history, done, &after);
            done.pop();
            found
        })
    }

    fn any_history(rng: &mut StdRng) -> Vec<Event<Done>> {
        let mut moments: Vec<u64> = (1..=12).collect();
        let create = Act::Create { value: 1, ends: rng.random::<bool>().then_some(15) };
        let mut history = vec![event(Span::BEFORE_ALL, create, Outcome::Yes)];
        for _ in 0..6 {
            let mut moment = || moments.remove(rng.random_range(0..moments.len()));
            let (one, other) = (moment(), moment());
            let span = Span::running(one.min(other)).until(one.max(other));
            let value = rng.random_range(1..=3);
            let act = match rng.random_range(0..10) {
                0 => Act::Suspend,
                1 => Act::Resume,
                2 => Act::Delete,
                3 => Act::Rotate { value: rng.random_range(2..=3), keep: None },
                4 => Act::Rotate { value: 2, keep: Some(Times { from: 12, to: 30 }) },
                5 => Act::Change { ends: rng.random::<bool>().then_some(5) },
                _ => Act::Check(Shown::Value(value)),
            };
            let outcomes: &[Outcome] = match act {
                Act::Check(_) => &[Outcome::Yes, Outcome::No],
                Act::Suspend | Act::Resume => &[Outcome::Yes, Outcome::Unknown],
                _ => &[Outcome::Yes, Outcome::Yes, Outcome::Unknown, Outcome::NotFound],
            };
            let outcome = outcomes[rng.random_range(0..outcomes.len())];
            let is_lost = outcome == Outcome::Unknown && rng.random();
            let span = if is_lost { Span::running(span.began) } else { span };
            history.push(event(span, act, outcome));
        }
        history
    }

    #[test]
    fn a_history_is_linearizable_if_any_of_all_orders_gives_its_answers() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut verdicts = [0, 0];
        for _ in 0..3000 {
            let history = any_history(&mut rng);
            let found = has_an_order(&history, &mut Vec::new(), &Key::default());
            assert_eq!(is_linearizable(&history), found, "{history:#?}");
            verdicts[usize::from(found)] += 1;
            if !found {
                let part = smallest(&history);
                assert!(part.len() <= history.len(), "{part:#?}");
                assert!(!has_an_order(&part, &mut Vec::new(), &Key::default()), "{part:#?}");
            }
        }
        assert!(verdicts.iter().all(|times| *times > 300), "{verdicts:?}");
    }

    #[test]
    fn a_deleted_key_that_is_let_in_later_has_no_order_and_beside_its_deletion_it_has() {
        let value = Shown::Value(1);
        let made = Act::Create { value: 1, ends: None };
        let deletion = Span::running(3).until(6);
        let history = |check: Span, outcome| {
            vec![
                event(Span::running(1).until(2), made, Outcome::Yes),
                event(deletion, Act::Delete, outcome),
                event(check, Act::Check(value), Outcome::Yes),
            ]
        };
        let later = Span::running(7).until(8);
        assert!(!is_linearizable(&history(later, Outcome::Yes)));
        assert!(is_linearizable(&history(Span::running(4).until(5), Outcome::Yes)));
        assert!(is_linearizable(&history(later, Outcome::Unknown)));
    }
}
