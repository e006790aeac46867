//! How records come: dated in which zone, in which order, how many a page, and as many as `count` says.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::check::Check;
use super::cure::Stage;
use super::desk::Params;
use super::history::{page_of, page_of_everybody, when};
use super::report::{Finding, Report, Verdict};
use super::{Told, seconds};
use crate::domain::ledger::LedgerAnswer;
use crate::domain::points::Entry;
use crate::kingdee::KingdeeError;

/// A record so new settles the zone: nobody's clock is a quarter of an hour off by accident.
const NEW: SignedDuration = SignedDuration::from_secs(15 * 60);
/// Records from so far ahead are dated in another zone.
const AHEAD: SignedDuration = SignedDuration::from_secs(-5 * 60);
/// More than any page is known to have.
const TOO_MANY: u64 = 200;
/// The most that the gateway asks for.
const MOST_ROWS: u64 = 100;
const ROWS_KEY: &str = "kingdee.chunk_rows";
const COUNT_KEY: &str = "kingdee.count_check";

/// Looks at all four.
pub async fn probe(told: &Told<'_>, report: &mut Report) {
    report.add(zone(told));
    told.progress.send_replace(Some(Check::PageSize));
    let sizes = Sizes::ask(told).await;
    report.add(order(told, &sizes));
    report.add(sizes.judge(told));
    told.progress.send_replace(Some(Check::Count));
    report.add(count(told, sizes.cap).await);
}

/// The newest record can't be from the future, and one that was just made is from just now.
fn zone(told: &Told<'_>) -> Finding {
    let finding = |verdict, said: String| Finding::new(Check::RecordZone, verdict, Duration::ZERO, said);
    let key = format!("accounts.{}.time_zone", told.desk.account.name);
    let name = told.desk.account.time_zone.iana_name().unwrap_or("the configured zone");
    let Some(newest) = told.subject.newest() else {
        return finding(Verdict::Unknown, "no record shows a time".into())
            .to_do("give --member ID of a member who has records");
    };
    let age = told.desk.now().duration_since(newest);
    let keep = |finding: Finding| finding.setting(key.clone(), format!("{name:?}"), false);
    if age < AHEAD {
        finding(
            Verdict::Fault,
            format!("read in {name}, the newest record is {} s in the future", seconds(age)),
        )
        .to_do(format!("set {key} to the zone of Kingdee's clock; it is west of {name}"))
    } else if age <= NEW {
        keep(finding(Verdict::Ok, format!("read in {name}, the newest record is {} s old", seconds(age))))
    } else {
        let said =
            format!("read in {name}, the newest record seen is {} old; that settles nothing", long(age));
        finding(Verdict::Unknown, said).to_do(
            "let somebody collect points, and run doctor again with that --member within a quarter of an hour",
        )
    }
}

fn long(age: SignedDuration) -> String {
    match age.as_hours() {
        0 => format!("{} min", age.as_mins()),
        hours @ 1..48 => format!("{hours} h"),
        hours => format!("{} days", hours / 24),
    }
}

/// Sorted by time or not, and twice the same or not.
fn order(told: &Told<'_>, sizes: &Sizes) -> Finding {
    let finding = |verdict, said: String| Finding::new(Check::RowOrder, verdict, Duration::ZERO, said);
    let page = &told.subject.page;
    if sizes.again.as_ref().is_some_and(|again| !same_start(page, again)) {
        return finding(Verdict::Fault, "the same question brought the same records in another order".into()).to_do(
            "pages and cursors can repeat and skip records then; tell the gateway's developers and Kingdee's support",
        );
    }
    let times: Vec<Timestamp> = page.rows.iter().filter_map(when).collect();
    if times.len() < 3 || times.iter().all(|time| Some(time) == times.first()) {
        return finding(
            Verdict::Unknown,
            format!("{} records with different times are too few to tell", times.len()),
        )
        .to_do("give --member ID of a member who has more records");
    }
    let stable = if sizes.again.is_some() { ", twice alike" } else { "" };
    let (up, down) = (times.is_sorted(), times.iter().rev().is_sorted());
    match (down, up) {
        (true, _) => finding(Verdict::Ok, format!("descending: the newest record comes first{stable}")),
        (_, true) => finding(Verdict::Ok, format!("ascending: the oldest record comes first{stable}"))
            .to_do("nothing for the gateway; apps that want the newest records must ask for the last page"),
        _ => finding(
            Verdict::Warning,
            format!("unsorted: records are not in the order of their times{stable}"),
        )
        .to_do("nothing for the gateway, which keeps Kingdee's order; apps must sort what they show"),
    }
}

/// Whether two answers begin with the same records; true where one of them has news.
fn same_start(page: &LedgerAnswer, again: &LedgerAnswer) -> bool {
    let same = |(a, b): (&Entry, &Entry)| (&a.id, a.created_at) == (&b.id, b.created_at);
    page.count != again.count || page.rows.iter().zip(&again.rows).all(same)
}

