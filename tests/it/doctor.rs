//! The check-up of an account: whoever examines, and what an examination of a healthy account is like.

use std::net::SocketAddr;

use points_gateway::app::demo;
use points_gateway::clock::Clock;
use points_gateway::config::Config;
use points_gateway::doctor::check::Check;
use points_gateway::doctor::report::{Finding, Report, Verdict};
use points_gateway::doctor::text::Plain;
use points_gateway::doctor::{self, Examination, Progress};
use points_gateway::domain::member::MemberId;
use points_gateway::sandbox::{Bound, Readings, Sandbox, SandboxSettings, SpaceReading};

use super::support::NOW;

mod answers;
mod tier;
mod faults;
mod program;

/// Has 1 234 records.
const LONG: &str = "1006";
/// What must never be told, and the beginnings of tokens and phone numbers.
const SECRETS: [&str; 7] =
    ["sandbox-only", "SbxFlag1", "SbxOutl2", "eyJ", "1380000", "wrong-canary", "1378250463920129288"];

/// For answers that never come.
const HASTE: [(&str, &str); 2] = [("KINGDEE__CONNECT_TIMEOUT", "1s"), ("KINGDEE__ATTEMPT_TIMEOUT", "1s")];

/// A sandbox and whoever looks at it.
struct Room {
    clock: Clock,
    sandbox: Sandbox,
}

impl Room {
    async fn with(readings: Readings) -> Room {
        let clock = Clock::manual(NOW.parse().unwrap());
        let settings = SandboxSettings { readings, ..SandboxSettings::default() };
        Room { sandbox: Sandbox::start(settings, clock.clone()).await.unwrap(), clock }
    }

    async fn usual() -> Room {
        Room::with(Readings::default()).await
    }

    async fn examine(&self, configuration: &[(&str, &str)], member: Option<&str>) -> Report {
        let config = configured(self.sandbox.address(), configuration);
        let report = examine(&config, &self.clock, member).await;
        assert!(self.sandbox.control().calls().token <= 1, "{:?}", self.sandbox.control().calls());
        report
    }
}

/// The demo's configuration, with other values for some keys.
fn configured(kingdee: SocketAddr, configuration: &[(&str, &str)]) -> Config {
    let named: Vec<_> = configuration.iter().map(|(k, v)| (format!("POINTS_GATEWAY__{k}"), *v)).collect();
    let variables: Vec<_> = named.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    demo::with(&demo::config_text(kingdee), &variables).unwrap_or_else(|faults| panic!("{faults}"))
}

/// Everything is looked at, and nothing secret is told, whatever is found.
async fn examine(config: &Config, clock: &Clock, member: Option<&str>) -> Report {
    let member = member.map(|id| MemberId::parse(id).unwrap());
    let account = doctor::account(config, None).unwrap();
    let (settings, shared, member) = (&config.kingdee, &config.shared, member.as_ref());
    let examination = Examination { settings, shared, account, member };
    let report = examination.run(clock, &Progress::new(None)).await;
    let told: Vec<_> = report.steps.iter().chain(&report.probes).map(|finding| finding.id).collect();
    assert_eq!(told, [&Check::STEPS[..], &Check::PROBES].concat());
    for text in [report.to_text(&Plain), report.to_json()] {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    for finding in report.steps.iter().chain(&report.probes) {
        let helps = finding.to_do.is_some() || finding.finding.starts_with("not tried");
        assert!(helps || matches!(finding.verdict, Verdict::Ok), "{finding:?}");
    }
    report
}

fn finding(report: &Report, check: Check) -> &Finding {
    report.steps.iter().chain(&report.probes).find(|finding| finding.id == check).unwrap()
}

/// Verdict, and key and value with `!` in front where it has to change.
fn answer(report: &Report, check: Check) -> (Verdict, String) {
    let finding = finding(report, check);
    let setting = finding.setting.as_ref().map(|setting| {
        let mark = if setting.change { "!" } else { "" };
        format!("{mark}{} = {}", setting.key, setting.value)
    });
    (finding.verdict, setting.unwrap_or_default())
}

/// Every fault and warning there is.
fn complaints(report: &Report) -> Vec<(Check, Verdict)> {
    let all = report.steps.iter().chain(&report.probes).map(|finding| (finding.id, finding.verdict));
    all.filter(|(_, verdict)| *verdict >= Verdict::Warning).collect()
}

#[tokio::test]
async fn a_healthy_account_is_well_and_costs_few_calls() {
    let room = Room::usual().await;
    for member in [None, Some(LONG)] {
        room.sandbox.control().reset_counts();
        room.clock.advance(std::time::Duration::from_secs(61));
        let report = room.examine(&[], member).await;
        assert_eq!(
            (report.verdict, complaints(&report)),
            (Verdict::Ok, vec![]),
            "{}",
            report.to_text(&Plain)
        );
        let (calls, seen) = (report.calls, room.sandbox.control().calls());
        assert_eq!((calls.authorization, calls.token), (1, 1));
        assert_eq!(u64::from(calls.records), seen.record);
        assert!(calls.records <= 10, "{calls:?}");
    }
}

#[tokio::test]
async fn what_is_to_be_pasted_is_a_configuration() {
    let readings =
        Readings { space: SpaceReading::PercentOnly, end: Bound::Exclusive, ..Readings::default() };
    let room = Room::with(readings).await;
    let report = room.examine(&[], Some(LONG)).await;
    assert_eq!(
        complaints(&report),
        [(Check::SpaceEncoding, Verdict::Fault), (Check::WindowEnd, Verdict::Fault)]
    );
    let told = report.to_text(&Plain);
    assert!(told.ends_with(&report.paste), "{told}");
    let file = demo::config_text(room.sandbox.address());
    let (head, rest) = file.split_once("[kingdee]\n").unwrap();
    let pasted = format!("{head}{}{rest}", report.paste);
    let config = demo::with(&pasted, &[]).unwrap_or_else(|faults| panic!("{faults}\n{pasted}"));
    room.clock.advance(std::time::Duration::from_secs(61));
    room.sandbox.control().reset_counts();
    assert_eq!(complaints(&examine(&config, &room.clock, Some(LONG)).await), []);
}
