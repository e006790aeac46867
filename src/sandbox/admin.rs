//! The sandbox's own port: integrators rehearse bad days with `curl`.
//!
//! `GET /sandbox/state` says what is switched on and what was called, `POST /sandbox/faults` takes an [`Order`],
//! `DELETE /sandbox/faults/record` (or `token`, `authorize`) ends one endpoint's fault, `POST /sandbox/reset` or
//! `DELETE /sandbox/faults` makes it a good day again. All answers are the state, or a 400 that says what is allowed.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Map, Value, json};

use super::calls::Endpoint;
use super::control::Control;
use super::members::MEMBERS;
use super::order::{Order, allowed};
use super::payload::{Answer, json as json_answer};

/// Longest order.
const LONGEST_ORDER: usize = 64 << 10;
const PATHS: &str =
    "try GET /sandbox/state, POST /sandbox/faults, DELETE /sandbox/faults/record, POST /sandbox/reset";

/// Answers one request on the admin port.
pub async fn answer<B>(control: &Control, request: Request<B>) -> Answer
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    // A page in somebody's browser can send a form to loopback, but neither JSON nor DELETE.
    let is_json = head.headers.get(CONTENT_TYPE).is_some_and(|value| {
        let kind = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
    });
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/sandbox/state") => state(control),
        (&Method::POST, _) if !is_json => {
            fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send Content-Type: application/json")
        }
        (&Method::POST, "/sandbox/reset") | (&Method::DELETE, "/sandbox/faults") => {
            control.reset();
            state(control)
        }
        (&Method::POST, "/sandbox/faults") => match Limited::new(body, LONGEST_ORDER).collect().await {
            Err(_) => fault(StatusCode::PAYLOAD_TOO_LARGE, "an order is at most 64 KiB"),
            Ok(body) => take(control, &body.to_bytes()),
        },
        (&Method::DELETE, path) => match path.strip_prefix("/sandbox/faults/").and_then(endpoint) {
            None => fault(StatusCode::NOT_FOUND, PATHS),
            Some(endpoint) => {
                control.fail(endpoint, None);
                state(control)
            }
        },
        _ => fault(StatusCode::NOT_FOUND, PATHS),
    }
}

fn take(control: &Control, body: &[u8]) -> Answer {
    // serde would take a list for a struct as well.
    let order = if body.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice::<Order>(body).map_err(|error| error.to_string())
    } else {
        Err("an order is a JSON object".to_owned())
    };
    match order.and_then(|order| order.obey(control)) {
        Ok(()) => state(control),
        Err(error) => json_answer(StatusCode::BAD_REQUEST, &json!({ "error": error, "allowed": allowed() })),
    }
}

fn endpoint(name: &str) -> Option<Endpoint> {
    serde_json::from_value(json!(name)).ok()
}

fn state(control: &Control) -> Answer {
    let day = control.day();
    let mut faults = Vec::new();
    for (endpoint, plan) in day.plans() {
        let mut fault = json!(plan);
        fault["endpoint"] = json!(endpoint);
        faults.push(fault);
    }
    let latencies: Vec<Value> = day
        .latencies()
        .into_iter()
        .map(|(endpoint, latency)| json!({ "endpoint": endpoint, "latency": latency }))
        .collect();
    let every: Vec<Value> = day
        .periods()
        .into_iter()
        .map(|(job, period)| json!({ "job": job, "seconds": period.as_secs_f64() }))
        .collect();
    let members: Value = MEMBERS
        .iter()
        .map(|member| json!({ "account": member.account, "id": member.id, "rows": member.rows }))
        .collect();
    let inserted: Value = control
        .ledger()
        .inserted()
        .map(|(account, id, rows)| json!({ "account": account, "id": id, "rows": rows }))
        .collect();
    let mut state = Map::new();
    for (name, value) in [
        ("calls", json!(control.calls())),
        ("busiest_minute", json!(control.busiest_minute())),
        ("faults", json!(faults)),
        ("latencies", json!(latencies)),
        ("every", json!(every)),
        ("clock_offset_seconds", json!(day.clock_offset().as_secs())),
        ("idle_timeout_seconds", json!(day.idle_timeout().borrow().map_or(0, |idle| idle.as_secs()))),
        ("grow_while_paging", json!(day.growth())),
        ("readings", json!(day.readings())),
        ("inserted", inserted),
        ("members", members),
    ] {
        state.insert(name.to_owned(), value);
    }
    json_answer(StatusCode::OK, &Value::Object(state))
}

fn fault(status: StatusCode, error: &str) -> Answer {
    json_answer(status, &json!({ "error": error }))
}
