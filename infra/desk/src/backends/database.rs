//! DynamoDB: dynoxide in this process, served on the real wire protocol, behind a proxy that asks
//! who may do what.

use crate::backends::retention::{self, Retention};
use crate::error::StartError;
use crate::iam::{Denial, Iam, OPERATOR};
use crate::names::{REGION, request_id};
use crate::server;
use crate::state::StateFolder;
use crate::template::{Index, Key, Table};
use crate::worker::Waker;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use dynoxide::errors::DynoxideError;
use edge::Clock;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rusqlite::ErrorCode;
use serde_json::json;
use std::fmt::Display;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const DATABASE_FILE: &str = "desk.db";

/// The store, running. The desk itself talks to it here, everybody else through the
/// [`authorizing_proxy`].
pub(crate) struct Database {
    pub(crate) address: SocketAddr,
    pub(crate) server: JoinHandle<()>,
    pub(crate) retention: Retention,
}

/// Opens the file of the state folder, or a database in memory, and serves it on a free loopback
/// port.
pub(crate) async fn serve(
    folder: &StateFolder,
    clock: &Clock,
    waker: Waker,
    shutdown: &CancellationToken,
) -> Result<Database, StartError> {
    let (name, engine) = match folder.path(DATABASE_FILE) {
        Some(path) => {
            // Made here first, so that nobody else may read it.
            crate::state::private_file(&path)
                .map_err(|source| StartError::State { path: path.clone(), source })?;
            let name = path.to_str().expect("a folder whose path is no text is refused");
            let opened = open(name).map_err(|error| not_opened(folder, &path, error))?;
            (name.to_owned(), opened)
        }
        None => {
            // Under a name, so that it can be reached beside the engine.
            let name = format!("file:/desk-{}?vfs=memdb", uuid::Uuid::new_v4());
            let opened = open(&name).map_err(|error| StartError::Store(error.to_string()))?;
            (name, opened)
        }
    };
    let (listener, address) = server::listen_anywhere().await?;
    let shutdown = shutdown.clone();
    let retention = Retention::new(name, engine.clone(), clock.clone(), waker);
    let server = tokio::spawn(async move {
        // Aborting the server rather than draining it: by then nobody is left whose request could
        // matter, and every commit is on disk.
        tokio::select! {
            () = dynoxide::server::serve_on(listener, engine) => {}
            () = shutdown.cancelled() => {}
        }
    });
    Ok(Database { address, server, retention })
}

fn open(name: &str) -> Result<dynoxide::Database, DynoxideError> {
    let engine = dynoxide::Database::new(name)?;
    retention::index_stream(&retention::connect(name)?)?;
    Ok(engine)
}

/// Why a database does not open.
fn not_opened(folder: &StateFolder, file: &Path, error: DynoxideError) -> StartError {
    let damaged = |detail: &dyn Display| StartError::StateDamaged {
        file: file.to_owned(),
        detail: format!("it does not open as a database: {detail}"),
    };
    let unusable = |kind, source: rusqlite::Error| StartError::State {
        path: file.to_owned(),
        source: std::io::Error::new(kind, source),
    };
    match error {
        DynoxideError::SqliteError(source) => match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => damaged(&source),
            Some(ErrorCode::DiskFull) => unusable(ErrorKind::StorageFull, source),
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                unusable(ErrorKind::PermissionDenied, source)
            }
            Some(_) => unusable(ErrorKind::Other, source),
        },
        // The engine has only words for these two.
        error if error.to_string().contains("newer version") => folder.of_another_version(true),
        error => damaged(&error),
    }
}

/// What stands before the engine.
#[derive(Clone)]
struct AuthorizingProxy {
    iam: Iam,
    waker: Waker,
    engine: Uri,
    client: Client<HttpConnector, Body>,
}

/// Lets through to the engine what the callers may do, and has the stream's readers look at what
/// that has committed.
pub(crate) fn authorizing_proxy(
    iam: Iam,
    engine: SocketAddr,
    waker: Waker,
) -> Result<Router, StartError> {
    /// As much as DynamoDB takes.
    const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;
    let engine = format!("http://{engine}/").parse().map_err(failed)?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    Ok(Router::new()
        .fallback(forward)
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(AuthorizingProxy { iam, waker, engine, client }))
}

