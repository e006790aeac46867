//! Environment variables become values with paths.
//!
//! `POINTS_GATEWAY__KINGDEE__BASE_URL` is `kingdee.base_url`. The two underscores after the name are what makes a
//! variable ours: Kubernetes itself sets `POINTS_GATEWAY_PORT` and the like for a service of that name.

use std::ffi::OsString;

use super::fault::Fault;
use super::given::{Given, Layer, Written};
use super::origin::Origin;

/// What every variable of ours begins with.
pub const PREFIX: &str = "POINTS_GATEWAY__";

/// The variable that sets a key.
pub fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))
}

/// Picks our variables, in any letter case behind the prefix. Those that would name one of `keys` if they were
/// spelled right are faults: nobody sets them for nothing.
pub fn read(environment: &[(OsString, OsString)], keys: &[String]) -> (Layer, Vec<Fault>) {
    let (mut layer, mut faults) = (Layer::default(), Vec::new());
    let mut named: Vec<_> = environment.iter().filter_map(|(n, v)| Some((n.to_str()?, v))).collect();
    named.sort();
    for (name, value) in named {
        let origin = Origin::Variable(name.to_owned());
        match name.strip_prefix(PREFIX) {
            Some(rest) => {
                let value = value.to_str().map_or(Written::Garbled, |text| Written::Plain(text.to_owned()));
                let path = rest.to_ascii_lowercase().replace("__", ".");
                let path = if path.is_empty() { "\"\"".to_owned() } else { path };
                layer.values.push((path, Given { value, origin }));
            }
            None => faults.extend(meant(name, keys).map(|key| Fault {
                key: key.to_owned(),
                source: origin,
                problem: "this variable is not read: its name is spelled differently".into(),
                allowed: format!("{PREFIX}, then section and key in capitals with two underscores between"),
                fix: format!("Call it {}.", variable(key)),
            })),
        }
    }
    (layer, faults)
}

/// The key that a variable's name means if letter case and underscores don't count.
fn meant<'k>(name: &str, keys: &'k [String]) -> Option<&'k str> {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let rest = plain(name).strip_prefix(&plain(PREFIX))?.to_owned();
    keys.iter().find(|key| plain(key) == rest).map(String::as_str)
}
