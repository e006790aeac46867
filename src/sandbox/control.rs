//! The strings behind the scenery: tests and the admin port make the platform have bad days, and ask what it saw.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::bad_day::BadDay;
use super::calls::{Calls, Endpoint, Received};
use super::credentials::{Credentials, FormerDomain};
use super::fault::Fault;
use super::latency::Latency;
use super::ledger::Ledger;
use super::lock::lock;
use super::members::FLAGSHIP;
use super::meter::BusiestMinute;
use super::plan::Which;
use super::readings::Readings;
use super::schedule::Job;
use super::settings::SandboxSettings;
use super::traffic::Traffic;
use crate::clock::Clock;

/// Steers a running sandbox. Clones steer the same one.
#[derive(Clone)]
pub struct Control(Arc<Strings>);

struct Strings {
    clock: Clock,
    credentials: Mutex<Credentials>,
    ledger: Ledger,
    traffic: Traffic,
    day: BadDay,
}

impl Control {
    pub(super) fn new(settings: &SandboxSettings, clock: Clock) -> Control {
        Control(Arc::new(Strings {
            credentials: Mutex::new(Credentials::new(settings, clock.now())),
            ledger: Ledger::new(),
            traffic: Traffic::new(),
            day: BadDay::new(settings.idle_timeout, settings.readings),
            clock,
        }))
    }

    /// What has been called so far.
    pub fn calls(&self) -> Calls {
        self.0.traffic.calls()
    }

    /// The most calls in any 60 seconds so far: by endpoint, and by account set as Kingdee's quota counts.
    pub fn busiest_minute(&self) -> BusiestMinute {
        self.0.traffic.busiest_minute()
    }

    /// Counts from zero again, [`Control::arrived`] too, and forgets the requests received.
    pub fn reset_counts(&self) {
        self.0.traffic.reset();
    }

    /// Every answer of `integral_record` takes this much longer, at most 10 minutes; zero ends it.
    pub fn set_latency(&self, latency: Duration) {
        let millis = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.slow_down(Endpoint::Record, (millis > 0).then_some(Latency::FixedMs(millis)));
    }

    /// Every answer of an endpoint takes longer; `None` ends it.
    pub fn slow_down(&self, endpoint: Endpoint, latency: Option<Latency>) {
        self.0.day.set_latency(endpoint, latency);
    }

    /// Spoils every answer of `integral_record` that is not a refusal; `None` ends it.
    pub fn fail_records(&self, fault: Option<Fault>) {
        self.fail(Endpoint::Record, fault);
    }

    /// Spoils every answer of an endpoint that is not a refusal; `None` ends it.
    pub fn fail(&self, endpoint: Endpoint, fault: Option<Fault>) {
        self.0.day.plan(endpoint, fault.map(|fault| (fault, Which::All)));
    }

    /// Spoils the next `times` answers of an endpoint that are not refusals.
    pub fn fail_next(&self, endpoint: Endpoint, fault: Fault, times: u64) {
        self.0.day.plan(endpoint, Some((fault, Which::Next(times))));
    }

    /// Spoils about `percent` of a hundred answers of an endpoint; the same seed picks the same ones.
    pub fn fail_some(&self, endpoint: Endpoint, fault: Fault, percent: u8, seed: u64) {
        self.0.day.plan(endpoint, Some((fault, Which::Percent { percent, seed })));
    }

    /// Puts rows on top of a member's ledger in the first account set; false if there is no such member.
    pub fn insert_rows(&self, member: &str, rows: u64) -> bool {
        self.insert_rows_in(FLAGSHIP, member, rows)
    }

    /// Puts rows on top of a member's ledger in an account set; false if there is no such member.
    pub fn insert_rows_in(&self, account: &str, member: &str, rows: u64) -> bool {
        self.0.ledger.insert(account, member, rows)
    }

