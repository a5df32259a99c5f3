//! All schedules of a case, or many of them.

use crate::choices::{Choices, Independence};
use crate::judge::{self, Judgement};
use crate::scene::Scene;
use crate::schedule::{Ended, Faults, Play, run};
use crate::wire::{Fate, Sabotage, Wire};
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

/// Those after which something is done that nobody was told of.
pub const LOST_ANSWERS: &[Fate] = &[Fate::LostAfter, Fate::Late];

/// A case: who does what beside each other, and what has to hold whatever comes first.
pub struct Case {
    pub name: &'static str,
    pub play: fn(Scene) -> BoxFuture<'static, Play>,
    pub independence: Independence,
    /// What may go wrong, and how often in a schedule at most.
    pub faults: Faults,
    /// What holds beside what holds of every case.
    pub judge: fn(&Ended) -> Judgement,
    /// What some schedule has to come to: else it shows less than it seems to.
    pub sometimes: &'static [&'static str],
}

/// What exploring a case came to.
#[derive(Debug, Default)]
pub struct Explored {
    pub schedules: usize,
    pub faults: usize,
    pub reached: BTreeMap<String, usize>,
    pub violation: Option<Violation>,
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

impl Case {
    /// Every schedule, up to the first after which something does not hold.
    pub fn explore(&self, sabotage: Option<Sabotage>) -> Explored {
        self.on_one_thread(sabotage, async |play, wire| {
            let mut explored = Explored::default();
            let mut next = Some(Choices::first(self.independence));
            while let Some(mut choices) = next {
                assert!(explored.schedules < BOUND, "{} has too many schedules", self.name);
                self.one(play, wire, &mut choices, &mut explored).await;
                if explored.violation.is_some() {
                    break;
                }
                next = choices.next();
            }
            explored
        })
    }

    /// As many schedules as there are seeds.
    fn sample(&self, seeds: Range<u64>) -> Explored {
        self.on_one_thread(None, async |play, wire| {
            let mut explored = Explored::default();
            for seed in seeds {
                let mut choices = Choices::seeded(seed);
                self.one(play, wire, &mut choices, &mut explored).await;
                if explored.violation.is_some() {
                    break;
                }
            }
            explored
        })
    }

    /// What happens with each of these seeds, in words.
    pub fn told(&self, seeds: Range<u64>) -> Vec<Vec<String>> {
        self.on_one_thread(None, async |play, wire| {
            let mut told = Vec::new();
            for seed in seeds {
                let mut choices = Choices::seeded(seed);
                told.push(self.one(play, wire, &mut choices, &mut Explored::default()).await);
            }
            told
        })
    }

    /// The one schedule of these choices.
    fn replay(&self, choices: &str) {
        self.on_one_thread(None, async |play, wire| {
            let mut explored = Explored::default();
            let mut choices = Choices::parse(choices);
            let steps = self.one(play, wire, &mut choices, &mut explored).await;
            tell(&steps.join("\n"));
            self.refuse(&explored);
        });
    }

    fn on_one_thread<T>(
        &self,
        sabotage: Option<Sabotage>,
        explore: impl AsyncFnOnce(&Play, &Arc<Wire>) -> T,
    ) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let play = (self.play)(Scene::new()).await;
            let wire = play.scene.wire(sabotage);
            explore(&play, &wire).await
        })
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

    /// Whether some schedule shows that something was changed.
    pub fn misses(&self, sabotage: Sabotage) {
        let began = Instant::now();
        let explored = self.explore(Some(sabotage));
        tell_figures(&format!("{} {sabotage}", self.name), &explored, began);
        assert!(explored.violation.is_some(), "{} does not miss {sabotage}", self.name);
    }

    /// Holds every schedule of the case to what it says.
    pub fn hold(&self) {
        self.hold_those_of(|| self.explore(None));
    }

    /// The same of so many schedules, or as many as are asked for.
    pub fn hold_sampled(&self, schedules: u64) {
        let asked = setting("SIMULATION_SCHEDULES");
        let schedules = asked.map_or(schedules, |text| text.parse().expect("a number"));
        self.hold_those_of(|| self.sample(0..schedules));
    }

    fn hold_those_of(&self, explore: impl FnOnce() -> Explored) {
        if let Some(choices) = setting("SIMULATION_CHOICES") {
            return self.replay(&choices);
        }
        let began = Instant::now();
        let explored = explore();
        tell_figures(self.name, &explored, began);
        self.refuse(&explored);
        let Explored { reached, .. } = explored;
        let missing: Vec<_> =
            self.sometimes.iter().filter(|name| !reached.contains_key(**name)).collect();
        assert!(missing.is_empty(), "{}: {missing:?} is not in {reached:#?}", self.name);
    }

    fn refuse(&self, explored: &Explored) {
        let Some(Violation { what, choices, steps }) = &explored.violation else { return };
        panic!(
            "{}: {what}\nafter\n{}\nAgain: SIMULATION_CHOICES={choices}",
            self.name,
            steps.join("\n")
        );
    }
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

fn setting(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a setting of this test, not of the desk's")]
    std::env::var(name).ok()
}
