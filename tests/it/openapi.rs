//! openapi.yaml tells the truth: its routes are the functions', its codes the catalogue's, and what
//! a running desk answers is what it says.

use crate::support::{ADMIN, Reply, World, wrong};
use aws_sdk_dynamodb::types::AttributeValue;
use edge::ProblemCode;
use functions::{FUNCTIONS, Trigger};
use jiff::Timestamp;
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The document, with what was found to agree with it.
struct Contract {
    document: Value,
    succeeded: BTreeSet<String>,
    codes: BTreeSet<String>,
}

/// One operation, as the document has it.
struct Operation<'c> {
    /// In lower case, as the document has it.
    method: &'c str,
    path: &'c str,
    value: &'c Value,
}

impl<'c> Operation<'c> {
    fn id(&self) -> &'c str {
        self.value["operationId"].as_str().expect("every operation has its id")
    }

    fn statuses(&self) -> impl Iterator<Item = &'c str> {
        self.value["responses"].as_object().expect("responses").keys().map(String::as_str)
    }
}

/// A place in the document, as a reference has it.
fn pointer(parts: &[&str]) -> String {
    let escaped = parts.iter().map(|part| part.replace('~', "~0").replace('/', "~1"));
    escaped.fold("#".to_owned(), |pointer, part| format!("{pointer}/{part}"))
}

impl Contract {
    fn read() -> Self {
        let text = std::fs::read_to_string(desk::workspace_root().join("openapi.yaml"))
            .expect("there is the document");
        let document = serde_yaml_ng::from_str(&text).expect("YAML that is JSON as well");
        Self { document, succeeded: BTreeSet::new(), codes: BTreeSet::new() }
    }

    fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (path, methods) in self.document["paths"].as_object().expect("paths") {
            for (method, value) in methods.as_object().expect("methods") {
                operations.push(Operation { method, path, value });
            }
        }
        operations
    }

    /// The pointer to what is there, behind a reference if it is one.
    fn place(&self, parts: &[&str]) -> (String, &Value) {
        let place = pointer(parts);
        let value =
            self.document.pointer(&place[1..]).unwrap_or_else(|| panic!("there is no {place}"));
        match value["$ref"].as_str() {
            Some(elsewhere) => (
                elsewhere.to_owned(),
                self.document.pointer(&elsewhere[1..]).expect("references lead somewhere"),
            ),
            None => (place, value),
        }
    }

    fn validator(&self, schema: &str) -> Validator {
        let mut document = self.document.clone();
        // A reference is a URI.
        document["$ref"] = schema.replace('{', "%7B").replace('}', "%7D").into();
        let options =
            jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        options.build(&document).unwrap_or_else(|error| panic!("{schema} is no schema: {error}"))
    }

    #[track_caller]
    fn check(&self, schema: &str, value: &Value) {
        let errors: Vec<String> = self
            .validator(schema)
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{value} is not what {schema} says:\n{}", errors.join("\n"));
    }

    /// What the operation answers with this status, and where that is written.
    fn response(&self, operation: &Operation<'_>, status: &str) -> (String, &Value) {
        self.place(&["paths", operation.path, operation.method, "responses", status])
    }

    /// Whether the operation takes this body.
    fn takes(&self, id: &str, body: &Value) -> bool {
        let operation = self.operation(id);
        let (body_place, _) =
            self.place(&["paths", operation.path, operation.method, "requestBody"]);
        self.validator(&format!("{body_place}/content/application~1json/schema")).is_valid(body)
    }

    fn operation(&self, id: &str) -> Operation<'_> {
        self.operations()
            .into_iter()
            .find(|operation| operation.id() == id)
            .unwrap_or_else(|| panic!("there is no operation {id}"))
    }

    /// Checks an answer of the operation: status, headers and body.
    #[track_caller]
    fn answers(&mut self, id: &str, reply: &Reply) {
        let operation = self.operation(id);
        self.fits_operation(&operation, reply);
        if reply.status.is_success() {
            self.succeeded.insert(id.to_owned());
        } else {
            self.codes.insert(reply.body["code"].as_str().expect("a code").to_owned());
        }
    }

    /// Checks a refusal in other words than this API's.
    #[track_caller]
    fn refuses(&self, id: &str, reply: &Reply) {
        self.fits_operation(&self.operation(id), reply);
    }

    #[track_caller]
    fn fits_operation(&self, operation: &Operation<'_>, reply: &Reply) {
        let status = reply.status.as_u16().to_string();
        assert!(
            operation.statuses().any(|declared| declared == status),
            "{} does not say that it answers {status}: {}",
            operation.id(),
            reply.text
        );
        let (place, response) = self.response(operation, &status);
        self.fits(&place, response, reply);
    }

    /// Checks the answer to what is no operation.
    #[track_caller]
    fn answers_the_rest(&mut self, name: &str, reply: &Reply) {
        let (place, response) = self.place(&["components", "responses", name]);
        self.fits(&place, response, reply);
        self.codes.insert(reply.body["code"].as_str().expect("a code").to_owned());
    }

    #[track_caller]
    fn fits(&self, place: &str, response: &Value, reply: &Reply) {
        match response["content"].as_object().map(|content| content.keys().collect::<Vec<_>>()) {
            None => {
                // What the gateway says of a body that may be there and is empty.
                let gateways = (reply.status != 204).then_some("text/plain;charset=UTF-8");
                let told = (reply.text.as_str(), reply.header("content-type"));
                assert_eq!(told, ("", gateways), "{place}");
            }
            Some(kinds) => {
                let kind = reply.header("content-type").unwrap_or_default();
                assert_eq!(kinds, [kind], "{place}");
                self.check(
                    &format!("{place}/content/{}/schema", kind.replace('/', "~1")),
                    &reply.body,
                );
            }
        }
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let place = header["$ref"].as_str().expect("headers are named once");
            let header = self.document.pointer(&place[1..]).expect("references lead somewhere");
            let text = reply.header(name);
            assert!(text.is_some() || header["required"] != true, "{name} is missing");
            let Some(text) = text else { continue };
            let number = (header["schema"]["type"] == "integer")
                .then(|| text.parse::<u64>().expect("a number"));
            self.check(
                &format!("{place}/schema"),
                &number.map_or_else(|| json!(text), |number| json!(number)),
            );
        }
        let told = ["retry-after", "set-cookie", "www-authenticate", "allow"]
            .into_iter()
            .filter(|name| reply.header(name).is_some());
        let declared: BTreeSet<String> = response["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.to_lowercase())
            .collect();
        for name in told {
            assert!(declared.contains(name), "{place} does not tell of {name}");
        }
    }
}

