//! Fresh, stale, gone: what is served when, and what it costs upstream. The clock is set by hand.

use std::time::Duration;

use futures_util::future::join_all;
use points_gateway::sandbox::{Endpoint, Fault};

use crate::support::Stage;

const PATH: &str = "/members/1003/points-history";

/// Waits until the sandbox has answered `calls` record calls and the answer is in the cache (or has failed).
async fn settled(stage: &Stage, calls: u64) {
    stage.sandbox.control().arrived(calls).await;
    while stage.app.history().under_way() > 0 {
        tokio::task::yield_now().await;
    }
}

fn down() -> Option<Fault> {
    Some(Fault::Status(503))
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_rows_cost_nothing() {
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    stage.clock.advance(Duration::from_secs(29));
    let reply = stage.get(PATH).await;
    assert_eq!((reply.header("cache-status"), reply.header("age")), ("points-gateway; hit; ttl=1", "29"));
    assert_eq!(stage.record_calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_rows_are_served_at_once_and_refreshed_once_however_many_ask() {
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    stage.clock.advance(Duration::from_secs(31));
    stage.sandbox.control().hold();
    for reply in join_all((0..50).map(|_| stage.get(PATH))).await {
        assert_eq!(reply.header("cache-status"), "points-gateway; fwd=stale; ttl=-1; detail=revalidating");
        assert_eq!(reply.page().total, 57);
    }
    stage.sandbox.control().release();
    settled(&stage, 2).await;
    let reply = stage.get(PATH).await;
    assert_eq!((reply.header("cache-status"), reply.header("age")), ("points-gateway; hit; ttl=30", "0"));
    assert_eq!(stage.record_calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_beyond_the_revalidation_window_are_asked_for_first() {
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    stage.sandbox.control().insert_rows("1003", 1);
    stage.clock.advance(Duration::from_secs(31 + 300));
    let reply = stage.get(PATH).await;
    assert_eq!(reply.header("cache-status"), "points-gateway; fwd=stale; stored; ttl=30");
    assert_eq!(reply.page().total, 58);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_kingdee_fails_stale_rows_are_served_and_attempts_rest_longer_and_longer() {
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    stage.sandbox.control().fail_records(down());
    stage.clock.advance(Duration::from_secs(31));
    let mut attempts = Vec::new();
    // Ten minutes, five questions a second: one attempt for each pause of 1, 2, 4 … 30 seconds.
    for second in 0..600 {
        for _ in 0..5 {
            let reply = stage.get(PATH).await;
            assert_eq!(reply.status, 200);
            assert!(reply.header("cache-status").starts_with("points-gateway; fwd=stale"), "{reply:?}");
            while stage.app.history().under_way() > 0 {
                tokio::task::yield_now().await;
            }
        }
        if attempts.last() != Some(&stage.record_calls()) {
            attempts.push(stage.record_calls());
        }
        stage.clock.advance(Duration::from_millis(if second == 0 { 999 } else { 1_000 }));
    }
    let fetches = 5 + 600 / 30 + 2;
    let calls = stage.record_calls() - 1;
    assert!(calls <= 2 * fetches, "{calls} calls in ten minutes");
    stage.sandbox.control().fail_records(None);
    stage.clock.advance(Duration::from_secs(31));
    let before = stage.record_calls();
    stage.get(PATH).await.page();
    settled(&stage, before + 1).await;
    assert!(stage.get(PATH).await.header("cache-status").starts_with("points-gateway; hit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_error_window_the_failure_shows() {
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    stage.sandbox.control().fail_records(down());
    stage.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(stage.get(PATH).await.status, 200);
    stage.clock.advance(Duration::from_secs(31));
    assert_eq!(stage.get(PATH).await.problem(), "upstream-unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_kingdee_makes_nobody_wait_who_has_stale_rows() {
    let stage = Stage::with(&[("HISTORY__STALE_PATIENCE", "20ms")]).await;
    stage.get(PATH).await.page();
    stage.clock.advance(Duration::from_secs(31 + 300));
    stage.sandbox.control().hold();
    let reply = stage.get(PATH).await;
    assert!(reply.header("cache-status").ends_with("detail=upstream-slow"), "{reply:?}");
    stage.sandbox.control().release();
    settled(&stage, 2).await;
    assert!(stage.get(PATH).await.header("cache-status").contains("; hit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_window_stays_fresh_for_an_hour_and_not_for_ever() {
    let stage = Stage::start().await;
    let path = format!("{PATH}?to=2026-11-22");
    let first = stage.get(&path).await;
    assert!(first.header("cache-control").starts_with("private, max-age=3600,"), "{first:?}");
    stage.clock.advance(Duration::from_secs(3_500));
    assert!(stage.get(&path).await.header("cache-status").contains("; hit"));
    stage.clock.advance(Duration::from_secs(101));
    assert!(stage.get(&path).await.header("cache-status").contains("fwd=stale"));
    // One day later is not settled: its rows may still come in.
    let open = stage.get(&format!("{PATH}?to=2026-11-25")).await;
    assert!(open.header("cache-control").starts_with("private, max-age=30,"), "{open:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_history_is_kept_for_a_shorter_time() {
    let stage = Stage::start().await;
    let first = stage.get("/members/1001/points-history").await;
    assert!(first.header("cache-control").starts_with("private, max-age=10,"), "{first:?}");
    stage.clock.advance(Duration::from_secs(9));
    assert!(stage.get("/members/1001/points-history").await.header("cache-status").contains("; hit"));
    assert_eq!(stage.record_calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cache_reads_again_once_a_member_and_floor_together_with_everybody() {
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    stage.sandbox.control().insert_rows("1003", 1);
    let insist = || stage.send(stage.request(PATH).header("cache-control", "no-cache"));
    let reply = insist().await;
    assert_eq!(reply.header("cache-status"), "points-gateway; fwd=request; stored; ttl=30");
    assert_eq!(reply.page().total, 58);
    for reply in join_all((0..20).map(|_| insist())).await {
        assert!(reply.header("cache-status").contains("; hit"), "{reply:?}");
    }
    assert_eq!(stage.record_calls(), 2);
    stage.clock.advance(Duration::from_secs(5));
    join_all((0..20).map(|_| insist())).await;
    assert_eq!(stage.record_calls(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_if_cached_never_asks() {
    let stage = Stage::start().await;
    let ask = || stage.send(stage.request(PATH).header("cache-control", "only-if-cached"));
    assert_eq!((ask().await.status, ask().await.problem().as_str()), (504, "not-cached"));
    assert_eq!(stage.record_calls(), 0);
    stage.get(PATH).await.page();
    assert_eq!(ask().await.page().total, 57);
    stage.clock.advance(Duration::from_secs(31));
    assert!(ask().await.header("cache-status").contains("fwd=stale"));
    stage.clock.advance(Duration::from_secs(300));
    assert!(ask().await.header("cache-status").contains("fwd=stale"));
    assert_eq!(stage.record_calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_answer_replaces_nothing() {
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    for fault in [Fault::Html, Fault::Truncated, Fault::ForeignRows, Fault::CountOff, Fault::Empty] {
        let calls = stage.record_calls();
        stage.sandbox.control().fail(Endpoint::Record, Some(fault.clone()));
        stage.clock.advance(Duration::from_secs(65));
        let reply = stage.get(PATH).await;
        settled(&stage, calls + 1).await;
        assert_eq!(reply.page().entries.len(), 20, "{fault:?}");
        assert_eq!(stage.get(PATH).await.page().total, 57, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_chunks_of_one_page_carry_the_same_count() {
    let stage = Stage::start().await;
    stage.get("/members/1006/points-history?page_size=100&page=1").await.page();
    stage.sandbox.control().insert_rows("1006", 1);
    stage.get("/members/1006/points-history?page_size=100&page=2").await.page();
    assert_eq!(stage.record_calls(), 2);
    let across = stage.get("/members/1006/points-history?page_size=60&page=2").await;
    assert_eq!((across.page().total, stage.record_calls()), (1_235, 3));
    assert!(across.header("cache-status").contains("fwd=stale; stored"), "{across:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_if_cached_never_asks_for_chunks_that_contradict_each_other_either() {
    let stage = Stage::start().await;
    stage.get("/members/1006/points-history?page_size=100&page=1").await.page();
    stage.sandbox.control().insert_rows("1006", 1);
    stage.get("/members/1006/points-history?page_size=100&page=2").await.page();
    let across = stage.request("/members/1006/points-history?page_size=60&page=2");
    let across = stage.send(across.header("cache-control", "only-if-cached")).await;
    assert!(across.header("cache-status").ends_with("detail=count-differs"), "{across:?}");
    assert_eq!(stage.record_calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cache_respects_the_pause_after_a_failure() {
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    stage.sandbox.control().fail_records(down());
    stage.clock.advance(Duration::from_secs(31));
    stage.get(PATH).await.page();
    while stage.app.history().under_way() > 0 {
        tokio::task::yield_now().await;
    }
    let calls = stage.record_calls();
    let reply = stage.send(stage.request(PATH).header("cache-control", "no-cache")).await;
    assert!(reply.header("cache-status").ends_with("detail=upstream-failing"), "{reply:?}");
    assert_eq!(stage.record_calls(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_our_own_lane_refuses_is_no_failure_of_kingdee() {
    let stage = Stage::with(&[("KINGDEE__LANE__PER_MINUTE", "1"), ("KINGDEE__LANE__BURST", "1")]).await;
    stage.get(PATH).await.page();
    stage.clock.advance(Duration::from_secs(31));
    for _ in 0..5 {
        let reply = stage.get(PATH).await;
        assert!(reply.header("cache-status").ends_with("detail=revalidating"), "{reply:?}");
        while stage.app.history().under_way() > 0 {
            tokio::task::yield_now().await;
        }
        stage.clock.advance(Duration::from_secs(1));
    }
    assert_eq!((stage.record_calls(), stage.app.metrics().counters.fetch_failed.get()), (1, 5));
}
