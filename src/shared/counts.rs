//! What happened between this replica and the shared tier, for the metrics page.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn inc(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of the shared tier.
#[derive(Debug, Default)]
pub struct SharedCounts {
    /// Chunks found there and used.
    pub hits: Count,
    /// Chunks looked for there in vain: not there, too old, or of an ended generation.
    pub misses: Count,
    /// Chunks put there.
    pub stored: Count,
    /// Records that could not be opened or believed: they count as misses.
    pub unreadable: Count,
    /// Fetches that waited for another replica's and got its rows.
    pub coalesced: Count,
    /// Purges heard of from other replicas.
    pub purges_heard: Count,
    /// Commands that failed or took too long.
    pub errors: Count,
    /// Times that the way there broke down.
    pub breaks: Count,
}
