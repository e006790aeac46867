//! How fast calls may follow each other: a token bucket as one instant (GCRA), slowed at once when Kingdee refuses and
//! let recover over a minute.

use std::time::Duration;

use tokio::time::Instant;

/// The span that Kingdee's quota is counted in, and the longest recovery.
pub const MINUTE: Duration = Duration::from_secs(60);
/// A refusal halves the rate (AIMD), but a lane that stands still would never learn that it may go again.
const SLOWEST: f64 = 1.0 / 16.0;

/// The burst is part of the quota: with `b` at once and one every 60 s / (n − b + 1) afterwards, no minute ever sees
/// more than `n`. Everything else here can only make it less.
#[derive(Debug)]
pub struct Rate {
    interval: Duration,
    tolerance: Duration,
    /// When the next call would be due if calls were evenly spread.
    due: Option<Instant>,
    /// The share of the rate that was left after the last refusal, and when that was.
    slowed: Option<(f64, Instant)>,
    paused_until: Option<Instant>,
}

impl Rate {
    /// A rate of `per_minute` calls, `burst` of them at once; `None` for no calls at all.
    pub fn new(per_minute: u32, burst: u32) -> Option<Rate> {
        let (interval, tolerance) = spacing(MINUTE, per_minute, burst)?;
        Some(Rate { interval, tolerance, due: None, slowed: None, paused_until: None })
    }

    /// The same rate with its burst spent: a lane that is closed and opened again must not get one each time.
    pub fn without_burst(mut self, now: Instant) -> Rate {
        self.spend_burst(now);
        self
    }

    /// From now on another rate, without a burst to begin with: what the old one has let pass stays within the larger of
    /// the two. The next call goes when it would have gone, or an interval of the new rate from now if that is sooner. A
    /// refusal that is not forgotten yet, and a pause, stay.
    pub fn adopt(&mut self, other: Rate, now: Instant) {
        let due = self.due.unwrap_or(now);
        let next = due.checked_sub(self.tolerance).unwrap_or(now).max(now);
        (self.interval, self.tolerance) = (other.interval, other.tolerance);
        self.due = Some(next.min(now + self.interval) + self.tolerance);
        if let Some(until) = self.paused_until(now) {
            self.spend_burst(until);
        }
    }

    /// When a call could go that has `ahead` others before it.
    pub fn slot(&self, now: Instant, ahead: u32) -> Instant {
        let due = self.due.unwrap_or(now).max(now) + self.interval_at(now) * ahead;
        let earliest = due.checked_sub(self.tolerance).unwrap_or(now).max(now);
        self.paused_until.map_or(earliest, |until| earliest.max(until))
    }

    /// Takes the slot of now.
    pub fn take(&mut self, now: Instant) {
        self.due = Some(self.due.unwrap_or(now).max(now) + self.interval_at(now));
    }

    /// How many calls could go at once.
    pub fn tokens(&self, now: Instant) -> u32 {
        if self.paused_until(now).is_some() {
            return 0;
        }
        let ahead = self.due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        let interval = self.interval_at(now).as_nanos().max(1);
        let tokens = self.tolerance.checked_sub(ahead).map_or(0, |left| left.as_nanos() / interval + 1);
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }

    /// The share of the rate that is in use, from 1/16 to 1.
    pub fn factor(&self, now: Instant) -> f64 {
        let Some((left, at)) = self.slowed else { return 1.0 };
        (left + now.saturating_duration_since(at).as_secs_f64() / MINUTE.as_secs_f64()).min(1.0)
    }

    /// Kingdee refused a call that began at `sent`: half the rate, no burst, at once. Calls that were under way together
    /// meet one refusal, not many.
    pub fn slow_down(&mut self, sent: Instant, now: Instant) {
        if self.slowed.is_some_and(|(_, at)| sent < at) {
            return;
        }
        self.slowed = Some(((self.factor(now) / 2.0).max(SLOWEST), now));
        self.spend_burst(now);
    }

    /// No call before `until`, and no burst then.
    pub fn pause(&mut self, until: Instant) {
        self.paused_until = self.paused_until.max(Some(until));
        self.spend_burst(until);
    }

