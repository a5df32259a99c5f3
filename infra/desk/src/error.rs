//! Why the desk does not start. Each message says what to do about it.

use crate::template::TemplateError;
use std::io::ErrorKind;
use std::path::PathBuf;

/// Why the desk does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "port {0} is in use; stop what listens there or choose another with --port N \
         (0: any free port)"
    )]
    PortTaken(u16),
    #[error(
        "cannot listen on port {port} of loopback: {source}; choose another with --port N (0: any \
         free port)"
    )]
    Listen { port: u16, source: std::io::Error },
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(
        "template: function {0} has no code in this workspace; Metadata.BuildProperties.Binary \
         must name an action"
    )]
    NoSuchAction(String),
    #[error("template: function {function} does not start with its environment: {source}")]
    Configuration { function: String, source: edge::config::ConfigError },
    #[error("cannot call the functions at {url}: {cause}")]
    LambdaUrl { url: String, cause: String },
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
        "the state folder {} was kept by {} version of Frontdesk; start that one, move the folder \
         away to begin with a fresh one, or start with --ephemeral to leave it alone",
        folder.display(),
        if *is_newer { "a newer" } else { "an older" }
    )]
    StateVersion { folder: PathBuf, is_newer: bool },
    #[error(
        "cannot use {}: {source}; {}choose another state folder with --state DIR, or start with \
         --ephemeral",
        path.display(),
        way_out(source.kind())
    )]
    State { path: PathBuf, source: std::io::Error },
    #[error(
        "the embedded store does not work: {0}; its disk may be full or failing, choose another \
         state folder with --state DIR, or start with --ephemeral"
    )]
    Store(String),
    #[error("the first account could not be registered: {0}")]
    FirstAccount(String),
}

/// What can be done where a file cannot be used, beside using another one.
fn way_out(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::PermissionDenied => "it must be readable and writable for you (chown, chmod); ",
        ErrorKind::ReadOnlyFilesystem => "its file system is mounted read-only; ",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "its disk is full, make room there; "
        }
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            "a file is where the folder should be; "
        }
        ErrorKind::IsADirectory => "a folder is where the file should be; ",
        ErrorKind::Other => "its disk may be full or failing; ",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_wrong_with_a_file_has_a_way_out_of_its_own() {
        for (kind, said) in [
            (ErrorKind::PermissionDenied, "chmod"),
            (ErrorKind::ReadOnlyFilesystem, "read-only"),
            (ErrorKind::StorageFull, "make room"),
            (ErrorKind::QuotaExceeded, "make room"),
            (ErrorKind::Other, "full or failing"),
        ] {
            let error = StartError::State { path: "/state".into(), source: kind.into() };
            let text = error.to_string();
            assert!(text.contains(said) && text.contains("--state DIR"), "{text}");
        }
    }
}
