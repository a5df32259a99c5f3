//! The README's journey is run as it is written.

use crate::support::World;
use std::process::Command;

/// All shell blocks of one section, joined.
fn shell_of(section: &str) -> String {
    let readme = std::fs::read_to_string(desk::workspace_root().join("README.md"))
        .expect("there is a README");
    let text = readme
        .split("\n## ")
        .find(|part| part.starts_with(section))
        .expect("the section is there")
        .to_owned();
    let blocks =
        text.split("```sh\n").skip(1).map(|block| block.split("```").next().expect("a block ends"));
    blocks.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journey_of_the_readme_can_be_pasted_as_it_stands() {
    let world = World::new().await;
    let script =
        shell_of("The journey, with curl").replace("http://localhost:9000", &world.desk.url());
    let run = tokio::task::spawn_blocking(move || {
        Command::new("bash").args(["-euo", "pipefail", "-c", &script]).output()
    });
    let run = run.await.expect("the script is run").expect("bash is there");
    let (output, errors) =
        (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && errors.is_empty(), "{output}\n{errors}");
    let said =
        |text: &str| output.find(text).unwrap_or_else(|| panic!("{text} is missing in:\n{output}"));
    let in_order = [
        said("\"email\":\"admin@example.com\""),
        said("\"state\":\"ready\""),
        said("\"configurations\""),
        said("\"code\":403"),
        said("\"email\":\"colleague@example.com\""),
        said("admin_required"),
        said("session_ended"),
    ];
    assert!(in_order.is_sorted(), "{output}");
}
