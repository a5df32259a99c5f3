//! The programs, and how they are built: each with the features that it has when it is deployed.

use crate::Failure;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The profile with link-time optimisation.
const THIN_LTO: &str = "thin-lto";

/// Where programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    pub root: PathBuf,
    /// The folder that Cargo builds into.
    pub target: PathBuf,
}

impl Programs {
    /// The workspace, and the folder that the program that runs was built into.
    pub fn of_this() -> Result<Self, Failure> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let this = std::env::current_exe()?;
        let target = this.ancestors().nth(3).ok_or("a program in target/release/examples")?;
        Ok(Self { root, target: target.to_owned() })
    }

    /// A function as it is deployed.
    pub fn function(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// A function with link-time optimisation.
    pub fn optimised_function(&self, name: &str) -> PathBuf {
        self.target.join(THIN_LTO).join(name)
    }

    pub fn floor(&self, name: &str) -> PathBuf {
        self.target.join("release/examples").join(name)
    }

    pub fn optimised_floor(&self, name: &str) -> PathBuf {
        self.target.join(THIN_LTO).join("examples").join(name)
    }

    pub fn desk(&self) -> PathBuf {
        self.target.join("debug/examples/desk")
    }

    /// A desk that runs its functions as fast as they are deployed.
    pub fn optimised_desk(&self) -> PathBuf {
        self.floor("desk")
    }

    pub fn build_optimised_desk(&self) -> Result<(), Failure> {
        self.cargo(&["--release", "--package", "frontdesk-desk", "--example", "desk"])
    }

    pub fn peers(&self) -> PathBuf {
        self.root.join("infra/bench/peers")
    }

    /// Builds all of them. Features are those of the packages that are built together, so what is
    /// deployed is built alone.
    pub fn build(&self) -> Result<(), Failure> {
        let floor = ["--package", "frontdesk-floor", "--example"];
        self.cargo(&["--package", "frontdesk-desk", "--example", "desk"])?;
        self.cargo(&["--release", "--package", "frontdesk-functions", "--bins"])?;
        let sdk = [floor.as_slice(), &["bare_sdk"]].concat();
        self.cargo(&[["--release"].as_slice(), &sdk].concat())?;
        let hello = ["hello_runtime", "--example", "hello_http", "--no-default-features"];
        self.cargo(&[["--release"].as_slice(), &floor, &hello].concat())?;
        let optimised = ["--profile", THIN_LTO];
        let checks =
            ["--package", "frontdesk-functions", "--bin", "authorize-key", "--bin", "check-key"];
        self.cargo(&[optimised.as_slice(), checks.as_slice()].concat())?;
        self.cargo(&[optimised.as_slice(), &sdk].concat())
    }

    fn cargo(&self, arguments: &[&str]) -> Result<(), Failure> {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--locked"]).args(arguments).current_dir(&self.root);
        cargo.env("CARGO_TARGET_DIR", &self.target);
        succeed(cargo)
    }

    /// Fetches what the peers need and bundles them; why not, if that cannot be.
    pub fn build_peers(&self) -> Result<(), Failure> {
        let mut fetched = Command::new("npm");
        fetched.args(["ci", "--no-audit", "--no-fund"]).current_dir(self.peers());
        // Where Node's own headers are installed beside it, nothing need be fetched to compile
        // SQLite.
        if Path::new("/usr/include/node/node.h").exists() {
            fetched.env("npm_config_nodedir", "/usr");
        }
        succeed(fetched)?;
        let mut bundled = Command::new("npm");
        bundled.args(["run", "build"]).current_dir(self.peers());
        succeed(bundled)
    }
}

fn succeed(mut command: Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

/// What is deployed of a file or a folder, in bytes.
pub fn size(path: &Path) -> Result<u64, Failure> {
    let own = path.metadata()?;
    if !own.is_dir() {
        return Ok(own.len());
    }
    std::fs::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}
