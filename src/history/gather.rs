//! Every chunk that a page wants, read one after the other, until they agree about how many rows there are.

use std::sync::Arc;

use super::cut::{Cut, Span};
use super::outcome::Outcome;
use super::read::{Limits, Look, Read};
use super::{History, HistoryError, Wish, key};
use crate::domain::ledger::{ChunkKey, chunks_of};
use crate::domain::query::Selection;
use crate::telemetry::trace;
use crate::telemetry::trace::names::spans;

impl History {
    /// Reads the chunks that a span lies in, in order, as far as there are any.
    pub(super) async fn read_cut(
        &self,
        selection: &Selection,
        span: &Span<'_>,
        wish: Wish,
        limits: &Limits,
    ) -> Result<Cut, HistoryError> {
        let mut cut = Cut::default();
        for (number, places) in chunks_of(span.start, span.len, self.chunk_rows()) {
            let read = self.read(&key(selection, number), wish, limits).await?;
            if !cut.push(read, number, places, self.chunk_rows()) {
                break;
            }
        }
        if wish != Wish::CachedOnly {
            self.reconcile(selection, span.start, &mut cut.reads, limits).await;
        }
        Ok(cut)
    }

    /// One chunk, if Kingdee need be.
    pub(super) async fn read(
        &self,
        key: &ChunkKey,
        wish: Wish,
        limits: &Limits,
    ) -> Result<Read, HistoryError> {
        let look = {
            let _span = trace::current().span(spans::LOOK_UP);
            self.chunks.look(key, wish, self.chunks.clock.tick())
        };
        match look {
            Look::Serve(read) => Ok(read),
            Look::Ask { stale } => match self.beyond_the_end(key, wish, stale.is_some()) {
                Some(read) => Ok(read),
                None => self.chunks.ask(key, wish, stale, limits).await,
            },
        }
    }

    /// A chunk beyond the end needs no call if a fresh first chunk says where the end is: what Kingdee answers
    /// there is not documented (`protocol.md` §9).
    fn beyond_the_end(&self, wanted: &ChunkKey, wish: Wish, known: bool) -> Option<Read> {
        if wanted.number == 0 || wish == Wish::Fresh || known {
            return None;
        }
        let first = self.chunks.cache.get(&key(&wanted.selection, 0))?;
        let fresh = self.chunks.clock.tick() < first.fresh_until;
        let beyond =
            u64::from(first.chunk.count()) <= u64::from(wanted.number) * u64::from(self.chunk_rows());
        (fresh && beyond).then_some(Read { stored: first, outcome: Outcome::Hit })
    }

    /// Reads the older of two chunks again that disagree about `count`. Bounded: where that doesn't help, or
    /// can't be done now, the cut stays as it is and the pair is left alone for a pause.
    async fn reconcile(&self, selection: &Selection, start: u64, reads: &mut [Read], limits: &Limits) {
        // The first time may join a flight that began before the other chunk was read.
        const TIMES: usize = 3;
        let first = self.first_chunk(start);
        for _ in 0..TIMES {
            let Some(i) = outdated(reads) else { return };
            let Some(place) = reads.get_mut(i) else { return };
            if !place.stored.may_refresh(self.chunks.clock.tick()) {
                return;
            }
            let key = key(selection, first + i as u32);
            match self.chunks.ask(&key, Wish::Any, Some(Arc::clone(&place.stored)), limits).await {
                Ok(read) if !matches!(read.outcome, Outcome::Stale(_)) => *place = read,
                _ => return,
            }
        }
        if outdated(reads).is_none() {
            return;
        }
        for read in reads {
            read.stored.rest(self.chunks.clock.tick(), self.rules().cooldowns.cooldown_first);
        }
    }

    /// Number of the chunk that holds a place; bounded by `PageNumber::MAX * PageSize::MAX` and a cursor's `u32`.
    pub(super) fn first_chunk(&self, place: u64) -> u32 {
        (place / u64::from(self.chunk_rows().max(1))) as u32
    }
}

/// The chunk that was read first of those whose `count` differs from the one read last; `None` if all agree.
fn outdated(reads: &[Read]) -> Option<usize> {
    let (_, count) = reads.iter().map(|r| (r.stored.read_at, r.stored.chunk.count())).max()?;
    let outdated = reads.iter().enumerate().filter(|(_, r)| r.stored.chunk.count() != count);
    outdated.min_by_key(|(_, r)| r.stored.read_at).map(|(i, _)| i)
}
