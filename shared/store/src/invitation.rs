//! Invitations: how they are made, sent again, and how they end.
//!
//! An invitation that ends by itself has its end in three places, which change together: the
//! member's row (with it as a duty of the sweep's), the owner's, so that another account's
//! invitation can tell, and the account's, so that one read tells how many members there are. Once
//! it has ended, whatever meets it may free what it held; until then everybody leaves it out.
//!
//! How many invitations an account makes is counted in a row for each day, by the transactions that
//! make them.

use crate::actor::{self, ActorRefusal, Admin};
use crate::outbox::COUNTS_KEPT_FOR;
use crate::rows::{AccountRow, Item, MemberRow, OwnerRow, from_item};
use crate::write::{Backoff, Obstacle, Transaction, Write};
use crate::{Failure, Random, Store, StoreError, account, address, audit, layout, outbox};
use domain::account::MAX_MEMBER_LIMIT;
use domain::invitation::{
    ADDRESSES_NAMED, INVITATION_LIFETIME, INVITATIONS_OF_ADDRESS, INVITATIONS_OF_DAY,
    RESENDS_OF_ADDRESS, day_of,
};
use domain::{
    AccountId, AddressHash, EmailAddress, Invitation, Member, MemberId, MemberStatus, Role,
};
use jiff::Timestamp;

/// Why nobody was invited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InviteRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error("the account has as many members as it may")]
    LimitReached,
    #[error("the account may not invite more today, or not this address")]
    RateLimited,
    #[error("the address belongs to a member of this or another account")]
    AlreadyRegistered,
}

/// Why an invitation was not sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResendRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error("the account has no such member")]
    NotFound,
    #[error("the member has logged in already")]
    AlreadyActive,
    #[error("the account may not invite more today, or not this address")]
    RateLimited,
}

/// An invitation that has ended, and still holds place and address.
#[derive(Debug, Clone)]
struct Ended {
    account: AccountId,
    member: MemberId,
}

/// What an invitation met instead of being made.
enum Met {
    Bound(Bound),
    /// This one has what is wanted, and has ended.
    Ended(Ended),
    Registered,
    /// What was found before is not so any more.
    Changed,
}

/// What is known of the writes that an invitation is made by.
#[derive(Default)]
struct Terms {
    bound: Option<Bound>,
    /// Whose place in the account it takes.
    place: Option<MemberId>,
    /// What it ends in another account.
    elsewhere: Option<Ended>,
    /// Who has had the address.
    holder: Option<MemberId>,
}

impl Terms {
    fn free(&mut self, own: &AccountId, address: &AddressHash, ended: Ended) {
        if ended.member.address() == *address {
            self.holder = Some(ended.member.clone());
        }
        if ended.account == *own {
            self.place = Some(ended.member);
        } else {
            self.elsewhere = Some(ended);
        }
    }
}

// --- How many a day

/// What is counted of a day, beside all of it together.
#[derive(Debug, Clone, Copy)]
enum Counted<'a> {
    Invited(&'a AddressHash),
    Resent(&'a AddressHash),
    /// That an address is registered was told.
    Named,
}

impl Counted<'_> {
    fn attribute(self) -> String {
        match self {
            Self::Invited(address) => format!("invited_{address}"),
            Self::Resent(address) => format!("resent_{address}"),
            Self::Named => "named".to_owned(),
        }
    }

    fn most(self) -> u32 {
        match self {
            Self::Invited(_) => INVITATIONS_OF_ADDRESS,
            Self::Resent(_) => RESENDS_OF_ADDRESS,
            Self::Named => ADDRESSES_NAMED,
        }
    }

    /// Whether it could tell by being refused that an address is registered.
    fn probes(self) -> bool {
        matches!(self, Self::Invited(_) | Self::Named)
    }
}

/// A bound on a day's total that is higher than every account's: it holds where the account may
/// have so many members, which is a condition of its row then.
#[derive(Debug, Clone, Copy)]
struct Bound {
    /// How many there have been, when somebody looked.
    total: u32,
    most: u32,
}

