//! How everything below stands at a moment, for whoever shows it to people. Nothing in it is secret.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::History;
use super::faults;
use crate::kingdee::lane::breaker::Standing as Breaker;
use crate::kingdee::snapshot::Snapshot;
use crate::kingdee::tally::Counts;
use crate::telemetry::Faults;
use crate::telemetry::faults::Fault;
use crate::telemetry::histogram::Reading;

/// One account set (账套).
#[derive(Debug, Clone, PartialEq)]
pub struct AccountStanding {
    /// As configured.
    pub name: String,
    /// The zone of Kingdee's times, by its IANA name or its offset.
    pub time_zone: String,
    /// Whether its authorisation is pulled from Kingdee, rather than written in the configuration.
    pub pulled: bool,
    /// Its token, if there is one that is alive.
    pub token: Option<TokenStanding>,
    /// How often in a row no new token could be had, and why the last time.
    pub token_trouble: Option<(u32, Fault)>,
    /// Quota and queue.
    pub lane: LaneStanding,
    /// The breaker.
    pub breaker: BreakerStanding,
    /// Kingdee's clock minus ours in seconds, as it is applied.
    pub skew_seconds: f64,
    /// Calls so far.
    pub calls: Ended,
    /// Attempts that Kingdee saw so far, retries included.
    pub attempts: Ended,
}

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenStanding {
    /// Since it was asked for.
    pub age: Duration,
    /// Until it is no longer sent.
    pub life: Duration,
    /// Until the next one is fetched.
    pub renewal: Duration,
}

/// A lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LaneStanding {
    /// Calls a minute at the full rate.
    pub per_minute: u32,
    /// Share of that in use, 1/16 to 1.
    pub rate_factor: f64,
    /// Calls that could go at once.
    pub tokens: u32,
    /// Calls that wait, and how many may.
    pub waiting: (u32, u32),
    /// Calls under way, and how many may be.
    pub under_way: (u32, u32),
    /// How long Kingdee's `Retry-After` still holds everybody.
    pub paused: Duration,
}

/// A breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerStanding {
    /// Calls pass.
    Closed,
    /// Calls are refused; one probe goes after this time.
    Open(Duration),
    /// One probe finds out.
    HalfOpen,
}

/// How calls ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ended {
    /// With an answer.
    pub ok: u64,
    /// Without one, by class; classes that have not been met are left out.
    pub failed: Vec<(&'static str, u64)>,
}

/// The memory tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheStanding {
    /// Chunks.
    pub entries: u64,
    /// Bytes that they take.
    pub bytes: u64,
    /// Bytes that they may take.
    pub capacity: u64,
    /// Fetches under way.
    pub fetches: usize,
}

/// The tier that replicas share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedStanding {
    /// Whether the way there is open.
    pub reachable: bool,
    /// Replicas that are meant to run.
    pub replicas: u32,
    /// Chunks found there and used.
    pub hits: u64,
    /// Chunks looked for there in vain.
    pub misses: u64,
    /// Chunks put there.
    pub stored: u64,
    /// Commands that failed or took too long.
    pub errors: u64,
}

impl History {
    /// Every account set, in the order of the configuration: the first is the default one.
    pub fn accounts(&self) -> Vec<AccountStanding> {
        self.chunks.kingdee.snapshot().iter().map(standing).collect()
    }

    /// The cache. Settles its books first, some microseconds.
    pub fn cache(&self) -> CacheStanding {
        let (entries, bytes) = self.cache_size();
        CacheStanding {
            entries,
            bytes,
            capacity: self.chunks.cache.memory().capacity_bytes(),
            fetches: self.under_way(),
        }
    }

    /// The tier that replicas share, if there is one.
    pub fn shared(&self) -> Option<SharedStanding> {
        let tier = self.shared_tier()?;
        Some(SharedStanding {
            reachable: tier.link.is_open(),
            replicas: tier.replicas,
            hits: tier.counts.hits.get(),
            misses: tier.counts.misses.get(),
            stored: tier.counts.stored.get(),
            errors: tier.counts.errors.get(),
        })
    }

    /// How old rows were when they were served.
    pub fn ages(&self) -> Reading {
        self.chunks.served.iter().fold(Reading::default(), |ages, account| ages.and(&account.ages()))
    }

    /// The last faults; whoever sees others may note them there too.
    pub fn faults(&self) -> &Faults {
        &self.chunks.faults
    }
}

fn standing(snapshot: &Snapshot) -> AccountStanding {
    let name = snapshot.account.as_str();
    let lane = &snapshot.lane;
    let token = snapshot.token.map(|t| TokenStanding { age: t.age, life: t.life, renewal: t.renewal });
    AccountStanding {
        name: name.to_owned(),
        time_zone: zone_name(&snapshot.zone),
        pulled: snapshot.pulled,
        token,
        token_trouble: snapshot
            .token_trouble
            .as_ref()
            .map(|(times, error)| (*times, faults::of_call(name, error))),
        lane: LaneStanding {
            per_minute: lane.limits.per_minute,
            rate_factor: lane.rate_factor,
            tokens: lane.tokens,
            waiting: (lane.waiting, lane.limits.queue),
            under_way: (lane.under_way, lane.limits.concurrency),
            paused: lane.paused_for,
        },
        breaker: match lane.breaker {
            Breaker::Closed => BreakerStanding::Closed,
            Breaker::Open => BreakerStanding::Open(lane.probe_in),
            Breaker::HalfOpen => BreakerStanding::HalfOpen,
        },
        skew_seconds: snapshot.skew.as_secs_f64(),
        calls: ended(&snapshot.calls),
        attempts: ended(&snapshot.attempts),
    }
}

fn zone_name(zone: &TimeZone) -> String {
    let offset = || zone.to_fixed_offset().map_or_else(|_| "unknown".to_owned(), |offset| offset.to_string());
    zone.iana_name().map_or_else(offset, str::to_owned)
}

fn ended(counts: &Counts) -> Ended {
    let failed = counts.failed.iter().filter(|(_, count)| *count > 0);
    Ended { ok: counts.good, failed: failed.map(|(class, count)| (class.label(), *count)).collect() }
}

impl Ended {
    /// Those without an answer.
    pub fn failures(&self) -> u64 {
        self.failed.iter().map(|(_, count)| count).sum()
    }
}
