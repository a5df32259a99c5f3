//! All schedules of a case, or many of them.

use crate::choices::{Choices, Independence};
use crate::judge::{self, Judgement};
use crate::scene::Scene;
use crate::schedule::{Ended, Faults, Play, run};
use crate::wire::{Fate, Sabotage, Wire};
use frontdesk_tests::proof::{Progress, Proof, is_quick, size};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;
use std::sync::{Arc, Once};
use std::time::Instant;

/// What becomes of a request when the store, or the way there, is not well.
pub const FAULTS: &[Fate] = &[
    Fate::Throttled,
    Fate::Conflict,
    Fate::InProgress,
    Fate::LostBefore,
    Fate::LostAfter,
    Fate::Late,
];

/// What becomes of a worker's requests, and of the worker.
pub const WORKERS_FAULTS: &[Fate] = &[
    Fate::Throttled,
    Fate::Outage,
    Fate::Conflict,
    Fate::InProgress,
    Fate::LostBefore,
    Fate::LostAfter,
    Fate::Late,
    Fate::Killed,
    Fate::KilledAfter,
    Fate::Undelivered,
    Fate::Refused,
    Fate::Down,
    Fate::Mute,
];

/// Those after which something is done that nobody was told of.
pub const LOST_ANSWERS: &[Fate] = &[Fate::LostAfter, Fate::Late];

/// A case: who does what beside each other, and what has to hold whatever comes first.
pub struct Case {
    pub name: &'static str,
    /// The promise that it holds, in the words of the first page.
    pub holds: &'static str,
    pub play: fn(Scene) -> BoxFuture<'static, Play>,
    pub independence: Independence,
    /// What may go wrong, and how often in a schedule at most.
    pub faults: Faults,
    /// What holds beside what holds of every case.
    pub judge: fn(&Ended) -> Judgement,
    /// What some schedule has to come to: else it shows less than it seems to.
    pub sometimes: &'static [&'static str],
}

/// How schedules are tried, and what has to hold after each.
#[derive(Clone, Copy)]
pub struct Rules<'r> {
    pub independence: Independence,
    pub faults: Faults,
    pub judge: &'r dyn Fn(&Ended) -> Judgement,
}

/// What exploring a case came to.
#[derive(Debug, Default)]
pub struct Explored {
    pub schedules: usize,
    pub faults: usize,
    pub reached: BTreeMap<String, usize>,
    pub violation: Option<Violation>,
    progress: Progress,
}

/// A schedule after which something does not hold.
#[derive(Debug)]
pub struct Violation {
    pub what: String,
    pub choices: String,
    pub steps: Vec<String>,
}

/// More schedules than this are no small case.
const BOUND: usize = 200_000;

/// So many schedules of a large case are tried where much is asked for.
const LONG: u64 = 5000;

/// What does not come in so many schedules is missing, where little is asked for.
const ENOUGH: u64 = 300;

