//! `docs/configuration.md`, written from the table of keys.

use super::keys::{Key, keys};

const HEAD: &str = "\
# Configuration

Written by `points-gateway check --markdown` from the table of keys in `src/config/keys.rs` and compared by a test; don't edit.
[`deploy/points-gateway.example.toml`](../deploy/points-gateway.example.toml) is the same as a file to begin with.

- **Where values come from.** One TOML file (`--config FILE`), and the environment, which wins; the file may be left out. The variable of a key
  stands below it. An unknown key, an unknown variable that begins with `POINTS_GATEWAY__` and one that is only spelled differently are faults.
- **What is checked.** Everything, before anything is done: `points-gateway check` names every fault at once with its place and its cure, shows
  what the configuration amounts to, asks nobody and tells no secret. Exit code 78 means a fault.
- **Times** are `250ms`, `30s`, `5m`, `24h`. **Sizes** are `4KiB`, `256MiB` or plain bytes. **Text** stands in quotes, digits too. **Lists** are
  `[\"a\", \"b\"]` in the file, `a,b` in a variable.
- **Secrets** are never shown. Each may be read from a file instead, under the key and the variable that its row names; a line end at the end of that
  file doesn't count. A value and a file for the same key, in one place, are a fault.
- **Account sets** (账套) have a section each, `[accounts.main]`; `<name>` and `<NAME>` stand for its name. Without any there is one, `main`, whose
  authorisation is pulled.
";

/// The text of `docs/configuration.md`.
pub fn markdown() -> String {
    let mut keys = keys();
    // As in the example file, where TOML wants them first.
    keys.sort_by_key(|key| key.name.contains('.'));
    let (mut text, mut section) = (HEAD.to_owned(), None);
    for key in &keys {
        let above = key.name.rsplit_once('.').map_or("", |(above, _)| above);
        if section != Some(above) {
            section = Some(above);
            let title = if above.is_empty() { "No section".into() } else { format!("`[{above}]`") };
            text.push_str(&format!("\n## {title}\n\n{COLUMNS}"));
        }
        text.push_str(&row(key));
    }
    text
}

const COLUMNS: &str = "| Key, variable | What it does | Allowed | Default |\n|---|---|---|---|\n";

fn row(key: &Key) -> String {
    let Key { name, variable, what, allowed, .. } = key;
    let file =
        if key.secret { format!("<br>or a file: `{name}_file`<br>`{variable}_FILE`") } else { String::new() };
    let default = match (&key.default, key.example) {
        (Some(value), _) => format!("`{value}`"),
        (None, _) if key.required => "required".into(),
        // What is shown of a secret in the example file is where its file could be.
        (None, Some(value)) if !key.secret => format!("–, such as `{value}`"),
        (None, _) => "–".into(),
    };
    let cells = [format!("`{name}`<br>`{variable}`{file}"), what.to_string(), allowed.clone(), default];
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}
