//! A list of the newest: the mails, and the records that were given up.

use crate::error::StartError;
use crate::state::{self, StateFolder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many entries are shown. Up to twice as many are there, so that the oldest go in one step.
const MOST: usize = 1000;

/// The newest entries, in memory and, where state is kept, as lines of JSON in a file.
#[derive(Debug)]
pub(crate) struct Journal<T> {
    inner: Mutex<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    entries: Vec<T>,
    file: Option<Lines>,
}

impl<T: Clone + Serialize + DeserializeOwned> Journal<T> {
    pub(crate) fn open(folder: &StateFolder, name: &str) -> Result<Self, StartError> {
        let mut inner = Inner { entries: Vec::new(), file: None };
        if let Some(path) = folder.path(name) {
            let content = state::read(&path)?.unwrap_or_default();
            let (entries, length) = parse(&path, &content)?;
            inner.entries = entries;
            let unusable = |source| StartError::State { path: path.clone(), source };
            inner.file = Some(Lines::open(&path, length).map_err(unusable)?);
            inner.forget_the_oldest().map_err(unusable)?;
        }
        Ok(Self { inner: Mutex::new(inner) })
    }

    /// Takes an entry in; one that cannot be kept is not taken.
    pub(crate) fn push(&self, entry: T) -> std::io::Result<()> {
        let mut inner = self.lock();
        if let Some(file) = &mut inner.file {
            file.append(&serde_json::to_string(&entry)?)?;
        }
        inner.entries.push(entry);
        if let Err(error) = inner.forget_the_oldest() {
            tracing::warn!(%error, "the oldest entries are kept");
        }
        Ok(())
    }

    pub(crate) fn newest_first(&self) -> Vec<T> {
        self.lock().entries.iter().rev().take(MOST).cloned().collect()
    }

    pub(crate) fn clear(&self) -> std::io::Result<()> {
        let mut inner = self.lock();
        if let Some(file) = &mut inner.file {
            file.cut(0)?;
        }
        inner.entries.clear();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Serialize> Inner<T> {
    fn forget_the_oldest(&mut self) -> std::io::Result<()> {
        if self.entries.len() < 2 * MOST {
            return Ok(());
        }
        let oldest = self.entries.len() - MOST;
        if let Some(file) = &mut self.file {
            let lines: Result<Vec<String>, _> =
                self.entries[oldest..].iter().map(serde_json::to_string).collect();
            file.replace(&lines?)?;
        }
        self.entries.drain(..oldest);
        Ok(())
    }
}

/// The entries of a file, and how long it is without a last line that was never finished: such a
/// line is what a desk leaves behind that is killed while it writes. Anything else that cannot be
/// read is damage.
fn parse<T: DeserializeOwned>(path: &Path, content: &[u8]) -> Result<(Vec<T>, u64), StartError> {
    let mut entries = Vec::new();
    let mut length = 0;
    for (index, line) in content.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            let file = path.display();
            tracing::warn!(%file, "the last line was never finished, and is dropped");
            break;
        }
        let entry = serde_json::from_slice(line).map_err(|error| StartError::StateDamaged {
            file: path.to_owned(),
            detail: format!("its line {} cannot be read: {error}", index + 1),
        })?;
        entries.push(entry);
        length += line.len() as u64;
    }
    Ok((entries, length))
}

/// A file of whole lines.
#[derive(Debug)]
struct Lines {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Lines {
    /// The file, cut to this length.
    fn open(path: &Path, length: u64) -> std::io::Result<Self> {
        let mut lines = Self { path: path.to_owned(), file: state::private_file(path)?, length };
        lines.cut(length)?;
        Ok(lines)
    }

    /// Appends the whole line or, where there is no room for it, nothing.
    fn append(&mut self, line: &str) -> std::io::Result<()> {
        let line = format!("{line}\n");
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            self.cut(self.length)?;
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Takes other lines for those that are there, in one step.
    fn replace(&mut self, lines: &[String]) -> std::io::Result<()> {
        let new = self.path.with_extension("new");
        let mut replacement = Self::open(&new, 0)?;
        replacement.append(&lines.join("\n"))?;
        std::fs::rename(&new, &self.path)?;
        (self.file, self.length) = (replacement.file, replacement.length);
        Ok(())
    }

    fn cut(&mut self, length: u64) -> std::io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length))?;
        self.length = length;
        Ok(())
    }
}
