//! What holds after every schedule, whatever the case.

use crate::scene::{Row, Rows};
use crate::schedule::{Done, Ended};
use crate::wire::{Fate, Step};
use std::collections::BTreeSet;

/// What does not hold, in words.
pub type Judgement = Result<(), String>;

pub fn holds(condition: bool, what: impl FnOnce() -> String) -> Judgement {
    if condition { Ok(()) } else { Err(what()) }
}

/// The rows of the table, by what they are.
pub struct Table<'r>(pub &'r Rows);

impl<'r> Table<'r> {
    fn of(&self, prefix: &str) -> Vec<&'r Row> {
        let rows = self.0.iter();
        rows.filter(|((_, sk), _)| sk.starts_with(prefix)).map(|(_, row)| row).collect()
    }

    pub fn keys(&self) -> Vec<&'r Row> {
        self.of("KEY#")
    }

    pub fn members(&self) -> Vec<&'r Row> {
        self.of("MEMBER#")
    }

    /// Of every account.
    pub fn accounts(&self) -> Vec<&'r Row> {
        self.0.iter().filter(|((_, sk), _)| sk == "ACCOUNT").map(|(_, row)| row).collect()
    }
}

pub fn number(row: &Row, name: &str) -> i64 {
    let text = row[name]["N"].as_str().unwrap_or_else(|| panic!("{name} is no number: {row}"));
    text.parse().expect("a number")
}

pub fn text<'r>(row: &'r Row, name: &str) -> &'r str {
    row[name]["S"].as_str().unwrap_or_default()
}

pub fn is(row: &Row, name: &str) -> bool {
    row[name]["BOOL"].as_bool().unwrap_or_default()
}

impl Ended {
    pub fn table(&self) -> Table<'_> {
        Table(&self.rows)
    }

    /// How many changes this act committed: marks and guesses, which stand outside of any
    /// transaction, are none.
    pub fn changes(&self, done: &Done) -> usize {
        let own = |step: &&Step| step.actor == done.actor && step.act == done.act;
        let steps = self.steps.iter().filter(own);
        steps.filter(|step| step.commits && step.operation == "TransactWriteItems").count()
    }

    /// The step that committed the act's first change.
    pub fn first_change(&self, done: &Done) -> Option<(usize, &Step)> {
        let mut steps = self.steps.iter().enumerate();
        steps.find(|(_, step)| {
            let own = step.actor == done.actor && step.act == done.act;
            own && step.commits && step.operation == "TransactWriteItems"
        })
    }

    /// The acts of this function.
    pub fn of<'e>(&'e self, function: &'e str) -> impl Iterator<Item = &'e Done> {
        self.done.iter().filter(move |done| done.asked.function == function)
    }

    /// How many acts were answered so.
    pub fn answered(&self, named: &str) -> usize {
        self.done.iter().filter(|done| done.answer.named() == named).count()
    }

    /// The rare things that happened, by the names that the cases ask for.
    pub fn reached(&self) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        for done in &self.done {
            reached.insert(format!("{}: {}", done.asked.function, done.answer.named()));
            if done.answer.is_outage() {
                let end = match (done.answer.says_perhaps(), self.changes(done)) {
                    (false, _) => "not done",
                    (true, 0) => "perhaps done, and not",
                    (true, _) => "perhaps done, and done",
                };
                reached.insert(format!("{}: {end}", done.asked.function));
            }
            let own = |step: &&Step| step.actor == done.actor && step.act == done.act;
            for step in self.steps.iter().filter(own).filter(|step| step.fate.is_fault()) {
                let end = done.answer.named();
                reached.insert(format!("{:?}, then {}: {end}", step.fate, done.asked.function));
            }
            let answered = self.steps.iter().filter(own);
            let refused = |step: &Step| {
                step.fate == Fate::Answered && step.status.is_some_and(|status| status != 200)
            };
            if answered.clone().any(refused) && done.answer.is_success() {
                reached.insert(format!("refused by the store, then {}: done", done.asked.function));
            }
        }
        reached
    }
}

/// What holds of every case.
pub fn judge(ended: &Ended) -> Judgement {
    for account in ended.table().accounts() {
        counted(ended, account)?;
    }
    for done in &ended.done {
        true_answer(ended, done)?;
        refused_after(ended, done)?;
    }
    for done in ended.of("check-key") {
        refused_for_a_reason(ended, done)?;
    }
    afterwards(ended)
}

