//! The floor's watch: wall clock, monotonic tick and request nonces, real or set by a test.
//!
//! Two times, because they answer different questions. The *wall clock* dates what people and Kingdee read
//! (`as_of`, `X-Api-TimeStamp`) and may jump. The *tick* measures ages and never goes back, so a clock
//! that is corrected under load cannot make the cache forget or immortalise anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

/// Milliseconds on a clock that never goes back. Only differences mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Tick(u64);

impl Tick {
    /// Milliseconds since an arbitrary beginning, for storing in an atomic.
    pub fn as_millis(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to `self`; zero if `earlier` is in fact later.
    pub fn since(self, earlier: Tick) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The tick `duration` after this one.
    pub fn after(self, duration: Duration) -> Tick {
        Tick(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The tick `duration` before this one, or the beginning of time.
    pub fn before(self, duration: Duration) -> Tick {
        Tick(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Source of time and nonces; clones share it.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

struct Source {
    time: Time,
    nonce: AtomicU64,
}

enum Time {
    Real { started: Instant },
    Manual { wall_millis: AtomicI64, tick: AtomicU64 },
}

/// Process uptime starts here, so that a tick is never zero by accident.
const FIRST_TICK: u64 = 1 << 40;

impl Clock {
    /// The machine's own clocks.
    #[allow(clippy::disallowed_methods)] // the one place that may ask
    pub fn real() -> Clock {
        Clock::with(Time::Real { started: Instant::now() })
    }

    /// A clock that stands still at `wall` until [`Clock::advance`] moves it.
    pub fn manual(wall: Timestamp) -> Clock {
        Clock::with(Time::Manual {
            wall_millis: AtomicI64::new(wall.as_millisecond()),
            tick: AtomicU64::new(FIRST_TICK),
        })
    }

    fn with(time: Time) -> Clock {
        // 16 digits: below 2^53, so that no JSON reader on the way can round it.
        let base = rand::random_range(1_000_000_000_000_000..8_000_000_000_000_000);
        Clock(Arc::new(Source { time, nonce: AtomicU64::new(base) }))
    }

    /// Wall clock, to the millisecond.
    #[allow(clippy::disallowed_methods)]
    pub fn now(&self) -> Timestamp {
        let millis = match &self.0.time {
            Time::Real { .. } => SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
            Time::Manual { wall_millis, .. } => wall_millis.load(Ordering::Relaxed),
        };
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Monotonic clock, to the millisecond.
    #[allow(clippy::disallowed_methods)]
    pub fn tick(&self) -> Tick {
        self.tick_at(Instant::now())
    }

    /// The tick of a moment that was read off the machine's clock already; a manual clock says what it stands at.
    pub fn tick_at(&self, moment: Instant) -> Tick {
        match &self.0.time {
            Time::Real { started } => Tick(FIRST_TICK).after(moment.saturating_duration_since(*started)),
            Time::Manual { tick, .. } => Tick(tick.load(Ordering::Relaxed)),
        }
    }

    /// Moves a manual clock forward, both times together. A real clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Time::Manual { wall_millis, tick } = &self.0.time {
            let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            wall_millis.fetch_add(i64::try_from(millis).unwrap_or(i64::MAX), Ordering::Relaxed);
            tick.fetch_add(millis, Ordering::Relaxed);
        }
    }

    /// Sets only the wall time of a manual clock, as an operator or NTP would. A real clock is left alone.
    pub fn set_wall(&self, to: Timestamp) {
        if let Time::Manual { wall_millis, .. } = &self.0.time {
            wall_millis.store(to.as_millisecond(), Ordering::Relaxed);
        }
    }

    /// A number in 0..1 for spreading things out; always the middle on a manual clock.
    pub fn chance(&self) -> f64 {
        match self.0.time {
            Time::Real { .. } => rand::random(),
            Time::Manual { .. } => 0.5,
        }
    }

    /// 64 random bits, on a manual clock too: ids that others see must differ from process to process.
    pub fn draw(&self) -> u64 {
        rand::random()
    }

    /// A positive integer that this process never gives twice (`protocol.md` §0 rule 7).
    ///
    /// Random start, then counting: random draws alone would repeat by the birthday rule.
    pub fn nonce(&self) -> u64 {
        self.0.nonce.fetch_add(1, Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0.time {
            Time::Real { .. } => "Clock(real)",
            Time::Manual { .. } => "Clock(manual)",
        })
    }
}
