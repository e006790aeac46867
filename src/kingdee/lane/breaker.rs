//! The circuit breaker: when most calls fail, asking on is no use to anybody; one probe finds out when it is again.
//! Nobody waits for it, so it goes by the gateway's own clock.

use std::time::Duration;

use crate::clock::Tick;

/// How many seconds of outcomes are remembered.
const WINDOW_SECONDS: usize = 10;

/// What a breaker needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Failures within the window, at least half of all outcomes there, that open it.
    pub failures: u32,
    /// First time that it stays open; doubled by each probe that fails.
    pub cooldown: Duration,
    /// Longest time that it stays open.
    pub longest: Duration,
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// One call may find out.
    HalfOpen,
}

/// How a call may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// As one of many.
    Free,
    /// As the one that finds out; see [`Breaker::begin`].
    Probe,
}

/// The breaker of one lane.
#[derive(Debug)]
pub struct Breaker {
    limits: Limits,
    state: State,
    window: [Second; WINDOW_SECONDS],
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed,
    /// `probing` is only ever true after `until`.
    Open {
        until: Tick,
        cooldown: Duration,
        probing: bool,
    },
}

/// Outcomes of one second of the clock.
#[derive(Debug, Clone, Copy, Default)]
struct Second {
    number: u64,
    good: u32,
    bad: u32,
}

impl Breaker {
    /// A closed breaker that has seen nothing.
    pub fn new(limits: Limits) -> Breaker {
        Breaker { limits, state: State::Closed, window: Default::default() }
    }