impl Rules<'_> {
    /// Every schedule, up to the first after which something does not hold.
    pub async fn all(&self, play: &Play, wire: &Arc<Wire>, explored: &mut Explored) {
        let mut tried = 0;
        let mut next = Some(Choices::first(self.independence));
        while let Some(mut choices) = next.filter(|_| explored.violation.is_none()) {
            assert!(tried < BOUND, "these are too many schedules");
            tried += 1;
            self.one(play, wire, &mut choices, explored).await;
            next = choices.next();
        }
    }

    /// As many schedules as there are seeds, up to the same.
    pub async fn some(
        &self,
        seeds: Range<u64>,
        play: &Play,
        wire: &Arc<Wire>,
        explored: &mut Explored,
    ) {
        for seed in seeds {
            if explored.violation.is_none() {
                self.one(play, wire, &mut Choices::seeded(seed), explored).await;
            }
        }
    }

    /// One schedule after the other, until they have come to all of this, or to too much.
    async fn until(
        &self,
        sometimes: &[&str],
        play: &Play,
        wire: &Arc<Wire>,
        explored: &mut Explored,
    ) {
        for seed in 0..ENOUGH {
            self.some(seed..seed + 1, play, wire, explored).await;
            if explored.violation.is_some() || explored.lacks(sometimes).is_empty() {
                return;
            }
        }
    }

    /// The one schedule of these choices, with each step told.
    pub async fn replay(&self, choices: &str, play: &Play, wire: &Arc<Wire>) -> Explored {
        let mut explored = Explored::default();
        let steps = self.one(play, wire, &mut Choices::parse(choices), &mut explored).await;
        tell(&steps.join("\n"));
        explored
    }

    async fn one(
        &self,
        play: &Play,
        wire: &Arc<Wire>,
        choices: &mut Choices,
        explored: &mut Explored,
    ) -> Vec<String> {
        let Some(ended) = run(play, wire, choices, self.faults).await else {
            return Vec::new();
        };
        explored.schedules += 1;
        explored.progress.tell(format_args!("{} schedules", explored.schedules));
        explored.faults += ended.steps.iter().filter(|step| step.fate.is_fault()).count();
        for reached in ended.reached() {
            *explored.reached.entry(reached).or_default() += 1;
        }
        let answers = ended.done.iter().map(|done| {
            let answer = done.answer.named();
            format!(
                "actor {}, act {}: {} answered {answer}",
                done.actor, done.act, done.asked.function
            )
        });
        let steps: Vec<_> = ended.steps.iter().map(ToString::to_string).chain(answers).collect();
        if let Err(what) = judge::judge(&ended).and_then(|()| (self.judge)(&ended)) {
            let steps = steps.clone();
            explored.violation = Some(Violation { what, choices: choices.text(), steps });
        }
        steps
    }
}

/// On one thread, with time that passes only while everybody waits.
pub fn on_one_thread<T>(explore: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(explore)
}

impl Case {
    fn rules(&self) -> Rules<'_> {
        let Self { independence, faults, judge, .. } = self;
        Rules { independence: *independence, faults: *faults, judge }
    }

    /// Every schedule, up to the first after which something does not hold.
    fn explore(&self, sabotage: Option<Sabotage>) -> Explored {
        self.on_one_thread(sabotage, async |play, wire| {
            let mut explored = Explored::default();
            self.rules().all(play, wire, &mut explored).await;
            explored
        })
    }

    /// As many schedules as there are seeds.
    fn sample(&self, seeds: Range<u64>) -> Explored {
        self.on_one_thread(None, async |play, wire| {
            let mut explored = Explored::default();
            self.rules().some(seeds, play, wire, &mut explored).await;
            explored
        })
    }

    /// What happens with each of these seeds, in words.
    pub fn told(&self, seeds: Range<u64>) -> Vec<Vec<String>> {
        self.on_one_thread(None, async |play, wire| {
            let mut told = Vec::new();
            for seed in seeds {
                let (mut choices, mut explored) = (Choices::seeded(seed), Explored::default());
                told.push(self.rules().one(play, wire, &mut choices, &mut explored).await);
            }
            told
        })
    }

    fn on_one_thread<T>(
        &self,
        sabotage: Option<Sabotage>,
        explore: impl AsyncFnOnce(&Play, &Arc<Wire>) -> T,
    ) -> T {
        on_one_thread(async {
            let play = (self.play)(Scene::new()).await;
            let wire = play.scene.wire(sabotage);
            explore(&play, &wire).await
        })
    }

    /// Whether some schedule shows that something was changed.
    pub fn misses(&self, sabotage: Sabotage) {
        let began = Instant::now();
        let explored = self.explore(Some(sabotage));
        tell_figures(&format!("{} {sabotage}", self.name), &explored, began);
        assert!(explored.violation.is_some(), "{} does not miss {sabotage}", self.name);
        Proof { holds: self.holds, runs: 0, faults: 0, mutants: Some((1, 1)) }.print();
    }

    /// As few schedules as it takes to come to what the case has to come to.
    fn glance(&self) -> Explored {
        self.on_one_thread(None, async |play, wire| {
            let mut explored = Explored::default();
            self.rules().until(self.sometimes, play, wire, &mut explored).await;
            explored
        })
    }

    /// Holds every schedule of the case to what it says.
    pub fn hold(&self) {
        self.hold_those_of(|| self.explore(None));
    }

    /// The same of so many schedules every day, of [`LONG`] with `PROOFS=long`, or of as many as
    /// are asked for.
    pub fn hold_sampled(&self, daily: u64) {
        let asked = setting("SIMULATION_SCHEDULES");
        let schedules = asked.map_or(size(daily, LONG), |text| text.parse().expect("a number"));
        self.hold_those_of(|| self.sample(0..schedules));
    }

    fn hold_those_of(&self, explore: impl FnOnce() -> Explored) {
        let began = Instant::now();
        if let Some(choices) = asked_choices() {
            let explored = self.on_one_thread(None, async |play, wire| {
                self.rules().replay(&choices, play, wire).await
            });
            return explored.refuse(self.name, "");
        }
        let explored = if is_quick() { self.glance() } else { explore() };
        explored.tell(self.holds, self.name, began);
        explored.refuse(self.name, "");
        explored.has_come_to(self.name, self.sometimes);
    }
}

