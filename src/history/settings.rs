//! What the use cases need to know; `config` fills it in.

use std::time::Duration;

use crate::cache::CacheSettings;
use crate::domain::freshness::FreshnessPolicy;
use crate::domain::ledger::CountCheck;

/// Settings of the history room.
#[derive(Debug, Clone)]
pub struct HistorySettings {
    /// How long chunks may be believed.
    pub freshness: FreshnessPolicy,
    /// What to do when rows and `count` disagree.
    pub count_check: CountCheck,
    /// At most one forced fresh read of a member in this time (`Cache-Control: no-cache`).
    pub no_cache_floor: Duration,
    /// Longest time an app waits for an answer.
    pub caller_deadline: Duration,
    /// How long a caller waits for fresh rows while stale ones could be served.
    pub stale_patience: Duration,
    /// Chunks that may be searched for the row that a cursor names.
    pub cursor_search_chunks: u32,
}

/// What is in force: replaced as a whole, taken once for each piece of work.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Of this room.
    pub history: HistorySettings,
    /// Pauses after failed refreshes.
    pub cooldowns: CacheSettings,
}

impl Default for HistorySettings {
    fn default() -> Self {
        HistorySettings {
            freshness: FreshnessPolicy::default(),
            count_check: CountCheck::default(),
            no_cache_floor: Duration::from_secs(5),
            caller_deadline: Duration::from_secs(9),
            stale_patience: Duration::from_secs(1),
            cursor_search_chunks: 8,
        }
    }
}
