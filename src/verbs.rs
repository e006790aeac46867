//! What the program can be asked to do, one file a verb.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use points_gateway::clock::Clock;
use points_gateway::config::{Config, Faults, Loader, Trace};
use points_gateway::kingdee::settings::SpaceEncoding;

mod serve;
mod demo;
mod sandbox;
mod check;
mod doctor;
mod health;
mod sign;
mod completions;
pub mod teaching;

/// The verbs.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Serve, as configured.
    #[command(after_help = teaching::SERVE)]
    Serve(ConfigFile),
    /// Serve sandbox data from this machine: no credentials, no configuration.
    #[command(after_help = teaching::DEMO)]
    Demo(demo::Ports),
    /// Run a stand-in for Kingdee alone.
    #[command(after_help = teaching::SANDBOX)]
    Sandbox(sandbox::Ports),
    /// Read the configuration, name every fault at once, print what it amounts to.
    #[command(after_help = teaching::CHECK)]
    Check {
        #[command(flatten)]
        file: ConfigFile,
        /// Print an example file with every key, its default and what is allowed, and check nothing.
        #[arg(long, conflicts_with = "markdown")]
        example: bool,
        /// Print the reference of every key, as `docs/configuration.md` has it, and check nothing.
        #[arg(long)]
        markdown: bool,
    },
    /// Try the real account, find out what documents leave open, say what to configure.
    #[command(after_help = teaching::DOCTOR)]
    Doctor(doctor::Patient),
    /// Ask a gateway that runs on this machine whether it is well: exit code 0 if so, 1 if not.
    #[command(after_help = teaching::HEALTH)]
    Health(health::Asked),
    /// Sign the request on standard input and print every stage.
    #[command(after_help = teaching::SIGN)]
    Sign {
        /// How a space travels: `+` as in Kingdee's Java SDK, or `%20` as in its PHP SDK.
        #[arg(long, value_enum, default_value = "form")]
        space_encoding: Spaces,
    },
    /// Print the OpenAPI document.
    #[command(after_help = teaching::OPENAPI)]
    Openapi,
    /// Print what every metric tells, as `docs/metrics.md` has it.
    #[command(after_help = teaching::METRICS)]
    Metrics,
    /// Print what a shell needs to complete verbs and flags.
    #[command(after_help = teaching::COMPLETIONS)]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
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
            Verb::Check { markdown: true, .. } => print(&points_gateway::config::reference::markdown()),
            Verb::Check { file, .. } => check::run(&file),
            Verb::Doctor(patient) => doctor::run(&patient, &clock),
            Verb::Health(asked) => health::run(&asked),
            Verb::Sign { space_encoding } => sign::run(space_encoding.into()),
            Verb::Metrics => print(&points_gateway::telemetry::document::markdown()),
            Verb::Openapi => {
                print(&points_gateway::http::openapi::to_json(&points_gateway::http::router::document()))
            }
            Verb::Completions { shell } => completions::run(shell),
        }
    }
}

/// The configuration, or how its faults end the program.
fn load(file: &ConfigFile) -> Result<Config, Ended> {
    refused(Config::load(file.config.as_deref()))
}

/// The same with what reads it, and what it was read from.
fn load_to_reload(file: &ConfigFile) -> Result<(Config, Loader, Trace), Ended> {
    let loader = Loader::of_this_process(file.config.as_deref());
    let (read, trace) = loader.load();
    Ok((refused(read)?, loader, trace))
}

fn refused(read: Result<Config, Faults>) -> Result<Config, Ended> {
    read.map_err(|faults| Ended::Configuration(faults.to_string()))
}

/// A runtime for fetches, the admin listener and whatever runs behind the scenes.
fn runtime() -> Result<tokio::runtime::Runtime, Ended> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(|error| Ended::Failed(format!("the system refuses a runtime: {error}")))
}

/// Writes to standard output; a reader that has gone is no failure.
fn print(text: &str) -> Ended {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> Ended {
    written(write_to(io::stdout().lock(), bytes))
}

/// The same for text with colours: they are for terminals, and not where `NO_COLOR` is set.
fn print_styled(text: &str) -> Ended {
    written(write_to(anstream::AutoStream::auto(io::stdout().lock()), text.as_bytes()))
}

fn write_to(mut out: impl io::Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes).and_then(|()| out.flush())
}

fn written(outcome: io::Result<()>) -> Ended {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Ended::Failed(format!("standard output can't be written: {error}"))
        }
        _ => Ended::Done,
    }
}
