//! The mails, through SES. What they say stands in the files beside this one.
//!
//! To add a mail: a variant of [`Mail`], and a text and an HTML file with a template for each here;
//! the HTML extends `layout.html`. Snapshots show both as they leave, pictures of them lie in
//! `docs/screens`.

mod event;
mod tags;

pub use event::{MailEvent, Told, Unreadable};

use crate::config::{ConfigError, Settings};
use askama::Template;
use aws_sdk_ses::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_ses::types::{Body, Content, Destination, Message, MessageTag};
use aws_sdk_ses::{Client, Config};
use domain::login::{CODE_LIFETIME, LoginCode};
use domain::meter::Warning;
use domain::{AccountName, EmailAddress, KeyName, Recipient, Secret};
use jiff::Timestamp;
use store::{LoginNotice, NoticeReason};

/// What a mail is about.
#[derive(Debug)]
pub enum Mail {
    LoginCode {
        code: LoginCode,
    },
    /// `by` is whoever invited, while that is a member; `link` is what the link carries.
    Invitation {
        account: AccountName,
        by: Option<EmailAddress>,
        link: Secret,
    },
    LoginNotice(LoginNotice),
    KeyExpiring(KeyEnd),
    UsageWarning(Warning),
}

/// Which key ends, and when.
#[derive(Debug, Clone)]
pub struct KeyEnd {
    pub name: KeyName,
    pub start: String,
    pub at: Timestamp,
}

#[derive(Debug)]
pub struct Mailer {
    client: Client,
    from: Result<String, ConfigError>,
    console: Result<String, ConfigError>,
    configuration_set: Option<String>,
    product: String,
}

/// Why a mail did not leave.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// SES will say the same about this mail next time, whatever it says about others.
    #[error("SES refuses the mail: {0}")]
    Refused(String),
    /// Every mail of this deployment is kept back, until somebody does this.
    #[error("SES refuses this deployment's mail ({code}): {remedy}")]
    Setting { code: String, remedy: &'static str },
    #[error("SES did not take the mail: {0}")]
    Unavailable(String),
}

impl Mailer {
    pub(crate) fn new(config: &aws_types::SdkConfig, settings: &Settings) -> Self {
        Self {
            client: Client::new(config),
            from: settings.mail_from().map(str::to_owned),
            console: settings.console_origin().map(str::to_owned),
            configuration_set: settings.mail_configuration_set.clone(),
            product: settings.product_name.clone(),
        }
    }

    /// Opens a connection, for the first mail to find. SES says something to a `GET /`, and
    /// whatever that is will do.
    pub async fn connect(&self) {
        let once = Config::builder().retry_config(store::for_a_connection());
        let asked = self.client.send_email().customize().config_override(once);
        let _ = asked.mutate_request(store::ask_nothing).send().await;
    }

    pub async fn send(
        &self,
        to: &EmailAddress,
        recipient: &Recipient,
        mail: &Mail,
    ) -> Result<(), MailError> {
        let console = self.console.as_ref().map_err(Clone::clone)?;
        let from = self.from.as_ref().map_err(Clone::clone)?;
        let Written { kind, subject, text, html } = write(mail, &self.product, console);
        let content = |data: String| {
            Content::builder().charset("UTF-8").data(data).build().expect("data is set")
        };
        let body = Body::builder().text(content(text)).html(content(html)).build();
        let tag = |(name, value): (&str, String)| {
            MessageTag::builder().name(name).value(value).build().expect("both are set")
        };
        let tags = [("kind", kind.to_owned())].into_iter().chain(tags::of(recipient));
        self.client
            .send_email()
            .source(from)
            .destination(Destination::builder().to_addresses(to.as_str()).build())
            .message(Message::builder().subject(content(subject)).body(body).build())
            .set_tags(Some(tags.map(tag).collect()))
            .set_configuration_set_name(self.configuration_set.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| match &error {
                SdkError::ServiceError(answer) => {
                    let (code, message) = (answer.err().code(), answer.err().message());
                    answered(code.unwrap_or("unknown"), message.unwrap_or_default(), from)
                }
                _ => MailError::Unavailable(DisplayErrorContext(&error).to_string()),
            })
    }
}

