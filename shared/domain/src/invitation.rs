//! The link of an invitation: a personal way in, which nobody can guess.
//!
//! It opens nothing. A request for a code that names it draws on an allowance of its own, and
//! whoever has it may decline the invitation. It is derived, never stored, and is good for one
//! invitation of one membership: the next one's has another number.

use crate::keyring::{Keyring, Purpose, UnknownVersion};
use crate::secret::Secret;
use crate::{AccountId, MemberId};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq;

/// How long an invitation is open; a resend begins it anew.
pub const INVITATION_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How often an account may invite one address in a day, whatever is revoked in between.
pub const INVITATIONS_OF_ADDRESS: u32 = 3;
/// How often it may send the invitation of one address again in a day.
pub const RESENDS_OF_ADDRESS: u32 = 3;
/// How often in a day it is told that an address is registered.
pub const ADDRESSES_NAMED: u32 = 10;
/// How many of all these it may make in a day, if it may not have more members than that.
pub const INVITATIONS_OF_DAY: u32 = 20;
/// How many mails in a day invite one address, whoever has them sent.
pub const MAILS_TO_ADDRESS: u32 = 6;

const DAY_MILLIS: i64 = 24 * 3_600_000;

/// The day, in UTC, that counts an invitation.
pub fn day_of(now: Timestamp) -> String {
    now.strftime("%Y-%m-%d").to_string()
}

/// How long that day still takes.
pub fn rest_of_day(now: Timestamp) -> SignedDuration {
    SignedDuration::from_millis(DAY_MILLIS - now.as_millisecond().rem_euclid(DAY_MILLIS))
}

/// One invitation of a membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub account: AccountId,
    pub member: MemberId,
    /// The first is 1; each resend has the next.
    pub number: u32,
}

impl Invitation {
    /// What its link carries: `inv_<keyring version>.<account>.<member>.<number>.<MAC>`.
    pub fn token(&self, ring: &Keyring) -> Secret {
        let version = ring.current();
        let mac = self.mac(ring, version).expect("a keyring has its current version");
        Secret::new(format!(
            "inv_{version}.{}.{}.{}.{mac}",
            self.account.body(),
            self.member.body(),
            self.number
        ))
    }

    /// The invitation that a token stands for, if it is one of ours. Whether it is still good is in
    /// the table.
    pub fn verify(token: &str, ring: &Keyring) -> Option<Self> {
        let mut parts = token.strip_prefix("inv_")?.split('.');
        let (version, account, member, number, mac) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let invitation = Self {
            account: AccountId::from_body(account)?,
            member: MemberId::from_body(member)?,
            number: number.parse().ok()?,
        };
        let right = invitation.mac(ring, version).ok()?;
        let ours: bool = right.as_bytes().ct_eq(mac.as_bytes()).into();
        let one_spelling = number == invitation.number.to_string() && parts.next().is_none();
        (ours && one_spelling).then_some(invitation)
    }

    /// What it is called in the row of its address: `<member>.<number>`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.member, self.number)
    }

    fn mac(&self, ring: &Keyring, version: &str) -> Result<String, UnknownVersion> {
        let message = format!("{}.{}.{}", self.account, self.member, self.number);
        let mac = ring.authenticate(version, Purpose::Invitation, message.as_bytes())?;
        Ok(URL_SAFE_NO_PAD.encode(mac))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EmailAddress;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn a_day_is_one_of_utc_and_its_rest_ends_with_it() {
        for (now, day, rest) in [
            ("2026-11-25T00:00:00Z", "2026-11-25", 86_400_000),
            ("2026-11-25T23:59:59.999Z", "2026-11-25", 1),
            ("2026-11-26T01:30:00+02:00", "2026-11-25", 1_800_000),
        ] {
            let now: Timestamp = now.parse().unwrap();
            assert_eq!((&*day_of(now), rest_of_day(now).as_millis()), (day, rest));
        }
    }

    #[test]
    fn an_invitation_is_open_for_seven_days() {
        assert_eq!(INVITATION_LIFETIME, SignedDuration::from_secs(604_800));
    }

    #[test]
    fn a_token_stands_for_its_own_invitation_and_under_its_own_keyring_only() {
        let mut rng = StdRng::seed_from_u64(3);
        let ring = Keyring::parse(&Keyring::generate(&mut rng)).unwrap();
        let address = "ada@example.com".parse::<EmailAddress>().unwrap().hash();
        let invitation = Invitation {
            account: AccountId::random(&mut rng),
            member: MemberId::random(&address, &mut rng),
            number: 2,
        };
        let token = invitation.token(&ring).expose().to_owned();
        assert_eq!(invitation.name(), format!("{}.2", invitation.member));
        assert_eq!(Invitation::verify(&token, &ring), Some(invitation));
        let other = Keyring::parse(&Keyring::generate(&mut rng)).unwrap();
        assert_eq!(Invitation::verify(&token, &other), None);
        for wrong in ["", "inv_", "inv_1....", "inv_1.a.b.1.c", &token[1..], &format!("{token}.")] {
            assert_eq!(Invitation::verify(wrong, &ring), None, "{wrong}");
        }
        for wrong in [token.replacen(".2.", ".3.", 1), token.replacen(".2.", ".02.", 1)] {
            assert_ne!(wrong, token);
            assert_eq!(Invitation::verify(&wrong, &ring), None, "{wrong}");
        }
    }
}
