//! `cargo desk`: the local desk on a terminal. All of it is in the library; here are the arguments,
//! the log and the end.

use clap::Parser;
use desk::console::Console;
use desk::{Desk, FunctionHost, Options, State, env_file, workspace_root};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Frontdesk on this machine: everything that template.yaml deploys, in one process, with no AWS
/// account.
///
/// Listens on localhost only. The console is at /, mails arrive at /_local/inbox, and /_local/ says
/// what runs. Ctrl-C ends it.
#[derive(Parser)]
#[command(name = "cargo desk", bin_name = "cargo desk", version)]
struct Arguments {
    /// Port on localhost; 0 takes any free one
    #[arg(long, value_name = "N", default_value_t = 9000, allow_negative_numbers = true)]
    port: u16,

    /// Keep nothing: an empty desk now, and nothing left afterwards
    #[arg(long, conflicts_with = "state")]
    ephemeral: bool,

    /// Folder to keep the desk's state in between runs [default: .frontdesk in the workspace]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// Set a parameter of template.yaml, as a deployment would; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,

    /// Start only what surrounds the functions, for `cargo lambda watch` to run them
    ///
    /// Prints the environment that the functions need as lines of K=V, and writes the same to
    /// .frontdesk/backends.env in the workspace, for `cargo lambda watch --env-file`. Requests,
    /// stream records, the schedule and the authorizer's calls go to the functions at the address
    /// of --lambda-url.
    #[arg(long)]
    backends: bool,

    /// Where cargo-lambda serves the functions, with --backends
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:9001",
        value_parser = lambda_url,
        requires = "backends"
    )]
    lambda_url: String,

    /// Serve the console as it was last built, if it ever was
    ///
    /// Otherwise it is built anew when its sources or openapi.yaml have changed, which takes
    /// Node.js and npm.
    #[arg(long)]
    no_console_build: bool,

    /// Log more: what the functions do, beside what goes wrong
    #[arg(long, short)]
    verbose: bool,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn lambda_url(text: &str) -> Result<String, String> {
    let is_url = reqwest::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if is_url { Ok(text.to_owned()) } else { Err("must be like http://HOST:PORT".to_owned()) }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.verbose);
    let ended = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| {
        let ended = runtime.block_on(run(arguments));
        // Nobody waits for what is still being tidied up.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    // Before the start, so that an end that comes early is a clean one too.
    let ended = ended()?;
    let kept_by_default = workspace_root().join(".frontdesk");
    tokio::pin!(ended);
    if !arguments.no_console_build {
        tokio::select! {
            () = build_console() => {}
            () = &mut ended => return Ok(()),
        }
    }
    let options = Options {
        port: arguments.port,
        state: if arguments.ephemeral {
            State::Ephemeral
        } else {
            State::Kept(arguments.state.unwrap_or_else(|| kept_by_default.clone()))
        },
        parameters: arguments.parameters.into_iter().collect(),
        functions: if arguments.backends {
            FunctionHost::Remote(arguments.lambda_url.clone())
        } else {
            FunctionHost::InProcess
        },
        ..Options::default()
    };
    let state = options.state.clone();
    let start = start(
        options,
        arguments.backends.then(|| kept_by_default.join("backends.env")),
        &arguments.lambda_url,
    );
    let mut desk = tokio::select! {
        desk = start => desk?,
        () = &mut ended => return Ok(()),
    };
    if let State::Kept(folder) = state {
        tell(&format!("State is kept in {} (--ephemeral keeps nothing).", folder.display()));
    }
    tokio::select! {
        () = &mut ended => {}
        said = desk.broken() => return Err(said.into()),
    }
    desk.shutdown().await;
    Ok(())
}

async fn start(
    options: Options,
    env_path: Option<PathBuf>,
    lambda_url: &str,
) -> Result<Desk, Box<dyn std::error::Error>> {
    let desk = Desk::start(options).await?;
    match env_path {
        None => {
            say(&format!("Frontdesk is at {}\n", desk.url()))?;
            tell(&format!(
                "Mails arrive at {0}/_local/inbox; what runs, and a first walk with curl, is at \
                 {0}/_local/",
                desk.url()
            ));
        }
        Some(path) => {
            let environment = env_file(desk.shared_environment());
            write_private(&path, &environment)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            say(&environment)?;
            tell(&format!(
                "The environment is in {} too. Now: {}\n\
                 The desk is at {} and invokes the functions at {lambda_url}.",
                path.display(),
                watch(&path, lambda_url),
                desk.url()
            ));
        }
    }
    Ok(desk)
}

/// The console as its sources are now, as far as that is possible here. What is in the way keeps no
/// desk from starting.
async fn build_console() {
    let console = Console::of_checkout();
    if let Err(obstacle) = console.build(tell).await {
        tell(&format!("Note: {obstacle}"));
        let instead = if console.built().is_some() {
            "with the console as it was built before"
        } else {
            "without the console"
        };
        tell(&format!("The desk starts {instead}."));
    }
}

/// The command that serves the functions.
fn watch(env_file: &Path, lambda_url: &str) -> String {
    let port = lambda_url.trim_end_matches('/').rsplit_once(':').map_or("9001", |(_, port)| port);
    let file = env_file.strip_prefix(workspace_root()).unwrap_or(env_file).display();
    format!(
        "cargo lambda watch --ignore-changes --disable-cors --concurrency 2 --timeout 86400 \
         -A 127.0.0.1 -P {port} --env-file {file}"
    )
}

/// Writes to stdout. Whoever reads the first line of a pipe and leaves is not an error.
fn say(text: &str) -> Result<(), String> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to stdout: {error}"))
        }
        _ => Ok(()),
    }
}

/// Writes a line to stderr. That nobody reads it is none of the desk's business.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

/// Ctrl-C, or SIGTERM.
fn ended() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    #[cfg(unix)]
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// The functions log through `tracing`, as they do on Lambda. A refused condition is daily
/// business, so the store's warnings about those are left out.
fn log_to_stderr(verbose: bool) {
    let level = if verbose { LevelFilter::INFO } else { LevelFilter::WARN };
    let filter = Targets::new().with_default(level).with_target("dynoxide", LevelFilter::ERROR);
    let lines = fmt::layer()
        // It would complain there of what cannot be written there, and panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .without_time();
    tracing_subscriber::registry().with(filter).with(lines).init();
}
