//! The dashboard, the alerts and the runbook: valid, complete, and about metrics that exist.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use http::Method;
use points_gateway::config;
use points_gateway::telemetry::list::{ALL, LABELS, Metric};
use serde_json::Value;

use crate::support::Stage;

const RULES: &str = "deploy/alerts/points-gateway.rules.yaml";
const RULES_TESTS: [&str; 2] =
    ["deploy/alerts/points-gateway.test.yaml", "deploy/alerts/points-gateway.days.test.yaml"];
const DASHBOARD: &str = "deploy/dashboards/points-gateway.json";
const RUNBOOK: &str = "docs/runbook.md";

/// Named by an alert, and to come. A name goes from here when it enters the list.
const TO_COME: [&str; 1] = ["points_gateway_shared_up"];

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Names that look like ours, each with what follows it.
fn names(text: &str) -> Vec<(&str, &str)> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(part) {
        let word = &rest[start..];
        let end = word.find(|c| !part(c)).unwrap_or(word.len());
        let (name, after) = word.split_at(end);
        if name.starts_with("points_gateway") || name.starts_with("process_") {
            found.push((name, after));
        }
        rest = after;
    }
    found
}

/// Labels that a selector `{a="b",c=~"d"}` at the beginning of `text` names.
fn selected(text: &str) -> Vec<&str> {
    let Some(inside) = text.strip_prefix('{') else { return Vec::new() };
    // Every other piece is a value; routes have braces of their own.
    let mut labels = Vec::new();
    for (i, piece) in inside.split('"').enumerate() {
        if i % 2 == 1 {
            continue;
        }
        let label = piece.trim_start_matches([',', ' ']).trim_end_matches(['=', '~', '!']);
        if label.starts_with('}') {
            break;
        }
        labels.push(label);
    }
    labels
}

/// Every name in a query is that of a metric or of a recording rule, and every label is one that it has.
fn resolve(query: &str, recorded: &BTreeSet<String>) {
    for (name, after) in names(query) {
        if recorded.contains(name) || TO_COME.contains(&name) {
            continue;
        }
        let metric = Metric::find(name).unwrap_or_else(|| panic!("there is no {name}: {query}"));
        for label in selected(after) {
            let known =
                metric.labels.contains(&label) || label == "instance" || label == "job" || label == "le";
            assert!(known, "{name} has no label {label}: {query}");
        }
    }
    for by in query.split("by (").skip(1).chain(query.split("on (").skip(1)) {
        for label in by.split(')').next().unwrap().split(',').map(str::trim) {
            let known = LABELS.iter().any(|(l, _)| *l == label) || ["instance", "job", "le"].contains(&label);
            assert!(known, "nothing has a label {label}: {query}");
        }
    }
}

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

/// Panels without rows, and what they ask.
fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().filter(|panel| panel["type"] != "row").cloned().collect()
}

fn queries() -> Vec<String> {
    let panels = panels();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// The section of the runbook below a heading.
fn section<'r>(runbook: &'r str, heading: &str) -> Option<&'r str> {
    let (_, after) = runbook.split_once(&format!("\n## {heading}\n"))?;
    Some(after.split("\n## ").next().unwrap())
}

fn promtool(arguments: &[&str], input: &str) -> String {
    let mut promtool = Command::new("promtool")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is not installed; scripts/test.sh installs it");
    promtool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ended = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "promtool {arguments:?}: {said}");
    said
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
fn every_query_of_the_dashboard_is_promql() {
    let mut rules = String::from("groups:\n  - name: dashboard\n    rules:\n");
    for (i, query) in queries().iter().enumerate() {
        let plain =
            query.replace("$__rate_interval", "5m").replace("$account", ".*").replace("$instance", ".*");
        assert!(!plain.contains('$'), "a variable that the dashboard doesn't have: {query}");
        rules.push_str(&format!(
            "      - record: q{i}\n        expr: {}\n",
            serde_json::to_string(&plain).unwrap()
        ));
    }
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    fs::write(file.path(), rules).unwrap();
    promtool(&["check", "rules", file.path().to_str().unwrap()], "");
}

#[test]
fn every_query_of_the_dashboard_is_about_metrics_that_exist() {
    let queries = queries();
    assert!(queries.len() > 30);
    queries.iter().for_each(|query| resolve(query, &BTreeSet::new()));
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let kinds: Vec<_> =
        variables.iter().map(|v| (v["name"].as_str().unwrap(), v["type"].as_str().unwrap())).collect();
    assert_eq!(kinds, [("datasource", "datasource"), ("instance", "query"), ("account", "query")]);
    for variable in &variables[1..] {
        let definition = variable["definition"].as_str().unwrap();
        let (metric, label) = definition
            .strip_prefix("label_values(")
            .unwrap()
            .strip_suffix(')')
            .unwrap()
            .split_once(", ")
            .unwrap();
        let metric = Metric::find(metric).unwrap();
        assert!(label == "instance" || metric.labels.contains(&label), "{definition}");
    }
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let queries = queries().join("\n");
    let shown: BTreeSet<_> =
        names(&queries).iter().filter_map(|(n, _)| Some(Metric::find(n)?.name)).collect();
    let hidden: Vec<_> = ALL.iter().map(|m| m.name).filter(|name| !shown.contains(name)).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn every_panel_says_what_it_shows_and_stands_by_itself() {
    let (mut titles, mut ids, mut places) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for panel in panels() {
        let title = panel["title"].as_str().unwrap().to_owned();
        assert!(panel["description"].as_str().is_some_and(|text| text.len() > 10), "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has no unit");
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let sources = panel["targets"].as_array().unwrap().iter().chain([&panel]);
        for source in sources {
            assert_eq!(source["datasource"]["uid"], "${datasource}", "{title}");
        }
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        for (x, y) in
            (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(x < 24 && places.insert((x, y)), "{title} lies on another");
        }
        assert!(titles.insert(title.clone()), "two panels are called {title}");
    }
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
    for name in TO_COME {
        assert_eq!(Metric::find(name), None, "{name} has come: take it off TO_COME");
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
        panels().iter().map(|panel| panel["title"].as_str().unwrap().to_owned()).collect();
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
    let rooms = ["http.", "cache.", "kingdee.", "history.", "accounts.", "log."];
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

#[test]
fn names_and_labels_are_found_in_queries() {
    let query = r#"sum by (le) (rate(points_gateway_x_bucket{route=~"/m/{id}/p",status!="5.."}[5m])) / process_y > 0"#;
    let found = names(query);
    assert_eq!(
        found.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["points_gateway_x_bucket", "process_y"]
    );
    assert_eq!(selected(found[0].1), ["route", "status"]);
    assert_eq!(selected(found[1].1), Vec::<&str>::new());
}
