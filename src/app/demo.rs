//! The configuration of a gateway in front of the sandbox: for the demo, for integrators, for the tests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::Reloading;
use crate::config::{Config, Faults, Loader, Trace};
use crate::sandbox::members::{FLAGSHIP, OUTLET};
use crate::sandbox::settings::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_OUTER_INSTANCE_ID};
use crate::telemetry::log::Level;

/// A configuration file for a gateway whose Kingdee is the sandbox at `kingdee`.
pub fn config_text(kingdee: SocketAddr) -> String {
    format!(
        "default_account = \"main\"

[kingdee]
base_url = \"http://{kingdee}\"
client_id = \"{DEMO_CLIENT_ID}\"
client_secret = \"{DEMO_CLIENT_SECRET}\"

[accounts.main]
outer_instance_id = \"{DEMO_OUTER_INSTANCE_ID}\"
account_id = \"{FLAGSHIP}\"

[accounts.outlet]
outer_instance_id = \"{DEMO_OUTER_INSTANCE_ID}\"
account_id = \"{OUTLET}\"
"
    )
}

/// The same, read: listening at `public` and `admin`, without a grace time at the end.
///
/// # Errors
/// None, unless this file and the keys have drifted apart; a test would say so.
pub fn config(kingdee: SocketAddr, public: SocketAddr, admin: SocketAddr) -> Result<Config, Faults> {
    loader_at(kingdee, public, admin).load().0
}

/// What reads it.
pub fn loader_at(kingdee: SocketAddr, public: SocketAddr, admin: SocketAddr) -> Loader {
    let listen = format!(
        "\n[http]\nlisten = \"{public}\"\nadmin_listen = \"{admin}\"\n\n[http.drain]\ngrace = \"0s\"\nidle = \"0s\"\ndeadline = \"10s\"\n"
    );
    loader(&(config_text(kingdee) + &listen), &[])
}

/// What reads a configuration from text and variables alone, as often as somebody wants.
pub fn loader(text: &str, variables: &[(&str, &str)]) -> Loader {
    let name = PathBuf::from("demo.toml");
    let files = BTreeMap::from([(name.clone(), text.to_owned())]);
    let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    Loader::of(Some(name), environment, Arc::new(files))
}

/// Reloading for a gateway whose configuration can't change.
pub fn reloading(loader: Loader) -> Reloading {
    Reloading { loader, trace: Trace::default(), level: Level::of_nobody(), look_every: None }
}

/// Reads a configuration from text and variables alone.
///
/// # Errors
/// Its faults.
pub fn with(text: &str, variables: &[(&str, &str)]) -> Result<Config, Faults> {
    loader(text, variables).load().0
}
