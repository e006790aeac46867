//! Every line that any test makes a gateway write is looked through for what must never be in one: the log of this
//! process, at its most talkative, goes into a buffer here instead of to standard error.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use points_gateway::sandbox::{Control, MEMBERS};
use points_gateway::telemetry::AccessLog;
use points_gateway::telemetry::line::Look;
use points_gateway::telemetry::log::Log;
use points_gateway::telemetry::settings::{LogFormat, LogSettings};

/// How every secret of the sandbox begins, and every token that it makes (`{"` in base64).
const SECRETS: [&str; 2] = ["sandbox-only-", "eyJ"];

/// Shorter ids of members are in numbers by chance.
const TELLING: usize = 8;

/// The log of this process.
pub struct Watch {
    pub access: AccessLog,
    written: Arc<Written>,
    _log: Log,
}

#[derive(Default)]
struct Written {
    bytes: Mutex<Vec<u8>>,
    more: Condvar,
}

struct Into(Arc<Written>);

impl Write for Into {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.bytes.lock().unwrap().extend_from_slice(bytes);
        self.0.more.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The watch of this process; it begins with the first who asks.
pub fn watch() -> &'static Watch {
    static WATCH: OnceLock<Watch> = OnceLock::new();
    WATCH.get_or_init(|| {
        let written = Arc::<Written>::default();
        let settings = LogSettings { format: LogFormat::Json, level: "trace".into(), access: true };
        let loud = std::panic::take_hook();
        let log = Log::install_into(&settings, Look::Json, Into(Arc::clone(&written))).unwrap();
        let discreet = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            discreet(panic);
            loud(panic); // a test that fails says why
        }));
        Watch { access: AccessLog::into(&log), written, _log: log }
    })
}

impl Watch {
    /// Everything written so far, what was still on its way included.
    pub fn text(&self) -> String {
        static MARKS: AtomicU64 = AtomicU64::new(0);
        self.access.flush();
        // Libraries and tests are not heard at this level; the gateway is.
        let mark = format!("mark {} of the leak watch", MARKS.fetch_add(1, Ordering::Relaxed));
        tracing::info!(target: "points_gateway::watch", "{mark}");
        let here = |bytes: &mut Vec<u8>| !bytes.windows(mark.len()).any(|part| part == mark.as_bytes());
        let bytes = self.written.bytes.lock().unwrap();
        let waited = self.written.more.wait_timeout_while(bytes, Duration::from_secs(20), here).unwrap();
        assert!(!waited.1.timed_out(), "the log has stopped");
        String::from_utf8(waited.0.clone()).unwrap()
    }

    /// Lines that hold all of `parts`, as JSON.
    pub fn lines(&self, parts: &[&str]) -> Vec<serde_json::Value> {
        let text = self.text();
        let lines = text.lines().filter(|line| parts.iter().all(|part| line.contains(part)));
        lines.map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }
}

/// Looks through the log when it is dropped: fails if a line tells what the sandbox keeps secret or was told in
/// confidence.
pub struct LookAtTheEnd(pub Control);

impl Drop for LookAtTheEnd {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            check(&watch().text(), &confidential(&self.0));
        }
    }
}

/// Fails if a line of a text holds a secret of the sandbox, a token, or any of `more`.
pub fn check(text: &str, more: &[String]) {
    for line in text.lines() {
        let words = SECRETS.into_iter().chain(more.iter().map(String::as_str));
        let leaked: Vec<_> = words.filter(|word| line.contains(word)).collect();
        assert!(leaked.is_empty(), "{leaked:?} leaked: {line}");
    }
}

/// What the sandbox saw of a gateway that nobody else may: signatures, tokens, members; and who lives there.
pub fn confidential(sandbox: &Control) -> Vec<String> {
    let mut told: Vec<String> =
        MEMBERS.iter().flat_map(|member| [member.mobile.to_owned(), member.name.to_owned()]).collect();
    for request in sandbox.received() {
        let headers = ["x-api-signature", "app-token"];
        told.extend(headers.iter().filter_map(|name| request.header(name)).map(str::to_owned));
        for (name, value) in url::form_urlencoded::parse(request.query().as_bytes()) {
            if matches!(&*name, "app_signature" | "member_id") && value.len() >= TELLING {
                told.push(value.into_owned());
            }
        }
    }
    told
}

#[test]
fn the_watch_hears_what_is_told_at_the_finest_level_and_finds_a_leak_in_it() {
    watch();
    tracing::trace!(target: "points_gateway::kingdee", told = "kept-to-myself", "whispered");
    let text = watch().text();
    assert_eq!(watch().lines(&["whispered"]).len(), 1);
    check(&text, &["never-told".into()]);
    let found = std::panic::catch_unwind(|| check(&text, &["kept-to-myself".into()]));
    assert!(found.is_err());
}
