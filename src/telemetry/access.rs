//! One line a request, cheap enough for every hit: written by hand into a buffer of the thread's own, handed over in
//! batches.
//!
//! A general logger formats each line through its layers and sends it alone; at tens of thousands of hits a second
//! that costs more than the hits. A line here is a copy of some bytes, and one hand-over carries hundreds of them.
//! It names the route, never the path: no member id, only its keyed hash, and no query. Nothing in a line needs escaping:
//! all of it is ours, or digits. Lines of one thread keep their order.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::log::Log;
use super::members::MemberHash;
use super::queue::Queue;
use super::thread;
use super::trace::TraceId;

/// A batch is handed over at this size at the latest.
const BATCH_BYTES: usize = 32 << 10;

/// Lines are rarely longer.
const ROOM_OF_A_LINE: usize = 1 << 10;

/// Buffers; threads beyond this many share some.
const BUFFERS: usize = 16;

/// What lines have in common with many others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// GET, HEAD …
    pub method: &'static str,
    /// The route's template, never the path.
    pub route: &'static str,
    /// The status answered.
    pub status: u16,
    /// Where the rows came from, or what kind of problem it was.
    pub outcome: &'static str,
}

/// What a line tells.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// When it was answered.
    pub at: Timestamp,
    /// What was asked and answered.
    pub about: About,
    /// Time until the answer's head was ready.
    pub took: Duration,
    /// `X-Request-Id`: ASCII in which nothing needs escaping.
    pub request_id: &'a [u8],
    /// Whose rows were asked for.
    pub member: Option<MemberHash>,
    /// Age of the rows in seconds, where there are any.
    pub age: Option<u64>,
    /// Time spent waiting for Kingdee: lane, credentials and retries included.
    pub upstream: Option<Duration>,
    /// The trace that it is part of.
    pub trace: Option<TraceId>,
}

/// The access log; clones share the buffers.
#[derive(Clone)]
pub struct AccessLog(Option<Arc<Shared>>);

struct Shared {
    on: AtomicBool,
    json: bool,
    sink: Queue,
    buffers: [Mutex<Buffer>; BUFFERS],
}

/// On cache lines of its own, so that threads don't slow each other down.
#[derive(Default)]
#[repr(align(128))]
struct Buffer {
    lines: Vec<u8>,
    /// The second that `stamp` spells, so that most lines don't format one.
    second: i64,
    stamp: String,
    /// What `common` spells: most lines are about the same as the one before.
    about: Option<About>,
    common: String,
}

impl AccessLog {
    /// Lines go where the log goes.
    pub fn into(log: &Log) -> AccessLog {
        AccessLog::over(log.sink(), log.is_json())
    }

    fn over(sink: Queue, json: bool) -> AccessLog {
        let on = AtomicBool::new(true);
        AccessLog(Some(Arc::new(Shared { on, json, sink, buffers: Default::default() })))
    }

    /// Lines from now on, or none; of all clones.
    pub fn switch(&self, on: bool) {
        if let Some(shared) = &self.0 {
            shared.on.store(on, Ordering::Relaxed);
        }
    }

    /// No lines, ever.
    pub fn off() -> AccessLog {
        AccessLog(None)
    }

    /// Whether lines are written.
    pub fn is_on(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.on.load(Ordering::Relaxed))
    }

    /// What the log's queue had no room for so far, lines of other kinds included; a batch of ours counts as one.
    pub fn dropped(&self) -> u64 {
        self.0.as_ref().map_or(0, |shared| shared.sink.dropped())
    }

    /// Writes a line.
    pub fn write(&self, line: &Line<'_>) {
        let Some(shared) = &self.0 else { return };
        let mut buffer =
            shared.buffers[thread::number() % BUFFERS].lock().unwrap_or_else(PoisonError::into_inner);
        buffer.push(line, shared.json);
        if buffer.lines.len() >= BATCH_BYTES {
            let room = Vec::with_capacity(BATCH_BYTES + ROOM_OF_A_LINE);
            shared.sink.put(mem::replace(&mut buffer.lines, room));
        }
    }

    /// Hands over what waits; called every so often, and at the end.
    pub fn flush(&self) {
        let Some(shared) = &self.0 else { return };
        for buffer in &shared.buffers {
            let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
            if !buffer.lines.is_empty() {
                shared.sink.put(buffer.lines.clone()); // without the room behind it
                buffer.lines.clear();
            }
        }
    }
}

