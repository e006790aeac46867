//! Every room, built over those below it, before anything is served.

use std::sync::Arc;

use axum::Router;
use secrecy::ExposeSecret as _;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::accounts::accounts_of;
use super::reload::{self, Reloader, Rooms};
use super::{StartError, Surroundings};
use crate::clock::Clock;
use crate::config::Config;
use crate::history::History;
use crate::http::admin::{self, Admin};
use crate::http::edge::Edge;
use crate::http::front::{Front, FrontParts};
use crate::http::phase::Phase;
use crate::http::request_id::RequestIds;
use crate::http::settings::DrainSettings;
use crate::http::status::{Status, StatusParts};
use crate::http::{PointsHistory, router};
use crate::kingdee::{Kingdee, KingdeeSettings};
use crate::shared::{Shared, SharedError, SharedSettings, seal};
use crate::telemetry::trace::Exporter;
use crate::telemetry::{Members, Metrics, TraceSettings, Tracer};

/// When what ends.
#[derive(Default)]
pub(super) struct Ends {
    /// No new connections.
    pub stop: CancellationToken,
    /// The last answer is given: whatever works behind the scenes, and the admin listener.
    pub all: CancellationToken,
}

/// The rooms that know nothing of HTTP.
pub(super) struct Below {
    metrics: Arc<Metrics>,
    kingdee: Kingdee,
    history: History,
    tracer: Tracer,
    exporter: Option<Exporter>,
}

/// Everything that serves.
pub(super) struct Wired {
    pub front: Front,
    pub edge: Edge,
    pub admin_edge: Edge,
    pub admin_routes: Router,
    pub history: History,
    pub metrics: Arc<Metrics>,
    pub status: Status,
    pub phase: Phase,
    pub reloader: Reloader,
    pub exporter: Option<Exporter>,
}

impl Below {
    /// Builds them; fetches run on the runtime that this is called from.
    pub fn new(config: &Config, around: &Surroundings, ends: &Ends) -> Result<Below, StartError> {
        let clock = &around.clock;
        let metrics = Arc::new(Metrics::new(clock));
        let tier = shared(&config.shared, &config.kingdee, ends.all.clone())?;
        let kingdee = Kingdee::new(config.kingdee.clone(), tier.clone(), clock.clone())?;
        let (tracer, exporter) = traces(&config.trace, clock, &metrics)?;
        let (counters, runtime) = (Arc::clone(&metrics.counters), Handle::current());
        let (rules, cache) = (config.history.clone(), config.cache.clone());
        let history = History::new(rules, cache, kingdee.clone(), tier, clock.clone(), counters, runtime);
        Ok(Below { metrics, kingdee, history, tracer, exporter })
    }

    /// Puts HTTP on top.
    pub fn wire(self, config: Config, around: Surroundings, ends: &Ends) -> Wired {
        let Below { metrics, kingdee, history, tracer, exporter } = self;
        let Surroundings { clock, access, samples, reloading } = around;
        // By the secret of the start, to the end: a member looks the same in all lines of a process.
        let members = Members::keyed_by(config.kingdee.client_secret.expose_secret().as_bytes());
        let (accounts, limits, phase) = (accounts_of(&config), config.http.limits.clone(), Phase::new());
        let status = Status::new(StatusParts {
            history: history.clone(),
            requests: metrics.requests.clone(),
            phase: phase.clone(),
            clock: clock.clone(),
            settings: reload::shown(&config),
            reloads: metrics.reloads.clone(),
        });
        let endpoint = PointsHistory::new(history.clone(), accounts.clone());
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
        let connections = || metrics.connections.clone();
        let edge = Edge::new(limits.clone(), config.http.drain.clone(), ends.stop.clone(), connections());
        // The admin listener stays to the end, so that the drain can be watched.
        let admin_edge = Edge::new(limits, DrainSettings::AT_ONCE, ends.all.clone(), connections());
        let rooms = Rooms {
            edge: edge.clone(),
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
        let admin_routes = admin::router(Admin {
            history: history.clone(),
            accounts: accounts.into(),
            metrics: Arc::clone(&metrics),
            phase: phase.clone(),
            status: status.clone(),
            ids: Arc::new(RequestIds::starting_at(clock.nonce())),
            reload: reloader.for_requests(),
            clock,
            access,
            members,
        });
        Wired { front, edge, admin_edge, admin_routes, history, metrics, status, phase, reloader, exporter }
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
