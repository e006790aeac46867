//! Queries, taken apart as far as names and labels go, and promtool for the rest.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use points_gateway::telemetry::list::{LABELS, find};

pub fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Names that look like ours, each with what follows it.
pub fn names(text: &str) -> Vec<(&str, &str)> {
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
pub fn resolve(query: &str, recorded: &BTreeSet<String>) {
    for (name, after) in names(query) {
        if recorded.contains(name) {
            continue;
        }
        let metric = find(name).unwrap_or_else(|| panic!("there is no {name}: {query}"));
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

pub fn promtool(arguments: &[&str], input: &str) -> String {
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
