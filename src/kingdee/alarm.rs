//! One loud line when Kingdee refuses how we call it: somebody must act, and the line says what to do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::failure::{Failure, KingdeeError};
use crate::clock::Clock;
use crate::domain::account::AccountName;

/// At most one line an account set in this time, however many callers meet the refusal.
const EVERY: Duration = Duration::from_secs(60);

/// The alarm of one account set.
#[derive(Debug, Default)]
pub struct Alarm(AtomicU64);

impl Alarm {
    /// Writes the line if the error asks for somebody's action and none was written lately.
    pub fn consider(&self, account: &AccountName, error: &KingdeeError, clock: &Clock) {
        let Some(cure) = cure(error) else { return };
        let now = clock.tick();
        let next = self.0.load(Ordering::Relaxed);
        let due = now.as_millis() >= next;
        let after = now.after(EVERY).as_millis();
        if due && self.0.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::error!(%account, %error, cure, "Kingdee refuses the gateway; nothing new can be read until somebody acts");
        }
    }
}

/// What to do about a refusal; `None` where waiting helps.
pub fn cure(error: &KingdeeError) -> Option<&'static str> {
    Some(match (error.failure, error.errcode) {
        (Failure::Configuration, Some(4008)) => {
            "check kingdee.client_secret; if only questions with dates are refused, switch kingdee.space_encoding"
        }
        (Failure::Configuration, Some(4001..=4005)) => "check kingdee.client_id and kingdee.client_secret",
        (Failure::Configuration, Some(4012)) => {
            "the application lacks the permission for this API or its licence has run out: see Kingdee's developer console"
        }
        (Failure::Configuration, _) => {
            "check the account set's authorisation (accounts.<name>.*) and the application in Kingdee's developer console"
        }
        (Failure::Clock, _) => "set this machine's clock: Kingdee takes timestamps within five minutes",
        (Failure::Token, _) => {
            "Kingdee refuses tokens that it has just made: check the account set's authorisation"
        }
        (Failure::Secret, _) => {
            "the app secret has rotated: leave accounts.<name>.app_secret out so that it is pulled, or set the new one"
        }
        (Failure::Router, _) => {
            "the account set may have moved: leave accounts.<name>.router_domain out so that it is pulled, or set the new one"
        }
        (
            Failure::Throttled
            | Failure::Upstream
            | Failure::Unreachable
            | Failure::TimedOut
            | Failure::Unreadable
            | Failure::CallerFault
            | Failure::LaneFull,
            _,
        ) => return None,
    })
}

/// What to do about any failure: its cure, or what to know while waiting.
pub fn advice(error: &KingdeeError) -> &'static str {
    cure(error).unwrap_or(match error.failure {
        Failure::Throttled => {
            "the gateway has slowed down by itself and tries again; tokens have a quota of their own, which a few starts or runs of doctor within a minute use up; if this lasts, something else uses the account set's: lower kingdee.lane.per_minute"
        }
        Failure::Unreachable => "check the way out (DNS, firewall, proxy) and kingdee.base_url",
        Failure::TimedOut => {
            "Kingdee is slow; if this lasts, look at the network, then at kingdee.attempt_timeout"
        }
        Failure::Unreadable => {
            "nothing was stored; if this lasts, something between here and Kingdee answers in its place: check kingdee.base_url"
        }
        Failure::CallerFault => {
            "Kingdee refuses the question; if only those with dates, see kingdee.space_encoding"
        }
        Failure::LaneFull => {
            "the quota of the account set is used up, or its breaker is open: see its lane; cache.fresh decides how often is asked"
        }
        // Those between have a cure.
        Failure::Upstream
        | Failure::Configuration
        | Failure::Clock
        | Failure::Token
        | Failure::Secret
        | Failure::Router => "Kingdee fails on its side; rows in memory are served meanwhile; if this lasts, tell Kingdee's support",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_must_fix_has_a_cure_and_what_passes_has_none() {
        for failure in
            [Failure::Configuration, Failure::Clock, Failure::Token, Failure::Secret, Failure::Router]
        {
            assert!(cure(&KingdeeError::new(failure)).is_some(), "{failure:?}");
        }
        for failure in [Failure::Throttled, Failure::Upstream, Failure::TimedOut, Failure::LaneFull] {
            assert_eq!(cure(&KingdeeError::new(failure)), None);
        }
        for failure in Failure::ALL {
            assert!(!advice(&KingdeeError::new(failure)).is_empty());
        }
        let signature = KingdeeError { errcode: Some(4008), ..KingdeeError::new(Failure::Configuration) };
        assert!(cure(&signature).is_some_and(|c| c.contains("space_encoding")));
    }
}
