//! How events of an account's trail look: to its admins, and to operators.

use domain::trail::{EventKind, Place, SubjectKind};
use domain::{AccountId, EmailAddress, MemberId};
use edge::UtcTime;
use edge::telemetry::Metric;
use serde::Serialize;
use store::{Actor, Event, Fields, Stretch};

#[derive(Debug, Serialize)]
pub struct EventView<'a> {
    id: String,
    at: UtcTime,
    action: &'a str,
    kind: Option<EventKind>,
    actor: Option<ActorView<'a>>,
    subject: Option<SubjectView<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ActorView<'a> {
    Member {
        id: &'a MemberId,
        email: Option<&'a EmailAddress>,
        #[serde(skip_serializing_if = "Option::is_none")]
        you: Option<bool>,
    },
    Operator {
        operator: bool,
        by: Option<&'a str>,
    },
}

#[derive(Debug, Serialize)]
struct SubjectView<'a> {
    kind: SubjectKind,
    id: &'a str,
    label: Option<&'a str>,
}

impl<'a> EventView<'a> {
    /// To whom it may concern: a member is told what is its own.
    pub fn new(event: &'a Event, reader: Option<&MemberId>) -> Self {
        let actor = match &event.actor {
            Actor::Member { id, email } => Some(ActorView::Member {
                id,
                email: email.as_ref(),
                you: reader.map(|reader| reader == id),
            }),
            Actor::Operator { by } => {
                Some(ActorView::Operator { operator: true, by: by.as_deref() })
            }
            Actor::Desk => None,
        };
        let subject = event.subject.as_ref().map(|subject| SubjectView {
            kind: subject.kind,
            id: &subject.id,
            label: subject.label.as_deref(),
        });
        Self {
            id: event.place.event_id(),
            at: event.at.into(),
            action: &event.action,
            kind: event.kind,
            actor,
            subject,
        }
    }
}

/// An event to operators: what it changed, too.
#[derive(Debug, Serialize)]
pub struct WholeEventView<'a> {
    #[serde(flatten)]
    event: EventView<'a>,
    was: &'a Fields,
    is: &'a Fields,
}

impl<'a> From<&'a Event> for WholeEventView<'a> {
    fn from(event: &'a Event) -> Self {
        Self { event: EventView::new(event, None), was: &event.was, is: &event.is }
    }
}

/// Where to read on.
pub fn cursor(next: Option<&Place>, account: &AccountId) -> Option<String> {
    next.map(|place| place.cursor(account))
}

/// Counts the rows that were passed over.
pub fn count_unreadable(found: &Stretch) {
    for cause in &found.unreadable {
        Metric::EventUnreadable.count_because(cause);
    }
}
