//! The changes of the product's source that the simulation has to notice.
//!
//! A test of `it` holds that each is of the source as it is.

/// Texts of a file, what stands in their places, and the tests of the simulation that notice.
pub struct Mutant {
    pub file: &'static str,
    pub changes: &'static [(&'static str, &'static str)],
    pub noticed_by: &'static str,
}

impl Mutant {
    /// The file with the change.
    pub fn of(&self, text: &str) -> String {
        self.changes.iter().fold(text.to_owned(), |text, (from, to)| {
            assert_eq!(text.matches(from).count(), 1, "{}: {from}", self.file);
            text.replace(from, to)
        })
    }

    /// The first line of what is different.
    pub fn name(&self) -> &str {
        let (from, to) = self.changes[0];
        if to.is_empty() { from } else { to }
    }
}

pub const MUTANTS: [Mutant; 31] = [
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
            "filter(|marked| !marked.is(suspended, plan))",
            "filter(|marked| marked.is(suspended, plan))",
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
            "return if unanswered.any() { Err(made_yet())",
            "return if reasons.is_empty() && unanswered.any() { Err(made_yet())",
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
            (
                "Ok(self.mark_keys(account).await? == Some(true))",
                "Ok(self.mark_keys(account).await?.is_some())",
            ),
            (
                "self.marking(account, whole, row.suspended, &row.plan.0)",
                "self.marking(account, whole, true, &row.plan.0)",
            ),
        ],
        noticed_by: "no_key_slips_through_a_suspension",
    },
    // The marks stand on no version.
    Mutant {
        file: "shared/store/src/suspension.rs",
        changes: &[(
            "let whole = if row.suspended {\n                as_read(whole, &row)",
            "let whole = if row.suspended {\n                whole",
        )],
        noticed_by: "a_suspension_beside_a_resumption",
    },
    // The keys are read before the version that guards them.
    Mutant {
        file: "shared/store/src/suspension.rs",
        changes: &[
            (
                "        plan: &Plan,\n    ) ->",
                "        plan: &Plan,\n        keys: Vec<Marked>,\n    ) ->",
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
            (
                "self.marking(account, whole, false, &row.plan.0)",
                "self.marking(account, whole, false, &row.plan.0, keys)",
            ),
            (
                "        loop {\n            let row = self.get",
                "        loop {\n let partition = layout::account_partition(account);\n\
                 let keys = self.query::<Marked>(\"key\", partition, layout::KEY_PREFIX).await?;\n\
                 let row = self.get",
            ),
            (
                "self.marking(account, whole, row.suspended, &row.plan.0)",
                "self.marking(account, whole, row.suspended, &row.plan.0, keys)",
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
    // Whoever is there and was changed meanwhile is said not to be there.
    Mutant {
        file: "shared/store/src/member.rs",
        changes: &[(
            "row.filter(|row| !row.has_ended(now)).map_or(gone",
            "row.filter(|row| row.has_ended(now)).map_or(gone",
        )],
        noticed_by: "each_pair_of_customers_changes_holds_every_promise",
    },
    // A right code is refused when another was right at the same time.
    Mutant {
        file: "shared/store/src/login.rs",
        changes: &[(
            "Some(row) if row.record.is_closed(&challenge.id) => {",
            "Some(row) if row.record.is_unanswered(&challenge.id) => {",
        )],
        noticed_by: "two_right_codes",
    },
];
