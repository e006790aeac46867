//! The metrics page, as the engineer on call reads it.

use http::Method;
use points_gateway::sandbox::Fault;

use crate::support::Stage;

async fn value(stage: &Stage, series: &str) -> Option<f64> {
    let page = stage.send(stage.admin(Method::GET, "/metrics")).await.text;
    page.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_kingdee_can_be_watched() {
    let stage = Stage::start().await;
    stage.get("/members/1003/points-history").await.page();
    stage.clock.advance(std::time::Duration::from_secs(7));
    stage.sandbox.control().fail_records(Some(Fault::Html));
    stage.get("/members/1004/points-history").await.problem();
    for (series, expected) in [
        (r#"points_gateway_upstream_calls_total{account="main",class="ok"}"#, 1.0),
        (r#"points_gateway_upstream_calls_total{account="main",class="unreadable"}"#, 1.0),
        (r#"points_gateway_upstream_calls_total{account="outlet",class="ok"}"#, 0.0),
        (r#"points_gateway_upstream_attempts_total{account="main",class="ok"}"#, 1.0),
        (r#"points_gateway_breaker_open{account="main"}"#, 0.0),
        (r#"points_gateway_lane_waiting{account="main"}"#, 0.0),
        (r#"points_gateway_lane_rate_factor{account="main"}"#, 1.0),
        (r#"points_gateway_clock_skew_seconds{account="main"}"#, 0.0),
        (r#"points_gateway_token_age_seconds{account="main"}"#, 7.0),
    ] {
        assert_eq!(value(&stage, series).await, Some(expected), "{series}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_shows_as_skew() {
    let stage = Stage::start().await;
    stage.sandbox.control().set_clock_offset(jiff::SignedDuration::from_mins(20));
    stage.get("/members/1003/points-history").await.page();
    let skew = value(&stage, r#"points_gateway_clock_skew_seconds{account="main"}"#).await.unwrap();
    assert!((1_199.0..=1_201.0).contains(&skew), "{skew}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_of_random_paths_and_members_makes_no_series() {
    let stage = Stage::start().await;
    let series = async || stage.send(stage.admin(Method::GET, "/metrics")).await.text.lines().count();
    for path in ["/members/x0/points-history", "/x0", "/members/a%20b/points-history", "/docs/x0"] {
        stage.get(path).await;
    }
    let before = series().await;
    for n in 1..50 {
        for path in ["/members/x/points-history", "/x", "/members/a%20b/points-history", "/docs/x"] {
            stage.get(&path.replace('x', &format!("x{n}"))).await;
        }
    }
    assert_eq!(series().await, before);
}
