//! Bad days: what may be answered in place of the honest answer.

use bytes::Bytes;
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::payload::{Answer, Payload, Then, answer, html, json as json_answer, status};
use super::refusal::{Refusal, gateway_answer};

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
    /// An HTTP status with nginx's page for it.
    Status(u16),
    /// 429 已被限流.
    Throttled {
        /// Seconds of the Retry-After header, if it is sent.
        retry_after: Option<u32>,
    },
    /// Status 200 with a page that is no JSON.
    Html,
    /// Status 200 with no body at all.
    Empty,
    /// Half of the honest JSON, properly ended.
    Truncated,
    /// Half of the honest JSON, then a reset connection.
    ResetMidBody,
    /// No answer, ever.
    Hang,
    /// Half of the honest JSON, then nothing, ever.
    HangMidBody,
    /// A body that never ends.
    Endless,
    /// A redirect to this address.
    Redirect(String),
    /// Every other row says that it belongs to somebody else.
    ForeignRows,
    /// `count` is one more than there are rows.
    CountOff,
}

/// The member whom [`Fault::ForeignRows`] speaks of.
pub const FOREIGN_MEMBER: &str = "6660";

impl Fault {
    /// What is answered instead of `honest`; `None` means never.
    pub fn spoil(&self, honest: Value) -> Option<Answer> {
        Some(match self {
            Fault::Errcode { status, errcode, text } => gateway_answer(*status, *errcode, text, text),
            Fault::Status(number) => html(status(*number), &status(*number).to_string()),
            Fault::Throttled { retry_after } => throttled(*retry_after),
            Fault::Html => html(StatusCode::OK, "Welcome to nginx!"),
            Fault::Empty => raw(Bytes::new(), Then::End),
            Fault::Truncated => raw(half(&honest), Then::End),
            Fault::ResetMidBody => raw(half(&honest), Then::Break),
            Fault::Hang => return None,
            Fault::HangMidBody => raw(half(&honest), Then::Silence),
            Fault::Endless => raw(vec![b' '; 64 << 10], Then::Again),
            Fault::Redirect(to) => {
                let mut response = html(StatusCode::FOUND, "302 Found");
                if let Ok(to) = HeaderValue::from_str(to) {
                    response.headers_mut().insert(LOCATION, to);
                }
                response
            }
            Fault::ForeignRows => json_answer(StatusCode::OK, &foreign(honest)),
            Fault::CountOff => json_answer(StatusCode::OK, &count_off(honest)),
        })
    }
}

fn raw(bytes: impl Into<Bytes>, then: Then) -> Answer {
    answer(StatusCode::OK, "application/json;charset=UTF-8", Payload::new(bytes, then))
}

fn half(honest: &Value) -> Bytes {
    let text = honest.to_string();
    Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2])
}

fn throttled(retry_after: Option<u32>) -> Answer {
    let mut response = Refusal::Throttled.answer();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn foreign(mut honest: Value) -> Value {
    for row in honest["data"]["rows"].as_array_mut().into_iter().flatten().step_by(2) {
        row["member_id"] = json!(FOREIGN_MEMBER);
        row["member_name"] = json!("外人");
    }
    honest
}

fn count_off(mut honest: Value) -> Value {
    let count = &mut honest["data"]["count"];
    if let Some(number) = count.as_u64().or_else(|| count.as_str()?.parse().ok()) {
        *count = json!(number + 1);
    }
    honest
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
    }
}
