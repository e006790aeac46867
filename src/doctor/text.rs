//! The report for people: one line a check, what to do below it, the lines to paste at the end.

use std::fmt::Write as _;

use super::report::{Finding, Report, Verdict};

/// The words around a verdict that colour it; without colours nothing.
pub trait Paint {
    /// A verdict's word, coloured.
    fn verdict(&self, verdict: Verdict, word: &str) -> String;
    /// A heading.
    fn heading(&self, text: &str) -> String;
}

/// No colours.
pub struct Plain;

impl Paint for Plain {
    fn verdict(&self, _: Verdict, word: &str) -> String {
        word.to_owned()
    }

    fn heading(&self, text: &str) -> String {
        text.to_owned()
    }
}

impl Report {
    /// The whole report.
    pub fn to_text(&self, paint: &dyn Paint) -> String {
        let mut text = String::new();
        let place = [self.account.as_deref(), self.server.as_deref()];
        let place: String = place.into_iter().flatten().map(|part| format!(" · {part}")).collect();
        let _ = writeln!(text, "points-gateway {} doctor{place}", self.gateway);
        for (heading, findings) in
            [("What must work", &self.steps), ("What the documents leave open", &self.probes)]
        {
            let _ = writeln!(text, "\n{}", paint.heading(heading));
            for finding in findings {
                line(&mut text, finding, paint);
            }
        }
        let _ = writeln!(text, "\n{}", wrapped(&self.summary(), 100).join("\n"));
        if !self.paste.is_empty() {
            let heading = match self.settings().any(|setting| setting.change) {
                true => "For the configuration, each under its section",
                false => "For the configuration, which says all of this already",
            };
            let _ = writeln!(text, "\n{}\n\n{}", paint.heading(heading), self.paste.trim_end());
        }
        text
    }

    fn summary(&self) -> String {
        let all = || self.steps.iter().chain(&self.probes);
        let count = |verdict| all().filter(|finding| finding.verdict == verdict).count();
        let many = |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
        let calls = self.calls;
        format!(
            "{} ok, {}, {}, {} unknown. It took {}, and calls: {} for the authorisation, {} for the token, {} for \
             records.",
            count(Verdict::Ok),
            many(count(Verdict::Warning), "warning"),
            many(count(Verdict::Fault), "fault"),
            count(Verdict::Unknown),
            time(self.elapsed_ms),
            calls.authorization,
            calls.token,
            calls.records,
        )
    }
}

/// One check: verdict, time, name, and what was found, which goes on below where it is long.
fn line(text: &mut String, finding: &Finding, paint: &dyn Paint) {
    let word = finding.verdict.word();
    let padding = " ".repeat(8_usize.saturating_sub(word.len()));
    let _ = write!(
        text,
        "  {}{padding}{:>7}  {:<16} ",
        paint.verdict(finding.verdict, word),
        time(finding.elapsed_ms),
        finding.id.title(),
    );
    let found = finding.finding.trim_end().lines().flat_map(|line| wrapped(line, COLUMNS));
    let to_do = finding.to_do.iter().flat_map(|to_do| wrapped(to_do, COLUMNS - 2)).enumerate();
    let to_do = to_do.map(|(number, line)| format!("{}{line}", if number == 0 { "→ " } else { "  " }));
    for (number, line) in found.chain(to_do).enumerate() {
        let indent = if number == 0 { "" } else { INDENT };
        let _ = writeln!(text, "{indent}{line}");
    }
}

/// What stands before the sentences.
const INDENT: &str = "                                    ";
/// Characters of a sentence in one line, so that lines are at most 110 long.
const COLUMNS: usize = 74;

/// Lines of whole words.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let (mut lines, mut line, mut length) = (Vec::new(), String::new(), 0);
    for word in text.split_inclusive(' ') {
        let more = word.chars().count();
        if length > 0 && length + word.trim_end().chars().count() > columns {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
            length = 0;
        }
        line.push_str(word);
        length += more;
    }
    lines.push(line.trim_end().to_owned());
    lines
}

fn time(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        _ => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_go_on_below_and_no_word_is_lost() {
        assert_eq!(wrapped("", 10), [""]);
        assert_eq!(wrapped("  indented text stays", 14), ["  indented", "text stays"]);
        assert_eq!(wrapped("a-word-that-is-too-long for it", 10), ["a-word-that-is-too-long", "for it"]);
    }
}
