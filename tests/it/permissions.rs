//! What the roles of `template.yaml` allow, held against what the functions do.
//!
//! The desk enforces the roles, so every test of this suite fails on an act that no permission
//! covers. Here the other way round is shown: a script in which everything happens uses every
//! permission, and fails when any one of them is taken away. What a fence keeps out is tried from
//! outside.

use crate::support::{ADMIN, Person, Reply, World, signed_by};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::iam::{Permission, Permissions, Refused};
use desk::policy::{AccessRequest, ConditionKeys, Decision};
use desk::template::{Document, Parameters, Template};
use desk::{MailServiceMode, Options, ProductApiMode};
use functions::FUNCTIONS;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

// --- A script in which everything happens
// -------------------------------------------------------------------------

/// What a step came to, or what went otherwise than it should.
pub type Step<T = ()> = Result<T, String>;

/// The script, on a desk of its own.
pub struct Script<'w> {
    pub world: &'w World,
}

/// Whether events are told of whoever has this address.
fn acted(told: &Value, email: &str) -> bool {
    told["events"].as_array().into_iter().flatten().any(|event| event["actor"]["email"] == email)
}

fn holds(condition: bool, what: &str) -> Step {
    if condition { Ok(()) } else { Err(format!("not so: {what}")) }
}

impl<'w> Script<'w> {
    fn must(&self, reply: Reply, status: u16) -> Step<Value> {
        if reply.status == status {
            Ok(reply.body)
        } else {
            Err(format!("{status} was expected: {} {}", reply.status, reply.text))
        }
    }

