//! A page, cut from one chunk or two (or more, if chunks are set smaller than pages).

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::kept::KeptPage;
use super::outcome::{Outcome, StaleReason};
use super::read::Read;
use crate::cache::{PageName, PageTexts, Stored};
use crate::clock::Tick;
use crate::domain::freshness::FreshnessClass;
use crate::domain::query::Cursor;

/// Some places of one chunk.
#[derive(Debug, Clone)]
pub struct Part {
    stored: Arc<Stored>,
    places: Range<u32>,
}

impl Part {
    fn of(stored: Arc<Stored>, places: Range<u32>) -> Part {
        let end = places.end.min(stored.chunk.places());
        Part { stored, places: places.start.min(end)..end }
    }

    /// The rows as JSON, comma-separated.
    pub fn json(&self) -> &[u8] {
        self.stored.chunk.json(self.places.clone())
    }
}

/// A page of rows, ready to be put into an envelope.
#[derive(Debug, Clone)]
pub struct Page {
    parts: SmallVec<[Part; 2]>,
    /// Place of its first row in the whole selection.
    pub start: u64,
    /// Rows in the whole selection.
    pub total: u32,
    /// Where the rows came from.
    pub outcome: Outcome,
}

impl Page {
    /// Puts places of chunks that were read in order together; the first is place `start` of the selection.
    /// `None` only if there is no chunk.
    pub(super) fn of(
        mut reads: SmallVec<[Read; 2]>,
        mut ranges: SmallVec<[Range<u32>; 2]>,
        start: u64,
    ) -> Option<Page> {
        if reads.len() == 1 {
            let (Read { stored, outcome }, places) = reads.pop().zip(ranges.pop())?; // nearly every hit
            let total = stored.chunk.count();
            let mut parts = SmallVec::new();
            parts.push(Part::of(stored, places));
            return Some(Page { parts, start, total, outcome });
        }
        let newest = reads.iter().max_by_key(|r| r.stored.read_at)?;
        let outcome = reads.iter().map(|r| r.outcome).max()?;
        let total = newest.stored.chunk.count();
        let agree = reads.iter().all(|r| r.stored.chunk.count() == total);
        let outcome = if agree { outcome } else { Outcome::Stale(StaleReason::CountDiffers) };
        let parts = reads.into_iter().zip(ranges).map(|(read, places)| Part::of(read.stored, places));
        Some(Page { parts: parts.collect(), start, total, outcome })
    }

    /// The page where the cache has it, with what was written for it now or the last time it was asked for.
    ///
    /// # Errors
    /// What was written, where the cache doesn't keep it. Of a page of several chunks it never does: no chunk alone
    /// decides what it says.
    pub fn kept(
        &self,
        name: PageName,
        write: impl FnOnce() -> PageTexts,
    ) -> Result<KeptPage, Box<PageTexts>> {
        let [Part { stored, .. }] = self.parts.as_slice() else { return Err(write().into()) };
        Ok(KeptPage::of(Arc::clone(stored), stored.prepared.keep(name, write)?))
    }

    /// Where its rows lie in their chunk, for [`PageTexts::rows`].
    pub fn place_in_chunk(&self) -> Range<usize> {
        self.parts.first().map_or(0..0, |first| first.stored.chunk.place_of(first.places.clone()))
    }

    /// The rows, part by part; parts without rows are left out.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().map(Part::json).filter(|json| !json.is_empty())
    }

    /// Whether rows follow in the selection and none of them is here: nobody could walk on from such a page.
    pub(super) fn lacks_rows(&self) -> bool {
        self.start < u64::from(self.total) && self.parts.iter().all(|part| part.places.is_empty())
    }

    /// Parts that rows come from: what a page says must not depend on which chunk told that it has none.
    fn telling(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| !part.places.is_empty())
    }

    /// The member's name as JSON, as the page's rows have it: a string or `null`.
    pub fn member_name_json(&self) -> &str {
        let names = self.telling().map(|p| p.stored.chunk.member_name_json());
        names.into_iter().find(|name| *name != "null").unwrap_or("null")
    }

    /// When the oldest of its rows was read, RFC 3339 in the account set's zone.
    pub fn as_of(&self) -> &str {
        self.oldest().map_or("", |s| &s.as_of)
    }

    /// How long ago that was.
    pub fn age(&self, now: Tick) -> Duration {
        self.oldest().map_or(Duration::ZERO, |s| s.age(now))
    }

    /// Seconds until the first of its chunks is stale; negative if it is already.
    pub fn ttl_seconds(&self, now: Tick) -> i64 {
        let fresh_until = self.parts.iter().map(|p| p.stored.fresh_until).min().unwrap_or(now);
        let left = fresh_until.since(now).as_secs() as i64;
        let late = now.since(fresh_until).as_millis().div_ceil(1000) as i64;
        left - late
    }

    /// The fresh time that applies, the shortest first.
    pub fn class(&self) -> FreshnessClass {
        let classes = || self.parts.iter().map(|p| p.stored.class);
        if classes().any(|c| c == FreshnessClass::Empty) {
            FreshnessClass::Empty
        } else if classes().all(|c| c == FreshnessClass::Settled) {
            FreshnessClass::Settled
        } else {
            FreshnessClass::Open
        }
    }

    /// A hash of the rows and their places: the same for the same rows, in every replica.
    pub fn content(&self) -> u64 {
        let mut bytes: SmallVec<[u8; 64]> = SmallVec::new();
        for part in self.telling() {
            bytes.extend_from_slice(&part.stored.chunk.content().to_le_bytes());
            bytes.extend_from_slice(&part.places.start.to_le_bytes());
            bytes.extend_from_slice(&part.places.end.to_le_bytes());
        }
        bytes.extend_from_slice(&self.start.to_le_bytes());
        bytes.extend_from_slice(&self.total.to_le_bytes());
        xxhash_rust::xxh3::xxh3_64(&bytes)
    }

    /// Names the last row, if more follow. `selection` gives [`crate::domain::query::Selection::fingerprint`].
    pub fn next_cursor(&self, selection: impl FnOnce() -> u64) -> Option<Cursor> {
        let (mut place, mut last) = (self.start, None);
        for part in &self.parts {
            for p in part.places.clone() {
                last = Some((place + u64::from(p - part.places.start), &part.stored.chunk, p));
            }
            place += u64::from(part.places.end - part.places.start);
        }
        if place >= u64::from(self.total) {
            return None;
        }
        let (place, chunk, p) = last?;
        // A dropped row has no anchor; then the nearest row before it is named, and the dropped one is met again.
        let (back, anchor) = (0..=p).find_map(|back| Some((back, chunk.anchor_at(p - back)?)))?;
        let place = u32::try_from(place.checked_sub(u64::from(back))?).ok()?;
        Some(Cursor { selection: selection(), place, count: self.total, anchor })
    }

    fn oldest(&self) -> Option<&Stored> {
        self.parts.iter().map(|p| &*p.stored).min_by_key(|s| s.read_at)
    }
}
