//! The stage: a sandbox, a gateway in front of it, a client in front of that, and the clock that all of them share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use points_gateway::app::{App, Reloading, Surroundings, demo};
use points_gateway::clock::Clock;
use points_gateway::config::Loader;
use points_gateway::config::source::Files;
use points_gateway::http::points_history::schema::PointsHistoryPage;
use points_gateway::sandbox::{Sandbox, SandboxSettings};

use crate::leaks::{LookAtTheEnd, watch};

pub mod certificates;
pub mod fleet;
pub mod haproxy;
pub mod proxy;
pub mod redis;

/// When every play begins.
pub const NOW: &str = "2026-11-25T10:00:00+08:00";

/// A running gateway with all that surrounds it.
pub struct Stage {
    pub clock: Clock,
    pub sandbox: Sandbox,
    pub app: App,
    /// What the gateway's configuration is read from.
    pub written: Written,
    client: reqwest::Client,
    /// Every test ends with a look at what its gateway has told the log.
    _leaks: LookAtTheEnd,
}

impl Stage {
    /// As the demo is.
    pub async fn start() -> Stage {
        Stage::with(&[]).await
    }

    /// With other values for some keys, as in `("CACHE__FRESH", "1m")`.
    pub async fn with(configuration: &[(&str, &str)]) -> Stage {
        Stage::with_sandbox(SandboxSettings::default(), configuration).await
    }

    /// With another sandbox.
    pub async fn with_sandbox(settings: SandboxSettings, configuration: &[(&str, &str)]) -> Stage {
        let clock = Clock::manual(NOW.parse().unwrap());
        let sandbox = Sandbox::start(settings, clock.clone()).await.unwrap();
        let (app, written) = gateway(&sandbox, &clock, configuration).await;
        let _leaks = LookAtTheEnd(sandbox.control().clone());
        Stage { clock, sandbox, app, written, client: client(), _leaks }
    }

    /// Another gateway in front of the same sandbox, with an empty cache: a restart, or another replica.
    pub async fn another_gateway(&self) -> Stage2 {
        Stage2 { app: gateway(&self.sandbox, &self.clock, &[]).await.0, client: client() }
    }

    /// Asks the public listener.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(path)).await
    }

    /// A question that can still be given headers.
    pub fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("http://{}{path}", self.app.public_address()))
    }

    /// A question of another method.
    pub fn request_as(&self, method: http::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.app.public_address()))
    }

    /// A question to the admin listener.
    pub fn admin(&self, method: http::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.app.admin_address()))
    }

    /// Sends a question and reads the whole answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        Reply::of(request).await
    }

    /// Has the configuration read again.
    pub async fn reload(&self) -> Reply {
        self.send(self.admin(http::Method::POST, "/admin/reload")).await
    }

    /// Calls of `integral_record` that the sandbox has answered or refused.
    pub fn record_calls(&self) -> u64 {
        self.sandbox.control().calls().record
    }
}

/// A second gateway.
pub struct Stage2 {
    pub app: App,
    client: reqwest::Client,
}

impl Stage2 {
    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.client.get(format!("http://{}{path}", self.app.public_address()))).await
    }
}

/// Files in memory that can be written while a gateway reads them.
#[derive(Clone, Default)]
pub struct Written(Arc<Mutex<BTreeMap<PathBuf, String>>>);

/// The name of the configuration file there.
const FILE: &str = "gateway.toml";

impl Written {
    /// Changes the configuration file.
    pub fn edit(&self, edit: impl FnOnce(String) -> String) {
        let mut files = self.0.lock().unwrap();
        let text = files.remove(Path::new(FILE)).unwrap_or_default();
        files.insert(FILE.into(), edit(text));
    }
}

impl Files for Written {
    fn read(&self, path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
        Files::read(&*self.0.lock().unwrap(), path, most)
    }
}

async fn gateway(sandbox: &Sandbox, clock: &Clock, configuration: &[(&str, &str)]) -> (App, Written) {
    let text = demo::config_text(sandbox.address()) + LISTEN;
    let named: Vec<_> = configuration.iter().map(|(k, v)| (format!("POINTS_GATEWAY__{k}"), *v)).collect();
    let variables = named.iter().map(|(k, v)| (k.into(), v.into())).collect();
    let written = Written::default();
    written.edit(|_| text);
    let loader = Loader::of(Some(FILE.into()), variables, Arc::new(written.clone()));
    let (read, trace) = loader.load();
    let config = read.unwrap_or_else(|faults| panic!("{faults}"));
    let reloading = Reloading { trace, ..demo::reloading(loader) };
    let access = watch().access.clone();
    let surroundings = Surroundings { clock: clock.clone(), access, samples: Vec::new(), reloading };
    (App::start(config, surroundings).await.unwrap(), written)
}

const LISTEN: &str = "
[http]
listen = \"127.0.0.1:0\"
admin_listen = \"127.0.0.1:0\"
threads = 1
drain.grace = \"0s\"
drain.idle = \"0s\"
drain.deadline = \"10s\"
";

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub text: String,
}

impl Reply {
    pub async fn of(request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let reply = Reply { status, headers, text: response.text().await.unwrap() };
        for told in [&reply.text, &format!("{:?}", reply.headers)] {
            assert!(!told.contains("sandbox-only-"), "a secret: {told}");
        }
        reply
    }

    /// The body as the document describes it; fails on any field that the document doesn't know.
    pub fn page(&self) -> PointsHistoryPage {
        assert_eq!(self.status, 200, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The label of a problem, after checking its shape.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        let body = self.json();
        assert_eq!(body["status"], self.status);
        assert_eq!(body["request_id"], self.header("x-request-id"));
        for text in ["title", "detail"] {
            assert!(body[text].as_str().is_some_and(|t| !t.is_empty()), "{body}");
        }
        body["type"].as_str().and_then(|t| t.strip_prefix("/problems/")).unwrap().to_owned()
    }

    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// What tells rows apart: id, time, points and balances, as sent.
pub fn rows(page: &PointsHistoryPage) -> Vec<String> {
    page.entries.iter().map(|entry| format!("{entry:?}")).collect()
}