    async fn login(&self, email: &str) -> Step<Person<'w>> {
        let challenge = self.must(self.world.request_code(email).await, 202)?["challenge"].clone();
        self.world.settle().await;
        let code = self.world.desk.inbox().code_for(email).ok_or("no code was mailed")?;
        let opened =
            self.must(self.world.verify(challenge.as_str().unwrap_or_default(), &code).await, 200)?;
        self.world.settle().await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let token = text(&opened["session_token"]);
        let id = text(&opened["member"]["id"]);
        let account = text(&opened["account"]["id"]);
        Ok(Person { world: self.world, token, id, account })
    }

    async fn operate(&self, function: &str, event: Value) -> Step<Value> {
        self.world.invoke(function, &event).await.map_err(|error| error.to_string())
    }

    async fn change(&self, account: &str, mut act: Value) -> Step {
        act["account_id"] = account.into();
        self.operate("change-account", act).await.map(drop)
    }

    async fn invite(&self, admin: &Person<'_>, email: &str) -> Step<String> {
        let invited = self.must(admin.post("/api/team", json!({ "email": email })).await, 201)?;
        self.world.settle().await;
        Ok(invited["member"]["id"].as_str().unwrap_or_default().to_owned())
    }

    async fn sandbox_is(&self, person: &Person<'_>, state: &str) -> Step {
        let sandbox = self.must(person.get("/api/sandbox").await, 200)?;
        holds(sandbox["state"] == state, &format!("the Sandbox is {state}: {sandbox}"))
    }

    /// A member, as the list has it.
    async fn listed(&self, admin: &Person<'_>, member: &str) -> Step<Value> {
        let team = self.must(admin.get("/api/team").await, 200)?;
        let mut members = team["members"].as_array().into_iter().flatten();
        let found = members.find(|known| known["id"] == member).cloned();
        found.ok_or_else(|| format!("not listed: {member}"))
    }

    async fn sweep(&self) -> Step<Value> {
        self.world.invoke("sweep", &json!({})).await.map_err(|error| error.to_string())
    }

    fn given_up_by(&self, function: &str) -> Step {
        let is_its = |record: &Value| {
            record["requestContext"]["functionArn"]
                .as_str()
                .is_some_and(|arn| arn.ends_with(function))
        };
        holds(
            self.world.desk.failures().iter().any(is_its),
            &format!("a record that {function} gave up is kept"),
        )
    }

    /// What is common comes first: with a permission less, the script so ends soon.
    pub async fn run(&self) -> Step {
        let admin = self.login(ADMIN).await?;
        self.operators_and_schedule().await?;
        self.reads(&admin).await?;
        self.keys(&admin).await?;
        self.limits(&admin).await?;
        self.sandbox(&admin).await?;
        self.team(&admin).await?;
        self.mail_events(&admin).await?;
        self.ended_invitations(&admin).await?;
        self.suspension(&admin).await?;
        self.rejected_and_deleted_sandbox_key(&admin).await?;
        self.logins().await?;
        self.lost_invitation(&admin).await?;
        self.lost_login_event().await
    }

    async fn operators_and_schedule(&self) -> Step {
        let other = json!({ "name": "Other Company", "admin_email": "other@example.com" });
        let made = self.operate("register-account", other).await?;
        let id = made["account"]["id"].as_str().unwrap_or_default();
        self.change(id, json!({ "act": "rename", "name": "Another Name" })).await?;
        // What its admin has done shows that both know who that is.
        let own = json!({ "account_id": self.world.account_of(ADMIN).await });
        let described = self.operate("describe-account", own.clone()).await?;
        holds(described["sandbox"]["state"] == "ready", "its Sandbox is told")?;
        holds(described["members"][0]["email"] == ADMIN, "its members are told")?;
        holds(acted(&described, ADMIN), "it is told who acted")?;
        let exported = self.operate("export-activity", own).await?;
        holds(acted(&exported, ADMIN), "who acted is exported")?;
        let swept = self.sweep().await?;
        holds(swept == json!({ "driven": 0, "given_up": 0 }), "nothing was lost yet")
    }

    async fn reads(&self, admin: &Person<'_>) -> Step {
        self.must(admin.get("/api/session").await, 200)?;
        self.must(admin.get("/api/nowhere").await, 404)?;
        self.must(admin.get("/api/sessions").await, 200)?;
        self.sandbox_is(admin, "ready").await?;
        holds(
            self.must(admin.get("/api/keys").await, 200)?["count"] == 1,
            "the Sandbox key is listed",
        )?;
        holds(self.listed(admin, &admin.id).await?["status"] == "active", "the admin is listed")?;
        let activity = self.must(admin.get("/api/activity").await, 200)?;
        holds(acted(&activity, ADMIN), "what the admin did is told")
    }

    async fn keys(&self, admin: &Person<'_>) -> Step {
        let create = admin
            .call("POST", "/api/keys")
            .header("idempotency-key", "one")
            .json(json!({ "name": "Backend" }));
        let created = self.must(create.clone().send().await, 201)?;
        let repeated = self.must(create.send().await, 201)?;
        holds(created == repeated, "a repetition gives the same key")?;
        let id = created["key"]["id"].as_str().unwrap_or_default();
        let key = created["api_key"].as_str().unwrap_or_default();
        self.checks(admin).await?;
        holds(self.world.product_api(key).await == 200, "the key opens the product API")?;
        self.is_marked(admin, id).await?;
        let path = format!("/api/keys/{id}");
        let change = admin.call("PATCH", &path).json(json!({ "name": "Frontend" }));
        let changed = self.must(change.send().await, 200)?;
        holds(changed["key"]["name"] == "Frontend", "the key has another name")?;
        for expires_at in [json!(self.world.ahead(30 * 86_400)), Value::Null] {
            let change = admin.call("PATCH", &path).json(json!({ "expires_at": expires_at }));
            let changed = self.must(change.send().await, 200)?;
            holds(changed["key"]["expires_at"] == expires_at, "the key ends then, or never")?;
        }
        let rotate = admin.call("POST", &format!("{path}/rotate")).header("idempotency-key", "two");
        let rotated = self.must(rotate.send().await, 201)?;
        let value = rotated["api_key"].as_str().unwrap_or_default();
        holds(self.world.product_api(value).await == 200, "the new value opens it")?;
        self.must(admin.delete(&path).await, 204)?;
        holds(self.world.product_api(key).await == 403, "a deleted key does not")
    }

    async fn is_marked(&self, admin: &Person<'_>, key: &str) -> Step {
        let listed = self.must(admin.get("/api/keys").await, 200)?;
        let used = listed["keys"].as_array().into_iter().flatten().find(|known| known["id"] == key);
        holds(used.is_some_and(|key| key["last_used_at"].is_string()), "its use is marked")
    }

    /// Another gateway asks over HTTP.
    async fn checks(&self, admin: &Person<'_>) -> Step {
        let made = self.must(admin.post("/api/keys", json!({ "name": "Checked" })).await, 201)?;
        let id = made["key"]["id"].as_str().unwrap_or_default();
        let key = made["api_key"].as_str().unwrap_or_default();
        let check = self.world.call("GET", "/api/check").header("x-api-key", key);
        self.must(check.clone().send().await, 200)?;
        self.is_marked(admin, id).await?;
        self.must(admin.delete(&format!("/api/keys/{id}")).await, 204)?;
        self.must(check.send().await, 403).map(drop)
    }

    /// A month's calls are used up, by both of the key checks.
    async fn limits(&self, admin: &Person<'_>) -> Step {
        let made = self.must(admin.post("/api/keys", json!({ "name": "Limited" })).await, 201)?;
        let key = made["api_key"].as_str().unwrap_or_default();
        let limited = json!({ "act": "set_limits", "limits": { "per_month": 5 } });
        self.change(&admin.account, limited).await?;
        for _ in 0..4 {
            holds(self.world.product_api(key).await == 200, "a call within its limit goes well")?;
        }
        let check = self.world.call("GET", "/api/check").header("x-api-key", key);
        self.must(check.clone().send().await, 200)?;
        self.must(check.send().await, 429)?;
        self.world.settle().await;
        holds(self.world.mailed("usage_warning").len() == 2, "the admin hears of it, twice")?;
        let rows = self.world.rows_of("usage_warning").await;
        let done = AttributeValue::S("done".to_owned());
        holds(rows.iter().all(|row| row["status"] == done), "warnings that were sent are done")?;
        holds(self.must(admin.get("/api/usage").await, 200)?["calls"] == 5, "usage is told")?;
        let unlimited = json!({ "act": "set_limits", "limits": null });
        self.change(&admin.account, unlimited).await?;
        let path = format!("/api/keys/{}", made["key"]["id"].as_str().unwrap_or_default());
        self.must(admin.delete(&path).await, 204).map(drop)
    }

    /// One that is owed to the admins of a suspended account waits.
    async fn waiting_warning(&self, account: &str) -> Step {
        let row = self.world.rows_of("usage_warning").await.remove(0);
        let place = ["pk", "sk"].map(|name| row[name].as_s().cloned().unwrap_or_default());
        let long_ago = AttributeValue::N("1".to_owned());
        let owed = [
            ("status", AttributeValue::S("pending".to_owned())),
            ("duty", AttributeValue::S("duty#0".to_owned())),
            ("due_at", long_ago.clone()),
        ];
        holds(place[0].ends_with(account), "it is this account's")?;
        self.world.set_attributes(&place[0], &place[1], &owed).await;
        self.world.settle().await;
        self.sweep().await?;
        let due_at = self.world.row(&place[0], &place[1]).await.remove("due_at");
        holds(due_at.is_some_and(|due_at| due_at != long_ago), "a warning waits")
    }

    async fn sandbox(&self, admin: &Person<'_>) -> Step {
        self.must(admin.act("/api/sandbox/key").await, 200)?;
        let tested = self.must(admin.act("/api/sandbox/test").await, 200)?;
        holds(tested["state"] == "ready", "the connection works")?;
        self.must(admin.act("/api/sandbox/provision").await, 202)?;
        self.world.settle().await;
        self.sandbox_is(admin, "ready").await
    }

    async fn team(&self, admin: &Person<'_>) -> Step {
        let desk = &self.world.desk;
        let grace = self.invite(admin, "grace@example.com").await?;
        holds(
            self.world.mailed("invitation") == ["grace@example.com"],
            "the invitation was mailed",
        )?;
        let outcomes: Vec<_> =
            self.world.rows_of("mail").await.iter().map(|row| row["status"].clone()).collect();
        holds(
            outcomes.iter().all(|status| status.as_s().is_ok_and(|status| status == "done")),
            "mails that were sent are done",
        )?;
        self.must(admin.act(&format!("/api/team/{grace}/invitation")).await, 202)?;
        // One who is invited and one who has logged in.
        let path = format!("/api/team/{grace}");
        let change = async |role: &str| {
            let changed = self.must(admin.patch(&path, json!({ "role": role })).await, 200)?;
            holds(changed["member"]["role"] == role, "the member has another role")
        };
        change("admin").await?;
        self.login("grace@example.com").await?;
        change("member").await?;
        self.must(admin.delete(&path).await, 204)?;
        self.invite(admin, "barbara@example.com").await?;
        let barbara = self.login("barbara@example.com").await?;
        self.must(barbara.delete("/api/team/me").await, 204)?;
        self.must(barbara.get("/api/session").await, 401)?;
        let again = admin.post("/api/team", json!({ "email": ADMIN })).await;
        holds(again.status == 409, "an address that is registered is")?;
        self.invite(admin, "edsger@example.com").await?;
        let mails = desk.inbox().mails();
        let text = mails.iter().find(|mail| mail.to == "edsger@example.com").map(|mail| &mail.text);
        let link = text.and_then(|text| text.split_once("#invitation=")?.1.split('\n').next());
        let declined = json!({ "invitation": link });
        let declined = self.world.call("POST", "/api/invitation/decline").json(declined);
        self.must(declined.send().await, 204)?;
        let team = self.must(admin.get("/api/team").await, 200)?;
        holds(team["count"] == 1, "whoever declined is no member")?;

        desk.mail_service().set_mode(MailServiceMode::Rejecting);
        let ada = self.invite(admin, "ada@example.com").await?;
        holds(
            self.listed(admin, &ada).await?["mail_problem"] == "failed",
            "a refused invitation shows",
        )?;
        desk.mail_service().set_mode(MailServiceMode::Up);
        Ok(())
    }

    /// A mail that comes back; and an event that nobody can read, which is given up.
    async fn mail_events(&self, admin: &Person<'_>) -> Step {
        let desk = &self.world.desk;
        desk.mail_service().set_mode(MailServiceMode::Bouncing);
        let barbara = self.invite(admin, "barbara@example.com").await?;
        holds(
            self.listed(admin, &barbara).await?["mail_problem"] == "bounced",
            "a mail that came back shows",
        )?;
        let sender = desk.environment("deliver-mail");
        let mail = format!(
            "Action=SendEmail&Source={}&ConfigurationSetName={}&Message.Body.Text.Data=x&\
             Destination.ToAddresses.member.1=a%40example.com&\
             Tags.member.1.Name=account&Tags.member.1.Value=nobodys",
            sender["MAIL_FROM"].replace('@', "%40"),
            sender["MAIL_CONFIGURATION_SET"],
        );
        let operator = desk.shared_environment();
        let url = &operator["AWS_ENDPOINT_URL_SES"];
        let (status, text) = self.world.aws(url, &signed_by(operator), "", mail).await;
        holds(status == 200, &text)?;
        for seconds in [0, 60, 120] {
            self.world.advance(seconds);
            self.world.settle().await;
        }
        desk.mail_service().set_mode(MailServiceMode::Up);
        self.must(admin.delete(&format!("/api/team/{barbara}")).await, 204)?;
        self.given_up_by("note-mail-event")
    }

    async fn rejected_and_deleted_sandbox_key(&self, admin: &Person<'_>) -> Step {
        // A key that was rejected gets a new secret.
        self.world.desk.product_api().set_mode(ProductApiMode::Rejecting);
        let tested = self.must(admin.act("/api/sandbox/test").await, 200)?;
        holds(tested["reason"] == "key_rejected", "the key is rejected")?;
        self.must(admin.act("/api/sandbox/provision").await, 202)?;
        self.world.settle().await;
        let sandbox = self.must(admin.get("/api/sandbox").await, 200)?;
        holds(sandbox["reason"] == "key_rejected", "so is the one in its place")?;
        self.world.desk.product_api().set_mode(ProductApiMode::Up);
        self.must(admin.act("/api/sandbox/provision").await, 202)?;
        self.world.settle().await;
        self.sandbox_is(admin, "ready").await?;

        // One that is deleted, by its admin or an operator, is made anew.
        for by_operator in [false, true] {
            let key = self.must(admin.get("/api/sandbox").await, 200)?["key_id"].clone();
            if by_operator {
                let act = json!({ "act": "revoke_key", "key_id": key });
                self.change(&admin.account, act).await?;
            } else {
                let key = key.as_str().unwrap_or_default();
                self.must(admin.delete(&format!("/api/keys/{key}")).await, 204)?;
            }
            self.must(admin.act("/api/sandbox/provision").await, 202)?;
            self.world.settle().await;
            self.sandbox_is(admin, "ready").await?;
        }
        Ok(())
    }

    async fn logins(&self) -> Step {
        let again = self.login(ADMIN).await?;
        let own = self.must(again.get("/api/sessions").await, 200)?["sessions"][0]["id"].clone();
        let path = format!("/api/sessions/{}", own.as_str().unwrap_or_default());
        self.must(again.delete(&path).await, 204)?;
        self.must(again.get("/api/session").await, 401)?;
        let other = self.login("other@example.com").await?;
        self.must(other.delete("/api/sessions").await, 204)?;
        self.must(other.act("/api/logout").await, 204)?;
        self.must(other.get("/api/session").await, 401)?;
        // A code asked for once more, a wrong guess, and an address that nobody has.
        let asked = self.must(self.world.request_code(ADMIN).await, 202)?;
        self.world.settle().await;
        let code = self.world.desk.inbox().code_for(ADMIN).ok_or("no code was mailed")?;
        let challenge = asked["challenge"].as_str().unwrap_or_default();
        self.must(self.world.verify(challenge, crate::support::wrong(&code)).await, 401)?;
        // As CloudFront passes it on.
        let nobody = self.world.request_code_from("192.0.2.1", "nobody@example.com").await;
        self.must(nobody, 202)?;
        self.world.settle().await;
        holds(
            self.world.desk.inbox().code_for("nobody@example.com").is_none(),
            "nobody gets no mail",
        )
    }

    async fn suspension(&self, admin: &Person<'_>) -> Step {
        let created =
            self.must(admin.post("/api/keys", json!({ "name": "Suspended" })).await, 201)?;
        let key = created["api_key"].as_str().unwrap_or_default();
        let id = &admin.account;
        self.change(id, json!({ "act": "suspend" })).await?;
        holds(self.world.product_api(key).await == 403, "a suspended account's key is refused")?;
        self.must(admin.get("/api/session").await, 403)?;
        self.waiting_warning(id).await?;
        self.change(id, json!({ "act": "resume" })).await?;
        holds(self.world.product_api(key).await == 200, "it is good again")?;
        self.change(id, json!({ "act": "add_admin", "email": "second@example.com" })).await?;
        self.change(id, json!({ "act": "remove_member", "email": "second@example.com" })).await?;
        // An invitation gives way to a registration.
        self.invite(admin, "third@example.com").await?;
        let third = json!({ "name": "Third Company", "admin_email": "third@example.com" });
        self.operate("register-account", third).await?;
        self.half_a_suspension(id, key).await
    }

    /// An invitation has ended: another one takes its place, and the sweep frees what nobody takes.
    async fn ended_invitations(&self, admin: &Person<'_>) -> Step {
        let partition = format!("ACCT#{}", admin.account);
        let long_ago = || AttributeValue::N("1".to_owned());
        let end = async |member: &str| {
            let ends = [("invited_until", long_ago()), ("due_at", long_ago())];
            self.world.set_attributes(&partition, &format!("MEMBER#{member}"), &ends).await;
            let open = AttributeValue::M([(member.to_owned(), long_ago())].into());
            self.world.set_attributes(&partition, "ACCOUNT", &[("invited", open)]).await;
        };
        let late = self.invite(admin, "late@example.com").await?;
        let team = self.must(admin.get("/api/team").await, 200)?;
        let full = json!({ "act": "set_limits", "member_limit": team["count"] });
        self.change(&admin.account, full).await?;
        end(&late).await;
        let later = self.invite(admin, "later@example.com").await?;
        end(&later).await;
        self.sweep().await?;
        let row = (partition.clone(), format!("MEMBER#{later}"));
        holds(!self.world.rows().await.contains_key(&row), "what has ended is gone")?;
        let limit = json!({ "act": "set_limits", "member_limit": 10 });
        self.change(&admin.account, limit).await
    }

    /// One that stopped the account and marked no key: the sweep finishes it.
    async fn half_a_suspension(&self, account: &str, key: &str) -> Step {
        let long_ago = AttributeValue::N("1".to_owned());
        let half = [
            ("suspended", AttributeValue::Bool(true)),
            ("duty", AttributeValue::S("duty#0".to_owned())),
            ("due_at", long_ago),
        ];
        self.world.set_attributes(&format!("ACCT#{account}"), "ACCOUNT", &half).await;
        self.sweep().await?;
        holds(self.world.product_api(key).await == 403, "the suspension is finished")?;
        self.change(account, json!({ "act": "resume" })).await?;
        holds(self.world.product_api(key).await == 200, "and it ends")
    }

    /// An invitation that the stream gives up, the sweep redelivers in vain, and gives up in the
    /// end.
    async fn lost_invitation(&self, admin: &Person<'_>) -> Step {
        self.world.desk.mail_service().set_mode(MailServiceMode::Throttling);
        let linus = self.invite(admin, "linus@example.com").await?;
        self.world.advance(241);
        self.world.settle().await;
        self.given_up_by("deliver-mail")?;
        let mut given_up = 0;
        for _ in 0..20 {
            // Each wait doubles, up to six hours.
            self.world.advance(6 * 3600);
            given_up += self.sweep().await?["given_up"].as_u64().unwrap_or(0);
            self.world.settle().await;
            if given_up > 0 {
                break;
            }
        }
        self.world.desk.mail_service().set_mode(MailServiceMode::Up);
        let admin = self.login(ADMIN).await?;
        holds(
            self.listed(&admin, &linus).await?["mail_problem"] == "failed",
            "an invitation that was given up shows",
        )?;
        // Whoever has a link and has asked for nothing has nothing to be looked after.
        let has_none = |row: &&BTreeMap<String, AttributeValue>| {
            row.get("asks").is_none_or(|asks| asks.as_m().expect("a map").is_empty())
        };
        let rows = self.world.rows_of("login").await;
        holds(
            rows.iter().filter(has_none).all(|row| !row.contains_key("duty")),
            "requests for codes are looked after",
        )
    }

    /// A login event that the stream gives up, and that is done once the sweep has redelivered it.
    async fn lost_login_event(&self) -> Step {
        let keyring = self.world.secret("SEALING_SECRET_ARN").await;
        self.world.put_secret("SEALING_SECRET_ARN", "no keyring").await;
        // Long enough for the functions to look at the keyring again.
        self.world.advance(3600);
        let admin = self.login(ADMIN).await?;
        self.world.advance(601);
        self.world.settle().await;
        self.given_up_by("provision-sandbox")?;
        self.world.put_secret("SEALING_SECRET_ARN", &keyring).await;
        self.world.advance(300);
        self.world.settle().await;
        self.sandbox_is(&admin, "ready").await
    }
}

