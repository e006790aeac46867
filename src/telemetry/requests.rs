//! What the edge counts: requests and their duration, by route, status and outcome. Labels are bounded: routes are
//! templates, methods the known ones, outcomes a fixed list.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

/// Labels of one series.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// Template of the route.
    pub route: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Where the rows came from, or the kind of problem.
    pub outcome: &'static str,
}

/// Labels of a duration: hits must not hide a slow upstream.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabel {
    /// Where the rows came from, or the kind of problem.
    pub outcome: &'static str,
}

/// Requests and durations.
#[derive(Debug, Clone)]
pub struct RequestMetrics {
    /// Requests answered.
    pub requests: Family<RequestLabels, Counter>,
    /// Seconds until the answer's head was ready.
    pub duration: Family<OutcomeLabel, Histogram, fn() -> Histogram>,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        RequestMetrics { requests: Family::default(), duration: Family::new_with_constructor(durations) }
    }
}

fn durations() -> Histogram {
    Histogram::new([25e-6, 100e-6, 500e-6, 2.5e-3, 10e-3, 50e-3, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

/// One series, looked up once, for answers that come by the thousand.
#[derive(Debug, Clone)]
pub struct Series {
    requests: Counter,
    duration: Histogram,
}

impl RequestMetrics {
    /// The series of these labels.
    pub fn series(&self, labels: RequestLabels) -> Series {
        let duration = self.duration.get_or_create(&OutcomeLabel { outcome: labels.outcome }).clone();
        Series { requests: self.requests.get_or_create(&labels).clone(), duration }
    }
}

impl Series {
    /// Counts one answer.
    pub fn count(&self, took: Duration) {
        self.requests.inc();
        self.duration.observe(took.as_secs_f64());
    }
}
