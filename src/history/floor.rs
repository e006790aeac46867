//! The floor under `Cache-Control: no-cache`: one forced read of a member in a while, whatever it asks for.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Tick;
use crate::domain::account::AccountIndex;
use crate::domain::member::MemberId;

/// Members remembered at once. When more than this insist within one floor, the rest is served from the cache:
/// the quota is worth more than their impatience.
const MOST_MEMBERS: usize = 10_000;

/// Who forced a read lately.
#[derive(Debug, Default)]
pub struct Floor {
    last: Mutex<HashMap<(AccountIndex, MemberId), Tick>>,
}

impl Floor {
    /// Whether a read of this member may be forced now, one `every` so often. Saying yes starts the next pause.
    pub fn claim(&self, account: AccountIndex, member: &MemberId, now: Tick, every: Duration) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let resting = |then: &Tick| now.since(*then) < every;
        if last.len() >= MOST_MEMBERS {
            last.retain(|_, then| resting(then));
        }
        let who = (account, member.clone());
        let allowed = match last.get(&who) {
            Some(then) => !resting(then),
            None => last.len() < MOST_MEMBERS,
        };
        if allowed {
            last.insert(who, now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const EVERY: Duration = Duration::from_secs(5);

    #[test]
    fn one_forced_read_a_member_and_floor() {
        let clock = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
        let floor = Floor::default();
        let (a, b) = (MemberId::parse("1").unwrap(), MemberId::parse("2").unwrap());
        let claim = |m: &MemberId| floor.claim(AccountIndex::DEFAULT, m, clock.tick(), EVERY);
        assert!(claim(&a));
        assert!(!claim(&a));
        assert!(claim(&b));
        clock.advance(Duration::from_secs(5));
        assert!(claim(&a));
    }

    #[test]
    fn the_table_stays_bounded_under_a_scan() {
        let clock = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
        let floor = Floor::default();
        for n in 0..MOST_MEMBERS + 100 {
            let member = MemberId::parse(&n.to_string()).unwrap();
            let granted = floor.claim(AccountIndex::DEFAULT, &member, clock.tick(), EVERY);
            assert_eq!(granted, n < MOST_MEMBERS);
        }
        assert!(floor.last.lock().unwrap().len() <= MOST_MEMBERS);
    }
}
