//! What replicas share: one Redis (or Valkey), which nobody needs and nobody waits for longer than a blink.
//!
//! This room knows how to reach it ([`link`]), how long an errand waits for it ([`patience`]), how to have it do
//! several things at once ([`script`]), how to seal what is put there ([`seal`]) and how one replica of many
//! goes first ([`lease`]). What is shared is other rooms' business: chunks and purges the cache's, credentials and
//! quota Kingdee's.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub mod settings;
pub mod seal;
pub mod patience;
pub mod link;
pub mod script;
pub mod lease;
pub mod counts;
pub mod survey;

pub use counts::SharedCounts;
pub use link::{Away, Link};
pub use patience::Patience;
pub use script::Script;
pub use seal::Seal;
pub use settings::SharedSettings;

/// The tier that replicas share. Clones share everything.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The way there.
    pub link: Link,
    /// Seals what is put there.
    pub seal: Arc<Seal>,
    /// What was counted.
    pub counts: Arc<SharedCounts>,
    /// Replicas that are meant to run, this one included: the divisor of the quota while the tier is away.
    pub replicas: u32,
    behind: TaskTracker,
}

/// How long an ending gateway waits for what is still to be put or given back.
const FINISH: Duration = Duration::from_secs(1);

/// Why there is no shared tier where one was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// The URL is none, or the TLS client can't be built. The URL may hold a password: it is not quoted.
    #[error("shared.url can't be used: {0}")]
    Url(&'static str),
    /// A key can't be derived.
    #[error("no key can be derived from kingdee.client_secret")]
    Key,
}

impl Shared {
    /// Begins to keep up the way to the tier, on this runtime, until `stop`. `client` is what a key and a name space
    /// are derived from: replicas that share a tier must have the same, and others can't read what they put there.
    ///
    /// # Errors
    /// [`SharedError`]. That nobody answers there is no error: the gateway works without.
    pub fn start(
        settings: &SharedSettings,
        client: &seal::Client<'_>,
        stop: CancellationToken,
    ) -> Result<Option<Shared>, SharedError> {
        let Some(url) = &settings.url else { return Ok(None) };
        let seal = Arc::new(Seal::new(client).ok_or(SharedError::Key)?);
        let counts = Arc::new(SharedCounts::default());
        let link = Link::start(url, settings.timeout, seal.key(&["purge-bell"]), Arc::clone(&counts), stop)?;
        let (replicas, behind) = (settings.replicas.max(1), TaskTracker::new());
        Ok(Some(Shared { link, seal, counts, replicas, behind }))
    }

    /// Does something that no caller waits for, but the end of the gateway does. It must end by itself.
    pub fn behind(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.behind.spawn(task);
    }

    /// Waits for all that, for a moment: a lease that is not given back would keep the other replicas waiting.
    pub async fn finish(&self) {
        self.behind.close();
        if self.link.is_open() {
            let _what_is_left_runs_out = timeout(FINISH, self.behind.wait()).await;
        }
    }
}
