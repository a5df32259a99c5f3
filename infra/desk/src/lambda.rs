//! The functions: invoked in this process, or where `cargo lambda watch` serves them.
//!
//! This is the one place that knows the crate of the functions. Everything else hands over an event
//! and gets back an answer or an [`InvokeError`], as the callers of Lambda do.

use crate::error::StartError;
use crate::iam::Iam;
use crate::names::{function_arn, log_stream_arn, request_id};
use crate::policy::AccessRequest;
use crate::template::Template;
use edge::config::Env;
use edge::{App, Clock};
use functions::Invoke;
use lambda_runtime::{Config, Context, LambdaEvent};
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Why an invocation has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InvokeError {
    #[error("there is no function {0}")]
    Unknown(String),
    #[error("{function} timed out after {} s", after.as_secs_f32())]
    TimedOut { function: String, after: Duration },
    /// The function answered with an error, or panicked.
    #[error("{function} failed: {message}")]
    Failed { function: String, message: String },
    #[error("nothing answers at {url} for {function}")]
    Unreachable { function: String, url: String },
}

/// Where the functions run.
#[derive(Clone, Debug, Default)]
pub enum FunctionHost {
    /// In the desk's process.
    #[default]
    InProcess,
    /// Behind Lambda's invoke API at this address, as `cargo lambda watch` serves it.
    Remote(String),
}

/// All functions of the template, ready to be invoked.
pub(crate) struct Lambdas {
    functions: BTreeMap<String, Lambda>,
    clock: Clock,
    iam: Iam,
}

impl std::fmt::Debug for Lambdas {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.functions.keys()).finish()
    }
}

struct Lambda {
    timeout: Duration,
    config: Arc<Config>,
    target: Target,
    log_stream: LogStream,
}

/// Where Lambda writes what the function logs, as the function. The desk keeps no such log; that
/// the function's role lets Lambda write it is looked at all the same.
struct LogStream {
    arn: String,
    is_created: AtomicBool,
}

enum Target {
    InProcess(Invoke),
    Remote { client: reqwest::Client, url: String },
}

impl Lambdas {
    pub(crate) fn new(
        template: &Template,
        host: &FunctionHost,
        clock: &Clock,
        iam: &Iam,
        environment: impl Fn(&str) -> BTreeMap<String, String>,
    ) -> Result<Self, StartError> {
        let mut lambdas = BTreeMap::new();
        for declared in &template.functions {
            let name = &declared.name;
            let target = match host {
                FunctionHost::InProcess => {
                    Target::InProcess(build_in_process(name, &environment(name), clock)?)
                }
                FunctionHost::Remote(base) => Target::Remote {
                    client: remote_client(base)?,
                    url: format!(
                        "{}/2015-03-31/functions/{name}/invocations",
                        base.trim_end_matches('/')
                    ),
                },
            };
            let mut config = Config::default();
            config.function_name.clone_from(name);
            config.memory = declared.memory;
            config.version = "$LATEST".to_owned();
            let stream_name = format!("[$LATEST]{}", request_id());
            let log_stream = LogStream {
                arn: log_stream_arn(&declared.log_group, &stream_name),
                is_created: AtomicBool::new(false),
            };
            lambdas.insert(
                name.clone(),
                Lambda { timeout: declared.timeout, config: Arc::new(config), target, log_stream },
            );
        }
        Ok(Self { functions: lambdas, clock: clock.clone(), iam: iam.clone() })
    }

    /// Invokes the function and waits for its answer, at most as long as the template allows.
    pub(crate) async fn invoke(&self, name: &str, event: &Value) -> Result<Value, InvokeError> {
        let lambda =
            self.functions.get(name).ok_or_else(|| InvokeError::Unknown(name.to_owned()))?;
        match &lambda.target {
            Target::InProcess(invoke) => {
                self.log(name, &lambda.log_stream);
                invoke_in_process(invoke, self.context(name, lambda), event, name, lambda.timeout)
                    .await
            }
            Target::Remote { client, url } => {
                invoke_remote(client, url, event, name, lambda.timeout).await
            }
        }
    }

    /// A function that may not log runs all the same; what it may not do is on record.
    fn log(&self, name: &str, log_stream: &LogStream) {
        let actions: &[&str] = if log_stream.is_created.swap(true, Ordering::Relaxed) {
            &["PutLogEvents"]
        } else {
            &["CreateLogStream", "PutLogEvents"]
        };
        for action in actions {
            let request = AccessRequest::new(format!("logs:{action}"), &*log_stream.arn);
            if let Err(denial) = self.iam.authorize(name, &request) {
                let (_, denial) = denial.type_and_message();
                tracing::warn!(function = name, denial, "its log would be lost");
            }
        }
    }

