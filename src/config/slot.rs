//! What a path names: a value of everything, a value of an account set, a section, or nothing.

use super::keys::{account_entries, account_entry, entries, entry};
use crate::domain::account::AccountName;

/// The place of one value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// The account set it belongs to, if any.
    pub account: Option<AccountName>,
    /// Name of its row.
    pub row: &'static str,
}

impl Slot {
    /// The whole key.
    pub fn key(&self) -> String {
        match &self.account {
            Some(account) => format!("accounts.{account}.{}", self.row),
            None => self.row.to_owned(),
        }
    }

    /// Whether its value is never shown.
    pub fn is_secret(&self) -> bool {
        match self.account {
            Some(_) => account_entry(self.row).is_some_and(|entry| entry.field.is_secret()),
            None => entry(self.row).is_some_and(|entry| entry.field.is_secret()),
        }
    }
}

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub enum Named {
    /// A value.
    Value(Slot),
    /// The path of a file that holds the value.
    FileOf(Slot),
    /// A section; of an account set if it is one.
    Section(Option<AccountName>),
    /// Something in an account set of this impossible name.
    BadAccount(String),
    /// Nothing.
    Nothing,
}

/// Says what a path names.
pub fn named(path: &str) -> Named {
    let Some(rest) = path.strip_prefix("accounts.") else {
        let row = |path: &str| entry(path).map(|entry| Slot { account: None, row: entry.name });
        let below = format!("{path}.");
        let section = path == "accounts" || entries().any(|entry| entry.name.starts_with(&below));
        return value(path, row).unwrap_or(if section { Named::Section(None) } else { Named::Nothing });
    };
    // A quoted name may hold dots of its own.
    let end = if rest.starts_with('"') { rest.len() } else { rest.find('.').unwrap_or(rest.len()) };
    let (name, below) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let Some(account) = AccountName::parse(name) else { return Named::BadAccount(name.to_owned()) };
    let row = |row: &str| account_entry(row).map(|e| Slot { account: Some(account.clone()), row: e.name });
    match below.strip_prefix('.') {
        Some(below) => value(below, row).unwrap_or(Named::Nothing),
        None => Named::Section(Some(account)),
    }
}

fn value(path: &str, row: impl Fn(&str) -> Option<Slot>) -> Option<Named> {
    let in_file = || row(path.strip_suffix("_file")?).filter(Slot::is_secret).map(Named::FileOf);
    row(path).map(Named::Value).or_else(in_file)
}

/// Every key as text, those of account sets for each of `accounts`.
pub fn key_names(accounts: &[&str]) -> Vec<String> {
    let root = entries().map(|entry| (entry.name.to_owned(), entry.field.is_secret()));
    let theirs = accounts.iter().flat_map(|account| {
        account_entries().map(move |e| (format!("accounts.{account}.{}", e.name), e.field.is_secret()))
    });
    let with_files = |(name, secret): (String, bool)| {
        let file = secret.then(|| format!("{name}_file"));
        std::iter::once(name).chain(file)
    };
    root.chain(theirs).flat_map(with_files).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_thing() {
        let main = || AccountName::parse("main");
        let cases = [
            ("kingdee.client_id", Named::Value(Slot { account: None, row: "kingdee.client_id" })),
            (
                "kingdee.client_secret_file",
                Named::FileOf(Slot { account: None, row: "kingdee.client_secret" }),
            ),
            ("kingdee.client_id_file", Named::Nothing),
            ("kingdee.lane", Named::Section(None)),
            ("accounts", Named::Section(None)),
            ("accounts.main", Named::Section(main())),
            ("accounts.main.app_key", Named::Value(Slot { account: main(), row: "app_key" })),
            ("accounts.main.app_secret_file", Named::FileOf(Slot { account: main(), row: "app_secret" })),
            ("accounts.main.x", Named::Nothing),
            ("accounts.Main.app_key", Named::BadAccount("Main".into())),
            ("accounts.\"a.b\"", Named::BadAccount("\"a.b\"".into())),
            ("", Named::Nothing),
        ];
        for (path, what) in cases {
            assert_eq!(named(path), what, "{path}");
        }
    }
}
