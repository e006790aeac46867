//! What the wire sees: pipelines, garbage, slow heads, HTTP/2, the drain.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::Stage;

const GET: &str = "GET /members/1003/points-history?page_size=1 HTTP/1.1\r\nhost: x\r\n\r\n";

async fn warm() -> (Stage, TcpStream) {
    let stage = Stage::start().await;
    stage.get("/members/1003/points-history").await.page();
    let socket = TcpStream::connect(stage.app.public_address()).await.unwrap();
    (stage, socket)
}

/// Reads until `wanted` status lines have come, or the end.
async fn statuses(socket: &mut TcpStream, wanted: usize) -> Vec<String> {
    let mut text = Vec::new();
    let found = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        let lines = text.split("HTTP/1.1 ").skip(1);
        lines.map(|l| l[..3.min(l.len())].to_owned()).collect::<Vec<_>>()
    };
    while found(&text).len() < wanted {
        if tokio::time::timeout(Duration::from_secs(20), socket.read_buf(&mut text))
            .await
            .unwrap()
            .unwrap_or(0)
            == 0
        {
            break;
        }
    }
    found(&text)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_does_not_wait_for_the_rest_of_the_next_request() {
    let (_stage, mut socket) = warm().await;
    socket.write_all(format!("{GET}GET /members/1003/poi").as_bytes()).await.unwrap();
    assert_eq!(statuses(&mut socket, 1).await, ["200"]);
    socket.write_all(b"nts-history HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(statuses(&mut socket, 1).await, ["200"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_request_is_answered_whatever_follows_it() {
    for (rest, expected) in
        [("\r\n", vec!["200"]), ("\u{1}garbage\r\n\r\n", vec!["200", "400"]), (GET, vec!["200", "200"])]
    {
        let (_stage, mut socket) = warm().await;
        socket.write_all(format!("{GET}{rest}").as_bytes()).await.unwrap();
        assert_eq!(statuses(&mut socket, expected.len()).await, expected, "{rest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_gets_a_refusal() {
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(200));
    let large = format!("GET / HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n", "b".repeat(200_000));
    for (request, expected) in [
        ("GET /\u{1} HTTP/1.1\r\nhost: x\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: x\r\na: \0\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "400"),
        (&many, "431"),
        (&large, "431"),
    ] {
        let (_stage, mut socket) = warm().await;
        // The refusal may come, and the connection go, before all of a large request is written.
        let _ = socket.write_all(request.as_bytes()).await;
        assert_eq!(statuses(&mut socket, 1).await, [expected], "{:?}", &request[..40]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_half_a_head_or_nothing_is_let_go() {
    let stage = Stage::with(&[("HTTP__LIMITS__HEAD_TIMEOUT", "200ms")]).await;
    for begun in ["", "PRI * HT", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let mut socket = TcpStream::connect(stage.app.public_address()).await.unwrap();
        socket.write_all(begun.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{begun:?} is still connected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_spoken_to_who_begins_with_it() {
    let (_stage, mut socket) = warm().await;
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0]; // an empty SETTINGS frame (RFC 9113 §6.5)
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    socket.write_all(&settings).await.unwrap();
    let mut answered = [0; 9];
    socket.read_exact(&mut answered).await.unwrap();
    assert_eq!(answered[3], 4, "the first frame is SETTINGS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_finished_by_the_drain_which_can_be_watched() {
    let (stage, _) = warm().await;
    stage.sandbox.control().hold();
    let before = stage.record_calls();
    let request = stage.request("/members/1004/points-history");
    let slow = tokio::spawn(async move { request.send().await.unwrap().status().as_u16() });
    stage.sandbox.control().arrived(before + 1).await;
    let readiness = stage.admin(http::Method::GET, "/readyz");
    let livez = stage.admin(http::Method::GET, "/livez");
    let public = stage.app.public_address();
    let Stage { app, sandbox, .. } = stage;
    let draining = tokio::spawn(app.drain());
    // New connections are refused once draining has begun; the admin listener still answers.
    while TcpStream::connect(public).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(readiness.send().await.unwrap().status().as_u16(), 503);
    assert_eq!(livez.send().await.unwrap().status().as_u16(), 200);
    sandbox.control().release();
    assert_eq!(slow.await.unwrap(), 200);
    draining.await.unwrap();
}
