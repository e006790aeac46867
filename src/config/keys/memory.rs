//! Keys of the cache and of the use cases in front of it.

use super::Entry;
use crate::config::draft::Draft;
use crate::config::field::{Field, Number};

const HOUR: u64 = 3_600_000;

/// `cache.*`, `history.*`
pub static CACHE: &[Entry<Draft>] = &[
    Entry::<Draft>::new(
        "cache.capacity",
        Field::Bytes(1 << 20..=1 << 40, Number::U64(|d| &mut d.cache.capacity_bytes)),
        "Memory that all entries together may take, bookkeeping included.",
    )
    .at_start(),
    Entry::<Draft>::new(
        "cache.fresh",
        Field::Time(1..=24 * HOUR, |d| &mut d.history.freshness.fresh),
        "How long rows are served without asking Kingdee again.",
    ),
    Entry::<Draft>::new(
        "cache.fresh_empty",
        Field::Time(1..=24 * HOUR, |d| &mut d.history.freshness.fresh_empty),
        "The same for a history without rows.",
    ),
    Entry::<Draft>::new(
        "cache.fresh_settled",
        Field::Time(1..=720 * HOUR, |d| &mut d.history.freshness.fresh_settled),
        "The same for a window that ended before the settle margin.",
    ),
    Entry::<Draft>::new(
        "cache.settle_margin",
        Field::Time(0..=8760 * HOUR, |d| &mut d.history.freshness.settle_margin),
        "How far back a window must end to count as settled.",
    ),
    Entry::<Draft>::new(
        "cache.stale_while_revalidate",
        Field::Time(0..=720 * HOUR, |d| &mut d.history.freshness.stale_while_revalidate),
        "Time after fresh in which rows are served at once while one refresh runs.",
    ),
    Entry::<Draft>::new(
        "cache.stale_if_error",
        Field::Time(0..=720 * HOUR, |d| &mut d.history.freshness.stale_if_error),
        "Time after fresh in which rows are served because Kingdee fails.",
    ),
    Entry::<Draft>::new(
        "cache.jitter_percent",
        Field::Count(0..=50, Number::U8(|d| &mut d.history.freshness.jitter_percent)),
        "Spread of fresh times, so that a fleet doesn't refresh in step.",
    ),
    Entry::<Draft>::new(
        "cache.cooldown_first",
        Field::Time(1..=HOUR, |d| &mut d.cache.cooldown_first),
        "First pause after a failed refresh of a chunk; doubles with each further one.",
    ),
    Entry::<Draft>::new(
        "cache.cooldown_max",
        Field::Time(1..=HOUR, |d| &mut d.cache.cooldown_max),
        "Longest pause after failed refreshes.",
    ),
    Entry::<Draft>::new(
        "cache.no_cache_floor",
        Field::Time(0..=HOUR, |d| &mut d.history.no_cache_floor),
        "A member is read again for `Cache-Control: no-cache` at most once in this time.",
    ),
    Entry::<Draft>::new(
        "history.caller_deadline",
        Field::Time(10..=300_000, |d| &mut d.history.caller_deadline),
        "Longest time an app waits for an answer.",
    ),
    Entry::<Draft>::new(
        "history.stale_patience",
        Field::Time(0..=300_000, |d| &mut d.history.stale_patience),
        "How long an app waits for fresh rows while stale ones could be served.",
    ),
    Entry::<Draft>::new(
        "history.cursor_search_chunks",
        Field::Count(1..=1000, Number::U32(|d| &mut d.history.cursor_search_chunks)),
        "Chunks that may be searched for the row that a cursor names.",
    ),
];
