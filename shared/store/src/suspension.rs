//! Suspensions: an account is stopped, or goes on, with each of its keys.
//!
//! Each key's row says by itself whether its account is suspended, so that `authorize-key` reads
//! that one row. A suspension first stops the account, by a write that needs nothing but that the
//! account is there: from then on nobody makes a key. Only then does it read the keys, and marks
//! all of them in one transaction on the version that it read before them. In between the account's
//! row is a duty, which `sweep` finds if the suspension ends there. A resumption revives keys and
//! account in one transaction, for nobody makes a key before that.
//!
//! Limits of calls reach the keys in the same way (`plan`), and whoever marks keys
//! marks them with all that the account's row says.

use crate::layout::RowKey;
use crate::operator::{ChangeRefusal, Operator};
use crate::plan;
use crate::rows::{AccountRow, Item, PlanRow};
use crate::write::{Backoff, Obstacle, Transaction, Write};
use crate::{Failure, Store, StoreError, account, layout, outbox};
use domain::{AccountId, Plan};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Somebody changed what had been read: it is read and decided anew.
struct Changed;

fn changed(_: Option<Item>) -> Result<Changed, StoreError> {
    Ok(Changed)
}

/// On condition that the account is still as it was read.
fn as_read(whole: Write, read: &AccountRow) -> Write {
    whole.and("version = :version").value(":version", read.version)
}

/// What a key's row says of its account, and where it lies.
#[derive(Deserialize)]
struct Marked {
    #[serde(flatten)]
    key: RowKey,
    #[serde(flatten)]
    mark: Mark,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Mark {
    Set {
        suspended: bool,
        #[serde(flatten)]
        plan: PlanRow,
    },
    Unreadable(IgnoredAny),
}

impl Marked {
    fn is(&self, suspended: bool, plan: &Plan) -> bool {
        match &self.mark {
            Mark::Set { suspended: mark, plan: of } => *mark == suspended && of.0 == *plan,
            Mark::Unreadable(_) => false,
        }
    }
}

impl Store {
    /// Stops an account: its keys and sessions, in force for each of them when this returns.
    /// Whether it was not suspended before; every key that is not marked yet is marked anyway.
    pub async fn suspend(
        &self,
        operator: Operator<'_>,
        now: Timestamp,
    ) -> Result<bool, Failure<ChangeRefusal>> {
        let mut backoff = Backoff::new(self);
        let mut stopped = false;
        loop {
            stopped |= self.stop(operator, now).await?;
            let finished = self.finish_suspension(operator.account).await;
            if finished.map_err(StoreError::beside_a_change)? {
                return Ok(stopped);
            }
            // Somebody resumed it in between.
            backoff.wait().await.map_err(StoreError::beside_a_change)?;
        }
    }

    /// The first half: whether the account was not suspended before, or had another name than was
    /// read.
    async fn stop(
        &self,
        operator: Operator<'_>,
        now: Timestamp,
    ) -> Result<bool, Failure<ChangeRefusal>> {
        let account = operator.account;
        // One that cannot be read keeps no account from being stopped.
        let name = self.name_at("account", layout::account(account)).await?;
        let stop = account::changed(account, ", suspended = :yes, duty = :duty, due_at = :due")
            .and("suspended = :no")
            .value(":yes", true)
            .value(":no", false);
        let stop = match &name {
            Some(name) => stop.and("name = :name").value(":name", name),
            None => stop,
        };
        let audited = operator
            .audited("account_suspended", Some(account.as_str()), now)
            .some_label(name.as_deref())
            .changed("suspended", false, true);
        let stopped = Transaction::new()
            .guarded(outbox::as_duty(stop, now, &mut self.rng()), |row| {
                Ok(match row {
                    Some(_) => Obstacle::Found(()),
                    None => Obstacle::Refused(ChangeRefusal::AccountNotFound),
                })
            })
            .with(audited)
            .commit(self)
            .await;
        match stopped {
            Ok(()) => Ok(true),
            Err(failure) => failure.found().map(|()| false),
        }
    }

