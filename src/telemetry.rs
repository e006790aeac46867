//! Logs, metrics, traces: what the people who run this can see.
//!
//! In reading order: what can be set ([`settings`]), what a line looks like ([`mod@line`]), where lines go ([`log`]), who members are
//! in them ([`members`], [`hex`]), one line a request ([`access`]), what one request waited for ([`trace`]); then the list of every
//! metric ([`metric`], [`list`]), what numbers are made of ([`spread`], [`histogram`]), what is counted ([`counters`], [`requests`],
//! [`connections`], [`reloads`]), what is read off when somebody asks ([`moment`], [`upstream`], [`tier`]), the page ([`metrics`], [`exposition`]),
//! and the last faults for people ([`faults`]).

pub mod settings;
pub mod line;
pub mod queue;
pub mod log;
pub mod hex;
pub mod members;
pub mod access;
mod thread;
pub mod metric;
pub mod list;
pub mod document;
pub mod spread;
pub mod histogram;
pub mod trace;
pub mod counters;
pub mod requests;
pub mod connections;
mod pen;
pub mod upstream;
pub mod reloads;
pub mod tier;
mod process;
pub mod moment;
pub mod exposition;
pub mod metrics;
pub mod faults;

pub use access::AccessLog;
pub use connections::ConnectionMetrics;
pub use counters::Counters;
pub use exposition::Format;
pub use faults::Faults;
pub use members::{MemberHash, Members};
pub use metrics::Metrics;
pub use moment::{CacheFacts, Moment};
pub use reloads::{LastReload, ReloadMetrics};
pub use requests::RequestMetrics;
pub use settings::{LogSettings, TraceSettings};
pub use trace::{TraceMetrics, Tracer};