/// Whoever is answered that something has ended, finds it ended from then on.
fn refused_after(ended: &Ended, end: &Done) -> Judgement {
    if !end.answer.is_success() {
        return Ok(());
    }
    for done in ended.done.iter().filter(|done| done.is_after(end)) {
        let ends = match end.asked.function {
            "delete-key" => {
                done.asked.function == "check-key" && done.asked.about == end.asked.about
            }
            "revoke-member" | "leave-team" => {
                done.asked.by.is_some() && done.asked.by == end.asked.about
            }
            // None of the cases makes somebody an admin again.
            "change-role" => {
                let anybodys = ["leave-team", "get-session"].contains(&done.asked.function);
                !anybodys && done.asked.by.is_some() && done.asked.by == end.asked.about
            }
            "change-account" => done.asked.function == "check-key" || done.asked.by.is_some(),
            _ => false,
        };
        holds(!ends || !done.answer.is_success(), || {
            let (after, before) = (done.asked.function, end.asked.function);
            format!("{after} of actor {} went well after {before} was answered", done.actor)
        })?;
    }
    let committed = |done: &Done| ended.first_change(done).map(|(place, _)| place);
    if !["revoke-member", "leave-team"].contains(&end.asked.function) {
        return Ok(());
    }
    // Not even what was in flight.
    for done in ended.done.iter().filter(|done| done.asked.by == end.asked.about) {
        let is_late = done.actor != end.actor && committed(done) > committed(end);
        holds(!is_late || committed(done).is_none(), || {
            format!("{} was done by somebody who was no member any more", done.asked.function)
        })?;
    }
    Ok(())
}

/// A key is refused only if something ends it.
fn refused_for_a_reason(ended: &Ended, check: &Done) -> Judgement {
    if check.answer.status != 403 {
        return Ok(());
    }
    let is_reason = |done: &&Done| {
        let function = done.asked.function;
        let about_it = done.asked.about == check.asked.about;
        let may_end = function == "change-account"
            || (["delete-key", "rotate-key"].contains(&function) && about_it);
        may_end && ended.first_change(done).is_some_and(|(place, _)| place < check.ended)
    };
    holds(ended.done.iter().any(|done| is_reason(&done)), || {
        format!("the key check of actor {} refused a good key", check.actor)
    })
}

/// What is there when all is over is good, and nothing else.
fn afterwards(ended: &Ended) -> Judgement {
    let table = ended.table();
    let suspended = table.accounts().iter().any(|account| is(account, "suspended"));
    for (name, accepted) in &ended.accepted {
        let id = ended.made.get(name).unwrap_or(name);
        let is_there = table.keys().iter().any(|row| text(row, "id") == id);
        holds(!accepted || (is_there && !suspended), || format!("{id} is accepted, and ended"))?;
    }
    // Else a suspension has a second step before it, which `sweep` takes.
    let marked = table.accounts().iter().all(|account| account.get("duty").is_none());
    for row in table.keys().into_iter().filter(|_| marked) {
        holds(is(row, "suspended") == suspended, || {
            format!("the account's suspension is {suspended}, and a key does not say so")
        })?;
    }
    Ok(())
}

/// Counters are rows, and within their limits; there is an admin.
fn counted(ended: &Ended, account: &Row) -> Judgement {
    let table = ended.table();
    let pk = text(account, "pk");
    let own = |rows: Vec<&Row>| rows.into_iter().filter(|row| text(row, "pk") == pk).count() as i64;
    for (rows, counter, limit) in [
        (own(table.keys()), "own_keys", "own_key_limit"),
        (own(table.members()), "member_count", "member_limit"),
    ] {
        let (counted, limit) = (number(account, counter), number(account, limit));
        holds(rows == counted, || format!("{counter} is {counted} of {rows} rows"))?;
        holds(counted <= limit, || format!("{counter} is {counted}, and its limit {limit}"))?;
    }
    let active_admins: Vec<_> = table
        .members()
        .into_iter()
        .filter(|row| text(row, "role") == "admin" && text(row, "status") == "active")
        .map(|row| text(row, "id"))
        .collect();
    holds(!active_admins.is_empty(), || "no admin who has logged in is left".to_owned())?;
    let named: BTreeSet<_> = account["admins"]["SS"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|id| id.as_str())
        .collect();
    let are: BTreeSet<_> = active_admins.into_iter().collect();
    holds(named == are, || format!("admins are {are:?}, and the account names {named:?}"))
}

/// A success is one change; a refusal none, not even by a try that was given up and arrives late; an
/// outage says itself whether there may be one.
fn true_answer(ended: &Ended, done: &Done) -> Judgement {
    let changes = ended.changes(done);
    let Done { asked, answer, actor, act, .. } = done;
    let function = asked.function;
    let told = || format!("actor {actor}, act {act}: {function} answered {answer:?}");
    let expected = match function {
        // It reads, and marks.
        "check-key" | "get-session" => 0..=0,
        // Stopping the account, and marking its keys: how often hangs on what is there already.
        "change-account" if !answer.is_outage() => return holds(answer.is_success(), told),
        "change-account" => return Ok(()),
        _ if answer.is_success() && asked.may_repeat => 0..=1,
        _ if answer.is_success() => 1..=1,
        _ if answer.is_outage() && answer.says_perhaps() => 0..=1,
        _ => 0..=0,
    };
    holds(answer.status != 500, || format!("{}: a fault of ours", told()))?;
    holds(expected.contains(&changes), || format!("{}, and made {changes} changes", told()))
}
