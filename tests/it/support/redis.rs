//! A real Redis of a test's own, on a free port, gone with the test; and a gate in front of it that can be shut, or be slow.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// A running `redis-server` that keeps nothing on disk.
pub struct Redis {
    child: Child,
    port: u16,
    tls_port: Option<u16>,
    more: Vec<String>,
    _folder: TempDir,
}

impl Redis {
    pub async fn start() -> Redis {
        Redis::with(&[]).await
    }

    /// With a second port that speaks TLS under this certificate.
    pub async fn with_tls(certificate: &str, key: &str, root: &str) -> Redis {
        let port = free_port();
        let number = port.to_string();
        let words = [
            ["--tls-port", &number],
            ["--tls-cert-file", certificate],
            ["--tls-key-file", key],
            ["--tls-ca-cert-file", root],
            ["--tls-auth-clients", "no"],
        ];
        Redis::of(Some(port), &words.concat()).await
    }

    /// With more arguments.
    pub async fn with(more: &[&str]) -> Redis {
        Redis::of(None, more).await
    }

    async fn of(tls_port: Option<u16>, more: &[&str]) -> Redis {
        let folder = tempfile::tempdir().unwrap();
        let more: Vec<String> = more.iter().map(|word| (*word).to_owned()).collect();
        let port = free_port();
        let child = spawn(port, &more, &folder);
        let redis = Redis { child, port, tls_port, more, _folder: folder };
        redis.wait().await;
        redis
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub fn tls_port(&self) -> Option<u16> {
        self.tls_port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    pub async fn connection(&self) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
        // A busy machine fails no test; only a failing test waits this long.
        let patience = Some(Duration::from_secs(20));
        let patient = redis::AsyncConnectionConfig::new();
        let patient = patient.set_connection_timeout(patience).set_response_timeout(patience);
        redis::Client::open(self.url())?.get_multiplexed_async_connection_with_config(&patient).await
    }

    /// Sends one command.
    pub async fn tell<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut self.connection().await.unwrap()).await.unwrap()
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        let _already_dead = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Starts it again, empty, where it was.
    pub async fn start_again(&mut self) {
        self.child = spawn(self.port, &self.more, &self._folder);
        self.wait().await;
    }

    /// It hangs: sockets stay open, nothing is answered.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    async fn wait(&self) {
        for _ in 0..200 {
            if TcpStream::connect(self.address()).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("redis-server does not come up on port {}", self.port);
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn spawn(port: u16, more: &[String], folder: &TempDir) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()]);
    command.args(more).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("redis-server is needed: scripts/test.sh installs it")
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.resume();
        self.kill();
    }
}

/// A way to a server that can be cut and mended, and made longer.
pub struct Gate {
    address: SocketAddr,
    open: Arc<watch::Sender<bool>>,
    /// Milliseconds that each answer comes late.
    late: Arc<AtomicU64>,
}

impl Gate {
    pub async fn before(server: SocketAddr) -> Gate {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, open) = (listener.local_addr().unwrap(), Arc::new(watch::Sender::new(true)));
        let (state, late) = (Arc::clone(&open), Arc::new(AtomicU64::new(0)));
        let lateness = Arc::clone(&late);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (mut open, late) = (state.subscribe(), Arc::clone(&lateness));
                if !*open.borrow() {
                    continue;
                }
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(server).await else { return };
                    tokio::select! {
                        () = pass(near, far, &late) => {}
                        _ = open.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Gate { address, open, late }
    }

    /// From now on every answer comes so late; questions go at once, and many may be under way.
    pub fn delay(&self, late: Duration) {
        self.late.store(u64::try_from(late.as_millis()).unwrap(), Ordering::Relaxed);
    }

    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    pub fn shut(&self) {
        self.open.send_replace(false);
    }

    pub fn reopen(&self) {
        self.open.send_replace(true);
    }
}

/// Passes everything on, answers late, until either side ends.
async fn pass(near: TcpStream, far: TcpStream, late: &AtomicU64) {
    for end in [&near, &far] {
        end.set_nodelay(true).unwrap(); // late only by as much as is wanted
    }
    let ((mut asks, mut hears), (mut answers, mut takes)) = (near.into_split(), far.into_split());
    let (holder, mut held) = mpsc::channel::<(Instant, Vec<u8>)>(1024);
    let read = async {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(size @ 1..) = answers.read(&mut buffer).await {
            let due = Instant::now() + Duration::from_millis(late.load(Ordering::Relaxed));
            if holder.send((due, buffer[..size].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let tell = async {
        while let Some((due, answer)) = held.recv().await {
            sleep_until(due).await;
            if hears.write_all(&answer).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = tokio::io::copy(&mut asks, &mut takes) => {}
        () = read => {}
        () = tell => {}
    }
}
