//! One chunk, from memory or from Kingdee: the freshness rules at work.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::outcome::{Fetched, Outcome, StaleReason};
use super::settings::HistorySettings;
use super::{HistoryError, Wish};
use crate::cache::flight::{Boarded, Seat};
use crate::cache::{CacheSettings, LedgerCache, Stored};
use crate::clock::{Clock, Tick};
use crate::domain::account::AccountIndex;
use crate::domain::freshness::Verdict;
use crate::domain::ledger::{Chunk, ChunkFault, ChunkKey};
use crate::domain::points::LocalTime;
use crate::kingdee::{Call, Kingdee, Priority};
use crate::telemetry::Counters;

/// A chunk, and where it came from.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub stored: Arc<Stored>,
    pub outcome: Outcome,
}

impl Read {
    /// What was there all along, since Kingdee was not asked or did not answer.
    fn unrefreshed(stored: Arc<Stored>, wish: Wish, reason: StaleReason, now: Tick) -> Read {
        let in_vain = wish == Wish::Fresh && now < stored.fresh_until;
        let outcome = if in_vain { Outcome::InVain(reason) } else { Outcome::Stale(reason) };
        Read { stored, outcome }
    }
}

type Landing = Seat<Result<Arc<Stored>, HistoryError>>;

/// What memory alone can say about a chunk.
pub(super) enum Look {
    /// Serve this.
    Serve(Read),
    /// Ask Kingdee; serve `stale` if that fails or takes too long.
    Ask { stale: Option<Arc<Stored>> },
}

/// Reads chunks: cache first, Kingdee otherwise.
pub(super) struct Chunks {
    pub cache: LedgerCache<HistoryError>,
    pub kingdee: Kingdee,
    pub clock: Clock,
    pub settings: HistorySettings,
    pub cooldowns: CacheSettings,
    pub counters: Arc<Counters>,
}

impl Chunks {
    /// Looks in memory. May start a refresh in the background, never waits.
    pub fn look(self: &Arc<Self>, key: &ChunkKey, wish: Wish, now: Tick) -> Look {
        let Some(stored) = self.cache.get(key) else {
            return Look::Ask { stale: None };
        };
        let verdict = self.settings.freshness.verdict(stored.fresh_until, now);
        if verdict == Verdict::Gone {
            return Look::Ask { stale: None };
        }
        let reason = if stored.is_failing() { StaleReason::Failing } else { StaleReason::Revalidating };
        match verdict {
            Verdict::Fresh if wish != Wish::Fresh => Look::Serve(Read { stored, outcome: Outcome::Hit }),
            _ if !stored.may_refresh(now) || wish == Wish::CachedOnly => {
                Look::Serve(Read::unrefreshed(stored, wish, reason, now))
            }
            Verdict::Revalidate if wish != Wish::Fresh => {
                let _landing = self.board(key, Priority::Refresh, |there| !Arc::ptr_eq(there, &stored));
                Look::Serve(Read::unrefreshed(stored, wish, reason, now))
            }
            _ => Look::Ask { stale: Some(stored) },
        }
    }

    /// Asks Kingdee, together with everybody else who wants this chunk.
    pub async fn ask(
        self: &Arc<Self>,
        key: &ChunkKey,
        wish: Wish,
        stale: Option<Arc<Stored>>,
        deadline: Instant,
    ) -> Result<Read, HistoryError> {
        if wish == Wish::CachedOnly {
            return Err(HistoryError::NotCached);
        }
        let fetched = |collapsed, stored| match (wish, &stale) {
            (Wish::Fresh, _) => Outcome::Forced(Fetched { collapsed, stored }),
            (_, Some(_)) => Outcome::Expired(Fetched { collapsed, stored }),
            (_, None) => Outcome::Miss(Fetched { collapsed, stored }),
        };
        let fall_back = |reason, error| match &stale {
            None => Err(error),
            Some(old) => Ok(Read::unrefreshed(Arc::clone(old), wish, reason, self.clock.tick())),
        };
        // Somebody's flight may have landed since we looked: an entry that we did not see then, and that may be served.
        let landed = |there: &Arc<Stored>| {
            let seen = stale.as_ref().is_some_and(|stale| Arc::ptr_eq(there, stale));
            !seen && self.clock.tick() < there.fresh_until
        };
        let seat = match self.board(key, Priority::User, landed) {
            Boarded::AlreadyThere(Ok(stored)) => return Ok(Read { stored, outcome: Outcome::Hit }),
            Boarded::AlreadyThere(Err(error)) => return fall_back(StaleReason::Failing, error),
            Boarded::Seat(seat) => seat,
        };
        let collapsed = seat.joined;
        let patience = match &stale {
            Some(_) => deadline.min(Instant::now() + self.settings.stale_patience),
            None => deadline,
        };
        match timeout_at(patience, seat.landed()).await {
            Ok(Some(Ok(stored))) => {
                let kept = self.cache.get(key).is_some_and(|there| Arc::ptr_eq(&there, &stored));
                Ok(Read { stored, outcome: fetched(collapsed, kept) })
            }
            Ok(Some(Err(error))) => fall_back(StaleReason::Failing, error),
            Ok(None) => fall_back(StaleReason::Failing, HistoryError::Internal),
            Err(_elapsed) => fall_back(StaleReason::Slow, HistoryError::TimedOut),
        }
    }

