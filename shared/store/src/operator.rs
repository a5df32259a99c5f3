//! What operators do with an account that is there; they name it by its id.
//!
//! A suspension does not stand against any of it.

use crate::audit::Entry;
use crate::layout::RowKey;
use crate::rows::{
    AccountRow, BrowsersRow, Item, MemberRow, NamedRow, OwnerRow, SessionsRow, StandingRow,
};
use crate::write::{Backoff, Obstacle, Transaction, Write};
use crate::{
    Failure, Random, Store, StoreError, account, address, audit, layout, member, outbox, plan,
    sandbox,
};
use domain::{
    AccountId, AccountName, AddressHash, EmailAddress, Invitation, KeyId, KeyKind, Limits, Member,
    MemberId, OperatorName, Plan, Role,
};
use jiff::Timestamp;
use std::collections::HashMap;

/// What stands against an operator's act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    #[error("there is no account with this id")]
    AccountNotFound,
    #[error("the address belongs to a member of another account")]
    AlreadyRegistered(AccountId),
    #[error("the account has as many members as it may")]
    MemberLimitReached,
    /// With the account that the address belongs to instead, if any.
    #[error("no member of the account has this address")]
    MemberNotFound(Option<AccountId>),
    #[error("an account keeps at least one admin")]
    LastAdmin,
    #[error("the account has no such key")]
    KeyNotFound,
}

/// Who acts, on which account.
#[derive(Debug, Clone, Copy)]
pub struct Operator<'a> {
    pub account: &'a AccountId,
    pub by: Option<&'a OperatorName>,
}

/// What an operator sets; what is absent stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewLimits {
    pub keys: Option<u32>,
    pub members: Option<u32>,
    /// Of calls: some, or none any more.
    pub calls: Option<Option<Limits>>,
}

/// Somebody who is to be an admin of the account: nobody's member yet, or one of its own as it was
/// read.
enum Successor {
    New(MemberId),
    Member(Member),
}

impl Successor {
    fn id(&self) -> &MemberId {
        match self {
            Self::New(id) => id,
            Self::Member(member) => &member.id,
        }
    }

    fn is_admin(&self) -> bool {
        matches!(self, Self::Member(member) if member.role == Role::Admin)
    }

    fn is_active(&self) -> bool {
        matches!(self, Self::Member(member) if member.is_active())
    }
}

/// What a refused transaction comes to: an operator's refusal, or what was found instead.
type Against<T> = Obstacle<ChangeRefusal, T>;

/// Somebody changed what had been read: it is read and decided anew.
fn anew(_: Option<Item>) -> Result<Against<()>, StoreError> {
    Ok(Obstacle::Found(()))
}

/// That the account is gone, or else this.
fn unless_gone(row: Option<Item>, otherwise: Against<()>) -> Result<Against<()>, StoreError> {
    let gone = Obstacle::Refused(ChangeRefusal::AccountNotFound);
    Ok(if row.is_some() { otherwise } else { gone })
}

impl<'a> Operator<'a> {
    pub(crate) fn audited(
        self,
        action: &'static str,
        target: Option<&'a str>,
        now: Timestamp,
    ) -> Entry<'a> {
        audit::by_operator(self.account, action, target, self.by, now)
    }

    /// An act on the account itself, which has this name.
    pub(crate) fn audited_whole(
        self,
        action: &'static str,
        name: &'a str,
        now: Timestamp,
    ) -> Entry<'a> {
        self.audited(action, Some(self.account.as_str()), now).labelled(name)
    }
}

impl Store {
    /// Gives an account another name; whether it had another one.
    pub async fn rename(
        &self,
        operator: Operator<'_>,
        name: &AccountName,
        now: Timestamp,
    ) -> Result<bool, Failure<ChangeRefusal>> {
        let mut backoff = Backoff::new(self);
        loop {
            let was = self.account_of(operator).await?.into_account().name;
            if was == *name {
                return Ok(false);
            }
            let renamed = account::changed(operator.account, ", name = :name")
                .and("name = :was")
                .value(":name", name)
                .value(":was", &was);
            let audited = operator
                .audited_whole("account_changed", was.as_str(), now)
                .changed("name", &was, name);
            if self.change_whole(renamed, audited).await? {
                return Ok(true);
            }
            backoff.wait().await?;
        }
    }

