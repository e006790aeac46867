//! Member ids (会员ID): opaque text that is compared byte for byte and travels in paths and queries.

use compact_str::CompactString;

/// A member's id: 1 to 64 of `A-Z a-z 0-9 _ -`. Kingdee's are 18 to 19 digits (`protocol.md` §6), never
/// read as a number. One spelling, one member: nothing is trimmed, folded or padded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(CompactString);

impl MemberId {
    /// Longest id in bytes.
    pub const MAX_LEN: usize = 64;
    /// The rule as a regular expression, for the API document and error texts.
    pub const PATTERN: &str = "^[A-Za-z0-9_-]{1,64}$";

    /// Accepts an id that keeps the rule; anything else is `None`.
    pub fn parse(text: &str) -> Option<MemberId> {
        let fits = (1..=Self::MAX_LEN).contains(&text.len());
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        (fits && text.bytes().all(allowed)).then(|| MemberId(text.into()))
    }

    /// The id as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::MemberId;

    #[test]
    fn digits_letters_dash_and_underscore_make_an_id() {
        for good in ["1", "1234567890123456789", "vip_A-9", &"x".repeat(64)] {
            assert_eq!(MemberId::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn anything_that_could_change_a_path_or_a_query_is_no_id() {
        for bad in ["", "../1", "1/2", "a b", "%31", "１", "会员", "1;x", "1\r\n", "*", &"x".repeat(65)] {
            assert_eq!(MemberId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn ids_that_look_alike_stay_apart() {
        assert_ne!(MemberId::parse("1"), MemberId::parse("01"));
        assert_ne!(MemberId::parse("a"), MemberId::parse("A"));
    }
}
