//! What is owed to an address: who has it is looked up here, where no client waits.

use crate::owed_reminder::{Reminder, reminder_owed, warning_owed};
use domain::{AccountId, AddressHash, EmailAddress, Invitation, Member, Recipient};
use edge::App;
use edge::lambda::RecordFailed;
use edge::mail::Mail;
use edge::telemetry;
use store::{DutyKind, MailKind, MailRow, OutboxKey, StoreError};

/// It would be of no use, for this cause.
pub struct TooLate(pub &'static str);

/// What is owed to an address, as things stand now.
pub enum Owed {
    Due {
        to: EmailAddress,
        recipient: Recipient,
        mail: Result<Mail, TooLate>,
    },
    Reminder(Reminder),
    /// The account is suspended, and that may end.
    Later,
    /// Nobody is there (any more) to get it.
    Nothing,
}

pub async fn owed(app: &App, key: &OutboxKey, duty: &DutyKind) -> Result<Owed, RecordFailed> {
    match duty {
        DutyKind::Mail(mail) => owed_mail(app, key, mail).await,
        DutyKind::LoginNotice { address, notice } => {
            let holder = holder_of(app, address).await?;
            let notice = Mail::LoginNotice(notice.clone());
            Ok(holder.map_or(Owed::Nothing, |holder| holder.unasked(notice)))
        }
        DutyKind::KeyExpiring(of) => {
            Ok(reminder_owed(app, of).await?.map_or(Owed::Later, Owed::Reminder))
        }
        DutyKind::UsageWarning(of) => {
            Ok(warning_owed(app, of).await?.map_or(Owed::Later, Owed::Reminder))
        }
        // The filter of its trigger lets none in, and it is not for this function to finish.
        DutyKind::LoginEvent { .. } | DutyKind::ProvisionRequest { .. } => Ok(Owed::Later),
    }
}

async fn owed_mail(app: &App, key: &OutboxKey, mail: &MailRow) -> Result<Owed, RecordFailed> {
    match &mail.mail {
        MailKind::LoginCode { challenge_id, keyring_version, expires_at } => {
            let address = mail.to.hash();
            let Some(holder) = holder_of(app, &address).await? else { return Ok(Owed::Nothing) };
            if app.clock.now() >= *expires_at {
                let late = TooLate("the code expired before it could be sent");
                return Ok(holder.mail(&mail.to, Err(late)));
            }
            let code = app.keyrings.login_code(&address, challenge_id, keyring_version).await?;
            // With a version that was taken out nobody can derive it any more; trying again would
            // hold up the mails behind it.
            let taken_out = TooLate("its keyring version was taken out");
            let code = code.map(|code| Mail::LoginCode { code });
            Ok(holder.mail(&mail.to, code.ok_or(taken_out)))
        }
        MailKind::Invitation { account_id, member_id, number } => {
            let invitation = Invitation {
                account: account_id.clone(),
                member: member_id.clone(),
                number: *number,
            };
            invitation_owed(app, key, &mail.to, &invitation).await
        }
    }
}

/// The mail of an invitation that is open still, and the newest; not more of them a day than an
/// address is to get.
async fn invitation_owed(
    app: &App,
    key: &OutboxKey,
    to: &EmailAddress,
    invitation: &Invitation,
) -> Result<Owed, RecordFailed> {
    let now = app.clock.now();
    let (account, member) = tokio::join!(
        app.store.find_account(&invitation.account),
        app.store.find_member(&invitation.account, &invitation.member)
    );
    let member = member?.filter(|member| {
        !member.is_active() && member.invitation == invitation.number && !member.has_ended(now)
    });
    let (Some(account), Some(member)) = (account?, member) else { return Ok(Owed::Nothing) };
    if account.suspended {
        return Ok(Owed::Later);
    }
    let inviter = match &member.invited_by {
        Some(inviter) => app.store.find_member(&invitation.account, inviter).await?,
        None => None,
    };
    let link = invitation.token(&*app.keyrings.login().await?);
    if !app.store.count_invitation(key, &to.hash(), now).await? {
        telemetry::set_outcome("enough");
        return Ok(Owed::Nothing);
    }
    let holder = Holder { account: account.id, member };
    let by = inviter.map(|inviter| inviter.email);
    Ok(holder.mail(to, Ok(Mail::Invitation { account: account.name, by, link })))
}

/// Who has an address.
struct Holder {
    account: AccountId,
    member: Member,
}

impl Holder {
    /// A notice, which nobody asked for: whoever complained about a mail gets none.
    fn unasked(&self, mail: Mail) -> Owed {
        if !self.member.wants_notices() {
            telemetry::set_outcome("complained");
            return Owed::Nothing;
        }
        self.mail(&self.member.email, Ok(mail))
    }

    fn mail(&self, to: &EmailAddress, mail: Result<Mail, TooLate>) -> Owed {
        let recipient = Recipient::new(&self.account, &self.member);
        Owed::Due { to: to.clone(), recipient, mail }
    }
}

/// Who has the address: a member of an account that is not suspended, and by an invitation that has
/// not ended.
async fn holder_of(app: &App, address: &AddressHash) -> Result<Option<Holder>, StoreError> {
    let owner = app.store.find_owner(address).await?;
    let owner = owner.filter(|owner| !owner.has_ended(app.clock.now()));
    let Some(owner) = owner else { return Ok(None) };
    telemetry::set_account(&owner.account);
    let (account, member) = tokio::join!(
        app.store.find_account(&owner.account),
        app.store.find_member(&owner.account, &owner.member)
    );
    let account = account?.filter(|account| !account.suspended);
    Ok(account.zip(member?).map(|(account, member)| Holder { account: account.id, member }))
}
