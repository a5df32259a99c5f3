//! The meter of an account's calls, and what this process holds of each.
//!
//! A check that nothing else refuses takes one call, by one conditional write; which of its forms
//! is likeliest is known from the last one, and a refused write brings the row along. Calls that
//! wait for the same meter in one process are taken together, by the first of them.
//!
//! A write whose answer got lost may have taken calls that nobody makes: they are wasted, as those
//! that a process held that ended. Nobody is let through by a write that is not known to be made.

use crate::actor::{ActorRefusal, Caller};
use crate::held::Waiting;
use crate::plan::{self, Change};
use crate::rows::{Item, PlanRow, from_item};
use crate::write::{NotMet, Transaction, Write};
use crate::{Failure, Store, StoreError, layout, outbox};
use domain::meter::{Arrival, Ask, Held, Meter, Refusal, Step, Take, Warning};
use domain::{AccountId, Limits, Month, Plan, SessionToken};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often a write is tried that others' came before. The second one is made unless another
/// call comes between it and the first.
const MAX_TRIES: usize = 8;

/// What a call comes to.
#[derive(Debug, Clone)]
pub struct Metered {
    /// Why it is not let through, if it is not.
    pub refusal: Option<Refusal>,
    /// What admins are to hear: [`Store::warn_of_usage`].
    pub warning: Option<Warning>,
}

#[derive(Debug, Deserialize)]
struct MeterRow {
    #[serde(flatten)]
    plan: PlanRow,
    #[serde(default)]
    tat: i64,
    month: Month,
    calls: u64,
    #[serde(default)]
    warned: u8,
}

impl MeterRow {
    fn into_meter(self) -> Meter {
        let Self { plan: PlanRow(plan), tat, month, calls, warned } = self;
        let limits = plan.limits.unwrap_or_default();
        Meter { version: plan.version, limits, tat, month, calls, warned }
    }
}

fn meter(row: Item) -> Result<Meter, StoreError> {
    from_item("meter", row).map(MeterRow::into_meter)
}

/// To warn admins. It has failed unless it comes to its end, for it may be given up at any time.
struct Attempt<'a> {
    failed: &'a AtomicBool,
    has_ended: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.failed.store(true, Ordering::SeqCst);
        }
    }
}

impl Store {
    /// Takes one call from the account's meter, unless that is over a limit. `clock` is asked when
    /// it is this call's turn.
    pub async fn meter(
        &self,
        account: &AccountId,
        version: u64,
        limits: Limits,
        clock: impl Fn() -> Timestamp + Send,
    ) -> Result<Metered, StoreError> {
        let queue = self.meters.of(account);
        let ticket = queue.tickets.fetch_add(1, Ordering::SeqCst);
        let waiting = Waiting::among(&queue.waiting);
        let mut turn = queue.turn.lock().await;
        drop(waiting);
        if ticket < turn.unanswered_before {
            return Err(StoreError::Unavailable("the meter did not answer".to_owned()));
        }
        let mut ask = Ask {
            version,
            limits,
            now: clock(),
            ticket,
            waiting: queue.waiting.load(Ordering::SeqCst) + 1,
            next: queue.tickets.load(Ordering::SeqCst),
        };
        if queue.unwarned.swap(false, Ordering::SeqCst) {
            turn.held.not_warned();
        }
        let decided = self.decide(account, &mut turn.held, &mut ask, clock).await;
        if decided.is_err() {
            turn.unanswered_before = ask.next;
        }
        Ok(Metered { refusal: decided?, warning: turn.held.warning() })
    }

    async fn decide(
        &self,
        account: &AccountId,
        held: &mut Held,
        ask: &mut Ask,
        clock: impl Fn() -> Timestamp + Send,
    ) -> Result<Option<Refusal>, StoreError> {
        for _ in 0..MAX_TRIES {
            let take = match held.step(ask) {
                Step::Admit => return Ok(None),
                Step::Refuse(refusal) => return Ok(Some(refusal)),
                Step::Take(take) => take,
            };
            match self.update(taken(account, &take)).await? {
                Ok(row) => {
                    held.taken(&take, ask, meter(row)?);
                    return Ok(None);
                }
                Err(NotMet { row, .. }) => held.refused(&take, row.map(meter).transpose()?),
            }
            // Whatever the row says that refused the write happened before now.
            ask.now = clock();
        }
        Err(StoreError::Contended)
    }

