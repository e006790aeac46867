//! What the HTTP room needs to know; `config` fills it in.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Settings of the HTTP room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where apps come in.
    pub listen: SocketAddr,
    /// Where operators come in; loopback unless said otherwise.
    pub admin_listen: SocketAddr,
    /// Serving threads, each with its own listener on the same port; 0 = one for each core we may use.
    pub threads: u16,
    /// Limits against those who would use us up.
    pub limits: EdgeLimits,
    /// How to stop.
    pub drain: DrainSettings,
    /// From whom to take a listening address over.
    pub takeover: Takeover,
}

impl Default for HttpSettings {
    fn default() -> Self {
        HttpSettings {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
            admin_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9090)),
            threads: 0,
            limits: EdgeLimits::default(),
            drain: DrainSettings::default(),
            takeover: Takeover::Draining,
        }
    }
}

/// From which gateway on the same address a new one may take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// From one that has been told to end.
    Draining,
    /// From one that serves, too: both serve until the old one is told to end.
    Serving,
}

/// Limits of a listener, for each serving thread where a number of things is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeLimits {
    /// Connections open at once, over all threads.
    pub max_connections: u32,
    /// Requests that wait for Kingdee at once, over all threads; one more gets 503.
    pub max_in_flight: u32,
    /// Bytes of a request's head.
    pub max_head_bytes: usize,
    /// Bytes of a request's target.
    pub max_uri_bytes: usize,
    /// First bytes, a request's whole head, and the next request of a kept connection must be here in this time.
    pub head_timeout: Duration,
    /// A reader that takes nothing for this long is closed.
    pub write_timeout: Duration,
}

impl Default for EdgeLimits {
    fn default() -> Self {
        EdgeLimits {
            max_connections: 10_000,
            max_in_flight: 4_096,
            max_head_bytes: 32 << 10,
            max_uri_bytes: 8 << 10,
            head_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
        }
    }
}

/// How to stop: unready at once, serve on for the grace time, then finish what is in flight until the deadline, each
/// answer its connection's last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainSettings {
    /// Time in which new connections are still served while the balancer takes us out.
    pub grace: Duration,
    /// After this, counted from the end of grace, a kept connection that asks nothing is closed.
    pub idle: Duration,
    /// After this, counted from the end of grace, what is left is cut.
    pub deadline: Duration,
}

impl DrainSettings {
    /// Of a listener that ends when everything else has.
    pub const AT_ONCE: DrainSettings =
        DrainSettings { grace: Duration::ZERO, idle: Duration::ZERO, deadline: Duration::ZERO };
}

impl Default for DrainSettings {
    fn default() -> Self {
        DrainSettings {
            grace: Duration::from_secs(5),
            // Not a second: whoever met the closed door tries again then, and may use a kept connection next.
            idle: Duration::from_secs(2),
            deadline: Duration::from_secs(20),
        }
    }
}