fn camel(kebab: &str) -> String {
    let mut words = kebab.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// The codes that a response can have.
fn codes_of(response: &Value) -> BTreeSet<&str> {
    let schema =
        &response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"];
    schema["code"]["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|code| code.as_str().expect("a text"))
        .collect()
}

/// The codes that only an operator's invocation is refused with.
const NOT_FOR_HTTP: [ProblemCode; 2] = [ProblemCode::InvalidLimit, ProblemCode::AccountNotFound];

#[test]
fn the_document_has_the_routes_of_the_functions_each_named_after_its_action() {
    let contract = Contract::read();
    let of = |operation: &Operation<'_>| {
        (operation.id().to_owned(), operation.method.to_uppercase(), operation.path.to_owned())
    };
    let documented: BTreeSet<_> = contract.operations().iter().map(of).collect();
    let named = |name: String| {
        move |(method, path): (&str, &str)| (name, method.to_owned(), path.to_owned())
    };
    let routes = FUNCTIONS.iter().flat_map(|function| {
        let route = match function.trigger {
            // OpenAPI has no word for "any", neither of methods nor of what is below a path.
            Trigger::ForwardAuth { path } => Some(("GET", path)),
            trigger => trigger.route(),
        };
        // Two operations cannot have one name.
        let also = function.also.and_then(Trigger::route);
        let also = also.map(named("revokeOtherSessions".to_owned()));
        route.map(named(camel(function.name))).into_iter().chain(also)
    });
    assert_eq!(documented, routes.collect());
}

#[test]
fn the_document_has_every_problem_that_http_can_show_each_under_its_status() {
    let contract = Contract::read();
    let catalogue: BTreeMap<&str, u16> = ProblemCode::ALL
        .iter()
        .filter(|code| !NOT_FOR_HTTP.contains(code))
        .map(|code| (code.name(), code.status()))
        .collect();
    let listed = contract.document["components"]["schemas"]["ProblemCode"]["enum"]
        .as_array()
        .expect("codes");
    let listed: Vec<&str> = listed.iter().map(|code| code.as_str().expect("a text")).collect();
    assert_eq!(
        listed.iter().copied().collect::<BTreeSet<_>>(),
        catalogue.keys().copied().collect()
    );
    assert_eq!(listed.len(), catalogue.len(), "a code is listed twice");

    let mut used = BTreeSet::new();
    let mut note = |status: u16, response: &Value| {
        let codes = codes_of(response);
        assert!(!codes.is_empty(), "{response} names no code");
        let said = &response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]
            ["status"]["const"];
        assert_eq!(said, status);
        for code in codes {
            assert_eq!(catalogue.get(code), Some(&status), "{code}");
            used.insert(code.to_owned());
        }
    };
    for operation in contract.operations() {
        for status in operation.statuses().filter(|status| !status.starts_with('2')) {
            let (_, response) = contract.response(&operation, status);
            // A key check refuses in the product API's words.
            if operation.id() != "checkKey" || !["403", "429"].contains(&status) {
                note(status.parse().expect("a status"), response);
            }
        }
    }
    note(404, &contract.document["components"]["responses"]["NotFound"]);
    note(405, &contract.document["components"]["responses"]["MethodNotAllowed"]);
    assert_eq!(used, catalogue.keys().map(|code| (*code).to_owned()).collect());
}

