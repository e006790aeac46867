//! Which places a page wants, and the chunks that were read for it.

use std::ops::Range;

use smallvec::SmallVec;

use super::page::Page;
use super::read::Read;
use crate::domain::query::{PageNumber, PageSize};

/// The places that a page needs to see: its own rows and, after a cursor, the cursor's row in front of them.
pub(super) struct Span<'a> {
    pub start: u64,
    pub len: u64,
    pub anchor: Option<&'a str>,
}

impl<'a> Span<'a> {
    pub fn page(number: PageNumber, size: PageSize) -> Span<'a> {
        Span { start: u64::from(number.get() - 1) * size.rows(), len: size.rows(), anchor: None }
    }

    pub fn after(place: u64, anchor: &'a str, size: PageSize) -> Span<'a> {
        Span { start: place, len: size.rows() + 1, anchor: Some(anchor) }
    }
}

/// Chunks that were read for a span, in order, with the places wanted of each.
#[derive(Default)]
pub(super) struct Cut {
    pub reads: SmallVec<[Read; 2]>,
    ranges: SmallVec<[Range<u32>; 2]>,
}

impl Cut {
    /// Adds chunk `number` and says whether rows follow after it.
    pub fn push(&mut self, read: Read, number: u32, places: Range<u32>, chunk_rows: u8) -> bool {
        let (count, rows) = (u64::from(read.stored.chunk.count()), u64::from(chunk_rows));
        let beyond_the_end = count <= u64::from(number) * rows;
        self.reads.push(read);
        self.ranges.push(if beyond_the_end { 0..0 } else { places });
        count > (u64::from(number) + 1) * rows
    }

    /// Whether all chunks carry the same `count`.
    pub fn agrees(&self) -> bool {
        self.reads.iter().all(|r| Some(r.stored.chunk.count()) == self.count())
    }

    /// Rows in the whole selection, as the first chunk has it.
    pub fn count(&self) -> Option<u32> {
        self.reads.first().map(|r| r.stored.chunk.count())
    }

    /// Leaves out the first chunk that disagrees with those before it about `count`, and all that follow; gives it
    /// back with how many stood before it.
    pub fn keep_what_agrees(&mut self) -> Option<(usize, Read)> {
        let count = self.count();
        let agree = self.reads.iter().take_while(|r| Some(r.stored.chunk.count()) == count).count();
        let out = self.reads.get(agree).cloned().map(|read| (agree, read));
        self.reads.truncate(agree);
        self.ranges.truncate(agree);
        out
    }

    /// Whether the first place holds the row that `anchor` names; always, if it names none.
    pub fn begins_with(&self, anchor: Option<&str>) -> bool {
        anchor.is_none_or(|anchor| {
            let first = self.reads.first().zip(self.ranges.first());
            first
                .and_then(|(read, places)| read.stored.chunk.anchor_at(places.start))
                .is_some_and(|a| a == anchor)
        })
    }

    /// The page: the span without the cursor's row.
    pub fn into_page(mut self, span: &Span<'_>) -> Option<Page> {
        let seen = u32::from(span.anchor.is_some());
        if let Some(first) = self.ranges.first_mut() {
            first.start += seen;
        }
        Page::of(self.reads, self.ranges, span.start + u64::from(seen))
    }
}
