//! HTTP in and out: what may come in, who it comes from, and how an answer looks.

use crate::config::Settings;
use crate::event::{HttpRequest, Text};
use crate::problem::{Problem, ProblemCode};
use crate::secrets::{KeyringError, Keyrings};
use crate::{UtcTime, viewer};
use domain::key::{IdempotencyKey, Invalid};
use domain::secret::Secret;
use domain::{AccountId, PlainKey, SessionToken};
use jiff::Timestamp;
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use lambda_http::{Body, Response};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;
use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

/// The largest body that is read.
pub const MAX_BODY_BYTES: usize = 16 * 1024;
/// How many sessions of one request are tried.
pub(crate) const MAX_SESSIONS_SHOWN: usize = 3;
/// The session cookie: this host, HTTPS and all paths only, as its prefix promises.
pub const SESSION_COOKIE: &str = "__Host-frontdesk";
/// The cookie of a browser that has logged in before.
pub const DEVICE_COOKIE: &str = "__Host-frontdesk-device";

/// With the value `1`: nobody asked for this read, it goes on by itself.
const BACKGROUND: &str = "x-frontdesk-background";

/// One request, as the actions see it: with one of the sessions that it shows.
#[derive(Debug, Clone)]
pub struct Call {
    request: Arc<HttpRequest>,
    headers: HeaderMap,
    session: Result<SessionToken, ProblemCode>,
}

impl Call {
    pub(crate) fn new(request: HttpRequest) -> Self {
        let headers = request.headers();
        let session = Err(ProblemCode::SessionRequired);
        Self { headers, request: Arc::new(request), session }
    }

    pub fn method(&self) -> &Method {
        self.request.method()
    }

