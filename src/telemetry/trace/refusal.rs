//! Why a collector did not take a batch, and what follows from it.

use std::time::Duration;

/// Why a collector did not take a batch. Nothing in it comes from the collector but numbers.
#[derive(Debug)]
pub struct Refusal {
    /// What to tell, and what to do where that is known.
    pub why: String,
    /// Whether sending the batch again makes sense.
    pub passing: bool,
    /// How long the collector wants to be left alone.
    pub wait: Option<Duration>,
}

impl Refusal {
    /// The batch got lost on its way, there or back.
    pub fn lost(why: String) -> Refusal {
        Refusal { why, passing: true, wait: None }
    }
}

/// What to do where a collector says, in its protocol's words, that nobody takes spans there.
pub const NOBODY_THERE: &str =
    ": nobody takes spans there; look at trace.endpoint and at the collector's receivers";
/// The same where it wants credentials.
pub const NO_CREDENTIALS: &str =
    ": it wants credentials, which are never sent; put a collector in between that adds them";

/// An error with its causes.
pub fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(this) = cause {
        let words = this.to_string();
        // Some repeat what they wrap.
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = this.source();
    }
    text
}
