//! The quota that replicas share: one token bucket for each account set, in the shared tier, by the tier's clock.
//!
//! The same arithmetic as [`super::rate`] (the burst is part of the quota), but a slot is *reserved*: whoever is told to
//! wait goes exactly then, so replicas that compete for slots get them in the order in which they asked. Only users may
//! reserve far ahead. While the tier is away each replica uses its share of the quota, and when it is back pays for what it
//! used beyond the pace of the whole. So does whoever has waited for the tier long enough: the question goes on behind the
//! caller, and a slot that it brings late pays for the call.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::debt::Debt;
use super::rate::{MINUTE, Rate, spacing};
use crate::domain::account::AccountName;
use crate::kingdee::call::{Call, Priority};
use crate::kingdee::settings::LaneSettings;
use crate::shared::lease::millis;
use crate::shared::{Patience, Script, Shared};

/// Calls travel: those that leave within a minute need not arrive within one.
const TRAVEL: Duration = Duration::from_millis(500);
/// How far ahead a slot is reserved for whom nobody waits.
const BEHIND_THE_SCENES: Duration = Duration::from_millis(250);

/// Reserves the next slot if it comes within `ARGV[3]` ms; gives the wait in ms, or what it would be as −wait − 1.
/// `ARGV[4]` calls were made elsewhere. A time that is too far off was never ours, or the tier's clock went back. Times in µs:
/// exact in Lua's numbers until the year 2255.
static RESERVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME') local now = time[1] * 1000000 + time[2] \
         local interval, tolerance, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) \
         local due = tonumber(redis.call('GET', KEYS[1]) or '0') \
         if due < now then due = now end \
         due = math.min(due, now + tonumber(ARGV[5]) + 61000000) + tonumber(ARGV[4]) * interval \
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
    /// For calls made meanwhile.
    debt: Debt,
}

impl FleetQuota {
    /// The bucket of `account`; every replica must be configured alike.
    pub fn new(shared: Shared, account: &AccountName, settings: &LaneSettings) -> FleetQuota {
        let key = shared.seal.key(&["quota", account.as_str()]);
        FleetQuota::of(shared, key, settings)
    }

    fn of(shared: Shared, key: String, settings: &LaneSettings) -> FleetQuota {
        let LaneSettings { per_minute, burst, .. } = *settings;
        // Without a quota the lane lets nobody get this far.
        let span = MINUTE + TRAVEL;
        let (interval, tolerance) = spacing(span, per_minute, burst).unwrap_or((span, Duration::ZERO));
        let burst = burst.clamp(1, (per_minute / 2).max(1));
        let share = (per_minute / shared.replicas).max(1);
        FleetQuota {
            key,
            interval,
            tolerance,
            share: Mutex::new(Rate::new(share.min(per_minute), (burst / shared.replicas).max(1))),
            debt: Debt::default(),
            shared,
        }
    }

    /// The same bucket under other limits. Both owe together; while the tier is away, the new share begins without
    /// a burst.
    pub fn successor(&self, settings: &LaneSettings) -> FleetQuota {
        let mut quota = FleetQuota::of(self.shared.clone(), self.key.clone(), settings);
        let share = quota.share.get_mut().unwrap_or_else(PoisonError::into_inner);
        *share = share.take().map(|rate| rate.without_burst(Instant::now()));
        FleetQuota { debt: self.debt.clone(), ..quota }
    }

    /// Time between two slots.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Takes a slot that comes before the call's deadline, and says how long the call has to wait for it.
    ///
    /// # Errors
    /// How long it would have been.
    pub async fn slot(&self, call: Call<'_>) -> Result<Duration, Duration> {
        let (tolerance, deadline) = match call.priority {
            Priority::User => (self.tolerance, call.deadline),
            // Half of the burst is for users.
            Priority::Refresh | Priority::Export => {
                (self.tolerance / 2, call.deadline.min(Instant::now() + BEHIND_THE_SCENES))
            }
        };
        match self.reserve(tolerance, deadline, call.patience).await {
            Some(reserved) => reserved,
            None => self.reserve_of_share(deadline),
        }
    }

