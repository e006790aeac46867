//! What the cache and history rooms count. Cheap to bump, read by the metrics page.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::histogram::Histogram;
use super::list;
use super::spread::SpreadCounter;

/// The account set (账套), by its name in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AccountLabel {
    /// Its name.
    pub account: String,
}

/// Rows of an account set to which the same fresh time applies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AgeLabels {
    /// The account set's name.
    pub account: String,
    /// Which fresh time.
    pub freshness: &'static str,
}

/// Why stale rows of an account set were served.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StaleLabels {
    /// The account set's name.
    pub account: String,
    /// Why.
    pub reason: &'static str,
}

/// What happened, in numbers that only grow.
#[derive(Debug)]
pub struct Counters {
    /// Callers that joined somebody else's fetch.
    pub coalesced: Counter,
    /// Fetches that ended in an error.
    pub fetch_failed: Counter,
    /// Rows of another member that were dropped.
    pub foreign_rows: Family<AccountLabel, Counter>,
    /// Rows whose amounts don't add up.
    pub odd_rows: Family<AccountLabel, Counter>,
    /// Age of rows when they were served.
    pub served_age: Family<AgeLabels, Histogram, fn() -> Histogram>,
    /// Pages served stale.
    pub stale_served: Family<StaleLabels, SpreadCounter>,
}

impl Default for Counters {
    fn default() -> Self {
        let served_age: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(Histogram::of_ages);
        Counters {
            coalesced: Counter::default(),
            fetch_failed: Counter::default(),
            foreign_rows: Family::default(),
            odd_rows: Family::default(),
            served_age,
            stale_served: Family::default(),
        }
    }
}

impl Counters {
    pub(super) fn register(&self, registry: &mut Registry) {
        list::SERVED_AGE.register(registry, self.served_age.clone());
        list::STALE_SERVED.register(registry, self.stale_served.clone());
        list::COALESCED.register(registry, self.coalesced.clone());
        list::FETCHES_FAILED.register(registry, self.fetch_failed.clone());
        list::FOREIGN_ROWS.register(registry, self.foreign_rows.clone());
        list::ODD_ROWS.register(registry, self.odd_rows.clone());
    }
}
