//! Building the console: npm makes `web/dist` of `web/`, whenever the sources are not those that
//! were built last.
//!
//! A desk without the console is a desk all the same, so nothing here keeps one from starting: what
//! is in the way is a [`NotBuilt`], to be told to whoever started it.

use crate::checkout::workspace_root;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use semver::{Version, VersionReq};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tokio::process::Command;

/// Written by the build itself, from the contract: no source.
const GENERATED: &str = "src/api/schema.d.ts";
/// What the sources were that `dist` was built from.
const STAMP: &str = "dist/.built";
/// How much of a failed command's output is shown.
const LINES_SHOWN: usize = 30;

/// The console's sources, and what builds them.
#[derive(Clone, Debug)]
pub struct Console {
    /// The folder of the sources.
    pub web: PathBuf,
    /// The OpenAPI document that the types of the API are generated from.
    pub contract: PathBuf,
    /// How Node.js is called.
    pub node: PathBuf,
    /// How npm is called.
    pub npm: PathBuf,
}

/// How the console came to be as new as its sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// It was already.
    Current,
    Made,
}

/// Why the console is not as new as its sources. Each message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum NotBuilt {
    #[error(
        "the console needs Node.js {needed} with npm, and there is no `{missing}` here; install it \
         and try again"
    )]
    NoTool { missing: String, needed: String },
    #[error(
        "the console needs Node.js {needed}, and this is {found}; install a newer one and try again"
    )]
    OldNode { needed: String, found: String },
    #[error("`{command}` failed in {}:\n{end}", folder.display())]
    Failed { command: String, folder: PathBuf, end: String },
    #[error("cannot use {}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
}

impl Console {
    /// The console of this checkout.
    pub fn of_checkout() -> Self {
        let root = workspace_root();
        Self {
            web: root.join("web"),
            contract: root.join("openapi.yaml"),
            node: "node".into(),
            npm: if cfg!(windows) { "npm.cmd" } else { "npm" }.into(),
        }
    }

    /// The folder of the built console, if it was ever built.
    pub fn built(&self) -> Option<PathBuf> {
        let folder = self.web.join("dist");
        folder.join("index.html").is_file().then_some(folder)
    }

    /// Builds the console, unless what is there was built from these sources. `tell` gets a line
    /// for each step that takes a while. When this fails, an older build is still there.
    pub async fn build(&self, tell: impl Fn(&str)) -> Result<Build, NotBuilt> {
        let sources = self.fingerprint()?;
        if self.built().is_some()
            && read(&self.web.join(STAMP)).is_ok_and(|stamp| stamp == sources.as_bytes())
        {
            return Ok(Build::Current);
        }
        let needed = self.install(&tell).await?;
        tell("The console is built (npm run build) ...");
        self.npm(&["run", "--silent", "build"], &needed).await?;
        let stamp = self.web.join(STAMP);
        std::fs::write(&stamp, sources).map_err(|source| NotBuilt::File { path: stamp, source })?;
        Ok(Build::Made)
    }

    /// Makes sure of Node.js and of the packages that the lockfile asks for, and gives the versions
    /// of Node.js that they take.
    pub async fn install(&self, tell: impl Fn(&str)) -> Result<String, NotBuilt> {
        let needed = self.check_node().await?;
        if !self.is_installed() {
            tell("The console's packages are installed (npm ci) ...");
            // Few and short retries: without a network, the desk starts without the console rather
            // than minutes later.
            let patience = [
                "--fetch-retries=1",
                "--fetch-retry-mintimeout=1000",
                "--fetch-retry-maxtimeout=2000",
            ];
            self.npm(&[&["ci", "--no-audit", "--no-fund"][..], &patience[..]].concat(), &needed)
                .await?;
        }
        Ok(needed)
    }

    /// A hash of everything that the build reads: names and contents, in a fixed order.
    fn fingerprint(&self) -> Result<String, NotBuilt> {
        let mut sources = BTreeSet::new();
        for folder in ["src", "public"] {
            files_below(&self.web.join(folder), &mut sources)?;
        }
        // Settings of the build lie beside them; other hidden files are an editor's, or the
        // system's.
        for path in entries(&self.web)? {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if path.is_file()
                && (!name.starts_with('.') || name.starts_with(".env") || name == ".npmrc")
            {
                sources.insert(path);
            }
        }
        sources.remove(&self.web.join(GENERATED));
        sources.insert(self.contract.clone());
        let mut hash = Sha256::new();
        for path in sources {
            let name = path.strip_prefix(&self.web).unwrap_or(&path);
            let content = read(&path)?;
            hash.update(format!("{}\0{}\0", name.display(), content.len()));
            hash.update(content);
        }
        Ok(URL_SAFE_NO_PAD.encode(hash.finalize()))
    }