impl Explored {
    /// What was tried, in the table of cases and in that of proofs.
    pub fn tell(&self, holds: &'static str, name: &str, began: Instant) {
        tell_figures(name, self, began);
        if self.violation.is_none() {
            let (runs, faults) = (self.schedules as u64, self.faults as u64);
            Proof { holds, runs, faults, mutants: None }.print();
        }
    }

    /// `again`: what else leads there, beside the choices.
    pub fn refuse(&self, name: &str, again: &str) {
        let Some(Violation { what, choices, steps }) = &self.violation else { return };
        let steps = steps.join("\n");
        fail(&format!(
            "{name}: {what}\nafter\n{steps}\nAgain: {again}SIMULATION_CHOICES={choices}"
        ));
    }

    pub fn has_come_to(&self, name: &str, sometimes: &[&str]) {
        let (missing, reached) = (self.lacks(sometimes), &self.reached);
        if !missing.is_empty() {
            fail(&format!("{name}: {missing:?} is not in {reached:#?}"));
        }
    }

    /// What was not come to.
    fn lacks<'s>(&self, sometimes: &[&'s str]) -> Vec<&'s str> {
        let is_missing = |name: &&&str| !self.reached.contains_key(**name);
        sometimes.iter().filter(is_missing).copied().collect()
    }
}

/// Where little is asked for, one failure is enough, and ends all tests.
fn fail(what: &str) -> ! {
    if is_quick() {
        tell(what);
        #[expect(clippy::disallowed_methods, reason = "no request is under way")]
        std::process::exit(101);
    }
    panic!("{what}");
}

/// The choices of the one schedule that is asked for.
pub fn asked_choices() -> Option<String> {
    setting("SIMULATION_CHOICES")
}

/// A row of the table.
fn tell_figures(case: &str, explored: &Explored, began: Instant) {
    static HEAD: Once = Once::new();
    let row = |case: &str, figures: [&str; 4]| {
        let [schedules, faults, violations, seconds] = figures;
        tell(&format!("{case:<80} {schedules:>9} {faults:>7} {violations:>10} {seconds:>7}"));
    };
    HEAD.call_once(|| row("case", ["schedules", "faults", "violations", "seconds"]));
    let Explored { schedules, faults, violation, .. } = explored;
    let figures = [*schedules, *faults, usize::from(violation.is_some())];
    let [schedules, faults, violations] = figures.map(|figure| figure.to_string());
    let seconds = format!("{:.1}", began.elapsed().as_secs_f64());
    row(case, [&schedules, &faults, &violations, &seconds]);
}

/// The figures are what the run is for, so they are told though it succeeds.
fn tell(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

pub fn setting(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a setting of this test, not of the desk's")]
    std::env::var(name).ok()
}
