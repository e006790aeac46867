//! One look at a chunk's place in the tier: what lies there, of which generation, who reads it, and the right to read it, in
//! one question.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

use super::{Found, Generation, Place, SharedChunks, Version, record};
use crate::shared::lease::{Lease, TAKE, millis, new_name};
use crate::shared::seal::Name;
use crate::shared::{Away, Patience, Script};

/// How long one replica may keep the others waiting: an attempt that takes its full time, and a little.
pub(super) const LEASE: Duration = Duration::from_secs(4);

/// What lies at a place, with the generation that it must be of. A generation that is not there is begun, with a name that
/// never was: so one that got lost (evicted, emptied, an older snapshot) makes records unbelievable, and never old ones
/// believed. Takes the lease unless something lies there that may do (`ARGV[5]`): the last holder can put nothing there
/// in between. Gives the tier's time, too, and whether somebody has the lease.
static LOOK: LazyLock<Script> = LazyLock::new(|| {
    let look = "local epoch = redis.call('GET', KEYS[1]) \
         if not epoch then epoch = ARGV[1] redis.call('SET', KEYS[1], epoch) end \
         local generation = redis.call('GET', KEYS[2]) \
         if not generation then generation = ARGV[1] redis.call('SET', KEYS[2], generation, 'PX', ARGV[2]) end \
         local record, fence = redis.call('GET', KEYS[3]), 0 \
         if not record or ARGV[5] == '*' or string.sub(record, -12) == ARGV[5] then \
             fence = take(KEYS[4], nil, ARGV[3], ARGV[4]) end \
         local time = redis.call('TIME') local now = time[1] * 1000 + math.floor(time[2] / 1000) \
         return {epoch .. '/' .. generation, string.format('%.0f', now), fence, redis.call('EXISTS', KEYS[4]), \
                 redis.call('PTTL', KEYS[3]), record}";
    Script::new(format!("{TAKE} {look}"))
});

/// What must lie there for the lease to stay where it is.
pub(super) enum Unless {
    /// Take it in any case.
    Nothing,
    /// Anything: it will probably do.
    Anything,
    /// Anything but this, which won't do.
    AnythingBut(Name),
}

/// What one look brought.
pub(super) struct Seen {
    pub version: Version,
    pub found: Option<Box<Found>>,
    /// What lies there, whether or not it can be believed.
    pub name: Name,
    /// The right to read it.
    pub lease: Option<Lease>,
    /// Whether somebody has that.
    pub leased: bool,
}

impl SharedChunks {
    /// Looks what lies there. Ages come from the tier's own clock: replicas' clocks may differ.
    pub(super) async fn look(
        &self,
        place: &Place,
        unless: &Unless,
        patience: &Patience,
    ) -> Result<Seen, Away> {
        let link = &self.shared.link;
        if !link.may_be_asked(patience) {
            return Err(Away);
        }
        let wanted = Lease::wanted(&place.lease);
        let mut ask = LOOK.on(&[&self.epoch_key(), &place.member, &place.chunk, &place.lease]);
        ask.arg(new_name()).arg(millis(self.generations_last())).arg(wanted.owner()).arg(millis(LEASE));
        ask.arg(match unless {
            Unless::Nothing => b"*".as_slice(),
            Unless::Anything => b"",
            Unless::AnythingBut(name) => name.as_bytes(),
        });
        let answer = link.ask_within(patience, async |mut redis| ask.query_async(&mut redis).await).await;
        // The tier may have given the lease all the same, only too late for us: others must not wait for that.
        let Ok(answer) = answer else {
            self.shared.let_go(wanted);
            return Err(Away);
        };
        let (generation, now, fence, leased, left, sealed): (String, u64, u64, bool, i64, Option<Vec<u8>>) =
            answer;
        let version = Version { generation: Generation(generation), at: (now, Instant::now()) };
        let name = Name::of(sealed.as_deref().unwrap_or_default());
        let found = sealed.and_then(|sealed| self.read(place, sealed, left)).map(Box::new);
        let found = found.filter(|found| found.generation == version.generation);
        Ok(Seen { found, version, name, lease: wanted.taken(fence), leased })
    }

    fn read(&self, place: &Place, sealed: Vec<u8>, left: i64) -> Option<Found> {
        let left = Duration::from_millis(u64::try_from(left).ok()?);
        let found = self.shared.seal.open(&place.chunk, sealed).and_then(|plain| record::read(&plain, left));
        if found.is_none() {
            self.shared.counts.unreadable.inc();
        }
        found
    }
}
