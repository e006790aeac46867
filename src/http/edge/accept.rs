//! Accepting: a connection and a place for it, whatever the system says meanwhile.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};

use super::bind::{BACKLOG, close_door};
use crate::http::places::{Place, Places};
use crate::telemetry::connections::{AcceptFault, ConnectionMetrics};

/// Pause after the system has nothing left for a connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// An outage is over when nothing was wanting for this long.
const OUTAGE_OVER: Duration = Duration::from_secs(10);

/// Reasons why a connection is not accepted, as metrics call them.
const PEER_GONE: &str = "peer-gone";
const EXHAUSTED: &str = "exhausted";

/// Time in which handshakes that are under way when we stop may finish.
const LAST_HANDSHAKES: Duration = Duration::from_millis(100);

/// A listener that hands out connections with a place each.
pub(super) struct Acceptor {
    listener: TcpListener,
    places: Places,
    metrics: ConnectionMetrics,
    /// Accepted, but still without a place. One for each listener: a place is taken only for a connection that is here,
    /// or listeners that wait would hold places that others need.
    at_the_door: Option<TcpStream>,
    /// When something was last wanting, so that an outage is one line.
    exhausted: Option<Instant>,
}

/// A connection and its place.
pub(super) type Accepted = (TcpStream, Place);

impl Acceptor {
    pub(super) fn new(listener: TcpListener, places: Places, metrics: ConnectionMetrics) -> Acceptor {
        for reason in [PEER_GONE, EXHAUSTED] {
            metrics.accept_faults.get_or_create_owned(&AcceptFault { reason });
        }
        Acceptor { listener, places, metrics, at_the_door: None, exhausted: None }
    }

    /// The next connection. Nothing is lost when this is dropped before it is ready.
    pub(super) async fn next(&mut self) -> Accepted {
        loop {
            if self.at_the_door.is_none() {
                match self.listener.accept().await {
                    Ok((stream, _peer)) => self.at_the_door = Some(stream),
                    Err(error) => self.fault(&error).await,
                }
            } else if let Some(place) = self.places.take().await
                && let Some(stream) = self.at_the_door.take()
            {
                return (stream, place);
            }
        }
    }

    /// Closes the door, and hands out whoever is through it already.
    pub(super) async fn close(mut self, mut each: impl FnMut(Accepted)) {
        let until = match close_door(&self.listener) {
            true => Instant::now() + LAST_HANDSHAKES,
            false => Instant::now(),
        };
        // Where the door can't be closed, there may be no end to those who come.
        for _ in 0..BACKLOG {
            match timeout_at(until, self.next()).await {
                Ok(accepted) => each(accepted),
                Err(_nobody_came) => return,
            }
        }
    }

    async fn fault(&mut self, error: &io::Error) {
        let peer_gone = has_gone(error);
        let reason = if peer_gone { PEER_GONE } else { EXHAUSTED };
        self.metrics.accept_faults.get_or_create(&AcceptFault { reason }).inc();
        if peer_gone {
            return;
        }
        // While it lasts, a descriptor comes free now and then; that is no end of it.
        if self.exhausted.replace(Instant::now()).is_none_or(|last| last.elapsed() > OUTAGE_OVER) {
            tracing::warn!(%error, "no connection can be accepted; points_gateway_http_accept_faults_total counts how often this happens");
        }
        tokio::time::sleep(EXHAUSTED_PAUSE).await;
    }
}

/// accept(2) also tells what is wrong with the one connection, and nothing with us.
fn has_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
