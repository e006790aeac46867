//! Everything that speaks Kingdee's protocol: lane → credential → sign → transport → wire.
//!
//! The one public verb is [`Kingdee::chunk`]: a chunk key in, a believed answer out.

use jiff::tz::TimeZone;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::domain::account::AccountIndex;
use crate::domain::ledger::{ChunkKey, LedgerAnswer};

pub mod settings;
pub mod failure;
pub mod classify;
pub mod scrub;
pub mod router;
pub mod sign;
pub mod reply;
pub mod wire;

pub use failure::{Failure, KingdeeError};
pub use settings::KingdeeSettings;

/// Who is waiting for a call; a fuller lane lets the first go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Somebody looks at a screen.
    User,
    /// A stale chunk is being refreshed behind somebody's back.
    Refresh,
    /// A long walk.
    Export,
}

/// How a call may be made.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Its place in the lane.
    pub priority: Priority,
    /// When the caller stops caring; no attempt is begun that can't end before.
    pub deadline: Instant,
}

/// The client for all account sets. Clones share everything.
#[derive(Clone)]
pub struct Kingdee {
    _clock: Clock,
    _zone: TimeZone,
}

impl Kingdee {
    /// Prepares clients and lanes; nothing is sent yet.
    ///
    /// # Errors
    /// When the TLS client can't be built on this machine.
    pub fn new(settings: KingdeeSettings, clock: Clock) -> Result<Kingdee, KingdeeError> {
        let _ = settings;
        Ok(Kingdee { _clock: clock, _zone: TimeZone::UTC })
    }

    /// Reads one chunk of a ledger from Kingdee.
    ///
    /// # Errors
    /// [`KingdeeError`] with the class that decides what the app gets.
    pub async fn chunk(&self, key: &ChunkKey, call: Call) -> Result<LedgerAnswer, KingdeeError> {
        let _ = (key, call);
        Err(KingdeeError::new(Failure::Unreachable))
    }

    /// Rows in one chunk.
    pub fn chunk_rows(&self) -> u8 {
        100
    }

    /// The zone of an account set's times.
    pub fn time_zone(&self, account: AccountIndex) -> &TimeZone {
        let _ = account;
        &self._zone
    }

    /// Name of an account set, as configured.
    pub fn account_name(&self, account: AccountIndex) -> &str {
        let _ = account;
        "default"
    }
}
