//! Whatever the reader's pace and the protocol, every byte of a page arrives, in order.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use socket2::{Domain, Socket, Type};

use crate::support::Stage;

/// Pages of one chunk, of two, of a rowless one, and past the end.
const PATHS: [&str; 5] = [
    "/members/1006/points-history?page_size=100",
    "/members/1006/points-history?page_size=60&page=2",
    "/members/1006/points-history?page_size=1&page=100",
    "/members/1001/points-history",
    "/members/1006/points-history?page_size=100&page=99",
];

/// A socket that takes a few kilobytes at a time, so that the server's writes end in the middle of a piece.
fn narrow(stage: &Stage) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2 << 10).unwrap();
    socket.connect(&stage.app.public_address().into()).unwrap();
    let stream: TcpStream = socket.into();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn body(text: &str) -> &str {
    text.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_gets_every_byte() {
    let stage = Stage::start().await;
    let mut expected = Vec::new();
    for path in PATHS {
        expected.push(stage.get(path).await.text);
    }
    let mut stream = narrow(&stage);
    // Far more than the kernel's buffers hold on both sides; nothing is read before all is asked for.
    const ROUNDS: usize = 60;
    for (round, path) in (0..ROUNDS).flat_map(|round| PATHS.map(|path| (round, path))) {
        let last = round + 1 == ROUNDS && path == PATHS[PATHS.len() - 1];
        let close = if last { "connection: close\r\n" } else { "" };
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n{close}\r\n").as_bytes()).unwrap();
    }
    let read = tokio::task::spawn_blocking(move || {
        let (mut all, mut some) = (Vec::new(), [0u8; 700]);
        while let Ok(len) = stream.read(&mut some)
            && len > 0
        {
            all.extend_from_slice(&some[..len]);
        }
        String::from_utf8(all).unwrap()
    });
    let text = read.await.unwrap();
    let answers: Vec<_> = text.split("HTTP/1.1 200 OK\r\n").skip(1).collect();
    assert_eq!(answers.len(), ROUNDS * PATHS.len());
    for (answer, expected) in answers.iter().zip(expected.iter().cycle()) {
        assert_eq!(body(answer), expected);
        assert!(answer.contains(&format!("content-length: {}\r\n", expected.len())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_carries_the_same_pages() {
    let stage = Stage::start().await;
    let stream = tokio::net::TcpStream::connect(stage.app.public_address()).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    for path in PATHS {
        let expected = stage.get(path).await.text;
        let url = format!("http://{}{path}", stage.app.public_address());
        let request = http::Request::get(url).body(String::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), expected);
    }
}
