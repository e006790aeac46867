//! `health`: is the gateway on this machine well? For containers' health checks, where neither shell nor curl is.

use std::net::SocketAddr;
use std::time::Duration;

use points_gateway::config::{Sources, admin};
use points_gateway::http::edge::reachable;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{ConfigFile, Ended, print};

/// Time for the whole question. Container engines end a check after some seconds, and then say less.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes of an answer that are read.
const MOST_BYTES: u64 = 4096;

/// What is asked.
#[derive(clap::Args)]
pub struct Asked {
    #[command(flatten)]
    file: ConfigFile,
    /// Ask whether it lives (/livez) and not whether it wants requests (/readyz): a draining gateway lives.
    #[arg(long)]
    live: bool,
}

pub(super) fn run(asked: &Asked) -> Ended {
    let address = match admin::listen(&Sources::of_this_process(asked.file.config.as_deref())) {
        Ok(address) => reachable(address),
        Err(faults) => return Ended::Failed(faults.to_string()),
    };
    let path = if asked.live { "/livez" } else { "/readyz" };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Ended::Failed(format!("the system refuses a runtime: {error}")),
    };
    match runtime.block_on(async { timeout(PATIENCE, ask(address, path)).await }) {
        Ok(Ok(Some(200))) => print(&format!("well: http://{address}{path} says 200\n")),
        Ok(Ok(Some(status))) => Ended::Failed(format!("not well: http://{address}{path} says {status}")),
        Ok(Ok(None)) => Ended::Failed(format!("whoever listens at {address} speaks no HTTP")),
        Ok(Err(error)) => Ended::Failed(format!("nobody answers at {address}: {error}")),
        Err(_) => Ended::Failed(format!("no answer from {address} within {} s", PATIENCE.as_secs())),
    }
}

/// The status that a GET is answered with; nothing for what is no HTTP.
async fn ask(address: SocketAddr, path: &str) -> std::io::Result<Option<u16>> {
    let mut stream = TcpStream::connect(address).await?;
    let question = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer).await?;
    Ok(status(&answer))
}

/// The status of an answer, `HTTP/1.1 200 OK`.
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}
