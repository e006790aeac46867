//! One chunk in the cache: the rows, when they were read, until when they may be believed.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::prepared::Prepared;
use crate::clock::Tick;
use crate::domain::freshness::FreshnessClass;
use crate::domain::ledger::Chunk;
use crate::domain::points::LocalTime;

/// A chunk and its dates. Shared by everyone who serves it; only its cool-down changes.
///
/// In this order, since most are not in the processor's caches when they are asked for: what a hit looks at first.
#[derive(Debug)]
#[repr(C)]
pub struct Stored {
    /// The member's generation when the read began; a purge makes it a thing of the past.
    pub generation: u32,
    /// Which fresh time applies.
    pub class: FreshnessClass,
    /// Until when they are fresh.
    pub fresh_until: Tick,
    /// When they were read from Kingdee on the monotonic clock, for `Age`.
    pub read_at: Tick,
    /// The rows.
    pub chunk: Chunk,
    /// What was written for its pages.
    pub prepared: Prepared,
    /// When they were read, as text for `as_of` (RFC 3339 in the account set's zone).
    pub as_of: Box<str>,
    /// Names the read: replicas that share its rows know by it that they are the same.
    pub origin: u64,
    cooldown: Cooldown,
}

impl Stored {
    /// Dates a chunk.
    pub fn new(
        chunk: Chunk,
        class: FreshnessClass,
        fresh_for: Duration,
        read_at: (Tick, LocalTime),
        generation: u32,
        origin: u64,
    ) -> Stored {
        Stored {
            chunk,
            as_of: read_at.1.to_string().into(),
            read_at: read_at.0,
            fresh_until: read_at.0.after(fresh_for),
            class,
            generation,
            origin,
            prepared: Prepared::default(),
            cooldown: Cooldown::default(),
        }
    }

    /// Time since the rows were read.
    pub fn age(&self, now: Tick) -> Duration {
        now.since(self.read_at)
    }

    /// Whether the next refresh may be tried: no failure lately, or the pause after it is over.
    pub fn may_refresh(&self, now: Tick) -> bool {
        self.cooldown.is_over(now)
    }

    /// Whether the last refresh failed.
    pub fn is_failing(&self) -> bool {
        self.cooldown.failures.load(Ordering::Relaxed) > 0
    }

    /// Leaves the chunk alone for a while, though Kingdee did not fail. Never shortens a pause after failures.
    pub fn rest(&self, now: Tick, pause: Duration) {
        self.cooldown.until.fetch_max(now.after(pause).as_millis(), Ordering::Relaxed);
    }

    /// Notes a failed refresh: the next one waits, twice as long each time.
    pub fn refresh_failed(&self, now: Tick, first: Duration, longest: Duration) {
        self.cooldown.start(now, first, longest);
    }
}

/// Pause after failed refreshes. Relaxed atomics: two threads that race here cost one extra attempt at worst,
/// and that one is coalesced.
#[derive(Debug, Default)]
struct Cooldown {
    failures: AtomicU32,
    until: AtomicU64,
}

impl Cooldown {
    fn is_over(&self, now: Tick) -> bool {
        now.as_millis() >= self.until.load(Ordering::Relaxed)
    }

    fn start(&self, now: Tick, first: Duration, longest: Duration) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(16);
        let pause = first.saturating_mul(1 << failures).min(longest);
        self.until.store(now.after(pause).as_millis(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::Offset;

    use super::*;
    use crate::domain::ledger::ChunkParts;

    #[test]
    fn a_rest_never_shortens_the_pause_after_a_failure() {
        let nothing = ChunkParts { bytes: &[], places: 0, count: 0, member_name: "null" };
        let (now, seconds) = (Tick::default(), Duration::from_secs);
        let read_at = (now, LocalTime { timestamp: Timestamp::UNIX_EPOCH, offset: Offset::UTC });
        let chunk = Chunk::from_parts(nothing).unwrap();
        let stored = Stored::new(chunk, FreshnessClass::Empty, seconds(1), read_at, 0, 0);
        stored.refresh_failed(now, seconds(8), seconds(30));
        stored.rest(now, seconds(1));
        assert!(!stored.may_refresh(now.after(seconds(7))));
        assert!(stored.may_refresh(now.after(seconds(8))));
    }
}
