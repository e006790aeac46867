//! The one place where rooms are wired together; start, serve, drain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::config::{Config, Loader, Trace};
use crate::history::History;
use crate::http::edge;
use crate::http::front::Front;
use crate::http::landing::Sample;
use crate::http::phase::Phase;
use crate::http::status::Status;
use crate::telemetry::log::Level;
use crate::telemetry::trace::Exporter;
use crate::telemetry::{AccessLog, Metrics};

mod accounts;
mod chores;
pub mod demo;
pub mod error;
mod listeners;
pub mod reload;
pub mod watch;
mod wiring;

use chores::{flush_now_and_then, sample_now_and_then};
pub use error::StartError;
use listeners::{listen, serve_on_thread, threads};
use reload::Reloader;
use wiring::{Below, Ends, Wired};

/// A gateway that serves. Dropping it leaves it serving; [`App::drain`] ends it.
pub struct App {
    public: SocketAddr,
    admin: SocketAddr,
    front: Front,
    history: History,
    metrics: Arc<Metrics>,
    status: Status,
    phase: Phase,
    ends: Ends,
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
        surroundings.access.switch(config.log.access);
        let http = config.http.clone();
        // Before the client is built, which reads every root certificate of the machine: callers may queue already.
        let (public, listeners) =
            listen("http.listen", http.listen, threads(http.threads), http.takeover).await?;
        let (admin, admin_listeners) =
            listen("http.admin_listen", http.admin_listen, 1, http.takeover).await?;
        let ends = Ends::default();
        let (access, look_every) = (surroundings.access.clone(), surroundings.reloading.look_every);
        let below = Below::new(&config, &surroundings, &ends)?;
        let Wired {
            front,
            edge,
            admin_edge,
            admin_routes,
            history,
            metrics,
            status,
            phase,
            reloader,
            exporter,
        } = below.wire(config, surroundings, &ends);
        let mut ended = Vec::new();
        for listener in listeners {
            ended.push(serve_on_thread(listener, edge.clone(), front.clone())?);
        }
        let mut admins = Vec::new();
        for listener in admin_listeners {
            let listener = TcpListener::from_std(listener).map_err(StartError::Thread)?;
            let (edge, service) = (admin_edge.clone(), edge::service_of(admin_routes.clone()));
            admins.push(tokio::spawn(async move { edge.serve(listener, service).await }));
        }
        flush_now_and_then(access.clone(), ends.all.clone());
        sample_now_and_then(status.clone(), ends.all.clone());
        if let Some(every) = look_every {
            tokio::spawn(watch::watch(reloader.clone(), every, ends.stop.clone()));
        }
        Ok(App {
            public,
            admin,
            front,
            history,
            metrics,
            status,
            phase,
            ends,
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
        self.ends.stop.cancel();
        for ended in self.ended {
            let _thread_is_gone = ended.await;
        }
        if let Some(shared) = self.history.shared_tier() {
            shared.finish().await;
        }
        self.ends.all.cancel();
        for admin in self.admins {
            let _listener_is_closed = admin.await;
        }
        if let Some(exporter) = self.exporter {
            exporter.finish().await;
        }
        self.access.flush();
    }
}
