//! What telemetry needs to know; `config` fills it in.

use std::fmt;
use std::time::Duration;

use url::Url;

/// Settings of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// How lines look.
    pub format: LogFormat,
    /// Least severe level written, or a filter such as `info,points_gateway::kingdee=debug`.
    pub level: String,
    /// One line for each request.
    pub access: bool,
}

impl Default for LogSettings {
    fn default() -> Self {
        LogSettings { format: LogFormat::Auto, level: "info".into(), access: true }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For eyes.
    Human,
}

/// Where collectors take spans over HTTP, if nobody says otherwise.
pub const USUAL_PATH: &str = "/v1/traces";

/// How spans travel, in the words of `OTEL_EXPORTER_OTLP_PROTOCOL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TraceProtocol {
    /// A POST with protobuf in it.
    #[default]
    HttpProtobuf,
    /// gRPC, over HTTP/2.
    Grpc,
}

/// Settings of traces.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceSettings {
    /// Where spans are sent; nobody is traced without it.
    pub endpoint: Option<Url>,
    /// How they travel there.
    pub protocol: TraceProtocol,
    /// Of a hundred requests whose caller has decided nothing, so many are traced.
    pub sample_percent: u8,
    /// What we are called there.
    pub service_name: String,
    /// Spans that may wait to be sent.
    pub queue: usize,
    /// Time for sending a batch.
    pub timeout: Duration,
}

/// Without what stands behind the endpoint's host: it may be a key.
impl fmt::Debug for TraceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraceSettings { endpoint, protocol, sample_percent, service_name, queue, timeout } = self;
        let endpoint = endpoint.as_ref().map(|url| url.origin().ascii_serialization());
        f.debug_struct("TraceSettings")
            .field("endpoint", &endpoint)
            .field("protocol", protocol)
            .field("sample_percent", sample_percent)
            .field("service_name", service_name)
            .field("queue", queue)
            .field("timeout", timeout)
            .finish()
    }
}

impl Default for TraceSettings {
    fn default() -> Self {
        TraceSettings {
            endpoint: None,
            protocol: TraceProtocol::default(),
            sample_percent: 10,
            service_name: "points-gateway".into(),
            queue: 4_096,
            timeout: Duration::from_secs(3),
        }
    }
}
