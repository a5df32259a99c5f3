//! What SES tells of mails that left: that one came back, or was called unwanted, is put on record
//! with its member.
//!
//! An event may come twice, late, or in another order: the mark is the same made twice, and stands
//! on the member as it was when the mail left. One that cannot be read fails, as in an outage: no
//! row has it, so it is kept where records are that were given up.

use edge::App;
use edge::mail::{MailEvent, Told};
use edge::telemetry::{self, Metric};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;

/// What a topic of SNS hands over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Notifications {
    records: Vec<Notification>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    sns: Message,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message: String,
}

pub async fn handle(app: &App, notifications: Notifications) -> Result<Value, Error> {
    for notification in notifications.records {
        note_mail_event(app, &notification.sns.message).await?;
    }
    Ok(Value::Null)
}

async fn note_mail_event(app: &App, text: &str) -> Result<(), Error> {
    let Some(MailEvent { recipient, told }) = MailEvent::read(text)? else {
        telemetry::set_outcome("ignored");
        return Ok(());
    };
    let (noted, outcome) = match told {
        Told::Bounced | Told::Suppressed => (app.store.note_bounce(&recipient).await?, "bounced"),
        Told::Complained => (app.store.note_complaint(&recipient).await?, "complained"),
    };
    if noted {
        telemetry::set_account(&recipient.account);
    }
    telemetry::set_outcome(if noted { outcome } else { "settled" });
    Metric::MailFailed.count_because(told);
    Ok(())
}
