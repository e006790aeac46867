//! What replicas share of one account set's credentials: the set itself, sealed; who fetches the next one; and the two
//! token calls a minute that all of them have together.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::grant::Grant;
use super::set::Fetched;
use crate::clock::{Clock, Tick};
use crate::domain::account::AccountName;
use crate::shared::lease::{Lease, TAKE, millis};
use crate::shared::seal::Name;
use crate::shared::{Away, Patience, Script, Shared};

/// How long one replica may keep the others waiting for a set.
pub const LEASE: Duration = Duration::from_secs(4);
/// Calls are counted when they leave; they may be seen when their attempt ends.
const WINDOW: Duration = Duration::from_secs(70);

/// The set that lies there, and the lease where there is none, or it is not wanted (`ARGV[3]`).
static FIND: LazyLock<Script> = LazyLock::new(|| {
    let find = "local set, fence = redis.call('GET', KEYS[1]), 0 \
         if not set or string.sub(set, -12) == ARGV[3] then fence = take(KEYS[2], KEYS[3], ARGV[1], ARGV[2]) end \
         return {set, redis.call('PTTL', KEYS[1]), fence}";
    Script::new(format!("{TAKE} {find}"))
});

/// Refuses the late word of a holder whose lease has run out and been given to another.
static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if tonumber(ARGV[1]) < tonumber(redis.call('GET', KEYS[2]) or '0') then return 0 end \
         redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1",
    )
});

/// Notes a call, unless the last but one was made within `ARGV[1]` ms; gives what is left of that.
static CALL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME') local now = time[1] * 1000 + math.floor(time[2] / 1000) \
         local before = redis.call('LINDEX', KEYS[1], 1) \
         if before and now - before < tonumber(ARGV[1]) then return ARGV[1] - (now - before) end \
         redis.call('LPUSH', KEYS[1], string.format('%.0f', now)) redis.call('LTRIM', KEYS[1], 0, 1) \
         redis.call('PEXPIRE', KEYS[1], ARGV[1]) return 0",
    )
});

/// One account set's place in the shared tier.
#[derive(Debug)]
pub struct Fleet {
    account: AccountName,
    shared: Shared,
    clock: Clock,
    set: String,
    lease: String,
    /// Numbers leases.
    fences: String,
    calls: String,
}

/// A set as it was found.
pub struct Found {
    /// Key of the app that it belongs to.
    pub app_key: String,
    /// Key of its `app_signature`s.
    pub app_secret: SecretString,
    /// Where calls go; not yet checked.
    pub domain: String,
    /// Marked so that no log prints it.
    pub token: HeaderValue,
    /// When the token was asked for, and how long it lives from then on.
    pub lives: (Tick, Duration),
}

/// What came of looking for one.
pub struct Sought {
    /// What lies there, whether or not it can be believed.
    pub name: Name,
    /// The set.
    pub found: Option<Found>,
    /// The right to fetch another.
    pub lease: Option<Lease>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    app_key: String,
    app_secret: String,
    domain: String,
    token: String,
    /// Milliseconds.
    life: u64,
}

impl Fleet {
    /// The place of `account`, whose set is another one where `whose` is another.
    pub fn new(shared: Shared, account: &AccountName, whose: &str, clock: Clock) -> Fleet {
        let key = |what| shared.seal.key(&[what, account.as_str(), whose]);
        let (set, lease) = (key("credentials"), key("credentials-lease"));
        let fences = key("credentials-fences");
        // Token calls count together, whoever is asked as.
        let calls = shared.seal.key(&["token-calls", account.as_str()]);
        Fleet { account: account.clone(), shared, clock, set, lease, fences, calls }
    }

    /// The place of the same account set's credentials when they are another's.
    pub fn successor(&self, whose: &str) -> Fleet {
        Fleet::new(self.shared.clone(), &self.account, whose, self.clock.clone())
    }

