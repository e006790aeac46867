//! Waiting for a caller, to speak or to take an answer: one timer for each connection, looked at when it goes off.
//!
//! hyper can bound the first, too, but makes and drops a timer for every request. Here a request costs a look at the clock
//! when its answer has been handed over; the timer goes off once in a while, sees when that was, and is set anew.
//! What hyper does with the socket passes by here ([`Watched`]): only that tells when an answer is on its way as a whole,
//! and whether it is stuck.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Response;
use http_body::{Body, Frame, SizeHint};
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, sleep_until};

mod watched;

pub(super) use watched::Watched;

/// How long we wait for a caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// To speak: his first bytes, and from the end of an answer to the end of the next head.
    pub to_speak: Duration,
    /// To take anything at all of an answer that can't go on.
    pub to_take: Duration,
}

/// A request is being answered.
const ANSWERING: u64 = u64::MAX;
/// An answer is in hyper's buffer, and not all of it is the kernel's yet.
const SENDING: u64 = u64::MAX - 1;
/// Nothing waits to be taken.
const TAKEN: u64 = u64::MAX;

/// Whose turn it is on a connection, and since when.
#[derive(Clone)]
pub(super) struct Attendance(Arc<Turns>);

/// Times are microseconds after `accepted`.
struct Turns {
    accepted: Instant,
    /// Since when the caller is to speak; or [`ANSWERING`], [`SENDING`].
    silent: AtomicU64,
    /// Since when he is to take; or [`TAKEN`].
    stuck: AtomicU64,
}

impl Turns {
    fn now(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_micros()).unwrap_or(SENDING).min(SENDING - 1)
    }
}

impl Attendance {
    /// The caller is to speak, from now on.
    pub(super) fn begin() -> Attendance {
        let (silent, stuck) = (AtomicU64::new(0), AtomicU64::new(TAKEN));
        Attendance(Arc::new(Turns { accepted: Instant::now(), silent, stuck }))
    }

    /// A request is here; the caller is waited for again when this is dropped and what was written has been flushed.
    pub(super) fn answering(&self) -> Answering {
        self.0.silent.store(ANSWERING, Ordering::Relaxed);
        Answering(Arc::clone(&self.0))
    }

    /// Everything written so far is the kernel's.
    #[inline]
    fn flushed(&self) {
        if self.0.silent.load(Ordering::Relaxed) == SENDING {
            self.0.silent.store(self.0.now(), Ordering::Relaxed);
        }
    }

    /// The kernel took something, or has no room.
    #[inline]
    fn took(&self, something: bool) {
        let stuck = self.0.stuck.load(Ordering::Relaxed);
        match (something, stuck) {
            (true, TAKEN) => {}
            (true, _) => self.0.stuck.store(TAKEN, Ordering::Relaxed),
            (false, TAKEN) => self.0.stuck.store(self.0.now(), Ordering::Relaxed),
            (false, _) => {}
        }
    }

    /// Whether nothing has been taken of what waits for so long.
    fn is_stuck_for(&self, to_take: Duration) -> bool {
        let stuck = self.0.stuck.load(Ordering::Relaxed);
        stuck != TAKEN && self.0.accepted.elapsed() >= Duration::from_micros(stuck) + to_take
    }

    /// When the caller has been waited for long enough; a time to look again while it is our turn.
    fn end(&self, patience: Patience, now: Instant) -> Instant {
        let at = |micros, patience: Duration| self.0.accepted + Duration::from_micros(micros) + patience;
        let stuck = self.0.stuck.load(Ordering::Relaxed);
        if stuck != TAKEN {
            return at(stuck, patience.to_take);
        }
        // A shut-down answer is never flushed, perhaps; nothing of it is stuck either.
        self.flushed();
        match self.0.silent.load(Ordering::Relaxed) {
            ANSWERING | SENDING => now + patience.to_speak.min(patience.to_take),
            silent => at(silent, patience.to_speak),
        }
    }

    /// Runs a connection to its end, or until its caller has been waited for too long: `None`.
    pub(super) async fn run<C: Future>(
        &self,
        mut connection: Pin<&mut C>,
        patience: Patience,
    ) -> Option<C::Output> {
        let look = patience.to_speak.min(patience.to_take);
        let mut alarm = pin!(sleep_until(self.0.accepted + look));
        let mut is_set = false;
        std::future::poll_fn(|cx| {
            if let Poll::Ready(end) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(end));
            }
            // Once set it wakes us, whatever else does meanwhile.
            if is_set && !alarm.is_elapsed() {
                return Poll::Pending;
            }
            is_set = true;
            // Unconstrained: a connection may have used up what its task may do at once, and a timer that refuses to be asked
            // is not set.
            while pin!(unconstrained(alarm.as_mut())).poll(cx).is_ready() {
                let now = Instant::now();
                let end = self.end(patience, now);
                if end <= now {
                    return Poll::Ready(None);
                }
                alarm.as_mut().reset(end.min(now + look));
            }
            Poll::Pending
        })
        .await
    }
}

