//! Waiting for a caller to speak: one timer for each connection, looked at when it goes off.
//!
//! hyper can bound this, too, but makes and drops a timer for every request. Here a request costs a look at the clock
//! when its answer has been handed over; the timer goes off once in a while, sees when that was, and is set anew.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Response;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// A request is being answered.
const ANSWERING: u64 = u64::MAX;

/// Since when a connection waits for its caller.
#[derive(Clone)]
pub(super) struct Attendance(Arc<Since>);

struct Since {
    accepted: Instant,
    /// Microseconds after `accepted`, or [`ANSWERING`].
    silent: AtomicU64,
}

impl Attendance {
    /// From now on.
    pub(super) fn begin() -> Attendance {
        Attendance(Arc::new(Since { accepted: Instant::now(), silent: AtomicU64::new(0) }))
    }

    /// A request is here; the caller is waited for again once this is dropped.
    pub(super) fn answering(&self) -> Answering {
        self.0.silent.store(ANSWERING, Ordering::Relaxed);
        Answering(Arc::clone(&self.0))
    }

    /// When a caller that stays silent has been waited for long enough; `None` while we are the ones to speak.
    fn end(&self, patience: Duration) -> Option<Instant> {
        let silent = self.0.silent.load(Ordering::Relaxed);
        (silent != ANSWERING).then(|| self.0.accepted + Duration::from_micros(silent) + patience)
    }

    /// Runs a connection to its end, or until its caller has been silent for too long: `None`.
    pub(super) async fn run<C: Future>(
        &self,
        mut connection: Pin<&mut C>,
        patience: Duration,
    ) -> Option<C::Output> {
        let mut alarm = pin!(sleep_until(self.0.accepted + patience));
        let mut is_set = false;
        std::future::poll_fn(|cx| {
            if let Poll::Ready(end) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(end));
            }
            // Once set it wakes us, whatever else does meanwhile.
            while !is_set || alarm.is_elapsed() {
                is_set = alarm.as_mut().poll(cx).is_pending();
                if !is_set {
                    let now = Instant::now();
                    let end = self.end(patience).unwrap_or(now + patience);
                    if end <= now {
                        return Poll::Ready(None);
                    }
                    alarm.as_mut().reset(end);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// A request on its way from its head to the last byte of its answer.
pub(super) struct Answering(Arc<Since>);

impl Answering {
    /// The answer, whose body takes this along.
    pub(super) fn with<B>(self, response: Response<B>) -> Response<Attended<B>> {
        response.map(|body| Attended { body, _answering: self })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let silent = u64::try_from(self.0.accepted.elapsed().as_micros()).unwrap_or(ANSWERING);
        self.0.silent.store(silent.min(ANSWERING - 1), Ordering::Relaxed);
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

    const PATIENCE: Duration = Duration::from_secs(5);

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

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
        assert_eq!(lasts(async |_| {}).await, PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn time_begins_anew_with_every_answer() {
        let talk = async |caller: Attendance| {
            for _ in 0..4 {
                sleep(seconds(3)).await;
                drop(caller.answering());
            }
        };
        assert_eq!(lasts(talk).await, seconds(12) + PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_cut_off_while_we_are_the_ones_to_speak() {
        let talk = async |caller: Attendance| {
            sleep(seconds(1)).await;
            let answering = caller.answering();
            sleep(seconds(17)).await;
            let response = answering.with(Response::new(Full::new(Bytes::from("rows"))));
            sleep(seconds(30)).await; // a slow reader
            drop(response);
        };
        assert_eq!(lasts(talk).await, seconds(48) + PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_ends_by_itself_has_ended() {
        let caller = Attendance::begin();
        assert_eq!(caller.run(pin!(async { 7 }), PATIENCE).await, Some(7));
        sleep(2 * PATIENCE).await;
        assert_eq!(caller.run(pin!(sleep(seconds(1))), PATIENCE).await, None, "its time is over already");
    }
}
