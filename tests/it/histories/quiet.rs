//! Quiet points: nobody is at work, the streams have settled, and every row is looked at.

use crate::histories::model::{Attempt, Book, Key, Known, Session};
use crate::histories::run::{Client, Judgement, Run, hold};
use crate::span::Span;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use desk::{MailServiceMode, ProductApiMode};
use domain::{AccountId, PlainKey, Role, SandboxState};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

type Row = BTreeMap<String, AttributeValue>;
type Rows = BTreeMap<(String, String), Row>;

/// Those of a run's old keys, sessions and members that go on being tried.
const KEPT: usize = 8;
/// An invitation that is older may have ended.
const INVITATION_SURE_FOR: i64 = 6 * 24 * 3_600_000;
/// What the desk does by itself, as often as it has to.
const BY_ITSELF: [&str; 5] = [
    "sandbox_ready",
    "sandbox_not_configured",
    "sandbox_key_created",
    "sandbox_key_replaced",
    "invitation_ended",
];

fn text<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    row.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

fn number(row: &Row, name: &str) -> Option<i64> {
    row.get(name).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok())
}

fn is(row: &Row, name: &str, value: bool) -> bool {
    row.get(name).and_then(|known| known.as_bool().ok()) == Some(&value)
}

fn of_type<'a>(
    rows: &'a Rows,
    kind: &str,
) -> impl Iterator<Item = (&'a (String, String), &'a Row)> {
    rows.iter().filter(move |(_, row)| text(row, "type") == Some(kind))
}

/// The rows of one account's partition with this type, each by its id.
fn own<'a>(rows: &'a Rows, account: &str, kind: &str) -> BTreeMap<&'a str, &'a Row> {
    let partition = format!("ACCT#{account}");
    let of_account = of_type(rows, kind).filter(|((pk, _), _)| *pk == partition);
    of_account.map(|(_, row)| (text(row, "id").unwrap_or_default(), row)).collect()
}

/// An account's audit rows: action, and whom or what it is about.
fn trail(rows: &Rows, account: &str) -> BTreeMap<(String, String), usize> {
    let mut trail = BTreeMap::new();
    let partition = format!("#{account}");
    for (_, row) in of_type(rows, "audit").filter(|((pk, _), _)| pk.ends_with(&partition)) {
        let action = text(row, "action").unwrap_or_default();
        let by_actor = ["session_opened", "session_ended", "sandbox_key_revealed"];
        let whom = match action {
            "account_created" | "account_changed" | "account_suspended" | "account_resumed" => None,
            _ if by_actor.contains(&action) => text(row, "actor").or(text(row, "target")),
            _ => text(row, "target"),
        };
        let entry = (action.to_owned(), whom.unwrap_or_default().to_owned());
        *trail.entry(entry).or_default() += 1;
    }
    trail
}

/// Sees to it that each account that is not suspended has sessions, an admin's and a member's.
pub async fn log_in(client: &mut Client) {
    for account in 0..client.run.accounts.len() {
        let judged = client.log_in(account).await;
        judged.unwrap_or_else(|why| panic!("{}", client.run.report(account, &why)));
    }
}

impl Client {
    async fn log_in(&mut self, account: usize) -> Judgement {
        for role in [Role::Admin, Role::Member] {
            let Some(email) = self.address_of(account, role) else { continue };
            self.request_code_for(account, &email).await?;
            self.run.world.settle().await;
            self.answer_newest(&email).await?;
            if role == Role::Admin && self.address_of(account, Role::Member).is_none() {
                self.invite(account).await?;
            }
        }
        Ok(())
    }

    fn address_of(&mut self, account: usize, role: Role) -> Option<String> {
        let emails: Vec<String> = {
            let now = self.run.moment();
            let book = self.run.book();
            let wanted = book.members.iter().filter(|member| {
                member.account == account
                    && member.gone.is_none()
                    && book.roles(member, now).contains(&role)
            });
            wanted.map(|member| member.email.clone()).collect()
        };
        self.any(&emails)
    }

    async fn answer_newest(&mut self, email: &str) -> Judgement {
        let token = {
            let challenges = self.run.challenges();
            let newest = challenges.iter().rev().find(|challenge| challenge.email == email);
            newest.map(|challenge| challenge.token.clone())
        };
        match token {
            Some(token) => self.answer(&token, email).await,
            None => Ok(()),
        }
    }
}

