//! Header values that are the same but for a number of seconds. Every answer needs two of them, and making one costs an
//! allocation and a look at each byte; up to an hour each is made once and kept.

use std::sync::OnceLock;

use http::HeaderValue;

/// Longest time that is kept: as long as rows of settled windows stay fresh.
const LONGEST: usize = 3_600;

/// What stands before the number, and the value for each number of seconds that was asked for.
pub(super) struct Seconds {
    before: &'static str,
    values: [OnceLock<HeaderValue>; LONGEST + 1],
}

impl Seconds {
    /// Values that begin with `before`.
    pub(super) const fn after(before: &'static str) -> Seconds {
        Seconds { before, values: [const { OnceLock::new() }; LONGEST + 1] }
    }

    /// The value for this many seconds.
    pub(super) fn value(&'static self, seconds: u64) -> HeaderValue {
        let text = || format!("{}{seconds}", self.before);
        match usize::try_from(seconds).ok().and_then(|seconds| self.values.get(seconds)) {
            // Leaked, since a text that nobody owns is copied without counting who has it: at most 3 601 short ones.
            Some(value) => value.get_or_init(|| HeaderValue::from_static(text().leak())).clone(),
            None => HeaderValue::from_maybe_shared(bytes::Bytes::from(text()))
                .unwrap_or(HeaderValue::from_static("")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_written_as_it_should_be() {
        static PLAIN: Seconds = Seconds::after("");
        static NAMED: Seconds = Seconds::after("ttl=");
        for seconds in (0..=LONGEST as u64 + 20).chain([86_400, u64::MAX]) {
            for _again in 0..2 {
                assert_eq!(PLAIN.value(seconds), seconds.to_string());
                assert_eq!(NAMED.value(seconds), format!("ttl={seconds}"));
            }
        }
    }
}
