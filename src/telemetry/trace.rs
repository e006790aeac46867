//! Traces: what one request waited for, span by span, sent to a collector (OTLP over HTTP or gRPC).
//!
//! In reading order: what others tell us and we tell them ([`context`]), what spans are called ([`names`]), one of them ([`span`],
//! [`record`]), which of them is the current one ([`mod@current`]), who is traced ([`tracer`]), how they leave ([`export`],
//! [`otlp`], [`over_http`], [`over_grpc`], [`refusal`]).
//!
//! By hand, on the protocol's generated messages, and neither on OpenTelemetry's SDK nor as a layer of `tracing`: a hit
//! costs a few microseconds, and a request that is not sampled must cost next to nothing. The SDK's exporter and provider
//! also take settings from two dozen environment variables behind the back of `config`, and its batch processor neither
//! tells what it dropped nor runs on our runtime.

pub mod context;
pub mod names;
pub mod record;
pub mod span;
pub mod current;
pub mod tracer;
pub mod export;
pub mod otlp;
pub mod over_http;
pub mod over_grpc;
pub mod refusal;

pub use context::TraceId;
pub use current::current;
pub use export::{Exporter, TraceMetrics};
pub use span::{Context, Span};
pub use tracer::{Entered, Tracer};
