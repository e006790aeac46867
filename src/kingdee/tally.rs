//! How the calls of one account set ended and what they took, in numbers that only grow.

use std::sync::atomic::{AtomicU64, Ordering};

use super::failure::{Failure, KingdeeError};
use crate::telemetry::histogram::Histogram;

/// Calls and attempts by class, and the time that attempts took.
#[derive(Debug)]
pub struct Tally {
    calls: Classes,
    attempts: Classes,
    /// How long attempts took, whatever came of them.
    pub durations: Histogram,
    /// How long attempts waited for their turn in the lane.
    pub waits: Histogram,
}

impl Default for Tally {
    fn default() -> Self {
        let (durations, waits) = (Histogram::of_calls(), Histogram::of_calls());
        Tally { calls: Classes::default(), attempts: Classes::default(), durations, waits }
    }
}

/// One count for success, one for each class of failure.
#[derive(Debug, Default)]
pub struct Classes {
    good: AtomicU64,
    failed: [AtomicU64; Failure::ALL.len()],
}

/// Counts at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Those that brought an answer.
    pub good: u64,
    /// Those that failed, every class in the order of [`Failure::ALL`].
    pub failed: Vec<(Failure, u64)>,
}

impl Counts {
    /// All together.
    pub fn total(&self) -> u64 {
        self.good + self.failed.iter().map(|(_, count)| count).sum::<u64>()
    }
}

impl Tally {
    /// A call ended.
    pub fn call<T>(&self, outcome: &Result<T, KingdeeError>) {
        self.calls.count(outcome.as_ref().err().map(|error| error.failure));
    }

    /// An attempt that was sent ended.
    pub fn attempt(&self, failure: Option<Failure>) {
        self.attempts.count(failure);
    }

    /// Calls so far, whether anything was sent for them or not.
    pub fn calls(&self) -> Counts {
        self.calls.counts()
    }

    /// Attempts that were sent so far.
    pub fn attempts(&self) -> Counts {
        self.attempts.counts()
    }
}

impl Classes {
    /// One more that ended well, or in this failure.
    pub fn count(&self, failure: Option<Failure>) {
        let place = match failure {
            None => Some(&self.good),
            Some(failure) => self.failed.get(failure as usize),
        };
        if let Some(count) = place {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many so far.
    pub fn counts(&self) -> Counts {
        let failed = Failure::ALL.into_iter().zip(&self.failed);
        Counts {
            good: self.good.load(Ordering::Relaxed),
            failed: failed.map(|(failure, count)| (failure, count.load(Ordering::Relaxed))).collect(),
        }
    }
}
