//! Is it here, how fresh is it, who fetches it.
//!
//! In reading order: one entry ([`stored`], [`prepared`]), where entries live ([`memory`]), how a purge wins over a fetch that is
//! under way ([`generation`]), who fetches ([`flight`]).

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::domain::account::AccountIndex;
use crate::domain::ledger::ChunkKey;
use crate::domain::member::MemberId;

pub mod settings;
pub mod stored;
pub mod prepared;
pub mod memory;
pub mod generation;
pub mod flight;

pub use prepared::{PageName, PageTexts};
pub use settings::CacheSettings;
pub use stored::Stored;

use flight::{Boarded, Flights};
use generation::Generations;
use memory::Memory;

/// The cache of ledger chunks. `E` is what a failed fetch tells everyone who waited for it.
pub struct LedgerCache<E> {
    memory: Memory,
    generations: Generations,
    flights: Flights<(ChunkKey, u32), Result<Arc<Stored>, E>>,
}

impl<E: Clone + Send + Sync + 'static> LedgerCache<E> {
    /// An empty cache whose fetches run on `runtime`.
    pub fn new(settings: &CacheSettings, runtime: Handle) -> LedgerCache<E> {
        LedgerCache {
            memory: Memory::new(settings.capacity_bytes),
            generations: Generations::new(),
            flights: Flights::on(runtime),
        }
    }

    /// The chunk, however old, unless its member was purged since it was read.
    pub fn get(&self, key: &ChunkKey) -> Option<Arc<Stored>> {
        self.memory.get(key).filter(|stored| stored.generation == self.generation(key))
    }

    /// Stores a chunk, unless its member was purged since the read began.
    pub fn put(&self, key: ChunkKey, stored: Arc<Stored>) {
        if stored.generation == self.generation(&key) {
            self.memory.put(key, stored);
        }
    }

    /// The generation that a read of `key` belongs to if it begins now.
    pub fn generation(&self, key: &ChunkKey) -> u32 {
        self.generations.of(key.selection.account, &key.selection.member)
    }

    /// Joins the fetch of `key`, or starts `fetch` with the generation it belongs to.
    ///
    /// `newer` says whether an entry that has appeared meanwhile will do.
    pub fn fetch<F>(
        &self,
        key: &ChunkKey,
        newer: impl Fn(&Arc<Stored>) -> bool,
        fetch: impl FnOnce(u32) -> F,
    ) -> Boarded<Result<Arc<Stored>, E>>
    where
        F: Future<Output = Result<Arc<Stored>, E>> + Send + 'static,
    {
        let generation = self.generation(key);
        let look_again = || self.get(key).filter(|stored| newer(stored)).map(Ok);
        self.flights.board((key.clone(), generation), look_again, || fetch(generation))
    }

    /// Forgets every chunk of a member, whatever its filters, and outdates reads under way.
    /// Returns how many entries went.
    pub fn purge(&self, account: AccountIndex, member: &MemberId) -> u64 {
        self.generations.advance(account, member);
        self.memory.remove_member(account, member)
    }

    /// The memory tier, for sizes.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Fetches under way.
    pub fn under_way(&self) -> usize {
        self.flights.count()
    }
}
