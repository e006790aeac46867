//! What the status page reads off counters that are there anyway: answers by where their rows came from, calls.

use crate::history::History;
use crate::http::points_history::{PATH, PATH_OF_ACCOUNT};
use crate::http::problem::Kind;
use crate::telemetry::RequestMetrics;
use crate::telemetry::requests::RequestLabels;

/// Outcomes of pages that came from memory and were fresh.
const FRESH: [&str; 2] = ["hit", "in-vain"];
/// Outcomes of pages that came from memory and were stale.
const STALE: [&str; 1] = ["stale"];
/// Outcomes of pages that somebody waited for.
const FETCHED: [&str; 4] = ["miss", "expired", "forced", "collapsed"];

/// The routes of points history, and the word for no route.
const ROUTES: [&str; 3] = [PATH, PATH_OF_ACCOUNT, "none"];

/// Numbers that only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    /// Pages from memory, fresh.
    pub fresh: u64,
    /// Pages from memory, stale.
    pub stale: u64,
    /// Pages that were fetched.
    pub fetched: u64,
    /// Answers that say that the caller is wrong.
    pub refused: u64,
    /// Answers that say that we or Kingdee are.
    pub failed: u64,
    /// Those of them that were shed.
    pub shed: u64,
    /// Those of them that are bugs.
    pub bugs: u64,
    /// Attempts that Kingdee answered.
    pub calls: u64,
    /// Attempts that brought no answer.
    pub calls_failed: u64,
}

impl Totals {
    /// Counts until now, but for calls.
    pub fn of_answers(requests: &RequestMetrics) -> Totals {
        let rows = |outcomes: &[&'static str]| -> u64 {
            let labels = outcomes.iter().flat_map(|&outcome| {
                ROUTES
                    .into_iter()
                    .flat_map(move |route| [200, 304].map(|status| RequestLabels { route, status, outcome }))
            });
            labels.map(|labels| requests.answered(&labels)).sum()
        };
        let problems = |wanted: &dyn Fn(Kind) -> bool| -> u64 {
            let kinds = Kind::ALL.into_iter().filter(|kind| wanted(*kind));
            let labels = kinds.flat_map(|kind| {
                let (status, outcome) = (kind.status().as_u16(), kind.label());
                ROUTES.map(|route| RequestLabels { route, status, outcome })
            });
            labels.map(|labels| requests.answered(&labels)).sum()
        };
        Totals {
            fresh: rows(&FRESH),
            stale: rows(&STALE),
            fetched: rows(&FETCHED),
            refused: problems(&|kind| kind.status().is_client_error()),
            failed: problems(&|kind| kind.status().is_server_error()),
            shed: problems(&|kind| kind == Kind::Overloaded),
            bugs: problems(&|kind| kind == Kind::Internal),
            ..Totals::default()
        }
    }

    /// The same with calls to Kingdee, and how many each account set made.
    pub fn with_calls(self, history: &History) -> (Totals, Vec<u64>) {
        let accounts = history.accounts();
        let made = accounts.iter().map(|account| account.attempts.ok + account.attempts.failures()).collect();
        let totals = Totals {
            calls: accounts.iter().map(|account| account.attempts.ok).sum(),
            calls_failed: accounts.iter().map(|account| account.attempts.failures()).sum(),
            ..self
        };
        (totals, made)
    }

    /// What was counted since `earlier`.
    pub fn since(&self, earlier: &Totals) -> Totals {
        Totals {
            fresh: self.fresh.saturating_sub(earlier.fresh),
            stale: self.stale.saturating_sub(earlier.stale),
            fetched: self.fetched.saturating_sub(earlier.fetched),
            refused: self.refused.saturating_sub(earlier.refused),
            failed: self.failed.saturating_sub(earlier.failed),
            shed: self.shed.saturating_sub(earlier.shed),
            bugs: self.bugs.saturating_sub(earlier.bugs),
            calls: self.calls.saturating_sub(earlier.calls),
            calls_failed: self.calls_failed.saturating_sub(earlier.calls_failed),
        }
    }

    /// Pages answered.
    pub fn pages(&self) -> u64 {
        self.fresh + self.stale + self.fetched
    }

    /// Requests answered.
    pub fn answers(&self) -> u64 {
        self.pages() + self.refused + self.failed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::history::outcome::Fetched;
    use crate::history::{Outcome, StaleReason};

    #[test]
    fn every_outcome_is_counted_once() {
        let fetched = |collapsed| Fetched { collapsed, stored: true };
        let all = [
            Outcome::Hit,
            Outcome::Miss(fetched(false)),
            Outcome::Miss(fetched(true)),
            Outcome::Expired(fetched(false)),
            Outcome::Forced(fetched(false)),
            Outcome::InVain(StaleReason::Failing),
            Outcome::Stale(StaleReason::Slow),
        ];
        let requests = RequestMetrics::default();
        for outcome in all {
            let labels = RequestLabels { route: PATH, status: 200, outcome: outcome.label() };
            requests.series(labels).count(Duration::ZERO);
        }
        let totals = Totals::of_answers(&requests);
        assert_eq!((totals.fresh, totals.stale, totals.fetched), (2, 1, 4));
        assert_eq!(totals.answers(), 7);
    }

    #[test]
    fn every_problem_is_counted_and_looking_makes_no_series() {
        let requests = RequestMetrics::default();
        assert_eq!(Totals::of_answers(&requests), Totals::default());
        let hit = RequestLabels { route: PATH, status: 200, outcome: "hit" };
        assert!(requests.requests.get(&hit).is_none());
        for kind in Kind::ALL {
            let (status, outcome) = (kind.status().as_u16(), kind.label());
            requests.series(RequestLabels { route: PATH_OF_ACCOUNT, status, outcome }).count(Duration::ZERO);
        }
        let totals = Totals::of_answers(&requests);
        assert_eq!(totals.answers(), Kind::ALL.len() as u64);
        assert_eq!((totals.shed, totals.bugs), (1, 1));
    }
}
