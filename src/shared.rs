//! What replicas share: one Redis (or Valkey), which nobody needs and nobody waits for longer than a blink.
//!
//! This room knows how to reach it ([`link`]), how to seal what is put there ([`seal`]) and how one replica of many
//! goes first ([`lease`]). What is shared is other rooms' business: chunks and purges the cache's, credentials and
//! quota Kingdee's.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub mod settings;
pub mod seal;
pub mod link;
pub mod lease;
pub mod counts;

pub use counts::SharedCounts;
pub use link::{Away, Link};
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
}

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
        Ok(Some(Shared { link, seal, counts, replicas: settings.replicas.max(1) }))
    }
}
