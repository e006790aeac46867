//! Which answers a fault spoils: all, the next few, or a share of them.

use serde::Serialize;

use super::dice::scatter;
use super::fault::Fault;

/// Which answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Every one.
    All,
    /// So many more.
    Next(u64),
    /// About so many of a hundred; the same seed picks the same places in the order of answers.
    Percent {
        /// 1 to 100
        percent: u8,
        /// Which places.
        seed: u64,
    },
}

/// A fault of one endpoint.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// What is answered instead.
    pub fault: Fault,
    /// Which answers are still to be spoiled.
    pub which: Which,
    /// Answers it looked at.
    seen: u64,
    /// Answers it spoiled.
    pub spoiled: u64,
}

impl Plan {
    /// A plan that has seen nothing.
    pub fn new(fault: Fault, which: Which) -> Plan {
        Plan { fault, which, seen: 0, spoiled: 0 }
    }

    /// Looks at one answer: its fault, and how many were spoiled before it.
    pub fn take(&mut self) -> Option<(Fault, u64)> {
        let spoils = match &mut self.which {
            Which::All => true,
            Which::Next(0) => false,
            Which::Next(left) => {
                *left -= 1;
                true
            }
            Which::Percent { percent, seed } => scatter(*seed, self.seen) % 100 < u64::from(*percent),
        };
        self.seen += 1;
        let before = self.spoiled;
        self.spoiled += u64::from(spoils);
        spoils.then(|| (self.fault.clone(), before))
    }

    /// It will spoil no more.
    pub fn is_over(&self) -> bool {
        self.which == Which::Next(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(which: Which) -> Vec<bool> {
        let mut plan = Plan::new(Fault::Html, which);
        (0..1_000).map(|_| plan.take().is_some()).collect()
    }

    #[test]
    fn a_share_is_about_right_and_the_same_every_time() {
        let share = |percent, seed| picks(Which::Percent { percent, seed });
        let third = share(30, 1);
        assert_eq!(third, share(30, 1));
        assert_ne!(third, share(30, 2));
        assert!((250..350).contains(&third.iter().filter(|spoiled| **spoiled).count()));
        assert!(share(100, 1).iter().all(|spoiled| *spoiled));
    }

    #[test]
    fn a_number_of_answers_runs_out() {
        assert_eq!(picks(Which::Next(2))[..4], [true, true, false, false]);
        assert!(Plan::new(Fault::Html, Which::Next(0)).is_over());
    }
}
