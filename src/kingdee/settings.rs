//! What the Kingdee room needs to know, typed and checked; `config` fills it in.

use std::time::Duration;

use jiff::tz::TimeZone;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::domain::account::AccountName;

/// Settings of the Kingdee room.
#[derive(Debug, Clone)]
pub struct KingdeeSettings {
    /// `https` (or `http` on loopback), host, optional port; no path.
    pub base_url: Url,
    /// X-Api-ClientID
    pub client_id: String,
    /// Key of every signature.
    pub client_secret: SecretString,
    /// How a space travels (`protocol.md` §1.4).
    pub space_encoding: SpaceEncoding,
    /// How Kingdee reads `end_date`.
    pub window_end: WindowEnd,
    /// Rows asked for in one call, 1 to 100.
    pub chunk_rows: u8,
    /// A router domain's host must be one of these or end in `.` plus one of these.
    pub router_suffixes: Vec<String>,
    /// A token is renewed when this much of its life is over, in percent.
    pub token_refresh_percent: u8,
    /// Longest life a token is believed to have, whatever it says.
    pub token_max_life: Duration,
    /// Deadlines and sizes.
    pub transport: TransportSettings,
    /// The lane in front of each account set.
    pub lane: LaneSettings,
    /// The account sets; the first is the default one. Never empty.
    pub accounts: Vec<AccountSettings>,
}

impl KingdeeSettings {
    /// Everything at its default but what has none.
    #[allow(clippy::expect_used)] // a constant; config's tests read it
    pub fn new(
        client_id: String,
        client_secret: SecretString,
        accounts: Vec<AccountSettings>,
    ) -> KingdeeSettings {
        KingdeeSettings {
            base_url: Url::parse("https://api.kingdee.com").expect("an address"),
            client_id,
            client_secret,
            space_encoding: SpaceEncoding::default(),
            window_end: WindowEnd::default(),
            chunk_rows: 100,
            router_suffixes: vec!["jdy.com".into(), "kingdee.com".into()],
            token_refresh_percent: 80,
            token_max_life: Duration::from_secs(24 * 3600),
            transport: TransportSettings::default(),
            lane: LaneSettings::default(),
            accounts,
        }
    }
}

impl KingdeeSettings {
    /// Whether both are the same client of the same platform, with the same secret.
    pub fn is_the_client_of(&self, other: &KingdeeSettings) -> bool {
        let client = |s: &KingdeeSettings| {
            (s.base_url.clone(), s.client_id.clone(), s.client_secret.expose_secret().to_owned())
        };
        client(self) == client(other)
    }

    /// Whose rows are read for an account set, and as whom: another text where they may be others. Nothing secret.
    pub fn identity(&self, account: &AccountSettings) -> String {
        let whose = match &account.authorization {
            Authorization::Static { app_key, .. } => format!("static {app_key:?}"),
            Authorization::Pull { outer_instance_id, account_id } => {
                format!("pull {outer_instance_id:?} {account_id:?}")
            }
        };
        format!("{} {:?} {whose}", self.base_url, self.client_id)
    }
}

/// How a space is written on the wire and, derived from that, in the string to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpaceEncoding {
    /// `+`, as the official Java SDK does.
    #[default]
    Form,
    /// `%20`, as the official PHP SDK does.
    Percent,
}

/// Whether Kingdee counts a row at exactly `end_date` as inside (not documented).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WindowEnd {
    /// It does: our exclusive `to` is sent as one second less.
    #[default]
    Inclusive,
    /// It doesn't: `to` is sent as it is.
    Exclusive,
}

/// Deadlines and sizes of the HTTP client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportSettings {
    /// TCP and TLS.
    pub connect_timeout: Duration,
    /// One attempt, from sending to the last byte.
    pub attempt_timeout: Duration,
    /// A whole call with its retries and its wait in the lane.
    pub call_timeout: Duration,
    /// Whether calls say which trace they belong to (W3C Trace Context).
    pub propagate_trace: bool,
    /// Largest body read, after decompression.
    pub max_body_bytes: usize,
    /// Idle sockets are closed after this; below Kingdee's own.
    pub pool_idle_timeout: Duration,
}

impl Default for TransportSettings {
    fn default() -> Self {
        TransportSettings {
            connect_timeout: Duration::from_secs(2),
            attempt_timeout: Duration::from_secs(3),
            call_timeout: Duration::from_secs(8),
            propagate_trace: false,
            max_body_bytes: 4 << 20,
            pool_idle_timeout: Duration::from_secs(4),
        }
    }
}

/// Quota and queue of one account set's lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneSettings {
    /// Calls a minute; Kingdee allows 500 (`protocol.md` §5). 0 closes the lane.
    pub per_minute: u32,
    /// Calls that may be made at once after a quiet time, part of `per_minute`.
    pub burst: u32,
    /// Calls under way at once.
    pub concurrency: u32,
    /// Calls that may wait; one more is refused at once.
    pub queue: u32,
    /// Retries on top of calls, in percent.
    pub retry_budget_percent: u32,
    /// Failures within ten seconds that open the breaker, if they are at least half of the calls then.
    pub breaker_failures: u32,
    /// How long an open breaker waits before one probe; doubled by each probe that fails.
    pub breaker_cooldown: Duration,
    /// Longest time that it waits.
    pub breaker_cooldown_max: Duration,
}

impl Default for LaneSettings {
    fn default() -> Self {
        LaneSettings {
            per_minute: 450,
            burst: 45,
            concurrency: 16,
            queue: 256,
            retry_budget_percent: 10,
            breaker_failures: 10,
            breaker_cooldown: Duration::from_secs(1),
            breaker_cooldown_max: Duration::from_secs(30),
        }
    }
}

/// One account set (账套).
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// Its name in routes, logs and metrics.
    pub name: AccountName,
    /// The zone of its times without zone.
    pub time_zone: TimeZone,
    /// Where app key, app secret and router domain come from.
    pub authorization: Authorization,
}

/// Where app key, app secret and router domain come from.
#[derive(Debug, Clone)]
pub enum Authorization {
    /// Written in the configuration; stale as soon as Kingdee rotates the secret (24 h).
    Static {
        /// app_key
        app_key: String,
        /// key of `app_signature`
        app_secret: SecretString,
        /// `X-GW-Router-Addr`, sent as it is written
        router_domain: String,
    },
    /// Pulled with `push_app_authorize` when needed (`protocol.md` §3).
    Pull {
        /// 第三方实例ID from the developer console, if the app has several.
        outer_instance_id: Option<String>,
        /// The wanted account set where an answer lists several.
        account_id: Option<String>,
    },
}

impl Authorization {
    /// Whether both have the same secret and router domain, if they have one.
    pub fn has_the_secret_of(&self, other: &Authorization) -> bool {
        let own = |authorization: &Authorization| match authorization {
            Authorization::Static { app_secret, router_domain, .. } => {
                Some((app_secret.expose_secret().to_owned(), router_domain.clone()))
            }
            Authorization::Pull { .. } => None,
        };
        own(self) == own(other)
    }
}
