//! `POST /api/keys`: makes a key, answers the plaintext this once.

use crate::key_view::ShownKey;
use domain::key::{IdempotencyKey, Invalid, KeySecret, parse_expiry};
use domain::{ApiKey, KeyId, KeyKind, KeyName, PlainKey};
use edge::http::{Answer, Call};
use edge::{App, Problem, ProblemCode};
use jiff::Timestamp;
use lambda_http::http::StatusCode;
use serde::Deserialize;
use store::{Admin, Failure, IdempotentRequest, InsertKeyRefusal, Inserted};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    #[serde(default)]
    name: String,
    #[serde(default)]
    expires_at: Option<String>,
}

/// A key that somebody wants.
struct Wanted {
    name: KeyName,
    expires_at: Option<Timestamp>,
    once: Option<IdempotencyKey>,
}

impl Wanted {
    fn key(self, plain: &PlainKey, actor: &Admin, now: Timestamp) -> ApiKey {
        ApiKey::new(plain, self.name, now).made_by(&actor.session.member, self.expires_at)
    }
}

impl CreateKey {
    fn wanted(self, call: &Call) -> Result<Wanted, Invalid> {
        let name = self.name.parse().or(Err(Invalid::Name))?;
        let expires_at = self.expires_at.as_deref().map(parse_expiry).transpose()?;
        Ok(Wanted { name, expires_at, once: call.idempotency_key()? })
    }
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let actor = Admin::claim(call.session()?);
    let request: CreateKey = call.json()?;
    let now = app.clock.now();
    let made = match request.wanted(call) {
        Err(invalid) => Err(app.store.refuse_key(&actor, invalid, now).await),
        Ok(wanted) => match wanted.once.clone() {
            None => create_key(app, &actor, wanted, now).await,
            Some(once) => create_key_once(app, &actor, wanted, &once, now).await,
        },
    };
    let account = &actor.session.account;
    let (key, plain) = made.map_err(|failure| problem(failure).for_account(account))?;
    let created = ShownKey::new(&key, &plain, now);
    Ok(Answer::json(StatusCode::CREATED, &created).for_account(account))
}

/// Decision: [`PlainKey::mint`], pure. Effect: [`store::Store::insert_key`], one transaction.
async fn create_key(
    app: &App,
    actor: &Admin,
    wanted: Wanted,
    now: Timestamp,
) -> Result<(ApiKey, PlainKey), Failure<InsertKeyRefusal>> {
    let mut rng = app.rng();
    let account = &actor.session.account;
    let id = KeyId::random(KeyKind::Live, &mut rng);
    let plain = PlainKey::mint(&app.settings.key_prefix, account, &id, &mut rng);
    let key = wanted.key(&plain, actor, now);
    app.store.insert_key(actor, &key, now).await?;
    Ok((key, plain))
}

/// The same for a request that may be repeated. Decision: [`KeySecret::derive`], pure. Effect:
/// [`store::Store::insert_key_once`], one transaction.
///
/// The key's value is derived from the session that asks and what the first request left in the
/// table, so that a repetition gets it again; it is kept nowhere. A repetition waits once more, to
/// see that the key is still there.
async fn create_key_once(
    app: &App,
    actor: &Admin,
    wanted: Wanted,
    once: &IdempotencyKey,
    now: Timestamp,
) -> Result<(ApiKey, PlainKey), Failure<InsertKeyRefusal>> {
    let mut rng = app.rng();
    let token = &actor.session;
    let request = IdempotentRequest::new(once, token, &mut rng);
    let id = KeyId::random(KeyKind::Live, &mut rng);
    let secret = KeySecret::derive(&id, token, once, &request.nonce);
    let plain = PlainKey::new(&app.settings.key_prefix, &token.account, &id, &secret);
    let key = wanted.key(&plain, actor, now);
    match app.store.insert_key_once(actor, &key, &request, now).await? {
        Inserted::New => Ok((key, plain)),
        Inserted::Before { key, nonce } => {
            let plain = key.value_of(token, once, &nonce);
            // Rotated since, it has other values.
            if key.has_value(&plain, now) {
                Ok((*key, plain))
            } else {
                Err(Failure::Refused(InsertKeyRefusal::RotatedSince))
            }
        }
    }
}

fn problem(failure: Failure<InsertKeyRefusal>) -> Problem {
    let problem = Problem::of(failure, refused);
    if problem.code == ProblemCode::KeyNotFound {
        return problem.with_detail(
            "The key that this Idempotency-Key made has been deleted since. \
             Make another with a new one.",
        );
    }
    if problem.code == ProblemCode::KeySuperseded {
        return problem.with_detail(
            "The key that this Idempotency-Key made has been rotated since. \
             Make another with a new one, or rotate that one.",
        );
    }
    problem
}

fn refused(refusal: InsertKeyRefusal) -> ProblemCode {
    match refusal {
        InsertKeyRefusal::Actor(refusal) => refusal.into(),
        InsertKeyRefusal::Invalid(invalid) => invalid.into(),
        InsertKeyRefusal::LimitReached => ProblemCode::KeyLimitReached,
        InsertKeyRefusal::IdempotencyKeyReused => ProblemCode::IdempotencyKeyReused,
        InsertKeyRefusal::DeletedSince => ProblemCode::KeyNotFound,
        InsertKeyRefusal::RotatedSince => ProblemCode::KeySuperseded,
    }
}
