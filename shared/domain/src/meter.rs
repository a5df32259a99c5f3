//! The meter of an account's calls: what a check takes from it, and what a process holds of it.
//!
//! The rate is held by GCRA: one time, the theoretical arrival time (`tat`), by which all calls
//! would have come had they come evenly. The month is a counter. Both are in one row ([`Meter`]),
//! which all processes share; a [`Take`] is one conditional write of it.
//!
//! A process may take a block: more calls than it needs now, to be let through within
//! [`BLOCK_LASTS`]. When they come is not known, so a block is taken as if it came at its end, and
//! has to fit in as if it came at its beginning: whatever span of time is looked at, its calls are
//! counted in it. So no more than `burst + per_minute * t / 60` are let through in any t seconds:
//! of those in a span, the first was taken with `tat` at or behind the span's beginning, each moved
//! it by an interval, and after the last it was no further than `burst` intervals behind the moment
//! of that taking, which lies before the span's end.

use crate::limits::{Limits, Month, Plan, Rate};
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;
use std::mem;

/// How long calls can be let through that were taken ahead.
pub const BLOCK_LASTS: SignedDuration = SignedDuration::from_secs(1);
const BLOCKS_A_MINUTE: u64 = 60;
/// The most calls that are taken ahead, with the one that they are taken with.
pub const MAX_BLOCK: u64 = 64;
/// Of what is left of a rate's burst, or of a month, so little is taken ahead.
const PART_OF_BURST: u64 = 8;
const PART_OF_MONTH: u64 = 128;

/// The parts of a month's calls, in percent, of which admins hear.
pub const WARNED_AT: [u8; 2] = [80, 100];

const MICROS: i64 = 1_000_000;
const BLOCK: i64 = BLOCK_LASTS.as_micros() as i64;

/// Which limit a call meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    Rate,
    Month,
}

impl Limited {
    /// What gateways are told.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Rate => "rate_limited",
            Self::Month => "quota_exceeded",
        }
    }
}

/// A call is over a limit, and one that comes then is not, if no other is faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub limited: Limited,
    pub limits: Limits,
    pub month: Month,
    /// In microseconds since 1970.
    until: i64,
}

impl Refusal {
    /// In how many seconds it is worth trying again.
    pub fn retry_after(&self, now: Timestamp) -> i64 {
        let micros = self.until.saturating_sub(now.as_microsecond());
        micros.div_euclid(MICROS).saturating_add(i64::from(micros.rem_euclid(MICROS) > 0)).max(1)
    }
}

impl Rate {
    /// How much of the time a call takes, in microseconds.
    fn interval(self) -> i64 {
        let per_minute = i64::from(self.per_minute);
        (60 * MICROS + per_minute - 1) / per_minute
    }

    /// How far behind a moment `tat` may lie after a call at that moment.
    fn tolerance(self) -> i64 {
        self.interval() * i64::from(self.burst)
    }

    /// How many calls fit in at `now`, taken as if they came at `start`.
    fn room(self, tat: i64, start: i64, now: i64) -> u64 {
        let room = now.saturating_add(self.tolerance()).saturating_sub(tat.max(start));
        (room / self.interval()).try_into().unwrap_or(0)
    }

    /// When a call fits in again.
    fn admits_at(self, tat: i64) -> i64 {
        tat.saturating_add(self.interval()).saturating_sub(self.tolerance())
    }

    /// The most calls of a block, but for other bounds: none where what a block costs of the burst
    /// would be more than half of it.
    fn block(self) -> u64 {
        let cost = u64::from(self.per_minute).div_ceil(BLOCKS_A_MINUTE);
        let burst = u64::from(self.burst);
        let left = burst.saturating_sub(cost);
        if left * 2 < burst { 0 } else { left / PART_OF_BURST }
    }
}

/// What all processes share of an account's calls: the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// The newest version of the limits that a check came with, and these.
    pub version: u64,
    pub limits: Limits,
    /// In microseconds since 1970.
    pub tat: i64,
    pub month: Month,
    /// What was taken from the month.
    pub calls: u64,
    /// The part of the month, in percent, of which admins have heard.
    pub warned: u8,
}

