//! A test that needs a process of its own: with other limits, rights or variables than this one's.

use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDER: &str = "FRONTDESK_TEST_FOLDER";

/// The folder that the parent names, where this process is the child of a test.
pub fn folder() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "how a test's child knows that it is one")]
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Runs this test again, in a child that these lines of bash prepare. What fails there fails here.
pub fn run(test: &str, folder: &Path, prepare: &str) {
    let this = std::env::current_exe().expect("a test that runs");
    let child = Command::new("bash")
        .args(["-euc", &format!("{prepare}\nexec \"$@\""), "bash"])
        .arg(this)
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder)
        .output()
        .expect("bash is there");
    let (output, errors) =
        (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success() && output.contains("1 passed"), "{output}\n{errors}");
}
