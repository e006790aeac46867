//! How a gateway ends, and how another takes over: in this process where that is enough, with signals where it isn't.

use std::sync::Arc;
use std::time::Duration;

use points_gateway::http::edge::{Edge, bind, service_of};
use points_gateway::http::settings::{DrainSettings, EdgeLimits};
use points_gateway::telemetry::ConnectionMetrics;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::process::Gateway;
use crate::support::{Reply, Stage};
use crate::wire::Wire;

const GET: &str = "GET /members/1003/points-history?page_size=1 HTTP/1.1\r\nhost: x\r\n\r\n";

/// Warm, and with a minute in which kept connections may ask once more.
async fn patient() -> Stage {
    let stage = Stage::with(&[("HTTP__DRAIN__IDLE", "1m"), ("HTTP__DRAIN__DEADLINE", "1m")]).await;
    stage.get("/members/1003/points-history").await.page();
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_finished_by_the_drain_which_can_be_watched() {
    let stage = Stage::start().await;
    stage.sandbox.control().hold();
    let before = stage.record_calls();
    let request = stage.request("/members/1004/points-history");
    let slow = tokio::spawn(Reply::of(request));
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
    assert_eq!(slow.await.unwrap().status, 200);
    draining.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_gets_one_more_answer_that_says_close() {
    let stage = patient().await;
    let public = stage.app.public_address();
    let mut used = Wire::sending(public, GET).await;
    assert_eq!(used.answers(1).await, ["200"]);
    let mut misses = Wire::sending(public, GET).await;
    assert_eq!(misses.answers(1).await, ["200"]);
    let mut fresh = Wire::open(public).await;
    let Stage { app, sandbox, .. } = stage;
    let draining = tokio::spawn(app.drain());
    while TcpStream::connect(public).await.is_ok() {
        tokio::task::yield_now().await;
    }
    // What was on its way when we closed the door: on a used connection, on one that has said nothing yet, and one that
    // asks Kingdee.
    for (wire, ask) in [(&mut used, GET), (&mut fresh, GET), (&mut misses, &GET.replace("1003", "1005"))] {
        wire.read.clear();
        wire.send(ask).await.unwrap();
        let text = wire.until_closed().await;
        let last = text.rsplit("HTTP/1.1 ").next().unwrap();
        assert!(last.starts_with("200") && last.contains("connection: close"), "{text}");
    }
    draining.await.unwrap();
    drop(sandbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_closed_when_their_time_is_over() {
    let stage = Stage::with(&[("HTTP__DRAIN__IDLE", "50ms"), ("HTTP__LIMITS__HEAD_TIMEOUT", "1m")]).await;
    let mut used = Wire::sending(stage.app.public_address(), GET).await;
    assert_eq!(used.answers(1).await, ["200"]);
    let mut silent = Wire::open(stage.app.public_address()).await;
    let Stage { app, sandbox, .. } = stage;
    app.drain().await;
    used.until_closed().await;
    silent.until_closed().await;
    drop(sandbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_at_the_deadline_is_given_up_and_counted() {
    let (begun, stop, metrics) =
        (Arc::new(Notify::new()), CancellationToken::new(), ConnectionMetrics::default());
    let drain = DrainSettings { deadline: Duration::from_millis(100), ..DrainSettings::default() };
    let edge = Edge::new(EdgeLimits::default(), drain, stop.clone(), metrics.clone());
    let listener = TcpListener::from_std(bind("127.0.0.1:0".parse().unwrap()).unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let tell = Arc::clone(&begun);
    let never = axum::routing::get(async move || {
        tell.notify_one();
        std::future::pending::<()>().await;
    });
    let service = service_of(axum::Router::new().route("/", never));
    let serving = tokio::spawn(async move { edge.serve(listener, service).await });
    let _wire = Wire::sending(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    begun.notified().await;
    stop.cancel();
    serving.await.unwrap();
    assert_eq!(metrics.cut.get(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_signal_finishes_what_is_under_way_and_a_second_one_ends_at_once() {
    for (signals, code) in [(1, 0), (2, 1)] {
        let mut gateway = Gateway::serving(&[("HTTP__DRAIN__IDLE", "1s")]).await;
        gateway.sandbox.control().hold();
        let before = gateway.sandbox.control().calls().record;
        let mut wire = Wire::sending(gateway.public, GET).await;
        gateway.sandbox.control().arrived(before + 1).await;
        gateway.signal("TERM");
        while TcpStream::connect(gateway.public).await.is_ok() {
            tokio::task::yield_now().await;
        }
        if signals == 2 {
            gateway.signal("TERM");
            assert_eq!(gateway.ended().await, code);
            let text = wire.until_closed().await;
            assert!(!text.starts_with("HTTP/1.1 200"), "{text}");
        } else {
            gateway.sandbox.control().release();
            let text = wire.until_closed().await;
            assert!(text.starts_with("HTTP/1.1 200") && text.contains("connection: close"), "{text}");
            assert_eq!(gateway.ended().await, code);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_is_refused_by_one_that_serves_and_takes_over_from_one_that_drains() {
    let mut old = Gateway::serving(&[("HTTP__DRAIN__GRACE", "1m")]).await;
    let refused = old.successor(&[]).refusal().await;
    assert!(
        refused.contains("http.listen") && refused.contains("a points-gateway serves there"),
        "{refused}"
    );
    old.signal("TERM");
    // Draining shows at the admin listener; in its grace time it serves on.
    let readyz = "GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    while !Wire::sending(old.admin, readyz).await.until_closed().await.starts_with("HTTP/1.1 503") {}
    let mut new = old.successor(&[]);
    new.wait_until_it_serves().await;
    old.signal("TERM");
    assert_eq!(old.ended().await, 1);
    let mut wire = Wire::sending(old.public, GET).await;
    assert_eq!(wire.answers(1).await, ["200"]);
    new.signal("TERM");
    assert_eq!(new.ended().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_takes_over_from_one_that_serves_if_it_is_told_to() {
    let mut old = Gateway::serving(&[]).await;
    let mut new = old.successor(&[("HTTP__TAKEOVER", "serving")]);
    new.wait_until_it_serves().await;
    old.signal("TERM");
    assert_eq!(old.ended().await, 0);
    let mut wire = Wire::sending(old.public, GET).await;
    assert_eq!(wire.answers(1).await, ["200"]);
    new.signal("TERM");
    assert_eq!(new.ended().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_on_the_port_is_reported_even_if_it_would_share() {
    let shares = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let refused = Gateway::at(shares.local_addr().unwrap(), &[("HTTP__TAKEOVER", "serving")]).await.refusal();
    let said = tokio::time::timeout(Duration::from_secs(20), refused).await.unwrap();
    assert!(said.contains("http.listen") && said.contains("no points-gateway"), "{said}");
}
