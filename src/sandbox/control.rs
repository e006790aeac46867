//! The strings behind the scenery: tests and the admin port make the platform have bad days, and ask what it saw.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::calls::{Calls, Endpoint, Received};
use super::credentials::Credentials;
use super::fault::Fault;
use super::ledger::Ledger;
use super::members::FLAGSHIP;
use super::settings::SandboxSettings;
use crate::clock::Clock;

/// Requests remembered for [`Control::received`]; the oldest go first.
const MOST_RECEIVED: usize = 512;

/// Steers a running sandbox. Clones steer the same one.
#[derive(Clone)]
pub struct Control(Arc<Strings>);

struct Strings {
    clock: Clock,
    offset_millis: AtomicI64,
    credentials: Mutex<Credentials>,
    ledger: Ledger,
    calls: Mutex<Calls>,
    arrived: watch::Sender<u64>,
    held: watch::Sender<bool>,
    latency_millis: AtomicU64,
    faults: Mutex<BTreeMap<Endpoint, Plan>>,
    received: Mutex<VecDeque<Received>>,
}

/// A fault and how many more answers it spoils.
struct Plan {
    fault: Fault,
    times: Option<u64>,
}

impl Control {
    pub(super) fn new(settings: &SandboxSettings, clock: Clock) -> Control {
        Control(Arc::new(Strings {
            offset_millis: AtomicI64::new(0),
            credentials: Mutex::new(Credentials::new(settings, clock.now())),
            ledger: Ledger::new(),
            calls: Mutex::default(),
            arrived: watch::Sender::new(0),
            held: watch::Sender::new(false),
            latency_millis: AtomicU64::new(0),
            faults: Mutex::default(),
            received: Mutex::default(),
            clock,
        }))
    }

    /// What has been called so far.
    pub fn calls(&self) -> Calls {
        lock(&self.0.calls).clone()
    }

    /// Counts from zero again, [`Control::arrived`] too, and forgets the requests received.
    pub fn reset_counts(&self) {
        *lock(&self.0.calls) = Calls::default();
        self.0.arrived.send_replace(0);
        lock(&self.0.received).clear();
    }

