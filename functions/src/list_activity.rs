//! `GET /api/activity`: what happened in the account, newest first, a page at a time.

use crate::event_view::{EventView, count_unreadable, cursor};
use domain::AccountId;
use domain::trail::{EventKind, Place};
use edge::http::{Answer, Call};
use edge::{App, Problem, ProblemCode, telemetry};
use serde::de::IntoDeserializer;
use serde::de::value::{CowStrDeserializer, Error};
use serde::{Deserialize, Serialize};
use store::Admin;

#[derive(Serialize)]
struct Activity<'a> {
    events: Vec<EventView<'a>>,
    next: Option<String>,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let actor = Admin::claim(call.session()?);
    let account = &actor.session.account;
    let now = app.clock.now();
    let asked = before(call, account).and_then(|before| Ok((before, kind(call)?)));
    let found = match asked {
        Ok((before, kind)) => app.store.find_activity(&actor, before.as_ref(), kind, now).await,
        Err(problem) => {
            // Who asks is looked at first.
            let caller = app.store.find_admin(&actor, now).await;
            caller.map_err(|failure| Problem::from(failure).for_account(account))?;
            return Err(problem.for_account(account));
        }
    };
    let (caller, found) = found.map_err(|failure| Problem::from(failure).for_account(account))?;
    telemetry::set_account(account);
    count_unreadable(&found);
    let reader = Some(&caller.member.id);
    Ok(Answer::ok(&Activity {
        events: found.events.iter().map(|event| EventView::new(event, reader)).collect(),
        next: cursor(found.next.as_ref(), account),
    })
    .for_account(account))
}

fn before(call: &Call, account: &AccountId) -> Result<Option<Place>, Problem> {
    let place = call.query("before").map(|cursor| Place::parse(&cursor, account));
    place.transpose().or(Err(ProblemCode::InvalidCursor.into()))
}

fn kind(call: &Call) -> Result<Option<EventKind>, Problem> {
    let kind = call.query("kind").map(|word| {
        let word: CowStrDeserializer<'_, Error> = word.into_deserializer();
        EventKind::deserialize(word)
    });
    kind.transpose().or(Err(Problem::new(ProblemCode::InvalidRequest)
        .with_detail("The kind is key, member, session, sandbox or account.")))
}