/// What an error of SES's means. Its message names addresses, so it is looked at and not told.
fn answered(code: &str, message: &str, from: &str) -> MailError {
    let setting = |remedy| MailError::Setting { code: code.to_owned(), remedy };
    let refused = |why: &str| MailError::Refused(format!("{code}{why}"));
    let names_sender =
        || message.split([' ', ',', '<', '>']).any(|word| word.eq_ignore_ascii_case(from));
    match code {
        "AccessDenied" | "AccessDeniedException" => setting(
            "allow the role of deliver-mail ses:SendEmail on the identity of MAIL_FROM and on its \
             configuration set, and see that no policy of identity or organization denies it",
        ),
        credentials if store::is_denial(credentials) => setting(
            "AWS does not take the credentials of deliver-mail: see that it has the role that it \
             was deployed with, and deploy it again",
        ),
        "AccountSendingPausedException" | "ConfigurationSetSendingPausedException" => {
            setting(PAUSED)
        }
        "MessageRejected" if message.starts_with("Sending ") => setting(PAUSED),
        "ConfigurationSetDoesNotExist" | "ConfigurationSetDoesNotExistException" => {
            setting("deploy again, for the configuration set of the stack is gone from SES")
        }
        "MailFromDomainNotVerifiedException" => setting(
            "put right the MX record of the MAIL FROM domain that the identity of MAIL_FROM has",
        ),
        "MessageRejected" if message.contains("not verified") && names_sender() => {
            setting("verify MAIL_FROM or its domain as an identity in SES, in this region")
        }
        "MessageRejected" if message.contains("not verified") => {
            refused(": the receiver is not verified, and this AWS account is in SES's sandbox")
        }
        "MessageRejected" | "InvalidParameterValue" => refused(""),
        other => MailError::Unavailable(other.to_owned()),
    }
}

const PAUSED: &str = "resume sending in SES; its console says why it was paused";

/// A mail as it leaves.
struct Written {
    /// The value of the tag `kind`.
    kind: &'static str,
    subject: String,
    text: String,
    html: String,
}

#[derive(Template)]
#[template(path = "login_code.txt")]
struct LoginCodeText<'a> {
    product: &'a str,
    url: &'a str,
    code: &'a str,
    minutes: i64,
}

#[derive(Template)]
#[template(path = "login_code.html")]
struct LoginCodeHtml<'a> {
    subject: &'a str,
    product: &'a str,
    url: &'a str,
    code: &'a str,
    minutes: i64,
}

#[derive(Template)]
#[template(path = "invitation.txt")]
struct InvitationText<'a> {
    product: &'a str,
    url: &'a str,
    account: &'a str,
    by: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationHtml<'a> {
    subject: &'a str,
    product: &'a str,
    url: &'a str,
    account: &'a str,
    by: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "login_notice.txt")]
struct LoginNoticeText<'a> {
    product: &'a str,
    url: &'a str,
    is_login: bool,
    when: &'a str,
}

#[derive(Template)]
#[template(path = "login_notice.html")]
struct LoginNoticeHtml<'a> {
    subject: &'a str,
    product: &'a str,
    url: &'a str,
    is_login: bool,
    when: &'a str,
}

#[derive(Template)]
#[template(path = "key_expiring.txt")]
struct KeyExpiringText<'a> {
    product: &'a str,
    url: &'a str,
    name: &'a str,
    start: &'a str,
    when: &'a str,
}

#[derive(Template)]
#[template(path = "key_expiring.html")]
struct KeyExpiringHtml<'a> {
    subject: &'a str,
    product: &'a str,
    url: &'a str,
    name: &'a str,
    start: &'a str,
    when: &'a str,
}

#[derive(Template)]
#[template(path = "usage_warning.txt")]
struct UsageWarningText<'a> {
    product: &'a str,
    url: &'a str,
    is_all: bool,
    percent: u8,
    calls: &'a str,
    until: &'a str,
}

#[derive(Template)]
#[template(path = "usage_warning.html")]
struct UsageWarningHtml<'a> {
    subject: &'a str,
    product: &'a str,
    url: &'a str,
    is_all: bool,
    percent: u8,
    calls: &'a str,
    until: &'a str,
}

/// Fills a mail in; `console` is the console's origin, without a slash at its end.
fn write(mail: &Mail, product: &str, console: &str) -> Written {
    match mail {
        Mail::LoginCode { code } => {
            let url = &format!("{console}/");
            let subject = format!("Your {product} login code");
            let code = code.secret().expose();
            let minutes = CODE_LIFETIME.as_mins();
            Written {
                kind: "login_code",
                text: render(&LoginCodeText { product, url, code, minutes }),
                html: render(&LoginCodeHtml { subject: &subject, product, url, code, minutes }),
                subject,
            }
        }
        Mail::LoginNotice(notice) => write_notice(notice, product, console),
        Mail::KeyExpiring(key) => write_key_expiring(key, product, console),
        Mail::UsageWarning(warning) => write_usage_warning(warning, product, console),
        Mail::Invitation { account, by, link } => {
            let url = &format!("{console}/#invitation={}", link.expose());
            let subject = format!("You are invited to {product}");
            let account = account.as_str();
            let by = by.as_ref().map(EmailAddress::as_str);
            Written {
                kind: "invitation",
                text: render(&InvitationText { product, url, account, by }),
                html: render(&InvitationHtml { subject: &subject, product, url, account, by }),
                subject,
            }
        }
    }
}