    /// Checks that there is a Node.js that package.json takes, and gives what it takes.
    async fn check_node(&self) -> Result<String, NotBuilt> {
        let package: Value =
            serde_json::from_slice(&read(&self.web.join("package.json"))?).unwrap_or_default();
        let needed = package["engines"]["node"].as_str().unwrap_or(">=20").to_owned();
        let output = run(Command::new(&self.node).arg("--version"))
            .await
            .map_err(|error| self.no_start(&self.node, &needed, error))?;
        if !output.status.success() {
            let command = format!("{} --version", self.node.display());
            let (folder, end) = (self.web.clone(), end_of(&output));
            return Err(NotBuilt::Failed { command, folder, end });
        }
        let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if takes(&needed, &found) { Ok(needed) } else { Err(NotBuilt::OldNode { needed, found }) }
    }

    /// Whether `node_modules` has what the lockfile asks for: npm keeps a lockfile of what it
    /// installed in there.
    fn is_installed(&self) -> bool {
        let packages = |path: &str| -> Option<Map<String, Value>> {
            let mut lockfile: Value =
                serde_json::from_slice(&read(&self.web.join(path)).ok()?).ok()?;
            serde_json::from_value(lockfile["packages"].take()).ok()
        };
        let (Some(asked), Some(installed)) =
            (packages("package-lock.json"), packages("node_modules/.package-lock.json"))
        else {
            return false;
        };
        let is_there = |(path, package): (&String, &Value)| match installed.get(path) {
            Some(installed) => {
                (&installed["version"], &installed["integrity"])
                    == (&package["version"], &package["integrity"])
            }
            // The package itself; and what is made for another platform.
            None => path.is_empty() || package["optional"] == true,
        };
        asked.iter().all(is_there)
    }

    async fn npm(&self, arguments: &[&str], needed: &str) -> Result<(), NotBuilt> {
        let mut command = Command::new(&self.npm);
        command
            .args(arguments)
            .current_dir(&self.web)
            .env("NO_COLOR", "1")
            .env("npm_config_update_notifier", "false");
        let output =
            run(&mut command).await.map_err(|error| self.no_start(&self.npm, needed, error))?;
        if output.status.success() {
            return Ok(());
        }
        let command = format!("npm {}", arguments.join(" "));
        Err(NotBuilt::Failed { command, folder: self.web.clone(), end: end_of(&output) })
    }

    fn no_start(&self, tool: &Path, needed: &str, error: std::io::Error) -> NotBuilt {
        if error.kind() == ErrorKind::NotFound {
            NotBuilt::NoTool { missing: tool.display().to_string(), needed: needed.to_owned() }
        } else {
            NotBuilt::File { path: tool.to_owned(), source: error }
        }
    }
}

/// Runs a command without a terminal; it ends when nobody waits for it any more.
async fn run(command: &mut Command) -> std::io::Result<Output> {
    command.stdin(Stdio::null()).kill_on_drop(true).output().await
}

fn end_of(output: &Output) -> String {
    let text = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
}

fn read(path: &Path) -> Result<Vec<u8>, NotBuilt> {
    std::fs::read(path).map_err(|source| NotBuilt::File { path: path.to_owned(), source })
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, NotBuilt> {
    let failed = |source| NotBuilt::File { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
}

/// The files below a folder, which may not be there.
fn files_below(folder: &Path, files: &mut BTreeSet<PathBuf>) -> Result<(), NotBuilt> {
    if !folder.is_dir() {
        return Ok(());
    }
    for path in entries(folder)? {
        if path.is_dir() {
            files_below(&path, files)?;
        } else {
            files.insert(path);
        }
    }
    Ok(())
}

/// Whether a range of versions, as package.json has it, takes this one. A range that only npm
/// can read is left to npm to judge.
fn takes(range: &str, version: &str) -> bool {
    let Ok(version) = Version::parse(version.trim_start_matches('v')) else { return false };
    // A preview of a version counts as that version; in ranges it would count as none.
    let version = Version::new(version.major, version.minor, version.patch);
    range
        .split("||")
        .any(|part| VersionReq::parse(part.trim()).map_or(true, |range| range.matches(&version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_new_enough_if_one_of_the_ranges_takes_it() {
        let range = "^20.19.0 || >=22.12.0";
        for good in ["v20.19.0", "v20.20.2", "v22.12.0", "v24.0.0-rc.1", "v26.1.0"] {
            assert!(takes(range, good), "{good}");
        }
        for bad in ["v18.20.4", "v20.18.3", "v21.7.3", "v22.11.0", ""] {
            assert!(!takes(range, bad), "{bad}");
        }
    }
}
