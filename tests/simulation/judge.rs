//! What holds after every schedule, whatever the case.

use crate::scene::{Act, CLOCKS_DIFFER_BY, Ends, Row, Rows, TIME};
use crate::schedule::{Brought, Done, Ended};
use crate::settled;
use crate::stream::Delivery;
use crate::wire::{Fate, Step};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::SessionToken;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

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

    /// Those that admins have made.
    pub fn keys(&self) -> Vec<&'r Row> {
        let keys = self.all_keys().into_iter();
        keys.filter(|row| !settled::is_sandbox_key(text(row, "id"))).collect()
    }

    pub fn all_keys(&self) -> Vec<&'r Row> {
        self.of("KEY#")
    }

    pub fn members(&self) -> Vec<&'r Row> {
        self.of("MEMBER#")
    }

    pub fn sandboxes(&self) -> Vec<&'r Row> {
        self.of("SANDBOX")
    }

    /// Login events, and requests for provisioning.
    pub fn events(&self) -> Vec<&'r Row> {
        self.of("EVENT#")
    }

    pub fn mails(&self) -> Vec<&'r Row> {
        self.of("MAIL#")
    }

    /// Whose each address is.
    pub fn owners(&self) -> Vec<&'r Row> {
        self.of("OWNER")
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
    /// transaction, are none, nor are notices of guesses and of usage.
    pub fn changes(&self, done: &Done) -> usize {
        self.changes_of(done).count()
    }

    /// The step that committed the act's first change.
    pub fn first_change(&self, done: &Done) -> Option<(usize, &Step)> {
        self.changes_of(done).next()
    }

    fn changes_of(&self, done: &Done) -> impl Iterator<Item = (usize, &Step)> {
        let is_guess = done.asked.function == "verify-code";
        let (actor, act) = (done.actor, done.act);
        self.steps.iter().enumerate().filter(move |(_, step)| {
            let own = step.actor == actor && step.act == act;
            let is_notice = is_guess && !step.about.contains("ACCT/");
            let is_notice = is_notice || step.about.contains("USAGE/");
            own && step.commits && step.operation == "TransactWriteItems" && !is_notice
        })
    }

    /// Whether the act sent a write that was made, or of which no answer says that it was not.
    fn may_have_written(&self, done: &Done) -> bool {
        let own = |step: &&Step| step.actor == done.actor && step.act == done.act;
        let is_open = |step: &Step| step.commits || step.fate != Fate::Answered;
        self.steps.iter().filter(own).any(|step| step.is_write() && is_open(step))
    }

    /// The acts of this function.
    pub fn of<'e>(&'e self, function: &'e str) -> impl Iterator<Item = &'e Done> {
        self.done.iter().filter(move |done| done.asked.function == function)
    }

    /// How many guesses are on record of each challenge.
    pub fn guesses(&self) -> impl Iterator<Item = usize> {
        let asks = self.rows.values().filter_map(|row| row["asks"]["M"].as_object()).flatten();
        asks.filter_map(|(_, ask)| ask["M"]["guesses"]["L"].as_array()).map(Vec::len)
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
        for Brought { delivery, attempt, end } in &self.brought {
            let function = delivery.function;
            reached.insert(format!("{function}: {end:?}"));
            let mut brought = self.brought.iter().map(|brought| &brought.delivery);
            let is_more = |more: &Delivery| more.records.len() > delivery.records.len();
            if brought.any(|other| other.actor == delivery.actor && is_more(other)) {
                reached.insert(format!("{function}: brought the rest"));
            }
            let own = |step: &&Step| step.actor == delivery.actor && step.act == *attempt;
            for step in self.steps.iter().filter(own).filter(|step| step.fate.is_fault()) {
                let operation = &step.operation;
                reached.insert(format!("{:?} of {operation}, then {function}", step.fate));
            }
        }
        for sandbox in self.table().sandboxes() {
            let (state, reason) = (text(sandbox, "state"), text(sandbox, "reason"));
            reached.insert(format!("Sandbox: {state} {reason}").trim_end().to_owned());
        }
        for row in self.table().mails() {
            reached.insert(format!("mail: {}", text(row, "status")));
        }
        let mails: &[_] = match self.mailed.len() {
            0 => &["no mail was sent"],
            1 => &["a mail was sent", "one mail was sent"],
            _ => &["a mail was sent", "several mails were sent"],
        };
        reached.extend(mails.iter().map(|mails| (*mails).to_owned()));
        reached
    }
}

/// What holds of every case.
pub fn judge(ended: &Ended) -> Judgement {
    kept(ended)?;
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
    looked_at(ended)?;
    afterwards(ended)?;
    ended.closed.as_ref().map_or(Ok(()), |closed| settled::judge(ended, closed))
}

