//! Starting everything, and the handle to it.

use crate::backends::database;
use crate::backends::mail::Inbox;
use crate::backends::secrets::Secrets;
use crate::backends::ses::{MailServiceMode, Ses, domain_of};
use crate::checkout::workspace_root;
use crate::console::Console;
use crate::desk_file::DeskFile;
use crate::environment::{self, Endpoints};
use crate::error::StartError;
use crate::failures::Failures;
use crate::gateway::{self, Gateway};
use crate::hosting::Site;
use crate::iam::{Iam, Permissions};
use crate::lambda::{self, FunctionHost, InvokeError, Lambdas};
use crate::local::Controls;
use crate::mode::Switch;
use crate::notifications::Topics;
use crate::pages::Home;
use crate::product_api::{InterruptibleListener, ProductApi, ProductApiMode, VALIDATION_PATH};
use crate::pump::{Checkpoints, EventSourceMapping, StreamReader};
use crate::scheduler::ScheduleWorker;
use crate::server;
use crate::state::{State, StateFolder};
use crate::template::{Document, Parameters, Template};
use crate::worker::Workers;
use axum::Router;
use edge::Clock;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How a desk is to be started. The default is one for tests: any free port, nothing kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The loopback port of the gateway; 0 takes any free one.
    pub port: u16,
    /// What is kept, and where.
    pub state: State,
    /// The template.
    pub template: PathBuf,
    /// Template parameters that win over the template's defaults and over the desk's own values.
    pub parameters: BTreeMap<String, String>,
    /// Where the functions run.
    pub functions: FunctionHost,
    /// The folder of the built console; none, or none there, leaves a page that says how to get it.
    /// See [`Console`].
    pub console: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            state: State::Ephemeral,
            template: workspace_root().join("template.yaml"),
            parameters: BTreeMap::new(),
            functions: FunctionHost::InProcess,
            console: Console::of_checkout().built(),
        }
    }
}

/// The first account, so that there is somebody to log in.
fn first_account() -> Value {
    json!({"name": "Example Company", "admin_email": "admin@example.com", "member_limit": 5})
}

/// A running desk. Dropping it stops it without waiting; [`Desk::shutdown`] waits.
#[derive(Debug)]
pub struct Desk {
    port: u16,
    clock: Clock,
    lambdas: Arc<Lambdas>,
    environments: BTreeMap<String, BTreeMap<String, String>>,
    shared_environment: BTreeMap<String, String>,
    inbox: Inbox,
    failures: Failures,
    product_api: Switch<ProductApiMode>,
    mail_service: Switch<MailServiceMode>,
    iam: Iam,
    workers: Workers,
    servers: Vec<JoinHandle<()>>,
    shutdown: DropGuard,
    _state_folder: StateFolder,
}

impl Desk {
    /// Starts everything and returns once it answers.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let document = Document::read(&options.template)?;
        let folder = StateFolder::open(&options.state)?;
        let desk_file = DeskFile::open(&folder)?;
        let clock = desk_file.clock();
        let remote = matches!(options.functions, FunctionHost::Remote(_));
        if remote && clock.ahead().is_positive() {
            tracing::warn!(
                "this state's clock was moved ahead, and functions that run elsewhere go by the \
                 machine's; take --ephemeral"
            );
        }
        let inbox = Inbox::open(&folder)?;
        let failures = Failures::open(&folder)?;
        let checkpoints = Checkpoints::open(&folder)?;
        let product_api = Switch::default();
        let mail_service = Switch::default();
        let shutdown = CancellationToken::new();
        // A start that fails ends what has been started.
        let shutdown_guard = shutdown.clone().drop_guard();

        // Every port is taken before anything is built on it, for the template's values contain
        // them.
        let (port, own_listeners) = server::listen_at(options.port).await?;
        let (ses_listener, ses_address) = server::listen_anywhere().await?;
        let (secrets_listener, secrets_address) = server::listen_anywhere().await?;
        let (product_listener, product_address) = server::listen_anywhere().await?;
        let (database_listener, database_address) = server::listen_anywhere().await?;
        let template = document
            .resolve(&options.parameters, &desk_parameters(port, &product_address.to_string()))?;
        let iam = Iam::new(&template);

