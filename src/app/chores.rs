//! What has to be done now and then, until the end.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::http::status::{SAMPLE_EVERY, Status};
use crate::telemetry::AccessLog;

/// How often lines of the access log that wait are written.
const ACCESS_FLUSH: Duration = Duration::from_millis(100);

/// Writes lines of the access log that wait.
pub(super) fn flush_now_and_then(access: AccessLog, stop: CancellationToken) {
    tokio::spawn(async move {
        let mut every = tokio::time::interval(ACCESS_FLUSH);
        while stop.run_until_cancelled(every.tick()).await.is_some() {
            access.flush();
        }
    });
}

/// Takes samples for the status page.
pub(super) fn sample_now_and_then(status: Status, stop: CancellationToken) {
    tokio::spawn(async move {
        let mut every = tokio::time::interval_at(Instant::now() + SAMPLE_EVERY, SAMPLE_EVERY);
        // After a pause of the machine one sample covers all of it.
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(every.tick()).await.is_some() {
            status.sample();
        }
    });
}