    /// Changes limits, of which an absent one stays as it is; whether any was another. Those of
    /// calls are in force for every check that starts when this returns.
    pub async fn set_limits(
        &self,
        operator: Operator<'_>,
        limits: &NewLimits,
        now: Timestamp,
    ) -> Result<bool, Failure<ChangeRefusal>> {
        let changed = self.change_limits(operator, limits, now).await?;
        // If nothing is new: whoever changed them before may not have come that far.
        if limits.calls.is_some() {
            self.mark_keys(operator.account).await.map_err(StoreError::beside_a_change)?;
        }
        Ok(changed)
    }

    /// The account's row: from then on, keys are made with the new limits.
    async fn change_limits(
        &self,
        operator: Operator<'_>,
        limits: &NewLimits,
        now: Timestamp,
    ) -> Result<bool, Failure<ChangeRefusal>> {
        let mut backoff = Backoff::new(self);
        loop {
            let account = self.account_of(operator).await?.into_account();
            let was = (account.key_limit(), account.member_limit, account.plan);
            let plan = match limits.calls {
                Some(calls) if calls != was.2.limits => {
                    Plan { version: was.2.version.saturating_add(1), limits: calls }
                }
                Some(_) | None => was.2,
            };
            let is = (limits.keys.unwrap_or(was.0), limits.members.unwrap_or(was.1), plan);
            if was == is {
                return Ok(false);
            }
            let mut change = plan::changed(&plan);
            change.set.push("version = version + :one".to_owned());
            change.set.push("own_key_limit = :keys, member_limit = :members".to_owned());
            if plan != was.2 {
                change.set.push("duty = :duty, due_at = :due".to_owned());
            }
            let limited = Write::update(layout::account(operator.account), &change.expression())
                .when("own_key_limit = :keys_were AND member_limit = :members_were")
                .and("name = :name")
                .value(":one", 1)
                .value(":name", &account.name)
                .value(":keys_were", account.own_key_limit)
                .value(":members_were", account.member_limit)
                .value(":keys", is.0 - 1)
                .value(":members", is.1);
            let limited = plan::is(plan::with_values(limited, &plan), &was.2);
            let limited = if plan == was.2 {
                limited
            } else {
                outbox::as_duty(limited, now, &mut self.rng())
            };
            let [of_was, of_is] = [was.2, plan].map(|plan| plan.limits.unwrap_or_default());
            let audited = operator
                .audited_whole("account_changed", account.name.as_str(), now)
                .changed("key_limit", was.0, is.0)
                .changed("member_limit", was.1, is.1)
                .changed("per_minute", of_was.per_minute(), of_is.per_minute())
                .changed("burst", of_was.burst(), of_is.burst())
                .changed("per_month", of_was.per_month, of_is.per_month);
            if self.change_whole(limited, audited).await? {
                return Ok(true);
            }
            backoff.wait().await?;
        }
    }

    /// A change of the account's row alone, as it was read: whether it still was so.
    async fn change_whole(
        &self,
        change: Write,
        audited: Entry<'_>,
    ) -> Result<bool, Failure<ChangeRefusal>> {
        let changed = Transaction::new()
            .guarded(change, |row| unless_gone(row, Obstacle::Found(())))
            .with(audited)
            .commit(self)
            .await;
        match changed {
            Ok(()) => Ok(true),
            Err(failure) => failure.found().map(|()| false),
        }
    }

    /// Adds an admin, or makes a member one; with whether it was none before. Whoever is new counts
    /// as one from the first login on.
    pub async fn add_admin(
        &self,
        operator: Operator<'_>,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<(MemberId, bool), Failure<ChangeRefusal>> {
        self.end_invitations(operator.account, now).await?;
        let mut backoff = Backoff::new(self);
        loop {
            let Some(successor) = self.successor(operator.account, email, now).await? else {
                backoff.wait().await?;
                continue;
            };
            let id = successor.id().clone();
            if successor.is_admin() {
                return Ok((id, false));
            }
            let counted = match successor {
                Successor::New(_) => {
                    account::changed(operator.account, ", member_count = member_count + :one")
                        .and("member_count < member_limit")
                }
                Successor::Member(_) if successor.is_active() => {
                    account::admin_more(operator.account, &id)
                }
                Successor::Member(_) => account::changed(operator.account, " REMOVE invited.#id")
                    .name("#id", id.as_str()),
            };
            let limit = Obstacle::Refused(ChangeRefusal::MemberLimitReached);
            let added = Transaction::new().guarded(counted, |row| unless_gone(row, limit));
            match appointing(added, operator, &successor, email, now, &mut self.rng())
                .commit(self)
                .await
            {
                Ok(()) => return Ok((id, true)),
                Err(failure) => failure.found()?,
            }
            backoff.wait().await?;
        }
    }

