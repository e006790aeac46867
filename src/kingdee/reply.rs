//! What came back from one attempt, before anybody reads meaning into it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

/// Status, body and the two headers that matter.
pub struct Reply {
    /// Says little: a gateway error is 519, a business error 200.
    pub status: StatusCode,
    /// How long Kingdee asks us to wait.
    pub retry_after: Option<Duration>,
    /// What Kingdee's clock showed.
    pub date: Option<Timestamp>,
    /// Unpacked, bounded.
    pub body: Bytes,
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The body holds tokens or members' rows.
        write!(f, "Reply({}, {} bytes)", self.status.as_u16(), self.body.len())
    }
}

/// Longest wait that is believed; beyond it stands a mistake, or a date read with a wrong clock.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// Reads `Date`, in HTTP's own form. Anything else counts as not sent.
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?.trim())
}

/// Reads `Retry-After`: seconds, or a date in HTTP's own form. Anything else counts as not sent. A date is measured
/// against the answer's own `Date` if it has one, so that a clock of ours that is wrong doesn't matter.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let now = date(headers).unwrap_or(now);
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().unwrap_or(u64::MAX)
    } else {
        let until = http_date(text)?;
        u64::try_from(until.as_second().saturating_sub(now.as_second())).unwrap_or(0)
    };
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

fn http_date(text: &str) -> Option<Timestamp> {
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("0", Some(0))]
    #[case("7", Some(7))]
    #[case(" 7 ", Some(7))]
    #[case("86400", Some(300))]
    #[case("99999999999999999999999", Some(300))]
    #[case("Tue, 24 Nov 2026 10:00:09 GMT", Some(9))]
    #[case("Tue, 24 Nov 2026 09:00:00 GMT", Some(0))]
    #[case("Mon, 24 Nov 2036 09:00:00 GMT", Some(300))]
    #[case("", None)]
    #[case("-1", None)]
    #[case("1.5", None)]
    #[case("soon", None)]
    fn retry_after_is_read_and_capped(#[case] text: &str, #[case] seconds: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs));
    }

    #[test]
    fn a_date_is_measured_against_the_answers_own() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "Tue, 24 Nov 2026 10:00:09 GMT".parse().unwrap());
        headers.insert(DATE, "Tue, 24 Nov 2026 10:00:04 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers, Timestamp::UNIX_EPOCH), Some(Duration::from_secs(5)));
        headers.insert(DATE, "now".parse().unwrap());
        assert_eq!(date(&headers), None);
    }
}
