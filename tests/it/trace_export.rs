//! The way of spans to a collector, over HTTP and over gRPC: what a bad one costs, what its refusals mean, TLS.

use std::time::Duration;

use http::Method;
use points_gateway::telemetry::settings::TraceProtocol;
use points_gateway::telemetry::settings::TraceProtocol::{Grpc, HttpProtobuf};
use points_gateway::telemetry::trace::export::DropReason;
use rstest::rstest;

use crate::collector::{ASIDE, Collector, Mood, word};
use crate::leaks::watch;
use crate::process::Gateway;
use crate::support::certificates::Certificates;
use crate::support::haproxy;
use crate::support::{Reply, Stage};

const PATH: &str = "/members/1003/points-history";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const ROOT: &str = "GET /members/{member_id}/points-history";

async fn stage(collector: &Collector, more: &[(&str, &str)]) -> Stage {
    Stage::with(&[&collector.settings(), more].concat()).await
}

/// A request that is traced: ten spans.
async fn ask(stage: &Stage) {
    stage.send(stage.request(PATH).header("traceparent", PARENT)).await.page();
}

fn dropped(stage: &Stage, reason: &'static str) -> u64 {
    stage.app.metrics().trace.dropped.get_or_create(&DropReason { reason }).get()
}

#[rstest]
#[case::refuses_for_now(HttpProtobuf, Mood::Refuses(503))]
#[case::refuses(HttpProtobuf, Mood::Refuses(400))]
#[case::hangs(HttpProtobuf, Mood::Hangs)]
#[case::is_unavailable(Grpc, Mood::Refuses(14))]
#[case::says_that_it_is_the_wrong_argument(Grpc, Mood::Refuses(3))]
#[case::hangs(Grpc, Mood::Hangs)]
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_collector_costs_spans_which_are_counted_and_no_request(
    #[case] protocol: TraceProtocol,
    #[case] mood: Mood,
) {
    let collector = Collector::start(protocol, mood).await;
    let more = [("TRACE__SAMPLE_PERCENT", "100"), ("TRACE__QUEUE", "8"), ("TRACE__TIMEOUT", "100ms")];
    let stage = stage(&collector, &more).await;
    stage.get(PATH).await.page();
    collector.asked(1).await;
    for _ in 0..200 {
        stage.get(PATH).await.page();
    }
    let metrics = stage.app.metrics().clone();
    stage.app.stop().await;
    let dropped = |reason| metrics.trace.dropped.get_or_create(&DropReason { reason }).get();
    let (full, undelivered) = (dropped("queue-full"), dropped("undelivered"));
    assert!(undelivered > 0 && full + undelivered >= 400, "{full} {undelivered}");
    assert_eq!(metrics.trace.exported.get(), 0);
    assert_eq!(watch().lines(&["takes no spans"]).len(), 1, "one line, however long it lasts");
    assert!(!watch().text().contains(ASIDE), "what a collector says is repeated");
}

#[rstest]
#[case(HttpProtobuf, Mood::Refuses(503))]
#[case(HttpProtobuf, Mood::RefusesFor(429, 1))]
#[case::hangs_for_a_while(HttpProtobuf, Mood::Hangs)]
#[case::unavailable(Grpc, Mood::Refuses(14))]
#[case::deadline_exceeded(Grpc, Mood::Refuses(4))]
#[case::resource_exhausted_for_a_while(Grpc, Mood::RefusesFor(8, 1))]
#[case::hangs_for_a_while(Grpc, Mood::Hangs)]
#[tokio::test(flavor = "multi_thread")]
async fn spans_outlive_a_short_absence_of_the_collector(#[case] protocol: TraceProtocol, #[case] mood: Mood) {
    let collector = Collector::start(protocol, mood).await;
    let stage = stage(&collector, &[("TRACE__TIMEOUT", "500ms")]).await;
    ask(&stage).await;
    collector.asked(1).await;
    collector.set(Mood::Takes);
    collector.spans(TRACE, 10).await;
    let page = stage.send(stage.admin(Method::GET, "/metrics")).await.text;
    let nothing_lost = r#"points_gateway_trace_spans_dropped_total{reason="undelivered"} 0"#;
    assert!(page.contains(nothing_lost), "{page}");
    stage.app.stop().await;
    for line in ["takes no spans", "takes spans again"] {
        assert_eq!(watch().lines(&[line]).len(), 1, "{line}");
    }
}

/// An address before another one where the first connection dies at once without a word, and later ones don't.
async fn with_a_dead_connection(behind: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let _dead = listener.accept().await.unwrap();
        loop {
            let (mut front, _) = listener.accept().await.unwrap();
            let mut back = tokio::net::TcpStream::connect(&behind).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut front, &mut back).await });
        }
    });
    format!("http://{address}")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_has_died_without_a_word_is_not_used_again(
    #[values(HttpProtobuf, Grpc)] protocol: TraceProtocol,
) {
    let mut collector = Collector::start(protocol, Mood::Takes).await;
    let behind = collector.endpoint.trim_start_matches("http://").to_owned();
    collector.endpoint = with_a_dead_connection(behind).await;
    let stage = stage(&collector, &[("TRACE__TIMEOUT", "300ms")]).await;
    ask(&stage).await;
    collector.spans(TRACE, 10).await;
    assert_eq!(dropped(&stage, "undelivered"), 0);
}

