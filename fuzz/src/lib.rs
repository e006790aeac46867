//! What is asserted about every parser that meets text from strangers, whatever the text.
//!
//! One function a target, from bytes to nothing; it panics where a promise is broken. `fuzz_targets/` feeds them with
//! libFuzzer, `tests/it/fuzz_corpus.rs` builds these same files into the gateway's tests and replays the corpus.

mod ledger;
mod credential;
mod question;
mod cursor;
mod config;
mod retry_after;

pub use config::config;
pub use credential::{wire_authorization, wire_token};
pub use cursor::cursor;
pub use ledger::wire_ledger;
pub use question::question;
pub use retry_after::retry_after;

/// A member's id that was sent: it must appear in no error.
const MEMBER: &str = "vip_Canary7";

/// Builds what is built once, so that no input is blamed for it.
pub fn prepare() {
    question::prepare();
}

/// An answer of Kingdee's: the first byte picks a status, the rest is the body.
fn reply(data: &[u8]) -> points_gateway::kingdee::reply::Reply {
    const STATUSES: [u16; 12] = [200, 519, 400, 401, 404, 429, 500, 502, 503, 504, 302, 204];
    let (first, body) = data.split_first().unwrap_or((&0, &[]));
    let status = STATUSES[usize::from(*first) % STATUSES.len()];
    points_gateway::kingdee::reply::Reply {
        status: http::StatusCode::from_u16(status).unwrap(),
        retry_after: None,
        date: None,
        body: bytes::Bytes::copy_from_slice(body),
    }
}

/// What every error of the Kingdee room promises: one short line that names nobody.
fn is_fit_for_a_log(error: &points_gateway::kingdee::KingdeeError) {
    let text = error.to_string();
    assert!(!text.contains(MEMBER), "the member's id is in {text:?}");
    assert!(!text.chars().any(char::is_control), "{text:?} is not one line");
    assert!(text.chars().count() < 600, "{} characters", text.chars().count());
}
