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

/// The places of a file's text. Finding one takes no look at all that stands before it.
pub struct Places<'a> {
    file: &'a Arc<str>,
    text: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
}

/// Columns are counted up to here.
const LAST_COLUMN: usize = 1000;

impl<'a> Places<'a> {
    /// The places of `text`, which is the content of `file`.
    pub fn new(file: &'a Arc<str>, text: &'a str) -> Places<'a> {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Places { file, text, lines }
    }

    /// The place of a byte.
    pub fn at(&self, byte: usize) -> Origin {
        let line = self.lines.partition_point(|begins| *begins <= byte);
        let begins = line.checked_sub(1).and_then(|above| self.lines.get(above)).copied().unwrap_or(0);
        let before = self.text.get(begins..byte).unwrap_or_default();
        let column = before.chars().take(LAST_COLUMN - 1).count() + 1;
        Origin::Line { file: Arc::clone(self.file), line, column }
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
        let places = Places::new(&file, text);
        assert_eq!(places.at(0).to_string(), "file a.toml, line 1, column 1");
        assert_eq!(places.at(at).to_string(), "file a.toml, line 3, column 3");
        assert_eq!(places.at(at - 5).to_string(), "file a.toml, line 2, column 1");
        assert_eq!(
            Places::new(&file, &"x".repeat(5000)).at(4000).to_string(),
            "file a.toml, line 1, column 1000"
        );
    }

    #[test]
    fn foreign_text_can_neither_forge_lines_nor_flood_them() {
        assert_eq!(quoted("a\nb\u{1b}[31m\"c\""), r#""a\nb\u{1b}[31m\"c\"""#);
        assert_eq!(quoted(&"x".repeat(61)), format!("\"{}…\"", "x".repeat(60)));
    }
}
