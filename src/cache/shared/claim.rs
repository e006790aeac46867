//! Who in the fleet reads a chunk: the one who gets the lease. Everybody else watches for what it brings, for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Found, Place, Seen, SharedChunks, Version};
use crate::cache::stored::Stored;
use crate::domain::ledger::ChunkKey;
use crate::shared::lease::Lease;

/// How long one replica may keep the others waiting: an attempt that takes its full time, and a little.
const LEASE: Duration = Duration::from_secs(4);
/// How soon those who wait look again at first, and at last.
const LOOK_FIRST: Duration = Duration::from_millis(20);
const LOOK_LAST: Duration = Duration::from_millis(200);

/// What came of asking to read a chunk.
pub enum Claim {
    /// It is there: another replica has read it.
    Found(Box<Found>),
    /// Read it. What is there is not good enough, but may be better than nothing.
    Read(Ticket, Option<Box<Found>>),
}

/// A read that may be put into the tier when it is done.
#[must_use]
pub struct Ticket(Option<(Place, Version, Option<Lease>)>);

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
        let selection = &key.selection;
        let Some(place) = self.place(key) else { return Claim::alone() };
        if self.pending.holds(selection.account, &selection.member) {
            return Claim::alone();
        }
        let until = until.min(Instant::now() + LEASE);
        let mut pause = LOOK_FIRST;
        loop {
            let Ok(Seen { version, found, leased }) = self.look(&place).await else { break };
            if found.as_deref().is_some_and(&good) {
                return self.found(found, pause > LOOK_FIRST);
            }
            if !leased {
                match self.tier().lease(&place.lease, LEASE).await {
                    Ok(Some(lease)) => return self.claim_with(place, version, lease, good).await,
                    Ok(None) => {}
                    Err(_) => break,
                }
            }
            if Instant::now() >= until {
                self.tier().counts.misses.inc();
                return Claim::Read(Ticket(Some((place, version, None))), found);
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(LOOK_LAST);
        }
        Claim::alone()
    }

    /// The last holder may have put it there between our look and our lease.
    async fn claim_with(
        &self,
        place: Place,
        before: Version,
        lease: Lease,
        good: impl Fn(&Found) -> bool,
    ) -> Claim {
        let (version, found) = match self.look(&place).await {
            Ok(Seen { version, found, .. }) => (version, found),
            // The lease is ours all the same, and has to be given back.
            Err(_) => (before, None),
        };
        if found.as_deref().is_some_and(good) {
            self.tier().let_go(lease);
            return self.found(found, true);
        }
        self.tier().counts.misses.inc();
        Claim::Read(Ticket(Some((place, version, Some(lease)))), found)
    }

    fn found(&self, found: Option<Box<Found>>, waited: bool) -> Claim {
        let counts = &self.tier().counts;
        let count = if waited { &counts.coalesced } else { &counts.hits };
        count.inc();
        found.map_or_else(Claim::alone, Claim::Found)
    }

    /// The read is done: puts what it brought there, if anything, with its age, and lets the next one go.
    pub async fn done(&self, Ticket(ticket): Ticket, brought: Option<(&Stored, Duration)>) {
        let Some((place, version, lease)) = ticket else { return };
        if let Some((stored, age)) = brought {
            self.put(&place, &version, stored, age).await;
        }
        if let Some(lease) = lease {
            self.tier().release(lease).await;
        }
    }
}
