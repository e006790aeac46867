//! A raw TCP stand-in for tests: it sees the exact bytes of each request and answers with any bytes at all.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Path and query, byte by byte.
    pub target: String,
    /// Request line and headers.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

/// What the stand-in does with a request.
pub enum Act {
    /// Sends these bytes and keeps the connection.
    Send(Vec<u8>),
    /// Sends these bytes and closes.
    SendAndClose(Vec<u8>),
    /// Never answers.
    Hang,
}

/// An answer in JSON.
pub fn json(status: u16, body: &str) -> Act {
    answer(status, "Content-Type: application/json\r\n", body.as_bytes())
}

/// An answer with headers of its own.
pub fn answer(status: u16, headers: &str, body: &[u8]) -> Act {
    let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    Act::Send([head.as_bytes(), body].concat())
}

type Script = dyn Fn(&Seen) -> Act + Send + Sync;

/// The stand-in, on a port of its own; it ends with the test's runtime.
pub struct Stub {
    pub base: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    pub async fn start(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let script: Arc<Script> = Arc::new(script);
        let record = seen.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, script.clone(), record.clone()));
            }
        });
        Stub { base, seen }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn seen_on(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path().ends_with(path)).collect()
    }
}

async fn serve(mut socket: TcpStream, script: Arc<Script>, record: Arc<Mutex<Vec<Seen>>>) {
    let mut buffer = Vec::new();
    while let Some(seen) = request(&mut socket, &mut buffer).await {
        let act = script(&seen);
        record.lock().unwrap().push(seen);
        match act {
            Act::Send(bytes) => drop(socket.write_all(&bytes).await),
            Act::SendAndClose(bytes) => {
                let _ = socket.write_all(&bytes).await;
                return;
            }
            Act::Hang => std::future::pending().await,
        }
    }
}

async fn request(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let mut whole = None;
    while whole.is_none() {
        if socket.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
        whole = buffer.windows(4).position(|w| w == b"\r\n\r\n").map(|end| end + 4).and_then(|end| {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let target = head.split(' ').nth(1)?.to_owned();
            let seen = Seen { target, head, body: String::new() };
            let length: usize = seen.header("content-length").unwrap_or("0").parse().ok()?;
            let body = String::from_utf8_lossy(buffer.get(end..end + length)?).into_owned();
            buffer.drain(..end + length);
            Some(Seen { body, ..seen })
        });
    }
    whole
}
