//! An address's row, as far as memberships concern it: the browsers that are known, and the
//! invitation whose link is good.
//!
//! Every transaction that begins, renews or ends a membership has one of these writes in it, so
//! that no browser and no link outlives what it was for. What else the row holds is left alone.

use crate::rows::{Item, LOGIN_ROW};
use crate::write::{Transaction, Write};
use crate::{StoreError, layout};
use domain::{AddressHash, Invitation, MemberId};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// How long a row is kept that has nothing in it but what somebody asked for within a day.
pub(crate) const ASKS_KEPT_FOR: SignedDuration = SignedDuration::from_hours(25);

/// A membership is new: its link is the only good one, no browser is known, and no code that was
/// asked for before opens anything of it.
pub(crate) fn invited(address: &AddressHash, invitation: &Invitation, now: Timestamp) -> Write {
    forgotten(address, ", invited = :invited, closed_at = :now REMOVE ttl, noticed_at")
        .value(":invited", invitation.name())
        .value(":now", now.as_millisecond())
}

/// A membership is invited anew, by another link.
pub(crate) fn invited_anew(address: &AddressHash, invitation: &Invitation) -> Write {
    forgotten(address, ", invited = :invited REMOVE ttl").value(":invited", invitation.name())
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
    let abandoned = forgotten(&address, ", ttl = :ttl REMOVE invited")
        .value(":ttl", (now + ASKS_KEPT_FOR).as_second());
    transaction.guarded(free, otherwise).with(abandoned)
}

/// No browser is known any more, of a membership that goes on, and no code that was asked for
/// before opens a session.
pub(crate) fn browsers_forgotten(address: &AddressHash, now: Timestamp) -> Write {
    forgotten(address, ", closed_at = :now").value(":now", now.as_millisecond())
}

fn forgotten(address: &AddressHash, more: &str) -> Write {
    let none: HashMap<String, String> = HashMap::new();
    let row = layout::login(address);
    Write::update(row, &format!("SET type = :type, browsers = :none{more} ADD version :one"))
        .value(":type", LOGIN_ROW)
        .value(":none", none)
        .value(":one", 1)
}
