//! Listening on loopback, and serving until the desk ends.

use crate::error::StartError;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use axum::{Extension, Json, Router};
use http_body_util::LengthLimitError;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

/// A free loopback port, for what only the functions talk to.
pub(crate) async fn listen_anywhere() -> Result<(TcpListener, SocketAddr), StartError> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| refused(0, error))?;
    let address = listener.local_addr().map_err(|error| refused(0, error))?;
    Ok((listener, address))
}

/// The desk's own port, on `127.0.0.1` and, where the machine has it, on `[::1]`: `localhost` may
/// mean either.
pub(crate) async fn listen_at(port: u16) -> Result<(u16, Vec<TcpListener>), StartError> {
    // A free port on one family can be taken on the other; then another is looked for.
    const MAX_BIND_ATTEMPTS: usize = 16;
    for _ in 0..MAX_BIND_ATTEMPTS {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(|error| refused(port, error))?;
        let found = v4.local_addr().map_err(|error| refused(port, error))?.port();
        match TcpListener::bind((Ipv6Addr::LOCALHOST, found)).await {
            Ok(v6) => return Ok((found, vec![v4, v6])),
            Err(error) if error.kind() == ErrorKind::AddrInUse && port == 0 => {}
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                return Err(StartError::PortTaken(port));
            }
            Err(_no_ipv6) => return Ok((found, vec![v4])),
        }
    }
    Err(StartError::Listen { port, source: ErrorKind::AddrInUse.into() })
}

fn refused(port: u16, error: std::io::Error) -> StartError {
    if error.kind() == ErrorKind::AddrInUse && port != 0 {
        StartError::PortTaken(port)
    } else {
        StartError::Listen { port, source: error }
    }
}

/// The address that a request's connection comes from.
#[derive(Debug, Clone, Copy)]
struct Peer(IpAddr);

/// Where the connection of a request comes from. `localhost` may mean either family, and is one
/// place.
pub(crate) fn peer(parts: &Parts) -> IpAddr {
    let told = parts.extensions.get().map(|Peer(address)| address.to_canonical());
    let elsewhere = told.filter(|address| *address != IpAddr::V6(Ipv6Addr::LOCALHOST));
    elsewhere.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// So long the next request may take to begin and its head to come, then its body, and then each
/// piece of the answer to be taken. Longer than anything takes on a machine that is busy, and no
/// connection is waited for without end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Serves until the desk is shut down. Requests that are under way then get a moment to finish, not
/// more: whoever ends the desk should not wait for a browser's idle connection.
pub(crate) fn serve<L>(
    mut listener: L,
    router: Router,
    shutdown: &CancellationToken,
) -> JoinHandle<()>
where
    L: Listener<Io = TcpStream, Addr = SocketAddr>,
{
    const GRACE_PERIOD: Duration = Duration::from_millis(500);
    let shutdown = shutdown.clone();
    let router = router.layer(axum::middleware::from_fn(whole_request));
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                (connection, address) = listener.accept() => {
                    let router = router.clone().layer(Extension(Peer(address.ip())));
                    connections.spawn(answer(connection, router, shutdown.clone()));
                }
                Some(ended) = connections.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a connection ended without its answer");
                    }
                }
                () = shutdown.cancelled() => break,
            }
        }
        drop(listener);
        let all_ended = async { while connections.join_next().await.is_some() {} };
        // What is not done then goes with the set.
        let _ = tokio::time::timeout(GRACE_PERIOD, all_ended).await;
    })
}

/// Answers the requests of one connection.
async fn answer(connection: TcpStream, router: Router, shutdown: CancellationToken) {
    let mut connection = TimeoutStream::new(connection);
    connection.set_write_timeout(Some(PATIENCE));
    let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
    server.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    let connection = TokioIo::new(Box::pin(connection));
    let mut served = pin!(server.serve_connection(connection, TowerToHyperService::new(router)));
    let served = tokio::select! {
        served = &mut served => served,
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(error, "a connection broke off");
    }
}

