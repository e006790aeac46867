//! Who in the fleet reads a chunk: the one who gets the lease. Everybody else watches for what it brings, for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::look::{LEASE, Seen, Unless};
use super::{Found, Place, SharedChunks, Version};
use crate::cache::stored::Stored;
use crate::domain::ledger::ChunkKey;
use crate::shared::Patience;
use crate::shared::lease::Lease;

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

/// Which rows would do, and who wants them.
pub struct Wanted<G> {
    /// Whether rows that lie there will do.
    pub good: G,
    /// Whether they are likely to, if there are any. Otherwise the lease is taken along with the first look.
    pub likely: bool,
    /// How long another replica may be waited for.
    pub until: Instant,
}

impl SharedChunks {
    /// Takes what is there, if it is good, or the right to read it. Waits for whoever has that right no longer than
    /// `until`, and a short while at most: then it is read without a lease, since the holder may be dead. Of `patience` only
    /// that is spent in which nobody else was waited for.
    pub async fn claim(
        &self,
        key: &ChunkKey,
        Wanted { good, likely, until }: Wanted<impl Fn(&Found) -> bool>,
        patience: &Patience,
    ) -> Claim {
        let selection = &key.selection;
        let Some(place) = self.place(key) else { return Claim::alone() };
        if self.pending.holds(selection.account, &selection.member) {
            return Claim::alone();
        }
        let until = until.min(Instant::now() + LEASE);
        let (mut pause, mut unless) = (LOOK_FIRST, if likely { Unless::Anything } else { Unless::Nothing });
        loop {
            let left = patience.left();
            let Ok(Seen { version, found, name, lease, leased }) = self.look(&place, &unless, patience).await
            else {
                return Claim::alone();
            };
            if found.as_deref().is_some_and(&good) {
                lease.into_iter().for_each(|lease| self.tier().let_go(lease));
                return self.found(found, pause > LOOK_FIRST);
            }
            let late = leased && Instant::now() >= until;
            if lease.is_some() || late {
                self.tier().counts.misses.inc();
                return Claim::Read(Ticket(Some((place, version, lease))), found);
            }
            if leased {
                patience.restore(left);
                sleep(pause).await;
                pause = (pause * 3 / 2).min(LOOK_LAST);
            }
            unless = Unless::AnythingBut(name);
        }
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
