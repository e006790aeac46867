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
    Real { started: Instant, wall: Wall },
    Manual { wall_millis: AtomicI64, tick: AtomicU64 },
}

/// Process uptime starts here, so that a tick is never zero by accident.
const FIRST_TICK: u64 = 1 << 40;

impl Clock {
    /// The machine's own clocks.
    #[allow(clippy::disallowed_methods)] // the one place that may ask
    pub fn real() -> Clock {
        Clock::with(Time::Real { started: Instant::now(), wall: Wall::default() })
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
    pub fn now(&self) -> Timestamp {
        let millis = match &self.0.time {
            Time::Real { .. } => unix_millis(),
            Time::Manual { wall_millis, .. } => wall_millis.load(Ordering::Relaxed),
        };
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Wall clock at a moment that was read off the machine's clock already: for what is written down thousands of times a
    /// second. A correction of the wall clock shows after [`Wall::READ_EVERY`] of running time at most.
    pub fn now_at(&self, moment: Instant) -> Timestamp {
        let Time::Real { started, wall } = &self.0.time else { return self.now() };
        let since = moment.saturating_duration_since(*started).as_millis();
        let millis = wall.at(i64::try_from(since).unwrap_or(i64::MAX), unix_millis);
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
            Time::Real { started, .. } => Tick(FIRST_TICK).after(moment.saturating_duration_since(*started)),
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

/// Milliseconds since 1970.
#[allow(clippy::disallowed_methods)]
fn unix_millis() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// What the wall clock showed when it was last asked, in milliseconds: asking costs more than adding.
struct Wall {
    /// When that was, by the clock that never goes back.
    read_at: AtomicI64,
    /// By how much the wall clock was ahead of that one.
    ahead: AtomicI64,
}

impl Wall {
    /// Milliseconds after which it is asked again.
    const READ_EVERY: u64 = 100;

    /// What it shows at a moment, if it is asked right then: by what a thread was held up in between, it is ahead until it
    /// is asked again.
    fn at(&self, moment: i64, ask: impl FnOnce() -> i64) -> i64 {
        if moment.abs_diff(self.read_at.load(Ordering::Acquire)) > Wall::READ_EVERY {
            self.ahead.store(ask().saturating_sub(moment), Ordering::Relaxed);
            self.read_at.store(moment, Ordering::Release); // who sees this sees that
        }
        moment.saturating_add(self.ahead.load(Ordering::Relaxed))
    }
}

impl Default for Wall {
    /// Not asked yet.
    fn default() -> Wall {
        Wall { read_at: AtomicI64::new(i64::MIN), ahead: AtomicI64::new(0) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_is_asked_once_in_a_while_and_its_corrections_are_seen() {
        let wall = Wall::default();
        let never = || -> i64 { unreachable!("asked too often") };
        assert_eq!(wall.at(5, || 1_000_005), 1_000_005);
        assert_eq!(
            (wall.at(6, never), wall.at(105, never), wall.at(0, never)),
            (1_000_006, 1_000_105, 1_000_000)
        );
        assert_eq!(wall.at(106, || 500), 500, "set back");
        assert_eq!(wall.at(110, never), 504);
        assert_eq!(wall.at(1_000, || 9_000), 9_000, "set forward after a rest");
    }

    #[test]
    #[allow(clippy::disallowed_methods)]
    fn a_moment_has_the_wall_time_it_has() {
        let clock = Clock::real();
        for _ in 0..3 {
            let (before, at, after) = (clock.now(), clock.now_at(Instant::now()), clock.now());
            let slack = jiff::SignedDuration::from_millis(2 + Wall::READ_EVERY as i64); // held up in between
            assert!(before - slack <= at && at <= after + slack, "{before} {at} {after}");
        }
        let stands = Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(Clock::manual(stands).now_at(Instant::now()), stands);
    }
}
