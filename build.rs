//! Tells the program which commit it is built from: from the environment (a container build has no `.git`), else from
//! git, else not at all. Runs again only when one of these changes.

// A build script talks to cargo on standard output, and the environment is how it is told things.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::path::Path;
use std::process::Command;

const COMMIT: &str = "GATEWAY_COMMIT";
const DATE: &str = "GATEWAY_COMMIT_DATE";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for name in [COMMIT, DATE] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    // A source archive inside somebody else's repository is not theirs.
    if Path::new(".git").exists() {
        watch();
    }
    let commit = told(COMMIT).or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    let date = told(DATE).or_else(|| git(&["show", "--no-patch", "--format=%cs", "HEAD"]));
    let from = match (commit, date) {
        (Some(commit), Some(date)) => format!("{commit}, {date}"),
        (Some(commit), None) => commit,
        (None, _) => "commit unknown".to_owned(),
    };
    println!("cargo::rustc-env=GATEWAY_VERSION={} ({from})", env!("CARGO_PKG_VERSION"));
}

/// What changes with a commit or a checkout, as far as it is there: a path that isn't would make cargo run this always.
fn watch() {
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "logs/HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

fn told(name: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '+');
    std::env::var(name).ok().filter(|value| !value.is_empty() && value.chars().all(plain))
}

fn git(arguments: &[&str]) -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let line = String::from_utf8(output.stdout).ok()?;
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}