impl Bound {
    /// Where others count at the same time, the next try gives way to so many of them.
    const OTHERS: u32 = 16;

    /// The bound to try after one that so many have reached.
    fn after(tried: Option<Self>, total: u32) -> Self {
        Self { total, most: total + tried.map_or(1, |_| Self::OTHERS) }
    }
}

/// The write of an account's row, where the day's total is bound by what it may have.
fn bounded(account: Write, bound: Option<Bound>) -> Write {
    match bound {
        None => account,
        Some(Bound { most, .. }) => account.and("member_limit >= :bound").value(":bound", most),
    }
}

/// What it means that an account may not have as many members as were tried; nothing, if that is
/// not what stood against it.
fn unbounded(row: &AccountRow, tried: Option<Bound>) -> Option<Result<Bound, Spent>> {
    let Bound { total, most } = tried?;
    let may = row.member_limit;
    (may < most).then_some(if may > total { Ok(Bound { total, most: may }) } else { Err(Spent) })
}

/// It is enough for today.
struct Spent;

/// Counts, if the day allows it.
fn counting(account: &AccountId, what: Counted<'_>, bound: Option<Bound>, now: Timestamp) -> Write {
    let row = layout::invitations(account, &day_of(now));
    let most = bound.map_or(INVITATIONS_OF_DAY, |bound| bound.most);
    let counted = Write::update(row, "SET type = :type, ttl = :ttl ADD total :one, #what :one")
        .when("(attribute_not_exists(total) OR total < :total)")
        .and("(attribute_not_exists(#what) OR #what < :most)")
        .name("#what", what.attribute())
        .value(":type", "invitations")
        .value(":ttl", (now + COUNTS_KEPT_FOR).as_second())
        .value(":one", 1)
        .value(":total", most)
        .value(":most", what.most());
    if what.probes() {
        counted
            .and("(attribute_not_exists(named) OR named < :named)")
            .value(":named", ADDRESSES_NAMED)
    } else {
        counted
    }
}

/// What it means that something was not counted: the bound to try instead, or none.
fn uncounted(row: Option<Item>, what: Counted<'_>, tried: Option<Bound>) -> Result<Bound, Spent> {
    let number = |name: &str| {
        row.as_ref()
            .and_then(|row| row.get(name)?.as_n().ok()?.parse::<u32>().ok())
            .unwrap_or_default()
    };
    let total = number("total");
    let spent = number(&what.attribute()) >= what.most()
        || what.probes() && number("named") >= ADDRESSES_NAMED
        || total >= MAX_MEMBER_LIMIT;
    if spent { Err(Spent) } else { Ok(Bound::after(tried, total)) }
}

fn spent<T, R>(bound: Result<Bound, Spent>, found: fn(Bound) -> T, spent: R) -> Obstacle<R, T> {
    bound.map_or_else(|Spent| Obstacle::Refused(spent), |bound| Obstacle::Found(found(bound)))
}

// --- The operations

impl Store {
    /// Adds a member, takes the address, and puts the invitation into the outbox. An invitation
    /// that has ended gives way. That an address is registered is counted and put on record before
    /// it is told.
    pub async fn insert_member(
        &self,
        actor: &Admin,
        member: &MemberId,
        email: &EmailAddress,
        role: Role,
        now: Timestamp,
    ) -> Result<(), Failure<InviteRefusal>> {
        let mut backoff = Backoff::new(self);
        let mut terms = Terms::default();
        loop {
            let met = match inviting(actor, member, email, role, &terms, now, &mut self.rng())
                .commit(self)
                .await
            {
                Ok(()) => return Ok(()),
                Err(failure) => failure.found()?,
            };
            match met {
                Met::Bound(bound) => terms.bound = Some(bound),
                Met::Ended(ended) => terms.free(&actor.session.account, &member.address(), ended),
                Met::Changed => terms = Terms::default(),
                Met::Registered => {
                    let address = member.address();
                    let named = self.count_named(actor, &address, terms.bound, now).await;
                    return Err(match named {
                        Ok(()) => Failure::Refused(InviteRefusal::AlreadyRegistered),
                        Err(failure) => failure,
                    });
                }
            }
            backoff.wait().await?;
        }
    }

