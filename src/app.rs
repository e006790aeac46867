//! The one place where rooms are wired together; start, serve, drain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::service::TowerToHyperService;
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, Loader, Trace};
use crate::history::History;
use crate::http::admin::{self, Admin};
use crate::http::edge::Edge;
use crate::http::front::{Front, FrontParts};
use crate::http::landing::Sample;
use crate::http::phase::Phase;
use crate::http::request_id::RequestIds;
use crate::http::settings::DrainSettings;
use crate::http::status::{Status, StatusParts};
use crate::http::{PointsHistory, router};
use crate::kingdee::{Kingdee, KingdeeSettings};
use crate::shared::{Shared, SharedError, SharedSettings, seal};
use crate::telemetry::log::Level;
use crate::telemetry::trace::Exporter;
use crate::telemetry::{AccessLog, Members, Metrics, TraceSettings, Tracer};

mod accounts;
mod chores;
pub mod demo;
pub mod error;
mod listeners;
pub mod reload;
pub mod watch;

use accounts::accounts_of;
use chores::{flush_now_and_then, sample_now_and_then};
pub use error::StartError;
use listeners::{listen, serve_on_thread, threads};
use reload::{Reloader, Rooms};

/// A gateway that serves. Dropping it leaves it serving; [`App::drain`] ends it.
pub struct App {
    public: SocketAddr,
    admin: SocketAddr,
    front: Front,
    history: History,
    metrics: Arc<Metrics>,
    status: Status,
    phase: Phase,
    stop: CancellationToken,
    ended_all: CancellationToken,
    access: AccessLog,
    reloader: Reloader,
    exporter: Option<Exporter>,
    ended: Vec<oneshot::Receiver<()>>,
    admins: Vec<tokio::task::JoinHandle<()>>,
}

/// What surrounds a gateway.
pub struct Surroundings {
    /// Time and chance.
    pub clock: Clock,
    /// One line a request.
    pub access: AccessLog,
    /// Members that the landing page offers.
    pub samples: Vec<Sample>,
    /// Where the configuration is read from when it is read again.
    pub reloading: Reloading,
}

/// What reading the configuration again needs.
pub struct Reloading {
    /// Reads it.
    pub loader: Loader,
    /// What the one was read from that the gateway starts with.
    pub trace: Trace,
    /// Takes `log.level` over.
    pub level: Level,
    /// How often files are looked at; `None` if nobody should.
    pub look_every: Option<Duration>,
}

