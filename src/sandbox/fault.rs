//! Bad days: what may be answered in place of the honest answer.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::codes;
use super::gzip;
use super::payload::{Answer, JSON, Payload, Then, answer, html, json as json_answer, status};
use super::refusal::{Refusal, gateway_answer};
use super::spoiled;

pub use super::spoiled::FOREIGN_MEMBER;

/// Most rows of [`Fault::ManyRows`].
const MOST_ROWS: u32 = 1_000_000;
/// Deepest [`Fault::Nested`].
const MOST_DEPTH: u32 = 1_000_000;
/// Longest text that a fault carries.
const LONGEST_TEXT: usize = 2_048;

/// One kind of bad answer. As JSON: `"html"`, `{"status":503}`, `{"throttled":{"retry_after":7}}` …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Any HTTP status with any code and text: `{"errcode":{"status":519,"errcode":5007,"text":"overload"}}`.
    Errcode {
        /// HTTP status
        status: u16,
        /// errcode
        errcode: u64,
        /// description, before its mark
        text: String,
    },
    /// A documented errcode with its own status and text: `{"code":4012}`.
    Code(u64),
    /// An HTTP status with nginx's page for it.
    Status(u16),
    /// 429 已被限流.
    Throttled {
        /// Seconds of the Retry-After header, if it is sent.
        retry_after: Option<u32>,
    },
    /// 429 with any text as Retry-After: `{"retry_after":"Fri, 31 Dec 9999 23:59:59 GMT"}`.
    RetryAfter(String),
    /// Status 200 with a page that is no JSON.
    Html,
    /// Status 200 with no body at all.
    Empty,
    /// Half of the honest JSON, properly ended.
    Truncated,
    /// A reset connection, and no answer.
    Reset,
    /// Half of the honest JSON, then a reset connection.
    ResetMidBody,
    /// No answer, ever.
    Hang,
    /// Half of the honest JSON, then nothing, ever.
    HangMidBody,
    /// The honest JSON, one byte a second.
    Drip,
    /// A body that never ends.
    Endless,
    /// A gzip body that unpacks to so many MiB of spaces with the honest JSON behind them; 4096 is 4 GiB.
    GzipBomb(u32),
    /// JSON with so many lists in each other as `data`.
    Nested(u32),
    /// So many rows, the first honest one over and over.
    ManyRows(u32),
    /// Every key that matters twice; who takes the first one reads a failure and no rows.
    DuplicateKeys,
    /// The honest JSON behind a byte order mark.
    Bom,
    /// The honest JSON, but whatever isn't ASCII is GBK, and the header says so.
    WrongCharset,
    /// Numbers are lists, `rows` is text.
    WrongTypes,
    /// A redirect to this address.
    Redirect(String),
    /// Every other row says that it belongs to somebody else.
    ForeignRows,
    /// `count` is one more than there are rows.
    CountOff,
    /// `count` is one more with each answer; right in the first.
    CountDrifts,
}

/// What a fault makes of an honest answer.
pub enum Spoiled {
    /// This instead.
    Answer(Answer),
    /// Nothing, ever.
    Never,
    /// The connection is reset.
    Reset,
}

impl Fault {
    /// What is answered instead of `honest`, when so many were spoiled `before`.
    pub fn spoil(&self, honest: Value, before: u64) -> Spoiled {
        let text = || honest.to_string();
        let half = |then| raw(text().split_at(text().len() / 2).0.to_owned(), then);
        Spoiled::Answer(match self {
            Fault::Hang => return Spoiled::Never,
            Fault::Reset => return Spoiled::Reset,
            Fault::Errcode { status, errcode, text } => gateway_answer(*status, *errcode, text, text),
            Fault::Code(code) => codes::documented(*code).unwrap_or_else(|| unknown(*code)),
            Fault::Status(number) => html(status(*number), &status(*number).to_string()),
            Fault::Throttled { retry_after } => throttled(retry_after.map(HeaderValue::from)),
            Fault::RetryAfter(text) => throttled(HeaderValue::from_str(text).ok()),
            Fault::Html => html(StatusCode::OK, "Welcome to nginx!"),
            Fault::Empty => raw(Bytes::new(), Then::End),
            Fault::Truncated => half(Then::End),
            Fault::ResetMidBody => half(Then::Break),
            Fault::HangMidBody => half(Then::Silence),
            Fault::Drip => answer(StatusCode::OK, JSON, Payload::drip(text())),
            Fault::Endless => raw(vec![b' '; 64 << 10], Then::Again),
            Fault::GzipBomb(mib) => bomb(*mib, &text()),
            Fault::Nested(depth) => raw(spoiled::nested((*depth).min(MOST_DEPTH)), Then::End),
            Fault::ManyRows(rows) => {
                let pieces = spoiled::many_rows(&honest, (*rows).min(MOST_ROWS));
                answer(StatusCode::OK, JSON, Payload::pieces(pieces))
            }
            Fault::DuplicateKeys => raw(spoiled::duplicate_keys(&text()), Then::End),
            Fault::Bom => raw(format!("\u{FEFF}{honest}"), Then::End),
            Fault::WrongCharset => {
                let body = Payload::new(spoiled::gbk(&text()), Then::End);
                answer(StatusCode::OK, "application/json;charset=GBK", body)
            }
            Fault::WrongTypes => json_answer(StatusCode::OK, &spoiled::wrong_types(honest)),
            Fault::Redirect(to) => redirect(to),
            Fault::ForeignRows => json_answer(StatusCode::OK, &spoiled::foreign(honest)),
            Fault::CountOff => json_answer(StatusCode::OK, &spoiled::count_off(honest, 1)),
            Fault::CountDrifts => json_answer(StatusCode::OK, &spoiled::count_off(honest, before)),
        })
    }

