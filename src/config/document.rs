//! A TOML document becomes values with paths and places.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Fault;
use super::given::{Given, Layer, Written};
use super::origin::Places;

/// Syntax faults shown; the first causes most of the others.
const MOST_SYNTAX_FAULTS: usize = 10;

/// Reads a document. `is_key` says which paths hold values, so that a table there is a wrong value and no section.
///
/// # Errors
/// Every place where the text is no TOML, and the values that could be read all the same and hold no such place.
pub fn read(file: &Arc<str>, text: &str, is_key: &dyn Fn(&str) -> bool) -> (Layer, Vec<Fault>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let places = Places::new(file, text);
    let fault = |error: &toml::de::Error| Fault {
        key: file.to_string(),
        source: places.at(error.span().map_or(0, |span| span.start)),
        problem: format!("this is not TOML: {}", error.message().replace('\n', "; ")),
        allowed: "TOML 1.0 or later".into(),
        fix: "Correct the line. Text stands in quotes, digits such as \"00123\" too.".into(),
    };
    let faults: Vec<_> = errors.iter().take(MOST_SYNTAX_FAULTS).map(fault).collect();
    let mut broken: Vec<_> = errors.iter().map(|error| error.span().map_or(0, |span| span.start)).collect();
    broken.sort_unstable();
    let mut walk = Walk { places: &places, is_key, broken, layer: Layer::default() };
    walk.table("", table.get_ref());
    (walk.layer, faults)
}

struct Walk<'a> {
    places: &'a Places<'a>,
    is_key: &'a dyn Fn(&str) -> bool,
    /// Places of syntax faults, sorted.
    broken: Vec<usize>,
    layer: Layer,
}

impl Walk<'_> {
    fn table(&mut self, above: &str, table: &DeTable<'_>) {
        let mut rows: Vec<_> = table.iter().collect();
        rows.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in rows {
            // What nobody closed swallows the lines below it, and one of them may be a secret's.
            if self.is_broken(name.span()) || self.is_broken(value.span()) {
                continue;
            }
            let name_text = name.get_ref().as_ref();
            // A quoted name with a dot in it must not pass for two names, nor an empty one for none.
            let name_text = if name_text.contains('.') || name_text.is_empty() {
                format!("{name_text:?}")
            } else {
                name_text.into()
            };
            let path = if above.is_empty() { name_text } else { format!("{above}.{name_text}") };
            self.value(path, name.span().start, value);
        }
    }

    fn value(&mut self, path: String, at: usize, value: &Spanned<DeValue<'_>>) {
        let origin = self.places.at(at);
        match value.get_ref() {
            DeValue::Table(below) if !(self.is_key)(&path) => {
                self.layer.sections.push((path.clone(), origin));
                self.table(&path, below);
            }
            written => self.layer.values.push((path, Given { value: as_written(written), origin })),
        }
    }

    fn is_broken(&self, span: Range<usize>) -> bool {
        let next = self.broken.partition_point(|place| *place < span.start);
        self.broken.get(next).is_some_and(|place| *place <= span.end)
    }
}

fn as_written(value: &DeValue<'_>) -> Written {
    match value {
        DeValue::String(text) => Written::Text(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Written::Integer(number.as_str().to_owned()),
        DeValue::Integer(_) => Written::Other("an integer that is not in base ten"),
        DeValue::Boolean(flag) => Written::Flag(*flag),
        DeValue::Float(_) => Written::Other("a number with a fraction"),
        DeValue::Datetime(_) => Written::Other("a date or time"),
        DeValue::Table(_) => Written::Other("a table"),
        DeValue::Array(items) => {
            let texts: Option<Vec<_>> =
                items.iter().map(|i| i.get_ref().as_str().map(str::to_owned)).collect();
            texts.map_or(Written::Other("a list of something else than text"), Written::List)
        }
    }
}
