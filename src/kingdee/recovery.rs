//! The second table: what is tried after a failure, each at most once or twice a call (`protocol.md` §4). The first,
//! [`classify`](super::classify), says which failure it is.

use std::time::Duration;

use super::failure::{Failure, KingdeeError};
use super::lane::Verdict;

/// What may help after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Sign once more with Kingdee's time.
    SignAgain,
    /// Fetch a new token, compare-and-swap on the one that was used, and try once more.
    RenewToken,
    /// Pull the authorisation; if it has changed, try once more with what it says.
    PullAuthorization,
    /// Wait a little and try again, if the retry budget and the deadline allow.
    BackOff,
    /// Nothing: the next attempt would end like this one.
    GiveUp,
}

/// What may help after a failure.
pub fn remedy(failure: Failure) -> Remedy {
    match failure {
        Failure::Clock => Remedy::SignAgain,
        Failure::Token => Remedy::RenewToken,
        Failure::Router | Failure::Secret => Remedy::PullAuthorization,
        Failure::Throttled | Failure::Upstream | Failure::Unreachable | Failure::TimedOut => Remedy::BackOff,
        Failure::Configuration | Failure::Unreadable | Failure::CallerFault | Failure::LaneFull => {
            Remedy::GiveUp
        }
    }
}

/// What a failed attempt tells the lane. A router failure tells nothing yet: an account set that has moved is no
/// outage, and the next attempt goes elsewhere.
pub fn verdict(error: &KingdeeError) -> Verdict {
    match error.failure {
        Failure::Throttled => Verdict::Refuses,
        Failure::Upstream | Failure::Unreachable | Failure::TimedOut => Verdict::Fails,
        Failure::Router | Failure::LaneFull => Verdict::Unknown,
        Failure::Configuration
        | Failure::Clock
        | Failure::Token
        | Failure::Secret
        | Failure::Unreadable
        | Failure::CallerFault => Verdict::Answers,
    }
}

/// How long everybody must wait, if the failure is one that waiting helps and Kingdee said so.
pub fn pause(error: &KingdeeError) -> Option<Duration> {
    error.retry_after.filter(|_| matches!(error.failure, Failure::Throttled | Failure::Upstream))
}

/// Retries of a call that fails in passing.
pub const MOST_BACK_OFFS: u32 = 2;
const FIRST_BACK_OFF: Duration = Duration::from_millis(200);

/// The wait before retry number `retry`, from 0: anything up to 200 ms, then up to 400 ms (full jitter), so that
/// calls that failed together don't come back together. `chance` is in 0..1.
pub fn back_off(retry: u32, chance: f64) -> Duration {
    let ceiling = FIRST_BACK_OFF * 2u32.saturating_pow(retry.min(MOST_BACK_OFFS));
    ceiling.mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Remedy::{BackOff, GiveUp, PullAuthorization, RenewToken, SignAgain};
    use Verdict::{Answers, Fails, Refuses, Unknown};

    #[test]
    fn every_failure_has_its_remedy_and_its_verdict() {
        let table = [
            (Failure::Configuration, GiveUp, Answers),
            (Failure::Clock, SignAgain, Answers),
            (Failure::Token, RenewToken, Answers),
            (Failure::Secret, PullAuthorization, Answers),
            (Failure::Router, PullAuthorization, Unknown),
            (Failure::Throttled, BackOff, Refuses),
            (Failure::Upstream, BackOff, Fails),
            (Failure::Unreachable, BackOff, Fails),
            (Failure::TimedOut, BackOff, Fails),
            (Failure::Unreadable, GiveUp, Answers),
            (Failure::CallerFault, GiveUp, Answers),
            (Failure::LaneFull, GiveUp, Unknown),
        ];
        assert_eq!(table.map(|(failure, ..)| failure), Failure::ALL);
        for (place, (failure, expected, told)) in table.into_iter().enumerate() {
            assert_eq!(failure as usize, place, "{failure:?}");
            assert_eq!(remedy(failure), expected, "{failure:?}");
            assert_eq!(verdict(&KingdeeError::new(failure)), told, "{failure:?}");
        }
    }

    #[test]
    fn a_wait_that_kingdee_asks_for_counts_where_waiting_helps() {
        let asked = |failure| KingdeeError {
            retry_after: Some(Duration::from_secs(7)),
            ..KingdeeError::new(failure)
        };
        assert_eq!(pause(&asked(Failure::Throttled)), Some(Duration::from_secs(7)));
        assert_eq!(pause(&asked(Failure::Upstream)), Some(Duration::from_secs(7)));
        assert_eq!(pause(&asked(Failure::Token)), None);
    }

    #[test]
    fn waits_grow_and_spread_over_their_whole_range() {
        assert_eq!(back_off(0, 0.0), Duration::ZERO);
        assert_eq!(back_off(0, 0.5), Duration::from_millis(100));
        assert_eq!(back_off(1, 1.0), Duration::from_millis(400));
        assert!(back_off(u32::MAX, 7.0) <= Duration::from_secs(1));
    }
}
