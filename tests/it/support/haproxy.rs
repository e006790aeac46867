//! A real HAProxy: in front of a fleet, as an ingress would be (health checks, retries, with or without hashing by path),
//! or to put TLS before something.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::certificates::Certificates;
use super::fleet::Fleet;

/// How requests are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Anybody gets anything.
    RoundRobin,
    /// A path always goes to the same replica, while that lives.
    ByPath,
}

/// A running balancer.
pub struct Haproxy {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Haproxy {
    pub async fn before(fleet: &Fleet, spread: Spread) -> Haproxy {
        Haproxy::start(|port| configuration(fleet, spread, port)).await
    }

    /// TLS, for HTTP/1.1 and HTTP/2, before whoever listens at `address` and understands HTTP/2.
    pub async fn with_tls(certificates: &Certificates, address: &str) -> Haproxy {
        let both = certificates.file("server.both");
        let text = |port| {
            format!(
                "global\n  nbthread 1\n\
                 defaults\n  mode http\n  timeout connect 1s\n  timeout client 30s\n  timeout server 30s\n\
                 listen tls\n  bind 127.0.0.1:{port} ssl crt {both} alpn h2,http/1.1\n  \
                 server behind {address} proto h2\n"
            )
        };
        Haproxy::start(text).await
    }

    async fn start(configuration: impl FnOnce(u16) -> String) -> Haproxy {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, configuration(port)).unwrap();
        // Debian keeps it where a user's path may not lead.
        let start = |program: &str| {
            let mut command = Command::new(program);
            command.arg("-f").arg(&file).arg("-db").stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        };
        let child = start("haproxy").or_else(|_| start("/usr/sbin/haproxy"));
        let child = child.expect("haproxy is needed: scripts/test.sh installs it");
        let haproxy = Haproxy { child, port, _folder: folder };
        for _ in 0..200 {
            if TcpStream::connect(haproxy.address()).await.is_ok() {
                return haproxy;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("haproxy does not come up on port {port}");
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _already_dead = self.child.kill();
        let _ = self.child.wait();
    }
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