    /// Removes a member with all its sessions. The last admin goes only if somebody takes over, in
    /// the same transaction.
    pub async fn remove_member(
        &self,
        operator: Operator<'_>,
        email: &EmailAddress,
        replaced_by: Option<&EmailAddress>,
        now: Timestamp,
    ) -> Result<MemberId, Failure<ChangeRefusal>> {
        let account = operator.account;
        let mut backoff = Backoff::new(self);
        loop {
            let gone = self.member_with(account, email, now).await?;
            let row = layout::member(account, &gone);
            let Some(was) = self.get::<StandingRow>("member", row).await? else {
                // Whoever removed it takes its address away in the same transaction.
                backoff.wait().await?;
                continue;
            };
            let removed = match replaced_by {
                None => Some(removal(account, &gone)),
                Some(email) => self.succession(operator, &gone, email, now).await?,
            };
            let Some(removed) = removed else {
                backoff.wait().await?;
                continue;
            };
            let removed = removed.guarded(member::deleted(account, &gone, &was), anew);
            let revoked = operator
                .audited("member_revoked", Some(gone.as_str()), now)
                .labelled(email.as_str());
            let removed = address::released(removed, &gone, now, anew).with(member::ended(
                revoked,
                &was.role,
                &was.status,
            ));
            match removed.commit(self).await {
                Ok(()) => return Ok(gone),
                Err(failure) => failure.found()?,
            }
            backoff.wait().await?;
        }
    }

    /// The account's part of a removal after which somebody else is an admin, who counts as one
    /// from the start where nobody else does. Nothing, if it was read in the midst of a change.
    async fn succession(
        &self,
        operator: Operator<'_>,
        gone: &MemberId,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<Option<Transaction<'static, Against<()>>>, Failure<ChangeRefusal>> {
        let before = self.account_of(operator).await?.admins;
        let Some(successor) = self.successor(operator.account, email, now).await? else {
            return Ok(None);
        };
        let others = before.iter().filter(|id| *id != gone.as_str()).cloned();
        let mut after: Vec<String> = others.collect();
        let counts = successor.is_active() || after.is_empty();
        let id = successor.id().to_string();
        if after.contains(&id) || successor.is_admin() && !counts {
            return Ok(Some(removal(operator.account, gone)));
        }
        if counts {
            after.push(id);
        }
        let count = match successor {
            Successor::New(_) => "",
            Successor::Member(_) => ", member_count = member_count - :one",
        };
        let more = format!(", admins = :after{count} REMOVE invited.#before, invited.#after");
        let counted = account::changed(operator.account, &more)
            .and("admins = :before")
            .name("#before", gone.as_str())
            .name("#after", successor.id().as_str())
            .set_of(":after", after)
            .set_of(":before", before);
        let whole = Transaction::new().guarded(counted, anew);
        Ok(Some(appointing(whole, operator, &successor, email, now, &mut self.rng())))
    }

    /// Ends every session of a member, or of all members.
    pub async fn end_sessions(
        &self,
        operator: Operator<'_>,
        email: Option<&EmailAddress>,
        now: Timestamp,
    ) -> Result<(), Failure<ChangeRefusal>> {
        let account = operator.account;
        let Some(email) = email else {
            let partition = layout::account_partition(account);
            let members =
                self.query::<SessionsRow>("member", partition, layout::MEMBER_PREFIX).await?;
            for (place, member) in members.into_iter().enumerate() {
                let ended = self.end_sessions_of(operator, member.key, now).await;
                ended.map_err(|failure| match place {
                    0 => failure,
                    _ => failure.after_a_change(),
                })?;
            }
            return Ok(());
        };
        let member = self.member_with(account, email, now).await?;
        self.end_sessions_of(operator, layout::member(account, &member), now).await
    }