    /// The set that is there, if there is one.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn find(&self) -> Result<Option<Found>, Away> {
        let mut ask = redis::pipe();
        ask.atomic().get(&self.set).pttl(&self.set);
        let answer = self.shared.link.ask(async |mut redis| ask.query_async(&mut redis).await).await?;
        let (sealed, left): (Option<Vec<u8>>, i64) = answer;
        Ok(self.believe(sealed, left))
    }

    /// The same, and the right to fetch one where there is none, or only the one that was `seen` already; that has one
    /// replica at a time.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn find_or_lease(&self, seen: &Name, patience: &Patience) -> Result<Sought, Away> {
        let link = &self.shared.link;
        if !link.may_be_asked(patience) {
            return Err(Away);
        }
        let wanted = Lease::wanted(&self.lease);
        let mut ask = FIND.on(&[&self.set, &self.lease, &self.fences]);
        ask.arg(wanted.owner()).arg(millis(LEASE)).arg(seen.as_bytes());
        let answer = link.ask_within(patience, async |mut redis| ask.query_async(&mut redis).await).await;
        // The tier may have given the lease all the same, only too late for us: others must not wait for that.
        let Ok(answer) = answer else {
            self.shared.let_go(wanted);
            return Err(Away);
        };
        let (sealed, left, fence): (Option<Vec<u8>>, i64, u64) = answer;
        let name = Name::of(sealed.as_deref().unwrap_or_default());
        Ok(Sought { name, found: self.believe(sealed, left), lease: wanted.taken(fence) })
    }

    /// What one errand may wait for all that it asks here.
    pub fn patience(&self) -> Patience {
        self.shared.link.patience()
    }

    fn believe(&self, sealed: Option<Vec<u8>>, left: i64) -> Option<Found> {
        let sealed = sealed?;
        let read = self.read(sealed, left);
        if read.is_none() {
            self.shared.counts.unreadable.inc();
        }
        read
    }

    fn read(&self, sealed: Vec<u8>, left: i64) -> Option<Found> {
        let record: Record = serde_json::from_slice(&self.shared.seal.open(&self.set, sealed)?).ok()?;
        let (life, left) =
            (Duration::from_millis(record.life), Duration::from_millis(u64::try_from(left).ok()?));
        let mut token = HeaderValue::from_str(&record.token).ok()?;
        token.set_sensitive(true);
        Some(Found {
            app_key: record.app_key,
            app_secret: record.app_secret.into(),
            domain: record.domain,
            token,
            lives: (self.clock.tick().before(life.saturating_sub(left)), life),
        })
    }

    /// Puts a set there, if it is one and nobody with a later lease has done so, and lets the next replica fetch. Whoever
    /// has fetched it need not wait for that.
    pub fn done(self: &Arc<Self>, lease: Lease, fetched: Option<&Fetched>) {
        let (fleet, fetched) = (Arc::clone(self), fetched.cloned());
        self.shared.behind(async move {
            if let Some(fetched) = &fetched {
                let _others_fetch_one_themselves = fleet.put(lease.fence, fetched).await;
            }
            fleet.shared.release(lease).await;
        });
    }

    async fn put(&self, fence: u64, fetched: &Fetched) -> Option<u64> {
        let Fetched { grant, token, lives: (asked, life) } = fetched;
        let Grant { app_key, app_secret, router, .. } = grant.as_ref();
        let record = Record {
            app_key: app_key.clone(),
            app_secret: app_secret.expose_secret().to_owned(),
            domain: router.as_str().to_owned(),
            token: token.to_str().ok()?.to_owned(),
            life: millis(*life),
        };
        let left = life.checked_sub(self.clock.tick().since(*asked)).filter(|left| !left.is_zero())?;
        let sealed = self.shared.seal.seal(&self.set, serde_json::to_vec(&record).ok()?)?;
        let mut ask = PUT.on(&[&self.set, &self.fences]);
        ask.arg(fence).arg(sealed).arg(millis(left));
        self.shared.link.ask(async |mut redis| ask.query_async(&mut redis).await).await.ok()
    }

    /// Whether a token call may be made, all replicas together; a tier that is away forbids none. An errand of its own: one
    /// that is only slow must not cost Kingdee's two calls a minute.
    ///
    /// # Errors
    /// How long until it may.
    pub async fn may_call(&self) -> Result<(), Duration> {
        let mut ask = CALL.on(&[&self.calls]);
        ask.arg(millis(WINDOW));
        let link = &self.shared.link;
        match link.ask(async |mut redis| ask.query_async::<u64>(&mut redis).await).await {
            Ok(0) | Err(Away) => Ok(()),
            Ok(left) => Err(Duration::from_millis(left)),
        }
    }
}