impl Meter {
    /// Whether a call at that time met a limit, for an account that has this plan.
    pub fn is_over(&self, plan: &Plan, at: Timestamp) -> bool {
        if self.version < plan.version {
            return false;
        }
        let Limits { rate, per_month } = self.limits;
        rate.is_some_and(|rate| rate.admits_at(self.tat) > at.as_microsecond())
            || self.month >= Month::of(at) && per_month.is_some_and(|most| self.calls >= most)
    }

    /// What was taken from this month.
    pub fn calls_in(&self, month: Month) -> u64 {
        if self.month == month { self.calls } else { 0 }
    }

    /// The part of the month's calls that admins are to hear of now.
    pub fn warning(&self) -> Option<Warning> {
        let per_month = self.limits.per_month?;
        let passed = |percent: &u8| {
            u128::from(self.calls) * 100 >= u128::from(per_month) * u128::from(*percent)
        };
        let percent = WARNED_AT.into_iter().rev().find(passed)?;
        (percent > self.warned).then_some(Warning { month: self.month, percent, per_month })
    }
}

/// Admins are to hear that so much of a month's calls is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning {
    pub month: Month,
    pub percent: u8,
    pub per_month: u64,
}

/// Calls that are taken from the meter by one write, on condition that the row is as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    pub calls: u64,
    /// What the month is counted up by: less than the calls, where this process has paid for some.
    pub paid: u64,
    /// The limits that it goes by, which are the row's from then on.
    pub version: u64,
    pub limits: Limits,
    pub month: Month,
    /// Version and month of the row as it has to be; none may be there without.
    pub of: Option<(u64, Month)>,
    /// What becomes of the row's time, if there is a rate.
    pub tat: Option<Arrival>,
    /// Whether what was told of the month holds no more.
    pub warns_anew: bool,
    /// As if they came then, and until when they can be let through, in microseconds since 1970.
    start: i64,
    ends: i64,
}

impl Take {
    /// What the month may have been counted up to before, if it has a limit and is the row's.
    pub fn calls_at_most(&self) -> Option<u64> {
        let is_same_month = self.of.is_some_and(|(_, month)| month == self.month);
        self.limits.per_month.filter(|_| is_same_month).map(|most| most.saturating_sub(self.paid))
    }
}

/// What becomes of `tat`, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Others' calls come first: it lies between these, and moves on by so much.
    Behind { least: i64, most: i64, by: i64 },
    /// It lies before this, and is set.
    At { before: i64, is: i64 },
    /// Whatever it was.
    Anew { is: i64 },
}

/// What a call comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Admit,
    Refuse(Refusal),
    /// This write decides: its outcome is told to [`Held::taken`] or [`Held::refused`].
    Take(Take),
}

/// A call that wants to be let through.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// As the key's row has it.
    pub version: u64,
    pub limits: Limits,
    pub now: Timestamp,
    /// Its place among all calls of this process.
    pub ticket: u64,
    /// How many calls wait for the meter, this one included: those before the ticket `next`.
    pub waiting: u64,
    pub next: u64,
}

/// What a process holds of an account's meter.
#[derive(Debug, Default)]
pub struct Held {
    seen: Seen,
    /// Whether the row was seen by this very call.
    is_fresh: bool,
    /// Whether others' calls came before this process's, when a write met that last.
    others: bool,
    block: Option<Block>,
    /// Calls that were taken from this month and not let through. Their time has passed, their
    /// place in the month has not.
    prepaid: Option<(Month, u64)>,
    /// When calls were let through within the last second; no more than a block has.
    recent: VecDeque<i64>,
}

/// The row as it was when this process saw it last.
#[derive(Debug, Default)]
enum Seen {
    #[default]
    Never,
    /// There was none.
    Nothing,
    Row(Meter),
}

