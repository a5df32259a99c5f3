//! All that is measured, in the order of the table.

use crate::Failure;
use crate::candidate::{Candidate, Kind, Launch, outcome};
use crate::certificate::Certificate;
use crate::host::Done;
use crate::journey::LEFT_OUT;
use crate::programs::{Programs, size};
use crate::store::Recording;
use crate::told::Told;
use hyper::body::Bytes;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const HELLO: &str = "lambda_runtime hello";
pub const HELLO_HTTP: &str = "lambda_http hello";
pub const SDK: &str = "bare SDK";
pub const SDK_THIN_LTO: &str = "bare SDK, thin LTO";
pub const NODE: &str = "Node, AWS SDK v3";
pub const BETTER_AUTH: &str = "Node, better-auth";
pub const AUTHORIZE_KEY: &str = "authorize-key";
pub const AUTHORIZE_KEY_THIN_LTO: &str = "authorize-key, thin LTO";

/// What programs are made of.
pub struct Workshop<'w> {
    pub programs: &'w Programs,
    pub certificate: &'w Certificate,
    pub told: Told,
    /// What each function did.
    pub done: BTreeMap<String, Done>,
    /// For a while.
    pub folder: &'w Path,
    /// Where there are functions as they were before a change, if they are to be compared.
    pub before: Option<&'w Path>,
}

