//! A gateway as a process of its own, in front of a sandbox in this one: for signals, limits of the system, and logs.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use points_gateway::app::demo;
use points_gateway::clock::Clock;
use points_gateway::sandbox::{Sandbox, SandboxSettings};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::leaks;

/// Longest wait for anything; only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running gateway; killed when dropped.
pub struct Gateway {
    pub sandbox: Arc<Sandbox>,
    pub public: SocketAddr,
    pub admin: SocketAddr,
    child: Child,
    /// Nothing where nobody can read them.
    lines: Option<Lines<BufReader<ChildStderr>>>,
    pub folder: Arc<tempfile::TempDir>,
}

impl Gateway {
    /// One that serves, on ports that were free.
    pub async fn serving(configuration: &[(&str, &str)]) -> Gateway {
        let mut gateway = Gateway::at("127.0.0.1:0".parse().unwrap(), configuration).await;
        gateway.wait_until_it_serves().await;
        gateway
    }

    /// The same with fewer descriptors than it would like.
    pub async fn with_descriptors(most: u32) -> Gateway {
        let (sandbox, folder) = surroundings().await;
        let any = "127.0.0.1:0".parse().unwrap();
        let shell = format!("ulimit -n {most}; exec \"$0\" \"$@\"");
        let mut gateway = spawn(Some(&shell), sandbox, folder, any, any, &[]);
        gateway.wait_until_it_serves().await;
        gateway
    }

    /// One whose configuration file has been edited before it starts.
    pub async fn with_file(edit: impl FnOnce(&Path, String) -> String) -> Gateway {
        let (sandbox, folder) = surroundings().await;
        let file = folder.path().join("gateway.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, edit(folder.path(), text)).unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let mut gateway = spawn(None, sandbox, folder, any, any, &[]);
        gateway.wait_until_it_serves().await;
        gateway
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it has ended")
    }

    /// One that serves, with more variables than its configuration.
    pub async fn with_environment(environment: &[(&str, &str)], configuration: &[(&str, &str)]) -> Gateway {
        let (sandbox, folder) = surroundings().await;
        let any = "127.0.0.1:0".parse().unwrap();
        let set: String = environment.iter().map(|(name, value)| format!("{name}='{value}' ")).collect();
        let mut gateway =
            spawn(Some(&format!("{set}exec \"$0\" \"$@\"")), sandbox, folder, any, any, configuration);
        gateway.wait_until_it_serves().await;
        gateway
    }

    /// One whose lines go where they can't be read. It serves at some time later.
    pub async fn writing_to(out: Stdio, err: Stdio) -> Gateway {
        let (sandbox, folder) = surroundings().await;
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (public, admin) = (free(), free());
        let addresses = (public.local_addr().unwrap(), admin.local_addr().unwrap());
        drop((public, admin));
        spawn_writing_to((out, err), None, sandbox, folder, addresses.0, addresses.1, &[])
    }

    /// One that starts at `public`.
    pub async fn at(public: SocketAddr, configuration: &[(&str, &str)]) -> Gateway {
        let (sandbox, folder) = surroundings().await;
        spawn(None, sandbox, folder, public, "127.0.0.1:0".parse().unwrap(), configuration)
    }

    /// Another one that starts at the very same addresses.
    pub fn successor(&self, configuration: &[(&str, &str)]) -> Gateway {
        let (sandbox, folder) = (Arc::clone(&self.sandbox), Arc::clone(&self.folder));
        spawn(None, sandbox, folder, self.public, self.admin, configuration)
    }

    /// Reads the log until it says so; takes the addresses from there.
    pub async fn wait_until_it_serves(&mut self) {
        let told = self.line_that_says("serving").await;
        self.public = told["listen"].as_str().unwrap().parse().unwrap();
        self.admin = told["admin"].as_str().unwrap().parse().unwrap();
    }

    /// Reads the log until a line has this message; all of that line.
    pub async fn line_that_says(&mut self, message: &str) -> serde_json::Value {
        loop {
            let line = self.line().await.unwrap_or_else(|| panic!("it ended before it said: {message}"));
            let told: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if told["message"] == message {
                return told;
            }
        }
    }

    /// The next line of its log; nothing after the last.
    pub async fn line(&mut self) -> Option<String> {
        let lines = self.lines.as_mut()?;
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("no more lines").unwrap();
        leaks::check(line.as_deref().unwrap_or_default(), &leaks::confidential(self.sandbox.control()));
        line
    }

    /// Sends it a signal, by name.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().expect("it has ended").to_string();
        assert!(
            std::process::Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success()
        );
    }

    /// Its exit code, once it has ended.
    pub async fn ended(&mut self) -> i32 {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it goes on");
        ended.unwrap().code().unwrap_or(-1)
    }

    /// What one that can't start says.
    pub async fn refusal(mut self) -> String {
        let mut said = String::new();
        while let Some(line) = self.line().await {
            said += &line;
        }
        assert_eq!(self.ended().await, 1, "{said}");
        said
    }
}

async fn surroundings() -> (Arc<Sandbox>, Arc<tempfile::TempDir>) {
    let sandbox = Sandbox::start(SandboxSettings::default(), Clock::real()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway.toml"), demo::config_text(sandbox.address())).unwrap();
    (Arc::new(sandbox), Arc::new(folder))
}

fn spawn(
    shell: Option<&str>,
    sandbox: Arc<Sandbox>,
    folder: Arc<tempfile::TempDir>,
    public: SocketAddr,
    admin: SocketAddr,
    configuration: &[(&str, &str)],
) -> Gateway {
    let outputs = (Stdio::null(), Stdio::piped());
    spawn_writing_to(outputs, shell, sandbox, folder, public, admin, configuration)
}

fn spawn_writing_to(
    (out, err): (Stdio, Stdio),
    shell: Option<&str>,
    sandbox: Arc<Sandbox>,
    folder: Arc<tempfile::TempDir>,
    public: SocketAddr,
    admin: SocketAddr,
    configuration: &[(&str, &str)],
) -> Gateway {
    let program = env!("CARGO_BIN_EXE_points-gateway");
    let mut command = Command::new(shell.map_or(program, |_| "sh"));
    if let Some(script) = shell {
        command.args(["-c", script, program]);
    }
    let file = folder.path().join("gateway.toml");
    command.args(["serve", "--config"]).arg(&file).env_clear();
    let (public_text, admin_text) = (public.to_string(), admin.to_string());
    let given = [
        ("HTTP__LISTEN", public_text.as_str()),
        ("HTTP__ADMIN_LISTEN", &admin_text),
        ("HTTP__THREADS", "2"),
        ("HTTP__DRAIN__GRACE", "0s"),
        ("HTTP__DRAIN__IDLE", "0s"),
        ("LOG__FORMAT", "json"),
    ];
    // At its most talkative, unless its file says otherwise: a variable would win.
    let decided = std::fs::read_to_string(&file).is_ok_and(|text| text.contains("\nlevel = "));
    let level = (!decided).then_some(("LOG__LEVEL", "trace"));
    for (key, value) in given.iter().chain(&level).chain(configuration) {
        command.env(format!("POINTS_GATEWAY__{key}"), value);
    }
    let mut child = command.stdin(Stdio::null()).stdout(out).stderr(err).kill_on_drop(true).spawn().unwrap();
    let lines = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
    Gateway { sandbox, public, admin, child, lines, folder }
}
