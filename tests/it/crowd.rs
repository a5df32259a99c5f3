//! What there is besides what an action is asked for: other accounts, an account that has all that
//! it may have, and what has been.
//!
//! Rows that are too many to be made by requests are copies of rows that requests have made, with
//! other ids.

use crate::folder::Folder;
use crate::invitations::hash;
use crate::support::{Person, World};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use desk::Options;
use domain::account::{MAX_KEY_LIMIT, MAX_MEMBER_LIMIT};
use futures::{StreamExt, stream};
use serde_json::json;
use std::collections::HashMap;

/// Rows in one request, and requests at once.
const BATCH: usize = 25;
const BATCHES: usize = 4;
/// The Sandbox's key, and those that the actions under measurement make.
const OTHER_KEYS: u32 = 5;
/// Whoever acts, and whoever is invited meanwhile.
const ACTING: u32 = 3;
const GUESTS: u32 = 4;
/// Milliseconds from one old event to the next: a million of them are a year.
const BETWEEN_EVENTS: i64 = 30_000;

type Row = HashMap<String, AttributeValue>;

#[derive(Default)]
pub struct Crowd {
    pub accounts: usize,
    /// Of each member, besides the one that acts.
    pub sessions: u64,
    /// Whether the account has as many keys and members as there may be.
    pub is_full: bool,
    /// In the account's trail.
    pub events: i64,
}

impl Crowd {
    /// A desk for all of it: in memory an engine holds a gigabyte at most, the rest is kept here.
    pub async fn world(&self, folder: &Folder) -> World {
        let is_large = self.accounts > 1_000 || self.events > 10_000;
        let options = if is_large { folder.kept() } else { Options::default() };
        World::with_options(options).await
    }

    /// How many members the account may have while it is measured.
    pub fn member_limit(&self) -> u32 {
        if self.is_full { MAX_MEMBER_LIMIT } else { ACTING + GUESTS }
    }

    /// Puts accounts beside this one that are what it is by now, each with rows of its own.
    pub async fn accounts(&self, world: &World, account: &str) {
        world.settle().await;
        let rows = world.rows().await;
        let copies = (0..self.accounts).flat_map(|number| {
            let other = format!("{}{number:06}", &account[..account.len() - 6]);
            rows.iter().filter_map(move |((pk, _), row)| {
                let mut copied = with(row, account, &other);
                if pk.starts_with("ADDR#") {
                    copied.insert("pk".to_owned(), AttributeValue::S(format!("{pk}{number}")));
                } else if !pk.contains(account) {
                    return None;
                }
                Some(copied)
            })
        });
        write(world, copies).await;
    }

    /// Gives the account's trail a past.
    pub async fn events(&self, world: &World, account: &str) {
        world.settle().await;
        let mut known = world.rows_of("audit").await;
        known.retain(|row| row["pk"] == AttributeValue::S(format!("AUDIT#{account}")));
        let copies = (1..=self.events).zip(known.iter().cycle()).map(|(number, row)| {
            let earlier = |name: &str, by: i64| {
                let at: i64 = row[name].as_n().expect("a time").parse().expect("a number");
                at - by
            };
            let at = earlier("at", number * BETWEEN_EVENTS);
            let mut copied: Row = row.clone().into_iter().collect();
            let ttl = earlier("ttl", number * BETWEEN_EVENTS / 1000);
            copied.insert("sk".to_owned(), AttributeValue::S(format!("{at}#{number:022}")));
            copied.insert("at".to_owned(), AttributeValue::N(at.to_string()));
            copied.insert("ttl".to_owned(), AttributeValue::N(ttl.to_string()));
            copied
        });
        write(world, copies).await;
    }

    /// Makes keys and members, up to what the account may have of them when it is measured.
    pub async fn fill(&self, world: &World, admin: &Person<'_>) {
        if !self.is_full {
            return;
        }
        let limits = json!({
            "act": "set_limits", "key_limit": MAX_KEY_LIMIT, "member_limit": MAX_MEMBER_LIMIT
        });
        world.change(&admin.account, limits).await;
        for number in 0..MAX_KEY_LIMIT - OTHER_KEYS {
            admin.key(&format!("Backend {number}")).await;
        }
        colleagues(world, admin, MAX_MEMBER_LIMIT - ACTING - GUESTS).await;
    }

    pub async fn sessions(&self, world: &World, members: [&str; 3]) {
        for _ in 0..self.sessions {
            world.advance(3 * 3600);
            for member in members {
                world.login(member).await;
            }
        }
        // An address gets ten codes a day.
        world.advance(12 * 3600);
    }
}

/// So many people join: one does, and the others are copies of that one.
async fn colleagues(world: &World, admin: &Person<'_>, count: u32) {
    const EMAIL: &str = "colleague@example.com";
    world.member(admin, EMAIL).await;
    world.settle().await;
    let hash = hash(EMAIL);
    let mut rows = world.rows().await;
    rows.retain(|(pk, sk), _| pk.contains(&hash) || sk.contains(&hash));
    let copies = (1..count).flat_map(|number| {
        let (other, email) = (format!("{}{number:06}", &hash[6..]), format!("{number}{EMAIL}"));
        let (rows, hash) = (&rows, &hash);
        rows.values().map(move |row| with(&with(row, hash, &other), EMAIL, &email))
    });
    write(world, copies).await;
    let members = AttributeValue::N((ACTING + count).to_string());
    let partition = format!("ACCT#{}", admin.account);
    world.set_attributes(&partition, "ACCOUNT", &[("member_count", members)]).await;
}

/// The row with another text wherever this one is.
fn with<'r>(
    row: impl IntoIterator<Item = (&'r String, &'r AttributeValue)>,
    text: &str,
    other: &str,
) -> Row {
    row.into_iter().map(|(name, value)| (name.clone(), in_place(value, text, other))).collect()
}

fn in_place(value: &AttributeValue, text: &str, other: &str) -> AttributeValue {
    match value {
        AttributeValue::S(whole) => AttributeValue::S(whole.replace(text, other)),
        AttributeValue::M(map) => AttributeValue::M(with(map, text, other)),
        value => value.clone(),
    }
}

async fn write(world: &World, rows: impl Iterator<Item = Row>) {
    let (client, table) = world.table();
    let put = |row| {
        let put = PutRequest::builder().set_item(Some(row)).build().expect("a row");
        WriteRequest::builder().put_request(put).build()
    };
    let batches = stream::iter(rows.map(put)).chunks(BATCH).map(|batch| {
        let write = client.batch_write_item().request_items(&table, batch);
        async move {
            let wrote = write.send().await.expect("rows are written");
            let left = wrote.unprocessed_items.unwrap_or_default();
            assert!(left.is_empty(), "{left:?}");
        }
    });
    batches.buffer_unordered(BATCHES).collect::<()>().await;
    world.settle().await;
}
