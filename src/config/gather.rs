//! Layers become one value a key: the environment wins over the file, secrets are fetched from their files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::environment::{PREFIX, variable};
use super::fault::Fault;
use super::given::{Given, Layer, Written};
use super::origin::{Origin, quoted};
use super::rule::ACCOUNT_NAME;
use super::slot::{Named, Slot, named};
use super::source::{Files, read_text};
use super::suggest::nearest;
use crate::domain::account::AccountName;

/// Values by the name of their row.
pub type Values = BTreeMap<&'static str, Given>;

/// One value a key.
#[derive(Default)]
pub struct Gathered {
    /// Everything but account sets.
    pub root: Values,
    /// The account sets that somebody mentioned.
    pub accounts: BTreeMap<AccountName, Values>,
    /// Keys whose value could not be had.
    pub broken: BTreeSet<String>,
}

/// Bytes of a file that holds a secret, at most.
const MOST_SECRET_BYTES: u64 = 4096;
/// Some editors of Windows put it in front of a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A value, or the path of the file that holds it.
enum Found {
    Here(Given),
    InFile(Given),
}

/// Merges layers, the later ones win. Paths of a configuration file count from its `folder`.
pub fn gather(layers: Vec<Layer>, folder: &Path, files: &dyn Files, faults: &mut Vec<Fault>) -> Gathered {
    let mut gathered = Gathered::default();
    let mut found = BTreeMap::new();
    for layer in layers {
        let sorted = sort(layer, faults);
        for name in sorted.accounts {
            gathered.accounts.entry(name).or_default();
        }
        found.extend(sorted.found);
    }
    for (slot, found) in found {
        let given = match found {
            Found::Here(given) => Some(given),
            Found::InFile(path) => {
                fetch(&slot, path, folder, files).map_err(|fault| faults.push(*fault)).ok()
            }
        };
        let values = match &slot.account {
            Some(name) => gathered.accounts.entry(name.clone()).or_default(),
            None => &mut gathered.root,
        };
        match given {
            Some(given) => drop(values.insert(slot.row, given)),
            None => drop(gathered.broken.insert(slot.key())),
        }
    }
    gathered
}

/// A layer by slots.
#[derive(Default)]
struct Sorted {
    found: BTreeMap<Slot, Found>,
    accounts: BTreeSet<AccountName>,
    bad_accounts: BTreeSet<String>,
}

fn sort(layer: Layer, faults: &mut Vec<Fault>) -> Sorted {
    let mut sorted = Sorted::default();
    let values = layer.values.iter().map(|(path, _)| path.clone());
    let paths: BTreeSet<String> = values.chain(layer.sections.iter().map(|(path, _)| path.clone())).collect();
    let empty = |path: &str| {
        let below = format!("{path}.");
        !paths.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below))
    };
    for (path, origin) in &layer.sections {
        match named(path) {
            Named::Section(account) => sorted.accounts.extend(account),
            Named::BadAccount(name) => faults.extend(sorted.bad_account(name, origin)),
            // What lies in an unknown section is named key by key.
            _ if empty(path) => faults.push(unknown(path, origin.clone())),
            _ => {}
        }
    }
    for (path, given) in layer.values {
        let origin = given.origin.clone();
        match named(&path) {
            Named::Value(slot) => faults.extend(sorted.put(slot, Found::Here(given), origin)),
            Named::FileOf(slot) => faults.extend(sorted.put(slot, Found::InFile(given), origin)),
            Named::BadAccount(name) => faults.extend(sorted.bad_account(name, &origin)),
            Named::Section(_) => faults.push(Fault {
                key: path,
                source: origin,
                problem: "this is a section and no value".into(),
                allowed: "keys below it".into(),
                fix: "Name one of its keys.".into(),
            }),
            Named::Nothing => faults.push(unknown(&path, origin)),
        }
    }
    sorted
}

impl Sorted {
    fn put(&mut self, slot: Slot, found: Found, origin: Origin) -> Option<Fault> {
        let key = slot.key();
        let fix =
            if slot.is_secret() { "Keep the value or the file, not both." } else { "Keep one of them." };
        let (Found::Here(other) | Found::InFile(other)) = self.found.insert(slot, found)?;
        Some(Fault {
            key,
            source: origin,
            problem: format!("it is given twice, also by {}", other.origin),
            allowed: "one value from one place".into(),
            fix: fix.into(),
        })
    }

    /// A bad name is one fault, however many keys are below it.
    fn bad_account(&mut self, name: String, origin: &Origin) -> Option<Fault> {
        self.bad_accounts.insert(name.clone()).then(|| Fault {
            key: format!("accounts.{name}"),
            source: origin.clone(),
            problem: format!("{} is no name for an account set", quoted(&name)),
            allowed: ACCOUNT_NAME.allowed.into(),
            fix: "Rename it; the name appears in routes, logs and metrics.".into(),
        })
    }
}

/// The value is never quoted: a secret under a misspelled name is a secret all the same.
fn unknown(path: &str, origin: Origin) -> Fault {
    let in_words = |key: String| match origin {
        Origin::Variable(_) => variable(&key),
        _ => key,
    };
    let fix = match nearest(path) {
        Some(key) => format!("Did you mean {}? Correct or remove it.", in_words(key)),
        None => "Remove it.".to_owned(),
    };
    let allowed = match origin {
        Origin::Variable(_) => format!("{PREFIX}, then a key that `points-gateway check --example` prints"),
        _ => "the keys that `points-gateway check --example` prints".to_owned(),
    };
    Fault { key: path.to_owned(), source: origin, problem: "there is no such key".into(), allowed, fix }
}

/// Reads a secret from the file that somebody named.
fn fetch(slot: &Slot, path: Given, folder: &Path, files: &dyn Files) -> Result<Given, Box<Fault>> {
    let Given { value, origin } = path;
    let fault = |problem: String| {
        Box::new(Fault {
            key: slot.key(),
            source: origin.clone(),
            problem,
            allowed: format!(
                "path of a text file of at most {MOST_SECRET_BYTES} bytes that holds the value and nothing else"
            ),
            fix: "Correct the path, or what the file holds, or who may read it.".into(),
        })
    };
    let text = match value {
        Written::Plain(text) | Written::Text(text) => text,
        _ => return Err(fault("the path of its file is not text".into())),
    };
    if text.trim().is_empty() {
        return Err(fault("the path of its file is empty".into()));
    }
    let path = match origin {
        Origin::Variable(_) => Path::new(&text).to_owned(),
        _ => folder.join(&text),
    };
    // Whoever mixes up value and file puts the secret where the path should be.
    let shown = match text.starts_with(['/', '.']) {
        true => format!("file {}", quoted(&text)),
        false => "its file, whose name is not shown since it could be the secret itself,".to_owned(),
    };
    let content =
        read_text(files, &path, MOST_SECRET_BYTES).map_err(|why| fault(format!("{shown} {why}")))?;
    let line = content.strip_suffix('\n').unwrap_or(&content);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let secret = line.trim_start_matches(BYTE_ORDER_MARK);
    if secret.is_empty() {
        return Err(fault(format!("{shown} is empty")));
    }
    Ok(Given { value: Written::Text(secret.to_owned()), origin })
}
