//! Failure classes of a call (`protocol.md` §4): HTTP-agnostic, one word each, decided in one table.

use std::time::Duration;

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KingdeeError {
    /// The class.
    pub failure: Failure,
    /// Kingdee's own code, if it sent one.
    pub errcode: Option<u64>,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// How long Kingdee or the lane asks us to wait.
    pub retry_after: Option<Duration>,
    /// Whether we held the call back ourselves (no room in the lane, an open breaker, a rest after a failure), so that
    /// Kingdee never heard of it.
    pub held_back: bool,
    /// Short text for the log: never a URL, a secret, a token, a phone number or a member id.
    pub detail: String,
}

impl KingdeeError {
    /// An error of a class, nothing else known.
    pub fn new(failure: Failure) -> KingdeeError {
        let held_back = failure == Failure::LaneFull;
        KingdeeError {
            failure,
            errcode: None,
            status: None,
            retry_after: None,
            held_back,
            detail: String::new(),
        }
    }

    /// An error of a class, with a text for the log.
    pub fn because(failure: Failure, detail: impl Into<String>) -> KingdeeError {
        KingdeeError { detail: detail.into(), ..KingdeeError::new(failure) }
    }
}

impl std::fmt::Display for KingdeeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.failure.label())?;
        if let Some(code) = self.errcode {
            write!(f, " (errcode {code})")?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for KingdeeError {}

/// The classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Client id, signature, permission, authorisation: somebody must fix the configuration.
    Configuration,
    /// Timestamp refused, even after one corrected attempt.
    Clock,
    /// The token is refused, even after a renewal.
    Token,
    /// The app secret is refused, even after the authorisation was pulled again.
    Secret,
    /// Kingdee doesn't know the route or the router domain.
    Router,
    /// Throttled: 429, 5007, 已被限流.
    Throttled,
    /// Kingdee says that it fails: 5xx, 5003 to 5006, system errors.
    Upstream,
    /// No connection, or it broke.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// An answer that can't be read, or is too large.
    Unreadable,
    /// Kingdee refuses the parameters (10300020xx, 400).
    CallerFault,
    /// Our own lane has no room before the deadline: quota, queue or breaker.
    LaneFull,
}

impl Failure {
    /// All classes, in the order of their declaration.
    pub const ALL: [Failure; 12] = [
        Failure::Configuration,
        Failure::Clock,
        Failure::Token,
        Failure::Secret,
        Failure::Router,
        Failure::Throttled,
        Failure::Upstream,
        Failure::Unreachable,
        Failure::TimedOut,
        Failure::Unreadable,
        Failure::CallerFault,
        Failure::LaneFull,
    ];

    /// Stable label for metrics, logs and problem details.
    pub fn label(self) -> &'static str {
        match self {
            Failure::Configuration => "configuration",
            Failure::Clock => "clock",
            Failure::Token => "token",
            Failure::Secret => "secret",
            Failure::Router => "router",
            Failure::Throttled => "throttled",
            Failure::Upstream => "upstream",
            Failure::Unreachable => "unreachable",
            Failure::TimedOut => "timeout",
            Failure::Unreadable => "unreadable",
            Failure::CallerFault => "caller",
            Failure::LaneFull => "lane",
        }
    }
}
