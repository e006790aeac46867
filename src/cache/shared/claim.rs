//! Who in the fleet reads a chunk: the one who gets the lease. Everybody else watches for what it brings, for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Found, Generation, Place, Seen, SharedChunks};
use crate::cache::stored::Stored;
use crate::domain::ledger::ChunkKey;
use crate::shared::lease::Lease;

/// How long one replica may keep the others waiting: an attempt that takes its full time, and a little.
const LEASE: Duration = Duration::from_secs(4);
/// How often those who wait look.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What came of asking to read a chunk.
pub enum Claim {
    /// It is there: another replica has read it.
    Found(Box<Found>),
    /// Read it. What is there is not good enough, but may be better than nothing.
    Read(Ticket, Option<Box<Found>>),
}

/// A read that may be put into the tier when it is done.
#[must_use]
pub struct Ticket(Option<(Place, Generation, Option<Lease>)>);

impl Claim {
    /// A read that nobody else hears of.
    fn alone() -> Claim {
        Claim::Read(Ticket(None), None)
    }
}

impl SharedChunks {
    /// Takes what is there, if it is `good`, or the right to read it. Waits no longer than `until`, and a short while
    /// at most: then it is read without a lease, since the holder may be dead.
    pub async fn claim(&self, key: &ChunkKey, good: impl Fn(&Found) -> bool, until: Instant) -> Claim {
        let Some(place) = self.place(key) else { return Claim::alone() };
        let counts = &self.tier().counts;
        let until = until.min(Instant::now() + LEASE);
        let mut waited = false;
        loop {
            let Ok(Seen { generation, found }) = self.look(&place).await else { break };
            if found.as_deref().is_some_and(&good) {
                if waited {
                    counts.coalesced.inc()
                } else {
                    counts.hits.inc()
                }
                return found.map_or_else(Claim::alone, Claim::Found);
            }
            match self.tier().lease(&place.lease, LEASE).await {
                Ok(Some(lease)) => return self.claim_with(place, lease, good).await,
                Ok(None) if Instant::now() < until => sleep(LOOK_EVERY).await,
                Ok(None) => {
                    counts.misses.inc();
                    return Claim::Read(Ticket(Some((place, generation, None))), found);
                }
                Err(_) => break,
            }
            waited = true;
        }
        Claim::alone()
    }

    /// The last holder may have put it there between our look and our lease.
    async fn claim_with(&self, place: Place, lease: Lease, good: impl Fn(&Found) -> bool) -> Claim {
        let Ok(Seen { generation, found }) = self.look(&place).await else {
            return Claim::alone();
        };
        if found.as_deref().is_some_and(good) {
            self.tier().counts.coalesced.inc();
            self.tier().release(lease).await;
            return found.map_or_else(Claim::alone, Claim::Found);
        }
        self.tier().counts.misses.inc();
        Claim::Read(Ticket(Some((place, generation, Some(lease)))), found)
    }

    /// The read is done: puts what it brought there, if anything, with its age, and lets the next one go.
    pub async fn done(&self, Ticket(ticket): Ticket, brought: Option<(&Stored, Duration)>) {
        let Some((place, generation, lease)) = ticket else { return };
        if let Some((stored, age)) = brought {
            self.put(&place, &generation, stored, age).await;
        }
        if let Some(lease) = lease {
            self.tier().release(lease).await;
        }
    }
}
