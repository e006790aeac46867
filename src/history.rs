//! The use cases: cache first, Kingdee otherwise.

pub mod error;
pub mod settings;

pub use error::HistoryError;
pub use settings::HistorySettings;