    fn board(
        self: &Arc<Self>,
        key: &ChunkKey,
        priority: Priority,
        newer: impl Fn(&Arc<Stored>) -> bool,
    ) -> Boarded<Result<Arc<Stored>, HistoryError>> {
        let boarded = self.cache.fetch(key, newer, |generation| {
            let (chunks, key) = (Arc::clone(self), key.clone());
            async move { chunks.fetch(key, priority, generation).await }
        });
        if let Boarded::Seat(Landing { joined: true, .. }) = &boarded {
            self.counters.coalesced.inc();
        }
        boarded
    }

    /// One fetch, in a task of its own: ask, judge, store. A failure leaves a pause on the entry that stays.
    async fn fetch(
        self: Arc<Self>,
        key: ChunkKey,
        priority: Priority,
        generation: u32,
    ) -> Result<Arc<Stored>, HistoryError> {
        let began = (self.clock.tick(), self.clock.now());
        let result = self.fetch_and_judge(&key, priority, generation, began).await;
        if let Err(error) = &result {
            if let Some(old) = self.cache.get(&key) {
                let (now, limits) = (self.clock.tick(), &self.cooldowns);
                if error.was_never_asked() {
                    // Refused by our own lane: that costs Kingdee nothing, and says nothing about it.
                    old.rest(now, limits.cooldown_first);
                } else {
                    old.refresh_failed(now, limits.cooldown_first, limits.cooldown_max);
                }
            }
            self.counters.fetch_failed.inc();
            tracing::debug!(%error, "a fetch failed");
        }
        result
    }

    async fn fetch_and_judge(
        &self,
        key: &ChunkKey,
        priority: Priority,
        generation: u32,
        began: (Tick, jiff::Timestamp),
    ) -> Result<Arc<Stored>, HistoryError> {
        let call = Call { priority, deadline: Instant::now() + self.settings.caller_deadline };
        let answer = self.kingdee.chunk(key, call).await?;
        let rows = self.kingdee.chunk_rows();
        let assembled =
            Chunk::assemble(key, rows, self.settings.count_check, &answer).inspect_err(|fault| {
                if let ChunkFault::AllForeign { rows } = fault {
                    self.note_foreign(key.selection.account, *rows);
                }
                tracing::warn!(error = %fault, "an answer of Kingdee can't be believed; nothing was stored");
            })?;
        self.counters.odd_rows.inc_by(assembled.odd);
        let whole = assembled.foreign == 0 && !assembled.miscounted;
        if assembled.foreign > 0 {
            self.note_foreign(key.selection.account, assembled.foreign);
            if self.cache.get(key).is_some() {
                return Err(HistoryError::Unreadable("some rows belong to another member".into()));
            }
        }
        let policy = &self.settings.freshness;
        let class = policy.class(&key.selection, assembled.chunk.count(), began.1);
        let fresh_for = policy.jittered(class, self.clock.chance());
        let offset = self.kingdee.time_zone(key.selection.account).to_offset(began.1);
        let read_at = (began.0, LocalTime { timestamp: truncate(began.1), offset });
        let stored = Arc::new(Stored::new(assembled.chunk, class, fresh_for, read_at, generation));
        if whole {
            self.cache.put(key.clone(), Arc::clone(&stored));
        }
        Ok(stored)
    }

    fn note_foreign(&self, account: AccountIndex, rows: u64) {
        self.counters.foreign_rows.inc_by(rows);
        tracing::error!(
            account = self.kingdee.account_name(account),
            rows,
            "Kingdee sent rows of another member than the one asked for; they were dropped and the answer was not stored"
        );
    }
}

/// `as_of` is told to the second.
fn truncate(t: jiff::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_second(t.as_second()).unwrap_or(t)
}