/// Calls that were taken and not let through yet.
#[derive(Debug)]
struct Block {
    version: u64,
    month: Month,
    left: u64,
    /// Calls before this ticket waited for it; all others may have of it until it ends.
    next: u64,
    ends: i64,
}

impl Held {
    /// What this call comes to, as far as this process knows.
    pub fn step(&mut self, ask: &Ask) -> Step {
        let now = ask.now.as_microsecond();
        if self.spend(ask, now) {
            self.admitted(now);
            return Step::Admit;
        }
        self.decide(ask, now)
    }

    /// The calls were taken, and the row is this now.
    pub fn taken(&mut self, take: &Take, ask: &Ask, after: Meter) {
        if let Some((_, calls)) = &mut self.prepaid {
            *calls = calls.saturating_sub(take.calls);
        }
        self.block = Some(Block {
            version: take.version,
            month: take.month,
            left: take.calls - 1,
            next: ask.next,
            ends: take.ends,
        });
        if let Some(Arrival::At { .. }) = take.tat {
            self.others = false;
        }
        self.seen = Seen::Row(after);
        self.admitted(ask.now.as_microsecond());
    }

    /// They were not, for the row is this.
    pub fn refused(&mut self, take: &Take, row: Option<Meter>) {
        self.others = row.as_ref().is_some_and(|row| row.tat >= take.start);
        self.is_fresh = true;
        self.seen = row.map_or(Seen::Nothing, Seen::Row);
    }

    /// What admins are to hear, as far as this process knows. It is told once, unless
    /// [`Held::not_warned`] says that it was to no avail.
    pub fn warning(&mut self) -> Option<Warning> {
        let Seen::Row(seen) = &mut self.seen else { return None };
        let warning = seen.warning()?;
        seen.warned = warning.percent;
        Some(warning)
    }

    pub fn not_warned(&mut self) {
        if let Seen::Row(seen) = &mut self.seen {
            seen.warned = 0;
        }
    }

    /// Lets a call through that was taken before. What can be of use to nobody any more keeps its
    /// place in the month.
    fn spend(&mut self, ask: &Ask, now: i64) -> bool {
        let Some(block) = &mut self.block else { return false };
        let lasts = ask.ticket < block.next || now < block.ends;
        if block.left > 0 && lasts && block.version >= ask.version {
            block.left -= 1;
            return true;
        }
        let (month, left) = (block.month, block.left);
        let before = self.prepaid_for(month);
        self.prepaid = Some((month, before + left));
        self.block = None;
        false
    }

    fn prepaid_for(&self, month: Month) -> u64 {
        self.prepaid.filter(|(of, _)| *of == month).map_or(0, |(_, calls)| calls)
    }

    fn admitted(&mut self, now: i64) {
        self.recent.push_back(now);
        if self.recent.len() as u64 > MAX_BLOCK {
            self.recent.pop_front();
        }
    }

