//! What the shared tier needs to know; `config` fills it in.

use std::time::Duration;

use secrecy::SecretString;

/// Settings of the shared tier.
#[derive(Debug, Clone)]
pub struct SharedSettings {
    /// `redis://` or `rediss://` (TLS), user and password of an ACL included; none for a gateway that stands alone.
    pub url: Option<SecretString>,
    /// Replicas that are meant to run: each uses this share of the quota while the tier is away.
    pub replicas: u32,
    /// Longest wait for all that one errand asks.
    pub timeout: Duration,
}

impl Default for SharedSettings {
    fn default() -> Self {
        SharedSettings { url: None, replicas: 1, timeout: Duration::from_millis(10) }
    }
}
