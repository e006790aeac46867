//! Keys of traces.

use super::{Entry, words};
use crate::config::draft::Draft;
use crate::config::field::{Field, Number};
use crate::config::rule;
use crate::telemetry::settings::TraceProtocol;

/// `trace.*`
pub static TRACE: &[Entry<Draft>] = &[
    Entry::<Draft>::new(
        "trace.endpoint",
        Field::Collector(|d| &mut d.trace.endpoint),
        "Where spans are sent (OTLP); nobody is traced without it. Over HTTP, no path means /v1/traces.",
    )
    .example("http://127.0.0.1:4318")
    .at_start(),
    Entry::<Draft>::new(
        "trace.protocol",
        words!(d => d.trace.protocol, TraceProtocol { "http/protobuf" => HttpProtobuf, "grpc" => Grpc }),
        "How spans travel. Collectors take HTTP at port 4318 and gRPC at 4317, if nobody told them otherwise.",
    )
    .at_start(),
    Entry::<Draft>::new(
        "trace.sample_percent",
        Field::Count(0..=100, Number::U8(|d| &mut d.trace.sample_percent)),
        "Requests traced of those whose caller has decided nothing; a caller's traceparent counts first.",
    )
    .at_start(),
    Entry::<Draft>::new(
        "trace.service_name",
        Field::Text(&rule::SERVICE_NAME, |d| &mut d.trace_service_name),
        "What the collector calls us (service.name).",
    )
    .at_start(),
    Entry::<Draft>::new(
        "trace.queue",
        Field::Count(1..=65_536, Number::Size(|d| &mut d.trace.queue)),
        "Spans that may wait to be sent; more are dropped and counted.",
    )
    .at_start(),
    Entry::<Draft>::new(
        "trace.timeout",
        Field::Time(10..=60_000, |d| &mut d.trace.timeout),
        "Time for sending a batch of spans.",
    )
    .at_start(),
    Entry::<Draft>::new(
        "trace.propagate",
        Field::Flag(|d| &mut d.kingdee.transport.propagate_trace),
        "Send traceparent and tracestate to Kingdee too; its API knows neither, so this is for a proxy in between.",
    ),
];
