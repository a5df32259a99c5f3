//! One module and one binary for each action; this table is all that knows them together.
//!
//! To add an action: a module with its request, its `handle` and the names of its refusals; a line
//! in [`FUNCTIONS`]; a binary of ten lines; its resource in `template.yaml`; a sample event in
//! `tests/fixtures/events`. `tests/it/tidy.rs` and `tests/it/every_route.rs` say what is still
//! missing.

pub mod authorize_key;
pub mod create_key;
pub mod delete_key;
pub mod deliver_mail;
pub mod end_session;
pub mod get_sandbox;
pub mod get_session;
pub mod invite_member;
pub mod list_keys;
pub mod list_members;
mod program;
pub mod provision_sandbox;
pub mod register_account;
pub mod request_code;
pub mod retry_sandbox;
pub mod reveal_sandbox_key;
pub mod revoke_member;
pub mod sweep;
pub mod test_sandbox;
pub mod verify_code;
mod view;

pub use edge::lambda::{Event, Invoke};
#[doc(hidden)]
pub use program::{function, run};

use edge::App;
use edge::lambda::{event, http, named, stream};
use futures::FutureExt;

/// What makes a function run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    Http {
        method: &'static str,
        path: &'static str,
    },
    /// A gateway's Lambda authorizer.
    Authorizer,
    /// The table's stream.
    Stream,
    /// Direct invocation by an operator.
    Operator,
    Schedule,
}

/// One Lambda function.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    pub name: &'static str,
    pub trigger: Trigger,
    build: fn(App) -> Invoke,
}

impl Function {
    /// The function, ready to be called, on an app of its own.
    pub fn build(&self, app: App) -> Invoke {
        named(self.name, (self.build)(app))
    }
}

macro_rules! http_function {
    ($name:literal, $method:literal, $path:literal, $module:ident) => {
        Function {
            name: $name,
            trigger: Trigger::Http { method: $method, path: $path },
            build: |app| http(app, |app, call| $module::handle(app, call).boxed()),
        }
    };
}

pub static FUNCTIONS: [Function; 19] = [
    http_function!("request-code", "POST", "/api/login/code", request_code),
    http_function!("verify-code", "POST", "/api/login/verify", verify_code),
    http_function!("end-session", "POST", "/api/logout", end_session),
    http_function!("get-session", "GET", "/api/session", get_session),
    http_function!("get-sandbox", "GET", "/api/sandbox", get_sandbox),
    http_function!("test-sandbox", "POST", "/api/sandbox/test", test_sandbox),
    http_function!("retry-sandbox", "POST", "/api/sandbox/provision", retry_sandbox),
    http_function!("reveal-sandbox-key", "POST", "/api/sandbox/key", reveal_sandbox_key),
    http_function!("list-keys", "GET", "/api/keys", list_keys),
    http_function!("create-key", "POST", "/api/keys", create_key),
    http_function!("delete-key", "DELETE", "/api/keys/{key_id}", delete_key),
    http_function!("list-members", "GET", "/api/team", list_members),
    http_function!("invite-member", "POST", "/api/team", invite_member),
    http_function!("revoke-member", "DELETE", "/api/team/{member_id}", revoke_member),
    Function {
        name: "authorize-key",
        trigger: Trigger::Authorizer,
        build: |app| event(app, |app, request| authorize_key::handle(app, request).boxed()),
    },
    Function {
        name: "provision-sandbox",
        trigger: Trigger::Stream,
        build: |app| stream(app, |app, record| provision_sandbox::handle(app, record).boxed()),
    },
    Function {
        name: "deliver-mail",
        trigger: Trigger::Stream,
        build: |app| stream(app, |app, record| deliver_mail::handle(app, record).boxed()),
    },
    Function {
        name: "register-account",
        trigger: Trigger::Operator,
        build: |app| event(app, |app, request| register_account::handle(app, request).boxed()),
    },
    Function {
        name: "sweep",
        trigger: Trigger::Schedule,
        build: |app| event(app, |app, request| sweep::handle(app, request).boxed()),
    },
];

pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Of all functions, by themselves: whoever only wants to know the routes need not carry the code.
static TRIGGERS: [Trigger; FUNCTIONS.len()] = {
    let mut triggers = [Trigger::Stream; FUNCTIONS.len()];
    let mut number = 0;
    while number < FUNCTIONS.len() {
        triggers[number] = FUNCTIONS[number].trigger;
        number += 1;
    }
    triggers
};

/// The methods that a path is known under; empty for an unknown path.
pub(crate) fn methods_of(path: &str) -> Vec<&'static str> {
    let matches = |known: &str| {
        let (known, path) = (known.split('/'), path.split('/'));
        known.clone().count() == path.clone().count()
            && known
                .zip(path)
                .all(|(known, part)| known == part || (known.starts_with('{') && !part.is_empty()))
    };
    let routes = TRIGGERS.iter().filter_map(|trigger| match *trigger {
        Trigger::Http { method, path } => Some((method, path)),
        Trigger::Authorizer | Trigger::Stream | Trigger::Operator | Trigger::Schedule => None,
    });
    routes.filter(|(_, known)| matches(known)).map(|(method, _)| method).collect()
}
