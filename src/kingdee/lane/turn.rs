//! A turn in the lane: the right to make one call, and the duty to tell how it went.

use std::time::Duration;

use tokio::time::Instant;

use super::breaker::Pass;
use super::{Lane, Verdict};

/// A call's right to be made; the place is free again when this is dropped.
#[must_use]
pub struct Turn<'l> {
    lane: &'l Lane,
    pass: Pass,
    /// When it got its place, and when the call began.
    taken: Instant,
    begun: Instant,
    verdict: Verdict,
}

impl<'l> Turn<'l> {
    pub(super) fn new(lane: &'l Lane, pass: Pass, now: Instant) -> Turn<'l> {
        Turn { lane, pass, taken: now, begun: now, verdict: Verdict::Unknown }
    }

    /// The call begins only now, since its turn was not all that it waited for.
    pub(super) fn begun_now(mut self) -> Turn<'l> {
        self.begun = Instant::now();
        self
    }

    /// This is the first attempt of a call: it earns a share of a retry.
    pub fn earn(&self) {
        self.lane.lock().budget.deposit();
    }

    /// The attempt failed, and only a closer look will tell whether that speaks against Kingdee. The place is free at
    /// once; a probe stays the only one until then.
    pub fn suspend(mut self) -> Suspect<'l> {
        Suspect { lane: self.lane, pass: std::mem::replace(&mut self.pass, Pass::Free) }
    }

    /// Tells how the attempt went, and how long Kingdee asks everybody to wait.
    pub fn end(mut self, verdict: Verdict, retry_after: Option<Duration>) {
        self.verdict = verdict;
        if let Some(wait) = retry_after {
            let mut state = self.lane.lock();
            if let Some(rate) = &mut state.rate {
                rate.pause(Instant::now() + wait);
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let (mut state, tick) = (self.lane.lock(), self.lane.clock.tick());
        state.under_way -= 1;
        match self.verdict {
            Verdict::Answers | Verdict::Refuses => state.breaker.end(self.pass, true, tick),
            Verdict::Fails => state.breaker.end(self.pass, false, tick),
            Verdict::Unknown => state.breaker.forget(self.pass),
        }
        if self.verdict == Verdict::Answers {
            state.crowd.answered(self.begun.elapsed(), self.taken.elapsed());
        }
        if let (Verdict::Refuses, Some(rate)) = (self.verdict, &mut state.rate) {
            rate.slow_down(self.begun, Instant::now());
        }
        state.queue.ring();
    }
}

/// A failed attempt that is being looked into; dropped, it says nothing about Kingdee.
#[must_use]
pub struct Suspect<'l> {
    lane: &'l Lane,
    pass: Pass,
}

impl Suspect<'_> {
    /// It does speak against Kingdee.
    pub fn fails(mut self) {
        let mut state = self.lane.lock();
        state.breaker.end(std::mem::replace(&mut self.pass, Pass::Free), false, self.lane.clock.tick());
        state.queue.ring();
    }
}

impl Drop for Suspect<'_> {
    fn drop(&mut self) {
        self.lane.lock().breaker.forget(self.pass);
    }
}

impl std::fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Turn({:?})", self.pass)
    }
}
