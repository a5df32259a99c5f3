//! Where the desk's own sources are.

use std::path::Path;

/// The checkout that this desk was built in; the desk is not a program to be installed.
pub fn workspace_root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest)
}
