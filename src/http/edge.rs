//! Connections: accepted within limits, given their time-outs, ended gracefully.
//!
//! Not `axum::serve`, which lets a connection with half a request head stay for ever. Three traps of hyper's own
//! version sniffing are avoided by looking at the first bytes ourselves ([`version`]), under a time-out, and choosing
//! HTTP/1.1 or HTTP/2 then. A caller who says nothing, or takes nothing, has his time ([`attendance`]; over HTTP/2 [`streams`],
//! pings and the kernel see to it). What hyper answers by itself before there is a request (400, 414 beyond 64 KiB, 431) has
//! no body: nobody could be told more there.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::metrics::gauge::Gauge;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::body::AnswerBody;
use super::places::Places;
use super::settings::{DrainSettings, EdgeLimits};
use crate::telemetry::ConnectionMetrics;

mod bind;
mod accept;
mod version;
mod streams;
mod attendance;
mod hang_up;

pub use bind::{bind, reachable, vacate};

use accept::Acceptor;
use attendance::{Attendance, Patience, Watched};
use hang_up::HangUp;
use streams::Streams;
use version::{Version, version_of};

/// Streams that one HTTP/2 connection may have open.
const STREAMS: u32 = 100;

/// Bytes that an HTTP/2 peer may send before we read them. Nothing reads bodies, so this is the least that there is
/// (RFC 9113 §6.9.2).
const WINDOW: u32 = 65_535;

/// Bytes that the kernel takes for a connection before it has sent what it took before.
const UNSENT: u32 = 64 << 10;

/// Bounds on any service that a listener can have.
pub trait HttpService:
    Service<Request<Incoming>, Response = Response<AnswerBody>, Error = Infallible, Future: Send> + Send + 'static
{
}

impl<S> HttpService for S where
    S: Service<Request<Incoming>, Response = Response<AnswerBody>, Error = Infallible, Future: Send>
        + Send
        + 'static
{
}

/// A router as such a service.
pub fn service_of(router: Router) -> impl HttpService + Clone {
    let answer = |response: Response<Body>| response.map(AnswerBody::streamed);
    TowerToHyperService::new(ServiceExt::<Request<Incoming>>::map_response(router, answer))
}

/// An open connection, counted as long as it is.
struct Open(Gauge);

