//! Everything that is counted, and the page that a scraper reads.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::connections::ConnectionMetrics;
use super::counters::Counters;
use super::exposition::{self, Format};
use super::list;
use super::moment::{Moment, Snapshot};
use super::process::ProcessFacts;
use super::reloads::ReloadMetrics;
use super::requests::RequestMetrics;
use super::trace::TraceMetrics;
use crate::clock::Clock;

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
    /// Configurations that were read again.
    pub reloads: ReloadMetrics,
    /// What became of spans.
    pub trace: TraceMetrics,
    log_dropped: Counter,
    /// Seconds since 1970.
    started: f64,
}

impl Metrics {
    /// Registers everything that is counted. The process started about now.
    pub fn new(clock: &Clock) -> Metrics {
        let counters = Arc::<Counters>::default();
        let requests = RequestMetrics::default();
        let connections = ConnectionMetrics::default();
        let reloads = ReloadMetrics::default();
        let (trace, log_dropped) = (TraceMetrics::default(), Counter::default());
        let mut registry = Registry::default();
        requests.register(&mut registry);
        connections.register(&mut registry);
        counters.register(&mut registry);
        reloads.register(&mut registry);
        trace.register(&mut registry);
        list::LOG_DROPPED.register(&mut registry, log_dropped.clone());
        let started = clock.now().as_millisecond() as f64 / 1e3;
        Metrics { registry, counters, requests, connections, reloads, trace, log_dropped, started }
    }

    /// Takes over what the log had no room for; it is counted there, and only ever grows.
    pub fn tell_log(&self, dropped: u64) {
        self.log_dropped.inner().fetch_max(dropped, Ordering::Relaxed);
    }

    /// The page. How things stand at this moment is told by the caller.
    pub fn render(&self, format: Format, moment: Moment) -> String {
        let mut now = Registry::default();
        let process = ProcessFacts::read(self.started);
        now.register_collector(Box::new(Snapshot { moment, process }));
        let mut page = String::new();
        let written = [&self.registry, &now].into_iter().try_for_each(|r| encode_registry(&mut page, r));
        match (written.and_then(|()| encode_eof(&mut page)), format) {
            (Ok(()), Format::OpenMetrics) => page,
            (Ok(()), Format::Prometheus) => exposition::prometheus(&page),
            (Err(_), _) => String::new(), // writing to a String does not fail
        }
    }
}
