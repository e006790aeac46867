//! What apps meet: parse into domain words, render JSON, headers and problems.

pub mod settings;

pub use settings::HttpSettings;