    /// Why this can't be ordered, if so. What is switched on in the process is cut to the bounds instead.
    pub fn fault(&self) -> Option<String> {
        let within = |name: &str, number: u32, most: u32| {
            (!(1..=most).contains(&number)).then(|| format!("{name}: from 1 to {most}"))
        };
        let header = |name: &str, text: &str| {
            let fits = text.len() <= LONGEST_TEXT && HeaderValue::from_str(text).is_ok();
            (!fits).then(|| format!("{name}: visible ASCII, at most {LONGEST_TEXT} bytes"))
        };
        match self {
            Fault::Status(status) | Fault::Errcode { status, .. } if !(200..=599).contains(status) => {
                Some("status: from 200 to 599".to_owned())
            }
            Fault::Errcode { text, .. } if text.len() > LONGEST_TEXT => {
                Some(format!("text: at most {LONGEST_TEXT} bytes"))
            }
            Fault::Code(code) if codes::documented(*code).is_none() => {
                Some(format!("code: one of {:?}; for another use errcode", codes::CODES))
            }
            Fault::RetryAfter(text) => header("retry_after", text),
            Fault::Redirect(to) => header("redirect", to),
            Fault::GzipBomb(mib) => within("gzip_bomb", *mib, gzip::MOST_MIB),
            Fault::Nested(depth) => within("nested", *depth, MOST_DEPTH),
            Fault::ManyRows(rows) => within("many_rows", *rows, MOST_ROWS),
            _ => None,
        }
    }
}

fn raw(bytes: impl Into<Bytes>, then: Then) -> Answer {
    answer(StatusCode::OK, JSON, Payload::new(bytes, then))
}

fn unknown(code: u64) -> Answer {
    gateway_answer(519, code, "unknown", "未知错误")
}

fn throttled(retry_after: Option<HeaderValue>) -> Answer {
    let mut response = Refusal::Throttled.answer();
    if let Some(value) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

fn bomb(mib: u32, honest: &str) -> Answer {
    let mut response = answer(StatusCode::OK, JSON, Payload::pieces(gzip::bomb(mib, honest.as_bytes())));
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

fn redirect(to: &str) -> Answer {
    let mut response = html(StatusCode::FOUND, "302 Found");
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_written_as_short_json() {
        let read = |text: &str| serde_json::from_str::<Fault>(text).unwrap();
        assert_eq!(read(r#""html""#), Fault::Html);
        assert_eq!(read(r#"{"status":503}"#), Fault::Status(503));
        assert_eq!(read(r#"{"throttled":{"retry_after":7}}"#), Fault::Throttled { retry_after: Some(7) });
        assert_eq!(read(r#"{"gzip_bomb":4096}"#), Fault::GzipBomb(4_096));
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        for (fault, names) in [
            (Fault::Status(101), "status"),
            (Fault::Errcode { status: 0, errcode: 1, text: String::new() }, "status"),
            (Fault::Errcode { status: 200, errcode: 1, text: "x".repeat(3_000) }, "text"),
            (Fault::Code(7), "4012"),
            (Fault::RetryAfter("7\r\nx: y".into()), "retry_after"),
            (Fault::Redirect("/\n".into()), "redirect"),
            (Fault::GzipBomb(4_097), "4096"),
            (Fault::Nested(0), "nested"),
            (Fault::ManyRows(1_000_001), "1000000"),
        ] {
            assert!(fault.fault().is_some_and(|text| text.contains(names)), "{fault:?}");
        }
        assert_eq!(Fault::GzipBomb(4_096).fault().or(Fault::Code(4_012).fault()), None);
    }
}