/// Lets everything come to rest, looks at sessions and rows, and moves the clock on.
pub async fn look(client: &Client, round: u64) {
    let run = &client.run;
    run.world.desk.product_api().set_mode(ProductApiMode::Up);
    run.world.desk.mail_service().set_mode(MailServiceMode::Up);
    run.world.settle().await;
    for account in 0..run.accounts.len() {
        let judged = sessions(client, account).await;
        judged.unwrap_or_else(|why| panic!("{}", run.report(account, &why)));
    }
    // So that codes may be asked for, and days come and go.
    run.world.advance(if round.is_multiple_of(3) { 13 * 3600 } else { 1000 });
    run.world.settle().await;
    let swept = run.world.now().as_millisecond();
    run.world.desk.invoke("sweep", &Value::Null).await.expect("the sweep answers");
    run.world.settle().await;
    run.world.check_counters().await;
    let rows = run.world.rows().await;
    for account in 0..run.accounts.len() {
        let judged = account_rows(run, account, &rows, swept).and(sandbox(run, account).await);
        judged.unwrap_or_else(|why| panic!("{}", run.report(account, &why)));
    }
    let judged = addresses(&rows).and_then(|()| no_secrets(run, &rows));
    judged.unwrap_or_else(|why| panic!("{}", run.report(0, &why)));
    run.challenges().clear();
    run.world.desk.inbox().clear().expect("it is in memory");
    forget(run, &rows).await;
}

/// What has been looked at goes, as an export and a TTL would have it go.
async fn forget(run: &Run, rows: &Rows) {
    let settled = |row: &Row| match text(row, "type") {
        Some("audit") => true,
        Some("login_event" | "provision_request" | "mail") => {
            text(row, "status") != Some("pending")
        }
        _ => false,
    };
    let (client, table) = run.world.table();
    let keys: Vec<_> = rows.iter().filter(|(_, row)| settled(row)).map(|(key, _)| key).collect();
    for some in keys.chunks(25) {
        let requests = some.iter().map(|(pk, sk)| {
            let delete = DeleteRequest::builder()
                .key("pk", AttributeValue::S(pk.clone()))
                .key("sk", AttributeValue::S(sk.clone()));
            WriteRequest::builder().delete_request(delete.build().expect("complete")).build()
        });
        let batch = client.batch_write_item().request_items(&table, requests.collect());
        batch.send().await.expect("the rows are deleted");
    }
}

/// Asks with each session that is known, and keeps what it is.
async fn sessions(client: &Client, account: usize) -> Judgement {
    let run = &client.run;
    let asked: Vec<Session> = run.known(account).sessions.clone();
    let mut good = BTreeSet::new();
    for session in &asked {
        if client.look(session).await? {
            good.insert(session.token.clone());
        }
    }
    if let Some(session) = asked.iter().find(|session| good.contains(&session.token)) {
        client.reveal_as(session).await?;
    }
    let now = run.moment();
    let mut known = run.known(account);
    if !known.suspended.surely(now, &false) {
        return Ok(());
    }
    known.ends.clear();
    for session in &mut known.sessions {
        if good.contains(&session.token) {
            session.perhaps_replaced = false;
            session.logouts.clear();
        } else {
            session.gone.get_or_insert(now);
        }
    }
    keep(&mut known.sessions, |session| session.gone.is_none());
    Ok(())
}

/// All that are wanted, and the last few of the others.
fn keep<T>(all: &mut Vec<T>, wanted: impl Fn(&T) -> bool) {
    let mut others = all.iter().filter(|one| !wanted(one)).count();
    all.retain(|one| {
        if wanted(one) {
            return true;
        }
        others -= 1;
        others < KEPT
    });
}

fn account_rows(run: &Run, account: usize, rows: &Rows, swept: i64) -> Judgement {
    let id = run.accounts[account].id.as_str();
    let row = own(rows, id, "account").remove(id).ok_or("the account is gone")?;
    let now = run.moment();
    members(run, account, rows, now)?;
    let mut known = run.known(account);
    let before = known.suspended.possible(Span::BEFORE_ALL).contains(&true);
    settings(&mut known, row, now)?;
    let suspended = is(row, "suspended", true);
    keys(&mut known, own(rows, id, "api_key"), suspended, now)?;
    outbox(rows, id, row, swept)?;
    trail_matches(&mut known, rows, id, suspended, before)
}