    /// `None` if the tier is away, or says nothing as long as there is patience.
    async fn reserve(
        &self,
        tolerance: Duration,
        deadline: Instant,
        patience: &Patience,
    ) -> Option<Result<Duration, Duration>> {
        if !self.shared.link.is_open() {
            return None;
        }
        let now = Instant::now();
        let most = deadline.saturating_duration_since(now);
        let owed = self.debt.take();
        let mut ask = RESERVE.on(&[&self.key]);
        ask.arg(micros(self.interval)).arg(micros(tolerance));
        ask.arg(millis(most)).arg(owed.map_or(0, |owed| self.calls_until(owed, now)));
        ask.arg(micros(self.tolerance));
        let (teller, told) = oneshot::channel();
        let (link, debt, interval) = (self.shared.link.clone(), self.debt.clone(), self.interval);
        tokio::spawn(async move {
            let answer = link.ask(async |mut redis| ask.query_async::<i64>(&mut redis).await).await;
            if answer.is_err() {
                debt.put_back(owed, Instant::now());
            }
            let granted = answer.is_ok_and(|wait| wait >= 0);
            if teller.send(answer).is_err() && granted {
                debt.pay(interval); // whoever asked went by the share
            }
        });
        let wait = patience.wait(told).await?.ok()?.ok()?;
        let time = Duration::from_millis(if wait < 0 { -(wait + 1) } else { wait }.unsigned_abs());
        Some(if wait < 0 { Err(time) } else { Ok(time) })
    }

    /// Calls that `debt` stands for, rounded up.
    fn calls_until(&self, debt: Instant, now: Instant) -> u64 {
        let (owed, each) = (debt.saturating_duration_since(now), self.interval.as_nanos().max(1));
        u64::try_from(owed.as_nanos().div_ceil(each)).unwrap_or(0)
    }

    fn reserve_of_share(&self, deadline: Instant) -> Result<Duration, Duration> {
        let mut share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, rate) = (Instant::now(), share.as_mut().ok_or(MINUTE)?);
        let slot = rate.slot(now, 0);
        if slot > deadline {
            return Err(slot - now);
        }
        rate.take(now);
        self.debt.add(self.interval, now);
        Ok(slot - now)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::shared::{SharedSettings, seal};

    /// A bucket whose tier is never there.
    fn quota(per_minute: u32, replicas: u32) -> FleetQuota {
        let secret = SecretString::from("canary-secret");
        let client = seal::Client { id: "205022", secret: &secret, base_url: "https://api.kingdee.com" };
        let url = Some("redis://127.0.0.1:1/0".into());
        let settings = SharedSettings { url, replicas, ..SharedSettings::default() };
        let shared = Shared::start(&settings, &client, CancellationToken::new()).unwrap().unwrap();
        let lane = LaneSettings { per_minute, burst: 12, ..LaneSettings::default() };
        FleetQuota::new(shared, &AccountName::parse("main").unwrap(), &lane)
    }

    /// Takes a slot and waits for it.
    async fn go(quota: &FleetQuota) {
        let call = Call::alone(Priority::User, Instant::now() + MINUTE);
        sleep(quota.slot(call).await.unwrap()).await;
    }

    fn owed(quota: &FleetQuota) -> u64 {
        let owed = quota.debt.take();
        quota.debt.put_back(owed, Instant::now());
        owed.map_or(0, |owed| quota.calls_until(owed, Instant::now()))
    }

    #[tokio::test(start_paused = true)]
    async fn calls_at_less_than_the_pace_of_all_owe_nothing_however_long_the_tier_is_away() {
        let quota = quota(120, 2);
        for _ in 0..90 {
            go(&quota).await;
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(owed(&quota), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_while_the_tier_is_away_is_owed_and_forgiven_with_time() {
        let quota = quota(120, 2);
        for _ in 0..6 {
            go(&quota).await;
        }
        assert_eq!(owed(&quota), 6);
        sleep(quota.interval * 4).await;
        assert_eq!(owed(&quota), 2);
        sleep(MINUTE).await;
        assert_eq!(owed(&quota), 0);
    }
}
