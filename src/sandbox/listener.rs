//! The accept loop: plain HTTP/1.1 on a socket of our own, so that a connection can also be broken.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections open at once; the next one waits.
const MOST_CONNECTIONS: usize = 4_096;
/// Rest after an accept that failed for want of file handles.
const REST: Duration = Duration::from_millis(50);

/// A connection that is reset instead of being answered.
#[derive(Debug)]
pub struct Reset;

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is reset")
    }
}

impl std::error::Error for Reset {}

/// How long an idle connection lives, now and from now on.
pub type Idle = watch::Receiver<Option<Duration>>;

/// Serves `handler` until `stop`; then every connection is cut, answered or not.
pub async fn serve<H, F, B>(listener: TcpListener, handler: H, idle: Idle, stop: CancellationToken)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, Reset>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let accepting = async {
        while let Ok(place) = places.clone().acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (handler, idle, stop) = (handler.clone(), idle.clone(), stop.clone());
                    connections.spawn(async move {
                        stop.run_until_cancelled(converse(stream, handler, idle)).await;
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(REST).await,
            }
        }
    };
    stop.run_until_cancelled(accepting).await;
    connections.close();
    connections.wait().await;
}

/// One connection. An answer that fails resets it, as a router that loses its backend does. When idle connections
/// are to live another time, it ends with the answer that it is giving; so the next one obeys at once.
async fn converse<H, F, B>(stream: TcpStream, handler: H, mut idle: Idle)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<B>, Reset>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let _ = stream.set_nodelay(true);
    let mut server = http1::Builder::new();
    // hyper has one timer for an idle connection and a slow head.
    server.timer(TokioTimer::new()).header_read_timeout(*idle.borrow_and_update()).title_case_headers(true);
    let mut connection = server.serve_connection(TokioIo::new(stream), service_fn(handler));
    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = idle.changed() => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    if ended.is_err_and(|error| error.is_user()) {
        let stream = connection.into_parts().io.into_inner();
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
}
