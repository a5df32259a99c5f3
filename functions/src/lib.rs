//! One module, one constant and one binary for each action; this file is all that knows them
//! together.
//!
//! `CONTRIBUTING.md` has all the steps to add one. No action uses another: what two of them share
//! lies in `view`, `key_view`, `key_check`, `event_view`, `operator`, `pending`, `validation`,
//! `edge` or `domain`.

pub mod authorize_key;
pub mod change_account;
pub mod change_key;
pub mod change_role;
pub mod check_key;
pub mod create_key;
pub mod decline_invitation;
pub mod delete_key;
pub mod deliver_mail;
pub mod describe_account;
pub mod end_session;
mod event_view;
pub mod export_activity;
mod function;
pub mod get_sandbox;
pub mod get_session;
pub mod get_usage;
pub mod invite_member;
mod key_check;
mod key_view;
pub mod leave_team;
pub mod list_activity;
pub mod list_keys;
pub mod list_members;
pub mod list_sessions;
pub mod note_mail_event;
mod operator;
mod owed_mail;
mod owed_reminder;
mod pending;
pub mod provision_sandbox;
pub mod register_account;
pub mod request_code;
pub mod resend_invitation;
pub mod retry_sandbox;
pub mod reveal_sandbox_key;
pub mod revoke_member;
pub mod revoke_session;
pub mod rotate_key;
mod sandbox_key;
pub mod sweep;
pub mod test_sandbox;
mod validation;
pub mod verify_code;
mod view;

pub use edge::lambda::{Event, Invoke};
pub use function::{Function, Trigger, run};

use crate::function::{function, http_function};
use edge::App;
use edge::budget::Budget;
use edge::lambda::{event, forward_auth, http, stream};
use futures::FutureExt;
use futures::future::{BoxFuture, join};

pub const REQUEST_CODE: Function =
    http_function!("request-code", "POST", "/api/login/code", request_code::handle)
        .side_by_side(2)
        .with(login_keyring);
pub const VERIFY_CODE: Function =
    http_function!("verify-code", "POST", "/api/login/verify", verify_code::handle)
        .side_by_side(3)
        .with(login_keyring);
pub const END_SESSION: Function =
    http_function!("end-session", "POST", "/api/logout", end_session::handle).side_by_side(2);
/// The template's `$default` route leads here, too: it answers for whatever no route matches.
pub const GET_SESSION: Function = Function {
    name: "get-session",
    trigger: Trigger::Http { method: "GET", path: "/api/session" },
    also: None,
    budget: Budget::REQUEST,
    ahead: function::USUAL,
    build: |app| {
        http(app, |app, call| get_session::handle(app, call, methods_of(&call.path())).boxed())
    },
}
.side_by_side(2);
pub const GET_SANDBOX: Function =
    http_function!("get-sandbox", "GET", "/api/sandbox", get_sandbox::handle).side_by_side(3);
pub const GET_USAGE: Function =
    http_function!("get-usage", "GET", "/api/usage", get_usage::handle).side_by_side(3);
pub const TEST_SANDBOX: Function = http_function!(
    "test-sandbox",
    "POST",
    "/api/sandbox/test",
    CONNECTION_TEST,
    test_sandbox::handle
)
.side_by_side(3)
.with(sealing_keyring);
pub const RETRY_SANDBOX: Function =
    http_function!("retry-sandbox", "POST", "/api/sandbox/provision", retry_sandbox::handle)
        .side_by_side(2);
pub const REVEAL_SANDBOX_KEY: Function =
    http_function!("reveal-sandbox-key", "POST", "/api/sandbox/key", reveal_sandbox_key::handle)
        .side_by_side(2)
        .with(sealing_keyring);
pub const LIST_KEYS: Function =
    http_function!("list-keys", "GET", "/api/keys", list_keys::handle).side_by_side(4);
pub const CREATE_KEY: Function =
    http_function!("create-key", "POST", "/api/keys", create_key::handle);
pub const CHANGE_KEY: Function =
    http_function!("change-key", "PATCH", "/api/keys/{key_id}", change_key::handle);
pub const ROTATE_KEY: Function =
    http_function!("rotate-key", "POST", "/api/keys/{key_id}/rotate", rotate_key::handle);
pub const DELETE_KEY: Function =
    http_function!("delete-key", "DELETE", "/api/keys/{key_id}", delete_key::handle);
pub const LIST_MEMBERS: Function =
    http_function!("list-members", "GET", "/api/team", list_members::handle).side_by_side(3);
pub const INVITE_MEMBER: Function =
    http_function!("invite-member", "POST", "/api/team", invite_member::handle);
pub const CHANGE_ROLE: Function =
    http_function!("change-role", "PATCH", "/api/team/{member_id}", change_role::handle);
pub const REVOKE_MEMBER: Function =
    http_function!("revoke-member", "DELETE", "/api/team/{member_id}", revoke_member::handle);
pub const LEAVE_TEAM: Function =
    http_function!("leave-team", "DELETE", "/api/team/me", leave_team::handle);
