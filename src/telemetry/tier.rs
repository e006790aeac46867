//! The tier that replicas share, at a moment.

use std::fmt;

use prometheus_client::metrics::counter::ConstCounter;

use super::list;
use super::pen::Pen;

/// How the shared tier stands, and what was counted of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct TierFacts {
    /// Whether it answers.
    pub up: bool,
    /// Chunks found there and used.
    pub hits: u64,
    /// Chunks looked for there in vain.
    pub misses: u64,
    /// Records that could not be opened or believed.
    pub unreadable: u64,
    /// Chunks put there.
    pub stored: u64,
    /// Fetches that waited for another replica's and got its rows.
    pub coalesced: u64,
    /// Purges heard of from other replicas.
    pub purges_heard: u64,
    /// Commands that failed or took too long.
    pub errors: u64,
    /// Times that the way there broke down.
    pub breaks: u64,
}

impl TierFacts {
    pub(super) fn draw(&self, pen: &mut Pen<'_>) -> fmt::Result {
        pen.gauge(&list::SHARED_UP, u32::from(self.up))?;
        let looks = [("hit", self.hits), ("miss", self.misses)];
        pen.family(
            &list::SHARED_LOOKUPS,
            looks.map(|(result, count)| ([("result", result)], ConstCounter::new(count))),
        )?;
        for (metric, count) in [
            (&list::SHARED_UNREADABLE, self.unreadable),
            (&list::SHARED_STORED, self.stored),
            (&list::SHARED_COALESCED, self.coalesced),
            (&list::SHARED_PURGES, self.purges_heard),
            (&list::SHARED_ERRORS, self.errors),
            (&list::SHARED_BREAKS, self.breaks),
        ] {
            pen.counter(metric, count)?;
        }
        Ok(())
    }
}
