//! The way to the shared tier: one multiplexed connection, kept up by a task of its own.
//!
//! Callers ask it or are told [`Away`], within the time-out for all questions of their errand together ([`Patience`]), and
//! only the first one waits that long: whoever finds the tier silent shuts the way for all, and the keeper looks after it
//! at once and opens it again. So a Redis that hangs costs one short wait, not one a request. (A breaker whose probe is
//! never a user's request.)

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{IntoConnectionInfo as _, ProtocolVersion, RedisResult};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::counts::SharedCounts;
use super::{Patience, SharedError};

mod keeper;

use keeper::Keeper;

/// The tier can't be had now. Never a reason to fail: it was counted and logged where it was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

/// The way there. Clones share everything.
#[derive(Clone)]
pub struct Link(Arc<Kept>);

struct Kept {
    timeout: Duration,
    /// There while the way is open.
    open: ArcSwapOption<MultiplexedConnection>,
    trouble: Notify,
    /// Whether a refusal was told since the way was opened.
    told: AtomicBool,
    /// Whether that was that nothing can be written: the name may lead to another server by now.
    read_only: AtomicBool,
    /// Counts the times that it may be worth looking for purges: the bell rang, or the way was opened.
    rung: watch::Sender<u64>,
    counts: Arc<SharedCounts>,
}

impl Link {
    /// Starts the keeper, on this runtime, until `stop`. `bell` is the channel that purges are announced on.
    ///
    /// # Errors
    /// [`SharedError::Url`].
    pub fn start(
        url: &SecretString,
        timeout: Duration,
        bell: String,
        counts: Arc<SharedCounts>,
        stop: CancellationToken,
    ) -> Result<Link, SharedError> {
        let client = client(url)?;
        let (open, trouble, rung) = (ArcSwapOption::empty(), Notify::new(), watch::Sender::new(0));
        let (told, read_only) = (AtomicBool::new(false), AtomicBool::new(false));
        let link = Link(Arc::new(Kept { timeout, open, trouble, told, read_only, rung, counts }));
        let keeper = Keeper { link: link.clone(), client, bell };
        tokio::spawn(async move {
            let _stopped = stop.run_until_cancelled(keeper.keep()).await;
        });
        Ok(link)
    }

    /// The time that one errand has for all its questions.
    pub fn patience(&self) -> Patience {
        Patience::of(self.0.timeout)
    }

    /// Asks the tier something that nobody waits for, or that is an errand of its own.
    ///
    /// # Errors
    /// As [`Link::ask_within`].
    pub async fn ask<T, F>(&self, question: impl FnOnce(MultiplexedConnection) -> F) -> Result<T, Away>
    where
        F: Future<Output = RedisResult<T>>,
    {
        self.ask_within(&self.patience(), question).await
    }

    /// Asks the tier as a part of an errand.
    ///
    /// # Errors
    /// [`Away`], at once while the way is shut, within the errand's time if the tier is silent or refuses. What was asked
    /// may be done all the same.
    pub async fn ask_within<T, F>(
        &self,
        patience: &Patience,
        question: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, Away>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (kept, left) = (&self.0, patience.left());
        let Some(connection) = kept.open.load_full().filter(|_| !left.is_zero()) else { return Err(Away) };
        match patience.wait(question(connection.as_ref().clone())).await {
            Some(Ok(answer)) => return Ok(answer),
            // It answers, though not what we want: out of memory, read-only, a key of another type.
            Some(Err(error)) if !is_broken(&error) => kept.tell_refusal(&error),
            // Other questions took the time: whether the tier is silent the keeper finds out.
            None if left < kept.timeout => kept.trouble.notify_one(),
            Some(Err(_)) | None => {
                kept.open.compare_and_swap(&connection, None);
                kept.trouble.notify_one();
            }
        }
        kept.counts.errors.inc();
        Err(Away)
    }

    /// Whether a question of an errand would be asked at all.
    pub fn may_be_asked(&self, patience: &Patience) -> bool {
        self.is_open() && !patience.left().is_zero()
    }

    /// Whether the way is open.
    pub fn is_open(&self) -> bool {
        self.0.open.load().is_some()
    }

    /// Changes whenever it may be worth looking for purges.
    pub fn rung(&self) -> watch::Receiver<u64> {
        self.0.rung.subscribe()
    }
}

impl Kept {
    /// Once a connection: that may be every command.
    fn tell_refusal(&self, error: &redis::RedisError) {
        if !self.told.swap(true, Ordering::Relaxed) {
            // Its text may quote what was asked; the code says enough.
            let code = error.code().unwrap_or("unknown");
            self.read_only.store(code == "READONLY", Ordering::Relaxed);
            tracing::warn!(
                code,
                "the shared tier refuses a command; check its rights, memory and persistence"
            );
        }
    }
}

/// Errors after which nothing can be expected of a connection.
fn is_broken(error: &redis::RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
}

pub(super) fn client(url: &SecretString) -> Result<redis::Client, SharedError> {
    let refused = |_| SharedError::Url("it must be redis://user:password@host:port/db, or rediss:// for TLS");
    let info = url.expose_secret().into_connection_info().map_err(refused)?;
    // The newer protocol carries announcements on the same connection.
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    // Many questions share it: none must be held back until the answer to the one before has been acknowledged.
    let tcp = TcpSettings::default().set_nodelay(true);
    redis::Client::open(info.set_redis_settings(redis).set_tcp_settings(tcp)).map_err(refused)
}

/// A code such as `WRONGPASS`, or the kind of a failure to connect; never its text, which may quote user names.
pub(super) fn what(error: &redis::RedisError) -> String {
    error.code().map_or_else(|| format!("{:?}", error.kind()), str::to_owned)
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_open() { "Link(open)" } else { "Link(shut)" })
    }
}
