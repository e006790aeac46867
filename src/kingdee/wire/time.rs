//! The five time shapes of `protocol.md` §6, read in the account set's zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::domain::points::LocalTime;

/// Reads a date (`2022-08-05`), a time to the minute, second or fraction, with one or two digits each
/// (`2020-04-10 16:23:4`); also what sister endpoints use: a text with its own offset, or epoch milliseconds.
pub fn local_time(text: &str, zone: &TimeZone) -> Option<LocalTime> {
    let text = text.trim();
    let civil = civil(text);
    let instant = if text.len() == 13 && text.bytes().all(|b| b.is_ascii_digit()) {
        Timestamp::from_millisecond(text.parse().ok()?).ok()?
    } else if let Some(civil) = civil {
        zone.to_timestamp(civil).ok()?
    } else {
        text.parse().ok()?
    };
    let exact = zone.to_offset(instant);
    let offset = whole_minutes(exact)?;
    // What was written without an offset stays as it was written; its instant is the one that text and offset name.
    let timestamp =
        if civil.is_some() { offset.to_timestamp(exact.to_datetime(instant)).ok()? } else { instant };
    // RFC 3339 has years of four digits and nothing before them.
    (offset.to_datetime(timestamp).year() >= 0).then_some(LocalTime { timestamp, offset })
}

/// What RFC 3339 can say of an offset. China's was 8:05:43 before 1901, and some databases say `0001-01-01` for "never".
fn whole_minutes(offset: Offset) -> Option<Offset> {
    Offset::from_seconds(-(-offset.seconds()).div_euclid(60) * 60).ok() // rounded up
}

fn civil(text: &str) -> Option<DateTime> {
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, Some(time.trim_start())),
        None => (text, None),
    };
    let (year, rest) = date.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let year: i16 = year.parse().ok().filter(|_| year.len() == 4 && plain(year))?;
    let (hour, minute, second, nanosecond) = time.map_or(Some((0, 0, 0, 0)), clock_time)?;
    DateTime::new(year, short(month)?, short(day)?, hour, minute, second, nanosecond).ok()
}

fn clock_time(text: &str) -> Option<(i8, i8, i8, i32)> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, second) = match rest.split_once(':') {
        Some((minute, second)) => (minute, second),
        None => (rest, "0"),
    };
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let fits = (1..=9).contains(&fraction.len()) && plain(fraction);
    let nanosecond = format!("{fraction:0<9}").parse().ok().filter(|_| fits)?;
    Some((short(hour)?, short(minute)?, short(second)?, nanosecond))
}

fn short(text: &str) -> Option<i8> {
    text.parse().ok().filter(|_| (1..=2).contains(&text.len()) && plain(text))
}

fn plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("2022-08-05", "2022-08-05T00:00:00+08:00")]
    #[case("2020-03-02 15:15:59", "2020-03-02T15:15:59+08:00")]
    #[case("2020-08-11 09:42:59.0", "2020-08-11T09:42:59+08:00")]
    #[case("2020-08-11 09:42:59.120", "2020-08-11T09:42:59.12+08:00")]
    #[case("2020-04-10 16:23:4", "2020-04-10T16:23:04+08:00")]
    #[case("2020-4-1 6:2", "2020-04-01T06:02:00+08:00")]
    #[case(" 2020-04-10T16:23:04 ", "2020-04-10T16:23:04+08:00")]
    #[case("2020-04-10T16:23:04Z", "2020-04-11T00:23:04+08:00")]
    #[case("1586507004000", "2020-04-10T16:23:24+08:00")]
    #[case("0001-01-01 00:00:00", "0001-01-01T00:00:00+08:06")]
    #[case("1900-12-31 23:59:59", "1900-12-31T23:59:59+08:06")]
    #[case("1940-06-01 00:30:00", "1940-06-01T01:30:00+09:00")]
    fn every_shape_is_read_in_the_account_sets_zone(#[case] text: &str, #[case] read: &str) {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let time = local_time(text, &zone).unwrap();
        assert_eq!(time.to_string(), read);
        assert_eq!(read.parse().ok(), Some(time.timestamp), "text and instant say the same");
    }

    #[rstest::rstest]
    #[case("")]
    #[case("2022-02-30")]
    #[case("2022-08-05 24:00:00")]
    #[case("22-08-05")]
    #[case("0000-00-00 00:00:00")]
    #[case("2022-08-05 1")]
    #[case("2022-08-05 1:2:3.")]
    #[case("2022-08-05 1:2:+3")]
    #[case("２０２２-08-05")]
    #[case("yesterday")]
    #[case("1586507004")]
    #[case("-000100-01-02T01:59:59Z")]
    fn what_is_no_time_is_not_guessed(#[case] text: &str) {
        assert_eq!(local_time(text, &TimeZone::UTC), None);
    }
}
