//! Who may call a route: every route has a case here, and every case is put to the same questions.

use crate::support::{Reply, Request, World};
use functions::{FUNCTIONS, Function, Trigger};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Who gets through to a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Anyone,
    /// Admins are members, too.
    Members,
    Admins,
}

/// One route and a call of it that is right in all but who makes it.
pub struct Case {
    pub function: &'static str,
    pub who: Who,
    /// How the call is answered when the right one makes it.
    status: u16,
    pub body: Option<Value>,
    /// Fills the path's parameter: nobody's id.
    pub id: &'static str,
}

pub fn cases() -> Vec<Case> {
    let case = |function, who, status| Case { function, who, status, body: None, id: "" };
    vec![
        Case {
            body: Some(json!({ "email": "nobody@example.com", "accept_terms": true })),
            ..case("request-code", Who::Anyone, 202)
        },
        Case {
            body: Some(json!({ "challenge": "made up", "code": "123456" })),
            ..case("verify-code", Who::Anyone, 401)
        },
        case("get-session", Who::Members, 200),
        case("get-sandbox", Who::Members, 200),
        case("get-usage", Who::Members, 200),
        case("test-sandbox", Who::Members, 200),
        case("reveal-sandbox-key", Who::Members, 200),
        case("retry-sandbox", Who::Members, 202),
        case("list-keys", Who::Members, 200),
        Case { body: Some(json!({ "name": "A key" })), ..case("create-key", Who::Admins, 201) },
        Case {
            id: "key_k00000000",
            body: Some(json!({ "name": "Another name" })),
            ..case("change-key", Who::Admins, 404)
        },
        Case { id: "key_k00000000/rotate", ..case("rotate-key", Who::Admins, 404) },
        Case { id: "key_k00000000", ..case("delete-key", Who::Admins, 404) },
        case("list-members", Who::Admins, 200),
        Case {
            body: Some(json!({ "email": "guest@example.com" })),
            ..case("invite-member", Who::Admins, 201)
        },
        Case {
            id: "mem_0000000000000000000000000000",
            body: Some(json!({ "role": "admin" })),
            ..case("change-role", Who::Admins, 404)
        },
        Case { id: "mem_0000000000000000000000000000", ..case("revoke-member", Who::Admins, 404) },
        Case {
            id: "mem_0000000000000000000000000000/invitation",
            ..case("resend-invitation", Who::Admins, 404)
        },
        Case {
            body: Some(json!({ "invitation": "made up" })),
            ..case("decline-invitation", Who::Anyone, 204)
        },
        // The caller here is the last admin.
        case("leave-team", Who::Members, 409),
        case("list-sessions", Who::Members, 200),
        Case { id: "ses_0000000000000000", ..case("revoke-session", Who::Members, 404) },
        case("revoke-session", Who::Members, 204),
        case("list-activity", Who::Admins, 200),
        // The last one, for it takes the caller's session.
        case("end-session", Who::Members, 204),
    ]
}

/// The routes of a function: the method, and the path as the template has it.
fn routes_of(function: &Function) -> impl Iterator<Item = (&'static str, &'static str)> {
    function.triggers().filter_map(Trigger::route)
}

impl Case {
    /// The method, and the path as the template has it.
    fn route(&self) -> (&'static str, &'static str) {
        let function = functions::find(self.function).expect("there is this function");
        let fits = |(_, path): &(_, &str)| path.contains('{') != self.id.is_empty();
        routes_of(function)
            .find(fits)
            .unwrap_or_else(|| panic!("{} has no such route", function.name))
    }

    fn path(&self) -> String {
        let (_, path) = self.route();
        path.split_once('{')
            .map_or_else(|| path.to_owned(), |(before, _)| format!("{before}{}", self.id))
    }

    fn request<'w>(&self, world: &'w World) -> Request<'w> {
        let request = world.call(self.route().0, &self.path());
        match &self.body {
            Some(body) => request.json(body.clone()),
            None => request,
        }
    }

    async fn by(&self, world: &World, token: &str) -> Reply {
        self.request(world).header("authorization", &format!("Bearer {token}")).send().await
    }
}

