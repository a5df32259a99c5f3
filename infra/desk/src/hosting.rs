//! The built console, as S3 and CloudFront serve it in a deployment: the same files, types, headers
//! and answers.

use axum::Json;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What every answer carries. `ConsoleHeaders` in template.yaml has the same; a test compares the
/// two.
const SECURITY_HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), clipboard-read=(), clipboard-write=(self), geolocation=(), microphone=(), \
         payment=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A file below /assets/ has a hash of its content in its name, and never changes.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Any other file may be another one after the next build: it is asked for anew each time, with its
/// ETag.
const REVALIDATE: &str = "no-cache";

/// `/settings.json`, as `infra/upload-console.sh` puts it beside the page.
pub(crate) fn settings(parts: &Parts, settings: &BTreeMap<String, String>) -> Response {
    if !only_reads(parts) {
        return refusal();
    }
    let cache = [(header::CACHE_CONTROL, "no-store")];
    with_security_headers((cache, Json(settings)).into_response())
}

fn only_reads(parts: &Parts) -> bool {
    matches!(parts.method, Method::GET | Method::HEAD)
}

fn refusal() -> Response {
    let allow = [(header::ALLOW, "GET, HEAD")];
    with_security_headers(
        (StatusCode::METHOD_NOT_ALLOWED, allow, "Pages are only read.\n").into_response(),
    )
}

/// The folder of a built console.
#[derive(Clone, Debug)]
pub(crate) struct Site(PathBuf);

impl Site {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Whether there is a page to serve. A build that runs meanwhile takes it away for a moment.
    pub(crate) fn is_there(&self) -> bool {
        self.0.join("index.html").is_file()
    }

    pub(crate) fn answer(&self, parts: &Parts) -> Response {
        if !only_reads(parts) {
            return refusal();
        }
        let path = parts.uri.path();
        let found = file_name(path)
            .and_then(|name| Some((std::fs::read(self.0.join(&name)).ok()?, name)))
            .or_else(|| is_page(parts).then(|| self.page()).flatten());
        with_security_headers(match found {
            Some((content, name)) => file(parts, &name, content),
            None => (
                StatusCode::NOT_FOUND,
                [(header::CACHE_CONTROL, "no-store")],
                "There is no such page.\n",
            )
                .into_response(),
        })
    }

    fn page(&self) -> Option<(Vec<u8>, PathBuf)> {
        let name = PathBuf::from("index.html");
        Some((std::fs::read(self.0.join(&name)).ok()?, name))
    }
}

/// Whether a browser goes there as to a page: one that the console itself may know. What has an
/// ending is a file.
fn is_page(parts: &Parts) -> bool {
    let accepts =
        parts.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let last = parts.uri.path().rsplit('/').next().unwrap_or_default();
    !last.contains('.') && accepts.into_iter().any(|accept| accept.contains("text/html"))
}

/// The file that a path names, below the folder. No part of it leads upwards, is hidden, or is more
/// than one part.
fn file_name(path: &str) -> Option<PathBuf> {
    if path == "/" {
        return Some("index.html".into());
    }
    let part = |part: &str| {
        let part = percent_decode_str(part).decode_utf8().ok()?.into_owned();
        let good =
            !part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\\', ':', '\0']);
        good.then_some(part)
    };
    path.strip_prefix('/')?.split('/').map(part).collect()
}

fn file(parts: &Parts, name: &Path, content: Vec<u8>) -> Response {
    let cache = if name.starts_with("assets") { IMMUTABLE } else { REVALIDATE };
    let tag = format!("\"{}\"", &URL_SAFE_NO_PAD.encode(Sha256::digest(&content))[..22]);
    let is_known = parts
        .headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|tags| tags.split(','))
        .any(|known| known.trim().trim_start_matches("W/") == tag);
    let headers = [(header::CACHE_CONTROL, cache.to_owned()), (header::ETAG, tag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    ([(header::CONTENT_TYPE, content_type(name))], headers, Body::from(content)).into_response()
}

fn content_type(name: &Path) -> &'static str {
    match name.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn with_security_headers(mut response: Response) -> Response {
    response
        .headers_mut()
        .extend(SECURITY_HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_file_below_the_folder_or_nothing() {
        for (path, name) in [
            ("/", "index.html"),
            ("/favicon.svg", "favicon.svg"),
            ("/assets/a%20b.js", "assets/a b.js"),
        ] {
            assert_eq!(file_name(path), Some(PathBuf::from(name)), "{path}");
        }
        for path in [
            "",
            "//etc/passwd",
            "/../Cargo.toml",
            "/%2e%2e/Cargo.toml",
            "/..%2fCargo.toml",
            "/assets/../../Cargo.toml",
            "/.built",
            "/assets/",
            "/a\\..\\b",
            "/a%5cb",
            "/C:/x",
            "/a%00b",
            "/%ff",
        ] {
            assert_eq!(file_name(path), None, "{path}");
        }
    }
}
