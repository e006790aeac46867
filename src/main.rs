//! points-gateway's verbs, and the codes that the process ends with.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use points_gateway::clock::Clock;

mod verbs;

use verbs::{Ended, Verb};

/// A hit costs fewer instructions with it than with the system's (`bench/README.md`).
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// With commit and date, where the build script was there to find them out.
const VERSION: &str = match option_env!("GATEWAY_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// A caching gateway between a retailer's apps and Kingdee's points ledger (金蝶云星辰 积分流水).
#[derive(Parser)]
#[command(version = VERSION, about, after_help = verbs::teaching::PROGRAM, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

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
    if let Ended::Failed(text) | Ended::Usage(text) | Ended::Configuration(text) = &ended
        && !text.is_empty()
    {
        say_last(text.trim_end().to_owned());
    }
    ended.code()
}

/// Says it on standard error, and waits a second for a reader who may have stalled, as the log does before.
fn say_last(text: String) {
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _nobody_reads = writeln!(std::io::stderr(), "{text}");
        said.send(())
    });
    let _said_or_late = heard.recv_timeout(Duration::from_secs(1));
}
