//! A page as bytes: the body that apps see, and `Link`.

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::ask::Account;
use super::cursor;
use crate::domain::query::{HistoryQuery, Position};
use crate::history::{Page, PageTexts};

/// What body and `Link` say about the place of a page among others.
pub(super) struct Place {
    /// Number of the page, unless a cursor led here.
    pub number: Option<u64>,
    pub size: u64,
    pub total_pages: u64,
    /// The text of `next_cursor`, empty at the end.
    pub next_cursor: Vec<u8>,
}

impl Place {
    pub(super) fn of(page: &Page, query: &HistoryQuery, account: &Account) -> Place {
        let size = query.position.size().rows();
        let number = match &query.position {
            Position::Page { number, .. } => Some(u64::from(number.get())),
            Position::After { .. } => None,
        };
        let mut next_cursor = Vec::new();
        if let Some(next) = page.next_cursor(|| query.selection.fingerprint(&account.name)) {
            cursor::encode(&next, account.cursor_keys.current(), &mut next_cursor);
        }
        Place { number, size, total_pages: u64::from(page.total).div_ceil(size), next_cursor }
    }
}

/// Writes the body without its rows, and says where they go.
pub(super) fn write_envelope(page: &Page, query: &HistoryQuery, place: &Place, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    let mut digits = itoa::Buffer::new();
    let mut field = |out: &mut Vec<u8>, name: &[u8], value: u64| {
        out.extend_from_slice(name);
        out.extend_from_slice(digits.format(value).as_bytes());
    };
    out.extend_from_slice(br#"{"member":{"id":""#);
    out.extend_from_slice(query.selection.member.as_str().as_bytes()); // nothing in a member id needs escaping
    out.extend_from_slice(br#"","name":"#);
    out.extend_from_slice(page.member_name_json().as_bytes());
    out.extend_from_slice(br#"},"entries":["#);
    let split = out.len() - start;
    out.push(b']');
    if let Some(number) = place.number {
        field(out, br#","page":"#, number);
    }
    field(out, br#","page_size":"#, place.size);
    field(out, br#","total":"#, u64::from(page.total));
    field(out, br#","total_pages":"#, place.total_pages);
    if place.next_cursor.is_empty() {
        out.extend_from_slice(br#","next_cursor":null"#);
    } else {
        out.extend_from_slice(br#","next_cursor":""#);
        out.extend_from_slice(&place.next_cursor);
        out.push(b'"');
    }
    out.extend_from_slice(br#","as_of":""#);
    out.extend_from_slice(page.as_of().as_bytes());
    out.extend_from_slice(br#""}"#);
    split
}

/// A page that can't be sent from where the cache has it: rows and envelope in one.
pub(super) fn copied(page: &Page, texts: &PageTexts) -> Bytes {
    let (before, after) = texts.around_rows();
    let rows_bytes: usize = page.rows().map(|json| json.len() + 1).sum();
    let mut out = Vec::with_capacity(texts.envelope.len() + rows_bytes);
    out.extend_from_slice(before);
    for (i, json) in page.rows().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(json);
    }
    out.extend_from_slice(after);
    out.into()
}

/// Writes `Link` (RFC 8288) with `first`, `prev`, `next`, `last`: queries alone, so that they are right behind
/// any prefix that an ingress strips.
pub(super) fn write_link(query: &HistoryQuery, place: &Place, out: &mut Vec<u8>) {
    let filters = filters(query);
    let mut digits = itoa::Buffer::new();
    let mut size = itoa::Buffer::new();
    let size = size.format(place.size);
    let mut link = |rel: &str, name: &str, value: &[u8]| {
        let comma: &[u8] = if rel == "first" { b"" } else { b", " };
        for part in
            [comma, b"<?", name.as_bytes(), b"=", value, b"&page_size=", size.as_bytes(), filters.as_bytes()]
        {
            out.extend_from_slice(part);
        }
        for part in [&b">; rel=\""[..], rel.as_bytes(), b"\""] {
            out.extend_from_slice(part);
        }
    };
    link("first", "page", b"1");
    match place.number {
        Some(number) => {
            if number > 1 && place.total_pages > 0 {
                link("prev", "page", digits.format((number - 1).min(place.total_pages)).as_bytes());
            }
            if number < place.total_pages {
                link("next", "page", digits.format(number + 1).as_bytes());
            }
            link("last", "page", digits.format(place.total_pages.max(1)).as_bytes());
        }
        None if place.next_cursor.is_empty() => {}
        None => link("next", "cursor", &place.next_cursor),
    }
}

pub(super) fn filters(query: &HistoryQuery) -> String {
    let mut text = String::new();
    let window = query.selection.window;
    for (name, bound) in [("from", window.from), ("to", window.to)] {
        if let Some(bound) = bound {
            text.push_str(&format!("&{name}={bound}"));
        }
    }
    if let Some(kind) = &query.selection.kind {
        text.push_str("&type=");
        text.extend(utf8_percent_encode(kind.as_str(), NON_ALPHANUMERIC));
    }
    text
}
