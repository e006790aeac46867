//! What is wrong with a configuration: key, where it came from, what is allowed, what to do.

use std::fmt;

use super::origin::{Origin, shortened};

/// One thing that is wrong. No part of it ever holds the value of a secret key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, `kingdee.client_id`; a file's name where the fault is the file's.
    pub key: String,
    /// Where the value came from; [`Origin::Default`] where a value is missing.
    pub source: Origin,
    /// What is wrong with it.
    pub problem: String,
    /// What would be right.
    pub allowed: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", shortened(&self.key, 120))?;
        writeln!(f, "  from:    {}", self.source)?;
        writeln!(f, "  problem: {}", self.problem)?;
        writeln!(f, "  allowed: {}", self.allowed)?;
        writeln!(f, "  to do:   {}", self.fix)
    }
}

/// Everything that is wrong with a configuration, in a stable order; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// `value`, unless something is wrong.
    pub(super) fn unless_any<T>(faults: Vec<Fault>, value: Option<T>) -> Result<T, Faults> {
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            _ => Err(Faults(faults)),
        }
    }

    /// Each of them.
    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        writeln!(f, "{count} {} in the configuration", if count == 1 { "fault" } else { "faults" })?;
        self.0.iter().try_for_each(|fault| write!(f, "\n{fault}"))
    }
}

impl std::error::Error for Faults {}
