//! What holds where workers are at work: at the end of each schedule, and once they have all had
//! their turn.

use crate::closing::{Closed, duties};
use crate::judge::{Judgement, Table, holds, is, text};
use crate::scene::{Row, Rows, sealed};
use crate::schedule::{Brought, End, Ended};
use crate::stream::Record;
use crate::wire::{Mailed, Step};
use std::collections::BTreeMap;

pub fn judge(ended: &Ended, closed: &Closed) -> Judgement {
    for rows in [&ended.rows, &closed.rows] {
        one_sandbox_key(rows)?;
        awaited(rows)?;
    }
    holds(closed.refused.is_empty(), || closed.refused.join(", "))?;
    holds(closed.undone.is_empty(), || closed.undone.join(", "))?;
    verdicts(ended)?;
    told(ended)?;
    over(ended, closed)?;
    for mail in &ended.mailed {
        owed(ended, mail)?;
    }
    invited(ended, closed)
}

/// An account has one Sandbox key at most: the one that is sealed, and counted.
fn one_sandbox_key(rows: &Rows) -> Judgement {
    let table = Table(rows);
    for account in table.accounts() {
        let (pk, id) = (text(account, "pk"), text(account, "id"));
        let own = table.all_keys().into_iter().filter(|row| text(row, "pk") == pk);
        let ids: Vec<_> = own.map(|row| text(row, "id")).filter(|id| is_sandbox_key(id)).collect();
        let mut sandboxes = table.sandboxes().into_iter();
        let sandbox = sandboxes.find(|row| text(row, "pk").ends_with(id)).expect("a Sandbox");
        let sealed = sandbox["sandbox_key"]["M"]["id"]["S"].as_str();
        holds(ids == sealed.as_slice(), || format!("{sealed:?} is sealed, and {ids:?} are there"))?;
        let counted = is(account, "has_sandbox_key");
        holds(counted != ids.is_empty(), || format!("{counted} is on record of {ids:?}"))?;
    }
    Ok(())
}

pub fn is_sandbox_key(id: &str) -> bool {
    id.starts_with("key_s")
}

/// Whoever waits for a validation waits for something that is still to come.
fn awaited(rows: &Rows) -> Judgement {
    let table = Table(rows);
    for sandbox in table.sandboxes() {
        let account = text(sandbox, "pk").trim_start_matches("SANDBOX#");
        let is_owed = |event: &&Row| {
            text(event, "pk").ends_with(account) && text(event, "status") == "pending"
        };
        let is_awaited = table.events().iter().any(is_owed);
        holds(text(sandbox, "state") != "validating" || is_awaited, || {
            "a Sandbox is validating for ever".to_owned()
        })?;
        let has_reason = sandbox.get("reason").is_some();
        holds(text(sandbox, "state") != "not_configured" || has_reason, || {
            "a Sandbox is not configured, and does not say why".to_owned()
        })?;
    }
    Ok(())
}

/// A verdict that is put on record is what the product API said last to whoever recorded it, about
/// the very key that it is put on record of.
fn verdicts(ended: &Ended) -> Judgement {
    for Change { place, step, was, sandbox } in changes_of_sandboxes(ended) {
        let judged = sandbox.get("validated_at");
        if judged.is_none() || judged == was.and_then(|was| was.get("validated_at")) {
            continue;
        }
        let (state, reason) = (text(sandbox, "state"), text(sandbox, "reason"));
        let verdict = if state == "not_configured" { reason } else { state };
        let mut own = ended.asked.iter().filter(|asked| {
            (asked.actor, asked.act) == (step.actor, step.act) && asked.at <= place
        });
        let asked = own.next_back().ok_or("a verdict is on record, and nobody was asked")?;
        holds(asked.verdict == verdict, || {
            format!("{verdict} is on record, and {} was said", asked.verdict)
        })?;
        let key = sealed(&ended.keyring, sandbox);
        holds(key.as_ref() == Some(&asked.key), || {
            format!("{verdict} is on record of another key than was asked about")
        })?;
    }
    Ok(())
}

/// What becomes of a Sandbox's key stands in the trail as well, by the same write.
fn told(ended: &Ended) -> Judgement {
    for Change { step, was, sandbox, .. } in changes_of_sandboxes(ended) {
        let state = text(sandbox, "state");
        let was_validating = was.is_some_and(|was| text(was, "state") == "validating");
        let is_end = state != "validating" && was_validating;
        holds(!is_end || step.about.contains("Put AUDIT"), || {
            format!("a Sandbox is {state}, and the trail does not tell")
        })?;
    }
    Ok(())
}

/// A step that changed a Sandbox.
struct Change<'e> {
    place: usize,
    step: &'e Step,
    was: Option<&'e Row>,
    sandbox: &'e Row,
}

fn changes_of_sandboxes(ended: &Ended) -> impl Iterator<Item = Change<'_>> {
    let mut before: BTreeMap<&String, &Row> = BTreeMap::new();
    ended.steps.iter().enumerate().filter_map(move |(place, step)| {
        let (row, sandbox) = step.rows.iter().find(|(row, _)| row.starts_with("SANDBOX#"))?;
        let (pk, sk) = row.split_once('/').expect("a key has two parts");
        let first = || ended.before.get(&(pk.to_owned(), sk.to_owned()));
        let was = before.insert(row, sandbox).or_else(first);
        Some(Change { place, step, was, sandbox })
    })
}

