//! `POST /api/keys/{key_id}/rotate`: gives a key a new value, and keeps the old one for a while.

use crate::key_view::{self, ShownKey};
use domain::key::{IdempotencyKey, Invalid, KeySecret, Overlap};
use domain::{ApiKey, KeyId, KeyKind, PlainKey, SessionToken};
use edge::http::{Answer, Call, given, whole};
use edge::{App, Problem, ProblemCode};
use jiff::Timestamp;
use lambda_http::http::StatusCode;
use serde::Deserialize;
use serde_json::Number;
use store::{Admin, IdempotentRequest, RotateKeyRefusal, Rotated, Rotation};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    #[serde(default, deserialize_with = "given")]
    keep_old_seconds: Option<Number>,
}

/// A rotation that somebody wants.
struct Wanted {
    keep_old: Overlap,
    once: Option<IdempotencyKey>,
}

/// Decision: [`ApiKey::rotated`], pure. Effect: [`store::Store::rotate_key`], one transaction.
///
/// As with a creation, the value of a request that may be repeated is derived and kept nowhere. A
/// repetition gets it again as long as it is one of the two that the key has.
pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let actor = Admin::claim(call.session()?);
    let account = &actor.session.account;
    let now = app.clock.now();
    let request: RotateKey = call.json_or_nothing()?;
    let id = call.path_id("key_id", || KeyId::random(KeyKind::Live, &mut app.rng()));
    let wanted = request.wanted(call);
    let rotation = match &wanted {
        Ok(wanted) => Ok(wanted.rotation(app, &id, &actor.session)),
        Err(invalid) => Err(*invalid),
    };
    let rotated = app.store.rotate_key(&actor, &id, &rotation, now).await;
    let shown = match rotated.map_err(|failure| Problem::of(failure, refused)) {
        Ok(Rotated::New { key, value }) => Ok((key, value)),
        Ok(Rotated::Before { key, nonce }) => {
            let once = wanted.ok().and_then(|wanted| wanted.once);
            let value = once.and_then(|once| again(&key, &actor.session, &once, &nonce, now));
            value.map(|value| (key, value)).ok_or_else(|| ProblemCode::KeySuperseded.into())
        }
        Err(problem) => Err(problem),
    };
    let (key, value) = shown.map_err(|problem| problem.for_account(account))?;
    let shown = ShownKey::new(&key, &value, now);
    Ok(Answer::json(StatusCode::CREATED, &shown).for_account(account))
}

impl RotateKey {
    fn wanted(self, call: &Call) -> Result<Wanted, Invalid> {
        let keep_old = match self.keep_old_seconds {
            None => Overlap::default(),
            Some(seconds) => Overlap::of_seconds(whole(&seconds).ok_or(Invalid::Overlap)?)?,
        };
        Ok(Wanted { keep_old, once: call.idempotency_key()? })
    }
}

impl Wanted {
    fn rotation(&self, app: &App, id: &KeyId, token: &SessionToken) -> Rotation {
        let keep_old = self.keep_old;
        match &self.once {
            None => Rotation { secret: KeySecret::random(&mut app.rng()), keep_old, once: None },
            Some(key) => {
                let request = IdempotentRequest::new(key, token, &mut app.rng());
                let secret = KeySecret::derive(id, token, key, &request.nonce);
                Rotation { secret, keep_old, once: Some(request) }
            }
        }
    }
}

/// The value that the same request made before, if the key still has it.
fn again(
    key: &ApiKey,
    token: &SessionToken,
    once: &IdempotencyKey,
    nonce: &str,
    now: Timestamp,
) -> Option<PlainKey> {
    let value = key.value_of(token, once, nonce);
    key.is_opened_by(&value, now).then_some(value)
}

fn refused(refusal: RotateKeyRefusal) -> ProblemCode {
    match refusal {
        RotateKeyRefusal::Key(refusal) => key_view::refused(refusal),
        RotateKeyRefusal::Expired => ProblemCode::KeyExpired,
        RotateKeyRefusal::IdempotencyKeyReused => ProblemCode::IdempotencyKeyReused,
    }
}
