//! Histograms of times: no lock, no allocation, two additions to memory of the thread's own.

use std::fmt;
use std::iter::once;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

use super::spread::Spread;

/// Bounds that a histogram can have.
const MOST_BOUNDS: usize = 16;
/// The sum, a bucket for each bound, one for everything beyond them.
const NUMBERS: usize = MOST_BOUNDS + 2;

const fn micros<const N: usize>(bounds: [u64; N]) -> [Duration; N] {
    let mut all = [Duration::ZERO; N];
    let mut i = 0;
    while i < N {
        all[i] = Duration::from_micros(bounds[i]);
        i += 1;
    }
    all
}

/// For requests: a hit takes microseconds, a bad day seconds.
pub const OF_REQUESTS: &[Duration] = &micros([
    25, 100, 500, 2_500, 10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
]);

/// For what Kingdee or its quota takes.
pub const OF_CALLS: &[Duration] =
    &micros([1_000, 10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000]);

/// For ages: seconds to a day.
pub const OF_AGES: &[Duration] = &[
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(2 * 60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(3_600),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(12 * 3_600),
    Duration::from_secs(24 * 3_600),
];

/// A histogram. Clones share it.
#[derive(Debug, Clone)]
pub struct Histogram {
    bounds: &'static [Duration],
    /// Whole nanoseconds, then the buckets.
    numbers: Arc<Spread<NUMBERS>>,
}

/// What a histogram has counted at a moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// Upper bound in seconds and how many were in this bucket alone; the last bound is infinite.
    buckets: Vec<(f64, u64)>,
    sum: f64,
}

impl Histogram {
    /// An empty one with the first sixteen of these bounds.
    pub fn new(bounds: &'static [Duration]) -> Histogram {
        Histogram { bounds: bounds.get(..MOST_BOUNDS).unwrap_or(bounds), numbers: Arc::default() }
    }

    /// For [`OF_REQUESTS`].
    pub fn of_requests() -> Histogram {
        Histogram::new(OF_REQUESTS)
    }

    /// For [`OF_CALLS`].
    pub fn of_calls() -> Histogram {
        Histogram::new(OF_CALLS)
    }

    /// For [`OF_AGES`].
    pub fn of_ages() -> Histogram {
        Histogram::new(OF_AGES)
    }

    /// Counts one.
    pub fn observe(&self, time: Duration) {
        let bucket = self.bounds.iter().position(|bound| time <= *bound).unwrap_or(self.bounds.len());
        let [sum, buckets @ ..] = self.numbers.own();
        sum.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if let Some(count) = buckets.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What it has counted so far.
    pub fn read(&self) -> Reading {
        let bounds = self.bounds.iter().map(Duration::as_secs_f64).chain(once(f64::INFINITY));
        Reading {
            buckets: bounds.enumerate().map(|(i, bound)| (bound, self.numbers.sum(i + 1))).collect(),
            sum: self.numbers.sum(0) as f64 / 1e9,
        }
    }
}

impl Reading {
    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// This and another with the same bounds together.
    pub fn and(mut self, other: &Reading) -> Reading {
        if self.buckets.is_empty() {
            return other.clone();
        }
        for ((_, count), (_, more)) in self.buckets.iter_mut().zip(&other.buckets) {
            *count += more;
        }
        self.sum += other.sum;
        self
    }

    /// What was counted since `earlier`, which is empty or has the same bounds.
    pub fn since(&self, earlier: &Reading) -> Reading {
        let mut counted = self.clone();
        for ((_, count), (_, before)) in counted.buckets.iter_mut().zip(&earlier.buckets) {
            *count = count.saturating_sub(*before);
        }
        counted.sum -= earlier.sum;
        counted
    }

    /// The mean in seconds, if anything was counted.
    pub fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.sum.max(0.0) / count as f64)
    }

    /// Seconds that `share` of what was counted keeps to: within its bucket as if spread evenly, the last bound where it
    /// is beyond all of them.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = share * self.count() as f64;
        let (mut below, mut lower) = (0.0, 0.0);
        for (upper, count) in &self.buckets {
            let here = *count as f64;
            if here > 0.0 && below + here >= wanted {
                let within = if upper.is_finite() { (upper - lower) * (wanted - below) / here } else { 0.0 };
                return Some(lower + within);
            }
            (below, lower) = (below + here, *upper);
        }
        None
    }
}

impl EncodeMetric for Reading {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_histogram::<NoLabelSet>(self.sum, self.count(), &self.buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        self.read().encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_the_first_bucket_that_holds_it() {
        let histogram = Histogram::of_calls();
        for micros in [0, 1_000, 1_001, 9_999_999, 10_000_000, 10_000_001, 3_600_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let read = histogram.read();
        let counts: Vec<_> = read.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 2, 2]);
        assert_eq!((read.count(), read.sum), (7, 3_630.002001));
    }

    #[test]
    fn readings_add_up_and_tell_mean_and_quantile() {
        let (one, other) = (Histogram::of_ages(), Histogram::of_ages());
        assert_eq!((one.read().mean(), one.read().quantile(0.99)), (None, None));
        one.observe(Duration::from_secs(1));
        let before = Reading::default().and(&one.read()).and(&other.read());
        for _ in 0..98 {
            one.observe(Duration::from_secs(10));
        }
        for _ in 0..2 {
            other.observe(Duration::from_secs(50));
        }
        let counted = Reading::default().and(&one.read()).and(&other.read()).since(&before);
        assert_eq!((counted.count(), counted.mean()), (100, Some(10.8)));
        assert_eq!(counted.quantile(0.98), Some(15.0), "the end of its bucket");
        assert_eq!(counted.quantile(0.99), Some(45.0), "half of the next one");
        other.observe(Duration::from_secs(1_000_000));
        assert_eq!(other.read().quantile(1.0), Some(86_400.0));
        assert_eq!(counted.since(&Reading::default()), counted);
    }

    #[test]
    fn bounds_fit_and_rise() {
        for bounds in [OF_REQUESTS, OF_CALLS, OF_AGES] {
            assert!(bounds.len() <= MOST_BOUNDS && bounds.is_sorted_by(|a, b| a < b));
        }
    }
}
