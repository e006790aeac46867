//! How cache, shared tier and Kingdee stand at a moment, in the words of the metrics page.

use super::History;
use crate::kingdee::lane::breaker::Standing;
use crate::kingdee::snapshot::Snapshot;
use crate::kingdee::tally::Counts;
use crate::shared::Shared;
use crate::telemetry::tier::TierFacts;
use crate::telemetry::upstream::{ByClass, UpstreamFacts};
use crate::telemetry::{CacheFacts, Moment};

impl History {
    /// How things stand now.
    pub fn moment(&self) -> Moment {
        let (entries, bytes) = self.cache_size();
        let memory = self.chunks.cache.memory();
        let cache = CacheFacts {
            entries,
            bytes,
            capacity_bytes: memory.capacity_bytes(),
            evictions: memory.evictions(),
            fetches: self.under_way() as u64,
        };
        let shared = self.shared_tier().map(tier);
        Moment { cache, shared, upstream: self.chunks.kingdee.snapshot().into_iter().map(facts).collect() }
    }
}

fn tier(shared: &Shared) -> TierFacts {
    let counts = &shared.counts;
    TierFacts {
        up: shared.link.is_open(),
        hits: counts.hits.get(),
        misses: counts.misses.get(),
        unreadable: counts.unreadable.get(),
        stored: counts.stored.get(),
        coalesced: counts.coalesced.get(),
        purges_heard: counts.purges_heard.get(),
        errors: counts.errors.get(),
        breaks: counts.breaks.get(),
    }
}

fn facts(snapshot: Snapshot) -> UpstreamFacts {
    let lane = snapshot.lane;
    UpstreamFacts {
        account: snapshot.account.as_str().to_owned(),
        waiting: lane.waiting,
        under_way: lane.under_way,
        tokens: lane.tokens,
        rate_ratio: lane.rate_factor,
        paused: lane.paused_for.as_secs_f64(),
        retries_saved: lane.retries_saved,
        breaker_open: lane.breaker != Standing::Closed,
        skew: snapshot.skew.as_secs_f64(),
        token: snapshot.token.map(|token| (token.age.as_secs_f64(), token.life.as_secs_f64())),
        calls: by_class(&snapshot.calls),
        attempts: by_class(&snapshot.attempts),
        token_calls: by_class(&snapshot.token_calls),
        pulls: by_class(&snapshot.pulls),
        durations: snapshot.durations,
        waits: snapshot.waits,
    }
}

fn by_class(counts: &Counts) -> ByClass {
    let failed = counts.failed.iter().map(|(failure, count)| (failure.label(), *count));
    std::iter::once(("ok", counts.good)).chain(failed).collect()
}
