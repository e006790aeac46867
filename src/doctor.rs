//! A check-up of a real account: is everything there that the gateway needs, and how does Kingdee read what its
//! documents leave open?
//!
//! In reading order: the list of checks ([`check`]), the report ([`report`], [`text`],
//! [`progress`]), what to do about a failed call
//! ([`cure`]), who makes the calls ([`desk`]), the steps that must work ([`tier`], [`network`], [`access`], [`history`]), the
//! probes ([`spaces`], [`window`], [`records`], [`strangers`]).
//!
//! It spends few calls, all in the account set's lane: an authorisation or two, one token, and about ten business calls of
//! the 500 that a minute has ([`report::Calls`] counts them). Nothing that it tells holds a secret, a token, a signature,
//! a phone number or a member id.

use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::config::{Config, Faults};
use crate::domain::account::AccountName;
use crate::domain::member::MemberId;
use crate::kingdee::KingdeeSettings;
use crate::kingdee::settings::AccountSettings;
use crate::shared::SharedSettings;

pub mod check;
pub mod report;
pub mod text;
pub mod progress;
pub mod cure;
pub mod desk;
pub mod tier;
pub mod network;
pub mod access;
pub mod history;
pub mod spaces;
pub mod window;
pub mod records;
pub mod strangers;

use check::Check;
use desk::Desk;
use report::{Finding, Report, Verdict};

/// What is under way, for whoever shows it.
pub type Progress = watch::Sender<Option<Check>>;

/// Whose account is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Examination<'a> {
    /// As it would be served with.
    pub settings: &'a KingdeeSettings,
    /// The tier that it would share with other replicas.
    pub shared: &'a SharedSettings,
    /// The account set.
    pub account: &'a AccountSettings,
    /// Whose records are asked for; somebody who has some if not said.
    pub member: Option<&'a MemberId>,
}

/// The account set of that name, or the default one.
///
/// # Errors
/// A sentence that names those that there are.
pub fn account<'a>(config: &'a Config, name: Option<&AccountName>) -> Result<&'a AccountSettings, String> {
    let accounts = &config.kingdee.accounts;
    let wanted = |account: &&AccountSettings| name.is_none_or(|name| account.name == *name);
    accounts.iter().find(wanted).ok_or_else(|| {
        let names: Vec<_> = accounts.iter().map(|account| account.name.as_str()).collect();
        format!("there is no such account set in the configuration; there are: {}", names.join(", "))
    })
}

/// The report on a configuration that can't be used: nothing else is tried.
pub fn refuse(faults: &Faults, clock: &Clock) -> Report {
    let mut report = Report::begin(clock.now());
    let finding =
        Finding::new(Check::Configuration, Verdict::Fault, std::time::Duration::ZERO, faults.to_string());
    report.add(finding.to_do("correct what is named, and run points-gateway check until it is content"));
    report.end(std::time::Duration::ZERO, report::Calls::default())
}

impl Examination<'_> {
    /// Looks at everything, as far as one thing can be tried without the other.
    pub async fn run(self, clock: &Clock, progress: &Progress) -> Report {
        let begun = Instant::now();
        let mut report = Report::begin(clock.now());
        report.account = Some(self.account.name.to_string());
        report.server = Some(self.settings.base_url.origin().ascii_serialization());
        report.add(self.configuration());
        progress.send_replace(Some(Check::Shared));
        report.add(tier::examine(self.shared, self.settings).await);
        let desk = match Desk::open(self.settings, self.account, clock) {
            Ok(desk) => desk,
            Err(error) => {
                report.add(
                    Finding::new(Check::Tls, Verdict::Fault, begun.elapsed(), error.to_string())
                        .to_do("install root certificates on this machine (Debian: ca-certificates)"),
                );
                return report.end(begun.elapsed(), report::Calls::default());
            }
        };
        self.look(&desk, &mut report, progress).await;
        progress.send_replace(None);
        report.end(begun.elapsed(), desk.calls())
    }

    fn configuration(&self) -> Finding {
        let count = self.settings.accounts.len();
        let sets = if count == 1 { "account set" } else { "account sets" };
        let said = format!("good: {count} {sets}, looking at {}", self.account.name);
        Finding::new(Check::Configuration, Verdict::Ok, std::time::Duration::ZERO, said)
    }

    /// Step by step; what fails ends the way.
    async fn look(&self, desk: &Desk<'_>, report: &mut Report, progress: &Progress) {
        let Some(skew) = network::examine(desk, report, progress).await else { return };
        if skew.abs() >= network::REFUSED {
            desk.suppose_skew(skew);
        }
        let Some(access) = access::examine(desk, report, progress).await else { return };
        report.add(access.life(self.settings));
        let Some(subject) = history::examine(desk, &access, self.member, report, progress).await else {
            return;
        };
        let told = Told { desk, access: &access, subject: &subject, progress };
        let spaces = spaces::probe(&told, report).await;
        window::probe(&told, spaces, report).await;
        records::probe(&told, report).await;
        strangers::probe(&told, report).await;
    }
}

/// What every probe knows.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    /// Who makes the calls.
    pub desk: &'a Desk<'a>,
    /// With what.
    pub access: &'a access::Access,
    /// About whom.
    pub subject: &'a history::Subject,
    /// For whoever shows it.
    pub progress: &'a Progress,
}

/// Seconds of a difference, rounded towards zero, without its sign.
fn seconds(difference: SignedDuration) -> u64 {
    difference.as_secs().unsigned_abs()
}
