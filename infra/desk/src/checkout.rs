//! Where the desk's own sources are.

use edge::config::Env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The checkout that this desk was started in; the desk is not a program to be installed.
///
/// Cargo tells what it runs where that lies. Where something else runs it, the program lies in the
/// checkout's `target`, or else is where it was built: Cargo does not build it anew when the
/// checkout is moved or copied.
pub fn workspace_root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR"));
        let package = Env::of_process().get("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let program = std::env::current_exe().ok();
        let started_in = package.iter().chain(&program).flat_map(|path| path.ancestors());
        started_in
            .chain(built_in.ancestors())
            .find(|folder| folder.join("infra/desk").is_dir())
            .unwrap_or(built_in)
            .to_owned()
    })
}
