//! `POST /api/login/code`: starts a login challenge.
//!
//! Two waits for the store, the same for every address: what is on record of the address is read,
//! beside the count of what its network asks for, then written with the mail that it owes. Whether
//! anybody is registered is looked up by `deliver-mail`, where no client waits, save in `LEGACY`
//! mode.

use domain::login::{CODE_LIFETIME, ChallengeToken, Device, NetworkHash, RESEND_AFTER, Shown};
use domain::{AddressHash, EmailAddress, Invitation, Keyring};
use edge::config::UserExistenceErrors;
use edge::http::{Answer, Call, DEVICE_COOKIE};
use edge::telemetry::Metric;
use edge::{App, Problem, ProblemCode};
use jiff::SignedDuration;
use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{Failure, LoginMail, NetworkLimited, PutLoginRefusal, StoreError};

/// How often a request is decided anew because another one of the same address was faster.
const MAX_WRITES: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestCode {
    #[serde(default)]
    email: String,
    #[serde(default)]
    accept_terms: bool,
    /// The challenge that this one replaces.
    #[serde(default)]
    challenge: Option<String>,
    /// What the link of an invitation carries.
    #[serde(default)]
    invitation: Option<String>,
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
    let challenge = request_code(app, &email, &request, call).await?;
    Metric::MailQueued.count();
    let answer = Challenged {
        challenge: challenge.to_string(),
        expires_in: CODE_LIFETIME.as_secs(),
        resend_after: RESEND_AFTER.as_secs(),
    };
    Ok(Answer::json(StatusCode::ACCEPTED, &answer))
}

/// Decision: [`domain::login::LoginRecord::request_code`], pure. Effect:
/// [`store::Store::put_login`], one transaction.
async fn request_code(
    app: &App,
    email: &EmailAddress,
    request: &RequestCode,
    call: &Call,
) -> Result<ChallengeToken, Problem> {
    let address = email.hash();
    let ring = app.keyrings.login().await?;
    let network = NetworkHash::of(call.viewer(&app.keyrings).await?, &ring);
    let shown = shown(call, request, &address, &ring);
    let replaced = request.challenge.as_deref().and_then(ChallengeToken::parse);
    let replaced = replaced.filter(|token| token.address == address);
    let now = app.clock.now();
    let (counted, mut record, known) = tokio::join!(
        app.store.count_network(&network, app.settings.network_code_limit, now),
        app.store.find_login(&address),
        is_known(app, &address),
    );
    let spent = match counted {
        Ok(()) => None,
        Err(Failure::Refused(NetworkLimited { until })) => Some(until.duration_since(now)),
        Err(Failure::Store(error)) => return Err(error.into()),
    };
    let known = known?;
    for _ in 0..MAX_WRITES {
        let found = record?;
        let by = found.allowance(&shown, &network, now);
        // A known browser and a link have their own, whoever is in the same network.
        if let Some(wait) = spent.filter(|_| by.is_networks()) {
            return Err(limited(wait));
        }
        let (next, challenge) = found
            .request_code(&by, replaced.as_ref(), ring.current(), now, &mut app.rng())
            .map_err(|refused| limited(refused.retry_after))?;
        let token = ChallengeToken::new(address.clone(), &challenge);
        let mail = known.then(|| LoginMail { email: email.clone(), challenge });
        match app.store.put_login(&address, &next, mail.as_ref(), now).await {
            Ok(()) if known => return Ok(token),
            Ok(()) => return Err(ProblemCode::UserNotFound.into()),
            Err(Failure::Refused(PutLoginRefusal)) => {}
            Err(Failure::Store(error)) => return Err(error.into()),
        }
        record = app.store.find_login(&address).await;
    }
    Err(StoreError::Contended.into())
}

fn limited(retry_after: SignedDuration) -> Problem {
    Metric::CodeRefused.count();
    Problem::new(ProblemCode::RateLimited).retry_after(retry_after)
}

/// What the request shows that is signed by us.
fn shown(call: &Call, request: &RequestCode, address: &AddressHash, ring: &Keyring) -> Shown {
    let cookies = call.cookies(DEVICE_COOKIE);
    let token = request.invitation.as_deref();
    Shown {
        browsers: cookies.filter_map(|cookie| Device::verify(&cookie, ring, address)).collect(),
        invitation: token.and_then(|token| Invitation::verify(token, ring)),
    }
}

/// Whether the address gets a challenge: any does, unless the deployment chose to say who is
/// registered.
async fn is_known(app: &App, address: &AddressHash) -> Result<bool, StoreError> {
    match app.settings.user_existence_errors {
        UserExistenceErrors::Prevented => Ok(true),
        UserExistenceErrors::Shown => {
            let owner = app.store.find_owner(address).await?;
            Ok(owner.is_some_and(|owner| !owner.has_ended(app.clock.now())))
        }
    }
}
