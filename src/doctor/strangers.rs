//! What a member id brings that nobody has: an empty list, a refusal, or everybody's records.

use tokio::time::Instant;

use super::Told;
use super::check::Check;
use super::cure::Stage;
use super::history::page_of;
use super::report::{Finding, Report, Verdict};
use crate::domain::member::MemberId;
use crate::kingdee::Failure;

/// Asks for somebody who isn't there.
pub async fn probe(told: &Told<'_>, report: &mut Report) {
    told.progress.send_replace(Some(Check::UnknownMember));
    let begun = Instant::now();
    // As long as Kingdee's ids, and beyond those that it has given so far.
    let Some(nobody) = MemberId::parse(&format!("99{:016}", told.desk.clock.nonce() % 10_u64.pow(16))) else {
        return;
    };
    let answer = told.desk.ask(&told.access.credentials, &page_of(&nobody, 1, 1)).await;
    let finding = |verdict, said: String| Finding::new(Check::UnknownMember, verdict, begun.elapsed(), said);
    report.add(match answer {
        Ok(page) if page.rows.is_empty() && page.count == 0 => {
            finding(Verdict::Ok, "an empty list, as for a member without records".into())
        }
        Ok(page) => finding(Verdict::Fault, format!("a list of {} records, all of somebody else", page.count)).to_do(
            "the gateway serves none of them; apps get a problem for ids that nobody has: ask Kingdee's support why \
             the filter is not kept",
        ),
        Err(error) if error.failure == Failure::CallerFault => finding(Verdict::Warning, format!("a refusal: {error}"))
            .to_do("nothing for the gateway; apps get a problem (upstream-invalid) instead of an empty list"),
        Err(error) => {
            finding(Verdict::Unknown, error.to_string()).to_do(told.desk.cure(Stage::Records, &error))
        }
    });
}
