//! The console as the desk serves it, and that CloudFront serves it in the same way.

use crate::support::{Reply, Request, World};
use desk::Options;
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;
use std::collections::BTreeMap;
use std::path::PathBuf;

const PAGE: &str = "<!doctype html><title>Console</title>";

/// A desk that serves a small console of the test's own, from a folder of this name.
async fn world(name: &str) -> World {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("console_hosting").join(name);
    std::fs::create_dir_all(folder.join("assets")).expect("a folder");
    for (file, content) in [
        ("index.html", PAGE),
        ("favicon.svg", "<svg/>"),
        (".built", "a hash"),
        ("assets/index-1a2b.js", "export {}"),
        ("assets/index-1a2b.css", "body {}"),
    ] {
        std::fs::write(folder.join(file), content).expect("a file");
    }
    std::fs::write(folder.with_extension("txt"), "beside the folder").expect("a file");
    World::with_options(Options { console: Some(folder), ..Options::default() }).await
}

fn navigation<'w>(world: &'w World, path: &str) -> Request<'w> {
    world.call("GET", path).header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
}

/// Status and body.
fn told(reply: &Reply) -> (u16, &str) {
    (reply.status.as_u16(), &reply.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_the_console_come_with_their_types_and_assets_are_kept_for_ever() {
    let world = world("files").await;
    for (path, kind, cache) in [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/?from=mail", "text/html; charset=utf-8", "no-cache"),
        ("/favicon.svg", "image/svg+xml", "no-cache"),
        (
            "/assets/index-1a2b.js",
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
        (
            "/assets/index-1a2b.css",
            "text/css; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
    ] {
        let reply = world.call("GET", path).send().await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-type"), reply.header("cache-control")),
            (200, Some(kind), Some(cache)),
            "{path}"
        );
        let head = world.call("HEAD", path).send().await;
        assert_eq!(told(&head), (200, ""), "{path}");
        assert_eq!(
            head.header("content-length"),
            Some(reply.text.len().to_string().as_str()),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_browser_has_is_not_sent_again() {
    let world = world("etag").await;
    let reply = world.call("GET", "/").send().await;
    let tag = reply.header("etag").expect("an ETag").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
        let again = world.call("GET", "/").header("if-none-match", &known).send().await;
        assert_eq!(
            (told(&again), again.header("etag"), again.header("cache-control")),
            ((304, ""), Some(tag.as_str()), Some("no-cache"))
        );
    }
    assert_eq!(
        told(&world.call("GET", "/").header("if-none-match", "\"other\"").send().await),
        (200, PAGE)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_goes_to_an_unknown_page_gets_the_console_and_nothing_else_does() {
    let world = world("navigation").await;
    for path in ["/keys", "/team/", "/some/where/else"] {
        assert_eq!(told(&navigation(&world, path).send().await), (200, PAGE), "{path}");
        assert_eq!(
            world.call("GET", path).header("accept", "*/*").send().await.status,
            404,
            "{path}"
        );
    }
    for path in [
        "/robots.txt",
        "/assets/index-old.js",
        "/_local/nothing",
        "/heify",
        "/heify/",
        "/heify/nothing",
        "/api",
        "/api/nothing",
    ] {
        let reply = navigation(&world, path).send().await;
        assert!(reply.status.is_client_error() && reply.text != PAGE, "{path}: {}", reply.text);
    }
    let reply = world.call("POST", "/keys").send().await;
    assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_folder_or_to_what_is_hidden_in_it() {
    let world = world("paths").await;
    let port = world
        .desk
        .url()
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse::<u16>().ok())
        .expect("a port");
    for path in [
        "/../paths.txt",
        "/%2e%2e/paths.txt",
        "/..%2fpaths.txt",
        "/assets/../../paths.txt",
        "/assets/%2e%2e/%2e%2e/paths.txt",
        "/.built",
        "//etc/passwd",
    ] {
        // As it stands: a client that knows URLs would put such a path right.
        let answer = tokio::task::spawn_blocking(move || {
            use std::io::{Read, Write};
            let mut stream =
                std::net::TcpStream::connect(("127.0.0.1", port)).expect("the desk listens");
            write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                .expect("a request");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer");
            answer
        });
        let answer = answer.await.expect("the request is made");
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_told_beside_the_console_and_in_its_place_while_it_is_not_built() {
    let world = world("beside").await;
    let beside = navigation(&world, "/_local/").send().await;
    assert!(
        beside.status == 200
            && beside.text.contains("request-code")
            && !beside.text.contains("has not been built"),
        "{}",
        beside.text
    );
    assert_eq!(navigation(&world, "/_local").send().await.text, beside.text);
    assert!(navigation(&world, "/_local/inbox").send().await.text.contains("href=\"/_local/\""));

    for console in [None, Some(PathBuf::from("/nowhere"))] {
        let bare = World::with_options(Options { console, ..Options::default() }).await;
        let page = navigation(&bare, "/").send().await;
        assert!(
            page.status == 200
                && page.text.contains("request-code")
                && page.text.contains("has not been built"),
            "{}",
            page.text
        );
        assert_eq!(navigation(&bare, "/keys").send().await.status, 404);
        assert_eq!(bare.call("GET", "/api/session").send().await.status, 401);
    }
}

// --- As CloudFront does it
// ----------------------------------------------------------------------------------------

fn file(path: &str) -> String {
    std::fs::read_to_string(desk::workspace_root().join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The properties of a resource of the template; of an intrinsic, its argument.
fn properties(resource: &str) -> Value {
    fn plain(yaml: &Yaml) -> Value {
        match yaml {
            Yaml::Tagged(tagged) => plain(&tagged.value),
            Yaml::Mapping(mapping) => mapping
                .iter()
                .map(|(key, value)| (key.as_str().expect("a name").to_owned(), plain(value)))
                .collect(),
            Yaml::Sequence(sequence) => sequence.iter().map(plain).collect(),
            scalar => serde_json::to_value(scalar).expect("a plain value"),
        }
    }
    let template: Yaml = serde_yaml_ng::from_str(&file("template.yaml")).expect("YAML");
    plain(&template["Resources"][resource]["Properties"])
}

/// The headers that CloudFront adds, by their names on the wire.
fn headers_of_cloudfront() -> BTreeMap<String, String> {
    let policy = &properties("ConsoleHeaders")["ResponseHeadersPolicyConfig"];
    let mut headers = BTreeMap::new();
    for (kind, setting) in policy["SecurityHeadersConfig"].as_object().expect("security headers") {
        assert_eq!(setting["Override"], true, "{kind}");
        let text = |name: &str| {
            setting[name].as_str().unwrap_or_else(|| panic!("{kind} has no {name}")).to_owned()
        };
        let (name, value) = match kind.as_str() {
            "ContentSecurityPolicy" => ("content-security-policy", text("ContentSecurityPolicy")),
            "ContentTypeOptions" => ("x-content-type-options", "nosniff".to_owned()),
            "FrameOptions" => ("x-frame-options", text("FrameOption")),
            "ReferrerPolicy" => ("referrer-policy", text("ReferrerPolicy")),
            "StrictTransportSecurity" => (
                "strict-transport-security",
                format!("max-age={}", setting["AccessControlMaxAgeSec"]),
            ),
            other => panic!("{other} is not known here"),
        };
        headers.insert(name.to_owned(), value);
    }
    for item in policy["CustomHeadersConfig"]["Items"].as_array().expect("further headers") {
        assert_eq!(item["Override"], true);
        headers.insert(
            item["Header"].as_str().expect("a name").to_lowercase(),
            item["Value"].as_str().expect("a value").to_owned(),
        );
    }
    headers
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_console_carries_the_headers_that_cloudfront_adds() {
    let world = world("headers").await;
    let mut expected = headers_of_cloudfront();
    // The desk has no TLS to insist on.
    assert_eq!(expected.remove("strict-transport-security").as_deref(), Some("max-age=63072000"));
    assert_eq!(expected.len(), 7, "{expected:?}");
    let csp = expected["content-security-policy"].clone();
    assert!(
        csp.starts_with("default-src 'none'; script-src 'self';") && !csp.contains("unsafe"),
        "{csp}"
    );
    for (method, path) in [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/assets/index-1a2b.js"),
        ("GET", "/robots.txt"),
        ("GET", "/settings.json"),
        ("POST", "/"),
    ] {
        let reply = world.call(method, path).send().await;
        for (name, value) in &expected {
            assert_eq!(reply.header(name), Some(value.as_str()), "{name} of {method} {path}");
        }
    }
    // `vite preview` sends it too, so that a part that needs more is seen while it is written.
    for directive in csp.split("; ") {
        assert!(
            file("web/vite.config.ts").contains(&format!("\"{directive}\"")),
            "web/vite.config.ts has no {directive}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_deployment_says_of_itself_is_beside_the_page_and_kept_by_nobody() {
    let world = world("settings").await;
    let reply = world.call("GET", "/settings.json").send().await;
    let public = format!("{}/heify/get-configurations", world.desk.url());
    let defaults = json!({
        "product_name": "Heify", "terms_url": "", "privacy_url": "", "docs_url": "",
        "contact_url": "", "product_api_url": public,
    });
    assert_eq!(reply.ok(200), &defaults);
    let refused = world.call("POST", "/settings.json").send().await;
    assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, Some("GET, HEAD")));

    // What would be markup, or another line, is neither.
    let set = [
        ("ProductName", "Fish=\"Chips\" & \\Peas\u{2028}"),
        ("TermsUrl", "https://example.com/terms?of=use#now"),
        ("DocsUrl", "https://docs.example.com:8443/a"),
        ("ContactUrl", "mailto:sales@example.com"),
        ("ProductApiPublicUrl", "https://api.example.com/v1"),
    ];
    let told = World::with_parameters(&set).await.call("GET", "/settings.json").send().await;
    let told = told.ok(200).clone();
    let fields = ["product_name", "terms_url", "docs_url", "contact_url", "product_api_url"];
    assert_eq!(fields.map(|field| told[field].as_str().expect("a text")), set.map(|(_, set)| set));

    // Where the address for customers is not known, it is the one that the desk calls.
    let set = [("ProductApiPublicUrl", ""), ("ProductApiUrl", "https://api.example.com/v2")];
    let told = World::with_parameters(&set).await.call("GET", "/settings.json").send().await;
    assert_eq!(told.ok(200)["product_api_url"], "https://api.example.com/v2");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_uploaded_with_the_cache_headers_of_the_desk() {
    let world = world("upload").await;
    let script = file("infra/upload-console.sh");
    let script = script.replace(" \\\n        ", " ").replace(" \\\n    ", " ");
    for (path, uploaded) in [
        ("/assets/index-1a2b.js", "\"s3://$bucket/assets\""),
        ("/", "\"s3://$bucket\" --exclude \"assets/*\" --exclude \".*\""),
        ("/settings.json", "\"s3://$bucket/settings.json\""),
    ] {
        let reply = world.call("GET", path).send().await;
        let cache = reply.header("cache-control").expect("a header");
        assert!(
            script.contains(&format!("{uploaded} --cache-control \"{cache}\"")),
            "{path}: {cache}"
        );
    }
}

#[test]
fn cloudfront_hands_the_api_to_the_gateway_and_keeps_none_of_its_answers() {
    let distribution = &properties("Console")["DistributionConfig"];
    let behaviours = distribution["CacheBehaviors"].as_array().expect("behaviours");
    let [api, settings] = behaviours.as_slice() else {
        panic!("two behaviours beside the pages: {behaviours:?}")
    };
    assert_eq!(
        (&api["PathPattern"], &api["ViewerProtocolPolicy"]),
        (&"/api/*".into(), &"https-only".into())
    );
    // AWS's own policies CachingDisabled and AllViewerExceptHostHeader.
    assert_eq!(api["CachePolicyId"], "4135ea2d-6df8-44a3-9df3-4b5a84be39ad");
    assert_eq!(api["OriginRequestPolicyId"], "b689b0a8-53d0-40ab-baf2-68738e2966ac");
    assert_eq!(api["AllowedMethods"].as_array().map(Vec::len), Some(7));
    // Nor what the deployment says of itself.
    assert_eq!(settings["PathPattern"], "/settings.json");
    assert_eq!(settings["CachePolicyId"], api["CachePolicyId"]);
    let pages = &distribution["DefaultCacheBehavior"];
    for shared in
        ["TargetOriginId", "ViewerProtocolPolicy", "AllowedMethods", "ResponseHeadersPolicyId"]
    {
        assert_eq!(settings[shared], pages[shared], "{shared}");
    }
    assert_eq!(
        (&pages["ViewerProtocolPolicy"], &pages["AllowedMethods"]),
        (&"redirect-to-https".into(), &json!(["GET", "HEAD"]))
    );
    assert_eq!(
        (&pages["ResponseHeadersPolicyId"], &api["ResponseHeadersPolicyId"]),
        (&"ConsoleHeaders".into(), &"ConsoleHeaders".into())
    );
    let origins = distribution["Origins"].as_array().expect("origins");
    let origin = |behaviour: &Value| {
        origins
            .iter()
            .find(|origin| origin["Id"] == behaviour["TargetOriginId"])
            .expect("the origin")
            .clone()
    };
    assert_eq!(origin(api)["CustomOriginConfig"]["OriginProtocolPolicy"], "https-only");
    assert_eq!(origin(pages)["OriginAccessControlId"], "ConsoleAccess.Id");
    assert_eq!(
        properties("ConsoleBucket")["PublicAccessBlockConfiguration"]
            .as_object()
            .map(|all| all.values().all(|on| on == true)),
        Some(true)
    );
}

/// CloudFront keeps these errors for ten seconds by itself, some of them whatever `Cache-Control`
/// says, and hands one person's answer to the next.
#[test]
fn cloudfront_keeps_no_error_and_puts_no_page_in_its_place() {
    let responses = &properties("Console")["DistributionConfig"]["CustomErrorResponses"];
    let responses = responses.as_array().expect("responses");
    let codes: Vec<u64> =
        responses.iter().filter_map(|response| response["ErrorCode"].as_u64()).collect();
    assert_eq!(codes, [400, 403, 404, 405, 414, 500, 501, 502, 503, 504]);
    for response in responses {
        assert_eq!(response["ErrorCachingMinTTL"], 0, "{response}");
        assert_eq!(response.as_object().map(serde_json::Map::len), Some(2), "{response}");
    }
}

/// Runs a function of CloudFront's, on Node, with the event that it would get.
fn run_in_cloudfront(function: &str, event: &Value) -> Value {
    let code = properties(function)["FunctionCode"].as_str().expect("code").to_owned();
    let script = format!("{code}\nconsole.log(JSON.stringify(handler({event})));");
    let ran = std::process::Command::new("node").args(["-e", &script]).output().expect("Node runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).expect("the request, as JSON")
}

#[test]
fn cloudfront_sends_every_page_to_the_one_that_there_is() {
    let sent = |uri: &str, accept: &str| {
        let headers = json!({ "accept": { "value": accept } });
        let event = json!({ "request": { "uri": uri, "headers": headers } });
        run_in_cloudfront("ConsolePages", &event)["uri"].clone()
    };
    assert_eq!(sent("/team", "text/html,*/*"), "/index.html");
    assert_eq!(sent("/assets/index.js", "*/*"), "/assets/index.js");
    assert_eq!(sent("/missing.css", "text/html"), "/missing.css");
}

/// Behind CloudFront the address of a connection is CloudFront's own.
#[test]
fn the_viewers_address_is_cloudfronts_word_whatever_the_viewer_says() {
    let event = json!({
        "viewer": { "ip": "203.0.113.7" },
        "request": { "uri": "/api/session", "headers": {
            "x-frontdesk-viewer": { "value": "198.51.100.1" },
            "cookie": { "value": "a=b" },
        } },
    });
    let request = run_in_cloudfront("ConsoleViewer", &event);
    assert_eq!(request["headers"]["x-frontdesk-viewer"], json!({ "value": "203.0.113.7" }));
    assert_eq!(request["headers"]["cookie"], json!({ "value": "a=b" }));
    assert_eq!(request["uri"], "/api/session");

    let distribution = &properties("Console")["DistributionConfig"];
    let api = &distribution["CacheBehaviors"][0];
    assert_eq!(
        api["FunctionAssociations"],
        json!([{
            "EventType": "viewer-request",
            "FunctionARN": "ConsoleViewer.FunctionMetadata.FunctionARN",
        }])
    );
    let origins = distribution["Origins"].as_array().expect("origins");
    let origin = origins.iter().find(|origin| origin["Id"] == "api").expect("the API");
    // What CloudFront adds stands in place of what the viewer sent.
    assert_eq!(
        origin["OriginCustomHeaders"],
        json!([{
            "HeaderName": "x-frontdesk-origin",
            "HeaderValue": "{{resolve:secretsmanager:${OriginSecret}:SecretString}}",
        }])
    );
    assert!(properties("OriginSecret")["GenerateSecretString"].is_object());
}
