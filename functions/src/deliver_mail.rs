//! Sends login codes and invitations through SES, from the outbox rows that the stream shows.
//!
//! Here, where no client waits, it is looked up whether anybody has the address; a mail for nobody
//! is dropped.

use aws_lambda_events::event::dynamodb::EventRecord;
use domain::AccountId;
use domain::login::LoginCode;
use edge::App;
use edge::lambda::RecordFailed;
use edge::mail::{Mail, MailError};
use edge::telemetry::{self, Metric};
use store::{DutyKind, MailKind, MailRow, OutboxKey, OutboxRow, StoreError};

pub async fn handle(app: &App, record: &EventRecord) -> Result<(), RecordFailed> {
    let key: OutboxKey = serde_dynamo::from_item(record.change.keys.clone())
        .map_err(|error| RecordFailed(error.to_string()))?;
    deliver_mail(app, &key).await.map_err(RecordFailed)
}

async fn deliver_mail(app: &App, key: &OutboxKey) -> Result<(), String> {
    let lost = |error: StoreError| error.to_string();
    // The record shows the row as it was; what was sent already is not sent twice.
    telemetry::set_outcome("settled");
    let Some(row) =
        app.store.find_outbox_row(key).await.map_err(lost)?.filter(OutboxRow::is_pending)
    else {
        return Ok(());
    };
    let DutyKind::Mail(MailRow { to, mail }) = &row.duty else { return Ok(()) };
    let sent = match mail {
        MailKind::LoginCode { challenge_id, generation, keyring_version, expires_at } => {
            let address = to.hash();
            let Some(owner) = app.store.find_owner(&address).await.map_err(lost)? else {
                return app.store.finish(key).await.map_err(lost);
            };
            telemetry::set_account(&owner.account);
            if !is_active(app, &owner.account).await.map_err(lost)? {
                return app.store.finish(key).await.map_err(lost);
            }
            if app.clock.now() >= *expires_at {
                return give_up(app, key, &row, "the code expired before it could be sent")
                    .await
                    .map_err(lost);
            }
            let ring =
                app.keyrings.login_of(keyring_version).await.map_err(|error| error.to_string())?;
            let Ok(code) =
                LoginCode::derive(&ring, keyring_version, &address, challenge_id, *generation)
            else {
                // Nobody can derive it any more; trying again would hold up the mails behind it.
                return give_up(app, key, &row, "its keyring version was taken out")
                    .await
                    .map_err(lost);
            };
            app.mailer.send(to, &Mail::LoginCode { code: &code }).await
        }
        MailKind::Invitation { account_id, member_id } => {
            let (account, member) = tokio::join!(
                app.store.find_account(account_id),
                app.store.find_member(account_id, member_id)
            );
            telemetry::set_account(account_id);
            let account = account.map_err(lost)?.filter(|account| !account.suspended);
            let (Some(account), Some(_)) = (account, member.map_err(lost)?) else {
                return app.store.finish(key).await.map_err(lost);
            };
            app.mailer.send(to, &Mail::Invitation { account: &account.name }).await
        }
    };
    match sent {
        Ok(()) => {
            telemetry::set_outcome("sent");
            app.store.finish(key).await.map_err(lost)
        }
        Err(MailError::Refused(cause)) => give_up(app, key, &row, &cause).await.map_err(lost),
        Err(error @ (MailError::Unavailable(_) | MailError::Config(_))) => Err(error.to_string()),
    }
}

async fn is_active(app: &App, account: &AccountId) -> Result<bool, StoreError> {
    Ok(app.store.find_account(account).await?.is_some_and(|account| !account.suspended))
}

async fn give_up(
    app: &App,
    key: &OutboxKey,
    row: &OutboxRow,
    cause: &str,
) -> Result<(), StoreError> {
    telemetry::set_outcome("given_up");
    Metric::MailFailed.count_because(cause);
    app.store.give_up(key, row).await
}
