//! Amazon SES, version 1: the query protocol, `SendEmail` alone.

use crate::backends::mail::{Inbox, Mail};
use crate::iam::Iam;
use crate::mode::Switch;
use crate::names::{ACCOUNT_ID, REGION, configuration_set_arn, identity_arn, request_id};
use crate::notifications::Topics;
use crate::policy::{AccessRequest, ConditionKeys};
use crate::template::EventDestination;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use edge::{Clock, UtcTime};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::iter;

/// The XML namespace of its answers.
const NAMESPACE: &str = "http://ses.amazonaws.com/doc/2010-12-01/";

/// How the mail service behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailServiceMode {
    #[default]
    Up,
    /// `Throttling`: the sending rate is used up.
    Throttling,
    /// `MessageRejected`, whatever the mail.
    Rejecting,
    /// `AccessDenied`, whoever sends: as if the sender's identity had a policy that denies it.
    Denying,
    /// Every mail is taken, and comes back.
    Bouncing,
    /// Every mail is taken, and complained about.
    Complaining,
}

/// What the stand-in needs to answer.
#[derive(Clone)]
pub(crate) struct Ses {
    pub(crate) inbox: Inbox,
    pub(crate) mode: Switch<MailServiceMode>,
    pub(crate) clock: Clock,
    /// The domain of `MAIL_FROM`: the one whose addresses are verified.
    pub(crate) verified_domain: String,
    /// Those that there are, by name.
    pub(crate) configuration_sets: Vec<String>,
    pub(crate) event_destinations: Vec<EventDestination>,
    pub(crate) topics: Topics,
    pub(crate) iam: Iam,
}

impl Ses {
    pub(crate) fn router(self) -> Router {
        Router::new().route("/", post(answer)).with_state(self)
    }

    /// Whether the caller may do this: as the sender's identity, by its configuration set and, as
    /// in SES's sandbox, towards the receiver's identity. SES calls a refusal `AccessDenied`.
    fn authorize(
        &self,
        headers: &HeaderMap,
        form: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        let action = form.get("Action").map_or("(none)", String::as_str);
        let from = form.get("Source").map(|sender| address_of(sender));
        let sender = from.map_or_else(|| "*".to_owned(), |from| identity_arn(domain_of(from)));
        let receivers = numbered(form, |n| format!("Destination.ToAddresses.member.{n}"));
        let configuration_set = form.get("ConfigurationSetName");
        iter::once(sender)
            .chain(configuration_set.map(|name| configuration_set_arn(name)))
            .chain(receivers.iter().map(|receiver| identity_arn(address_of(receiver))))
            .try_for_each(|resource| {
                let from_address = from.map(str::to_owned);
                let condition_keys = ConditionKeys { from_address, ..ConditionKeys::default() };
                let request = AccessRequest {
                    condition_keys,
                    ..AccessRequest::new(format!("ses:{action}"), resource)
                };
                self.authorize_one(headers, &request)
            })
    }

    fn authorize_one(&self, headers: &HeaderMap, request: &AccessRequest) -> Result<(), Refusal> {
        self.iam.authorize_call(headers, request).map_err(|denial| {
            match denial.type_and_message() {
                ("AccessDeniedException", message) => Refusal {
                    status: StatusCode::FORBIDDEN,
                    ..Refusal::new("AccessDenied", message)
                },
                (_, message) => Refusal {
                    status: StatusCode::FORBIDDEN,
                    ..Refusal::new("InvalidClientTokenId", message)
                },
            }
        })
    }

