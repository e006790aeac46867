//! Spans in the words of the protocol (OTLP, protobuf).

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, SpanFlags, Status};

use super::record::{Kind, Record, Value};

/// `SAMPLED` of W3C's flags: whatever leaves us is.
const SAMPLED: u32 = 1;

/// Who we are, as every batch says.
pub fn resource(service: &str, instance: String) -> Resource {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let attributes = [
        ("service.name", service.to_owned()),
        ("service.version", version),
        ("service.instance.id", instance),
    ];
    let attributes = attributes.into_iter().map(|(name, value)| attribute(name, Any::StringValue(value)));
    Resource { attributes: attributes.collect(), ..Resource::default() }
}

/// A batch as the collector takes it.
pub fn request(resource: Resource, records: &[Record]) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let spans = records.iter().map(span).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, schema_url: String::new() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource), scope_spans, schema_url: String::new() }];
    ExportTraceServiceRequest { resource_spans }
}

fn span(record: &Record) -> Span {
    let kind = match record.kind {
        Kind::Internal => SpanKind::Internal,
        Kind::Server => SpanKind::Server,
        Kind::Client => SpanKind::Client,
    };
    let remote = if record.parent_is_remote { SpanFlags::ContextIsRemoteMask as u32 } else { 0 };
    Span {
        trace_id: record.trace.0.get().to_be_bytes().to_vec(),
        span_id: record.span.0.get().to_be_bytes().to_vec(),
        parent_span_id: record.parent.map(|id| id.0.get().to_be_bytes().to_vec()).unwrap_or_default(),
        trace_state: record.state.as_deref().unwrap_or_default().to_owned(),
        flags: SAMPLED | SpanFlags::ContextHasIsRemoteMask as u32 | remote,
        name: record.name.as_ref().to_owned(),
        kind: kind.into(),
        start_time_unix_nano: record.began,
        end_time_unix_nano: record.ended,
        attributes: record.attributes.iter().map(|(name, value)| attribute(name, any(value))).collect(),
        links: record.link.iter().map(|(trace, span)| link(trace.0.get(), span.0.get())).collect(),
        status: record.failed.then(|| Status { code: StatusCode::Error.into(), message: String::new() }),
        ..Span::default()
    }
}

fn link(trace: u128, span: u64) -> Link {
    let (trace_id, span_id) = (trace.to_be_bytes().to_vec(), span.to_be_bytes().to_vec());
    Link { trace_id, span_id, flags: SAMPLED, ..Link::default() }
}

fn attribute(name: &str, value: Any) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn any(value: &Value) -> Any {
    match value {
        Value::Label(label) => Any::StringValue((*label).to_owned()),
        Value::Text(text) => Any::StringValue(text.as_str().to_owned()),
        Value::Number(number) => Any::IntValue(*number),
        Value::Flag(flag) => Any::BoolValue(*flag),
    }
}
