//! Direct invocation by an operator: an account's trail, oldest first, as much as an answer holds.

use crate::event_view::{WholeEventView, count_unreadable, cursor};
use crate::operator::{account_named, asked};
use domain::AccountId;
use domain::trail::Place;
use edge::lambda::Event;
use edge::{App, Problem, ProblemCode};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::{Value, json};

/// An answer has 4 MB at most; Lambda takes none of more than 6 MB.
const MOST_BYTES: usize = 4_000_000;
/// What an answer has beside its events.
const FRAME_BYTES: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportActivity {
    account_id: String,
    after: Option<String>,
}

pub async fn handle(app: &App, event: Event) -> Result<Value, Error> {
    Ok(export_activity(app, asked(&event)?).await?)
}

async fn export_activity(app: &App, request: ExportActivity) -> Result<Value, Problem> {
    let account = account_named(app, &request.account_id).await?.id;
    let after = request.after.map(|cursor| Place::parse(&cursor, &account)).transpose();
    let after = after.or(Err(ProblemCode::InvalidCursor))?;
    let (events, next) = events_after(app, &account, after).await?;
    Ok(json!({ "events": events, "next": cursor(next.as_ref(), &account) }))
}

/// The events that fit, and the place to go on from, if there is more.
async fn events_after(
    app: &App,
    account: &AccountId,
    mut after: Option<Place>,
) -> Result<(Vec<Value>, Option<Place>), Problem> {
    let mut events = Vec::new();
    let mut room = MOST_BYTES - FRAME_BYTES;
    loop {
        let found = app.store.find_events_after(account, after.as_ref(), app.clock.now()).await?;
        count_unreadable(&found);
        for event in &found.events {
            let view = json!(WholeEventView::from(event));
            // With the comma behind it.
            let Some(left) = room.checked_sub(view.to_string().len() + 1) else {
                return Ok((events, after));
            };
            room = left;
            events.push(view);
            after = Some(event.place.clone());
        }
        match found.next {
            Some(next) => after = Some(next),
            None => return Ok((events, None)),
        }
    }
}
