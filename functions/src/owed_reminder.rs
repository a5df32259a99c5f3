//! What is owed to the admins of an account before a key ends: who they are is looked up here.

use domain::{EmailAddress, Recipient};
use edge::App;
use edge::lambda::RecordFailed;
use edge::mail::{KeyEnd, Mail};
use jiff::Timestamp;
use store::KeyExpiring;

/// A reminder of a key's end, with a mail for each admin who has not had it.
pub struct Reminder {
    pub of: KeyExpiring,
    pub at: Timestamp,
    pub mails: Vec<(Recipient, EmailAddress, Mail)>,
}

/// A reminder for whoever is an active admin now; for nobody, once the key has ended, or ends
/// otherwise. None yet while the account is suspended.
pub async fn reminder_owed(app: &App, of: &KeyExpiring) -> Result<Option<Reminder>, RecordFailed> {
    let now = app.clock.now();
    let (account, key) = tokio::join!(
        app.store.find_account_and_admins(&of.account_id),
        app.store.find_key_of(&of.account_id, &of.key_id)
    );
    let mut reminder = Reminder { of: of.clone(), at: of.due(now), mails: Vec::new() };
    let key = key?.filter(|key| key.expires_at == Some(of.expires_at) && !key.has_expired(now));
    let (Some((account, admins)), Some(key)) = (account?, key) else { return Ok(Some(reminder)) };
    if account.suspended {
        return Ok(None);
    }
    let end = KeyEnd { name: key.name, start: key.start, at: of.expires_at };
    for admin in admins {
        let is_told = admin.is_active() && admin.wants_notices();
        if is_told && !of.has_told(&admin.id, reminder.at) {
            let recipient = Recipient::new(&account.id, &admin);
            reminder.mails.push((recipient, admin.email, Mail::KeyExpiring(end.clone())));
        }
    }
    Ok(Some(reminder))
}