pub const RESEND_INVITATION: Function = http_function!(
    "resend-invitation",
    "POST",
    "/api/team/{member_id}/invitation",
    resend_invitation::handle
);
pub const DECLINE_INVITATION: Function = http_function!(
    "decline-invitation",
    "POST",
    "/api/invitation/decline",
    decline_invitation::handle
)
.with(login_keyring);
pub const LIST_SESSIONS: Function =
    http_function!("list-sessions", "GET", "/api/sessions", list_sessions::handle).side_by_side(2);
pub const REVOKE_SESSION: Function = http_function!(
    "revoke-session",
    "DELETE",
    "/api/sessions/{session_id}",
    revoke_session::handle
)
.and(Trigger::Http { method: "DELETE", path: revoke_session::OTHERS });
pub const LIST_ACTIVITY: Function =
    http_function!("list-activity", "GET", "/api/activity", list_activity::handle).side_by_side(3);
pub const AUTHORIZE_KEY: Function =
    function!("authorize-key", Trigger::Authorizer, KEY_CHECK, event, authorize_key::handle);
pub const CHECK_KEY: Function = function!(
    "check-key",
    Trigger::ForwardAuth { path: "/api/check" },
    KEY_CHECK,
    forward_auth,
    check_key::handle
)
.and(Trigger::ForwardAuth { path: "/api/check/{rest+}" });
pub const PROVISION_SANDBOX: Function =
    function!("provision-sandbox", Trigger::Stream, BATCH, stream, provision_sandbox::handle)
        .side_by_side(2)
        .with(sealing_keyring);
pub const DELIVER_MAIL: Function =
    function!("deliver-mail", Trigger::Stream, BATCH, stream, deliver_mail::handle)
        .side_by_side(2)
        .with(login_keyring_and_mail);
pub const NOTE_MAIL_EVENT: Function =
    function!("note-mail-event", Trigger::Topic, REQUEST, event, note_mail_event::handle);
pub const REGISTER_ACCOUNT: Function =
    function!("register-account", Trigger::Operator, REQUEST, event, register_account::handle);
pub const CHANGE_ACCOUNT: Function =
    function!("change-account", Trigger::Operator, BATCH, event, change_account::handle);
pub const DESCRIBE_ACCOUNT: Function =
    function!("describe-account", Trigger::Operator, REQUEST, event, describe_account::handle)
        .side_by_side(4);
pub const EXPORT_ACTIVITY: Function =
    function!("export-activity", Trigger::Operator, BATCH, event, export_activity::handle);
pub const SWEEP: Function = function!("sweep", Trigger::Schedule, BATCH, event, sweep::handle);

pub static FUNCTIONS: [Function; 34] = [
    REQUEST_CODE,
    VERIFY_CODE,
    END_SESSION,
    GET_SESSION,
    GET_SANDBOX,
    GET_USAGE,
    TEST_SANDBOX,
    RETRY_SANDBOX,
    REVEAL_SANDBOX_KEY,
    LIST_KEYS,
    CREATE_KEY,
    CHANGE_KEY,
    ROTATE_KEY,
    DELETE_KEY,
    LIST_MEMBERS,
    INVITE_MEMBER,
    CHANGE_ROLE,
    REVOKE_MEMBER,
    LEAVE_TEAM,
    RESEND_INVITATION,
    DECLINE_INVITATION,
    LIST_SESSIONS,
    REVOKE_SESSION,
    LIST_ACTIVITY,
    AUTHORIZE_KEY,
    CHECK_KEY,
    PROVISION_SANDBOX,
    DELIVER_MAIL,
    NOTE_MAIL_EVENT,
    REGISTER_ACCOUNT,
    CHANGE_ACCOUNT,
    DESCRIBE_ACCOUNT,
    EXPORT_ACTIVITY,
    SWEEP,
];

fn login_keyring(app: &App) -> BoxFuture<'_, ()> {
    app.keyrings.fetch_login().boxed()
}

fn login_keyring_and_mail(app: &App) -> BoxFuture<'_, ()> {
    join(app.keyrings.fetch_login(), app.mailer.connect()).map(drop).boxed()
}

fn sealing_keyring(app: &App) -> BoxFuture<'_, ()> {
    app.keyrings.fetch_sealing().boxed()
}

pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Of all functions, by themselves: whoever only wants to know the routes need not carry the code.
static TRIGGERS: [[Option<Trigger>; 2]; FUNCTIONS.len()] = {
    let mut triggers = [[None; 2]; FUNCTIONS.len()];
    let mut number = 0;
    while number < FUNCTIONS.len() {
        triggers[number] = FUNCTIONS[number].both();
        number += 1;
    }
    triggers
};

/// The methods that a path is known under; empty for an unknown path.
fn methods_of(path: &str) -> Vec<&'static str> {
    let triggers = TRIGGERS.iter().flatten().flatten();
    let known = triggers.filter_map(|trigger| trigger.method_for(path));
    // A path with a name in it may be one with a parameter as well.
    known.fold(Vec::new(), |mut methods, method| {
        if !methods.contains(&method) {
            methods.push(method);
        }
        methods
    })
}
