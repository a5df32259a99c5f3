//! Listening on loopback, and serving until the desk ends.

use crate::error::StartError;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::Connected;
use axum::http::request::Parts;
use axum::serve::{IncomingStream, Listener};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
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
pub(crate) struct Peer(pub(crate) IpAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(stream.remote_addr().ip())
    }
}

/// Where the connection of a request comes from.
pub(crate) fn peer(parts: &Parts) -> IpAddr {
    let told = parts.extensions.get::<ConnectInfo<Peer>>();
    told.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(Peer(peer))| *peer)
}

/// Serves until the desk is shut down. Requests that are under way then get a moment to finish, not
/// more: whoever ends the desk should not wait for a browser's idle connection.
pub(crate) fn serve<L>(listener: L, router: Router, shutdown: &CancellationToken) -> JoinHandle<()>
where
    L: Listener<Addr = SocketAddr>,
    Peer: for<'a> Connected<IncomingStream<'a, L>>,
{
    const GRACE_PERIOD: Duration = Duration::from_millis(500);
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        let served = axum::serve(listener, router.into_make_service_with_connect_info::<Peer>())
            .with_graceful_shutdown(shutdown.clone().cancelled_owned());
        let late = async {
            shutdown.cancelled().await;
            tokio::time::sleep(GRACE_PERIOD).await;
        };
        tokio::select! {
            result = served => if let Err(error) = result {
                tracing::error!(%error, "a server of the desk ended");
            },
            () = late => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_may_not_be_taken_is_named_with_the_way_out() {
        let said = refused(80, ErrorKind::PermissionDenied.into()).to_string();
        assert!(said.contains("port 80") && said.contains("--port N"), "{said}");
    }
}
