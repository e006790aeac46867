//! Strings become typed, checked settings; every fault is reported at once. The sole reader of the environment.
//!
//! The way of a value: a source (`source`) is read into a layer (`document`, `environment`); layers are merged
//! to one value a key (`gather`); each value goes through its row of the table (`keys`) into a draft (`fill`);
//! what can't be together is found (`combine`, `accounts`); a draft without faults becomes a [`Config`]. A gateway that
//! serves reads all of it again (`loader`) and takes over what can be (`change`).

use std::path::Path;
use std::sync::Arc;

use crate::cache::CacheSettings;
use crate::history::HistorySettings;
use crate::http::HttpSettings;
use crate::kingdee::KingdeeSettings;
use crate::shared::SharedSettings;
use crate::telemetry::settings::{LogSettings, TraceSettings};

pub mod origin;
pub mod fault;
pub mod source;
mod given;
mod document;
mod environment;
mod amount;
mod address;
mod rule;
mod field;
mod draft;
pub mod keys;
mod slot;
mod suggest;
mod gather;
mod fill;
mod combine;
mod accounts;
pub mod effective;
mod remarks;
pub mod example;
pub mod reference;
pub mod admin;
pub mod loader;
mod change;
#[cfg(test)]
mod tests;

pub use change::Changes;
pub use effective::Effective;
pub use fault::{Fault, Faults};
pub use keys::{Key, Taken, keys};
pub use loader::{Loader, Trace};
pub use origin::Origin;
pub use source::{Files, Sources};

use draft::{AccountDraft, Draft};
use fill::Ledger;
use gather::Gathered;
use given::Layer;

/// Everything that can be set, checked. Made only from sources without a fault.
#[derive(Debug, Clone)]
pub struct Config {
    /// `http.*`
    pub http: HttpSettings,
    /// `cache.capacity`, `cache.cooldown_*`
    pub cache: CacheSettings,
    /// `cache.*` times, `history.*`
    pub history: HistorySettings,
    /// `kingdee.*`, `accounts.*`
    pub kingdee: KingdeeSettings,
    /// `shared.*`
    pub shared: SharedSettings,
    /// `log.*`
    pub log: LogSettings,
    /// `trace.*`
    pub trace: TraceSettings,
    effective: Vec<Effective>,
}

/// Bytes of a configuration file, at most; 64 account sets with a comment on every line need less.
const MOST_FILE_BYTES: u64 = 256 << 10;

impl Config {
    /// Reads the file at `path` if there is one, the environment, and the files of secrets that these name.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(path: Option<&Path>) -> Result<Config, Faults> {
        Config::from_sources(&Sources::of_this_process(path))
    }

    /// Reads `sources` and nothing else.
    ///
    /// # Errors
    /// Everything that is wrong with them, in a stable order: what can't be read, what has no meaning, what has a
    /// wrong value, what is missing, what can't be together.
    pub fn from_sources(sources: &Sources<'_>) -> Result<Config, Faults> {
        let mut ledger = Ledger::default();
        let file = read_file(sources, &mut ledger.faults);
        let whole = ledger.faults.is_empty();
        let (environment, misspelled) = environment::read(&sources.environment, &slot::key_names(&["main"]));
        ledger.faults.extend(misspelled);
        let folder = sources.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let gathered = gather::gather(vec![file, environment], folder, sources.files, &mut ledger.faults);
        let config = build(gathered, whole, &mut ledger);
        Faults::unless_any(ledger.faults, config)
    }

    /// Every key that has a value, as it was loaded, with its source; secrets are `[redacted]`.
    pub fn effective(&self) -> &[Effective] {
        &self.effective
    }
}

fn read_file(sources: &Sources<'_>, faults: &mut Vec<Fault>) -> Layer {
    let Some(path) = &sources.file else { return Layer::default() };
    let name: Arc<str> = Arc::from(path.to_string_lossy());
    match source::read_text(sources.files, path, MOST_FILE_BYTES) {
        Ok(text) => {
            let is_value =
                |path: &str| matches!(slot::named(path), slot::Named::Value(_) | slot::Named::FileOf(_));
            let (layer, wrong) = document::read(&name, &text, &is_value);
            faults.extend(wrong);
            layer
        }
        Err(why) => {
            faults.push(Fault {
                key: name.to_string(),
                source: Origin::File(name),
                problem: format!("the configuration file {why}"),
                allowed: format!("a TOML file of at most {MOST_FILE_BYTES} bytes"),
                fix: "Correct the path, or what the file holds, or who may read it.".into(),
            });
            Layer::default()
        }
    }
}

/// Fills drafts and checks them. What could not be read as a `whole` is not judged as one: nothing is missing then.
fn build(gathered: Gathered, whole: bool, ledger: &mut Ledger) -> Option<Config> {
    ledger.broken = gathered.broken;
    let (mut draft, mut drafts) = (Draft::new(), std::collections::BTreeMap::new());
    ledger.fill("", keys::entries(), gathered.root, &mut draft);
    for (name, values) in gathered.accounts {
        let mut account = AccountDraft::new();
        ledger.fill(&format!("accounts.{name}."), keys::account_entries(), values, &mut account);
        drafts.insert(name, account);
    }
    if !whole {
        return None;
    }
    for row in keys::entries().filter(|row| row.required) {
        if !ledger.is_given(row.name) {
            ledger.missing(row.name, row.field.allowed(), row.field.is_secret());
        }
    }
    combine::check(&mut draft, ledger);
    let mut ordered = accounts::order(draft.default_account.as_deref(), accounts::or_main(drafts), ledger);
    let suffixes = &draft.kingdee.router_suffixes;
    let settle = |(name, account): &mut (_, _)| accounts::settle(name, account, suffixes, ledger);
    let accounts: Option<Vec<_>> = ordered.iter_mut().map(settle).collect();
    let effective = effective::lines(&mut draft, &mut ordered, ledger);
    let credentials = (draft.client_id?, draft.client_secret?);
    Some(Config {
        http: draft.http,
        cache: draft.cache,
        history: draft.history,
        kingdee: KingdeeSettings {
            client_id: credentials.0,
            client_secret: credentials.1,
            accounts: accounts?,
            ..draft.kingdee
        },
        shared: draft.shared,
        log: LogSettings { level: draft.log_level?, ..draft.log },
        trace: TraceSettings { service_name: draft.trace_service_name?, ..draft.trace },
        effective,
    })
}
