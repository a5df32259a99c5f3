//! `POST /api/login/code`: starts a login challenge.
//!
//! Two waits for the store, the same for every address: the lane is read, then written with the
//! mail that it owes. Whether anybody is registered is looked up by `deliver-mail`, where no client
//! waits, save in `LEGACY` mode.

use domain::login::{CODE_LIFETIME, ChallengeToken, Device, Lane, RESEND_AFTER};
use domain::{AddressHash, EmailAddress};
use edge::config::UserExistenceErrors;
use edge::http::{Answer, Call, DEVICE_COOKIE};
use edge::telemetry::Metric;
use edge::{App, Problem, ProblemCode};
use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{Failure, LoginMail, PutLaneRefusal, StoreError};

/// How often a request is decided anew because another one of the same address was faster.
const MAX_LANE_WRITES: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestCode {
    #[serde(default)]
    email: String,
    #[serde(default)]
    accept_terms: bool,
}

#[derive(Debug, Serialize)]
struct Challenged {
    challenge: String,
    expires_in: i64,
    resend_after: i64,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let request: RequestCode = call.json()?;
    if !request.accept_terms {
        return Err(ProblemCode::TermsNotAccepted.into());
    }
    let email: EmailAddress = request.email.parse().or(Err(ProblemCode::InvalidEmail))?;
    let challenge = request_code(app, &email, call).await?;
    Metric::MailQueued.count();
    let answer = Challenged {
        challenge: challenge.to_string(),
        expires_in: CODE_LIFETIME.as_secs(),
        resend_after: RESEND_AFTER.as_secs(),
    };
    Ok(Answer::json(StatusCode::ACCEPTED, &answer))
}

/// Decision: [`domain::login::LaneRecord::request_code`], pure. Effect: [`store::Store::put_lane`],
/// one transaction.
async fn request_code(
    app: &App,
    email: &EmailAddress,
    call: &Call,
) -> Result<ChallengeToken, Problem> {
    let address = email.hash();
    let ring = app.keyrings.login().await?;
    let now = app.clock.now();
    let lane = call
        .cookies(DEVICE_COOKIE)
        .find_map(|cookie| Device::verify(&cookie, &ring, &address, now))
        .map_or_else(Lane::everyone, |device| device.lane());
    for _ in 0..MAX_LANE_WRITES {
        let (record, known) =
            tokio::join!(app.store.find_lane(&address, &lane), is_known(app, &address));
        let record = record?;
        let known = known?;
        let limited = |limited: domain::login::RateLimited| {
            Problem::new(ProblemCode::RateLimited).retry_after(limited.retry_after)
        };
        let (next, challenge) =
            record.request_code(ring.current(), now, &mut app.rng()).map_err(limited)?;
        let mail = known.then(|| LoginMail { email: email.clone(), challenge: challenge.clone() });
        match app.store.put_lane(&address, &lane, &next, mail.as_ref(), now).await {
            Ok(()) if known => return Ok(ChallengeToken::new(address, lane, &challenge)),
            Ok(()) => return Err(ProblemCode::UserNotFound.into()),
            Err(Failure::Refused(PutLaneRefusal)) => {}
            Err(Failure::Store(error)) => return Err(error.into()),
        }
    }
    Err(StoreError::Contended.into())
}

/// Whether the address gets a challenge: any does, unless the deployment chose to say who is
/// registered.
async fn is_known(app: &App, address: &AddressHash) -> Result<bool, StoreError> {
    match app.settings.user_existence_errors {
        UserExistenceErrors::Prevented => Ok(true),
        UserExistenceErrors::Shown => Ok(app.store.find_owner(address).await?.is_some()),
    }
}