impl App {
    /// Starts to serve. Fetches and the admin listener run on the runtime that this is called from; the public
    /// listener has threads of its own, each with its own runtime and its own share of the connections.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: Config, surroundings: Surroundings) -> Result<App, StartError> {
        let Surroundings { clock, access, samples, reloading } = surroundings;
        access.switch(config.log.access);
        let accounts = accounts_of(&config);
        let metrics = Arc::new(Metrics::new(&clock));
        // By the secret of the start, to the end: a member looks the same in all lines of a process.
        let members = Members::keyed_by(config.kingdee.client_secret.expose_secret().as_bytes());
        let http = config.http.clone();
        // Before the client is built, which reads every root certificate of the machine: callers may queue already.
        let (public, listeners) =
            listen("http.listen", http.listen, threads(http.threads), http.takeover).await?;
        let (admin_address, admin_listeners) =
            listen("http.admin_listen", http.admin_listen, 1, http.takeover).await?;
        let (stop, ended_all) = (CancellationToken::new(), CancellationToken::new());
        let shared = shared(&config.shared, &config.kingdee, ended_all.clone())?;
        let kingdee = Kingdee::new(config.kingdee.clone(), shared.clone(), clock.clone())?;
        let (counters, runtime) = (Arc::clone(&metrics.counters), Handle::current());
        let (tracer, exporter) = traces(&config.trace, &clock, &metrics)?;
        let (rules, cache, tier) = (config.history.clone(), config.cache.clone(), shared);
        let history = History::new(rules, cache, kingdee.clone(), tier, clock.clone(), counters, runtime);
        let phase = Phase::new();
        let ids = Arc::new(RequestIds::starting_at(clock.nonce()));
        let status = Status::new(StatusParts {
            history: history.clone(),
            requests: metrics.requests.clone(),
            phase: phase.clone(),
            clock: clock.clone(),
            settings: reload::shown(&config),
            reloads: metrics.reloads.clone(),
        });
        let endpoint = PointsHistory::new(history.clone(), accounts.clone());
        let limits = http.limits.clone();
        let front = Front::new(FrontParts {
            router: router::router(endpoint.clone(), &samples, phase.clone()),
            endpoint: endpoint.clone(),
            clock: clock.clone(),
            limits: limits.clone(),
            phase: phase.clone(),
            access: access.clone(),
            metrics: metrics.requests.clone(),
            tracer,
            members,
        });
        let edge = Edge::new(limits.clone(), http.drain.clone(), stop.clone(), metrics.connections.clone());
        let mut ended = Vec::new();
        for listener in listeners {
            ended.push(serve_on_thread(listener, edge.clone(), front.clone())?);
        }
        // The admin listener stays to the end, so that the drain can be watched.
        let admin_edge =
            Edge::new(limits, DrainSettings::AT_ONCE, ended_all.clone(), metrics.connections.clone());
        let rooms = Rooms {
            edge,
            admin_edge: admin_edge.clone(),
            front: front.clone(),
            endpoint,
            history: history.clone(),
            kingdee,
            access: access.clone(),
            level: reloading.level,
            status: status.clone(),
            metrics: metrics.reloads.clone(),
            clock: clock.clone(),
        };
        let reloader = Reloader::new(reloading.loader, config, reloading.trace, rooms);
        let routes = admin::router(Admin {
            history: history.clone(),
            accounts: accounts.into(),
            metrics: Arc::clone(&metrics),
            phase: phase.clone(),
            status: status.clone(),
            ids,
            reload: reloader.for_requests(),
            clock,
            access: access.clone(),
            members,
        });
        let mut admins = Vec::new();
        for listener in admin_listeners {
            let listener = TcpListener::from_std(listener).map_err(StartError::Thread)?;
            let edge = admin_edge.clone();
            let service = TowerToHyperService::new(routes.clone());
            admins.push(tokio::spawn(async move { edge.serve(listener, service).await }));
        }
        flush_now_and_then(access.clone(), ended_all.clone());
        sample_now_and_then(status.clone(), ended_all.clone());
        if let Some(every) = reloading.look_every {
            tokio::spawn(watch::watch(reloader.clone(), every, stop.clone()));
        }
        Ok(App {
            public,
            admin: admin_address,
            front,
            history,
            metrics,
            status,
            phase,
            stop,
            ended_all,
            access,
            reloader,
            exporter,
            ended,
            admins,
        })
    }

    /// Where apps come in.
    pub fn public_address(&self) -> SocketAddr {
        self.public
    }

    /// Where operators come in.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// The service of the public listener, for measuring it without sockets.
    pub fn front(&self) -> &Front {
        &self.front
    }

    /// The use cases, for tests that look behind the scenes.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What reads the configuration again.
    pub fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// Everything that is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The status page, for tests that don't wait for its next sample.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Unready at once, served on for the grace time; then no new connections, one last answer for each kept one, and
    /// everything in flight is finished, until the deadline.
    pub async fn drain(self) {
        self.phase.drain();
        tokio::time::sleep(self.reloader.grace()).await;
        self.stop().await;
    }

    /// The same without the grace time.
    pub async fn stop(self) {
        self.phase.drain();
        self.phase.close();
        self.stop.cancel();
        for ended in self.ended {
            let _thread_is_gone = ended.await;
        }
        if let Some(shared) = self.history.shared_tier() {
            shared.finish().await;
        }
        self.ended_all.cancel();
        for admin in self.admins {
            let _listener_is_closed = admin.await;
        }
        if let Some(exporter) = self.exporter {
            exporter.finish().await;
        }
        self.access.flush();
    }
}

fn shared(
    settings: &SharedSettings,
    kingdee: &KingdeeSettings,
    stop: CancellationToken,
) -> Result<Option<Shared>, SharedError> {
    let base_url = kingdee.base_url.as_str();
    let client = seal::Client { id: &kingdee.client_id, secret: &kingdee.client_secret, base_url };
    Shared::start(settings, &client, stop)
}

/// Who is traced, and where spans go; nobody and nowhere without `trace.endpoint`.
fn traces(
    settings: &TraceSettings,
    clock: &Clock,
    metrics: &Metrics,
) -> Result<(Tracer, Option<Exporter>), StartError> {
    let Some(endpoint) = settings.endpoint.clone() else { return Ok((Tracer::off(), None)) };
    let started = Exporter::start(endpoint, settings, clock, metrics.trace.clone());
    let (outlet, exporter) = started.map_err(StartError::Collector)?;
    Ok((Tracer::new(settings.sample_percent, outlet, clock.clone()), Some(exporter)))
}
