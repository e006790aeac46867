//! Where lines go: standard error, through a bounded queue that a slow, closed or full reader cannot stop us with.

use std::io::{IsTerminal as _, Write};
use std::sync::Arc;

use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;

use super::line::Look;
use super::queue::{Queue, Writing};
use super::settings::{LogFormat, LogSettings};

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
    fn of<S: 'static>(handle: reload::Handle<EnvFilter, S>) -> Level {
        Level(Arc::new(move |filter| {
            let _ends_with_the_process = handle.reload(filter);
        }))
    }
}

fn filter(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(level).map_err(|e| format!("log.level is no filter: {e}"))
}

/// The installed log. Lines still waiting are written when this is dropped.
pub struct Log {
    sink: Queue,
    json: bool,
    level: Level,
    _writing: Writing,
}

impl Log {
    /// Installs the log of the process, on standard error.
    ///
    /// # Errors
    /// A text that says what is wrong with `log.level`, or that a log is installed already.
    pub fn install(settings: &LogSettings) -> Result<Log, String> {
        let terminal = std::io::stderr().is_terminal();
        let look = match settings.format {
            LogFormat::Json => Look::Json,
            LogFormat::Auto if !terminal => Look::Json,
            // Unless NO_COLOR is set.
            LogFormat::Auto | LogFormat::Human if may_colour() => Look::Coloured,
            LogFormat::Auto | LogFormat::Human => Look::Plain,
        };
        Log::install_into(settings, look, std::io::stderr())
    }

    /// Installs the log of the process, writing elsewhere.
    ///
    /// # Errors
    /// As [`Log::install`].
    pub fn install_into(
        settings: &LogSettings,
        look: Look,
        writer: impl Write + Send + 'static,
    ) -> Result<Log, String> {
        let (sink, writing) = Queue::before(writer).map_err(|e| format!("no thread for the log: {e}"))?;
        let (lines, level) = subscriber(&settings.level, look, sink.clone())?;
        tracing::subscriber::set_global_default(lines).map_err(|e| e.to_string())?;
        std::panic::set_hook(Box::new(tell_panic));
        Ok(Log { sink, json: look == Look::Json, level, _writing: writing })
    }

    /// A writer into the same queue.
    pub fn sink(&self) -> Queue {
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

fn may_colour() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

/// What writes lines, and what sets its level.
fn subscriber(level: &str, look: Look, sink: Queue) -> Result<(impl Subscriber + use<>, Level), String> {
    let (wanted, handle) = reload::Layer::new(filter(level)?);
    let lines = tracing_subscriber::fmt::layer().event_format(look).with_writer(move || sink.clone());
    let lines = lines.with_filter(wanted.and(filter_fn(is_safe)));
    Ok((Registry::default().with(lines), Level::of(handle)))
}

/// Whether an event can be written at all, whatever `log.level` says: what libraries say below `warn` quotes URLs and
/// headers, and with them members, tokens and secrets.
fn is_safe(event: &Metadata<'_>) -> bool {
    *event.level() <= tracing::Level::WARN || event.target().starts_with("points_gateway")
}

/// One line for a panic: where, not what. Its text may quote a request or an answer of Kingdee's.
fn tell_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    tracing::error!(at = place.as_deref().unwrap_or("unknown"), "a panic: this is a bug of the gateway");
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn libraries_are_not_heard_below_warn_whatever_the_level_says() {
        #[derive(Clone, Default)]
        struct Written(Arc<Mutex<Vec<u8>>>);
        impl Write for Written {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let written = Written::default();
        let (sink, writing) = Queue::before(written.clone()).unwrap();
        let (lines, level) =
            subscriber("trace,reqwest=trace,points_gateway::cache=info", Look::Plain, sink).unwrap();
        tracing::subscriber::with_default(lines, || {
            tracing::debug!(target: "reqwest::connect", "https://host/?member_id=1");
            tracing::trace!(target: "h2", "headers");
            tracing::warn!(target: "hyper", "heard");
            tracing::debug!(target: "points_gateway::cache", "too fine");
            tracing::trace!(target: "points_gateway::kingdee", "ours");
            level.set("points_gateway=warn,h2=trace");
            tracing::info!(target: "points_gateway::cache", "less");
            tracing::trace!(target: "h2", "headers");
            tracing::warn!(target: "points_gateway::cache", "more");
            level.set("no=such=level");
            level.set("trace");
            tracing::trace!(target: "h2", "headers");
            tracing::trace!(target: "points_gateway::kingdee", "again");
        });
        drop(writing); // waits until all is written
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let said: Vec<_> = text.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
        assert_eq!(said, ["heard", "ours", "more", "again"], "{text}");
    }
}
