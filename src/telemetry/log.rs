//! Where lines go: standard error, through a bounded queue that a slow or closed reader cannot stop us with.

use std::io::IsTerminal as _;

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use super::settings::{LogFormat, LogSettings};

/// Lines that may wait for the reader; more are dropped, since serving goes on whatever happens to the log.
const MOST_WAITING: usize = 16_384;

/// Lines of libraries that could tell a URL, and with it a member or a secret, stay off below `warn`.
const QUIET: &str = "hyper=warn,hyper_util=warn,reqwest=warn,h2=warn,rustls=warn";

/// The installed log. Lines still waiting are written when this is dropped.
pub struct Log {
    sink: NonBlocking,
    json: bool,
    _guard: WorkerGuard,
}

impl Log {
    /// Installs the log of the process.
    ///
    /// # Errors
    /// A text that says what is wrong with `log.level`, or that a log is installed already.
    pub fn install(settings: &LogSettings) -> Result<Log, String> {
        let json = match settings.format {
            LogFormat::Json => true,
            LogFormat::Human => false,
            LogFormat::Auto => !std::io::stderr().is_terminal(),
        };
        let (sink, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(MOST_WAITING)
            .finish(std::io::stderr());
        let filter = EnvFilter::try_new(format!("{QUIET},{}", settings.level))
            .map_err(|e| format!("log.level is no filter: {e}"))?;
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(sink.clone());
        // Left alone it colours, unless NO_COLOR is set; a file or a pipe has no use for that.
        let lines = if std::io::stderr().is_terminal() { lines } else { lines.with_ansi(false) };
        let installed = if json {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
        } else {
            lines.with_target(false).try_init()
        };
        installed.map_err(|e| e.to_string())?;
        std::panic::set_hook(Box::new(tell_panic));
        Ok(Log { sink, json, _guard: guard })
    }

    /// A writer into the same queue.
    pub fn sink(&self) -> NonBlocking {
        self.sink.clone()
    }

    /// Whether lines are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }
}

/// One line for a panic: where, not what. Its text may quote a request or an answer of Kingdee's.
fn tell_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    tracing::error!(at = place.as_deref().unwrap_or("unknown"), "a panic: this is a bug of the gateway");
}
