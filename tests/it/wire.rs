//! Raw sockets: bytes out, status lines back. For what no decent client would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest wait for anything; only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection, and all that came back on it.
pub struct Wire {
    pub socket: TcpStream,
    pub read: Vec<u8>,
}

impl Wire {
    pub async fn open(address: SocketAddr) -> Wire {
        Wire { socket: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    /// Opens and sends. The refusal may come, and the connection go, before all of a large request is written.
    pub async fn sending(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Wire {
        let mut wire = Wire::open(address).await;
        let _ = wire.send(bytes).await;
        wire
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.socket.write_all(bytes.as_ref()).await
    }

    /// Reads some more; false at the end, however it came about.
    pub async fn more(&mut self) -> bool {
        let more = tokio::time::timeout(PATIENCE, self.socket.read_buf(&mut self.read)).await;
        more.expect("neither an answer nor an end").is_ok_and(|len| len > 0)
    }

    /// Status codes of all answers so far.
    pub fn statuses(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.read).into_owned();
        text.split("HTTP/1.").skip(1).filter_map(|l| Some(l.get(2..5)?.to_owned())).collect()
    }

    /// Status codes once `wanted` have come, or of all at the end.
    pub async fn answers(&mut self, wanted: usize) -> Vec<String> {
        while self.statuses().len() < wanted && self.more().await {}
        self.statuses()
    }

    /// Everything until the peer closes.
    pub async fn until_closed(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&self.read).into_owned()
    }
}
