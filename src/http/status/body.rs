//! `/status.json`: what it says, field by field. `docs/status.md` has the same list; a test compares them.
//!
//! Fields are only ever added. Times are RFC 3339 in UTC, durations seconds, sizes bytes, shares 0 to 1.

use std::time::Duration;

use serde::Serialize;

use super::Setting;
use super::samples::{EVERY, Sample};
use crate::history::standing::{AccountStanding, BreakerStanding, CacheStanding, Ended, SharedStanding};
use crate::telemetry::faults::Seen;

/// Everything.
#[derive(Debug, Serialize)]
pub(super) struct Body {
    /// Of the program.
    pub version: &'static str,
    /// `serving`, `draining` or `closing`.
    pub phase: &'static str,
    /// When this was said.
    pub now: String,
    /// When the gateway began to serve.
    pub started_at: String,
    /// Time since then.
    pub uptime_seconds: u64,
    /// What somebody should look at, the worst first; empty on a good day.
    pub attention: Vec<Attention>,
    /// Account sets (账套), the default one first.
    pub accounts: Vec<Account>,
    /// The cache.
    pub cache: Cache,
    /// The tier that replicas share; `null` where there is none.
    pub shared: Option<Tier>,
    /// A sample every ten seconds.
    pub last_hour: LastHour,
    /// The last 50 causes of trouble, the one that was met last first.
    pub faults: Vec<Fault>,
    /// Every setting with its source; secrets are `[redacted]`.
    pub configuration: Vec<Setting>,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Attention {
    /// `critical` or `warning`.
    pub level: Level,
    /// The account set, where it is of one.
    pub account: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Critical,
    Warning,
}

/// An account set.
#[derive(Debug, Serialize)]
pub(super) struct Account {
    pub name: String,
    pub time_zone: String,
    /// `pulled` from Kingdee, or `configured`.
    pub authorization: &'static str,
    /// `null` while there is none, as before the first call.
    pub token: Option<Token>,
    pub lane: Lane,
    pub breaker: Breaker,
    /// Kingdee's clock minus ours, as it is applied.
    pub clock_skew_seconds: f64,
    /// Calls since the start.
    pub calls: Calls,
    /// Attempts that Kingdee saw since the start, retries included.
    pub attempts: Calls,
}

#[derive(Debug, Serialize)]
pub(super) struct Token {
    pub age_seconds: u64,
    /// Until it is no longer sent.
    pub life_seconds: u64,
    /// Until the next one is fetched.
    pub renewal_seconds: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Lane {
    /// Calls a minute at the full rate.
    pub per_minute: u32,
    /// Attempts of the last minute.
    pub used_last_minute: u64,
    /// Share of the full rate in use: less after Kingdee refused.
    pub rate_factor: f64,
    /// Calls that could go at once.
    pub tokens: u32,
    pub waiting: u32,
    pub waiting_max: u32,
    pub under_way: u32,
    pub under_way_max: u32,
    /// How long Kingdee's `Retry-After` holds everybody.
    pub paused_seconds: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Breaker {
    /// `closed`, `open` or `half-open`.
    pub standing: &'static str,
    /// Until one probe goes.
    pub probe_seconds: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Calls {
    pub ok: u64,
    /// By class; classes that were not met are left out.
    pub failed: std::collections::BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Cache {
    /// Chunks of up to `kingdee.chunk_rows` rows.
    pub entries: u64,
    pub bytes: u64,
    pub capacity_bytes: u64,
    /// Fetches under way.
    pub fetches: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Tier {
    pub reachable: bool,
    /// Replicas that are meant to run.
    pub replicas: u32,
    /// Chunks found there and used.
    pub hits: u64,
    pub misses: u64,
    pub stored: u64,
    /// Commands that failed or took too long.
    pub errors: u64,
}

/// Lists of one length, one place a sample, the oldest first; at most 360. `null` where nothing was served.
#[derive(Debug, Default, Serialize)]
pub(super) struct LastHour {
    pub every_seconds: u64,
    /// Seconds since 1970.
    pub at: Vec<i64>,
    pub requests_per_second: Vec<f64>,
    /// 5xx answers.
    pub errors_per_second: Vec<f64>,
    /// Share of pages that nobody had to wait for.
    pub hit_ratio: Vec<Option<f64>>,
    /// Share of pages that were stale.
    pub stale_ratio: Vec<Option<f64>>,
    pub mean_age_seconds: Vec<Option<f64>>,
    /// What 99 of 100 pages kept to, as the metrics' histogram tells it.
    pub p99_age_seconds: Vec<Option<f64>>,
    /// Attempts that Kingdee answered.
    pub calls_per_minute: Vec<f64>,
    /// Attempts that brought no answer.
    pub failed_calls_per_minute: Vec<f64>,
    pub cache_bytes: Vec<u64>,
}

/// A cause of trouble.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    pub first: String,
    pub last: String,
    pub times: u64,
    pub account: Option<String>,
    pub class: &'static str,
    pub errcode: Option<u64>,
    /// HTTP status of Kingdee's answer.
    pub status: Option<u16>,
    pub detail: String,
    pub advice: &'static str,
}

impl Account {
    pub fn of(account: &AccountStanding, used_last_minute: u64) -> Account {
        let lane = &account.lane;
        let (standing, probe) = match account.breaker {
            BreakerStanding::Closed => ("closed", Duration::ZERO),
            BreakerStanding::Open(probe) => ("open", probe),
            BreakerStanding::HalfOpen => ("half-open", Duration::ZERO),
        };
        Account {
            name: account.name.clone(),
            time_zone: account.time_zone.clone(),
            authorization: if account.pulled { "pulled" } else { "configured" },
            token: account.token.map(|token| Token {
                age_seconds: token.age.as_secs(),
                life_seconds: token.life.as_secs(),
                renewal_seconds: token.renewal.as_secs(),
            }),
            lane: Lane {
                per_minute: lane.per_minute,
                used_last_minute,
                rate_factor: short(lane.rate_factor),
                tokens: lane.tokens,
                waiting: lane.waiting.0,
                waiting_max: lane.waiting.1,
                under_way: lane.under_way.0,
                under_way_max: lane.under_way.1,
                paused_seconds: up(lane.paused),
            },
            breaker: Breaker { standing, probe_seconds: up(probe) },
            clock_skew_seconds: short(account.skew_seconds),
            calls: Calls::of(&account.calls),
            attempts: Calls::of(&account.attempts),
        }
    }
}

impl Calls {
    fn of(ended: &Ended) -> Calls {
        Calls { ok: ended.ok, failed: ended.failed.iter().copied().collect() }
    }
}

impl From<CacheStanding> for Cache {
    fn from(cache: CacheStanding) -> Cache {
        let CacheStanding { entries, bytes, capacity, fetches } = cache;
        Cache { entries, bytes, capacity_bytes: capacity, fetches }
    }
}

impl From<SharedStanding> for Tier {
    fn from(tier: SharedStanding) -> Tier {
        let SharedStanding { reachable, replicas, hits, misses, stored, errors } = tier;
        Tier { reachable, replicas, hits, misses, stored, errors }
    }
}

impl From<Seen> for Fault {
    fn from(seen: Seen) -> Fault {
        let fault = seen.fault;
        Fault {
            first: super::to_the_second(seen.first),
            last: super::to_the_second(seen.last),
            times: seen.times,
            account: fault.account,
            class: fault.class,
            errcode: fault.errcode,
            status: fault.status,
            detail: fault.detail,
            advice: fault.advice,
        }
    }
}

impl LastHour {
    pub fn of(samples: &[Sample]) -> LastHour {
        let mut hour = LastHour { every_seconds: EVERY.as_secs(), ..LastHour::default() };
        for sample in samples {
            let (seconds, counted) = (sample.span.as_secs_f64(), &sample.counted);
            let each = |count: u64| short(count as f64 / seconds);
            let share =
                |part: u64| (counted.pages() > 0).then(|| short(part as f64 / counted.pages() as f64));
            hour.at.push(sample.at.as_second());
            hour.requests_per_second.push(each(counted.answers()));
            hour.errors_per_second.push(each(counted.failed));
            hour.hit_ratio.push(share(counted.fresh + counted.stale));
            hour.stale_ratio.push(share(counted.stale));
            hour.mean_age_seconds.push(sample.mean_age.map(short));
            hour.p99_age_seconds.push(sample.p99_age.map(short));
            hour.calls_per_minute.push(each(counted.calls * 60));
            hour.failed_calls_per_minute.push(each(counted.calls_failed * 60));
            hour.cache_bytes.push(sample.cache_bytes);
        }
        hour
    }
}

/// Four decimals are enough for a picture.
fn short(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

/// Seconds, rounded up: a wait that is not over is not zero.
pub(super) fn up(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
