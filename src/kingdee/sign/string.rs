//! The second stage: method, path, wire query and stamp become the string to sign (`protocol.md` §0, §1.1).

use super::query::{WireQuery, percent_into};

/// What makes each attempt unique: nonce and milliseconds, as they are sent. Never used twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// `X-Api-Nonce`: a positive integer.
    pub nonce: String,
    /// `X-Api-TimeStamp`: 13 digits.
    pub timestamp: String,
}

/// Five lines, each ended by a line feed: method, path, parameters, nonce, timestamp.
#[derive(Clone, PartialEq, Eq)]
pub struct StringToSign(String);

impl StringToSign {
    /// Builds the string; `method` is in upper case, `path` as sent. Each half of a parameter is percent-encoded
    /// once more as it stands on the wire, so `+` becomes `%2B` and `%20` becomes `%2520`.
    pub fn derive(method: &str, path: &str, query: &WireQuery, stamp: &Stamp) -> StringToSign {
        let mut text = String::with_capacity(128 + path.len() + 2 * query.as_str().len());
        text.push_str(method);
        text.push('\n');
        percent_into(&mut text, path);
        text.push('\n');
        for (position, (name, value)) in query.halves().enumerate() {
            if position > 0 {
                text.push('&');
            }
            percent_into(&mut text, name);
            text.push('=');
            percent_into(&mut text, value);
        }
        text.push_str("\nx-api-nonce:");
        text.push_str(&stamp.nonce);
        text.push_str("\nx-api-timestamp:");
        text.push_str(&stamp.timestamp);
        text.push('\n');
        StringToSign(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for StringToSign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StringToSign({} bytes)", self.0.len())
    }
}
