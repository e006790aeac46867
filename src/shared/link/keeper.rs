//! Keeps the way up: connects, holds it open, looks for signs of life, shuts it.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, SendError};
use redis::{AsyncConnectionConfig, PushInfo, PushKind, RedisResult};
use tokio::time::{Instant, sleep, timeout};

use super::{Link, what};

/// The keeper looks after a way that is open this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// And after one that is shut.
const LOOK_WHILE_SHUT: Duration = Duration::from_millis(50);
/// A connection to a server that takes nothing any more is renewed after this.
const RENEW_AFTER: Duration = Duration::from_secs(5);
/// Slow answers in a row after which that is told.
const TOO_SLOW: u32 = 20;
/// How long the keeper waits for a sign of life at least: twice as long as callers do if that is longer, so that a hiccup
/// ends no connection.
const SIGN_OF_LIFE: Duration = Duration::from_millis(250);
/// Name resolution, TCP, TLS and greeting.
const CONNECT: Duration = Duration::from_secs(1);
/// Pause between attempts to connect.
const PAUSE: Duration = Duration::from_millis(250);

/// Opens the way, looks after it, shuts it.
pub(super) struct Keeper {
    pub link: Link,
    pub client: redis::Client,
    pub bell: String,
}

impl Keeper {
    /// Until the task is dropped.
    pub async fn keep(self) {
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
        // Whoever connects or asks has a limit for all of it: the client's own would be a second one.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
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
            match self.sign_of_life(connection.clone()).await {
                Some(Life::Quick) if self.link.is_open() => slow = 0,
                Some(Life::Quick) => {
                    kept.open.store(Some(Arc::new(connection.clone())));
                    kept.rung.send_modify(|times| *times += 1);
                    slow = 0;
                }
                Some(Life::Slow) => {
                    slow += 1;
                    if slow == TOO_SLOW {
                        kept.counts.breaks.inc();
                        tracing::warn!(
                            "the shared tier answers, but more slowly than shared.timeout allows; it is left out"
                        );
                    }
                }
                None => break,
            }
        }
        kept.open.store(None);
        kept.counts.breaks.inc();
    }

    /// Whether it answers, and as fast as callers need it; where it does not, the way is shut while the keeper waits on.
    async fn sign_of_life(&self, mut connection: MultiplexedConnection) -> Option<Life> {
        let kept = &self.link.0;
        let ping = redis::cmd("PING");
        let mut pong = pin!(ping.query_async::<String>(&mut connection));
        if let Ok(quick) = timeout(kept.timeout, &mut pong).await {
            return quick.ok().map(|_| Life::Quick);
        }
        kept.open.store(None);
        let more = SIGN_OF_LIFE.saturating_sub(kept.timeout).max(kept.timeout);
        let slow = timeout(more, pong).await;
        slow.ok()?.ok().map(|_| Life::Slow)
    }
}

/// How a tier answers that does.
enum Life {
    /// Within the time that callers have.
    Quick,
    /// Later.
    Slow,
}
