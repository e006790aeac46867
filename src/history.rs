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
use crate::telemetry::trace;
use crate::telemetry::trace::names::spans;
use crate::telemetry::{Counters, Faults};

pub mod error;
pub mod settings;
pub mod outcome;
pub mod page;
pub mod floor;
mod chunks;
mod fetch;
mod read;
mod cut;
mod walk;
mod served;
mod upstream;
mod faults;
pub mod standing;

pub use crate::cache::shared::Told;
pub use crate::cache::{PageName, PageTexts};
pub use error::HistoryError;
pub use outcome::{Outcome, StaleReason};
pub use page::Page;
pub use settings::{HistorySettings, Rules};

use chunks::Chunks;
use cut::{Cut, Span};
use floor::Floor;
use read::{Look, Read};
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
        let selection = &query.selection;
        let wish = match wish {
            Wish::Fresh if !self.may_force(selection) => Wish::Any,
            other => other,
        };
        match &query.position {
            Position::Page { number, size } => {
                let span = Span::page(*number, *size);
                let cut = self.read_cut(selection, &span, wish, deadline).await?;
                cut.into_page(&span).ok_or(HistoryError::Internal)
            }
            Position::After { cursor, size } => {
                self.page_after(selection, cursor, *size, wish, deadline).await
            }
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

    /// Number of the chunk that holds a place; bounded by `PageNumber::MAX * PageSize::MAX` and a cursor's `u32`.
    fn first_chunk(&self, place: u64) -> u32 {
        (place / u64::from(self.chunk_rows().max(1))) as u32
    }

    async fn read_cut(
        &self,
        selection: &Selection,
        span: &Span<'_>,
        wish: Wish,
        deadline: Instant,
    ) -> Result<Cut, HistoryError> {
        let mut cut = Cut::default();
        for (number, places) in chunks_of(span.start, span.len, self.chunk_rows()) {
            let read = self.read(&key(selection, number), wish, deadline).await?;
            if !cut.push(read, number, places, self.chunk_rows()) {
                break;
            }
        }
        if wish != Wish::CachedOnly {
            self.reconcile(selection, span.start, &mut cut.reads, deadline).await;
        }
        Ok(cut)
    }

    async fn read(&self, key: &ChunkKey, wish: Wish, deadline: Instant) -> Result<Read, HistoryError> {
        let look = {
            let _span = trace::current().span(spans::LOOK_UP);
            self.chunks.look(key, wish, self.chunks.clock.tick())
        };
        match look {
            Look::Serve(read) => Ok(read),
            Look::Ask { stale } => match self.beyond_the_end(key, wish, stale.is_some()) {
                Some(read) => Ok(read),
                None => self.chunks.ask(key, wish, stale, deadline).await,
            },
        }
    }

    /// A chunk beyond the end needs no call if a fresh first chunk says where the end is: what Kingdee answers
    /// there is not documented (`protocol.md` §9).
    fn beyond_the_end(&self, wanted: &ChunkKey, wish: Wish, known: bool) -> Option<Read> {
        if wanted.number == 0 || wish == Wish::Fresh || known {
            return None;
        }
        let first = self.chunks.cache.get(&key(&wanted.selection, 0))?;
        let fresh = self.chunks.clock.tick() < first.fresh_until;
        let beyond =
            u64::from(first.chunk.count()) <= u64::from(wanted.number) * u64::from(self.chunk_rows());
        (fresh && beyond).then_some(Read { stored: first, outcome: Outcome::Hit })
    }

    /// Reads the older of two chunks again that disagree about `count`. Bounded: where that doesn't help, or
    /// can't be done now, the cut stays as it is and the pair is left alone for a pause.
    async fn reconcile(&self, selection: &Selection, start: u64, reads: &mut [Read], deadline: Instant) {
        // The first time may join a flight that began before the other chunk was read.
        const TIMES: usize = 3;
        let first = self.first_chunk(start);
        for _ in 0..TIMES {
            let Some(i) = outdated(reads) else { return };
            let Some(place) = reads.get_mut(i) else { return };
            if !place.stored.may_refresh(self.chunks.clock.tick()) {
                return;
            }
            let key = key(selection, first + i as u32);
            match self.chunks.ask(&key, Wish::Any, Some(Arc::clone(&place.stored)), deadline).await {
                Ok(read) if !matches!(read.outcome, Outcome::Stale(_)) => *place = read,
                _ => return,
            }
        }
        if outdated(reads).is_none() {
            return;
        }
        for read in reads {
            read.stored.rest(self.chunks.clock.tick(), self.rules().cooldowns.cooldown_first);
        }
    }
}

/// The chunk that was read first of those whose `count` differs from the one read last; `None` if all agree.
fn outdated(reads: &[Read]) -> Option<usize> {
    let (_, count) = reads.iter().map(|r| (r.stored.read_at, r.stored.chunk.count())).max()?;
    let outdated = reads.iter().enumerate().filter(|(_, r)| r.stored.chunk.count() != count);
    outdated.min_by_key(|(_, r)| r.stored.read_at).map(|(i, _)| i)
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
