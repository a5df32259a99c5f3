//! Why the desk does not start. Each message says what to do about it.

use crate::template::TemplateError;
use std::path::PathBuf;

/// Why the desk does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "port {0} is in use; stop what listens there or choose another with --port N \
         (0: any free port)"
    )]
    PortTaken(u16),
    #[error("cannot listen on a loopback port: {0}")]
    Listen(std::io::Error),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(
        "template: function {0} has no code in this workspace; Metadata.BuildProperties.Binary \
         must name an action"
    )]
    NoSuchAction(String),
    #[error("template: function {function} does not start with its environment: {source}")]
    Configuration { function: String, source: edge::config::ConfigError },
    #[error(
        "the state folder {} is in use by another desk; stop that one, give this one its own with \
         --state DIR, or start it with --ephemeral",
        .0.display()
    )]
    StateInUse(PathBuf),
    #[error(
        "{} is damaged ({detail}); move it away to begin with a fresh one, or start with \
         --ephemeral to leave it alone",
        file.display()
    )]
    StateDamaged { file: PathBuf, detail: String },
    #[error(
        "cannot use {}: {source}; choose another state folder with --state DIR, or start with \
         --ephemeral",
        path.display()
    )]
    State { path: PathBuf, source: std::io::Error },
    #[error("the embedded store does not work: {0}")]
    Store(String),
    #[error("the first account could not be registered: {0}")]
    FirstAccount(String),
}