/// DynamoDB may delete a row from the moment on that its `ttl` names, and the sweep finds one when
/// it is due: neither is in the past when it is written, by the clock of whoever is behind.
fn kept(ended: &Ended) -> Judgement {
    let start = ended.start - CLOCKS_DIFFER_BY;
    for (key, row) in &ended.rows {
        let before = ended.before.get(key);
        let is_new =
            |name: &str| row.get(name).is_some() && before.is_none_or(|b| b[name] != row[name]);
        let is_past = |name: &str, start: i64| is_new(name) && number(row, name) < start;
        holds(!is_past("ttl", start.as_second()), || format!("{row} may be deleted at once"))?;
        let is_due = is_past("due_at", start.as_millisecond());
        holds(!is_due, || format!("{row} is due at once"))?;
    }
    Ok(())
}

/// What every member may, whatever its role.
const ANYBODYS: [&str; 6] =
    ["leave-team", "get-session", "end-session", "revoke-session", "retry-sandbox", "test-sandbox"];

/// Whether this is nothing that may be done any more once the other has ended.
fn needs(done: &Done, ended: &Ends) -> bool {
    let Act { function, by, token, about, .. } = &done.asked;
    match ended {
        Ends::Key(key) => *function == "check-key" && about.as_ref() == Some(key),
        Ends::Sessions(member) => by.as_ref() == Some(member),
        Ends::AllSessions => by.is_some(),
        Ends::Session(ended) => token.as_ref() == Some(ended),
        Ends::Role(member) => !ANYBODYS.contains(function) && by.as_ref() == Some(member),
        // A session that ends itself is over in a suspended account, too.
        Ends::Account if *function == "end-session" => false,
        Ends::Account => *function == "check-key" || by.is_some(),
    }
}

/// Whoever is answered that something has ended, finds it ended from then on; and from the change
/// on that ended it, nothing is done that it was needed for, even if it was under way.
fn refused_after(ended: &Ended, end: &Done) -> Judgement {
    let Some(ends) = &end.asked.ends else { return Ok(()) };
    let is_back = |done: &Done| done.asked.operators() == Some("resume");
    if !end.answer.is_success() || (*ends == Ends::Account && ended.done.iter().any(is_back)) {
        return Ok(());
    }
    let place = |done: &Done| ended.first_change(done).map(|(place, _)| place);
    let others = ended.done.iter().filter(|done| (done.actor, done.act) != (end.actor, end.act));
    for done in others.filter(|done| needs(done, ends)) {
        let (after, before) = (done.asked.function, end.asked.function);
        holds(!done.is_after(end) || !done.answer.is_success(), || {
            format!("{after} of actor {} went well after {before} was answered", done.actor)
        })?;
        // One of many transactions ended this.
        let is_one = *ends != Ends::AllSessions && place(end).is_some();
        holds(!is_one || place(done) < place(end), || {
            format!("{after} of actor {} was done after {before} had ended it", done.actor)
        })?;
    }
    Ok(())
}

/// A challenge has five guesses, and opens one session.
fn looked_at(ended: &Ended) -> Judgement {
    for done in ended.of("verify-code") {
        let of_it = |other: &&Done| other.asked.about == done.asked.about;
        let opened = ended.of("verify-code").filter(of_it).filter(|done| ended.changes(done) > 0);
        holds(opened.count() <= 1, || "one code opened two sessions".to_owned())?;
    }
    let guesses = ended.guesses().max().unwrap_or_default();
    holds(guesses <= 5, || format!("{guesses} guesses are on record of one challenge"))
}

/// A key is refused only if something ends it.
fn refused_for_a_reason(ended: &Ended, check: &Done) -> Judgement {
    if check.answer.status != 403 {
        return Ok(());
    }
    let is_reason = |done: &&Done| {
        let function = done.asked.function;
        let about_it = done.asked.about == check.asked.about;
        let may_end = matches!(done.asked.ends, Some(Ends::Account))
            || (["delete-key", "rotate-key"].contains(&function) && about_it)
            || (done.asked.operators() == Some("revoke_key") && about_it);
        may_end && ended.first_change(done).is_some_and(|(place, _)| place < check.ended)
    };
    let is_late = ended.of(TIME).any(|time| time.began < check.ended);
    holds(is_late || ended.done.iter().any(|done| is_reason(&done)), || {
        format!("the key check of actor {} refused a good key", check.actor)
    })
}

/// What is there when all is over is good, and nothing else.
fn afterwards(ended: &Ended) -> Judgement {
    let table = ended.table();
    let suspended = table.accounts().iter().any(|account| is(account, "suspended"));
    for (name, accepted) in &ended.accepted {
        let id = ended.made.get(name).unwrap_or(name);
        let is_good = |row: &&Row| text(row, "id") == id && !is(row, "suspended");
        let is_good = table.all_keys().iter().any(is_good);
        holds(!accepted || is_good, || format!("{id} is accepted, and ended"))?;
    }
    for done in ended.done.iter().filter(|done| done.answer.is_success()) {
        let is_there = match &done.asked.ends {
            Some(Ends::Key(key)) => table.keys().iter().any(|row| text(row, "id") == key),
            Some(Ends::Session(token)) => has_session(&table, token),
            Some(Ends::Sessions(_) | Ends::AllSessions | Ends::Role(_) | Ends::Account) | None => {
                false
            }
        };
        holds(!is_there, || format!("{} has ended what is there still", done.asked.function))?;
    }
    // Else a suspension has a second step before it, which `sweep` takes.
    let marked = table.accounts().iter().all(|account| account.get("duty").is_none());
    for row in table.all_keys().into_iter().filter(|_| marked) {
        holds(is(row, "suspended") == suspended, || {
            format!("the account's suspension is {suspended}, and a key does not say so")
        })?;
        let account = table.accounts().into_iter().find(|one| text(one, "pk") == text(row, "pk"));
        let account = account.ok_or("a key is of no account")?;
        for name in ["limits_version", "per_minute", "burst", "per_month"] {
            holds(row[name] == account[name], || {
                format!("{name} is {} of the account, and {} of a key", account[name], row[name])
            })?;
        }
    }
    Ok(())
}

