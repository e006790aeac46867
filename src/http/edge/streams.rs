//! HTTP/2 streams of one connection: each has a longest life, and a connection without any is idle.
//!
//! hyper bounds neither: a peer that never opens its window holds every answer it asked for, and one that answers PINGs
//! holds its connection for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::rt::Executor;

/// Runs the streams of one connection, each for a while at most; then it is reset.
#[derive(Clone)]
pub(super) struct Streams {
    life: Duration,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Streams {
    pub(super) fn living(life: Duration) -> Streams {
        Streams { life, counts: Arc::default() }
    }

    /// Waits until no stream has been open for a whole `time`, twice that at most after the last one.
    pub(super) async fn idle(&self, time: Duration) {
        let mut before = None;
        loop {
            let ended = self.counts.ended.load(Ordering::Relaxed);
            let begun = self.counts.begun.load(Ordering::Relaxed);
            if begun == ended && before == Some(begun) {
                return;
            }
            before = (begun == ended).then_some(begun);
            tokio::time::sleep(time).await;
        }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let counts = Arc::clone(&self.counts);
        counts.begun.fetch_add(1, Ordering::Relaxed);
        let life = self.life;
        tokio::spawn(async move {
            let _ended = Ended(counts);
            let _reset_when_dropped = tokio::time::timeout(life, stream).await;
        });
    }
}

/// Counts also a stream that panics or is cut.
struct Ended(Arc<Counts>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_at_the_end_of_its_life() {
        let streams = Streams::living(Duration::from_secs(30));
        let (held, gone) = oneshot::channel::<()>();
        let begun = Instant::now();
        streams.execute(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        assert!(gone.await.is_err());
        assert_eq!(begun.elapsed(), Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_when_nothing_was_open_for_the_whole_time() {
        let streams = Streams::living(Duration::from_secs(300));
        let begun = Instant::now();
        streams.execute(tokio::time::sleep(Duration::from_secs(60)));
        streams.idle(Duration::from_secs(15)).await;
        let idle = begun.elapsed() - Duration::from_secs(60);
        assert!((Duration::from_secs(15)..=Duration::from_secs(30)).contains(&idle), "{idle:?}");
    }
}
