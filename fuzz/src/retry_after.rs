//! `Retry-After`: a wait is believed only so far.

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use points_gateway::kingdee::reply::{LONGEST_RETRY_AFTER, retry_after as read};

/// The bytes are the header's value.
pub fn retry_after(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let headers: HeaderMap = [(RETRY_AFTER, value)].into_iter().collect();
    let now: Timestamp = "2026-11-25T10:00:00+08:00".parse().unwrap();
    let times = [Timestamp::MIN, Timestamp::UNIX_EPOCH, now, Timestamp::MAX];
    let waits = times.map(|now| read(&headers, now));
    for wait in waits {
        assert!(wait.is_none_or(|wait| wait <= LONGEST_RETRY_AFTER));
        assert_eq!(wait.is_some(), waits[0].is_some(), "whether it is a wait depends on the time of day");
    }
    assert!(waits.windows(2).all(|pair| pair[0] >= pair[1]), "a later reader waits longer: {waits:?}");
    let text = data.trim_ascii();
    if !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
        assert!(waits[0].is_some_and(|wait| waits == [Some(wait); 4]), "seconds are seconds");
    }
}
