//! What the sandbox remembers in order to say no: nonces it has seen, calls of the last minute.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use crate::clock::Tick;

/// A timestamp may be this far from the clock, before or after.
pub const SIGNED_WINDOW: Duration = Duration::from_secs(5 * 60);
/// A request may be replayed this long: from 5 minutes early to 5 minutes late.
const NONCE_LIFE: Duration = Duration::from_secs(10 * 60);
/// Most nonces remembered; the oldest go first. Twenty times what the quota lets through in that time.
const MOST_NONCES: usize = 200_000;
/// Most app keys counted; whoever guesses more shares the last one's minute.
const MOST_KEYS: usize = 64;
const MINUTE: Duration = Duration::from_secs(60);

/// Nonces of signed requests that could still be replayed.
#[derive(Default)]
pub struct Nonces {
    seen: HashSet<u64>,
    order: VecDeque<(Tick, u64)>,
}

impl Nonces {
    /// Remembers a nonce; false if it was here already.
    pub fn take(&mut self, nonce: u64, now: Tick) -> bool {
        while self
            .order
            .front()
            .is_some_and(|(at, _)| now.since(*at) > NONCE_LIFE || self.order.len() >= MOST_NONCES)
        {
            if let Some((_, old)) = self.order.pop_front() {
                self.seen.remove(&old);
            }
        }
        let new = self.seen.insert(nonce);
        if new {
            self.order.push_back((now, nonce));
        }
        new
    }
}

/// Calls of the last 60 seconds, for each key. Only calls that were let through count.
pub struct Quota {
    per_minute: usize,
    calls: HashMap<String, VecDeque<Tick>>,
}

impl Quota {
    /// A quota of so many calls in any 60 seconds.
    pub fn new(per_minute: usize) -> Quota {
        Quota { per_minute, calls: HashMap::new() }
    }

    /// Takes one call out of the quota of `key`; false if there is none left.
    pub fn take(&mut self, key: &str, now: Tick) -> bool {
        let key = if self.calls.len() < MOST_KEYS || self.calls.contains_key(key) { key } else { "" };
        let calls = self.calls.entry(key.to_owned()).or_default();
        while calls.front().is_some_and(|at| now.since(*at) >= MINUTE) {
            calls.pop_front();
        }
        let room = calls.len() < self.per_minute;
        if room {
            calls.push_back(now);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_nonce_is_new_again_when_no_replay_is_possible() {
        let (clock, mut nonces) = (Clock::manual("2026-11-20T00:00:00Z".parse().unwrap()), Nonces::default());
        assert!(nonces.take(7, clock.tick()) && !nonces.take(7, clock.tick()));
        clock.advance(NONCE_LIFE);
        assert!(!nonces.take(7, clock.tick()));
        clock.advance(Duration::from_millis(1));
        assert!(nonces.take(7, clock.tick()));
    }

    #[test]
    fn nonces_take_bounded_memory() {
        let (clock, mut nonces) = (Clock::manual("2026-11-20T00:00:00Z".parse().unwrap()), Nonces::default());
        (0..MOST_NONCES as u64 + 10).for_each(|nonce| assert!(nonces.take(nonce, clock.tick())));
        assert_eq!((nonces.seen.len(), nonces.order.len()), (MOST_NONCES, MOST_NONCES));
    }

    #[test]
    fn a_minute_slides() {
        let (clock, mut quota) = (Clock::manual("2026-11-20T00:00:00Z".parse().unwrap()), Quota::new(2));
        assert!(quota.take("a", clock.tick()));
        clock.advance(Duration::from_secs(40));
        assert!(quota.take("a", clock.tick()) && !quota.take("a", clock.tick()));
        assert!(quota.take("b", clock.tick()));
        clock.advance(Duration::from_secs(20));
        assert!(quota.take("a", clock.tick()) && !quota.take("a", clock.tick()));
    }
}
