//! For whom the running task works, and where in a trace: what it does becomes part of that.
//!
//! A task that is started for somebody has to be given the place: [`Context::cover`].

use super::span::Context;

tokio::task_local! {
    static CURRENT: Context;
}

/// Where the running task is; nowhere and for nobody if nobody said.
pub fn current() -> Context {
    CURRENT.try_with(Context::clone).unwrap_or_default()
}

impl Context {
    /// Does `work` here.
    pub async fn cover<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// Does here what doesn't wait.
    pub fn cover_now<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }
}
