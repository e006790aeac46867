//! Logs, metrics, traces: what the people who run this can see.

pub mod settings;
pub mod counters;

pub use counters::Counters;
pub use settings::LogSettings;