    pub fn path(&self) -> Cow<'_, str> {
        self.request.path()
    }

    /// A header as its bytes: one that is no ASCII must not void all of it.
    fn header(&self, name: impl header::AsHeaderName) -> Option<&[u8]> {
        self.headers.get(name).map(HeaderValue::as_bytes)
    }

    /// What the client says that it is.
    pub fn user_agent(&self) -> Option<&[u8]> {
        self.header(header::USER_AGENT)
    }

    /// What the request may be repeated under. Several of it, or bytes that are no text, are none.
    pub fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, Invalid> {
        let mut values = self.headers.get_all("idempotency-key").iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => {
                let key = value.to_str().ok().and_then(IdempotencyKey::parse);
                key.map(Some).ok_or(Invalid::IdempotencyKey)
            }
            (Some(_), Some(_)) => Err(Invalid::IdempotencyKey),
        }
    }

    /// From which address the request comes. What CloudFront proves itself by is fetched only for
    /// who claims to be it; where there is none, there is no CloudFront.
    pub async fn viewer(&self, keyrings: &Keyrings) -> Result<IpAddr, KeyringError> {
        let connection = self.request.source_ip();
        if !viewer::is_told(&self.headers) {
            return Ok(connection);
        }
        let origin = keyrings.origin().await?;
        Ok(origin.map_or(connection, |origin| viewer::viewer(&self.headers, connection, &origin)))
    }

    /// The id in the path, by the name that the route has for it. What has not even the form of an
    /// id goes the same way as one that is `nobodys`: who asks is looked at first.
    pub fn path_id<T: FromStr>(&self, name: &str, nobodys: impl FnOnce() -> T) -> T {
        let text = self.request.path_parameter(name);
        text.and_then(|text| text.to_str().parse().ok()).unwrap_or_else(nobodys)
    }

    /// A field of the query, if it is there. Several of one name are one that no rule knows.
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        self.request.query_parameter(name).map(Text::to_str)
    }

    /// All cookies of this name: a site on the parent domain may have set one of its own beside
    /// ours. They are split as bytes, for one of somebody else's may hold any, and must not take
    /// ours out.
    pub fn cookies(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        self.header_parts(header::COOKIE, b';')
            .filter_map(|pair| {
                let end = pair.iter().position(|byte| *byte == b'=')?;
                Some((&pair[..end], &pair[end + 1..]))
            })
            .filter(move |(known, _)| *known == name.as_bytes())
            .map(|(_, value)| String::from_utf8_lossy(value))
    }

    /// What a header holds, wherever it stands, between separators and without the space around.
    fn header_parts(&self, name: header::HeaderName, separator: u8) -> impl Iterator<Item = &[u8]> {
        let lines = self.headers.get_all(name).into_iter();
        lines
            .flat_map(move |line| line.as_bytes().split(move |byte| *byte == separator))
            .map(<[u8]>::trim_ascii)
    }

    /// The tokens of the scheme `Bearer` (RFC 6750), ours and others'. A gateway joins several
    /// headers by a comma.
    fn bearer_tokens(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.header_parts(header::AUTHORIZATION, b',')
            .filter_map(|credentials| {
                let end = credentials.iter().position(|byte| *byte == b' ')?;
                Some((&credentials[..end], &credentials[end + 1..]))
            })
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer"))
            .map(|(_, token)| String::from_utf8_lossy(token.trim_ascii()))
    }

    /// The API key that is shown: the header `x-api-key` decides alone where it is sent, else the
    /// one token of the scheme `Bearer`. Several are none: which of them is meant, nobody knows.
    pub fn api_key(&self) -> Option<PlainKey> {
        let mut sent = self.headers.get_all("x-api-key").iter().map(HeaderValue::as_bytes);
        if let Some(value) = sent.next() {
            let value = std::str::from_utf8(value).ok().filter(|_| sent.next().is_none())?;
            return PlainKey::parse(value);
        }
        let mut tokens = self.bearer_tokens();
        let token = tokens.next().filter(|_| tokens.next().is_none())?;
        PlainKey::parse(&token)
    }

    /// The session that the caller shows. Nothing is known of it yet.
    pub fn session(&self) -> Result<SessionToken, Problem> {
        self.session.clone().map_err(Problem::from)
    }

    /// This call with each of the sessions that it shows: those of its bearer tokens, if any is
    /// ours, or else those of its cookies; at least one, which may be that there is none.
    ///
    /// `Authorization` may be a proxy's: only a token that begins as ours do decides. Without a
    /// cookie, a token of any other form is a session that is not there.
    pub(crate) fn with_each_session(self) -> Vec<Self> {
        let ours = |token: &Cow<'_, str>| token.starts_with(SessionToken::PREFIX);
        let mut shown: Vec<_> = self.bearer_tokens().filter(ours).collect();
        if shown.is_empty() {
            shown.extend(self.cookies(SESSION_COOKIE));
        }
        let none = if shown.is_empty() && self.bearer_tokens().next().is_none() {
            ProblemCode::SessionRequired
        } else {
            ProblemCode::SessionEnded
        };
        let mut seen = HashSet::new();
        shown.retain(|text| seen.insert(text.clone()));
        let unasked = self.is_unasked();
        let tokens = shown.iter().filter_map(|text| SessionToken::parse(text));
        let calls: Vec<_> = tokens
            .take(MAX_SESSIONS_SHOWN)
            .map(|mut token| {
                token.unasked = unasked;
                Self { session: Ok(token), ..self.clone() }
            })
            .collect();
        if calls.is_empty() { vec![Self { session: Err(none), ..self }] } else { calls }
    }

    /// Whether the caller says that nobody asked for this. Whoever has a session may leave it
    /// unused; nothing else hangs on it.
    fn is_unasked(&self) -> bool {
        let mut values = self.headers.get_all(BACKGROUND).iter();
        values.next().is_some_and(|value| value == "1") && values.next().is_none()
    }

    /// The body as JSON: an object with just these fields, each at most once.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let body = &*self.bytes()?;
        let is_packed = self
            .header_parts(header::CONTENT_ENCODING, b',')
            .any(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
        if is_packed || !self.header(header::CONTENT_TYPE).is_some_and(is_json) {
            return Err(ProblemCode::UnsupportedMediaType.into());
        }
        // A derived struct would also take an array of its fields' values.
        if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{')
            && is_whole_json(body)
        {
            return Err(Problem::new(ProblemCode::InvalidRequest)
                .with_detail("The body is not a JSON object."));
        }
        serde_json::from_slice(body).map_err(|error| match error.classify() {
            // A number of any size is JSON; no field takes such a one.
            _ if error.to_string().starts_with("number out of range") => {
                Problem::invalid_request(&error)
            }
            serde_json::error::Category::Data => Problem::invalid_request(&error),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => ProblemCode::InvalidJson.into(),
        })
    }

    /// For a request whose fields may all be left out: nothing, or what [`Call::json`] takes.
    pub fn json_or_nothing<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.bytes()?.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// For a request that takes no body: nothing, or an empty object.
    pub fn no_body(&self) -> Result<(), Problem> {
        #[derive(Default, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        self.json_or_nothing().map(|Nothing {}| ())
    }

    fn bytes(&self) -> Result<Cow<'_, [u8]>, Problem> {
        let bytes = self.request.body();
        if bytes.len() > MAX_BODY_BYTES { Err(ProblemCode::BodyTooLarge.into()) } else { Ok(bytes) }
    }

    /// Refuses what a page of another site makes a browser send (Fetch Metadata, else `Origin`).
    ///
    /// A request with neither header is no browser's, and carries no cookie that somebody else
    /// could use.
    pub(crate) fn refuse_cross_site(&self, settings: &Settings) -> Result<(), Problem> {
        if [Method::GET, Method::HEAD, Method::OPTIONS].contains(self.method()) {
            return Ok(());
        }
        let same = match (self.header("sec-fetch-site"), self.header(header::ORIGIN)) {
            (Some(site), _) => site == b"same-origin" || site == b"none",
            (None, Some(origin)) => {
                let origin = std::str::from_utf8(origin).unwrap_or_default();
                let host = origin.split_once("://").map(|(_, host)| host.as_bytes());
                origin == settings.console_origin()?
                    || (host.is_some() && host == self.header(header::HOST))
            }
            (None, None) => true,
        };
        if same { Ok(()) } else { Err(ProblemCode::CrossSite.into()) }
    }
}

