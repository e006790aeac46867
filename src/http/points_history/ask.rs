//! From the bytes of a request to a valid question, or to every fault at once.

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode;

use super::cursor::{self, CursorKeys};
use crate::domain::account::AccountIndex;
use crate::domain::member::MemberId;
use crate::domain::query::{HistoryQuery, PageNumber, PageSize, Position, Selection, TypeNumber, Window};
use crate::http::parameter::ParameterFault;

/// An account set as routes know it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name in paths.
    pub name: String,
    /// The zone in which plain dates are read.
    pub time_zone: TimeZone,
    /// Make cursors hard to forge: a forged one would send us searching. The same in every replica.
    pub cursor_keys: CursorKeys,
}

/// What a path of this endpoint names, still as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route<'a> {
    pub account: Option<&'a str>,
    pub member: &'a str,
}

/// Recognises `/members/{member_id}/points-history`, alone or behind `/accounts/{account}`.
pub(crate) fn route(path: &str) -> Option<Route<'_>> {
    let (account, rest) = match path.strip_prefix("/accounts/") {
        Some(rest) => {
            let (account, rest) = rest.split_once('/')?;
            (Some(account), rest)
        }
        None => (None, path.strip_prefix('/')?),
    };
    let member = rest.strip_prefix("members/")?.strip_suffix("/points-history")?;
    (!member.contains('/')).then_some(Route { account, member })
}

/// What is allowed, for error texts.
mod allowed {
    pub(super) const MEMBER: &str = "1 to 64 of A-Z a-z 0-9 _ -";
    pub(super) const DATE: &str = "RFC 3339 with offset such as 2026-01-31T00:00:00%2B08:00, or a date such as 2026-01-31, from 1970-01-02 to 9998-12-30";
    pub(super) const TYPE: &str = "a points type number, 1 to 64 characters";
    pub(super) const PAGE: &str = "a whole number from 1 to 1000000";
    pub(super) const PAGE_SIZE: &str = "a whole number from 1 to 100";
    pub(super) const CURSOR: &str = "next_cursor of an answer to the same question, unchanged";
    pub(super) const NAMES: &str = "from, to, type, page, page_size, cursor";
}

/// Values of a query, as sent.
#[derive(Default)]
struct Raw<'a> {
    from: Option<Cow<'a, str>>,
    to: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    page: Option<Cow<'a, str>>,
    page_size: Option<Cow<'a, str>>,
    cursor: Option<Cow<'a, str>>,
}

/// Reads a question. All faults are found before any is reported.
pub(crate) fn read(
    index: AccountIndex,
    account: &Account,
    member: &str,
    query: Option<&str>,
) -> Result<HistoryQuery, Vec<ParameterFault>> {
    let mut faults = Vec::new();
    let member = decode(member).as_deref().and_then(MemberId::parse);
    if member.is_none() {
        faults.push(ParameterFault::new("member_id", "is not a member id", allowed::MEMBER));
    }
    let raw = split(query.unwrap_or(""), &mut faults);
    let zone = &account.time_zone;
    let from = raw.from.and_then(|text| bound("from", &text, zone, &mut faults));
    let to = raw.to.and_then(|text| bound("to", &text, zone, &mut faults));
    let window = Window::new(from, to).unwrap_or_else(|| {
        faults.push(ParameterFault::new("to", "is not after from: nothing can lie between", allowed::DATE));
        Window::default()
    });
    let kind = raw.kind.and_then(|text| {
        let kind = TypeNumber::parse(&text);
        if kind.is_none() {
            faults.push(ParameterFault::new("type", "is not a type number", allowed::TYPE));
        }
        kind
    });
    let size = number("page_size", raw.page_size.as_deref(), allowed::PAGE_SIZE, PageSize::new, &mut faults);
    let size = size.unwrap_or(PageSize::DEFAULT);
    if raw.page.is_some() && raw.cursor.is_some() {
        faults.push(ParameterFault::new(
            "cursor",
            "can't be combined with page: send one of them",
            allowed::CURSOR,
        ));
    }
    let page = number("page", raw.page.as_deref(), allowed::PAGE, PageNumber::new, &mut faults);
    let Some(member) = member else { return Err(faults) };
    let selection = Selection { account: index, member, window, kind };
    let position = match raw.cursor {
        None => Position::Page { number: page.unwrap_or(PageNumber::FIRST), size },
        Some(text) => {
            match cursor::decode(&text, selection.fingerprint(&account.name), account.cursor_keys.all()) {
                Ok(cursor) => Position::After { cursor, size },
                Err(why) => {
                    faults.push(ParameterFault::new("cursor", why.text(), allowed::CURSOR));
                    Position::Page { number: PageNumber::FIRST, size }
                }
            }
        }
    };
    if faults.is_empty() { Ok(HistoryQuery { selection, position }) } else { Err(faults) }
}

