//! Listening on loopback, and serving until the desk ends.

use crate::error::StartError;
use axum::Router;
use axum::serve::Listener;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Turns true when the desk ends.
#[derive(Clone, Debug)]
pub(crate) struct Ending(watch::Receiver<bool>);

/// Ends the desk when it is told to, or dropped.
#[derive(Debug)]
pub(crate) struct Ender(watch::Sender<bool>);

impl Ender {
    pub(crate) fn new() -> (Self, Ending) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Ending(receiver))
    }

    pub(crate) fn end(&self) {
        self.0.send_replace(true);
    }
}

impl Ending {
    /// Returns when the desk ends. A dropped [`Ender`] is an end as well.
    pub(crate) async fn wait(&mut self) {
        if self.0.wait_for(|ended| *ended).await.is_err() {
            tracing::debug!("the desk was dropped without being shut down");
        }
    }
}

/// A free loopback port, for what only the functions talk to.
pub(crate) async fn listen_anywhere() -> Result<(TcpListener, SocketAddr), StartError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(StartError::Listen)?;
    let address = listener.local_addr().map_err(StartError::Listen)?;
    Ok((listener, address))
}

/// The desk's own port, on 127.0.0.1 and, where the machine has it, on [::1]: `localhost` may mean
/// either.
pub(crate) async fn listen_at(port: u16) -> Result<(u16, Vec<TcpListener>), StartError> {
    // A free port on one family can be taken on the other; then another is looked for.
    const TRIES: usize = 16;
    for _ in 0..TRIES {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(|error| refused(port, error))?;
        let found = v4.local_addr().map_err(StartError::Listen)?.port();
        match TcpListener::bind((Ipv6Addr::LOCALHOST, found)).await {
            Ok(v6) => return Ok((found, vec![v4, v6])),
            Err(error) if error.kind() == ErrorKind::AddrInUse && port == 0 => {}
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                return Err(StartError::PortTaken(port));
            }
            Err(_no_ipv6) => return Ok((found, vec![v4])),
        }
    }
    Err(StartError::Listen(ErrorKind::AddrInUse.into()))
}

fn refused(port: u16, error: std::io::Error) -> StartError {
    if error.kind() == ErrorKind::AddrInUse {
        StartError::PortTaken(port)
    } else {
        StartError::Listen(error)
    }
}

/// Serves until the end. Requests that are under way then get a moment to finish, not more: whoever
/// ends the desk should not wait for a browser's idle connection.
pub(crate) fn serve<L>(listener: L, router: Router, ending: &Ending) -> JoinHandle<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    const MOMENT: Duration = Duration::from_millis(500);
    let mut ending = ending.clone();
    let mut graceful = ending.clone();
    tokio::spawn(async move {
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(async move { graceful.wait().await });
        let late = async {
            ending.wait().await;
            tokio::time::sleep(MOMENT).await;
        };
        tokio::select! {
            result = served => if let Err(error) = result { tracing::error!(%error, "a server of the desk ended") },
            () = late => {}
        }
    })
}
