//! One key alone: where operators come in. For whoever asks a gateway that runs already, and needs no secret for it.

use std::net::SocketAddr;
use std::path::Path;

use super::draft::Draft;
use super::fault::Faults;
use super::fill::Ledger;
use super::source::Sources;
use super::{environment, gather, keys, read_file};

const KEY: &str = "http.admin_listen";

/// What `http.admin_listen` amounts to. Other keys may be wrong or missing; files of secrets are left alone.
///
/// # Errors
/// When the key's value is wrong, or the configuration file can't be read as a whole.
pub fn listen(sources: &Sources<'_>) -> Result<SocketAddr, Faults> {
    let mut ledger = Ledger::default();
    let mut file = read_file(sources, &mut ledger.faults);
    let (mut environment, misspelled) = environment::read(&sources.environment, &[KEY.to_owned()]);
    ledger.faults.extend(misspelled);
    for layer in [&mut file, &mut environment] {
        layer.values.retain(|(path, _)| path == KEY);
        layer.sections.clear();
    }
    let gathered = gather::gather(vec![file, environment], Path::new(""), sources.files, &mut ledger.faults);
    let mut draft = Draft::new();
    ledger.fill("", keys::entries(), gathered.root, &mut draft);
    Faults::unless_any(ledger.faults, Some(draft.http.admin_listen))
}