/// All that was owed is done, or was given up for everybody to see. A login's mail is owed to
/// nobody whose record never came.
fn over(ended: &Ended, closed: &Closed) -> Judgement {
    let duty = duties(&closed.rows).next();
    holds(duty.is_none(), || format!("{duty:?} is owed for ever"))?;
    let never_came = |row: &str| {
        let mut brought = ended.brought.iter();
        brought.any(|brought| brought.delivery.is_about(row) && brought.end == End::NeverCame)
    };
    let mails = closed.rows.iter().filter(|((_, sk), _)| sk.starts_with("MAIL#"));
    for ((pk, sk), row) in mails.filter(|(_, row)| text(row, "status") == "pending") {
        let was_there = ended.before.contains_key(&(pk.clone(), sk.clone()));
        holds(was_there || never_came(&format!("{pk}/{sk}")), || format!("{row} has no end"))?;
    }
    Ok(())
}

/// A mail is sent by whoever found it owed: not after it is on record that it was sent, and not
/// to whom an invitation was taken back from.
fn owed(ended: &Ended, mail: &Mailed) -> Judgement {
    let is_its =
        |brought: &&Brought| (brought.delivery.actor, brought.attempt) == (mail.actor, mail.act);
    let brought = ended.brought.iter().find(is_its).ok_or("nobody was brought a mail")?;
    let mut records = brought.delivery.records.iter();
    let is_for = |record: &&Record| is_to(ended, record.written(), &mail.to);
    let record = records.find(is_for).ok_or("nobody was brought this mail")?;
    let row = &record.row;
    let steps = &ended.steps[..mail.at];
    let own = |step: &Step| (step.actor, step.act) == (mail.actor, mail.act);
    let looked = |kind: &str| {
        let is_it = |step: &Step| own(step) && step.operation == "GetItem" && step.reads(kind);
        steps.iter().rposition(is_it)
    };
    let settled =
        |step: &Step| step.rows.get(row).is_some_and(|row| text(row, "status") != "pending");
    let found = looked(row).ok_or("a mail was sent, and not looked up")?;
    holds(!steps[..found].iter().any(settled), || {
        "a mail was sent again though it was on record as sent".to_owned()
    })?;
    // A code is mailed to whoever asks for it, and an invitation to a member.
    let Some(member) = record.written()["member_id"]["S"].as_str() else { return Ok(()) };
    let found = looked(member).ok_or("somebody was mailed, and not looked up")?;
    // A mail that the change has written itself comes of it.
    let takes_back = |change: &Step| change.writes(member) && !change.rows.contains_key(row);
    let ends = ["revoke-member", "decline-invitation", "resend-invitation", "leave-team"];
    for done in ended.done.iter().filter(|done| ends.contains(&done.asked.function)) {
        let Some((place, change)) = ended.first_change(done) else { continue };
        holds(place > found || !takes_back(change), || {
            format!("an invitation was mailed after {}", done.asked.function)
        })?;
    }
    Ok(())
}

/// Whether a mail's row is about this address. Of one that is no invitation's, it may be.
fn is_to(ended: &Ended, mail: &Row, to: &str) -> bool {
    let Some(invited) = mail["member_id"]["S"].as_str() else { return true };
    let mut members =
        [&ended.before, &ended.rows].into_iter().flat_map(|rows| Table(rows).members());
    members.any(|member| (text(member, "id"), text(member, "email")) == (invited, to))
}

/// Whoever is invited has a mail of that invitation, or it says that there is none.
fn invited(ended: &Ended, closed: &Closed) -> Judgement {
    let table = Table(&closed.rows);
    let was_there = |row: &Row| {
        ended.before.get(&(text(row, "pk").to_owned(), text(row, "sk").to_owned())) == Some(row)
    };
    for mail in table.mails().into_iter().filter(|row| !was_there(row)) {
        let key = format!("{}/{}", text(mail, "pk"), text(mail, "sk"));
        let mut brought = ended.brought.iter().filter(|brought| brought.delivery.is_about(&key));
        let sent = |brought: &Brought| {
            let own = |sent: &Mailed| {
                (sent.actor, sent.act) == (brought.delivery.actor, brought.attempt)
                    && is_to(ended, mail, &sent.to)
            };
            ended.mailed.iter().any(own)
        };
        let is_sent = brought.any(sent) || !closed.mailed.is_empty();
        let member = table.members().into_iter().find(|member| {
            text(member, "id") == text(mail, "member_id")
                && text(member, "status") == "invited"
                && member["invitation"] == mail["number"]
        });
        let Some(member) = member else { continue };
        let says = text(member, "mail_problem") == "failed";
        holds(is_sent || says, || {
            "whoever is invited has no mail, and nothing says so".to_owned()
        })?;
        let given_up = text(mail, "status") == "failed";
        holds(!given_up || says, || "an invitation's mail was given up, unseen".to_owned())?;
    }
    Ok(())
}
