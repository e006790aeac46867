//! What the sandbox needs to know. The defaults are a complete developer account that works at once.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use secrecy::SecretString;

use super::members::{FLAGSHIP, OUTLET};
use super::readings::Readings;

/// X-Api-ClientID of the sandbox; the leading zero is there to catch whoever reads it as a number.
pub const DEMO_CLIENT_ID: &str = "0205022";
/// Client secret of the sandbox. It opens nothing but a sandbox, so it may be printed.
pub const DEMO_CLIENT_SECRET: &str = "sandbox-only-client-secret-000001";
/// 第三方实例ID under which both account sets are authorised.
pub const DEMO_OUTER_INSTANCE_ID: &str = "sandbox-instance-1";

/// Settings of the sandbox.
#[derive(Debug, Clone)]
pub struct SandboxSettings {
    /// Where the stand-in for api.kingdee.com listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where faults are switched from outside, if at all.
    pub admin_listen: Option<SocketAddr>,
    /// X-Api-ClientID
    pub client_id: String,
    /// Key of every signature.
    pub client_secret: SecretString,
    /// 第三方实例ID
    pub outer_instance_id: String,
    /// Life of an app-token.
    pub token_life: Duration,
    /// Business calls that an account set may make in any 60 seconds.
    pub calls_per_minute: usize,
    /// Token calls that an app key may make in any 60 seconds.
    pub token_calls_per_minute: usize,
    /// How long an idle connection lives on a good day; `None` is for ever.
    pub idle_timeout: Option<Duration>,
    /// What the documents leave open, until it is switched.
    pub readings: Readings,
    /// The account sets.
    pub accounts: Vec<AccountSet>,
}

/// One account set (账套) as the platform knows it.
#[derive(Debug, Clone)]
pub struct AccountSet {
    /// accountId
    pub account_id: String,
    /// accountName
    pub name: String,
    /// app_key, at most 8 characters
    pub app_key: String,
    /// Key of `app_signature` until it rotates.
    pub app_secret: SecretString,
    /// What X-GW-Router-Addr must say, to the letter, until the domain moves.
    pub domain: String,
    /// In which unit a token answer dates its end.
    pub expires_in: ExpiresUnit,
}

/// How `expires` of a token answer is meant: one capture and one client disagree (`protocol.md` §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiresUnit {
    /// A point in time, in epoch milliseconds.
    EpochMillis,
    /// A duration, in seconds.
    Seconds,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        SandboxSettings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            admin_listen: None,
            client_id: DEMO_CLIENT_ID.to_owned(),
            client_secret: SecretString::from(DEMO_CLIENT_SECRET),
            outer_instance_id: DEMO_OUTER_INSTANCE_ID.to_owned(),
            token_life: Duration::from_secs(24 * 60 * 60),
            calls_per_minute: 500,
            token_calls_per_minute: 2,
            idle_timeout: None,
            readings: Readings::default(),
            accounts: vec![AccountSet::flagship(), AccountSet::outlet()],
        }
    }
}

impl AccountSet {
    /// 旗舰店, the one that examples use.
    pub fn flagship() -> AccountSet {
        AccountSet {
            account_id: FLAGSHIP.to_owned(),
            name: "旗舰店".to_owned(),
            app_key: "SbxFlag1".to_owned(),
            app_secret: SecretString::from("sandbox-only-app-secret-flagship"),
            domain: "https://tf.jdy.com".to_owned(),
            expires_in: ExpiresUnit::EpochMillis,
        }
    }

    /// 奥莱店, different in everything that Kingdee's pages show in two ways: its domain ends in a slash, its
    /// tokens say how long they live instead of until when.
    pub fn outlet() -> AccountSet {
        AccountSet {
            account_id: OUTLET.to_owned(),
            name: "奥莱店".to_owned(),
            app_key: "SbxOutl2".to_owned(),
            app_secret: SecretString::from("sandbox-only-app-secret-outlet"),
            domain: "https://tf2.jdy.com/".to_owned(),
            expires_in: ExpiresUnit::Seconds,
        }
    }
}
