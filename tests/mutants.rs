//! The simulation notices each of these changes of the product's source.
//!
//! A copy of the checkout is changed in one place at a time, built, and simulated. That takes some
//! minutes for the first and half a minute for each further one, so it runs only by name:
//! `cargo test --package frontdesk-tests --test mutants -- --nocapture`.

use frontdesk_tests::proof::Proof;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Texts of a file, what stands in their places, and the tests of the simulation that notice.
struct Mutant {
    file: &'static str,
    changes: &'static [(&'static str, &'static str)],
    noticed_by: &'static str,
}

impl Mutant {
    fn of(&self, text: &str) -> String {
        self.changes.iter().fold(text.to_owned(), |text, (from, to)| {
            assert_eq!(text.matches(from).count(), 1, "{}: {from}", self.file);
            text.replace(from, to)
        })
    }

    /// The first line of what is different.
    fn name(&self) -> &str {
        let (from, to) = self.changes[0];
        if to.is_empty() { from } else { to }
    }
}

const MUTANTS: [Mutant; 29] = [
    Mutant {
        file: "shared/store/src/api_key.rs",
        changes: &[("own_keys < own_key_limit", "own_keys <= own_key_limit")],
        noticed_by: "of_two_creations",
    },
    Mutant {
        file: "shared/store/src/account.rs",
        changes: &[(
            ".and(\"(NOT contains(admins, :id) OR size(admins) > :one)\")",
            ".and(\"(NOT contains(admins, :id) OR size(admins) >= :one)\")",
        )],
        noticed_by: "of_two_admins_of_whom_one_leaves",
    },
    Mutant {
        file: "shared/store/src/actor.rs",
        changes: &[(
            "write.and(\"role = :role\")",
            "write.and(\"(role = :role OR attribute_exists(pk))\")",
        )],
        noticed_by: "whoever_is_no_admin_any_more",
    },
    // No key is marked.
    Mutant {
        file: "shared/store/src/suspension.rs",
        changes: &[(
            "filter(|marked| !marked.is(suspended))",
            "filter(|marked| marked.is(suspended))",
        )],
        noticed_by: "no_key_slips_through_a_suspension",
    },
    Mutant {
        file: "functions/src/key_check.rs",
        changes: &[(" && !found.suspended", "")],
        noticed_by: "no_key_is_good_once",
    },
    // A transaction that may have been made is sent under another token.
    Mutant {
        file: "shared/store/src/write.rs",
        changes: &[(
            "if !unanswered.any() {\n                token",
            "if unanswered.any() || !unanswered.any() {\n                token",
        )],
        noticed_by: "a_rotation_whose_answer_got_lost",
    },
    Mutant {
        file: "shared/store/src/write.rs",
        changes: &[(
            ".set_key(Some(to_item(&key)))\n            .consistent_read(true);",
            ".set_key(Some(to_item(&key)))\n            .consistent_read(false);",
        )],
        noticed_by: "a_deleted_key_is_refused",
    },
    Mutant {
        file: "shared/store/src/login.rs",
        changes: &[(
            "size(asks.#id.guesses) < asks.#id.allowed",
            "size(asks.#id.guesses) <= asks.#id.allowed",
        )],
        noticed_by: "of_two_guesses",
    },
    // The key's row comes back.
    Mutant {
        file: "shared/store/src/api_key.rs",
        changes: &[(
            "let rotated = as_read(rotated, was);",
            "let rotated = rotated.when(\"digest = :was OR attribute_not_exists(pk)\")\
             .value(\":was\", &was.digest);",
        )],
        noticed_by: "a_key_that_is_deleted_while_it_is_rotated",
    },
    // The operator's hold, dropped from creating, inviting and revoking.
    Mutant {
        file: "shared/store/src/api_key.rs",
        changes: &[(
            "account::counted(&token.account, \"own_keys = own_keys + :one\")",
            "account::changed(&token.account, \", own_keys = own_keys + :one\")",
        )],
        noticed_by: "beside_a_suspension",
    },
    Mutant {
        file: "shared/store/src/invitation.rs",
        changes: &[(
            "None => account::counted(\n            account,\n            \"member_count",
            "None => account::changed(\n            account,\n            \", member_count",
        )],
        noticed_by: "beside_a_suspension",
    },
    Mutant {
        file: "shared/store/src/member.rs",
        changes: &[(
            "let one_less = account::of_customer(account::admin_less(account, member));",
            "let one_less = account::admin_less(account, member);",
        )],
        noticed_by: "beside_a_suspension",
    },
    Mutant {
        file: "shared/domain/src/login.rs",
        changes: &[("pub const MAX_GUESSES: u32 = 5;", "pub const MAX_GUESSES: u32 = 6;")],
        noticed_by: "of_two_guesses_one_is_looked_at_if_one",
    },
    Mutant {
        file: "shared/domain/src/login.rs",
        changes: &[("&[(10, HOUR), (15, DAY)]", "&[(11, HOUR), (15, DAY)]")],
        noticed_by: "if_the_hour_allows_one",
    },
    Mutant {
        file: "shared/store/src/write.rs",
        changes: &[(
            "if reasons.iter().any(is_refused) && unanswered.any() {",
            "if reasons.is_empty() && unanswered.any() {",
        )],
        noticed_by: "the_place_of_a_deleted_key",
    },
    Mutant {
        file: "functions/src/verify_code.rs",
        changes: &[(
            "ok_or_else(since)?;\n    let account",
            "ok_or_else(incorrect)?;\n    let account",
        )],
        noticed_by: "whose_member_is_revoked_meanwhile",
    },
    // What another record of the batch has sent is not looked up again.
    Mutant {
        file: "functions/src/deliver_mail.rs",
        changes: &[(
            "if record.is_first() { Some(due) } else {",
            "if record.is_first() || !record.is_first() { Some(due) } else {",
        )],
        noticed_by: "what_comes_in_one_batch",
    },
    // What an address's row holds may be deleted the moment that a member is gone.
    Mutant {
        file: "shared/store/src/address.rs",
        changes: &[("(now + ASKS_KEPT_FOR).as_second()", "(now - ASKS_KEPT_FOR).as_second()")],
        noticed_by: "each_change_beside_a_login",
    },
    // The first half of a suspension comes second.
    Mutant {
        file: "shared/store/src/suspension.rs",
        changes: &[
            ("            stopped |= self.stop(operator, now).await?;\n", ""),
            (
                "            let finished = self.finish_suspension(operator.account).await;\n",
                "            let finished = self.finish_suspension(operator.account).await;\n\
                 stopped |= self.stop(operator, now).await?;\n",
            ),
            ("row.filter(|row| row.suspended) else", "row else"),
        ],
        noticed_by: "no_key_slips_through_a_suspension",
    },
    // The marks stand on no version.
    Mutant {
        file: "shared/store/src/suspension.rs",
        changes: &[(
            "self.marking(account, as_read(whole, &row), true)",
            "self.marking(account, whole, true)",
        )],
        noticed_by: "a_suspension_beside_a_resumption",
    },
    // The keys are read before the version that guards them.
    Mutant {
        file: "shared/store/src/suspension.rs",
        changes: &[
            (
                "        suspended: bool,\n    ) ->",
                "        suspended: bool,\n        keys: Vec<Marked>,\n    ) ->",
            ),
            (
                "        let partition = layout::account_partition(account);\n        // Whatever",
                "        // Whatever",
            ),
            (
                "        let keys = self.query::<Marked>(\"key\", partition, layout::KEY_PREFIX)\
                 .await?;\n",
                "",
            ),
            (
                "        let resumed = loop {\n",
                "        let resumed = loop {\n\
                 let partition = layout::account_partition(account);\n\
                 let keys = self.query::<Marked>(\"key\", partition, layout::KEY_PREFIX).await?;\n",
            ),
            ("self.marking(account, whole, false)", "self.marking(account, whole, false, keys)"),
            (
                "        loop {\n            let row = self.get",
                "        loop {\n let partition = layout::account_partition(account);\n\
                 let keys = self.query::<Marked>(\"key\", partition, layout::KEY_PREFIX).await?;\n\
                 let row = self.get",
            ),
            (
                "self.marking(account, as_read(whole, &row), true)",
                "self.marking(account, as_read(whole, &row), true, keys)",
            ),
        ],
        noticed_by: "a_suspension_beside_a_resumption",
    },
    // A verdict is recorded about another version of the key.
    Mutant {
        file: "shared/store/src/sandbox.rs",
        changes: &[(
            "sandbox_key.version = :version\")\n        .value(\":key\"",
            "(sandbox_key.version = :version OR attribute_exists(pk))\")\n        .value(\":key\"",
        )],
        noticed_by: "a_verdict_is_about",
    },
    // A Sandbox is made validating for an event that is done.
    Mutant {
        file: "shared/store/src/outbox.rs",
        changes: &[(
            "Write::check(key.clone()).when(\"status = :pending\")",
            "Write::check(key.clone()).when(\"(attribute_exists(pk) OR status = :pending)\")",
        )],
        noticed_by: "a_login_event_that",
    },
    // An event is done before its verdict is there.
    Mutant {
        file: "functions/src/provision_sandbox.rs",
        changes: &[(
            "        let verdict = app.product_api",
            "        app.store.finish(event).await?;\n        let verdict = app.product_api",
        )],
        noticed_by: "two_logins_at_once",
    },
    // A mail is on record as sent before it is.
    Mutant {
        file: "functions/src/deliver_mail.rs",
        changes: &[(
            "match send(app, &due.to, &due.recipient, &mail).await? {",
            "match { app.store.finish(key).await?;\n\
             send(app, &due.to, &due.recipient, &mail).await? } {",
        )],
        noticed_by: "an_invitation_is_mailed",
    },
    // A code is mailed however late.
    Mutant {
        file: "functions/src/owed_mail.rs",
        changes: &[(
            "if app.clock.now() >= *expires_at {",
            "if *expires_at > app.clock.now() && app.clock.now() >= *expires_at {",
        )],
        noticed_by: "a_code_is_mailed_while",
    },
    // A block has one call more than was taken.
    Mutant {
        file: "shared/domain/src/meter.rs",
        changes: &[("left: take.calls - 1,", "left: take.calls,")],
        noticed_by: "what_a_process_took_ahead",
    },
    // What was taken ahead is let through by other limits, or in another month.
    Mutant {
        file: "shared/domain/src/meter.rs",
        changes: &[("lasts && block.version >= ask.version {", "lasts {")],
        noticed_by: "what_was_taken_ahead",
    },
    Mutant {
        file: "shared/domain/src/meter.rs",
        changes: &[("ends.min(month.ends_at().as_microsecond())", "ends")],
        noticed_by: "what_was_taken_ahead",
    },
];