        let mut workers = Workers::new(clock.clone());
        let store = database::serve(&folder, &clock, workers.waker(), &shutdown).await?;
        let endpoints = Endpoints {
            database: database_address,
            ses: ses_address,
            secrets: secrets_address,
            product_api: product_address,
        };
        let mut servers = vec![store.server];
        database::ensure_table(&database::client(store.address), template.table()).await?;
        servers.push(server::serve(
            database_listener,
            database::authorizing_proxy(iam.clone(), store.address, workers.waker())?,
            &shutdown,
        ));
        let secrets = Secrets::open(&folder, clock.clone(), &template.secrets)?;
        servers.push(server::serve(secrets_listener, secrets.router(iam.clone()), &shutdown));
        let topics = Topics::new(&template, clock.clone(), workers.waker());
        let ses = Ses {
            inbox: inbox.clone(),
            mode: mail_service.clone(),
            clock: clock.clone(),
            verified_domain: sender_domain(&template),
            configuration_sets: template.configuration_sets.clone(),
            event_destinations: template.event_destinations.clone(),
            topics: topics.clone(),
            iam: iam.clone(),
        };
        servers.push(server::serve(ses_listener, ses.router(), &shutdown));

        let environments: BTreeMap<String, BTreeMap<String, String>> = template
            .functions
            .iter()
            .map(|function| (function.name.clone(), environment::of(function, &endpoints)))
            .collect();
        let environment_of = |name: &str| environments.get(name).cloned().unwrap_or_default();
        let lambdas =
            Arc::new(Lambdas::new(&template, &options.functions, &clock, &iam, environment_of)?);

        workers.start(store.retention);
        topics.start(&lambdas, &failures, &iam, &mut workers);
        for function in &template.functions {
            for trigger in &function.streams {
                let client = database::streams_client(database_address, &function.name);
                let reader =
                    StreamReader::new(client, template.table(), checkpoints.get(&trigger.id));
                let mapping = EventSourceMapping {
                    function: function.name.clone(),
                    trigger: trigger.clone(),
                    lambdas: Arc::clone(&lambdas),
                    failures: failures.clone(),
                    iam: iam.clone(),
                    clock: clock.clone(),
                    checkpoints: checkpoints.clone(),
                    unreachable: AtomicBool::new(false),
                };
                mapping.start(reader, &mut workers);
            }
            for schedule in &function.schedules {
                workers.start(ScheduleWorker::new(
                    function.name.clone(),
                    schedule.clone(),
                    Arc::clone(&lambdas),
                    clock.clone(),
                ));
            }
        }

        let api = ProductApi {
            lambdas: Arc::clone(&lambdas),
            mode: product_api.clone(),
            clock: clock.clone(),
            port,
            shutdown: shutdown.clone(),
        };
        let listener =
            InterruptibleListener { listener: product_listener, mode: product_api.clone() };
        servers.push(server::serve(listener, api.clone().internal(), &shutdown));

        if !desk_file.first_account_registered() {
            // In this process even when the functions run elsewhere: nothing may be listening there
            // yet.
            register_first_account(&environment_of("register-account"), &clock).await?;
            desk_file.save_first_account()?;
        }

        let home = Arc::new(home(&template, port, &endpoints, &options.functions));
        let controls = Controls {
            clock: clock.clone(),
            desk_file,
            home: Arc::clone(&home),
            inbox: inbox.clone(),
            failures: failures.clone(),
            product_api: product_api.clone(),
            mail_service: mail_service.clone(),
            lambdas: Arc::clone(&lambdas),
            workers: workers.reports(),
            iam: iam.clone(),
            clock_moves: !remote,
        };
        let gateway = Gateway {
            routes: Arc::new(template.routes()),
            lambdas: Arc::clone(&lambdas),
            clock: clock.clone(),
            port,
            site: options.console.map(Site::new),
            settings: Arc::new(template.console_settings.clone()),
            home,
        };
        let fallback = Router::new().fallback(gateway::answer).with_state(gateway);
        let router =
            Router::new().merge(api.public()).merge(controls.router()).fallback_service(fallback);
        for listener in own_listeners {
            servers.push(server::serve(listener, router.clone(), &shutdown));
        }

