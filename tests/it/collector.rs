//! A collector of spans, as small as it gets: takes OTLP over HTTP, or has a bad day.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::sync::Notify;

/// Longest wait for anything; only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What it does with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Takes it.
    Takes,
    /// Takes it, and rejects some of its spans.
    Rejects(i64),
    /// Refuses it.
    Refuses(u16),
    /// Says nothing.
    Hangs,
}

/// A collector; ends with the test's runtime.
#[derive(Clone)]
pub struct Collector {
    pub endpoint: String,
    inside: Arc<Inside>,
}

struct Inside {
    mood: Mutex<Mood>,
    batches: Mutex<Vec<ExportTraceServiceRequest>>,
    asked: Mutex<u64>,
    changed: Notify,
}

impl Collector {
    pub async fn start(mood: Mood) -> Collector {
        let inside = Arc::new(Inside {
            mood: Mutex::new(mood),
            batches: Mutex::default(),
            asked: Mutex::default(),
            changed: Notify::new(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&inside));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Collector { endpoint, inside }
    }

    pub fn set(&self, mood: Mood) {
        *self.inside.mood.lock().unwrap() = mood;
    }

    /// The spans of a trace, once there are at least so many.
    pub async fn spans(&self, trace: &str, least: usize) -> Vec<Seen> {
        let enough = || {
            let spans = self.all().into_iter().filter(|span| span.trace == trace).collect::<Vec<_>>();
            (spans.len() >= least).then_some(spans)
        };
        self.wait_for(enough).await
    }

    /// Every span so far.
    pub fn all(&self) -> Vec<Seen> {
        let batches = self.inside.batches.lock().unwrap();
        let scopes = batches.iter().flat_map(|batch| &batch.resource_spans).flat_map(|of| &of.scope_spans);
        scopes.flat_map(|scope| &scope.spans).map(Seen::of).collect()
    }

    /// Batches taken.
    pub fn batches(&self) -> usize {
        self.inside.batches.lock().unwrap().len()
    }

    /// What it is told about the sender.
    pub fn resource(&self) -> BTreeMap<String, String> {
        let batches = self.inside.batches.lock().unwrap();
        texts(&batches[0].resource_spans[0].resource.as_ref().unwrap().attributes)
    }

    /// Waits until so many batches came, taken or not.
    pub async fn asked(&self, times: u64) {
        self.wait_for(|| (*self.inside.asked.lock().unwrap() >= times).then_some(())).await;
    }

    async fn wait_for<T>(&self, there: impl Fn() -> Option<T>) -> T {
        let wait = async {
            loop {
                let changed = self.inside.changed.notified();
                if let Some(there) = there() {
                    return there;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.unwrap_or_else(|_| panic!("nothing more came: {:#?}", self.all()))
    }
}

async fn take(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> (StatusCode, Vec<u8>) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let mood = *inside.mood.lock().unwrap();
    *inside.asked.lock().unwrap() += 1;
    inside.changed.notify_waiters();
    match mood {
        Mood::Hangs => std::future::pending().await,
        Mood::Refuses(status) => (StatusCode::from_u16(status).unwrap(), Vec::new()),
        Mood::Takes | Mood::Rejects(_) => {
            inside.batches.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
            inside.changed.notify_waiters();
            let rejected_spans = if let Mood::Rejects(spans) = mood { spans } else { 0 };
            let partial = ExportTracePartialSuccess { rejected_spans, error_message: String::new() };
            let answer = ExportTraceServiceResponse { partial_success: Some(partial) };
            (StatusCode::OK, answer.encode_to_vec())
        }
    }
}

/// A span, as tests read it; ids in hex.
#[derive(Debug, Clone)]
pub struct Seen {
    pub name: String,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub kind: i32,
    pub state: String,
    pub attributes: BTreeMap<String, String>,
    /// Trace and span.
    pub links: Vec<(String, String)>,
    pub failed: bool,
    pub began: u64,
    pub ended: u64,
    pub flags: u32,
}

impl Seen {
    fn of(span: &Span) -> Seen {
        Seen {
            name: span.name.clone(),
            trace: hex::encode(&span.trace_id),
            id: hex::encode(&span.span_id),
            parent: hex::encode(&span.parent_span_id),
            kind: span.kind,
            state: span.trace_state.clone(),
            attributes: texts(&span.attributes),
            links: span.links.iter().map(|l| (hex::encode(&l.trace_id), hex::encode(&l.span_id))).collect(),
            failed: span.status.as_ref().is_some_and(|status| status.code == 2),
            began: span.start_time_unix_nano,
            ended: span.end_time_unix_nano,
            flags: span.flags,
        }
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::BoolValue(flag)) => flag.to_string(),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(&attribute.value))).collect()
}
