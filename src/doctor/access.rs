//! Authorisation and token, as the gateway gets them: one call each.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Progress;
use super::check::Check;
use super::cure::Stage;
use super::desk::Desk;
use super::report::{Finding, Report, Verdict};
use crate::kingdee::credential::grant::Grant;
use crate::kingdee::exchange::Credentials;
use crate::kingdee::settings::Authorization;
use crate::kingdee::{Failure, KingdeeError, KingdeeSettings};

/// What business calls are made with.
pub struct Access {
    /// Token and router domain.
    pub credentials: Credentials,
    life: Duration,
}

/// Account sets that are named when one has to be chosen.
const MOST_NAMED: usize = 10;
/// A token that lives shorter is renewed more often than Kingdee likes.
const SHORT_LIFE: Duration = Duration::from_secs(10 * 60);
const MOMENT: Duration = Duration::from_secs(60);

/// Gets both; nothing where either can't be had.
pub async fn examine(desk: &Desk<'_>, report: &mut Report, progress: &Progress) -> Option<Access> {
    progress.send_replace(Some(Check::Authorization));
    let begun = Instant::now();
    let grant = match desk.source.grant(desk.deadline()).await {
        Ok(grant) => grant,
        Err(error) => {
            report.add(refused(desk, &error, begun).await);
            return None;
        }
    };
    let how = match desk.account.authorization {
        Authorization::Static { .. } => "app key, app secret and router domain as configured; not asked for",
        Authorization::Pull { .. } => {
            "a valid authorisation; app key, app secret and router domain are pulled"
        }
    };
    let finding = Finding::new(Check::Authorization, Verdict::Ok, begun.elapsed(), how);
    report.add(match desk.account.authorization {
        Authorization::Static { .. } => Finding { verdict: Verdict::Warning, ..finding }.to_do(format!(
            "Kingdee changes app secrets every 24 h: leave accounts.{0}.app_key, app_secret and router_domain out so \
             that they are pulled",
            desk.account.name
        )),
        Authorization::Pull { .. } => finding,
    });
    progress.send_replace(Some(Check::Token));
    token(desk, &grant, report).await
}

async fn token(desk: &Desk<'_>, grant: &Arc<Grant>, report: &mut Report) -> Option<Access> {
    let begun = Instant::now();
    match desk.source.buy_once(grant, desk.deadline()).await {
        Ok(fetched) => {
            let said = format!("Kingdee gave one, for {}", hours(fetched.lives.1));
            report.add(Finding::new(Check::Token, Verdict::Ok, begun.elapsed(), said));
            let credentials = Credentials { token: fetched.token, router: grant.router.header() };
            Some(Access { credentials, life: fetched.lives.1 })
        }
        Err(error) => {
            let cure = desk.cure(Stage::Token, &error);
            report.add(
                Finding::new(Check::Token, Verdict::Fault, begun.elapsed(), error.to_string()).to_do(cure),
            );
            None
        }
    }
}

/// Why there is no authorisation. Where the configured account set is not among those that there are, they are named, so
/// that one can be chosen.
async fn refused(desk: &Desk<'_>, error: &KingdeeError, begun: Instant) -> Finding {
    let unchosen = error.failure == Failure::Configuration && error.status.is_none();
    let ids = match &desk.account.authorization {
        Authorization::Pull { .. } if unchosen => desk.source.account_ids(desk.deadline()).await,
        _ => Ok(Vec::new()),
    };
    let finding = Finding::new(Check::Authorization, Verdict::Fault, begun.elapsed(), error.to_string());
    let Some(ids) = ids.ok().filter(|ids| !ids.is_empty()) else {
        return finding.to_do(desk.cure(Stage::Authorization, error));
    };
    let name = &desk.account.name;
    if is_chosen(&desk.account.authorization, &ids) {
        return finding.to_do(
            "the authorisation is there, but its router domain is on no suffix of kingdee.router_suffixes: look at it \
             in Kingdee's console, and add its host if it is Kingdee's",
        );
    }
    let more = if ids.len() > MOST_NAMED { ", …" } else { "" };
    let named: Vec<_> = ids.iter().take(MOST_NAMED).map(|id| shown(id)).collect();
    finding.to_do(format!(
        "set accounts.{name}.account_id to one of the account sets that the app is authorised for: {}{more}",
        named.join(", ")
    ))
}

/// Whether it is clear which account set is meant.
fn is_chosen(authorization: &Authorization, ids: &[String]) -> bool {
    match authorization {
        Authorization::Pull { account_id: Some(wanted), .. } => ids.contains(wanted),
        _ => ids.len() == 1,
    }
}

/// An id from outside, fit for a terminal.
fn shown(id: &str) -> String {
    let plain = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if plain { format!("\"{id}\"") } else { "(one with an odd id)".to_owned() }
}

impl Access {
    /// How long the token lives, by all that is said about it.
    pub fn life(&self, settings: &KingdeeSettings) -> Finding {
        let percent = settings.token_refresh_percent;
        let (life, longest) = (self.life, settings.token_max_life);
        // What is said in a time is a little less by now than what was meant.
        let said = if life + MOMENT >= longest {
            format!("{} or longer; renewed at {percent} % of that", hours(longest))
        } else {
            format!("{}; renewed at {percent} % of that", hours(life))
        };
        let finding = |verdict| Finding::new(Check::TokenLife, verdict, Duration::ZERO, said.clone());
        if life < SHORT_LIFE {
            return finding(Verdict::Warning)
                .to_do("Kingdee takes about two token calls a minute: ask Kingdee why tokens end so soon");
        }
        finding(Verdict::Ok)
    }
}

/// A life in the largest unit that is whole enough.
fn hours(life: Duration) -> String {
    match life.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{} h", (seconds + 1800) / 3600),
    }
}
