//! The last hour, a sample every ten seconds, in a ring that never grows.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::counts::Totals;
use crate::clock::Tick;
use crate::telemetry::histogram::Reading;

/// How often a sample is taken.
pub const EVERY: Duration = Duration::from_secs(10);
/// An hour of them.
pub const KEPT: usize = 360;
/// Samples of the last minute.
const MINUTE: usize = 6;

/// What happened between the sample before and this one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// When it was taken.
    pub at: Timestamp,
    /// Time that it covers.
    pub span: Duration,
    /// What was counted in that time.
    pub counted: Totals,
    /// Seconds that rows were old when they were served in that time, on average.
    pub mean_age: Option<f64>,
    /// What 99 of 100 pages kept to.
    pub p99_age: Option<f64>,
    /// Bytes in the cache at its end.
    pub cache_bytes: u64,
}

/// What a sample is made of.
pub(super) struct Observed {
    pub at: (Timestamp, Tick),
    pub totals: Totals,
    pub ages: Reading,
    pub cache_bytes: u64,
    /// Attempts so far of each account set.
    pub attempts: Vec<u64>,
}

/// The ring.
#[derive(Debug)]
pub(super) struct Samples(Mutex<Ring>);

#[derive(Debug)]
struct Ring {
    last: (Tick, Totals, Reading),
    samples: VecDeque<Sample>,
    /// Attempts of each account set, at the beginning of the last minute and at each sample since.
    attempts: VecDeque<Vec<u64>>,
}

impl Samples {
    /// An empty ring that begins to count at `start`.
    pub fn new(start: Tick) -> Samples {
        Samples(Mutex::new(Ring {
            last: (start, Totals::default(), Reading::default()),
            samples: VecDeque::with_capacity(KEPT),
            attempts: VecDeque::with_capacity(MINUTE + 1),
        }))
    }

    /// Adds a sample; gives back what was counted since the one before.
    pub fn add(&self, observed: Observed) -> Totals {
        let mut ring = self.lock();
        let (then, before, older) = &ring.last;
        let counted = observed.totals.since(before);
        let span = observed.at.1.since(*then);
        let ages = observed.ages.since(older);
        ring.last = (observed.at.1, observed.totals, observed.ages);
        let sample = Sample {
            at: observed.at.0,
            // A clock that stands still, as in a test, would divide by nothing.
            span: if span.is_zero() { EVERY } else { span },
            counted,
            mean_age: ages.mean(),
            p99_age: ages.quantile(0.99),
            cache_bytes: observed.cache_bytes,
        };
        push(&mut ring.samples, sample, KEPT);
        push(&mut ring.attempts, observed.attempts, MINUTE);
        counted
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> Vec<Sample> {
        self.lock().samples.iter().copied().collect()
    }

    /// Attempts of account set number `account` within the last minute, if it made `now` so far.
    pub fn of_last_minute(&self, account: usize, now: u64) -> u64 {
        let ring = self.lock();
        // Until the ring is full everything is from the last minute.
        let full = ring.attempts.len() >= MINUTE;
        let then = ring.attempts.front().filter(|_| full).and_then(|made| made.get(account));
        now.saturating_sub(then.copied().unwrap_or(0))
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push<T>(ring: &mut VecDeque<T>, new: T, most: usize) {
    if ring.len() >= most {
        ring.pop_front();
    }
    ring.push_back(new);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn observed(clock: &Clock, pages: u64) -> Observed {
        Observed {
            at: (clock.now(), clock.tick()),
            totals: Totals { fresh: pages, ..Totals::default() },
            ages: Reading::default(),
            cache_bytes: 0,
            attempts: vec![pages, 0],
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_is_kept_and_no_more() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let samples = Samples::new(clock.tick());
        let mut every = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
        for n in 1..=1000 {
            every.tick().await;
            clock.advance(EVERY);
            samples.add(observed(&clock, n * 10));
        }
        let all = samples.all();
        assert_eq!(all.len(), KEPT);
        assert!(all.iter().all(|sample| (sample.counted.fresh, sample.span) == (10, EVERY)));
        let hour = all[KEPT - 1].at.duration_since(all[0].at).as_secs();
        assert_eq!(hour, 3600 - 10);
        assert!(samples.lock().samples.capacity() < 2 * KEPT && samples.lock().attempts.len() <= MINUTE);
    }

    #[test]
    fn a_minute_s_calls_are_counted_from_a_minute_ago() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let samples = Samples::new(clock.tick());
        assert_eq!(samples.of_last_minute(0, 3), 3, "nothing is older than a minute yet");
        for n in 1..=20 {
            clock.advance(EVERY);
            samples.add(observed(&clock, n * 10));
        }
        assert_eq!(samples.of_last_minute(0, 205), 205 - 150);
        assert_eq!((samples.of_last_minute(1, 0), samples.of_last_minute(9, 0)), (0, 0));
    }

    #[test]
    fn a_clock_that_stands_still_divides_by_no_zero() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let samples = Samples::new(clock.tick());
        samples.add(observed(&clock, 7));
        assert_eq!(samples.all()[0].span, EVERY);
    }
}
