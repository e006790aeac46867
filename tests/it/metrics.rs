//! The metrics page, as the engineer on call reads it.

use std::time::Duration;

use http::Method;
use points_gateway::sandbox::Fault;

use crate::scrape::Scrape;
use crate::support::Stage;
use crate::support::fleet::PATIENT;
use crate::support::redis::{Gate, Redis};

const MAIN: (&str, &str) = ("account", "main");

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_kingdee_can_be_watched() {
    let stage = Stage::start().await;
    stage.get("/members/1003/points-history").await.page();
    stage.clock.advance(Duration::from_secs(7));
    stage.sandbox.control().fail_records(Some(Fault::Html));
    stage.get("/members/1004/points-history").await.problem();
    let scrape = Scrape::of(&stage).await;
    for (name, labels, expected) in [
        ("points_gateway_upstream_calls_total", [MAIN, ("class", "ok")], 1.0),
        ("points_gateway_upstream_calls_total", [MAIN, ("class", "unreadable")], 1.0),
        ("points_gateway_upstream_calls_total", [("account", "outlet"), ("class", "ok")], 0.0),
        ("points_gateway_upstream_attempts_total", [MAIN, ("class", "ok")], 1.0),
        ("points_gateway_token_calls_total", [MAIN, ("class", "ok")], 1.0),
        ("points_gateway_token_calls_total", [MAIN, ("class", "secret")], 0.0),
        ("points_gateway_authorization_pulls_total", [("account", "outlet"), ("class", "ok")], 0.0),
        ("points_gateway_upstream_attempt_duration_seconds_count", [MAIN; 2], 2.0),
        ("points_gateway_lane_wait_seconds_count", [MAIN; 2], 2.0),
        ("points_gateway_breaker_open", [MAIN; 2], 0.0),
        ("points_gateway_lane_waiting", [MAIN; 2], 0.0),
        ("points_gateway_lane_under_way", [MAIN; 2], 0.0),
        ("points_gateway_lane_rate_ratio", [MAIN; 2], 1.0),
        ("points_gateway_lane_paused_seconds", [MAIN; 2], 0.0),
        ("points_gateway_clock_skew_seconds", [MAIN; 2], 0.0),
        ("points_gateway_token_age_seconds", [MAIN; 2], 7.0),
        ("points_gateway_token_life_seconds", [("account", "outlet"); 2], 0.0),
    ] {
        assert_eq!(scrape.value(name, &labels), Some(expected), "{name}{labels:?}");
    }
    let outlet = [("account", "outlet")];
    assert_eq!(
        scrape.value("points_gateway_token_age_seconds", &outlet),
        None,
        "there is no token to be of any age"
    );
    assert!(scrape.value("points_gateway_token_life_seconds", &[MAIN]).unwrap() > 60.0);
    let tokens = |account| scrape.value("points_gateway_lane_tokens", &[("account", account)]).unwrap();
    assert!(tokens("main") < tokens("outlet"), "two calls were made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_shows_as_skew() {
    let stage = Stage::start().await;
    stage.sandbox.control().set_clock_offset(jiff::SignedDuration::from_mins(20));
    stage.get("/members/1003/points-history").await.page();
    let skew = Scrape::of(&stage).await.value("points_gateway_clock_skew_seconds", &[MAIN]).unwrap();
    assert!((1_199.0..=1_201.0).contains(&skew), "{skew}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opened_breaker_shows() {
    let stage = Stage::with(&[("KINGDEE__LANE__RETRY_BUDGET_PERCENT", "0")]).await;
    stage.sandbox.control().fail_records(Some(Fault::Status(503)));
    for member in 2_000..2_012 {
        stage.get(&format!("/members/{member}/points-history")).await;
    }
    let open = async || Scrape::of(&stage).await.value("points_gateway_breaker_open", &[MAIN]);
    let before = open().await;
    stage.sandbox.control().fail_records(None);
    stage.clock.advance(Duration::from_secs(60));
    stage.get("/members/1003/points-history").await.page();
    assert_eq!((before, open().await), (Some(1.0), Some(0.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_and_timed_by_what_became_of_them() {
    let stage = Stage::start().await;
    let page = stage.get("/members/1003/points-history").await;
    for _ in 0..3 {
        stage.get("/members/1003/points-history").await.page();
    }
    stage.get("/accounts/outlet/members/1003/points-history").await;
    stage.get("/accounts/outlet/members/1003/points-history").await;
    let known = stage.request("/members/1003/points-history").header("if-none-match", page.header("etag"));
    assert_eq!(stage.send(known).await.status, 304);
    stage.get("/members/1003/points-history?page=x").await.problem();
    stage.get("/nowhere").await.problem();
    let scrape = Scrape::of(&stage).await;
    let route = ("route", "/members/{member_id}/points-history");
    let other = ("route", "/accounts/{account}/members/{member_id}/points-history");
    for (route, status, outcome, expected) in [
        (route, "200", "miss", 1.0),
        (route, "200", "hit", 3.0),
        (route, "304", "hit", 1.0),
        (route, "200", "stale", 0.0),
        (route, "400", "invalid-parameter", 1.0),
        (route, "503", "upstream-unavailable", 0.0),
        (other, "200", "miss", 1.0),
        (other, "200", "hit", 1.0),
        (("route", "none"), "404", "not-found", 1.0),
    ] {
        let labels = [route, ("status", status), ("outcome", outcome)];
        assert_eq!(scrape.value("points_gateway_http_requests_total", &labels), Some(expected), "{labels:?}");
    }
    let timed =
        |outcome| scrape.value("points_gateway_http_request_duration_seconds_count", &[("outcome", outcome)]);
    assert_eq!((timed("hit"), timed("miss"), timed("collapsed")), (Some(5.0), Some(2.0), Some(0.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_what_was_served_shows_and_why_it_was_stale() {
    let stage = Stage::with(&[("HISTORY__STALE_PATIENCE", "100ms")]).await;
    let path = "/members/1003/points-history";
    stage.get(path).await.page();
    stage.clock.advance(Duration::from_secs(20));
    stage.get(path).await.page();
    // Too old to be served before Kingdee is asked, and Kingdee fails.
    stage.sandbox.control().fail_records(Some(Fault::Html));
    stage.clock.advance(Duration::from_secs(3_000));
    stage.get(path).await.page();
    let scrape = Scrape::of(&stage).await;
    let ages = |part: &str| format!("points_gateway_served_age_seconds_{part}");
    let open = [MAIN, ("freshness", "open")];
    assert_eq!(scrape.value(&ages("count"), &open), Some(3.0));
    assert_eq!(scrape.value(&ages("sum"), &open), Some(20.0 + 3_020.0));
    for (bound, below) in
        [("1.0", 1.0), ("15.0", 1.0), ("30.0", 2.0), ("1800.0", 2.0), ("3600.0", 3.0), ("+Inf", 3.0)]
    {
        assert_eq!(scrape.value(&ages("bucket"), &[open[0], open[1], ("le", bound)]), Some(below), "{bound}");
    }
    let stale = |reason| scrape.value("points_gateway_stale_served_total", &[MAIN, ("reason", reason)]);
    assert_eq!(
        (stale("upstream-failing"), stale("revalidating"), stale("count-differs")),
        (Some(1.0), Some(0.0), Some(0.0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_and_its_evictions_show() {
    let stage = Stage::with(&[("CACHE__CAPACITY", "1MiB"), ("KINGDEE__LANE__BURST", "200")]).await;
    let before = Scrape::of(&stage).await;
    assert_eq!(before.value("points_gateway_cache_entries", &[]), Some(0.0));
    assert_eq!(before.value("points_gateway_cache_capacity_bytes", &[]), Some(1_048_576.0));
    for member in 1_001..1_010 {
        stage.get(&format!("/members/{member}/points-history")).await.page();
    }
    let after = Scrape::of(&stage).await;
    assert!(after.value("points_gateway_cache_entries", &[]).unwrap() >= 9.0);
    let bytes = after.value("points_gateway_cache_bytes", &[]).unwrap();
    assert!((9_000.0..1_048_576.0).contains(&bytes), "{bytes}");
    assert_eq!(after.value("points_gateway_cache_evictions_total", &[]), Some(0.0));
    // More full chunks than fit.
    for day in 1..=70 {
        let from = jiff::civil::date(2015, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
        stage.get(&format!("/members/1006/points-history?from={from}")).await.page();
    }
    let full = Scrape::of(&stage).await;
    assert!(full.value("points_gateway_cache_bytes", &[]).unwrap() <= 1_048_576.0);
    assert!(full.value("points_gateway_cache_evictions_total", &[]).unwrap() > 0.0);
}

/// Waits until the shared tier says this of itself.
async fn wait_for(stage: &Stage, name: &str, labels: &[(&str, &str)], value: f64) {
    for _ in 0..500 {
        if Scrape::of(stage).await.value(name, labels) == Some(value) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{name}{labels:?} never came to {value}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shared_tier_shows_where_there_is_one() {
    let alone = Scrape::of(&Stage::start().await).await;
    assert_eq!(alone.value("points_gateway_shared_up", &[]), None);
    let redis = Redis::start().await;
    let gate = Gate::before(redis.address()).await;
    let stage = Stage::with(&[PATIENT, ("SHARED__URL", &gate.url())]).await;
    wait_for(&stage, "points_gateway_shared_up", &[], 1.0).await;
    stage.get("/members/1003/points-history").await.page();
    wait_for(&stage, "points_gateway_shared_stored_total", &[], 1.0).await;
    let scrape = Scrape::of(&stage).await;
    let looks = |result| scrape.value("points_gateway_shared_lookups_total", &[("result", result)]);
    assert_eq!((looks("hit"), looks("miss")), (Some(0.0), Some(1.0)));
    gate.shut();
    wait_for(&stage, "points_gateway_shared_up", &[], 0.0).await;
    wait_for(&stage, "points_gateway_shared_breaks_total", &[], 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_of_random_paths_and_members_makes_no_series() {
    let stage = Stage::start().await;
    let scan = async |name: &str| {
        for path in [
            "/members/x/points-history",
            "/accounts/x/members/x/points-history",
            "/members/1/points-history?type=x",
            "/members/a%20b/points-history?x=x",
            "/x",
            "/docs/x",
            "/problems/x",
        ] {
            stage.get(&path.replace('x', name)).await;
        }
        for method in [Method::POST, Method::from_bytes(name.as_bytes()).unwrap()] {
            stage.send(stage.request_as(method, "/members/1/points-history")).await;
        }
        stage.send(stage.admin(Method::GET, &format!("/{name}"))).await;
    };
    scan("x0").await;
    let before = Scrape::of(&stage).await.series();
    for n in 1..15 {
        scan(&format!("x{n}")).await;
    }
    let after = Scrape::of(&stage).await.series();
    assert_eq!(after.difference(&before).collect::<Vec<_>>(), Vec::<&_>::new());
    assert!(after.len() < 1_200, "{} series for two account sets", after.len());
}
