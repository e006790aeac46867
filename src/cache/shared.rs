//! The cache's part of the shared tier: chunks that another replica has read, who in the fleet reads one, and purges
//! that reach everybody.
//!
//! A record carries the generation that its member had *there* when the read began, so that a fetch that was under way
//! in one replica can't bring back what was purged in another ([`super::generation`] does the same within a process).

use std::sync::Arc;
use std::time::Duration;

use redis::Script;
use std::sync::LazyLock;

use super::stored::Stored;
use crate::domain::ledger::ChunkKey;
use crate::domain::member::MemberId;
use crate::domain::query::Selection;
use crate::shared::lease::millis;
use crate::shared::{Away, Shared};

pub mod record;
pub mod claim;
pub mod purges;

pub use claim::{Claim, Ticket};
pub use purges::{Heard, Told};
pub use record::Found;

use purges::Pending;

/// Puts a record, unless its member was purged since the read began.
static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if (redis.call('GET', KEYS[1]) or '') .. '/' .. (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end \
         redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3]) return 1",
    )
});

/// Chunks in the shared tier.
#[derive(Debug)]
pub struct SharedChunks {
    shared: Shared,
    books: Vec<Book>,
    /// How long a record is kept there.
    keep: Duration,
    pending: Pending,
}

/// An account set, as the tier's names know it.
#[derive(Debug, Clone)]
pub struct Book {
    /// Its name in the configuration.
    pub name: String,
    /// Everything but the question that decides which rows an answer has: replicas that differ don't share.
    pub shape: String,
}

/// Where one chunk is kept.
#[derive(Debug, Clone)]
pub struct Place {
    chunk: String,
    member: String,
    lease: String,
}

/// What one look brought: the member's generation there, and what lay there.
struct Seen {
    generation: Generation,
    found: Option<Box<Found>>,
}

/// A member's generation in the shared tier: the tier's own epoch, which ends when it is emptied, and the number of purges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation(String);

impl SharedChunks {
    /// Chunks of `books`, in the order of the account sets, kept for `keep`.
    pub fn new(shared: Shared, books: Vec<Book>, keep: Duration) -> Arc<SharedChunks> {
        Arc::new(SharedChunks { shared, books, keep, pending: Pending::default() })
    }

    /// Where a chunk is kept; `None` for an account set that is not configured.
    pub fn place(&self, key: &ChunkKey) -> Option<Place> {
        let Selection { account, member, window, kind } = &key.selection;
        let book = self.books.get(account.as_usize())?;
        let bound = |t: Option<jiff::Timestamp>| t.map_or(String::new(), |t| t.as_second().to_string());
        let kind = kind.as_ref().map_or("", |kind| kind.as_str());
        let (from, to, number) = (bound(window.from), bound(window.to), key.number.to_string());
        let chunk = self.shared.seal.key(&[
            "chunk",
            &book.name,
            &book.shape,
            member.as_str(),
            &from,
            &to,
            kind,
            &number,
        ]);
        Some(Place { lease: format!("{chunk}:lease"), member: self.member_key(book, member), chunk })
    }

    fn member_key(&self, book: &Book, member: &MemberId) -> String {
        self.shared.seal.key(&["member", &book.name, member.as_str()])
    }

    fn epoch_key(&self) -> String {
        self.shared.seal.key(&["epoch"])
    }

    /// The tier itself, for its counters.
    pub fn tier(&self) -> &Shared {
        &self.shared
    }

    /// Looks what lies there. Ages come from the tier's own clock: replicas' clocks may differ.
    async fn look(&self, place: &Place) -> Result<Seen, Away> {
        let mut ask = redis::pipe();
        ask.atomic().get(self.epoch_key()).get(&place.member).get(&place.chunk).pttl(&place.chunk);
        let answer = self.shared.link.ask(async |mut redis| ask.query_async(&mut redis).await).await?;
        let (epoch, purges, sealed, left): (Option<String>, Option<String>, Option<Vec<u8>>, i64) = answer;
        let generation = Generation(format!("{}/{}", epoch.unwrap_or_default(), purges.unwrap_or_default()));
        let found = sealed.and_then(|sealed| self.read(place, sealed, left)).map(Box::new);
        Ok(Seen { found: found.filter(|found| found.generation == generation), generation })
    }

    fn read(&self, place: &Place, sealed: Vec<u8>, left: i64) -> Option<Found> {
        let left = Duration::from_millis(u64::try_from(left).ok()?);
        let found = self.shared.seal.open(&place.chunk, sealed).and_then(|plain| record::read(&plain, left));
        if found.is_none() {
            self.shared.counts.unreadable.inc();
        }
        found
    }

    /// Puts a chunk there, if its member was not purged since `generation` was seen.
    async fn put(&self, place: &Place, generation: &Generation, stored: &Stored, age: Duration) {
        let Some(keep) = self.keep.checked_sub(age).filter(|keep| !keep.is_zero()) else { return };
        let sealed = record::write(stored, generation, age, keep)
            .and_then(|plain| self.shared.seal.seal(&place.chunk, plain));
        let Some(sealed) = sealed else { return };
        let mut ask = PUT.prepare_invoke();
        ask.key(self.epoch_key()).key(&place.member).key(&place.chunk);
        ask.arg(&generation.0).arg(sealed).arg(millis(keep));
        let put = self.shared.link.ask(async |mut redis| ask.invoke_async::<u64>(&mut redis).await).await;
        if put == Ok(1) {
            self.shared.counts.stored.inc();
        }
    }
}
