//! Several gateways in front of one sandbox, with a Redis that they share or without one. Real time: ages there are
//! measured by Redis's clock.

use std::time::Duration;

use points_gateway::app::App;
use points_gateway::clock::Clock;
use points_gateway::sandbox::{Sandbox, SandboxSettings};

use super::redis::Redis;
use super::{Reply, Written, client, gateway};
use crate::leaks::LookAtTheEnd;

/// A busy machine must not make a tier that is well look ill.
pub const PATIENT: (&str, &str) = ("SHARED__TIMEOUT", "1s");

/// Gateways that don't know each other.
pub struct Fleet {
    pub sandbox: Sandbox,
    pub clock: Clock,
    pub replicas: Vec<Replica>,
    url: Option<String>,
    configuration: Vec<(String, String)>,
    /// As on a [`Stage`](super::Stage).
    _leaks: LookAtTheEnd,
}

/// One of them.
pub struct Replica {
    pub app: App,
    pub written: Written,
    client: reqwest::Client,
}

impl Fleet {
    /// `count` replicas that share `redis`, if there is one.
    pub async fn start(count: u32, redis: Option<&Redis>, configuration: &[(&str, &str)]) -> Fleet {
        Fleet::before(SandboxSettings::default(), count, redis.map(Redis::url), configuration).await
    }

    /// In front of another sandbox.
    pub async fn before(
        settings: SandboxSettings,
        count: u32,
        url: Option<String>,
        configuration: &[(&str, &str)],
    ) -> Fleet {
        let clock = Clock::real();
        let sandbox = Sandbox::start(settings, clock.clone()).await.unwrap();
        let configuration = configuration.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let _leaks = LookAtTheEnd(sandbox.control().clone());
        let mut fleet = Fleet { sandbox, clock, replicas: Vec::new(), url, configuration, _leaks };
        for _ in 0..count {
            fleet.add().await;
        }
        fleet
    }

    /// One more replica.
    pub async fn add(&mut self) {
        let url = self.url.clone();
        self.add_with(url.as_deref(), &[]).await;
    }

    /// One more, which reaches the shared tier by another address, with other values for some keys.
    pub async fn add_with(&mut self, url: Option<&str>, more: &[(&str, &str)]) {
        let own = self.configuration.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let url = url.map(|url| ("SHARED__URL", url));
        let configuration: Vec<_> = own.chain(url).chain(more.iter().copied()).collect();
        let (app, written) = gateway(&self.sandbox, &self.clock, &configuration).await;
        let replica = Replica { app, written, client: client() };
        if url.is_some() {
            replica.joined().await;
        }
        self.replicas.push(replica);
    }

    /// Drains a replica and starts another at its addresses.
    pub async fn restart(&mut self, replica: usize) {
        let old = self.replicas.remove(replica);
        let (public, admin) = (old.app.public_address().to_string(), old.app.admin_address().to_string());
        old.app.drain().await;
        let url = self.url.clone();
        self.add_with(url.as_deref(), &[("HTTP__LISTEN", &public), ("HTTP__ADMIN_LISTEN", &admin)]).await;
        let fresh = self.replicas.pop().unwrap();
        self.replicas.insert(replica, fresh);
    }

    /// One more, which does not wait for its shared tier.
    pub async fn add_unjoined(&mut self, url: &str) {
        let (app, written) = gateway(&self.sandbox, &self.clock, &[("SHARED__URL", url)]).await;
        self.replicas.push(Replica { app, written, client: client() });
    }

    /// Asks a replica until it counts `total` rows, or until this time is over; gives the last count seen.
    pub async fn total_within(&self, replica: usize, path: &str, total: u64, time: Duration) -> u64 {
        let begun = tokio::time::Instant::now();
        loop {
            let seen = u64::from(self.replicas[replica].get(path).await.page().total);
            if seen == total || begun.elapsed() > time {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn record_calls(&self) -> u64 {
        self.sandbox.control().calls().record
    }
}

impl Replica {
    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(path)).await
    }

    pub fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("http://{}{path}", self.app.public_address()))
    }

    /// Has it read its configuration again.
    pub async fn reload(&self) -> serde_json::Value {
        let url = format!("http://{}/admin/reload", self.app.admin_address());
        let reply = Reply::of(self.client.post(url)).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    pub async fn purge(&self, member: &str) -> serde_json::Value {
        let url = format!("http://{}/admin/members/{member}/purge", self.app.admin_address());
        Reply::of(self.client.post(url)).await.json()
    }

    /// Waits until the way to the shared tier is open.
    pub async fn joined(&self) {
        assert!(self.is_joined_within(Duration::from_secs(10)).await, "the shared tier was not joined");
    }

    /// Whether the way is open, or is before this time is over.
    pub async fn is_joined_within(&self, time: Duration) -> bool {
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < time {
            if self.app.history().shared_tier().is_some_and(|tier| tier.link.is_open()) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }
}
