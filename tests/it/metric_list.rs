//! The list of metrics, a real scrape and the document say the same.

use std::collections::BTreeSet;
use std::fs;

use http::Method;
use points_gateway::domain::freshness::FreshnessClass;
use points_gateway::history::{Outcome, StaleReason};
use points_gateway::kingdee::Failure;
use points_gateway::telemetry::document;
use points_gateway::telemetry::list::{ALL, LABELS, find};
use points_gateway::telemetry::metric::Kind;

use crate::scrape::Scrape;
use crate::support::Stage;
use crate::support::redis::Redis;

/// A gateway that has something to tell of every metric, and the tier that it would share with others.
async fn busy() -> (Stage, Redis) {
    let redis = Redis::start().await;
    let stage = Stage::with(&[("SHARED__URL", &redis.url())]).await;
    stage.get("/members/1003/points-history").await.page();
    stage.get("/members/1003/points-history").await.page();
    (stage, redis)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_holds_every_metric_of_the_list_and_no_other() {
    let (stage, _redis) = busy().await;
    let scrape = Scrape::of(&stage).await;
    let listed: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
    let told: BTreeSet<_> = scrape.kinds.keys().map(String::as_str).collect();
    assert_eq!(told, listed);
    for metric in ALL {
        let kind = if metric.kind == Kind::Info { "gauge" } else { metric.kind.label() };
        assert_eq!(scrape.kinds[metric.name], kind, "{}", metric.name);
        assert_eq!(scrape.helps[metric.name], format!("{}.", metric.help));
        assert!(
            scrape.samples.iter().any(|s| find(&s.name) == Some(metric)),
            "{} has no series",
            metric.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_series_has_the_labels_of_the_list() {
    let (stage, _redis) = busy().await;
    for sample in Scrape::of(&stage).await.samples {
        let metric = find(&sample.name).unwrap_or_else(|| panic!("{} is not listed", sample.name));
        let labels: BTreeSet<_> = sample.labels.keys().map(String::as_str).filter(|l| *l != "le").collect();
        assert_eq!(labels, metric.labels.iter().copied().collect(), "{}", sample.name);
        assert_eq!(sample.labels.contains_key("le"), sample.name.ends_with("_bucket"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_accept_header_decides_between_prometheus_text_and_openmetrics() {
    let (stage, _redis) = busy().await;
    let plain = stage.send(stage.admin(Method::GET, "/metrics")).await;
    assert_eq!(plain.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert!(!plain.text.contains("# EOF") && !plain.text.contains("# UNIT"));
    assert!(plain.text.contains("# TYPE points_gateway_http_requests_total counter\n"));
    let (open, scrape) = Scrape::as_prometheus(&stage).await;
    assert_eq!(open.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.text.ends_with("\n# EOF\n"));
    assert!(open.text.contains("# TYPE points_gateway_http_requests counter\n"));
    assert!(open.text.contains("# UNIT points_gateway_cache_bytes bytes\n"));
    for reply in [plain, open] {
        assert_eq!(reply.header("vary"), "accept");
    }
    assert_eq!(scrape.series(), Scrape::of(&stage).await.series());
}

#[test]
fn the_document_names_every_outcome_class_and_reason() {
    let said = |label| LABELS.iter().find(|(name, _)| *name == label).unwrap().1;
    let named = |label| said(label).split('`').skip(1).step_by(2).collect::<BTreeSet<_>>();
    let classes = Failure::ALL.iter().map(|failure| failure.label()).chain(["ok"]);
    assert_eq!(named("class"), classes.collect());
    assert_eq!(
        named("outcome"),
        Outcome::LABELS.into_iter().chain(["/problems", "hung-up", "none"]).collect()
    );
    let classes = [FreshnessClass::Open, FreshnessClass::Settled, FreshnessClass::Empty];
    assert_eq!(named("freshness"), classes.iter().map(|class| class.label()).collect());
    use StaleReason::{CountDiffers, Failing, Revalidating, Slow};
    for reason in [Revalidating, Slow, Failing, CountDiffers] {
        assert!(named("reason").contains(reason.label()), "{reason:?}");
    }
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let committed = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md")).unwrap();
    assert!(committed == document::markdown(), "run: cargo run -- metrics > docs/metrics.md");
}
