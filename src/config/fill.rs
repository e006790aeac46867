//! Values go into the fields of a draft, each judged on its own.

use std::collections::{BTreeMap, BTreeSet};

use super::environment::variable;
use super::fault::Fault;
use super::field::Field;
use super::gather::Values;
use super::given::{Problem, Written};
use super::keys::{Entry, Notation};
use super::origin::{Origin, quoted};

/// What has been learned about keys while filling: what is wrong, and where every value came from.
#[derive(Default)]
pub struct Ledger {
    /// Everything that is wrong so far.
    pub faults: Vec<Fault>,
    /// Keys whose field doesn't hold what somebody wanted; comparing them with others would mislead.
    pub broken: BTreeSet<String>,
    origins: BTreeMap<String, Origin>,
}

impl Ledger {
    /// Where the value of a key came from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or_default()
    }

    /// Whether somebody set a key, be it to nonsense.
    pub fn is_given(&self, key: &str) -> bool {
        self.origins.contains_key(key) || self.broken.contains(key)
    }

    /// Whether all of `keys` hold what somebody wanted.
    pub fn all_sound(&self, keys: &[&str]) -> bool {
        !keys.iter().any(|key| self.broken.contains(*key))
    }

    /// Fills `draft` row by row; `prefix` stands in front of the names of rows.
    pub fn fill<D: 'static>(
        &mut self,
        prefix: &str,
        rows: impl Iterator<Item = &'static Entry<D>>,
        mut values: Values,
        draft: &mut D,
    ) {
        for row in rows {
            let Some(given) = values.remove(row.name) else { continue };
            let key = format!("{prefix}{}", row.name);
            self.origins.insert(key.clone(), given.origin.clone());
            let read = text(row, &given.value).and_then(|text| row.field.put(&text, draft));
            if let Err(Problem { problem, fix }) = read {
                let allowed = row.field.allowed();
                self.broken.insert(key.clone());
                self.faults.push(Fault { key, source: given.origin, problem, allowed, fix });
            }
        }
    }

    /// Notes a required key that nobody set.
    pub fn missing(&mut self, key: &str, allowed: String, secret: bool) {
        let file =
            if secret { format!(", or {0}_file or {1}_FILE", key, variable(key)) } else { String::new() };
        self.faults.push(Fault {
            key: key.to_owned(),
            source: Origin::Default,
            problem: "it is missing".into(),
            allowed,
            fix: format!("Set it in the configuration file, or set {}{file}.", variable(key)),
        });
    }
}

/// The text of a value, if its TOML type suits the field.
fn text<D: 'static>(row: &Entry<D>, value: &Written) -> Result<String, Problem> {
    let notation = Notation::of(&row.field);
    let sized = matches!(row.field, Field::Bytes(..));
    let text = match (value, notation) {
        (Written::Plain(text), _) | (Written::Text(text), Notation::Quoted) => text.clone(),
        (Written::Integer(digits), Notation::Bare) => digits.clone(),
        (Written::Integer(digits), Notation::Quoted) if sized => digits.clone(),
        (Written::Flag(flag), Notation::Bare) => flag.to_string(),
        (Written::List(items), Notation::List) => {
            if items.is_empty() || items.iter().any(|item| item.trim().is_empty() || item.contains(',')) {
                return Err(Problem::new("it is empty, or an item of it is, or holds a comma", EMPTY));
            }
            items.join(",")
        }
        (other, _) => return Err(wrong_type(row, other, notation)),
    };
    if text.trim().is_empty() {
        return Err(Problem::new("it is empty", EMPTY));
    }
    Ok(text)
}

const EMPTY: &str = "Give it a value, or remove it to get the default.";

fn wrong_type<D: 'static>(row: &Entry<D>, value: &Written, notation: Notation) -> Problem {
    let found = match value {
        Written::Garbled => return Problem::new("its value is not UTF-8 text", "Write it in UTF-8."),
        Written::Plain(_) | Written::Text(_) => "text",
        Written::Integer(_) => "an integer",
        Written::Flag(_) => "a boolean",
        Written::List(_) => "a list",
        Written::Other(kind) => kind,
    };
    let name = row.name.rsplit('.').next().unwrap_or(row.name);
    let fix = match (notation, value) {
        (Notation::Quoted, Written::Integer(digits)) if !row.field.is_secret() => {
            let unit = if matches!(row.field, Field::Time(..)) { "s" } else { "" };
            format!("Quote it: {name} = {}.", quoted(&format!("{digits}{unit}")))
        }
        (Notation::Quoted, _) => format!("Quote it: {name} = \"…\"."),
        (Notation::Bare, _) => format!("Write {name} = … without quotes, as it is allowed."),
        (Notation::List, _) => format!("Write {name} = [\"…\", \"…\"]."),
    };
    Problem::new(format!("it is {found}"), fix)
}
