//! Walking by cursor: find the row that it names, however the ledger has grown, and go on behind it.

use smallvec::SmallVec;

use super::cut::{Cut, Span};
use super::read::{Limits, Read};
use super::{History, HistoryError, Page, Wish, key};
use crate::domain::ledger::{Chunk, chunks_of};
use crate::domain::query::{Cursor, PageSize, Selection};

impl History {
    /// The page after a cursor's row. That row is read along with the page, so that all chunks that matter agree
    /// about `count`; if rows came in between finding it and reading on, it is looked for again.
    pub(super) async fn page_after(
        &self,
        selection: &Selection,
        cursor: &Cursor,
        size: PageSize,
        mut wish: Wish,
        limits: &Limits,
    ) -> Result<Page, HistoryError> {
        for _ in 0..3 {
            let place = self.find_place(selection, cursor, wish, limits).await?;
            wish = if wish == Wish::Fresh { Wish::Any } else { wish };
            let span = Span::after(place, &cursor.anchor, size);
            let mut cut = self.read_cut(selection, &span, wish, limits).await?;
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

    /// Finds the row that a cursor names: where it was, where it must be now if rows came in before it, then
    /// outwards from there, a bounded number of chunks.
    async fn find_place(
        &self,
        selection: &Selection,
        cursor: &Cursor,
        wish: Wish,
        limits: &Limits,
    ) -> Result<u64, HistoryError> {
        let rows = u32::from(self.chunk_rows());
        let mut seen: SmallVec<[u32; 16]> = SmallVec::new();
        let mut next = Some(cursor.place / rows);
        while let Some(number) = next {
            seen.push(number);
            let read = self.read(&key(selection, number), wish, limits).await?;
            let chunk = &read.stored.chunk;
            if chunk.count() > number.saturating_mul(rows)
                && let Some(place) = self.place_in(chunk, number, cursor)
            {
                return Ok(place);
            }
            if seen.len() >= self.rules().history.cursor_search_chunks as usize {
                break;
            }
            let moved = (cursor.place.saturating_add(chunk.count())).saturating_sub(cursor.count) / rows;
            let last = chunk.count().saturating_sub(1) / rows;
            next = (0..=last).filter(|n| !seen.contains(n)).min_by_key(|n| n.abs_diff(moved));
        }
        Err(HistoryError::CursorLost)
    }
}
