//! `POST /api/keys`: makes a key, answers the plaintext this once.

use crate::view::KeyView;
use domain::key::IdempotencyKey;
use domain::{ApiKey, KeyId, KeyKind, KeyName, PlainKey};
use edge::http::{Answer, Call};
use edge::{App, Problem, ProblemCode};
use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{Admin, IdempotentRequest, InsertKeyRefusal, Inserted};

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
    let repeated = call.single_header("idempotency-key", ProblemCode::InvalidIdempotencyKey)?;
    let repeated = repeated
        .map(|text| IdempotencyKey::parse(text).ok_or(ProblemCode::InvalidIdempotencyKey))
        .transpose()?;
    let (key, plain) = create_key(app, &actor, name, repeated.as_ref()).await?;
    let api_key = plain.secret().expose();
    Ok(Answer::json(StatusCode::CREATED, &Created { key: KeyView::from(&key), api_key }))
}

/// Decision: the key's value, pure. Effect: [`store::Store::insert_key`], one transaction.
///
/// A repeated request derives its key from what the first left in the table and the session it
/// comes from; the key itself is kept nowhere.
async fn create_key(
    app: &App,
    actor: &Admin,
    name: KeyName,
    repeated: Option<&IdempotencyKey>,
) -> Result<(ApiKey, PlainKey), Problem> {
    let (token, prefix, now, mut rng) =
        (&actor.session, &app.settings.key_prefix, app.clock.now(), app.rng());
    let id = KeyId::random(KeyKind::Live, &mut rng);
    let derive = |id: &KeyId, once: &IdempotencyKey, nonce: &str| {
        PlainKey::derive(prefix, &token.account, id, token, once, nonce)
    };
    let request = repeated.map(|once| IdempotentRequest {
        digest: once.digest(token),
        nonce: domain::base62::random(22, &mut rng),
    });
    let plain = match repeated.zip(request.as_ref()) {
        Some((once, request)) => derive(&id, once, &request.nonce),
        None => PlainKey::mint(prefix, &token.account, &id, &mut rng),
    };
    let key = ApiKey::new(&plain, name, now);
    let inserted = app
        .store
        .insert_key(actor, &key, request.as_ref(), now)
        .await
        .map_err(|failure| Problem::of(failure, refused))?;
    match (inserted, repeated) {
        (Inserted::Before { key, nonce }, Some(once)) => {
            let plain = derive(&key.id, once, &nonce);
            Ok((key, plain))
        }
        (Inserted::New | Inserted::Before { .. }, _) => Ok((key, plain)),
    }
}

fn refused(refusal: InsertKeyRefusal) -> ProblemCode {
    match refusal {
        InsertKeyRefusal::Actor(refusal) => refusal.into(),
        InsertKeyRefusal::LimitReached => ProblemCode::KeyLimitReached,
        InsertKeyRefusal::IdempotencyKeyReused => ProblemCode::IdempotencyKeyReused,
    }
}