    /// Whether a write is worth trying, and which: from the row as it was seen last, or as it is
    /// most likely where it was not. Limits and what was taken only grow within a version and a
    /// month, so whoever is over a limit by an older sight of the row is.
    fn decide(&mut self, ask: &Ask, now: i64) -> Step {
        let is_fresh = mem::take(&mut self.is_fresh);
        let fresh = Meter {
            version: ask.version,
            limits: ask.limits,
            tat: i64::MIN,
            month: Month::of(ask.now),
            calls: 0,
            warned: 0,
        };
        let row = if let Seen::Row(row) = &self.seen { row } else { &fresh };
        // A check that began before the limits changed goes by the new ones, too.
        let is_newer = ask.version > row.version;
        let (version, limits) =
            if is_newer { (ask.version, ask.limits) } else { (row.version, row.limits) };
        let tat = if is_newer { i64::MIN } else { row.tat };
        let month = row.month.max(Month::of(ask.now));
        let left = limits.per_month.map(|most| most.checked_sub(row.calls_in(month)));
        let prepaid = self.prepaid_for(month);
        // Where more was taken than the limit is by now, what was paid for is of no use.
        let of_month =
            left.map_or(u64::MAX, |left| left.map_or(0, |left| left.saturating_add(prepaid)));
        let left = left.map(Option::unwrap_or_default);
        let room = |start| limits.rate.map_or(u64::MAX, |rate| rate.room(tat, start, now));
        let over = match limits.rate {
            _ if of_month == 0 => Some((Limited::Month, month.ends_at().as_microsecond())),
            Some(rate) if room(now) == 0 => Some((Limited::Rate, rate.admits_at(tat))),
            Some(_) | None => None,
        };
        if let Some((limited, until)) = over {
            return Step::Refuse(Refusal { limited, limits, month, until });
        }
        let ends = now.saturating_add(BLOCK);
        let ahead = (self.recent.iter().filter(|at| **at > now - BLOCK).count() as u64)
            .min(MAX_BLOCK)
            .min(limits.rate.map_or(u64::MAX, Rate::block))
            .min(left.map_or(u64::MAX, |left| left / PART_OF_MONTH))
            .min(room(ends));
        let (calls, start, ends) = if ahead > ask.waiting {
            (ahead, ends, ends.min(month.ends_at().as_microsecond()))
        } else {
            (ask.waiting.min(of_month).min(room(now)), now, now)
        };
        let of = match &self.seen {
            Seen::Never => Some((version, month)),
            Seen::Nothing => None,
            Seen::Row(row) => Some((row.version, row.month)),
        };
        let arrival = |rate: Rate| {
            let by = rate.interval().saturating_mul(calls as i64);
            let is = start.saturating_add(by);
            if is_newer || of.is_none() {
                Arrival::Anew { is }
            } else if tat < start && (is_fresh || !self.others) {
                Arrival::At { before: start, is }
            } else {
                Arrival::Behind { least: start, most: now + rate.tolerance() - by, by }
            }
        };
        Step::Take(Take {
            calls,
            paid: calls - calls.min(prepaid),
            version,
            limits,
            month,
            of,
            tat: limits.rate.map(arrival),
            warns_anew: row.month != month || row.limits.per_month != limits.per_month,
            start,
            ends,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: &str = "2026-11-10T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn limits(per_minute: Option<u64>, burst: Option<u64>, per_month: Option<u64>) -> Limits {
        Limits::new(per_minute, burst, per_month).unwrap().unwrap()
    }

    impl Take {
        /// What the store makes of it.
        fn made_on(&self, row: Option<&Meter>) -> Option<Meter> {
            if self.of != row.map(|row| (row.version, row.month)) {
                return None;
            }
            let was = row.map_or(i64::MIN, |row| row.tat);
            let tat = match self.tat {
                None => row.map_or(0, |row| row.tat),
                Some(Arrival::Anew { is }) => is,
                Some(Arrival::At { before, is }) => (was < before).then_some(is)?,
                Some(Arrival::Behind { least, most, by }) => {
                    (least..=most).contains(&was).then(|| was + by)?
                }
            };
            let calls = row.map_or(0, |row| row.calls_in(self.month));
            if self.calls_at_most().is_some_and(|most| calls > most) {
                return None;
            }
            let warned = row.filter(|_| !self.warns_anew).map_or(0, |row| row.warned);
            let calls = calls + self.paid;
            let (version, limits, month) = (self.version, self.limits, self.month);
            Some(Meter { version, limits, tat, month, calls, warned })
        }
    }

    /// A world of processes before one row.
    struct World {
        plan: (u64, Limits),
        now: Timestamp,
        row: Option<Meter>,
        processes: Vec<(Held, u64)>,
        /// When calls were let through, under which version.
        admitted: Vec<(u64, i64)>,
        writes: usize,
    }

    impl World {
        fn new(processes: usize, limits: Limits) -> Self {
            Self {
                plan: (1, limits),
                now: at(START),
                row: None,
                processes: (0..processes).map(|_| (Held::default(), 0)).collect(),
                admitted: Vec::new(),
                writes: 0,
            }
        }

        /// So many calls of a process at once: how many it lets through, and why not the others.
        fn calls(&mut self, process: usize, calls: u64) -> (u64, Option<Refusal>) {
            let first = self.processes[process].1;
            self.processes[process].1 += calls;
            let mut refused = None;
            let mut through = 0;
            for ticket in first..first + calls {
                let next = first + calls;
                match self.call(process, Ask { ticket, next, waiting: next - ticket, ..self.ask() })
                {
                    None => through += 1,
                    Some(refusal) => refused = Some(refusal),
                }
            }
            (through, refused)
        }

        fn ask(&self) -> Ask {
            let (version, limits) = self.plan;
            Ask { version, limits, now: self.now, ticket: 0, waiting: 1, next: 1 }
        }

        fn call(&mut self, process: usize, ask: Ask) -> Option<Refusal> {
            let (held, _) = &mut self.processes[process];
            for _ in 0..2 {
                match held.step(&ask) {
                    Step::Admit => {}
                    Step::Refuse(refusal) => return Some(refusal),
                    Step::Take(take) => {
                        self.writes += 1;
                        let Some(after) = take.made_on(self.row.as_ref()) else {
                            held.refused(&take, self.row.clone());
                            continue;
                        };
                        self.row = Some(after.clone());
                        held.taken(&take, &ask, after);
                    }
                }
                self.admitted.push((self.plan.0, self.now.as_microsecond()));
                return None;
            }
            // The third sight of the row is no other than the second.
            match held.step(&ask) {
                Step::Refuse(refusal) => Some(refusal),
                step => panic!("two writes do not do: {step:?}"),
            }
        }

        fn wait(&mut self, micros: i64) {
            self.now += SignedDuration::from_micros(micros);
        }

        /// No span of time, and no month, has more calls than it may.
        fn holds(&self, of: &[(u64, Limits)]) {
            for (version, limits) in of {
                let times: Vec<i64> = self
                    .admitted
                    .iter()
                    .filter(|(of, _)| of == version)
                    .map(|(_, at)| *at)
                    .collect();
                let Some(rate) = limits.rate else { continue };
                for (first, begin) in times.iter().enumerate() {
                    for (last, end) in times.iter().enumerate().skip(first) {
                        let calls = (last - first + 1) as i128;
                        let most = i128::from(rate.burst) * i128::from(60 * MICROS)
                            + i128::from(rate.per_minute) * i128::from(end - begin);
                        assert!(
                            calls * i128::from(60 * MICROS) <= most,
                            "{calls} in {begin}..{end}"
                        );
                    }
                }
            }
        }

        fn admitted_in(&self, month: Month) -> u64 {
            let in_month = |at: &i64| Month::of(Timestamp::from_microsecond(*at).unwrap()) == month;
            self.admitted.iter().filter(|(_, at)| in_month(at)).count() as u64
        }
    }

    #[test]
    fn a_burst_is_let_through_at_once_and_then_one_call_an_interval() {
        let mut world = World::new(1, limits(Some(7), Some(7), None));
        let mut through = 0;
        while world.calls(0, 1).0 == 1 {
            through += 1;
        }
        assert_eq!(through, 7);
        let refusal = world.calls(0, 1).1.unwrap();
        assert_eq!(refusal.limited.reason(), "rate_limited");
        assert_eq!(refusal.retry_after(world.now), 9);
        world.wait(8_571_428);
        assert_eq!(world.calls(0, 1).0, 0);
        assert_eq!(world.calls(0, 1).1.unwrap().retry_after(world.now), 1);
        world.wait(1);
        assert_eq!(world.calls(0, 2).0, 1);
    }

    #[test]
    fn a_month_has_so_many_calls_and_the_next_one_has_them_anew() {
        let mut world = World::new(2, limits(None, None, Some(100)));
        world.now = at("2026-11-30T23:59:58Z");
        assert_eq!(world.calls(0, 70).0, 70);
        let (through, refusal) = world.calls(1, 70);
        assert_eq!(through, 30);
        let refusal = refusal.unwrap();
        assert_eq!(refusal.limited.reason(), "quota_exceeded");
        assert_eq!(refusal.retry_after(world.now), 2);
        assert_eq!(world.calls(0, 5).0, 0);
        world.wait(1_999_999);
        assert_eq!(world.calls(1, 1).0, 0);
        world.wait(1);
        assert_eq!(world.calls(0, 101).0, 100);
        assert_eq!(world.row.unwrap().calls, 100);
    }

    #[test]
    fn a_refusal_is_remembered_until_it_is_over() {
        let mut world = World::new(2, limits(Some(60), Some(5), None));
        world.calls(0, 5);
        let writes = world.writes;
        for _ in 0..10_000 {
            assert_eq!(world.calls(1, 1).0, 0);
        }
        assert_eq!(world.writes, writes + 1);
        world.wait(MICROS);
        assert_eq!(world.calls(1, 1).0, 1);
    }

    #[test]
    fn a_call_now_and_then_costs_one_write() {
        let mut world = World::new(1, limits(Some(120), None, Some(1_000_000)));
        world.calls(0, 1);
        let writes = world.writes;
        for _ in 0..1000 {
            world.wait(MICROS);
            assert_eq!(world.calls(0, 1).0, 1);
        }
        assert_eq!(world.writes - writes, 1000);
    }

    #[test]
    fn many_processes_of_a_busy_account_write_at_every_twentieth_call() {
        let mut world = World::new(50, limits(Some(60_000), Some(2_000), None));
        let second = |world: &mut World| {
            for _ in 0..20 {
                for process in 0..50 {
                    assert_eq!(world.calls(process, 1).0, 1);
                    world.wait(1000);
                }
            }
        };
        second(&mut world);
        second(&mut world);
        let writes = world.writes;
        for _ in 0..3 {
            second(&mut world);
        }
        assert_eq!(world.writes - writes, 3 * 50);
        world.holds(&[world.plan]);
    }

    #[test]
    fn a_process_that_ends_wastes_63_calls_of_a_month_at_most() {
        let mut world = World::new(1, limits(None, None, Some(1_000_000)));
        for _ in 0..500 {
            world.calls(0, 1);
            world.wait(5_000);
        }
        let wasted =
            |world: &World| world.row.as_ref().unwrap().calls - world.admitted.len() as u64;
        let mut most = 0;
        for step in 0..500 {
            world.calls(0, 1);
            world.wait(if step % 7 == 0 { 1_100_000 } else { 5_000 });
            most = most.max(wasted(&world));
        }
        assert!((1..=63).contains(&most), "{most}");
    }

    #[test]
    fn what_a_block_leaves_keeps_its_place_in_the_month() {
        let mut world = World::new(1, limits(None, None, Some(1_000_000)));
        for _ in 0..200 {
            world.calls(0, 1);
            world.wait(5_000);
        }
        world.wait(2_000_000);
        // One at a time from here on, and nothing is paid twice.
        for _ in 0..100 {
            world.calls(0, 1);
            world.wait(2_000_000);
        }
        assert_eq!(world.row.unwrap().calls, world.admitted.len() as u64);
    }

    #[test]
    fn the_last_127_calls_of_a_month_are_taken_one_by_one() {
        let mut world = World::new(1, limits(None, None, Some(1_000)));
        while world.calls(0, 1).0 == 1 {
            world.wait(1_000);
            let left = 1_000 - world.row.as_ref().unwrap().calls;
            let held = world.row.as_ref().unwrap().calls - world.admitted.len() as u64;
            assert!(left >= 127 || held == 0, "{left} left, {held} held");
        }
        assert_eq!(world.admitted.len(), 1_000);
    }

    #[test]
    fn changed_limits_begin_a_rate_anew_and_go_on_with_the_month() {
        let mut world = World::new(2, limits(Some(60), Some(10), Some(100)));
        assert_eq!(world.calls(0, 20).0, 10);
        world.plan = (2, limits(Some(60), Some(20), Some(25)));
        assert_eq!(world.calls(1, 30).0, 15);
        assert_eq!(world.calls(0, 1).1.unwrap().limited, Limited::Month);
        // A check that began before goes by the new ones, too.
        world.plan = (1, limits(Some(60), Some(10), Some(100)));
        assert_eq!(world.calls(1, 1).1.unwrap().limited, Limited::Month);
        world.plan = (3, limits(None, None, Some(26)));
        assert_eq!(world.calls(1, 5).0, 1);
    }

    #[test]
    fn admins_hear_of_80_and_of_100_percent_once_each_and_anew_of_another_limit() {
        let mut world = World::new(1, limits(None, None, Some(9)));
        let heard = |world: &mut World, calls: u64| {
            let mut heard = Vec::new();
            for _ in 0..calls {
                world.calls(0, 1);
                let warning = world.processes[0].0.warning();
                if let (Some(warning), Some(row)) = (warning, &mut world.row) {
                    row.warned = warning.percent;
                    heard.push((row.calls, warning.percent));
                }
            }
            heard
        };
        assert_eq!(heard(&mut world, 20), [(8, 80), (9, 100)]);
        world.plan = (2, limits(Some(60), None, Some(9)));
        assert_eq!(heard(&mut world, 3), []);
        world.plan = (3, limits(None, None, Some(20)));
        assert_eq!(heard(&mut world, 20), [(16, 80), (20, 100)]);
        world.now = at("2026-12-01T00:00:00Z");
        assert_eq!(heard(&mut world, 30), [(16, 80), (20, 100)]);
    }

    #[test]
    fn a_warning_that_was_to_no_avail_is_due_again() {
        let mut world = World::new(1, limits(None, None, Some(1)));
        world.calls(0, 2);
        let (held, _) = &mut world.processes[0];
        assert_eq!(held.warning().map(|warning| warning.percent), Some(100));
        assert_eq!(held.warning(), None);
        held.not_warned();
        assert!(held.warning().is_some());
    }

    #[test]
    fn a_meter_says_whether_it_stands_against_a_call() {
        let mut world = World::new(1, limits(Some(60), Some(2), Some(3)));
        let plan = |version| Plan { version, limits: Some(limits(Some(60), Some(2), Some(3))) };
        world.calls(0, 1);
        assert!(!world.row.as_ref().unwrap().is_over(&plan(1), world.now));
        world.calls(0, 1);
        let later = world.now + SignedDuration::from_secs(1);
        let row = world.row.clone().unwrap();
        assert!(row.is_over(&plan(1), world.now) && !row.is_over(&plan(1), later));
        assert!(!row.is_over(&plan(2), world.now));
        world.now = later;
        world.calls(0, 1);
        let row = world.row.unwrap();
        let later = later + SignedDuration::from_secs(100);
        assert!(row.is_over(&plan(1), later) && !row.is_over(&plan(1), at("2026-12-01T00:00:00Z")));
    }

    #[test]
    fn a_block_costs_its_time_and_never_half_of_a_burst() {
        let block = |per_minute, burst| Rate { per_minute, burst }.block();
        assert_eq!(block(60_000, 2_000), 125);
        assert_eq!(block(60_000, 1_999), 0);
        assert_eq!(block(61, 80), 9);
        assert_eq!(block(6_000_000, 6_000_000), 737_500);
        assert_eq!((block(60, 1), block(60, 2)), (0, 0));
    }

    /// They were taken when there was room for them, which is there again when they come.
    #[test]
    fn calls_that_were_taken_ahead_count_when_they_come() {
        let mut world = World::new(2, limits(Some(6_000), Some(1_000), None));
        for _ in 0..200 {
            world.calls(0, 1);
            world.wait(16_000);
        }
        let writes = world.writes;
        while world.writes == writes {
            world.calls(0, 1);
            world.wait(16_000);
        }
        world.wait(900_000);
        assert_eq!((world.calls(0, 50).0, world.writes), (50, writes + 1), "they were taken ahead");
        world.calls(1, 1_200);
        world.holds(&[world.plan]);
    }

    /// Nothing is taken ahead where there is no more to come, so nothing is paid for that.
    #[test]
    fn a_call_a_second_costs_a_burst_nothing() {
        let mut world = World::new(1, limits(Some(6_000), Some(1_000), None));
        for _ in 0..2 {
            world.calls(0, 1);
            world.wait(900_000);
        }
        assert_eq!(world.calls(0, 1_000).0, 1_000);
    }

    #[test]
    fn a_block_has_64_calls_at_most() {
        let mut world = World::new(1, limits(None, None, Some(1_000_000)));
        let mut written = Vec::new();
        for call in 0..400 {
            let writes = world.writes;
            world.calls(0, 1);
            world.wait(1_000);
            written.extend((world.writes > writes).then_some(call));
        }
        let [.., before, last] = &written[..] else { panic!("{written:?}") };
        assert_eq!(last - before, 64);
    }

    #[test]
    fn what_was_taken_ahead_is_over_when_its_second_is() {
        let mut world = World::new(1, limits(Some(6_000), Some(1_000), None));
        let mut writes = 0;
        while world.writes != writes + 1 || world.admitted.len() < 200 {
            writes = world.writes;
            world.wait(16_000);
            world.calls(0, 1);
        }
        world.wait(MICROS);
        assert_eq!((world.calls(0, 1).0, world.writes), (1, writes + 2));
    }

    #[derive(Debug, Clone)]
    enum Event {
        Calls { process: usize, calls: u64 },
        Wait(i64),
        Crash(usize),
        Change(Limits),
    }

    fn any_limits() -> impl Strategy<Value = Limits> {
        let rate = (1u64..=90_000, 1u64..=300).prop_map(|(rate, burst)| (Some(rate), Some(burst)));
        let rate = prop_oneof![2 => rate, 1 => Just((None, None))];
        let month = prop::option::of(prop_oneof![1u64..=300, 1_000u64..=20_000]);
        (rate, month).prop_filter_map("some", |((rate, burst), month)| {
            Limits::new(rate, burst, month).unwrap()
        })
    }

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            8 => (0usize..3, 1u64..=3).prop_map(|(process, calls)| Event::Calls { process, calls }),
            1 => (0usize..3, 4u64..=90)
                .prop_map(|(process, calls)| Event::Calls { process, calls }),
            6 => prop_oneof![0i64..30_000, 0i64..3_000_000].prop_map(Event::Wait),
            1 => (0usize..3).prop_map(Event::Crash),
            1 => any_limits().prop_map(Event::Change),
        ]
    }

