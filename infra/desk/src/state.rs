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
        let unusable = |path: &Path, source| StartError::State { path: path.to_owned(), source };
        // The engine takes a name that is no absolute path for something else.
        let path = std::path::absolute(path).map_err(|source| unusable(path, source))?;
        if path.to_str().is_none() {
            let problem = "the path is not UTF-8, which the embedded store wants";
            return Err(unusable(&path, std::io::Error::new(ErrorKind::InvalidInput, problem)));
        }
        std::fs::create_dir_all(&path).map_err(|source| unusable(&path, source))?;
        let lock_path = path.join("lock");
        let lock = private_file(&lock_path).map_err(|source| unusable(&lock_path, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self(Some(Arc::new(LockedFolder { path, _lock: lock })))),
            Err(TryLockError::WouldBlock) => Err(StartError::StateInUse(path)),
            Err(TryLockError::Error(source)) => Err(unusable(&lock_path, source)),
        }
    }

    /// The path of a file in the folder, where there is one.
    pub(crate) fn path(&self, file: &str) -> Option<PathBuf> {
        self.0.as_ref().map(|folder| folder.path.join(file))
    }

    /// What was saved in this file.
    pub(crate) fn load<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, StartError> {
        let Some(path) = self.path(file) else { return Ok(None) };
        let Some(content) = read(&path)? else { return Ok(None) };
        match serde_json::from_slice(&content) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(StartError::StateDamaged { file: path, detail: error.to_string() }),
        }
    }

    /// Removes these files, where they are.
    pub(crate) fn remove(&self, files: &[&str]) -> Result<(), StartError> {
        for path in files.iter().filter_map(|file| self.path(file)) {
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != ErrorKind::NotFound => {
                    return Err(StartError::State { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes sure that one file is not there without the other, which is missing.
    pub(crate) fn expect_none(&self, file: &str, missing: &str) -> Result<(), StartError> {
        match (self.path(file), self.path(missing)) {
            (Some(path), Some(missing)) if path.exists() => Err(StartError::StateDamaged {
                file: missing,
                detail: format!("it is missing, and there is {file}"),
            }),
            _ => Ok(()),
        }
    }

    /// That another version of Frontdesk has kept this folder.
    pub(crate) fn of_another_version(&self, is_newer: bool) -> StartError {
        let folder = self.0.as_ref().map(|folder| folder.path.clone()).unwrap_or_default();
        StartError::StateVersion { folder, is_newer }
    }

    /// Replaces the file in one step, so that a desk which is killed leaves the old one or the new
    /// one. Where this fails, nothing is saved.
    pub(crate) fn save<T: Serialize>(&self, file: &str, value: &T) -> Result<(), StartError> {
        let Some(path) = self.path(file) else { return Ok(()) };
        let new = path.with_extension("new");
        let write = || {
            let mut writer = private_file(&new)?;
            writer.set_len(0)?;
            writer.write_all(&serde_json::to_vec_pretty(value)?)?;
            std::fs::rename(&new, &path)
        };
        write().map_err(|source| StartError::State { path: path.clone(), source })
    }
}

/// The file's content; `None` when it does not exist.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, StartError> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
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
