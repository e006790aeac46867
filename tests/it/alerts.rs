//! The alerts and the runbook: valid, complete, and about what exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use http::Method;
use points_gateway::config;

use crate::dashboard;
use crate::promql::{promtool, read, resolve};
use crate::support::Stage;

const RULES: &str = "deploy/alerts/points-gateway.rules.yaml";
const RULES_TESTS: [&str; 2] =
    ["deploy/alerts/points-gateway.test.yaml", "deploy/alerts/points-gateway.days.test.yaml"];
const RUNBOOK: &str = "docs/runbook.md";

/// An alert as the rules file has it.
struct Alert {
    name: String,
    text: String,
}

fn alerts() -> Vec<Alert> {
    let rules = read(RULES);
    let blocks = rules.split("      - ").filter_map(|block| block.strip_prefix("alert: "));
    let alerts: Vec<_> = blocks
        .map(|block| {
            let (name, text) = block.split_once('\n').unwrap();
            Alert { name: name.into(), text: text.into() }
        })
        .collect();
    assert!(alerts.len() > 10);
    alerts
}

fn recorded() -> BTreeSet<String> {
    let rules = read(RULES);
    rules.lines().filter_map(|line| line.trim().strip_prefix("- record: ")).map(str::to_owned).collect()
}

/// The section of the runbook below a heading.
fn section<'r>(runbook: &'r str, heading: &str) -> Option<&'r str> {
    let (_, after) = runbook.split_once(&format!("\n## {heading}\n"))?;
    Some(after.split("\n## ").next().unwrap())
}

#[test]
fn promtool_takes_the_rules_and_their_tests_pass() {
    promtool(&["check", "rules", RULES], "");
    promtool(&["test", "rules", RULES_TESTS[0], RULES_TESTS[1]], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_has_nothing_to_say_about_a_scrape() {
    let stage = Stage::start().await;
    stage.get("/members/1003/points-history").await.page();
    let page = stage.send(stage.admin(Method::GET, "/metrics")).await.text;
    let said = tokio::task::spawn_blocking(move || promtool(&["check", "metrics"], &page)).await.unwrap();
    assert_eq!(said.trim(), "");
}

#[test]
fn every_alert_is_about_metrics_that_exist_and_says_what_somebody_needs() {
    let recorded = recorded();
    for rule in read(RULES).split("      - ").skip(1) {
        resolve(rule, &recorded);
    }
    for Alert { name, text } in alerts() {
        let severity = text.lines().find_map(|line| line.trim().strip_prefix("severity: "));
        assert!(matches!(severity, Some("critical" | "warning")), "{name}");
        for annotation in ["summary: ", "description: "] {
            assert!(
                text.lines().any(|line| line.trim().starts_with(annotation)),
                "{name} has no {annotation}"
            );
        }
        let runbook = format!("runbook_url: {RUNBOOK}#{}", name.to_lowercase());
        assert!(text.lines().any(|line| line.trim() == runbook), "{name} doesn't lead to {runbook}");
    }
}

#[test]
fn every_alert_is_seen_to_fire_and_to_keep_quiet() {
    let tests = RULES_TESTS.map(read).concat();
    for Alert { name, .. } in alerts() {
        assert!(
            tests.contains(&format!("alertname: {name}\n        exp_alerts:\n          - ")),
            "{name} never fires"
        );
        let quiet = format!("alertname: {name} }}");
        assert!(
            tests.contains(&quiet) || name == "PointsGatewayMissing",
            "{name} is never seen to keep quiet"
        );
    }
}

#[test]
fn the_runbook_has_a_section_for_each_alert_and_no_other() {
    let runbook = read(RUNBOOK);
    let headings: Vec<_> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let alerts: Vec<_> = alerts().into_iter().map(|alert| alert.name).collect();
    assert_eq!(headings, alerts);
    for alert in &alerts {
        let text = section(&runbook, alert).unwrap();
        for part in ["**It means**", "**Look here**", "**Do this"] {
            assert!(text.contains(part), "{alert} lacks {part}");
        }
    }
    for link in runbook.split("](#").skip(1) {
        let anchor = link.split(')').next().unwrap();
        assert!(headings.iter().any(|heading| heading.to_lowercase() == anchor), "#{anchor} leads nowhere");
    }
}

#[test]
fn the_runbook_names_metrics_panels_log_lines_and_keys_that_exist() {
    let runbook = read(RUNBOOK);
    resolve(&runbook, &recorded());
    let panels: BTreeSet<_> =
        dashboard::panels().iter().map(|panel| panel["title"].as_str().unwrap().to_owned()).collect();
    let named: Vec<_> = runbook.split("anel *").skip(1).map(|rest| rest.split('*').next().unwrap()).collect();
    assert!(named.len() > 20);
    for panel in named {
        assert!(panels.contains(panel), "there is no panel {panel}");
    }
    let sources = all_sources();
    for line in runbook.lines().filter_map(|line| line.strip_prefix("- log: `")) {
        let message = line.split('`').next().unwrap();
        assert!(sources.contains(&format!("\"{message}\"")), "nothing logs {message}");
    }
    let known: BTreeSet<_> = config::keys().into_iter().map(|key| key.name).collect();
    let rooms = ["http.", "cache.", "kingdee.", "history.", "accounts.", "log.", "shared."];
    let keys =
        runbook.split('`').skip(1).step_by(2).filter(|span| rooms.iter().any(|room| span.starts_with(room)));
    for key in keys {
        assert!(known.contains(key), "there is no key {key}");
    }
}

fn all_sources() -> String {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => text += &fs::read_to_string(path).unwrap(),
            }
        }
    }
    text
}
