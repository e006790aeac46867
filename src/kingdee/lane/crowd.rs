//! What whoever comes to a full lane may hope for: how long calls take lately, and whether those who wait are what a burst
//! has left behind or a crowd that does not end.
//!
//! A burst is worth waiting for. In a crowd every turn is taken anyway, and a long queue before it only means that whoever
//! gets one has waited for as long as anybody may, and so does everybody for a while after the crowd has gone.

use std::time::Duration;

use tokio::time::Instant;

use crate::kingdee::call::Priority;

/// The part that the last call has in what a call takes.
const WEIGHT: u32 = 8;

/// Nobody came for as long: whatever there was has gone.
const CALM: Duration = Duration::from_secs(2);

/// Who waits, and for what.
#[derive(Debug, Default)]
pub struct Crowd {
    /// Since when nobody who came with this priority could go at once, and when the last one came.
    since: [Option<(Instant, Instant)>; PRIORITIES.len()],
    /// What a call takes that is answered, averaged over the last ones; zero before the first.
    typical: Duration,
    /// For how long it has a place: longer where replicas share the quota and it waits there for its slot.
    place: Duration,
}

const PRIORITIES: [Priority; 3] = [Priority::User, Priority::Refresh, Priority::Export];

impl Crowd {
    /// Somebody came and could go at once, as everybody could who matters more.
    pub fn passed(&mut self, priority: Priority) {
        self.since
            .iter_mut()
            .zip(PRIORITIES)
            .filter(|(_, p)| *p <= priority)
            .for_each(|(since, _)| *since = None);
    }

    /// Somebody came and could not.
    pub fn blocked(&mut self, priority: Priority, now: Instant) {
        let first = self.blocked_since(priority, now).unwrap_or(now);
        let same = self.since.iter_mut().zip(PRIORITIES).filter(|(_, p)| *p == priority);
        same.for_each(|(since, _)| *since = Some((first, now)));
    }

    /// A call was answered after this time, and had its place for so long.
    pub fn answered(&mut self, took: Duration, place: Duration) {
        let average = |before: Duration, last: Duration| match before {
            Duration::ZERO => last,
            before => (before * (WEIGHT - 1) + last) / WEIGHT,
        };
        self.typical = average(self.typical, took);
        self.place = average(self.place, place);
    }

    /// The last moment for a turn to come to somebody who has to be done by `deadline`: a call that begins without the time
    /// that calls take wastes it. Never takes more than half of the time there is.
    pub fn latest(&self, now: Instant, deadline: Instant) -> Instant {
        let left = deadline.saturating_duration_since(now);
        now + left - (self.typical * 2).min(left / 2)
    }

    /// When a turn can be expected that the rate allows at `slot`, if so many calls at so many `places` have to end before:
    /// at the latest, since places that were taken together come free together.
    pub fn expected(&self, slot: Instant, now: Instant, ends: u32, places: u32) -> Instant {
        slot.max(now + self.place * ends.div_ceil(places.max(1)))
    }

    /// Whether a newcomer may sit down whose turn is expected at `turn`, would come in time until `latest`, and has so many
    /// `ahead`. Where nobody could go at once for longer than the newcomer may wait it is no burst: then nobody waits longer
    /// than a call takes, but for the one who is next.
    pub fn admits(
        &self,
        priority: Priority,
        ahead: u32,
        turn: Instant,
        now: Instant,
        latest: Instant,
    ) -> bool {
        !self.is_endless(priority, now, latest) || ahead == 0 || turn <= now + self.typical
    }

    /// The last moment for a slot of the quota that replicas share, where one comes every `interval`: by the same rule.
    pub fn latest_slot(
        &self,
        priority: Priority,
        interval: Duration,
        now: Instant,
        deadline: Instant,
    ) -> Instant {
        let latest = self.latest(now, deadline);
        match self.is_endless(priority, now, latest) {
            true => latest.min(now + self.typical.max(interval)),
            false => latest,
        }
    }

    fn is_endless(&self, priority: Priority, now: Instant, latest: Instant) -> bool {
        let since = self.blocked_since(priority, now);
        since.is_some_and(|since| now.saturating_duration_since(since) > latest - now)
    }

