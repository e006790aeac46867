//! `docs/metrics.md`, written from the list.

use std::fmt::Write as _;

use super::list::{ALL, LABELS};
use super::metric::Metric;

const FRONT: &str = "\
# Metrics

Written by `points-gateway metrics` from the list in `src/telemetry/list.rs`, with which tests compare this page, a real scrape, the dashboard,
the alerts and the runbook.

`GET /metrics` on the admin listener (`127.0.0.1:9090` by default) answers in Prometheus text (`text/plain; version=0.0.4`), or in
OpenMetrics for those whose `Accept` asks for it, as Prometheus does. The number of series depends on the number of account sets and on
nothing that callers send: routes are templates, outcomes and classes fixed lists, and no label holds a member, a path or an address.
Times are seconds, sizes bytes. Counters begin at zero with each start of the process.

[`deploy/dashboards/points-gateway.json`](../deploy/dashboards/points-gateway.json) is a Grafana dashboard that imports as it is,
[`deploy/alerts/points-gateway.rules.yaml`](../deploy/alerts/points-gateway.rules.yaml) has the alerts,
[runbook.md](runbook.md) says what to do when one of them fires.

The dashboard has not been opened in a Grafana, for want of one. What was done instead, once: Grafana's own typed models (`grafana-foundation-sdk`
for 10.1 and for 11.6) read it and wrote it again without losing a field, but for `__inputs`, `__requires` and the `definition` of variables, which
they leave out; every value was of its type and every word one of those allowed. And a real Prometheus (2.42) that scraped a gateway under load answered all 63 queries, with rows wherever there was
something to tell. Tests repeat what needs neither: syntax, names, labels, no two panels in one place.
";

/// The page.
pub fn markdown() -> String {
    let mut page = FRONT.to_owned();
    let mut group = "";
    for metric in ALL {
        if metric.group != group {
            group = metric.group;
            let _infallible = write!(
                page,
                "\n## {group}\n\n| Metric | Type | Labels | What it tells |\n|---|---|---|---|\n"
            );
        }
        row(&mut page, metric);
    }
    page.push_str("\n## Labels\n\n| Label | What it holds |\n|---|---|\n");
    for (label, text) in LABELS {
        let _infallible = writeln!(page, "| `{label}` | {text} |");
    }
    page
}

fn row(page: &mut String, metric: &Metric) {
    let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
    let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
    let _infallible =
        writeln!(page, "| `{}` | {} | {labels} | {} |", metric.name, metric.kind.label(), metric.help);
}
