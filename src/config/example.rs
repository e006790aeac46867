//! The example file, written from the table of keys.

use super::keys::{Key, Notation, Taken, keys};

const HEAD: &str = "\
# points-gateway: every key there is. Written by its own table of keys and compared by a test; don't edit.
#
# What is commented out shows its default, or an example where there is none.
# Times: 250ms, 30s, 5m, 24h. Sizes: 4KiB, 256MiB, or plain bytes. Text stands in quotes, digits too.
# Each key is also an environment variable, and that wins: kingdee.base_url is
# POINTS_GATEWAY__KINGDEE__BASE_URL. Lists are written with commas there.
# A secret may be read from a file instead: client_secret_file here, …__CLIENT_SECRET_FILE there.
# A running gateway takes changes over (SIGHUP, POST /admin/reload, or by itself), but for keys that need a restart.
";

/// The text of `deploy/points-gateway.example.toml`: a configuration that works once its two values are yours.
pub fn example() -> String {
    let mut keys = keys();
    // TOML wants what belongs to no section before the first section.
    keys.sort_by_key(|key| key.name.contains('.'));
    let (mut text, mut section) = (HEAD.to_owned(), String::new());
    for key in &keys {
        let (above, name) = key.name.rsplit_once('.').unwrap_or(("", &key.name));
        if above != section {
            section = above.to_owned();
            text.push_str(&match above.strip_suffix(".<name>") {
                Some(accounts) => {
                    format!("\n# One section for each account set (账套).\n[{accounts}.main]\n")
                }
                None => format!("\n[{above}]\n"),
            });
        }
        let restart = if key.taken == Taken::AtStart { "# Needs a restart.\n" } else { "" };
        let (what, allowed) = (key.what, &key.allowed);
        text.push_str(&format!("\n# {what}\n# Allowed: {allowed}.\n{restart}{}\n", assignment(key, name)));
    }
    text
}

fn assignment(key: &Key, name: &str) -> String {
    let file = if key.secret { "_file" } else { "" };
    let value = key.default.as_deref().or(key.example).unwrap_or_default();
    let value = match key.notation {
        Notation::Bare => value.to_owned(),
        Notation::Quoted => format!("{value:?}"),
        Notation::List => format!("{:?}", value.split(", ").collect::<Vec<_>>()),
    };
    let comment = if key.required { "" } else { "# " };
    format!("{comment}{name}{file} = {value}")
}
