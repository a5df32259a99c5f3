//! The two mails that the desk sends, through SES.

use crate::config::{ConfigError, Settings};
use aws_sdk_ses::Client;
use aws_sdk_ses::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_ses::types::{Body, Content, Destination, Message, MessageTag};
use domain::login::LoginCode;
use domain::{AccountName, EmailAddress};

/// What a mail says.
#[derive(Debug)]
pub enum Mail<'a> {
    LoginCode { code: &'a LoginCode },
    Invitation { account: &'a AccountName },
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
    pub(crate) fn new(config: &aws_types::SdkConfig, settings: &Settings) -> Mailer {
        Mailer {
            client: Client::new(config),
            from: settings.mail_from().map(str::to_owned),
            console: settings.console_origin().map(str::to_owned),
            product: settings.product_name.clone(),
        }
    }

    pub async fn send(&self, to: &EmailAddress, mail: &Mail<'_>) -> Result<(), MailError> {
        let Written { kind, subject, text, html } = self.write(mail)?;
        let content = |data: String| {
            Content::builder().charset("UTF-8").data(data).build().expect("data is set")
        };
        let body = Body::builder().text(content(text)).html(content(html)).build();
        let message = Message::builder().subject(content(subject)).body(body).build();
        let tag =
            MessageTag::builder().name("kind").value(kind).build().expect("name and value are set");
        let sent = self
            .client
            .send_email()
            .source(self.from.clone()?)
            .destination(Destination::builder().to_addresses(to.as_str()).build());
        let Err(error) = sent.message(message).tags(tag).send().await else { return Ok(()) };
        let refused =
            ["MessageRejected", "MailFromDomainNotVerifiedException", "InvalidParameterValue"];
        Err(match &error {
            SdkError::ServiceError(answer)
                if answer.err().code().is_some_and(|code| refused.contains(&code)) =>
            {
                // The message of SES names addresses; the code alone says enough.
                MailError::Refused(answer.err().code().unwrap_or("unknown").to_owned())
            }
            SdkError::ServiceError(answer) => {
                MailError::Unavailable(answer.err().code().unwrap_or("unknown").to_owned())
            }
            _ => MailError::Unavailable(DisplayErrorContext(&error).to_string()),
        })
    }

    fn write(&self, mail: &Mail<'_>) -> Result<Written, ConfigError> {
        let (product, console) = (&self.product, self.console.clone()?);
        let (product_html, console_html) = (escape(product), escape(&console));
        Ok(match mail {
            Mail::LoginCode { code } => {
                let code = code.secret().expose();
                Written {
                    kind: "login_code",
                    subject: format!("Your {product} login code"),
                    text: format!(
                        "Your login code for {product}:\n\n{code}\n\nIt is good for 3 minutes and for one login. Enter it where you asked for it:\n{console}/\n\n\
                         If you did not ask for a code, you need not do anything. Nobody from {product} will ever ask you for it.\n"
                    ),
                    html: page(&format!(
                        "<p>Your login code for {product_html}:</p><p style=\"font-size:32px;letter-spacing:6px;font-weight:600\">{code}</p>\
                         <p>It is good for 3 minutes and for one login. Enter it where you asked for it: <a href=\"{console_html}/\">{console_html}</a></p>\
                         <p style=\"color:#666\">If you did not ask for a code, you need not do anything. Nobody from {product_html} will ever ask you for it.</p>"
                    )),
                }
            }
            Mail::Invitation { account } => {
                let account_html = escape(account.as_str());
                let account = account.as_str();
                Written {
                    kind: "invitation",
                    subject: format!("You are invited to {product}"),
                    text: format!(
                        "You have been added to {account} on {product}.\n\nLog in with this e-mail address; a code is mailed to you each time, there is no password:\n{console}/\n\n\
                         If you do not know {account}, you need not do anything.\n"
                    ),
                    html: page(&format!(
                        "<p>You have been added to <strong>{account_html}</strong> on {product_html}.</p>\
                         <p>Log in with this e-mail address; a code is mailed to you each time, there is no password: <a href=\"{console_html}/\">{console_html}</a></p>\
                         <p style=\"color:#666\">If you do not know {account_html}, you need not do anything.</p>"
                    )),
                }
            }
        })
    }
}

struct Written {
    kind: &'static str,
    subject: String,
    text: String,
    html: String,
}

fn page(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"></head>\
         <body style=\"font:16px/1.5 system-ui,sans-serif;color:#222;max-width:32em;margin:2em auto;padding:0 1em\">{body}</body></html>"
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