async fn forward(
    State(proxy): State<AuthorizingProxy>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(denial) = proxy.iam.authorize_dynamodb_call(&headers, &body) {
        return refusal(&denial);
    }
    let only_reads = only_reads(&headers);
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = proxy.engine.clone();
    *request.headers_mut() = headers;
    if only_reads {
        return pass_on(&proxy.client, request).await;
    }
    // A task of its own: what is committed is told of though its caller is gone by then.
    let written = tokio::spawn(async move {
        let answer = pass_on(&proxy.client, request).await;
        // What is refused is not committed.
        if !answer.status().is_client_error() {
            proxy.waker.wake();
        }
        answer
    });
    written.await.unwrap_or_else(|panic| {
        tracing::error!(%panic, "a request to the embedded store failed");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

/// Whether a call commits nothing, whatever comes of it. One that is not known may.
fn only_reads(headers: &HeaderMap) -> bool {
    const READS: [&str; 7] =
        ["Get", "BatchGet", "TransactGet", "Query", "Scan", "Describe", "List"];
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation =
        target.and_then(|target| target.split_once('.')).map(|(_, operation)| operation);
    operation.is_some_and(|operation| READS.iter().any(|read| operation.starts_with(read)))
}

async fn pass_on(client: &Client<HttpConnector, Body>, request: Request) -> Response {
    let error = match tokio::time::timeout(server::PATIENCE, client.request(request)).await {
        Ok(Ok(answer)) => return answer.into_response(),
        Ok(Err(error)) => error.to_string(),
        Err(elapsed) => elapsed.to_string(),
    };
    tracing::error!(error, "the embedded store does not answer");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn refusal(denial: &Denial) -> Response {
    let (kind, message) = denial.type_and_message();
    let headers = [
        (header::CONTENT_TYPE, "application/x-amz-json-1.0".to_owned()),
        (header::HeaderName::from_static("x-amzn-requestid"), request_id()),
    ];
    let body = json!({"__type": format!("com.amazon.coral.service#{kind}"), "Message": message});
    (StatusCode::BAD_REQUEST, headers, body.to_string()).into_response()
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

fn credentials(access_key: &str) -> Credentials {
    Credentials::new(access_key, "desk", None, None, "desk")
}

/// A client for the desk's own use. The engine fails for good reasons only.
pub(crate) fn client(address: SocketAddr) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(credentials(OPERATOR))
        .http_client(http_client())
        .retry_config(RetryConfig::disabled())
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// A client for the table's stream, under a function's role: Lambda reads the stream as the
/// function.
pub(crate) fn streams_client(
    address: SocketAddr,
    function: &str,
) -> aws_sdk_dynamodbstreams::Client {
    let config = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(credentials(function))
        .http_client(http_client())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .build();
    aws_sdk_dynamodbstreams::Client::from_conf(config)
}

/// Makes the table unless it is there.
pub(crate) async fn ensure_table(
    client: &aws_sdk_dynamodb::Client,
    table: &Table,
) -> Result<(), StartError> {
    match client.describe_table().table_name(&table.name).send().await {
        Ok(_) => return Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_resource_not_found_exception()) => {}
        Err(error) => return Err(failed(error)),
    }
    client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(&table.key)?))
        .set_attribute_definitions(Some(attribute_definitions(table)?))
        .set_global_secondary_indexes(global_secondary_indexes(table)?)
        .set_stream_specification(stream_specification(table)?)
        .send()
        .await
        .map_err(failed)?;
    if let Some(attribute) = &table.ttl {
        let ttl = TimeToLiveSpecification::builder()
            .attribute_name(attribute)
            .enabled(true)
            .build()
            .map_err(failed)?;
        client
            .update_time_to_live()
            .table_name(&table.name)
            .time_to_live_specification(ttl)
            .send()
            .await
            .map_err(failed)?;
    }
    Ok(())
}

fn attribute_definitions(table: &Table) -> Result<Vec<AttributeDefinition>, StartError> {
    let definition = |(name, kind): &(String, String)| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(kind.as_str().into())
            .build()
            .map_err(failed)
    };
    table.attributes.iter().map(definition).collect()
}

/// None where there are none: DynamoDB takes no empty list of them.
fn global_secondary_indexes(
    table: &Table,
) -> Result<Option<Vec<GlobalSecondaryIndex>>, StartError> {
    let index = |index: &Index| {
        let attributes = &index.non_key_attributes;
        let projection = Projection::builder()
            .projection_type(ProjectionType::from(index.projection.as_str()))
            .set_non_key_attributes((!attributes.is_empty()).then(|| attributes.clone()))
            .build();
        GlobalSecondaryIndex::builder()
            .index_name(&index.name)
            .set_key_schema(Some(key_schema(&index.key)?))
            .projection(projection)
            .build()
            .map_err(failed)
    };
    let indexes = table.indexes.iter().map(index).collect::<Result<Vec<_>, _>>()?;
    Ok((!indexes.is_empty()).then_some(indexes))
}

fn stream_specification(table: &Table) -> Result<Option<StreamSpecification>, StartError> {
    let specification = |view: &String| {
        StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::from(view.as_str()))
            .build()
            .map_err(failed)
    };
    table.stream_view.as_ref().map(specification).transpose()
}

fn key_schema(key: &Key) -> Result<Vec<KeySchemaElement>, StartError> {
    let hash = Some((&key.hash, KeyType::Hash));
    let range = key.range.as_ref().map(|range| (range, KeyType::Range));
    let elements = hash.into_iter().chain(range).map(|(name, kind)| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(failed)
    });
    elements.collect()
}

fn failed(error: impl std::error::Error) -> StartError {
    StartError::Store(DisplayErrorContext(error).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_never_answers_is_given_up() {
        let (listener, address) = server::listen_anywhere().await.expect("a free port");
        let engine = tokio::spawn(async move {
            let connection = listener.accept().await;
            std::future::pending::<()>().await;
            drop(connection);
        });
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let request = Request::post(format!("http://{address}/")).body(Body::empty());
        let answer = pass_on(&client, request.expect("a request"));
        let answer = tokio::time::timeout(server::PATIENCE * 2, answer).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        engine.abort();
    }
}
