//! How long a chunk may be believed: fresh, stale but servable, gone.

use std::time::Duration;

use jiff::Timestamp;

use super::query::Selection;
use crate::clock::Tick;

/// The times that decide, all settable (`cache.*` in the configuration).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshnessPolicy {
    /// How long a chunk is fresh.
    pub fresh: Duration,
    /// How long an empty history is fresh.
    pub fresh_empty: Duration,
    /// How long a settled window is fresh: rows carry `modify_time`, so long, not for ever.
    pub fresh_settled: Duration,
    /// How far back a window must end to count as settled.
    pub settle_margin: Duration,
    /// How long after its fresh time a chunk is served at once while one refresh runs.
    pub stale_while_revalidate: Duration,
    /// How long after its fresh time a chunk is served because Kingdee fails.
    pub stale_if_error: Duration,
    /// Spread of the fresh time in percent, so that a fleet doesn't refresh in step.
    pub jitter_percent: u8,
}

impl Default for FreshnessPolicy {
    fn default() -> Self {
        FreshnessPolicy {
            fresh: Duration::from_secs(30),
            fresh_empty: Duration::from_secs(10),
            fresh_settled: Duration::from_secs(3600),
            settle_margin: Duration::from_secs(48 * 3600),
            stale_while_revalidate: Duration::from_secs(300),
            stale_if_error: Duration::from_secs(24 * 3600),
            jitter_percent: 10,
        }
    }
}

/// Which fresh time applies to a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreshnessClass {
    /// Rows may be added any moment.
    Open,
    /// The window ended long ago.
    Settled,
    /// There are no rows.
    Empty,
}

impl FreshnessClass {
    /// Stable label for metrics.
    pub fn label(self) -> &'static str {
        match self {
            FreshnessClass::Open => "open",
            FreshnessClass::Settled => "settled",
            FreshnessClass::Empty => "empty",
        }
    }
}

impl FreshnessPolicy {
    /// The class of a chunk of `selection` that was read at `now` and counts `count` rows.
    pub fn class(&self, selection: &Selection, count: u32, now: Timestamp) -> FreshnessClass {
        let settled = selection.window.to.is_some_and(|to| {
            let margin = i64::try_from(self.settle_margin.as_secs()).unwrap_or(i64::MAX);
            now.as_second().saturating_sub(to.as_second()) > margin
        });
        match (settled, count) {
            (true, _) => FreshnessClass::Settled,
            (false, 0) => FreshnessClass::Empty,
            (false, _) => FreshnessClass::Open,
        }
    }

    /// The nominal fresh time of a class; what `Cache-Control: max-age` says.
    pub fn lifetime(&self, class: FreshnessClass) -> Duration {
        match class {
            FreshnessClass::Open => self.fresh,
            FreshnessClass::Settled => self.fresh_settled,
            FreshnessClass::Empty => self.fresh_empty,
        }
    }

    /// The longest that a chunk may be served after it was read.
    pub fn longest(&self) -> Duration {
        let fresh = self.fresh.max(self.fresh_empty).max(self.fresh_settled);
        fresh.mul_f64(1.0 + f64::from(self.jitter_percent) / 100.0)
            + self.stale_if_error.max(self.stale_while_revalidate)
    }

    /// The fresh time with its spread; `chance` is uniform in 0..1.
    pub fn jittered(&self, class: FreshnessClass, chance: f64) -> Duration {
        let spread = f64::from(self.jitter_percent) / 100.0;
        self.lifetime(class).mul_f64(1.0 - spread + 2.0 * spread * chance.clamp(0.0, 1.0))
    }

    /// What may be done at `now` with a chunk that is fresh until `fresh_until`.
    pub fn verdict(&self, fresh_until: Tick, now: Tick) -> Verdict {
        if now < fresh_until {
            return Verdict::Fresh;
        }
        let late = now.since(fresh_until);
        if late < self.stale_while_revalidate {
            Verdict::Revalidate
        } else if late < self.stale_if_error {
            Verdict::OnlyIfError
        } else {
            Verdict::Gone
        }
    }
}

/// What may be done with a chunk of a certain age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Serve.
    Fresh,
    /// Serve at once, refresh in the background.
    Revalidate,
    /// Ask Kingdee first; serve if that fails.
    OnlyIfError,
    /// Don't serve.
    Gone,
}
