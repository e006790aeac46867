//! The one place where rooms are wired together; start, serve, drain.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::service::TowerToHyperService;
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, Loader, Trace};
use crate::history::History;
use crate::http::admin::{self, Admin};
use crate::http::edge::{self, Edge};
use crate::http::front::{Front, FrontParts};
use crate::http::landing::Sample;
use crate::http::phase::Phase;
use crate::http::request_id::RequestIds;
use crate::http::settings::{DrainSettings, Takeover};
use crate::http::status::{SAMPLE_EVERY, Status, StatusParts};
use crate::http::{PointsHistory, router};
use crate::kingdee::{Kingdee, KingdeeSettings};
use crate::shared::{Shared, SharedError, SharedSettings, seal};
use crate::telemetry::log::Level;
use crate::telemetry::trace::Exporter;
use crate::telemetry::{AccessLog, Members, Metrics, TraceSettings, Tracer};

mod accounts;
pub mod demo;
pub mod reload;
pub mod watch;

use accounts::accounts_of;
use reload::{Reloader, Rooms};

/// How often lines of the access log that wait are written.
const ACCESS_FLUSH: Duration = Duration::from_millis(100);

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

/// Why a gateway can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener can't be had.
    #[error("{key} = {address} can't be listened on: {cause}; {}", about_listening(cause))]
    Listen {
        /// The setting.
        key: &'static str,
        /// Its value.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// A thread or a runtime can't be had.
    #[error("the system refuses a serving thread: {0}")]
    Thread(io::Error),
    /// The tier that replicas share can't be used as configured.
    #[error(transparent)]
    Shared(#[from] SharedError),
    /// The client for Kingdee can't be built.
    #[error("the client for Kingdee can't be built: {0}")]
    Kingdee(#[from] crate::kingdee::KingdeeError),
    /// The client for the collector of spans can't be built.
    #[error("the client for trace.endpoint can't be built: {0}")]
    Collector(String),
}

/// What to do where nobody can listen.
fn about_listening(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 are for root: choose another one, or grant CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address: choose one that it has, or 0.0.0.0 for all"
        }
        _ => "choose another address or end what holds it",
    }
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

fn threads(wanted: u16) -> usize {
    match wanted {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => usize::from(n),
    }
}

/// Listeners on one address, as many as wanted; the first finds the port.
async fn listen(
    key: &'static str,
    address: SocketAddr,
    wanted: usize,
    takeover: Takeover,
) -> Result<(SocketAddr, Vec<std::net::TcpListener>), StartError> {
    let fault = |cause| StartError::Listen { key, address, cause };
    edge::vacate(address, takeover).await.map_err(fault)?;
    let first = edge::bind(address).map_err(fault)?;
    let address = first.local_addr().map_err(fault)?;
    let mut listeners = vec![first];
    for _ in 1..wanted {
        listeners.push(edge::bind(address).map_err(fault)?);
    }
    Ok((address, listeners))
}

fn serve_on_thread(
    listener: std::net::TcpListener,
    edge: Edge,
    front: Front,
) -> Result<oneshot::Receiver<()>, StartError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
    let (tell, ended) = oneshot::channel();
    let serve = async move {
        match TcpListener::from_std(listener) {
            Ok(listener) => edge.serve(listener, front).await,
            Err(error) => tracing::error!(%error, "a serving thread has no listener"),
        }
    };
    let thread = std::thread::Builder::new().name("serve".into());
    let run = move || {
        runtime.block_on(serve);
        let _nobody_waits = tell.send(());
    };
    thread.spawn(run).map_err(StartError::Thread)?;
    Ok(ended)
}

fn flush_now_and_then(access: AccessLog, stop: CancellationToken) {
    tokio::spawn(async move {
        let mut every = tokio::time::interval(ACCESS_FLUSH);
        while stop.run_until_cancelled(every.tick()).await.is_some() {
            access.flush();
        }
    });
}

fn sample_now_and_then(status: Status, stop: CancellationToken) {
    tokio::spawn(async move {
        let mut every = tokio::time::interval_at(Instant::now() + SAMPLE_EVERY, SAMPLE_EVERY);
        // After a pause of the machine one sample covers all of it.
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(every.tick()).await.is_some() {
            status.sample();
        }
    });
}
