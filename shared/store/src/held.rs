//! What this process holds of accounts: the limits that it has seen, and what it knows of meters.
//! Nothing of it decides by itself: whoever goes by it writes on condition that it is so.

use domain::meter::Held;
use domain::{AccountId, Plan};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The limits that this process has seen last, of accounts that have any.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeenPlans(Arc<Mutex<HashMap<AccountId, Plan>>>);

impl SeenPlans {
    /// So many accounts are remembered: others' second try knows better.
    const MOST: usize = 10_000;

    pub fn of(&self, account: &AccountId) -> Plan {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(account).copied().unwrap_or_default()
    }

    pub fn see(&self, account: &AccountId, plan: Plan) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= Self::MOST {
            seen.clear();
        }
        seen.insert(account.clone(), plan);
    }
}

/// Of all accounts whose keys were checked here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meters(Arc<Mutex<HashMap<AccountId, Arc<Queue>>>>);

/// The calls of one account that are at the meter or wait for it, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub turn: tokio::sync::Mutex<Turn>,
    pub tickets: AtomicU64,
    /// Who waits for the turn.
    pub waiting: AtomicU64,
    /// Whether somebody was to warn admins, and could not.
    pub unwarned: AtomicBool,
}

#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub held: Held,
    /// The meter did not answer those before this ticket.
    pub unanswered_before: u64,
}

/// Waits for the turn until it is dropped: it may be given up at any time.
pub(crate) struct Waiting<'a>(&'a AtomicU64);

impl<'a> Waiting<'a> {
    pub fn among(others: &'a AtomicU64) -> Self {
        others.fetch_add(1, Ordering::SeqCst);
        Self(others)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Meters {
    /// What is held of so many accounts. Beyond that, what nobody uses is dropped.
    const MOST: usize = 10_000;

    pub fn of(&self, account: &AccountId) -> Arc<Queue> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(account) {
            return queue.clone();
        }
        if queues.len() >= Self::MOST {
            queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        }
        queues.entry(account.clone()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn accounts() -> impl Iterator<Item = AccountId> {
        let mut rng = StdRng::seed_from_u64(1);
        std::iter::repeat_with(move || AccountId::random(&mut rng))
    }

    const PLAN: Plan = Plan { version: 1, limits: None };

    fn is_seen(plans: &SeenPlans, account: &AccountId) -> bool {
        plans.of(account) == PLAN
    }

    #[test]
    fn plans_are_remembered_until_there_are_too_many_of_them() {
        let plans = SeenPlans::default();
        let all: Vec<_> = accounts().take(SeenPlans::MOST + 1).collect();
        for account in &all[..SeenPlans::MOST] {
            plans.see(account, PLAN);
        }
        assert!(all[..SeenPlans::MOST].iter().all(|account| is_seen(&plans, account)));
        let last = &all[SeenPlans::MOST];
        plans.see(last, PLAN);
        assert!(is_seen(&plans, last) && !is_seen(&plans, &all[0]));
        plans.see(&all[0], PLAN);
        assert!(is_seen(&plans, last) && is_seen(&plans, &all[0]));
    }

    #[test]
    fn the_meters_of_whoever_is_at_work_stay_however_many_there_are() {
        let meters = Meters::default();
        let held = |meters: &Meters| meters.0.lock().unwrap().len();
        let all: Vec<_> = accounts().take(Meters::MOST + 1).collect();
        let at_work = meters.of(&all[0]);
        for account in &all[1..Meters::MOST] {
            meters.of(account);
        }
        assert_eq!(held(&meters), Meters::MOST);
        meters.of(&all[Meters::MOST]);
        assert_eq!(held(&meters), 2);
        assert!(Arc::ptr_eq(&at_work, &meters.of(&all[0])));
        meters.of(&all[1]);
        assert_eq!(held(&meters), 3);
    }
}
