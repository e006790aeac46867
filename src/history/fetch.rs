//! One fetch of a chunk, in a task of its own: is another replica's good enough? Or else ask, judge, store, share.

use std::sync::Arc;

use tokio::time::Instant;

use super::chunks::Chunks;
use super::{HistoryError, faults};
use crate::cache::shared::{Claim, Found, SharedChunks, Wanted};
use crate::cache::{Landed, Stored};
use crate::clock::Tick;
use crate::domain::account::AccountIndex;
use crate::domain::freshness::Verdict;
use crate::domain::ledger::{Chunk, ChunkFault, ChunkKey};
use crate::domain::points::LocalTime;
use crate::kingdee::{Call, Priority};
use crate::shared::Patience;
use crate::telemetry::faults::Fault;
use crate::telemetry::trace::names::spans;
use crate::telemetry::trace::{self, Span};

/// What is to be fetched.
pub(super) struct Errand {
    pub key: ChunkKey,
    pub priority: Priority,
    /// Only rows that were read after the fetch began will do.
    pub forced: bool,
    /// The member's generation when it began.
    pub generation: u32,
    /// How long it may wait for the tier that replicas share.
    pub patience: Arc<Patience>,
}

/// When a read began: for ages, and for people.
type Began = (Tick, jiff::Timestamp);

impl Chunks {
    /// Fetches. A failure leaves a pause on the entry that stays.
    pub(super) async fn fetch(
        self: Arc<Self>,
        errand: Errand,
        mut span: Span,
    ) -> Result<Landed, HistoryError> {
        let result = match self.cache.shared() {
            Some(fleet) => self.fetch_in_fleet(Arc::clone(fleet), &errand).await,
            None => self.ask_and_judge(&errand).await.map(|stored| Landed { stored, from_fleet: false }),
        };
        if let Err(error) = &result {
            if let Some(old) = self.cache.get(&errand.key) {
                let (now, rules) = (self.clock.tick(), self.rules.load());
                let limits = &rules.cooldowns;
                if error.was_never_asked() {
                    // Held back by ourselves: that costs Kingdee nothing, and says nothing about it.
                    old.rest(now, limits.cooldown_first);
                } else {
                    old.refresh_failed(now, limits.cooldown_first, limits.cooldown_max);
                }
            }
            self.counters.fetch_failed.inc();
            span.fail(error.label());
            self.tell_failure(&errand.key, error);
        }
        result
    }

    /// The one line about a failed fetch, however many waited for it. What needs somebody to act has a line of its own
    /// (`kingdee::alarm`), and what is held back comes by the thousand while the breaker is open.
    fn tell_failure(&self, key: &ChunkKey, error: &HistoryError) {
        let account = self.kingdee.account_name(key.selection.account);
        let here = trace::current();
        // Whoever began it; the others who waited have lines of their own.
        let (request_id, trace_id) = (here.request_id(), here.trace_id().map(tracing::field::display));
        if error.was_never_asked() || matches!(error, HistoryError::Rejected(_)) {
            tracing::debug!(account, %error, request_id, trace_id, "a fetch failed");
        } else {
            tracing::warn!(account, %error, request_id, trace_id, "a fetch failed; nothing was stored");
        }
    }

    async fn fetch_in_fleet(
        &self,
        fleet: Arc<SharedChunks>,
        errand: &Errand,
    ) -> Result<Landed, HistoryError> {
        let (held, began, rules) = (self.cache.get(&errand.key), self.clock.tick(), self.rules.load_full());
        let policy = &rules.history.freshness;
        let later_than = |found: &Found, then: Tick| found.age < self.clock.tick().since(then);
        let good = |found: &Found| {
            if held.is_none() && !errand.forced {
                // Stale ones are good enough as well: whoever serves them starts a refresh.
                let now = self.clock.tick();
                let fresh_until = now.before(found.age).after(policy.jittered(found.class, 0.0));
                return found.age < policy.lifetime(found.class)
                    || policy.verdict(fresh_until, now) <= Verdict::Revalidate;
            }
            found.age < policy.lifetime(found.class)
                && (!errand.forced || later_than(found, began))
                && held.as_ref().is_none_or(|h| h.origin != found.origin && later_than(found, h.read_at))
        };
        let until = Instant::now() + rules.history.caller_deadline;
        let claimed = {
            let _span = trace::current().span(spans::SHARED);
            let likely = held.is_none() && !errand.forced;
            fleet.claim(&errand.key, Wanted { good, likely, until }, &errand.patience).await
        };
        let (ticket, left) = match claimed {
            Claim::Found(found) => {
                return Ok(Landed { stored: self.adopt(errand, *found), from_fleet: true });
            }
            Claim::Read(ticket, left) => (ticket, left),
        };
        if let Some(left) = left.filter(|_| held.is_none() && !errand.forced) {
            let _better_than_none_if_kingdee_fails = self.adopt(errand, *left);
        }
        let read = self.ask_and_judge(errand).await;
        let kept = |stored: &&Arc<Stored>| {
            self.cache.get(&errand.key).is_some_and(|there| Arc::ptr_eq(&there, stored))
        };
        let brought = read.as_ref().ok().filter(kept).cloned();
        let age = brought.as_ref().map(|stored| stored.age(self.clock.tick()));
        // Callers need not wait for the others to hear of it.
        let tier = fleet.tier().clone();
        tier.behind(async move { fleet.done(ticket, brought.as_deref().zip(age)).await });
        read.map(|stored| Landed { stored, from_fleet: false })
    }

