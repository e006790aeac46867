//! The use cases: cache first, Kingdee otherwise.
//!
//! [`History::cached`] answers from memory without waiting, and that is nearly every request; [`History::page`]
//! may wait for Kingdee. Both end in a [`Page`].

use std::sync::Arc;

use smallvec::SmallVec;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::cache::{CacheSettings, LedgerCache};
use crate::clock::{Clock, Tick};
use crate::domain::account::AccountIndex;
use crate::domain::ledger::{Chunk, ChunkKey, chunks_of};
use crate::domain::member::MemberId;
use crate::domain::query::{Cursor, HistoryQuery, PageSize, Position, Selection};
use crate::kingdee::Kingdee;
use crate::telemetry::Counters;

pub mod error;
pub mod settings;
pub mod outcome;
pub mod page;
pub mod floor;
mod chunks;
mod cut;
mod upstream;

pub use crate::cache::{PageName, PageTexts};
pub use error::HistoryError;
pub use outcome::{Outcome, StaleReason};
pub use page::Page;
pub use settings::HistorySettings;

use chunks::{Chunks, Look, Read};
use cut::{Cut, Span};
use floor::Floor;

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

/// The points history of every member of every account set. Cheap to clone.
#[derive(Clone)]
pub struct History {
    chunks: Arc<Chunks>,
    floor: Arc<Floor>,
}

impl History {
    /// Puts cache and Kingdee together; fetches run on `runtime`.
    pub fn new(
        settings: HistorySettings,
        cache: CacheSettings,
        kingdee: Kingdee,
        clock: Clock,
        counters: Arc<Counters>,
        runtime: Handle,
    ) -> History {
        let floor = Arc::new(Floor::new(settings.no_cache_floor));
        let chunks = Chunks {
            cache: LedgerCache::new(&cache, runtime),
            cooldowns: cache,
            kingdee,
            clock,
            settings,
            counters,
        };
        History { chunks: Arc::new(chunks), floor }
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
        (unmoved && cut.agrees() && cut.begins_with(span.anchor)).then(|| cut.into_page(&span)).flatten()
    }

