//! Why a gateway can't start, and what to do about it.

use std::io;
use std::net::SocketAddr;

use crate::shared::SharedError;

/// Why a gateway can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener can't be had.
    #[error("{key} = {address} can't be listened on: {cause}; {}", about_listening(cause))]
    Listen {
        /// The setting.
        key: &'static str,
        /// Its value.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// A thread or a runtime can't be had.
    #[error("the system refuses a serving thread: {0}")]
    Thread(io::Error),
    /// The tier that replicas share can't be used as configured.
    #[error(transparent)]
    Shared(#[from] SharedError),
    /// The client for Kingdee can't be built.
    #[error("the client for Kingdee can't be built: {0}; {ROOTS}")]
    Kingdee(#[from] crate::kingdee::KingdeeError),
    /// The client for the collector of spans can't be built.
    #[error("the client for trace.endpoint can't be built: {0}; {ROOTS}")]
    Collector(String),
}

/// What to do where no TLS client can be had, which nothing else has been the reason for.
const ROOTS: &str = "install root certificates on this machine (Debian: ca-certificates), or name a file of them in SSL_CERT_FILE";

/// What to do where nobody can listen.
fn about_listening(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 are for root: choose another one, or grant CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address: choose one that it has, or 0.0.0.0 for all"
        }
        _ => "choose another address or end what holds it",
    }
}
