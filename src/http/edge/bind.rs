//! Listening sockets: shared on purpose, never by accident, and closed without losing who is at the door.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::settings::Takeover;
use crate::http::whoami;

/// Connections that the kernel may hold for us.
pub(super) const BACKLOG: i32 = 4096;

/// Time that whoever holds our address has to say who it is.
const INTRODUCTION: Duration = Duration::from_secs(2);

/// Binds a listener that others of this user who do the same may share (`SO_REUSEPORT`).
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

/// Makes sure that nobody holds the address, or a gateway from which we may take over.
///
/// # Errors
/// What the system says, or who holds the address.
pub async fn vacate(address: SocketAddr, takeover: Takeover) -> io::Result<()> {
    // Alone on purpose: with SO_REUSEPORT the system would let us share with a stranger.
    match std::net::TcpListener::bind(address) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => return Err(error),
        Err(_) => {}
    }
    let holder = timeout(INTRODUCTION, ask(reachable(address))).await.ok().flatten();
    match holder {
        Some(whoami::Holder::Draining) => Ok(()),
        Some(whoami::Holder::Serving) if takeover == Takeover::Serving => Ok(()),
        Some(whoami::Holder::Serving) => Err(in_use(
            "a points-gateway serves there; one that has been told to end (SIGTERM) may be taken over from, and any with http.takeover = \"serving\"",
        )),
        None => Err(in_use("in use by something that is no points-gateway, or is too busy to say")),
    }
}

fn in_use(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, text)
}

/// Asks whoever listens who it is.
async fn ask(address: SocketAddr) -> Option<whoami::Holder> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(whoami::question(address).as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await.ok()?;
    whoami::read(&answer)
}

/// Where something is that listens everywhere.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Has the kernel drop new handshakes, and lets those under way finish. Whoever is dropped here tries again after a
/// second, and then meets another process on this port, or none. Without this, whoever comes between our last `accept`
/// and the close is reset. False where the system can't do it.
pub(super) fn close_door(listener: &impl std::os::fd::AsFd) -> bool {
    const FLAGS: u32 = 13; // their place in a TCP header
    const SYN: u32 = 0x02;
    const SYN_OR_ACK: u32 = 0x12;
    let program = [
        SockFilter::new(0x30, 0, 0, FLAGS),      // A = byte at FLAGS
        SockFilter::new(0x54, 0, 0, SYN_OR_ACK), // A &= SYN | ACK
        SockFilter::new(0x15, 0, 1, SYN),        // a SYN alone?
        SockFilter::new(0x06, 0, 0, 0),          // drop it
        SockFilter::new(0x06, 0, 0, u32::MAX),   // take the rest whole
    ];
    SockRef::from(listener).attach_filter(&program).is_ok()
}
