//! The envelope around every answer: `errcode` with `description`, or `code` with `msg`, or no JSON at all.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::scalar::{Scalar, filled, scalar, whole};
use crate::kingdee::classify::{self, Asked};
use crate::kingdee::failure::{Failure, KingdeeError};
use crate::kingdee::reply::Reply;
use crate::kingdee::scrub::scrub;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "scalar")]
    errcode: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    code: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    description: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    msg: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    description_cn: Scalar<'a>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// What the envelope says about success. `errcode` goes before `code`; the status has no say.
enum Verdict {
    Success,
    Failure(Option<u64>),
    Silent,
}

impl Envelope<'_> {
    fn verdict(&self) -> Verdict {
        let (text, successes): (_, &[u64]) = match (filled(&self.errcode), filled(&self.code)) {
            (Some(text), _) => (text, &[0]),
            // Live answers of push_app_authorize carry 200 (`protocol.md` §3).
            (None, Some(text)) => (text, &[0, 200]),
            (None, None) => return Verdict::Silent,
        };
        match whole(text) {
            Some(code) if successes.contains(&code) => Verdict::Success,
            code => Verdict::Failure(code),
        }
    }

    /// Both texts, English first, whichever are there.
    fn words(&self, known: &[&str]) -> (String, String) {
        let first = filled(&self.description).or(filled(&self.msg));
        let raw: Vec<&str> = first.into_iter().chain(filled(&self.description_cn)).collect();
        let shown = raw.iter().map(|text| scrub(text, known)).collect::<Vec<_>>().join(" / ");
        (raw.concat(), shown)
    }
}

/// Opens an answer and gives its `data`, still unread; `None` if there is none.
///
/// # Errors
/// Kingdee's refusal in its class with both error fields, or [`Failure::Unreadable`]. The values in `known`, which
/// were sent, don't appear in the error's text.
pub fn open<'a>(
    reply: &'a Reply,
    asked: Asked,
    known: &[&str],
) -> Result<Option<&'a RawValue>, KingdeeError> {
    let failed = |failure, errcode, detail: String| KingdeeError {
        errcode,
        status: Some(reply.status.as_u16()),
        retry_after: reply.retry_after,
        ..KingdeeError::because(failure, detail)
    };
    let Some(envelope) = parse(&reply.body) else {
        let detail = format!("HTTP {} whose body is no envelope of Kingdee's", reply.status.as_u16());
        return Err(failed(of_text(reply), None, detail));
    };
    match envelope.verdict() {
        Verdict::Success => Ok(envelope.data),
        Verdict::Failure(errcode) => {
            let (raw, detail) = envelope.words(known);
            Err(failed(classify::of_errcode(asked, errcode, reply.status, &raw), errcode, detail))
        }
        Verdict::Silent => {
            let detail = format!("HTTP {} whose body has no errcode", reply.status.as_u16());
            Err(failed(of_text(reply), None, detail))
        }
    }
}

fn parse(body: &[u8]) -> Option<Envelope<'_>> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).ok()?.trim_start();
    text.starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

fn of_text(reply: &Reply) -> Failure {
    let head = reply.body.get(..2048).unwrap_or(&reply.body);
    let throttled = "限流".as_bytes();
    if head.windows(throttled.len()).any(|window| window == throttled) {
        return Failure::Throttled;
    }
    classify::of_status(reply.status)
}
