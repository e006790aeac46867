//! Is it here, how fresh is it, who fetches it.
//!
//! In reading order: one entry ([`stored`], [`prepared`]), where entries live ([`memory`]), how a purge wins over a fetch that is
//! under way ([`generation`]), who fetches ([`flight`]), what replicas share ([`shared`]).

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::domain::account::AccountIndex;
use crate::domain::ledger::ChunkKey;
use crate::domain::member::MemberId;
use crate::telemetry::trace::Context;

pub mod settings;
pub mod stored;
pub mod prepared;
pub mod memory;
pub mod generation;
pub mod flight;
pub mod shared;

pub use prepared::{PageName, PageTexts, TextsPlace};
pub use settings::CacheSettings;
pub use shared::SharedChunks;
pub use stored::Stored;

use flight::{Boarded, Flights};
use generation::Generations;
use memory::Memory;

/// The cache of ledger chunks. `E` is what a failed fetch tells everyone who waited for it.
pub struct LedgerCache<E> {
    memory: Memory,
    generations: Generations,
    flights: Flights<Flight, Result<Landed, E>>,
    shared: Option<Arc<SharedChunks>>,
}

/// What is fetched: a chunk of a generation; and whether only rows that were read after now will do.
type Flight = (ChunkKey, u32, bool);

/// What a fetch brought.
#[derive(Debug, Clone)]
pub struct Landed {
    /// The chunk.
    pub stored: Arc<Stored>,
    /// Whether another replica had read it.
    pub from_fleet: bool,
}

impl<E: Clone + Send + Sync + 'static> LedgerCache<E> {
    /// An empty cache whose fetches run on `runtime`.
    pub fn new(
        settings: &CacheSettings,
        runtime: Handle,
        shared: Option<Arc<SharedChunks>>,
    ) -> LedgerCache<E> {
        LedgerCache {
            memory: Memory::new(settings.capacity_bytes),
            generations: Generations::new(),
            flights: Flights::on(runtime),
            shared,
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
    /// `newer` says whether an entry that has appeared meanwhile will do. A `forced` fetch is one of its own where
    /// replicas share: one that is not may bring what another replica read a while ago.
    ///
    /// `fetch` says where it is in a trace.
    pub fn fetch<F>(
        &self,
        key: &ChunkKey,
        forced: bool,
        newer: impl Fn(&Arc<Stored>) -> bool,
        fetch: impl FnOnce(u32) -> (Context, F),
    ) -> Boarded<Result<Landed, E>>
    where
        F: Future<Output = Result<Landed, E>> + Send + 'static,
    {
        let generation = self.generation(key);
        let there = || self.get(key).filter(|stored| newer(stored));
        let look_again = || there().map(|stored| Ok(Landed { stored, from_fleet: false }));
        let flight = (key.clone(), generation, forced && self.shared.is_some());
        self.flights.board(flight, look_again, || fetch(generation))
    }

    /// The tier that replicas share, if there is one.
    pub fn shared(&self) -> Option<&Arc<SharedChunks>> {
        self.shared.as_ref()
    }

    /// Forgets everything, and outdates every read under way.
    pub fn forget_everything(&self) {
        self.generations.advance_all();
        self.memory.clear();
    }

    /// Forgets every chunk of a member, whatever its filters, and outdates reads under way.
    /// Returns how many entries went.
    pub fn purge(&self, account: AccountIndex, member: &MemberId) -> u64 {
        self.generations.advance(account, member);
        self.memory.remove_member(account, member)
    }

    /// Outdates every chunk of an account set and reads under way; their memory comes free as others need it.
    pub fn forget_account(&self, account: AccountIndex) {
        self.generations.advance_account(account);
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