impl Buffer {
    fn push(&mut self, line: &Line<'_>, json: bool) {
        let style = if json { &JSON } else { &HUMAN };
        if self.stamp.is_empty() || self.second != line.at.as_second() {
            self.second = line.at.as_second();
            let whole = Timestamp::from_second(self.second).unwrap_or_default();
            self.stamp = format!("{}{}.", style.start, whole.to_string().trim_end_matches('Z'));
        }
        if self.about != Some(line.about) {
            self.about = Some(line.about);
            self.common = (style.common)(&line.about);
        }
        let out = &mut self.lines;
        let millis = line.at.subsec_millisecond();
        let millis =
            [b'0' + (millis / 100) as u8, b'0' + (millis / 10 % 10) as u8, b'0' + (millis % 10) as u8];
        out.extend_from_slice(self.stamp.as_bytes());
        out.extend_from_slice(&millis);
        out.extend_from_slice(self.common.as_bytes());
        out.extend_from_slice(itoa::Buffer::new().format(micros(line.took)).as_bytes());
        out.extend_from_slice(style.request_id.as_bytes());
        out.extend_from_slice(line.request_id);
        out.extend_from_slice(style.end.as_bytes());
        push_details(out, line, style);
        out.extend_from_slice(style.last.as_bytes());
    }
}

/// What stands around the parts of a line. The last four are details that not every line has.
struct Style {
    start: &'static str,
    /// Between the milliseconds and the time that was taken.
    common: fn(&About) -> String,
    request_id: &'static str,
    /// Behind a text.
    end: &'static str,
    /// Behind everything.
    last: &'static str,
    age: &'static str,
    upstream: &'static str,
    member: &'static str,
    trace: &'static str,
}

static JSON: Style = Style {
    start: r#"{"timestamp":""#,
    common: |About { method, route, status, outcome }| {
        format!(
            r#"Z","level":"INFO","message":"request","method":"{method}","route":"{route}","status":{status},"outcome":"{outcome}","duration_us":"#
        )
    },
    request_id: r#","request_id":""#,
    end: "\"",
    last: "}\n",
    age: r#","age_s":"#,
    upstream: r#","upstream_us":"#,
    member: r#","member":""#,
    trace: r#","trace_id":""#,
};

static HUMAN: Style = Style {
    start: "",
    common: |About { method, route, status, outcome }| {
        format!("Z  INFO {method} {route} {status} {outcome} ")
    },
    request_id: "us ",
    end: "",
    last: "\n",
    age: " age_s=",
    upstream: " upstream_us=",
    member: " member=",
    trace: " trace_id=",
};

fn push_details(out: &mut Vec<u8>, line: &Line<'_>, style: &Style) {
    let mut digits = itoa::Buffer::new();
    let mut number = |out: &mut Vec<u8>, name: &str, number: u64| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(digits.format(number).as_bytes());
    };
    let text = |out: &mut Vec<u8>, name: &str, text: &[u8]| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(text);
        out.extend_from_slice(style.end.as_bytes());
    };
    if let Some(age) = line.age {
        number(out, style.age, age);
    }
    if let Some(upstream) = line.upstream {
        number(out, style.upstream, micros(upstream));
    }
    if let Some(member) = line.member {
        text(out, style.member, &member.digits());
    }
    if let Some(trace) = line.trace {
        text(out, style.trace, &trace.digits());
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
