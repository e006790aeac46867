//! Header values that are the same but for a number of seconds: written by the compiler up to an hour, since every
//! answer needs two of them and making one costs an allocation.

use http::HeaderValue;

/// Longest time that is written beforehand: as long as rows of settled windows stay fresh.
const LONGEST: usize = 3_600;

/// What stands before the number, and for each number of seconds the whole text, padded behind its end.
pub(super) struct Prewritten<const WIDTH: usize> {
    before: &'static str,
    texts: [[u8; WIDTH]; LONGEST + 1],
}

impl<const WIDTH: usize> Prewritten<WIDTH> {
    /// The texts that begin with `before`, which leaves room for four digits.
    pub(super) const fn new(before: &'static str) -> Prewritten<WIDTH> {
        assert!(before.len() + 4 == WIDTH);
        let mut texts = [[b' '; WIDTH]; LONGEST + 1];
        let mut seconds = 0;
        while seconds <= LONGEST {
            let mut at = 0;
            while at < before.len() {
                texts[seconds][at] = before.as_bytes()[at];
                at += 1;
            }
            let (mut rest, mut end) = (seconds, before.len() + digits(seconds));
            while end > before.len() {
                end -= 1;
                texts[seconds][end] = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            seconds += 1;
        }
        Prewritten { before, texts }
    }

    /// The value for this many seconds.
    pub(super) fn value(&'static self, seconds: u64) -> HeaderValue {
        let written = usize::try_from(seconds).ok().and_then(|seconds| {
            let text = self.texts.get(seconds)?.get(..self.before.len() + digits(seconds))?;
            std::str::from_utf8(text).ok()
        });
        match written {
            Some(text) => HeaderValue::from_static(text),
            None => {
                let text = format!("{}{seconds}", self.before);
                HeaderValue::from_maybe_shared(bytes::Bytes::from(text))
                    .unwrap_or(HeaderValue::from_static(""))
            }
        }
    }
}

const fn digits(number: usize) -> usize {
    match number.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_written_as_it_should_be() {
        static PLAIN: Prewritten<4> = Prewritten::new("");
        static NAMED: Prewritten<8> = Prewritten::new("ttl=");
        for seconds in (0..=LONGEST as u64 + 20).chain([86_400, u64::MAX]) {
            assert_eq!(PLAIN.value(seconds), seconds.to_string());
            assert_eq!(NAMED.value(seconds), format!("ttl={seconds}"));
        }
    }
}
