//! What the desk keeps between runs, and what is wrong when it cannot.
#![cfg(unix)]

use crate::child;
use crate::folder::{Folder, kept};
use crate::local_desk::refused;
use crate::support::{ADMIN, World};
use aws_sdk_dynamodb::types::AttributeValue;
use desk::{MailServiceMode, StartError};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use tokio::runtime::Runtime;

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_desk_goes_on_where_it_ended() {
    let folder = Folder::new();
    let world = World::with_options(folder.kept()).await;
    let admin = world.admin().await;
    let (_, key) = admin.key("Kept").await;
    let sandbox_key = admin.act("/api/sandbox/key").await.ok(200)["api_key"].clone();
    let moved =
        world.call("POST", "/_local/clock").json(json!({ "advance_seconds": 3600 })).send().await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    let token = admin.token.clone();
    let mails = world.desk.inbox().mails();
    let ahead = world.desk.clock().ahead();
    world.desk.shutdown().await;

    let world = World::with_options(folder.kept()).await;
    assert_eq!(world.desk.clock().ahead(), ahead);
    let call = |method: &str, path: &str| {
        world.call(method, path).header("authorization", &format!("Bearer {token}"))
    };
    let session = call("GET", "/api/session").send().await;
    assert_eq!(session.ok(200)["account"]["name"], "Example Company");
    assert_eq!(call("POST", "/api/sandbox/key").send().await.ok(200)["api_key"], sandbox_key);
    assert_eq!(world.product_api(&key).await, 200);
    // Nothing is delivered a second time, and nobody is registered again.
    world.settle().await;
    assert_eq!(world.desk.inbox().mails(), mails);
    assert_eq!(world.rows_of("account").await.len(), 1);
    world.desk.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_desk_could_not_deliver_is_delivered_by_the_next_one() {
    let folder = Folder::new();
    let world = World::with_options(folder.kept()).await;
    world.desk.mail_service().set_mode(MailServiceMode::Throttling);
    let asked = world.request_code(ADMIN).await;
    world.settle().await;
    assert!(world.desk.inbox().mails().is_empty());
    world.desk.shutdown().await;

    let world = World::with_options(folder.kept()).await;
    world.settle().await;
    let code = world.desk.inbox().code_for(ADMIN).expect("the code is mailed");
    world.verify(asked.body["challenge"].as_str().expect("a challenge"), &code).await.ok(200);
    world.desk.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_and_what_was_given_up_keep_the_newest_thousand() {
    let folder = Folder::new();
    let world = World::with_options(folder.kept()).await;
    world.challenge(ADMIN).await;
    let mail = world.desk.inbox().mails().remove(0);
    world.desk.shutdown().await;
    let mails = (0..5000).map(|number| {
        let mut mail = serde_json::to_value(&mail).expect("JSON");
        mail["subject"] = number.to_string().into();
        format!("{mail}\n")
    });
    folder.write("mails.jsonl", mails.collect::<String>());
    let failures = (0..5000).map(|number| format!("{number}\n"));
    folder.write("failures.jsonl", failures.collect::<String>());

    for _ in 0..2 {
        let world = World::with_options(folder.kept()).await;
        let mails = world.desk.inbox().mails();
        let subjects: Vec<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
        let newest: Vec<String> = (4000..5000).rev().map(|number| number.to_string()).collect();
        assert_eq!(subjects, newest);
        assert_eq!(world.desk.failures().len(), 1000);
        world.desk.shutdown().await;
        for file in ["mails.jsonl", "failures.jsonl"] {
            let content = std::fs::read_to_string(folder.0.join(file)).expect("a text");
            assert_eq!(content.lines().count(), 1000, "{file}");
        }
    }
    let world = World::with_options(folder.kept()).await;
    world.challenge(ADMIN).await;
    let subjects = world.desk.inbox().mails().into_iter().map(|mail| mail.subject);
    let newest = [mail.subject.as_str(), "4999"];
    assert_eq!(subjects.take(2).collect::<Vec<_>>(), newest);
    world.desk.shutdown().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let world = World::with_options(folder.kept()).await;
    world.admin().await;
    world.desk.shutdown().await;
    for entry in std::fs::read_dir(&folder.0).expect("a folder") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} has the mode {mode:o}", entry.file_name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_not_read_from_its_beginning_at_each_write_and_each_look() {
    let folder = Folder::used();
    let database = rusqlite::Connection::open(folder.0.join("desk.db")).expect("a database");
    // What the engine asks: the next number of a record, the ends of the stream, and what is new.
    for asked in [
        "SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ''",
        "SELECT * FROM _stream_records WHERE table_name = '' AND shard_id = ''
         AND CAST(sequence_number AS INTEGER) > 1 ORDER BY CAST(sequence_number AS INTEGER) ASC",
    ] {
        let plan = database.prepare(&format!("EXPLAIN QUERY PLAN {asked}"));
        let mut plan = plan.expect("a statement");
        let steps = plan.query_map([], |row| row.get::<_, String>("detail")).expect("a plan");
        let steps: Vec<String> = steps.map(|step| step.expect("a text")).collect();
        assert!(steps.iter().all(|step| step.contains("INDEX")), "{steps:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dynamodb_takes_away_in_time_does_not_pile_up_here() {
    let folder = Folder::new();
    let world = World::with_options(folder.kept()).await;
    let number = |seconds: i64| AttributeValue::N(seconds.to_string());
    let day = 24 * 3600;
    let real_now = (world.now() - world.desk.clock().ahead()).as_second();
    world.set_attributes("ADDR#old", "LOGIN", &[("ttl", number(real_now - day))]).await;
    world.set_attributes("ADDR#new", "LOGIN", &[("ttl", number(real_now + day))]).await;
    world.settle().await;

    let database = rusqlite::Connection::open(folder.0.join("desk.db")).expect("a database");
    let records = || -> Vec<(i64, i64)> {
        let mut all = database.prepare("SELECT id, created_at FROM _stream_records ORDER BY id");
        let all = all.as_mut().expect("a statement");
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.map(|row| row.expect("a record")).collect()
    };
    let before = records();
    let older = before[before.len() / 2].0;
    let aged = "UPDATE _stream_records SET created_at = created_at - 90000 WHERE id < ?1";
    database.execute(aged, [older]).expect("they are older now");
    world.advance(3600);
    world.settle().await;

    let is_kept = |record: &&(i64, i64)| record.0 >= older;
    let kept: Vec<(i64, i64)> = before.iter().filter(is_kept).copied().collect();
    assert_eq!(records()[..kept.len()], kept);
    let login = |address: &str| (format!("ADDR#{address}"), "LOGIN".to_owned());
    let rows = world.rows().await;
    assert!(rows.contains_key(&login("new")) && !rows.contains_key(&login("old")));
    // The stream goes on where it was.
    world.admin().await;
    world.desk.shutdown().await;
}

// --- What is in the way
// -------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_that_is_in_use_is_not_shared() {
    let folder = Folder::new();
    let world = World::with_options(folder.kept()).await;
    let error = refused(folder.kept()).await;
    assert!(matches!(&error, StartError::StateInUse(path) if *path == folder.0), "{error}");
    world.admin().await;
    world.desk.shutdown().await;
    World::with_options(folder.kept()).await.desk.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_of_the_state_folder_is_named_and_left_as_it_is() {
    let good = Folder::used();
    let garbage: [&[u8]; 2] = [
        b"{\"never finished\": \n{}\n",
        b"\xff\xfe\x00 no text at all, and no database, however long it is\n",
    ];
    for file in [
        "desk.json",
        "secrets.json",
        "checkpoints.json",
        "mails.jsonl",
        "failures.jsonl",
        "desk.db",
    ] {
        for damage in garbage {
            let folder = good.copy();
            let damaged = folder.write(file, damage);
            let error = refused(folder.kept()).await;
            assert!(
                matches!(&error, StartError::StateDamaged { file, .. } if *file == damaged),
                "{file}: {error}"
            );
            assert!(error.to_string().contains("--ephemeral"), "{error}");
            assert_eq!(
                file.ends_with(".jsonl"),
                error.to_string().contains("its line 1"),
                "{error}"
            );
            assert_eq!(std::fs::read(&damaged).expect("the file"), damage, "{file}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_line_that_a_killed_desk_left_unfinished_is_dropped_and_nothing_else() {
    let folder = Folder::new();
    let world = World::with_options(folder.kept()).await;
    world.admin().await;
    let before = world.desk.inbox().mails();
    world.desk.shutdown().await;
    for file in ["mails.jsonl", "failures.jsonl"] {
        let mut content = std::fs::read(folder.0.join(file)).expect("the file");
        // In the middle of a letter.
        content.extend_from_slice(b"{\"kind\":\"login_code\",\"text\":\"\xc3");
        folder.write(file, content);
    }
    let world = World::with_options(folder.kept()).await;
    assert_eq!(world.desk.inbox().mails(), before);
    world.admin().await;
    let after = world.desk.inbox().mails();
    assert!(after.len() > before.len() && after.ends_with(&before));
    world.desk.shutdown().await;

    let world = World::with_options(folder.kept()).await;
    assert_eq!(world.desk.inbox().mails(), after);
    world.desk.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_of_another_version_says_which_and_is_left_as_it_is() {
    let good = Folder::used();
    let text = std::fs::read_to_string(good.0.join("desk.json")).expect("the file");
    let before: Value = serde_json::from_str(&text).expect("JSON");
    let mut older = before.clone();
    older.as_object_mut().expect("an object").remove("format");
    let mut newer = before.clone();
    newer["format"] = json!(before["format"].as_u64().unwrap_or_default() + 1);
    // What a later version may keep there is nothing that this one can read.
    newer["clock_ahead_millis"] = json!("a while");
    for (content, said) in [(older, "an older version"), (newer, "a newer version")] {
        let folder = good.copy();
        let file = folder.write("desk.json", content.to_string());
        let error = refused(folder.kept()).await;
        let text = error.to_string();
        assert!(text.contains(said) && text.contains("--ephemeral"), "{text}");
        assert_eq!(std::fs::read(file).expect("the file"), content.to_string().into_bytes());
    }

    let folder = good.copy();
    let database = rusqlite::Connection::open(folder.0.join("desk.db")).expect("a database");
    let raise = "UPDATE _config SET value = '999999' WHERE key = 'schema_version'";
    assert_eq!(database.execute(raise, []).expect("it is changed"), 1);
    drop(database);
    let error = refused(folder.kept()).await.to_string();
    assert!(error.contains("a newer version"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_the_desks_own_file_is_never_taken_for_a_new_one() {
    let folder = Folder::used();
    std::fs::remove_file(folder.0.join("desk.json")).expect("removed");
    let before = std::fs::read(folder.0.join("desk.db")).expect("the database");
    let error = refused(folder.kept()).await.to_string();
    assert!(error.contains("desk.json") && error.contains("is missing"), "{error}");
    assert!(std::fs::read(folder.0.join("desk.db")).expect("the database") == before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_cannot_be_a_state_folder_is_named_with_what_is_wrong_with_it() {
    let folder = Folder::new();
    let file = folder.write("a file", "");
    let below = file.join("state");
    let no_text = folder.0.join(OsStr::from_bytes(b"desk-\xff"));
    for (path, said) in [
        (file.as_path(), "a file is where the folder should be"),
        (below.as_path(), "a file is where the folder should be"),
        (no_text.as_path(), "UTF-8"),
        (Path::new(""), "empty"),
    ] {
        let error = refused(kept(path)).await;
        assert!(matches!(&error, StartError::State { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(said) && text.contains("--state DIR"), "{text}");
    }
    let entries = std::fs::read_dir(&folder.0).expect("a folder");
    assert_eq!(entries.count(), 1, "nothing is made");
    let good = Folder::used();
    for file in ["lock", "desk.json", "desk.new", "secrets.json", "mails.jsonl", "desk.db"] {
        let folder = good.copy();
        let path = folder.0.join(file);
        if path.exists() {
            std::fs::remove_file(&path).expect("removed");
        }
        std::fs::create_dir(path).expect("a folder");
        let error = refused(folder.kept()).await;
        assert!(matches!(&error, StartError::State { .. }), "{file}: {error}");
        let said = "a folder is where the file should be";
        assert!(error.to_string().contains(said), "{file}: {error}");
    }
}

#[test]
fn a_state_folder_that_its_user_may_not_use_is_not_called_damaged() {
    use std::os::unix::fs::PermissionsExt as _;
    if let Some(path) = child::folder() {
        let error = Runtime::new().expect("a runtime").block_on(refused(kept(&path)));
        assert!(matches!(&error, StartError::State { .. }), "{error}");
        assert!(error.to_string().contains("readable and writable"), "{error}");
        return;
    }
    // Permissions do not bind root, unless it gives up what makes it root there.
    let bound = "if [ \"$(id -u)\" = 0 ]; then\n  \
                 none=-dac_override,-dac_read_search\n  \
                 set -- setpriv --bounding-set=$none --inh-caps=$none \"$@\"\nfi";
    let good = Folder::used();
    for (file, mode) in [
        ("", 0o500),
        ("", 0),
        ("lock", 0),
        ("desk.json", 0),
        ("mails.jsonl", 0),
        ("desk.db", 0o400),
    ] {
        let folder = good.copy();
        let set = |mode| {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.0.join(file), permissions).expect("a mode");
        };
        set(mode);
        child::run(
            "kept_state::a_state_folder_that_its_user_may_not_use_is_not_called_damaged",
            &folder.0,
            bound,
        );
        set(0o700);
    }
}

// --- A full disk
// -------------------------------------------------------------------------------------------------

/// No file may become larger than so many KiB: as on a full disk, but for one process.
fn full_beyond(kibibytes: u64) -> String {
    format!("trap '' XFSZ\nulimit -f {kibibytes}")
}

#[test]
fn a_desk_does_not_start_on_a_full_disk_and_leaves_nothing_in_the_way_of_the_next_start() {
    if let Some(path) = child::folder() {
        let error = Runtime::new().expect("a runtime").block_on(refused(kept(&path))).to_string();
        assert!(error.contains("full") && error.contains("--state DIR"), "{error}");
        return;
    }
    let folder = Folder::new();
    for kibibytes in [0, 4, 64] {
        child::run(
            "kept_state::\
             a_desk_does_not_start_on_a_full_disk_and_leaves_nothing_in_the_way_of_the_next_start",
            &folder.0,
            &full_beyond(kibibytes),
        );
    }
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let world = World::with_options(folder.kept()).await;
        world.admin().await;
        world.settle().await;
        let (client, table) = world.table();
        let time_to_live = client.describe_time_to_live().table_name(table).send().await;
        let time_to_live = time_to_live.expect("an answer").time_to_live_description;
        let attribute = time_to_live.expect("a description").attribute_name;
        assert_eq!(attribute.as_deref(), Some("ttl"), "the table is whole");
        world.desk.shutdown().await;
    });
}

#[test]
fn a_mail_that_finds_no_room_is_delivered_by_the_next_desk_that_has_some() {
    const KIBIBYTES: usize = 8 * 1024;
    let runtime = Runtime::new().expect("a runtime");
    if let Some(path) = child::folder() {
        return runtime.block_on(async {
            let world = World::with_options(kept(&path)).await;
            let before = world.desk.inbox().mails().len();
            assert_eq!(world.request_code(ADMIN).await.status, 202);
            world.settle().await;
            assert_eq!(world.desk.inbox().mails().len(), before, "what is not kept is not there");
            world.desk.shutdown().await;
        });
    }
    let folder = Folder::used();
    // A first mail that leaves a few bytes, so that half a line would fit.
    let mut first = json!({
        "kind": "other", "to": "a@example.com", "from": "b@example.com", "subject": "Long",
        "html": "", "at": "2026-11-24T00:00:00Z", "text": "",
    });
    let left = KIBIBYTES * 1024 - 10;
    first["text"] = "x".repeat(left - first.to_string().len() - 1).into();
    let content = format!("{first}\n");
    assert_eq!(content.len(), left);
    let mails = folder.write("mails.jsonl", &content);
    child::run(
        "kept_state::a_mail_that_finds_no_room_is_delivered_by_the_next_desk_that_has_some",
        &folder.0,
        &full_beyond(KIBIBYTES as u64),
    );
    assert_eq!(std::fs::read_to_string(&mails).expect("the mails"), content, "no half line");
    runtime.block_on(async {
        let world = World::with_options(folder.kept()).await;
        world.settle().await;
        assert!(world.desk.inbox().code_for(ADMIN).is_some(), "the code is mailed");
        world.desk.shutdown().await;
    });
}

#[test]
fn a_change_that_finds_no_room_in_the_table_is_an_outage_and_leaves_nothing_of_itself() {
    let runtime = Runtime::new().expect("a runtime");
    if let Some(path) = child::folder() {
        return runtime.block_on(async {
            let world = World::with_options(kept(&path)).await;
            let admin = world.admin().await;
            let refused = loop {
                let made = admin.post("/api/keys", json!({ "name": "Made" })).await;
                if made.status != 201 {
                    break made;
                }
                let id = made.body["key"]["id"].as_str().expect("an id").to_owned();
                let deleted = admin.delete(&format!("/api/keys/{id}")).await;
                if deleted.status != 204 {
                    break deleted;
                }
            };
            refused.problem(503, "temporarily_unavailable");
            world.desk.shutdown().await;
        });
    }
    let folder = Folder::used();
    child::run(
        "kept_state::\
         a_change_that_finds_no_room_in_the_table_is_an_outage_and_leaves_nothing_of_itself",
        &folder.0,
        &full_beyond(512),
    );
    runtime.block_on(async {
        let world = World::with_options(folder.kept()).await;
        let admin = world.admin().await;
        world.check_counters().await;
        // At most the one whose deletion was refused.
        let keys = admin.get("/api/keys").await.text;
        assert!(keys.matches("Made").count() <= 1, "{keys}");
        admin.key("Made anew").await;
        world.desk.shutdown().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_refused_and_not_half_done() {
    let folder = Folder::new();
    let world = World::with_options(folder.kept()).await;
    let (secret, ahead) = (world.secret("LOGIN_SECRET_ARN").await, world.desk.clock().ahead());
    let files = ["desk.json", "secrets.json"].map(|file| folder.0.join(file));
    let before = files.each_ref().map(|file| std::fs::read(file).expect("the file"));
    // A file is written beside the old one, and takes its place when it is whole. Nobody writes a
    // file where a folder is.
    for file in ["desk.new", "secrets.new"] {
        std::fs::create_dir(folder.0.join(file)).expect("a folder");
    }
    let advance = || world.call("POST", "/_local/clock").json(json!({ "advance_seconds": 60 }));
    let refusal = advance().send().await;
    refusal.problem(507, "not_kept");
    assert_eq!(world.desk.clock().ahead(), ahead);
    assert_eq!(world.try_put_secret("LOGIN_SECRET_ARN", "{}").await, 500);
    assert_eq!(world.secret("LOGIN_SECRET_ARN").await, secret);
    assert_eq!(files.each_ref().map(|file| std::fs::read(file).expect("the file")), before);

    for file in ["desk.new", "secrets.new"] {
        std::fs::remove_dir(folder.0.join(file)).expect("removed");
    }
    assert_eq!(advance().send().await.status, 200);
    assert_eq!((world.desk.clock().ahead() - ahead).as_secs(), 60);
    assert_eq!(world.try_put_secret("LOGIN_SECRET_ARN", "{}").await, 200);
    assert_eq!(world.secret("LOGIN_SECRET_ARN").await, "{}");
    world.desk.shutdown().await;
}