impl Open {
    fn one_more(gauge: &Gauge) -> Open {
        gauge.inc();
        Open(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What a connection keeps to from its first byte to its last.
#[derive(Debug, Clone)]
struct Rules {
    limits: EdgeLimits,
    drain: DrainSettings,
}

/// What connections share.
#[derive(Clone)]
pub struct Edge {
    rules: Arc<ArcSwap<Rules>>,
    places: Places,
    stop: CancellationToken,
    metrics: ConnectionMetrics,
}

impl Edge {
    /// Limits for all listeners that share this; `stop` ends accepting and has connections end as `drain` says.
    pub fn new(
        limits: EdgeLimits,
        drain: DrainSettings,
        stop: CancellationToken,
        metrics: ConnectionMetrics,
    ) -> Edge {
        let places = Places::new(limits.max_connections);
        Edge { rules: Arc::new(ArcSwap::from_pointee(Rules { limits, drain })), places, stop, metrics }
    }

    /// From now on these limits; connections that are open keep to theirs.
    pub fn adopt(&self, limits: EdgeLimits, drain: DrainSettings) {
        self.places.resize(limits.max_connections);
        self.rules.store(Arc::new(Rules { limits, drain }));
    }

    /// Accepts until told to stop; then whoever is through the door is served still, kept connections get one more
    /// answer, idle ones are closed after `drain.idle`, and what is left at `drain.deadline` is cut.
    pub async fn serve(&self, listener: TcpListener, service: impl HttpService + Clone) {
        let connections = TaskTracker::new();
        let hang_up = HangUp::default();
        let begin = |(stream, place)| {
            let (edge, service, hang_up) = (self.clone(), service.clone(), hang_up.clone());
            let open = Open::one_more(&self.metrics.open);
            connections.spawn(async move {
                edge.connection(stream, service, hang_up).await;
                drop((open, place));
            });
        };
        let mut acceptor = Acceptor::new(listener, self.places.clone(), self.metrics.clone());
        while let Some(accepted) = self.stop.run_until_cancelled(acceptor.next()).await {
            begin(accepted);
        }
        acceptor.close(begin).await;
        connections.close();
        let drain = self.rules.load().drain.clone();
        if timeout(drain.idle, connections.wait()).await.is_ok() {
            return;
        }
        hang_up.say();
        if timeout(drain.deadline.saturating_sub(drain.idle), connections.wait()).await.is_err() {
            let left = connections.len();
            self.metrics.cut.inc_by(left as u64);
            tracing::warn!(left, "connections were cut at the end of the drain");
        }
    }

    /// One connection, to its end. How it ends is the peer's affair; requests have been counted one by one.
    async fn connection(&self, stream: TcpStream, service: impl HttpService, hang_up: HangUp) {
        let (socket, rules) = (SockRef::from(&stream), self.rules.load_full());
        let limits = &rules.limits;
        let _best_effort = socket.set_tcp_nodelay(true);
        // What a reader has not taken waits here, but for a little: so we see that he takes something, however slowly.
        let _best_effort = socket.set_tcp_notsent_lowat(UNSENT);
        let version = timeout(limits.head_timeout, version_of(&stream));
        let Some(Ok(Some(version))) = hang_up.unless_said(version).await else { return };
        match version {
            Version::One => {
                // Not at `stop`: hyper would close a kept connection on which the next request is on its way.
                let caller = Attendance::begin();
                let io = Watched::by(caller.clone(), TokioIo::new(stream), limits.write_timeout);
                let at_hand = caller.clone();
                let attended = service_fn(move |request| {
                    let (answering, response) = (at_hand.answering(), service.call(request));
                    async move { response.await.map(|response| answering.with(response)) }
                });
                let mut connection = pin!(limits.http1().serve_connection(io, attended));
                let served = caller.run(connection.as_mut(), limits.patience());
                if hang_up.unless_said(served).await.is_none() {
                    connection.as_mut().graceful_shutdown();
                    let _ended = caller.run(connection, limits.patience()).await;
                }
            }
            Version::Two => {
                // A token of its own: the shared one is a lock that every request on every core would take.
                let stop = self.stop.child_token();
                let streams = Streams::living(rules.stream_life());
                let builder = limits.http2(streams.clone());
                let _best_effort = socket.set_tcp_user_timeout(Some(limits.write_timeout));
                let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
                tokio::select! {
                    _ended = connection.as_mut() => return,
                    () = stop.cancelled() => {}
                    () = streams.idle(limits.head_timeout) => {}
                }
                connection.as_mut().graceful_shutdown();
                let _ended_or_cut = timeout(rules.stream_life(), connection).await;
            }
        }
    }
}

impl Rules {
    /// Longest life of an HTTP/2 stream. No caller waits longer than the drain does (`config` sees to it), and then the
    /// answer is written.
    fn stream_life(&self) -> Duration {
        self.drain.deadline + self.limits.write_timeout
    }
}

impl EdgeLimits {
    fn patience(&self) -> Patience {
        Patience { to_speak: self.head_timeout, to_take: self.write_timeout }
    }

    fn http1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        // Not `writev`: an answer leaves fastest from one buffer (`bench/README.md`), which portions keep small.
        builder.max_buf_size(self.max_head_bytes).writev(false);
        // Not `pipeline_flush`: with unread bytes behind a request it holds the answer back, and loses it if they are bad.
        builder
    }

    fn http2(&self, streams: Streams) -> http2::Builder<Streams> {
        let mut builder = http2::Builder::new(streams);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_header_list_size(u32::try_from(self.max_head_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(self.head_timeout * 2)
            .keep_alive_timeout(self.head_timeout);
        builder
    }
}