    /// Counts that an address is said to be registered, and puts it on record: by its hash, for
    /// whose it is is no concern of this account's, and the trail keeps it for long.
    async fn count_named(
        &self,
        actor: &Admin,
        address: &AddressHash,
        mut bound: Option<Bound>,
        now: Timestamp,
    ) -> Result<(), Failure<InviteRefusal>> {
        let session = &actor.session;
        let what = Counted::Named;
        let limited = InviteRefusal::RateLimited;
        let mut backoff = Backoff::new(self);
        loop {
            let tried = bound;
            let named = actor::transaction(actor, now)
                .guarded(bounded(account::not_suspended(&session.account), tried), move |row| {
                    let row: Option<AccountRow> =
                        row.map(|row| from_item("account", row)).transpose()?;
                    Ok(match row.and_then(|row| unbounded(&row, tried)) {
                        Some(bound) => spent(bound, |bound| bound, limited),
                        None => ActorRefusal::SessionEnded.into(),
                    })
                })
                .guarded(counting(&session.account, what, tried, now), move |row| {
                    Ok(spent(uncounted(row, what, tried), |bound| bound, limited))
                })
                .with(audit::by_member(session, "address_named", Some(address.as_str()), now));
            match named.commit(self).await {
                Ok(()) => return Ok(()),
                Err(failure) => bound = Some(failure.found()?),
            }
            backoff.wait().await?;
        }
    }

    /// Has an invitation mailed again, under its next number, and begins its time anew.
    pub async fn resend_invitation(
        &self,
        actor: &Admin,
        member: &MemberId,
        now: Timestamp,
    ) -> Result<Member, Failure<ResendRefusal>> {
        let account = &actor.session.account;
        if *member == actor.session.member {
            return Err(self.refuse_own(actor, now).await);
        }
        let mut backoff = Backoff::new(self);
        let mut bound = None;
        loop {
            let read = self.get::<MemberRow>("member", layout::member(account, member)).await?;
            let read = read.map(MemberRow::into_member);
            match resending(actor, member, read.as_ref(), bound, now, &mut self.rng())
                .commit(self)
                .await
            {
                Ok(()) => {
                    let read = read.ok_or(Failure::Refused(ResendRefusal::NotFound))?;
                    let invitation = read.invitation.saturating_add(1);
                    let invited_until = read.invited_until.map(|_| now + INVITATION_LIFETIME);
                    let mail_problem = None;
                    return Ok(Member { invitation, invited_until, mail_problem, ..read });
                }
                Err(failure) => bound = failure.found()?.or(bound),
            }
            backoff.wait().await?;
        }
    }

    /// Whoever has a session has logged in; it is looked at like any other.
    async fn refuse_own(&self, actor: &Admin, now: Timestamp) -> Failure<ResendRefusal> {
        match self.find_caller(&actor.session, now).await {
            Ok(caller) if caller.member.role == Role::Admin => {
                Failure::Refused(ResendRefusal::AlreadyActive)
            }
            Ok(_) => Failure::Refused(ActorRefusal::AdminRequired.into()),
            Err(Failure::Refused(refusal)) => Failure::Refused(refusal.into()),
            Err(Failure::Store(error)) => Failure::Store(error),
        }
    }

    /// Ends the invitation that a link is of, if that is the newest one of a membership that nobody
    /// has accepted; whether it was.
    pub async fn decline_invitation(
        &self,
        invitation: &Invitation,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Invitation { account, member, number } = invitation;
        let declined = Write::delete(layout::member(account, member))
            .when("status <> :active AND invitation = :number")
            .value(":active", MemberStatus::Active)
            .value(":number", number);
        let declined = Transaction::new()
            .guarded(declined, |_| Ok(()))
            .guarded(account::admin_less(account, member), |_| Ok(()));
        let declined = address::released(declined, member, now, |_| Ok(()))
            .with(audit::by_invited(invitation, "invitation_ended", now));
        done(declined.commit(self).await)
    }

