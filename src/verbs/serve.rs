//! `serve`: the gateway, until it is told to stop.

use points_gateway::app::reload::{Cause, Reloader};
use points_gateway::app::{App, Reloading, Surroundings, watch};
use points_gateway::clock::Clock;
use points_gateway::config::{Config, Loader, Trace};
use points_gateway::telemetry::AccessLog;
use points_gateway::telemetry::log::Log;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{ConfigFile, Ended, load_to_reload, runtime};

pub(super) fn run(file: &ConfigFile, clock: Clock) -> Ended {
    match load_to_reload(file).and_then(|read| Ok((read, runtime()?))) {
        Ok(((config, loader, trace), runtime)) => {
            let ended = runtime.block_on(serve(config, loader, trace, clock));
            // Whatever still hangs, a file on a server that is gone for one, is no reason to stay.
            runtime.shutdown_background();
            ended
        }
        Err(ended) => ended,
    }
}

async fn serve(config: Config, loader: Loader, trace: Trace, clock: Clock) -> Ended {
    let Ok(hangups) = signal(SignalKind::hangup()) else { return Ended::Failed(NO_SIGNALS.into()) };
    let Ok(signals) = Signals::catch() else { return Ended::Failed(NO_SIGNALS.into()) };
    let log = match Log::install(&config.log) {
        Ok(log) => log,
        Err(why) => return Ended::Configuration(why),
    };
    let descriptors = raise_descriptors();
    if descriptors < u64::from(config.http.limits.max_connections) + SPARE_DESCRIPTORS {
        tracing::warn!(
            descriptors,
            max_connections = config.http.limits.max_connections,
            "descriptors run out before http.limits.max_connections is reached: raise LimitNOFILE, or lower the key"
        );
    }
    for remark in config.remarks() {
        tracing::warn!(remark, "the configuration is good and probably not meant so");
    }
    let reloading = Reloading { loader, trace, level: log.level(), look_every: Some(watch::EVERY) };
    let access = AccessLog::into(&log);
    let surroundings = Surroundings { clock, access, samples: Vec::new(), reloading };
    let app = match App::start(config, surroundings).await {
        Ok(app) => app,
        Err(why) => return Ended::Failed(why.to_string()),
    };
    tracing::info!(listen = %app.public_address(), admin = %app.admin_address(), "serving");
    tokio::spawn(reload_when_told(app.reloader().clone(), hangups));
    until_told(app, signals).await
}

/// At every SIGHUP; those that come while one is read are one more.
async fn reload_when_told(reloader: Reloader, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        let _told_by_the_log = reloader.reload(Cause::Signal).await;
    }
}

/// What descriptors are needed for besides connections: calls to Kingdee, listeners, files.
const SPARE_DESCRIPTORS: u64 = 256;

/// Raises the soft limit of descriptors, 1024 on most systems for the sake of select(2), to the hard one; tells what
/// it is then.
pub(super) fn raise_descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    // No limit is as good as the largest.
    (if raised.is_ok() { maximum } else { current }).unwrap_or(u64::MAX)
}

pub(super) const NO_SIGNALS: &str = "the system refuses signal handlers";

/// SIGTERM and Ctrl-C, caught from the start: one that comes while we start is not lost, also not on process 1.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn catch() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Drains at the first SIGTERM or Ctrl-C, ends at once at the second.
pub(super) async fn until_told(app: App, mut signals: Signals) -> Ended {
    signals.next().await;
    tracing::info!("draining; a second signal ends at once");
    tokio::select! {
        () = app.drain() => Ended::Done,
        () = signals.next() => Ended::Failed("ended by a second signal before the drain was over".into()),
    }
}
