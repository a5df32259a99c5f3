//! A desk that keeps its state is killed while many clients are at work, and started again: what
//! was acknowledged is there, what was refused is not, and what nobody was told of happened once or
//! never.
//!
//! Each client has keys, members and sessions of its own in an account that it shares with others,
//! so it knows of each what must be. After a kill the next desk first answers whether all of that
//! is so, and every row is looked at. It runs by name, after `cargo build --package frontdesk-desk
//! --example desk`: `cargo test --package frontdesk-tests --test kill -- --nocapture`.

#![expect(dead_code, reason = "what the tests share has more in it")]
#![expect(clippy::print_stdout, reason = "how far it is")]

#[path = "../it/folder.rs"]
mod folder;
#[path = "../it/process.rs"]
mod process;
#[path = "../it/support.rs"]
mod support;

mod client;
mod facts;

use crate::client::{Client, Site};
use crate::facts::Listed;
use crate::folder::Folder;
use crate::process::Running;
use crate::support::World;
use frontdesk_tests::proof::{Proof, size};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

const ACCOUNTS: usize = 8;
const CLIENTS_OF_AN_ACCOUNT: usize = 8;
/// Fewer than its clients would make, so that some are refused.
const KEY_LIMIT: u64 = 25;
const MEMBER_LIMIT: u64 = 100;
/// So many answers come at most before a kill.
const ANSWERS: u32 = 400;
/// How many clients ask at once whether all is as they were told.
const AT_ONCE: usize = 8;
/// How far the time moves between two desks, so that allowances are there again.
const SECONDS: u64 = 1000;

/// What a run must have come to, so that it was one.
const REACHED: [&str; 9] = [
    "Create 201 ",
    "Create 409 key_limit_reached",
    "DeleteKey 204 ",
    "Invite 201 ",
    "LogIn 200 ",
    "LogOut 204 ",
    "Revoke 204 ",
    "Rotate 201 ",
    "never answered",
];

/// What is wrong, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sabotage {
    /// What the killed desk wrote was in its memory alone.
    NotDurable,
    /// A deletion is acknowledged, and would have been made later.
    HeldBack,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_desk_acknowledged_is_there_and_nothing_happened_twice() {
    let (seed, kills) = (seed(), size(10, 100));
    let mut story = Story::begin(seed).await;
    for number in 1..=kills {
        if let Err(told) = story.goes_on(number, None).await {
            panic!("KILL_SEED={seed}, kill {number}: {told}");
        }
        println!("kill {number} of {kills}");
    }
    let answers = story.answers();
    println!("{answers:#?}");
    let missing: Vec<_> = REACHED.iter().filter(|what| !answers.contains_key(**what)).collect();
    assert!(missing.is_empty(), "too few answers: none of {missing:?}");
    let mut found = 0;
    for sabotage in [Sabotage::NotDurable, Sabotage::HeldBack] {
        let told = Story::begin(seed).await.goes_on(1, Some(sabotage)).await;
        println!("{sabotage:?}: {told:?}");
        found += u64::from(told.is_err());
    }
    assert_eq!(found, 2, "what is wrong was not found");
    let holds = "What a killed desk acknowledged is there, and nothing happened twice";
    Proof { holds, runs: kills, faults: kills, mutants: Some((found, 2)) }.print();
}

/// Another seed makes other choices.
fn seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a setting of this test, not of the desk's")]
    let value = std::env::var_os("KILL_SEED");
    value.map_or(1, |value| value.to_str().and_then(|text| text.parse().ok()).expect("a number"))
}

/// One folder, the desks that had it one after the other, and their clients.
struct Story {
    folder: Folder,
    seed: u64,
    clients: Vec<Client>,
}

impl Story {
    async fn begin(seed: u64) -> Self {
        let folder = Folder::new();
        let world = World::with_options(folder.kept()).await;
        let mut clients = Vec::new();
        for account in 0..ACCOUNTS {
            let email = format!("founder{account}@example.com");
            let event = json!({
                "name": format!("Company {account}"), "admin_email": email,
                "key_limit": KEY_LIMIT, "member_limit": MEMBER_LIMIT,
            });
            world.register(event).await;
            let admin = world.login(&email).await.token;
            for number in 0..CLIENTS_OF_AN_ACCOUNT {
                clients.push(Client::new(account, number, &admin));
            }
        }
        world.desk.shutdown().await;
        Self { folder, seed, clients }
    }

