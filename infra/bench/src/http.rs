//! HTTP on loopback: what answers the programs, and what asks the desk.

use crate::Failure;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, server, service};
use hyper_util::rt::TokioIo;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

pub type Answer = Response<Full<Bytes>>;

/// A free port.
pub async fn listen() -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// The next connection, which sends what it has at once.
pub async fn accept(listener: &TcpListener) -> Option<TcpStream> {
    let (connection, _) = listener.accept().await.ok()?;
    connection.set_nodelay(true).ok()?;
    Some(connection)
}

/// Answers the requests of one connection, one after the other, until it ends.
pub async fn answer<I, A>(connection: I, answer: impl Fn(Request<Bytes>) -> A)
where
    I: AsyncRead + AsyncWrite + Unpin,
    A: Future<Output = Answer>,
{
    let answer = &answer;
    let whole = service::service_fn(async |request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok::<_, hyper::Error>(answer(Request::from_parts(head, body)).await)
    });
    let served = server::conn::http1::Builder::new();
    // One that breaks off is of a program that has ended.
    let _ = served.serve_connection(TokioIo::new(connection), whole).await;
}

/// A connection that takes one request after the other.
pub async fn connect(to: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let connection = TcpStream::connect(to).await?;
    connection.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(connection)).await?;
    // It ends with the sender.
    tokio::spawn(connection);
    Ok(sender)
}

/// Sends one request, and waits for all of its answer.
pub async fn once(
    connection: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, Failure> {
    connection.ready().await?;
    let (head, body) = connection.send_request(request).await?.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
}

/// Sends one request over a connection of its own.
pub async fn send(
    to: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, Failure> {
    once(&mut connect(to).await?, request).await
}

/// An answer with nothing but a status and a body.
pub fn plain(status: u16, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status.try_into().unwrap_or_default();
    answer
}