/// That the settings are ones that the account may have after all that was done.
fn settings(known: &mut Known, row: &Row, now: Span) -> Judgement {
    let key_limit = number(row, "own_key_limit").unwrap_or_default() as u64 + 1;
    let member_limit = number(row, "member_limit").unwrap_or_default() as u64;
    let name = text(row, "name").unwrap_or_default().to_owned();
    let suspended = is(row, "suspended", true);
    let fit = known.key_limit.possible(now).contains(&key_limit)
        && known.member_limit.possible(now).contains(&member_limit)
        && known.name.possible(now).contains(&name)
        && known.suspended.possible(now).contains(&suspended);
    hold(fit, || format!("it was not set so: {row:?}"))?;
    known.key_limit.settle(key_limit);
    known.member_limit.settle(member_limit);
    known.name.settle(name);
    known.suspended.settle(suspended);
    Ok(())
}

/// That the keys are those that were made and not deleted, each suspended as its account is.
fn keys(known: &mut Known, rows: BTreeMap<&str, &Row>, suspended: bool, now: Span) -> Judgement {
    for (id, row) in &rows {
        hold(is(row, "suspended", suspended), || format!("{id} is not as its account is"))?;
        let made = known.keys.iter().any(|key| key.id == *id) || id.starts_with("key_s");
        hold(made, || format!("nobody was answered {id}"))?;
    }
    for key in &mut known.keys {
        let is_there = rows.contains_key(key.id.as_str());
        hold(is_there == key.gone.is_none(), || format!("{} is there: {is_there}", key.id))?;
        key.deletions.clear();
        if key.sandbox {
            key.made = now;
        }
    }
    let own = rows.keys().filter(|id| !id.starts_with("key_s")).count();
    // No account has ever had a higher limit, and the Sandbox's place is held.
    hold(own <= 9, || format!("the account has {own} own keys"))?;
    hold(rows.len() - own <= 1, || "the account has two Sandbox keys".to_owned())?;
    keep(&mut known.keys, |key: &Key| key.gone.is_none());
    known.creations.clear();
    let there: BTreeSet<String> =
        known.sessions.iter().map(|session| session.token.clone()).collect();
    known.repeatable.retain(|before| there.contains(&before.token));
    Ok(())
}

/// That the members are those who were invited and not removed.
fn members(run: &Run, account: usize, rows: &Rows, now: Span) -> Judgement {
    let id = run.accounts[account].id.as_str();
    let there = own(rows, id, "member");
    let mut book = run.book();
    for (id, row) in &there {
        let email = text(row, "email").unwrap_or_default();
        let expected = book.members.iter().any(|member| {
            member.account == account
                && member.email == email
                && member.id.as_deref().is_none_or(|known| known == *id)
        });
        hold(expected, || format!("nobody invited {id}"))?;
        book.learn(account, email, id, now, None);
    }
    let row = own(rows, id, "account").remove(id).ok_or("the account is gone")?;
    let counted = admins(&book, account, &there, row)?;
    let roles: Vec<Vec<Role>> = book.members.iter().map(|member| book.roles(member, now)).collect();
    for (member, roles) in book.members.iter_mut().zip(roles) {
        let Some(id) = member.id.as_ref().filter(|_| member.account == account) else { continue };
        let row = there.get(id.as_str());
        let ended = row.is_none() && may_have_ended(run, rows, id);
        hold(row.is_some() == member.gone.is_none() || ended, || {
            format!("{id} is there: {}", row.is_some())
        })?;
        let Some(row) = row else {
            member.gone.get_or_insert(now);
            continue;
        };
        let role = if is_admin(row) { Role::Admin } else { Role::Member };
        hold(roles.contains(&role), || format!("nobody made {id} what it is: {row:?}"))?;
        member.role.settle(role);
        if is_active(row) {
            member.arrived.get_or_insert(now);
        }
        member.counts = !is_active(row) && counted.contains(id);
    }
    let own = |attempt: &Attempt| attempt.account == account;
    book.removals.retain(|removal| !own(removal));
    book.promotions.retain(|promotion| !own(promotion));
    book.successions.retain(|succession| !own(succession));
    book.members.retain(|member| member.account != account || member.id.is_some());
    let waiting = there.values().filter(|row| {
        let invited = number(row, "invited_at").unwrap_or_default();
        !is_active(row) && run.now() - invited > INVITATION_SURE_FOR
    });
    for row in waiting {
        let email = text(row, "email").map(str::to_owned);
        book.removals.push(Attempt { span: Span::running(now.began), account, email, but: None });
    }
    keep(&mut book.members, |member| member.account != account || member.gone.is_none());
    Ok(())
}

