//! Cursors as text: opaque to apps, self-contained, so that they survive a restart and a change of replica.
//!
//! Layout before base64url: version (1 byte), selection (8), place (4), count (4), anchor (the rest), then a
//! check sum (4), all little-endian. The sum is keyed: a forged cursor would name a row that isn't there and send us
//! searching. It could not show a stranger's rows, since the path decides whose are read and the selection must match.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use compact_str::CompactString;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::domain::ledger::Chunk;
use crate::domain::query::Cursor;

const VERSION: u8 = 1;
const FIXED: usize = 1 + 8 + 4 + 4;
const SUM: usize = 4;

/// Why a cursor is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CursorFault {
    Unreadable,
    OtherQuestion,
}

impl CursorFault {
    pub(super) fn text(self) -> &'static str {
        match self {
            CursorFault::Unreadable => "can't be read: it was cut, changed or made by another version",
            CursorFault::OtherQuestion => {
                "belongs to another question: member, from, to and type must stay the same"
            }
        }
    }
}

/// The key that cursors are written with, and those that they were written with lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorKeys([u64; 4]);

impl CursorKeys {
    /// One key, in use from the beginning.
    pub fn only(key: u64) -> CursorKeys {
        CursorKeys([key; 4])
    }

    /// These keys in place of `former` ones, which are remembered.
    #[must_use]
    pub fn after(self, former: CursorKeys) -> CursorKeys {
        let ([key, ..], [first, second, third, _]) = (self.0, former.0);
        if key == first { former } else { CursorKeys([key, first, second, third]) }
    }

    /// The key to write with.
    pub fn current(self) -> u64 {
        let [key, ..] = self.0;
        key
    }

    /// All of them, the one to write with first.
    pub(super) fn all(&self) -> &[u64] {
        &self.0
    }
}

/// Writes a cursor at the end of `out`.
pub(super) fn encode(cursor: &Cursor, key: u64, out: &mut Vec<u8>) {
    let mut bytes: smallvec::SmallVec<[u8; 96]> = smallvec::SmallVec::new();
    bytes.push(VERSION);
    bytes.extend_from_slice(&cursor.selection.to_le_bytes());
    bytes.extend_from_slice(&cursor.place.to_le_bytes());
    bytes.extend_from_slice(&cursor.count.to_le_bytes());
    bytes.extend_from_slice(cursor.anchor.as_bytes());
    let sum = sum(&bytes, key);
    bytes.extend_from_slice(&sum);
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written =
        out.get_mut(start..).map_or(0, |place| URL_SAFE_NO_PAD.encode_slice(&bytes, place).unwrap_or(0));
    out.truncate(start + written);
}

/// Reads a cursor that must belong to `selection`, written with one of `keys`.
pub(super) fn decode(text: &str, selection: u64, keys: &[u64]) -> Result<Cursor, CursorFault> {
    if text.len() > (FIXED + Chunk::LONGEST_ANCHOR + SUM) * 4 / 3 + 4 {
        return Err(CursorFault::Unreadable);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorFault::Unreadable)?;
    let cursor = keys.iter().find_map(|key| parse(&bytes, *key)).ok_or(CursorFault::Unreadable)?;
    if cursor.selection == selection { Ok(cursor) } else { Err(CursorFault::OtherQuestion) }
}

fn parse(bytes: &[u8], key: u64) -> Option<Cursor> {
    let (body, checked) = bytes.split_last_chunk::<SUM>()?;
    if *checked != sum(body, key) {
        return None;
    }
    let (&version, rest) = body.split_first()?;
    let (selection, rest) = rest.split_first_chunk::<8>()?;
    let (place, rest) = rest.split_first_chunk::<4>()?;
    let (count, anchor) = rest.split_first_chunk::<4>()?;
    let (place, count) = (u32::from_le_bytes(*place), u32::from_le_bytes(*count));
    let possible = version == VERSION && place < count && u64::from(count) <= Chunk::MAX_COUNT;
    let anchor = CompactString::from_utf8(anchor).ok().filter(|a| !a.is_empty())?;
    possible.then_some(Cursor { selection: u64::from_le_bytes(*selection), place, count, anchor })
}

fn sum(bytes: &[u8], key: u64) -> [u8; SUM] {
    (xxh3_64_with_seed(bytes, key) as u32).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(cursor: &Cursor) -> String {
        let mut out = Vec::new();
        encode(cursor, 1, &mut out);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(selection: u64, place in 0u32..1000, more in 1u32..1000, anchor in "\"[0-9]{1,19}\"") {
            let cursor = Cursor { selection, place, count: place + more, anchor: anchor.into() };
            prop_assert_eq!(decode(&text(&cursor), selection, &[1]), Ok(cursor));
        }

        #[test]
        fn any_other_text_is_refused_without_a_panic(text in "\\PC{0,80}") {
            prop_assert!(decode(&text, 7, &[1]).is_err());
        }

        #[test]
        fn a_changed_or_cut_cursor_is_refused(place in 0usize..40, with in "[A-Za-z0-9_-]") {
            let cursor = Cursor { selection: 7, place: 19, count: 1234, anchor: "\"123456789012345678\"".into() };
            let good = text(&cursor);
            let mut bad = good.clone();
            bad.replace_range(place..place + 1, &with);
            prop_assume!(bad != good);
            prop_assert!(decode(&bad, 7, &[1]).is_err());
            prop_assert!(decode(&good[..place], 7, &[1]).is_err());
        }
    }

    #[test]
    fn a_cursor_is_bound_to_its_question() {
        let cursor = Cursor { selection: 7, place: 19, count: 1234, anchor: "\"1\"".into() };
        assert_eq!(decode(&text(&cursor), 8, &[1]), Err(CursorFault::OtherQuestion));
        assert_eq!(decode(&text(&cursor), 7, &[2]), Err(CursorFault::Unreadable));
    }

    #[test]
    fn former_keys_are_remembered_and_a_key_that_stays_pushes_none_out() {
        let keys = (2..=5).fold(CursorKeys::only(1), |keys, key| CursorKeys::only(key).after(keys));
        let keys = CursorKeys::only(5).after(keys);
        assert_eq!((keys.current(), keys.all()), (5, &[5, 4, 3, 2][..]));
    }
}