/// Runs the script on this template: how it ended, and what was used and refused.
async fn run(template: PathBuf) -> (Step, Permissions) {
    match World::start(Options { template, ..Options::default() }).await {
        Ok(world) => {
            let ended = Script { world: &world }.run().await;
            (ended, world.desk.permissions())
        }
        Err(error) => (Err(error.to_string()), Permissions::default()),
    }
}

// --- The template, and what is taken from it
// ----------------------------------------------------------------------

fn real() -> PathBuf {
    desk::workspace_root().join("template.yaml")
}

fn yaml() -> Yaml {
    serde_yaml_ng::from_str(&std::fs::read_to_string(real()).expect("template.yaml is there"))
        .expect("template.yaml is YAML")
}

/// Writes a changed template to where a desk can read it.
fn write(name: &str, template: &Yaml) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.yaml"));
    std::fs::write(&path, serde_yaml_ng::to_string(template).expect("YAML"))
        .expect("the folder can be written to");
    path
}

/// One text or a list of them, as a list.
fn many(value: &Yaml) -> Vec<Yaml> {
    match value {
        Yaml::Sequence(values) => values.clone(),
        one => vec![one.clone()],
    }
}

/// The statements of a role, to be changed: those that are always there.
fn statements<'t>(template: &'t mut Yaml, role: &str) -> &'t mut Vec<Yaml> {
    let statements = &mut template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]
        ["Statement"];
    let statements = statements.as_sequence_mut().expect("a list of statements");
    statements.retain(|statement| !matches!(statement, Yaml::Tagged(_)));
    statements
}