    /// Every answer of `integral_record` takes this much longer.
    pub fn set_latency(&self, latency: Duration) {
        self.0.latency_millis.store(u64::try_from(latency.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Spoils every answer of `integral_record` that is not a refusal; `None` ends it.
    pub fn fail_records(&self, fault: Option<Fault>) {
        self.fail(Endpoint::Record, fault);
    }

    /// Spoils every answer of an endpoint that is not a refusal; `None` ends it.
    pub fn fail(&self, endpoint: Endpoint, fault: Option<Fault>) {
        let mut faults = lock(&self.0.faults);
        match fault {
            Some(fault) => faults.insert(endpoint, Plan { fault, times: None }),
            None => faults.remove(&endpoint),
        };
    }

    /// Spoils the next `times` answers of an endpoint that are not refusals.
    pub fn fail_next(&self, endpoint: Endpoint, fault: Fault, times: u64) {
        lock(&self.0.faults).insert(endpoint, Plan { fault, times: Some(times) });
    }

    /// Puts rows on top of a member's ledger in the first account set; false if there is no such member.
    pub fn insert_rows(&self, member: &str, rows: u64) -> bool {
        self.insert_rows_in(FLAGSHIP, member, rows)
    }

    /// Puts rows on top of a member's ledger in an account set; false if there is no such member.
    pub fn insert_rows_in(&self, account: &str, member: &str, rows: u64) -> bool {
        self.0.ledger.insert(account, member, rows)
    }

    /// From now on calls of `integral_record` that pass all checks wait for [`Control::release`].
    pub fn hold(&self) {
        self.0.held.send_replace(true);
    }

    /// Lets go of all that wait.
    pub fn release(&self) {
        self.0.held.send_replace(false);
    }

    /// Waits until `calls` calls of `integral_record` have arrived, refused ones too.
    pub async fn arrived(&self, calls: u64) {
        // The sender lives as long as we do, so this can't fail.
        let _ = self.0.arrived.subscribe().wait_for(|arrived| *arrived >= calls).await;
    }

    /// New app secrets for all account sets; the old ones are refused at once, tokens live on.
    pub fn rotate_app_secret(&self) {
        self.credentials().rotate(self.now());
    }

    /// New router domains for all account sets; the old ones lead to a 502.
    pub fn move_domain(&self) {
        self.credentials().move_domains();
    }

    /// Ends the life of all tokens: `1000202001`.
    pub fn expire_tokens(&self) {
        self.credentials().expire_tokens();
    }

    /// Forgets all tokens: 4010.
    pub fn forget_tokens(&self) {
        self.credentials().forget_tokens();
    }

    /// Lets the platform's clock be wrong (or ours, seen from there) by this much.
    pub fn set_clock_offset(&self, offset: SignedDuration) {
        self.0.offset_millis.store(i64::try_from(offset.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// The last requests, oldest first.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.0.received).iter().cloned().collect()
    }

    /// The query of the last `integral_record` call, as it came.
    pub fn last_record_query(&self) -> Option<String> {
        let received = lock(&self.0.received);
        let last = received.iter().rev().find(|request| request.endpoint == Endpoint::Record);
        last.map(|request| request.query().to_owned())
    }

    /// A good day again: no fault, no latency, nobody held, right time, no inserted rows, counts at zero. Secrets,
    /// domains and tokens stay as they are: the platform doesn't take those back either.
    pub fn reset(&self) {
        lock(&self.0.faults).clear();
        self.set_latency(Duration::ZERO);
        self.set_clock_offset(SignedDuration::ZERO);
        self.0.ledger.reset();
        self.reset_counts();
        self.release();
    }

    /// The fault that is switched on for an endpoint.
    pub fn fault(&self, endpoint: Endpoint) -> Option<Fault> {
        lock(&self.0.faults).get(&endpoint).map(|plan| plan.fault.clone())
    }

    pub(super) fn note_arrival(&self, request: Received) {
        let endpoint = request.endpoint;
        let mut received = lock(&self.0.received);
        if received.len() >= MOST_RECEIVED {
            received.pop_front();
        }
        received.push_back(request);
        drop(received);
        let mut calls = lock(&self.0.calls);
        match endpoint {
            Endpoint::Authorize => calls.authorize += 1,
            Endpoint::Token => calls.token += 1,
            Endpoint::Record => calls.record += 1,
        }
        drop(calls);
        if endpoint == Endpoint::Record {
            self.0.arrived.send_modify(|arrived| *arrived += 1);
        }
    }

    pub(super) fn note_refusal(&self, code: u64) {
        *lock(&self.0.calls).refused.entry(code).or_default() += 1;
    }

    /// Waits as long as records are held and slow.
    pub(super) async fn delay(&self) {
        let _ = self.0.held.subscribe().wait_for(|held| !held).await;
        let latency = Duration::from_millis(self.0.latency_millis.load(Ordering::SeqCst));
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
    }

    /// Takes one answer out of an endpoint's fault.
    pub(super) fn next_fault(&self, endpoint: Endpoint) -> Option<Fault> {
        let mut faults = lock(&self.0.faults);
        let plan = faults.get_mut(&endpoint)?;
        let fault = plan.fault.clone();
        match &mut plan.times {
            None => return Some(fault),
            Some(times) => *times = times.saturating_sub(1),
        }
        if plan.times == Some(0) {
            faults.remove(&endpoint);
        }
        Some(fault)
    }

    pub(super) fn credentials(&self) -> MutexGuard<'_, Credentials> {
        lock(&self.0.credentials)
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The platform's time: the clock's, plus how wrong it is.
    pub(super) fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_millis(self.0.offset_millis.load(Ordering::SeqCst));
        let now = self.0.clock.now();
        now.checked_add(offset).unwrap_or(now)
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Control").field(&self.calls()).finish()
    }
}

/// Locks, whatever happened to the one who held it: nothing here is left half changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
