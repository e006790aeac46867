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
        Launch { configuration, ..Launch::anew().await }.until_it_serves().await
    }

    /// The same with fewer descriptors than it would like.
    pub async fn with_descriptors(most: u32) -> Gateway {
        let shell = Some(format!("ulimit -n {most}; exec \"$0\" \"$@\""));
        Launch { shell, ..Launch::anew().await }.until_it_serves().await
    }

    /// One whose configuration file has been edited before it starts.
    pub async fn with_file(edit: impl FnOnce(&Path, String) -> String) -> Gateway {
        let launch = Launch::anew().await;
        let (folder, file) = (launch.folder.path(), launch.folder.path().join("gateway.toml"));
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, edit(folder, text)).unwrap();
        launch.until_it_serves().await
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it has ended")
    }

    /// One that serves, with more variables than its configuration.
    pub async fn with_environment(environment: &[(&str, &str)], configuration: &[(&str, &str)]) -> Gateway {
        let set: String = environment.iter().map(|(name, value)| format!("{name}='{value}' ")).collect();
        let shell = Some(format!("{set}exec \"$0\" \"$@\""));
        Launch { shell, configuration, ..Launch::anew().await }.until_it_serves().await
    }

    /// One whose lines go where they can't be read. It serves at some time later.
    pub async fn writing_to(out: Stdio, err: Stdio) -> Gateway {
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (public, admin) = (free(), free());
        let (public, admin) = (public.local_addr().unwrap(), admin.local_addr().unwrap());
        Launch { public, admin, out, err, ..Launch::anew().await }.spawn()
    }

    /// One that starts at `public`.
    pub async fn at(public: SocketAddr, configuration: &[(&str, &str)]) -> Gateway {
        Launch { public, configuration, ..Launch::anew().await }.spawn()
    }

    /// Another one that starts at the very same addresses.
    pub fn successor(&self, configuration: &[(&str, &str)]) -> Gateway {
        let launch = Launch::of(Arc::clone(&self.sandbox), Arc::clone(&self.folder));
        Launch { public: self.public, admin: self.admin, configuration, ..launch }.spawn()
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

/// What a process starts with.
struct Launch<'a> {
    sandbox: Arc<Sandbox>,
    folder: Arc<tempfile::TempDir>,
    public: SocketAddr,
    admin: SocketAddr,
    configuration: &'a [(&'a str, &'a str)],
    /// A script that runs it as `"$0" "$@"`.
    shell: Option<String>,
    out: Stdio,
    err: Stdio,
}

impl Launch<'_> {
    /// A sandbox of its own, a file that leads to it, ports that are free.
    async fn anew() -> Launch<'static> {
        let sandbox = Sandbox::start(SandboxSettings::default(), Clock::real()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("gateway.toml"), demo::config_text(sandbox.address())).unwrap();
        Launch::of(Arc::new(sandbox), Arc::new(folder))
    }

    fn of(sandbox: Arc<Sandbox>, folder: Arc<tempfile::TempDir>) -> Launch<'static> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (out, err) = (Stdio::null(), Stdio::piped());
        Launch { sandbox, folder, public: any, admin: any, configuration: &[], shell: None, out, err }
    }

    async fn until_it_serves(self) -> Gateway {
        let mut gateway = self.spawn();
        gateway.wait_until_it_serves().await;
        gateway
    }

    fn spawn(self) -> Gateway {
        let Launch { sandbox, folder, public, admin, configuration, shell, out, err } = self;
        let program = env!("CARGO_BIN_EXE_points-gateway");
        let mut command = Command::new(shell.as_ref().map_or(program, |_| "sh"));
        if let Some(script) = shell {
            command.args(["-c", &script, program]);
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
        let mut child =
            command.stdin(Stdio::null()).stdout(out).stderr(err).kill_on_drop(true).spawn().unwrap();
        let lines = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
        Gateway { sandbox, public, admin, child, lines, folder }
    }
}