fn is_admin(member: &Row) -> bool {
    text(member, "role") == Some("admin")
}

fn is_active(member: &Row) -> bool {
    text(member, "status") == Some("active")
}

/// Who counts as an admin: exactly the admins who have logged in, and those who count from the
/// start. There is one at least.
fn admins(
    book: &Book,
    account: usize,
    there: &BTreeMap<&str, &Row>,
    row: &Row,
) -> Result<BTreeSet<String>, String> {
    let counted = row.get("admins").and_then(|admins| admins.as_ss().ok()).cloned();
    let counted: BTreeSet<String> = counted.into_iter().flatten().collect();
    hold(!counted.is_empty(), || "no admin is left".to_owned())?;
    for (id, member) in there {
        let counts = counted.contains(*id);
        let active = is_active(member);
        hold(counts == is_admin(member) || !counts && !active, || {
            format!("{id} counts as an admin: {counts}, and is {member:?}")
        })?;
        let email = text(member, "email").unwrap_or_default();
        let from_the_start = book.member(id).is_some_and(|member| member.counts)
            || book.successions.iter().any(|succession| succession.is_about(account, email));
        hold(!counts || active || from_the_start, || {
            format!("{id} counts as an admin, and was never there: {member:?}")
        })?;
    }
    let gone = counted.iter().find(|id| !there.contains_key(id.as_str()));
    hold(gone.is_none(), || format!("{gone:?} counts as an admin, and is no member"))?;
    Ok(counted)
}

/// Whether the trail says that an invitation has ended.
fn may_have_ended(run: &Run, rows: &Rows, id: &str) -> bool {
    let ended = ("invitation_ended".to_owned(), id.to_owned());
    run.accounts.iter().any(|account| trail(rows, &account.id).contains_key(&ended))
}

/// That nothing is owed, save to an account that is suspended, and not even to that what was due
/// before the sweep; and that no suspension is half done.
fn outbox(rows: &Rows, id: &str, account: &Row, swept: i64) -> Judgement {
    hold(!account.contains_key("duty"), || "its suspension is not finished".to_owned())?;
    let partition = format!("ACCT#{id}");
    let pending = rows.iter().filter(|((pk, _), row)| {
        *pk == partition && text(row, "status") == Some("pending") && row.contains_key("duty")
    });
    for ((_, sk), row) in pending {
        hold(is(account, "suspended", true), || format!("{sk} is still owed: {row:?}"))?;
        let due = number(row, "due_at").unwrap_or_default();
        hold(due >= swept, || format!("{sk} was due at {due}, and swept at {swept}: {row:?}"))?;
    }
    Ok(())
}

/// That the trail has a row for each change that was answered, and no other.
fn trail_matches(
    known: &mut Known,
    rows: &Rows,
    id: &str,
    suspended: bool,
    before: bool,
) -> Judgement {
    let tally = std::mem::take(&mut known.trail);
    let trail = trail(rows, id);
    let times = |action: &str| -> usize {
        trail.iter().filter(|((own, _), _)| own == action).map(|(_, times)| times).sum()
    };
    for ((action, whom), sure) in &tally.sure {
        let found = trail.get(&(action.clone(), whom.clone())).copied().unwrap_or_default();
        hold(found >= *sure, || format!("{sure} times {action} {whom}, and {found} rows of it"))?;
    }
    for ((action, whom), found) in &trail {
        if BY_ITSELF.contains(&action.as_str()) {
            continue;
        }
        let sure: usize =
            tally.sure.iter().filter(|((own, _), _)| own == action).map(|(_, times)| times).sum();
        let more = tally.perhaps.get(action).copied().unwrap_or_default();
        let all = times(action);
        hold(all <= sure + more, || {
            format!("{all} rows of {action}, of {sure} to {}; {found} of {whom}", sure + more)
        })?;
        let once =
            ["key_created", "key_deleted", "member_invited", "member_left", "member_revoked"];
        hold(*found == 1 || !once.contains(&action.as_str()), || {
            format!("{action} {whom} {found} times")
        })?;
    }
    let difference = times("account_suspended") as i64 - times("account_resumed") as i64;
    let turned = i64::from(suspended) - i64::from(before);
    hold(difference == turned, || format!("{difference} more suspensions than resumptions"))
}