fn write_notice(notice: &LoginNotice, product: &str, console: &str) -> Written {
    let url = &format!("{console}/");
    let is_login = notice.reason == NoticeReason::NewBrowser;
    let subject = if is_login {
        format!("New login to {product}")
    } else {
        format!("Somebody is guessing your {product} login codes")
    };
    let when = when(notice.happened_at);
    let text = LoginNoticeText { product, url, is_login, when: &when };
    let html = LoginNoticeHtml { subject: &subject, product, url, is_login, when: &when };
    Written { kind: "login_notice", text: render(&text), html: render(&html), subject }
}

fn write_key_expiring(key: &KeyEnd, product: &str, console: &str) -> Written {
    let url = &format!("{console}/#keys");
    let (name, start, when) = (key.name.as_str(), &key.start, &when(key.at));
    let subject =
        format!("Your {product} API key {name} expires on {}", key.at.strftime("%-d %B (UTC)"));
    let text = KeyExpiringText { product, url, name, start, when };
    let html = KeyExpiringHtml { subject: &subject, product, url, name, start, when };
    Written { kind: "key_expiring", text: render(&text), html: render(&html), subject }
}

fn write_usage_warning(warning: &Warning, product: &str, console: &str) -> Written {
    let Warning { month, percent, per_month } = *warning;
    let url = &format!("{console}/#usage");
    let is_all = percent == 100;
    let subject = if is_all {
        format!("Your {product} calls of this month are used up")
    } else {
        format!("{percent} % of your {product} calls of this month are used")
    };
    let calls = &grouped(per_month);
    let until = &when(month.ends_at());
    let text = UsageWarningText { product, url, is_all, percent, calls, until };
    let html = UsageWarningHtml { subject: &subject, product, url, is_all, percent, calls, until };
    Written { kind: "usage_warning", text: render(&text), html: render(&html), subject }
}

/// With a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn when(at: Timestamp) -> String {
    at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

