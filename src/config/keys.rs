//! Every key there is: name, what it takes, where it goes, what it does.
//!
//! One table feeds the reader, the faults, the example file, the README and `check`. Defaults stand in the rooms'
//! own settings; the table only points at them.

use super::draft::{AccountDraft, Draft};
use super::environment::variable;
use super::field::Field;

mod edge;
mod memory;
mod shared;
mod kingdee;
mod account;
mod trace;

/// A row of the table.
pub struct Entry<D: 'static> {
    /// The whole name, or the name within `accounts.<name>`.
    pub name: &'static str,
    /// What it takes and where it goes.
    pub field: Field<D>,
    /// What it does, in one line.
    pub what: &'static str,
    /// A value to show where there is no default.
    pub example: Option<&'static str>,
    /// Whether there is no gateway without it.
    pub required: bool,
    /// When a changed value is taken over.
    pub taken: Taken,
}

/// When a changed value is taken over: the one place that decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// By a reload, while serving.
    Live,
    /// By a restart only.
    AtStart,
}

impl<D> Entry<D> {
    const fn new(name: &'static str, field: Field<D>, what: &'static str) -> Entry<D> {
        Entry { name, field, what, example: None, required: false, taken: Taken::Live }
    }

    const fn at_start(self) -> Entry<D> {
        Entry {
            name: self.name,
            field: self.field,
            what: self.what,
            example: self.example,
            required: self.required,
            taken: Taken::AtStart,
        }
    }

    const fn example(self, example: &'static str) -> Entry<D> {
        Entry {
            name: self.name,
            field: self.field,
            what: self.what,
            example: Some(example),
            required: self.required,
            taken: self.taken,
        }
    }

    const fn required(self) -> Entry<D> {
        Entry {
            name: self.name,
            field: self.field,
            what: self.what,
            example: self.example,
            required: true,
            taken: self.taken,
        }
    }
}

/// Makes a [`Words`](super::field::Words) that knows every variant.
macro_rules! words {
    ($d:ident => $place:expr, $kind:ty { $($word:literal => $variant:ident),+ $(,)? }) => {
        $crate::config::field::Field::Word($crate::config::field::Words {
            all: &[$($word),+],
            set: |$d, word| match word {
                $($word => { $place = <$kind>::$variant; true })+
                _ => false,
            },
            get: |$d| Some(match $place { $(<$kind>::$variant => $word),+ }),
        })
    };
}
use words;

/// Rows of everything but account sets, in the order in which people read them.
pub fn entries() -> impl Iterator<Item = &'static Entry<Draft>> {
    kingdee::CREDENTIALS
        .iter()
        .chain(account::DEFAULT)
        .chain(kingdee::PROTOCOL)
        .chain(edge::HTTP)
        .chain(memory::CACHE)
        .chain(shared::SHARED)
        .chain(edge::LOG)
        .chain(trace::TRACE)
}

/// Rows of one account set.
pub fn account_entries() -> impl Iterator<Item = &'static Entry<AccountDraft>> {
    account::ENTRIES.iter()
}

/// Finds a row by its whole name.
pub fn entry(name: &str) -> Option<&'static Entry<Draft>> {
    entries().find(|entry| entry.name == name)
}

/// Finds a row of an account set by its last name.
pub fn account_entry(name: &str) -> Option<&'static Entry<AccountDraft>> {
    account_entries().find(|entry| entry.name == name)
}

/// What people may want to know of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `kingdee.client_id`, `accounts.<name>.app_key`
    pub name: String,
    /// The environment variable that sets it.
    pub variable: String,
    /// What is allowed, in words.
    pub allowed: String,
    /// Its default as text, if it has one.
    pub default: Option<String>,
    /// A value to show where there is no default.
    pub example: Option<&'static str>,
    /// What it does, in one line.
    pub what: &'static str,
    /// Whether it is never shown, and may be read from a file: `…_file`, `…_FILE`.
    pub secret: bool,
    /// Whether there is no gateway without it.
    pub required: bool,
    /// When a changed value is taken over.
    pub taken: Taken,
    /// How TOML writes it.
    pub notation: Notation,
}

/// How TOML writes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// As it is: numbers, `true`.
    Bare,
    /// In quotes.
    Quoted,
    /// Each in quotes, all in brackets.
    List,
}

impl Notation {
    /// How TOML writes the values of a field.
    pub fn of<D>(field: &Field<D>) -> Notation {
        match field {
            Field::Count(..) | Field::Flag(_) => Notation::Bare,
            Field::List(..) => Notation::List,
            _ => Notation::Quoted,
        }
    }
}

/// Every key, in the order in which people read them; those of account sets last.
pub fn keys() -> Vec<Key> {
    let (mut draft, mut account) = (Draft::new(), AccountDraft::new());
    let root = entries().map(|entry| key(entry.name.to_owned(), entry, &mut draft)).collect::<Vec<_>>();
    let accounts =
        account_entries().map(|entry| key(format!("accounts.<name>.{}", entry.name), entry, &mut account));
    root.into_iter().chain(accounts).collect()
}

fn key<D>(name: String, entry: &'static Entry<D>, draft: &mut D) -> Key {
    Key {
        variable: variable(&name),
        name,
        allowed: entry.field.allowed(),
        default: entry.field.show(draft),
        example: entry.example,
        what: entry.what,
        secret: entry.field.is_secret(),
        required: entry.required,
        taken: entry.taken,
        notation: Notation::of(&entry.field),
    }
}
