//! Logs, metrics, traces: what the people who run this can see.
//!
//! In reading order: what can be set ([`settings`]), where lines go ([`log`]), one line a request ([`access`]),
//! what the cache counts ([`counters`]), what the edge counts ([`requests`], [`connections`]), how Kingdee stands ([`upstream`]), reloads ([`reloads`]), the list of every metric
//! ([`metrics`]).

pub mod settings;
pub mod log;
pub mod access;
pub mod counters;
pub mod requests;
pub mod connections;
pub mod upstream;
pub mod reloads;
pub mod metrics;

pub use access::AccessLog;
pub use connections::ConnectionMetrics;
pub use counters::Counters;
pub use metrics::Metrics;
pub use reloads::ReloadMetrics;
pub use requests::RequestMetrics;
pub use settings::LogSettings;
