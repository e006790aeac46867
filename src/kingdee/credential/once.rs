//! One task however many ask: those who come later watch the first one's, and after a failure everybody rests.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::Tick;
use crate::kingdee::failure::KingdeeError;
use crate::telemetry::trace;

/// Shows the outcome once it is there; closed without one if the task died.
pub type Landing = watch::Receiver<Option<Result<(), KingdeeError>>>;

/// A task that is under way at most once.
#[derive(Debug, Default)]
pub struct Once {
    under_way: Option<Landing>,
    /// Until when none is begun, and the error that callers get meanwhile.
    resting: Option<(Tick, KingdeeError)>,
}

impl Once {
    /// Joins the task that is under way, or begins one that nobody can cancel. It must end in [`Once::land`].
    ///
    /// # Errors
    /// The last failure, while its rest is not over, with the time that is left of it.
    pub fn board<F>(
        &mut self,
        now: Tick,
        run: impl FnOnce(Instant) -> F,
        timeout: Duration,
    ) -> Result<Landing, KingdeeError>
    where
        F: Future<Output = Result<(), KingdeeError>> + Send + 'static,
    {
        // A task that died without a word has dropped its end of the channel.
        if let Some(landing) = self.under_way.as_ref().filter(|landing| landing.has_changed().is_ok()) {
            return Ok(landing.clone());
        }
        if let Some((until, error)) = self.resting.as_ref().filter(|(until, _)| now < *until) {
            return Err(KingdeeError {
                retry_after: Some(until.since(now)),
                held_back: true,
                ..error.clone()
            });
        }
        let (landed, landing) = watch::channel(None);
        self.under_way = Some(landing.clone());
        let task = run(Instant::now() + timeout);
        // Part of the trace of whoever is the first to need it.
        tokio::spawn(trace::current().cover(async move {
            let outcome = task.await;
            landed.send_replace(Some(outcome));
        }));
        Ok(landing)
    }

    /// The task is over; after a failure, until when everybody rests.
    pub fn land(&mut self, resting: Option<(Tick, KingdeeError)>) {
        self.under_way = None;
        self.resting = resting;
    }
}
