//! Why a question has no answer, HTTP-agnostic. `http::problem` holds the one table that turns these into statuses.

use std::time::Duration;

use crate::domain::ledger::ChunkFault;
use crate::kingdee::{Failure, KingdeeError};

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Kingdee refuses how we call it; somebody must fix the configuration.
    #[error("Kingdee refuses the gateway's configuration: {0}")]
    Rejected(KingdeeError),
    /// Kingdee's answer can't be read or believed.
    #[error("Kingdee's answer can't be used: {0}")]
    Unreadable(String),
    /// Kingdee, its quota or the way there is not available now.
    #[error("Kingdee can't be asked now: {cause}")]
    Unavailable {
        /// What happened.
        cause: KingdeeError,
        /// When asking again makes sense.
        retry_after: Duration,
    },
    /// Kingdee took too long.
    #[error("Kingdee did not answer in time")]
    TimedOut,
    /// Kingdee refuses the parameters, though they look right to us.
    #[error("Kingdee refuses the parameters: {0}")]
    Refused(String),
    /// The caller wants cached rows only, and there are none.
    #[error("not in the cache, and the caller asked for cached rows only")]
    NotCached,
    /// The row that a cursor names can't be found any more.
    #[error("the row that the cursor names is not in the ledger any more")]
    CursorLost,
    /// The task that fetched died. A bug; the panic is in the log.
    #[error("the fetch ended without an answer")]
    Internal,
}

/// What an unavailable upstream means for `Retry-After` if nobody said anything better.
const RETRY_LATER: Duration = Duration::from_secs(2);

impl HistoryError {
    /// Its class, as metrics and traces name it.
    pub fn label(&self) -> &'static str {
        match self {
            HistoryError::Rejected(error) | HistoryError::Unavailable { cause: error, .. } => {
                error.failure.label()
            }
            HistoryError::Unreadable(_) => Failure::Unreadable.label(),
            HistoryError::TimedOut => Failure::TimedOut.label(),
            HistoryError::Refused(_) => Failure::CallerFault.label(),
            HistoryError::NotCached => "not-cached",
            HistoryError::CursorLost => "cursor-lost",
            HistoryError::Internal => "internal",
        }
    }

    /// Whether we held it back ourselves, so that Kingdee never heard of it.
    pub(super) fn was_never_asked(&self) -> bool {
        match self {
            HistoryError::Rejected(cause) | HistoryError::Unavailable { cause, .. } => cause.held_back,
            _ => false,
        }
    }

    /// No page can be put together, since rows came in between its chunks and they can't be read again now.
    pub(super) fn contradiction() -> HistoryError {
        let cause = KingdeeError::because(Failure::Upstream, "the chunks of this page contradict each other");
        HistoryError::Unavailable { cause, retry_after: RETRY_LATER }
    }
}

impl From<KingdeeError> for HistoryError {
    fn from(error: KingdeeError) -> HistoryError {
        match error.failure {
            Failure::Configuration | Failure::Clock | Failure::Token | Failure::Secret | Failure::Router => {
                HistoryError::Rejected(error)
            }
            Failure::Throttled | Failure::Upstream | Failure::Unreachable | Failure::LaneFull => {
                let retry_after = error.retry_after.unwrap_or(RETRY_LATER);
                HistoryError::Unavailable { cause: error, retry_after }
            }
            // Of the call before this one.
            Failure::TimedOut | Failure::Unreadable | Failure::CallerFault if error.held_back => {
                let retry_after = error.retry_after.unwrap_or(RETRY_LATER);
                HistoryError::Unavailable { cause: error, retry_after }
            }
            Failure::TimedOut => HistoryError::TimedOut,
            Failure::Unreadable => HistoryError::Unreadable(error.to_string()),
            Failure::CallerFault => HistoryError::Refused(error.to_string()),
        }
    }
}

impl From<ChunkFault> for HistoryError {
    fn from(fault: ChunkFault) -> HistoryError {
        HistoryError::Unreadable(fault.to_string())
    }
}