#[test]
fn every_operation_tells_of_what_its_kind_can_meet() {
    let contract = Contract::read();
    for operation in contract.operations() {
        let codes: BTreeSet<&str> = operation
            .statuses()
            .flat_map(|status| codes_of(contract.response(&operation, status).1))
            .collect();
        let told = |names: &[&str]| names.iter().filter(|name| codes.contains(*name)).count();
        let id = operation.id();
        let reads = operation.method == "get";
        let takes_cookie = |own: &Value| own.get("cookie").is_some();
        let own = operation.value["security"].as_array();
        let open = own.is_some_and(|own| !own.iter().any(takes_cookie));
        let all_or_none = |names: &[&str], all: bool| {
            assert_eq!(told(names), if all { names.len() } else { 0 }, "{id}: {names:?}")
        };
        all_or_none(&["internal_error", "temporarily_unavailable"], true);
        all_or_none(&["session_required", "session_ended", "session_expired"], !open);
        assert!(open || codes.contains("account_suspended"), "{id}");
        all_or_none(
            &["cross_site", "invalid_json", "body_too_large", "unsupported_media_type"],
            !reads,
        );
        // Of a body, or of what a query asks for; gateways pass on whatever their clients ask for.
        let parameters = operation.value["parameters"].as_array().into_iter().flatten();
        let asks = id != "checkKey" && parameters.clone().any(|own| own["in"] == "query");
        all_or_none(&["invalid_request"], !reads || asks);
    }
}