    /// Takes a mail: its id.
    fn send(&self, form: &BTreeMap<String, String>) -> Result<String, Refusal> {
        match self.mode.mode() {
            MailServiceMode::Up | MailServiceMode::Bouncing | MailServiceMode::Complaining => {}
            MailServiceMode::Throttling => {
                return Err(Refusal::new("Throttling", "Maximum sending rate exceeded."));
            }
            MailServiceMode::Rejecting => {
                return Err(Refusal::new(
                    "MessageRejected",
                    "Email address is on the suppression list.",
                ));
            }
            MailServiceMode::Denying => {
                return Err(Refusal {
                    status: StatusCode::FORBIDDEN,
                    ..Refusal::new(
                        "AccessDenied",
                        "The caller is not authorized to perform `ses:SendEmail' on this identity.",
                    )
                });
            }
        }
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let from = field("Source");
        if !domain_of(from).eq_ignore_ascii_case(&self.verified_domain) {
            let message = format!(
                "Email address is not verified. The following identities failed the check in \
                 region {}: {from}",
                REGION.to_uppercase()
            );
            return Err(Refusal::new("MessageRejected", message));
        }
        if let Some(name) = form.get("ConfigurationSetName")
            && !self.configuration_sets.contains(name)
        {
            let message = format!("Configuration set <{name}> does not exist.");
            return Err(Refusal::new("ConfigurationSetDoesNotExist", message));
        }
        let to = numbered(form, |n| format!("Destination.ToAddresses.member.{n}"));
        let subject = field("Message.Subject.Data");
        let text = field("Message.Body.Text.Data");
        let html = field("Message.Body.Html.Data");
        if to.is_empty() {
            return Err(Refusal::new("InvalidParameterValue", "Missing required header 'To'."));
        }
        if text.is_empty() && html.is_empty() {
            return Err(Refusal::new("InvalidParameterValue", "Message body is empty."));
        }
        let tags = tags(form)?;
        let kind = tags.get("kind").map_or("other", String::as_str);
        let mail = Mail {
            kind: kind.to_owned(),
            to: to.join(", "),
            from: from.to_owned(),
            subject: subject.to_owned(),
            text: text.to_owned(),
            html: html.to_owned(),
            at: self.clock.now().into(),
            code: if kind == "login_code" { Mail::find_code(text) } else { None },
        };
        self.inbox.push(mail).map_err(|error| {
            tracing::warn!(%error, "a mail cannot be kept, and is refused");
            Refusal {
                status: StatusCode::SERVICE_UNAVAILABLE,
                ..Refusal::new("ServiceUnavailable", "The desk cannot keep the mail.")
            }
        })?;
        let sent =
            Sent { id: request_id(), from: from.to_owned(), to, subject: subject.to_owned(), tags };
        if let Some(configuration_set) = form.get("ConfigurationSetName") {
            self.tell(configuration_set, &sent);
        }
        Ok(sent.id)
    }

    /// Publishes what becomes of a mail where the configuration set says, if anything does that is
    /// to be told.
    fn tell(&self, configuration_set: &str, sent: &Sent) {
        let now = self.clock.now();
        let (kind, event) = match self.mode.mode() {
            MailServiceMode::Bouncing => ("bounce", sent.bounce(now)),
            MailServiceMode::Complaining => ("complaint", sent.complaint(now)),
            MailServiceMode::Up
            | MailServiceMode::Throttling
            | MailServiceMode::Rejecting
            | MailServiceMode::Denying => return,
        };
        let destinations = self.event_destinations.iter().filter(|destination| {
            destination.configuration_set == configuration_set
                && destination.event_types.iter().any(|wanted| wanted == kind)
        });
        for destination in destinations {
            let subject = "Amazon SES Email Event Notification";
            self.topics.publish(&destination.topic, subject, &event.to_string());
        }
    }
}

/// A mail that was taken, as SES's events tell of it.
struct Sent {
    id: String,
    from: String,
    to: Vec<String>,
    subject: String,
    tags: BTreeMap<String, String>,
}

impl Sent {
    fn mail(&self, now: Timestamp) -> Value {
        let tags = self.tags.iter().map(|(name, value)| (name.clone(), json!([value])));
        json!({
            "timestamp": UtcTime(now),
            "source": self.from,
            "sourceArn": identity_arn(domain_of(&self.from)),
            "sendingAccountId": ACCOUNT_ID,
            "messageId": self.id,
            "destination": self.to,
            "headersTruncated": false,
            "headers": [],
            "commonHeaders": {
                "from": [self.from],
                "to": self.to,
                "messageId": self.id,
                "subject": self.subject,
            },
            "tags": tags.collect::<serde_json::Map<_, _>>(),
        })
    }

