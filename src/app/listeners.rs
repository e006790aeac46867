//! Listeners, as many as threads serve; and the threads.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::StartError;
use crate::http::edge::{self, Edge};
use crate::http::front::Front;
use crate::http::settings::Takeover;

/// Serving threads, where 0 means one for each core.
pub(super) fn threads(wanted: u16) -> usize {
    match wanted {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => usize::from(n),
    }
}

/// Listeners on one address, as many as wanted; the first finds the port.
pub(super) async fn listen(
    key: &'static str,
    address: SocketAddr,
    wanted: usize,
    takeover: Takeover,
) -> Result<(SocketAddr, Vec<std::net::TcpListener>), StartError> {
    let fault = |cause| StartError::Listen { key, address, cause };
    edge::vacate(address, takeover).await.map_err(fault)?;
    let first = edge::bind(address).map_err(fault)?;
    let address = first.local_addr().map_err(fault)?;
    let mut listeners = vec![first];
    for _ in 1..wanted {
        listeners.push(edge::bind(address).map_err(fault)?);
    }
    Ok((address, listeners))
}

/// Serves on a thread of its own, with a runtime of its own; tells when it has ended.
pub(super) fn serve_on_thread(
    listener: std::net::TcpListener,
    edge: Edge,
    front: Front,
) -> Result<oneshot::Receiver<()>, StartError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
    let (tell, ended) = oneshot::channel();
    let serve = async move {
        match TcpListener::from_std(listener) {
            Ok(listener) => edge.serve(listener, front).await,
            Err(error) => tracing::error!(%error, "a serving thread has no listener"),
        }
    };
    let thread = std::thread::Builder::new().name("serve".into());
    let run = move || {
        runtime.block_on(serve);
        let _nobody_waits = tell.send(());
    };
    thread.spawn(run).map_err(StartError::Thread)?;
    Ok(ended)
}