    /// Frees what an invitation held that has ended; whether there was one.
    pub async fn end_invitation(
        &self,
        account: &AccountId,
        member: &MemberId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let one_less = account::member_less(account, member);
        let ended = Transaction::new().guarded(one_less, |_| Ok(()));
        let ended = removed(ended, account, member, now, |_| Ok(()));
        done(address::released(ended, member, now, |_| Ok(())).commit(self).await)
    }

    /// Frees what any ended invitation of an account held.
    pub(crate) async fn end_invitations(
        &self,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(row) = self.find_account(account).await? else { return Ok(()) };
        for member in row.ended(now) {
            self.end_invitation(account, member, now).await?;
        }
        Ok(())
    }
}

/// Whether it was done, where nothing but that it was not so stood against it.
fn done(committed: Result<(), Failure<()>>) -> Result<bool, StoreError> {
    match committed {
        Ok(()) => Ok(true),
        Err(Failure::Refused(())) => Ok(false),
        Err(Failure::Store(error)) => Err(error),
    }
}

/// Names what a refused write comes to.
type Naming<R> = fn(Option<Item>) -> Result<R, StoreError>;

/// Removes a member whose invitation has ended.
fn removed<'a, R: 'a>(
    transaction: Transaction<'a, R>,
    account: &AccountId,
    member: &MemberId,
    now: Timestamp,
    changed: Naming<R>,
) -> Transaction<'a, R> {
    let ended = Write::delete(layout::member(account, member))
        .when("status <> :active AND invited_until <= :now")
        .value(":active", MemberStatus::Active)
        .value(":now", now.as_millisecond());
    transaction.guarded(ended, changed).with(audit::by_no_member(
        account,
        "invitation_ended",
        member.as_str(),
        now,
    ))
}

type InviteObstacle = Obstacle<InviteRefusal, Met>;

fn inviting<'a>(
    actor: &'a Admin,
    member: &MemberId,
    email: &EmailAddress,
    role: Role,
    terms: &Terms,
    now: Timestamp,
    rng: &mut Random,
) -> Transaction<'a, InviteObstacle> {
    let account = &actor.session.account;
    let address = member.address();
    let ends = now + INVITATION_LIFETIME;
    let invitation = Invitation { account: account.clone(), member: member.clone(), number: 1 };
    let Terms { bound, place, elsewhere, holder } = terms;
    let tried = *bound;

    let row = MemberRow::new(member, email, role, now)
        .invited_by(&actor.session.member)
        .until(ends, outbox::DUTIES.any(rng));
    let row = Write::put(&layout::member(account, member), &row).if_new();
    let owner = OwnerRow::new(account, member, email, role).until(ends);
    let owner = Write::put(&layout::owner(&address), &owner);
    let owner = match holder {
        None => owner.if_new(),
        Some(holder) => owner.when("member_id = :holder").value(":holder", holder),
    };
    let counted = counting(account, Counted::Invited(&address), tried, now);
    let (own, replaces) = (account.clone(), place.is_some());
    let (of_address, counted_address) = (address.clone(), address.clone());
    let inviting = actor::transaction(actor, now)
        .guarded(bounded(one_more(account, member, place.as_ref(), ends), tried), move |row| {
            full(row, &own, &of_address, replaces, tried, now)
        })
        .guarded(counted, move |row| {
            let bound = uncounted(row, Counted::Invited(&counted_address), tried);
            Ok(spent(bound, Met::Bound, InviteRefusal::RateLimited))
        })
        .guarded(owner, move |row| held(row, now))
        .guarded(row, |_| Ok(Obstacle::Found(Met::Changed)))
        .with(address::invited(&address, &invitation, now, rng))
        .with(outbox::invitation(&invitation, email, now, rng))
        .with(audit::member(account, member, email, now))
        .with(
            audit::by_member(&actor.session, "member_invited", Some(member.as_str()), now)
                .labelled(email.as_str())
                .changed("role", None::<Role>, role),
        );

    let changed: Naming<InviteObstacle> = |_| Ok(Obstacle::Found(Met::Changed));
    let inviting = match place {
        None => inviting,
        Some(ended) => {
            let inviting = removed(inviting, account, ended, now, changed);
            if ended.address() == address {
                inviting
            } else {
                address::released(inviting, ended, now, changed)
            }
        }
    };
    match elsewhere {
        None => inviting,
        Some(Ended { account, member }) => {
            let one_less = account::member_less(account, member);
            removed(inviting.guarded(one_less, changed), account, member, now, changed)
        }
    }
}

