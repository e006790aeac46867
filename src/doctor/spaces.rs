//! Does Kingdee want a space as `+` or as `%20`? One dated question in each form tells.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::Told;
use super::check::Check;
use super::cure::Stage;
use super::desk::Params;
use super::history::{page_of, when};
use super::report::{Finding, Report, Verdict};
use crate::domain::ledger::LedgerAnswer;
use crate::kingdee::settings::SpaceEncoding;
use crate::kingdee::{Failure, KingdeeError, record};

/// A second.
pub const SECOND: SignedDuration = SignedDuration::from_secs(1);
/// The window of somebody without records.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Filters on another clock are this far off at most; rows further off show that there was no filter.
const FURTHEST: SignedDuration = SignedDuration::from_hours(26);

/// What the dated questions brought.
#[derive(Debug, Clone, Copy)]
pub struct Spaces {
    /// The form that is accepted, if one is; the configured one first.
    pub form: Option<SpaceEncoding>,
    /// When the record happened that was asked for, if there is one to ask for.
    pub target: Option<Timestamp>,
    /// Whether it came.
    pub hit: bool,
}

/// How Kingdee took a dated question.
#[derive(Debug)]
enum Heard {
    /// The record is in the answer, and nothing that is far from it.
    Hit,
    /// A good answer without the record.
    Miss,
    /// Rows from all times: the dates did nothing.
    Ignored,
    /// The signature or the date is refused.
    Refused(KingdeeError),
    /// The call failed for another reason.
    Unclear(KingdeeError),
}

/// Tries both forms.
pub async fn probe(told: &Told<'_>, report: &mut Report) -> Spaces {
    told.progress.send_replace(Some(Check::SpaceEncoding));
    let begun = Instant::now();
    let target = told.subject.target(told.desk);
    let now = told.desk.now();
    let (from, to) = match target {
        Some(at) => (shifted(at, -SECOND), shifted(at, SECOND)),
        None => (shifted(now, -DAY), now),
    };
    let own = told.desk.settings.space_encoding;
    let other = match own {
        SpaceEncoding::Form => SpaceEncoding::Percent,
        SpaceEncoding::Percent => SpaceEncoding::Form,
    };
    let params = between(told, from, to);
    let mut heard = Vec::with_capacity(2);
    for form in [own, other] {
        let answer = told.desk.ask_in(form, &told.access.credentials, &params).await;
        heard.push(hear(answer, target, from, to));
    }
    let (Some(others), Some(owns)) = (heard.pop(), heard.pop()) else {
        return Spaces { form: None, target, hit: false };
    };
    report.add(judge(told, own, other, &owns, &others, begun.elapsed()));
    let of = |form, heard: &Heard| Some((form, matches!(heard, Heard::Hit))).filter(|_| heard.is_accepted());
    let taken = match (of(own, &owns), of(other, &others)) {
        (Some((_, false)), Some((form, true))) => Some((form, true)),
        (first, second) => first.or(second),
    };
    Spaces { form: taken.map(|(form, _)| form), target, hit: taken.is_some_and(|(_, hit)| hit) }
}

/// The question for the subject's records between two seconds, both sent as they are.
pub fn between(told: &Told<'_>, from: Timestamp, to: Timestamp) -> Params {
    let zone = &told.desk.account.time_zone;
    let mut params = page_of(&told.subject.member, 1, u64::from(told.desk.settings.chunk_rows));
    params.push(("start_date", record::date(from, zone)));
    params.push(("end_date", record::date(to, zone)));
    params
}

/// A time that much later, or the same where there is none.
pub fn shifted(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(time)
}

/// Whether an answer has a record of that very second.
pub fn has(answer: &LedgerAnswer, target: Timestamp) -> bool {
    answer.rows.iter().filter_map(when).any(|time| time.as_second() == target.as_second())
}

fn hear(
    answer: Result<LedgerAnswer, KingdeeError>,
    target: Option<Timestamp>,
    from: Timestamp,
    to: Timestamp,
) -> Heard {
    match answer {
        Ok(answer) => {
            let far = |time: Timestamp| time < shifted(from, -FURTHEST) || time > shifted(to, FURTHEST);
            if answer.rows.iter().filter_map(when).any(far) {
                Heard::Ignored
            } else if target.is_some_and(|target| has(&answer, target)) {
                Heard::Hit
            } else {
                Heard::Miss
            }
        }
        Err(error) if error.errcode == Some(4008) || error.failure == Failure::CallerFault => {
            Heard::Refused(error)
        }
        Err(error) => Heard::Unclear(error),
    }
}

impl Heard {
    fn is_accepted(&self) -> bool {
        matches!(self, Heard::Hit | Heard::Miss)
    }
}

fn judge(
    told: &Told<'_>,
    own: SpaceEncoding,
    other: SpaceEncoding,
    owns: &Heard,
    others: &Heard,
    took: Duration,
) -> Finding {
    let finding = |verdict, said: String| Finding::new(Check::SpaceEncoding, verdict, took, said);
    let keep = |finding: Finding| finding.setting(KEY, format!("{:?}", word(own)), false);
    let (mine, its) = (written(own), written(other));
    match (owns, others) {
        (Heard::Hit, Heard::Hit) | (Heard::Miss, Heard::Miss) => {
            keep(finding(Verdict::Ok, "dated questions are answered with + and with %20".into()))
        }
        (Heard::Hit | Heard::Miss, Heard::Refused(error)) => {
            keep(finding(Verdict::Ok, format!("only {mine} is taken; {its}: {error}")))
        }
        (Heard::Hit, _) => keep(finding(Verdict::Ok, format!("{mine} is understood; {its} is not"))),
        (Heard::Refused(error), Heard::Hit | Heard::Miss) => {
            finding(Verdict::Fault, format!("only {its} is taken; {mine}, as configured: {error}"))
                .to_do(format!("set {KEY} = {:?}", word(other)))
                .setting(KEY, format!("{:?}", word(other)), true)
        }
        (_, Heard::Hit) => {
            finding(Verdict::Fault, format!("only {its} is understood; {mine}, as configured, is not"))
                .to_do(format!("set {KEY} = {:?}", word(other)))
                .setting(KEY, format!("{:?}", word(other)), true)
        }
        (Heard::Refused(error), Heard::Refused(_)) => finding(
            Verdict::Fault,
            format!("dated questions are refused in both forms, though others are not: {error}"),
        )
        .to_do("keep from and to away from apps, and show Kingdee's support the code"),
        (Heard::Unclear(error), _) | (_, Heard::Unclear(error)) => {
            finding(Verdict::Unknown, format!("a dated question failed for another reason: {error}"))
                .to_do(told.desk.cure(Stage::Records, error))
        }
        (Heard::Ignored, _) | (_, Heard::Ignored) => {
            finding(Verdict::Fault, "start_date and end_date are taken and change nothing".into())
                .to_do("keep from and to away from apps, and ask Kingdee's support about the two filters")
        }
    }
}

const KEY: &str = "kingdee.space_encoding";

fn word(form: SpaceEncoding) -> &'static str {
    match form {
        SpaceEncoding::Form => "form",
        SpaceEncoding::Percent => "percent",
    }
}

fn written(form: SpaceEncoding) -> &'static str {
    match form {
        SpaceEncoding::Form => "+",
        SpaceEncoding::Percent => "%20",
    }
}
