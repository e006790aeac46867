//! `doctor`: is the real account well, and how does Kingdee read what its documents leave open?

use std::io::{IsTerminal as _, stderr};

use anstyle::{AnsiColor, Style};
use points_gateway::clock::Clock;
use points_gateway::config::Config;
use points_gateway::doctor::report::{Report, Verdict};
use points_gateway::doctor::text::Paint;
use points_gateway::doctor::{Examination, Progress, account, progress, refuse};
use points_gateway::domain::account::AccountName;
use points_gateway::domain::member::MemberId;

use super::{ConfigFile, Ended, print, print_styled, runtime};

/// Whose account, and how to tell.
#[derive(clap::Args)]
pub struct Patient {
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON in a stable shape, for scripts.
    #[arg(long)]
    json: bool,
    /// Look at the records of this member (会员ID), best of one who has more than 100; somebody is found if not said.
    #[arg(long, value_name = "ID", value_parser = member)]
    member: Option<MemberId>,
    /// Look at this account set instead of the default one.
    #[arg(long, value_name = "NAME", value_parser = name)]
    account: Option<AccountName>,
}

fn member(text: &str) -> Result<MemberId, String> {
    MemberId::parse(text).ok_or_else(|| format!("an id is {}", MemberId::PATTERN))
}

fn name(text: &str) -> Result<AccountName, String> {
    AccountName::parse(text).ok_or_else(|| "a name is 1 to 32 of a-z 0-9 _ -".to_owned())
}

pub(super) fn run(patient: &Patient, clock: &Clock) -> Ended {
    let config = match Config::load(patient.file.config.as_deref()) {
        Ok(config) => config,
        Err(faults) if patient.json => {
            return match print(&refuse(&faults, clock).to_json()) {
                Ended::Done => Ended::Configuration(String::new()),
                ended => ended,
            };
        }
        Err(faults) => return Ended::Configuration(faults.to_string()),
    };
    let account = match account(&config, patient.account.as_ref()) {
        Ok(account) => account,
        Err(why) => return Ended::Usage(format!("--account: {why}")),
    };
    let (settings, shared, member) = (&config.kingdee, &config.shared, patient.member.as_ref());
    let examination = Examination { settings, shared, account, member };
    match runtime() {
        Ok(runtime) => {
            let report = runtime.block_on(examine(examination, clock));
            // A name server that never answers is not waited for.
            runtime.shutdown_background();
            tell(patient, report)
        }
        Err(ended) => ended,
    }
}

async fn examine(examination: Examination<'_>, clock: &Clock) -> Report {
    let told = Progress::new(None);
    if !stderr().is_terminal() {
        return examination.run(clock, &told).await;
    }
    let receiver = told.subscribe();
    progress::told_on(&mut stderr(), receiver, examination.run(clock, &told)).await
}

fn tell(patient: &Patient, report: Report) -> Ended {
    let told = if patient.json { print(&report.to_json()) } else { print_styled(&report.to_text(&Coloured)) };
    match told {
        Ended::Done if report.verdict == Verdict::Fault => {
            Ended::Failed("doctor found faults; the arrows in its report say what to do".into())
        }
        ended => ended,
    }
}

/// Colours, which whoever prints them takes away where nobody sees them.
struct Coloured;

impl Paint for Coloured {
    fn verdict(&self, verdict: Verdict, word: &str) -> String {
        let style = match verdict {
            Verdict::Ok => AnsiColor::Green.on_default(),
            Verdict::Unknown => AnsiColor::Cyan.on_default(),
            Verdict::Warning => AnsiColor::Yellow.on_default(),
            Verdict::Fault => AnsiColor::Red.on_default().bold(),
        };
        format!("{style}{word}{style:#}")
    }

    fn heading(&self, text: &str) -> String {
        let style = Style::new().bold();
        format!("{style}{text}{style:#}")
    }
}