/// That the Sandbox's row holds the value of the Sandbox key that there is.
async fn sandbox(run: &Run, account: usize) -> Judgement {
    let app = run.world.app("provision-sandbox");
    let id: AccountId = run.accounts[account].id.parse().expect("an id");
    let found = app.store.find_sandbox(&id).await.map_err(|error| error.to_string())?;
    let sandbox = found.ok_or("there is no Sandbox")?;
    let suspended = !run.known(account).suspended.surely(run.moment(), &false);
    hold(suspended || sandbox.state != SandboxState::Validating, || {
        "a validation never ended".to_owned()
    })?;
    let Some(key) = &sandbox.key else {
        let whole = run.world.app("get-session").store.find_account(&id).await;
        let whole = whole.map_err(|error| error.to_string())?.ok_or("the account is gone")?;
        return hold(!whole.has_sandbox_key, || "the Sandbox key has no value".to_owned());
    };
    let opened = app.keyrings.open_sandbox_key(&id, key).await;
    let opened = opened.map_err(|error| error.to_string())?.ok_or("its key does not open")?;
    let plain = PlainKey::parse(opened.expose()).ok_or("what was sealed is no key")?;
    let row = app.store.find_key(&plain).await.map_err(|error| error.to_string())?;
    let row = row.ok_or("the Sandbox holds the value of a key that is gone")?;
    let same = row.key.id == key.id && row.key.digest.matches(&plain.digest());
    hold(same, || "the Sandbox holds another value than its key's".to_owned())
}

/// That no address belongs to two members, and each that is owned to one that is there.
fn addresses(rows: &Rows) -> Judgement {
    let mut emails = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (_, row) in of_type(rows, "member") {
        let email = text(row, "email").unwrap_or_default();
        hold(emails.insert(email), || format!("{email} belongs to two members"))?;
        ids.insert(text(row, "id").unwrap_or_default());
    }
    let mut owners =
        of_type(rows, "owner").map(|(_, row)| text(row, "member_id").unwrap_or_default());
    hold(owners.all(|member| ids.contains(member)), || "an owner is no member".to_owned())
}

/// That no key, no session token and no code stands in any row.
fn no_secrets(run: &Run, rows: &Rows) -> Judgement {
    let mails = run.world.desk.inbox().mails();
    let codes: BTreeSet<&str> = mails.iter().filter_map(|mail| mail.code.as_deref()).collect();
    for (key, row) in rows {
        for value in row.values() {
            let plain = texts(value).into_iter().find(|text| is_secret(text, &codes));
            hold(plain.is_none(), || format!("{key:?} holds a secret"))?;
        }
    }
    Ok(())
}

fn texts(value: &AttributeValue) -> Vec<&str> {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => vec![text],
        AttributeValue::Ss(texts) => texts.iter().map(String::as_str).collect(),
        AttributeValue::L(values) => values.iter().flat_map(texts).collect(),
        AttributeValue::M(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// A code by itself, or the beginning of a key or a token with more behind it than `start` has.
fn is_secret(text: &str, codes: &BTreeSet<&str>) -> bool {
    const PREFIXES: [&str; 3] = ["fd_live_", "fd_sandbox_", "fds_"];
    const SHOWN: usize = 8;
    let longer = |prefix: &&str| {
        text.split_once(prefix).is_some_and(|(_, behind)| {
            behind.bytes().take_while(u8::is_ascii_alphanumeric).count() > SHOWN
        })
    };
    codes.contains(text) || PREFIXES.iter().any(longer)
}
