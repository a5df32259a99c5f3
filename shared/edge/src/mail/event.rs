//! What SES tells of mails that left, one JSON text each, as its topic hands them on.

use crate::mail::tags::Tags;
use domain::Recipient;
use serde::Deserialize;

/// What somebody has to know of a mail that left.
#[derive(Debug, PartialEq, Eq)]
pub struct MailEvent {
    pub recipient: Recipient,
    pub told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Told {
    #[error("the mail bounced")]
    Bounced,
    /// SES did not even try: the address has bounced before, or was put on its list.
    #[error("the mail bounced, for its address is on the suppression list")]
    Suppressed,
    #[error("the mail was complained about")]
    Complained,
}

/// It is no event of SES's, or of no form that is known. What is in it is not told, for it names
/// people.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("what SES tells of a mail cannot be read")]
pub struct Unreadable;

/// What a topic hands over when it becomes the destination of events.
const GREETING: &str = "Successfully validated SNS topic for Amazon SES event publishing.";

impl MailEvent {
    /// Reads one; none, if nobody has to know of it, or the mail is not this desk's.
    pub fn read(text: &str) -> Result<Option<Self>, Unreadable> {
        if text.trim() == GREETING {
            return Ok(None);
        }
        let event: Event = serde_json::from_str(text).or(Err(Unreadable))?;
        let Some(told) = event.told()? else { return Ok(None) };
        let tags = event.mail.ok_or(Unreadable)?.tags;
        if !tags.are_ours() {
            return Ok(None);
        }
        let recipient = tags.recipient().ok_or(Unreadable)?;
        Ok(Some(Self { recipient, told }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_type: String,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    mail: Option<Mail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    bounce_sub_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complaint_feedback_type: Option<String>,
}

#[derive(Deserialize)]
struct Mail {
    #[serde(default)]
    tags: Tags,
}

impl Event {
    fn told(&self) -> Result<Option<Told>, Unreadable> {
        match self.event_type.as_str() {
            "Bounce" => Ok(self.bounce.as_ref().ok_or(Unreadable)?.told()),
            "Complaint" => Ok(self.complaint.as_ref().ok_or(Unreadable)?.told()),
            _ => Ok(None),
        }
    }
}

impl Bounce {
    /// Only what is final. Others come of a full mailbox, too, or of whoever answers that they are
    /// away, to a mail that they have.
    fn told(&self) -> Option<Told> {
        if self.bounce_type != "Permanent" {
            return None;
        }
        Some(match self.bounce_sub_type.as_deref() {
            Some("Suppressed" | "OnAccountSuppressionList") => Told::Suppressed,
            Some(_) | None => Told::Bounced,
        })
    }
}

impl Complaint {
    /// A mailbox provider tells of a mail that is no spam after all by a complaint as well.
    fn told(&self) -> Option<Told> {
        let is_one = self.complaint_feedback_type.as_deref() != Some("not-spam");
        is_one.then_some(Told::Complained)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::tags;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn recipient(last_login_at: Option<&str>) -> Recipient {
        Recipient {
            account: "acct_0123456789ab".parse().expect("an id"),
            member: "mem_0123456789abcdefghijklmnopqr".parse().expect("an id"),
            invitation: 2,
            last_login_at: last_login_at.map(|at| at.parse().expect("a time")),
        }
    }

    fn event(recipient: &Recipient, kind: &str, what: &Value) -> Value {
        let tags: serde_json::Map<String, Value> = tags::of(recipient)
            .into_iter()
            .map(|(name, value)| (name.into(), json!([value])))
            .collect();
        let name = kind.to_lowercase();
        json!({ "eventType": kind, name: what, "mail": { "messageId": "1", "tags": tags } })
    }

    fn told(kind: &str, what: &Value) -> Option<Told> {
        let text = event(&recipient(None), kind, what).to_string();
        MailEvent::read(&text).expect("it can be read").map(|event| event.told)
    }

    #[test]
    fn what_is_final_is_told_and_what_passes_or_is_no_complaint_is_not() {
        let bounce = |kind: &str, sub: &str| {
            told("Bounce", &json!({ "bounceType": kind, "bounceSubType": sub }))
        };
        assert_eq!(bounce("Permanent", "General"), Some(Told::Bounced));
        assert_eq!(bounce("Permanent", "NoEmail"), Some(Told::Bounced));
        assert_eq!(bounce("Permanent", "OnAccountSuppressionList"), Some(Told::Suppressed));
        for passing in ["Transient", "Undetermined", "permanent"] {
            assert_eq!(bounce(passing, "General"), None, "{passing}");
        }
        let complaint = |kind| told("Complaint", &json!({ "complaintFeedbackType": kind }));
        for kind in [json!(null), json!("abuse"), json!("fraud")] {
            assert_eq!(complaint(kind), Some(Told::Complained));
        }
        assert_eq!(complaint(json!("not-spam")), None);
        for other in ["Send", "Delivery", "DeliveryDelay", "Reject", "Rendering Failure"] {
            assert_eq!(told(other, &json!({})), None, "{other}");
        }
    }

    #[test]
    fn the_tags_of_a_mail_say_in_its_event_whom_it_went_to() {
        for recipient in [recipient(None), recipient(Some("2026-03-09T08:05:00.123Z"))] {
            let text = event(&recipient, "Bounce", &json!({ "bounceType": "Permanent" }));
            let read = MailEvent::read(&text.to_string());
            assert_eq!(read, Ok(Some(MailEvent { recipient, told: Told::Bounced })));
        }
    }

    #[test]
    fn a_mail_of_somebody_elses_is_passed_over_and_one_with_half_of_our_tags_is_unreadable() {
        let whole = event(&recipient(None), "Bounce", &json!({ "bounceType": "Permanent" }));
        let mut others = whole.clone();
        others["mail"]["tags"] = json!({ "ses:from-domain": ["example.com"] });
        assert_eq!(MailEvent::read(&others.to_string()), Ok(None));
        assert_eq!(MailEvent::read(GREETING), Ok(None));
        for name in ["member", "invitation", "last_login"] {
            for instead in [json!([]), json!(["\u{0}"]), json!(["99999999999999999999"])] {
                let mut half = whole.clone();
                half["mail"]["tags"][name] = instead;
                assert_eq!(MailEvent::read(&half.to_string()), Err(Unreadable), "{name}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = MailEvent::read(&text);
        }
    }
}
