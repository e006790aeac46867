//! Whether `start_date` and `end_date` are inside, and by which clock they are read.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::Told;
use super::check::Check;
use super::cure::Stage;
use super::report::{Finding, Report, Verdict};
use super::spaces::{SECOND, Spaces, between, has, shifted};
use crate::kingdee::KingdeeError;
use crate::kingdee::settings::{SpaceEncoding, WindowEnd};

const KEY: &str = "kingdee.window_end";
/// Where the configured zone is UTC itself, China's distance is tried.
const CHINA: SignedDuration = SignedDuration::from_hours(8);

/// Dated questions around one record whose second is known.
struct Window<'a> {
    told: &'a Told<'a>,
    form: SpaceEncoding,
    target: Timestamp,
}

/// Finds the clock first, then each end.
pub async fn probe(told: &Told<'_>, spaces: Spaces, report: &mut Report) {
    let (Some(form), Some(target)) = (spaces.form, spaces.target) else {
        let why = match spaces.target {
            Some(_) => "not tried: no dated question is answered",
            None => "not tried: no record with a time of day to ask for",
        };
        for check in [Check::WindowStart, Check::WindowEnd, Check::FilterZone] {
            let finding = Finding::new(check, Verdict::Unknown, Duration::ZERO, why);
            report.add(finding.to_do("give --member ID of a member who has records"));
        }
        return;
    };
    let window = Window { told, form, target };
    let Some(shift) = window.zone(spaces.hit, report).await else {
        for check in [Check::WindowStart, Check::WindowEnd] {
            let why = "not tried: the record is not found by its own time";
            report.add(Finding::new(check, Verdict::Unknown, Duration::ZERO, why));
        }
        return;
    };
    window.start(shift, report).await;
    window.end(shift, report).await;
}

impl Window<'_> {
    /// Whether the record is between two distances from its own second, on a filter's clock that is shifted.
    async fn holds(
        &self,
        shift: SignedDuration,
        from: SignedDuration,
        to: SignedDuration,
    ) -> Result<bool, KingdeeError> {
        let at = shifted(self.target, shift);
        let params = between(self.told, shifted(at, from), shifted(at, to));
        let answer = self.told.desk.ask_in(self.form, &self.told.access.credentials, &params).await?;
        Ok(has(&answer, self.target))
    }

    /// How far a filter's clock is from the clock of records.
    async fn zone(&self, hit: bool, report: &mut Report) -> Option<SignedDuration> {
        self.told.progress.send_replace(Some(Check::FilterZone));
        let begun = Instant::now();
        let finding = |verdict, said: &str| Finding::new(Check::FilterZone, verdict, begun.elapsed(), said);
        if hit {
            report.add(finding(Verdict::Ok, "filters are read by the clock that records are dated by"));
            return Some(SignedDuration::ZERO);
        }
        let offset = self.told.desk.account.time_zone.to_offset(self.target).seconds();
        let away =
            Some(SignedDuration::from_secs(i64::from(offset))).filter(|o| !o.is_zero()).unwrap_or(CHINA);
        for shift in [-away, away] {
            match self.holds(shift, -SECOND, SECOND).await {
                Ok(true) => {
                    let hours = away.as_secs_f64() / 3600.0;
                    let side = if shift.is_negative() { "behind" } else { "ahead of" };
                    let said = format!(
                        "filters are read by a clock {hours} h {side} the one that records are dated by"
                    );
                    report.add(finding(Verdict::Fault, &said).to_do(format!(
                        "no setting mends this: from and to would be {hours} h off, so keep them away from apps; tell \
                         the gateway's developers"
                    )));
                    return Some(shift);
                }
                Ok(false) => {}
                Err(error) => {
                    report.add(self.failed(Check::FilterZone, begun, &error));
                    return None;
                }
            }
        }
        report.add(
            finding(Verdict::Unknown, "a record is not found by its own time, nor by the time in UTC")
                .to_do("keep from and to away from apps until it is known how Kingdee reads them"),
        );
        None
    }

    async fn start(&self, shift: SignedDuration, report: &mut Report) {
        self.told.progress.send_replace(Some(Check::WindowStart));
        let begun = Instant::now();
        let finding = |verdict, said: &str| Finding::new(Check::WindowStart, verdict, begun.elapsed(), said);
        report.add(match self.holds(shift, SignedDuration::ZERO, SECOND).await {
            Ok(true) => finding(Verdict::Ok, "inclusive: a record at exactly start_date is inside"),
            Ok(false) => finding(Verdict::Fault, "exclusive: a record at exactly start_date is left out").to_do(
                "no setting mends this: a record of the very second of from is missing; tell the gateway's developers",
            ),
            Err(error) => self.failed(Check::WindowStart, begun, &error),
        });
    }

    async fn end(&self, shift: SignedDuration, report: &mut Report) {
        self.told.progress.send_replace(Some(Check::WindowEnd));
        let begun = Instant::now();
        let (found, word) = match self.holds(shift, -SECOND, SignedDuration::ZERO).await {
            Ok(true) => (WindowEnd::Inclusive, "inclusive"),
            Ok(false) => (WindowEnd::Exclusive, "exclusive"),
            Err(error) => return report.add(self.failed(Check::WindowEnd, begun, &error)),
        };
        let (place, edge) = match found {
            WindowEnd::Inclusive => ("inside", "records of the very second of to are shown"),
            WindowEnd::Exclusive => ("left out", "records of the last second before to are missing"),
        };
        let said = format!("{word}: a record at exactly end_date is {place}");
        let finding = |verdict| Finding::new(Check::WindowEnd, verdict, begun.elapsed(), said.clone());
        let differs = self.told.desk.settings.window_end != found;
        let finding = match differs {
            true => finding(Verdict::Fault).to_do(format!("set {KEY} = {word:?}; {edge} otherwise")),
            false => finding(Verdict::Ok),
        };
        report.add(finding.setting(KEY, format!("{word:?}"), differs));
    }

    fn failed(&self, check: Check, begun: Instant, error: &KingdeeError) -> Finding {
        Finding::new(check, Verdict::Unknown, begun.elapsed(), error.to_string())
            .to_do(self.told.desk.cure(Stage::Records, error))
    }
}
