//! On a machine without CA certificates, as many containers are.
#![cfg(unix)]

use crate::child;
use crate::folder::Folder;
use crate::support::World;
use edge::config::Env;
use serde_json::json;
use tokio::runtime::Runtime;

/// Runs this test where nobody is to be trusted, once for each way to have no certificates.
fn without_certificates(test: &str) {
    let folder = Folder::new();
    let none = folder.write("none.pem", "");
    for file in [none, folder.0.join("nowhere.pem")] {
        let prepare = format!("export SSL_CERT_FILE='{}' SSL_CERT_DIR=", file.display());
        child::run(&format!("no_certificates::{test}"), &folder.0, &prepare);
    }
}

#[test]
fn a_desk_works_without_certificates_for_all_of_it_is_plain_http_on_loopback() {
    if child::folder().is_none() {
        return without_certificates(
            "a_desk_works_without_certificates_for_all_of_it_is_plain_http_on_loopback",
        );
    }
    Runtime::new().expect("a runtime").block_on(async {
        let world = World::new().await;
        let admin = world.admin().await;
        assert_eq!(admin.get("/api/sandbox").await.ok(200)["state"], "ready");
        let (_, key) = admin.key("Backend").await;
        assert_eq!(world.product_api(&key).await, 200);
    });
}

#[test]
fn a_function_that_needs_certificates_says_so_and_goes_on() {
    if child::folder().is_none() {
        return without_certificates("a_function_that_needs_certificates_says_so_and_goes_on");
    }
    Runtime::new().expect("a runtime").block_on(async {
        let world = World::with_parameters(&[("ProductApiUrl", "https://localhost:1/check")]).await;
        let admin = world.admin().await;
        let sandbox = admin.get("/api/sandbox").await;
        assert_eq!(sandbox.ok(200)["state"], "not_configured");
        assert_eq!(sandbox.body["reason"], "api_unreachable");
        let tested = admin.act("/api/sandbox/test").await;
        assert_eq!(tested.ok(200)["reason"], "api_unreachable");
        assert_eq!(world.desk.failures(), [json!(null); 0]);

        // In a release build the call itself fails, as one to somebody who is not to be trusted.
        let mut environment = world.desk.environment("list-keys");
        environment.insert("AWS_ENDPOINT_URL_DYNAMODB".into(), "https://localhost:1".into());
        let app = edge::App::new(
            &Env::from_pairs(environment),
            world.desk.clock().clone(),
            edge::budget::Budget::REQUEST,
        );
        let says_so = app.err().is_some_and(|error| error.to_string().contains("CA certificates"));
        assert_eq!(says_so, cfg!(debug_assertions));
    });
}
