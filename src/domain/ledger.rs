//! Ledger chunks: what one upstream call brings, serialised once and sliced ever after.

use std::ops::Range;

use compact_str::CompactString;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::points::Entry;
use super::query::Selection;

/// Names one chunk: a selection and which run of `chunk_rows` rows of it. The caller's page size is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChunkKey {
    /// Whose rows, with which filters.
    pub selection: Selection,
    /// From 0; Kingdee's `page` is one more.
    pub number: u32,
}

/// One answer of the upstream endpoint, read but not yet judged: all six fields of `data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerAnswer {
    /// `count`: rows in the whole selection
    pub count: u64,
    /// `page`, from 1, if sent
    pub page: Option<u64>,
    /// `page_size`, as understood by Kingdee, if sent
    pub page_size: Option<u64>,
    /// `cur_page_size`, if sent
    pub cur_page_size: Option<u64>,
    /// `total_page`, if sent
    pub total_page: Option<u64>,
    /// `rows`; empty when missing or null
    pub rows: Vec<Entry>,
}

/// Why an answer can't be believed. Such an answer is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkFault {
    /// Fewer or more rows than `count` promises for this place.
    #[error(
        "Kingdee sent {got} rows where its count of {count} promises {expected}; if it always does, lower kingdee.chunk_rows or set kingdee.count_check = \"report\""
    )]
    RowsDisagreeWithCount {
        /// rows received
        got: u64,
        /// rows that `count` promises
        expected: u64,
        /// `count` itself
        count: u64,
    },
    /// Every row belongs to somebody else.
    #[error("all {rows} rows belong to another member")]
    AllForeign {
        /// rows received
        rows: u64,
    },
    /// Beyond what the gateway counts.
    #[error("count {0} is beyond what a ledger can hold")]
    CountTooLarge(u64),
    /// The rows could not be written as JSON, or are too many bytes.
    #[error("the rows don't fit a chunk")]
    TooLarge,
}

/// A chunk with what was noticed while it was put together.
#[derive(Debug)]
pub struct Assembled {
    /// The rows, ready to be served.
    pub chunk: Chunk,
    /// Rows of another member that were dropped; an answer that had any is served but not stored.
    pub foreign: u64,
    /// Rows whose amounts don't add up; served as sent.
    pub odd: u64,
    /// Whether the number of rows disagrees with `count` (only under [`CountCheck::Report`]).
    pub miscounted: bool,
}

/// What to do when the rows received disagree with `count` (a setting: Kingdee's documents leave it open).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CountCheck {
    /// Refuse the answer: rows could be missing.
    #[default]
    Refuse,
    /// Serve it, don't store it, count it in a metric.
    Report,
}

/// Up to 100 rows of one selection as JSON, in the order in which Kingdee listed them.
///
/// `bytes` begins with where each row ends (`u32`, counted from the first row, little endian), then come the rows,
/// each row's JSON followed by a comma: one allocation, and a page lies behind its own table. A page is a slice of it:
/// a hit parses nothing, sorts nothing and copies once. A dropped row leaves an empty place, so that the others
/// keep theirs.
pub struct Chunk {
    bytes: Box<[u8]>,
    places: u32,
    count: u32,
    member_name: Box<str>,
    content: u64,
}

/// A chunk taken apart, for whoever keeps it elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct ChunkParts<'c> {
    /// The table of ends and the rows, as they lie in memory.
    pub bytes: &'c [u8],
    /// Places in the chunk.
    pub places: u32,
    /// Rows in the whole selection.
    pub count: u32,
    /// JSON text: a string or `null`.
    pub member_name: &'c str,
}

/// Bytes of one entry of a chunk's table.
const END: usize = size_of::<u32>();

impl Chunk {
    /// Most rows in a selection that the gateway can page through.
    pub const MAX_COUNT: u64 = 1_000_000_000;

    /// Longest id, as JSON text, that stands for itself; a longer one is named by a hash.
    pub const LONGEST_ANCHOR: usize = 64;

