//! An address's row, as far as memberships concern it: the browsers that are known, and the
//! invitation whose link is good.
//!
//! Every transaction that begins, renews or ends a membership has one of these writes in it, so
//! that no browser and no link outlives what it was for. What else the row holds is left alone.

use crate::rows::{ASKS_KEPT_FOR, Item, LOGIN_ROW};
use crate::write::{Transaction, Write};
use crate::{Random, StoreError, layout, outbox};
use domain::{AddressHash, Invitation, MemberId};
use jiff::Timestamp;
use std::collections::HashMap;

/// A membership is new: its link is the only good one, no browser is known, and no code that was
/// asked for before opens anything of it.
pub(crate) fn invited(
    address: &AddressHash,
    invitation: &Invitation,
    now: Timestamp,
    rng: &mut Random,
) -> Write {
    let somebodys = ", invited = :invited, closed_at = :now REMOVE ttl, noticed_at";
    to_be_looked_after(address, somebodys, now, rng).value(":invited", invitation.name())
}

/// A membership is invited anew, by another link.
pub(crate) fn invited_anew(
    address: &AddressHash,
    invitation: &Invitation,
    now: Timestamp,
    rng: &mut Random,
) -> Write {
    let somebodys = ", invited = :invited REMOVE ttl";
    to_be_looked_after(address, somebodys, now, rng).value(":invited", invitation.name())
}

/// The membership is over: its address is nobody's, no link is good, and no browser is known.
/// `otherwise` is what it means that somebody else has the address.
pub(crate) fn released<'a, R>(
    transaction: Transaction<'a, R>,
    member: &MemberId,
    now: Timestamp,
    otherwise: impl FnOnce(Option<Item>) -> Result<R, StoreError> + Send + 'a,
) -> Transaction<'a, R> {
    let address = member.address();
    let free = Write::delete(layout::owner(&address)).when("member_id = :id").value(":id", member);
    let abandoned = forgotten(&address, ", ttl = :ttl REMOVE invited, duty, due_at")
        .value(":ttl", (now + ASKS_KEPT_FOR).as_second());
    transaction.guarded(free, otherwise).with(abandoned)
}

/// No browser is known any more, of a membership that goes on, and no code that was asked for
/// before opens a session.
pub(crate) fn browsers_forgotten(address: &AddressHash, now: Timestamp) -> Write {
    forgotten(address, ", closed_at = :now").value(":now", now.as_millisecond())
}

/// The row stays from now on, but for the requests in it: when they are to go is for `sweep` to
/// look up, soon, unless that is known.
fn to_be_looked_after(
    address: &AddressHash,
    more: &str,
    now: Timestamp,
    rng: &mut Random,
) -> Write {
    let duty = ", duty = if_not_exists(duty, :duty), due_at = if_not_exists(due_at, :now)";
    forgotten(address, &format!("{duty}{more}"))
        .value(":duty", outbox::ASKS.any(rng))
        .value(":now", now.as_millisecond())
}

fn forgotten(address: &AddressHash, more: &str) -> Write {
    let none: HashMap<String, String> = HashMap::new();
    let row = layout::login(address);
    Write::update(row, &format!("SET type = :type, browsers = :none{more} ADD version :one"))
        .value(":type", LOGIN_ROW)
        .value(":none", none)
        .value(":one", 1)
}
