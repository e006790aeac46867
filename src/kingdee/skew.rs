//! How far this machine's clock is from Kingdee's: measured only when Kingdee refuses a timestamp (4006), used until a
//! later refusal says otherwise (`protocol.md` §4).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;

use crate::clock::Tick;

/// A `Date` has whole seconds and an answer takes its time; less than this is no news.
const NOISE: SignedDuration = SignedDuration::from_secs(3);
/// How long nothing is corrected after a correction that Kingdee refused too.
const DISTRUST: Duration = Duration::from_secs(60);

/// The skew, as far as it is known. Kingdee's clock minus ours.
#[derive(Debug, Default)]
pub struct Skew(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    applied: SignedDuration,
    /// What was applied before a correction that no answer has confirmed yet.
    before: Option<SignedDuration>,
    distrusted_until: Option<Tick>,
}

impl Skew {
    /// What is added to this machine's clock before a request is signed; zero while Kingdee takes our timestamps.
    pub fn applied(&self) -> SignedDuration {
        self.lock().applied
    }

    /// The skew was measured before anything was signed; it is applied until Kingdee refuses it.
    pub fn suppose(&self, measured: SignedDuration) {
        self.lock().applied = measured;
    }

    /// Kingdee took an attempt that was signed with `used`.
    pub fn accepted(&self, used: SignedDuration) {
        let mut state = self.lock();
        if state.applied == used {
            state.before = None;
        }
    }

    /// Kingdee refused the timestamp of an attempt that was signed with `used`; its `Date` said that the skew is
    /// `measured`. Tells whether another attempt would be signed differently.
    ///
    /// A correction that is refused as well is taken back, and nothing is corrected for a minute: a `Date` that lies
    /// must not double every call.
    pub fn refused(&self, used: SignedDuration, measured: Option<SignedDuration>, now: Tick) -> bool {
        let mut state = self.lock();
        if differs(state.applied, used) {
            return true; // another call has learned it meanwhile
        }
        if let Some(before) = state.before.take() {
            state.applied = before;
            state.distrusted_until = Some(now.after(DISTRUST));
            return false;
        }
        let distrusted = state.distrusted_until.is_some_and(|until| now < until);
        let Some(measured) = measured.filter(|measured| !distrusted && differs(*measured, used)) else {
            return false;
        };
        state.before = Some(state.applied);
        state.applied = measured;
        drop(state);
        tracing::warn!(
            skew_seconds = measured.as_secs(),
            "this machine's clock is wrong: Kingdee refuses its time; requests are signed with Kingdee's from now on"
        );
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn differs(a: SignedDuration, b: SignedDuration) -> bool {
    a.checked_sub(b).is_none_or(|difference| difference.abs() >= NOISE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: SignedDuration = SignedDuration::ZERO;
    const TEN_MINUTES: SignedDuration = SignedDuration::from_secs(600);

    fn at(seconds: u64) -> Tick {
        Tick::default().after(Duration::from_secs(seconds))
    }

    #[test]
    fn a_refusal_corrects_once_for_all_who_were_refused() {
        let skew = Skew::default();
        assert!(skew.refused(ZERO, Some(TEN_MINUTES), at(0)));
        assert_eq!(skew.applied(), TEN_MINUTES);
        assert!(skew.refused(ZERO, Some(TEN_MINUTES), at(0)), "sent before the correction");
        skew.accepted(TEN_MINUTES);
        // The machine's clock was set right meanwhile.
        assert!(skew.refused(TEN_MINUTES, Some(ZERO), at(1)));
        assert_eq!(skew.applied(), ZERO);
    }

    #[test]
    fn a_correction_that_is_refused_is_taken_back_and_not_tried_again_at_once() {
        let skew = Skew::default();
        assert!(skew.refused(ZERO, Some(TEN_MINUTES), at(0)));
        assert!(!skew.refused(TEN_MINUTES, Some(TEN_MINUTES * 2), at(0)));
        assert_eq!(skew.applied(), ZERO);
        assert!(!skew.refused(ZERO, Some(TEN_MINUTES), at(59)));
        assert!(skew.refused(ZERO, Some(TEN_MINUTES), at(60)));
    }

    #[test]
    fn a_refusal_that_time_does_not_explain_corrects_nothing() {
        let skew = Skew::default();
        assert!(!skew.refused(ZERO, Some(SignedDuration::from_secs(2)), at(0)));
        assert!(!skew.refused(ZERO, None, at(0)));
        assert!(skew.refused(ZERO, Some(SignedDuration::from_secs(-301)), at(0)));
    }
}
