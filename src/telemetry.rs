//! Logs, metrics, traces: what the people who run this can see.
//!
//! In reading order: what can be set ([`settings`]), what a line looks like ([`line`]), where lines go ([`log`]), who members are
//! in them ([`members`], [`hex`]), one line a request ([`access`]), what one request waited for ([`trace`]), what the cache counts ([`counters`]), what the edge counts ([`requests`], [`connections`]), how Kingdee stands ([`upstream`]), the list of every metric
//! ([`metrics`]).

pub mod settings;
pub mod line;
pub mod log;
pub mod hex;
pub mod members;
pub mod access;
pub mod trace;
pub mod counters;
pub mod requests;
pub mod connections;
pub mod upstream;
pub mod metrics;

pub use access::AccessLog;
pub use connections::ConnectionMetrics;
pub use counters::Counters;
pub use members::{MemberHash, Members};
pub use metrics::Metrics;
pub use requests::RequestMetrics;
pub use settings::{LogSettings, TraceSettings};
pub use trace::{TraceMetrics, Tracer};
