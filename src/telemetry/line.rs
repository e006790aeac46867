//! How an event becomes a line: exactly one, whatever is in it, and never a long one.
//!
//! Not `tracing-subscriber`'s own formats: its human one lets line ends and U+2028 through, its JSON one U+2028, and
//! neither cuts a long value.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Most characters of one value; the rest is cut and marked with `…`.
const MOST_CHARS: usize = 1_024;

/// Whether a character can end a line, move a cursor or turn the direction of text.
pub fn is_forging(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// One JSON object.
    Json,
    /// For eyes, without colours.
    Plain,
    /// For eyes, on a terminal.
    Coloured,
}

impl<S, N> FormatEvent<S, N> for Look
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = event.metadata().level();
        match self {
            Look::Json => {
                out.write_str(r#"{"timestamp":""#)?;
                SystemTime.format_time(&mut out)?;
                write!(out, r#"","level":"{level}""#)?;
            }
            Look::Plain | Look::Coloured => {
                SystemTime.format_time(&mut out)?;
                match (self, *level) {
                    (Look::Coloured, Level::ERROR) => write!(out, " \x1b[31m{level:>5}\x1b[0m")?,
                    (Look::Coloured, Level::WARN) => write!(out, " \x1b[33m{level:>5}\x1b[0m")?,
                    _ => write!(out, " {level:>5}")?,
                }
            }
        }
        let json = *self == Look::Json;
        let mut fields = Fields { out: &mut out, json, written: Ok(()) };
        event.record(&mut fields);
        fields.written?;
        if json {
            write!(out, r#","target":"{}"}}"#, event.metadata().target())?;
        }
        out.write_char('\n')
    }
}

/// Writes fields one after another; their names are ours, their values anybody's.
struct Fields<'a> {
    out: &'a mut dyn Write,
    json: bool,
    written: fmt::Result,
}

impl Fields<'_> {
    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        let written = match self.json {
            true => write!(self.out, r#","{}":{value}"#, field.name()),
            false => write!(self.out, " {}={value}", field.name()),
        };
        self.written = self.written.and(written);
    }

    fn text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let written = self.write_text(field.name(), value);
        self.written = self.written.and(written);
    }

    fn write_text(&mut self, name: &str, value: fmt::Arguments<'_>) -> fmt::Result {
        match (self.json, name) {
            (true, _) => write!(self.out, r#","{name}":""#)?,
            (false, "message") => self.out.write_char(' ')?,
            (false, _) => write!(self.out, " {name}=")?,
        }
        Safe { out: self.out, json: self.json, left: MOST_CHARS }.write_fmt(value)?;
        if self.json { self.out.write_char('"') } else { Ok(()) }
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        match value.is_finite() {
            true => self.bare(field, value),
            false => self.text(field, format_args!("{value}")), // JSON has no word for it
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.text(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format_args!("{value:?}"));
    }
}

/// Passes text on, made harmless, and no more than so many characters of it.
struct Safe<'a> {
    out: &'a mut dyn Write,
    json: bool,
    left: usize,
}

impl Write for Safe<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match self.left {
                0 => return Ok(()),
                1 => self.out.write_char('…')?,
                _ => match c {
                    '\n' => self.out.write_str("\\n")?,
                    '\r' => self.out.write_str("\\r")?,
                    '\t' => self.out.write_str("\\t")?,
                    '"' | '\\' if self.json => write!(self.out, "\\{c}")?,
                    c if is_forging(c) => write!(self.out, "\\u{:04x}", u32::from(c))?,
                    c => self.out.write_char(c)?,
                },
            }
            self.left -= 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(look: Look, tell: impl FnOnce()) -> String {
        let written = Written::default();
        let sink = written.clone();
        let lines = tracing_subscriber::fmt().event_format(look).with_writer(move || sink.clone()).finish();
        tracing::subscriber::with_default(lines, tell);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    const FORGED: &str = "a\r\n2026-11-24T10:00:00Z ERROR \u{1b}[31mfake\u{2028}b\u{202e}c\u{85}d\"e\\";

    fn tell_forged() {
        let error = io::Error::other(FORGED);
        tracing::warn!(text = FORGED, shown = %FORGED, %error, debugged = ?FORGED, n = 7, yes = true, "{FORGED}");
    }

    #[test]
    fn one_event_is_one_line_in_every_look() {
        for look in [Look::Json, Look::Plain, Look::Coloured] {
            let text = lines(look, tell_forged);
            assert_eq!(text.matches('\n').count(), 1, "{text}");
            assert!(text.ends_with('\n'));
            let ours = text.replace("\x1b[33m", "").replace("\x1b[0m", "");
            assert!(!ours.trim_end().chars().any(is_forging), "{text:?}");
        }
        assert!(!lines(Look::Plain, tell_forged).contains('\x1b'));
    }

    #[test]
    fn json_says_what_was_said() {
        let json: serde_json::Value = serde_json::from_str(&lines(Look::Json, tell_forged)).unwrap();
        for field in ["message", "text", "shown", "error"] {
            assert_eq!(json[field], FORGED, "{field}");
        }
        assert_eq!((&json["n"], &json["yes"], &json["level"]), (&7.into(), &true.into(), &"WARN".into()));
        assert!(json["target"].as_str().unwrap().starts_with("points_gateway::telemetry::line"));
        let numbers = lines(Look::Json, || tracing::info!(nan = f64::NAN, half = 0.5, "x"));
        let json: serde_json::Value = serde_json::from_str(&numbers).unwrap();
        assert_eq!((&json["nan"], &json["half"]), (&"NaN".into(), &0.5.into()));
    }

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        let long = "长".repeat(100_000);
        for look in [Look::Json, Look::Plain] {
            let text = lines(look, || tracing::info!(value = %long, after = 1, "said"));
            assert!(text.chars().count() < MOST_CHARS + 300, "{}", text.len());
            assert!(text.contains("长…") && text.contains("after"));
        }
    }
}
