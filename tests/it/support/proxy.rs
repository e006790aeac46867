//! Real proxies in front of gateways, on free ports, gone with the test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// A running proxy.
pub struct Proxy {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Proxy {
    /// Starts `program`; `arguments` gets a folder for its files and the port on which it is to listen.
    pub async fn start(program: &str, arguments: impl FnOnce(&Path, u16) -> Vec<String>) -> Proxy {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let arguments = arguments(folder.path(), port);
        // Debian keeps them where a user's path may not lead.
        let start = |program: &str| {
            let mut command = Command::new(program);
            command.args(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        };
        let child = start(program).or_else(|_| start(&format!("/usr/sbin/{program}")));
        let child = child.unwrap_or_else(|e| panic!("{program} is needed: scripts/test.sh installs it; {e}"));
        let proxy = Proxy { child, port, _folder: folder };
        // Varnish compiles its configuration first.
        for _ in 0..600 {
            if TcpStream::connect(proxy.address()).await.is_ok() {
                return proxy;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{program} does not come up on port {port}");
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Politely: Varnish has a child of its own to end.
        let id = Pid::from_child(&self.child);
        if kill_process(id, Signal::TERM).is_ok() {
            let _ = self.child.wait();
        }
    }
}
