//! Notices that a file of the configuration has changed, and has it read again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::reload::{Cause, Reloader};
use crate::config::Trace;

/// How often files are looked at. A change is taken over when two looks in a row have seen the same, so that nobody's
/// half-written file is.
pub const EVERY: Duration = Duration::from_secs(1);

/// Looks until told to stop. What was read once, and refused perhaps, is not read again before it changes.
pub async fn watch(reloader: Reloader, every: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut changing: Option<Trace> = None;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let Some((then, now)) = reloader.look().await else { continue };
        if now == then {
            changing = None;
        } else if changing.as_ref() == Some(&now) {
            changing = None;
            let _told_by_the_log = reloader.reload(Cause::Files).await;
        } else {
            changing = Some(now);
        }
    }
}
