//! How a call may be made: who waits, and until when.

use tokio::time::Instant;

use crate::shared::Patience;

/// Who is waiting for a call; a fuller lane lets the first go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Somebody looks at a screen.
    User,
    /// A stale chunk is being refreshed behind somebody's back.
    Refresh,
    /// A long walk.
    Export,
}

impl Priority {
    /// Stable label for traces.
    pub fn label(self) -> &'static str {
        match self {
            Priority::User => "user",
            Priority::Refresh => "refresh",
            Priority::Export => "export",
        }
    }
}

/// How a call may be made.
#[derive(Debug, Clone, Copy)]
pub struct Call<'p> {
    /// Its place in the lane.
    pub priority: Priority,
    /// When the caller stops caring; no attempt is begun that can't end before.
    pub deadline: Instant,
    /// How long it may still wait for the tier that replicas share.
    pub patience: &'p Patience,
}

impl Call<'static> {
    /// Of somebody who shares nothing.
    pub fn alone(priority: Priority, deadline: Instant) -> Call<'static> {
        Call { priority, deadline, patience: Patience::none() }
    }
}