    /// Until when no call may go, if that is still to come.
    pub fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|until| now < *until)
    }

    /// From `at` on calls are evenly spread.
    fn spend_burst(&mut self, at: Instant) {
        self.due = self.due.max(Some(at + self.tolerance));
    }

    fn interval_at(&self, now: Instant) -> Duration {
        match self.factor(now) {
            1.0.. => self.interval,
            factor => self.interval.div_f64(factor),
        }
    }
}

/// How far calls are apart, and how far ahead of that they may be at once, if no `span` may see more than `quota` of them,
/// `burst` of them together; `None` for no calls at all.
pub fn spacing(span: Duration, quota: u32, burst: u32) -> Option<(Duration, Duration)> {
    // A burst beyond half of the quota would slow everything after it down to a crawl.
    let burst = burst.clamp(1, (quota / 2).max(1));
    // Rounded up, so that the last call of a span never slips in.
    let interval = span.checked_div((quota + 1).saturating_sub(burst))? + Duration::from_nanos(1);
    Some((interval, interval * (burst - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Calls that go between `from` and `to` if somebody always waits.
    fn calls(rate: &mut Rate, from: Instant, to: Instant) -> usize {
        let mut now = from;
        let mut calls = 0;
        loop {
            now = rate.slot(now, 0);
            if now >= to {
                return calls;
            }
            rate.take(now);
            calls += 1;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_halves_the_rate_at_once_and_a_minute_brings_it_back() {
        let start = Instant::now();
        let mut rate = Rate::new(600, 60).unwrap();
        assert_eq!(rate.factor(start), 1.0);
        rate.slow_down(start, start);
        assert_eq!(rate.factor(start), 0.5);
        // Nine a second is the full rate.
        let first = calls(&mut rate, start, start + seconds(1));
        assert!((4..=6).contains(&first), "{first}");
        assert_eq!(rate.factor(start + seconds(15)), 0.75);
        assert_eq!(rate.factor(start + seconds(30)), 1.0);
        let later = calls(&mut rate, start + seconds(60), start + seconds(62));
        assert!(later >= 18, "{later}");
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_the_calls_that_could_go_at_once() {
        let start = Instant::now();
        let mut rate = Rate::new(600, 60).unwrap();
        assert_eq!(rate.tokens(start), 60);
        for taken in 1..=60 {
            assert_eq!(rate.slot(start, 0), start);
            rate.take(start);
            assert_eq!(rate.tokens(start), 60 - taken);
        }
        assert!(rate.slot(start, 0) > start);
        assert_eq!(rate.tokens(start + rate.interval), 1);
        rate.pause(start + seconds(600));
        assert_eq!(rate.tokens(start + seconds(599)), 0);
        assert_eq!(rate.tokens(start + seconds(600)), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_were_under_way_together_meet_one_refusal() {
        let start = Instant::now();
        let mut rate = Rate::new(600, 60).unwrap();
        for _ in 0..16 {
            rate.slow_down(start, start + seconds(1));
        }
        assert_eq!(rate.factor(start + seconds(1)), 0.5);
        // One that was sent afterwards is news.
        rate.slow_down(start + seconds(1), start + seconds(1));
        assert_eq!(rate.factor(start + seconds(1)), 0.25);
        for second in 2..20 {
            rate.slow_down(start + seconds(second), start + seconds(second));
        }
        assert!(rate.factor(start + seconds(19)) >= SLOWEST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody_and_ends_without_a_burst() {
        let start = Instant::now();
        let mut rate = Rate::new(600, 60).unwrap();
        rate.pause(start + seconds(7));
        rate.pause(start + seconds(3));
        assert_eq!(rate.slot(start, 0), start + seconds(7));
        assert_eq!(rate.paused_until(start), Some(start + seconds(7)));
        assert_eq!(calls(&mut rate, start, start + seconds(7)), 0);
        assert!(calls(&mut rate, start, start + seconds(8)) <= 10);
        assert_eq!(rate.paused_until(start + seconds(7)), None);
    }
}
