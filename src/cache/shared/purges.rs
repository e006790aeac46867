//! Purges that reach every replica: a numbered log in the tier, a bell for those who listen, and a look every half
//! second for those whom the bell missed. A replica that was cut off reads on where it stopped.
//!
//! What can't be told now is told later. If the log has gone on too far, everything is forgotten. One thing is not
//! promised: where the tier loses its data *while* a replica is cut off, purges of that time are lost to it.

use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use redis::Script;
use tokio::time::timeout;

use super::SharedChunks;
use crate::domain::account::AccountIndex;
use crate::domain::member::MemberId;
use crate::shared::Away;
use crate::shared::lease::millis;

/// Purges that the tier remembers, and that a replica that can't reach it does.
const REMEMBERED: usize = 1000;
/// How often the log is looked at if no bell rings.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Ends a generation, writes that down and rings.
static PURGE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if ARGV[1] == '' then redis.call('SET', KEYS[1], ARGV[2]) \
         else redis.call('INCR', KEYS[4]) redis.call('PEXPIRE', KEYS[4], ARGV[4]) end \
         local number = redis.call('INCR', KEYS[2]) \
         redis.call('RPUSH', KEYS[3], ARGV[1]) redis.call('LTRIM', KEYS[3], -tonumber(ARGV[3]), -1) \
         redis.call('PUBLISH', KEYS[5], number) return number",
    )
});

/// What was written since a number; begins an epoch where there is none.
static SINCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local epoch = redis.call('GET', KEYS[1]) \
         if not epoch then epoch = ARGV[2] redis.call('SET', KEYS[1], epoch) end \
         local number = tonumber(redis.call('GET', KEYS[2]) or '0') local fresh = number - tonumber(ARGV[1]) \
         if fresh <= 0 then return {epoch, number, {}} end \
         return {epoch, number, redis.call('LRANGE', KEYS[3], -fresh, -1)}",
    )
});

/// What to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Every chunk of a member.
    Member(AccountIndex, MemberId),
    /// Everything: nobody knows what was purged.
    Everything,
}

/// Who knows of a purge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The tier: every replica that can reach it knows within a second.
    Everyone,
    /// This replica alone; the others are told as soon as the tier can be reached.
    NobodyYet,
}

/// Purges that the others have not been told of yet; `None` stands for everything.
#[derive(Debug, Default)]
pub struct Pending(Mutex<VecDeque<Option<(AccountIndex, MemberId)>>>);

impl Pending {
    fn push(&self, purge: Option<(AccountIndex, MemberId)>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= REMEMBERED {
            waiting.clear();
            waiting.push_back(None);
        }
        if !waiting.contains(&purge) && waiting.front() != Some(&None) {
            waiting.push_back(purge);
        }
    }

    fn take(&self) -> Option<Option<(AccountIndex, MemberId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// How far a replica has read the log.
#[derive(Debug, Default)]
struct Bookmark {
    epoch: Option<String>,
    number: u64,
}

impl SharedChunks {
    /// Tells every replica of a purge. This one must have forgotten the member already.
    pub async fn purge(&self, account: AccountIndex, member: &MemberId) -> Told {
        let purge = Some((account, member.clone()));
        match self.tell(purge.as_ref()).await {
            Ok(()) => Told::Everyone,
            Err(Away) => {
                self.pending.push(purge);
                Told::NobodyYet
            }
        }
    }

    /// Reads the log and says what to `forget`, until that gives false or the tier is no longer kept up.
    pub async fn follow(&self, forget: impl Fn(Heard) -> bool) {
        let (mut bookmark, mut rung) = (Bookmark::default(), self.tier().link.rung());
        loop {
            if self.tier().link.is_open() {
                self.tell_late().await;
                if let Ok(heard) = self.read_on(&mut bookmark).await
                    && !heard.into_iter().all(&forget)
                {
                    return;
                }
            }
            if let Ok(Err(_closed)) = timeout(LOOK_EVERY, rung.changed()).await {
                return;
            }
        }
    }

    async fn tell_late(&self) {
        while let Some(purge) = self.pending.take() {
            if self.tell(purge.as_ref()).await.is_err() {
                self.pending.push(purge);
                return;
            }
        }
    }

    async fn tell(&self, purge: Option<&(AccountIndex, MemberId)>) -> Result<(), Away> {
        let seal = &self.tier().seal;
        let (member, text) = match purge {
            None => (String::new(), Some(Vec::new())),
            Some((account, member)) => {
                let shelf = self.shelf.load_full();
                let Some(book) = shelf.books.get(account.as_usize()) else { return Ok(()) };
                let text = format!("{}\n{}", book.name, member.as_str());
                (self.member_key(book, member), seal.seal(&self.log_key(), text.into_bytes()))
            }
        };
        // A generation outlives every record that was put before it.
        let keep = self.shelf.load().longest.saturating_mul(2);
        let mut ask = PURGE.prepare_invoke();
        ask.key(self.epoch_key())
            .key(self.number_key())
            .key(self.log_key())
            .key(member)
            .key(seal.key(&["purge-bell"]));
        ask.arg(text.unwrap_or_default()).arg(new_epoch()).arg(REMEMBERED).arg(millis(keep));
        self.tier().link.ask(async |mut redis| ask.invoke_async::<u64>(&mut redis).await).await.map(|_| ())
    }

    async fn read_on(&self, bookmark: &mut Bookmark) -> Result<Vec<Heard>, Away> {
        let mut ask = SINCE.prepare_invoke();
        ask.key(self.epoch_key()).key(self.number_key()).key(self.log_key());
        ask.arg(bookmark.number).arg(new_epoch());
        let answer = self.tier().link.ask(async |mut redis| ask.invoke_async(&mut redis).await).await?;
        let (epoch, number, log): (String, u64, Vec<Vec<u8>>) = answer;
        let before = std::mem::replace(bookmark, Bookmark { epoch: Some(epoch), number });
        // At the first look nothing is in memory that could have been purged before. A tier that was emptied counts
        // from the beginning again, and has no log of what it lost.
        if before.epoch.is_none() || number <= before.number {
            return Ok(Vec::new());
        }
        if number - before.number > log.len() as u64 {
            return Ok(vec![Heard::Everything]);
        }
        let heard = log.into_iter().map(|text| {
            self.tier().counts.purges_heard.inc();
            self.heard(text)
        });
        Ok(heard.collect())
    }

    /// What can't be read may have been any purge.
    fn heard(&self, text: Vec<u8>) -> Heard {
        let open = |text| {
            let text = String::from_utf8(self.tier().seal.open(&self.log_key(), text)?).ok()?;
            let (book, member) = text.split_once('\n')?;
            let shelf = self.shelf.load();
            let account =
                shelf.books.iter().position(|b| b.name == book).and_then(|n| u16::try_from(n).ok())?;
            Some(Heard::Member(AccountIndex(account), MemberId::parse(member)?))
        };
        open(text).unwrap_or(Heard::Everything)
    }

    fn number_key(&self) -> String {
        self.tier().seal.key(&["purge-number"])
    }

    fn log_key(&self) -> String {
        self.tier().seal.key(&["purge-log"])
    }
}

/// Epochs never repeat.
fn new_epoch() -> String {
    format!("{:016x}", rand::random::<u64>())
}