    /// Judges an answer and serialises its rows.
    ///
    /// # Errors
    /// [`ChunkFault`] where the answer contradicts itself or is somebody else's.
    pub fn assemble(
        key: &ChunkKey,
        chunk_rows: u8,
        check: CountCheck,
        answer: &LedgerAnswer,
    ) -> Result<Assembled, ChunkFault> {
        let count = u32::try_from(answer.count)
            .ok()
            .filter(|_| answer.count <= Self::MAX_COUNT)
            .ok_or(ChunkFault::CountTooLarge(answer.count))?;
        let got = answer.rows.len() as u64;
        let first = u64::from(key.number) * u64::from(chunk_rows);
        let expected = answer.count.saturating_sub(first).min(u64::from(chunk_rows));
        let miscounted = got != expected;
        if (miscounted && check == CountCheck::Refuse) || got > u64::from(u8::MAX) {
            return Err(ChunkFault::RowsDisagreeWithCount { got, expected, count: answer.count });
        }
        let foreign = |row: &&Entry| row.member.as_ref().is_some_and(|m| *m != key.selection.member);
        let strangers = answer.rows.iter().filter(foreign).count() as u64;
        if strangers > 0 && strangers == got {
            return Err(ChunkFault::AllForeign { rows: got });
        }
        let own = answer.rows.iter().map(|row| Some(row).filter(|row| !foreign(row)));
        let chunk = Chunk::serialise(own, count)?;
        let odd = answer.rows.iter().filter(|row| row.adds_up() == Some(false)).count() as u64;
        Ok(Assembled { chunk, foreign: strangers, odd, miscounted })
    }

