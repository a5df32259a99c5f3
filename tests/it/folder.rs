//! A folder of a test's own.

use desk::{Desk, Options, State};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Runtime;

/// A desk that keeps its state in this folder.
pub fn kept(folder: &Path) -> Options {
    Options { state: State::Kept(folder.to_owned()), ..Options::default() }
}

/// A folder that is gone with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("desk-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// A folder that a desk has kept. With the desk's runtime everything of it is gone, down to the
    /// connection that closes the database.
    pub fn used() -> Self {
        let folder = Self::new();
        let options = folder.kept();
        let desk = std::thread::spawn(|| {
            Runtime::new().expect("a runtime").block_on(async {
                Desk::start(options).await.expect("the desk starts").shutdown().await;
            });
        });
        desk.join().expect("a desk that was there");
        folder
    }

    /// A desk that keeps its state here.
    pub fn kept(&self) -> Options {
        kept(&self.0)
    }

    /// Another folder with the same files.
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        for entry in std::fs::read_dir(&self.0).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name");
            std::fs::copy(&path, copy.0.join(name)).expect("copied");
        }
        copy
    }

    pub fn write(&self, file: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(file);
        std::fs::write(&path, text).expect("written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
