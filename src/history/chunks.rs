//! What it takes to read chunks: how that is done is in [`super::read`] and [`super::fetch`].

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::HistoryError;
use super::served::Served;
use super::settings::Rules;
use crate::cache::{LedgerCache, Stored};
use crate::clock::{Clock, Tick};
use crate::domain::freshness::Verdict;
use crate::kingdee::Kingdee;
use crate::shared::Patience;
use crate::telemetry::{Counters, Faults};

/// Chunks: cache first, Kingdee otherwise.
pub(super) struct Chunks {
    pub cache: LedgerCache<HistoryError>,
    pub kingdee: Kingdee,
    pub clock: Clock,
    pub rules: ArcSwap<Rules>,
    pub counters: Arc<Counters>,
    /// One for each account set, in the order of their indices.
    pub served: Vec<Served>,
    /// What went wrong lately.
    pub faults: Faults,
}

impl Chunks {
    /// What may be done with a chunk at `now`. Most are fresh, and that is known without the rules.
    pub(super) fn verdict_at(&self, stored: &Stored, now: Tick) -> Verdict {
        match now < stored.fresh_until {
            true => Verdict::Fresh,
            false => self.rules.load().history.freshness.verdict(stored.fresh_until, now),
        }
    }

    /// How long one errand may wait for the tier that replicas share; not at all, where there is none.
    pub(super) fn patience(&self) -> Arc<Patience> {
        self.cache.shared().map(|shared| shared.tier().link.patience()).unwrap_or_default().into()
    }

    /// What may be done with a chunk now.
    pub(super) fn verdict(&self, stored: &Stored) -> Verdict {
        self.verdict_at(stored, self.clock.tick())
    }
}
