//! `demo`: sandbox and gateway in one process, talking over real loopback HTTP.

use std::net::{Ipv4Addr, SocketAddr};

use points_gateway::app::{App, Surroundings, demo as gateway};
use points_gateway::clock::Clock;
use points_gateway::http::landing::Sample;
use points_gateway::sandbox::members::FLAGSHIP;
use points_gateway::sandbox::{MEMBERS, Sandbox, SandboxSettings};
use points_gateway::telemetry::AccessLog;
use points_gateway::telemetry::log::Log;
use points_gateway::telemetry::settings::{LogFormat, LogSettings};

use super::serve::{self, NO_SIGNALS, Signals};
use super::{Ended, print, runtime};

/// Where the demo listens.
#[derive(clap::Args)]
pub struct Ports {
    /// Port for apps and browsers.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Port for operators.
    #[arg(long, default_value_t = 9090)]
    admin_port: u16,
    /// Port of the stand-in for Kingdee; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    sandbox_port: u16,
}

pub(super) fn run(ports: &Ports, clock: Clock) -> Ended {
    match runtime() {
        Ok(runtime) => runtime.block_on(demo(ports, clock)),
        Err(ended) => ended,
    }
}

async fn demo(ports: &Ports, clock: Clock) -> Ended {
    let Ok(signals) = Signals::catch() else { return Ended::Failed(NO_SIGNALS.into()) };
    let _told_where_it_matters = serve::raise_descriptors();
    let log = LogSettings {
        format: LogFormat::Human,
        level: "warn,points_gateway::verbs=info".into(),
        access: true,
    };
    let log = match Log::install(&log) {
        Ok(log) => log,
        Err(why) => return Ended::Failed(why),
    };
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let settings = SandboxSettings { listen: at(ports.sandbox_port), ..SandboxSettings::default() };
    let sandbox = match Sandbox::start(settings, clock.clone()).await {
        Ok(sandbox) => sandbox,
        Err(why) => {
            return Ended::Failed(format!("the sandbox can't listen: {why}; choose another --sandbox-port"));
        }
    };
    let loader = gateway::loader_at(sandbox.address(), at(ports.port), at(ports.admin_port));
    let config = match loader.load().0 {
        Ok(config) => config,
        Err(faults) => return Ended::Configuration(faults.to_string()),
    };
    let (access, reloading) = (AccessLog::into(&log), gateway::reloading(loader));
    let surroundings = Surroundings { clock, access, samples: samples(), reloading };
    let app = match App::start(config, surroundings).await {
        Ok(app) => app,
        Err(why) => return Ended::Failed(format!("{why} (for the demo: --port, --admin-port)")),
    };
    print(&greeting(&app, &sandbox));
    serve::until_told(app, signals).await
}

fn samples() -> Vec<Sample> {
    let ours = MEMBERS.iter().filter(|m| m.account == FLAGSHIP && m.rows > 0);
    let mut samples: Vec<_> = ours
        .map(|m| Sample { member: m.id.into(), label: format!("{} · {} {}", m.id, m.name, m.rows) })
        .collect();
    // The page looks the first one up by itself: one with some pages.
    let shown = MEMBERS.iter().find(|m| m.account == FLAGSHIP && (20..100).contains(&m.rows));
    if let Some(first) = shown.and_then(|m| samples.iter().position(|s| s.member == m.id)) {
        samples.swap(0, first);
    }
    samples
}

fn greeting(app: &App, sandbox: &Sandbox) -> String {
    let public = app.public_address();
    let admin = app.admin_address();
    let member = samples().first().map_or_else(String::new, |s| s.member.clone());
    format!(
        "points-gateway demo: sandbox data, no credentials, everything on this machine

  Look members up     http://{public}/
  Try the API         http://{public}/docs/
  Watch the gateway   http://{admin}/status

  curl -i 'http://{public}/members/{member}/points-history?page_size=3'

The stand-in for Kingdee is http://{}. Ctrl-C ends the demo. Requests follow.

",
        sandbox.address(),
    )
}
