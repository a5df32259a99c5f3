//! The mails, through SES. What they say stands in the files beside this one.
//!
//! To add a mail: a variant of [`Mail`], and a text and an HTML file with a template for each here;
//! the HTML extends `layout.html`. Snapshots show both as they leave, pictures of them lie in
//! `docs/screens`.

use crate::config::{ConfigError, Settings};
use askama::Template;
use aws_sdk_ses::Client;
use aws_sdk_ses::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_ses::types::{Body, Content, Destination, Message, MessageTag};
use domain::login::{CODE_LIFETIME, LoginCode};
use domain::{AccountName, EmailAddress};

/// What a mail is about.
#[derive(Debug)]
pub enum Mail {
    LoginCode { code: LoginCode },
    Invitation { account: AccountName },
}

#[derive(Debug)]
pub struct Mailer {
    client: Client,
    from: Result<String, ConfigError>,
    console: Result<String, ConfigError>,
    product: String,
}

/// Why a mail did not leave.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// SES will say the same next time: the address or the sender is refused.
    #[error("SES refuses the mail: {0}")]
    Refused(String),
    #[error("SES did not take the mail: {0}")]
    Unavailable(String),
}

impl Mailer {
    pub(crate) fn new(config: &aws_types::SdkConfig, settings: &Settings) -> Self {
        Self {
            client: Client::new(config),
            from: settings.mail_from().map(str::to_owned),
            console: settings.console_origin().map(str::to_owned),
            product: settings.product_name.clone(),
        }
    }

    pub async fn send(&self, to: &EmailAddress, mail: &Mail) -> Result<(), MailError> {
        let console = self.console.as_ref().map_err(Clone::clone)?;
        let Written { kind, subject, text, html } = write(mail, &self.product, console);
        let content = |data: String| {
            Content::builder().charset("UTF-8").data(data).build().expect("data is set")
        };
        let body = Body::builder().text(content(text)).html(content(html)).build();
        let tag =
            MessageTag::builder().name("kind").value(kind).build().expect("name and value are set");
        self.client
            .send_email()
            .source(self.from.clone()?)
            .destination(Destination::builder().to_addresses(to.as_str()).build())
            .message(Message::builder().subject(content(subject)).body(body).build())
            .tags(tag)
            .send()
            .await
            .map(drop)
            .map_err(|error| match &error {
                // The message of SES names addresses; the code alone says enough.
                SdkError::ServiceError(answer) => {
                    let code = answer.err().code().unwrap_or("unknown");
                    let refused = REFUSALS.contains(&code);
                    let make = if refused { MailError::Refused } else { MailError::Unavailable };
                    make(code.to_owned())
                }
                _ => MailError::Unavailable(DisplayErrorContext(&error).to_string()),
            })
    }
}

/// The codes with which SES refuses a mail for good.
const REFUSALS: [&str; 3] =
    ["MessageRejected", "MailFromDomainNotVerifiedException", "InvalidParameterValue"];

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
    console: &'a str,
    code: &'a str,
    minutes: i64,
}

#[derive(Template)]
#[template(path = "login_code.html")]
struct LoginCodeHtml<'a> {
    subject: &'a str,
    product: &'a str,
    console: &'a str,
    code: &'a str,
    minutes: i64,
}

#[derive(Template)]
#[template(path = "invitation.txt")]
struct InvitationText<'a> {
    product: &'a str,
    console: &'a str,
    account: &'a str,
}

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationHtml<'a> {
    subject: &'a str,
    product: &'a str,
    console: &'a str,
    account: &'a str,
}

/// Fills a mail in; `console` is the console's origin, without a slash at its end.
fn write(mail: &Mail, product: &str, console: &str) -> Written {
    match mail {
        Mail::LoginCode { code } => {
            let subject = format!("Your {product} login code");
            let code = code.secret().expose();
            let minutes = CODE_LIFETIME.as_mins();
            Written {
                kind: "login_code",
                text: render(&LoginCodeText { product, console, code, minutes }),
                html: render(&LoginCodeHtml { subject: &subject, product, console, code, minutes }),
                subject,
            }
        }
        Mail::Invitation { account } => {
            let subject = format!("You are invited to {product}");
            let account = account.as_str();
            Written {
                kind: "invitation",
                text: render(&InvitationText { product, console, account }),
                html: render(&InvitationHtml { subject: &subject, product, console, account }),
                subject,
            }
        }
    }
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
    fn an_invitation_is_mailed_as_this_text_and_this_page_with_every_name_escaped() {
        let account = "<b>Sons</b> & \"Co\"".parse().unwrap();
        let Written { kind, subject, text, html } = written(&Mail::Invitation { account });
        assert_eq!((kind, &*subject), ("invitation", "You are invited to Front<&\"desk'"));
        insta::assert_snapshot!("invitation.txt", text);
        insta::assert_snapshot!("invitation.html", html);
    }
}
