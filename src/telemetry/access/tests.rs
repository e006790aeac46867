//! What a line looks like, and that none is lost.

use super::super::queue::Writing;
use super::*;

fn line() -> Line<'static> {
    Line {
        at: "2026-11-24T10:00:00.042Z".parse().unwrap(),
        about: About {
            method: "GET",
            route: "/members/{member_id}/points-history",
            status: 200,
            outcome: "hit",
        },
        took: Duration::from_micros(17),
        request_id: b"0123456789abcdef",
        member: None,
        age: None,
        upstream: None,
        trace: None,
    }
}

fn detailed() -> Line<'static> {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut headers = http::HeaderMap::new();
    headers.insert("traceparent", http::HeaderValue::from_static(parent));
    Line {
        member: Some(crate::telemetry::Members::keyed_by(b"key").hash("1003")),
        age: Some(12),
        upstream: Some(Duration::from_micros(3_400)),
        trace: crate::telemetry::trace::context::parent(&headers).map(|parent| parent.trace),
        ..line()
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
    for detail in ["age_s", "upstream_us", "member", "trace_id"] {
        assert_eq!(json.get(detail), None, "{detail}");
    }
    buffer.lines.clear();
    buffer.push(&detailed(), true);
    let json: serde_json::Value = serde_json::from_slice(&buffer.lines).unwrap();
    assert_eq!((&json["age_s"], &json["upstream_us"]), (&12.into(), &3_400.into()));
    assert_eq!(json["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(json["member"].as_str().map(str::len), Some(16));
}

#[test]
fn a_human_line_is_one_line() {
    let mut buffer = Buffer::default();
    buffer.push(&line(), false);
    let start = "2026-11-24T10:00:00.042Z  INFO GET /members/{member_id}/points-history 200 hit 17us 0123456789abcdef";
    assert_eq!(String::from_utf8(buffer.lines.clone()).unwrap(), format!("{start}\n"));
    buffer.lines.clear();
    buffer.push(&detailed(), false);
    let text = String::from_utf8(buffer.lines).unwrap();
    assert!(text.starts_with(&format!("{start} age_s=12 upstream_us=3400 member=")), "{text}");
    assert!(text.ends_with(" trace_id=4bf92f3577b34da6a3ce929d0e0e4736\n"), "{text}");
}

#[test]
fn every_thread_writes_into_a_buffer_of_its_own_and_a_flush_finds_them_all() {
    let (sink, guard, written) = sink();
    let log = AccessLog::over(sink, true);
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

fn sink() -> (Queue, Writing, Written) {
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
    let (sink, guard) = Queue::before(Into(Arc::clone(&written))).unwrap();
    (sink, guard, written)
}
