//! What a configuration amounts to: every key with its value and where that came from; no secret.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use super::draft::{AccountDraft, Draft};
use super::fill::Ledger;
use super::keys::{Entry, account_entries, entries};
use super::origin::{Origin, shortened};
use crate::domain::account::AccountName;

/// One key that has a value. Two are equal only if their secrets are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The whole key.
    pub key: String,
    /// Its value as text; `[redacted]` for a secret.
    pub value: String,
    /// Where it came from.
    pub source: Origin,
    hidden: Hidden,
}

impl Effective {
    /// Whether both have the same value, wherever it came from.
    pub(super) fn says_the_same(&self, other: &Effective) -> bool {
        (&self.key, &self.value, &self.hidden) == (&other.key, &other.value, &other.hidden)
    }
}

/// The value of a secret, to see whether it has changed.
#[derive(Debug, Clone)]
struct Hidden(Option<SecretString>);

impl PartialEq for Hidden {
    fn eq(&self, other: &Hidden) -> bool {
        let plain = |hidden: &Hidden| hidden.0.as_ref().map(|secret| secret.expose_secret().to_owned());
        plain(self) == plain(other)
    }
}

impl Eq for Hidden {}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}  ({})", self.key, shortened(&self.value, 200), self.source)
    }
}

/// Every key that has a value, in the order of the table.
pub fn lines(
    draft: &mut Draft,
    accounts: &mut [(AccountName, AccountDraft)],
    ledger: &Ledger,
) -> Vec<Effective> {
    let mut lines: Vec<_> = entries().filter_map(|row| line("", row, draft, ledger)).collect();
    for (name, account) in accounts {
        let prefix = format!("accounts.{name}.");
        lines.extend(account_entries().filter_map(|row| line(&prefix, row, account, ledger)));
    }
    lines
}

fn line<D: 'static>(prefix: &str, row: &Entry<D>, draft: &mut D, ledger: &Ledger) -> Option<Effective> {
    let key = format!("{prefix}{}", row.name);
    let source = ledger.origin(&key);
    let hidden = Hidden(row.field.secret(draft));
    row.field.show(draft).map(|value| Effective { key, value, source, hidden })
}
