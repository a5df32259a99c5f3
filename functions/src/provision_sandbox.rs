//! The post-login trigger: creates or reuses the Sandbox key, validates it, records the state.
//!
//! Each step is one transaction that leaves a state from which the next delivery goes on; the event
//! is done when the verdict is on record, in the same transaction.

use crate::pending::{find_pending, pass_over};
use crate::sandbox_key::take_step;
use crate::validation::unless_over_limit;
use domain::sandbox::Verdict;
use domain::{AccountId, SandboxState};
use edge::App;
use edge::lambda::{Record, RecordFailed};
use edge::telemetry::{self, Metric};
use store::{DutyKind, EnsureKeyRefusal, Failure, OutboxKey, VerdictRefusal};

/// Calls of the product API in one validation: with its time-out, within the 60 seconds after which
/// a validation counts as lost.
pub const MAX_VALIDATION_TRIES: u32 = 3;
/// How often the step is decided anew because another run was faster.
const MAX_KEY_STEPS: usize = 5;

pub async fn handle(app: &App, record: Record<'_>) -> Result<(), RecordFailed> {
    record.turn().await;
    let done = look_after(app, &record).await;
    pass_over(&record, done, Metric::DutyUnreadable).await
}

async fn look_after(app: &App, record: &Record<'_>) -> Result<(), RecordFailed> {
    let event: OutboxKey =
        serde_dynamo::from_item(record.event.change.keys.clone()).map_err(RecordFailed::again)?;
    telemetry::set_account(event.account().as_ref());
    let Some(row) = find_pending(app, &event).await? else { return Ok(()) };
    let is_given_up = row.is_given_up();
    let (account, retry) = match row.duty {
        DutyKind::LoginEvent { account_id, .. } => (account_id, false),
        DutyKind::ProvisionRequest { account_id, .. } => (account_id, true),
        DutyKind::Mail(_)
        | DutyKind::LoginNotice { .. }
        | DutyKind::KeyExpiring(_)
        | DutyKind::UsageWarning(_) => return Ok(()),
    };
    if is_given_up {
        return give_up(app, &account, &event).await;
    }
    provision_sandbox(app, &account, retry, &event).await
}

/// What was tried for so long in vain is over, and nobody waits for it any more.
async fn give_up(app: &App, account: &AccountId, event: &OutboxKey) -> Result<(), RecordFailed> {
    telemetry::set_outcome("given_up");
    let Some(sandbox) = app.store.find_sandbox(account).await? else {
        return Ok(app.store.finish(event).await?);
    };
    if app.store.give_up_provisioning(account, event, &sandbox, app.clock.now()).await? {
        return Ok(());
    }
    Err(RecordFailed::again("somebody is at work on the Sandbox"))
}

/// Decision: [`domain::Sandbox::key_step`], pure. Effects: the key's transaction, if it needs one,
/// the validation, and [`store::Store::record_provisioning`].
async fn provision_sandbox(
    app: &App,
    account: &AccountId,
    mut retry: bool,
    event: &OutboxKey,
) -> Result<(), RecordFailed> {
    let mut has_lost_key = false;
    for _ in 0..MAX_KEY_STEPS {
        let (found, sandbox) =
            tokio::join!(app.store.find_account(account), app.store.find_sandbox(account));
        let (Some(found), Some(sandbox)) = (found?, sandbox?) else {
            return Ok(app.store.finish(event).await?);
        };
        if found.suspended {
            return waits();
        }
        // A deletion stands until somebody asks again.
        if has_lost_key && sandbox.key.is_none() && sandbox.state != SandboxState::Validating {
            if app.store.leave_provisioning(account, event, &sandbox).await? {
                return Ok(());
            }
            continue;
        }
        let opened = match &sandbox.key {
            Some(key) => app.keyrings.open_sandbox_key(account, key).await?,
            None => None,
        };
        let ring = app.keyrings.sealing().await?;
        let step = sandbox.key_step(opened, retry);
        let (key, plain) = match take_step(app, &found, event, &sandbox, step, &ring).await {
            Ok(usable) => usable,
            Err(Failure::Refused(EnsureKeyRefusal::Overtaken)) => {
                // Whatever the faster run made is new: it is not replaced for an older request.
                retry = false;
                continue;
            }
            Err(Failure::Refused(EnsureKeyRefusal::Suspended)) => return waits(),
            // By another delivery of it.
            Err(Failure::Refused(EnsureKeyRefusal::Settled)) => return Ok(()),
            Err(Failure::Store(error)) => return Err(error.into()),
        };
        let asked_at = app.clock.now();
        let verdict = app.product_api.validate(&plain, MAX_VALIDATION_TRIES).await?;
        let verdict = unless_over_limit(app, account, verdict, asked_at).await?;
        let now = app.clock.now();
        let after = sandbox.judged(verdict, now);
        match app.store.record_provisioning(account, event, &key, &after, now).await {
            Ok(()) => {
                telemetry::set_outcome(verdict.name());
                match verdict {
                    Verdict::Accepted => Metric::SandboxReady.count(),
                    Verdict::Refused(_) => Metric::SandboxFailed.count(),
                }
                return Ok(());
            }
            // Deleted or replaced while it was validated.
            Err(Failure::Refused(VerdictRefusal::KeyChanged)) => {
                has_lost_key = true;
                retry = false;
            }
            Err(Failure::Refused(VerdictRefusal::Suspended)) => return waits(),
            Err(Failure::Store(error)) => return Err(error.into()),
        }
    }
    Err(RecordFailed::again("another run was faster each time"))
}

/// What meets a suspension stays owed, and goes on once the account is resumed.
fn waits() -> Result<(), RecordFailed> {
    telemetry::set_outcome("waits");
    Ok(())
}
