//! A page as a response: headers and body written into one buffer, which they then share.

use std::ops::Range;

use bytes::Bytes;
use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, LINK, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::body::{self, Place};
use super::{Account, Asked, CacheControl};
use crate::clock::Tick;
use crate::domain::query::HistoryQuery;
use crate::history::Page;
use crate::http::caching::{self, CACHE_STATUS};
use crate::http::request_id::X_REQUEST_ID;

/// Room for the texts of all headers.
const HEADER_BYTES: usize = 640;

/// Writes the response: 200, or 304 if the caller has these rows already.
pub(super) fn render(
    page: &Page,
    query: &HistoryQuery,
    account: &Account,
    now: Tick,
    control: &CacheControl,
    asked: Asked<'_>,
) -> Response<Bytes> {
    let member = query.selection.member.as_str();
    let place = Place::of(page, query, account);
    let room = HEADER_BYTES + body::body_bytes(page, member, &place);
    let mut out = Vec::with_capacity(room);
    let etag = written(&mut out, |out| caching::write_etag(page.content(), out));
    let kept = page.outcome.is_kept();
    let unchanged = kept && caching::not_modified(asked.headers, out.get(etag.clone()).unwrap_or_default());
    let age = written(&mut out, |out| {
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(digits.format(page.age(now).as_secs()).as_bytes());
    });
    let status =
        written(&mut out, |out| caching::write_cache_status(page.outcome, page.ttl_seconds(now), out));
    let link = written(&mut out, |out| body::write_link(query, &place, out));
    let id = written(&mut out, |out| out.extend_from_slice(asked.id.as_str().as_bytes()));
    let rows = written(&mut out, |out| {
        if !unchanged {
            body::write_body(page, member, &place, out);
        }
    });
    let all = Bytes::from(out);
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, if kept { control.of(page.class()) } else { CacheControl::NOTHING });
    for (name, text) in [(ETAG, etag), (AGE, age), (CACHE_STATUS, status), (LINK, link), (X_REQUEST_ID, id)] {
        // Every byte was written above; none can be forbidden in a header.
        if let Ok(value) = HeaderValue::from_maybe_shared(all.slice(text)) {
            headers.insert(name, value);
        }
    }
    if !kept {
        headers.remove(ETAG);
    }
    let mut response = Response::new(all.slice(rows));
    if unchanged {
        headers.remove(CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    *response.headers_mut() = headers;
    response
}

fn written(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
    let start = out.len();
    write(out);
    start..out.len()
}
