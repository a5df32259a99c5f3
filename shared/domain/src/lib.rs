//! The decisions of Frontdesk, and the words they are made in.
//!
//! Everything here is pure: facts, a request, the time and randomness go in; a decision or a
//! refusal comes out. No clock, no environment, no network. What a value may be is settled where it
//! is parsed, so that the layers above never meet an invalid one.
//!
//! To add a decision: put it beside the type that it is about, take `now` and `rng` as arguments,
//! and return a closed enum for what can be refused.

pub mod account;
pub mod base62;
pub mod email;
pub mod id;
pub mod invitation;
pub mod kept;
pub mod key;
pub mod keyring;
pub mod label;
pub mod limits;
pub mod login;
pub mod member;
pub mod meter;
mod name;
pub mod sandbox;
pub mod secret;
pub mod session;
pub mod trail;

pub use account::{Account, AccountName, OperatorName};
pub use email::{AddressHash, EmailAddress};
pub use id::{AccountId, AuditId, EventId, KeyId, KeyKind, MemberId, SessionId};
pub use invitation::Invitation;
pub use key::{ApiKey, KeyDigest, KeyName, PlainKey};
pub use keyring::{Keyring, Sealed};
pub use label::SessionLabel;
pub use limits::{Limits, Month, Plan, Rate};
pub use member::{MailProblem, Member, MemberStatus, Recipient, Role};
pub use name::InvalidName;
pub use sandbox::{Reason, Sandbox, SandboxState, Verdict};
pub use secret::Secret;
pub use session::{Session, SessionDigest, SessionToken};
