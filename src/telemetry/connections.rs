//! What the edge counts of connections: open ones, those cut at the end, and accepts that failed.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::list;

/// Why a connection could not be accepted: `exhausted` (descriptors or memory), `peer-gone`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AcceptFault {
    /// The reason.
    pub reason: &'static str,
}

/// Connections of both listeners. Clones share the numbers.
#[derive(Debug, Clone, Default)]
pub struct ConnectionMetrics {
    /// Connections open now.
    pub open: Gauge,
    /// Connections cut at the drain's deadline.
    pub cut: Counter,
    /// Accepts that failed.
    pub accept_faults: Family<AcceptFault, Counter>,
}

impl ConnectionMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        list::HTTP_CONNECTIONS.register(registry, self.open.clone());
        list::HTTP_CONNECTIONS_CUT.register(registry, self.cut.clone());
        list::HTTP_ACCEPT_FAULTS.register(registry, self.accept_faults.clone());
    }
}
