//! The lane in front of one account set: so many calls at once, so many a minute, so many waiting, no longer than
//! their deadline. Cache hits never pass here.
//!
//! Room left for priorities, the breaker and the retry budget (part 3).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::failure::{Failure, KingdeeError};
use super::settings::LaneSettings;

const MINUTE: Duration = Duration::from_secs(60);

/// One account set's quota at Kingdee, as far as we use it.
pub struct Lane {
    under_way: Semaphore,
    waiting: AtomicU32,
    queue: u32,
    rate: Option<Rate>,
}

/// A call's right to be made; the place is free again when this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Turn<'a>(#[allow(dead_code)] SemaphorePermit<'a>);

impl Lane {
    /// A lane with nobody in it.
    pub fn new(settings: &LaneSettings) -> Lane {
        Lane {
            under_way: Semaphore::new(settings.concurrency as usize),
            waiting: AtomicU32::new(0),
            queue: settings.queue,
            rate: Rate::new(settings.per_minute, settings.burst),
        }
    }

    /// Waits for a turn. Every attempt needs its own, retries too.
    ///
    /// # Errors
    /// [`Failure::LaneFull`] with an honest `retry_after`, at once where the turn would come after `deadline`
    /// or too many are waiting already.
    pub async fn enter(&self, deadline: Instant) -> Result<Turn<'_>, KingdeeError> {
        let rate = self.rate.as_ref().ok_or_else(|| full(MINUTE))?;
        let seat = self.take_seat()?;
        let ahead = self.waiting.load(Ordering::Relaxed).saturating_sub(1);
        let expected = rate.next(Instant::now()) + rate.interval * ahead;
        if expected > deadline {
            return Err(full(expected.saturating_duration_since(Instant::now())));
        }
        let permit = match timeout_at(deadline, self.under_way.acquire()).await {
            Ok(Ok(permit)) => permit,
            _ => return Err(full(rate.interval * (ahead + 1))),
        };
        let slot = rate.take(Instant::now(), deadline).map_err(full)?;
        sleep_until(slot).await;
        drop(seat);
        Ok(Turn(permit))
    }

    fn take_seat(&self) -> Result<Seat<'_>, KingdeeError> {
        let seated = self.waiting.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(&self.waiting);
        // Somebody on the way through a free lane holds a seat only for a moment; those don't count.
        let passing = u32::try_from(self.under_way.available_permits()).unwrap_or(u32::MAX);
        if seated >= self.queue.saturating_add(passing) {
            let wait = self.rate.as_ref().map_or(MINUTE, |rate| rate.interval * seated.max(1));
            return Err(full(wait));
        }
        Ok(seat)
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lane({} waiting)", self.waiting.load(Ordering::Relaxed))
    }
}

fn full(wait: Duration) -> KingdeeError {
    // A header can only say whole seconds; a zero would invite at once.
    let wait = Duration::from_secs(wait.as_secs() + 1);
    KingdeeError {
        retry_after: Some(wait),
        ..KingdeeError::because(Failure::LaneFull, "no room before the deadline")
    }
}

/// Counts a waiting call for as long as it waits, even if its task is dropped.
struct Seat<'a>(&'a AtomicU32);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A token bucket as one instant (GCRA). The burst is part of the quota: with `b` at once and one every
/// 60 s / (n − b + 1) afterwards, no minute ever sees more than `n`.
struct Rate {
    interval: Duration,
    tolerance: Duration,
    /// When the next call would be due if calls were evenly spread.
    due: Mutex<Option<Instant>>,
}

impl Rate {
    fn new(per_minute: u32, burst: u32) -> Option<Rate> {
        // A burst beyond half of the quota would slow everything after it down to a crawl.
        let burst = burst.clamp(1, (per_minute / 2).max(1));
        // Rounded up, so that the last call of a minute never slips in.
        let interval = MINUTE.checked_div((per_minute + 1).saturating_sub(burst))? + Duration::from_nanos(1);
        (per_minute > 0).then(|| Rate { interval, tolerance: interval * (burst - 1), due: Mutex::new(None) })
    }

