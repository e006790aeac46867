//! Where lines go: standard error, through a bounded queue that a slow or closed reader cannot stop us with.

use std::io::IsTerminal as _;
use std::sync::Arc;

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::reload::Handle;

use super::settings::{LogFormat, LogSettings};

/// Lines that may wait for the reader; more are dropped, since serving goes on whatever happens to the log.
const MOST_WAITING: usize = 16_384;

/// Lines of libraries that could tell a URL, and with it a member or a secret, stay off below `warn`.
const QUIET: &str = "hyper=warn,hyper_util=warn,reqwest=warn,h2=warn,rustls=warn";

/// Sets the least severe level that is written, while lines go on. Clones set the same log's.
#[derive(Clone)]
pub struct Level(Arc<dyn Fn(EnvFilter) + Send + Sync>);

impl Level {
    /// A level that nobody's log has.
    pub fn of_nobody() -> Level {
        Level(Arc::new(drop))
    }

    /// Writes this level and what is more severe, from the next line on; a text that is none changes nothing, and
    /// `config` lets none pass.
    pub fn set(&self, level: &str) {
        if let Ok(filter) = filter(level) {
            (self.0)(filter);
        }
    }

    /// Through a handle of the installed log.
    fn of<S>(handle: Handle<EnvFilter, S>) -> Level
    where
        S: 'static,
    {
        Level(Arc::new(move |filter| {
            let _ends_with_the_process = handle.reload(filter);
        }))
    }
}

fn filter(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(format!("{QUIET},{level}")).map_err(|e| format!("log.level is no filter: {e}"))
}

/// The installed log. Lines still waiting are written when this is dropped.
pub struct Log {
    sink: NonBlocking,
    json: bool,
    level: Level,
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
        let lines =
            tracing_subscriber::fmt().with_env_filter(filter(&settings.level)?).with_writer(sink.clone());
        let (level, installed) = if json {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            let lines = lines.with_filter_reloading();
            (Level::of(lines.reload_handle()), lines.try_init())
        } else {
            let lines = lines.with_target(false).with_filter_reloading();
            (Level::of(lines.reload_handle()), lines.try_init())
        };
        installed.map_err(|e| e.to_string())?;
        std::panic::set_hook(Box::new(tell_panic));
        Ok(Log { sink, json, level, _guard: guard })
    }

    /// A writer into the same queue.
    pub fn sink(&self) -> NonBlocking {
        self.sink.clone()
    }

    /// What sets its level.
    pub fn level(&self) -> Level {
        self.level.clone()
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
