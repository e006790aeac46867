//! HTTP/1.1 or HTTP/2: told by the first bytes, which are looked at and left in place.

use std::time::Duration;

use tokio::net::TcpStream;

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection speaks.
pub(super) enum Version {
    /// HTTP/1.0 or 1.1.
    One,
    /// HTTP/2 without TLS.
    Two,
}

/// Looks at the first bytes without taking them. `None` if the peer has gone. Takes as long as the peer lets it.
pub(super) async fn version_of(stream: &TcpStream) -> Option<Version> {
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
