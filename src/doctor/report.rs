//! What was found: a verdict for each check, what to do about it, and the settings that follow.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::check::Check;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Nothing can be said, and that stops nobody.
    Unknown,
    /// It works, and somebody should look at it.
    Warning,
    /// As it is, the gateway can't do its work, or does it wrongly.
    Fault,
}

impl Verdict {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Unknown => "unknown",
            Verdict::Warning => "warning",
            Verdict::Fault => "fault",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Which check; its stable id in JSON.
    pub id: Check,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// What was found, in one sentence.
    pub finding: String,
    /// What to do, if anything.
    pub to_do: Option<String>,
    /// The setting that answers the question, if one does.
    pub setting: Option<Setting>,
}

/// A key and the value that the account asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The whole key, `kingdee.space_encoding`.
    pub key: String,
    /// Its value as TOML has it.
    pub value: String,
    /// Whether another value is configured.
    pub change: bool,
}

/// Calls that were made, refused ones too. The quota of an account set is 500 business calls a minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// `push_app_authorize`
    pub authorization: u32,
    /// `kingdee_auth_token`, never more than one.
    pub token: u32,
    /// `integral_record`
    pub records: u32,
}

/// Everything that was found. No secret, token, signature, phone number or member id is in it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of this shape; fields may be added under the same one.
    pub format: u32,
    /// The worst of all: `ok`, `warning` or `fault`.
    pub verdict: Verdict,
    /// Version of the gateway.
    pub gateway: &'static str,
    /// The account set, if one could be chosen.
    pub account: Option<String>,
    /// `kingdee.base_url`, if the configuration could be read.
    pub server: Option<String>,
    /// When it began, by this machine's clock; RFC 3339 in JSON.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// How long everything took, in milliseconds.
    pub elapsed_ms: u64,
    /// What must work, in order.
    pub steps: Vec<Finding>,
    /// What the documents leave open.
    pub probes: Vec<Finding>,
    /// How many calls it cost.
    pub calls: Calls,
    /// Lines for the configuration, as TOML; empty where nothing was found out.
    pub paste: String,
}

impl Finding {
    /// A finding that nobody needs to do anything about.
    pub fn new(id: Check, verdict: Verdict, took: Duration, finding: impl Into<String>) -> Finding {
        let elapsed_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Finding { id, verdict, elapsed_ms, finding: finding.into(), to_do: None, setting: None }
    }

    /// With what to do.
    #[must_use]
    pub fn to_do(self, to_do: impl Into<String>) -> Finding {
        Finding { to_do: Some(to_do.into()), ..self }
    }

    /// With the setting that answers the question, and whether it is configured otherwise.
    #[must_use]
    pub fn setting(self, key: impl Into<String>, value: impl Into<String>, change: bool) -> Finding {
        Finding { setting: Some(Setting { key: key.into(), value: value.into(), change }), ..self }
    }
}

impl Report {
    /// A report without findings.
    pub fn begin(at: Timestamp) -> Report {
        Report {
            format: 1,
            verdict: Verdict::Ok,
            gateway: env!("CARGO_PKG_VERSION"),
            account: None,
            server: None,
            at,
            elapsed_ms: 0,
            steps: Vec::new(),
            probes: Vec::new(),
            calls: Calls::default(),
            paste: String::new(),
        }
    }

    /// Adds what a check found.
    pub fn add(&mut self, finding: Finding) {
        let list = if Check::STEPS.contains(&finding.id) { &mut self.steps } else { &mut self.probes };
        list.push(finding);
    }

    /// The report as it is told: what was not tried says so, findings are in their order, settings are gathered.
    #[must_use]
    pub fn end(mut self, took: Duration, calls: Calls) -> Report {
        self.elapsed_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.calls = calls;
        let broken = self.steps.iter().find(|step| step.verdict == Verdict::Fault).map(|step| step.id);
        let why =
            broken.map_or("nothing to try it with".to_owned(), |id| format!("{} is in the way", id.title()));
        for id in Check::STEPS.into_iter().chain(Check::PROBES) {
            if !self.steps.iter().chain(&self.probes).any(|finding| finding.id == id) {
                self.add(Finding::new(id, Verdict::Unknown, Duration::ZERO, format!("not tried: {why}")));
            }
        }
        self.steps.sort_by_key(|finding| finding.id);
        self.probes.sort_by_key(|finding| finding.id);
        let verdicts = self.steps.iter().chain(&self.probes).map(|finding| finding.verdict);
        self.verdict = verdicts.filter(|verdict| *verdict != Verdict::Unknown).max().unwrap_or(Verdict::Ok);
        self.paste = paste(self.settings());
        self
    }

    /// The settings that were found, steps first.
    pub fn settings(&self) -> impl Iterator<Item = &Setting> {
        self.steps.iter().chain(&self.probes).filter_map(|finding| finding.setting.as_ref())
    }

    /// As JSON, in the shape that `docs/doctor.md` describes.
    pub fn to_json(&self) -> String {
        // Plain strings and numbers: there is nothing that could fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// Keys under their sections, each section once; what is configured otherwise is marked.
fn paste<'a>(settings: impl Iterator<Item = &'a Setting>) -> String {
    let mut sections: Vec<(&str, Vec<String>)> = Vec::new();
    for Setting { key, value, change } in settings {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let mark = if *change { "   # changes what is configured" } else { "" };
        let line = format!("{name} = {value}{mark}\n");
        match sections.iter_mut().find(|(known, _)| *known == section) {
            Some((_, lines)) => lines.push(line),
            None => sections.push((section, vec![line])),
        }
    }
    let texts = sections.into_iter().map(|(section, lines)| format!("[{section}]\n{}", lines.concat()));
    texts.collect::<Vec<_>>().join("\n")
}
