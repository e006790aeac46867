//! The guard of the token endpoint: two calls a minute, whatever happens (`protocol.md` §2).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Tick};

const CALLS: usize = 2;
/// A little over a minute, so that clocks that tick differently agree.
const WINDOW: Duration = Duration::from_secs(61);

/// Remembers the last calls of one account set. A call under way counts as just made, since nobody knows when
/// Kingdee sees it.
#[derive(Debug, Clone)]
pub struct Guard {
    clock: Clock,
    calls: Arc<Mutex<[Option<Call>; CALLS]>>,
}

#[derive(Debug, Clone, Copy)]
enum Call {
    UnderWay,
    Ended(Tick),
}

/// The right to make one call; it counts from when this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Pass {
    guard: Guard,
    place: usize,
    used: bool,
}

impl Pass {
    /// No call was made with it.
    pub fn give_back(mut self) {
        self.used = false;
    }
}

impl Guard {
    /// A guard that has seen nothing.
    pub fn new(clock: Clock) -> Guard {
        Guard { clock, calls: Arc::default() }
    }

    /// Takes the right to make a call now.
    ///
    /// # Errors
    /// How long until there is one again.
    pub fn take(&self) -> Result<Pass, Duration> {
        let now = self.clock.tick();
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shortest = WINDOW;
        for (place, call) in calls.iter_mut().enumerate() {
            let left = match call {
                None => Duration::ZERO,
                Some(Call::UnderWay) => WINDOW,
                Some(Call::Ended(at)) => at.after(WINDOW).since(now),
            };
            if left.is_zero() {
                *call = Some(Call::UnderWay);
                return Ok(Pass { guard: self.clone(), place, used: true });
            }
            shortest = shortest.min(left);
        }
        Err(shortest)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut calls = self.guard.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = calls.get_mut(self.place) {
            *call = self.used.then(|| Call::Ended(self.guard.clock.tick()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_minute_sees_at_most_two_calls() {
        let clock = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
        let guard = Guard::new(clock.clone());
        let mut made = Vec::new();
        for second in 0..600u64 {
            if let Ok(pass) = guard.take() {
                made.push(second);
                drop(pass);
            }
            clock.advance(Duration::from_secs(1));
        }
        let most =
            made.iter().map(|from| made.iter().filter(|t| (*from..from + 61).contains(*t)).count()).max();
        assert_eq!(most, Some(2));
        assert_eq!(made.len(), 20);
    }

    #[test]
    fn a_pass_that_was_given_back_counts_for_nothing() {
        let guard = Guard::new(Clock::manual(jiff::Timestamp::UNIX_EPOCH));
        (0..9).for_each(|_| guard.take().unwrap().give_back());
        drop((guard.take().unwrap(), guard.take().unwrap()));
        assert!(guard.take().is_err());
    }

    #[test]
    fn a_call_under_way_counts_until_it_ends() {
        let clock = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
        let guard = Guard::new(clock.clone());
        let slow = guard.take().unwrap();
        drop(guard.take().unwrap());
        clock.advance(Duration::from_secs(61));
        let third = guard.take().unwrap();
        assert!(guard.take().is_err(), "the slow one may only now be seen");
        drop((slow, third));
        assert_eq!(guard.take().unwrap_err(), Duration::from_secs(61));
    }
}