        Ok(Self {
            port,
            clock,
            lambdas,
            shared_environment: environment::of_all(&template, &endpoints),
            environments,
            inbox,
            failures,
            product_api,
            mail_service,
            iam,
            workers,
            servers,
            shutdown: shutdown_guard,
            _state_folder: folder,
        })
    }

    /// `http://localhost:9000`, with the port that was found.
    pub fn url(&self) -> String {
        own_url(self.port)
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Invokes a function directly, as an operator would.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Value, InvokeError> {
        self.lambdas.invoke(function, event).await
    }

    /// The whole environment of a function; empty for a function that there is not.
    pub fn environment(&self, function: &str) -> BTreeMap<String, String> {
        self.environments.get(function).cloned().unwrap_or_default()
    }

    /// One environment that serves every function, as `cargo lambda watch` needs it.
    pub fn shared_environment(&self) -> &BTreeMap<String, String> {
        &self.shared_environment
    }

    /// The mails that were sent.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// What the triggers gave up.
    pub fn failures(&self) -> Vec<Value> {
        self.failures.list()
    }

    /// How the stand-in product API behaves.
    pub fn product_api(&self) -> &Switch<ProductApiMode> {
        &self.product_api
    }

    /// How the stand-in mail service behaves.
    pub fn mail_service(&self) -> &Switch<MailServiceMode> {
        &self.mail_service
    }

    /// What the functions may do, what they did of it, and what they were refused.
    pub fn permissions(&self) -> Permissions {
        self.iam.permissions()
    }

    /// Returns when every record that was committed before the call has been processed by every
    /// trigger, schedules that are due have run, and nothing has come of it that is not done too.
    /// Retries that are not due yet are not waited for.
    pub async fn settle(&self) {
        self.workers.settle().await;
    }

    /// Returns if a part has ended without which there is no desk, and says what of it is known.
    /// That part cannot be had back: its port is gone with it.
    pub async fn broken(&mut self) -> String {
        first_to_end(&mut self.servers).await
    }

    /// Stops everything.
    pub async fn shutdown(mut self) {
        drop(self.shutdown);
        self.workers.stop().await;
        for server in self.servers.drain(..) {
            if let Err(error) = server.await {
                tracing::error!(%error, "a server of the desk had failed");
            }
        }
    }
}

async fn first_to_end(servers: &mut Vec<JoinHandle<()>>) -> String {
    let (ended, index, _) = futures::future::select_all(servers.iter_mut()).await;
    drop(servers.swap_remove(index));
    match ended {
        Ok(()) => "a server of the desk has ended".to_owned(),
        Err(error) => format!("a server of the desk has ended: {error}"),
    }
}

fn own_url(port: u16) -> String {
    format!("http://localhost:{port}")
}

/// What the desk knows better than the template's defaults, or what has no default.
fn desk_parameters(port: u16, product_api: &str) -> Parameters {
    let own = [
        ("ConsoleOrigin", own_url(port)),
        ("MailFrom", "desk@example.com".to_owned()),
        // The stand-in for the product API answers calls over a limit itself.
        ("OnLimit", "pass".to_owned()),
        ("ProductApiPublicUrl", format!("{}{VALIDATION_PATH}", own_url(port))),
        ("ProductApiUrl", format!("http://{product_api}{VALIDATION_PATH}")),
    ];
    own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The one domain that mails may come from.
fn sender_domain(template: &Template) -> String {
    let senders =
        template.functions.iter().filter_map(|function| function.environment.get("MAIL_FROM"));
    senders.map(|sender| domain_of(sender).to_owned()).next().unwrap_or_default()
}

async fn register_first_account(
    environment: &BTreeMap<String, String>,
    clock: &Clock,
) -> Result<(), StartError> {
    match lambda::invoke_once("register-account", environment, clock, &first_account()).await? {
        Ok(_) => Ok(()),
        // A desk that was killed between this and the note of it.
        Err(error) if error.to_string().contains("email_already_registered") => Ok(()),
        Err(error) => Err(StartError::FirstAccount(error.to_string())),
    }
}

fn home(template: &Template, port: u16, endpoints: &Endpoints, host: &FunctionHost) -> Home {
    let mut functions = Vec::new();
    for function in &template.functions {
        let routes = function
            .routes
            .iter()
            .filter(|route| route.key != "$default")
            .map(|route| route.key.clone());
        let streams = function.streams.iter().map(|_| "the table's stream".to_owned());
        let schedules = function
            .schedules
            .iter()
            .map(|schedule| format!("every {} s", schedule.every.as_secs()));
        let topics = function.topics.iter().map(|_| "what becomes of mails".to_owned());
        let triggers: Vec<String> = routes.chain(streams).chain(schedules).chain(topics).collect();
        let triggers =
            if triggers.is_empty() { "invoked directly".to_owned() } else { triggers.join(", ") };
        functions.push((function.name.clone(), triggers));
    }
    let at = |address| format!("http://{address}");
    let mut backends = vec![
        ("DynamoDB", at(endpoints.database)),
        ("SES", at(endpoints.ses)),
        ("Secrets Manager", at(endpoints.secrets)),
        ("Product API, for the functions", at(endpoints.product_api)),
        ("Product API, guarded, for you", format!("{}/heify/...", own_url(port))),
    ];
    if let FunctionHost::Remote(url) = host {
        backends.push(("Functions, invoked at", url.clone()));
    }
    Home { url: own_url(port), functions, backends }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_ends_is_told_of_and_the_others_are_left() {
        let mut servers = vec![
            tokio::spawn(std::future::pending()),
            tokio::spawn(async { panic!("no listener any more") }),
        ];
        let said = first_to_end(&mut servers).await;
        assert!(said.contains("no listener any more"), "{said}");
        assert!(servers.len() == 1 && !servers[0].is_finished());
        servers[0].abort();
    }
}
