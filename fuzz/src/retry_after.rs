//! `Retry-After` and `Date`: a wait is believed only so far, whatever either clock shows.

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use points_gateway::kingdee::reply::{LONGEST_RETRY_AFTER, date, retry_after as read};

/// The value of `Retry-After`, and behind a line feed that of `Date`.
pub fn retry_after(data: &[u8]) {
    let (wait, clock) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], Some(&data[end + 1..])),
        None => (data, None),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in [(RETRY_AFTER, Some(wait)), (DATE, clock)] {
        let Some(value) = value else { continue };
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        headers.insert(name, value);
    }
    let times = [Timestamp::MIN, Timestamp::UNIX_EPOCH, now(), Timestamp::MAX];
    let waits = times.map(|now| read(&headers, now));
    for wait in waits {
        assert!(wait.is_none_or(|wait| wait <= LONGEST_RETRY_AFTER));
        assert_eq!(wait.is_some(), waits[0].is_some(), "whether it is a wait depends on the time of day");
    }
    assert!(waits.windows(2).all(|pair| pair[0] >= pair[1]), "a later reader waits longer: {waits:?}");
    let text = wait.trim_ascii();
    let seconds = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if let Some(date) = date(&headers) {
        assert_eq!(read(&headers, date), waits[0], "the answer's own clock counts");
        assert_eq!(date.subsec_nanosecond(), 0);
    }
    if seconds || date(&headers).is_some() {
        assert_eq!(waits, [waits[0]; 4], "our clock doesn't matter");
        assert!(waits[0].is_some() || !seconds);
    }
}

fn now() -> Timestamp {
    "2026-11-25T10:00:00+08:00".parse().unwrap()
}
