//! A local desk. For the table of all functions it runs none itself: it turns requests into events,
//! and hands those to the [host](crate::host).

use crate::Failure;
use crate::http;
use crate::store::{ENDPOINTS, Services};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A desk that keeps nothing, until it is dropped.
pub struct LocalDesk {
    address: SocketAddr,
    _process: Child,
}

/// What it says to a request.
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    /// A text in it.
    pub fn text(&self, pointer: &str) -> Result<String, Failure> {
        let text = self.body.pointer(pointer).and_then(Value::as_str);
        Ok(text.ok_or_else(|| format!("no {pointer} in {}", self.body))?.to_owned())
    }
}

impl LocalDesk {
    /// Starts the program, with its functions at this address, and reads what functions are told.
    pub async fn around(
        program: &Path,
        root: &Path,
        host: SocketAddr,
    ) -> Result<(Self, BTreeMap<String, String>), Failure> {
        let elsewhere = ["--backends".to_owned(), format!("--lambda-url=http://{host}")];
        let desk = Self::start(program, &elsewhere).await?;
        let environment = std::fs::read_to_string(root.join(".frontdesk/backends.env"))?;
        Ok((desk, variables(&environment)))
    }

    /// Starts the program, which runs the functions itself.
    pub async fn whole(program: &Path) -> Result<Self, Failure> {
        Self::start(program, &[]).await
    }

    async fn start(program: &Path, more: &[String]) -> Result<Self, Failure> {
        let mut process = Command::new(program)
            .args(["--ephemeral", "--port", "0", "--no-console-build"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let said = process.stderr.take().ok_or("it has no standard error")?;
        let mut lines = BufReader::new(said).lines();
        let address = loop {
            let line = lines.next_line().await?.ok_or("the desk has ended")?;
            let Some((_, rest)) = line.split_once(" is at http://localhost:") else { continue };
            let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
            break SocketAddr::from(([127, 0, 0, 1], port.parse()?));
        };
        // Nobody reads what it says of its work.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { address, _process: process })
    }

    /// Where its engine is, as the page says that tells what runs.
    pub async fn engine(&self) -> Result<SocketAddr, Failure> {
        let request = Request::get("/_local/").header(HOST, "localhost");
        let answer = http::send(self.address, request.body(Full::default())?).await?;
        let page = String::from_utf8_lossy(answer.body()).into_owned();
        let address = page.split_once("DynamoDB<").and_then(|(_, rest)| {
            let (_, address) = rest.split_once("http://")?;
            address.split(['<', '"', '/']).next()
        });
        Ok(address.ok_or("a page without the engine's address")?.parse()?)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request as a browser or a program sends it: `POST /api/keys`.
    pub async fn ask(
        &self,
        route: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Reply, Failure> {
        let (method, path) = route.split_once(' ').ok_or("a route is a method and a path")?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, format!("localhost:{}", self.address.port()))
            .header(USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox")
            .header("accept", "application/json")
            .header("accept-encoding", "gzip, deflate, br, zstd")
            .header("accept-language", "en-GB,en;q=0.8,de;q=0.5")
            .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body)))?;
        let answer = http::send(self.address, request).await?;
        // Of an empty answer there is nothing to read.
        let body = serde_json::from_slice(answer.body()).unwrap_or_default();
        Ok(Reply { status: answer.status().as_u16(), body })
    }
}

/// Where the services of the desk's are, of what functions are told.
pub fn services(environment: &BTreeMap<String, String>) -> Result<Services, Failure> {
    let address = |name: &'static str| {
        let url = environment.get(name).ok_or_else(|| format!("{name} is not set"))?;
        let address = url.strip_prefix("http://").ok_or("an endpoint without TLS")?;
        Ok((name, address.trim_end_matches('/').parse()?))
    };
    ENDPOINTS.into_iter().map(address).collect()
}

/// Lines of `K=V`; values that are not plain are in double quotes.
fn variables(text: &str) -> BTreeMap<String, String> {
    let value = |value: &str| match value.strip_prefix('"').and_then(|own| own.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => value.to_owned(),
    };
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.map(|(name, quoted)| (name.to_owned(), value(quoted))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_the_desk_writes_them() {
        let read = variables("A=b/c\nB=\"{\\\"d\\\": 1}\"\nC=\"\"\n");
        let expected = [("A", "b/c"), ("B", "{\"d\": 1}"), ("C", "")];
        assert_eq!(read, expected.map(|(name, value)| (name.into(), value.into())).into());
    }
}
