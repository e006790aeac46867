//! How the way to Kingdee stands: lane, breaker, clock, token, calls. Written when somebody reads the metrics page.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The account set (账套), by its name in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AccountLabel {
    /// Its name.
    pub account: String,
}

/// How calls of an account set ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ClassLabels {
    /// The account set's name.
    pub account: String,
    /// `ok`, or the class of a failure.
    pub class: &'static str,
}

type Seconds = Gauge<f64, AtomicU64>;

/// Gauges and counters of the way to Kingdee. Clones share the numbers.
#[derive(Debug, Clone, Default)]
pub struct UpstreamMetrics {
    waiting: Family<AccountLabel, Gauge>,
    under_way: Family<AccountLabel, Gauge>,
    rate_factor: Family<AccountLabel, Seconds>,
    breaker_open: Family<AccountLabel, Gauge>,
    skew: Family<AccountLabel, Seconds>,
    token_age: Family<AccountLabel, Seconds>,
    token_life: Family<AccountLabel, Seconds>,
    calls: Family<ClassLabels, Counter>,
    attempts: Family<ClassLabels, Counter>,
}

/// One account set at a moment.
#[derive(Debug, Clone, Default)]
pub struct UpstreamFacts {
    /// Its name in the configuration.
    pub account: String,
    /// Calls that wait for their turn.
    pub waiting: u32,
    /// Calls under way.
    pub under_way: u32,
    /// Share of the configured rate in use, 1/16 to 1.
    pub rate_factor: f64,
    /// Whether calls are kept back since too many failed.
    pub breaker_open: bool,
    /// Kingdee's clock minus ours, in seconds, as it is applied.
    pub skew: f64,
    /// Age and remaining life of the token in seconds; zero where there is none.
    pub token: (f64, f64),
    /// Calls by how they ended.
    pub calls: Vec<(&'static str, u64)>,
    /// Attempts that were sent, by how they ended.
    pub attempts: Vec<(&'static str, u64)>,
}

impl UpstreamMetrics {
    pub(super) fn register(&self, r: &mut Registry) {
        r.register("lane_waiting", "Calls that wait for their turn", self.waiting.clone());
        r.register("lane_under_way", "Calls to Kingdee under way", self.under_way.clone());
        r.register("lane_rate_factor", "Share of the configured rate in use", self.rate_factor.clone());
        r.register("breaker_open", "1 while calls are kept back", self.breaker_open.clone());
        r.register("clock_skew_seconds", "Kingdee's clock minus ours, as applied", self.skew.clone());
        r.register("token_age_seconds", "Age of the token", self.token_age.clone());
        r.register("token_life_seconds", "Time until the token is no longer sent", self.token_life.clone());
        r.register("upstream_calls", "Calls by how they ended", self.calls.clone());
        r.register("upstream_attempts", "Attempts sent to Kingdee, by how they ended", self.attempts.clone());
    }

    /// Takes over how an account set stands.
    pub fn tell(&self, facts: UpstreamFacts) {
        let label = AccountLabel { account: facts.account };
        self.waiting.get_or_create(&label).set(facts.waiting.into());
        self.under_way.get_or_create(&label).set(facts.under_way.into());
        self.rate_factor.get_or_create(&label).set(facts.rate_factor);
        self.breaker_open.get_or_create(&label).set(facts.breaker_open.into());
        self.skew.get_or_create(&label).set(facts.skew);
        self.token_age.get_or_create(&label).set(facts.token.0);
        self.token_life.get_or_create(&label).set(facts.token.1);
        for (family, counts) in [(&self.calls, facts.calls), (&self.attempts, facts.attempts)] {
            for (class, count) in counts {
                let labels = ClassLabels { account: label.account.clone(), class };
                // The number is counted elsewhere and only ever grows.
                family.get_or_create(&labels).inner().fetch_max(count, Ordering::Relaxed);
            }
        }
    }
}
