//! The last faults, for people: what, where, how often, and what to do. Bounded; no member, no secret is in it.
//!
//! One cause makes one entry, however many callers meet it: an outage must not push out what came before it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// Faults remembered; the one that was last seen longest ago goes first.
pub const MOST: usize = 50;

/// A fault that comes back within this time is the same one, going on.
const SAME: Duration = Duration::from_secs(15 * 60);

/// What went wrong. Faults that are equal but for their detail have the same cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The account set, where it is of one.
    pub account: Option<String>,
    /// A stable word: a failure's class, a problem's kind.
    pub class: &'static str,
    /// Kingdee's own code, if it sent one.
    pub errcode: Option<u64>,
    /// The HTTP status of Kingdee's answer, if one came.
    pub status: Option<u16>,
    /// More for people: what may stand in a log, so no member, secret, address or phone number.
    pub detail: String,
    /// What to do.
    pub advice: &'static str,
}

/// A fault and when it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// As it was the last time.
    pub fault: Fault,
    /// The first time.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
    /// How often.
    pub times: u64,
}

/// The last faults. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<VecDeque<Seen>>>);

impl Faults {
    /// Notes a fault that was met `times` times by now.
    pub fn note(&self, fault: Fault, times: u64, now: Timestamp) {
        let mut seen = self.lock();
        let same = |old: &Seen| {
            let lasts = now.duration_since(old.last).unsigned_abs() <= SAME;
            lasts && old.fault.cause() == fault.cause()
        };
        let old = seen.iter().position(same).and_then(|place| seen.remove(place));
        if seen.len() >= MOST {
            seen.pop_front();
        }
        seen.push_back(match old {
            Some(old) => Seen { fault, last: now, times: old.times.saturating_add(times), ..old },
            None => Seen { fault, first: now, last: now, times },
        });
    }

    /// All of them, the one that was seen last first.
    pub fn latest_first(&self) -> Vec<Seen> {
        self.lock().iter().rev().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    fn cause(&self) -> (Option<&str>, &'static str, Option<u64>, Option<u16>, &'static str) {
        (self.account.as_deref(), self.class, self.errcode, self.status, self.advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(errcode: u64) -> Fault {
        Fault {
            account: Some("main".into()),
            class: "upstream",
            errcode: Some(errcode),
            status: Some(519),
            detail: String::new(),
            advice: "wait",
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).unwrap()
    }

    #[test]
    fn an_outage_is_one_entry_and_pushes_nothing_out() {
        let faults = Faults::default();
        faults.note(fault(4008), 1, at(0));
        for second in 1..1000 {
            let detail = format!("number {second}");
            faults.note(Fault { detail, ..fault(5003) }, 1, at(second));
        }
        let seen = faults.latest_first();
        assert_eq!(seen.len(), 2);
        assert_eq!((seen[0].times, seen[0].first, seen[0].last), (999, at(1), at(999)));
        assert_eq!(seen[0].fault.detail, "number 999");
        assert_eq!((seen[1].fault.errcode, seen[1].times), (Some(4008), 1));
    }

    #[test]
    fn what_comes_back_much_later_is_news() {
        let faults = Faults::default();
        faults.note(fault(5003), 3, at(0));
        faults.note(fault(5003), 1, at(900));
        faults.note(fault(5003), 1, at(1801));
        let times: Vec<_> = faults.latest_first().iter().map(|seen| seen.times).collect();
        assert_eq!(times, [1, 4]);
    }

    #[test]
    fn only_the_latest_are_kept() {
        let faults = Faults::default();
        for code in 0..500 {
            faults.note(fault(code), 1, at(0));
        }
        let codes: Vec<_> = faults.latest_first().iter().map(|seen| seen.fault.errcode).collect();
        assert_eq!(codes, (450..500).rev().map(Some).collect::<Vec<_>>());
    }
}