    fn context(&self, name: &str, lambda: &Lambda) -> Context {
        let deadline =
            self.clock.now().saturating_add(lambda.timeout).unwrap_or(jiff::Timestamp::MAX);
        let mut context = Context::default();
        context.request_id = request_id();
        context.deadline = u64::try_from(deadline.as_millisecond()).unwrap_or_default();
        context.invoked_function_arn = function_arn(name);
        context.env_config = Arc::clone(&lambda.config);
        context
    }
}

/// Invokes a function in this process, wherever the others run.
pub(crate) async fn invoke_once(
    name: &str,
    environment: &BTreeMap<String, String>,
    clock: &Clock,
    event: &Value,
) -> Result<Result<Value, InvokeError>, StartError> {
    const INVOCATION_TIMEOUT: Duration = Duration::from_secs(30);
    let invoke = build_in_process(name, environment, clock)?;
    let mut context = Context::default();
    context.request_id = request_id();
    Ok(invoke_in_process(&invoke, context, event, name, INVOCATION_TIMEOUT).await)
}

/// Builds the function with an app of its own, as each Lambda has.
fn build_in_process(
    name: &str,
    environment: &BTreeMap<String, String>,
    clock: &Clock,
) -> Result<Invoke, StartError> {
    let function =
        functions::find(name).ok_or_else(|| StartError::NoSuchAction(name.to_owned()))?;
    // A slow laptop is no outage: what does not answer is given up with the invocation.
    let budget = function.budget.on_a_laptop();
    let app = App::new(&Env::from_pairs(environment.clone()), clock.clone(), budget)
        .map_err(|source| StartError::Configuration { function: name.to_owned(), source })?;
    Ok(function.build(app))
}

async fn invoke_in_process(
    invoke: &Invoke,
    context: Context,
    event: &Value,
    name: &str,
    timeout: Duration,
) -> Result<Value, InvokeError> {
    let failed = |message: String| InvokeError::Failed { function: name.to_owned(), message };
    let payload =
        serde_json::value::to_raw_value(event).map_err(|error| failed(error.to_string()))?;
    // A task of its own: a panic is this invocation's error, and a caller that goes away does not
    // end the function.
    let mut task = tokio::spawn(invoke(LambdaEvent::new(payload, context)));
    match tokio::time::timeout(timeout, &mut task).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(error))) => Err(failed(error.to_string())),
        Ok(Err(panic)) => Err(failed(panic.to_string())),
        Err(_elapsed) => {
            task.abort();
            Err(InvokeError::TimedOut { function: name.to_owned(), after: timeout })
        }
    }
}

/// A first call there may have to wait for the compiler.
const COMPILE_TIME: Duration = Duration::from_secs(600);

fn remote_client(base: &str) -> Result<reqwest::Client, StartError> {
    // The client wants a TLS provider even for plain HTTP, but then no certificates.
    edge::install_tls_provider();
    let mut builder =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    if base.starts_with("http://") {
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| StartError::LambdaUrl {
        url: base.to_owned(),
        cause: error.source().map_or_else(|| error.to_string(), ToString::to_string),
    })
}

async fn invoke_remote(
    client: &reqwest::Client,
    url: &str,
    event: &Value,
    name: &str,
    timeout: Duration,
) -> Result<Value, InvokeError> {
    let failed = |message: String| InvokeError::Failed { function: name.to_owned(), message };
    let answer = match client.post(url).json(event).timeout(COMPILE_TIME + timeout).send().await {
        Ok(answer) => answer,
        Err(error) if error.is_timeout() => {
            return Err(InvokeError::TimedOut {
                function: name.to_owned(),
                after: COMPILE_TIME + timeout,
            });
        }
        Err(_refused) => {
            return Err(InvokeError::Unreachable {
                function: name.to_owned(),
                url: url.to_owned(),
            });
        }
    };
    let is_error =
        !answer.status().is_success() || answer.headers().contains_key("x-amz-function-error");
    let body = answer.bytes().await.map_err(|error| failed(error.to_string()))?;
    let answer: Value = serde_json::from_slice(&body).map_err(|error| failed(error.to_string()))?;
    match answer.get("errorMessage").and_then(Value::as_str) {
        Some(message) => Err(failed(message.to_owned())),
        None if is_error => Err(failed(answer.to_string())),
        None => Ok(answer),
    }
}
