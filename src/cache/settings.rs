//! What the cache needs to know; `config` fills it in.

use std::time::Duration;

/// Settings of the cache room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// Bytes that all entries together may take, their bookkeeping included.
    pub capacity_bytes: u64,
    /// First pause after a failed refresh of a chunk; doubles with each further failure.
    pub cooldown_first: Duration,
    /// Longest pause after failed refreshes.
    pub cooldown_max: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        CacheSettings {
            capacity_bytes: 256 << 20,
            cooldown_first: Duration::from_secs(1),
            cooldown_max: Duration::from_secs(30),
        }
    }
}
