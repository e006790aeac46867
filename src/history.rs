//! The use cases: cache first, Kingdee otherwise.
//!
//! [`History::cached`] answers from memory without waiting, and that is nearly every request; [`History::page`]
//! may wait for Kingdee. Both end in a [`Page`].

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::cache::shared::{Book, Heard};
use crate::cache::{CacheSettings, LedgerCache, SharedChunks};
use crate::clock::{Clock, Tick};
use crate::domain::account::AccountIndex;
use crate::domain::ledger::{ChunkKey, chunks_of};
use crate::domain::member::MemberId;
use crate::domain::query::{HistoryQuery, Position, Selection};
use crate::kingdee::Kingdee;
use crate::shared::Shared;
use crate::telemetry::{Counters, Faults};

pub mod error;
pub mod settings;
pub mod outcome;
pub mod page;
pub mod kept;
pub mod floor;
mod chunks;
mod fetch;
mod read;
mod cut;
mod gather;
mod walk;
mod served;
mod upstream;
mod faults;
pub mod standing;

pub use crate::cache::shared::Told;
pub use crate::cache::{PageName, PageTexts};
pub use error::HistoryError;
pub use kept::KeptPage;
pub use outcome::{Outcome, StaleReason};
pub use page::Page;
pub use settings::{HistorySettings, Rules};

use chunks::Chunks;
use cut::{Cut, Span};
use floor::Floor;
use read::{Limits, Look};
use served::Served;

/// What a caller thinks of caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// Whatever the rules allow.
    #[default]
    Any,
    /// `no-cache`: read again, unless that was done a moment ago.
    Fresh,
    /// `only-if-cached`: don't ask Kingdee.
    CachedOnly,
}

/// What a purge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// Cached chunks that went here; fetches under way are outdated besides.
    pub entries: u64,
    /// Who else knows of it; `None` where there is nobody else.
    pub told: Option<Told>,
}

/// The points history of every member of every account set. Cheap to clone.
#[derive(Clone)]
pub struct History {
    chunks: Arc<Chunks>,
    floor: Arc<Floor>,
}

impl History {
    /// Puts cache and Kingdee together, with the tier that replicas share, if there is one; fetches run on `runtime`.
    pub fn new(
        settings: HistorySettings,
        cache: CacheSettings,
        kingdee: Kingdee,
        shared: Option<Shared>,
        clock: Clock,
        counters: Arc<Counters>,
        runtime: Handle,
    ) -> History {
        let served = kingdee.account_names().map(|name| Served::of(&counters, name)).collect();
        let keep = settings.freshness.longest();
        let shared = shared.map(|shared| SharedChunks::new(shared, books(&kingdee), keep));
        let follower = shared.clone();
        let chunks = Arc::new(Chunks {
            cache: LedgerCache::new(&cache, runtime.clone(), shared),
            rules: ArcSwap::from_pointee(Rules { history: settings, cooldowns: cache }),
            kingdee,
            clock,
            counters,
            served,
            faults: Faults::default(),
        });
        if let Some(follower) = follower {
            let chunks = Arc::downgrade(&chunks);
            runtime.spawn(async move {
                let forget = |heard| chunks.upgrade().map(|chunks| forget(&chunks, heard)).is_some();
                follower.follow(forget).await;
            });
        }
        History { chunks, floor: Arc::default() }
    }

    /// From now on these rules, and account sets as Kingdee's room has them. Rows in memory stay, fresh as long as they
    /// were said to be; what is under way goes on. Account sets that are read from `elsewhere` now forget their rows.
    pub fn adopt(&self, rules: Rules, elsewhere: &[AccountIndex]) {
        let (chunks, keep) = (&self.chunks, rules.history.freshness.longest());
        chunks.rules.store(Arc::new(rules));
        for account in elsewhere {
            chunks.cache.forget_account(*account);
        }
        if let Some(shared) = chunks.cache.shared() {
            shared.adopt(books(&chunks.kingdee), keep);
        }
    }

    /// Before account sets change: nothing that is under way may be shared any more. [`History::adopt`] ends it.
    pub fn stop_sharing(&self) {
        if let Some(shared) = self.chunks.cache.shared() {
            shared.stop();
        }
    }

