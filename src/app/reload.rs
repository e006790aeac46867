//! The configuration read again while serving: all of it that can be, or none of it.
//!
//! Everything that can fail comes first. Then each room takes its part over; what is under way ends with what it began
//! with. Connections, cache and lanes stay.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::accounts::accounts_of;
use crate::clock::Clock;
use crate::config::origin::shortened;
use crate::config::{Changes, Config, Effective, Faults, Loader, Origin, Trace};
use crate::domain::account::AccountIndex;
use crate::history::{History, Rules};
use crate::http::PointsHistory;
use crate::http::edge::Edge;
use crate::http::front::Front;
use crate::http::problem::ConfigurationFault;
use crate::http::reload::{Reload, ReloadOutcome, Reloaded};
use crate::http::settings::{DrainSettings, HttpSettings};
use crate::http::status::{Setting, Status};
use crate::kingdee::{Kingdee, KingdeeError, KingdeeSettings, Prepared};
use crate::telemetry::log::Level;
use crate::telemetry::{AccessLog, ReloadMetrics};

/// Faults that get a line of their own in the log; an answer names all of them, and so does `check`.
const MOST_LINES: usize = 100;

/// What is told to wait when the client is another one: records in the shared tier stay sealed for the one before, and
/// replicas that start anew share with each other only.
const SEAL: &str = "shared.*";

/// What reads the configuration again. Clones share it.
#[derive(Clone)]
pub struct Reloader(Arc<Shared>);

struct Shared {
    loader: Loader,
    rooms: Rooms,
    /// One reload at a time.
    turn: Arc<Semaphore>,
    /// Held for a moment only; changed by whoever has the turn.
    state: Mutex<State>,
}

struct State {
    config: Config,
    trace: Trace,
    /// What the shared tier is sealed with, if there is one.
    sealed: Option<KingdeeSettings>,
}

/// Everything that takes a part of the configuration over.
pub(super) struct Rooms {
    pub edge: Edge,
    pub admin_edge: Edge,
    pub front: Front,
    pub endpoint: PointsHistory,
    pub history: History,
    pub kingdee: Kingdee,
    pub access: AccessLog,
    pub level: Level,
    pub status: Status,
    pub metrics: ReloadMetrics,
    pub clock: Clock,
}

/// Who wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// SIGHUP.
    Signal,
    /// `POST /admin/reload`.
    Request,
    /// A file has changed.
    Files,
}

impl Cause {
    fn label(self) -> &'static str {
        match self {
            Cause::Signal => "signal",
            Cause::Request => "request",
            Cause::Files => "files",
        }
    }
}

impl Reloader {
    /// For rooms that keep to `config`, which `loader` has read.
    pub(super) fn new(loader: Loader, config: Config, trace: Trace, rooms: Rooms) -> Reloader {
        rooms.metrics.started(rooms.clock.now());
        let sealed = config.shared.url.is_some().then(|| config.kingdee.clone());
        let (turn, state) = (Arc::new(Semaphore::new(1)), Mutex::new(State { config, trace, sealed }));
        Reloader(Arc::new(Shared { loader, rooms, turn, state }))
    }

    /// Reads the configuration and takes it over, after a reload that is under way. Goes on when this is dropped.
    pub async fn reload(&self, cause: Cause) -> ReloadOutcome {
        match Arc::clone(&self.0.turn).acquire_owned().await {
            Ok(turn) => self.take_turn(turn, cause).await,
            Err(_closed) => ReloadOutcome::Lost,
        }
    }

    /// How long a drain lasts before it closes the door, as configured now.
    pub(super) fn grace(&self) -> Duration {
        self.0.state().config.http.drain.grace
    }

    /// For the admin listener: at once or not at all.
    pub(super) fn for_requests(&self) -> Reload {
        let reloader = self.clone();
        Arc::new(move || {
            let reloader = reloader.clone();
            Box::pin(async move {
                match Arc::clone(&reloader.0.turn).try_acquire_owned() {
                    Ok(turn) => reloader.take_turn(turn, Cause::Request).await,
                    Err(_taken) => ReloadOutcome::Busy,
                }
            })
        })
    }

    /// What the configuration was last read from, as it was then and as it is now.
    pub(super) async fn look(&self) -> Option<(Trace, Trace)> {
        let shared = Arc::clone(&self.0);
        let looked = tokio::task::spawn_blocking(move || {
            let then = shared.state().trace.clone();
            let now = shared.loader.look_again(&then);
            (then, now)
        });
        looked.await.ok()
    }

