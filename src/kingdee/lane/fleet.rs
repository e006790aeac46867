//! The quota that replicas share: one token bucket for each account set, in the shared tier, by the tier's clock.
//!
//! The same arithmetic as [`super::rate`] (the burst is part of the quota), but a slot is *reserved*: whoever is told to
//! wait goes exactly then, so replicas that compete for slots get them in the order in which they asked. While the tier is
//! away each replica uses its share of the quota, and pays for what it used when the tier is back.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use redis::Script;
use tokio::time::{Instant, sleep};

use super::rate::{MINUTE, Rate};
use crate::domain::account::AccountName;
use crate::kingdee::settings::LaneSettings;
use crate::shared::Shared;
use crate::shared::lease::millis;

/// Calls travel: those that leave within a minute need not arrive within one.
const TRAVEL: Duration = Duration::from_millis(500);

/// Reserves the next slot if it comes within `ARGV[3]` ms; gives the wait in ms, or what it would be as −wait − 1.
/// `ARGV[4]` calls were made elsewhere. Times in µs: exact in Lua's numbers until the year 2255.
static RESERVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME') local now = time[1] * 1000000 + time[2] \
         local interval, tolerance, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) \
         local due = tonumber(redis.call('GET', KEYS[1]) or '0') \
         if due < now then due = now end \
         due = due + tonumber(ARGV[4]) * interval \
         local wait = math.ceil(math.max(due - tolerance - now, 0) / 1000) \
         local granted = wait <= most \
         if granted then due = due + interval end \
         redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 60000) \
         if granted then return wait end return -wait - 1",
    )
});

/// The bucket of one account set.
#[derive(Debug)]
pub struct FleetQuota {
    shared: Shared,
    key: String,
    interval: Duration,
    tolerance: Duration,
    /// For while the tier is away; `None` where no call may be made at all.
    share: Mutex<Option<Rate>>,
    /// Calls made meanwhile.
    owed: Arc<AtomicU32>,
    most_owed: u32,
}

impl FleetQuota {
    /// The bucket of `account`; every replica must be configured alike.
    pub fn new(shared: Shared, account: &AccountName, settings: &LaneSettings) -> FleetQuota {
        let key = shared.seal.key(&["quota", account.as_str()]);
        FleetQuota::of(shared, key, settings)
    }

    fn of(shared: Shared, key: String, settings: &LaneSettings) -> FleetQuota {
        let LaneSettings { per_minute, burst, .. } = *settings;
        let burst = burst.clamp(1, (per_minute / 2).max(1));
        let interval = (MINUTE + TRAVEL) / (per_minute + 1).saturating_sub(burst).max(1);
        let share = (per_minute / shared.replicas).max(1);
        FleetQuota {
            key,
            interval,
            tolerance: interval * (burst - 1),
            share: Mutex::new(Rate::new(share.min(per_minute), (burst / shared.replicas).max(1))),
            owed: Arc::default(),
            most_owed: share,
            shared,
        }
    }

    /// The same bucket under other limits. Both owe together; while the tier is away, the new share begins without
    /// a burst.
    pub fn successor(&self, settings: &LaneSettings) -> FleetQuota {
        let mut quota = FleetQuota::of(self.shared.clone(), self.key.clone(), settings);
        let share = quota.share.get_mut().unwrap_or_else(PoisonError::into_inner);
        *share = share.take().map(|rate| rate.without_burst(Instant::now()));
        FleetQuota { owed: Arc::clone(&self.owed), ..quota }
    }

    /// Waits for a slot that comes before `deadline`.
    ///
    /// # Errors
    /// How long it would take.
    pub async fn slot(&self, deadline: Instant) -> Result<(), Duration> {
        let wait = match self.reserve(deadline).await {
            Some(reserved) => reserved?,
            None => self.reserve_of_share(deadline)?,
        };
        if !wait.is_zero() {
            sleep(wait).await;
        }
        Ok(())
    }

    async fn reserve(&self, deadline: Instant) -> Option<Result<Duration, Duration>> {
        let most = deadline.saturating_duration_since(Instant::now());
        let owed = self.owed.swap(0, Ordering::Relaxed);
        let mut ask = RESERVE.prepare_invoke();
        ask.key(&self.key).arg(micros(self.interval)).arg(micros(self.tolerance));
        ask.arg(millis(most)).arg(owed.min(self.most_owed));
        match self.shared.link.ask(async |mut redis| ask.invoke_async::<i64>(&mut redis).await).await {
            Ok(wait) => {
                let time = Duration::from_millis(if wait < 0 { -(wait + 1) } else { wait }.unsigned_abs());
                Some(if wait < 0 { Err(time) } else { Ok(time) })
            }
            Err(_) => {
                self.owed.fetch_add(owed, Ordering::Relaxed);
                None
            }
        }
    }

    fn reserve_of_share(&self, deadline: Instant) -> Result<Duration, Duration> {
        let mut share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, rate) = (Instant::now(), share.as_mut().ok_or(MINUTE)?);
        let slot = rate.slot(now, 0);
        if slot > deadline {
            return Err(slot - now);
        }
        rate.take(now);
        self.owed.fetch_add(1, Ordering::Relaxed);
        Ok(slot - now)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
