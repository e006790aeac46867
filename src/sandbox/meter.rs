//! How busy the busiest minute was: a sliding window over arrivals, so that a test can say "never above".

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;

use super::calls::Endpoint;
use crate::clock::Tick;

const MINUTE: Duration = Duration::from_secs(60);
/// Most calls that one window counts; a busier minute is shown as this many.
const MOST_COUNTED: usize = 100_000;

/// The most calls in any 60 seconds since the start or the last `Control::reset_counts`, by the sandbox's clock;
/// refused and spoiled ones count too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BusiestMinute {
    /// push_app_authorize
    pub authorize: u64,
    /// kingdee_auth_token
    pub token: u64,
    /// integral_record
    pub record: u64,
    /// By accountId, as far as a call's app key or token led to one.
    pub accounts: BTreeMap<String, AccountMinute>,
}

/// The busiest minutes of one account set; they need not be the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AccountMinute {
    /// kingdee_auth_token
    pub token: u64,
    /// integral_record; Kingdee allows 500.
    pub record: u64,
}

/// All windows. Their number is bounded by the account sets that exist.
#[derive(Debug, Default)]
pub struct Meter {
    endpoints: BTreeMap<Endpoint, Window>,
    accounts: BTreeMap<String, BTreeMap<Endpoint, Window>>,
}

#[derive(Debug, Default)]
struct Window {
    calls: VecDeque<Tick>,
    most: usize,
}

impl Window {
    fn count(&mut self, now: Tick) {
        while self
            .calls
            .front()
            .is_some_and(|at| now.since(*at) >= MINUTE || self.calls.len() >= MOST_COUNTED)
        {
            self.calls.pop_front();
        }
        self.calls.push_back(now);
        self.most = self.most.max(self.calls.len());
    }
}

impl Meter {
    /// A call arrived at an endpoint.
    pub fn count(&mut self, endpoint: Endpoint, now: Tick) {
        self.endpoints.entry(endpoint).or_default().count(now);
    }

    /// The same call turned out to belong to an account set that exists.
    pub fn count_account(&mut self, account: &str, endpoint: Endpoint, now: Tick) {
        self.accounts.entry(account.to_owned()).or_default().entry(endpoint).or_default().count(now);
    }

    /// The most that was counted.
    pub fn busiest(&self) -> BusiestMinute {
        let most = |windows: &BTreeMap<Endpoint, Window>, endpoint| {
            windows.get(&endpoint).map_or(0, |window| window.most as u64)
        };
        let account = |(account, windows): (&String, &BTreeMap<Endpoint, Window>)| {
            let token = most(windows, Endpoint::Token);
            (account.clone(), AccountMinute { token, record: most(windows, Endpoint::Record) })
        };
        BusiestMinute {
            authorize: most(&self.endpoints, Endpoint::Authorize),
            token: most(&self.endpoints, Endpoint::Token),
            record: most(&self.endpoints, Endpoint::Record),
            accounts: self.accounts.iter().map(account).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn the_busiest_minute_may_lie_across_two_minutes_of_the_clock() {
        let (clock, mut meter) = (Clock::manual("2026-11-20T00:00:00Z".parse().unwrap()), Meter::default());
        let mut count = |seconds, calls| {
            clock.advance(Duration::from_secs(seconds));
            (0..calls).for_each(|_| meter.count(Endpoint::Record, clock.tick()));
            meter.busiest().record
        };
        assert_eq!(count(0, 2), 2);
        assert_eq!(count(40, 3), 5);
        assert_eq!(count(20, 4), 7); // the first two are a minute old
        assert_eq!(count(61, 1), 7); // what was, stays
        meter.count_account("a", Endpoint::Token, clock.tick());
        assert_eq!(meter.busiest().accounts["a"], AccountMinute { token: 1, record: 0 });
    }

    #[test]
    fn a_window_takes_bounded_memory() {
        let (tick, mut window) = (Tick::default(), Window::default());
        (0..=MOST_COUNTED).for_each(|_| window.count(tick));
        assert_eq!((window.calls.len(), window.most), (MOST_COUNTED, MOST_COUNTED));
    }
}
