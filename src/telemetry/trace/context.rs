//! W3C Trace Context: `traceparent` and `tracestate`, in and out. What breaks the rules counts as not sent.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::telemetry::hex::{from_hex, hex_digits};

/// Which trace, what in it is the caller, is it sampled.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What other vendors keep with a trace; passed on as it is.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Bytes of a `tracestate` that we keep; a longer one is dropped as a whole.
const MOST_STATE: usize = 512;
/// Members of a `tracestate`, at most (§3.3.1.1).
const MOST_MEMBERS: usize = 32;

/// Which trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub(super) NonZeroU128);

/// Which span of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub(super) NonZeroU64);

/// What a caller's `traceparent` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// The trace.
    pub trace: TraceId,
    /// The caller's span.
    pub span: SpanId,
    /// Whether the caller records it.
    pub sampled: bool,
}

impl TraceId {
    /// Its 32 hex digits.
    pub fn digits(self) -> [u8; 32] {
        let number = self.0.get();
        let mut digits = [0; 32];
        digits[..16].copy_from_slice(&hex_digits((number >> 64) as u64));
        digits[16..].copy_from_slice(&hex_digits(number as u64));
        digits
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The caller's place, if there is exactly one `traceparent` and it keeps the rules.
pub fn parent(headers: &HeaderMap) -> Option<Parent> {
    let mut sent = headers.get_all(TRACEPARENT).iter();
    let (first, None) = (sent.next()?, sent.next()) else { return None };
    read(first.as_bytes())
}

/// `00-<32 hex>-<16 hex>-<2 hex>`; a version that we don't know may have more behind it (§3.2.4).
fn read(text: &[u8]) -> Option<Parent> {
    let (known, rest) = text.split_at_checked(55)?;
    let [v0, v1, b'-', ids @ .., b'-', f0, f1] = known else { return None };
    let version = from_hex(&[*v0, *v1])?;
    let grown = rest.is_empty() || (version > 0 && rest.starts_with(b"-"));
    let (trace, span) = ids.split_at_checked(32)?;
    let trace = TraceId(NonZeroU128::new(from_hex(trace)?)?);
    let span = SpanId(NonZeroU64::new(u64::try_from(from_hex(span.strip_prefix(b"-")?)?).ok()?)?);
    let flags = from_hex(&[*f0, *f1])?;
    (grown && version != 0xff).then_some(Parent { trace, span, sampled: flags & 1 == 1 })
}

/// The `tracestate` that goes with it, if it keeps the rules. Several header lines are one list.
pub fn state(headers: &HeaderMap) -> Option<Box<str>> {
    let mut whole = String::new();
    for line in headers.get_all(TRACESTATE) {
        let line = line.to_str().ok()?;
        if whole.len() + line.len() >= MOST_STATE {
            return None;
        }
        if !whole.is_empty() {
            whole.push(',');
        }
        whole.push_str(line);
    }
    let members =
        || whole.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|m| !m.is_empty());
    let sound = members().clone().count() <= MOST_MEMBERS && members().all(is_member);
    (sound && members().next().is_some()).then(|| whole.into_boxed_str())
}

fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let key_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/@".contains(&b);
    let starts = key.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    starts && key.bytes().all(key_byte) && !value.is_empty() && !value.contains('=')
}

/// What we send on.
pub fn traceparent(parent: Parent) -> HeaderValue {
    let Parent { trace, span, sampled } = parent;
    let text = format!("00-{trace}-{span}-{:02x}", u8::from(sampled));
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("")) // hex digits and hyphens
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(name: HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name.clone(), HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    fn parent_of(lines: &[&str]) -> Option<Parent> {
        parent(&headers(TRACEPARENT, lines))
    }

    #[test]
    fn a_good_parent_is_read_and_written_back() {
        let read = parent_of(&[GOOD]).unwrap();
        assert!(read.sampled);
        assert_eq!(read.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(read.trace.to_string().as_bytes(), read.trace.digits());
        assert_eq!(read.span.to_string(), "00f067aa0ba902b7");
        assert_eq!(traceparent(read), GOOD);
        assert!(!parent_of(&[&GOOD.replace("-01", "-00")]).unwrap().sampled);
        // Flags that we don't know are no reason to lose the trace.
        assert!(parent_of(&[&GOOD.replace("-01", "-ff")]).unwrap().sampled);
        // A later version may say more.
        assert_eq!(parent_of(&[&format!("cc{}-what-comes", &GOOD[2..])]), Some(read));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic_and_what_is_read_is_written_back(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80),
            text in "00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]",
        ) {
            let _ = read(&bytes);
            if let Some(parent) = read(text.as_bytes()) {
                proptest::prop_assert_eq!(traceparent(parent), text);
            }
        }
    }

    #[test]
    fn a_malformed_parent_counts_as_none() {
        for bad in [
            "",
            "00",
            &GOOD.to_uppercase(),
            &GOOD.replace("-01", ""),
            &GOOD.replace("-01", "-1"),
            &format!("{GOOD}-more"),
            &format!("{GOOD}0"),
            &format!("cc{}0", &GOOD[2..]),
            &format!("ff{}", &GOOD[2..]),
            &format!("0x{}", &GOOD[2..]),
            &GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000000"),
            &GOOD.replace("00f067aa0ba902b7", "0000000000000000"),
            &GOOD.replace("4bf9", "4bg9"),
            &GOOD.replace("-00f0", "_00f0"),
            &GOOD.replace('-', " "),
            &format!(" {GOOD}"),
            &"中".repeat(19),
        ] {
            assert_eq!(parent_of(&[bad]), None, "{bad:?}");
        }
        assert_eq!(parent_of(&[GOOD, GOOD]), None, "two of them");
    }

    #[test]
    fn a_state_is_passed_on_as_it_came_or_not_at_all() {
        let state_of = |lines: &[&str]| state(&headers(TRACESTATE, lines));
        assert_eq!(state_of(&["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]).unwrap().len(), 39);
        assert_eq!(state_of(&["a=1", "b@c=2 "]).as_deref(), Some("a=1,b@c=2 "));
        let long = format!("a={}", "x".repeat(600));
        let many = (0..33).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",");
        for bad in
            [&["A=1"][..], &["a"], &["=1"], &["a="], &["a=1=2"], &[&long], &[&many], &[""], &[","], &["é=1"]]
        {
            assert_eq!(state_of(bad), None, "{bad:?}");
        }
    }
}
