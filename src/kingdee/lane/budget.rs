//! The retry budget: retries are a small share of calls, whatever happens. A storm of failures must not become a
//! storm of retries.

use std::time::Duration;

use tokio::time::Instant;

/// What one retry costs; a call brings as many as the configured percent.
const RETRY: u32 = 100;
/// Retries that can be saved up, so that an hour of peace does not pay for a storm.
const MOST_SAVED: u32 = 10;
/// A lane with few calls never earns a retry in time; one in this time is free.
const FREE_EVERY: Duration = Duration::from_secs(60);

/// The budget of one lane.
///
/// Of n calls at most n × percent / 100 + 1 are retried, as long as they come faster than what earns one retry a
/// minute (ten a minute at 10 %); slower ones get one a minute, so that a lone call isn't lost to a lone reset.
#[derive(Debug)]
pub struct Budget {
    percent: u32,
    balance: u32,
    last: Option<Instant>,
}

impl Budget {
    /// A budget of so many retries in a hundred calls; 0 means none.
    pub fn new(percent: u32) -> Budget {
        Budget { percent, balance: 0, last: None }
    }

    /// From now on another share; what is saved up stays.
    pub fn adopt(&mut self, percent: u32) {
        self.percent = percent;
    }

    /// A call was made.
    pub fn deposit(&mut self) {
        self.balance = self.balance.saturating_add(self.percent).min(RETRY * MOST_SAVED);
    }

    /// Takes the right to one retry; false if there is none.
    pub fn withdraw(&mut self, now: Instant) -> bool {
        let free = self.last.is_none_or(|last| now.saturating_duration_since(last) >= FREE_EVERY);
        if self.percent == 0 || (self.balance < RETRY && !free) {
            return false;
        }
        self.balance = self.balance.saturating_sub(RETRY);
        self.last = Some(now);
        true
    }

    /// Whole retries that are saved up.
    pub fn saved(&self) -> u32 {
        self.balance / RETRY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Retries that `calls` failing calls get, one every `every`.
    fn retries(percent: u32, calls: u32, every: Duration) -> u32 {
        let mut budget = Budget::new(percent);
        let start = Instant::now();
        let retried = (0..calls).filter(|call| {
            budget.deposit();
            budget.withdraw(start + every * *call)
        });
        u32::try_from(retried.count()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_is_retried_by_a_tenth_and_one() {
        for calls in [1, 10, 300, 1000, 100_000] {
            assert!(retries(10, calls, Duration::from_millis(20)) <= calls / 10 + 1, "{calls}");
            assert!(retries(10, calls, Duration::from_millis(20)) >= calls / 10);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lone_call_gets_its_retry_and_the_next_lone_call_too() {
        assert_eq!(retries(10, 5, FREE_EVERY), 5);
        assert_eq!(retries(10, 5, FREE_EVERY / 2), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn peace_saves_up_no_more_than_a_little() {
        let (mut budget, now) = (Budget::new(10), Instant::now());
        (0..100_000).for_each(|_| budget.deposit());
        assert_eq!(budget.saved(), MOST_SAVED);
        assert_eq!((0..100).filter(|_| budget.withdraw(now)).count(), MOST_SAVED as usize);
    }

    #[tokio::test(start_paused = true)]
    async fn no_percent_means_no_retry() {
        assert_eq!(retries(0, 100, FREE_EVERY), 0);
    }
}
