//! Is it here, how fresh is it, who fetches it.

pub mod settings;

pub use settings::CacheSettings;