/// The account's part: one member more, or one instead of another whose invitation has ended.
fn one_more(
    account: &AccountId,
    member: &MemberId,
    instead_of: Option<&MemberId>,
    ends: Timestamp,
) -> Write {
    let more = match instead_of {
        None => account::counted(
            account,
            "member_count = member_count + :one, invited.#member = :until",
        )
        .and("member_count < member_limit"),
        Some(ended) => account::counted(account, "invited.#member = :until REMOVE invited.#ended")
            .and("member_count <= member_limit")
            .name("#ended", ended.as_str()),
    };
    more.name("#member", member.as_str()).value(":until", ends.as_millisecond())
}

/// What it means that the account's part was refused. If only a place is wanting, one is free whose
/// invitation has ended; that of the same address, if there is one. (Where a limit was lowered, one
/// may not be enough: then the account is full until the sweep has been there.)
fn full(
    row: Option<Item>,
    own: &AccountId,
    address: &AddressHash,
    replaces: bool,
    tried: Option<Bound>,
    now: Timestamp,
) -> Result<InviteObstacle, StoreError> {
    let Some(row) = row else { return Ok(ActorRefusal::SessionEnded.into()) };
    let row: AccountRow = from_item("account", row)?;
    let places = row.member_limit.saturating_add(u32::from(replaces));
    if row.member_count < places {
        return Ok(match unbounded(&row, tried) {
            Some(bound) => spent(bound, Met::Bound, InviteRefusal::RateLimited),
            None => Obstacle::Found(Met::Changed),
        });
    }
    let limit = row.member_limit;
    let account = row.into_account();
    let ended = account.ended(now).max_by_key(|member| member.address() == *address);
    Ok(match ended {
        Some(member) if !replaces && account.member_rows <= limit => {
            Obstacle::Found(Met::Ended(Ended { account: own.clone(), member: member.clone() }))
        }
        _ => Obstacle::Refused(InviteRefusal::LimitReached),
    })
}

/// What it means that somebody has the address.
fn held(row: Option<Item>, now: Timestamp) -> Result<InviteObstacle, StoreError> {
    let row: Option<OwnerRow> = row.map(|row| from_item("owner", row)).transpose()?;
    Ok(Obstacle::Found(match row {
        None => Met::Changed,
        Some(row) if row.has_ended(now) => {
            Met::Ended(Ended { account: row.account_id, member: row.member_id })
        }
        Some(_) => Met::Registered,
    }))
}

type ResendObstacle = Obstacle<ResendRefusal, Option<Bound>>;