#[test]
fn every_object_of_the_document_is_closed_and_every_schema_is_used() {
    let contract = Contract::read();
    let text = contract.document.to_string();
    for (name, schema) in contract.document["components"]["schemas"].as_object().expect("schemas") {
        assert!(
            text.contains(&format!("\"#/components/schemas/{name}\"")),
            "{name} is used nowhere"
        );
        if let Some(properties) = schema["properties"].as_object() {
            assert_eq!(schema["additionalProperties"], false, "{name}");
            let required = schema["required"].as_array().expect("an object says what it must have");
            assert!(
                required
                    .iter()
                    .all(|field| properties.contains_key(field.as_str().unwrap_or_default())),
                "{name}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_as_the_document_says() {
    let world = World::new().await;
    let mut contract = Contract::read();

    // In, once as a program and once as a browser.
    let asked = json!({ "email": ADMIN, "accept_terms": true });
    assert!(contract.takes("requestCode", &asked));
    let reply = world.call("POST", "/api/login/code").json(asked).send().await;
    contract.answers("requestCode", &reply);
    let (challenge, code) = world.challenge(ADMIN).await;
    for session in ["bearer", "cookie"] {
        let (challenge, code) = if session == "bearer" {
            (challenge.clone(), code.clone())
        } else {
            world.challenge(ADMIN).await
        };
        let guess = json!({ "challenge": challenge, "code": code, "session": session });
        assert!(contract.takes("verifyCode", &guess));
        let reply = world.call("POST", "/api/login/verify").json(guess).send().await;
        assert_eq!(reply.body.get("session_token").is_some(), session == "bearer");
        contract.answers("verifyCode", &reply);
    }
    world.settle().await;

    // The member first, for whom the account looks another way.
    world.advance(3600);
    let admin = world.admin().await;
    let invitation = json!({ "email": "grace@example.com" });
    assert!(contract.takes("inviteMember", &invitation));
    contract.answers("inviteMember", &admin.post("/api/team", invitation).await);
    contract.answers("listMembers", &admin.get("/api/team").await);
    let guest = crate::invitations::invited(&admin, "guest@example.com").await;
    contract
        .answers("resendInvitation", &admin.act(&format!("/api/team/{guest}/invitation")).await);
    world.settle().await;
    let link = crate::invitations::link(&world, "guest@example.com");
    let asked = json!({ "email": "x@example.com", "accept_terms": true, "invitation": link });
    assert!(contract.takes("requestCode", &asked));
    let declined = json!({ "invitation": link });
    assert!(contract.takes("declineInvitation", &declined));
    let reply = world.call("POST", "/api/invitation/decline").json(declined).send().await;
    contract.answers("declineInvitation", &reply);
    let member = world.login("grace@example.com").await;
    for person in [&admin, &member] {
        contract.answers("getSession", &person.get("/api/session").await);
        contract.answers("listSessions", &person.get("/api/sessions").await);
        contract.answers("getSandbox", &person.get("/api/sandbox").await);
        contract.answers("getUsage", &person.get("/api/usage").await);
        contract.answers("listKeys", &person.get("/api/keys").await);
    }
    contract.answers("listMembers", &admin.get("/api/team").await);

    // Keys.
    let expires_at = world.ahead(3600);
    let named = json!({ "name": "Zapier Integration", "expires_at": expires_at });
    assert!(contract.takes("createKey", &named));
    let created = admin
        .call("POST", "/api/keys")
        .header("idempotency-key", "b2ac-1")
        .json(named)
        .send()
        .await;
    contract.answers("createKey", &created);
    contract.answers("listKeys", &admin.get("/api/keys").await);
    let id = created.body["key"]["id"].as_str().expect("an id");
    let path = format!("/api/keys/{id}");
    for change in [json!({ "expires_at": null }), json!({ "name": "Another name" })] {
        assert!(contract.takes("changeKey", &change));
        contract.answers("changeKey", &admin.patch(&path, change).await);
    }
    assert!(!contract.takes("changeKey", &json!({})));
    let rotation = json!({ "keep_old_seconds": 60 });
    assert!(contract.takes("rotateKey", &rotation) && contract.takes("rotateKey", &json!({})));
    assert!(!contract.takes("rotateKey", &json!({ "keep_old_seconds": -1 })));
    contract.answers("rotateKey", &admin.post(&format!("{path}/rotate"), rotation).await);
    contract.answers("listKeys", &admin.get("/api/keys").await);
    let check = |key: &Value| {
        let key = key.as_str().expect("a key");
        world.call("GET", "/api/check").header("x-api-key", key).send()
    };
    contract.answers("checkKey", &check(&created.body["api_key"]).await);
    let limits = json!({ "act": "set_limits", "limits": { "per_minute": 1, "per_month": 9 } });
    world.change(&admin.account, limits).await;
    contract.answers("getUsage", &admin.get("/api/usage").await);
    contract.answers("checkKey", &check(&created.body["api_key"]).await);
    contract.refuses("checkKey", &check(&created.body["api_key"]).await);
    world.change(&admin.account, json!({ "act": "set_limits", "limits": null })).await;
    contract.answers("deleteKey", &admin.delete(&path).await);
    let refused = check(&created.body["api_key"]).await;
    assert_eq!(refused.status, 403);
    contract.refuses("checkKey", &refused);
    contract.answers("listActivity", &admin.get("/api/activity").await);

    // Each state of the Sandbox.
    assert!(
        contract.takes("testSandbox", &json!({}))
            && !contract.takes("testSandbox", &json!({ "now": true }))
    );
    contract.answers("testSandbox", &member.act("/api/sandbox/test").await);
    contract.answers("revealSandboxKey", &member.act("/api/sandbox/key").await);
    world.desk.product_api().set_mode(desk::ProductApiMode::Rejecting);
    contract.answers("testSandbox", &admin.act("/api/sandbox/test").await);
    world.desk.product_api().set_mode(desk::ProductApiMode::Up);
    contract.answers("retrySandbox", &admin.act("/api/sandbox/provision").await);
    contract.answers("getSandbox", &admin.get("/api/sandbox").await);
    world.settle().await;
    let sandbox_key =
        admin.get("/api/sandbox").await.body["key_id"].as_str().expect("a key").to_owned();
    contract.answers("deleteKey", &admin.delete(&format!("/api/keys/{sandbox_key}")).await);
    contract.answers("getSandbox", &admin.get("/api/sandbox").await);

    // Out.
    let role = json!({ "role": "admin" });
    assert!(contract.takes("changeRole", &role));
    assert!(!contract.takes("changeRole", &json!({ "role": "owner" })));
    let path = format!("/api/team/{}", member.id);
    contract.answers("changeRole", &admin.patch(&path, role).await);
    contract.answers("listMembers", &admin.get("/api/team").await);
    let leaving = world.member(&admin, "leaving@example.com").await;
    contract.answers("leaveTeam", &leaving.delete("/api/team/me").await);
    let spare = crate::list_sessions::id_of(&member).await;
    let path = format!("/api/sessions/{spare}");
    contract.answers("revokeOtherSessions", &member.delete("/api/sessions").await);
    contract.answers("revokeSession", &member.delete(&path).await);
    contract.answers("revokeMember", &admin.delete(&format!("/api/team/{}", member.id)).await);
    contract.answers("endSession", &admin.act("/api/logout").await);

    let all: BTreeSet<String> =
        contract.operations().iter().map(|operation| operation.id().to_owned()).collect();
    assert_eq!(contract.succeeded, all);
}

/// The texts in a value that are times.
fn times(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) if text.parse::<Timestamp>().is_ok() => vec![text],
        Value::Array(values) => values.iter().flat_map(times).collect(),
        Value::Object(fields) => fields.values().flat_map(times).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_of_a_whole_second_has_its_milliseconds_in_every_answer() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.key("A key").await;
    // Every time that is kept, without what it has beyond the second.
    fn whole(value: &AttributeValue) -> AttributeValue {
        match value {
            AttributeValue::N(number) if number.len() == 13 => {
                AttributeValue::N(format!("{}000", &number[..10]))
            }
            AttributeValue::M(fields) => AttributeValue::M(
                fields.iter().map(|(name, value)| (name.clone(), whole(value))).collect(),
            ),
            other => other.clone(),
        }
    }
    for ((pk, sk), row) in world.rows().await {
        let is_key = |name: &str| ["pk", "sk"].contains(&name);
        let changed: Vec<_> = row
            .iter()
            .filter(|(name, value)| !is_key(name) && whole(value) != **value)
            .map(|(name, value)| (name.as_str(), whole(value)))
            .collect();
        if !changed.is_empty() {
            world.set_attributes(&pk, &sk, &changed).await;
        }
    }
    let mut contract = Contract::read();
    let mut seen = 0;
    for (id, path) in [
        ("getSession", "/api/session"),
        ("listSessions", "/api/sessions"),
        ("getSandbox", "/api/sandbox"),
        ("listKeys", "/api/keys"),
        ("listMembers", "/api/team"),
        ("listActivity", "/api/activity"),
    ] {
        let reply = admin.get(path).await;
        contract.answers(id, &reply);
        let times = times(&reply.body);
        assert!(times.iter().all(|time| time.ends_with(".000Z")), "{}", reply.text);
        seen += times.len();
    }
    assert_eq!(seen, 15, "of the session (3), Sandbox (2), keys (3), the member (2), events (5)");
    for path in ["/_local/clock", "/_local/mail"] {
        let reply = world.call("GET", path).send().await;
        for time in times(&reply.body) {
            contract.check("#/components/schemas/Time", &json!(time));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_is_told_as_the_document_says() {
    let world = World::new().await;
    let mut contract = Contract::read();

    // What no operation is.
    contract.answers_the_rest("NotFound", &world.call("GET", "/api/nothing").send().await);
    contract.answers_the_rest("MethodNotAllowed", &world.call("PUT", "/api/keys").send().await);

    // Bodies.
    let login = || world.call("POST", "/api/login/code");
    let whole = json!({ "email": "nobody@example.com", "accept_terms": true });
    let more = json!({ "email": "nobody@example.com", "accept_terms": true, "remember": true });
    assert!(!contract.takes("requestCode", &more));
    contract.answers("requestCode", &login().json(more).send().await);
    contract.answers("requestCode", &login().raw("application/json", "{").send().await);
    contract.answers("requestCode", &login().raw("text/plain", whole.to_string()).send().await);
    contract
        .answers("requestCode", &login().raw("application/json", " ".repeat(20_000)).send().await);
    contract.answers(
        "requestCode",
        &login().header("sec-fetch-site", "cross-site").json(whole.clone()).send().await,
    );
    contract.answers(
        "requestCode",
        &login().json(json!({ "email": "nobody@example.com", "accept_terms": false })).send().await,
    );
    contract.answers(
        "requestCode",
        &login().json(json!({ "email": "nobody", "accept_terms": true })).send().await,
    );
    for _ in 0..4 {
        contract.answers("requestCode", &login().json(whole.clone()).send().await);
    }

    // Codes.
    let no_code = json!({ "challenge": "made up", "code": "12345" });
    assert!(!contract.takes("verifyCode", &no_code));
    contract.answers(
        "verifyCode",
        &world.call("POST", "/api/login/verify").json(json!({ "code": "123456" })).send().await,
    );
    contract.answers("verifyCode", &world.verify("made up", "123456").await);
    let (challenge, code) = world.challenge(ADMIN).await;
    for _ in 0..6 {
        contract.answers("verifyCode", &world.verify(&challenge, wrong(&code)).await);
    }
    let other = json!({ "name": "Other Company", "admin_email": "other@example.com" });
    let other = world.register(other).await;
    let (challenge, code) = world.challenge("other@example.com").await;
    world.suspend(other["account"]["id"].as_str().expect("an id")).await;
    contract.answers("verifyCode", &world.verify(&challenge, &code).await);

    // Sessions and roles.
    let early = world.admin().await;
    world.advance(12 * 3600);
    contract.answers("getSession", &early.get("/api/session").await);
    let admin = world.admin().await;
    let member = world.member(&admin, "grace@example.com").await;
    contract.answers("getSession", &world.call("GET", "/api/session").send().await);
    contract.answers(
        "getSession",
        &world
            .call("GET", "/api/session")
            .header("authorization", "Bearer fds_made_up")
            .send()
            .await,
    );
    contract.answers("listMembers", &member.get("/api/team").await);
    contract.answers("listActivity", &member.get("/api/activity").await);
    for wrong in ["before=x", "kind=x"] {
        contract.answers("listActivity", &admin.get(&format!("/api/activity?{wrong}")).await);
    }
    contract.answers("createKey", &member.post("/api/keys", json!({ "name": "Mine" })).await);

    // Keys.
    let key = |name: &str, once: &str| {
        admin
            .call("POST", "/api/keys")
            .header("idempotency-key", once)
            .json(json!({ "name": name }))
    };
    contract.answers("createKey", &key("", "once").send().await);
    let late = json!({ "name": "Late", "expires_at": "2026-01-01T00:00:00Z" });
    contract.answers("createKey", &admin.post("/api/keys", late).await);
    contract.answers("createKey", &key("First", "a, b").send().await);
    contract.answers("createKey", &key("First", "once").send().await);
    contract.answers("createKey", &key("Second", "once").send().await);
    let made = key("First", "once").send().await;
    let id = made.ok(201)["key"]["id"].as_str().expect("an id");
    admin.delete(&format!("/api/keys/{id}")).await.ok(204);
    contract.answers("createKey", &key("First", "once").send().await);
    admin.key("Key 1").await;
    for number in 2..=10 {
        contract.answers(
            "createKey",
            &admin.post("/api/keys", json!({ "name": format!("Key {number}") })).await,
        );
    }
    contract.answers("deleteKey", &admin.delete("/api/keys/key_k00000000").await);
    contract.answers("revokeSession", &admin.delete("/api/sessions/ses_0000000000000000").await);

    let rotate = async |once: &str, id: &str, seconds: i64| {
        let call = admin.call("POST", &format!("/api/keys/{id}/rotate"));
        let call = call.header("idempotency-key", once);
        call.json(json!({ "keep_old_seconds": seconds })).send().await
    };
    let listed = admin.get("/api/keys").await;
    let rotated = listed.body["keys"][1]["id"].as_str().expect("an id");
    contract.answers("rotateKey", &rotate("", rotated, 0).await);
    contract.answers("rotateKey", &rotate("one", rotated, -1).await);
    contract.answers("rotateKey", &rotate("one", "key_k00000000", 0).await);
    for (once, seconds) in [("one", 0), ("one", 1), ("two", 0), ("one", 0)] {
        contract.answers("rotateKey", &rotate(once, rotated, seconds).await);
    }
    let soon = json!({ "expires_at": world.ahead(360) });
    contract.answers("changeKey", &admin.patch(&format!("/api/keys/{rotated}"), soon).await);
    world.advance(360);
    contract.answers("rotateKey", &rotate("three", rotated, 0).await);
    let name = json!({ "name": "Another name" });
    contract.answers("changeKey", &admin.patch("/api/keys/key_k00000000", name.clone()).await);

    // Sandbox.
    let sandbox_key =
        admin.get("/api/sandbox").await.body["key_id"].as_str().expect("a key").to_owned();
    contract.answers("changeKey", &admin.patch(&format!("/api/keys/{sandbox_key}"), name).await);
    admin.delete(&format!("/api/keys/{sandbox_key}")).await.ok(204);
    contract.answers("testSandbox", &admin.act("/api/sandbox/test").await);
    contract.answers("revealSandboxKey", &admin.act("/api/sandbox/key").await);

    // Team.
    contract.answers("inviteMember", &admin.post("/api/team", json!({ "email": "grace" })).await);
    contract.answers(
        "inviteMember",
        &admin.post("/api/team", json!({ "email": "grace@example.com" })).await,
    );
    for number in 3..=6 {
        contract.answers(
            "inviteMember",
            &admin
                .post("/api/team", json!({ "email": format!("guest{number}@example.com") }))
                .await,
        );
    }
    contract.answers(
        "resendInvitation",
        &admin.act("/api/team/mem_0000000000000000000000000000/invitation").await,
    );
    contract.answers(
        "resendInvitation",
        &admin.act(&format!("/api/team/{}/invitation", admin.id)).await,
    );
    let nobody = "/api/team/mem_0000000000000000000000000000";
    let own = format!("/api/team/{}", admin.id);
    let role = json!({ "role": "member" });
    contract.answers("changeRole", &admin.patch(nobody, role.clone()).await);
    contract.answers("changeRole", &admin.patch(&own, role).await);
    contract.answers("revokeMember", &admin.delete(nobody).await);
    contract.answers("revokeMember", &admin.delete(&own).await);
    contract.answers("leaveTeam", &admin.delete("/api/team/me").await);

    // What only another deployment says, and what goes wrong on Frontdesk's side.
    let telling = World::with_parameters(&[("PreventUserExistenceErrors", "LEGACY")]).await;
    contract.answers(
        "requestCode",
        &telling.call("POST", "/api/login/code").json(whole.clone()).send().await,
    );
    let broken = World::new().await;
    broken.put_secret("LOGIN_SECRET_ARN", "no keyring").await;
    contract
        .answers("requestCode", &broken.call("POST", "/api/login/code").json(whole).send().await);

    // The store's outages are the business of `contention`.
    let expected = ProblemCode::ALL.iter().filter(|code| {
        !NOT_FOR_HTTP.contains(code) && **code != ProblemCode::TemporarilyUnavailable
    });
    assert_eq!(contract.codes, expected.map(|code| code.name().to_owned()).collect());
}
