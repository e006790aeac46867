//! The lane in front of one account set: so many calls at once, so many a minute, so many waiting, no longer than
//! their deadline, nor long in a crowd that does not end; users first; none while Kingdee fails, fewer while it refuses.
//! Every attempt passes here, retries too; cache hits never do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

use super::call::{Call, Priority};
use super::failure::{Failure, KingdeeError};
use super::settings::LaneSettings;
use crate::clock::Clock;

pub mod rate;
pub mod queue;
pub mod crowd;
pub mod breaker;
pub mod budget;
pub mod turn;
pub mod debt;
pub mod fleet;

use breaker::{Breaker, Pass, Standing};
use budget::Budget;
use crowd::Crowd;
use fleet::FleetQuota;
use queue::{Place, Queue};
use rate::{MINUTE, Rate};
pub use turn::{Suspect, Turn};

/// One account set's quota at Kingdee, as far as we use it.
pub struct Lane {
    clock: Clock,
    /// Where replicas share the quota.
    fleet: Option<ArcSwap<FleetQuota>>,
    /// Never held across an await.
    state: Mutex<State>,
}

struct State {
    settings: LaneSettings,
    under_way: u32,
    queue: Queue,
    crowd: Crowd,
    rate: Option<Rate>,
    breaker: Breaker,
    budget: Budget,
}

/// What an attempt tells about Kingdee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It answers, whatever it says.
    Answers,
    /// It fails, or can't be reached.
    Fails,
    /// It refuses for want of quota: slow down.
    Refuses,
    /// Nothing can be said.
    Unknown,
}

/// What a lane looks like at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneSnapshot {
    /// Calls that wait.
    pub waiting: u32,
    /// Calls under way.
    pub under_way: u32,
    /// Calls that the rate would let begin at once.
    pub tokens: u32,
    /// The share of the configured rate that is in use, from 1/16 to 1.
    pub rate_factor: f64,
    /// How long Kingdee's `Retry-After` still holds everybody.
    pub paused_for: Duration,
    /// The breaker.
    pub breaker: Standing,
    /// Until when the breaker refuses everybody.
    pub probe_in: Duration,
    /// Whole retries that the budget has saved up.
    pub retries_saved: u32,
    /// Its limits: calls a minute, under way at once, waiting.
    pub limits: LaneLimits,
}

/// What a lane may do at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLimits {
    /// Calls a minute at the full rate.
    pub per_minute: u32,
    /// Calls under way at once.
    pub concurrency: u32,
    /// Calls that may wait.
    pub queue: u32,
}

impl Lane {
    /// A lane with nobody in it; `fleet` is the quota where replicas share one.
    pub fn new(settings: &LaneSettings, fleet: Option<FleetQuota>, clock: Clock) -> Lane {
        Lane {
            clock,
            fleet: fleet.map(ArcSwap::from_pointee),
            state: Mutex::new(State {
                settings: settings.clone(),
                under_way: 0,
                queue: Queue::default(),
                crowd: Crowd::default(),
                rate: Rate::new(settings.per_minute, settings.burst),
                breaker: Breaker::new(limits_of(settings)),
                budget: Budget::new(settings.retry_budget_percent),
            }),
        }
    }

    /// From now on other limits. Whoever waits stays where they are, and everything that was learned about Kingdee stays.
    pub fn adopt(&self, settings: &LaneSettings) {
        let (mut state, now) = (self.lock(), Instant::now());
        let before = std::mem::replace(&mut state.settings, settings.clone());
        if (before.per_minute, before.burst) != (settings.per_minute, settings.burst) {
            match (&mut state.rate, Rate::new(settings.per_minute, settings.burst)) {
                (Some(rate), Some(other)) => rate.adopt(other, now),
                (rate, other) => *rate = other.map(|rate| rate.without_burst(now)),
            }
            if let Some(fleet) = &self.fleet {
                fleet.store(Arc::new(fleet.load().successor(settings)));
            }
        }
        state.breaker.adopt(limits_of(settings));
        state.budget.adopt(settings.retry_budget_percent);
        state.queue.ring();
    }

