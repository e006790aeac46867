//! A real HAProxy: in front of a fleet, as an ingress would be (health checks, retries, with or without hashing by path),
//! or to put TLS before something.

use std::path::Path;

use super::certificates::Certificates;
use super::fleet::Fleet;
use super::proxy::Proxy;

/// How requests are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Anybody gets anything.
    RoundRobin,
    /// A path always goes to the same replica, while that lives.
    ByPath,
}

/// A balancer in front of a fleet.
pub async fn before(fleet: &Fleet, spread: Spread) -> Proxy {
    start(|port| configuration(fleet, spread, port)).await
}

/// TLS, for HTTP/1.1 and HTTP/2, before whoever listens at `address` and understands HTTP/2.
pub async fn with_tls(certificates: &Certificates, address: &str) -> Proxy {
    let both = certificates.file("server.both");
    let text = |port| {
        format!(
            "global\n  nbthread 1\n\
             defaults\n  mode http\n  timeout connect 1s\n  timeout client 30s\n  timeout server 30s\n\
             listen tls\n  bind 127.0.0.1:{port} ssl crt {both} alpn h2,http/1.1\n  \
             server behind {address} proto h2\n"
        )
    };
    start(text).await
}

async fn start(configuration: impl FnOnce(u16) -> String) -> Proxy {
    let arguments = |folder: &Path, port| {
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, configuration(port)).unwrap();
        vec!["-f".to_owned(), file.to_str().unwrap().to_owned(), "-db".to_owned()]
    };
    Proxy::start("haproxy", arguments).await
}

fn configuration(fleet: &Fleet, spread: Spread, port: u16) -> String {
    let balance = match spread {
        Spread::RoundRobin => "balance roundrobin",
        Spread::ByPath => "balance uri path-only\n  hash-type consistent",
    };
    let server = |(n, replica): (usize, &super::fleet::Replica)| {
        let (public, admin) = (replica.app.public_address(), replica.app.admin_address());
        format!("  server r{n} {public} check port {} inter 100ms fall 1 rise 1\n", admin.port())
    };
    let servers: String = fleet.replicas.iter().enumerate().map(server).collect();
    format!(
        "global\n  maxconn 2000\n  nbthread 1\n\
         defaults\n  mode http\n  timeout connect 1s\n  timeout client 30s\n  timeout server 30s\n  timeout check 5s\n  \
         retries 3\n  option redispatch 1\n\
         frontend apps\n  bind 127.0.0.1:{port}\n  default_backend gateways\n\
         backend gateways\n  {balance}\n  option httpchk GET /readyz\n{servers}"
    )
}
