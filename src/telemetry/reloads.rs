//! What is counted of configurations that were read again while serving.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::list;

/// How a reload ended: `applied`, `refused`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabel {
    result: &'static str,
}

/// How the last reload ended, or the start if there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastReload {
    /// Whether what is written now was refused.
    pub refused: bool,
    /// Keys of the configuration in force that await a restart.
    pub pending: u64,
}

/// Reloads, and how the last one ended. Clones share the numbers.
#[derive(Debug, Clone, Default)]
pub struct ReloadMetrics {
    reloads: Family<ReloadLabel, Counter>,
    successful: Gauge,
    at: Gauge<f64, AtomicU64>,
    pending: Gauge,
}

impl ReloadMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        list::CONFIG_RELOADS.register(registry, self.reloads.clone());
        list::CONFIG_SUCCESSFUL.register(registry, self.successful.clone());
        list::CONFIG_SINCE.register(registry, self.at.clone());
        list::CONFIG_PENDING.register(registry, self.pending.clone());
    }

    /// The start took a configuration over.
    pub fn started(&self, now: Timestamp) {
        for result in ["applied", "refused"] {
            self.reloads.get_or_create(&ReloadLabel { result }).inc_by(0); // shown before the first
        }
        self.in_force(now, 0);
    }

    /// A configuration was taken over, but for so many keys.
    pub fn applied(&self, now: Timestamp, pending: usize) {
        self.reloads.get_or_create(&ReloadLabel { result: "applied" }).inc();
        self.in_force(now, pending);
    }

    /// A configuration was refused.
    pub fn refused(&self) {
        self.reloads.get_or_create(&ReloadLabel { result: "refused" }).inc();
        self.successful.set(0);
    }

    /// How the last one ended.
    pub fn last(&self) -> LastReload {
        let pending = u64::try_from(self.pending.get()).unwrap_or(0);
        LastReload { refused: self.successful.get() == 0, pending }
    }

    fn in_force(&self, now: Timestamp, pending: usize) {
        self.successful.set(1);
        self.at.set(now.as_second() as f64);
        self.pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
    }
}