impl Workshop<'_> {
    /// The floor and all functions that did something; with link-time optimisation, what was built
    /// with it.
    pub fn functions(&self) -> Result<Vec<Candidate>, Failure> {
        let mut all = self.floor()?;
        let is_left_out = |name: &str| LEFT_OUT.iter().any(|(other, _)| *other == name);
        // What each call of a customer's passes comes first.
        let checks = [AUTHORIZE_KEY, "check-key"];
        for name in checks {
            all.extend(self.builds(name)?);
            let optimised = self.programs.optimised_function(name);
            if optimised.exists() {
                all.push(self.function(name, &format!("{name}, thin LTO"), optimised)?);
            }
        }
        for name in self.done.keys().filter(|name| !checks.contains(&name.as_str())) {
            if !is_left_out(name) {
                all.extend(self.builds(name)?);
            }
        }
        Ok(all)
    }

    /// A function, and as it was before.
    fn builds(&self, name: &str) -> Result<Vec<Candidate>, Failure> {
        let mut builds = vec![self.function(name, name, self.programs.function(name))?];
        if let Some(before) = self.before.map(|folder| folder.join(name)).filter(|it| it.exists()) {
            builds.push(self.function(name, &format!("{name}, before"), before)?);
        }
        Ok(builds)
    }

    fn floor(&self) -> Result<Vec<Candidate>, Failure> {
        let hello = self.known("check-key")?;
        let http = Done {
            answer: Bytes::from_static(br#"{"statusCode":200}"#),
            recording: Recording::new(),
            event: hello.event.clone(),
        };
        let alone = Done { recording: Recording::new(), ..self.known(AUTHORIZE_KEY)?.clone() };
        let asked = self.known(AUTHORIZE_KEY)?;
        let of = |name: &str, program: PathBuf, done: &Done| {
            self.candidate(name, Kind::Floor, launch(program, self.environment(name)), done)
        };
        let (plain, optimised) =
            (self.programs.floor("bare_sdk"), self.programs.optimised_floor("bare_sdk"));
        let mut floor = vec![
            of(HELLO, self.programs.floor("hello_runtime"), &alone)?,
            of(HELLO_HTTP, self.programs.floor("hello_http"), &http)?,
            of(SDK, plain, asked)?,
        ];
        if optimised.exists() {
            floor.push(of(SDK_THIN_LTO, optimised, asked)?);
        }
        Ok(floor)
    }

    fn function(&self, name: &str, title: &str, program: PathBuf) -> Result<Candidate, Failure> {
        let launch = launch(program, self.environment(name));
        self.candidate(title, Kind::Function, launch, self.known(name)?)
    }

    /// What somebody would take instead, where Node is there.
    pub fn peers(&self) -> Result<Vec<Candidate>, Failure> {
        let folder = self.programs.peers();
        let (dynamodb, better_auth) =
            (folder.join("dist/dynamodb.mjs"), folder.join("dist/better-auth.mjs"));
        let node = |script: &Path, more: &[(&str, &str)]| {
            let mut launch = launch("node".into(), self.environment("node"));
            launch.arguments.push(script.display().to_string());
            let more = more.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            launch.environment.extend(more);
            launch
        };
        let asked = self.known(AUTHORIZE_KEY)?;
        let sdk = self.candidate(NODE, Kind::Peer, node(&dynamodb, &[]), asked)?;

        let database = self.folder.join("better-auth.sqlite").display().to_string();
        let prepared = Command::new("node")
            .args([better_auth.as_os_str(), "prepare".as_ref(), database.as_ref()])
            .output()?;
        if !prepared.status.success() {
            return Err(String::from_utf8_lossy(&prepared.stderr).into());
        }
        let key = String::from_utf8(prepared.stdout)?;
        let more = [("BENCH_DATABASE", database.as_str()), ("BENCH_KEY", key.trim())];
        let alone = Done { recording: Recording::new(), ..asked.clone() };
        let mut own = self.candidate(BETTER_AUTH, Kind::Peer, node(&better_auth, &more), &alone)?;
        own.size +=
            size(&folder.join("node_modules/better-sqlite3/build/Release")).unwrap_or_default();
        Ok(vec![sdk, own])
    }

    fn known(&self, name: &str) -> Result<&Done, Failure> {
        self.done.get(name).ok_or_else(|| format!("{name} was never invoked").into())
    }

    fn candidate(
        &self,
        name: &str,
        kind: Kind,
        launch: Launch,
        done: &Done,
    ) -> Result<Candidate, Failure> {
        let deployed = launch.arguments.first().map_or(launch.program.as_path(), Path::new);
        let size = size(deployed)?;
        Ok(Candidate {
            name: name.to_owned(),
            kind,
            size,
            launch: self.copied(name, launch)?,
            event: done.event.clone(),
            recording: done.recording.clone(),
            outcome: outcome(&done.answer),
        })
    }

    /// The same program in a file of its own, as a deployment unpacks it. What a linker has written
    /// lies otherwise in the system's memory, and starts half a millisecond more slowly.
    fn copied(&self, name: &str, mut launch: Launch) -> Result<Launch, Failure> {
        // Node is not ours to unpack.
        if launch.arguments.is_empty() {
            let copy = self.folder.join(name.replace(' ', "-"));
            std::fs::copy(&launch.program, &copy)?;
            launch.program = copy;
        }
        Ok(launch)
    }

    fn environment(&self, name: &str) -> BTreeMap<String, String> {
        let mut all = environment(self.told.to(name), self.certificate);
        // The row that `authorize-key` asks for: what else does no more than ask has to know it.
        let asked = self.done.get(AUTHORIZE_KEY).and_then(|done| done.recording.values().next());
        let row = asked.map(|kept| String::from_utf8_lossy(&kept.asked).into_owned());
        all.insert("BENCH_ROW".to_owned(), row.unwrap_or_else(|| json!({}).to_string()));
        all
    }
}

/// What a program is told, and what Lambda tells it and whom to trust.
pub fn environment(
    mut told: BTreeMap<String, String>,
    certificate: &Certificate,
) -> BTreeMap<String, String> {
    let path = |path: &Path| path.display().to_string();
    let more = [
        ("AWS_LAMBDA_FUNCTION_NAME", "bench".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "bench".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".to_owned()),
        ("SSL_CERT_FILE", path(&certificate.authorities)),
        ("NODE_EXTRA_CA_CERTS", path(&certificate.own_authority)),
        // It would tell of the versions that its SDK will leave behind.
        ("NODE_NO_WARNINGS", "1".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
    ];
    told.extend(more.map(|(name, value)| (name.to_owned(), value)));
    told
}

fn launch(program: PathBuf, environment: BTreeMap<String, String>) -> Launch {
    Launch { program, arguments: Vec::new(), environment }
}
