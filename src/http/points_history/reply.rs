//! A page as a response: what was prepared for it, the rows, and what changes from one answer to the next.

use std::ops::Range;

use bytes::Bytes;
use http::header::{AGE, CONTENT_TYPE, ETAG, LINK};
use http::{HeaderValue, Response, StatusCode};

use super::body::{self, Place};
use super::{Account, Asked};
use crate::clock::Tick;
use crate::domain::query::{HistoryQuery, Position};
use crate::history::{KeptPage, Page, PageName, PageTexts};
use crate::http::body::{PageBytes, Whole};
use crate::http::caching::{self, CACHE_STATUS, Heads};
use crate::http::request_id::X_REQUEST_ID;

/// Writes the response: 200, or 304 if the caller has these rows already.
pub(super) fn render(
    page: &Page,
    query: &HistoryQuery,
    account: &Account,
    now: Tick,
    heads: &Heads,
    asked: Asked<'_>,
) -> Response<Whole> {
    let in_place = page.kept(name(page, query), || write_texts(page, query, account));
    let texts = in_place.as_ref().map_or_else(|written| &**written, KeptPage::texts);
    let kept = page.outcome.is_kept();
    let unchanged = kept && caching::not_modified(asked.headers, texts.etag.as_bytes());
    let mut headers = heads.of(page.class(), kept);
    for (name, value) in headers.iter_mut() {
        *value = match name {
            name if name == ETAG => texts.etag.clone(),
            name if name == LINK => texts.link.clone(),
            name if name == AGE => caching::age(page.age(now).as_secs()),
            name if *name == CACHE_STATUS => caching::cache_status(page.outcome, page.ttl_seconds(now)),
            name if *name == X_REQUEST_ID => asked.id.header(),
            _ => continue,
        };
    }
    let body = match in_place {
        _ if unchanged => Whole::default(),
        Ok(page) => Whole::Page(PageBytes::new(page)),
        Err(texts) => Whole::Bytes(body::copied(page, &texts)),
    };
    let mut response = Response::new(body);
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
    PageTexts {
        etag: text(&all, &etag),
        link: text(&all, &link),
        envelope: all.slice(envelope),
        split,
        rows: page.place_in_chunk(),
    }
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
