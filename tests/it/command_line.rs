//! `cargo desk` as people type it: what it refuses, and what it says first.

use crate::folder::Folder;
use std::path::Path;
use std::process::{Command, Output};

/// Runs `cargo desk` with arguments that it cannot start with.
fn refused(arguments: &[&str]) -> Output {
    let output = desk().args(arguments).output();
    output.expect("the desk is built: cargo build --package frontdesk-desk --example desk")
}

fn desk() -> Command {
    let this = std::env::current_exe().expect("a test that runs");
    let profile = this.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let desk = profile.join("examples").join(format!("desk{}", std::env::consts::EXE_SUFFIX));
    Command::new(desk)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_argument_that_cannot_be_meant_is_named_with_what_could_be() {
    for (arguments, text) in [
        (["--port", "-1"].as_slice(), "invalid value '-1' for '--port <N>'"),
        (&["--port", "99999"], "not in 0..=65535"),
        (&["--prot", "9000"], "'--port'"),
        (&["--set", "KeyPrefix"], "NAME=VALUE"),
        (&["--backends", "--lambda-url", "localhost:9001"], "http://HOST:PORT"),
        (&["--backends", "--lambda-url", "nowhere"], "http://HOST:PORT"),
        (&["--port", "0"], "has no parameter KeyPrefx; its parameters are"),
    ] {
        // None of them starts, whatever comes of the argument.
        let no_start = ["--ephemeral", "--no-console-build", "--set", "KeyPrefx=fd"];
        let output = refused(&[arguments, &no_start].concat());
        assert!(!output.status.success(), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(text), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_desk_says_which_version_it_is() {
    let output = refused(&["--version"]);
    assert!(output.status.success());
    let version = format!("cargo desk {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&output.stdout), version);
}

#[test]
fn where_state_is_kept_is_said_only_once_it_is() {
    let folder = Folder::new();
    let file = folder.write("a file", "");
    let file = file.to_str().expect("UTF-8");
    let output = refused(&["--no-console-build", "--port", "0", "--state", file]);
    assert!(!output.status.success());
    let said = said(&output);
    assert!(said.starts_with("error: cannot use") && said.lines().count() == 1, "{said}");
}

/// Cargo does not build anew what was built before its checkout was moved or copied.
#[test]
fn a_desk_belongs_to_the_checkout_that_it_is_started_in_and_not_to_the_one_it_was_built_in() {
    let checkout = Folder::new();
    let template = checkout.write("template.yaml", "Resources: [");
    let package = checkout.0.join("infra").join("desk");
    std::fs::create_dir_all(&package).expect("a folder");
    let output = desk()
        .args(["--port", "0", "--ephemeral", "--no-console-build", "--set", "KeyPrefx=fd"])
        .env("CARGO_MANIFEST_DIR", package)
        .output()
        .expect("the desk is built");
    let said = said(&output);
    assert!(said.contains(template.to_str().expect("UTF-8")), "{said}");
}
