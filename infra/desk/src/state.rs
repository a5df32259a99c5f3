//! What the desk keeps between runs, and where.

use crate::error::StartError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Whether the desk keeps anything.
#[derive(Clone, Debug, Default)]
pub enum State {
    /// Everything is gone when the desk ends.
    #[default]
    Ephemeral,
    /// Everything is in this folder.
    Kept(PathBuf),
}

/// The open state folder, or nothing where nothing is kept.
#[derive(Clone, Debug)]
pub(crate) struct StateFolder(Option<Arc<LockedFolder>>);

#[derive(Debug)]
struct LockedFolder {
    path: PathBuf,
    /// Locked as long as the desk runs, so that a second one does not write to the same files.
    _lock: File,
}

impl StateFolder {
    pub(crate) fn open(state: &State) -> Result<Self, StartError> {
        let State::Kept(path) = state else { return Ok(Self(None)) };
        let broken = |source| StartError::State { path: path.clone(), source };
        std::fs::create_dir_all(path).map_err(broken)?;
        let lock = private_file(&path.join("lock")).map_err(broken)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self(Some(Arc::new(LockedFolder { path: path.clone(), _lock: lock })))),
            Err(TryLockError::WouldBlock) => Err(StartError::StateInUse(path.clone())),
            Err(TryLockError::Error(source)) => Err(broken(source)),
        }
    }

    /// The path of a file in the folder, where there is one.
    pub(crate) fn path(&self, file: &str) -> Option<PathBuf> {
        self.0.as_ref().map(|folder| folder.path.join(file))
    }

    /// What was saved in this file.
    pub(crate) fn load<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, StartError> {
        let Some(path) = self.path(file) else { return Ok(None) };
        let Some(text) = read(&path)? else { return Ok(None) };
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(StartError::StateDamaged { file: path, detail: error.to_string() }),
        }
    }

    /// Replaces the file in one step, so that a desk which is killed leaves the old one or the new
    /// one.
    pub(crate) fn save<T: Serialize>(&self, file: &str, value: &T) -> std::io::Result<()> {
        let Some(path) = self.path(file) else { return Ok(()) };
        let new = path.with_extension("new");
        let mut writer = private_file(&new)?;
        writer.set_len(0)?;
        writer.write_all(&serde_json::to_vec_pretty(value)?)?;
        std::fs::rename(new, path)
    }
}

/// The file's text; `None` when it does not exist.
pub(crate) fn read(path: &Path) -> Result<Option<String>, StartError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            Err(StartError::StateDamaged { file: path.to_owned(), detail: error.to_string() })
        }
        Err(source) => Err(StartError::State { path: path.to_owned(), source }),
    }
}

/// A file that only its owner may read: the folder holds codes and secrets, if only those of a
/// desk.
pub(crate) fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
