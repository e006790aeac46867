//! `OPTIONS *`: who listens here, and does it mean to stay? A gateway that starts asks it of whoever holds its address.

use std::net::SocketAddr;

use axum::response::{IntoResponse as _, Response};
use http::header::{ALLOW, SERVER};
use http::{Method, StatusCode};

use super::phase::Phase;

const SERVING: &str = "points-gateway";
const DRAINING: &str = "points-gateway (draining)";

/// A gateway that holds an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// It means to stay.
    Serving,
    /// It has been told to end.
    Draining,
}

/// Whether a request asks this.
pub(super) fn is_asked(method: &Method, path: &str) -> bool {
    *method == Method::OPTIONS && path == "*"
}

/// The answer (RFC 9110 §9.3.7, §10.2.4).
pub(super) fn answer(phase: &Phase, allow: &'static str) -> Response {
    let name = if phase.is_ready() { SERVING } else { DRAINING };
    (StatusCode::NO_CONTENT, [(ALLOW, allow), (SERVER, name)]).into_response()
}

/// The question, as bytes for a socket.
pub(super) fn question(address: SocketAddr) -> String {
    format!("OPTIONS * HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
}

/// Reads an answer; `None` if it is not ours.
pub(super) fn read(answer: &[u8]) -> Option<Holder> {
    let text = std::str::from_utf8(answer).ok()?;
    let server = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("server").then(|| value.trim())
    });
    match server? {
        SERVING => Some(Holder::Serving),
        DRAINING => Some(Holder::Draining),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_gateway_is_taken_for_one() {
        let with = |server: &str| read(format!("HTTP/1.1 204 No Content\r\n{server}\r\n\r\n").as_bytes());
        assert_eq!(with("Server: points-gateway"), Some(Holder::Serving));
        assert_eq!(with("server: points-gateway (draining)"), Some(Holder::Draining));
        for other in ["server: nginx", "server:", "x: points-gateway", "server: points-gateway-2"] {
            assert_eq!(with(other), None, "{other}");
        }
        assert_eq!(read(b"\xff\xfe"), None);
    }
}
