//! `serve`: the gateway, until it is told to stop.

use points_gateway::app::{App, Surroundings};
use points_gateway::clock::Clock;
use points_gateway::telemetry::AccessLog;
use points_gateway::telemetry::log::Log;
use tokio::signal::unix::{SignalKind, signal};

use super::{ConfigFile, Ended, load, runtime};

pub(super) fn run(file: &ConfigFile, clock: Clock) -> Ended {
    match load(file).and_then(|config| Ok((config, runtime()?))) {
        Ok((config, runtime)) => runtime.block_on(serve(config, clock)),
        Err(ended) => ended,
    }
}

async fn serve(config: points_gateway::config::Config, clock: Clock) -> Ended {
    let log = match Log::install(&config.log) {
        Ok(log) => log,
        Err(why) => return Ended::Configuration(why),
    };
    let access = if config.log.access { AccessLog::into(&log) } else { AccessLog::off() };
    let app = match App::start(config, Surroundings { clock, access, samples: Vec::new() }).await {
        Ok(app) => app,
        Err(why) => return Ended::Failed(why.to_string()),
    };
    tracing::info!(listen = %app.public_address(), admin = %app.admin_address(), "serving");
    until_told(app).await
}

/// Drains at the first SIGTERM or Ctrl-C, ends at once at the second.
pub(super) async fn until_told(app: App) -> Ended {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        return Ended::Failed("the system refuses signal handlers".into());
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("draining; a second signal ends at once");
    tokio::select! {
        () = app.drain() => Ended::Done,
        _ = terminate.recv() => Ended::Failed("ended by a second signal before the drain was over".into()),
        _ = interrupt.recv() => Ended::Failed("ended by a second signal before the drain was over".into()),
    }
}
