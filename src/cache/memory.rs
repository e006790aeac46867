//! The memory tier: moka, weighed in bytes, and nothing more.
//!
//! moka's own times are not used: freshness is data ([`super::stored`]). Neither is its `get_with`: it would lose
//! the fetch with its first caller, see [`super::flight`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::RandomState;
use moka::notification::RemovalCause;
use moka::sync::Cache;

use super::prepared::Prepared;
use super::stored::Stored;
use crate::domain::account::AccountIndex;
use crate::domain::ledger::ChunkKey;
use crate::domain::member::MemberId;

/// Bytes that moka keeps for an entry beside key and value: hash table, deques, timestamps. Measured with
/// `bench/` on 0.12.16 as resident memory per empty entry.
const BOOKKEEPING_BYTES: usize = 340;

/// Bounded map of chunks; the least useful ones leave first (TinyLFU).
pub struct Memory {
    chunks: Cache<ChunkKey, Arc<Stored>, RandomState>,
    evictions: Arc<AtomicU64>,
}

impl Memory {
    /// A memory that holds at most `capacity_bytes`, bookkeeping included.
    pub fn new(capacity_bytes: u64) -> Memory {
        let evictions = Arc::<AtomicU64>::default();
        let evicted = Arc::clone(&evictions);
        let chunks = Cache::builder()
            .name("ledger")
            .max_capacity(capacity_bytes)
            .weigher(|key: &ChunkKey, stored: &Arc<Stored>| weight(key, stored))
            .eviction_listener(move |_key, _stored, cause| {
                if cause == RemovalCause::Size {
                    evicted.fetch_add(1, Ordering::Relaxed);
                }
            })
            // Seeded anew in every process, and several times faster than the default on keys like ours.
            .build_with_hasher(RandomState::default());
        Memory { chunks, evictions }
    }

    /// The chunk, if it is here.
    pub fn get(&self, key: &ChunkKey) -> Option<Arc<Stored>> {
        self.chunks.get(key)
    }

    /// Puts a chunk in, in place of an older one.
    pub fn put(&self, key: ChunkKey, stored: Arc<Stored>) {
        self.chunks.insert(key, stored);
    }

    /// Takes every chunk of a member out and says how many there were. Walks the whole map: some milliseconds
    /// for a full one, which a purge can afford and a request never meets.
    pub fn remove_member(&self, account: AccountIndex, member: &MemberId) -> u64 {
        let theirs = |key: &ChunkKey| key.selection.account == account && key.selection.member == *member;
        let keys: Vec<_> = self.chunks.iter().map(|(key, _)| key).filter(|key| theirs(key)).collect();
        keys.iter().filter(|key| self.chunks.remove(key.as_ref()).is_some()).count() as u64
    }

    /// Takes everything out.
    pub fn clear(&self) {
        self.chunks.invalidate_all();
    }

    /// Entries held, roughly: moka counts in the background.
    pub fn entries(&self) -> u64 {
        self.chunks.entry_count()
    }

    /// Bytes held, roughly: moka counts in the background.
    pub fn bytes(&self) -> u64 {
        self.chunks.weighted_size()
    }

    /// Bytes that may be held.
    pub fn capacity_bytes(&self) -> u64 {
        self.chunks.policy().max_capacity().unwrap_or(u64::MAX)
    }

    /// Chunks that left for want of room, a chunk that found none included.
    pub fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }

    /// Does moka's pending bookkeeping now, for tests that look at sizes.
    pub fn settle(&self) {
        self.chunks.run_pending_tasks();
    }
}

/// What an entry costs: its parts, as the allocator rounds them up, and moka's bookkeeping.
fn weight(key: &ChunkKey, stored: &Stored) -> u32 {
    let key_heap = if key.selection.member.as_str().len() > 24 { 64 } else { 0 };
    // The one large block is rounded up to a size class, an eighth of its size at most, a sixteenth on average.
    let rounding = stored.chunk.owned_bytes() / 16;
    let bytes = BOOKKEEPING_BYTES
        + size_of::<ChunkKey>()
        + key_heap
        + size_of::<Stored>()
        + stored.chunk.owned_bytes()
        + rounding
        + Prepared::BYTES
        + stored.as_of.len();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Memory({} entries, {} bytes)", self.entries(), self.bytes())
    }
}
