//! What the desk itself remembers between runs.

use crate::error::StartError;
use crate::state::StateFolder;
use edge::Clock;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const DESK_FILE: &str = "desk.json";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    /// How far the desk's clock was moved ahead. It stays there, so that no row comes to lie in the
    /// future.
    clock_ahead_millis: u64,
    first_account_registered: bool,
}

/// The desk_file; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct DeskFile {
    content: Arc<Mutex<Content>>,
    folder: StateFolder,
}

impl DeskFile {
    pub(crate) fn open(folder: &StateFolder) -> Result<Self, StartError> {
        let content = folder.load(DESK_FILE)?.unwrap_or_default();
        Ok(Self { content: Arc::new(Mutex::new(content)), folder: folder.clone() })
    }

    /// The desk's clock, as far ahead as it was.
    pub(crate) fn clock(&self) -> Clock {
        let clock = Clock::system();
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        clock.advance(Duration::from_millis(content.clock_ahead_millis));
        clock
    }

    pub(crate) fn save_clock(&self, clock: &Clock) {
        let ahead = u64::try_from(clock.ahead().as_millis()).unwrap_or_default();
        self.change(|content| content.clock_ahead_millis = ahead);
    }

    pub(crate) fn first_account_registered(&self) -> bool {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).first_account_registered
    }

    pub(crate) fn save_first_account(&self) {
        self.change(|content| content.first_account_registered = true);
    }

    fn change(&self, change: impl FnOnce(&mut Content)) {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut content);
        if let Err(error) = self.folder.save(DESK_FILE, &*content) {
            tracing::warn!(%error, "{DESK_FILE} is not kept");
        }
    }
}
