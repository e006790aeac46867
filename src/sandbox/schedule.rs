//! What happens again and again: tokens that end, secrets that rotate, domains that move.
//!
//! Nothing ticks: each request first asks what has become due, so the injected clock alone decides.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Tick;

/// Longest time between two turns.
pub const LONGEST_PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

/// What may be scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// All tokens have had their time.
    ExpireTokens,
    /// New app secrets.
    RotateAppSecret,
    /// New router domains.
    MoveDomain,
}

/// Jobs and their next turns.
#[derive(Debug, Default)]
pub struct Schedule(BTreeMap<Job, Turns>);

#[derive(Debug, Clone, Copy)]
struct Turns {
    period: Duration,
    next: Tick,
}

impl Schedule {
    /// From now on every `period` (from 1 ms to a day), the first time one period from now; `None` ends it.
    pub fn set(&mut self, job: Job, period: Option<Duration>, now: Tick) {
        match period.map(|period| period.clamp(Duration::from_millis(1), LONGEST_PERIOD)) {
            Some(period) => self.0.insert(job, Turns { period, next: now.after(period) }),
            None => self.0.remove(&job),
        };
    }

    /// What has become due; turns that nobody was there to see count as one.
    pub fn due(&mut self, now: Tick) -> Vec<Job> {
        let mut due = Vec::new();
        for (job, turns) in &mut self.0 {
            if now >= turns.next {
                let period = turns.period.as_millis().max(1);
                let missed = now.since(turns.next).as_millis() / period;
                let ahead = u64::try_from((missed + 1) * period).unwrap_or(u64::MAX);
                turns.next = turns.next.after(Duration::from_millis(ahead));
                due.push(*job);
            }
        }
        due
    }

    /// Jobs and their periods.
    pub fn periods(&self) -> impl Iterator<Item = (Job, Duration)> {
        self.0.iter().map(|(job, turns)| (*job, turns.period))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn turns_keep_their_rhythm_whoever_looks() {
        let (clock, mut schedule) =
            (Clock::manual("2026-11-20T00:00:00Z".parse().unwrap()), Schedule::default());
        schedule.set(Job::ExpireTokens, Some(Duration::from_secs(10)), clock.tick());
        let mut due = |seconds| {
            clock.advance(Duration::from_secs(seconds));
            schedule.due(clock.tick()).len()
        };
        // At 9, 10, 10, 45 (20, 30 and 40 are one turn), 49 and 50 seconds.
        assert_eq!([due(9), due(1), due(0), due(35), due(4), due(1)], [0, 1, 0, 1, 0, 1]);
        schedule.set(Job::ExpireTokens, None, clock.tick());
        clock.advance(Duration::from_secs(100));
        assert_eq!(schedule.due(clock.tick()), []);
    }
}