    /// When a call could go that asked now.
    fn next(&self, now: Instant) -> Instant {
        self.slot(*self.due.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// Takes the next slot, if it is not after `deadline`; else how long until it comes.
    fn take(&self, now: Instant, deadline: Instant) -> Result<Instant, Duration> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = self.slot(*due, now);
        if slot > deadline {
            return Err(slot.saturating_duration_since(now));
        }
        *due = Some(due.unwrap_or(now).max(now) + self.interval);
        Ok(slot)
    }

    fn slot(&self, due: Option<Instant>, now: Instant) -> Instant {
        due.and_then(|due| due.checked_sub(self.tolerance)).map_or(now, |earliest| earliest.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(per_minute: u32, burst: u32) -> LaneSettings {
        LaneSettings { per_minute, burst, concurrency: 4, queue: 8, ..LaneSettings::default() }
    }

    fn seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_sees_more_than_the_quota() {
        for (per_minute, burst) in [(60, 10), (450, 45), (1, 1), (2, 2), (7, 100), (100, 0)] {
            let lane = Lane::new(&settings(per_minute, burst));
            let mut turns = Vec::new();
            for _ in 0..per_minute * 3 {
                drop(lane.enter(seconds(600)).await.unwrap());
                turns.push(Instant::now());
            }
            let most = turns
                .iter()
                .map(|from| turns.iter().filter(|t| **t >= *from && **t < *from + MINUTE).count())
                .max();
            // Exactly the quota: no more, and no less once it is under way.
            assert_eq!(most, Some(per_minute as usize), "{per_minute} with {burst} at once");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_lane_lets_its_burst_through_at_once() {
        let lane = Lane::new(&settings(60, 10));
        let start = Instant::now();
        for _ in 0..10 {
            drop(lane.enter(seconds(1)).await.unwrap());
        }
        assert_eq!(Instant::now(), start);
        drop(lane.enter(seconds(5)).await.unwrap());
        assert!(Instant::now() > start);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_after_the_deadline_is_refused_at_once_and_costs_nothing() {
        let lane = Lane::new(&settings(6, 1));
        drop(lane.enter(seconds(1)).await.unwrap());
        let start = Instant::now();
        for _ in 0..100 {
            let error = lane.enter(seconds(5)).await.unwrap_err();
            assert_eq!(
                (error.failure, error.retry_after),
                (Failure::LaneFull, Some(Duration::from_secs(11)))
            );
        }
        assert_eq!(Instant::now(), start);
        drop(lane.enter(seconds(11)).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_lane_says_so() {
        let error = Lane::new(&settings(0, 1)).enter(seconds(600)).await.unwrap_err();
        assert_eq!((error.failure, error.retry_after), (Failure::LaneFull, Some(Duration::from_secs(61))));
    }

    #[tokio::test(start_paused = true)]
    async fn one_more_than_may_wait_is_refused_at_once() {
        let lane = Lane::new(&LaneSettings { concurrency: 1, queue: 2, ..settings(6000, 100) });
        let turn = lane.enter(seconds(1)).await.unwrap();
        let waits = || lane.enter(seconds(9));
        let (first, second, third) = tokio::join!(biased; waits(), waits(), async {
            let refused = waits().await;
            drop(turn);
            refused
        });
        assert!(third.is_err() && first.is_ok());
        assert!(second.is_err(), "the first keeps its turn till the end of the test");
        assert_eq!(lane.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_goes_away_leaves_no_seat_behind() {
        let lane = Lane::new(&LaneSettings { concurrency: 1, ..settings(6000, 100) });
        let turn = lane.enter(seconds(1)).await.unwrap();
        let gone = tokio::time::timeout(Duration::from_millis(1), lane.enter(seconds(9))).await;
        assert!(gone.is_err());
        assert_eq!(lane.waiting.load(Ordering::Relaxed), 0);
        drop(turn);
        assert!(lane.enter(seconds(1)).await.is_ok());
    }
}
