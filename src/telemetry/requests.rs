//! What the edge counts: requests and their duration, by route, status and outcome. Labels are bounded: routes are
//! templates, methods the known ones, outcomes a fixed list.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::histogram::Histogram;
use super::list;
use super::spread::SpreadCounter;

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
    pub requests: Family<RequestLabels, SpreadCounter>,
    /// Time until the answer's head was ready.
    pub duration: Family<OutcomeLabel, Histogram, fn() -> Histogram>,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let duration: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(Histogram::of_requests);
        RequestMetrics { requests: Family::default(), duration }
    }
}

/// One series, looked up once, for answers that come by the thousand.
#[derive(Debug, Clone)]
pub struct Series {
    requests: SpreadCounter,
    duration: Histogram,
}

impl RequestMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        list::HTTP_REQUESTS.register(registry, self.requests.clone());
        list::HTTP_DURATION.register(registry, self.duration.clone());
    }

    /// The series of these labels; it is there with zeros from now on.
    pub fn series(&self, labels: RequestLabels) -> Series {
        let duration = self.duration.get_or_create_owned(&OutcomeLabel { outcome: labels.outcome });
        Series { requests: self.requests.get_or_create_owned(&labels), duration }
    }
}

impl RequestMetrics {
    /// Requests answered so far with these labels; looking makes no series.
    pub fn answered(&self, labels: &RequestLabels) -> u64 {
        self.requests.get(labels).map_or(0, |count| count.get())
    }
}

impl Series {
    /// Counts one answer.
    pub fn count(&self, took: Duration) {
        self.requests.inc();
        self.duration.observe(took);
    }
}
