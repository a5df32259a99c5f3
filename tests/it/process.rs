//! `cargo desk` as a process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The program, as it was built last: `cargo build --package frontdesk-desk --example desk`.
pub fn desk() -> Command {
    let this = std::env::current_exe().expect("a test that runs");
    let profile = this.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let desk = profile.join("examples").join(format!("desk{}", std::env::consts::EXE_SUFFIX));
    Command::new(desk)
}

/// A desk that runs, until the test ends.
pub struct Running {
    pub process: Child,
    pub url: String,
}

impl Running {
    /// One with these arguments, on a port of its own, once everything answers.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = desk();
        command.args(["--port", "0", "--no-console-build"]).args(arguments);
        let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut running = Self { process: process.expect("the desk is built"), url: String::new() };
        let output = running.process.stdout.take().expect("its output");
        // Nobody reads what it says of its work.
        drop(running.process.stderr.take());
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("its first line");
        running.url = line.trim().strip_prefix("Frontdesk is at ").expect(&line).to_owned();
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended by itself is what the test tells of.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
