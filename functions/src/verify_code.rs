//! `POST /api/login/verify`: checks the code, opens a session, writes the login event.
//!
//! Count first, then compare: the guess is counted by a conditional write before anybody looks at
//! it. Two waits for the store: the count beside the look-up of the address, then the session with
//! its login event.

use crate::view::{AccountView, MemberView};
use domain::login::{ChallengeToken, DEVICE_LIFETIME, Device, LoginCode};
use domain::session::{SESSION_IDLE_LIMIT, SESSION_LIFETIME};
use domain::{Account, Member, SessionLabel, SessionToken};
use edge::http::{Answer, Call, DEVICE_COOKIE, SESSION_COOKIE};
use edge::telemetry::Metric;
use edge::{App, Problem, ProblemCode, UtcTime, telemetry};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{CountRefusal, Counted, OpenSession, OpenSessionRefusal, Owner, StoreError};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyCode {
    challenge: String,
    code: String,
    #[serde(default, deserialize_with = "edge::http::one_word")]
    session: Carrier,
}

/// How the client wants to carry its session.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Carrier {
    #[default]
    Cookie,
    Bearer,
}

#[derive(Serialize)]
struct Verified<'a> {
    member: MemberView,
    account: AccountView,
    expires_at: UtcTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
}

/// A session that was opened, and whose it is.
struct Opened {
    token: SessionToken,
    /// The browser that is known from now on.
    browser: Option<Device>,
    member: Member,
    account: Account,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let request: VerifyCode = call.json()?;
    let challenge = ChallengeToken::parse(&request.challenge).ok_or(ProblemCode::CodeExpired)?;
    let guess = LoginCode::parse(&request.code).ok_or_else(|| {
        Problem::new(ProblemCode::InvalidRequest).with_detail("The code has six digits.")
    })?;
    // Before the guess is counted: an outage of the keyring costs nobody one.
    let ring = app.keyrings.login().await?;
    let now = app.clock.now();
    let shown = (request.session == Carrier::Cookie).then(|| {
        let cookies = call.cookies(DEVICE_COOKIE);
        cookies.filter_map(|cookie| Device::verify(&cookie, &ring, &challenge.address)).collect()
    });
    let label = SessionLabel::of(call.user_agent());
    let Opened { token, browser, member, account } =
        verify_code(app, &challenge, &guess, shown, label, now).await?;
    let answer = Answer::ok(&Verified {
        member: MemberView::from(&member),
        account: AccountView::to(member.role, &account, now),
        expires_at: (now + SESSION_IDLE_LIMIT).into(),
        session_token: (request.session == Carrier::Bearer).then(|| token.secret().expose()),
    })
    .of_session_opened_at(now);
    Ok(match browser {
        None => answer,
        Some(browser) => answer
            .with_cookie(SESSION_COOKIE, token.secret(), SESSION_LIFETIME)
            .with_cookie(DEVICE_COOKIE, &browser.sign(&ring, &challenge.address), DEVICE_LIFETIME),
    })
}

/// `shown`: the browsers that the client claims to be, if it is one.
async fn verify_code(
    app: &App,
    challenge: &ChallengeToken,
    guess: &LoginCode,
    shown: Option<Vec<Device>>,
    label: SessionLabel,
    now: Timestamp,
) -> Result<Opened, Problem> {
    let (counted, owner) = tokio::join!(
        app.store.count_guess(challenge, now),
        app.store.find_owner(&challenge.address)
    );
    let counted = counted.map_err(|failure| Problem::of(failure, count_refused))?;
    let Counted { record, challenge: live } = counted;
    let left = live.guesses_left;
    let incorrect = || Problem::new(ProblemCode::CodeIncorrect).with_attempts_left(left);
    let code = app.keyrings.login_code(&challenge.address, &live.id, &live.keyring_version).await?;
    // With a version that was taken out of the keyring, there is none any more.
    if !code.ok_or(ProblemCode::CodeExpired)?.matches(guess) {
        Metric::WrongCode.count();
        // A notice that cannot be written now is written with the next wrong guess.
        let _ = app.store.notice_guessing(&challenge.address, &record, now).await;
        return Err(incorrect());
    }
    // A right code for an address that nobody has (any more): it was never mailed, or the member
    // was revoked since.
    let owner: Owner = owner?.ok_or_else(incorrect)?;
    let mut rng = app.rng();
    let known = shown.map(|shown| record.known_of(shown, now, &mut rng));
    let browser = known.as_ref();
    let wanted = OpenSession { challenge, owner: &owner, record: &record, browser, label, now };
    let (opened, member, account) = tokio::join!(
        app.store.open_session(wanted, &mut rng),
        app.store.find_member(&owner.account, &owner.member),
        app.store.find_account(&owner.account),
    );
    let token = opened.map_err(|failure| match failure {
        store::Failure::Refused(OpenSessionRefusal::NoMember) => incorrect(),
        other => Problem::of(other, open_refused),
    })?;
    telemetry::set_account(&owner.account);
    Metric::Login.count();
    // The session is open, whatever the reads beside it came to: that somebody has ended the
    // membership since is no word about the code.
    let since = || StoreError::Unknown("the membership ended right after the login".to_owned());
    let member = member.map_err(StoreError::beside_a_change)?.ok_or_else(since)?;
    let account = account.map_err(StoreError::beside_a_change)?.ok_or_else(since)?;
    // Read beside the write that made it so.
    Ok(Opened { token, browser: known, member: member.logged_in(now), account })
}

fn count_refused(refusal: CountRefusal) -> ProblemCode {
    match refusal {
        CountRefusal::Expired => ProblemCode::CodeExpired,
        CountRefusal::TooManyAttempts => ProblemCode::TooManyAttempts,
    }
}

fn open_refused(refusal: OpenSessionRefusal) -> ProblemCode {
    match refusal {
        OpenSessionRefusal::Expired => ProblemCode::CodeExpired,
        OpenSessionRefusal::NoMember => ProblemCode::CodeIncorrect,
        OpenSessionRefusal::Suspended => ProblemCode::AccountSuspended,
    }
}
