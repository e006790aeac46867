//! The dashboard: valid, complete, and about metrics that exist.

use std::collections::BTreeSet;
use std::fs;

use points_gateway::telemetry::list::{ALL, find};
use serde_json::Value;

use crate::promql::{names, promtool, read, resolve};

const DASHBOARD: &str = "deploy/dashboards/points-gateway.json";

/// Panels without rows, and what they ask.
pub fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().filter(|panel| panel["type"] != "row").cloned().collect()
}

fn queries() -> Vec<String> {
    let panels = panels();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
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
        let metric = find(metric).unwrap();
        assert!(label == "instance" || metric.labels.contains(&label), "{definition}");
    }
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let queries = queries().join("\n");
    let shown: BTreeSet<_> = names(&queries).iter().filter_map(|(n, _)| Some(find(n)?.name)).collect();
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