fn render(template: &impl Template) -> String {
    template.render().expect("a template of plain values, written to a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(mail: &Mail) -> Written {
        write(mail, "Front<&\"desk'", "https://console.example.com")
    }

    #[test]
    fn a_login_code_is_mailed_as_this_text_and_this_page_with_every_name_escaped() {
        let code = LoginCode::parse("123456").unwrap();
        let Written { kind, subject, text, html } = written(&Mail::LoginCode { code });
        assert_eq!((kind, &*subject), ("login_code", "Your Front<&\"desk' login code"));
        insta::assert_snapshot!("login_code.txt", text);
        insta::assert_snapshot!("login_code.html", html);
    }

    #[test]
    fn what_the_owner_of_an_address_hears_of_is_mailed_as_these_texts_and_pages() {
        let happened_at = "2026-03-09T08:05:00Z".parse().unwrap();
        for (reason, names, subject) in [
            (
                NoticeReason::NewBrowser,
                ["new_browser.txt", "new_browser.html"],
                "New login to Front<&\"desk'",
            ),
            (
                NoticeReason::WrongGuesses,
                ["wrong_guesses.txt", "wrong_guesses.html"],
                "Somebody is guessing your Front<&\"desk' login codes",
            ),
        ] {
            let notice = written(&Mail::LoginNotice(LoginNotice { reason, happened_at }));
            assert_eq!((notice.kind, &*notice.subject), ("login_notice", subject));
            insta::assert_snapshot!(names[0], notice.text);
            insta::assert_snapshot!(names[1], notice.html);
        }
    }

    #[test]
    fn what_keeps_every_mail_back_is_told_from_what_refuses_one_and_from_an_outage() {
        let unverified = |who: &str| {
            format!(
                "Email address is not verified. The following identities failed the check in \
                 region EU-CENTRAL-1: {who}"
            )
        };
        let kind = |code: &str, message: &str| match answered(code, message, "Desk@example.com") {
            MailError::Setting { .. } => "every",
            MailError::Refused(_) => "this",
            MailError::Unavailable(_) => "outage",
            MailError::Config(_) => "config",
        };
        for (code, message, wanted) in [
            ("AccessDenied", "User `arn' is not authorized", "every"),
            ("UnrecognizedClientException", "", "every"),
            ("SignatureDoesNotMatch", "", "every"),
            ("ExpiredToken", "", "every"),
            ("AccountSendingPausedException", "", "every"),
            ("ConfigurationSetSendingPausedException", "", "every"),
            ("MessageRejected", "Sending suspended for this account.", "every"),
            ("ConfigurationSetDoesNotExist", "", "every"),
            ("MailFromDomainNotVerifiedException", "", "every"),
            ("MessageRejected", &unverified("desk@example.com"), "every"),
            ("MessageRejected", &unverified("a@b.c, Desk <desk@example.com>"), "every"),
            ("MessageRejected", &unverified("a@b.c"), "this"),
            ("MessageRejected", &unverified("frontdesk@example.com"), "this"),
            ("MessageRejected", "Address blacklisted.", "this"),
            ("InvalidParameterValue", "Illegal address", "this"),
            ("Throttling", "Maximum sending rate exceeded.", "outage"),
            ("ServiceUnavailable", "", "outage"),
            ("unknown", "", "outage"),
        ] {
            assert_eq!(kind(code, message), wanted, "{code} {message}");
        }
    }

    #[test]
    fn who_reads_that_ses_refuses_a_mail_is_told_when_the_receiver_is_not_verified() {
        let told = |message: &str| answered("MessageRejected", message, "desk@example.com");
        let unverified = told("Email address is not verified: a@b.c").to_string();
        assert!(unverified.contains("SES's sandbox"), "{unverified}");
        let other = told("Address blacklisted.").to_string();
        assert!(other.contains("MessageRejected") && !other.contains("sandbox"), "{other}");
    }

    #[test]
    fn no_word_of_ses_that_names_an_address_is_told() {
        let message = "not verified: desk@example.com, a@b.c, arn:aws:ses:x:1:identity/a@b.c";
        for code in ["AccessDenied", "MessageRejected", "InvalidParameterValue", "Throttling"] {
            for from in ["desk@example.com", "other@example.com"] {
                let told = answered(code, message, from).to_string();
                assert!(told.contains(code) && !told.contains('@'), "{told}");
            }
        }
    }

    #[test]
    fn an_invitation_is_mailed_as_this_text_and_this_page_with_every_name_escaped() {
        for (by, names) in [
            (Some("o'brien&sons@example.com"), ["invitation.txt", "invitation.html"]),
            (None, ["invitation_by_nobody.txt", "invitation_by_nobody.html"]),
        ] {
            let account = "<b>Sons</b> & \"Co\"".parse().unwrap();
            let by = by.map(|by| by.parse().unwrap());
            let link = Secret::new("inv_1.account.member.1.mac".to_owned());
            let mail = Mail::Invitation { account, by, link };
            let Written { kind, subject, text, html } = written(&mail);
            assert_eq!((kind, &*subject), ("invitation", "You are invited to Front<&\"desk'"));
            insta::assert_snapshot!(names[0], text);
            insta::assert_snapshot!(names[1], html);
        }
    }

    #[test]
    fn the_end_of_a_key_is_mailed_as_this_text_and_this_page_with_every_name_escaped() {
        let key = KeyEnd {
            name: "<b>Sync</b> & \"Co\"".parse().unwrap(),
            start: "fd_live_6AL6OUl2".to_owned(),
            at: "2026-12-31T23:59:30Z".parse().unwrap(),
        };
        let Written { kind, subject, text, html } = written(&Mail::KeyExpiring(key));
        assert_eq!(kind, "key_expiring");
        assert_eq!(
            subject,
            "Your Front<&\"desk' API key <b>Sync</b> & \"Co\" expires on 31 December (UTC)"
        );
        insta::assert_snapshot!("key_expiring.txt", text);
        insta::assert_snapshot!("key_expiring.html", html);
    }

    #[test]
    fn what_is_used_of_a_month_is_mailed_as_these_texts_and_pages() {
        let month = "2026-11".parse().unwrap();
        for (percent, per_month, names, subject) in [
            (
                80,
                1_000_000,
                ["usage_warning_80.txt", "usage_warning_80.html"],
                "80 % of your Front<&\"desk' calls of this month are used",
            ),
            (
                100,
                900,
                ["usage_warning_100.txt", "usage_warning_100.html"],
                "Your Front<&\"desk' calls of this month are used up",
            ),
        ] {
            let warning = Mail::UsageWarning(Warning { month, percent, per_month });
            let Written { kind, subject: is, text, html } = written(&warning);
            assert_eq!((kind, &*is), ("usage_warning", subject));
            insta::assert_snapshot!(names[0], text);
            insta::assert_snapshot!(names[1], html);
        }
    }
}