/// An invitation's next mail, if the member is still as it was read. What else is found is the
/// bound to try instead, or nothing: then it is read anew.
fn resending<'a>(
    actor: &'a Admin,
    member: &MemberId,
    read: Option<&Member>,
    tried: Option<Bound>,
    now: Timestamp,
    rng: &mut Random,
) -> Transaction<'a, ResendObstacle> {
    let account = &actor.session.account;
    let address = member.address();
    // No invitation has the number 0: of a member who is not there, nothing is written.
    let number = read.map_or(0, |member| member.invitation);
    let next = Invitation {
        account: account.clone(),
        member: member.clone(),
        number: number.saturating_add(1),
    };
    let ends = read.and_then(|member| member.invited_until).map(|_| now + INVITATION_LIFETIME);
    let counted_address = address.clone();
    let limited = ResendRefusal::RateLimited;
    let resending = actor::transaction(actor, now)
        .guarded(renewed(&next, ends, now), move |row| unrenewed(row, now))
        .guarded(bounded(kept_on(account, member, ends), tried), move |row| {
            let Some(row) = row else { return Ok(ActorRefusal::SessionEnded.into()) };
            Ok(match unbounded(&from_item("account", row)?, tried) {
                Some(bound) => spent(bound, Some, limited),
                None => Obstacle::Found(None),
            })
        })
        .guarded(counting(account, Counted::Resent(&address), tried, now), move |row| {
            let bound = uncounted(row, Counted::Resent(&counted_address), tried);
            Ok(spent(bound, Some, limited))
        })
        .with(address::invited_anew(&address, &next, now, rng));
    let resent = audit::by_member(&actor.session, "invitation_resent", Some(member.as_str()), now);
    let resending = match read {
        None => resending.with(resent),
        Some(member) => resending
            .with(resent.labelled(member.email.as_str()))
            .with(audit::member(account, &member.id, &member.email, now))
            .with(outbox::invitation(&next, &member.email, now, rng)),
    };
    match ends {
        None => resending,
        Some(ends) => {
            let held = Write::update(layout::owner(&address), "SET invited_until = :until")
                .when("member_id = :id")
                .value(":id", member)
                .value(":until", ends.as_millisecond());
            resending.guarded(held, |_| Ok(Obstacle::Found(None)))
        }
    }
}

/// The member's part of a resend.
fn renewed(next: &Invitation, ends: Option<Timestamp>, now: Timestamp) -> Write {
    let row = layout::member(&next.account, &next.member);
    let renewed = match ends {
        None => Write::update(row, "SET invitation = :next REMOVE mail_problem, complained")
            .when("attribute_not_exists(invited_until)"),
        Some(ends) => Write::update(
            row,
            "SET invitation = :next, invited_until = :until, due_at = :until \
             REMOVE mail_problem, complained",
        )
        .when("invited_until > :now")
        .value(":until", ends.as_millisecond())
        .value(":now", now.as_millisecond()),
    };
    renewed
        .and("invitation = :read AND status <> :active")
        .value(":next", next.number)
        .value(":read", next.number - 1)
        .value(":active", MemberStatus::Active)
}

fn unrenewed(row: Option<Item>, now: Timestamp) -> Result<ResendObstacle, StoreError> {
    let row: Option<MemberRow> = row.map(|row| from_item("member", row)).transpose()?;
    Ok(match row.map(MemberRow::into_member) {
        None => Obstacle::Refused(ResendRefusal::NotFound),
        Some(member) if member.is_active() => Obstacle::Refused(ResendRefusal::AlreadyActive),
        Some(member) if member.has_ended(now) => Obstacle::Refused(ResendRefusal::NotFound),
        Some(_) => Obstacle::Found(None),
    })
}