    /// From now on other limits; where it stands and what it has seen stays.
    pub fn adopt(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Whether a call may pass now.
    ///
    /// # Errors
    /// How long until there is news.
    pub fn check(&self, now: Tick) -> Result<Pass, Duration> {
        match self.state {
            State::Closed => Ok(Pass::Free),
            State::Open { until, .. } if now < until => Err(until.since(now)),
            State::Open { probing: false, .. } => Ok(Pass::Probe),
            State::Open { cooldown, probing: true, .. } => Err(cooldown),
        }
    }

    /// A call that [`Breaker::check`] let pass begins.
    pub fn begin(&mut self, pass: Pass) {
        if let (State::Open { probing, .. }, Pass::Probe) = (&mut self.state, pass) {
            *probing = true;
        }
    }

    /// A call ended, `well` or in a failure that speaks against Kingdee.
    pub fn end(&mut self, pass: Pass, well: bool, now: Tick) {
        match (self.state, pass) {
            (State::Open { .. }, Pass::Probe) if well => {
                self.state = State::Closed;
                self.window = Default::default();
            }
            (State::Open { cooldown, .. }, Pass::Probe) => {
                self.open(cooldown.saturating_mul(2).min(self.limits.longest), now);
            }
            // Sent before it opened: old news.
            (State::Open { .. }, Pass::Free) => {}
            (State::Closed, _) => {
                self.count(well, now);
                if self.fails(now) {
                    self.open(self.limits.cooldown.min(self.limits.longest), now);
                }
            }
        }
    }

    /// A call ended in a way that says nothing about Kingdee. Another one may probe.
    pub fn forget(&mut self, pass: Pass) {
        if let (State::Open { probing, .. }, Pass::Probe) = (&mut self.state, pass) {
            *probing = false;
        }
    }

    /// Where it stands.
    pub fn standing(&self, now: Tick) -> Standing {
        match self.state {
            State::Closed => Standing::Closed,
            State::Open { until, .. } if now < until => Standing::Open,
            State::Open { .. } => Standing::HalfOpen,
        }
    }

    fn open(&mut self, cooldown: Duration, now: Tick) {
        self.state = State::Open { until: now.after(cooldown), cooldown, probing: false };
    }

    fn count(&mut self, well: bool, now: Tick) {
        let number = second_of(now);
        let Some(second) = self.window.get_mut(number as usize % WINDOW_SECONDS) else { return };
        if second.number != number {
            *second = Second { number, ..Second::default() };
        }
        let count = if well { &mut second.good } else { &mut second.bad };
        *count = count.saturating_add(1);
    }

    fn fails(&self, now: Tick) -> bool {
        let oldest = (second_of(now) + 1).saturating_sub(WINDOW_SECONDS as u64);
        let recent = self.window.iter().filter(|second| second.number >= oldest);
        let (good, bad) = recent.fold((0u32, 0u32), |(good, bad), second| {
            (good.saturating_add(second.good), bad.saturating_add(second.bad))
        });
        bad >= self.limits.failures && bad >= good
    }
}

fn second_of(now: Tick) -> u64 {
    now.as_millis() / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { failures: 10, cooldown: Duration::from_secs(1), longest: Duration::from_secs(30) };

    fn start() -> Tick {
        Tick::default().after(Duration::from_secs(1000))
    }

    fn ends(breaker: &mut Breaker, outcomes: &[bool], now: Tick) {
        for well in outcomes {
            let pass = breaker.check(now).unwrap();
            breaker.begin(pass);
            breaker.end(pass, *well, now);
        }
    }

    fn opened(now: Tick) -> Breaker {
        let mut breaker = Breaker::new(LIMITS);
        ends(&mut breaker, &[false; 10], now);
        assert_eq!(breaker.standing(now), Standing::Open);
        breaker
    }

    #[test]
    fn it_opens_at_half_of_enough() {
        let now = start();
        let mut breaker = Breaker::new(LIMITS);
        ends(&mut breaker, &[false; 9], now);
        assert_eq!(breaker.standing(now), Standing::Closed, "nine are not enough");
        ends(&mut breaker, &[true; 11], now);
        ends(&mut breaker, &[false; 1], now);
        assert_eq!(breaker.standing(now), Standing::Closed, "ten of twenty-one are not half");
        ends(&mut breaker, &[false; 1], now);
        assert_eq!(breaker.standing(now), Standing::Open, "eleven of twenty-two are");
        assert_eq!(breaker.check(now), Err(Duration::from_secs(1)));
    }

    #[test]
    fn what_is_ten_seconds_old_is_forgotten() {
        let now = start();
        let mut breaker = Breaker::new(LIMITS);
        ends(&mut breaker, &[false; 9], now);
        let later = now.after(Duration::from_secs(10));
        ends(&mut breaker, &[false; 9], later);
        assert_eq!(breaker.standing(later), Standing::Closed);
        ends(&mut breaker, &[false; 1], later.after(Duration::from_secs(9)));
        assert_eq!(breaker.standing(later.after(Duration::from_secs(9))), Standing::Open);
    }

    #[test]
    fn one_probe_at_a_time_and_each_that_fails_doubles_the_time() {
        let mut now = start();
        let mut breaker = opened(now);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let cooldown = Duration::from_secs(seconds);
            assert_eq!(breaker.check(now), Err(cooldown));
            now = now.after(cooldown);
            assert_eq!((breaker.standing(now), breaker.check(now)), (Standing::HalfOpen, Ok(Pass::Probe)));
            breaker.begin(Pass::Probe);
            assert_eq!(breaker.check(now), Err(cooldown), "the second waits for the first");
            breaker.end(Pass::Probe, false, now);
        }
        now = now.after(Duration::from_secs(30));
        ends(&mut breaker, &[true], now);
        assert_eq!((breaker.standing(now), breaker.check(now)), (Standing::Closed, Ok(Pass::Free)));
        ends(&mut breaker, &[false; 9], now);
        assert_eq!(breaker.standing(now), Standing::Closed, "the old failures are forgotten");
        ends(&mut breaker, &[false], now);
        assert_eq!(breaker.check(now), Err(Duration::from_secs(1)), "and so is the long pause");
    }

    #[test]
    fn a_probe_that_says_nothing_makes_room_for_another() {
        let now = start();
        let mut breaker = opened(now);
        let later = now.after(Duration::from_secs(1));
        breaker.begin(Pass::Probe);
        breaker.forget(Pass::Probe);
        assert_eq!(breaker.check(later), Ok(Pass::Probe));
    }

    #[test]
    fn calls_from_before_neither_close_it_nor_keep_it_open() {
        let now = start();
        let mut breaker = opened(now);
        breaker.end(Pass::Free, true, now);
        breaker.end(Pass::Free, false, now);
        breaker.forget(Pass::Free);
        assert_eq!(breaker.check(now), Err(Duration::from_secs(1)));
    }
}
