//! `POST /api/keys`: makes a key, answers the plaintext this once.

use crate::view::KeyView;
use domain::key::IdempotencyKey;
use domain::{ApiKey, KeyId, KeyKind, KeyName, PlainKey, base62};
use edge::http::{Answer, Call};
use edge::{App, Problem, ProblemCode};
use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{Admin, Failure, IdempotentRequest, InsertKeyRefusal, Inserted};

/// Base62 characters of the nonce that a repeatable request's key is derived with: 131 bits.
const NONCE_LEN: usize = 22;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    #[serde(default)]
    name: String,
}

#[derive(Serialize)]
struct Created<'a> {
    key: KeyView,
    api_key: &'a str,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let actor = Admin::claim(call.session()?);
    let request: CreateKey = call.json()?;
    let name: KeyName = request.name.parse().or(Err(ProblemCode::InvalidName))?;
    let repeated = call
        .single_header("idempotency-key", ProblemCode::InvalidIdempotencyKey)?
        .map(|text| IdempotencyKey::parse(text).ok_or(ProblemCode::InvalidIdempotencyKey))
        .transpose()?;
    let made = match &repeated {
        None => create_key(app, &actor, name).await,
        Some(once) => create_key_once(app, &actor, name, once).await,
    };
    let account = &actor.session.account;
    let (key, plain) = made.map_err(|failure| problem(failure).for_account(account))?;
    let created = Created { key: KeyView::from(&key), api_key: plain.secret().expose() };
    Ok(Answer::json(StatusCode::CREATED, &created).for_account(account))
}

/// Decision: [`PlainKey::mint`], pure. Effect: [`store::Store::insert_key`], one transaction.
async fn create_key(
    app: &App,
    actor: &Admin,
    name: KeyName,
) -> Result<(ApiKey, PlainKey), Failure<InsertKeyRefusal>> {
    let now = app.clock.now();
    let mut rng = app.rng();
    let account = &actor.session.account;
    let id = KeyId::random(KeyKind::Live, &mut rng);
    let plain = PlainKey::mint(&app.settings.key_prefix, account, &id, &mut rng);
    let key = ApiKey::new(&plain, name, now);
    app.store.insert_key(actor, &key, now).await?;
    Ok((key, plain))
}

/// The same for a request that may be repeated. Decision: [`PlainKey::derive`], pure. Effect:
/// [`store::Store::insert_key_once`], one transaction.
///
/// The key's value is derived from the session that asks and what the first request left in the
/// table, so that a repetition gets it again; it is kept nowhere. A repetition waits once more, to
/// see that the key is still there.
async fn create_key_once(
    app: &App,
    actor: &Admin,
    name: KeyName,
    once: &IdempotencyKey,
) -> Result<(ApiKey, PlainKey), Failure<InsertKeyRefusal>> {
    let now = app.clock.now();
    let mut rng = app.rng();
    let token = &actor.session;
    let derive = |id: &KeyId, nonce: &str| {
        PlainKey::derive(&app.settings.key_prefix, &token.account, id, token, once, nonce)
    };
    let nonce = base62::random(NONCE_LEN, &mut rng);
    let plain = derive(&KeyId::random(KeyKind::Live, &mut rng), &nonce);
    let key = ApiKey::new(&plain, name, now);
    let request = IdempotentRequest { digest: once.digest(token), nonce };
    match app.store.insert_key_once(actor, &key, &request, now).await? {
        Inserted::New => Ok((key, plain)),
        Inserted::Before { key, nonce } => {
            let plain = derive(&key.id, &nonce);
            Ok((key, plain))
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
    problem
}

fn refused(refusal: InsertKeyRefusal) -> ProblemCode {
    match refusal {
        InsertKeyRefusal::Actor(refusal) => refusal.into(),
        InsertKeyRefusal::LimitReached => ProblemCode::KeyLimitReached,
        InsertKeyRefusal::IdempotencyKeyReused => ProblemCode::IdempotencyKeyReused,
        InsertKeyRefusal::DeletedSince => ProblemCode::KeyNotFound,
    }
}