    /// The page, if memory alone can give it by the rules. Never waits; may start a refresh behind the scenes.
    pub fn cached(&self, query: &HistoryQuery, wish: Wish, now: Tick) -> Option<Page> {
        let selection = &query.selection;
        let span = match &query.position {
            Position::Page { number, size } => Span::page(*number, *size),
            Position::After { cursor, size } => Span::after(u64::from(cursor.place), &cursor.anchor, *size),
        };
        let mut cut = Cut::default();
        for (number, places) in chunks_of(span.start, span.len, self.chunk_rows()) {
            let Look::Serve(read) = self.chunks.look(&key(selection, number), wish, now) else {
                return None;
            };
            if !cut.push(read, number, places, self.chunk_rows()) {
                break;
            }
        }
        // Rows without ids may be the same to the last byte: only an unchanged count says that it is the same row.
        let unmoved = match &query.position {
            Position::Page { .. } => true,
            Position::After { cursor, .. } => cut.count() == Some(cursor.count),
        };
        if !unmoved || !cut.agrees() || !cut.begins_with(span.anchor) {
            return None;
        }
        cut.into_page(&span).inspect(|page| self.goes_out(page, selection.account, now))
    }

    /// The page, from memory or from Kingdee.
    ///
    /// # Errors
    /// [`HistoryError`]; never while rows that may still be served are in memory.
    pub async fn page(&self, query: &HistoryQuery, wish: Wish) -> Result<Page, HistoryError> {
        let page = self.read_page(query, wish).await;
        page.inspect(|page| self.goes_out(page, query.selection.account, self.chunks.clock.tick()))
    }

    async fn read_page(&self, query: &HistoryQuery, wish: Wish) -> Result<Page, HistoryError> {
        let deadline = Instant::now() + self.rules().history.caller_deadline;
        let limits = &Limits { deadline, patience: self.chunks.patience() };
        let selection = &query.selection;
        let wish = match wish {
            Wish::Fresh if !self.may_force(selection) => Wish::Any,
            other => other,
        };
        match &query.position {
            Position::Page { number, size } => {
                let span = Span::page(*number, *size);
                let cut = self.read_cut(selection, &span, wish, limits).await?;
                cut.into_page(&span).ok_or(HistoryError::Internal)
            }
            Position::After { cursor, size } => self.page_after(selection, cursor, *size, wish, limits).await,
        }
    }

    /// Whether this member may be read again just because somebody wants it.
    fn may_force(&self, selection: &Selection) -> bool {
        let (now, every) = (self.chunks.clock.tick(), self.rules().history.no_cache_floor);
        self.floor.claim(selection.account, &selection.member, now, every)
    }

    /// Forgets everything about a member, here and, if there is a tier that replicas share, everywhere.
    pub async fn purge(&self, account: AccountIndex, member: &MemberId) -> Purged {
        let entries = self.chunks.cache.purge(account, member);
        let told = match self.chunks.cache.shared() {
            Some(shared) => Some(shared.purge(account, member).await),
            None => None,
        };
        Purged { entries, told }
    }

    /// Chunks in memory, and the bytes they take.
    pub fn cache_size(&self) -> (u64, u64) {
        let memory = self.chunks.cache.memory();
        memory.settle();
        (memory.entries(), memory.bytes())
    }

    /// Fetches under way.
    pub fn under_way(&self) -> usize {
        self.chunks.cache.under_way()
    }

    /// The tier that replicas share, if there is one.
    pub fn shared_tier(&self) -> Option<&Shared> {
        self.chunks.cache.shared().map(|shared| shared.tier())
    }

    /// Time for ages, as the cache sees it.
    pub fn clock(&self) -> &Clock {
        &self.chunks.clock
    }

    /// The rules that are in force.
    pub fn rules(&self) -> Arc<Rules> {
        self.chunks.rules.load_full()
    }

    /// Every page is counted once, here.
    fn goes_out(&self, page: &Page, account: AccountIndex, now: Tick) {
        if let Some(served) = self.chunks.served.get(account.as_usize()) {
            served.count(page.outcome, page.class(), page.age(now));
        }
    }

    fn chunk_rows(&self) -> u8 {
        self.chunks.kingdee.chunk_rows()
    }
}

fn books(kingdee: &Kingdee) -> Vec<Book> {
    kingdee.shapes().map(|(name, shape)| Book { name, shape }).collect()
}

fn forget(chunks: &Chunks, heard: Heard) {
    match heard {
        Heard::Member(account, member) => drop(chunks.cache.purge(account, &member)),
        Heard::Everything => chunks.cache.forget_everything(),
    }
}

fn key(selection: &Selection, number: u32) -> ChunkKey {
    ChunkKey { selection: selection.clone(), number }
}