    /// A member who is gone has none left. A login meanwhile is ended, too.
    async fn end_sessions_of(
        &self,
        operator: Operator<'_>,
        member: RowKey,
        now: Timestamp,
    ) -> Result<(), Failure<ChangeRefusal>> {
        let none: HashMap<String, String> = HashMap::new();
        let id = member.sk.strip_prefix(layout::MEMBER_PREFIX);
        let address = id.and_then(|id| id.parse().ok()).map(|id: MemberId| id.address());
        let mut backoff = Backoff::new(self);
        loop {
            let row = self.get::<SessionsRow>("member", member.clone()).await?;
            let Some(SessionsRow { sessions, email, .. }) = row else { return Ok(()) };
            let sessions = sessions.len();
            let audited = operator.audited("session_ended", id, now).some_label(email.as_deref());
            if sessions == 0 {
                // Whoever has no session may be known by a browser all the same.
                let Some(address) = &address else { return Ok(()) };
                let Some((forgetting, known)) = self.forgetting(address, now).await? else {
                    // Codes that were asked for before open nothing all the same.
                    let closed = address::browsers_forgotten(address, now).if_there();
                    self.update(closed).await?.ok();
                    return Ok(());
                };
                let audited = audited.changed("browsers", known, 0);
                match forgetting.with(audited).commit(self).await {
                    Ok(()) => return Ok(()),
                    Err(failure) => failure.found()?,
                }
                backoff.wait().await?;
                continue;
            }
            let ended = Write::update(member.clone(), "SET sessions = :none")
                .when("size(sessions) = :were")
                .value(":none", &none)
                .value(":were", sessions);
            let ending = Transaction::new().guarded(ended, anew);
            let ending = match &address {
                Some(address) => ending.with(address::browsers_forgotten(address, now)),
                None => ending,
            };
            let audited = audited.changed("sessions", sessions, 0);
            match ending.with(audited).commit(self).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure.found()?,
            }
            backoff.wait().await?;
        }
    }

    /// Has an address's browsers forgotten, if there are any, with how many there are. Whatever is
    /// there instead, which cannot be counted, goes as well.
    async fn forgetting(
        &self,
        address: &AddressHash,
        now: Timestamp,
    ) -> Result<Option<(Transaction<'static, Against<()>>, Option<usize>)>, StoreError> {
        let forgotten = address::browsers_forgotten(address, now);
        let known = match self.get::<BrowsersRow>("login", layout::login(address)).await {
            Ok(row) => row.map_or(0, |row| row.browsers.len()),
            Err(StoreError::Row { .. }) => {
                return Ok(Some((Transaction::new().with(forgotten), None)));
            }
            Err(error) => return Err(error),
        };
        if known == 0 {
            return Ok(None);
        }
        let forgotten = forgotten.when("size(browsers) = :known").value(":known", known);
        Ok(Some((Transaction::new().guarded(forgotten, anew), Some(known))))
    }

    /// Deletes a key: from the moment this returns, the next call with it is refused.
    pub async fn revoke_key(
        &self,
        operator: Operator<'_>,
        key: &KeyId,
        now: Timestamp,
    ) -> Result<(), Failure<ChangeRefusal>> {
        let mut backoff = Backoff::new(self);
        loop {
            let row = layout::api_key(operator.account, key);
            let was = self.get::<NamedRow>("key", row).await?;
            let was = was.ok_or(Failure::Refused(ChangeRefusal::KeyNotFound))?.name;
            match self.revoke_key_named(operator, key, &was, now).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure.found()?,
            }
            backoff.wait().await?;
        }
    }

    /// It has this name, which the trail tells; somebody may be giving it another one.
    async fn revoke_key_named(
        &self,
        operator: Operator<'_>,
        key: &KeyId,
        name: &str,
        now: Timestamp,
    ) -> Result<(), Failure<Against<()>>> {
        let account = operator.account;
        let not_found = || Obstacle::Refused(ChangeRefusal::KeyNotFound);
        let gone =
            Write::delete(layout::api_key(account, key)).when("name = :name").value(":name", name);
        let revoked = Transaction::new()
            .guarded(gone, move |row| Ok(row.map_or(not_found(), |_| Obstacle::Found(()))));
        let revoked = match key.kind() {
            KeyKind::Live => {
                let one_less = account::changed(account, ", own_keys = own_keys - :one");
                revoked
                    .guarded(one_less, move |_| Ok(not_found()))
                    .with(outbox::no_reminders(account, key))
            }
            KeyKind::Sandbox => {
                let place_free =
                    account::changed(account, ", has_sandbox_key = :no").value(":no", false);
                revoked
                    .guarded(place_free, move |_| Ok(not_found()))
                    .guarded(sandbox::without_key(account, key, now), move |_| Ok(not_found()))
            }
        };
        let audited = operator
            .audited("key_deleted", Some(key.as_str()), now)
            .labelled(name)
            .changed("name", name, None::<&str>);
        revoked.with(audited).commit(self).await
    }

    async fn account_of(
        &self,
        operator: Operator<'_>,
    ) -> Result<AccountRow, Failure<ChangeRefusal>> {
        let row = self.get::<AccountRow>("account", layout::account(operator.account)).await?;
        row.ok_or(Failure::Refused(ChangeRefusal::AccountNotFound))
    }

    /// Who is to be an admin: whoever has the address in this account, or else somebody new;
    /// nobody, if its membership ended since the address was read.
    async fn successor(
        &self,
        account: &AccountId,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<Option<Successor>, Failure<ChangeRefusal>> {
        let address = email.hash();
        match self.owner_now(&address, now).await? {
            None => {
                let id = MemberId::random(&address, &mut self.rng());
                Ok(Some(Successor::New(id)))
            }
            Some(owner) if owner.account_id == *account => {
                let member = self.find_member(account, &owner.member_id).await?;
                Ok(member.map(Successor::Member))
            }
            Some(owner) => {
                Err(Failure::Refused(ChangeRefusal::AlreadyRegistered(owner.account_id)))
            }
        }
    }

    /// Who has the address: nobody whose invitation has ended, which is freed.
    async fn owner_now(
        &self,
        address: &AddressHash,
        now: Timestamp,
    ) -> Result<Option<OwnerRow>, StoreError> {
        let row = self.get::<OwnerRow>("owner", layout::owner(address)).await?;
        match row {
            Some(row) if row.has_ended(now) => {
                self.end_invitation(&row.account_id, &row.member_id, now).await?;
                Ok(None)
            }
            row => Ok(row),
        }
    }

    /// The member of the account who has the address.
    async fn member_with(
        &self,
        account: &AccountId,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<MemberId, Failure<ChangeRefusal>> {
        match self.owner_now(&email.hash(), now).await? {
            Some(owner) if owner.account_id == *account => Ok(owner.member_id),
            elsewhere => {
                let elsewhere = elsewhere.map(|owner| owner.account_id);
                Err(Failure::Refused(ChangeRefusal::MemberNotFound(elsewhere)))
            }
        }
    }
}

/// The account's part of a removal after which an admin is left.
fn removal(account: &AccountId, gone: &MemberId) -> Transaction<'static, Against<()>> {
    let last = Obstacle::Refused(ChangeRefusal::LastAdmin);
    let one_less = account::admin_less(account, gone);
    Transaction::new().guarded(one_less, |row| unless_gone(row, last))
}

