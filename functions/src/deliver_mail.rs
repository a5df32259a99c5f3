//! Sends login codes, invitations, notices and reminders through SES, from the outbox rows that the
//! stream shows.
//!
//! Here, where no client waits, it is looked up whether anybody has the address (`owed_mail`); a
//! mail for nobody is dropped.

use crate::owed_mail::{Owed, TooLate, owed};
use crate::owed_reminder::{Of, Reminder};
use crate::pending::{find_pending, pass_over};
use domain::{EmailAddress, Recipient};
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
    match due {
        None => Ok(()),
        Some(Due::Mail(mail)) => deliver(app, &key, *mail).await,
        Some(Due::Reminder(reminder)) => remind(app, &key, reminder).await,
    }
}

async fn deliver(app: &App, key: &OutboxKey, due: DueMail) -> Result<(), RecordFailed> {
    let cause = match due.mail {
        Err(TooLate(cause)) => cause.to_owned(),
        Ok(mail) => match send(app, &due.to, &due.recipient, &mail).await? {
            Sent::Yes => {
                telemetry::set_outcome("sent");
                return Ok(app.store.finish(key).await?);
            }
            Sent::Refused(cause) => cause,
        },
    };
    Metric::MailFailed.count_because(cause);
    telemetry::set_outcome("given_up");
    Ok(app.store.give_up(key, &due.row, app.clock.now()).await?)
}

/// Each mail is noted before the next, so that no admin gets one again because of the others, and
/// nobody gets one after the key was deleted, or given another end.
async fn remind(app: &App, key: &OutboxKey, reminder: Reminder) -> Result<(), RecordFailed> {
    telemetry::set_outcome("given_up");
    for (admin, to, mail) in &reminder.mails {
        match send(app, to, admin, mail).await? {
            Sent::Yes => telemetry::set_outcome("sent"),
            Sent::Refused(cause) => Metric::MailFailed.count_because(cause),
        }
        let is_owed = match &reminder.of {
            Of::Key(of, at) => app.store.note_reminded(key, of, &admin.member, *at).await?,
            Of::Usage => app.store.note_warned(key, &admin.member, app.clock.now()).await?,
        };
        if !is_owed {
            return Ok(());
        }
    }
    finish_reminder(app, key, &reminder).await
}

async fn finish_reminder(
    app: &App,
    key: &OutboxKey,
    reminder: &Reminder,
) -> Result<(), RecordFailed> {
    match &reminder.of {
        Of::Key(of, at) => app.store.finish_reminder(key, of, *at).await?,
        Of::Usage => app.store.finish(key).await?,
    }
    Ok(())
}

enum Sent {
    Yes,
    /// SES will say the same next time.
    Refused(String),
}

async fn send(
    app: &App,
    to: &EmailAddress,
    recipient: &Recipient,
    mail: &Mail,
) -> Result<Sent, RecordFailed> {
    match app.mailer.send(to, recipient, mail).await {
        Ok(()) => Ok(Sent::Yes),
        Err(MailError::Refused(cause)) => Ok(Sent::Refused(cause)),
        // What keeps every mail back is counted at each try, because somebody has to do something.
        // The mail is tried again, as in an outage: while its code is good, or, an invitation or a
        // reminder, until the sweep gives it up. That holds up nothing which could be sent.
        Err(error) => {
            match &error {
                MailError::Setting { code, .. } => Metric::MailFailed.count_because(code),
                MailError::Config(error) => Metric::MailFailed.count_because(error),
                MailError::Refused(_) | MailError::Unavailable(_) => {}
            }
            Err(RecordFailed::again(error))
        }
    }
}

/// A mail, or those of a reminder.
enum Due {
    Mail(Box<DueMail>),
    Reminder(Reminder),
}

/// A mail that is to be sent, or given up.
struct DueMail {
    row: OutboxRow,
    to: EmailAddress,
    recipient: Recipient,
    mail: Result<Mail, TooLate>,
}

/// What this row has mailed, as things stand now. What is nobody's is finished.
async fn find_due(app: &App, key: &OutboxKey) -> Result<Option<Due>, RecordFailed> {
    let Some(row) = find_pending(app, key).await? else { return Ok(None) };
    match owed(app, key, &row.duty).await? {
        Owed::Due { to, recipient, mail } => {
            return Ok(Some(Due::Mail(Box::new(DueMail { row, to, recipient, mail }))));
        }
        Owed::Reminder(reminder) if reminder.mails.is_empty() => {
            finish_reminder(app, key, &reminder).await?;
        }
        Owed::Reminder(reminder) => return Ok(Some(Due::Reminder(reminder))),
        // It stays owed, and goes on once the account is resumed.
        Owed::Later => telemetry::set_outcome("waits"),
        Owed::Nothing => app.store.finish(key).await?,
    }
    Ok(None)
}