/// The logical ids of the roles.
fn roles(template: &Yaml) -> Vec<String> {
    let resources = template["Resources"].as_mapping().expect("resources");
    let roles = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role");
    roles.map(|(id, _)| id.as_str().expect("a name").to_owned()).collect()
}

/// A template as the desk understands it.
fn resolve(template: &Path) -> Template {
    resolve_with(template, &[])
}

/// The same with some parameters.
fn resolve_with(template: &Path, parameters: &[(&str, &str)]) -> Template {
    let own = [("ConsoleOrigin", "http://localhost:9000"), ("MailFrom", "desk@example.com")];
    let named = |pairs: &[(&str, &str)]| -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    Document::read(template)
        .expect("a template")
        .resolve(&named(parameters), &named(&own))
        .expect("a good template")
}

/// The template with one permission less, and what that was.
struct Mutation {
    name: String,
    template: PathBuf,
}

/// The partitions that a statement reaches, to be changed; none where it has no such fence.
fn partitions(statement: &mut Yaml) -> Option<&mut Vec<Yaml>> {
    let fence = statement.get_mut("Condition")?.get_mut("ForAllValues:StringLike")?;
    fence.get_mut("dynamodb:LeadingKeys")?.as_sequence_mut()
}

/// A statement for each of its pairs of an action and a resource.
fn split(statement: &Yaml, sid: &str) -> Vec<Yaml> {
    let resources = many(&statement["Resource"]);
    let actions = many(&statement["Action"]);
    let pairs =
        actions.iter().flat_map(|action| resources.iter().map(move |resource| (action, resource)));
    let alone = |(number, (action, resource)): (usize, (&Yaml, &Yaml))| {
        let mut one = statement.clone();
        one["Sid"] = format!("{sid}n{number}").into();
        one["Action"] = action.clone();
        one["Resource"] = resource.clone();
        one
    };
    pairs.enumerate().map(alone).collect()
}

/// What is left of a permission in turn: nothing where it is one, and otherwise all partitions but
/// one.
fn remainders(statement: &Yaml) -> Vec<Option<Yaml>> {
    let reached = partitions(&mut statement.clone()).map_or(1, |partitions| partitions.len());
    let without = |gone: usize| {
        let mut left = statement.clone();
        partitions(&mut left).filter(|partitions| partitions.len() > 1)?.remove(gone);
        Some(left)
    };
    (0..reached).map(without).collect()
}

/// Every permission taken away in turn, save those to log.
fn mutations() -> Vec<Mutation> {
    let mut mutations = Vec::new();
    let whole = yaml();
    for role in roles(&whole) {
        let all = statements(&mut whole.clone(), &role).clone();
        for (position, statement) in
            all.iter().enumerate().filter(|(_, statement)| statement["Sid"] != "Log")
        {
            let parts = split(statement, &format!("Left{position}"));
            for (number, part) in parts.iter().enumerate() {
                for (gone, left) in remainders(part).into_iter().enumerate() {
                    let (before, behind) = (&parts[..number], &parts[number + 1..]);
                    let rest = [before, left.as_slice(), behind].concat();
                    let mut template = whole.clone();
                    statements(&mut template, &role).splice(position..=position, rest);
                    let action = part["Action"].as_str().expect("an action");
                    let sid = statement["Sid"].as_str().expect("a name");
                    let name = format!("{role}-{sid}-{}-{number}-{gone}", action.replace(':', "-"));
                    mutations.push(Mutation {
                        template: write(&format!("without-{name}"), &template),
                        name,
                    });
                }
            }
        }
    }
    mutations
}