    fn serialise<'a>(
        rows: impl ExactSizeIterator<Item = Option<&'a Entry>>,
        count: u32,
    ) -> Result<Chunk, ChunkFault> {
        let places = rows.len();
        let table = places * END;
        let mut bytes = vec![0; table];
        bytes.reserve(places * 320);
        let mut member_name = None;
        for (place, row) in rows.enumerate() {
            if let Some(row) = row {
                serde_json::to_writer(&mut bytes, row).map_err(|_| ChunkFault::TooLarge)?;
                bytes.push(b',');
                member_name = member_name.or(row.member_name.as_deref());
            }
            let end = u32::try_from(bytes.len() - table).map_err(|_| ChunkFault::TooLarge)?;
            if let Some(slot) = bytes.get_mut(place * END..(place + 1) * END) {
                slot.copy_from_slice(&end.to_le_bytes());
            }
        }
        let member_name = serde_json::to_string(&member_name).map_err(|_| ChunkFault::TooLarge)?;
        let places = u32::try_from(places).map_err(|_| ChunkFault::TooLarge)?;
        Ok(Chunk::of(ChunkParts { bytes: &bytes, places, count, member_name: &member_name }))
    }

    fn of(parts: ChunkParts<'_>) -> Chunk {
        let table = parts.places as usize * END;
        let mut hasher = Xxh3::new();
        hasher.update(parts.bytes.get(table..).unwrap_or_default());
        hasher.update(&parts.count.to_le_bytes());
        hasher.update(parts.member_name.as_bytes());
        Chunk {
            content: hasher.digest(),
            member_name: parts.member_name.into(),
            // Copied, not shrunk: an allocator may leave a shrunk block as large as it was.
            bytes: Box::from(parts.bytes),
            places: parts.places,
            count: parts.count,
        }
    }

    /// Puts a chunk together again; `None` if its parts don't fit each other.
    pub fn from_parts(parts: ChunkParts<'_>) -> Option<Chunk> {
        let table = usize::try_from(parts.places).ok()?.checked_mul(END)?;
        let (ends, rows) = parts.bytes.split_at_checked(table)?;
        let (ends, _) = ends.as_chunks::<END>();
        let ends = ends.iter().map(|end| u32::from_le_bytes(*end) as usize);
        let in_order = ends.clone().try_fold(0, |before, end| (before <= end).then_some(end));
        // Each row ends in a comma, so that a page can be cut off before it.
        let closed = ends.clone().all(|end| end == 0 || rows.get(end.wrapping_sub(1)) == Some(&b','));
        let whole = in_order == Some(rows.len()) && closed && parts.places <= u32::from(u8::MAX);
        let named = serde_json::from_str::<Option<String>>(parts.member_name).is_ok();
        (whole && named && u64::from(parts.count) <= Self::MAX_COUNT).then(|| Chunk::of(parts))
    }

    /// Takes it apart.
    pub fn parts(&self) -> ChunkParts<'_> {
        ChunkParts {
            bytes: &self.bytes,
            places: self.places,
            count: self.count,
            member_name: &self.member_name,
        }
    }

    /// Rows in the whole selection, as Kingdee counted them with this chunk.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Places in this chunk, dropped rows included.
    pub fn places(&self) -> u32 {
        self.places
    }

    /// The member's name on the first row that has one, as JSON: a string or `null`.
    pub fn member_name_json(&self) -> &str {
        &self.member_name
    }

    /// A hash of everything in it: two reads of an unchanged ledger carry the same one, in every process.
    pub fn content(&self) -> u64 {
        self.content
    }

    /// Bytes of memory this value owns, itself included.
    pub fn owned_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.len() + self.member_name.len()
    }

    /// JSON of the rows in `places`, comma-separated, without a comma at the end; clipped to what is there.
    pub fn json(&self, places: Range<u32>) -> &[u8] {
        self.slice(self.place_of(places))
    }

    /// Where [`Chunk::json`] of these places lies, for [`Chunk::slice`].
    pub fn place_of(&self, places: Range<u32>) -> Range<usize> {
        let start = self.start_of(places.start.min(self.places()));
        let end = self.start_of(places.end.min(self.places()));
        start..end.saturating_sub(1).max(start) // every row that is there ends in a comma
    }

    /// What [`Chunk::place_of`] found.
    pub fn slice(&self, place: Range<usize>) -> &[u8] {
        self.bytes.get(place).unwrap_or_default()
    }

    /// Where the row at `place` begins in `bytes`.
    fn start_of(&self, place: u32) -> usize {
        let table = self.places as usize * END;
        let end = (place as usize)
            .checked_sub(1)
            .and_then(|before| self.bytes.get(before * END..(before + 1) * END)?.try_into().ok())
            .map_or(0, u32::from_le_bytes);
        table + end as usize
    }

    /// What identifies the row at `place`: its id's JSON text, or a hash where a row has none.
    /// `None` for a dropped row or a place that isn't there.
    pub fn anchor_at(&self, place: u32) -> Option<CompactString> {
        let row = self.json(place..place + 1);
        match first_value(row.strip_prefix(br#"{"id":"#)?)? {
            id if id == b"null" || id.len() > Self::LONGEST_ANCHOR => {
                Some(compact_str::format_compact!("#{:016x}", xxh3_64(row)))
            }
            id => CompactString::from_utf8(id).ok(),
        }
    }

    /// The place of the row that `anchor` identifies; of several (rows without ids may be the same to the last
    /// byte) the one nearest to `expected`, which may lie outside of this chunk.
    pub fn find(&self, anchor: &str, expected: i64) -> Option<u32> {
        (0..self.places())
            .filter(|place| self.anchor_at(*place).is_some_and(|a| a == anchor))
            .min_by_key(|place| i64::from(*place).abs_diff(expected))
    }
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Rows are personal data: shape only.
        write!(f, "Chunk({} places of {}, {} bytes)", self.places(), self.count, self.bytes.len())
    }
}

/// The JSON string or `null` at the start of `json`.
fn first_value(json: &[u8]) -> Option<&[u8]> {
    if json.first() != Some(&b'"') {
        return json.starts_with(b"null").then_some(b"null");
    }
    let mut escaped = false;
    let end = json.iter().skip(1).position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    })?;
    json.get(..end + 2)
}

/// Which chunks hold `len` rows from place `start` on: chunk numbers with the places inside each.
///
/// Yields nothing for an empty range. A chunk of 100 rows makes it at most two chunks for any page.
pub fn chunks_of(start: u64, len: u64, chunk_rows: u8) -> impl Iterator<Item = (u32, Range<u32>)> {
    let rows = u64::from(chunk_rows.max(1));
    let end = start + len;
    let numbers = if len == 0 { 0..0 } else { start / rows..end.div_ceil(rows) };
    numbers.map(move |number| {
        let base = number * rows;
        let from = start.max(base) - base;
        let to = end.min(base + rows) - base;
        // Both below 256; the number is bounded by PageNumber::MAX * PageSize::MAX.
        (number as u32, from as u32..to as u32)
    })
}
