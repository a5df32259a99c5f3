//! The console in a real browser: what `web/tests` guarantees, against desks and Chromium, with
//! nothing mocked.
//!
//! This builds the console as `cargo desk` does, measures it against its budget, and hands over to
//! Node's test runner, whose report is passed through. Which Chromium that is, is decided in
//! `web/tests/chromium.mjs`.

use desk::console::Console;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The desk as `cargo test` builds it, beside the tests: `target/<profile>/examples/desk`.
fn desk_binary() -> PathBuf {
    let this = std::env::current_exe().expect("a test that runs");
    let profile = this.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let binary = profile.join("examples").join(format!("desk{}", std::env::consts::EXE_SUFFIX));
    assert!(
        binary.exists(),
        "There is no desk to test with. Build it: \
         cargo build --package frontdesk-desk --example desk"
    );
    binary
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_keeps_its_guarantees_in_a_browser() {
    let binary = desk_binary();
    let console = Console::of_checkout();
    #[expect(clippy::print_stderr, reason = "where a test tells what takes long")]
    let tell = |step: &str| eprintln!("{step}");
    console
        .install(tell)
        .await
        .unwrap_or_else(|obstacle| panic!("The console is not tested: {obstacle}"));
    console
        .build(tell)
        .await
        .unwrap_or_else(|obstacle| panic!("The console is not built: {obstacle}"));
    let npm = || {
        let mut command = Command::new(&console.npm);
        command.current_dir(&console.web).args(["run", "--silent"]);
        command
    };
    run(npm().arg("size")).await;
    run(npm().arg("e2e").env("DESK_BINARY", binary)).await;
}

/// Runs a command that writes where this test does.
async fn run(command: &mut Command) {
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let status =
        tokio::task::spawn_blocking(move || child.wait()).await.expect("a thread").expect("an end");
    assert!(status.success(), "{command:?} failed ({status}); its output is above");
}
