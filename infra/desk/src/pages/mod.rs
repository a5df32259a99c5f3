//! The desk's own pages. No script, nothing from elsewhere.

use crate::backends::mail::Mail;
use crate::backends::ses::escape;
use axum::http::header;
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("style.css");
const HOME: &str = include_str!("home.html");
const NO_CONSOLE: &str = include_str!("no_console.html");
const INBOX: &str = include_str!("inbox.html");

/// A page, with headers that keep it to itself.
pub(crate) fn page(html: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, html).into_response()
}

/// What the page at `/_local/` tells.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) url: String,
    /// Routes or triggers, and the functions behind them.
    pub(crate) functions: Vec<(String, String)>,
    /// Names and addresses.
    pub(crate) backends: Vec<(&'static str, String)>,
}

impl Home {
    pub(crate) fn render(&self) -> String {
        self.render_with("")
    }

    /// The same page at `/`, where the console would be.
    pub(crate) fn render_instead_of_console(&self) -> String {
        self.render_with(NO_CONSOLE)
    }

    fn render_with(&self, notice: &str) -> String {
        let rows = |pairs: &mut dyn Iterator<Item = (&str, &str)>| {
            let row = |(left, right): (&str, &str)| {
                format!(
                    "<tr><td>{}</td><td><code>{}</code></td></tr>\n",
                    escape(left),
                    escape(right)
                )
            };
            pairs.map(row).collect::<String>()
        };
        let functions = rows(
            &mut self.functions.iter().map(|(name, trigger)| (name.as_str(), trigger.as_str())),
        );
        let backends =
            rows(&mut self.backends.iter().map(|(name, address)| (*name, address.as_str())));
        HOME.replace("{{style}}", STYLE)
            .replace("{{notice}}", notice)
            .replace("{{functions}}", &functions)
            .replace("{{backends}}", &backends)
            .replace("{{url}}", &escape(&self.url))
    }
}

/// The inbox, newest mail first.
pub(crate) fn inbox(mails: &[Mail]) -> String {
    let mut list = String::new();
    for mail in mails {
        let code =
            mail.code.as_deref().map(|code| format!("<p class=\"code\">{}</p>", escape(code)));
        list.push_str(&format!(
            "<article><h2>{}</h2><p class=\"meta\">to <b>{}</b>, {}, {}</p>{}<pre>{}</pre>\
             </article>\n",
            escape(&mail.subject),
            escape(&mail.to),
            escape(&mail.kind.replace('_', " ")),
            mail.at.0.strftime("%Y-%m-%d %H:%M:%S UTC"),
            code.unwrap_or_default(),
            escape(&mail.text),
        ));
    }
    if mails.is_empty() {
        list.push_str(
            "<p class=\"empty\">No mail yet. This page looks again every two seconds.</p>",
        );
    }
    INBOX.replace("{{style}}", STYLE).replace("{{mails}}", &list)
}