    /// Takes another replica's rows into memory, if they may be served at all.
    fn adopt(&self, errand: &Errand, found: Found) -> Arc<Stored> {
        let (tick, now) = (self.clock.tick(), self.clock.now());
        let read_at = now.checked_sub(found.age).unwrap_or(now);
        let fresh_for = self.rules.load().history.freshness.jittered(found.class, self.clock.chance());
        let began = (tick.before(found.age), read_at);
        let dated = self.dated(&errand.key, began);
        let Found { chunk, class, origin, .. } = found;
        let stored = Arc::new(Stored::new(chunk, class, fresh_for, dated, errand.generation, origin));
        if self.verdict(&stored) != Verdict::Gone {
            self.cache.put(errand.key.clone(), Arc::clone(&stored));
        }
        stored
    }

    async fn ask_and_judge(&self, errand: &Errand) -> Result<Arc<Stored>, HistoryError> {
        let (key, began) = (&errand.key, (self.clock.tick(), self.clock.now()));
        let deadline = Instant::now() + self.rules.load().history.caller_deadline;
        let account = self.kingdee.account_name(key.selection.account);
        let call = Call { priority: errand.priority, deadline, patience: &errand.patience };
        let asked = self.kingdee.chunk(key, call).await;
        let answer = asked.inspect_err(|error| self.note(faults::of_call(account, error)))?;
        let (rows, rules) = (self.kingdee.chunk_rows(), self.rules.load());
        let assembled =
            Chunk::assemble(key, rows, rules.history.count_check, &answer).inspect_err(|fault| {
                self.note(faults::of_answer(account, fault));
                if let ChunkFault::AllForeign { rows } = fault {
                    self.note_foreign(key.selection.account, *rows);
                }
            })?;
        if let Some(served) = self.served.get(key.selection.account.as_usize()) {
            served.odd_rows.inc_by(assembled.odd);
        }
        let whole = assembled.foreign == 0 && !assembled.miscounted;
        if assembled.foreign > 0 {
            self.note(faults::of_foreign_rows(account, assembled.foreign));
            self.note_foreign(key.selection.account, assembled.foreign);
            if self.cache.get(key).is_some() {
                return Err(HistoryError::Unreadable("some rows belong to another member".into()));
            }
        }
        let policy = &rules.history.freshness;
        let class = policy.class(&key.selection, assembled.chunk.count(), began.1);
        let fresh_for = policy.jittered(class, self.clock.chance());
        let (dated, origin) = (self.dated(key, began), rand::random());
        let stored =
            Arc::new(Stored::new(assembled.chunk, class, fresh_for, dated, errand.generation, origin));
        if whole {
            self.cache.put(key.clone(), Arc::clone(&stored));
        }
        Ok(stored)
    }

    /// When a read began, for ages and in the account set's own time.
    fn dated(&self, key: &ChunkKey, (tick, now): Began) -> (Tick, LocalTime) {
        let offset = self.kingdee.time_zone(key.selection.account).to_offset(now);
        (tick, LocalTime { timestamp: truncate(now), offset })
    }

    fn note(&self, fault: Fault) {
        self.faults.note(fault, 1, self.clock.now());
    }

    fn note_foreign(&self, account: AccountIndex, rows: u64) {
        if let Some(served) = self.served.get(account.as_usize()) {
            served.foreign_rows.inc_by(rows);
        }
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
