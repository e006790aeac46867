//! Cursors: whatever text comes back, only one that was written here is believed, and it says what was written.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use points_gateway::domain::ledger::Chunk;
use points_gateway::domain::query::Cursor;
use points_gateway::http::points_history::parsers::{cursor_of, cursor_text};
use xxhash_rust::xxh3::xxh3_64_with_seed;

const KEY: u64 = 0x706f_696e_7473;

/// The bytes are taken for a cursor's text, for the bytes behind such a text, and for the fields of a cursor.
pub fn cursor(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        as_text(text);
    }
    let sum = (xxh3_64_with_seed(data, KEY) as u32).to_le_bytes();
    let forged = URL_SAFE_NO_PAD.encode([data, &sum].concat());
    as_text(&forged);
    if let Some(cursor) = fields(data) {
        is_read_again(&cursor, data[0]);
    }
}

/// What is believed has one spelling.
fn as_text(text: &str) {
    let selection = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| Some(*bytes.get(1..)?.first_chunk()?));
    let selection = selection.map_or(0, u64::from_le_bytes);
    if let Ok(cursor) = cursor_of(text, selection, KEY) {
        assert_eq!(cursor_text(&cursor, KEY), text);
        assert!(cursor.place < cursor.count && u64::from(cursor.count) <= Chunk::MAX_COUNT);
        assert!(!cursor.anchor.is_empty() && cursor.anchor.len() <= Chunk::LONGEST_ANCHOR + 3);
        assert!(cursor_of(text, selection ^ 1, KEY).is_err(), "another question");
        assert!(cursor_of(text, selection, KEY ^ 1).is_err(), "another gateway");
    }
}

fn fields(data: &[u8]) -> Option<Cursor> {
    let (selection, rest) = data.split_first_chunk::<8>()?;
    let (place, rest) = rest.split_first_chunk::<4>()?;
    let (count, anchor) = rest.split_first_chunk::<4>()?;
    let anchor = std::str::from_utf8(anchor).ok()?.into();
    let [place, count] = [place, count].map(|bytes| u32::from_le_bytes(*bytes));
    Some(Cursor { selection: u64::from_le_bytes(*selection), place, count, anchor })
}

fn is_read_again(cursor: &Cursor, at: u8) {
    let text = cursor_text(cursor, KEY);
    let good = cursor.place < cursor.count
        && u64::from(cursor.count) <= Chunk::MAX_COUNT
        && (1..=Chunk::LONGEST_ANCHOR).contains(&cursor.anchor.len());
    if !good {
        let _either_way = cursor_of(&text, cursor.selection, KEY);
        return;
    }
    assert_eq!(cursor_of(&text, cursor.selection, KEY).as_ref(), Ok(cursor));
    let mut bent = text.clone().into_bytes();
    let at = usize::from(at) % bent.len();
    bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
    let bent = String::from_utf8(bent).unwrap();
    assert!(cursor_of(&bent, cursor.selection, KEY).is_err(), "{bent} passes for {text}");
    assert!(cursor_of(&text[..at], cursor.selection, KEY).is_err(), "{text} cut at {at}");
}
