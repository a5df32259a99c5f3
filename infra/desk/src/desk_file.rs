//! What the desk itself remembers between runs.

use crate::backends::database::DATABASE_FILE;
use crate::error::StartError;
use crate::pump::CHECKPOINTS_FILE;
use crate::state::StateFolder;
use edge::Clock;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const DESK_FILE: &str = "desk.json";

/// What a start makes before there is the first account, and what belongs to it.
const UNFINISHED: [&str; 4] = [DATABASE_FILE, "desk.db-wal", "desk.db-shm", CHECKPOINTS_FILE];

/// The form of everything in the folder. It rises with each change that an older desk could not
/// read, or that makes what an older one has kept unreadable: other rows, files or fields.
const FORMAT: u64 = 3;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Content {
    format: u64,
    /// How far the desk's clock was moved ahead. It stays there, so that no row comes to lie in the
    /// future.
    clock_ahead_millis: u64,
    first_account_registered: bool,
}

/// The file; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct DeskFile {
    content: Arc<Mutex<Content>>,
    folder: StateFolder,
}

impl DeskFile {
    pub(crate) fn open(folder: &StateFolder) -> Result<Self, StartError> {
        /// What every version can read.
        #[derive(Deserialize)]
        struct Format {
            #[serde(default)]
            format: u64,
        }
        match folder.load::<Format>(DESK_FILE)?.map(|content| content.format.cmp(&FORMAT)) {
            None => folder.expect_none(DATABASE_FILE, DESK_FILE)?,
            Some(Ordering::Equal) => {}
            Some(other) => return Err(folder.of_another_version(other == Ordering::Greater)),
        }
        let content = folder.load(DESK_FILE)?.unwrap_or(Content {
            format: FORMAT,
            clock_ahead_millis: 0,
            first_account_registered: false,
        });
        if !content.first_account_registered {
            // Nothing was ever done with what an earlier start may have left half made.
            folder.remove(&UNFINISHED)?;
        }
        folder.save(DESK_FILE, &content)?;
        Ok(Self { content: Arc::new(Mutex::new(content)), folder: folder.clone() })
    }

    /// The desk's clock, as far ahead as it was.
    pub(crate) fn clock(&self) -> Clock {
        let clock = Clock::system();
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        clock.advance(Duration::from_millis(content.clock_ahead_millis));
        clock
    }

    /// Moves the clock forward; where that cannot be kept, it stays as it is.
    pub(crate) fn advance(&self, clock: &Clock, by: Duration) -> Result<(), StartError> {
        self.change(
            |content| {
                let ahead = clock.ahead().saturating_add(by.try_into().unwrap_or_default());
                content.clock_ahead_millis = u64::try_from(ahead.as_millis()).unwrap_or_default();
            },
            || clock.advance(by),
        )
    }

    pub(crate) fn first_account_registered(&self) -> bool {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).first_account_registered
    }

    pub(crate) fn save_first_account(&self) -> Result<(), StartError> {
        self.change(|content| content.first_account_registered = true, || {})
    }

    /// Keeps a change, and only then makes it.
    fn change(
        &self,
        change: impl FnOnce(&mut Content),
        then: impl FnOnce(),
    ) -> Result<(), StartError> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = content.clone();
        change(&mut changed);
        self.folder.save(DESK_FILE, &changed)?;
        *content = changed;
        then();
        Ok(())
    }
}
