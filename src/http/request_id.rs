//! `X-Request-Id`: the caller's own where it is harmless, otherwise one of ours.

use std::sync::atomic::{AtomicU64, Ordering};

use compact_str::CompactString;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::telemetry::hex::hex_digits;

/// The header's name.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Id of one request: 1 to 64 of `A-Z a-z 0-9 . _ -`. Safe in a header, a JSON string and a log line as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Text);

/// Most ids are ours, and a hit only writes their bytes: they are digits as they lie, text where somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Text {
    Ours([u8; 16]),
    Callers(CompactString),
}

impl RequestId {
    /// Accepts a caller's id that keeps the rule.
    pub fn parse(text: &str) -> Option<RequestId> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let fits = (1..=64).contains(&text.len());
        (fits && text.bytes().all(allowed)).then(|| RequestId(Text::Callers(text.into())))
    }

    /// Stands in where no id can be had.
    pub(crate) fn unknown() -> RequestId {
        RequestId(Text::Callers(CompactString::const_new("unknown")))
    }

    /// The id as ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Ours(digits) => digits,
            Text::Callers(text) => text.as_bytes(),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("unknown")
    }

    /// The id as a header's value.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(self.as_bytes()).unwrap_or(HeaderValue::from_static("unknown"))
    }
}

/// The id that the front door gave a request.
pub(crate) fn of(extensions: &http::Extensions) -> RequestId {
    extensions.get::<RequestId>().cloned().unwrap_or_else(RequestId::unknown)
}

/// Makes ids: 16 hex digits, never twice in a process, without a pattern between processes.
#[derive(Debug)]
pub struct RequestIds(AtomicU64);

impl RequestIds {
    /// Starts anywhere.
    pub fn starting_at(seed: u64) -> RequestIds {
        RequestIds(AtomicU64::new(seed))
    }

    /// The caller's id, or a new one.
    pub fn of(&self, headers: &HeaderMap) -> RequestId {
        let sent = headers.get(X_REQUEST_ID).and_then(|v| v.to_str().ok()).and_then(RequestId::parse);
        sent.unwrap_or_else(|| self.next())
    }

    fn next(&self) -> RequestId {
        // SplitMix64: a counter, scrambled one to one.
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        RequestId(Text::Ours(hex_digits(z)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harmless_id_is_kept_and_any_other_replaced() {
        let ids = RequestIds::starting_at(7);
        let with = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
            ids.of(&headers).as_str().to_owned()
        };
        assert_eq!(with(b"req_1.A-2"), "req_1.A-2");
        for bad in [b"a b".as_slice(), b"\"}", b"", &[b'x'; 65], "号".as_bytes()] {
            assert_eq!(with(bad).len(), 16);
        }
    }

    #[test]
    fn ids_do_not_repeat() {
        let ids = RequestIds::starting_at(0);
        let made: std::collections::HashSet<_> =
            (0..10_000).map(|_| ids.next().as_str().to_owned()).collect();
        assert_eq!(made.len(), 10_000);
    }
}
