//! The README's walk and the journey of `docs/local.md` are run as they are written.

use crate::support::World;
use std::process::Command;

/// All shell blocks of one section, joined.
fn shell_of(document: &str, section: &str) -> String {
    let document = std::fs::read_to_string(desk::workspace_root().join(document))
        .expect("the document is there");
    let text = document
        .split("\n## ")
        .find(|part| part.starts_with(section))
        .expect("the section is there")
        .to_owned();
    let blocks =
        text.split("```sh\n").skip(1).map(|block| block.split("```").next().expect("a block ends"));
    blocks.collect::<Vec<_>>().join("\n")
}

/// Pastes a section into a shell, on a desk of its own; what it says has these texts in this order.
async fn paste(document: &str, section: &str, in_order: &[&str]) {
    let world = World::new().await;
    let script = shell_of(document, section).replace("http://localhost:9000", &world.desk.url());
    let run = tokio::task::spawn_blocking(move || {
        Command::new("bash").args(["-euo", "pipefail", "-c", &script]).output()
    });
    let run = run.await.expect("the script is run").expect("bash is there");
    let (output, errors) =
        (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && errors.is_empty(), "{output}\n{errors}");
    let said =
        |text: &str| output.find(text).unwrap_or_else(|| panic!("{text} is missing in:\n{output}"));
    assert!(in_order.iter().map(|text| said(text)).is_sorted(), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journey_of_docs_local_md_can_be_pasted_as_it_stands() {
    let in_order = [
        "\"email\":\"admin@example.com\"",
        "\"state\":\"ready\"",
        "\"configurations\"",
        "\"code\":403",
        "\"email\":\"colleague@example.com\"",
        "admin_required",
        "session_ended",
    ];
    paste("docs/local.md", "The journey, with curl", &in_order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_docs_local_md_can_be_pasted_as_they_stand() {
    let in_order = [
        "\"limits\":{\"burst\":null,\"per_minute\":null,\"per_month\":2}",
        "\"configurations\"",
        "\"code\":429",
        "ratelimit-policy: \"month\";q=2;w=",
        "\"calls\":2,\"per_month\":2",
        "usage_warning",
        "}200\n",
    ];
    paste("docs/local.md", "Limits of calls, with curl", &in_order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_of_the_readme_can_be_pasted_as_it_stands() {
    paste("README.md", "A key, with curl", &["\"configurations\"", "204\n", "\"code\":403"]).await;
}