/// Lets a request in once all of it is there.
async fn whole_request(request: Request, next: Next) -> Response {
    /// As much as DynamoDB takes, and nobody here takes more.
    const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
    let refusal = |status, message| {
        let close = [(header::CONNECTION, "close")];
        (status, close, Json(json!({ "message": message }))).into_response()
    };
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(PATIENCE, axum::body::to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(parts, body.into())).await,
        Ok(Err(error)) => match error.into_inner().downcast::<LengthLimitError>() {
            Ok(_) => refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Err(_broken_off) => refusal(StatusCode::BAD_REQUEST, "Bad Request"),
        },
        Err(_elapsed) => refusal(StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use axum::routing::any;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[test]
    fn a_port_that_may_not_be_taken_is_named_with_the_way_out() {
        let said = refused(80, ErrorKind::PermissionDenied.into()).to_string();
        assert!(said.contains("port 80") && said.contains("--port N"), "{said}");
    }

    #[test]
    fn a_laptop_is_one_place_whichever_family_it_calls_by() {
        let peer_of = |address: IpAddr| {
            let request = axum::http::Request::builder().extension(Peer(address));
            peer(&request.body(()).expect("a request").into_parts().0).to_string()
        };
        assert_eq!(peer_of(Ipv4Addr::LOCALHOST.into()), "127.0.0.1");
        assert_eq!(peer_of(Ipv6Addr::LOCALHOST.into()), "127.0.0.1");
        assert_eq!(peer_of(Ipv4Addr::new(127, 0, 9, 1).to_ipv6_mapped().into()), "127.0.9.1");
        assert_eq!(peer_of(Ipv4Addr::new(127, 0, 9, 1).into()), "127.0.9.1");
    }

    /// More than fits between a server that writes and a client that does not read.
    const MUCH: usize = 64 * 1024 * 1024;

    /// A server, and a connection to it on which this was sent. Time is the test's: it passes when
    /// nothing happens any more.
    async fn sent(text: &str) -> (TcpStream, JoinHandle<()>, CancellationToken) {
        let (listener, address) = listen_anywhere().await.expect("a free port");
        let router = Router::new()
            .route("/", any(async |body: Bytes| format!("{} bytes", body.len())))
            .route("/much", any(async || vec![b'x'; MUCH]))
            .route("/never", any(async || std::future::pending::<()>().await));
        let shutdown = CancellationToken::new();
        let server = serve(listener, router, &shutdown);
        let mut connection = TcpStream::connect(address).await.expect("a connection");
        connection.write_all(text.as_bytes()).await.expect("sent");
        (connection, server, shutdown)
    }

    /// All that is answered until the connection ends.
    async fn answered(connection: &mut TcpStream) -> String {
        const LONG: Duration = Duration::from_secs(24 * 3600);
        let mut answer = Vec::new();
        let read = tokio::time::timeout(LONG, connection.read_to_end(&mut answer)).await;
        // One that is cut off ends as well.
        let _ = read.expect("the connection ends");
        String::from_utf8(answer).expect("a text")
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_no_request_comes_ends() {
        for text in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: localhost\r\nx-", "\r\n"] {
            let (mut connection, _server, _shutdown) = sent(text).await;
            assert!(!answered(&mut connection).await.contains(" 200 "), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_kept_and_not_used_ends() {
        let whole = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\nabc";
        let (mut connection, _server, _shutdown) = sent(whole).await;
        let answer = answered(&mut connection).await;
        assert!(answer.contains(" 200 ") && answer.ends_with("3 bytes"), "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_whose_body_never_ends_is_answered_and_its_connection_ends() {
        for body in
            ["content-length: 5\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"]
        {
            for path in ["/", "/never"] {
                let request = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{body}");
                let (mut connection, _server, _shutdown) = sent(&request).await;
                let answer = answered(&mut connection).await;
                assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_in_drops_for_ever_is_one_that_never_ends() {
        let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n";
        let (mut connection, _server, _shutdown) = sent(head).await;
        for _ in 0..1000 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if connection.write_all(b"x").await.is_err() {
                break;
            }
        }
        let answer = answered(&mut connection).await;
        assert!(answer.starts_with("HTTP/1.1 408 ") || answer.is_empty(), "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_reads_is_given_up() {
        let whole = "GET /much HTTP/1.1\r\nhost: localhost\r\n\r\n";
        let (mut connection, _server, _shutdown) = sent(whole).await;
        tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
        assert!(answered(&mut connection).await.len() < MUCH);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_shut_down_ends_with_all_of_its_connections() {
        for text in ["", "GET / HT", "GET /never HTTP/1.1\r\nhost: localhost\r\n\r\n"] {
            let (mut connection, server, shutdown) = sent(text).await;
            // Until the server has seen it.
            tokio::time::sleep(Duration::from_secs(1)).await;
            shutdown.cancel();
            server.await.expect("the server ends");
            let mut answer = Vec::new();
            let ended = connection.read_to_end(&mut answer);
            // The time of a connection's own is longer.
            let ended = tokio::time::timeout(Duration::from_secs(5), ended).await;
            let _ = ended.expect("the connection ends with the server");
        }
    }
}
