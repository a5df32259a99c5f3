//! An address's row, as far as memberships concern it: the browsers that are known, and the
//! invitation whose link is good.
//!
//! Every transaction that begins, renews or ends a membership has one of these writes in it, so
//! that no browser and no link outlives what it was for. What else the row holds is left alone.

use crate::layout;
use crate::rows::LOGIN_ROW;
use crate::write::Write;
use domain::{AddressHash, Invitation};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// How long a row is kept that has nothing in it but what somebody asked for within a day.
pub(crate) const ASKS_KEPT_FOR: SignedDuration = SignedDuration::from_hours(25);

/// A membership is new: its link is the only good one, no browser is known, and no code that was
/// asked for before opens anything of it.
pub(crate) fn invited(address: &AddressHash, invitation: &Invitation, now: Timestamp) -> Write {
    forgotten(address, ", invited = :invited, closed_at = :now REMOVE ttl, noticed_at")
        .value(":invited", link(invitation))
        .value(":now", now.as_millisecond())
}

/// A membership is invited anew, by another link.
pub(crate) fn invited_anew(address: &AddressHash, invitation: &Invitation) -> Write {
    forgotten(address, ", invited = :invited REMOVE ttl").value(":invited", link(invitation))
}

fn link(invitation: &Invitation) -> String {
    format!("{}.{}", invitation.member, invitation.number)
}

/// The membership is over: no link is good, and no browser is known.
pub(crate) fn abandoned(address: &AddressHash, now: Timestamp) -> Write {
    forgotten(address, ", ttl = :ttl REMOVE invited")
        .value(":ttl", (now + ASKS_KEPT_FOR).as_second())
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
