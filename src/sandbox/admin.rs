//! The sandbox's own port: integrators rehearse bad days with `curl`.
//!
//! `GET /sandbox/state` says what is switched on and what was called, `POST /sandbox/faults` takes an [`Order`],
//! `POST /sandbox/reset` makes it a good day again. All answers are the state.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Limited};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::calls::Endpoint;
use super::control::Control;
use super::fault::Fault;
use super::members::{FLAGSHIP, MEMBERS};
use super::payload::{Answer, json as json_answer};

/// Longest order.
const LONGEST_ORDER: usize = 64 << 10;

/// What may be ordered; a field that is not there changes nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Order {
    /// Which endpoint `fault` is for; `record` if not said.
    endpoint: Option<Endpoint>,
    /// A fault to switch on.
    fault: Option<Fault>,
    /// How many answers it spoils; all if not said.
    times: Option<u64>,
    /// Latency of integral_record.
    latency_ms: Option<u64>,
    /// How wrong the platform's clock is.
    clock_offset_ms: Option<i64>,
    rotate_app_secret: bool,
    move_domain: bool,
    expire_tokens: bool,
    insert_rows: Option<Insertion>,
}

/// Rows to put on top of a member's ledger.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Insertion {
    /// accountId; the first account set if not said.
    account: Option<String>,
    member: String,
    rows: u64,
}

/// Answers one request on the admin port.
pub async fn answer<B>(control: &Control, request: Request<B>) -> Answer
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    // A page in somebody's browser can send a form to loopback, but not JSON.
    let is_json = head.headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == b"application/json");
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/sandbox/state") => state(control),
        (&Method::POST, _) if !is_json => {
            fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send Content-Type: application/json")
        }
        (&Method::POST, "/sandbox/reset") => {
            control.reset();
            state(control)
        }
        (&Method::POST, "/sandbox/faults") => match Limited::new(body, LONGEST_ORDER).collect().await {
            Err(_) => fault(StatusCode::PAYLOAD_TOO_LARGE, "an order is at most 64 KiB"),
            Ok(body) => match serde_json::from_slice::<Order>(&body.to_bytes()) {
                Err(error) => fault(StatusCode::BAD_REQUEST, &error.to_string()),
                Ok(order) => obey(control, order),
            },
        },
        _ => {
            fault(StatusCode::NOT_FOUND, "try GET /sandbox/state, POST /sandbox/faults, POST /sandbox/reset")
        }
    }
}

fn obey(control: &Control, order: Order) -> Answer {
    if let Some(Insertion { account, member, rows }) = order.insert_rows
        && !control.insert_rows_in(account.as_deref().unwrap_or(FLAGSHIP), &member, rows)
    {
        return fault(StatusCode::BAD_REQUEST, "insert_rows: no such member in this account set");
    }
    let endpoint = order.endpoint.unwrap_or(Endpoint::Record);
    match (order.fault, order.times) {
        (Some(fault), Some(times)) => control.fail_next(endpoint, fault, times),
        (Some(fault), None) => control.fail(endpoint, Some(fault)),
        (None, _) => {}
    }
    if let Some(millis) = order.latency_ms {
        control.set_latency(Duration::from_millis(millis));
    }
    if let Some(millis) = order.clock_offset_ms {
        control.set_clock_offset(SignedDuration::from_millis(millis));
    }
    if order.rotate_app_secret {
        control.rotate_app_secret();
    }
    if order.move_domain {
        control.move_domain();
    }
    if order.expire_tokens {
        control.expire_tokens();
    }
    state(control)
}

fn state(control: &Control) -> Answer {
    let faults: Value = [Endpoint::Authorize, Endpoint::Token, Endpoint::Record]
        .into_iter()
        .filter_map(|endpoint| Some(json!({ "endpoint": endpoint, "fault": control.fault(endpoint)? })))
        .collect();
    let members: Value = MEMBERS
        .iter()
        .map(|member| json!({ "account": member.account, "id": member.id, "rows": member.rows }))
        .collect();
    json_answer(StatusCode::OK, &json!({ "calls": control.calls(), "faults": faults, "members": members }))
}

fn fault(status: StatusCode, error: &str) -> Answer {
    json_answer(status, &json!({ "error": error }))
}
