//! Strings become typed, checked settings; every fault is reported at once. The sole reader of the environment.

use crate::cache::CacheSettings;
use crate::history::HistorySettings;
use crate::http::HttpSettings;
use crate::kingdee::KingdeeSettings;
use crate::telemetry::LogSettings;

/// Everything that can be set, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// `http.*`
    pub http: HttpSettings,
    /// `cache.capacity`, `cache.cooldown_*`
    pub cache: CacheSettings,
    /// `cache.*` times, `history.*`
    pub history: HistorySettings,
    /// `kingdee.*`, `accounts.*`
    pub kingdee: KingdeeSettings,
    /// `log.*`
    pub log: LogSettings,
}
