//! What telemetry needs to know; `config` fills it in.

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

/// Settings of traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSettings {
    /// Where spans are sent; nobody is traced without it.
    pub endpoint: Option<Url>,
    /// Of a hundred requests whose caller has decided nothing, so many are traced.
    pub sample_percent: u8,
    /// What we are called there.
    pub service_name: String,
    /// Spans that may wait to be sent.
    pub queue: usize,
    /// Time for sending a batch.
    pub timeout: Duration,
}

impl Default for TraceSettings {
    fn default() -> Self {
        TraceSettings {
            endpoint: None,
            sample_percent: 10,
            service_name: "points-gateway".into(),
            queue: 4_096,
            timeout: Duration::from_secs(3),
        }
    }
}
