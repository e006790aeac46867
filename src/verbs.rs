//! What the program can be asked to do, one file a verb.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use points_gateway::clock::Clock;
use points_gateway::config::Config;
use points_gateway::kingdee::settings::SpaceEncoding;

mod serve;
mod demo;
mod sandbox;
mod check;
mod health;
mod sign;

/// The verbs.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Serve, as configured.
    Serve(ConfigFile),
    /// Serve sandbox data from this machine: no credentials, no configuration.
    Demo(demo::Ports),
    /// Run a stand-in for Kingdee alone.
    Sandbox(sandbox::Ports),
    /// Read the configuration, name every fault at once, print what it amounts to.
    Check {
        #[command(flatten)]
        file: ConfigFile,
        /// Print an example file with every key, its default and what is allowed, and check nothing.
        #[arg(long)]
        example: bool,
    },
    /// Ask a gateway that runs on this machine whether it is well: exit code 0 if so, 1 if not.
    Health(health::Asked),
    /// Sign the request on standard input and print every stage.
    Sign {
        /// How a space travels: `+` as in Kingdee's Java SDK, or `%20` as in its PHP SDK.
        #[arg(long, value_enum, default_value = "form")]
        space_encoding: Spaces,
    },
    /// Print the OpenAPI document.
    Openapi,
}

/// Where the configuration is.
#[derive(clap::Args)]
pub struct ConfigFile {
    /// A TOML file; the environment (`POINTS_GATEWAY__…`) wins over it.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// How a space travels.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Spaces {
    Form,
    Percent,
}

impl From<Spaces> for SpaceEncoding {
    fn from(spaces: Spaces) -> SpaceEncoding {
        match spaces {
            Spaces::Form => SpaceEncoding::Form,
            Spaces::Percent => SpaceEncoding::Percent,
        }
    }
}

/// How it ended.
pub enum Ended {
    /// All is well.
    Done,
    /// It could not be done; the text says what to do.
    Failed(String),
    /// The input or the arguments are wrong.
    Usage(String),
    /// The configuration is wrong.
    Configuration(String),
}

impl Ended {
    /// The code for whoever started us (`sysexits.h`: 64 EX_USAGE, 78 EX_CONFIG).
    pub fn code(&self) -> ExitCode {
        match self {
            Ended::Done => ExitCode::SUCCESS,
            Ended::Failed(_) => ExitCode::FAILURE,
            Ended::Usage(_) => ExitCode::from(64),
            Ended::Configuration(_) => ExitCode::from(78),
        }
    }
}

impl Verb {
    /// Does it.
    pub fn run(self, clock: Clock) -> Ended {
        match self {
            Verb::Serve(file) => serve::run(&file, clock),
            Verb::Demo(ports) => demo::run(&ports, clock),
            Verb::Sandbox(ports) => sandbox::run(&ports, clock),
            Verb::Check { example: true, .. } => print(&points_gateway::config::example::example()),
            Verb::Check { file, .. } => check::run(&file),
            Verb::Health(asked) => health::run(&asked),
            Verb::Sign { space_encoding } => sign::run(space_encoding.into()),
            Verb::Openapi => {
                print(&points_gateway::http::openapi::to_json(&points_gateway::http::router::document()))
            }
        }
    }
}

/// The configuration, or how its faults end the program.
fn load(file: &ConfigFile) -> Result<Config, Ended> {
    Config::load(file.config.as_deref()).map_err(|faults| Ended::Configuration(faults.to_string()))
}

/// A runtime for fetches, the admin listener and whatever runs behind the scenes.
fn runtime() -> Result<tokio::runtime::Runtime, Ended> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(|error| Ended::Failed(format!("the system refuses a runtime: {error}")))
}

/// Writes to standard output; a reader that has gone is no failure.
fn print(text: &str) -> Ended {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Ended::Failed(format!("standard output can't be written: {error}"))
        }
        _ => Ended::Done,
    }
}