/// Splits a query into the parameters we know; unknown and repeated ones are faults, since a typo must not
/// silently widen a question.
fn split<'a>(mut query: &'a str, faults: &mut Vec<ParameterFault>) -> Raw<'a> {
    let mut raw = Raw::default();
    while !query.is_empty() {
        let (pair, rest) = cut(query, b'&');
        query = rest;
        if pair.is_empty() {
            continue;
        }
        let (name, value) = cut(pair, b'=');
        let name = decode_plus(name).unwrap_or(Cow::Borrowed(name));
        let Some(place) = raw.place(&name) else {
            if faults.len() < MOST_FAULTS {
                faults.push(ParameterFault::new(&name, "is not a parameter here", allowed::NAMES));
            }
            continue;
        };
        let fault = match (decode_plus(value), &place) {
            (_, Some(_)) => "is given more than once",
            (None, _) => "is not percent-encoded UTF-8",
            (Some(value), None) if value.is_empty() => "is empty: leave it out or give it a value",
            (Some(value), None) => {
                *place = Some(value);
                continue;
            }
        };
        if faults.len() < MOST_FAULTS {
            faults.push(ParameterFault::new(&name, fault, allowed::NAMES));
        }
    }
    raw
}

impl<'a> Raw<'a> {
    fn place(&mut self, name: &str) -> Option<&mut Option<Cow<'a, str>>> {
        Some(match name {
            "from" => &mut self.from,
            "to" => &mut self.to,
            "type" => &mut self.kind,
            "page" => &mut self.page,
            "page_size" => &mut self.page_size,
            "cursor" => &mut self.cursor,
            _ => return None,
        })
    }
}

/// What stands before and after the first `at`, which is ASCII; everything and nothing if there is none.
/// (`str::split_once` searches with vectors, which costs more than it saves on a few bytes.)
fn cut(text: &str, at: u8) -> (&str, &str) {
    match text.bytes().position(|byte| byte == at) {
        Some(place) => (&text[..place], &text[place + 1..]),
        None => (text, ""),
    }
}

/// A query can repeat itself ten thousand times; an answer need not.
const MOST_FAULTS: usize = 20;

/// The member that a path names, valid or not: what the log's hash is made of.
pub(crate) fn member_text<'a>(route: &Route<'a>) -> Cow<'a, str> {
    decode(route.member).unwrap_or(Cow::Borrowed(route.member))
}

/// Percent-decodes where there is something to decode. `None` if the result is not UTF-8.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if text.bytes().any(|byte| byte == b'%') {
        percent_decode(text.as_bytes()).decode_utf8().ok()
    } else {
        Some(Cow::Borrowed(text))
    }
}

/// The same for queries, where `+` is a blank.
fn decode_plus(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'+') {
        return decode(text);
    }
    decode(&text.replace('+', " ")).map(|text| Cow::Owned(text.into_owned()))
}

fn number<T>(
    name: &'static str,
    text: Option<&str>,
    allowed: &'static str,
    valid: impl Fn(u64) -> Option<T>,
    faults: &mut Vec<ParameterFault>,
) -> Option<T> {
    let text = text?;
    let digits = text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
    let value = digits.then(|| text.parse().ok()).flatten().and_then(valid);
    if value.is_none() {
        faults.push(ParameterFault::new(name, "is out of range or not a number", allowed));
    }
    value
}

fn bound(
    name: &'static str,
    text: &str,
    zone: &TimeZone,
    faults: &mut Vec<ParameterFault>,
) -> Option<Timestamp> {
    let time = instant(text, zone);
    if time.is_none() {
        let detail = "is not a time that exists, or lacks its offset (a + must be sent as %2B)";
        faults.push(ParameterFault::new(name, detail, allowed::DATE));
    }
    time
}

fn instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let time = if text.len() == 10 {
        let date: Date = text.parse().ok()?;
        zone.to_timestamp(date.at(0, 0, 0, 0)).ok()?
    } else {
        // `+08:00` sent as it is arrives as ` 08:00`; there is only one thing that it can mean.
        let text = match text.as_bytes().get(text.len().checked_sub(6)?) {
            Some(b' ') => Cow::Owned(format!("{}+{}", &text[..text.len() - 6], &text[text.len() - 5..])),
            _ => Cow::Borrowed(text),
        };
        if !is_rfc3339(text.as_bytes()) {
            return None;
        }
        text.parse().ok()?
    };
    let range = Timestamp::UNIX_EPOCH..Timestamp::MAX - SignedDuration::from_hours(24 * 366);
    range.contains(&time).then_some(time)
}

/// Whether text has the shape of RFC 3339 §5.6, which is narrower than what a lenient parser takes.
fn is_rfc3339(text: &[u8]) -> bool {
    const HEAD: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let fits = |shape: &[u8], text: &[u8]| {
        shape.len() == text.len()
            && shape.iter().zip(text).all(|(shape, byte)| match shape {
                b'd' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b't' | b' '),
                other => byte == other,
            })
    };
    let Some((head, rest)) = text.split_at_checked(HEAD.len()) else { return false };
    let digits = match rest.strip_prefix(b".") {
        Some(fraction) => fraction.iter().take_while(|b| b.is_ascii_digit()).count(),
        None => 0,
    };
    let fraction = if rest.starts_with(b".") { digits + 1 } else { 0 };
    let offset = rest.get(fraction..).unwrap_or_default();
    fits(HEAD, head)
        && fraction != 1
        && digits <= 9
        && match offset {
            b"Z" | b"z" => true,
            [b'+' | b'-', clock @ ..] => {
                fits(b"dd:dd", clock) && clock.get(..2) <= Some(b"23") && clock.get(3..) <= Some(b"59")
            }
            _ => false,
        }
}

#[cfg(test)]
mod tests;
