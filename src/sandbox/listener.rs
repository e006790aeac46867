//! The accept loop: plain HTTP/1.1 on a socket of our own, so that a connection can also be broken.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections open at once; the next one waits.
const MOST_CONNECTIONS: usize = 4_096;
/// Rest after an accept that failed for want of file handles.
const REST: Duration = Duration::from_millis(50);

/// Serves `handler` until `stop`; then every connection is cut, answered or not.
pub async fn serve<H, F, B>(listener: TcpListener, handler: H, stop: CancellationToken)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
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
                    let (handler, stop) = (handler.clone(), stop.clone());
                    connections.spawn(async move {
                        stop.run_until_cancelled(converse(stream, handler)).await;
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

/// One connection. A body that fails resets it, as a router that loses its backend does.
async fn converse<H, F, B>(stream: TcpStream, handler: H)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let answer = handler(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut connection =
        http1::Builder::new().title_case_headers(true).serve_connection(TokioIo::new(stream), service);
    if (&mut connection).await.is_err_and(|error| error.is_user()) {
        let stream = connection.into_parts().io.into_inner();
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
}
