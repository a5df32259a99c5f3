//! DynamoDB: dynoxide in this process, served on the real wire protocol.

use std::net::SocketAddr;

use aws_sdk_dynamodb::{
    config::{BehaviorVersion, Credentials, Region, SharedHttpClient},
    error::DisplayErrorContext,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType, StreamSpecification,
        StreamViewType, TimeToLiveSpecification,
    },
};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use tokio::task::JoinHandle;

use crate::{
    error::StartError,
    server::{self, Ending},
    state::Keeper,
    template::{Key, REGION, Table},
};

/// The store, running.
pub(crate) struct Database {
    pub(crate) address: SocketAddr,
    pub(crate) server: JoinHandle<()>,
}

/// Opens the file of the state folder, or a database in memory, and serves it on a free loopback port.
pub(crate) async fn serve(keeper: &Keeper, ending: &Ending) -> Result<Database, StartError> {
    let database = match keeper.path("desk.db") {
        Some(path) => {
            // Made here first, so that nobody else may read it.
            crate::state::private_file(&path).map_err(|source| StartError::State { path: path.clone(), source })?;
            dynoxide::Database::new(&path.to_string_lossy()).map_err(|error| {
                tracing::debug!(%error, "the database does not open");
                StartError::StateDamaged { file: path, detail: "it does not open as a database".to_owned() }
            })?
        }
        None => dynoxide::Database::memory().map_err(|error| StartError::Store(error.to_string()))?,
    };
    let (listener, address) = server::listen_anywhere().await?;
    let mut ending = ending.clone();
    let server = tokio::spawn(async move {
        // Aborting the server rather than draining it: by then nobody is left whose request could matter, and every
        // commit is on disk.
        tokio::select! {
            () = dynoxide::server::serve_on(listener, database) => {}
            () = ending.wait() => {}
        }
    });
    Ok(Database { address, server })
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

fn credentials() -> Credentials {
    Credentials::new("desk", "desk", None, None, "desk")
}

/// A client for the desk's own use.
pub(crate) fn client(address: SocketAddr) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(credentials())
        .http_client(http_client())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// A client for the table's stream.
pub(crate) fn streams_client(address: SocketAddr) -> aws_sdk_dynamodbstreams::Client {
    let config = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(credentials())
        .http_client(http_client())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .build();
    aws_sdk_dynamodbstreams::Client::from_conf(config)
}

/// Makes the table unless it is there, and gives the ARN that the engine has for its stream.
pub(crate) async fn ensure_table(client: &aws_sdk_dynamodb::Client, table: &Table) -> Result<Option<String>, StartError> {
    match client.describe_table().table_name(&table.name).send().await {
        Ok(described) => {
            return Ok(described.table.and_then(|description| description.latest_stream_arn));
        }
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {}
        Err(error) => return Err(failed(error)),
    }
    let mut create = client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(&table.key)?));
    for (name, kind) in &table.attributes {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(kind.as_str().into());
        create = create.attribute_definitions(attribute.build().map_err(failed)?);
    }
    for index in &table.indexes {
        let projection = Projection::builder()
            .projection_type(ProjectionType::from(index.projection.as_str()))
            .set_non_key_attributes(Some(index.non_key_attributes.clone()).filter(|names| !names.is_empty()));
        let index = GlobalSecondaryIndex::builder()
            .index_name(&index.name)
            .set_key_schema(Some(key_schema(&index.key)?))
            .projection(projection.build());
        create = create.global_secondary_indexes(index.build().map_err(failed)?);
    }
    if let Some(view) = &table.stream_view {
        let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::from(view.as_str()));
        create = create.stream_specification(stream.build().map_err(failed)?);
    }
    let created = create.send().await.map_err(failed)?;
    if let Some(attribute) = &table.ttl {
        let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true);
        client
            .update_time_to_live()
            .table_name(&table.name)
            .time_to_live_specification(ttl.build().map_err(failed)?)
            .send()
            .await
            .map_err(failed)?;
    }
    Ok(created.table_description.and_then(|description| description.latest_stream_arn))
}

fn key_schema(key: &Key) -> Result<Vec<KeySchemaElement>, StartError> {
    let hash = Some((&key.hash, KeyType::Hash));
    let range = key.range.as_ref().map(|range| (range, KeyType::Range));
    let elements = hash
        .into_iter()
        .chain(range)
        .map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(failed));
    elements.collect()
}

fn failed(error: impl std::error::Error) -> StartError {
    StartError::Store(DisplayErrorContext(error).to_string())
}
