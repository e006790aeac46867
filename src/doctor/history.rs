//! The first business call, and whose records the probes look at.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Time;
use tokio::time::Instant;

use super::Progress;
use super::access::Access;
use super::check::Check;
use super::cure::Stage;
use super::desk::{Desk, Params};
use super::report::{Finding, Report, Verdict};
use crate::domain::ledger::LedgerAnswer;
use crate::domain::member::MemberId;
use crate::domain::points::Entry;
use crate::kingdee::{Failure, KingdeeError};

/// Rows asked for where nobody's page size matters.
pub const PLENTY: u64 = 100;

/// Whose records the probes look at.
pub struct Subject {
    /// The member.
    pub member: MemberId,
    /// The first `kingdee.chunk_rows` records.
    pub page: LedgerAnswer,
    /// The first records of everybody, if they were asked for.
    pub everybody: Option<LedgerAnswer>,
}

impl Subject {
    /// When a record happened that dated questions can be tried with: not at midnight, which may be a date alone, and
    /// at a whole second. From the middle of the page, where its neighbours are near.
    pub fn target(&self, desk: &Desk<'_>) -> Option<Timestamp> {
        let usable = |time: &Timestamp| {
            let wall = desk.account.time_zone.to_datetime(*time).time();
            wall != Time::midnight() && wall.subsec_nanosecond() == 0
        };
        let times: Vec<Timestamp> = self.page.rows.iter().filter_map(when).filter(usable).collect();
        times.get(times.len() / 2).copied()
    }

    /// The newest time among all records that were seen.
    pub fn newest(&self) -> Option<Timestamp> {
        self.page.rows.iter().chain(self.everybody.iter().flat_map(|all| &all.rows)).filter_map(when).max()
    }
}

/// When a record happened.
pub fn when(row: &Entry) -> Option<Timestamp> {
    row.created_at.map(|time| time.timestamp)
}

/// The question for one page of one member's records.
pub fn page_of(member: &MemberId, number: u64, size: u64) -> Params {
    let mut params = vec![("member_id", member.as_str().to_owned())];
    params.extend(page_of_everybody(number, size));
    params
}

/// The question for one page of everybody's records.
pub fn page_of_everybody(number: u64, size: u64) -> Params {
    vec![("page", number.to_string()), ("page_size", size.to_string())]
}

/// Asks for the records of the member who was named, or of somebody who has some.
pub async fn examine(
    desk: &Desk<'_>,
    access: &Access,
    named: Option<&MemberId>,
    report: &mut Report,
    progress: &Progress,
) -> Option<Subject> {
    progress.send_replace(Some(Check::History));
    let begun = Instant::now();
    let (member, everybody) = match named {
        Some(member) => (member.clone(), None),
        None => match desk.ask(&access.credentials, &page_of_everybody(1, PLENTY)).await {
            Err(error) => {
                report.add(nobody(desk, &error, begun));
                return None;
            }
            Ok(all) => match busiest(&all) {
                Some(member) => (member, Some(all)),
                None => {
                    let said = "the call works, but the account set shows no points record of anybody";
                    let finding = Finding::new(Check::History, Verdict::Warning, begun.elapsed(), said);
                    report.add(finding.to_do("give --member ID of a member who has records"));
                    return None;
                }
            },
        },
    };
    let size = u64::from(desk.settings.chunk_rows);
    match desk.ask(&access.credentials, &page_of(&member, 1, size)).await {
        Ok(page) => {
            report.add(judged(&member, &page, named.is_some(), begun));
            Some(Subject { member, page, everybody })
        }
        Err(error) => {
            let finding = Finding::new(Check::History, Verdict::Fault, begun.elapsed(), error.to_string());
            report.add(finding.to_do(desk.cure(Stage::Records, &error)));
            None
        }
    }
}

fn nobody(desk: &Desk<'_>, error: &KingdeeError, begun: Instant) -> Finding {
    let finding = |verdict| Finding::new(Check::History, verdict, begun.elapsed(), error.to_string());
    match error.failure {
        Failure::CallerFault => finding(Verdict::Warning)
            .to_do("Kingdee wants a question about somebody: give --member ID of a member who has records"),
        _ => finding(Verdict::Fault).to_do(desk.cure(Stage::Records, error)),
    }
}

/// The member with the most records on a page.
fn busiest(page: &LedgerAnswer) -> Option<MemberId> {
    let mut records = BTreeMap::<&MemberId, usize>::new();
    for member in page.rows.iter().filter_map(|row| row.member.as_ref()) {
        *records.entry(member).or_default() += 1;
    }
    records.into_iter().max_by_key(|(_, records)| *records).map(|(member, _)| member.clone())
}

fn judged(member: &MemberId, page: &LedgerAnswer, named: bool, begun: Instant) -> Finding {
    let finding = |verdict, said: String| Finding::new(Check::History, verdict, begun.elapsed(), said);
    let whose = if named { "the member of --member" } else { "a member of the account's own list" };
    let foreign = foreign(member, page);
    if foreign > 0 {
        return finding(
            Verdict::Fault,
            format!("{foreign} of {} rows belong to somebody else", page.rows.len()),
        )
        .to_do("ask Kingdee's support: the filter by member_id is not kept; the gateway drops such rows");
    }
    if page.rows.is_empty() {
        return finding(Verdict::Warning, format!("the call works, but there is no record of {whose}"))
            .to_do("give --member ID of a member who has records; the id is Kingdee's 会员ID, not a card or phone number");
    }
    finding(Verdict::Ok, format!("{} of {} records of {whose}", page.rows.len(), page.count))
}

/// Rows that say that they are somebody else's.
pub fn foreign(member: &MemberId, page: &LedgerAnswer) -> usize {
    page.rows.iter().filter(|row| row.member.as_ref().is_some_and(|other| other != member)).count()
}
