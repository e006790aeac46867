//! What happened between this replica and the shared tier, for the metrics page.

use prometheus_client::metrics::counter::Counter;

/// Counters of the shared tier.
#[derive(Debug, Default)]
pub struct SharedCounts {
    /// Chunks found there and used.
    pub hits: Counter,
    /// Chunks looked for there in vain: not there, too old, or of an ended generation.
    pub misses: Counter,
    /// Chunks put there.
    pub stored: Counter,
    /// Records that could not be opened or believed: they count as misses.
    pub unreadable: Counter,
    /// Fetches that waited for another replica's and got its rows.
    pub coalesced: Counter,
    /// Purges heard of from other replicas.
    pub purges_heard: Counter,
    /// Commands that failed or took too long.
    pub errors: Counter,
    /// Times that the way there broke down.
    pub breaks: Counter,
}
