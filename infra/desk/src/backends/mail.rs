//! The inbox: every mail that the functions sent.

use crate::error::StartError;
use crate::journal::Journal;
use crate::state::StateFolder;
use edge::UtcTime;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// `login_code`, `invitation` or `login_notice`, from the message tag `kind`; `other` without
    /// one.
    pub kind: String,
    /// The addresses, comma-separated; the functions send to one.
    pub to: String,
    pub from: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// When, by the desk's clock.
    pub at: UtcTime,
    /// The code of a login mail.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
}

impl Mail {
    /// The code stands on a line of its own in the text, six digits, which is how people find it
    /// too.
    pub(super) fn find_code(text: &str) -> Option<String> {
        text.lines()
            .map(str::trim)
            .find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()))
            .map(str::to_owned)
    }
}

/// The mails that were sent; clones share them.
#[derive(Clone, Debug)]
pub struct Inbox(Arc<Journal<Mail>>);

impl Inbox {
    pub(crate) fn open(folder: &StateFolder) -> Result<Self, StartError> {
        Journal::open(folder, "mails.jsonl").map(|journal| Self(Arc::new(journal)))
    }

    pub(super) fn push(&self, mail: Mail) -> std::io::Result<()> {
        self.0.push(mail)
    }

    /// Newest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.0.newest_first()
    }

    /// The newest login code that was sent to this address.
    pub fn code_for(&self, to: &str) -> Option<String> {
        self.mails().into_iter().find(|mail| mail.to == to && mail.code.is_some())?.code
    }

    /// Forgets all mails.
    pub fn clear(&self) -> std::io::Result<()> {
        self.0.clear()
    }
}
