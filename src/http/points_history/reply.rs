//! A page as a response: what was prepared for it, the rows, and what changes from one answer to the next.

use std::ops::Range;

use bytes::Bytes;
use http::header::{AGE, CONTENT_TYPE, ETAG, LINK};
use http::{HeaderValue, Response, StatusCode};

use super::body::{self, Place};
use super::{Account, Asked};
use crate::clock::Tick;
use crate::domain::query::{HistoryQuery, Position};
use crate::history::{Page, PageName, PageTexts};
use crate::http::caching::{self, CACHE_STATUS, Heads};
use crate::http::request_id::X_REQUEST_ID;

/// Room for `Age`, `Cache-Status` and `X-Request-Id`.
const CHANGING_BYTES: usize = 192;

/// Writes the response: 200, or 304 if the caller has these rows already.
pub(super) fn render(
    page: &Page,
    query: &HistoryQuery,
    account: &Account,
    now: Tick,
    heads: &Heads,
    asked: Asked<'_>,
) -> Response<Bytes> {
    let prepared = page.texts(name(page, query), || write_texts(page, query, account));
    let texts = &prepared.1;
    let kept = page.outcome.is_kept();
    let unchanged = kept && caching::not_modified(asked.headers, texts.etag.as_bytes());
    let rows_bytes: usize = page.rows().map(|json| json.len() + 1).sum();
    let mut out = Vec::with_capacity(CHANGING_BYTES + texts.envelope.len() + rows_bytes);
    let age = written(&mut out, |out| {
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(digits.format(page.age(now).as_secs()).as_bytes());
    });
    let status =
        written(&mut out, |out| caching::write_cache_status(page.outcome, page.ttl_seconds(now), out));
    let id = written(&mut out, |out| out.extend_from_slice(asked.id.as_str().as_bytes()));
    // One buffer that leaves in one write: sending the rows from where the cache has them was measured, and is slower.
    let rows = written(&mut out, |out| {
        if !unchanged {
            body::write_body(page, &texts.envelope, texts.split, out);
        }
    });
    let all = Bytes::from(out);
    let mut headers = heads.of(page.class(), kept);
    for (name, value) in headers.iter_mut() {
        *value = match name {
            name if name == ETAG => texts.etag.clone(),
            name if name == LINK => texts.link.clone(),
            name if name == AGE => text(&all, &age),
            name if *name == CACHE_STATUS => text(&all, &status),
            name if *name == X_REQUEST_ID => text(&all, &id),
            _ => continue,
        };
    }
    let mut response = Response::new(all.slice(rows));
    if unchanged {
        headers.remove(CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    *response.headers_mut() = headers;
    response
}

fn name(page: &Page, query: &HistoryQuery) -> PageName {
    let by_cursor = matches!(query.position, Position::After { .. });
    PageName { start: page.start, size: query.position.size().get(), by_cursor }
}

fn write_texts(page: &Page, query: &HistoryQuery, account: &Account) -> PageTexts {
    let place = Place::of(page, query, account);
    let mut out = Vec::with_capacity(1024);
    let etag = written(&mut out, |out| caching::write_etag(page.content(), out));
    let link = written(&mut out, |out| body::write_link(query, &place, out));
    let mut split = 0;
    let envelope = written(&mut out, |out| split = body::write_envelope(page, query, &place, out));
    let all = Bytes::copy_from_slice(&out); // it is kept: no spare room
    PageTexts { etag: text(&all, &etag), link: text(&all, &link), envelope: all.slice(envelope), split }
}

fn written(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
    let start = out.len();
    write(out);
    start..out.len()
}

/// A header's value that shares the buffer it was written into.
fn text(all: &Bytes, range: &Range<usize>) -> HeaderValue {
    // Every byte was written here; none can be forbidden in a header.
    HeaderValue::from_maybe_shared(all.slice(range.clone())).unwrap_or(HeaderValue::from_static(""))
}