/// A request on its way from its head to the last byte of its answer.
pub(super) struct Answering(Arc<Turns>);

impl Answering {
    /// The answer, whose body takes this along.
    pub(super) fn with<B>(self, response: Response<B>) -> Response<Attended<B>> {
        response.map(|body| Attended { body, _answering: self })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.silent.store(SENDING, Ordering::Relaxed); // hyper has its last byte, which is not sent by that
    }
}

/// A body that is part of an answer as long as it is there.
pub(super) struct Attended<B> {
    body: B,
    _answering: Answering,
}

impl<B: Body + Unpin> Body for Attended<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Patience =
        Patience { to_speak: Duration::from_secs(5), to_take: Duration::from_secs(10) };

    /// How long a connection lasts that does this with its caller and then waits for more.
    async fn lasts<F: Future>(what: impl FnOnce(Attendance) -> F) -> Duration {
        let (begun, caller) = (Instant::now(), Attendance::begin());
        let talk = what(caller.clone());
        let connection = pin!(async {
            talk.await;
            std::future::pending::<()>().await
        });
        assert!(caller.run(connection, PATIENCE).await.is_none());
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_waited_for_just_so_long() {
        assert_eq!(lasts(async |_| {}).await, PATIENCE.to_speak);
    }

    #[tokio::test(start_paused = true)]
    async fn time_begins_anew_with_every_answer() {
        let talk = async |caller: Attendance| {
            for _ in 0..4 {
                sleep(3 * SECOND).await;
                drop(caller.answering());
                caller.flushed();
            }
        };
        assert_eq!(lasts(talk).await, 12 * SECOND + PATIENCE.to_speak);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_cut_off_while_we_are_the_ones_to_speak() {
        let talk = async |caller: Attendance| {
            sleep(SECOND).await;
            let answering = caller.answering();
            sleep(17 * SECOND).await;
            let response = answering.with(Response::new(Full::new(Bytes::from("rows"))));
            sleep(30 * SECOND).await;
            drop(response);
            caller.flushed();
        };
        assert_eq!(lasts(talk).await, 48 * SECOND + PATIENCE.to_speak);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_has_his_time_as_long_as_he_takes_something() {
        let talk = async |caller: Attendance| {
            drop(caller.answering()); // all of it is in a buffer
            for _ in 0..6 {
                caller.took(false);
                sleep(9 * SECOND).await;
                caller.took(true);
            }
            caller.flushed();
        };
        assert_eq!(lasts(talk).await, 54 * SECOND + PATIENCE.to_speak);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_waited_for_just_so_long() {
        let talk = async |caller: Attendance| {
            let _answering = caller.answering();
            sleep(3 * SECOND).await;
            for _ in 0..20 {
                caller.took(false); // asked again and again, since he sends more
                sleep(SECOND).await;
            }
        };
        assert_eq!(lasts(talk).await, 3 * SECOND + PATIENCE.to_take);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_never_flushed_does_not_keep_a_connection_for_ever() {
        let talk = async |caller: Attendance| drop(caller.answering());
        assert_eq!(lasts(talk).await, 2 * PATIENCE.to_speak);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_connection_neither_stops_the_watch_nor_is_stopped_by_it() {
        // In every poll it does as much as a task may do at once.
        let busy = async |turns: u32| {
            for _ in 0..turns {
                std::future::poll_fn(|cx| {
                    while pin!(tokio::task::coop::consume_budget()).poll(cx).is_ready() {}
                    Poll::Ready(())
                })
                .await;
                sleep(SECOND).await;
            }
        };
        let from_the_start = async |_| busy(1).await;
        assert_eq!(lasts(from_the_start).await, PATIENCE.to_speak);
        let when_time_is_up = async |caller: Attendance| {
            let answering = caller.answering();
            busy(20).await;
            drop(answering);
            caller.flushed();
        };
        assert_eq!(lasts(when_time_is_up).await, 20 * SECOND + PATIENCE.to_speak);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_ends_by_itself_has_ended() {
        let caller = Attendance::begin();
        assert_eq!(caller.run(pin!(async { 7 }), PATIENCE).await, Some(7));
        sleep(2 * PATIENCE.to_speak).await;
        assert_eq!(caller.run(pin!(sleep(SECOND)), PATIENCE).await, None, "its time is over already");
    }
}
