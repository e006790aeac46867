//! Leases: of all replicas that want to do something, one does it, for a while.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::sleep;

use super::{Script, Shared};

/// How often, and after how long, a lease is given back again that could not be.
const TRIES: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// Lets nobody's lease go but one's own: it may have run out and be another's by now.
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0",
    )
});

/// Begins a script that takes a lease along with what else it does: `take(key, fences, owner, lasts)` gives 0 if another has
/// it. Where there is a key for `fences` it gives a number that grows with every lease, so that what an earlier holder
/// writes late can be refused.
pub const TAKE: &str = "local function take(key, fences, owner, lasts) \
     if not redis.call('SET', key, owner, 'NX', 'PX', lasts) then return 0 end \
     if not fences then return 1 end return redis.call('INCR', fences) end";

/// The right to do something alone until it runs out or is released.
#[derive(Debug)]
#[must_use]
pub struct Lease {
    key: String,
    owner: String,
    /// Of a fenced lease: greater than that of every earlier one of the same key.
    pub fence: u64,
}

impl Lease {
    /// One that a script is to take at `key`; nobody has it yet.
    pub fn wanted(key: &str) -> Lease {
        Lease { key: key.to_owned(), owner: new_name(), fence: 0 }
    }

    /// Whom the tier knows it by.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The same as what the script gave; `None` if another has it.
    pub fn taken(self, fence: u64) -> Option<Lease> {
        (fence > 0).then_some(Lease { fence, ..self })
    }
}

impl Shared {
    /// Gives a lease back, behind the caller.
    pub fn let_go(&self, lease: Lease) {
        let shared = self.clone();
        self.behind(async move { shared.release(lease).await });
    }

    /// Gives a lease back, at once or as soon as the tier is there again; if it stays away the lease runs out.
    pub async fn release(&self, lease: Lease) {
        for _ in 0..TRIES {
            let mut ask = RELEASE.on(&[&lease.key]);
            ask.arg(&lease.owner);
            if self.link.ask(async |mut redis| ask.query_async::<u64>(&mut redis).await).await.is_ok() {
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

/// A name that never was: of an owner, of a generation, of a key to try things on.
pub fn new_name() -> String {
    format!("{:032x}", rand::random::<u128>())
}