#[tokio::test(flavor = "multi_thread")]
async fn every_permission_of_the_template_is_used_and_no_act_goes_without() {
    let (ended, Permissions { granted, refused }) = run(real()).await;
    assert_eq!(ended, Ok(()));
    assert_eq!(refused, Vec::<Refused>::new());
    let unused: Vec<Permission> = granted
        .iter()
        .filter(|granted| granted.times == 0)
        .map(|granted| granted.permission.clone())
        .collect();
    assert_eq!(unused, Vec::new(), "nobody uses these");
    let functions: BTreeSet<&str> =
        granted.iter().map(|granted| granted.permission.function.as_str()).collect();
    assert_eq!(functions, FUNCTIONS.iter().map(|function| function.name).collect());
}

#[test]
fn the_table_of_permissions_in_docs_table_md_is_the_templates() {
    const BEGIN: &str = "<!-- permissions:begin -->";
    const END: &str = "<!-- permissions:end -->";
    let table = render(&resolve(&real()));
    let text = std::fs::read_to_string(desk::workspace_root().join("docs/table.md"))
        .expect("docs/table.md is there");
    let written = text
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END))
        .map(|(table, _)| table.trim());
    assert!(
        written == Some(table.trim()),
        "docs/table.md differs from the template. \
         Between its marks {BEGIN} and {END} belongs:\n\n{table}\n"
    );
}

#[test]
fn every_function_may_send_traces_while_they_are_on_and_none_while_they_are_off() {
    let every: BTreeSet<String> =
        FUNCTIONS.iter().map(|function| function.name.to_owned()).collect();
    for (tracing, senders) in
        [("Active", &every), ("PassThrough", &every), ("Disabled", &BTreeSet::new())]
    {
        let template = resolve_with(&real(), &[("Tracing", tracing)]);
        for action in ["xray:PutTraceSegments", "xray:PutTelemetryRecords"] {
            let may = template.functions.iter().filter(|function| {
                let asked = AccessRequest::new(action, "*");
                matches!(function.role.policy.decide(&asked), Decision::Allowed(_))
            });
            let may: BTreeSet<String> = may.map(|function| function.name.clone()).collect();
            assert_eq!(&may, senders, "{tracing} {action}");
        }
    }
}

/// The table as it stands in `docs/table.md`.
fn render(template: &Template) -> String {
    const PARTITIONS: [&str; 6] =
        ["ACCT#*", "SANDBOX#*", "ADDR#*", "AUDIT#*", "METER#*", "USAGE#*"];
    let mut lines = vec![
        "| function | rows of accounts | Sandboxes | rows of addresses | trail | meters \
         | warnings of usage | besides |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    for function in &template.functions {
        let mut rows: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut besides: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for grant in function.role.policy.grants() {
            let action = grant.action.split_once(':').expect("a service").1.to_owned();
            let known = |only: &String| PARTITIONS.into_iter().find(|partition| partition == only);
            match (grant.only.first().and_then(known), &*grant.statement) {
                (Some(partition), _) => rows.entry(partition).or_default().push(action),
                (None, "Log") => {}
                (None, statement) => {
                    besides.entry(statement.to_owned()).or_default().insert(action);
                }
            }
        }
        let listed = |(statement, actions): (String, BTreeSet<String>)| {
            format!("`{statement}`: {}", actions.into_iter().collect::<Vec<_>>().join(", "))
        };
        let besides = besides.into_iter().map(listed).collect::<Vec<_>>().join("<br>");
        let rows =
            PARTITIONS.map(|partition| rows.remove(partition).unwrap_or_default().join(", "));
        lines.push(format!("| `{}` | {} | {besides} |", function.name, rows.join(" | ")));
    }
    lines.join("\n")
}

/// No permission survives this: whichever is taken away, something does not work any more, whatever
/// the desk has on record.
#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_permission_something_does_not_work() {
    let mutations = mutations();
    let all = resolve(&real())
        .functions
        .iter()
        .map(|function| function.role.policy.grants().len())
        .sum::<usize>();
    assert_eq!(mutations.len() + 2 * FUNCTIONS.len(), all, "with those to log, these are all");
    let ends = stream::iter(mutations).map(async |mutation| {
        let (ended, _) = tokio::spawn(run(mutation.template)).await.expect("the script ends");
        (mutation.name, ended)
    });
    let survivors = ends.buffer_unordered(4).filter_map(async |(name, ended)| match ended {
        Ok(()) => Some(name),
        // What a template that cannot be read ends by would be no proof.
        Err(error) => {
            assert!(!error.starts_with("template"), "{name}: {error}");
            None
        }
    });
    assert_eq!(survivors.collect::<Vec<_>>().await, Vec::<String>::new());
}

/// A function that may not log runs all the same, as on AWS: only the refusals show it. So these
/// permissions, which have nothing to do with each other, go all at once, and each must be missed.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_permissions_to_log_every_function_is_refused_both() {
    let mut silent = yaml();
    for role in roles(&silent.clone()) {
        statements(&mut silent, &role).retain(|statement| statement["Sid"] != "Log");
    }
    let (ended, Permissions { refused, .. }) = run(write("without-logs", &silent)).await;
    assert_eq!(ended, Ok(()));
    let refused: BTreeSet<(String, String)> =
        refused.into_iter().map(|refused| (refused.function, refused.action)).collect();
    let each = |function: &functions::Function| {
        ["logs:CreateLogStream", "logs:PutLogEvents"]
            .map(|action| (function.name.to_owned(), action.to_owned()))
    };
    assert_eq!(refused, FUNCTIONS.iter().flat_map(each).collect());
}

// --- Fences, tried from outside
// -----------------------------------------------------------------------------------

/// Somebody who sends requests under the role of a function, or under none.
struct Caller<'w> {
    world: &'w World,
    signature: String,
}

impl<'w> Caller<'w> {
    fn new(world: &'w World, function: &str) -> Self {
        Caller { world, signature: signed_by(&world.desk.environment(function)) }
    }

    /// Whether the stand-in that this setting leads to lets the request in.
    async fn may(&self, setting: &str, target: &str, body: String) -> bool {
        let url = &self.world.desk.shared_environment()[setting];
        let (_, text) = self.world.aws(url, &self.signature, target, body).await;
        !text.contains("AccessDenied")
    }

    async fn may_at_table(&self, operation: &str, body: &Value) -> bool {
        let mut body = body.clone();
        body["TableName"] = self.world.desk.shared_environment()["TABLE_NAME"].clone().into();
        self.may(
            "AWS_ENDPOINT_URL_DYNAMODB",
            &format!("DynamoDB_20120810.{operation}"),
            body.to_string(),
        )
        .await
    }

    async fn may_with_secret(&self, operation: &str, setting: &str) -> bool {
        let secret = &self.world.desk.shared_environment()[setting];
        let body = json!({ "SecretId": secret, "SecretString": "{}" }).to_string();
        self.may("AWS_ENDPOINT_URL_SECRETS_MANAGER", &format!("secretsmanager.{operation}"), body)
            .await
    }

