//! The word to end, for every connection of a listener.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tokio_util::sync::CancellationToken;

/// The word; clones hear it together. Waiting for it while a connection is served costs a look at a flag: a token that
/// is asked takes a lock, and a connection is woken for every request.
#[derive(Clone, Default)]
pub(super) struct HangUp {
    said: Arc<AtomicBool>,
    token: CancellationToken,
}

impl HangUp {
    /// Says it.
    pub(super) fn say(&self) {
        self.said.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Runs something to its end, or until the word is said: `None`.
    pub(super) async fn unless_said<W: Future>(&self, work: W) -> Option<W::Output> {
        let mut work = pin!(work);
        let token = self.token.child_token(); // its own: one lock for all would be taken on every core
        let mut said = pin!(token.cancelled());
        let mut listening = false;
        std::future::poll_fn(|cx| {
            // Asked once it wakes us, whatever else does meanwhile.
            if !listening || self.said.load(Ordering::Acquire) {
                listening = true;
                if said.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
            }
            work.as_mut().poll(cx).map(Some)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_works_hears_it_and_so_does_who_comes_later() {
        let hang_up = HangUp::default();
        assert_eq!(hang_up.unless_said(async { 7 }).await, Some(7));
        let (begun, heard) = (Instant::now(), hang_up.clone());
        let busy = tokio::spawn(async move {
            // Woken often, as a connection is.
            let work = async {
                loop {
                    sleep(Duration::from_millis(3)).await;
                }
            };
            heard.unless_said(work).await.is_none() as u32
        });
        sleep(Duration::from_millis(10)).await;
        hang_up.say();
        assert_eq!((busy.await.unwrap(), begun.elapsed()), (1, Duration::from_millis(10)));
        assert_eq!(hang_up.unless_said(std::future::pending::<()>()).await, None);
    }
}
