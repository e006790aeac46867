//! A list of objects, bounded while it is read: a body of a few MiB could hold a million empty ones.

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Most elements in a list; Kingdee's own limit for one query (`protocol.md` §5).
pub const MOST_ELEMENTS: usize = 1000;

/// The elements, each still unread.
#[derive(Debug, Default)]
pub struct Elements<'a>(pub Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Elements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Elements<'a>, D::Error> {
        deserializer.deserialize_seq(Bounded).map(Elements)
    }
}

struct Bounded;

impl<'de> Visitor<'de> for Bounded {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            if elements.len() == MOST_ELEMENTS {
                return Err(A::Error::custom("a list of more than 1000"));
            }
            elements.push(element);
        }
        Ok(elements)
    }
}

/// Reads one object. A list in its place is refused: serde would take its elements for fields, by position.
pub fn object<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    raw.get().starts_with('{').then(|| serde_json::from_str(raw.get()).ok()).flatten()
}