    /// Has admins hear of what is used of a month, if nobody did before. If that fails, the next
    /// call tries again.
    pub async fn warn_of_usage(
        &self,
        account: &AccountId,
        warning: &Warning,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let queue = self.meters.of(account);
        let mut attempt = Attempt { failed: &queue.unwarned, has_ended: false };
        let heard = Write::update(layout::meter(account), "SET warned = :percent")
            .when("month = :month AND (attribute_not_exists(warned) OR warned < :percent)")
            .value(":month", warning.month)
            .value(":percent", warning.percent);
        let mail = outbox::usage_warning(account, warning, now, &mut self.rng());
        let warned = Transaction::new()
            .guarded(heard, |_| Ok(()))
            .guarded(mail, |_| Ok(()))
            .commit(self)
            .await;
        match warned {
            Ok(()) | Err(Failure::Refused(())) => {
                attempt.has_ended = true;
                Ok(())
            }
            Err(Failure::Store(error)) => Err(error),
        }
    }

    /// The meter of an account, if a call ever came to it.
    pub async fn find_meter(&self, account: &AccountId) -> Result<Option<Meter>, StoreError> {
        let row = self.get::<MeterRow>("meter", layout::meter(account)).await?;
        Ok(row.map(MeterRow::into_meter))
    }

    /// The caller, with the meter of its account.
    pub async fn find_usage(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<(Caller, Option<Meter>), Failure<ActorRefusal>> {
        let (caller, meter) =
            tokio::join!(self.find_caller(token, now), self.find_meter(&token.account));
        Ok((caller?, meter?))
    }

    /// Whether the account was over a limit at that time.
    pub async fn is_over_limit(
        &self,
        account: &AccountId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let (found, meter) = tokio::join!(self.find_account(account), self.find_meter(account));
        let plan = found?.map(|account| account.plan).filter(|plan| plan.limits.is_some());
        Ok(meter?.zip(plan).is_some_and(|(meter, plan)| meter.is_over(&plan, at)))
    }
}

/// The write that takes calls.
fn taken(account: &AccountId, take: &Take) -> Write {
    let plan = Plan { version: take.version, limits: Some(take.limits) };
    let is_new = take.of.is_none_or(|(version, _)| version != take.version);
    let is_same_month = take.of.is_some_and(|(_, month)| month == take.month);
    let mut change = if is_new { plan::changed(&plan) } else { Change::default() };
    change.set.push("type = :type".to_owned());
    change.set.push(
        if is_same_month { "calls = calls + :paid" } else { "calls = :paid, month = :month" }
            .to_owned(),
    );
    match take.tat {
        Some(Arrival::Behind { .. }) => change.set.push("tat = tat + :by".to_owned()),
        Some(Arrival::At { .. } | Arrival::Anew { .. }) => change.set.push("tat = :is".to_owned()),
        None => {}
    }
    if take.warns_anew {
        change.remove.push("warned".to_owned());
    }
    let write = Write::update(layout::meter(account), &change.expression())
        .value(":type", "meter")
        .value(":paid", take.paid);
    let write = if is_new { plan::with_values(write, &plan) } else { write };
    let write = match take.of {
        None => write.if_new().value(":month", take.month),
        Some((version, month)) => write
            .when("limits_version = :was AND month = :month_was")
            .value(":was", version)
            .value(":month_was", month)
            .some_value(":month", (!is_same_month).then_some(take.month)),
    };
    let write = match take.calls_at_most() {
        Some(most) => write.and("calls <= :calls_at_most").value(":calls_at_most", most),
        None => write,
    };
    match take.tat {
        None => write,
        Some(Arrival::Anew { is }) => write.value(":is", is),
        Some(Arrival::At { before, is }) => {
            write.and("tat < :before").value(":before", before).value(":is", is)
        }
        Some(Arrival::Behind { least, most, by }) => write
            .and("tat BETWEEN :least AND :most")
            .value(":least", least)
            .value(":most", most)
            .value(":by", by),
    }
}