/// For a field that may be left out: if it is there, null is a value like any other.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    input: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}

/// JSON has one kind of numbers: `60.0` is the whole number 60. What is out of range is the first
/// or the last number that is not.
pub fn whole(number: &Number) -> Option<i64> {
    let with_fraction = || number.as_f64().filter(|number| number.fract() == 0.0);
    number.as_i64().or_else(|| with_fraction().map(|number| number as i64))
}

/// For a field that is one of a few words. Derived alone, an enum would also take an object that
/// has the word as a name, and anything but a text would read as broken JSON.
pub fn one_word<'de, D: Deserializer<'de>, T: Deserialize<'de>>(input: D) -> Result<T, D::Error> {
    T::deserialize(String::deserialize(input)?.into_deserializer())
}

/// `application/json`, whatever its parameters, save a charset that is not UTF-8.
fn is_json(value: &[u8]) -> bool {
    let value = String::from_utf8_lossy(value);
    let mut parts = value.split(';').map(str::trim);
    let json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.eq_ignore_ascii_case("charset") => {
            let charset = charset.trim_matches('"');
            ["utf-8", "utf8"].iter().any(|utf8| charset.eq_ignore_ascii_case(utf8))
        }
        Some(_) | None => true,
    })
}

fn is_whole_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

/// An answer that went well.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    body: Option<String>,
    cookies: Vec<Secret>,
    headers: HeaderMap,
    account: Option<AccountId>,
}

impl Answer {
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("answers are structs of plain fields");
        Self { body: Some(body), ..Self::empty(status) }
    }

    pub fn empty(status: StatusCode) -> Self {
        let headers = HeaderMap::new();
        Self { status, body: None, cookies: Vec::new(), headers, account: None }
    }

    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub fn no_content() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    /// Whose it is, for the log: the account of the session that the store has found good.
    pub fn for_account(self, account: &AccountId) -> Self {
        Self { account: Some(account.clone()), ..self }
    }

    pub(crate) fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    /// When the session was opened that it is about.
    pub fn of_session_opened_at(self, opened_at: Timestamp) -> Self {
        self.with_header("x-frontdesk-opened-at", &UtcTime::from(opened_at).to_string())
    }

    /// A header of the action's own, in visible ASCII.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("what an action tells is ASCII");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// A cookie for this host alone, out of reach for scripts and other sites.
    pub fn with_cookie(
        mut self,
        name: &str,
        value: &Secret,
        lifetime: jiff::SignedDuration,
    ) -> Self {
        let value = value.expose();
        let seconds = lifetime.as_secs();
        self.cookies.push(Secret::new(format!(
            "{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict"
        )));
        self
    }

    pub fn without_cookie(self, name: &str) -> Self {
        self.with_cookie(name, &Secret::new(""), jiff::SignedDuration::ZERO)
    }

    pub(crate) fn into_response(self, request_id: &str) -> Response<Body> {
        let mut response = respond(self.status, "application/json", self.body, request_id);
        for cookie in self.cookies {
            let mut value = HeaderValue::from_str(cookie.expose()).expect("cookies are ASCII");
            value.set_sensitive(true);
            response.headers_mut().append(header::SET_COOKIE, value);
        }
        response.headers_mut().extend(self.headers);
        response
    }
}

impl Problem {
    pub(crate) fn into_response(self, request_id: &str) -> Response<Body> {
        let status =
            StatusCode::from_u16(self.code.status()).expect("the catalogue has valid statuses");
        let mut response = respond(
            status,
            "application/problem+json",
            Some(self.document(request_id)),
            request_id,
        );
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) =
            self.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok())
        {
            headers.insert(header::ALLOW, allow);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"frontdesk\""),
            );
        }
        response
    }
}

fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: Option<String>,
    request_id: &str,
) -> Response<Body> {
    let mut response = Response::new(body.map_or(Body::Empty, Body::Text));
    *response.status_mut() = status;
    let with_body = !matches!(response.body(), Body::Empty);
    let headers = response.headers_mut();
    if with_body {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", id);
    }
    response
}
