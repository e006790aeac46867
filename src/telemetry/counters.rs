//! Counters of the cache and history rooms. Cheap to bump, read by the metrics page.

use prometheus_client::metrics::counter::Counter;

/// What happened, in numbers that only grow.
#[derive(Debug, Default)]
pub struct Counters {
    /// Callers that joined somebody else's fetch.
    pub coalesced: Counter,
    /// Fetches that ended in an error.
    pub fetch_failed: Counter,
    /// Rows of another member that were dropped.
    pub foreign_rows: Counter,
    /// Rows whose amounts don't add up.
    pub odd_rows: Counter,
}