    /// The page, from memory or from Kingdee.
    ///
    /// # Errors
    /// [`HistoryError`]; never while rows that may still be served are in memory.
    pub async fn page(&self, query: &HistoryQuery, wish: Wish) -> Result<Page, HistoryError> {
        let deadline = Instant::now() + self.chunks.settings.caller_deadline;
        let selection = &query.selection;
        let wish = match wish {
            Wish::Fresh
                if !self.floor.claim(selection.account, &selection.member, self.chunks.clock.tick()) =>
            {
                Wish::Any
            }
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

    /// The page after a cursor's row. That row is read along with the page, so that all chunks that matter agree
    /// about `count`; if rows came in between finding it and reading on, it is looked for again.
    async fn page_after(
        &self,
        selection: &Selection,
        cursor: &Cursor,
        size: PageSize,
        mut wish: Wish,
        deadline: Instant,
    ) -> Result<Page, HistoryError> {
        for _ in 0..3 {
            let place = self.find_place(selection, cursor, wish, deadline).await?;
            wish = if wish == Wish::Fresh { Wish::Any } else { wish };
            let span = Span::after(place, &cursor.anchor, size);
            let mut cut = self.read_cut(selection, &span, wish, deadline).await?;
            if cut.begins_with(span.anchor) {
                // A walk must not show a row twice: rather a short page than one whose chunks contradict each other.
                let newer = cut.keep_what_agrees();
                let page = cut.into_page(&span).ok_or(HistoryError::Internal)?;
                if !page.lacks_rows() {
                    return Ok(page);
                }
                let page = newer.and_then(|(before, read)| {
                    let number = self.first_chunk(span.start) + before as u32;
                    self.page_of_one(number, read, cursor, size)
                });
                return page.filter(|page| !page.lacks_rows()).ok_or_else(HistoryError::contradiction);
            }
        }
        Err(HistoryError::contradiction()) // it is there, and moves on with every reading
    }

    /// The page after a cursor's row out of one chunk alone, if the row has moved into it.
    fn page_of_one(&self, number: u32, read: Read, cursor: &Cursor, size: PageSize) -> Option<Page> {
        let place = self.place_in(&read.stored.chunk, number, cursor)?;
        let span = Span::after(place, &cursor.anchor, size);
        let (number, places) = chunks_of(span.start, span.len, self.chunk_rows()).next()?;
        let mut cut = Cut::default();
        cut.push(read, number, places, self.chunk_rows());
        cut.into_page(&span)
    }

    /// Where in the whole selection a cursor's row stands, if it is in chunk `number`. Of rows that look the same it is
    /// the one nearest to where it must be if the rows that came or went since did so before it.
    fn place_in(&self, chunk: &Chunk, number: u32, cursor: &Cursor) -> Option<u64> {
        let first = u64::from(number) * u64::from(self.chunk_rows());
        let moved = i64::from(cursor.place) + i64::from(chunk.count()) - i64::from(cursor.count);
        let expected = moved - i64::try_from(first).unwrap_or(i64::MAX);
        chunk.find(&cursor.anchor, expected).map(|place| first + u64::from(place))
    }

    /// Forgets everything about a member; says how many cached chunks went.
    pub fn purge(&self, account: AccountIndex, member: &MemberId) -> u64 {
        self.chunks.cache.purge(account, member)
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

    /// Time for ages, as the cache sees it.
    pub fn clock(&self) -> &Clock {
        &self.chunks.clock
    }

    /// The rules for `Cache-Control`.
    pub fn settings(&self) -> &HistorySettings {
        &self.chunks.settings
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
        match self.chunks.look(key, wish, self.chunks.clock.tick()) {
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
            read.stored.rest(self.chunks.clock.tick(), self.chunks.cooldowns.cooldown_first);
        }
    }

    /// Finds the row that a cursor names: where it was, where it must be now if rows came in before it, then
    /// outwards from there, a bounded number of chunks.
    async fn find_place(
        &self,
        selection: &Selection,
        cursor: &Cursor,
        wish: Wish,
        deadline: Instant,
    ) -> Result<u64, HistoryError> {
        let rows = u32::from(self.chunk_rows());
        let mut seen: SmallVec<[u32; 16]> = SmallVec::new();
        let mut next = Some(cursor.place / rows);
        while let Some(number) = next {
            seen.push(number);
            let read = self.read(&key(selection, number), wish, deadline).await?;
            let chunk = &read.stored.chunk;
            if chunk.count() > number.saturating_mul(rows)
                && let Some(place) = self.place_in(chunk, number, cursor)
            {
                return Ok(place);
            }
            if seen.len() >= self.chunks.settings.cursor_search_chunks as usize {
                break;
            }
            let moved = (cursor.place.saturating_add(chunk.count())).saturating_sub(cursor.count) / rows;
            let last = chunk.count().saturating_sub(1) / rows;
            next = (0..=last).filter(|n| !seen.contains(n)).min_by_key(|n| n.abs_diff(moved));
        }
        Err(HistoryError::CursorLost)
    }
}

/// The chunk that was read first of those whose `count` differs from the one read last; `None` if all agree.
fn outdated(reads: &[Read]) -> Option<usize> {
    let (_, count) = reads.iter().map(|r| (r.stored.read_at, r.stored.chunk.count())).max()?;
    let outdated = reads.iter().enumerate().filter(|(_, r)| r.stored.chunk.count() != count);
    outdated.min_by_key(|(_, r)| r.stored.read_at).map(|(i, _)| i)
}

fn key(selection: &Selection, number: u32) -> ChunkKey {
    ChunkKey { selection: selection.clone(), number }
}
