//! Connections: pipelines, slow heads, readers that don't read, limits, what every answer carries.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use points_gateway::clock::Clock;
use points_gateway::http::edge::{Edge, bind};
use points_gateway::http::front::{Front, FrontParts};
use points_gateway::http::phase::Phase;
use points_gateway::http::points_history::CursorKeys;
use points_gateway::http::settings::{DrainSettings, EdgeLimits};
use points_gateway::http::{Account, PointsHistory};
use points_gateway::telemetry::{AccessLog, ConnectionMetrics, Members, RequestMetrics, Tracer};
use rstest::rstest;
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

use crate::support::{Reply, Stage};
use crate::wire::Wire;

const GET: &str = "GET /members/1003/points-history?page_size=1 HTTP/1.1\r\nhost: x\r\n\r\n";

async fn warm() -> (Stage, Wire) {
    let stage = Stage::start().await;
    stage.get("/members/1003/points-history").await.page();
    let wire = Wire::open(stage.app.public_address()).await;
    (stage, wire)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_does_not_wait_for_the_rest_of_the_next_request() {
    let (_stage, mut wire) = warm().await;
    wire.send(format!("{GET}GET /members/1003/poi")).await.unwrap();
    assert_eq!(wire.answers(1).await, ["200"]);
    wire.send("nts-history HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(wire.answers(2).await, ["200", "200"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_request_is_answered_whatever_follows_it() {
    for (rest, expected) in
        [("\r\n", vec!["200"]), ("\u{1}garbage\r\n\r\n", vec!["200", "400"]), (GET, vec!["200", "200"])]
    {
        let (_stage, mut wire) = warm().await;
        wire.send(format!("{GET}{rest}")).await.unwrap();
        assert_eq!(wire.answers(expected.len()).await, expected, "{rest:?}");
    }
}

#[rstest]
#[case::nothing("", 0)]
#[case::half_a_preface("PRI * HT", 0)]
#[case::half_a_head("GET / HTTP/1.1\r\nhost: x\r\n", 0)]
#[case::idle_after_an_answer("GET / HTTP/1.1\r\nhost: x\r\n\r\n", 1)]
#[case::half_of_the_next("GET / HTTP/1.1\r\nhost: x\r\n\r\nGET", 1)]
#[case::silent_http_2("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0)]
#[tokio::test(flavor = "multi_thread")]
async fn who_sends_half_a_head_or_nothing_is_let_go(#[case] begun: &str, #[case] answers: usize) {
    let stage = Stage::with(&[("HTTP__LIMITS__HEAD_TIMEOUT", "200ms")]).await;
    let mut wire = Wire::sending(stage.app.public_address(), begun).await;
    wire.until_closed().await;
    assert_eq!(wire.statuses().len(), answers);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_nothing_is_let_go() {
    let stage = Stage::with(&[("HTTP__LIMITS__WRITE_TIMEOUT", "300ms")]).await;
    let mut wire = Wire::open(stage.app.public_address()).await;
    let asks = "GET /members/1003/points-history?page_size=100 HTTP/1.1\r\nhost: x\r\n\r\n".repeat(300_000);
    // Nobody takes the answers, so that our own bytes get stuck, until the connection is reset.
    let sent = tokio::time::timeout(Duration::from_secs(30), wire.send(asks)).await;
    assert!(sent.expect("the connection is still there").is_err());
}

/// The kernel would offer it for minutes, to a caller whom no limit counts any more.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_took_is_not_kept_for_him() {
    let stage = Stage::with(&[("HTTP__LIMITS__WRITE_TIMEOUT", "300ms")]).await;
    let ask = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut wire = Wire::sending(stage.app.public_address(), ask).await;
    let open = || stage.app.metrics().connections.open.get();
    let cut = async {
        for wanted in [true, false] {
            while (open() > 0) != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), cut).await.expect("he is never cut");
    let end = loop {
        match wire.socket.read_buf(&mut wire.read).await {
            Ok(0) => break None,
            Ok(_) => {}
            Err(error) => break Some(error.kind()),
        }
    };
    assert_eq!(end, Some(std::io::ErrorKind::ConnectionReset), "after {} bytes", wire.read.len());
}

/// Answers that no buffer of the kernel's holds together, and nobody takes for longer than callers have to speak.
#[tokio::test(flavor = "multi_thread")]
async fn who_reads_late_or_slowly_gets_everything() {
    let stage = Stage::with(&[("HTTP__LIMITS__HEAD_TIMEOUT", "200ms")]).await;
    let whole = "GET /members/1003/points-history?page_size=100 HTTP/1.1\r\nhost: x\r\n\r\n";
    stage.get("/members/1003/points-history?page_size=100").await.page();
    let mut wire = Wire::open(stage.app.public_address()).await;
    let last = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    wire.send(whole.repeat(1_000) + last).await.unwrap();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(wire.more().await, "it is closed");
    }
    wire.until_closed().await;
    assert_eq!(wire.statuses().len(), 1_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_much_at_once_leaves_the_thread_to_others_and_has_his_time() {
    let stage = Stage::with(&[("HTTP__LIMITS__HEAD_TIMEOUT", "200ms")]).await;
    let address = stage.app.public_address();
    let bundles = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: x\r\n\r\n".repeat(6);
    let greedy = (0..8).map(|_| {
        let bundles = bundles.clone();
        tokio::spawn(async move {
            for _ in 0..3 {
                let mut wire = Wire::sending(address, &bundles).await;
                wire.until_closed().await; // idle, once all is sent
                assert_eq!(wire.statuses().len(), 6);
            }
        })
    });
    for one in greedy.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_eq!(stage.get("/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_beyond_the_limit_waits_for_a_place_on_every_thread() {
    let stage = Stage::with(&[("HTTP__LIMITS__MAX_CONNECTIONS", "1"), ("HTTP__THREADS", "2")]).await;
    let public = stage.app.public_address();
    // The kernel spreads connections over the threads; with a dozen, both have some.
    for _ in 0..12 {
        let mut first = Wire::sending(public, GET).await;
        assert_eq!(first.answers(1).await, ["200"]);
        let mut second = Wire::sending(public, GET).await;
        let early = tokio::time::timeout(Duration::from_millis(20), second.more()).await;
        assert!(early.is_err(), "the second has an answer, though there is one place");
        drop(first);
        assert_eq!(second.answers(1).await, ["200"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_beyond_the_limit_is_shed_at_once_and_hits_go_on() {
    let stage = Stage::with(&[("HTTP__LIMITS__MAX_IN_FLIGHT", "1")]).await;
    stage.get("/members/1003/points-history").await.page();
    stage.sandbox.control().hold();
    let before = stage.record_calls();
    let request = stage.request("/members/1004/points-history");
    let waits = tokio::spawn(Reply::of(request));
    stage.sandbox.control().arrived(before + 1).await;
    for _ in 0..20 {
        let shed = stage.get("/members/1005/points-history").await;
        assert_eq!((shed.status, shed.problem().as_str()), (503, "overloaded"));
        assert_eq!(shed.header("retry-after"), "1");
        assert_eq!(stage.get("/members/1003/points-history").await.status, 200);
    }
    stage.sandbox.control().release();
    assert_eq!(waits.await.unwrap().status, 200);
    assert_eq!(stage.get("/members/1005/points-history").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_while_they_are_open() {
    let (stage, mut wire) = warm().await;
    let open = || stage.app.metrics().connections.open.get();
    let before = open();
    wire.send(GET).await.unwrap();
    assert_eq!(wire.answers(1).await, ["200"]);
    let with_it = open();
    assert!(with_it >= 1 && with_it >= before, "{before} {with_it}");
    drop(wire);
    while open() >= with_it {
        tokio::task::yield_now().await;
    }
}

#[rstest]
#[case("/members/1003/points-history", 200)]
#[case("/members/1003/points-history?page=0", 400)]
#[case("/accounts/none/members/1003/points-history", 404)]
#[case("/nowhere", 404)]
#[case("/", 200)]
#[case("/docs", 308)]
#[case("/docs/", 200)]
#[case("/docs/swagger-ui-bundle.js", 200)]
#[case("/docs/none", 404)]
#[case("/openapi.json", 200)]
#[case("/problems", 200)]
#[case("/problems/not-found", 200)]
#[case("/problems/none", 404)]
#[tokio::test(flavor = "multi_thread")]
async fn every_path_knows_head_and_every_answer_is_marked(#[case] path: &str, #[case] status: u16) {
    let stage = Stage::start().await;
    let exchange = async |method: &str| {
        let ask = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let text = Wire::sending(stage.app.public_address(), ask).await.until_closed().await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    };
    let mut heads = Vec::new();
    for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
        let (head, body) = exchange(method).await;
        assert!(head.contains("x-content-type-options: nosniff"), "{method} {head}");
        assert!(head.contains("x-request-id: "), "{method} {head}");
        let refused = head.starts_with("HTTP/1.1 4");
        assert!(!refused || head.contains("application/problem+json"), "{method} {head}");
        assert!(!refused || head.contains("cache-control: no-store"), "{method} {head}");
        assert!(method != "HEAD" || body.is_empty(), "{body}");
        heads.push(head);
    }
    assert!(heads[0].starts_with(&format!("HTTP/1.1 {status}")), "{}", heads[0]);
    let lasting = |head: &str| {
        let changing = ["date:", "x-request-id:", "cache-status:"];
        let lines = head.lines().filter(|l| !changing.iter().any(|name| l.starts_with(name)));
        lines.map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    // Problems name the request, whose id has the same length each time.
    assert_eq!(lasting(&heads[0]), lasting(&heads[1]));
    if status == 200 && path != "/problems/none" {
        assert!(
            heads[2].starts_with("HTTP/1.1 204") && heads[2].contains("allow: GET, HEAD, OPTIONS"),
            "{}",
            heads[2]
        );
        assert!(
            heads[3].starts_with("HTTP/1.1 405") && heads[3].contains("allow: GET, HEAD, OPTIONS"),
            "{}",
            heads[3]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_as_a_whole_has_options() {
    let stage = Stage::start().await;
    for address in [stage.app.public_address(), stage.app.admin_address()] {
        let ask = "OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let text = Wire::sending(address, ask).await.until_closed().await;
        assert!(text.starts_with("HTTP/1.1 204") && text.contains("allow: GET, HEAD"), "{text}");
        assert!(text.contains("server: points-gateway\r\n"), "{text}");
        // Only OPTIONS has this target.
        let text = Wire::sending(address, ask.replace("OPTIONS", "GET")).await.until_closed().await;
        assert!(text.starts_with("HTTP/1.1 404"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_one_problem_with_the_request_s_own_id_and_takes_nothing_along() {
    let stage = Stage::start().await;
    let utc =
        Account { name: "main".into(), time_zone: jiff::tz::TimeZone::UTC, cursor_keys: CursorKeys::only(0) };
    let front = Front::new(FrontParts {
        endpoint: PointsHistory::new(stage.app.history().clone(), vec![utc]),
        router: points_gateway::http::router::guarded(
            Router::new().route("/boom", get(boom)).route("/", get(async || "fine")),
        ),
        clock: Clock::real(),
        limits: EdgeLimits { max_in_flight: 1, ..EdgeLimits::default() },
        phase: Phase::new(),
        access: AccessLog::off(),
        metrics: RequestMetrics::default(),
        tracer: Tracer::off(),
        members: Members::keyed_by(b"key"),
    });
    let listener = tokio::net::TcpListener::from_std(bind("127.0.0.1:0".parse().unwrap()).unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let limits = EdgeLimits::default();
    let edge = Arc::new(Edge::new(
        limits,
        DrainSettings::default(),
        CancellationToken::new(),
        ConnectionMetrics::default(),
    ));
    tokio::spawn(async move { edge.serve(listener, front).await });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // With one place for those that wait: a panic gives it back.
    for n in 0..3 {
        let ask = client.get(format!("http://{address}/boom")).header("x-request-id", format!("till-{n}"));
        let reply = Reply::of(ask).await;
        assert_eq!((reply.status, reply.problem().as_str()), (500, "internal-error"));
        assert_eq!(reply.header("x-request-id"), format!("till-{n}"));
        assert!(!reply.text.contains("canary"), "{}", reply.text);
    }
    assert_eq!(Reply::of(client.get(format!("http://{address}/"))).await.status, 200);
}

async fn boom() -> String {
    panic!("canary")
}
