//! The list of choices that a schedule is made of, and the order in which lists are tried.
//!
//! Depth first, so that every schedule is tried; but of those that differ only in the order of
//! requests that cannot tell who came first, one (sleep sets, Godefroid 1996).

use crate::wire::{Fate, Reach};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Something that can happen next: a request meets its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub actor: usize,
    /// Which request of the actor's.
    pub request: usize,
    pub fate: Fate,
    pub reach: Reach,
    /// Whether it would be the first of its act.
    pub begins: bool,
}

/// Which moves cannot tell who came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Independence {
    /// Those of one actor that is at work on several things at once: so nothing is taken for equal
    /// that differs in who was answered before somebody else began.
    OfOneActor,
    /// All but those that an act begins with, for these say who was answered before they came.
    OnceBegun,
    /// All: where no judgement hangs on who was answered before somebody else began.
    OfAll,
}

impl Independence {
    fn holds(self, one: &Move, other: &Move) -> bool {
        let among = match self {
            Self::OfOneActor => one.actor == other.actor,
            Self::OnceBegun => one.actor == other.actor || !(one.begins || other.begins),
            Self::OfAll => true,
        };
        among && one.request_of() != other.request_of() && !one.reach.meets(&other.reach)
    }
}

impl Move {
    fn request_of(&self) -> (usize, usize) {
        (self.actor, self.request)
    }

    /// Whether the same request meets the same fate, whatever went before it.
    fn is_among(&self, moves: &[Self]) -> bool {
        let is_it = |other: &Self| other.request_of() == self.request_of();
        moves.iter().any(|other| is_it(other) && other.fate == self.fate)
    }
}

/// A moment at which one of several things happened.
#[derive(Debug)]
struct Node {
    moves: Vec<Move>,
    chosen: usize,
    /// What need not be tried here: tried before, it comes to the same.
    asleep: Vec<Move>,
}

/// The choices of one schedule: those that are given, and then the first each time, or any.
#[derive(Debug)]
pub struct Choices {
    given: Vec<usize>,
    taken: Vec<Node>,
    independence: Option<Independence>,
    random: Option<StdRng>,
    /// Who goes before everybody else.
    first: Option<usize>,
}

impl Choices {
    fn of(given: Vec<usize>) -> Self {
        Self { given, taken: Vec::new(), independence: None, random: None, first: None }
    }

    /// The first schedule of all.
    pub fn first(independence: Independence) -> Self {
        Self { independence: Some(independence), ..Self::of(Vec::new()) }
    }

    /// All that this actor does, and then whatever the others do: one after the other, too.
    pub fn one_by_one(first: usize) -> Self {
        Self { first: Some(first), ..Self::of(Vec::new()) }
    }

    /// These choices, and no others.
    pub fn parse(text: &str) -> Self {
        let number = |part: &str| part.parse().expect("choices are numbers with dots between");
        Self::of(text.split('.').map(number).collect())
    }

    pub fn seeded(seed: u64) -> Self {
        Self { random: Some(StdRng::seed_from_u64(seed)), ..Self::of(Vec::new()) }
    }

    /// One of these; none if whatever could come now was tried elsewhere.
    pub fn choose(&mut self, moves: Vec<Move>) -> Option<usize> {
        let asleep = self.asleep();
        let chosen = match (self.given.get(self.taken.len()), &mut self.random) {
            (Some(given), _) => *given,
            (None, None) => {
                let is_firsts = |option: &Move| Some(option.actor) == self.first;
                let firsts = moves.iter().position(is_firsts);
                firsts.or_else(|| moves.iter().position(|option| !option.is_among(&asleep)))?
            }
            (None, Some(random)) => any(random, &moves),
        };
        assert!(chosen < moves.len(), "the choices are of another case, or of other code");
        self.taken.push(Node { moves, chosen, asleep });
        Some(chosen)
    }

    /// What the last choice leaves asleep: what was tried before it, and does not meet it.
    fn asleep(&self) -> Vec<Move> {
        let (Some(independence), Some(last)) = (self.independence, self.taken.last()) else {
            return Vec::new();
        };
        let chosen = &last.moves[last.chosen];
        let tried = last.asleep.iter().chain(&last.moves[..last.chosen]);
        tried.filter(|tried| independence.holds(tried, chosen)).cloned().collect()
    }

    /// What comes after these in depth-first order, if that is not all.
    pub fn next(self) -> Option<Self> {
        let Self { mut taken, independence, .. } = self;
        while let Some(Node { moves, chosen, asleep }) = taken.pop() {
            let left = (chosen + 1..moves.len()).find(|place| !moves[*place].is_among(&asleep));
            if let Some(left) = left {
                let given = taken.iter().map(|node| node.chosen).chain([left]).collect();
                return Some(Self { independence, ..Self::of(given) });
            }
        }
        None
    }

    /// As [`Choices::parse`] takes it.
    pub fn text(&self) -> String {
        let chosen: Vec<_> = self.taken.iter().map(|node| node.chosen.to_string()).collect();
        chosen.join(".")
    }
}

/// One time in four a fault, if there may be one.
fn any(random: &mut StdRng, moves: &[Move]) -> usize {
    let well = moves.iter().take_while(|option| !option.fate.is_fault()).count();
    if well == 0 || well < moves.len() && random.random_ratio(1, 4) {
        random.random_range(well..moves.len())
    } else {
        random.random_range(0..well)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two actors with two requests each. Of whom the second says by `writes` what its requests
    /// write; the first writes `a` each time.
    fn schedules(independence: Independence, writes: [&str; 2]) -> usize {
        let reach = |row: &str| Reach::of_write(row);
        let mut tried = 0;
        let mut next = Some(Choices::first(independence));
        while let Some(mut choices) = next {
            let mut sent = [0, 0];
            let done = loop {
                let moves: Vec<_> = (0..2)
                    .filter(|actor| sent[*actor] < 2)
                    .map(|actor| Move {
                        actor,
                        request: sent[actor],
                        fate: Fate::Answered,
                        begins: sent[actor] == 0,
                        reach: reach(if actor == 0 { "a" } else { writes[sent[actor]] }),
                    })
                    .collect();
                if moves.is_empty() {
                    break true;
                }
                let actors: Vec<_> = moves.iter().map(|option| option.actor).collect();
                let Some(chosen) = choices.choose(moves) else { break false };
                sent[actors[chosen]] += 1;
            };
            tried += usize::from(done);
            next = choices.next();
        }
        tried
    }

    #[test]
    fn every_order_of_requests_that_meet_is_tried_and_one_of_those_that_do_not() {
        assert_eq!(schedules(Independence::OfAll, ["a", "a"]), 6);
        assert_eq!(schedules(Independence::OfAll, ["b", "b"]), 1);
        assert_eq!(schedules(Independence::OfAll, ["b", "a"]), 3);
        assert_eq!(schedules(Independence::OfOneActor, ["b", "b"]), 6);
        // One is over before the other begins, or both are under way.
        assert_eq!(schedules(Independence::OnceBegun, ["b", "b"]), 4);
    }
}
