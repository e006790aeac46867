//! The versioned set that a business call uses: router domain and token, bound together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use http::HeaderValue;

use super::grant::Grant;
use crate::clock::Tick;
use crate::kingdee::exchange::Credentials;

/// What calls are made with. Replaced as a whole; calls in flight keep the one they took.
#[derive(Clone)]
pub struct CredentialSet {
    /// Counts changes.
    pub version: u64,
    /// Where calls are routed to, and what the next token is bought with.
    pub grant: Arc<Grant>,
    /// Shared by all versions that differ in their grant only.
    pub token: Arc<Token>,
}

/// A token and what is known about its life.
pub struct Token {
    header: HeaderValue,
    asked: Tick,
    expires: Tick,
    refresh_at: Tick,
    standing: AtomicU8,
}

/// A token's times at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenTimes {
    /// Since it was asked for.
    pub age: Duration,
    /// Until it is no longer sent.
    pub life: Duration,
    /// Until the next one is fetched; zero when that is due.
    pub renewal: Duration,
}

/// What Kingdee said about a token when it refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It doesn't know it (4009, 4010): a new one is wanted, but where none can be had this one may still work, as
    /// when it was made a moment ago and has not got about yet.
    Doubted = 1,
    /// It has expired (4011, 1000202001): it is never sent again.
    Dead = 2,
}

impl Token {
    /// A token that was asked for at `asked` and lives for `life`, renewed after `refresh_percent` of it.
    pub fn new(header: HeaderValue, (asked, life): (Tick, Duration), refresh_percent: u8) -> Token {
        // It must still be alive when it arrives.
        let margin = Duration::from_secs(5).min(life / 10);
        let refresh_at = asked.after(life * u32::from(refresh_percent.min(100)) / 100);
        let expires = asked.after(life.saturating_sub(margin));
        Token { header, asked, expires, refresh_at, standing: AtomicU8::new(0) }
    }

    /// Notes a refusal. It can't be taken back: whoever uses this very token, in whatever version, sees it.
    pub fn refuse(&self, how: Refused) {
        self.standing.fetch_max(how as u8, Ordering::Relaxed);
    }

    /// Whether it may still be sent if there is no better one.
    pub fn is_alive(&self, now: Tick) -> bool {
        now < self.expires && self.standing.load(Ordering::Relaxed) < Refused::Dead as u8
    }

    /// Whether it is alive and Kingdee has never refused it.
    pub fn is_good(&self, now: Tick) -> bool {
        now < self.expires && self.standing.load(Ordering::Relaxed) == 0
    }

    /// Whether it is time to fetch the next one.
    pub fn is_due(&self, now: Tick) -> bool {
        now >= self.refresh_at
    }

    /// Its times.
    pub fn times(&self, now: Tick) -> TokenTimes {
        TokenTimes {
            age: now.since(self.asked),
            life: self.expires.since(now),
            renewal: self.refresh_at.since(now),
        }
    }
}

/// A token fresh from the platform.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// What it was bought with.
    pub grant: Arc<Grant>,
    /// Marked so that no log prints it.
    pub token: HeaderValue,
    /// When it was asked for, and how long it lives from then on.
    pub lives: (Tick, Duration),
}

impl CredentialSet {
    /// The two headers of a business call.
    pub fn credentials(&self) -> Credentials {
        Credentials { token: self.token.header.clone(), router: self.grant.router.header() }
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