/// What a question for too many rows brought.
struct Sizes {
    /// Rows that a page has at most, if more were asked for and there are more.
    cap: Option<u64>,
    /// Whether even too many came.
    unbounded: bool,
    /// The subject's first records once more, if it was the subject who was asked about.
    again: Option<LedgerAnswer>,
    error: Option<KingdeeError>,
    took: Duration,
}

impl Sizes {
    /// Asks for 200 rows of somebody who has more than 100, and whether the rest is on the next page: a count that
    /// lies is no cap.
    async fn ask(told: &Told<'_>) -> Sizes {
        let begun = Instant::now();
        let mine = told.subject.page.count > MOST_ROWS;
        let question = |number| -> Params {
            if mine {
                page_of(&told.subject.member, number, TOO_MANY)
            } else {
                page_of_everybody(number, TOO_MANY)
            }
        };
        let credentials = &told.access.credentials;
        let mut sizes = Sizes { cap: None, unbounded: false, again: None, error: None, took: Duration::ZERO };
        match told.desk.ask(credentials, &question(1)).await {
            Ok(answer) => {
                let got = answer.rows.len() as u64;
                sizes.unbounded = got >= TOO_MANY;
                if got > 0 && got < answer.count.min(TOO_MANY) {
                    match told.desk.ask(credentials, &question(2)).await {
                        Ok(next) => sizes.cap = Some(got).filter(|_| !next.rows.is_empty()),
                        Err(error) => sizes.error = Some(error),
                    }
                }
                sizes.again = Some(answer).filter(|_| mine);
            }
            Err(error) => sizes.error = Some(error),
        }
        sizes.took = begun.elapsed();
        sizes
    }

    fn judge(&self, told: &Told<'_>) -> Finding {
        let finding = |verdict, said: String| Finding::new(Check::PageSize, verdict, self.took, said);
        let asked = u64::from(told.desk.settings.chunk_rows);
        if let Some(cap) = self.cap {
            let said = format!("{cap}: a page that is asked for {TOO_MANY} has {cap} rows and says nothing");
            let best = cap.min(MOST_ROWS);
            return match cap < asked {
                true => finding(Verdict::Fault, said)
                    .to_do(format!("set {ROWS_KEY} = {best}; records are lost or refused else")),
                false => finding(Verdict::Ok, said),
            }
            .setting(ROWS_KEY, best.to_string(), best != asked);
        }
        if self.unbounded {
            return finding(
                Verdict::Ok,
                format!("{TOO_MANY} or more; the gateway asks for {MOST_ROWS} at most"),
            )
            .setting(ROWS_KEY, MOST_ROWS.to_string(), asked != MOST_ROWS);
        }
        match &self.error {
            Some(error) => {
                finding(Verdict::Unknown, format!("a page of {TOO_MANY} rows can't be had: {error}"))
                    .to_do(format!("nothing while {ROWS_KEY} = {asked} works; see count and rows"))
            }
            None => finding(Verdict::Unknown, "nobody has enough records to tell".into())
                .to_do(format!("give --member ID of a member who has more than {MOST_ROWS} records")),
        }
    }
}

/// Whether the first page and the last one have as many rows as `count` promises.
async fn count(told: &Told<'_>, cap: Option<u64>) -> Finding {
    let begun = Instant::now();
    let first = &told.subject.page;
    let size = u64::from(told.desk.settings.chunk_rows).min(cap.unwrap_or(MOST_ROWS));
    let finding = |verdict, said: String| Finding::new(Check::Count, verdict, begun.elapsed(), said);
    let got = first.rows.len() as u64;
    if got != first.count.min(size) {
        return finding(
            Verdict::Fault,
            format!("count is {}, and a page of {size} has {got} rows", first.count),
        )
        .to_do(MISCOUNT)
        .setting(COUNT_KEY, "\"report\"", true);
    }
    let pages = first.count.div_ceil(size);
    let mut looked = "the only page has".to_owned();
    if pages > 1 {
        looked = format!("the first and the last of {pages} pages have");
        match told.desk.ask(&told.access.credentials, &page_of(&told.subject.member, pages, size)).await {
            Ok(last) => {
                let (got, promised) = (last.rows.len() as u64, last.count.saturating_sub((pages - 1) * size));
                if got != promised.min(size) {
                    let said = format!("count promises {promised} rows on page {pages}, and there are {got}");
                    return finding(Verdict::Fault, said).to_do(MISCOUNT).setting(
                        COUNT_KEY,
                        "\"report\"",
                        true,
                    );
                }
            }
            Err(error) => {
                return finding(Verdict::Unknown, format!("the last page can't be had: {error}"))
                    .to_do(told.desk.cure(Stage::Records, &error));
            }
        }
    }
    match first.count {
        0 => finding(Verdict::Unknown, "there is no record to count".into())
            .to_do("give --member ID of a member who has records"),
        _ => finding(Verdict::Ok, format!("{looked} as many rows as count says")).setting(
            COUNT_KEY,
            "\"refuse\"",
            false,
        ),
    }
}

const MISCOUNT: &str = "the gateway refuses such answers, since records could be missing: compare with Kingdee's \
                        console, and set kingdee.count_check = \"report\" if only the count is wrong";
