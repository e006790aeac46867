//! Settings while they are being filled in: whole by type, but not yet believed.

use jiff::tz::{TimeZone, TimeZoneDatabase, offset};
use secrecy::SecretString;

use super::Config;
use crate::cache::CacheSettings;
use crate::domain::account::AccountName;
use crate::history::HistorySettings;
use crate::http::HttpSettings;
use crate::kingdee::KingdeeSettings;
use crate::kingdee::settings::{AccountSettings, Authorization};
use crate::shared::SharedSettings;
use crate::telemetry::settings::{LogSettings, TraceSettings};

/// All settings but those of the account sets, at their defaults to begin with.
pub struct Draft {
    /// `http.*`
    pub http: HttpSettings,
    /// `cache.*`
    pub cache: CacheSettings,
    /// `history.*` and the times of `cache.*`
    pub history: HistorySettings,
    /// `kingdee.*`; without credentials and account sets
    pub kingdee: KingdeeSettings,
    /// `shared.*`
    pub shared: SharedSettings,
    /// `log.format`, `log.access`
    pub log: LogSettings,
    /// `log.level`
    pub log_level: Option<String>,
    /// `trace.*`
    pub trace: TraceSettings,
    /// `trace.service_name`
    pub trace_service_name: Option<String>,
    /// `kingdee.client_id`
    pub client_id: Option<String>,
    /// `kingdee.client_secret`
    pub client_secret: Option<SecretString>,
    /// `default_account`
    pub default_account: Option<String>,
}

impl Draft {
    /// Everything at its default.
    pub fn new() -> Draft {
        let (log, trace) = (LogSettings::default(), TraceSettings::default());
        Draft {
            http: HttpSettings::default(),
            cache: CacheSettings::default(),
            history: HistorySettings::default(),
            kingdee: KingdeeSettings::new(String::new(), SecretString::default(), Vec::new()),
            shared: SharedSettings::default(),
            log_level: Some(log.level.clone()),
            log,
            trace_service_name: Some(trace.service_name.clone()),
            trace,
            client_id: None,
            client_secret: None,
            default_account: None,
        }
    }

    /// As a configuration has it, but for account sets.
    pub fn of(config: &Config) -> Draft {
        let (http, cache, history) = (config.http.clone(), config.cache.clone(), config.history.clone());
        let (kingdee, shared, log) = (config.kingdee.clone(), config.shared.clone(), config.log.clone());
        let trace = config.trace.clone();
        Draft {
            http,
            cache,
            history,
            shared,
            client_id: Some(kingdee.client_id.clone()),
            client_secret: Some(kingdee.client_secret.clone()),
            default_account: None,
            kingdee,
            log_level: Some(log.level.clone()),
            log,
            trace_service_name: Some(trace.service_name.clone()),
            trace,
        }
    }
}

/// Settings of one account set.
pub struct AccountDraft {
    /// `time_zone`
    pub time_zone: TimeZone,
    /// `authorization`
    pub kind: Option<AuthorizationKind>,
    /// `app_key`
    pub app_key: Option<String>,
    /// `app_secret`
    pub app_secret: Option<SecretString>,
    /// `router_domain`
    pub router_domain: Option<String>,
    /// `outer_instance_id`
    pub outer_instance_id: Option<String>,
    /// `account_id`
    pub account_id: Option<String>,
}

/// The word of `authorization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationKind {
    /// Written here.
    Static,
    /// Asked for.
    Pull,
}

impl AccountDraft {
    /// Everything at its default.
    pub fn new() -> AccountDraft {
        AccountDraft {
            // The zone database is part of the binary; China has had one offset since 1991.
            time_zone: zone("Asia/Shanghai").unwrap_or_else(|| TimeZone::fixed(offset(8))),
            kind: None,
            app_key: None,
            app_secret: None,
            router_domain: None,
            outer_instance_id: None,
            account_id: None,
        }
    }
}

impl AccountDraft {
    /// As an account set has it.
    pub fn of(account: &AccountSettings) -> AccountDraft {
        let draft = AccountDraft { time_zone: account.time_zone.clone(), ..AccountDraft::new() };
        match account.authorization.clone() {
            Authorization::Static { app_key, app_secret, router_domain } => AccountDraft {
                kind: Some(AuthorizationKind::Static),
                app_key: Some(app_key),
                app_secret: Some(app_secret),
                router_domain: Some(router_domain),
                ..draft
            },
            Authorization::Pull { outer_instance_id, account_id } => {
                AccountDraft { kind: Some(AuthorizationKind::Pull), outer_instance_id, account_id, ..draft }
            }
        }
    }

    /// The account set, if all of its authorisation is there; nothing is checked.
    pub fn settings(self, name: &AccountName) -> Option<AccountSettings> {
        let authorization = match self.kind? {
            AuthorizationKind::Static => Authorization::Static {
                app_key: self.app_key?,
                app_secret: self.app_secret?,
                router_domain: self.router_domain?,
            },
            AuthorizationKind::Pull => {
                Authorization::Pull { outer_instance_id: self.outer_instance_id, account_id: self.account_id }
            }
        };
        Some(AccountSettings { name: name.clone(), time_zone: self.time_zone, authorization })
    }
}

/// A zone by its name: from the data that came with the program, else from the machine's, which may know a newer one.
/// Looking there first would walk hundreds of files at every start.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).or_else(|_| TimeZone::get(name)).ok()
}