    /// On a thread that may wait for files and certificates. It keeps the turn to its end, though whoever asked hangs up.
    async fn take_turn(&self, turn: OwnedSemaphorePermit, cause: Cause) -> ReloadOutcome {
        let shared = Arc::clone(&self.0);
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            shared.reload(cause)
        });
        work.await.unwrap_or(ReloadOutcome::Lost)
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reload(&self, cause: Cause) -> ReloadOutcome {
        let (read, trace) = self.loader.load();
        let (before, sealed) = {
            let mut state = self.state();
            state.trace = trace;
            (state.config.clone(), state.sealed.clone())
        };
        let prepared = read.map_err(|faults| named(&faults)).and_then(|new| {
            let (config, mut changes) = before.changed_to(&new);
            if sealed.is_some_and(|sealed| !sealed.is_the_client_of(&config.kingdee)) {
                changes.needs_restart.push(SEAL.to_owned());
            }
            let prepared = self.rooms.kingdee.prepare(config.kingdee.clone()).map_err(unbuilt)?;
            Ok((config, changes, prepared))
        });
        match prepared {
            Ok((config, changes, prepared)) => {
                let reloaded = self.rooms.adopt(&config, changes, prepared);
                self.state().config = config;
                self.rooms.metrics.applied(self.rooms.clock.now(), reloaded.needs_restart.len());
                tell_applied(&reloaded, cause);
                ReloadOutcome::Applied(reloaded)
            }
            Err(faults) => {
                self.rooms.metrics.refused();
                tell_refused(&faults, cause);
                ReloadOutcome::Refused(faults)
            }
        }
    }
}

impl Rooms {
    /// From the inside out: who asks a room that has the new settings never meets one below that has the old ones.
    fn adopt(&self, config: &Config, changes: Changes, kingdee: Prepared) -> Reloaded {
        self.history.stop_sharing();
        let elsewhere = self.kingdee.adopt(kingdee).elsewhere;
        let rules = Rules { history: config.history.clone(), cooldowns: config.cache.clone() };
        self.history.adopt(rules, &elsewhere);
        self.endpoint.adopt(accounts_of(config));
        let HttpSettings { limits, drain, .. } = &config.http;
        self.front.adopt(limits);
        self.edge.adopt(limits.clone(), drain.clone());
        self.admin_edge.adopt(limits.clone(), DrainSettings::AT_ONCE);
        self.access.switch(config.log.access);
        if changes.applied.iter().any(|key| key == "log.level") {
            self.level.set(&config.log.level);
        }
        self.status.show(shown(config));
        let accounts = &config.kingdee.accounts;
        let name =
            |index: &AccountIndex| accounts.get(index.as_usize()).map(|account| account.name.to_string());
        Reloaded {
            forgotten_accounts: elsewhere.iter().filter_map(name).collect(),
            changed: changes.applied,
            needs_restart: changes.needs_restart,
        }
    }
}

/// Every setting that is in force, as the status page shows it.
pub(super) fn shown(config: &Config) -> Vec<Setting> {
    let setting = |line: &Effective| {
        let (key, value, source) = (line.key.clone(), line.value.clone(), line.source.to_string());
        Setting { key, value, source, is_default: line.source == Origin::Default }
    };
    config.effective().iter().map(setting).collect()
}

fn named(faults: &Faults) -> Vec<ConfigurationFault> {
    let named = faults.as_slice().iter().map(|fault| ConfigurationFault {
        key: shortened(&fault.key, 120),
        source: fault.source.to_string(),
        problem: fault.problem.clone(),
        allowed: fault.allowed.clone(),
        fix: fault.fix.clone(),
    });
    named.collect()
}

fn unbuilt(error: KingdeeError) -> Vec<ConfigurationFault> {
    vec![ConfigurationFault {
        key: "kingdee".into(),
        source: "this machine".into(),
        problem: format!("the client for Kingdee can't be built: {error}"),
        allowed: "a machine whose root certificates can be read".into(),
        fix: "Look at the machine's certificates, then reload.".into(),
    }]
}

fn tell_applied(reloaded: &Reloaded, cause: Cause) {
    let Reloaded { changed, needs_restart, forgotten_accounts } = reloaded;
    let (changed, cause) = (changed.join(", "), cause.label());
    tracing::info!(cause, changed, "the configuration was read again and is in force");
    if !needs_restart.is_empty() {
        let keys = needs_restart.join(", ");
        tracing::warn!(keys, "needs a restart: these keys keep their old values until then");
    }
    if !forgotten_accounts.is_empty() {
        let accounts = forgotten_accounts.join(", ");
        tracing::warn!(
            accounts,
            "these account sets are read from elsewhere now; their cached rows are forgotten"
        );
    }
}

fn tell_refused(faults: &[ConfigurationFault], cause: Cause) {
    for fault in faults.iter().take(MOST_LINES) {
        let ConfigurationFault { key, source, problem, allowed, fix } = fault;
        tracing::error!(key, source, problem, allowed, fix, "a fault in the configuration");
    }
    let (cause, faults) = (cause.label(), faults.len());
    tracing::error!(cause, faults, "the configuration is refused, and the one before it stays in force");
}
