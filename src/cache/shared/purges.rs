//! Purges that reach every replica: a numbered log in the tier, a bell for those who listen, and a look every half
//! second for those whom the bell missed. A replica that was cut off reads on where it stopped.
//!
//! What can't be told now is told later, and until then this replica takes none of that member's rows out of the tier. If
//! the log has gone on too far, everything is forgotten. One thing is not promised: where the tier loses its data *while* a
//! replica is cut off, purges of that time are lost to it.

use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::timeout;

use super::SharedChunks;
use crate::domain::account::AccountIndex;
use crate::domain::member::MemberId;
use crate::shared::lease::{millis, new_name};
use crate::shared::{Away, Script};

/// Purges that the tier remembers, and that a replica that can't reach it does.
const REMEMBERED: usize = 1000;
/// How often the log is looked at if no bell rings.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Ends a generation, or for an empty text all of them, writes that down and rings.
static PURGE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if ARGV[1] == '' or not redis.call('GET', KEYS[1]) then redis.call('SET', KEYS[1], ARGV[2]) end \
         if ARGV[1] ~= '' then redis.call('SET', KEYS[4], ARGV[2], 'PX', ARGV[4]) end \
         local number = redis.call('INCR', KEYS[2]) \
         redis.call('RPUSH', KEYS[3], ARGV[1]) redis.call('LTRIM', KEYS[3], -tonumber(ARGV[3]), -1) \
         redis.call('PUBLISH', KEYS[5], number) return number",
    )
});

/// What was written since a number, or in another epoch than the one known: all of it. Begins an epoch where there is none,
/// or where the numbers have gone back: then the data did, too, and what was purged since may be there again.
static SINCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local epoch = redis.call('GET', KEYS[1]) \
         local number, known = tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[1]) \
         if not epoch or (epoch == ARGV[3] and number < known) then epoch = ARGV[2] redis.call('SET', KEYS[1], epoch) end \
         if epoch ~= ARGV[3] then known = 0 end \
         local log = {} \
         if number > known then log = redis.call('LRANGE', KEYS[3], known - number, -1) end \
         return {epoch, number, number - known, log}",
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

    fn first(&self) -> Option<Option<(AccountIndex, MemberId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).front().cloned()
    }

    fn told(&self, purge: &Option<(AccountIndex, MemberId)>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|waiting| waiting != purge);
    }

    /// Whether rows of this member that lie in the tier may be such as were purged here.
    pub fn holds(&self, account: AccountIndex, member: &MemberId) -> bool {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.iter().any(|purge| purge.as_ref().is_none_or(|(a, m)| *a == account && m == member))
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
                for heard in self.read_on(&mut bookmark).await.unwrap_or_default() {
                    if !forget(heard) {
                        return;
                    }
                    yield_now().await; // each walks the whole memory
                }
            }
            if let Ok(Err(_closed)) = timeout(LOOK_EVERY, rung.changed()).await {
                return;
            }
        }
    }

    async fn tell_late(&self) {
        while let Some(purge) = self.pending.first() {
            if self.tell(purge.as_ref()).await.is_err() {
                return;
            }
            self.pending.told(&purge);
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
        let (epoch, number, log) = (self.epoch_key(), self.number_key(), self.log_key());
        let mut ask = PURGE.on(&[&epoch, &number, &log, &member, &seal.key(&["purge-bell"])]);
        ask.arg(text.unwrap_or_default()).arg(new_name()).arg(REMEMBERED);
        ask.arg(millis(self.generations_last()));
        self.tier().link.ask(async |mut redis| ask.query_async::<u64>(&mut redis).await).await.map(|_| ())
    }

    async fn read_on(&self, bookmark: &mut Bookmark) -> Result<Vec<Heard>, Away> {
        let mut ask = SINCE.on(&[&self.epoch_key(), &self.number_key(), &self.log_key()]);
        ask.arg(bookmark.number).arg(new_name()).arg(bookmark.epoch.as_deref().unwrap_or_default());
        let answer = self.tier().link.ask(async |mut redis| ask.query_async(&mut redis).await).await?;
        let (epoch, number, fresh, log): (String, u64, u64, Vec<Vec<u8>>) = answer;
        *bookmark = Bookmark { epoch: Some(epoch), number };
        if fresh > log.len() as u64 {
            return Ok(vec![Heard::Everything]);
        }
        let heard = log.into_iter().filter_map(|text| {
            self.tier().counts.purges_heard.inc();
            self.heard(text)
        });
        Ok(heard.collect())
    }

    /// What can't be read may have been any purge; one of an account set that is not configured here is none of ours.
    fn heard(&self, text: Vec<u8>) -> Option<Heard> {
        let text = self.tier().seal.open(&self.log_key(), text).and_then(|text| String::from_utf8(text).ok());
        let Some((book, member)) = text.as_deref().and_then(|text| text.split_once('\n')) else {
            return Some(Heard::Everything);
        };
        let account = self.shelf.load().books.iter().position(|b| b.name == book);
        let account = account.and_then(|n| u16::try_from(n).ok())?;
        Some(Heard::Member(AccountIndex(account), MemberId::parse(member)?))
    }

    fn number_key(&self) -> String {
        self.tier().seal.key(&["purge-number"])
    }

    fn log_key(&self) -> String {
        self.tier().seal.key(&["purge-log"])
    }
}
