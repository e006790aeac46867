//! One chunk, from memory or from Kingdee: the freshness rules at work.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::chunks::Chunks;
use super::fetch::Errand;
use super::outcome::{Fetched, Outcome, StaleReason};
use super::{HistoryError, Wish};
use crate::cache::flight::{Boarded, Seat};
use crate::cache::{Landed, Stored};
use crate::clock::Tick;
use crate::domain::freshness::Verdict;
use crate::domain::ledger::ChunkKey;
use crate::kingdee::Priority;
use crate::shared::Patience;
use crate::telemetry::trace;
use crate::telemetry::trace::names::{attributes, spans};
use crate::telemetry::trace::record::Value;

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

/// How long a request may wait.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    /// For its rows.
    pub deadline: Instant,
    /// Of that, for the tier that replicas share: however many chunks it needs.
    pub patience: Arc<Patience>,
}

type Landing = Seat<Result<Landed, HistoryError>>;

/// What memory alone can say about a chunk.
pub(super) enum Look {
    /// Serve this.
    Serve(Read),
    /// Ask Kingdee; serve `stale` if that fails or takes too long.
    Ask { stale: Option<Arc<Stored>> },
}

impl Chunks {
    /// Looks in memory. May start a refresh in the background, never waits.
    pub fn look(self: &Arc<Self>, key: &ChunkKey, wish: Wish, now: Tick) -> Look {
        let Some(stored) = self.cache.get(key) else {
            return Look::Ask { stale: None };
        };
        let verdict = self.verdict_at(&stored, now);
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
                self.refresh(key, &stored);
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
        limits: &Limits,
    ) -> Result<Read, HistoryError> {
        if wish == Wish::CachedOnly {
            return Err(HistoryError::NotCached);
        }
        let fetched = |collapsed, stored| match (wish, &stale) {
            (Wish::Fresh, _) => Outcome::Forced(Fetched { collapsed, stored }),
            (_, Some(_)) => Outcome::Expired(Fetched { collapsed, stored }),
            (_, None) => Outcome::Miss(Fetched { collapsed, stored }),
        };
        // Another replica may have left rows that are too old to be served first, but better than none.
        let left = || self.cache.get(key).filter(|left| self.verdict(left) != Verdict::Gone);
        let fall_back = |reason, error| match stale.clone().or_else(left) {
            None => Err(error),
            Some(old) => Ok(Read::unrefreshed(old, wish, reason, self.clock.tick())),
        };
        // Somebody's flight may have landed since we looked: an entry that we did not see then, and that may be served.
        let landed = |there: &Arc<Stored>| {
            let seen = stale.as_ref().is_some_and(|stale| Arc::ptr_eq(there, stale));
            !seen && self.clock.tick() < there.fresh_until
        };
        let seat = match self.board(key, Priority::User, wish == Wish::Fresh, &limits.patience, landed) {
            Boarded::AlreadyThere(Ok(Landed { stored, .. })) => {
                return Ok(Read { stored, outcome: Outcome::Hit });
            }
            Boarded::AlreadyThere(Err(error)) => return fall_back(StaleReason::Failing, error),
            Boarded::Seat(seat) => seat,
        };
        let collapsed = seat.joined;
        let patience = match &stale {
            Some(_) => limits.deadline.min(Instant::now() + self.rules.load().history.stale_patience),
            None => limits.deadline,
        };
        let mut span = trace::current().span(spans::WAIT);
        span.set(attributes::JOINED, collapsed);
        span.link(&seat.place);
        let landed = timeout_at(patience, seat.landed()).await;
        if !matches!(landed, Ok(Some(Ok(_)))) {
            span.fail(if landed.is_err() { "timeout" } else { "fetch-failed" });
        }
        drop(span);
        match landed {
            Ok(Some(Ok(Landed { stored, from_fleet: true }))) if wish != Wish::Fresh => {
                Ok(self.read_of_the_fleet(key, stored))
            }
            Ok(Some(Ok(Landed { stored, from_fleet }))) => {
                let kept = self.cache.get(key).is_some_and(|there| Arc::ptr_eq(&there, &stored));
                Ok(Read { stored, outcome: fetched(collapsed || from_fleet, kept) })
            }
            Ok(Some(Err(error))) => fall_back(StaleReason::Failing, error),
            Ok(None) => fall_back(StaleReason::Failing, HistoryError::Internal),
            Err(_elapsed) => fall_back(StaleReason::Slow, HistoryError::TimedOut),
        }
    }

    /// Rows that another replica read are as good as from memory: fresh, or stale with a refresh behind them.
    fn read_of_the_fleet(self: &Arc<Self>, key: &ChunkKey, stored: Arc<Stored>) -> Read {
        if self.verdict(&stored) == Verdict::Fresh {
            return Read { stored, outcome: Outcome::Hit };
        }
        self.refresh(key, &stored);
        Read { stored, outcome: Outcome::Stale(StaleReason::Revalidating) }
    }

    fn refresh(self: &Arc<Self>, key: &ChunkKey, stale: &Arc<Stored>) {
        let patience = self.patience();
        let _landing =
            self.board(key, Priority::Refresh, false, &patience, |there| !Arc::ptr_eq(there, stale));
    }

    fn board(
        self: &Arc<Self>,
        key: &ChunkKey,
        priority: Priority,
        forced: bool,
        patience: &Arc<Patience>,
        newer: impl Fn(&Arc<Stored>) -> bool,
    ) -> Boarded<Result<Landed, HistoryError>> {
        let boarded = self.cache.fetch(key, forced, newer, |generation| {
            let (chunks, key, patience) = (Arc::clone(self), key.clone(), Arc::clone(patience));
            let here = trace::current();
            let mut span = here.span(spans::FETCH);
            if span.is_recorded() {
                let account = chunks.kingdee.account_name(key.selection.account);
                span.set(attributes::ACCOUNT, Value::text(account));
                span.set(attributes::CHUNK, key.number);
                span.set(attributes::PRIORITY, priority.label());
            }
            let place = span.context_or(&here);
            let errand = Errand { key, priority, forced, generation, patience };
            (place.clone(), place.cover(async move { chunks.fetch(errand, span).await }))
        });
        if let Boarded::Seat(Landing { joined: true, .. }) = &boarded {
            self.counters.coalesced.inc();
        }
        boarded
    }
}
