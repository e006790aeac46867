//! `sandbox`: the stand-in for Kingdee alone, for gateways and other clients.

use std::net::{Ipv4Addr, SocketAddr};

use points_gateway::clock::Clock;
use points_gateway::sandbox::{Sandbox, SandboxSettings};
use tokio::signal::unix::{SignalKind, signal};

use super::{Ended, print, runtime};

/// Where the sandbox listens.
#[derive(clap::Args)]
pub struct Ports {
    /// Port of the stand-in for api.kingdee.com.
    #[arg(long, default_value_t = 8090)]
    port: u16,
    /// Port on which faults are switched.
    #[arg(long, default_value_t = 8091)]
    admin_port: u16,
}

pub(super) fn run(ports: &Ports, clock: Clock) -> Ended {
    match runtime() {
        Ok(runtime) => runtime.block_on(sandbox(ports, clock)),
        Err(ended) => ended,
    }
}

async fn sandbox(ports: &Ports, clock: Clock) -> Ended {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let settings = SandboxSettings {
        listen: at(ports.port),
        admin_listen: Some(at(ports.admin_port)),
        ..SandboxSettings::default()
    };
    let sandbox = match Sandbox::start(settings, clock).await {
        Ok(sandbox) => sandbox,
        Err(why) => {
            return Ended::Failed(format!(
                "the sandbox can't listen: {why}; choose another --port or --admin-port"
            ));
        }
    };
    let admin = sandbox.admin_address().map_or_else(String::new, |a| a.to_string());
    print(&format!(
        "A stand-in for Kingdee at http://{}. Rehearse a bad day:

  curl -s http://{admin}/sandbox/state
  curl -s -H 'Content-Type: application/json' -d '{{\"fault\":{{\"code\":5007}},\"percent\":20}}' http://{admin}/sandbox/faults
  curl -s -H 'Content-Type: application/json' -d '{{\"fault\":\"help\"}}' http://{admin}/sandbox/faults   # lists what there is
  curl -s -H 'Content-Type: application/json' -d '{{\"readings\":{{\"end\":\"exclusive\"}}}}' http://{admin}/sandbox/faults   # what documents leave open
  curl -s -X DELETE http://{admin}/sandbox/faults

A configuration for a gateway in front of it:

{}
",
        sandbox.address(),
        points_gateway::app::demo::config_text(sandbox.address()),
    ));
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return Ended::Failed("the system refuses signal handlers".into());
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    sandbox.stop().await;
    Ended::Done
}
