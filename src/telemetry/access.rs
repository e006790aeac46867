//! One line a request, cheap enough for every hit: written by hand into a buffer of the thread's own, handed over in
//! batches.
//!
//! A general logger formats each line through its layers and sends it alone; at tens of thousands of hits a second
//! that costs more than the hits. A line here is a copy of some bytes, and one hand-over carries hundreds of them.
//! It names the route, never the path: no member id, no query. Lines of one thread keep their order.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing_appender::non_blocking::NonBlocking;

use super::log::Log;
use super::thread;

/// A batch is handed over at this size at the latest.
const BATCH_BYTES: usize = 32 << 10;

/// Buffers; threads beyond this many share some.
const BUFFERS: usize = 16;

/// What a line tells.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// When the request came in.
    pub at: Timestamp,
    /// GET, HEAD …
    pub method: &'a str,
    /// The route's template, never the path.
    pub route: &'static str,
    /// The status answered.
    pub status: u16,
    /// Where the rows came from, or what kind of problem it was.
    pub outcome: &'static str,
    /// Time until the answer's head was ready.
    pub took: Duration,
    /// `X-Request-Id`; nothing in it needs escaping.
    pub request_id: &'a str,
}

/// The access log; clones share the buffers.
#[derive(Clone)]
pub struct AccessLog(Option<Arc<Shared>>);

struct Shared {
    json: bool,
    sink: NonBlocking,
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
}

impl AccessLog {
    /// Lines go where the log goes.
    pub fn into(log: &Log) -> AccessLog {
        let shared = Shared { json: log.is_json(), sink: log.sink(), buffers: Default::default() };
        AccessLog(Some(Arc::new(shared)))
    }

    /// No lines.
    pub fn off() -> AccessLog {
        AccessLog(None)
    }

    /// Whether lines are written.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Writes a line.
    pub fn write(&self, line: &Line<'_>) {
        let Some(shared) = &self.0 else { return };
        let mut buffer =
            shared.buffers[thread::number() % BUFFERS].lock().unwrap_or_else(PoisonError::into_inner);
        buffer.push(line, shared.json);
        if buffer.lines.len() >= BATCH_BYTES {
            shared.hand_over(&mut buffer);
        }
    }

    /// Hands over what waits; called every so often, and at the end.
    pub fn flush(&self) {
        let Some(shared) = &self.0 else { return };
        for buffer in &shared.buffers {
            let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
            if !buffer.lines.is_empty() {
                shared.hand_over(&mut buffer);
            }
        }
    }
}

impl Shared {
    fn hand_over(&self, buffer: &mut Buffer) {
        let _never_fails = self.sink.clone().write_all(&buffer.lines); // a full queue drops and counts
        buffer.lines.clear();
    }
}

impl Buffer {
    fn push(&mut self, line: &Line<'_>, json: bool) {
        if self.stamp.is_empty() || self.second != line.at.as_second() {
            self.second = line.at.as_second();
            let whole = Timestamp::from_second(self.second).unwrap_or_default();
            self.stamp = whole.to_string().trim_end_matches('Z').to_owned();
        }
        let out = &mut self.lines;
        let mut digits = itoa::Buffer::new();
        let put = |out: &mut Vec<u8>, parts: &[&str]| {
            parts.iter().for_each(|p| out.extend_from_slice(p.as_bytes()))
        };
        let millis = line.at.subsec_millisecond();
        let millis =
            [b'0' + (millis / 100) as u8, b'0' + (millis / 10 % 10) as u8, b'0' + (millis % 10) as u8];
        let stamp = self.stamp.as_str();
        let micros = u64::try_from(line.took.as_micros()).unwrap_or(u64::MAX);
        if json {
            put(out, &[r#"{"timestamp":""#, stamp, "."]);
            out.extend_from_slice(&millis);
            put(out, &[r#"Z","level":"INFO","message":"request","method":""#, line.method]);
            put(out, &[r#"","route":""#, line.route, r#"","status":"#, digits.format(line.status)]);
            put(out, &[r#","outcome":""#, line.outcome, r#"","duration_us":"#, digits.format(micros)]);
            put(out, &[r#","request_id":""#, line.request_id, "\"}\n"]);
        } else {
            put(out, &[stamp, "."]);
            out.extend_from_slice(&millis);
            put(out, &["Z  INFO ", line.method, " ", line.route, " ", digits.format(line.status)]);
            put(out, &[" ", line.outcome, " ", digits.format(micros), "us ", line.request_id, "\n"]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line<'static> {
        Line {
            at: "2026-11-24T10:00:00.042Z".parse().unwrap(),
            method: "GET",
            route: "/members/{member_id}/points-history",
            status: 200,
            outcome: "hit",
            took: Duration::from_micros(17),
            request_id: "0123456789abcdef",
        }
    }

    #[test]
    fn a_json_line_is_json_and_tells_everything() {
        let mut buffer = Buffer::default();
        buffer.push(&line(), true);
        let json: serde_json::Value = serde_json::from_slice(&buffer.lines).unwrap();
        assert_eq!(json["timestamp"], "2026-11-24T10:00:00.042Z");
        assert_eq!(json["route"], "/members/{member_id}/points-history");
        assert_eq!((&json["status"], &json["duration_us"]), (&200.into(), &17.into()));
        assert_eq!((&json["outcome"], &json["method"]), (&"hit".into(), &"GET".into()));
    }

    #[test]
    fn a_human_line_is_one_line() {
        let mut buffer = Buffer::default();
        buffer.push(&line(), false);
        let text = String::from_utf8(buffer.lines).unwrap();
        assert_eq!(
            text,
            "2026-11-24T10:00:00.042Z  INFO GET /members/{member_id}/points-history 200 hit 17us 0123456789abcdef\n"
        );
    }

    #[test]
    fn every_thread_writes_into_a_buffer_of_its_own_and_a_flush_finds_them_all() {
        let (sink, guard, written) = sink();
        let log = AccessLog(Some(Arc::new(Shared { json: true, sink, buffers: Default::default() })));
        let used = || {
            let Some(shared) = &log.0 else { return 0 };
            shared.buffers.iter().filter(|b| !b.lock().unwrap().lines.is_empty()).count()
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| log.write(&line())));
            }
        });
        assert_eq!(used(), 4);
        log.flush();
        assert_eq!(used(), 0);
        drop(guard); // waits until all is written
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().filter(|l| l.ends_with("\"0123456789abcdef\"}")).count(), 400);
    }

    type Written = Arc<Mutex<Vec<u8>>>;

    fn sink() -> (NonBlocking, tracing_appender::non_blocking::WorkerGuard, Written) {
        struct Into(Written);
        impl std::io::Write for Into {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let written = Written::default();
        let (sink, guard) = tracing_appender::non_blocking(Into(Arc::clone(&written)));
        (sink, guard, written)
    }
}
