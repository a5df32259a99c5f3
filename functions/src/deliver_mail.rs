//! Sends login codes, invitations and notices through SES, from the outbox rows that the stream
//! shows.
//!
//! Here, where no client waits, it is looked up whether anybody has the address; a mail for nobody
//! is dropped.

use aws_lambda_events::event::dynamodb::EventRecord;
use domain::{AddressHash, EmailAddress};
use edge::App;
use edge::lambda::RecordFailed;
use edge::mail::{Mail, MailError};
use edge::telemetry::{self, Metric};
use store::{DutyKind, MailKind, MailRow, OutboxKey, OutboxRow, StoreError};

pub async fn handle(app: &App, record: &EventRecord) -> Result<(), RecordFailed> {
    let key: OutboxKey = serde_dynamo::from_item(record.change.keys.clone())
        .map_err(|error| RecordFailed(error.to_string()))?;
    telemetry::set_account(key.account().as_ref());
    // The record shows the row as it was; what was sent already is not sent twice.
    telemetry::set_outcome("settled");
    let row = app.store.find_outbox_row(&key).await?;
    let Some(row) = row.filter(OutboxRow::is_pending) else { return Ok(()) };
    let cause = match owed(app, &row.duty).await? {
        Owed::Nothing => return Ok(app.store.finish(&key).await?),
        // It stays owed, and goes on once the account is resumed.
        Owed::Later => {
            telemetry::set_outcome("waits");
            return Ok(());
        }
        Owed::TooLate(cause) => cause.to_owned(),
        Owed::Mail { to, content } => match app.mailer.send(&to, &content).await {
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

/// What is owed to an address, as things stand now.
enum Owed {
    Mail {
        to: EmailAddress,
        content: Mail,
    },
    /// The account is suspended, and that may end.
    Later,
    /// Nobody is there (any more) to get it.
    Nothing,
    /// It would be of no use, for this cause.
    TooLate(&'static str),
}

async fn owed(app: &App, duty: &DutyKind) -> Result<Owed, RecordFailed> {
    match duty {
        DutyKind::Mail(mail) => owed_mail(app, mail).await,
        DutyKind::LoginNotice { address, notice } => Ok(match owner_of(app, address).await? {
            Some(to) => Owed::Mail { to, content: Mail::LoginNotice(notice.clone()) },
            None => Owed::Nothing,
        }),
        // The filter of its trigger lets none in.
        DutyKind::LoginEvent { .. } | DutyKind::ProvisionRequest { .. } => Ok(Owed::Nothing),
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
    let mailed = |content| Owed::Mail { to: to.clone(), content };
    match mail {
        MailKind::LoginCode { challenge_id, keyring_version, expires_at } => {
            let address = to.hash();
            if !is_somebodys(app, &address).await? {
                return Ok(Owed::Nothing);
            }
            if app.clock.now() >= *expires_at {
                return Ok(Owed::TooLate("the code expired before it could be sent"));
            }
            let code = app.keyrings.login_code(&address, challenge_id, keyring_version).await?;
            Ok(match code {
                Some(code) => mailed(Mail::LoginCode { code }),
                // Nobody can derive it any more; trying again would hold up the mails behind it.
                None => Owed::TooLate("its keyring version was taken out"),
            })
        }
        MailKind::Invitation { account_id, member_id } => {
            let (account, member) = tokio::join!(
                app.store.find_account(account_id),
                app.store.find_member(account_id, member_id)
            );
            Ok(match (account?, member?) {
                (Some(account), Some(_)) if account.suspended => Owed::Later,
                (Some(account), Some(_)) => mailed(Mail::Invitation { account: account.name }),
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
