//! What HTTP caches are told, and what callers may tell us: `Cache-Control`, `Age`, `ETag`, `Cache-Status`.

use std::io::Write as _;

use bytes::Bytes;
use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::request_id::X_REQUEST_ID;
use super::seconds::Seconds;
use crate::domain::freshness::{FreshnessClass, FreshnessPolicy};
use crate::history::{Outcome, Wish};

/// The header's name (RFC 9211).
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Our name in it.
const CACHE_NAME: &[u8] = b"points-gateway";

/// Headers of each class of answers, prepared once: those that never change have their value, the others a blank one
/// that is written over.
#[derive(Debug, Clone)]
pub(crate) struct Heads {
    open: HeaderMap,
    settled: HeaderMap,
    empty: HeaderMap,
    not_kept: HeaderMap,
}

impl Heads {
    /// From the rules that the cache itself follows. `private`: a points history is personal, no shared cache
    /// may keep it.
    pub(crate) fn new(policy: &FreshnessPolicy) -> Heads {
        let head = |class| {
            let text = format!(
                "private, max-age={}, stale-while-revalidate={}, stale-if-error={}",
                policy.lifetime(class).as_secs(),
                policy.stale_while_revalidate.as_secs(),
                policy.stale_if_error.as_secs(),
            );
            let mut head =
                head(HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("private, no-cache")));
            head.insert(ETAG, BLANK);
            head
        };
        Heads {
            open: head(FreshnessClass::Open),
            settled: head(FreshnessClass::Settled),
            empty: head(FreshnessClass::Empty),
            not_kept: self::head(HeaderValue::from_static("private, no-store")),
        }
    }

    /// The headers for a class; for rows that are not kept here, since something is wrong with them, those that
    /// let nobody keep them.
    pub(crate) fn of(&self, class: FreshnessClass, kept: bool) -> HeaderMap {
        match class {
            _ if !kept => self.not_kept.clone(),
            FreshnessClass::Open => self.open.clone(),
            FreshnessClass::Settled => self.settled.clone(),
            FreshnessClass::Empty => self.empty.clone(),
        }
    }
}

const BLANK: HeaderValue = HeaderValue::from_static("");

fn head(cache_control: HeaderValue) -> HeaderMap {
    [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, cache_control),
        (AGE, BLANK),
        (CACHE_STATUS, BLANK),
        (LINK, BLANK),
        (X_REQUEST_ID, BLANK),
    ]
    .into_iter()
    .collect()
}

/// What a caller's `Cache-Control` asks for. `no-cache` wins over `only-if-cached` only if it stands alone:
/// together they ask for something that can't be, and the quota decides.
pub(crate) fn wish(headers: &HeaderMap) -> Wish {
    let mut wish = Wish::Any;
    for value in headers.get_all(CACHE_CONTROL) {
        for directive in value.as_bytes().split(|b| *b == b',') {
            let directive = directive.trim_ascii();
            if directive.eq_ignore_ascii_case(b"only-if-cached") {
                return Wish::CachedOnly;
            }
            if directive.eq_ignore_ascii_case(b"no-cache") {
                wish = Wish::Fresh;
            }
        }
    }
    wish
}

/// Writes a weak entity tag: the same rows get the same tag from every replica, though `as_of` differs.
pub(crate) fn write_etag(content: u64, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"W/\"");
    for nibble in (0..16).rev() {
        out.push(HEX[(content >> (nibble * 4)) as usize & 15]);
    }
    out.push(b'"');
}

/// Whether the caller has these rows already (RFC 9110 §13.1.2, weak comparison).
pub(crate) fn not_modified(headers: &HeaderMap, etag: &[u8]) -> bool {
    let opaque = |tag: &[u8]| tag.strip_prefix(b"W/").map_or(tag.to_vec(), <[u8]>::to_vec);
    if !headers.contains_key(IF_NONE_MATCH) {
        return false;
    }
    let ours = opaque(etag);
    headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        let mut tags = value.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii);
        tags.any(|tag| tag == b"*" || opaque(tag) == ours)
    })
}

/// `Age` of rows this many seconds old.
pub(crate) fn age(seconds: u64) -> HeaderValue {
    static AGES: Seconds = Seconds::after("");
    AGES.value(seconds)
}

/// `Cache-Status` for rows that came from somewhere, and are stale in `ttl` seconds.
pub(crate) fn cache_status(outcome: Outcome, ttl: i64) -> HeaderValue {
    static HITS: Seconds = Seconds::after("points-gateway; hit; ttl=");
    match (outcome, u64::try_from(ttl)) {
        (Outcome::Hit, Ok(ttl)) => HITS.value(ttl),
        _ => {
            let mut text = Vec::with_capacity(128);
            write_cache_status(outcome, ttl, &mut text);
            // Every byte was written here; none can be forbidden in a header.
            HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(BLANK)
        }
    }
}

fn write_cache_status(outcome: Outcome, ttl: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(CACHE_NAME);
    match outcome {
        Outcome::Hit => out.extend_from_slice(b"; hit"),
        Outcome::Miss(_) => out.extend_from_slice(b"; fwd=miss"),
        Outcome::Forced(_) | Outcome::InVain(_) => out.extend_from_slice(b"; fwd=request"),
        Outcome::Expired(_) | Outcome::Stale(_) => out.extend_from_slice(b"; fwd=stale"),
    }
    if let Some(fetched) = outcome.fetched() {
        if fetched.collapsed {
            out.extend_from_slice(b"; collapsed");
        }
        if fetched.stored {
            out.extend_from_slice(b"; stored");
        }
    }
    if outcome.is_kept() {
        out.extend_from_slice(b"; ttl=");
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(digits.format(ttl).as_bytes());
    }
    if let Some(reason) = outcome.reason() {
        let _infallible = write!(out, "; detail={}", reason.label());
    }
}

/// `Cache-Status` of a question that got no rows.
pub(crate) fn cache_status_of_failure(wish: Wish) -> HeaderValue {
    HeaderValue::from_static(match wish {
        Wish::Any => "points-gateway; fwd=miss",
        Wish::Fresh => "points-gateway; fwd=request",
        Wish::CachedOnly => "points-gateway; detail=only-if-cached",
    })
}
