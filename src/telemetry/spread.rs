//! Numbers that every request bumps: spread over places that threads don't share, summed up when somebody reads.
//!
//! prometheus-client's own counter is one atomic, whose cache line all serving threads would pull back and forth; its
//! histogram is a lock. Here a hit touches memory that is its thread's own.

use std::array;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

use super::thread;

/// Places; threads beyond this many share some.
const PLACES: usize = 8;

/// `N` numbers that only grow.
#[derive(Debug)]
pub(super) struct Spread<const N: usize>([Place<N>; PLACES]);

/// On cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Place<const N: usize>([AtomicU64; N]);

impl<const N: usize> Spread<N> {
    /// This thread's share of the numbers.
    pub fn own(&self) -> &[AtomicU64; N] {
        &self.0[thread::number() % PLACES].0
    }

    pub fn sum(&self, number: usize) -> u64 {
        let places = self.0.iter().filter_map(|place| place.0.get(number));
        places.map(|number| number.load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }
}

impl<const N: usize> Default for Spread<N> {
    fn default() -> Self {
        Spread(array::from_fn(|_| Place(array::from_fn(|_| AtomicU64::new(0)))))
    }
}

/// A counter for what happens thousands of times a second. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct SpreadCounter(Arc<Spread<1>>);

impl SpreadCounter {
    /// One more.
    pub fn inc(&self) {
        let [count] = self.0.own();
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.sum(0)
    }
}

impl EncodeMetric for SpreadCounter {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_counter::<NoLabelSet, _, u64>(&self.get(), None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for SpreadCounter {
    const TYPE: MetricType = MetricType::Counter;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_threads_count_is_there_to_the_last_one() {
        let counter = SpreadCounter::default();
        std::thread::scope(|scope| {
            for _ in 0..3 * PLACES {
                scope.spawn(|| (0..1_000).for_each(|_| counter.inc()));
            }
        });
        assert_eq!(counter.get(), 3_000 * PLACES as u64);
    }
}
