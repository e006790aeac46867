//! What a replica owes the quota of all: calls that it made while the shared bucket did not answer. They are paid when it
//! does, and forgiven with time, as in the bucket itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When the next call would be due if those that are owed had gone through the bucket. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Debt(Arc<Mutex<Option<Instant>>>);

impl Debt {
    /// Takes all of it out, to be paid.
    pub fn take(&self) -> Option<Instant> {
        self.due().take()
    }

    /// It could not be paid; meanwhile there may be more.
    pub fn put_back(&self, owed: Option<Instant>, now: Instant) {
        if let Some(owed) = owed {
            self.add(owed.saturating_duration_since(now), now);
        }
    }

    /// One more, or what takes the whole fleet so long.
    pub fn add(&self, time: Duration, now: Instant) {
        let mut due = self.due();
        *due = Some(due.unwrap_or(now).max(now) + time);
    }

    /// One was paid after all.
    pub fn pay(&self, time: Duration) {
        let mut due = self.due();
        *due = due.and_then(|due| due.checked_sub(time));
    }

    fn due(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
