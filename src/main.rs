//! points-gateway's verbs, and the codes that the process ends with.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use points_gateway::clock::Clock;

mod verbs;

use verbs::{Ended, Verb};

/// Faster than the system's on a hit, and steadier in memory; `bench/README.md` has the figures.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A caching gateway between a retailer's apps and Kingdee's points ledger (金蝶云星辰 积分流水).
#[derive(Parser)]
#[command(version, about, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  points-gateway demo                                   everything on this machine, no credentials needed
  points-gateway check --config gateway.toml            is the configuration good?
  points-gateway serve --config gateway.toml            serve
  POINTS_GATEWAY__KINGDEE__CLIENT_ID=205022 POINTS_GATEWAY__KINGDEE__CLIENT_SECRET_FILE=/run/secrets/kingdee \\
    points-gateway serve                                the same from the environment
  points-gateway health                                 is the one that runs here well? for containers
  points-gateway sign < request.json                    how a request is signed, stage by stage

Exit codes: 0 done, 1 failed, 64 bad input or arguments, 78 bad configuration.";

fn main() -> ExitCode {
    let clock = Clock::real();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(told) => {
            let _nobody_reads = told.print();
            return if told.use_stderr() { Ended::Usage(String::new()).code() } else { ExitCode::SUCCESS };
        }
    };
    let ended = arguments.verb.run(clock);
    if let Ended::Failed(text) | Ended::Usage(text) | Ended::Configuration(text) = &ended {
        let _nobody_reads = writeln!(std::io::stderr(), "{text}");
    }
    ended.code()
}
