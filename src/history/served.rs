//! What the metrics are told of each page: how old its rows are, and why they are stale if they are.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use super::outcome::{Outcome, StaleReason};
use crate::domain::freshness::FreshnessClass;
use crate::telemetry::Counters;
use crate::telemetry::counters::{AccountLabel, AgeLabels, StaleLabels};
use crate::telemetry::histogram::{Histogram, Reading};
use crate::telemetry::spread::SpreadCounter;

/// The series of one account set, looked up once: a hit only adds.
pub(super) struct Served {
    open: Histogram,
    settled: Histogram,
    empty: Histogram,
    revalidating: SpreadCounter,
    slow: SpreadCounter,
    failing: SpreadCounter,
    differs: SpreadCounter,
    pub foreign_rows: Counter,
    pub odd_rows: Counter,
}

impl Served {
    /// Of the account set with this name; its series are there with zeros from now on.
    pub fn of(counters: &Counters, account: &str) -> Served {
        let age = |freshness: FreshnessClass| {
            let labels = AgeLabels { account: account.to_owned(), freshness: freshness.label() };
            counters.served_age.get_or_create_owned(&labels)
        };
        let stale = |reason: StaleReason| {
            let labels = StaleLabels { account: account.to_owned(), reason: reason.label() };
            counters.stale_served.get_or_create_owned(&labels)
        };
        let label = AccountLabel { account: account.to_owned() };
        Served {
            open: age(FreshnessClass::Open),
            settled: age(FreshnessClass::Settled),
            empty: age(FreshnessClass::Empty),
            revalidating: stale(StaleReason::Revalidating),
            slow: stale(StaleReason::Slow),
            failing: stale(StaleReason::Failing),
            differs: stale(StaleReason::CountDiffers),
            foreign_rows: counters.foreign_rows.get_or_create_owned(&label),
            odd_rows: counters.odd_rows.get_or_create_owned(&label),
        }
    }

    /// How old rows were when they were served.
    pub fn ages(&self) -> Reading {
        [&self.settled, &self.empty].iter().fold(self.open.read(), |ages, more| ages.and(&more.read()))
    }

    /// A page goes out.
    pub fn count(&self, outcome: Outcome, class: FreshnessClass, age: Duration) {
        let ages = match class {
            FreshnessClass::Open => &self.open,
            FreshnessClass::Settled => &self.settled,
            FreshnessClass::Empty => &self.empty,
        };
        ages.observe(age);
        let Outcome::Stale(reason) = outcome else { return };
        match reason {
            StaleReason::Revalidating => self.revalidating.inc(),
            StaleReason::Slow => self.slow.inc(),
            StaleReason::Failing => self.failing.inc(),
            StaleReason::CountDiffers => self.differs.inc(),
        }
    }
}