#[test]
fn the_simulation_notices_every_mutant() {
    let root = desk::workspace_root();
    let copy = root.join("target/mutants");
    let missed: Vec<_> = MUTANTS
        .iter()
        .filter(|mutant| {
            copied(root, &copy);
            let file = copy.join(mutant.file);
            let text = std::fs::read_to_string(&file).expect("a file of the product");
            std::fs::write(&file, mutant.of(&text)).expect("it is written");
            let noticed = is_noticed(&copy, mutant.noticed_by);
            tell(&format!("{:<9}{}: {}", noticed.word(), mutant.file, mutant.name().trim()));
            noticed != Noticed::Yes
        })
        .map(Mutant::name)
        .collect();
    assert!(missed.is_empty(), "not noticed: {missed:#?}");
    let tried = MUTANTS.len() as u64;
    let holds = "The simulation notices what is changed in the functions' source";
    Proof { holds, runs: 0, faults: 0, mutants: Some((tried, tried)) }.print();
}

#[derive(Debug, PartialEq, Eq)]
enum Noticed {
    Yes,
    No,
    /// It does not build, or no such test is there.
    NotTried,
}

impl Noticed {
    fn word(&self) -> &'static str {
        match self {
            Self::Yes => "noticed",
            Self::No => "missed",
            Self::NotTried => "no run",
        }
    }
}