#[test]
fn every_route_has_its_case_and_every_case_its_route() {
    let routes: BTreeSet<_> = FUNCTIONS.iter().flat_map(routes_of).collect();
    let cases = cases();
    let tested: BTreeSet<_> = cases.iter().map(Case::route).collect();
    assert_eq!(tested, routes);
    assert_eq!(cases.len(), routes.len(), "a route has two cases");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_is_answered_as_it_says_when_the_right_one_asks() {
    let world = World::new().await;
    let admin = world.admin().await;
    for case in cases() {
        let reply = case.by(&world, &admin.token).await;
        assert_eq!(reply.status.as_u16(), case.status, "{}: {}", case.function, reply.text);
        world.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_only_the_login_is_open() {
    let world = World::new().await;
    world.admin().await;
    for case in cases().iter().filter(|case| case.who != Who::Anyone) {
        let nothing = case.request(&world);
        let empty = case.request(&world).header("authorization", "Bearer ");
        let other_scheme = case.request(&world).header("authorization", "Basic YWRtaW46YWRtaW4=");
        let other_cookie =
            case.request(&world).header("cookie", "frontdesk=1; __Host-frontdesk-device=1");
        for request in [nothing, empty, other_scheme, other_cookie] {
            let reply = world.changes_nothing(request.send()).await;
            reply.problem(401, "session_required");
            assert_eq!(
                reply.header("www-authenticate"),
                Some("Bearer realm=\"frontdesk\""),
                "{}",
                case.function
            );
        }
    }
    for case in cases().iter().filter(|case| case.who == Who::Anyone) {
        assert_eq!(
            case.by(&world, "fds_garbage").await.status.as_u16(),
            case.status,
            "{}",
            case.function
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_not_opened_here_opens_nothing() {
    let world = World::new().await;
    let admin = world.admin().await;
    let other = world.other_admin("other@example.com").await;
    let last = if admin.token.ends_with('0') { "1" } else { "0" };
    let secret = admin.token.len() - 43;
    let key = admin.post("/api/keys", json!({ "name": "No session" })).await.ok(201).clone();
    let key = key["api_key"].as_str().expect("a text");
    let tokens = [
        "fds_garbage".to_owned(),
        // The right place, and a secret that is wrong in one letter, or somebody else's.
        format!("{}{last}", &admin.token[..admin.token.len() - 1]),
        format!("{}{}", &admin.token[..secret], &other.token[secret..]),
        format!("{}0", admin.token),
        admin.token.replacen("fds_", "fdx_", 1),
        // A key, also in a session's clothes.
        key.to_owned(),
        key.replacen("fd_live_", "fds_", 1),
    ];
    for case in cases().iter().filter(|case| case.who != Who::Anyone) {
        for token in &tokens {
            let cookie =
                case.request(&world).header("cookie", &format!("__Host-frontdesk={token}"));
            for request in
                [case.request(&world).header("authorization", &format!("Bearer {token}")), cookie]
            {
                let reply = world.changes_nothing(request.send()).await;
                reply.problem(401, "session_ended");
            }
        }
    }
    admin.get("/api/session").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_gets_through_where_members_may_and_nowhere_else() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "grace@example.com").await;
    let leaving = world.member(&admin, "linus@example.com").await;
    for case in cases() {
        match case.who {
            Who::Anyone => {}
            Who::Members if case.function == "leave-team" => {
                case.by(&world, &leaving.token).await.ok(204);
            }
            Who::Members => {
                let reply = case.by(&world, &member.token).await;
                assert_eq!(reply.status.as_u16(), case.status, "{}: {}", case.function, reply.text);
                world.settle().await;
            }
            Who::Admins => {
                world
                    .changes_nothing(case.by(&world, &member.token))
                    .await
                    .problem(403, "admin_required");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_gets_through_nowhere() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "grace@example.com").await;
    // What an admin asked for once may not be asked for again.
    let once = || {
        admin
            .call("POST", "/api/keys")
            .header("idempotency-key", "once")
            .json(json!({ "name": "Once" }))
    };
    once().send().await.ok(201);
    let full = json!({ "act": "set_limits", "key_limit": 2, "member_limit": 2 });
    world.change(&admin.account, full).await;
    world.suspend(&admin.account).await;
    world.changes_nothing(once().send()).await.problem(403, "account_suspended");
    for case in
        cases().iter().filter(|case| case.who != Who::Anyone && case.function != "end-session")
    {
        for person in [&admin, &member] {
            world
                .changes_nothing(case.by(&world, &person.token))
                .await
                .problem(403, "account_suspended");
        }
    }
    // Save that a session can be ended, so that it does not come back with the account.
    member.act("/api/logout").await.problem(403, "account_suspended");
    world.resume(&admin.account).await;
    member.get("/api/session").await.problem(401, "session_ended");
    admin.get("/api/session").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_expired_gets_through_nowhere_and_is_told_so() {
    let world = World::new().await;
    let admin = world.admin().await;
    let member = world.member(&admin, "grace@example.com").await;
    world.advance(12 * 3600);
    for suspended in [false, true] {
        world.set_suspended(&admin.account, suspended).await;
        for case in cases().iter().filter(|case| case.who != Who::Anyone) {
            for person in [&admin, &member] {
                let reply = world.changes_nothing(case.by(&world, &person.token)).await;
                reply.problem(401, "session_expired");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_changes_nothing_on_any_route() {
    let world = World::new().await;
    let admin = world.admin().await;
    let foreign = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ];
    for case in cases() {
        for (name, value) in foreign {
            let cookie = format!("__Host-frontdesk={}", admin.token);
            let request = case.request(&world).header("cookie", &cookie).header(name, value);
            let reply = world.changes_nothing(request.send()).await;
            if case.route().0 == "GET" {
                assert_eq!(reply.status.as_u16(), case.status, "{}", case.function);
            } else {
                reply.problem(403, "cross_site");
                assert_eq!(reply.cookies(), Vec::<&str>::new());
            }
        }
    }
}

/// The one exception, at paths where no person asks.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_key_check_over_http_asks_for_no_session_and_minds_no_other_site() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (_, key) = admin.key("A key").await;
    let triggers = |function: &'static Function| {
        function.triggers().map(move |trigger| (function.name, trigger))
    };
    let checks: Vec<&str> = FUNCTIONS
        .iter()
        .flat_map(triggers)
        .filter_map(|(name, trigger)| {
            let Trigger::ForwardAuth { path } = trigger else { return None };
            assert_eq!(name, "check-key");
            Some(path)
        })
        .collect();
    assert_eq!(checks, ["/api/check", "/api/check/{rest+}"]);
    for path in checks {
        let path = path.replace("{rest+}", "v1/anything?of=a client");
        let check = || world.call("POST", &path).header("origin", "https://evil.example");
        let good = check().header("sec-fetch-site", "cross-site").header("x-api-key", &key);
        assert_eq!(good.send().await.status, 200);
        // Nor does a session let anybody in.
        let cookie = format!("__Host-frontdesk={}", admin.token);
        let bearer = format!("Bearer {}", admin.token);
        for (name, value) in [("cookie", &cookie), ("authorization", &bearer)] {
            let reply = world.changes_nothing(check().header(name, value).send()).await;
            assert_eq!((reply.status.as_u16(), &reply.body["error"]["code"]), (403, &json!(403)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_may_be_kept_or_guessed_at() {
    let world = World::new().await;
    let admin = world.admin().await;
    for case in cases() {
        for reply in [case.request(&world).send().await, case.by(&world, &admin.token).await] {
            assert_eq!(reply.header("cache-control"), Some("no-store"), "{}", case.function);
            assert_eq!(
                reply.header("x-content-type-options"),
                Some("nosniff"),
                "{}",
                case.function
            );
            assert!(
                reply.header("x-request-id").is_some_and(|id| !id.is_empty()),
                "{}",
                case.function
            );
            assert!(!reply.text.contains(&admin.token), "{}", case.function);
        }
        world.settle().await;
    }
}
