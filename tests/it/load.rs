//! Questions that go on while something else happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Questions about warm members, one after the other, until told to stop; how many, and how many failed.
pub struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    pub fn on(address: std::net::SocketAddr, members: &[&str]) -> Load {
        let (stop, asked, failed) = (Arc::<AtomicBool>::default(), Arc::default(), Arc::default());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let ask = |member: &&str| {
            let url = format!("http://{address}/members/{member}/points-history?page_size=5");
            let (stop, client) = (Arc::clone(&stop), client.clone());
            let (asked, failed): (Arc<AtomicU64>, Arc<AtomicU64>) = (Arc::clone(&asked), Arc::clone(&failed));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let good = match client.get(&url).send().await {
                        Ok(reply) => reply.status() == 200 && reply.bytes().await.is_ok(),
                        Err(_) => false,
                    };
                    asked.fetch_add(1, Ordering::Relaxed);
                    failed.fetch_add(u64::from(!good), Ordering::Relaxed);
                }
            })
        };
        let tasks = members.iter().map(ask).collect();
        Load { stop, asked, failed, tasks }
    }

    /// Waits until so many more have been asked.
    pub async fn goes_on(&self, more: u64) {
        let until = self.asked.load(Ordering::Relaxed) + more;
        while self.asked.load(Ordering::Relaxed) < until {
            tokio::task::yield_now().await;
        }
    }

    /// How many were asked, and how many of them failed.
    pub async fn end(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        (self.asked.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}