    /// Waits for a turn. Every attempt needs its own, retries too.
    ///
    /// # Errors
    /// [`Failure::LaneFull`] with an honest `retry_after`, at once where the turn would come after the deadline, too
    /// many are waiting already, or the breaker is open.
    pub async fn enter(&self, call: Call<'_>) -> Result<Turn<'_>, KingdeeError> {
        let turn = self.enter_alone(call.priority, call.deadline).await?;
        let Some(fleet) = &self.fleet else { return Ok(turn) };
        let (fleet, now) = (fleet.load_full(), Instant::now());
        let latest = self.lock().crowd.latest_slot(call.priority, fleet.interval(), now, call.deadline);
        let slot = fleet.slot(Call { deadline: latest, ..call }).await;
        self.tell_crowd(call.priority, slot);
        sleep(slot.map_err(full)?).await;
        Ok(turn.begun_now())
    }

    /// Where replicas share the quota, it says whether there is a crowd.
    fn tell_crowd(&self, priority: Priority, slot: Result<Duration, Duration>) {
        let mut state = self.lock();
        match slot {
            Ok(Duration::ZERO) => state.crowd.passed(priority),
            Ok(_) | Err(_) => state.crowd.blocked(priority, Instant::now()),
        }
    }

    /// As far as this replica alone is concerned.
    async fn enter_alone(&self, priority: Priority, deadline: Instant) -> Result<Turn<'_>, KingdeeError> {
        let seat = match self.arrive(priority, deadline)? {
            Admitted::Go(turn) => return Ok(turn),
            Admitted::Wait(seat) => seat,
        };
        loop {
            let wake = match self.advance(&seat)? {
                Advance::Go(turn) => return Ok(turn),
                Advance::Wait(until) => until,
            };
            if Instant::now() >= seat.latest {
                return Err(self.refusal(priority));
            }
            let _rung_or_time = timeout_at(wake, seat.bell.notified()).await;
        }
    }

    /// Takes the right to a retry out of the budget; false if there is none.
    pub fn may_retry(&self) -> bool {
        self.lock().budget.withdraw(Instant::now())
    }

