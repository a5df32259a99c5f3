//! The console is built when its sources ask for it, and what is in the way of that keeps no desk
//! from starting.
//!
//! `node` and `npm` are scripts here, which note how they were called: what npm really does is
//! npm's business.
#![cfg(unix)]

use desk::console::{Build, Console, NotBuilt};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;

/// A console in a folder of its own, with tools that do as if.
struct Sources {
    root: PathBuf,
    console: Console,
    told: Mutex<Vec<String>>,
}

const LOCK: &str = r#"{"packages":{"":{},"node_modules/a":{"version":"1.0.0","integrity":"x"},"node_modules/b":{"version":"1.0.0","integrity":"y","optional":true}}}"#;
const INSTALLED: &str = r#"{"packages":{"node_modules/a":{"version":"1.0.0","integrity":"x"}}}"#;
const NPM: &str = r#"echo "$@" >> ../calls
case "$1" in
ci) mkdir -p node_modules && cp ../installed node_modules/.package-lock.json ;;
run) mkdir -p dist && echo page > dist/index.html && echo generated > src/api/schema.d.ts ;;
esac"#;

impl Sources {
    fn new(name: &str) -> Self {
        let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("console_build").join(name);
        if root.exists() {
            std::fs::remove_dir_all(&root).expect("an empty folder");
        }
        std::fs::create_dir_all(root.join("web/src/api")).expect("a folder");
        let console = Console {
            web: root.join("web"),
            contract: root.join("openapi.yaml"),
            node: root.join("node"),
            npm: root.join("npm"),
        };
        let sources = Self { root, console, told: Mutex::default() };
        sources.write("web/package.json", r#"{"engines":{"node":"^20.19.0 || >=22.12.0"}}"#);
        sources.write("web/package-lock.json", LOCK);
        sources.write("web/src/main.tsx", "one");
        sources.write("openapi.yaml", "openapi: 3.1.1");
        sources.write("installed", INSTALLED);
        sources.tool("node", "echo v20.20.2");
        sources.tool("npm", NPM);
        sources
    }

    fn write(&self, path: &str, content: &str) {
        std::fs::write(self.root.join(path), content).expect("a file");
    }

    fn tool(&self, name: &str, script: &str) {
        // Written under another name: what is open for writing cannot be run.
        let path = self.root.join(format!("{name}.new"));
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        std::fs::rename(path, self.root.join(name)).expect("a name");
    }

    async fn build(&self) -> Result<Build, NotBuilt> {
        self.console
            .build(|step| self.told.lock().expect("one at a time").push(step.to_owned()))
            .await
    }

    /// How npm was called since this was last asked.
    fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.root.join("calls")).unwrap_or_default();
        self.write("calls", "");
        calls.lines().map(str::to_owned).collect()
    }
}

const CI: &str = "ci --no-audit --no-fund --fetch-retries=1 --fetch-retry-mintimeout=1000 \
                  --fetch-retry-maxtimeout=2000";
const BUILD: &str = "run --silent build";

#[tokio::test]
async fn a_console_is_built_once_for_the_same_sources() {
    let sources = Sources::new("once");
    assert_eq!(sources.console.built(), None);
    assert_eq!(sources.build().await.expect("built"), Build::Made);
    assert_eq!(sources.calls(), [CI, BUILD]);
    assert_eq!(sources.told.lock().expect("one at a time").len(), 2);
    assert_eq!(sources.console.built(), Some(sources.root.join("web/dist")));
    // What the build wrote itself, and what an editor leaves behind, is no change.
    sources.write("web/.main.tsx.swp", "draft");
    assert_eq!(sources.build().await.expect("built"), Build::Current);
    assert_eq!(sources.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_change_of_any_source_builds_the_console_anew() {
    let sources = Sources::new("changes");
    sources.build().await.expect("built");
    sources.calls();
    for (path, content) in [
        ("web/src/main.tsx", "two"),
        ("openapi.yaml", "openapi: 3.1.2"),
        ("web/vite.config.ts", "export {}"),
        ("web/.env", "VITE_A=1"),
        ("web/src/new.ts", ""),
    ] {
        sources.write(path, content);
        assert_eq!(sources.build().await.expect("built"), Build::Made, "{path}");
        assert_eq!(sources.calls(), [BUILD], "{path}");
    }
    std::fs::remove_file(sources.root.join("web/src/new.ts")).expect("removed");
    assert_eq!(sources.build().await.expect("built"), Build::Made);
}

#[tokio::test]
async fn packages_are_installed_when_the_lockfile_asks_for_others() {
    let sources = Sources::new("lockfile");
    sources.build().await.expect("built");
    sources.calls();
    sources.write(
        "web/package-lock.json",
        &LOCK.replace(
            r#""version":"1.0.0","integrity":"x""#,
            r#""version":"1.0.1","integrity":"z""#,
        ),
    );
    sources.write(
        "installed",
        &INSTALLED.replace(
            r#""version":"1.0.0","integrity":"x""#,
            r#""version":"1.0.1","integrity":"z""#,
        ),
    );
    sources.build().await.expect("built");
    assert_eq!(sources.calls(), [CI, BUILD]);
    std::fs::remove_dir_all(sources.root.join("web/node_modules")).expect("removed");
    sources.write("web/src/main.tsx", "two");
    sources.build().await.expect("built");
    assert_eq!(sources.calls(), [CI, BUILD]);
}

#[tokio::test]
async fn a_missing_or_old_node_is_named_with_what_is_needed() {
    let sources = Sources::new("node");
    sources.tool("node", "echo v18.20.4");
    let old = sources.build().await.expect_err("too old").to_string();
    assert!(old.contains("^20.19.0 || >=22.12.0") && old.contains("v18.20.4"), "{old}");
    // What stands in for a Node.js that is chosen by folder, where none is chosen.
    sources.tool("node", "echo 'No version is set' >&2; exit 126");
    let none = sources.build().await.expect_err("none").to_string();
    assert!(none.contains("node --version") && none.contains("No version is set"), "{none}");
    let nowhere = |tool: &str| sources.root.join("nowhere").join(tool);
    let without = Console { node: nowhere("node"), ..sources.console.clone() };
    assert!(matches!(without.build(|_| {}).await, Err(NotBuilt::NoTool { .. })));
    sources.tool("node", "echo v22.12.0");
    let without = Console { npm: nowhere("npm"), ..sources.console.clone() };
    let missing = without.build(|_| {}).await.expect_err("no npm").to_string();
    assert!(
        missing.contains("^20.19.0 || >=22.12.0") && missing.contains("nowhere/npm"),
        "{missing}"
    );
    assert_eq!(sources.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_build_that_fails_shows_its_end_leaves_the_older_one_and_is_tried_again() {
    let sources = Sources::new("fails");
    sources.build().await.expect("built");
    sources.calls();
    sources.write("web/src/main.tsx", "two");
    sources.tool("npm", "for i in $(seq 100); do echo line $i; done; echo the reason >&2; exit 1");
    for _ in 0..2 {
        let failed = sources.build().await.expect_err("fails").to_string();
        assert!(
            failed.contains("npm run --silent build")
                && failed.ends_with("line 99\nline 100\nthe reason"),
            "{failed}"
        );
        assert!(!failed.contains("line 50\n"), "{failed}");
    }
    assert!(sources.console.built().is_some());
    sources.tool("npm", NPM);
    assert_eq!(sources.build().await.expect("built"), Build::Made);
}