    fn bounce(&self, now: Timestamp) -> Value {
        let recipient = |to: &String| {
            json!({
                "emailAddress": to,
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            })
        };
        json!({
            "eventType": "Bounce",
            "bounce": {
                "feedbackId": request_id(),
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": self.to.iter().map(recipient).collect::<Vec<_>>(),
                "timestamp": UtcTime(now),
                "reportingMTA": "dsn; localhost",
            },
            "mail": self.mail(now),
        })
    }

    fn complaint(&self, now: Timestamp) -> Value {
        let recipient = |to: &String| json!({ "emailAddress": to });
        json!({
            "eventType": "Complaint",
            "complaint": {
                "feedbackId": request_id(),
                "complaintSubType": null,
                "complaintFeedbackType": "abuse",
                "complainedRecipients": self.to.iter().map(recipient).collect::<Vec<_>>(),
                "timestamp": UtcTime(now),
                "userAgent": "desk",
            },
            "mail": self.mail(now),
        })
    }
}

/// The tags of a mail, held to SES's rule about them.
fn tags(form: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refusal> {
    let part = |n: usize, part: &str| form.get(&format!("Tags.member.{n}.{part}")).cloned();
    let tags = (1..).map_while(|n| Some((part(n, "Name")?, part(n, "Value")?)));
    let fits = |text: &String| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        (1..=256).contains(&text.len()) && text.chars().all(allowed)
    };
    let tags: BTreeMap<String, String> = tags.collect();
    if tags.iter().all(|(name, value)| fits(name) && fits(value)) {
        Ok(tags)
    } else {
        Err(Refusal::new("InvalidParameterValue", "A tag has characters that no tag may have."))
    }
}

/// An error of SES, by its code.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }
}

async fn answer(State(ses): State<Ses>, headers: HeaderMap, body: Bytes) -> Response {
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let outcome = ses.authorize(&headers, &form).and_then(|()| {
        match form.get("Action").map(String::as_str) {
            Some("SendEmail") => ses.send(&form),
            other => {
                let action = other.unwrap_or("(none)");
                Err(Refusal::new(
                    "InvalidAction",
                    format!("Could not find operation {action} at the desk."),
                ))
            }
        }
    });
    let id = request_id();
    let (status, xml) = match outcome {
        Ok(message_id) => {
            let xml = format!(
                "<SendEmailResponse xmlns=\"{NAMESPACE}\">\
                 <SendEmailResult><MessageId>{message_id}</MessageId></SendEmailResult>\
                 <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
                 </SendEmailResponse>"
            );
            (StatusCode::OK, xml)
        }
        Err(Refusal { status, code, message }) => {
            let message = escape(&message);
            let xml = format!(
                "<ErrorResponse xmlns=\"{NAMESPACE}\">\
                 <Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                 <RequestId>{id}</RequestId></ErrorResponse>"
            );
            (status, xml)
        }
    };
    (
        status,
        [
            (header::CONTENT_TYPE, "text/xml".to_owned()),
            (header::HeaderName::from_static("x-amzn-requestid"), id),
        ],
        xml,
    )
        .into_response()
}

/// `a.1`, `a.2`, ... as long as there are any.
fn numbered(form: &BTreeMap<String, String>, name: impl Fn(usize) -> String) -> Vec<String> {
    (1..).map_while(|n| form.get(&name(n)).cloned()).collect()
}

/// `a@b.c`, of that or of `Name <a@b.c>`.
fn address_of(sender: &str) -> &str {
    sender.rsplit_once('<').map_or(sender, |(_, address)| address).trim_end().trim_end_matches('>')
}

/// The domain of `a@b.c` or of `Name <a@b.c>`.
pub(crate) fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain.trim_end().trim_end_matches('>'))
}

/// Text for XML and HTML, in element content and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            control if control.is_control() && !matches!(control, '\n' | '\t') => {
                write!(escaped, "\u{fffd}").expect("writing to a String");
            }
            other => escaped.push(other),
        }
    }
    escaped
}