/// The account's part of a resend.
fn kept_on(account: &AccountId, member: &MemberId, ends: Option<Timestamp>) -> Write {
    match ends {
        None => account::of_customer(account::changed(account, "")),
        Some(ends) => account::counted(account, "invited.#member = :until")
            .name("#member", member.as_str())
            .value(":until", ends.as_millisecond()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::to_item;
    use aws_sdk_dynamodb::types::AttributeValue;
    use domain::{Account, Plan};

    fn hash(email: &str) -> AddressHash {
        email.parse::<EmailAddress>().unwrap().hash()
    }

    fn account() -> AccountId {
        "acct_0123456789ab".parse().unwrap()
    }

    /// What was counted of a day.
    fn day(counts: &[(&str, u32)]) -> Option<Item> {
        let count = |(name, count): &(&str, u32)| {
            ((*name).to_owned(), AttributeValue::N(count.to_string()))
        };
        Some(counts.iter().map(count).collect())
    }

    /// How many there were, and the bound to try instead; none if it is enough for today.
    fn next(bound: Result<Bound, Spent>) -> Option<(u32, u32)> {
        bound.ok().map(|Bound { total, most }| (total, most))
    }

    #[test]
    fn a_day_ends_invitations_of_an_address_resends_and_what_is_told_each_by_itself() {
        let ada = hash("ada@example.com");
        let (invited, resent) = (format!("invited_{ada}"), format!("resent_{ada}"));
        let all = MAX_MEMBER_LIMIT;
        for (counts, what, bound) in [
            (vec![(&*invited, 2), ("total", 20)], Counted::Invited(&ada), Some((20, 21))),
            (vec![(&*invited, 3), ("total", 20)], Counted::Invited(&ada), None),
            (vec![(&*resent, 3), ("total", 20)], Counted::Invited(&ada), Some((20, 21))),
            (vec![("named", 9), ("total", 20)], Counted::Invited(&ada), Some((20, 21))),
            (vec![("named", 10), ("total", 20)], Counted::Invited(&ada), None),
            (vec![("named", 10), ("total", 20)], Counted::Named, None),
            (vec![("named", 10), ("total", 20)], Counted::Resent(&ada), Some((20, 21))),
            (vec![(&*resent, 3)], Counted::Resent(&ada), None),
            (vec![("total", all - 1)], Counted::Resent(&ada), Some((all - 1, all))),
            (vec![("total", all)], Counted::Resent(&ada), None),
        ] {
            let told = next(uncounted(day(&counts), what, None));
            assert_eq!(told, bound, "{counts:?} {what:?}");
        }
        // Where others count at the same time, there is room for them, too.
        let tried = Some(Bound { total: 20, most: 21 });
        let bound = uncounted(day(&[("total", 21)]), Counted::Resent(&ada), tried);
        assert_eq!(next(bound), Some((21, 37)));
    }

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    /// An account's row with so many members of at most so many, of whom these were invited until
    /// now.
    fn row(members: u32, limit: u32, ended: &[&MemberId]) -> AccountRow {
        let account = Account {
            id: account(),
            name: "Example Company".parse().unwrap(),
            own_keys: 0,
            own_key_limit: 9,
            has_sandbox_key: false,
            member_rows: members,
            member_limit: limit,
            invited: ended.iter().map(|member| ((*member).clone(), NOW)).collect(),
            suspended: false,
            plan: Plan::default(),
        };
        AccountRow::new(&account, &member("admin@example.com"), NOW)
    }

    fn member(email: &str) -> MemberId {
        MemberId::random(&hash(email), &mut Random::seeded(1))
    }

    #[test]
    fn a_bound_that_an_account_does_not_reach_gives_way_to_the_one_that_it_does() {
        let tried = Bound { total: 20, most: 36 };
        for (limit, bound) in [
            (36, None),
            (35, Some(Some((20, 35)))),
            (21, Some(Some((20, 21)))),
            (20, Some(None)),
            (19, Some(None)),
        ] {
            let told = unbounded(&row(1, limit, &[]), Some(tried)).map(next);
            assert_eq!(told, bound, "{limit}");
            assert!(unbounded(&row(1, limit, &[]), None).is_none());
        }
    }

    /// What somebody meets, in a word.
    fn word(met: &InviteObstacle) -> String {
        match met {
            Obstacle::Refused(refusal) => format!("{refusal:?}"),
            Obstacle::Found(Met::Bound(_)) => "a bound".to_owned(),
            Obstacle::Found(Met::Ended(ended)) => ended.member.to_string(),
            Obstacle::Found(Met::Registered) => "registered".to_owned(),
            Obstacle::Found(Met::Changed) => "changed".to_owned(),
        }
    }

    #[test]
    fn a_full_account_gives_the_place_of_an_invitation_that_has_ended() {
        let (one, other) = (member("one@example.com"), member("other@example.com"));
        let wanted = hash("new@example.com");
        let limit = format!("{:?}", InviteRefusal::LimitReached);
        let tried = Some(Bound { total: 20, most: 21 });
        for (row, replaces, tried, met) in [
            (row(3, 3, &[]), false, None, &*limit),
            (row(3, 3, &[&one]), false, None, one.as_str()),
            // More than one place is wanting.
            (row(4, 3, &[&one]), false, None, &*limit),
            // It takes a place already, and still there is none.
            (row(4, 3, &[&one]), true, None, &*limit),
            (row(3, 3, &[&one]), true, None, "changed"),
            (row(2, 3, &[&one]), false, None, "changed"),
            (row(2, 3, &[&one]), false, tried, "RateLimited"),
            (row(2, 21, &[]), false, tried, "changed"),
        ] {
            let told = format!("{} of {}", row.member_count, row.member_limit);
            let item = Some(to_item(&row));
            let obstacle = full(item, &account(), &wanted, replaces, tried, NOW).unwrap();
            assert_eq!(word(&obstacle), met, "{told}");
        }
        // That of the address itself comes before any other.
        for mine in [&one, &other] {
            let item = Some(to_item(&row(3, 3, &[&one, &other])));
            let obstacle = full(item, &account(), &mine.address(), false, None, NOW).unwrap();
            assert_eq!(word(&obstacle), mine.as_str());
        }
    }

    #[test]
    fn an_address_is_free_once_its_invitation_has_ended() {
        let (member, email) = (member("ada@example.com"), "ada@example.com".parse().unwrap());
        let owner = OwnerRow::new(&account(), &member, &email, Role::Member);
        let millisecond = jiff::SignedDuration::from_millis(1);
        for (row, met) in [
            (None, "changed"),
            (Some(owner.clone()), "registered"),
            (Some(owner.clone().until(NOW + millisecond)), "registered"),
            (Some(owner.until(NOW)), member.as_str()),
        ] {
            let item = row.map(|row| to_item(&row));
            assert_eq!(word(&held(item, NOW).unwrap()), met);
        }
    }

    #[test]
    fn an_invitation_is_sent_again_as_long_as_it_is_one() {
        let (member, email) = (member("ada@example.com"), "ada@example.com".parse().unwrap());
        let row = MemberRow::new(&member, &email, Role::Member, NOW);
        let later = NOW + jiff::SignedDuration::from_millis(1);
        let until = |ends| Some(row.clone().until(ends, String::new()));
        let active = to_item(&row)
            .into_iter()
            .map(|(name, value)| match &*name {
                "status" => (name, AttributeValue::S("active".to_owned())),
                _ => (name, value),
            })
            .collect();
        for (item, met) in [
            (None, "NotFound"),
            (Some(active), "AlreadyActive"),
            (until(NOW).map(|row| to_item(&row)), "NotFound"),
            (until(later).map(|row| to_item(&row)), "read anew"),
            (Some(to_item(&row)), "read anew"),
        ] {
            let told = match unrenewed(item, NOW).unwrap() {
                Obstacle::Refused(refusal) => format!("{refusal:?}"),
                Obstacle::Found(_) => "read anew".to_owned(),
            };
            assert_eq!(told, met);
        }
    }

    #[test]
    fn what_has_ended_frees_its_place_or_its_address_or_both() {
        let (ada, bob) = (member("ada@example.com"), member("bob@example.com"));
        let elsewhere: AccountId = "acct_other0000000".parse().unwrap();
        for (at, whose, place, address) in [
            (account(), &ada, true, true),
            (account(), &bob, true, false),
            (elsewhere.clone(), &ada, false, true),
        ] {
            let mut terms = Terms::default();
            let ended = Ended { account: at, member: whose.clone() };
            terms.free(&account(), &hash("ada@example.com"), ended);
            assert_eq!(terms.place.is_some(), place);
            assert_eq!(terms.elsewhere.is_some(), !place);
            assert_eq!(terms.holder, address.then(|| whose.clone()));
        }
    }
}