/// Adds the member's part of an appointment.
fn appointing<'a>(
    transaction: Transaction<'a, Against<()>>,
    operator: Operator<'_>,
    successor: &Successor,
    email: &EmailAddress,
    now: Timestamp,
    rng: &mut Random,
) -> Transaction<'a, Against<()>> {
    let account = operator.account;
    match successor {
        Successor::New(id) => {
            let owner = OwnerRow::new(account, id, email, Role::Admin);
            let owner = Write::put(&layout::owner(&id.address()), &owner);
            let row = MemberRow::new(id, email, Role::Admin, now);
            let invitation = Invitation { account: account.clone(), member: id.clone(), number: 1 };
            transaction
                .guarded(owner.if_new(), anew)
                .guarded(Write::put(&layout::member(account, id), &row).if_new(), anew)
                .with(address::invited(&id.address(), &invitation, now, rng))
                .with(audit::member(account, id, email, now))
                .with(
                    operator
                        .audited("member_invited", Some(id.as_str()), now)
                        .labelled(email.as_str())
                        .changed("role", None::<Role>, Role::Admin),
                )
        }
        Successor::Member(member) => {
            let transaction = promoting(transaction, account, member, now);
            if member.role == Role::Admin {
                return transaction;
            }
            transaction.with(
                operator
                    .audited("role_changed", Some(member.id.as_str()), now)
                    .labelled(email.as_str())
                    .changed("role", member.role, Role::Admin),
            )
        }
    }
}

/// Makes a member an admin, as it was read. Whom an operator made one is not invited for a while
/// only.
fn promoting<'a>(
    transaction: Transaction<'a, Against<()>>,
    account: &AccountId,
    member: &Member,
    now: Timestamp,
) -> Transaction<'a, Against<()>> {
    let (is_active, roles) = (member.is_active(), (member.role, Role::Admin));
    let more = if is_active { "" } else { " REMOVE invited_until, duty, due_at" };
    let promoted = member::role_changed(account, &member.id, roles, is_active, more, now);
    let promoting = transaction.guarded(promoted, anew);
    if is_active {
        return promoting;
    }
    let kept = member::invited_as(&member.id, Role::Admin, " REMOVE invited_until");
    promoting.guarded(kept, anew)
}
