//! Sends login codes, invitations and notices through SES, from the outbox rows that the stream
//! shows.
//!
//! Here, where no client waits, it is looked up whether anybody has the address (`owed_mail`); a
//! mail for nobody is dropped.

use crate::owed_mail::{Owed, TooLate, owed};
use crate::pending::{find_pending, pass_over};
use domain::EmailAddress;
use edge::App;
use edge::lambda::{Record, RecordFailed};
use edge::mail::{Mail, MailError};
use edge::telemetry::{self, Metric};
use store::{OutboxKey, OutboxRow};

pub async fn handle(app: &App, record: Record<'_>) -> Result<(), RecordFailed> {
    let done = deliver_mail(app, &record).await;
    pass_over(&record, done, Metric::MailFailed).await
}

/// What is not to be sent (any more) is settled beside the other records of the batch. So a mail
/// waits for those that are sent before it, and for none that nobody gets.
async fn deliver_mail(app: &App, record: &Record<'_>) -> Result<(), RecordFailed> {
    let key: OutboxKey =
        serde_dynamo::from_item(record.event.change.keys.clone()).map_err(RecordFailed::again)?;
    telemetry::set_account(key.account().as_ref());
    let Some(due) = find_due(app, &key).await? else { return Ok(()) };
    record.turn().await;
    // What was sent since the look-up may have been this very mail, in an earlier record of it.
    let due = if record.is_first() { Some(due) } else { find_due(app, &key).await? };
    let Some(Due { row, to, mail }) = due else { return Ok(()) };
    let cause = match mail {
        Err(TooLate(cause)) => cause.to_owned(),
        Ok(mail) => match app.mailer.send(&to, &mail).await {
            Ok(()) => {
                telemetry::set_outcome("sent");
                return Ok(app.store.finish(&key).await?);
            }
            Err(MailError::Refused(cause)) => cause,
            // What keeps every mail back is counted at each try, because somebody has to do
            // something. The mail is tried again, as in an outage: while its code is good, or, an
            // invitation, until the sweep gives it up. That holds up nothing which could be sent.
            Err(error) => {
                match &error {
                    MailError::Setting { code, .. } => Metric::MailFailed.count_because(code),
                    MailError::Config(error) => Metric::MailFailed.count_because(error),
                    MailError::Refused(_) | MailError::Unavailable(_) => {}
                }
                return Err(RecordFailed::again(error));
            }
        },
    };
    Metric::MailFailed.count_because(cause);
    telemetry::set_outcome("given_up");
    Ok(app.store.give_up(&key, &row).await?)
}

/// A mail that is to be sent, or given up.
struct Due {
    row: OutboxRow,
    to: EmailAddress,
    mail: Result<Mail, TooLate>,
}

/// The mail of this row, as things stand now. What is nobody's is finished.
async fn find_due(app: &App, key: &OutboxKey) -> Result<Option<Due>, RecordFailed> {
    let Some(row) = find_pending(app, key).await? else { return Ok(None) };
    match owed(app, key, &row.duty).await? {
        Owed::Due { to, mail } => return Ok(Some(Due { row, to, mail })),
        // It stays owed, and goes on once the account is resumed.
        Owed::Later => telemetry::set_outcome("waits"),
        Owed::Nothing => app.store.finish(key).await?,
    }
    Ok(None)
}