    /// How it looks now.
    pub fn snapshot(&self) -> LaneSnapshot {
        let (state, now) = (self.lock(), Instant::now());
        let rate = state.rate.as_ref();
        let paused = rate.and_then(|rate| rate.paused_until(now));
        LaneSnapshot {
            waiting: state.queue.waiting(),
            under_way: state.under_way,
            tokens: rate.map_or(0, |rate| rate.tokens(now)),
            rate_factor: rate.map_or(1.0, |rate| rate.factor(now)),
            paused_for: paused.map_or(Duration::ZERO, |until| until - now),
            breaker: state.breaker.standing(self.clock.tick()),
            probe_in: state.breaker.check(self.clock.tick()).err().unwrap_or_default(),
            retries_saved: state.budget.saved(),
            limits: LaneLimits {
                per_minute: state.settings.per_minute,
                concurrency: state.settings.concurrency,
                queue: state.settings.queue,
            },
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes, if nobody is in the way; sits down otherwise, if there is a seat and the turn could come in time.
    fn arrive(&self, priority: Priority, deadline: Instant) -> Result<Admitted<'_>, KingdeeError> {
        let (mut state, now) = (self.lock(), Instant::now());
        let ahead = state.queue.ahead_of(priority);
        let slot = state.rate.as_ref().ok_or_else(|| full(MINUTE))?.slot(now, ahead);
        let pass = state.breaker.check(self.clock.tick()).map_err(broken)?;
        if ahead == 0 && state.under_way < state.settings.concurrency && slot <= now {
            if self.fleet.is_none() {
                state.crowd.passed(priority);
            }
            return Ok(Admitted::Go(state.begin(self, pass, now)));
        }
        state.crowd.blocked(priority, now);
        let (latest, turn) = (state.crowd.latest(now, deadline), state.expected(slot, now, ahead));
        let seats = Queue::seats(state.settings.queue, priority);
        if turn > latest || state.queue.waiting() >= seats {
            return Err(full(turn.saturating_duration_since(now)));
        }
        if !state.crowd.admits(priority, ahead, turn, now, latest) {
            return Err(full(latest - now));
        }
        let (place, bell) = state.queue.sit(priority);
        Ok(Admitted::Wait(Seat { lane: self, place, bell, latest }))
    }

    /// Goes, if it is this place's turn; says when to look again otherwise.
    fn advance(&self, seat: &Seat<'_>) -> Result<Advance<'_>, KingdeeError> {
        let (mut state, now) = (self.lock(), Instant::now());
        let pass = state.breaker.check(self.clock.tick()).map_err(broken)?;
        if !state.queue.is_head(seat.place) || state.under_way >= state.settings.concurrency {
            return Ok(Advance::Wait(seat.latest));
        }
        let slot = state.rate.as_ref().ok_or_else(|| full(MINUTE))?.slot(now, 0);
        if slot > seat.latest {
            return Err(full(slot - now));
        }
        if slot > now {
            return Ok(Advance::Wait(slot));
        }
        Ok(Advance::Go(state.begin(self, pass, now)))
    }

    fn refusal(&self, priority: Priority) -> KingdeeError {
        let (state, now) = (self.lock(), Instant::now());
        let ahead = state.queue.ahead_of(priority);
        full(state.rate.as_ref().map_or(MINUTE, |rate| rate.slot(now, ahead) - now))
    }
}

fn limits_of(settings: &LaneSettings) -> breaker::Limits {
    breaker::Limits {
        failures: settings.breaker_failures,
        cooldown: settings.breaker_cooldown,
        longest: settings.breaker_cooldown_max,
    }
}

impl State {
    /// When a newcomer's turn can be expected.
    fn expected(&self, slot: Instant, now: Instant, ahead: u32) -> Instant {
        let places = self.settings.concurrency;
        let ends = (self.under_way + 1).saturating_add(ahead).saturating_sub(places);
        self.crowd.expected(slot, now, ends, places)
    }

    fn begin<'l>(&mut self, lane: &'l Lane, pass: Pass, now: Instant) -> Turn<'l> {
        self.under_way += 1;
        self.breaker.begin(pass);
        if let Some(rate) = &mut self.rate {
            rate.take(now);
        }
        Turn::new(lane, pass, now)
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.snapshot().fmt(f)
    }
}

enum Admitted<'l> {
    Go(Turn<'l>),
    Wait(Seat<'l>),
}

enum Advance<'l> {
    Go(Turn<'l>),
    Wait(Instant),
}

/// Rounded up: a header can only say whole seconds, and a zero would invite at once.
fn full(wait: Duration) -> KingdeeError {
    let wait = Duration::from_secs(wait.as_secs() + 1);
    KingdeeError {
        retry_after: Some(wait),
        ..KingdeeError::because(Failure::LaneFull, "no room before the deadline")
    }
}

fn broken(wait: Duration) -> KingdeeError {
    let detail = "most calls fail; none is made for a while";
    KingdeeError { detail: detail.to_owned(), ..full(wait) }
}

/// A place in the queue for as long as somebody waits there, even if the task is dropped.
struct Seat<'l> {
    lane: &'l Lane,
    place: Place,
    bell: Arc<Notify>,
    /// Nobody sits here longer.
    latest: Instant,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut state = self.lane.lock();
        state.queue.leave(self.place);
        // Whoever leaves, with a turn or without, may have been the head.
        state.queue.ring();
    }
}

#[cfg(test)]
mod tests;
