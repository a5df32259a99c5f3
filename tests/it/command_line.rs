//! `cargo desk` as people type it: what it refuses, and what it says first.

use crate::folder::Folder;
use crate::process::{Running, desk};
use crate::support::{ADMIN, client};
use serde_json::{Value, json};
use std::process::Output;
use std::time::Duration;

/// Runs `cargo desk` with arguments that it cannot start with.
fn refused(arguments: &[&str]) -> Output {
    let output = desk().args(arguments).output();
    output.expect("the desk is built: cargo build --package frontdesk-desk --example desk")
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

/// As `cargo desk 2>&1 | head -1` leaves it.
#[tokio::test(flavor = "multi_thread")]
async fn a_desk_goes_on_working_when_nobody_reads_what_it_says() {
    /// It ends a test that fails, and decides no other.
    const PATIENCE: Duration = Duration::from_secs(60);
    let desk = Running::start(&["--ephemeral"]);
    let url = &desk.url;
    let client = client();
    let post = async |path: &str, body: Value| {
        let answer = client.post(format!("{url}{path}")).json(&body).send().await;
        assert!(answer.expect("an answer").status().is_success(), "{path}");
    };
    let get = async |path: &str| -> Value {
        let answer = client.get(format!("{url}{path}")).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    };
    let ask_for_code =
        async || post("/api/login/code", json!({ "email": ADMIN, "accept_terms": true })).await;
    let was_refused = async || {
        let permissions = get("/_local/permissions").await;
        let granted = permissions["granted"].as_array().expect("a list").iter();
        granted.clone().any(|grant| {
            grant["function"] == "deliver-mail"
                && grant["action"].as_str().expect("a text").starts_with("ses:")
                && grant["times"] != 0
        })
    };
    // There is something to warn of.
    let worked = async {
        post("/_local/mail-service", json!({ "mode": "rejecting" })).await;
        ask_for_code().await;
        while !was_refused().await {}
        post("/_local/mail-service", json!({ "mode": "up" })).await;
        ask_for_code().await;
        while get("/_local/mail").await == json!([]) {}
    };
    tokio::time::timeout(PATIENCE, worked).await.expect("the code is mailed");
}
