//! A list that only grows until it is emptied: the mails, and the records that were given up.

use crate::error::StartError;
use crate::state::{self, StateFolder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Entries in memory and, where state is kept, as lines of JSON in a file.
#[derive(Debug)]
pub(crate) struct Journal<T> {
    inner: Mutex<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    entries: Vec<T>,
    file: Option<File>,
}

impl<T: Clone + Serialize + DeserializeOwned> Journal<T> {
    pub(crate) fn open(folder: &StateFolder, name: &str) -> Result<Self, StartError> {
        let mut inner = Inner { entries: Vec::new(), file: None };
        if let Some(path) = folder.path(name) {
            for line in state::read(&path)?.unwrap_or_default().lines() {
                let entry = serde_json::from_str(line).map_err(|error| {
                    StartError::StateDamaged { file: path.clone(), detail: error.to_string() }
                })?;
                inner.entries.push(entry);
            }
            let mut file = state::private_file(&path)
                .map_err(|source| StartError::State { path: path.clone(), source })?;
            file.seek(SeekFrom::End(0)).map_err(|source| StartError::State { path, source })?;
            inner.file = Some(file);
        }
        Ok(Self { inner: Mutex::new(inner) })
    }

    pub(crate) fn push(&self, entry: T) {
        let mut inner = self.lock();
        if let Some(file) = &mut inner.file {
            let line = serde_json::to_string(&entry).expect("entries are plain data");
            if let Err(error) = writeln!(file, "{line}") {
                tracing::warn!(%error, "an entry is not kept beyond this run");
            }
        }
        inner.entries.push(entry);
    }

    pub(crate) fn newest_first(&self) -> Vec<T> {
        self.lock().entries.iter().rev().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        let mut inner = self.lock();
        inner.entries.clear();
        if let Some(file) = &mut inner.file
            && let Err(error) = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0)))
        {
            tracing::warn!(%error, "the entries will be back at the next start");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
