//! What has every function do something, through a local desk. The last that each does is what is
//! measured, so whatever is to be measured comes after what merely leads there.

use crate::Failure;
use crate::local_desk::{LocalDesk, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ADMIN: &str = "admin@example.com";
const COLLEAGUE: &str = "colleague@example.com";
const POLL: Duration = Duration::from_millis(50);
const POLLS: u32 = 400;

/// What is not measured, and why.
pub const LEFT_OUT: [(&str, &str); 9] = [
    ("test-sandbox", "it waits for the product API"),
    ("provision-sandbox", "it waits for the product API"),
    ("retry-sandbox", "it does what `create-key` does: one transaction"),
    ("decline-invitation", "it does what `create-key` does: one transaction"),
    ("leave-team", "it does what `revoke-member` does"),
    ("note-mail-event", "no answer waits for it"),
    ("sweep", "no answer waits for it"),
    ("register-account", "an operator's, and rare"),
    ("export-activity", "an operator's, and rare"),
];

/// Somebody who is logged in, at a desk.
struct Person<'d> {
    desk: &'d LocalDesk,
    authorization: String,
}

impl Person<'_> {
    /// A request of theirs that goes well.
    async fn does(&self, route: &str, body: Option<Value>) -> Result<Reply, Failure> {
        let headers = [("authorization", self.authorization.as_str())];
        good(route, self.desk.ask(route, &headers, body).await?)
    }
}

fn good(route: &str, reply: Reply) -> Result<Reply, Failure> {
    if (200..300).contains(&reply.status) {
        return Ok(reply);
    }
    Err(format!("{route}: {} {}", reply.status, reply.body).into())
}

pub async fn walk(desk: &LocalDesk) -> Result<(), Failure> {
    let admin = log_in(desk).await?;
    settle_sandbox(&admin).await?;
    keys(&admin).await?;
    team(&admin).await?;
    operate(desk, &admin).await?;
    for route in ["GET /api/usage", "GET /api/sessions", "GET /api/activity", "GET /api/session"] {
        admin.does(route, None).await?;
    }
    admin.does("GET /api/sandbox", None).await?;
    admin.does("POST /api/sandbox/key", None).await?;
    admin.does("DELETE /api/sessions", None).await?;
    admin.does("POST /api/logout", None).await?;
    Ok(())
}

/// A key that is good, and the account that it is of.
pub async fn key(desk: &LocalDesk) -> Result<(String, String), Failure> {
    let admin = log_in(desk).await?;
    let key = admin.does("POST /api/keys", Some(json!({ "name": "Load" }))).await?;
    let session = admin.does("GET /api/session", None).await?;
    Ok((key.text("/api_key")?, session.text("/account/id")?))
}

async fn log_in(desk: &LocalDesk) -> Result<Person<'_>, Failure> {
    let asked = json!({ "email": ADMIN, "accept_terms": true });
    let route = "POST /api/login/code";
    let challenge = good(route, desk.ask(route, &[], Some(asked)).await?)?.text("/challenge")?;
    let code = until(async || {
        let mails = desk.ask("GET /_local/mail", &[], None).await?;
        Ok(mails.text("/0/code").ok())
    });
    let shown = json!({ "challenge": challenge, "code": code.await?, "session": "bearer" });
    let route = "POST /api/login/verify";
    let opened = good(route, desk.ask(route, &[], Some(shown)).await?)?;
    let authorization = format!("Bearer {}", opened.text("/session_token")?);
    Ok(Person { desk, authorization })
}

async fn settle_sandbox(admin: &Person<'_>) -> Result<(), Failure> {
    until(async || {
        let state = admin.does("GET /api/sandbox", None).await?.text("/state")?;
        Ok((state == "ready").then_some(()))
    })
    .await
}

/// An account with five keys and the Sandbox's, one of which is asked about.
async fn keys(admin: &Person<'_>) -> Result<(), Failure> {
    let create = async |name: &str| {
        let key = admin.does("POST /api/keys", Some(json!({ "name": name }))).await?;
        Ok::<_, Failure>((key.text("/key/id")?, key.text("/api_key")?))
    };
    let (doomed, _) = create("Old Backend").await?;
    admin.does(&format!("DELETE /api/keys/{doomed}"), None).await?;
    let (other, _) = create("Zapier Integration").await?;
    let renamed = json!({ "name": "Zapier" });
    admin.does(&format!("PATCH /api/keys/{other}"), Some(renamed)).await?;
    admin.does(&format!("POST /api/keys/{other}/rotate"), Some(json!({}))).await?;
    for name in ["Backend Staging", "Backend Testing", "Nightly"] {
        create(name).await?;
    }
    let (_, key) = create("Backend Production").await?;
    admin.does("GET /api/keys", None).await?;
    let key = [("x-api-key", key.as_str())];
    // The first use is marked, which the next ones are not.
    for _ in 0..3 {
        let route = "POST /heify/get-configurations";
        good(route, admin.desk.ask(route, &key, Some(json!({}))).await?)?;
        good("GET /api/check", admin.desk.ask("GET /api/check", &key, None).await?)?;
    }
    Ok(())
}

async fn team(admin: &Person<'_>) -> Result<(), Failure> {
    let invited = json!({ "email": COLLEAGUE });
    let member = admin.does("POST /api/team", Some(invited)).await?.text("/member/id")?;
    admin.does(&format!("POST /api/team/{member}/invitation"), None).await?;
    let role = json!({ "role": "admin" });
    admin.does(&format!("PATCH /api/team/{member}"), Some(role)).await?;
    admin.does("GET /api/team", None).await?;
    admin.does(&format!("DELETE /api/team/{member}"), None).await?;
    Ok(())
}

async fn operate(desk: &LocalDesk, admin: &Person<'_>) -> Result<(), Failure> {
    let account = admin.does("GET /api/session", None).await?.text("/account/id")?;
    let route = "POST /_local/operators/describe-account";
    good(route, desk.ask(route, &[], Some(json!({ "account_id": account }))).await?)?;
    let route = "POST /_local/operators/change-account";
    let renamed = json!({ "account_id": account, "act": "rename", "name": "Example" });
    good(route, desk.ask(route, &[], Some(renamed)).await?)?;
    Ok(())
}

/// Looks again and again, until something is there.
async fn until<T>(look: impl AsyncFn() -> Result<Option<T>, Failure>) -> Result<T, Failure> {
    for _ in 0..POLLS {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        tokio::time::sleep(POLL).await;
    }
    Err("what was waited for did not come".into())
}
