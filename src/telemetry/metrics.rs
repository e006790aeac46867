//! The list of every metric and its labels, and the page that a scraper reads.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::connections::ConnectionMetrics;
use super::counters::Counters;
use super::requests::RequestMetrics;
use super::trace::TraceMetrics;
use super::upstream::UpstreamMetrics;

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// What the cache and the use cases count.
    pub counters: Arc<Counters>,
    /// What the edge counts.
    pub requests: RequestMetrics,
    /// What the edge counts of connections.
    pub connections: ConnectionMetrics,
    /// What became of spans.
    pub trace: TraceMetrics,
    /// How the way to Kingdee stands.
    pub upstream: UpstreamMetrics,
    entries: Gauge,
    bytes: Gauge,
    log_dropped: Counter,
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> Metrics {
        let counters = Arc::<Counters>::default();
        let requests = RequestMetrics::default();
        let connections = ConnectionMetrics::default();
        let upstream = UpstreamMetrics::default();
        let (entries, bytes) = (Gauge::default(), Gauge::default());
        let mut registry = Registry::with_prefix("points_gateway");
        let r = &mut registry;
        r.register("http_requests", "Requests answered", requests.requests.clone());
        r.register(
            "http_request_duration_seconds",
            "Time until the answer's head",
            requests.duration.clone(),
        );
        r.register("http_connections", "Connections open now, both listeners", connections.open.clone());
        r.register(
            "http_connections_cut",
            "Connections cut at the drain's deadline",
            connections.cut.clone(),
        );
        r.register(
            "http_accept_faults",
            "Connections that could not be accepted, by reason",
            connections.accept_faults.clone(),
        );
        r.register("cache_entries", "Ledger chunks in memory", entries.clone());
        r.register("cache_bytes", "Bytes that ledger chunks take", bytes.clone());
        r.register("coalesced", "Callers that joined somebody else's fetch", counters.coalesced.clone());
        r.register("fetches_failed", "Fetches that ended in an error", counters.fetch_failed.clone());
        r.register("foreign_rows", "Rows of another member that were dropped", counters.foreign_rows.clone());
        r.register("odd_rows", "Rows whose amounts don't add up", counters.odd_rows.clone());
        let (trace, log_dropped) = (TraceMetrics::default(), Counter::default());
        r.register("log_dropped", "Log lines or batches of them that found no room", log_dropped.clone());
        trace.register(r);
        upstream.register(r);
        Metrics { registry, counters, requests, connections, trace, upstream, entries, bytes, log_dropped }
    }

    /// Takes over what the log had no room for; it is counted there, and only ever grows.
    pub fn tell_log(&self, dropped: u64) {
        self.log_dropped.inner().fetch_max(dropped, Ordering::Relaxed);
    }

    /// OpenMetrics text. Sizes are told by the caller, since they are read when somebody asks.
    pub fn render(&self, cache_entries: u64, cache_bytes: u64) -> String {
        self.entries.set(cache_entries.try_into().unwrap_or(i64::MAX));
        self.bytes.set(cache_bytes.try_into().unwrap_or(i64::MAX));
        let mut page = String::new();
        match prometheus_client::encoding::text::encode(&mut page, &self.registry) {
            Ok(()) => page,
            Err(_) => String::new(), // writing to a String does not fail
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}
