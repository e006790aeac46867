//! Logs, metrics, traces: what the people who run this can see.

pub mod settings;

pub use settings::LogSettings;
