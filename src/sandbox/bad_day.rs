//! What is switched on at the moment: faults, latencies, a wrong clock, a growing ledger, a schedule, impatience.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;

use super::calls::Endpoint;
use super::fault::Fault;
use super::latency::Latency;
use super::lock::lock;
use super::plan::{Plan, Which};
use super::readings::Readings;
use super::schedule::{Job, Schedule};
use crate::clock::Tick;

/// All switches, off to begin with.
pub struct BadDay {
    faults: Mutex<BTreeMap<Endpoint, Plan>>,
    latencies: Mutex<BTreeMap<Endpoint, Slowness>>,
    schedule: Mutex<Schedule>,
    offset_millis: AtomicI64,
    growth: AtomicU64,
    held: watch::Sender<bool>,
    idle: watch::Sender<Option<Duration>>,
    usual_idle: Option<Duration>,
    readings: Mutex<Readings>,
    usual_readings: Readings,
}

struct Slowness {
    latency: Latency,
    drawn: u64,
}

impl BadDay {
    /// A good day, on which idle connections live as long as the settings say, and open questions are answered as
    /// they say.
    pub fn new(usual_idle: Option<Duration>, usual_readings: Readings) -> BadDay {
        BadDay {
            faults: Mutex::default(),
            latencies: Mutex::default(),
            schedule: Mutex::default(),
            offset_millis: AtomicI64::new(0),
            growth: AtomicU64::new(0),
            held: watch::Sender::new(false),
            idle: watch::Sender::new(usual_idle),
            usual_idle,
            readings: Mutex::new(usual_readings),
            usual_readings,
        }
    }

    /// A good day again.
    pub fn reset(&self) {
        lock(&self.faults).clear();
        lock(&self.latencies).clear();
        *lock(&self.schedule) = Schedule::default();
        self.set_clock_offset(SignedDuration::ZERO);
        self.set_growth(0);
        self.hold(false);
        self.set_idle_timeout(self.usual_idle);
        self.read_as(self.usual_readings);
    }

    /// Switches a fault of an endpoint on, or off.
    pub fn plan(&self, endpoint: Endpoint, plan: Option<(Fault, Which)>) {
        let mut faults = lock(&self.faults);
        match plan.map(|(fault, which)| Plan::new(fault, which)).filter(|plan| !plan.is_over()) {
            Some(plan) => faults.insert(endpoint, plan),
            None => faults.remove(&endpoint),
        };
    }

    /// What is planned, by endpoint.
    pub fn plans(&self) -> BTreeMap<Endpoint, Plan> {
        lock(&self.faults).clone()
    }

    /// Takes one answer out of an endpoint's plan: its fault, and how many it spoiled before.
    pub fn next_fault(&self, endpoint: Endpoint) -> Option<(Fault, u64)> {
        let mut faults = lock(&self.faults);
        let plan = faults.get_mut(&endpoint)?;
        let taken = plan.take();
        if plan.is_over() {
            faults.remove(&endpoint);
        }
        taken
    }

    /// Every answer of an endpoint takes longer; `None` ends it.
    pub fn set_latency(&self, endpoint: Endpoint, latency: Option<Latency>) {
        let mut latencies = lock(&self.latencies);
        match latency {
            Some(latency) => latencies.insert(endpoint, Slowness { latency, drawn: 0 }),
            None => latencies.remove(&endpoint),
        };
    }

    /// Latencies by endpoint.
    pub fn latencies(&self) -> BTreeMap<Endpoint, Latency> {
        lock(&self.latencies).iter().map(|(endpoint, slow)| (*endpoint, slow.latency)).collect()
    }

    /// Waits as long as this endpoint is held and slow.
    pub async fn delay(&self, endpoint: Endpoint) {
        if endpoint == Endpoint::Record {
            let _ = self.held.subscribe().wait_for(|held| !held).await;
        }
        let drawn = lock(&self.latencies).get_mut(&endpoint).map(|slow| {
            slow.drawn += 1;
            slow.latency.draw(slow.drawn - 1)
        });
        if let Some(latency) = drawn.filter(|latency| !latency.is_zero()) {
            tokio::time::sleep(latency).await;
        }
    }

    /// Lets calls of `integral_record` wait, or lets them go.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// How wrong the platform's clock is.
    pub fn clock_offset(&self) -> SignedDuration {
        SignedDuration::from_millis(self.offset_millis.load(Ordering::SeqCst))
    }

    /// Makes the platform's clock wrong.
    pub fn set_clock_offset(&self, offset: SignedDuration) {
        self.offset_millis.store(i64::try_from(offset.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Rows inserted after each answer of `integral_record`.
    pub fn growth(&self) -> u64 {
        self.growth.load(Ordering::SeqCst)
    }

    /// Lets ledgers grow while they are paged through.
    pub fn set_growth(&self, rows: u64) {
        self.growth.store(rows, Ordering::SeqCst);
    }

    /// How open questions are answered.
    pub fn readings(&self) -> Readings {
        *lock(&self.readings)
    }

    /// Answers open questions another way.
    pub fn read_as(&self, readings: Readings) {
        *lock(&self.readings) = readings;
    }

    /// Schedules a job, or ends it.
    pub fn every(&self, job: Job, period: Option<Duration>, now: Tick) {
        lock(&self.schedule).set(job, period, now);
    }

    /// Jobs that have become due.
    pub fn due(&self, now: Tick) -> Vec<Job> {
        lock(&self.schedule).due(now)
    }

    /// Jobs and their periods.
    pub fn periods(&self) -> BTreeMap<Job, Duration> {
        lock(&self.schedule).periods().collect()
    }

    /// How long an idle connection lives.
    pub fn idle_timeout(&self) -> watch::Receiver<Option<Duration>> {
        self.idle.subscribe()
    }

    /// Changes how long an idle connection lives; those that are open now end with the answer they are giving.
    pub fn set_idle_timeout(&self, idle: Option<Duration>) {
        self.idle.send_if_modified(|now| std::mem::replace(now, idle) != idle);
    }
}
