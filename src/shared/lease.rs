//! Leases: of all replicas that want to do something, one does it, for a while.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;
use tokio::time::sleep;

use super::{Away, Shared};

/// How often, and after how long, a lease is given back again that could not be.
const TRIES: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// Lets nobody's lease go but one's own: it may have run out and be another's by now.
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0",
    )
});

/// A number that grows with every lease: what an earlier holder writes late is refused.
static ACQUIRE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end \
         if #KEYS < 2 then return 1 end return redis.call('INCR', KEYS[2])",
    )
});

/// The right to do something alone until it runs out or is released.
#[derive(Debug)]
#[must_use]
pub struct Lease {
    key: String,
    owner: String,
    /// Of a fenced lease: greater than that of every earlier one of the same key.
    pub fence: u64,
}

impl Shared {
    /// Tries to get the lease at `key`; `None` if another has it.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn lease(&self, key: &str, lasts: Duration) -> Result<Option<Lease>, Away> {
        self.acquire(key, None, lasts).await
    }

    /// The same with a fence, which leaves a number at `fences` for ever.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn fenced_lease(
        &self,
        key: &str,
        fences: &str,
        lasts: Duration,
    ) -> Result<Option<Lease>, Away> {
        self.acquire(key, Some(fences), lasts).await
    }

    async fn acquire(&self, key: &str, fences: Option<&str>, lasts: Duration) -> Result<Option<Lease>, Away> {
        let owner = format!("{:032x}", rand::random::<u128>());
        let mut ask = ACQUIRE.prepare_invoke();
        ask.key(key).arg(&owner).arg(millis(lasts));
        if let Some(fences) = fences {
            ask.key(fences);
        }
        let got = self.link.ask(async |mut redis| ask.invoke_async::<u64>(&mut redis).await).await;
        let lease = Lease { key: key.to_owned(), owner, fence: *got.as_ref().unwrap_or(&0) };
        if got.is_err() {
            // The tier may have given it all the same, only too late for us: others must not wait for that.
            self.let_go(lease);
            return Err(Away);
        }
        Ok(Some(lease).filter(|lease| lease.fence > 0))
    }

    /// Gives a lease back, behind the caller.
    pub fn let_go(&self, lease: Lease) {
        let shared = self.clone();
        tokio::spawn(async move { shared.release(lease).await });
    }

    /// Gives a lease back, at once or as soon as the tier is there again; if it stays away the lease runs out.
    pub async fn release(&self, lease: Lease) {
        for _ in 0..TRIES {
            let mut ask = RELEASE.prepare_invoke();
            ask.key(&lease.key).arg(&lease.owner);
            if self.link.ask(async |mut redis| ask.invoke_async::<u64>(&mut redis).await).await.is_ok() {
                return;
            }
            sleep(TRY_AGAIN).await;
        }
    }
}

/// Whole milliseconds for Redis, at least one.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