    /// Since when nobody could go at once, unless it has been calm since.
    fn blocked_since(&self, priority: Priority, now: Instant) -> Option<Instant> {
        let (since, _) = self.since.iter().zip(PRIORITIES).find(|(_, p)| *p == priority)?;
        since.filter(|(_, last)| now.saturating_duration_since(*last) <= CALM).map(|(first, _)| first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_a_call_takes_follows_the_last_ones() {
        let mut crowd = Crowd::default();
        crowd.answered(SECOND, SECOND);
        assert_eq!(crowd.typical, SECOND);
        (0..40).for_each(|_| crowd.answered(SECOND / 5, SECOND / 5));
        assert!((SECOND / 5..SECOND / 4).contains(&crowd.typical), "{:?}", crowd.typical);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_leaves_time_for_the_call_and_at_least_half_of_the_time_to_wait() {
        let (mut crowd, now) = (Crowd::default(), Instant::now());
        assert_eq!(crowd.latest(now, now + 8 * SECOND), now + 8 * SECOND, "nothing is known yet");
        crowd.answered(SECOND, SECOND);
        assert_eq!(crowd.latest(now, now + 8 * SECOND), now + 6 * SECOND);
        assert_eq!(crowd.latest(now, now + 3 * SECOND), now + 3 * SECOND / 2);
        assert_eq!(crowd.latest(now + SECOND, now), now + SECOND, "too late already");
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_places_are_taken_a_turn_comes_when_calls_end() {
        let (mut crowd, now) = (Crowd::default(), Instant::now());
        crowd.answered(SECOND, 2 * SECOND);
        assert_eq!(crowd.expected(now, now, 0, 16), now);
        assert_eq!(crowd.expected(now, now, 1, 16), now + 2 * SECOND);
        assert_eq!(crowd.expected(now, now, 17, 16), now + 4 * SECOND);
        assert_eq!(crowd.expected(now + 9 * SECOND, now, 16, 16), now + 9 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_that_lasts_longer_than_one_may_wait_takes_only_those_who_go_soon() {
        let (mut crowd, start) = (Crowd::default(), Instant::now());
        crowd.answered(SECOND / 2, SECOND / 2);
        let admits = |crowd: &Crowd, priority, ahead, wait, now| {
            crowd.admits(priority, ahead, now + wait, now, now + 4 * SECOND)
        };
        let later = start + 5 * SECOND;
        let all_the_time =
            |crowd: &mut Crowd, priority| (0..=5).for_each(|n| crowd.blocked(priority, start + n * SECOND));
        all_the_time(&mut crowd, Priority::User);
        assert!(admits(&crowd, Priority::User, 1, 3 * SECOND, start), "a burst");
        assert!(!admits(&crowd, Priority::User, 1, SECOND, later), "a crowd");
        assert!(admits(&crowd, Priority::User, 1, SECOND / 2, later), "soon enough");
        assert!(admits(&crowd, Priority::User, 0, SECOND, later), "the next one");
        // Whoever goes at once speaks for those who matter more, not for those who matter less.
        all_the_time(&mut crowd, Priority::Export);
        crowd.passed(Priority::Refresh);
        assert!(admits(&crowd, Priority::User, 1, SECOND, later));
        assert!(!admits(&crowd, Priority::Export, 1, SECOND, later));
        crowd.passed(Priority::Export);
        assert!(admits(&crowd, Priority::Export, 1, SECOND, later));
    }

    #[tokio::test(start_paused = true)]
    async fn two_who_came_long_apart_are_no_crowd() {
        let (mut crowd, start) = (Crowd::default(), Instant::now());
        crowd.answered(SECOND / 2, SECOND / 2);
        crowd.blocked(Priority::Refresh, start);
        let later = start + 3600 * SECOND;
        crowd.blocked(Priority::Refresh, later);
        assert!(crowd.admits(Priority::Refresh, 3, later + 3 * SECOND, later, later + 4 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn slots_of_all_are_waited_for_by_the_same_rule_and_the_next_one_always() {
        let (mut crowd, start) = (Crowd::default(), Instant::now());
        crowd.answered(SECOND / 20, SECOND / 20);
        let (later, each) = (start + 9 * SECOND, SECOND / 8);
        let latest =
            |crowd: &Crowd| crowd.latest_slot(Priority::User, each, later, later + 8 * SECOND) - later;
        assert_eq!(latest(&crowd), 8 * SECOND - SECOND / 10, "a burst, with time left for the call");
        (0..=9).for_each(|n| crowd.blocked(Priority::User, start + n * SECOND));
        assert_eq!(latest(&crowd), each, "a crowd");
    }
}
