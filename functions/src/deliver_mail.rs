//! Sends login codes, invitations and notices through SES, from the outbox rows that the stream
//! shows.
//!
//! Here, where no client waits, it is looked up whether anybody has the address; a mail for nobody
//! is dropped.

use domain::{AddressHash, EmailAddress};
use edge::App;
use edge::lambda::{Record, RecordFailed};
use edge::mail::{Mail, MailError};
use edge::telemetry::{self, Metric};
use store::{DutyKind, MailKind, MailRow, OutboxKey, OutboxRow, StoreError};

/// What is not to be sent (any more) is settled beside the other records of the batch. So a mail
/// waits for those that are sent before it, and for none that nobody gets.
pub async fn handle(app: &App, record: Record<'_>) -> Result<(), RecordFailed> {
    let key: OutboxKey = serde_dynamo::from_item(record.event.change.keys.clone())
        .map_err(|error| RecordFailed(error.to_string()))?;
    telemetry::set_account(key.account().as_ref());
    let Some(due) = find_due(app, &key).await? else { return Ok(()) };
    // Whatever was sent meanwhile may have been this very mail, in an earlier record of it.
    let due = if record.turn().await { find_due(app, &key).await? } else { Some(due) };
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
                return Err(RecordFailed(error.to_string()));
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

/// It would be of no use, for this cause.
struct TooLate(&'static str);

/// The mail of this row, as things stand now. What is nobody's is finished.
async fn find_due(app: &App, key: &OutboxKey) -> Result<Option<Due>, RecordFailed> {
    // The record shows the row as it was; what was sent already is not sent twice.
    telemetry::set_outcome("settled");
    let row = app.store.find_outbox_row(key).await?;
    let Some(row) = row.filter(OutboxRow::is_pending) else { return Ok(None) };
    match owed(app, &row.duty).await? {
        Owed::Due { to, mail } => return Ok(Some(Due { row, to, mail })),
        // It stays owed, and goes on once the account is resumed.
        Owed::Later => telemetry::set_outcome("waits"),
        Owed::Nothing => app.store.finish(key).await?,
    }
    Ok(None)
}

/// What is owed to an address, as things stand now.
enum Owed {
    Due {
        to: EmailAddress,
        mail: Result<Mail, TooLate>,
    },
    /// The account is suspended, and that may end.
    Later,
    /// Nobody is there (any more) to get it.
    Nothing,
}

async fn owed(app: &App, duty: &DutyKind) -> Result<Owed, RecordFailed> {
    match duty {
        DutyKind::Mail(mail) => owed_mail(app, mail).await,
        DutyKind::LoginNotice { address, notice } => Ok(match owner_of(app, address).await? {
            Some(to) => Owed::Due { to, mail: Ok(Mail::LoginNotice(notice.clone())) },
            None => Owed::Nothing,
        }),
        // The filter of its trigger lets none in, and it is not for this function to finish.
        DutyKind::LoginEvent { .. } | DutyKind::ProvisionRequest { .. } => Ok(Owed::Later),
    }
}

/// The address as its member has it, of an account that is not suspended.
async fn owner_of(app: &App, address: &AddressHash) -> Result<Option<EmailAddress>, StoreError> {
    let Some(owner) = app.store.find_owner(address).await? else { return Ok(None) };
    telemetry::set_account(&owner.account);
    let (account, member) = tokio::try_join!(
        app.store.find_account(&owner.account),
        app.store.find_member(&owner.account, &owner.member)
    )?;
    let is_open = account.is_some_and(|account| !account.suspended);
    Ok(member.filter(|_| is_open).map(|member| member.email))
}

async fn owed_mail(app: &App, MailRow { to, mail }: &MailRow) -> Result<Owed, RecordFailed> {
    let due = |mail| Owed::Due { to: to.clone(), mail };
    match mail {
        MailKind::LoginCode { challenge_id, keyring_version, expires_at } => {
            let address = to.hash();
            if !is_somebodys(app, &address).await? {
                return Ok(Owed::Nothing);
            }
            if app.clock.now() >= *expires_at {
                return Ok(due(Err(TooLate("the code expired before it could be sent"))));
            }
            let code = app.keyrings.login_code(&address, challenge_id, keyring_version).await?;
            // With a version that was taken out nobody can derive it any more; trying again would
            // hold up the mails behind it.
            let taken_out = TooLate("its keyring version was taken out");
            Ok(due(code.map(|code| Mail::LoginCode { code }).ok_or(taken_out)))
        }
        MailKind::Invitation { account_id, member_id } => {
            let (account, member) = tokio::join!(
                app.store.find_account(account_id),
                app.store.find_member(account_id, member_id)
            );
            Ok(match (account?, member?) {
                (Some(account), Some(_)) if account.suspended => Owed::Later,
                (Some(account), Some(_)) => due(Ok(Mail::Invitation { account: account.name })),
                (None, _) | (Some(_), None) => Owed::Nothing,
            })
        }
    }
}

/// Whether a member of an account that is not suspended has this address.
async fn is_somebodys(app: &App, address: &AddressHash) -> Result<bool, StoreError> {
    let Some(owner) = app.store.find_owner(address).await? else { return Ok(false) };
    telemetry::set_account(&owner.account);
    Ok(app.store.find_account(&owner.account).await?.is_some_and(|account| !account.suspended))
}