    proptest! {
        #[test]
        fn no_schedule_of_processes_lets_more_through_than_the_limits_allow(
            first in any_limits(),
            before_turn in 0i64..60_000_000,
            events in prop::collection::vec(any_event(), 1..200),
        ) {
            let mut world = World::new(3, first);
            world.now = at("2026-12-01T00:00:00Z") - SignedDuration::from_micros(before_turn);
            let mut plans = vec![world.plan];
            let mut of_month = vec![(world.now, first.per_month, 0)];
            for event in events {
                match event {
                    Event::Calls { process, calls } => drop(world.calls(process, calls)),
                    Event::Wait(micros) => world.wait(micros),
                    // Whatever it held is lost.
                    Event::Crash(process) => world.processes[process] = (Held::default(), 0),
                    Event::Change(limits) => {
                        world.plan = (world.plan.0 + 1, limits);
                        plans.push(world.plan);
                    }
                }
                let month = Month::of(world.now);
                let admitted = world.admitted_in(month);
                let (_, _, before) = of_month.last().copied().unwrap();
                let row = world.row.as_ref().map_or(0, |row| row.calls_in(month));
                // Never less is on record than was let through, and that is what may be at most.
                prop_assert!(row >= admitted || admitted == 0);
                if let Some(most) = world.plan.1.per_month {
                    prop_assert!(admitted <= most.max(before), "{admitted} of {most}");
                }
                of_month.push((world.now, world.plan.1.per_month, admitted));
            }
            world.holds(&plans);
        }
    }
}