fn has_session(table: &Table, token: &str) -> bool {
    let digest = SessionToken::parse(token).expect("a token").digest();
    let digest = STANDARD.encode(digest.as_bytes());
    let sessions = table.members().into_iter().filter_map(|row| row["sessions"]["M"].as_object());
    sessions.flat_map(|slots| slots.values()).any(|session| session["M"]["d"]["B"] == *digest)
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
    let members: Vec<_> = table.members().into_iter().filter(|row| text(row, "pk") == pk).collect();
    let admins = |may: fn(&Row) -> bool| -> BTreeSet<_> {
        let admins = members.iter().filter(|row| text(row, "role") == "admin" && may(row));
        admins.map(|row| text(row, "id")).collect()
    };
    // Whoever an operator made one may count before the first login.
    let active = admins(|row| text(row, "status") == "active");
    let lasting = admins(|row| row.get("invited_until").is_none());
    let named: BTreeSet<_> = account["admins"]["SS"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    holds(!named.is_empty(), || "no admin is left".to_owned())?;
    holds(active.is_subset(&named) && named.is_subset(&lasting), || {
        format!("admins are {active:?}, and the account names {named:?}")
    })?;
    owned(ended, account, &members)
}

/// Each member has its address, and its invitation the same end wherever that stands.
fn owned(ended: &Ended, account: &Row, members: &[&Row]) -> Judgement {
    let owners = ended.table().owners();
    for member in members {
        let id = text(member, "id");
        let owns = |owner: &&&Row| text(owner, "member_id") == id;
        let owner = owners.iter().find(owns).ok_or_else(|| format!("{id} has no address"))?;
        let ends =
            [&member["invited_until"], &owner["invited_until"], &account["invited"]["M"][id]];
        holds(ends.iter().all(|end| end == &ends[0]), || {
            format!("the invitation of {id} ends at {ends:?}")
        })?;
    }
    let is_there = |owner: &Row| {
        let is_its = |row: &&Row| text(row, "id") == text(owner, "member_id");
        ended.table().members().iter().any(is_its)
    };
    holds(owners.iter().all(|owner| is_there(owner)), || "an address is nobody's".to_owned())
}

/// A success is one change; a refusal none, not even by a try that was given up and arrives late;
/// an outage says itself whether there may be one.
fn true_answer(ended: &Ended, done: &Done) -> Judgement {
    let changes = ended.changes(done);
    let Done { asked, answer, actor, act, .. } = done;
    let function = asked.function;
    let told = || format!("actor {actor}, act {act}: {function} answered {answer:?}");
    let may = if answer.is_success() || function == "sweep" {
        made(asked)
    } else if answer.is_outage() && answer.says_perhaps() {
        0..=usize::MAX
    } else if answer.code == "email_already_registered" && function == "invite-member" {
        // That it is told so is counted, and on record.
        1..=1
    } else if answer.code == "account_suspended" && function == "end-session" {
        // The session is over all the same, so that it does not come back with the account.
        0..=1
    } else {
        0..=0
    };
    holds(answer.status != 500, || format!("{}: a fault of ours", told()))?;
    // A process that was killed says nothing, and somebody else says that for it.
    let says_perhaps = answer.is_outage() && answer.says_perhaps() && answer.code != "killed";
    holds(!says_perhaps || ended.may_have_written(done), || {
        format!("{}, and sent no write whose end is not known", told())
    })?;
    holds(may.contains(&changes), || format!("{}, and made {changes} changes", told()))
}

/// How many changes a success of it is.
fn made(asked: &Act) -> RangeInclusive<usize> {
    match (asked.function, asked.operators()) {
        // They read, and mark.
        ("check-key" | "get-session" | "note-mail-event" | TIME, _) => 0..=0,
        // A verdict about a key that is gone is put on no record.
        ("test-sandbox", _) => 0..=1,
        // Whatever it finds.
        ("sweep", _) => 0..=usize::MAX,
        // Nobody is told whether there was an invitation, or a validation is under way.
        ("decline-invitation" | "retry-sandbox", _) => 0..=1,
        // The account's row, and all keys'.
        (_, Some("set_limits")) if asked.event.get("limits").is_some() => 0..=2,
        // What is so already is no change.
        (_, Some("rename" | "set_limits" | "add_admin")) => 0..=1,
        // Step by step.
        (_, Some("suspend" | "resume" | "end_sessions")) => 0..=usize::MAX,
        _ if asked.may_repeat => 0..=1,
        _ => 1..=1,
    }
}