    async fn may_mail(&self, action: &str, from: &str) -> bool {
        let from = from.replace('@', "%40");
        let to = "Destination.ToAddresses.member.1=a%40example.com";
        let body = format!(
            "Action={action}&Source={from}&{to}&Message.Body.Text.Data=hello&Message.Subject.Data=hello"
        );
        self.may("AWS_ENDPOINT_URL_SES", "", body).await
    }
}

/// What the text of the template allows a function on the table's rows: actions, each with the
/// beginning of the partition.
fn written(template: &Yaml, function: &str) -> BTreeSet<(String, String)> {
    let pascal: String =
        function.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    let mut written = BTreeSet::new();
    for statement in statements(&mut template.clone(), &format!("{pascal}Role")) {
        for fence in statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            .as_sequence()
            .into_iter()
            .flatten()
        {
            for action in many(&statement["Action"]) {
                let text = |value: &Yaml| value.as_str().expect("a text").to_owned();
                written
                    .insert((text(&action).replace("dynamodb:", ""), text(fence).replace('*', "")));
            }
        }
    }
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_reaches_the_rows_that_its_role_names_and_no_others() {
    let world = World::new().await;
    let template = yaml();
    for function in FUNCTIONS {
        let caller = Caller::new(&world, function.name);
        let written = written(&template, function.name);
        for partition in ["ACCT#", "SANDBOX#", "ADDR#", "AUDIT#", "METER#", "USAGE#", "OTHER#"] {
            let row =
                json!({ "pk": { "S": format!("{partition}nobody") }, "sk": { "S": "nothing" } });
            let query = json!({
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": { ":pk": row["pk"] },
            });
            let check = json!({
                "Key": row, "ConditionExpression": "attribute_exists(pk)",
                "TableName": world.table().1,
            });
            for (action, operation, body) in [
                ("GetItem", "GetItem", json!({ "Key": row })),
                ("PutItem", "PutItem", json!({ "Item": row })),
                ("UpdateItem", "UpdateItem", json!({ "Key": row })),
                ("DeleteItem", "DeleteItem", json!({ "Key": row })),
                ("Query", "Query", query),
                (
                    "ConditionCheckItem",
                    "TransactWriteItems",
                    json!({ "TransactItems": [{ "ConditionCheck": check }] }),
                ),
                (
                    "BatchGetItem",
                    "BatchGetItem",
                    json!({ "RequestItems": { world.table().1: { "Keys": [row] } } }),
                ),
            ] {
                let wanted = written.contains(&(action.to_owned(), partition.to_owned()));
                assert_eq!(
                    caller.may_at_table(operation, &body).await,
                    wanted,
                    "{} {action} {partition}",
                    function.name
                );
            }
        }
    }
}

/// Those whose acts the trail keeps.
pub const AUDITED: [&str; 20] = [
    "change-account",
    "change-key",
    "change-role",
    "create-key",
    "decline-invitation",
    "delete-key",
    "end-session",
    "invite-member",
    "leave-team",
    "provision-sandbox",
    "register-account",
    "resend-invitation",
    "retry-sandbox",
    "reveal-sandbox-key",
    "revoke-member",
    "revoke-session",
    "rotate-key",
    "sweep",
    "test-sandbox",
    "verify-code",
];

/// Those who tell of the trail; none of them adds to it.
const TRAIL_READERS: [&str; 3] = ["describe-account", "export-activity", "list-activity"];

/// Those whose role allows an action on rows of all these partitions at once.
fn allowed(template: &Template, action: &str, keys: &[&str]) -> BTreeSet<String> {
    let request = AccessRequest {
        condition_keys: ConditionKeys {
            leading_keys: Some(keys.iter().map(|key| (*key).to_owned()).collect()),
            ..ConditionKeys::default()
        },
        ..AccessRequest::new(
            format!("dynamodb:{action}"),
            format!("arn:aws:dynamodb:us-east-1:000000000000:table/{}", template.table().name),
        )
    };
    let may = template
        .functions
        .iter()
        .filter(|function| matches!(function.role.policy.decide(&request), Decision::Allowed(_)));
    may.map(|function| function.name.clone()).collect()
}

fn named(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What can be done to rows, by actions that name them; who scans is tried elsewhere.
const READS: [&str; 4] = ["GetItem", "Query", "BatchGetItem", "ConditionCheckItem"];
const CHANGES: [&str; 3] = ["UpdateItem", "DeleteItem", "BatchWriteItem"];

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_the_trail_is_added_by_some_read_by_others_and_changed_by_nobody() {
    let world = World::new().await;
    world.admin().await;
    let row = world.rows_of("audit").await.remove(0);
    let text = |name: &str| row[name].as_s().expect("a text").as_str();
    let trail = text("pk");
    let template = resolve(&real());
    let account = world.rows_of("account").await.remove(0)["pk"].as_s().unwrap().clone();
    let address = world.rows_of("owner").await.remove(0)["pk"].as_s().unwrap().clone();
    // By itself, and in a transaction whose keys are judged together.
    let together: [&[&str]; 4] =
        [&[trail], &[trail, &account], &[&account, trail], &[&address, &account, trail]];
    for action in READS.into_iter().chain(CHANGES) {
        for keys in together {
            let readers = ["Query", "BatchGetItem"].contains(&action) && keys == [trail];
            let may = if readers { named(&TRAIL_READERS) } else { named(&[]) };
            // Who describes an account may ask for its rows, too, by the same action.
            let both = action == "Query" && keys.len() == 2;
            let may = if both { named(&["describe-account"]) } else { may };
            assert_eq!(allowed(&template, action, keys), may, "{action} {keys:?}");
        }
    }
    assert_eq!(allowed(&template, "PutItem", &[trail]), named(&AUDITED));
    assert!(AUDITED.iter().all(|function| !TRAIL_READERS.contains(function)));

    let key = json!({ "pk": { "S": trail }, "sk": { "S": text("sk") } });
    let query = json!({
        "KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": { ":pk": key["pk"] },
    });
    let update = json!({
        "Key": key, "UpdateExpression": "SET actor = :a",
        "ExpressionAttributeValues": { ":a": { "S": "mem_other" } },
    });
    let before = world.rows_of("audit").await;
    for function in FUNCTIONS {
        let caller = Caller::new(&world, function.name);
        for (operation, body) in [
            ("GetItem", json!({ "Key": key })),
            ("Query", query.clone()),
            ("UpdateItem", update.clone()),
            ("DeleteItem", json!({ "Key": key })),
        ] {
            let may = operation == "Query" && TRAIL_READERS.contains(&function.name);
            let does = caller.may_at_table(operation, &body).await;
            assert_eq!(does, may, "{} {operation}", function.name);
        }
    }
    assert_eq!(world.rows_of("audit").await, before);
}

/// A role that may add could write over a row, if it knew where that lies: IAM knows no condition
/// on what is there. So nobody can guess it, or be told.
#[tokio::test(flavor = "multi_thread")]
async fn where_a_row_of_the_trail_lies_nobody_guesses_and_only_who_works_on_the_stream_is_told() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.key("First").await;
    let rows = world.rows_of("audit").await;
    let mut drawn = BTreeSet::new();
    for row in &rows {
        let sk = row["sk"].as_s().unwrap();
        let (time, random) = sk.split_once('#').expect("time and id");
        assert_eq!(time, row["at"].as_n().unwrap(), "the oldest come first");
        // 22 base62 characters are 130 bits.
        let is_random = random.len() == 22 && random.chars().all(|c| c.is_ascii_alphanumeric());
        assert!(is_random, "{sk}");
        drawn.insert(random.to_owned());
    }
    assert_eq!(drawn.len(), rows.len());

    let template = resolve(&real());
    let told = template.functions.iter().filter(|function| {
        function.role.policy.grants().iter().any(|grant| grant.action == "dynamodb:GetRecords")
    });
    let told: BTreeSet<String> = told.map(|function| function.name.clone()).collect();
    let adds = allowed(&template, "PutItem", &[rows[0]["pk"].as_s().unwrap()]);
    let both: BTreeSet<String> = told.intersection(&adds).cloned().collect();
    assert_eq!(both, named(&["provision-sandbox"]), "docs/security.md says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_of_a_sealed_key_is_reached_by_those_alone_who_work_on_the_sandbox() {
    let world = World::new().await;
    world.admin().await;
    let row = world.rows_of("sandbox").await.remove(0);
    assert!(row.contains_key("sandbox_key"));
    let partition = row["pk"].as_s().unwrap().as_str();
    let template = resolve(&real());
    for (action, functions) in [
        (
            "GetItem",
            &[
                "get-sandbox",
                "test-sandbox",
                "retry-sandbox",
                "reveal-sandbox-key",
                "provision-sandbox",
                "describe-account",
            ][..],
        ),
        (
            "UpdateItem",
            &["test-sandbox", "retry-sandbox", "delete-key", "provision-sandbox", "change-account"],
        ),
        ("ConditionCheckItem", &["reveal-sandbox-key"]),
        ("PutItem", &["register-account"]),
        ("DeleteItem", &[]),
        ("Query", &[]),
        ("BatchGetItem", &[]),
        ("BatchWriteItem", &[]),
    ] {
        assert_eq!(allowed(&template, action, &[partition]), named(functions), "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_scans_or_asks_in_a_way_that_does_not_name_rows_and_only_the_sweep_reads_the_index()
{
    let world = World::new().await;
    let values = json!({ ":duty": { "S": "duty#0" } });
    let index = json!({
        "IndexName": "duties", "KeyConditionExpression": "duty = :duty",
        "ExpressionAttributeValues": values,
    });
    let everything = json!({ "Statement": "SELECT * FROM \"frontdesk-Table\"" });
    for function in FUNCTIONS {
        let caller = Caller::new(&world, function.name);
        for (operation, body) in [
            ("Scan", json!({})),
            ("Scan", json!({ "IndexName": "duties" })),
            ("ExecuteStatement", everything.clone()),
            ("DescribeTable", json!({})),
            ("DeleteTable", json!({})),
        ] {
            assert!(!caller.may_at_table(operation, &body).await, "{} {operation}", function.name);
        }
        assert_eq!(
            caller.may_at_table("Query", &index).await,
            function.name == "sweep",
            "{}",
            function.name
        );
        let reads_the_stream = ["provision-sandbox", "deliver-mail"].contains(&function.name);
        let list = json!({ "TableName": world.table().1 }).to_string();
        let may = caller
            .may("AWS_ENDPOINT_URL_DYNAMODB", "DynamoDBStreams_20120810.ListStreams", list)
            .await;
        assert_eq!(may, reads_the_stream, "{}", function.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_reads_the_keyring_that_its_role_names_and_writes_none() {
    let world = World::new().await;
    for function in FUNCTIONS {
        let caller = Caller::new(&world, function.name);
        let environment = world.desk.environment(function.name);
        for setting in ["LOGIN_SECRET_ARN", "SEALING_SECRET_ARN"] {
            // Who is told of a keyring may read it, and nobody else.
            let told = environment.contains_key(setting);
            assert_eq!(
                caller.may_with_secret("GetSecretValue", setting).await,
                told,
                "{} {setting}",
                function.name
            );
            assert!(
                !caller.may_with_secret("PutSecretValue", setting).await,
                "{} {setting}",
                function.name
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_deliver_mail_sends_and_only_from_the_address_of_the_deployment() {
    let world = World::new().await;
    let own = &world.desk.environment("deliver-mail")["MAIL_FROM"];
    for function in FUNCTIONS {
        let caller = Caller::new(&world, function.name);
        let sends = function.name == "deliver-mail";
        assert_eq!(caller.may_mail("SendEmail", own).await, sends, "{}", function.name);
        for other in ["other@example.com", "desk@example.org", "Desk@example.com", ""] {
            assert!(!caller.may_mail("SendEmail", other).await, "{} from {other}", function.name);
        }
        assert!(!caller.may_mail("SendRawEmail", own).await, "{}", function.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authorizer_marks_a_use_and_changes_nothing_else_of_a_key() {
    let world = World::new().await;
    for name in ["authorize-key", "check-key"] {
        marks_a_use_and_nothing_else(&Caller::new(&world, name)).await;
    }
}

async fn marks_a_use_and_nothing_else(caller: &Caller<'_>) {
    let may = async |changed: Value| {
        let mut body = json!({
            "Key": { "pk": { "S": "ACCT#nobody" }, "sk": { "S": "KEY#nobodys" } },
            "UpdateExpression": "SET last_used_at = :now",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": { ":now": { "N": "1" } },
            "ReturnValues": "NONE",
        });
        for (name, value) in changed.as_object().expect("an object") {
            body[name] = value.clone();
        }
        caller.may_at_table("UpdateItem", &body).await
    };
    assert!(may(json!({})).await);
    let digest = json!({ "#x": "digest" });
    for changed in [
        json!({ "UpdateExpression": "SET digest = :now" }),
        json!({ "UpdateExpression": "SET last_used_at = :now REMOVE suspended" }),
        json!({ "UpdateExpression": "SET #x = :now", "ExpressionAttributeNames": digest }),
        json!({ "ConditionExpression": "begins_with(digest, :now)" }),
        json!({ "ConditionExpression": "#x = :now", "ExpressionAttributeNames": digest }),
        json!({ "ReturnValues": "ALL_OLD" }),
        json!({ "ReturnValues": "UPDATED_NEW" }),
        json!({ "Key": { "pk": { "S": "ADDR#nobody" }, "sk": { "S": "OWNER" } } }),
        json!({ "AttributeUpdates": {} }),
    ] {
        assert!(!may(changed.clone()).await, "{changed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_mail_marks_a_member_and_changes_nothing_else() {
    let world = World::new().await;
    let caller = Caller::new(&world, "note-mail-event");
    let may = async |changed: Value| {
        let mut body = json!({
            "Key": { "pk": { "S": "ACCT#nobody" }, "sk": { "S": "MEMBER#nobodys" } },
            "UpdateExpression": "SET mail_problem = :bounced",
            "ConditionExpression": "invitation = :one AND attribute_not_exists(last_login_at)",
            "ExpressionAttributeValues": { ":bounced": { "S": "bounced" }, ":one": { "N": "1" } },
        });
        for (name, value) in changed.as_object().expect("an object") {
            body[name] = value.clone();
        }
        caller.may_at_table("UpdateItem", &body).await
    };
    assert!(may(json!({})).await);
    for changed in [
        json!({ "UpdateExpression": "SET email = :bounced" }),
        json!({ "UpdateExpression": "SET mail_problem = :bounced REMOVE sessions" }),
        json!({ "ConditionExpression": "begins_with(email, :bounced)" }),
        json!({ "ReturnValues": "ALL_OLD" }),
        json!({ "ReturnValues": "ALL_NEW" }),
        json!({ "Key": { "pk": { "S": "ADDR#nobody" }, "sk": { "S": "OWNER" } } }),
    ] {
        assert!(!may(changed.clone()).await, "{changed}");
    }
}

/// The fences are what keeps the tests above out: without them, the same permissions reach further.
#[test]
fn without_its_fence_a_permission_reaches_what_the_fence_keeps_out() {
    let mut open = yaml();
    for role in roles(&open.clone()) {
        for statement in statements(&mut open, &role) {
            statement.as_mapping_mut().expect("a statement").remove("Condition");
        }
    }
    let (fenced, open) = (resolve(&real()), resolve(&write("without-fences", &open)));
    let outside = ConditionKeys {
        leading_keys: Some(vec!["OTHER#1".to_owned()]),
        from_address: Some("other@example.com".to_owned()),
        ..ConditionKeys::default()
    };
    let mut fences = 0;
    for (fenced, open) in fenced.functions.iter().zip(&open.functions) {
        for grant in fenced.role.policy.grants().into_iter().filter(|grant| !grant.only.is_empty())
        {
            let request = AccessRequest {
                condition_keys: outside.clone(),
                ..AccessRequest::new(&*grant.action, &*grant.resource)
            };
            assert_eq!(
                fenced.role.policy.decide(&request),
                Decision::ImplicitlyDenied,
                "{} {grant:?}",
                fenced.name
            );
            assert!(
                matches!(open.role.policy.decide(&request), Decision::Allowed(_)),
                "{} {grant:?}",
                open.name
            );
            fences += 1;
        }
    }
    assert!(fences > 50, "there are {fences}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_worded_as_the_service_words_it_and_is_put_on_record() {
    let world = World::new().await;
    let sweep = world.desk.environment("sweep");
    let signature = signed_by(&sweep);
    let user = "arn:aws:sts::000000000000:assumed-role/SweepRole/sweep";
    let table = format!("arn:aws:dynamodb:us-east-1:000000000000:table/{}", sweep["TABLE_NAME"]);
    let because =
        |action: &str| format!("because no identity-based policy allows the {action} action");
    let ask = async |setting: &str, target: &str, body: String| {
        let (status, text) = world.aws(&sweep[setting], &signature, target, body).await;
        (status.as_u16(), text)
    };

    let get = json!({
        "TableName": sweep["TABLE_NAME"],
        "Key": { "pk": { "S": "SANDBOX#1" }, "sk": { "S": "SANDBOX" } },
    });
    let (status, text) =
        ask("AWS_ENDPOINT_URL_DYNAMODB", "DynamoDB_20120810.GetItem", get.to_string()).await;
    let message = format!(
        "User: {user} is not authorized to perform: dynamodb:GetItem on resource: {table} {}",
        because("dynamodb:GetItem")
    );
    let wanted =
        json!({ "__type": "com.amazon.coral.service#AccessDeniedException", "Message": message });
    assert_eq!((status, serde_json::from_str::<Value>(&text).expect("JSON")), (400, wanted));

    let secret = world.desk.shared_environment()["LOGIN_SECRET_ARN"].clone();
    let read = json!({ "SecretId": secret }).to_string();
    let (status, text) =
        ask("AWS_ENDPOINT_URL_SECRETS_MANAGER", "secretsmanager.GetSecretValue", read).await;
    let action = "secretsmanager:GetSecretValue";
    let message = format!(
        "User: {user} is not authorized to perform: {action} on resource: {secret} {}",
        because(action)
    );
    let wanted = json!({ "__type": "AccessDeniedException", "Message": message });
    assert_eq!((status, serde_json::from_str::<Value>(&text).expect("JSON")), (400, wanted));

    let (status, text) =
        ask("AWS_ENDPOINT_URL_SES", "", "Action=SendEmail&Source=desk%40example.com".to_owned())
            .await;
    assert_eq!(status, 403);
    assert!(
        text.contains("<Code>AccessDenied</Code>")
            && text.contains("ses:SendEmail on resource: arn:aws:ses:"),
        "{text}"
    );

    let refused: Vec<(String, Option<Vec<String>>)> =
        world.desk.permissions().refused.into_iter().map(|own| (own.action, own.keys)).collect();
    let wanted = [
        ("dynamodb:GetItem", Some(vec!["SANDBOX#1".to_owned()])),
        (action, None),
        ("ses:SendEmail", None),
    ];
    assert_eq!(refused, wanted.map(|(action, keys)| (action.to_owned(), keys)));
    let shown = world.call("GET", "/_local/permissions").send().await;
    assert_eq!(shown.body["refused"][0]["resource"], table.as_str());
    assert!(shown.body["granted"].as_array().is_some_and(|granted| {
        granted.iter().any(|one| one["function"] == "sweep" && one["times"] == 0)
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_nobody_is_let_in_nowhere_and_an_operator_everywhere() {
    let world = World::new().await;
    let (nobody, operator) = (
        signed_by(&[("AWS_ACCESS_KEY_ID".to_owned(), "nobody".to_owned())].into()),
        signed_by(world.desk.shared_environment()),
    );
    let describe = json!({ "TableName": world.table().1 }).to_string();
    let secret =
        json!({ "SecretId": world.desk.shared_environment()["LOGIN_SECRET_ARN"] }).to_string();
    let mail = "Action=SendEmail&Source=desk%40example.com&Destination.ToAddresses.member.1=a%40example.com&Message.Body.Text.Data=hello";
    for (setting, target, body, unknown) in [
        (
            "AWS_ENDPOINT_URL_DYNAMODB",
            "DynamoDB_20120810.DescribeTable",
            describe,
            "UnrecognizedClientException",
        ),
        (
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            "secretsmanager.GetSecretValue",
            secret,
            "UnrecognizedClientException",
        ),
        ("AWS_ENDPOINT_URL_SES", "", mail.to_owned(), "InvalidClientTokenId"),
    ] {
        let url = &world.desk.shared_environment()[setting];
        for signature in [nobody.as_str(), "", "Bearer x"] {
            let (status, text) = world.aws(url, signature, target, body.clone()).await;
            assert!(
                status.is_client_error() && text.contains(unknown),
                "{setting} {signature}: {text}"
            );
        }
        let (status, text) = world.aws(url, &operator, target, body.clone()).await;
        assert!(status.is_success(), "{setting}: {text}");
    }
}
