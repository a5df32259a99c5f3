//! The step that provisioning takes with the Sandbox key, before it asks the product API.

use domain::sandbox::{KeyStep, SandboxKey};
use domain::secret::Secret;
use domain::{Account, ApiKey, KeyId, KeyKind, KeyName, Keyring, PlainKey, Sandbox, SandboxState};
use edge::App;
use store::{EnsureKeyRefusal, Failure, OutboxKey};

/// Does what was decided about the Sandbox key, and marks it as being validated; the key as it is
/// then, and its value.
pub async fn take_step(
    app: &App,
    Account { id: account, plan, .. }: &Account,
    event: &OutboxKey,
    sandbox: &Sandbox,
    step: KeyStep<'_>,
    ring: &Keyring,
) -> Result<(SandboxKey, Secret), Failure<EnsureKeyRefusal>> {
    let now = app.clock.now();
    let mut rng = app.rng();
    let prefix = &app.settings.key_prefix;
    match step {
        KeyStep::Use { key, plain } => {
            // A Sandbox that is ready stays ready while it is looked after.
            if sandbox.state != SandboxState::Ready {
                app.store.begin_validation(account, event, key, now).await?;
            }
            // The verdict's transaction writes it.
            Ok((key.with_current_seal(account, &plain, ring, &mut rng), plain))
        }
        KeyStep::Make => {
            let id = KeyId::random(KeyKind::Sandbox, &mut rng);
            let plain = PlainKey::mint(prefix, account, &id, &mut rng);
            let key = SandboxKey::seal(&plain, 1, ring, &mut rng);
            let row = ApiKey::new(&plain, KeyName::sandbox(), now);
            app.store.insert_sandbox_key(account, event, &row, &key, plan, now).await?;
            Ok((key, plain.secret().clone()))
        }
        KeyStep::Replace { key: before } => {
            let plain = PlainKey::mint(prefix, account, &before.id, &mut rng);
            let key = SandboxKey::seal(&plain, before.version.saturating_add(1), ring, &mut rng);
            let row = ApiKey::new(&plain, KeyName::sandbox(), now);
            app.store.replace_sandbox_secret(account, event, &row, &key, now).await?;
            Ok((key, plain.secret().clone()))
        }
    }
}
