//! How the way to Kingdee stands, in the words of the metrics page.

use super::History;
use crate::kingdee::lane::breaker::Standing;
use crate::kingdee::snapshot::Snapshot;
use crate::kingdee::tally::Counts;
use crate::telemetry::upstream::{UpstreamFacts, UpstreamMetrics};

impl History {
    /// Tells the metrics how every account set stands now.
    pub fn tell_upstream(&self, metrics: &UpstreamMetrics) {
        for snapshot in self.chunks.kingdee.snapshot() {
            metrics.tell(facts(&snapshot));
        }
    }
}

fn facts(snapshot: &Snapshot) -> UpstreamFacts {
    let token = snapshot.token.map_or((0.0, 0.0), |t| (t.age.as_secs_f64(), t.life.as_secs_f64()));
    UpstreamFacts {
        account: snapshot.account.as_str().to_owned(),
        waiting: snapshot.lane.waiting,
        under_way: snapshot.lane.under_way,
        rate_factor: snapshot.lane.rate_factor,
        breaker_open: snapshot.lane.breaker != Standing::Closed,
        skew: snapshot.skew.as_secs_f64(),
        token,
        calls: by_class(&snapshot.calls),
        attempts: by_class(&snapshot.attempts),
    }
}

fn by_class(counts: &Counts) -> Vec<(&'static str, u64)> {
    let failed = counts.failed.iter().map(|(failure, count)| (failure.label(), *count));
    std::iter::once(("ok", counts.good)).chain(failed).collect()
}
