//! Where a value came from, in the words of the person who has to correct it.

use std::fmt;
use std::sync::Arc;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// Nobody set it.
    #[default]
    Default,
    /// The configuration file as a whole.
    File(Arc<str>),
    /// A place in the configuration file; both numbers count from 1.
    Line {
        /// The file's name, as it was given.
        file: Arc<str>,
        /// Line of the key.
        line: usize,
        /// Column of the key, in characters.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
}

impl Origin {
    /// The place of byte `at` of `text`, which is the content of `file`.
    pub fn in_file(file: &Arc<str>, text: &str, at: usize) -> Origin {
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Origin::Line { file: Arc::clone(file), line, column }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(file) => write!(f, "file {}", shortened(file, 200)),
            Origin::Line { file, line, column } => {
                write!(f, "file {}, line {line}, column {column}", shortened(file, 200))
            }
            Origin::Variable(name) => write!(f, "environment variable {}", shortened(name, 120)),
        }
    }
}

/// Text from outside, fit for a terminal or a log: escaped, and cut after `most` characters.
pub fn shortened(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).flat_map(char::escape_debug).collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

/// A value from outside in quotes, fit for a fault.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", shortened(text, 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let file = Arc::from("a.toml");
        let text = "# 金蝶\n\n键 = 1";
        let at = text.find('=').unwrap();
        assert_eq!(Origin::in_file(&file, text, 0).to_string(), "file a.toml, line 1, column 1");
        assert_eq!(Origin::in_file(&file, text, at).to_string(), "file a.toml, line 3, column 3");
    }

    #[test]
    fn foreign_text_can_neither_forge_lines_nor_flood_them() {
        assert_eq!(quoted("a\nb\u{1b}[31m\"c\""), r#""a\nb\u{1b}[31m\"c\"""#);
        assert_eq!(quoted(&"x".repeat(61)), format!("\"{}…\"", "x".repeat(60)));
    }
}
