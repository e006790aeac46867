//! A value as somebody wrote it, before anybody believes it.

use super::origin::Origin;

/// A value and where it came from. No `Debug`: it may be a secret.
#[derive(Clone)]
pub struct Given {
    /// As it was written.
    pub value: Written,
    /// Where.
    pub origin: Origin,
}

/// As it was written; the environment knows text only, TOML knows types.
#[derive(Clone)]
pub enum Written {
    /// Text of no declared type.
    Plain(String),
    /// TOML text.
    Text(String),
    /// A TOML integer in base ten, digit by digit.
    Integer(String),
    /// A TOML boolean.
    Flag(bool),
    /// A TOML array of text.
    List(Vec<String>),
    /// Any other TOML type, by its name with article.
    Other(&'static str),
    /// An environment variable that isn't UTF-8.
    Garbled,
}

/// What was wrong with a value, and what to do about it.
pub struct Problem {
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

impl Problem {
    /// A problem in two sentences.
    pub fn new(problem: impl Into<String>, fix: impl Into<String>) -> Problem {
        Problem { problem: problem.into(), fix: fix.into() }
    }
}

/// All that one source says: values by path, and sections that may be empty (`[accounts.main]`).
#[derive(Default)]
pub struct Layer {
    /// Values in the order of the source.
    pub values: Vec<(String, Given)>,
    /// Sections in the order of the source.
    pub sections: Vec<(String, Origin)>,
}
