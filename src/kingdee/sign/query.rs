//! The first stage: parameters become the query string that is signed and sent.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::kingdee::settings::SpaceEncoding;

/// RFC 3986: everything but `A-Z a-z 0-9 - _ . ~`.
const UNRESERVED_KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The JDK's form encoder: `*` is kept, `~` is not. A space has become `+` before this set is asked.
const FORM_KEPT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'+');

/// A query string in the order and spelling in which it travels. Without parameters it is empty.
#[derive(Clone, PartialEq, Eq)]
pub struct WireQuery(String);

impl WireQuery {
    /// Sorts by name, bytewise, and encodes names and values once. Parameters of the same name keep their
    /// order; an empty value stays as `name=`.
    pub fn build<N: AsRef<str>, V: AsRef<str>>(params: &[(N, V)], spaces: SpaceEncoding) -> WireQuery {
        let mut sorted: Vec<(&str, &str)> =
            params.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        sorted.sort_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
        let mut wire = String::with_capacity(32 * sorted.len());
        for (name, value) in sorted {
            if !wire.is_empty() {
                wire.push('&');
            }
            encode_into(&mut wire, name, spaces);
            wire.push('=');
            encode_into(&mut wire, value, spaces);
        }
        WireQuery(wire)
    }

    /// The exact bytes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Name and value of each parameter, still encoded: split at `&` and at the first `=`.
    pub fn halves(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

impl std::fmt::Debug for WireQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Member ids and app signatures travel here.
        write!(f, "WireQuery({} bytes)", self.0.len())
    }
}

fn encode_into(wire: &mut String, text: &str, spaces: SpaceEncoding) {
    match spaces {
        SpaceEncoding::Percent => percent_into(wire, text),
        SpaceEncoding::Form => {
            for (position, word) in text.split(' ').enumerate() {
                if position > 0 {
                    wire.push('+');
                }
                for (position, part) in word.split('+').enumerate() {
                    if position > 0 {
                        wire.push_str("%2B");
                    }
                    wire.extend(utf8_percent_encode(part, FORM_KEPT));
                }
            }
        }
    }
}

/// Percent-encoding with upper-case hex that keeps only `A-Z a-z 0-9 - _ . ~`.
pub fn percent_into(target: &mut String, text: &str) {
    target.extend(utf8_percent_encode(text, UNRESERVED_KEPT));
}
