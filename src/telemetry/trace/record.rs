//! A span that has ended, as it waits for its way out.

use std::borrow::Cow;

use compact_str::CompactString;
use smallvec::SmallVec;

use super::context::{SpanId, TraceId};

/// Which side of a conversation a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Neither: something that happens inside.
    Internal,
    /// Answers a caller.
    Server,
    /// Asks Kingdee.
    Client,
}

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One of ours.
    Label(&'static str),
    /// Anything else that is harmless: an id, a name from the configuration, a keyed hash.
    Text(CompactString),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

impl From<&'static str> for Value {
    fn from(label: &'static str) -> Value {
        Value::Label(label)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(flag)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Value {
        Value::Number(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Number(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl Value {
    /// A text that is neither ours nor anybody's secret.
    pub fn text(text: impl AsRef<str>) -> Value {
        Value::Text(CompactString::from(text.as_ref()))
    }
}

/// A span that has ended.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its trace.
    pub trace: TraceId,
    /// Itself.
    pub span: SpanId,
    /// What it is part of.
    pub parent: Option<SpanId>,
    /// Whether that is in another process.
    pub parent_is_remote: bool,
    /// The caller's `tracestate`.
    pub state: Option<Box<str>>,
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its side.
    pub kind: Kind,
    /// Beginning and end, nanoseconds since 1970.
    pub began: u64,
    /// See `began`.
    pub ended: u64,
    /// What is known about it.
    pub attributes: SmallVec<[(&'static str, Value); 4]>,
    /// Where else to look: the fetch that was waited for, in a trace of its own.
    pub link: Option<(TraceId, SpanId)>,
    /// Whether it failed.
    pub failed: bool,
}
