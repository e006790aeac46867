//! Where an answer came from: a typed value, which headers, log and metrics read alike.

/// Where a chunk, or a page made of several, came from. Later variants weigh more: a page is what its worst
/// chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// From memory, fresh.
    Hit,
    /// Fetched because it wasn't here, or no longer servable.
    Miss(Fetched),
    /// Fetched because what was here is too old to be served first.
    Expired(Fetched),
    /// Fetched because the caller insisted.
    Forced(Fetched),
    /// From memory, fresh, though the caller insisted: Kingdee failed.
    InVain(StaleReason),
    /// From memory, stale.
    Stale(StaleReason),
}

/// How a fetch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fetched {
    /// Somebody else's fetch was joined.
    pub collapsed: bool,
    /// The chunk is in the cache now.
    pub stored: bool,
}

/// Why stale rows were served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StaleReason {
    /// A refresh runs behind the caller's back.
    Revalidating,
    /// Kingdee did not answer within the caller's patience; the fetch goes on.
    Slow,
    /// The last refresh failed; the next one is tried after a pause.
    Failing,
    /// The chunks of this page disagree about `count`, and reading the older one again did not help.
    CountDiffers,
}

impl Outcome {
    /// How it was fetched, if it was.
    pub fn fetched(self) -> Option<Fetched> {
        match self {
            Outcome::Miss(fetched) | Outcome::Expired(fetched) | Outcome::Forced(fetched) => Some(fetched),
            Outcome::Hit | Outcome::InVain(_) | Outcome::Stale(_) => None,
        }
    }

    /// Whether the rows are in the cache. If they are not, something is wrong with them, or was purged meanwhile:
    /// nobody else should keep them either.
    pub fn is_kept(self) -> bool {
        self.fetched().is_none_or(|fetched| fetched.stored)
    }

    /// Why rows from memory are served although Kingdee should have been asked.
    pub fn reason(self) -> Option<StaleReason> {
        match self {
            Outcome::InVain(reason) | Outcome::Stale(reason) => Some(reason),
            Outcome::Hit | Outcome::Miss(_) | Outcome::Expired(_) | Outcome::Forced(_) => None,
        }
    }

    /// Every label.
    pub const LABELS: [&str; 7] = ["hit", "miss", "expired", "forced", "collapsed", "in-vain", "stale"];

    /// Stable label for metrics and log lines, one of [`Outcome::LABELS`].
    pub fn label(self) -> &'static str {
        if self.fetched().is_some_and(|fetched| fetched.collapsed) {
            return "collapsed";
        }
        match self {
            Outcome::Hit => "hit",
            Outcome::Miss(_) => "miss",
            Outcome::Expired(_) => "expired",
            Outcome::Forced(_) => "forced",
            Outcome::InVain(_) => "in-vain",
            Outcome::Stale(_) => "stale",
        }
    }
}

impl StaleReason {
    /// Stable label for `Cache-Status: …; detail=`.
    pub fn label(self) -> &'static str {
        match self {
            StaleReason::Revalidating => "revalidating",
            StaleReason::Slow => "upstream-slow",
            StaleReason::Failing => "upstream-failing",
            StaleReason::CountDiffers => "count-differs",
        }
    }
}
