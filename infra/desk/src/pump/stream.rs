//! Reading the table's stream, from a checkpoint on.

use crate::error::StartError;
use crate::pump::record::{self, Record};
use crate::state::StateFolder;
use crate::template::Table;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use edge::Clock;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) const CHECKPOINTS_FILE: &str = "checkpoints.json";

/// How far each mapping has come; clones share it.
#[derive(Clone)]
pub(crate) struct Checkpoints {
    inner: Arc<Mutex<BTreeMap<String, String>>>,
    folder: StateFolder,
}

impl Checkpoints {
    pub(crate) fn open(folder: &StateFolder) -> Result<Self, StartError> {
        let inner = folder.load(CHECKPOINTS_FILE)?.unwrap_or_default();
        Ok(Self { inner: Arc::new(Mutex::new(inner)), folder: folder.clone() })
    }

    pub(crate) fn get(&self, mapping: &str) -> Option<String> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).get(mapping).cloned()
    }

    /// Moves a mapping's checkpoint forward. Queues may come here out of order, so one that lies
    /// behind is ignored; sequence numbers are of one length, and compare as text.
    pub(super) fn advance(&self, mapping: &str, sequence_number: String) {
        let mut checkpoints = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if checkpoints.get(mapping).is_some_and(|before| *before >= sequence_number) {
            return;
        }
        checkpoints.insert(mapping.to_owned(), sequence_number);
        if let Err(error) = self.folder.save(CHECKPOINTS_FILE, &*checkpoints) {
            tracing::warn!(
                %error,
                "the checkpoint is not kept; records will come again at the next start"
            );
        }
    }
}

/// The stream, as one mapping reads it. The engine has a single shard, which never closes.
pub(crate) struct StreamReader {
    client: Client,
    table: String,
    /// What events call the stream. The engine has another name for it.
    source_arn: String,
    partition_key: String,
    /// Where to read on; none before the first read and after an error.
    iterator: Option<String>,
    /// Taken up to here, for a new iterator.
    position: Option<String>,
}

/// Records as they were read, and where to read on.
pub(super) struct Page {
    pub(super) records: Vec<Record>,
    pub(super) next: Option<String>,
}

impl StreamReader {
    /// Reads from the position on, or from the oldest record on.
    pub(crate) fn new(client: Client, table: &Table, position: Option<String>) -> Self {
        Self {
            client,
            table: table.name.clone(),
            source_arn: table.stream_arn.clone(),
            partition_key: table.key.hash.clone(),
            iterator: None,
            position,
        }
    }

    /// The next records; none when there are no more at the moment. They come again until each is
    /// [taken](Self::taken) and then the [page](Self::turn).
    pub(super) async fn next(&mut self, clock: &Clock) -> Result<Page, String> {
        let iterator = match self.iterator.take() {
            Some(iterator) => iterator,
            None => self.open().await?,
        };
        let answer = self
            .client
            .get_records()
            .shard_iterator(iterator)
            .send()
            .await
            .map_err(|error| DisplayErrorContext(error).to_string())?;
        // The engine stamps records by the machine's clock, ages are told by the desk's: a record
        // is as old now as the engine says, and grows older from here by the desk's clock.
        let now = clock.now();
        let ahead = clock.ahead();
        let mut records = Vec::new();
        for record in answer.records.unwrap_or_default() {
            let stamped = record
                .dynamodb
                .as_ref()
                .and_then(|stream| stream.approximate_creation_date_time)
                .and_then(|at| Timestamp::from_second(at.secs()).ok());
            let created_at =
                stamped.and_then(|at| at.checked_add(ahead).ok()).unwrap_or(now).min(now);
            let info =
                record::StreamInfo { arn: &self.source_arn, partition_key: &self.partition_key };
            if let Some(record) = Record::new(record, &info, created_at) {
                records.push(record);
            }
        }
        Ok(Page { records, next: answer.next_shard_iterator })
    }

    /// It is in other hands.
    pub(super) fn taken(&mut self, sequence_number: String) {
        self.position = Some(sequence_number);
    }

    /// All records of a page are.
    pub(super) fn turn(&mut self, next: Option<String>) {
        self.iterator = next;
    }

    async fn open(&self) -> Result<String, String> {
        let listed = self
            .client
            .list_streams()
            .table_name(&self.table)
            .send()
            .await
            .map_err(|error| DisplayErrorContext(error).to_string())?;
        let stream = listed
            .streams
            .unwrap_or_default()
            .into_iter()
            .find_map(|stream| stream.stream_arn)
            .ok_or("the table has no stream")?;
        let described = self
            .client
            .describe_stream()
            .stream_arn(&stream)
            .send()
            .await
            .map_err(|error| DisplayErrorContext(error).to_string())?;
        let shards =
            described.stream_description.and_then(|stream| stream.shards).unwrap_or_default();
        let shard =
            shards.into_iter().find_map(|shard| shard.shard_id).ok_or("the stream has no shard")?;
        let start = match &self.position {
            Some(_) => ShardIteratorType::AfterSequenceNumber,
            None => ShardIteratorType::TrimHorizon,
        };
        let answer = self
            .client
            .get_shard_iterator()
            .stream_arn(&stream)
            .shard_id(shard)
            .shard_iterator_type(start)
            .set_sequence_number(self.position.clone())
            .send()
            .await
            .map_err(|error| DisplayErrorContext(error).to_string())?;
        answer.shard_iterator.ok_or_else(|| "the stream gave no iterator".to_owned())
    }
}