#[rstest]
#[case(HttpProtobuf, Mood::RefusesFor(503, 2))]
#[case(Grpc, Mood::RefusesFor(14, 2))]
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_left_alone_for_as_long_as_it_asks(
    #[case] protocol: TraceProtocol,
    #[case] mood: Mood,
) {
    let collector = Collector::start(protocol, mood).await;
    let stage = stage(&collector, &[]).await;
    ask(&stage).await;
    let asked = collector.asked(2).await;
    assert!(asked[1] - asked[0] >= Duration::from_secs(2), "{asked:?}");
}

#[rstest]
#[case(HttpProtobuf, 400, "status 400")]
#[case(HttpProtobuf, 403, "status 403: it wants credentials")]
#[case(HttpProtobuf, 404, "status 404: nobody takes spans there")]
#[case::resource_exhausted(Grpc, 8, "gRPC status 8 (ResourceExhausted)")]
#[case::permission_denied(Grpc, 7, "gRPC status 7 (PermissionDenied): it wants credentials")]
#[case::unimplemented(Grpc, 12, "gRPC status 12 (Unimplemented): nobody takes spans there")]
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_good_is_not_tried_again_and_says_what_to_do(
    #[case] protocol: TraceProtocol,
    #[case] status: u16,
    #[case] told: &str,
) {
    let collector = Collector::start(protocol, Mood::Refuses(status)).await;
    let stage = stage(&collector, &[]).await;
    ask(&stage).await;
    for _ in 0..1_000 {
        if dropped(&stage, "undelivered") > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(dropped(&stage, "undelivered") > 0, "it is neither sent nor given up");
    let lines = watch().lines(&["takes no spans"]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0]["error"].as_str().unwrap().starts_with(told), "{lines:?}");
    // Whoever tries again does so after a second.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(collector.asked(1).await.len(), 1);
}

#[rstest]
#[case::nobody(HttpProtobuf, None)]
#[case::nobody(Grpc, None)]
#[case::somebody_who_speaks_grpc(HttpProtobuf, Some(Grpc))]
#[case::somebody_who_speaks_http(Grpc, Some(HttpProtobuf))]
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_holds_up_neither_requests_nor_the_end(
    #[case] ours: TraceProtocol,
    #[case] theirs: Option<TraceProtocol>,
) {
    let endpoint = match theirs {
        Some(theirs) => Collector::start(theirs, Mood::Takes).await.endpoint,
        None => {
            let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            format!("http://{}", taken.local_addr().unwrap())
        }
    };
    let settings = [("TRACE__ENDPOINT", &*endpoint), ("TRACE__PROTOCOL", word(ours))];
    let stage = Stage::with(&[&settings[..], &[("TRACE__SAMPLE_PERCENT", "100")]].concat()).await;
    for _ in 0..50 {
        stage.get(PATH).await.page();
    }
    let metrics = stage.app.metrics().clone();
    let stop = tokio::time::timeout(Duration::from_secs(15), stage.app.stop());
    stop.await.expect("it waits for a collector that is not there");
    assert_eq!(metrics.trace.exported.get(), 0);
    assert_eq!(watch().lines(&["takes no spans", "look at trace.endpoint and trace.protocol"]).len(), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_collector_rejects_is_counted(#[values(HttpProtobuf, Grpc)] protocol: TraceProtocol) {
    let collector = Collector::start(protocol, Mood::Rejects(2)).await;
    let stage = stage(&collector, &[]).await;
    ask(&stage).await;
    let metrics = stage.app.metrics().clone();
    stage.app.stop().await; // every batch has had its answer
    let (batches, spans) = (collector.batches() as u64, collector.all().len() as u64);
    assert!(batches > 0);
    assert_eq!(metrics.trace.exported.get(), spans - 2 * batches);
    let rejected = metrics.trace.dropped.get_or_create(&DropReason { reason: "rejected" }).get();
    assert_eq!(rejected, 2 * batches);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn spans_of_the_last_requests_are_sent_at_the_end(
    #[values(HttpProtobuf, Grpc)] protocol: TraceProtocol,
) {
    let collector = Collector::start(protocol, Mood::Takes).await;
    let stage = stage(&collector, &[]).await;
    ask(&stage).await;
    stage.app.stop().await;
    assert!(collector.all().iter().any(|span| span.name == ROOT));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_behind_tls_is_believed_by_its_certificate(
    #[values(HttpProtobuf, Grpc)] protocol: TraceProtocol,
    #[values(true, false)] known: bool,
) {
    let certificates = Certificates::new();
    let collector = Collector::start(protocol, Mood::Takes).await;
    let address = collector.endpoint.strip_prefix("http://").unwrap();
    let proxy = haproxy::with_tls(&certificates, address).await;
    let endpoint = format!("https://localhost:{}", proxy.address().port());
    let others = Certificates::new();
    let root = if known { &certificates } else { &others }.file("root.pem");
    let environment = [("SSL_CERT_FILE", root.as_str())];
    let settings = [
        ("TRACE__ENDPOINT", endpoint.as_str()),
        ("TRACE__PROTOCOL", word(protocol)),
        ("TRACE__TIMEOUT", "5s"),
    ];
    let mut gateway = Gateway::with_environment(&environment, &settings).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let question = client.get(format!("http://{}{PATH}", gateway.public)).header("traceparent", PARENT);
    Reply::of(question).await.page();
    if known {
        collector.spans(TRACE, 10).await;
        return;
    }
    let message = "the collector takes no spans: look at trace.endpoint and trace.protocol; \
                   trace_spans_dropped counts what is lost";
    let told = gateway.line_that_says(message).await;
    let why = told["error"].as_str().unwrap();
    assert!(why.contains("invalid peer certificate"), "{why}");
    assert!(collector.all().is_empty());
}
