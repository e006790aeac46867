//! How long one errand may wait for the tier, all its questions together.
//!
//! A fetch looks, leases and asks for quota, one after the other: with a time-out for each question, a tier that answers
//! just in time each time would cost it several. What is spent here is only time in which nothing but the tier was waited
//! for; pauses between two looks at what another replica is reading are none of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};

/// What is left of an errand's time for the tier.
#[derive(Debug, Default)]
pub struct Patience(AtomicU64);

impl Patience {
    /// Nothing: for errands that have no tier to ask.
    pub fn none() -> &'static Patience {
        static NONE: Patience = Patience(AtomicU64::new(0));
        &NONE
    }

    /// So much.
    pub fn of(time: Duration) -> Patience {
        Patience(AtomicU64::new(nanos(time)))
    }

    /// What is left.
    pub fn left(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    /// Waits for an answer of the tier as long as there is time left; `None` when there is none any more.
    pub async fn wait<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let (left, begun) = (self.left(), Instant::now());
        let answer = timeout(left, answer).await;
        self.0.store(nanos(left.saturating_sub(begun.elapsed())), Ordering::Relaxed);
        answer.ok()
    }

    /// Gives back what was spent since `left` was left: something else was waited for anyway.
    pub fn restore(&self, left: Duration) {
        self.0.fetch_max(nanos(left), Ordering::Relaxed);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test(start_paused = true)]
    async fn all_answers_together_are_waited_for_no_longer_than_that() {
        let (patience, begun) = (Patience::of(ms(20)), Instant::now());
        assert_eq!(patience.wait(sleep(ms(12))).await, Some(()));
        sleep(ms(500)).await; // not for the tier
        assert_eq!(patience.left(), ms(8));
        assert_eq!(patience.wait(sleep(ms(12))).await, None);
        assert_eq!(patience.wait(sleep(ms(12))).await, None);
        assert_eq!((patience.left(), begun.elapsed()), (ms(0), ms(520)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_is_never_more_than_there_was() {
        let patience = Patience::of(ms(20));
        let left = patience.left();
        patience.wait(sleep(ms(12))).await;
        patience.restore(left);
        assert_eq!(patience.left(), ms(20));
        patience.restore(ms(5));
        assert_eq!(patience.left(), ms(20));
    }
}
