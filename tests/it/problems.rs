//! What an app gets for a bad question, and on a bad day.

use std::time::Duration;

use points_gateway::sandbox::Fault;
use rstest::rstest;

use crate::support::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_question_is_named_at_once_and_nothing_is_asked() {
    let stage = Stage::start().await;
    let reply = stage.get("/members/1003/points-history?page=0&page_size=1e2&from=2026-02-30&typ=1").await;
    assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid-parameter"));
    let body = reply.json();
    let named: Vec<_> =
        body["errors"].as_array().unwrap().iter().map(|e| e["parameter"].as_str().unwrap()).collect();
    assert_eq!(named, ["typ", "from", "page_size", "page"]);
    for error in body["errors"].as_array().unwrap() {
        assert!(error["detail"].is_string() && error["allowed"].is_string(), "{error}");
    }
    assert_eq!(stage.record_calls(), 0);
}

#[rstest]
#[case("/members/a%2Fb/points-history", 400, "invalid-parameter")]
#[case("/members/%0d%0a/points-history", 400, "invalid-parameter")]
#[case("/members/%E4%BC%9A/points-history", 400, "invalid-parameter")]
#[case("/members//points-history", 400, "invalid-parameter")]
#[case("/members/1003", 404, "not-found")]
#[case("/members/1003/points-history/", 404, "not-found")]
#[case("/metrics", 404, "not-found")]
#[case("/readyz", 404, "not-found")]
#[case("/admin/members/1003/purge", 404, "not-found")]
#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_none_is_a_problem(#[case] path: &str, #[case] status: u16, #[case] label: &str) {
    let stage = Stage::start().await;
    let reply = stage.get(path).await;
    assert_eq!((reply.status, reply.problem().as_str()), (status, label));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_told_what_is_allowed() {
    let stage = Stage::start().await;
    for method in [http::Method::POST, http::Method::PUT, http::Method::DELETE, http::Method::PATCH] {
        let reply = stage.send(stage.request_as(method, "/members/1003/points-history")).await;
        assert_eq!((reply.status, reply.problem().as_str()), (405, "method-not-allowed"));
        assert!(reply.header("allow").contains("GET"), "{:?}", reply.headers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_beyond_all_questions_is_too_long() {
    let stage = Stage::start().await;
    let reply = stage.get(&format!("/members/1003/points-history?type={}", "x".repeat(9_000))).await;
    assert_eq!((reply.status, reply.problem().as_str()), (414, "uri-too-long"));
}

fn errcode(status: u16, errcode: u64, text: &str) -> Fault {
    Fault::Errcode { status, errcode, text: text.into() }
}

#[rstest]
#[case(errcode(519, 4003, "client id invalid[GW]"), 502, "upstream-rejected")]
#[case(errcode(519, 4008, "X-Api-Signature is invalid[GW]"), 502, "upstream-rejected")]
#[case(errcode(519, 4012, "no permission[GW]"), 502, "upstream-rejected")]
#[case(errcode(200, 2_018_002_000, "系统错误"), 503, "upstream-unavailable")]
#[case(errcode(429, 429, "已被限流"), 503, "upstream-unavailable")]
#[case(Fault::Html, 502, "upstream-invalid")]
#[case(Fault::Truncated, 502, "upstream-invalid")]
#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_fault_has_one_answer_and_is_never_cached(
    #[case] fault: Fault,
    #[case] status: u16,
    #[case] label: &str,
) {
    let stage = Stage::start().await;
    stage.sandbox.control().fail_records(Some(fault));
    let reply = stage.get("/members/1003/points-history").await;
    assert_eq!((reply.status, reply.problem().as_str()), (status, label));
    assert_eq!(status == 503, reply.header("retry-after").parse::<u64>().is_ok_and(|s| s >= 1));
    assert!(reply.header("cache-status").starts_with("points-gateway; fwd=miss"), "{:?}", reply.headers);
    stage.sandbox.control().fail_records(None);
    stage.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.get("/members/1003/points-history").await.page().total, 57);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_hangs_is_a_timeout_within_the_deadline() {
    let stage = Stage::with(&[
        ("KINGDEE__CONNECT_TIMEOUT", "100ms"),
        ("KINGDEE__ATTEMPT_TIMEOUT", "150ms"),
        ("KINGDEE__CALL_TIMEOUT", "300ms"),
        ("HISTORY__CALLER_DEADLINE", "400ms"),
        ("HISTORY__STALE_PATIENCE", "100ms"),
    ])
    .await;
    stage.sandbox.control().fail_records(Some(Fault::Hang));
    let reply = stage.get("/members/1003/points-history").await;
    assert_eq!((reply.status, reply.problem().as_str()), (504, "upstream-timeout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_another_member_are_dropped_and_counted() {
    let stage = Stage::start().await;
    stage.sandbox.control().fail_records(Some(Fault::ForeignRows));
    let reply = stage.get("/members/1003/points-history?page_size=100").await;
    let metrics = stage.send(stage.admin(http::Method::GET, "/metrics")).await;
    let counted = metrics
        .text
        .lines()
        .find(|l| l.starts_with("points_gateway_foreign_rows_total{account=\"main\"}"))
        .unwrap();
    assert_ne!(counted.split(' ').next_back(), Some("0"), "{counted}");
    match reply.status {
        200 => {
            assert!(reply.page().entries.len() < 57);
            assert_eq!(reply.header("cache-status"), "points-gateway; fwd=miss");
            assert_eq!(reply.header("cache-control"), "private, no-store");
            assert_eq!(reply.header("etag"), "");
        }
        _ => assert_eq!(reply.problem(), "upstream-invalid"),
    }
    stage.sandbox.control().fail_records(None);
    assert_eq!(stage.get("/members/1003/points-history?page_size=100").await.page().entries.len(), 57);
}