    /// A desk that is killed with everybody at work, and the next one, which answers for it.
    async fn goes_on(&mut self, kill: u64, sabotage: Option<Sabotage>) -> Result<(), String> {
        let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (kill << 16);
        let before = (sabotage == Some(Sabotage::NotDurable)).then(|| self.folder.copy());
        // None where nothing could be wrong yet.
        let least = if sabotage.is_some() { ANSWERS } else { 0 };
        let answers = StdRng::seed_from_u64(seed).random_range(least..=ANSWERS);
        self.are_killed(seed, answers, sabotage).await?;
        if let Some(before) = before {
            self.folder = before;
        }
        self.is_as_it_was_told().await
    }

    /// Has everybody at work, and kills the desk after so many answers.
    async fn are_killed(
        &mut self,
        seed: u64,
        answers: u32,
        sabotage: Option<Sabotage>,
    ) -> Result<(), String> {
        let folder = self.folder.0.to_str().expect("UTF-8").to_owned();
        let desk = tokio::task::spawn_blocking(move || Running::start(&["--state", &folder]));
        let mut desk = desk.await.expect("it starts");
        let site = Arc::new(Site::new(&desk.url, sabotage == Some(Sabotage::HeldBack)));
        let mut at_work = JoinSet::new();
        for (number, mut client) in self.clients.drain(..).enumerate() {
            let (site, seed) = (Arc::clone(&site), seed | number as u64);
            at_work.spawn(async move {
                let done = client.work(&site, StdRng::seed_from_u64(seed)).await;
                (client, done)
            });
        }
        site.has_answered(answers).await;
        desk.process.kill().expect("it runs");
        let mut judged = Ok(());
        while let Some(ended) = at_work.join_next().await {
            let (client, done) = ended.expect("no client panics");
            self.clients.push(client);
            judged = judged.and(done);
        }
        self.clients.sort_by(|one, other| one.mark.cmp(&other.mark));
        judged
    }

    /// Whether everything that was acknowledged is there, and nothing else.
    async fn is_as_it_was_told(&mut self) -> Result<(), String> {
        let world = World::with_options(self.folder.kept()).await;
        let site = Site::new(&world.desk.url(), false);
        let mut listed = Vec::new();
        for account in 0..ACCOUNTS {
            let one = self.clients.iter().find(|one| one.is_of(account)).expect("it has clients");
            listed.push(Listed::by(&site, &one.admin).await?);
        }
        let found = self.clients.iter_mut().map(|client| client.find_out(&site, &listed));
        stream::iter(found).buffered(AT_ONCE).try_collect::<()>().await?;
        for account in 0..ACCOUNTS {
            let own: Vec<_> = self.clients.iter().filter(|one| one.is_of(account)).collect();
            facts::judge(&site, &own).await?;
        }
        let tried = self.clients.iter_mut().map(|client| client.tries_all(&site));
        stream::iter(tried).buffered(AT_ONCE).try_collect::<()>().await?;
        for account in 0..ACCOUNTS {
            for client in self.clients.iter_mut().filter(|client| client.is_of(account)) {
                if client.logs_in(&site).await? {
                    break;
                }
            }
        }
        world.settle().await;
        world.check_counters().await;
        let emptied = world.call("DELETE", "/_local/mail").send().await;
        let advance = json!({ "advance_seconds": SECONDS });
        let moved = world.call("POST", "/_local/clock").json(advance).send().await;
        assert_eq!((emptied.status.as_u16(), moved.status.as_u16()), (204, 200));
        world.desk.shutdown().await;
        Ok(())
    }

    /// How often what was answered.
    fn answers(&self) -> BTreeMap<&str, u64> {
        let mut all = BTreeMap::new();
        for (what, times) in self.clients.iter().flat_map(|client| &client.answers) {
            *all.entry(what.as_str()).or_default() += times;
        }
        all
    }
}
