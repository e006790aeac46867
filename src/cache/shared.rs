//! The cache's part of the shared tier: chunks that another replica has read, who in the fleet reads one, and purges
//! that reach everybody.
//!
//! A record carries the generation that its member had *there* when the read began, so that a fetch that was under way
//! in one replica can't bring back what was purged in another ([`super::generation`] does the same within a process).

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::stored::Stored;
use crate::domain::ledger::ChunkKey;
use crate::domain::member::MemberId;
use crate::domain::query::Selection;
use crate::shared::lease::millis;
use crate::shared::{Script, Shared};

pub mod record;
pub mod look;
pub mod claim;
pub mod purges;

pub use claim::{Claim, Ticket, Wanted};
pub use purges::{Heard, Told};
pub use record::Found;

use purges::Pending;

/// Puts a record, unless its member was purged since the read began. It ends at a time, not after one: the command may
/// have been long on its way. The generation outlives it.
static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if (redis.call('GET', KEYS[1]) or '') .. '/' .. (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end \
         redis.call('SET', KEYS[3], ARGV[2], 'PXAT', ARGV[3]) redis.call('PEXPIRE', KEYS[2], ARGV[4]) return 1",
    )
});

/// Chunks in the shared tier.
#[derive(Debug)]
pub struct SharedChunks {
    shared: Shared,
    shelf: ArcSwap<Shelf>,
    pending: Pending,
}

/// What is shared now. Replaced as a whole.
#[derive(Debug, Clone)]
struct Shelf {
    books: Vec<Book>,
    /// How long a record is kept there.
    keep: Duration,
    /// The longest that one may have been kept since the start: purges are remembered for longer.
    longest: Duration,
    /// Another one for other books: what was read for those before must not come under the name of these.
    edition: u64,
    /// False while books change.
    open: bool,
}

/// An account set, as the tier's names know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    /// Its name in the configuration.
    pub name: String,
    /// Everything but the question that decides which rows an answer has: replicas that differ don't share.
    pub shape: String,
}

/// Where one chunk is kept.
#[derive(Debug, Clone)]
pub struct Place {
    edition: u64,
    chunk: String,
    member: String,
    lease: String,
}

/// Of which generation a read is that begins now, and when that is by the tier's clock.
#[derive(Debug, Clone)]
pub struct Version {
    generation: Generation,
    /// Milliseconds since 1970, and when that was here.
    at: (u64, Instant),
}

/// A member's generation in the shared tier: the tier's own epoch, which ends when it is emptied, and a name that ends with
/// a purge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation(String);

impl SharedChunks {
    /// Chunks of `books`, in the order of the account sets, kept for `keep`.
    pub fn new(shared: Shared, books: Vec<Book>, keep: Duration) -> Arc<SharedChunks> {
        let shelf = ArcSwap::from_pointee(Shelf { books, keep, longest: keep, edition: 0, open: true });
        Arc::new(SharedChunks { shared, shelf, pending: Pending::default() })
    }

    /// Shares nothing until [`SharedChunks::adopt`]: what is under way may be of the old books or of the new ones.
    pub fn stop(&self) {
        self.shelf.store(Arc::new(Shelf { open: false, ..Shelf::clone(&self.shelf.load()) }));
    }

    /// Shares again: chunks of `books`, kept for `keep`. Not for two at once.
    pub fn adopt(&self, books: Vec<Book>, keep: Duration) {
        let before = self.shelf.load();
        let edition = if before.books == books { before.edition } else { before.edition + 1 };
        let longest = keep.max(before.longest);
        self.shelf.store(Arc::new(Shelf { books, keep, longest, edition, open: true }));
    }

    /// Where a chunk is kept; `None` for an account set that is not configured, and while account sets change.
    pub fn place(&self, key: &ChunkKey) -> Option<Place> {
        let Selection { account, member, window, kind } = &key.selection;
        let shelf = self.shelf.load();
        let book = shelf.books.get(account.as_usize()).filter(|_| shelf.open)?;
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
        let (lease, member) = (format!("{chunk}:lease"), self.member_key(book, member));
        Some(Place { edition: shelf.edition, lease, member, chunk })
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

    /// A generation outlives every record that was put before it ended.
    fn generations_last(&self) -> Duration {
        self.shelf.load().longest.saturating_mul(2)
    }

    /// Puts a chunk there, if its member was not purged since `version` was seen, and it is still of the same book.
    async fn put(&self, place: &Place, version: &Version, stored: &Stored, age: Duration) {
        let shelf = self.shelf.load_full();
        if !shelf.open || shelf.edition != place.edition {
            return;
        }
        let Some(keep) = shelf.keep.checked_sub(age).filter(|keep| !keep.is_zero()) else { return };
        let sealed = record::write(stored, &version.generation, age, keep)
            .and_then(|plain| self.shared.seal.seal(&place.chunk, plain));
        let Some(sealed) = sealed else { return };
        let (then, since) = version.at;
        let ends = then + millis(since.elapsed()) + millis(keep);
        let mut ask = PUT.on(&[&self.epoch_key(), &place.member, &place.chunk]);
        ask.arg(&version.generation.0).arg(sealed).arg(ends).arg(millis(self.generations_last()));
        let put = self.shared.link.ask(async |mut redis| ask.query_async::<u64>(&mut redis).await).await;
        if put == Ok(1) {
            self.shared.counts.stored.inc();
        }
    }
}
