//! The versioned set that a business call uses: router domain and token, bound together.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::grant::Grant;
use crate::clock::Tick;
use crate::kingdee::exchange::Credentials;

/// What calls are made with. Replaced as a whole; calls in flight keep the one they took.
#[derive(Clone)]
pub struct CredentialSet {
    /// Counts renewals; a refusal names the version that was refused.
    pub version: u64,
    /// What the token was bought with.
    pub grant: Arc<Grant>,
    token: HeaderValue,
    expires: Tick,
    refresh_at: Tick,
}

impl CredentialSet {
    /// A set whose token was asked for at `asked` and lives for `life`, renewed after `refresh_percent` of it.
    pub fn new(
        version: u64,
        grant: Arc<Grant>,
        token: HeaderValue,
        (asked, life): (Tick, Duration),
        refresh_percent: u8,
    ) -> CredentialSet {
        // It must still be alive when it arrives.
        let margin = Duration::from_secs(5).min(life / 10);
        let refresh_at = asked.after(life * u32::from(refresh_percent.min(100)) / 100);
        CredentialSet { version, grant, token, expires: asked.after(life.saturating_sub(margin)), refresh_at }
    }

    /// Whether the token may still be sent.
    pub fn is_alive(&self, now: Tick) -> bool {
        now < self.expires
    }

    /// Whether it is time to fetch the next one.
    pub fn is_due(&self, now: Tick) -> bool {
        now >= self.refresh_at
    }

    /// The two headers of a business call.
    pub fn credentials(&self) -> Credentials {
        Credentials { token: self.token.clone(), router: self.grant.router.header() }
    }
}

impl std::fmt::Debug for CredentialSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialSet")
            .field("version", &self.version)
            .field("token", &"…")
            .finish_non_exhaustive()
    }
}