fn is_noticed(copy: &Path, test: &str) -> Noticed {
    let run = Command::new(env!("CARGO"))
        .current_dir(copy)
        // Its own: cargo takes the crates of a copy for those that it was copied from.
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .args(["test", "--package", "frontdesk-tests", "--test", "simulation", test])
        .output()
        .expect("cargo runs");
    let told = String::from_utf8_lossy(&run.stdout);
    match told.contains("test result:") && !told.contains("running 0 tests") {
        false => Noticed::NotTried,
        true if told.contains("test result: FAILED") => Noticed::Yes,
        true => Noticed::No,
    }
}

/// Every file of the checkout as it is, and nothing else that was there.
fn copied(root: &Path, copy: &Path) {
    let files = Command::new("git").current_dir(root).args(["ls-files"]).output().expect("git");
    let files = String::from_utf8(files.stdout).expect("names are texts");
    for name in files.lines() {
        let (from, to): (PathBuf, PathBuf) = (root.join(name), copy.join(name));
        let bytes = std::fs::read(from).expect("a file of the checkout");
        // What is as it was keeps its time, so that it is not built anew.
        if std::fs::read(&to).is_ok_and(|there| there == bytes) {
            continue;
        }
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::write(to, bytes).expect("it is copied");
    }
}

/// For whoever looks on.
#[expect(clippy::print_stdout, reason = "what it is for")]
fn tell(line: &str) {
    println!("{line}");
}
