//! Descriptors run out: the service goes on, says so once, counts, and comes back.

use crate::process::Gateway;
use crate::wire::Wire;

const GET: &str = "GET /members/1003/points-history HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_descriptors_is_survived_told_once_and_counted() {
    let mut gateway = Gateway::with_descriptors(64).await;
    let mut early = Wire::sending(gateway.public, GET).await;
    assert_eq!(early.answers(1).await, ["200"]);
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(Wire::open(gateway.public).await);
    }
    // Among lines on requests.
    loop {
        let line = gateway.line().await.expect("it ended");
        if line.contains("no connection can be accepted") {
            assert!(line.contains("WARN"), "{line}");
            break;
        }
    }
    // Those who are in are served meanwhile.
    early.send(GET).await.unwrap();
    assert_eq!(early.answers(2).await, ["200", "200"]);
    drop(held);
    let mut late = Wire::sending(gateway.public, GET).await;
    assert_eq!(late.answers(1).await, ["200"]);
    let metrics = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let page = Wire::sending(gateway.admin, metrics).await.until_closed().await;
    let counted =
        page.lines().find(|l| l.starts_with("points_gateway_http_accept_faults_total{reason=\"exhausted\"}"));
    assert!(counted.is_some_and(|l| !l.ends_with(" 0")), "{page}");
    gateway.signal("TERM");
    let mut told = 0;
    while let Some(line) = gateway.line().await {
        told += usize::from(line.contains("no connection can be accepted"));
    }
    // Two serving threads and the admin listener: an outage each, not a line for each error.
    assert!(told <= 2, "{told} more lines");
    assert_eq!(gateway.ended().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_come_and_go_leave_nothing_behind() {
    let gateway = Gateway::serving(&[]).await;
    let close = GET.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    for n in 0..2_000 {
        let ask = if n % 3 == 0 { "" } else { close.as_str() };
        let mut wire = Wire::sending(gateway.public, ask).await;
        if !ask.is_empty() {
            assert!(wire.until_closed().await.starts_with("HTTP/1.1 200"));
        }
    }
    let metrics = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    loop {
        let page = Wire::sending(gateway.admin, metrics).await.until_closed().await;
        // The one that asks is open.
        if page.lines().any(|l| l == "points_gateway_http_connections 1") {
            return;
        }
    }
}
