//! The way to the shared tier: one multiplexed connection, kept up by a task of its own.
//!
//! Callers ask it or are told [`Away`], within the time-out, and only the first one waits that long: whoever finds the
//! tier silent shuts the way for all, and the keeper looks after it at once and opens it again. So a Redis that hangs
//! costs one short wait, not one a request. (A breaker whose probe is never a user's request.)

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::{MultiplexedConnection, SendError};
use redis::{
    AsyncConnectionConfig, IntoConnectionInfo as _, ProtocolVersion, PushInfo, PushKind, RedisResult,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::SharedError;
use super::counts::SharedCounts;

/// The keeper looks after a way that is open this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// And after one that is shut.
const LOOK_WHILE_SHUT: Duration = Duration::from_millis(50);
/// A connection to a server that takes nothing any more is renewed after this.
const RENEW_AFTER: Duration = Duration::from_secs(5);
/// Slow answers in a row after which that is told.
const TOO_SLOW: u32 = 20;
/// How long the keeper waits for a sign of life: longer than callers do, so that a hiccup ends no connection.
const SIGN_OF_LIFE: Duration = Duration::from_millis(250);
/// Name resolution, TCP, TLS and greeting.
const CONNECT: Duration = Duration::from_secs(1);
/// Pause between attempts to connect.
const PAUSE: Duration = Duration::from_millis(250);

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

    /// Asks the tier.
    ///
    /// # Errors
    /// [`Away`], at once while the way is shut, within the time-out if the tier is silent or refuses.
    pub async fn ask<T, F>(&self, question: impl FnOnce(MultiplexedConnection) -> F) -> Result<T, Away>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let kept = &self.0;
        let Some(connection) = kept.open.load_full() else { return Err(Away) };
        match timeout(kept.timeout, question(connection.as_ref().clone())).await {
            Ok(Ok(answer)) => return Ok(answer),
            // It answers, though not what we want: out of memory, read-only, a key of another type.
            Ok(Err(error)) if !is_broken(&error) => kept.tell_refusal(&error),
            Ok(Err(_)) | Err(_) => {
                kept.open.compare_and_swap(&connection, None);
                kept.trouble.notify_one();
            }
        }
        kept.counts.errors.inc();
        Err(Away)
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

fn client(url: &SecretString) -> Result<redis::Client, SharedError> {
    let refused = |_| SharedError::Url("it must be redis://user:password@host:port/db, or rediss:// for TLS");
    let info = url.expose_secret().into_connection_info().map_err(refused)?;
    // The newer protocol carries announcements on the same connection.
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    redis::Client::open(info.set_redis_settings(redis)).map_err(refused)
}

/// Opens the way, looks after it, shuts it.
struct Keeper {
    link: Link,
    client: redis::Client,
    bell: String,
}

impl Keeper {
    async fn keep(self) {
        let mut told = false;
        loop {
            match timeout(CONNECT, self.connect()).await {
                Ok(Ok(connection)) => {
                    tracing::info!("the shared tier is there");
                    told = false;
                    self.look_after(connection).await;
                    tracing::warn!(
                        "the shared tier is gone; this replica works on memory and its share of the quota"
                    );
                }
                outcome if !told => {
                    // Its text may quote user names: the kind says enough.
                    let why = outcome.map_or("no answer in time".to_owned(), |failed| {
                        failed.map_or_else(|error| what(&error), |_| String::new())
                    });
                    tracing::warn!(
                        why,
                        "the shared tier can't be reached; check shared.url and that Redis runs there"
                    );
                    told = true;
                }
                _ => {}
            }
            sleep(PAUSE).await;
        }
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let rung = self.link.0.rung.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(CONNECT))
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Message {
                    rung.send_modify(|times| *times += 1);
                }
                Ok::<(), SendError>(())
            });
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        connection.subscribe(&self.bell).await?;
        Ok(connection)
    }

    /// Holds the way open until there is no sign of life. One that was shut is opened again when the tier answers as fast
    /// as callers need it.
    async fn look_after(&self, connection: MultiplexedConnection) {
        let kept = &self.link.0;
        kept.told.store(false, Ordering::Relaxed);
        kept.open.store(Some(Arc::new(connection.clone())));
        kept.rung.send_modify(|times| *times += 1);
        let (mut slow, opened) = (0, Instant::now());
        loop {
            if opened.elapsed() > RENEW_AFTER && kept.read_only.swap(false, Ordering::Relaxed) {
                break;
            }
            let pause = if self.link.is_open() { LOOK_EVERY } else { LOOK_WHILE_SHUT };
            let _trouble_or_time = timeout(pause, kept.trouble.notified()).await;
            let (mut connection, asked) = (connection.clone(), Instant::now());
            let ping = redis::cmd("PING");
            match timeout(SIGN_OF_LIFE, ping.query_async::<String>(&mut connection)).await {
                Ok(Ok(_)) if self.link.is_open() => {}
                Ok(Ok(_)) if asked.elapsed() <= kept.timeout => {
                    kept.open.store(Some(Arc::new(connection)));
                    kept.rung.send_modify(|times| *times += 1);
                    slow = 0;
                }
                Ok(Ok(_)) => {
                    slow += 1;
                    if slow == TOO_SLOW {
                        kept.counts.breaks.inc();
                        tracing::warn!(
                            "the shared tier answers, but more slowly than shared.timeout allows; it is left out"
                        );
                    }
                }
                _ => break,
            }
        }
        kept.open.store(None);
        kept.counts.breaks.inc();
    }
}

/// A code such as `WRONGPASS`, or the kind of a failure to connect; never its text, which may quote user names.
fn what(error: &redis::RedisError) -> String {
    error.code().map_or_else(|| format!("{:?}", error.kind()), str::to_owned)
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_open() { "Link(open)" } else { "Link(shut)" })
    }
}