    /// The second half, which marks every key; not if somebody has resumed the account meanwhile.
    async fn finish_suspension(&self, account: &AccountId) -> Result<bool, StoreError> {
        Ok(self.mark_keys(account).await? == Some(true))
    }

    /// Marks every key with what its account's row says: whether it is suspended, if it is there.
    pub async fn mark_keys(&self, account: &AccountId) -> Result<Option<bool>, StoreError> {
        let mut backoff = Backoff::new(self);
        loop {
            let row = self.get::<AccountRow>("account", layout::account(account)).await?;
            let Some(row) = row else { return Ok(None) };
            let whole = account::changed(account, " REMOVE duty, due_at");
            let whole = if row.suspended {
                as_read(whole, &row)
            } else {
                // Customers are at work, who change the version. What they make since the row was
                // read has the same marks, or this does not commit.
                plan::is(account::of_customer(whole), &row.plan.0)
            };
            let marked = self.marking(account, whole, row.suspended, &row.plan.0).await?;
            match marked.commit(self).await {
                Ok(()) => return Ok(Some(row.suspended)),
                Err(Failure::Refused(Changed)) => backoff.wait().await?,
                Err(Failure::Store(error)) => return Err(error),
            }
        }
    }

    /// Revives an account, with its keys and its sessions, and has done what waited for that.
    /// Whether it was suspended before; every key that is still marked is unmarked anyway.
    pub async fn resume(
        &self,
        operator: Operator<'_>,
        now: Timestamp,
    ) -> Result<bool, Failure<ChangeRefusal>> {
        let account = operator.account;
        let mut backoff = Backoff::new(self);
        let resumed = loop {
            let row = self.get::<AccountRow>("account", layout::account(account)).await?;
            let row = row.ok_or(Failure::Refused(ChangeRefusal::AccountNotFound))?;
            let (was_suspended, name) = (row.suspended, row.name.clone());
            let whole = if was_suspended {
                let revived = ", suspended = :no REMOVE duty, due_at";
                as_read(account::changed(account, revived).value(":no", false), &row)
            } else {
                // There is nothing to revive, and customers are at work, who change the version.
                plan::is(account::of_customer(account::changed(account, "")), &row.plan.0)
            };
            let mut revived = self.marking(account, whole, false, &row.plan.0).await?;
            if was_suspended {
                let audited = operator.audited_whole("account_resumed", name.as_str(), now);
                revived = revived.with(audited.changed("suspended", true, false));
            }
            match revived.commit(self).await {
                Ok(()) => break was_suspended,
                Err(Failure::Refused(Changed)) => backoff.wait().await?,
                Err(Failure::Store(error)) => return Err(error.into()),
            }
        };
        let redelivered = self.redeliver_waiting(account, now).await;
        redelivered.map_err(StoreError::beside_a_change)?;
        Ok(resumed)
    }

    /// A change of the account's row, with the marks on every key that does not have them yet.
    async fn marking(
        &self,
        account: &AccountId,
        whole: Write,
        suspended: bool,
        plan: &Plan,
    ) -> Result<Transaction<'static, Changed>, StoreError> {
        let partition = layout::account_partition(account);
        // Whatever else is in the row: none that cannot be read leaves the others as they are.
        let keys = self.query::<Marked>("key", partition, layout::KEY_PREFIX).await?;
        let marks = keys.into_iter().filter(|marked| !marked.is(suspended, plan)).map(|marked| {
            let mut change = plan::changed(plan);
            change.set.push("suspended = :suspended".to_owned());
            let mark = Write::update(marked.key, &change.expression())
                .if_there()
                .value(":suspended", suspended);
            plan::with_values(mark, plan)
        });
        Ok(marks.fold(Transaction::new().guarded(whole, changed), |all, mark| {
            all.guarded(mark, changed)
        }))
    }
}
