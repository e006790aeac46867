//! The tier that replicas share: is it there, quick enough, allowed to do its work, and kept as it should be? Nothing about
//! it bars the way to Kingdee: a gateway works without.

use std::time::Duration;

use tokio::time::Instant;

use super::check::Check;
use super::report::{Finding, Verdict};
use crate::kingdee::KingdeeSettings;
use crate::shared::survey::{Barred, Survey, survey};
use crate::shared::{SharedSettings, seal};

/// Questions that a chunk costs that nobody has: they must fit into `shared.timeout` together.
const QUESTIONS: u32 = 2;

/// Looks at it.
pub async fn examine(shared: &SharedSettings, kingdee: &KingdeeSettings) -> Finding {
    let begun = Instant::now();
    let client = seal::Client {
        id: &kingdee.client_id,
        secret: &kingdee.client_secret,
        base_url: kingdee.base_url.as_str(),
    };
    let found = survey(shared, &client).await;
    let finding = |verdict, said: String| Finding::new(Check::Shared, verdict, begun.elapsed(), said);
    match found {
        Ok(None) => finding(Verdict::Ok, "none: without shared.url this gateway stands alone".to_owned()),
        Ok(Some(Ok(survey))) => judged(&survey, shared, begun.elapsed()),
        Ok(Some(Err(why))) => {
            let said = format!("it can't be used, and the gateway works without: {why}");
            finding(Verdict::Warning, said).to_do(about(&why))
        }
        Err(error) => finding(Verdict::Warning, error.to_string()).to_do("correct shared.url"),
    }
}

fn judged(survey: &Survey, shared: &SharedSettings, took: Duration) -> Finding {
    let Survey { round_trip, server, eviction, keeps, .. } = survey;
    let mut said = vec![format!("{} answers in {round_trip:.1?}", server.as_deref().unwrap_or("it"))];
    said.extend(eviction.as_ref().map(|policy| format!("maxmemory-policy {policy}")));
    said.extend(
        keeps.map(|keeps| if keeps { "keeps data on disk" } else { "keeps nothing on disk" }.to_owned()),
    );
    let cures = cures(survey, shared);
    let verdict = if cures.is_empty() { Verdict::Ok } else { Verdict::Warning };
    let finding = Finding::new(Check::Shared, verdict, took, said.join("; "));
    if cures.is_empty() { finding } else { finding.to_do(cures.join("; ")) }
}

fn cures(survey: &Survey, shared: &SharedSettings) -> Vec<String> {
    let Survey { round_trip, refused, eviction, keeps, .. } = survey;
    let mut cures = Vec::new();
    if !refused.is_empty() {
        let named: Vec<_> = refused.iter().map(|(name, code)| format!("{name} ({code})")).collect();
        cures.push(format!(
            "it refuses {}: give the user of shared.url +@all -@dangerous ~pg:* &pg:*, of a server that can be written to",
            named.join(", ")
        ));
    }
    if *round_trip * QUESTIONS > shared.timeout {
        cures.push(format!(
            "a miss asks {QUESTIONS} questions within shared.timeout ({:?}): raise that, or move the tier nearer",
            shared.timeout
        ));
    }
    if eviction.as_deref().is_some_and(|policy| !policy.starts_with("volatile-") && policy != "noeviction") {
        cures.push("set maxmemory-policy volatile-lru: what has no end must stay".to_owned());
    }
    if *keeps == Some(true) {
        cures.push(
            "switch persistence off (save \"\", appendonly no): an old snapshot may bring purged rows back"
                .to_owned(),
        );
    }
    cures
}

fn about(why: &Barred) -> &'static str {
    match why {
        Barred::Refused(code) if ["WRONGPASS", "NOAUTH", "NOPERM"].contains(&code.as_str()) => {
            "check user and password in shared.url (special characters as %XX), and the user's rights"
        }
        Barred::Refused(_) => "check host, port and TLS (rediss://) in shared.url, and that Redis runs there",
        Barred::Silent(_) => {
            "a firewall drops it most likely, or the port speaks TLS and shared.url is no rediss://, or the other way round"
        }
    }
}
