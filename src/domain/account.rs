//! Account sets (账套): the books that a member belongs to, named in configuration, numbered in memory.

use compact_str::CompactString;

/// Position of an account set in the configuration; 0 is the default one. Only configuration makes these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct AccountIndex(pub u16);

impl AccountIndex {
    /// The account set that is meant where a route names none.
    pub const DEFAULT: AccountIndex = AccountIndex(0);

    /// The index into a list of account sets in configuration order.
    pub fn as_usize(self) -> usize {
        usize::from(self.0)
    }
}

/// Name of an account set in routes, configuration, logs and metrics: 1 to 32 of `a-z 0-9 _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName(CompactString);

impl AccountName {
    /// Longest name in bytes.
    pub const MAX_LEN: usize = 32;

    /// Accepts a name, or gives it back as `None`.
    pub fn parse(text: &str) -> Option<AccountName> {
        let fits = (1..=Self::MAX_LEN).contains(&text.len());
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        (fits && text.bytes().all(allowed)).then(|| AccountName(text.into()))
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for AccountName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
