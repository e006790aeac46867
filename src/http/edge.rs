//! Connections: accepted within limits, given their time-outs, ended gracefully.
//!
//! Not `axum::serve`, which lets a connection with half a request head stay for ever. Three traps of hyper's own
//! version sniffing are avoided by looking at the first bytes ourselves, under a time-out, and choosing HTTP/1.1 or
//! HTTP/2 then; a reader that takes nothing is ended by the kernel (`TCP_USER_TIMEOUT`).

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::settings::EdgeLimits;

/// Connections that the kernel may hold for us.
const BACKLOG: i32 = 4096;

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Pause after the system has no descriptor left for a connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// Streams that one HTTP/2 connection may have open.
const STREAMS: u32 = 100;

/// Binds a listener that the other threads of this process may share (`SO_REUSEPORT`).
///
/// # Errors
/// What the system says: address in use, not permitted, not available.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// What connections share.
#[derive(Clone)]
pub struct Edge {
    limits: EdgeLimits,
    places: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Edge {
    /// Limits for all listeners that share this; `stop` ends accepting and asks connections to end.
    pub fn new(limits: EdgeLimits, stop: CancellationToken) -> Edge {
        let places = Arc::new(Semaphore::new(limits.max_connections as usize));
        Edge { limits, places, stop }
    }

    /// Accepts until told to stop, then waits for the connections that are left, `patience` at most.
    pub async fn serve<S, B>(&self, listener: TcpListener, service: S, patience: Duration)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                accepted = self.accept(&listener) => accepted,
            };
            let Some((stream, place)) = accepted else { continue };
            let (edge, service) = (self.clone(), service.clone());
            connections.spawn(async move {
                edge.connection(stream, service).await;
                drop(place);
            });
        }
        drop(listener);
        connections.close();
        if timeout(patience, connections.wait()).await.is_err() {
            tracing::warn!(left = connections.len(), "connections were cut at the end of the drain");
        }
    }

    async fn accept(&self, listener: &TcpListener) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, _peer)) => Some((stream, place)),
            Err(error) => {
                // Descriptors are exhausted, or the peer has gone already. Neither ends the service.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
                None
            }
        }
    }

    async fn connection<S, B>(&self, stream: TcpStream, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let socket = SockRef::from(&stream);
        let _best_effort = socket.set_tcp_nodelay(true);
        // The kernel ends a connection whose reader takes nothing; in user space that would cost every write.
        let _best_effort = socket.set_tcp_user_timeout(Some(self.limits.write_timeout));
        let version = tokio::select! {
            version = timeout(self.limits.head_timeout, version_of(&stream)) => version,
            () = self.stop.cancelled() => return,
        };
        let Ok(Some(version)) = version else { return };
        let io = TokioIo::new(stream);
        // A token of its own: the shared one is a lock that every request on every core would take.
        let stop = self.stop.child_token();
        // How a connection ends is the peer's affair; requests have been counted one by one.
        match version {
            Version::One => {
                let mut connection = std::pin::pin!(self.http1().serve_connection(io, service));
                tokio::select! {
                    _ended = connection.as_mut() => return,
                    () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
                }
                let _ended = connection.await;
            }
            Version::Two => {
                let mut connection = std::pin::pin!(self.http2().serve_connection(io, service));
                tokio::select! {
                    _ended = connection.as_mut() => return,
                    () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
                }
                let _ended = connection.await;
            }
        }
    }

    fn http1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_timeout)
            .max_buf_size(self.limits.max_head_bytes);
        // Not `pipeline_flush`: with unread bytes behind a request it holds the answer back, and loses it if they are bad.
        builder
    }

    fn http2(&self) -> http2::Builder<TokioExecutor> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(self.limits.max_head_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(self.limits.head_timeout * 2)
            .keep_alive_timeout(self.limits.head_timeout);
        builder
    }
}

enum Version {
    One,
    Two,
}

/// Looks at the first bytes without taking them. `None` if the peer has gone.
async fn version_of(stream: &TcpStream) -> Option<Version> {
    let mut first = [0u8; PREFACE.len()];
    let mut seen = 0;
    loop {
        let len = stream.peek(&mut first).await.ok().filter(|len| *len > 0)?;
        let bytes = first.get(..len)?;
        if bytes == PREFACE {
            return Some(Version::Two);
        }
        if !PREFACE.starts_with(bytes) {
            return Some(Version::One);
        }
        if len == seen {
            // Nothing new: `peek` returns at once while unread bytes wait, so give the peer a moment.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        seen = len;
    }
}
