//! A collector of spans, as small as it gets: takes OTLP over HTTP or gRPC, or has a bad day.
//!
//! The gRPC side is written from the protocol's description, on nothing but HTTP/2, so that the client's own library
//! doesn't confirm itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use http::{HeaderMap, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use points_gateway::telemetry::settings::TraceProtocol;
use prost::Message as _;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Longest wait for anything; only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What it does with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Takes it.
    Takes,
    /// Takes it, and rejects some of its spans.
    Rejects(i64),
    /// Refuses it, with a status of HTTP or of gRPC.
    Refuses(u16),
    /// The same, and says for how many seconds it wants to be left alone.
    RefusesFor(u16, u8),
    /// Says nothing.
    Hangs,
}

/// A collector; ends with the test's runtime.
#[derive(Clone)]
pub struct Collector {
    pub endpoint: String,
    protocol: TraceProtocol,
    inside: Arc<Inside>,
}

struct Inside {
    mood: Mutex<Mood>,
    batches: Mutex<Vec<ExportTraceServiceRequest>>,
    asked: Mutex<Vec<Instant>>,
    changed: Notify,
}

impl Collector {
    pub async fn start(protocol: TraceProtocol, mood: Mood) -> Collector {
        let inside = Arc::new(Inside {
            mood: Mutex::new(mood),
            batches: Mutex::default(),
            asked: Mutex::default(),
            changed: Notify::new(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let routes = match protocol {
            TraceProtocol::HttpProtobuf => Router::new().route("/v1/traces", post(over_http)),
            TraceProtocol::Grpc => Router::new().route(EXPORT, post(over_grpc)),
        };
        let routes = routes.with_state(Arc::clone(&inside));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Collector { endpoint, protocol, inside }
    }

    /// What a gateway is told to send spans here.
    pub fn settings(&self) -> [(&str, &str); 2] {
        [("TRACE__ENDPOINT", &self.endpoint), ("TRACE__PROTOCOL", word(self.protocol))]
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

    /// Waits until so many batches came, taken or not; tells when each did.
    pub async fn asked(&self, times: usize) -> Vec<Instant> {
        self.wait_for(|| Some(self.inside.asked.lock().unwrap().clone()).filter(|asked| asked.len() >= times))
            .await
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

/// How a protocol is called in the configuration.
pub fn word(protocol: TraceProtocol) -> &'static str {
    match protocol {
        TraceProtocol::HttpProtobuf => "http/protobuf",
        TraceProtocol::Grpc => "grpc",
    }
}

/// The one method of gRPC's trace service.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

impl Inside {
    /// Notes that a batch came; tells what becomes of it.
    fn met(&self) -> Mood {
        let mood = *self.mood.lock().unwrap(); // before anybody who waits for this can change it
        self.asked.lock().unwrap().push(Instant::now());
        self.changed.notify_waiters();
        mood
    }

    /// Takes a batch; the answer.
    fn take(&self, batch: Bytes, rejected_spans: i64) -> Vec<u8> {
        self.batches.lock().unwrap().push(ExportTraceServiceRequest::decode(batch).unwrap());
        self.changed.notify_waiters();
        let partial = ExportTracePartialSuccess { rejected_spans, error_message: String::new() };
        ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec()
    }
}

/// What it says beside a status; nobody may repeat it.
pub const ASIDE: &str = "told-by-the-collector";

async fn over_http(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let refusal = |status| (StatusCode::from_u16(status).unwrap(), ASIDE);
    match inside.met() {
        Mood::Hangs => std::future::pending().await,
        Mood::Refuses(status) => refusal(status).into_response(),
        Mood::RefusesFor(status, wait) => {
            ([("retry-after", wait.to_string())], refusal(status)).into_response()
        }
        Mood::Takes => inside.take(body, 0).into_response(),
        Mood::Rejects(spans) => inside.take(body, spans).into_response(),
    }
}

async fn over_grpc(State(inside): State<Arc<Inside>>, request: Request) -> Response {
    assert_eq!(request.version(), Version::HTTP_2);
    assert_eq!(request.headers()["content-type"], "application/grpc");
    assert_eq!(request.headers()["te"], "trailers");
    assert!(request.headers()["grpc-timeout"].to_str().unwrap().ends_with(['m', 'u', 'n', 'S']));
    let mut message = request.into_body().collect().await.unwrap().to_bytes();
    // Not compressed, and its length; then nothing but the message.
    let head = message.split_to(5);
    assert_eq!((head[0], u32::from_be_bytes(head[1..].try_into().unwrap()) as usize), (0, message.len()));
    let spans = match inside.met() {
        Mood::Hangs => std::future::pending().await,
        Mood::Refuses(code) => return refusal_by_grpc(code, None),
        Mood::RefusesFor(code, wait) => return refusal_by_grpc(code, Some(wait)),
        Mood::Takes => 0,
        Mood::Rejects(spans) => spans,
    };
    let answer = inside.take(message, spans);
    let framed = [&[0], &u32::try_from(answer.len()).unwrap().to_be_bytes()[..], &answer].concat();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let frames = [Frame::data(Bytes::from(framed)), Frame::trailers(trailers)].map(Ok::<_, std::io::Error>);
    let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
    ([("content-type", "application/grpc")], body).into_response()
}

/// A status and nothing else, in the headers ("trailers only"), perhaps with a `RetryInfo` in its details.
fn refusal_by_grpc(code: u16, wait: Option<u8>) -> Response {
    let status = [("content-type", "application/grpc".to_owned()), ("grpc-status", code.to_string())];
    let mut answer = (status, [("grpc-message", ASIDE)]).into_response();
    if let Some(wait) = wait {
        let field = |head: u8, inside: &[u8]| [&[head, u8::try_from(inside.len()).unwrap()], inside].concat();
        // RetryInfo { retry_delay: Duration { seconds } } in an Any, in google.rpc.Status { code, details }.
        let info = field(0x0a, &[0x08, wait]);
        let any = [field(0x0a, b"type.googleapis.com/google.rpc.RetryInfo"), field(0x12, &info)].concat();
        let status = [&[0x08, u8::try_from(code).unwrap()][..], &field(0x1a, &any)].concat();
        let text = BASE64_STANDARD_NO_PAD.encode(status);
        answer.headers_mut().insert("grpc-status-details-bin", text.parse().unwrap());
    }
    answer
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
