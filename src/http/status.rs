//! The status page of the admin listener: `/status` for people, `/status.json` for scripts.
//!
//! In reading order: what is counted ([`counts`]), the last hour of it ([`samples`]), what needs somebody ([`attention`]),
//! what scripts read ([`body`]), what people see ([`page`]). No secret, no member id is in any of it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Json;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::phase::Phase;
use super::problem::Kind;
use crate::clock::{Clock, Tick};
use crate::history::History;
use crate::telemetry::faults::Fault;
use crate::telemetry::{ReloadMetrics, RequestMetrics};

mod counts;
mod samples;
mod attention;
mod body;
mod page;

use body::{Account, Body, LastHour};
use counts::Totals;
use page::Page;
use samples::{Observed, Samples};

/// How often [`Status::sample`] is to be called.
pub const SAMPLE_EVERY: Duration = samples::EVERY;

/// The page and what it remembers. Clones share everything.
#[derive(Clone)]
pub struct Status(Arc<Shared>);

struct Shared {
    history: History,
    requests: RequestMetrics,
    phase: Phase,
    clock: Clock,
    started: (Timestamp, Tick),
    settings: ArcSwap<Vec<Setting>>,
    reloads: ReloadMetrics,
    samples: Samples,
    page: Page,
}

/// One setting, as `check` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The whole key.
    pub key: String,
    /// Its value; `[redacted]` for a secret.
    pub value: String,
    /// Where it came from.
    pub source: String,
    /// Nobody set it.
    pub is_default: bool,
}

/// What the page is made from.
pub struct StatusParts {
    /// Account sets, cache, faults.
    pub history: History,
    /// What was answered.
    pub requests: RequestMetrics,
    /// Serving or draining.
    pub phase: Phase,
    /// Time.
    pub clock: Clock,
    /// The effective configuration, without secrets.
    pub settings: Vec<Setting>,
    /// How reading it again went.
    pub reloads: ReloadMetrics,
}

impl Status {
    /// A page that remembers nothing yet; uptime counts from now.
    pub fn new(parts: StatusParts) -> Status {
        let StatusParts { history, requests, phase, clock, settings, reloads } = parts;
        let started = (clock.now(), clock.tick());
        Status(Arc::new(Shared {
            history,
            requests,
            phase,
            started,
            clock,
            settings: ArcSwap::from_pointee(settings),
            reloads,
            samples: Samples::new(started.1),
            page: Page::new(),
        }))
    }

    /// Shows another configuration from now on.
    pub fn show(&self, settings: Vec<Setting>) {
        self.0.settings.store(Arc::new(settings));
    }

    /// Remembers what happened since it was called before. To be called every [`SAMPLE_EVERY`].
    pub fn sample(&self) {
        let shared = &self.0;
        let history = &shared.history;
        let (totals, attempts) = Totals::of_answers(&shared.requests).with_calls(history);
        let now = shared.clock.now();
        let counted = shared.samples.add(Observed {
            at: (now, shared.clock.tick()),
            totals,
            ages: history.ages(),
            cache_bytes: history.cache().bytes,
            attempts,
        });
        // Neither meets Kingdee, so nobody else tells of them.
        for (kind, times) in [(Kind::Overloaded, counted.shed), (Kind::Internal, counted.bugs)] {
            if times > 0 {
                history.faults().note(own_fault(kind), times, now);
            }
        }
    }

    pub(super) fn page(&self) -> Response {
        self.0.page.answer(&self.body())
    }

    pub(super) fn json(&self) -> Response {
        Json(self.body()).into_response()
    }

    fn body(&self) -> Body {
        let shared = &self.0;
        let (now, standings) = (shared.clock.now(), shared.history.accounts());
        let faults = shared.history.faults().latest_first();
        let shared_tier = shared.history.shared();
        let accounts = standings.iter().enumerate().map(|(number, account)| {
            let made = account.attempts.ok + account.attempts.failures();
            Account::of(account, shared.samples.of_last_minute(number, made))
        });
        Body {
            version: env!("CARGO_PKG_VERSION"),
            phase: shared.phase.label(),
            now: to_the_second(now),
            started_at: to_the_second(shared.started.0),
            uptime_seconds: shared.clock.tick().since(shared.started.1).as_secs(),
            attention: attention::list(&standings, shared_tier, shared.reloads.last(), &faults, now),
            accounts: accounts.collect(),
            cache: shared.history.cache().into(),
            shared: shared_tier.map(Into::into),
            last_hour: LastHour::of(&shared.samples.all()),
            faults: faults.into_iter().map(Into::into).collect(),
            configuration: shared.settings.load().to_vec(),
        }
    }
}

/// A fault of the gateway itself.
fn own_fault(kind: Kind) -> Fault {
    let advice = match kind {
        Kind::Overloaded => {
            "more requests wait for Kingdee than http.limits.max_in_flight allows; see the lanes and the faults"
        }
        _ => "a bug of the gateway: its log says where; report it",
    };
    Fault {
        account: None,
        class: kind.label(),
        errcode: None,
        status: None,
        detail: kind.title().to_owned(),
        advice,
    }
}

/// RFC 3339 without fractions.
fn to_the_second(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
