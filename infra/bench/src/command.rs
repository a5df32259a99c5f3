//! What the commands have in common: help, and how they end.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it is for")]

use crate::Failure;
use std::env::args;
use std::process::ExitCode;

/// The day, such as `2026-01-31`.
pub fn today() -> String {
    #[expect(clippy::disallowed_methods, reason = "a bench is run on some day")]
    let now = jiff::Timestamp::now();
    now.strftime("%Y-%m-%d").to_string()
}

/// Runs what the words ask for; `read` makes none of words that ask for nothing that there is.
pub fn run<A>(
    usage: &str,
    read: impl FnOnce(&[String]) -> Option<A>,
    run: impl AsyncFnOnce(&[String], A) -> Result<(), Failure>,
) -> ExitCode {
    let words: Vec<String> = args().skip(1).collect();
    if words.iter().any(|word| ["-h", "--help"].contains(&word.as_str())) {
        println!("{usage}");
        return ExitCode::SUCCESS;
    }
    let Some(asked) = read(&words) else {
        eprintln!("{usage}");
        return ExitCode::FAILURE;
    };
    // One thread: what is measured has the other processor.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended =
        runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(&words, asked)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
