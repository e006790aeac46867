//! How long an answer takes: always the same, or mostly short and now and then very long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::dice::scatter;

/// The longest that an answer is held back: 10 minutes, in milliseconds.
pub const MOST_MS: u64 = 600_000;
/// Below it a Pareto tail has no mean worth the name and every draw is at its bound.
const LEAST_SHAPE: f64 = 0.1;
const MOST_SHAPE: f64 = 100.0;

/// How much later an endpoint answers. As JSON: `{"fixed_ms":50}`,
/// `{"pareto":{"least_ms":20,"shape":1.2,"most_ms":5000,"seed":1}}`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Latency {
    /// Always as many milliseconds.
    FixedMs(u64),
    /// Heavy-tailed.
    Pareto(Pareto),
}

/// A Pareto distribution cut off at `most_ms`; the same seed draws the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pareto {
    /// No answer is faster.
    pub least_ms: u64,
    /// The smaller, the heavier the tail: at 1.2 one answer in 16 takes ten times the least.
    pub shape: f64,
    /// No answer is slower.
    pub most_ms: u64,
    /// Which draws.
    #[serde(default)]
    pub seed: u64,
}

impl Latency {
    /// The latency of the `nth` answer, never above [`MOST_MS`].
    pub fn draw(&self, nth: u64) -> Duration {
        let millis = match *self {
            Latency::FixedMs(millis) => millis,
            Latency::Pareto(Pareto { least_ms, shape, most_ms, seed }) => {
                // In (0, 1]: the dice have 63 sides' worth of bits.
                let chance = (scatter(seed, nth) + 1) as f64 / (1_u64 << 63) as f64;
                let millis = least_ms as f64 / chance.powf(1.0 / shape.max(LEAST_SHAPE));
                (millis as u64).min(most_ms) // the cast saturates
            }
        };
        Duration::from_millis(millis.min(MOST_MS))
    }

    /// Why this can't be ordered, if so.
    pub fn fault(&self) -> Option<String> {
        match *self {
            Latency::FixedMs(millis) if millis > MOST_MS => {
                Some(format!("latency: fixed_ms is at most {MOST_MS}"))
            }
            Latency::Pareto(Pareto { least_ms, shape, most_ms, .. }) => {
                let right = (1..=most_ms).contains(&least_ms)
                    && most_ms <= MOST_MS
                    && (LEAST_SHAPE..=MOST_SHAPE).contains(&shape);
                (!right).then(|| {
                    format!(
                        "latency: 1 <= least_ms <= most_ms <= {MOST_MS}, {LEAST_SHAPE} <= shape <= {MOST_SHAPE}"
                    )
                })
            }
            Latency::FixedMs(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAVY: Pareto = Pareto { least_ms: 20, shape: 1.2, most_ms: 5_000, seed: 1 };

    #[test]
    fn a_tail_is_heavy_bounded_and_the_same_every_time() {
        let draw = |pareto| (0..10_000).map(|nth| Latency::Pareto(pareto).draw(nth)).collect::<Vec<_>>();
        let mut drawn = draw(HEAVY);
        assert_eq!(drawn, draw(HEAVY));
        assert_ne!(drawn, draw(Pareto { seed: 2, ..HEAVY }));
        drawn.sort_unstable();
        assert!(drawn[0] >= Duration::from_millis(20) && drawn[9_999] == Duration::from_millis(5_000));
        // The quantile of a Pareto distribution: least / (1 - p)^(1 / shape).
        for (place, expected) in [(5_000, 35.6), (9_000, 136.2), (9_900, 928.3)] {
            let found = drawn[place].as_millis() as f64;
            assert!((found / expected - 1.0).abs() < 0.15, "{place}: {found} for {expected}");
        }
    }

    #[test]
    fn nothing_is_drawn_above_the_bound_whatever_is_asked() {
        for latency in [
            Latency::FixedMs(u64::MAX),
            Latency::Pareto(Pareto { least_ms: u64::MAX, most_ms: u64::MAX, ..HEAVY }),
            Latency::Pareto(Pareto { shape: f64::NAN, ..HEAVY }),
            Latency::Pareto(Pareto { shape: -1.0, least_ms: 0, ..HEAVY }),
        ] {
            assert!((0..100).all(|nth| latency.draw(nth) <= Duration::from_millis(MOST_MS)), "{latency:?}");
            assert!(latency.fault().is_some(), "{latency:?}");
        }
        assert_eq!((Latency::FixedMs(0).fault(), Latency::Pareto(HEAVY).fault()), (None, None));
    }
}
