//! The post-login trigger: creates or reuses the Sandbox key, validates it, records the state.
//!
//! Each step is one transaction that leaves a state from which the next delivery goes on; the event
//! is done when the verdict is on record, in the same transaction.

use aws_lambda_events::event::dynamodb::EventRecord;
use domain::sandbox::{SandboxKey, Verdict};
use domain::secret::Secret;
use domain::{AccountId, ApiKey, KeyId, KeyKind, KeyName, PlainKey, Sandbox, SandboxState};
use edge::lambda::RecordFailed;
use edge::telemetry::{self, Metric};
use edge::{App, Problem};
use store::{DutyKind, EnsureKeyRefusal, Failure, OutboxKey, VerdictRefusal};

/// With the product API's time-out, within the 60 seconds after which a validation counts as lost.
const MAX_TRIES: u32 = 3;
/// How often a step is decided anew because another run was faster.
const MAX_ROUNDS: usize = 5;

pub async fn handle(app: &App, record: &EventRecord) -> Result<(), RecordFailed> {
    let failed = |error: &dyn std::fmt::Display| RecordFailed(error.to_string());
    let event: OutboxKey =
        serde_dynamo::from_item(record.change.keys.clone()).map_err(|error| failed(&error))?;
    // The record shows the row as it was; what is done already is not done twice.
    telemetry::outcome("settled");
    let row = app.store.find_outbox_row(&event).await.map_err(|error| failed(&error))?;
    let Some(row) = row.filter(|row| row.is_pending()) else { return Ok(()) };
    let (account, requested) = match row.duty {
        DutyKind::LoginEvent { account_id, .. } => (account_id, false),
        DutyKind::ProvisionRequest { account_id, .. } => (account_id, true),
        DutyKind::Mail(_) => return Ok(()),
    };
    telemetry::set_account(&account);
    provision_sandbox(app, &account, requested, &event).await.map_err(|problem| {
        let code = problem.code.name();
        RecordFailed(problem.cause.unwrap_or_else(|| code.to_owned()))
    })
}

async fn provision_sandbox(
    app: &App,
    account: &AccountId,
    requested: bool,
    event: &OutboxKey,
) -> Result<(), Problem> {
    let mut replace_rejected = requested;
    for _ in 0..MAX_ROUNDS {
        let (found, sandbox) =
            tokio::join!(app.store.find_account(account), app.store.find_sandbox(account));
        let (Some(found), Some(sandbox)) = (found?, sandbox?) else { break };
        if found.suspended {
            break;
        }
        let (key, plain) = match sandbox_key(app, account, &sandbox, replace_rejected).await? {
            Reserved::Usable(key, plain) => (key, plain),
            Reserved::Overtaken => {
                replace_rejected = false;
                continue;
            }
            Reserved::NoAccount => break,
        };
        let verdict = app.product_api.validate(&plain, MAX_TRIES).await?;
        let now = app.clock.now();
        match app
            .store
            .record_provisioning(account, event, &key, &sandbox.judged(verdict, now), now)
            .await
        {
            Ok(()) => {
                telemetry::outcome(verdict.name());
                if verdict == Verdict::Accepted {
                    Metric::SandboxReady.count()
                } else {
                    Metric::SandboxFailed.count()
                }
                return Ok(());
            }
            // Deleted or replaced while it was validated: a deletion stands until somebody asks
            // again.
            Err(Failure::Refused(VerdictRefusal::KeyChanged)) => break,
            Err(Failure::Store(error)) => return Err(error.into()),
        }
    }
    Ok(app.store.finish(event).await?)
}

/// What came of making sure that there is a Sandbox key.
enum Reserved {
    Usable(SandboxKey, Secret),
    Overtaken,
    NoAccount,
}

/// The Sandbox key: made when there is none, given a new secret when only that can help, and
/// marked as being validated.
async fn sandbox_key(
    app: &App,
    account: &AccountId,
    sandbox: &Sandbox,
    replace_rejected: bool,
) -> Result<Reserved, Problem> {
    let now = app.clock.now();
    let id = sandbox
        .key
        .as_ref()
        .map_or_else(|| KeyId::random(KeyKind::Sandbox, &mut app.rng()), |key| key.id.clone());
    if let Some(key) = &sandbox.key
        && !(replace_rejected && sandbox.was_rejected())
        && let Some(plain) = open_sandbox_key(app, account, key).await?
    {
        // A Sandbox that is ready stays ready while it is looked after.
        if sandbox.state != SandboxState::Ready {
            app.store.begin_validation(account, key, now).await?;
        }
        // Under the current version, so that older ones are needed by nobody some day. The
        // verdict's transaction writes it.
        let ring = app.keyrings.sealing().await?;
        let place = SandboxKey::place(account, &key.id, key.version);
        let is_current = key.sealed.version == ring.current();
        let sealed =
            if is_current { key.sealed.clone() } else { ring.seal(&plain, &place, &mut app.rng()) };
        return Ok(Reserved::Usable(SandboxKey { sealed, ..key.clone() }, plain));
    }
    let plain = PlainKey::mint(&app.settings.key_prefix, account, &id, &mut app.rng());
    let version = sandbox.key.as_ref().map_or(1, |key| key.version + 1);
    let sealed = app.keyrings.sealing().await?.seal(
        plain.secret(),
        &SandboxKey::place(account, &id, version),
        &mut app.rng(),
    );
    let (sandbox_key, key) =
        (SandboxKey { id, version, sealed }, ApiKey::new(&plain, KeyName::sandbox(), now));
    let written = match sandbox.key {
        None => app.store.insert_sandbox_key(account, &key, &sandbox_key, now).await,
        Some(_) => app.store.replace_sandbox_secret(account, &key, &sandbox_key, now).await,
    };
    match written {
        Ok(()) => Ok(Reserved::Usable(sandbox_key, plain.secret().clone())),
        Err(Failure::Refused(EnsureKeyRefusal::Overtaken)) => Ok(Reserved::Overtaken),
        Err(Failure::Refused(EnsureKeyRefusal::NoAccount)) => Ok(Reserved::NoAccount),
        Err(Failure::Store(error)) => Err(error.into()),
    }
}

/// The Sandbox key's plaintext; `None` when no keyring opens it (any more).
pub(crate) async fn open_sandbox_key(
    app: &App,
    account: &AccountId,
    key: &SandboxKey,
) -> Result<Option<Secret>, Problem> {
    let place = SandboxKey::place(account, &key.id, key.version);
    Ok(app.keyrings.sealing_of(&key.sealed.version).await?.open(&key.sealed, &place).ok())
}