    /// After each answer of `integral_record` the member asked for has so many rows more: rows inserted while
    /// somebody pages. Zero ends it.
    pub fn grow_while_paging(&self, rows: u64) {
        self.0.day.set_growth(rows);
    }

    /// How what the documents leave open is answered.
    pub fn readings(&self) -> Readings {
        self.0.day.readings()
    }

    /// Answers it another way from now on.
    pub fn read_as(&self, readings: Readings) {
        self.0.day.read_as(readings);
    }

    /// From now on calls of `integral_record` that pass all checks wait for [`Control::release`].
    pub fn hold(&self) {
        self.0.day.hold(true);
    }

    /// Lets go of all that wait.
    pub fn release(&self) {
        self.0.day.hold(false);
    }

    /// Waits until `calls` calls of `integral_record` have arrived, refused ones too.
    pub async fn arrived(&self, calls: u64) {
        self.0.traffic.arrived(calls).await;
    }

    /// A new client secret; the one before it is good, too, until [`Control::end_former_client_secrets`].
    pub fn add_client_secret(&self, secret: &str) {
        self.credentials().add_client_secret(secret.into());
    }

    /// Only the last client secret is good from now on.
    pub fn end_former_client_secrets(&self) {
        self.credentials().end_former_client_secrets();
    }

    /// New app secrets for all account sets; the old ones are refused at once, tokens live on.
    pub fn rotate_app_secret(&self) {
        self.credentials().rotate(self.now());
    }

    /// New router domains for all account sets; the old ones lead to a 502.
    pub fn move_domain(&self) {
        self.move_domain_leaving(FormerDomain::BadGateway);
    }

    /// New router domains for all account sets, and what the old ones answer from now on.
    pub fn move_domain_leaving(&self, former: FormerDomain) {
        self.credentials().move_domains(former);
    }

    /// Does a job every `period` of the sandbox's clock, from 1 ms to a day, just before it answers the next
    /// request; `None` ends it.
    pub fn every(&self, job: Job, period: Option<Duration>) {
        self.0.day.every(job, period, self.0.clock.tick());
    }

    /// Closes connections that are idle this long; those open now end with the answer they are giving. `None`
    /// leaves them open.
    pub fn set_idle_timeout(&self, idle: Option<Duration>) {
        self.0.day.set_idle_timeout(idle);
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
        self.0.day.set_clock_offset(offset);
    }

    /// The last requests, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.0.traffic.received()
    }

    /// The query of the last `integral_record` call, as it came.
    pub fn last_record_query(&self) -> Option<String> {
        let received = self.received();
        let last = received.iter().rev().find(|request| request.endpoint == Endpoint::Record);
        last.map(|request| request.query().to_owned())
    }

    /// A good day again: no fault, no latency, nobody held, right time, nothing scheduled, connections as patient and
    /// open questions answered as the settings say, no inserted rows, counts at zero. Secrets, domains and tokens stay as they are: the platform
    /// doesn't take those back either.
    pub fn reset(&self) {
        self.0.day.reset();
        self.0.ledger.reset();
        self.reset_counts();
    }

    /// The fault that is switched on for an endpoint.
    pub fn fault(&self, endpoint: Endpoint) -> Option<Fault> {
        self.0.day.plans().remove(&endpoint).map(|plan| plan.fault)
    }

    /// Does what is due at this moment.
    pub(super) fn keep_schedule(&self) {
        for job in self.0.day.due(self.0.clock.tick()) {
            match job {
                Job::ExpireTokens => self.expire_tokens(),
                Job::RotateAppSecret => self.rotate_app_secret(),
                Job::MoveDomain => self.move_domain(),
            }
        }
    }

    pub(super) fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }

    pub(super) fn day(&self) -> &BadDay {
        &self.0.day
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
        let now = self.0.clock.now();
        now.checked_add(self.0.day.clock_offset()).unwrap_or(now)
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Control").field(&self.calls()).finish()
    }
}
