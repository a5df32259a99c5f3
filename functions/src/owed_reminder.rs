//! What is owed to the admins of an account before a key ends, and when a month's calls are: who
//! they are is looked up here.

use domain::meter::Warning;
use domain::{Account, EmailAddress, Member, MemberId, Recipient};
use edge::App;
use edge::lambda::RecordFailed;
use edge::mail::{KeyEnd, Mail};
use jiff::Timestamp;
use store::{KeyExpiring, UsageWarning};

/// Something that every admin is to hear, with a mail for each who has not heard it.
pub struct Reminder {
    pub of: Of,
    pub mails: Vec<(Recipient, EmailAddress, Mail)>,
}

/// What is remembered.
pub enum Of {
    /// A key's end: the reminder that is due at this time.
    Key(KeyExpiring, Timestamp),
    Usage,
}

/// A reminder for whoever is an active admin now; for nobody, once the key has ended, or ends
/// otherwise. None yet while the account is suspended.
pub async fn reminder_owed(app: &App, of: &KeyExpiring) -> Result<Option<Reminder>, RecordFailed> {
    let now = app.clock.now();
    let (account, key) = tokio::join!(
        app.store.find_account_and_admins(&of.account_id),
        app.store.find_key_of(&of.account_id, &of.key_id)
    );
    let at = of.due(now);
    let mut reminder = Reminder { of: Of::Key(of.clone(), at), mails: Vec::new() };
    let key = key?.filter(|key| key.expires_at == Some(of.expires_at) && !key.has_expired(now));
    let (Some((account, admins)), Some(key)) = (account?, key) else { return Ok(Some(reminder)) };
    if account.suspended {
        return Ok(None);
    }
    let end = KeyEnd { name: key.name, start: key.start, at: of.expires_at };
    let mail = || Mail::KeyExpiring(end.clone());
    reminder.mails = mails(&account, admins, |admin| of.has_told(admin, at), mail);
    Ok(Some(reminder))
}

/// How much of a month's calls is used, as long as that is the month.
pub async fn warning_owed(app: &App, of: &UsageWarning) -> Result<Option<Reminder>, RecordFailed> {
    let found = app.store.find_account_and_admins(&of.account_id).await?;
    let mut warning = Reminder { of: Of::Usage, mails: Vec::new() };
    let found = found.filter(|_| app.clock.now() < of.month.ends_at());
    let Some((account, admins)) = found else { return Ok(Some(warning)) };
    if account.suspended {
        return Ok(None);
    }
    let UsageWarning { month, percent, per_month, .. } = *of;
    let mail = || Mail::UsageWarning(Warning { month, percent, per_month });
    warning.mails = mails(&account, admins, |admin| of.has_told(admin), mail);
    Ok(Some(warning))
}

/// A mail for each active admin who wants notices, and has not had this one.
fn mails(
    account: &Account,
    admins: Vec<Member>,
    has_had: impl Fn(&MemberId) -> bool,
    mail: impl Fn() -> Mail,
) -> Vec<(Recipient, EmailAddress, Mail)> {
    let told = admins
        .into_iter()
        .filter(|admin| admin.is_active() && admin.wants_notices() && !has_had(&admin.id));
    told.map(|admin| (Recipient::new(&account.id, &admin), admin.email, mail())).collect()
}
