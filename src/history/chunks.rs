//! What it takes to read chunks: how that is done is in [`super::read`] and [`super::fetch`].

use std::sync::Arc;

use super::HistoryError;
use super::served::Served;
use super::settings::HistorySettings;
use crate::cache::{CacheSettings, LedgerCache, Stored};
use crate::clock::Clock;
use crate::domain::freshness::Verdict;
use crate::kingdee::Kingdee;
use crate::telemetry::{Counters, Faults};

/// Chunks: cache first, Kingdee otherwise.
pub(super) struct Chunks {
    pub cache: LedgerCache<HistoryError>,
    pub kingdee: Kingdee,
    pub clock: Clock,
    pub settings: HistorySettings,
    pub cooldowns: CacheSettings,
    pub counters: Arc<Counters>,
    /// One for each account set, in the order of their indices.
    pub served: Vec<Served>,
    /// What went wrong lately.
    pub faults: Faults,
}

impl Chunks {
    /// What may be done with a chunk now.
    pub(super) fn verdict(&self, stored: &Stored) -> Verdict {
        self.settings.freshness.verdict(stored.fresh_until, self.clock.tick())
    }
}
