//! Purge by generation: what was read before the purge is a thing of the past, wherever it is.
//!
//! Removing entries is not enough: a fetch that is already under way would bring the old rows back (moka's
//! `invalidate` loses that race). So every read carries the generation that its member had when it *began*,
//! and an entry counts only while the member still has it.
//!
//! Members share 65 536 counters by hash. A purge therefore also forgets the few members that share its counter:
//! they cost a fetch each, and in return the table is bounded, needs no lock and no upkeep.

use std::sync::atomic::{AtomicU32, Ordering};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::domain::account::AccountIndex;
use crate::domain::member::MemberId;

const COUNTERS: usize = 1 << 16;

/// Account sets that there can be, at least as many as the configuration allows.
const ACCOUNTS: usize = 64;

/// The current generation of every member: what its counter says, and what its account set's says.
pub struct Generations {
    members: Box<[AtomicU32]>,
    accounts: [AtomicU32; ACCOUNTS],
}

impl Generations {
    /// Everybody at generation zero.
    pub fn new() -> Generations {
        let members = (0..COUNTERS).map(|_| AtomicU32::new(0)).collect();
        Generations { members, accounts: [const { AtomicU32::new(0) }; ACCOUNTS] }
    }

    /// The generation of a member now.
    pub fn of(&self, account: AccountIndex, member: &MemberId) -> u32 {
        let now = |counter: Option<&AtomicU32>| counter.map_or(0, |c| c.load(Ordering::Acquire));
        // Both only grow, so their sum does not come back either.
        now(self.counter(account, member)).wrapping_add(now(self.accounts.get(account.as_usize())))
    }

    /// Ends the generation of everybody in an account set.
    pub fn advance_account(&self, account: AccountIndex) {
        if let Some(counter) = self.accounts.get(account.as_usize()) {
            counter.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Ends the member's generation: whatever was read, or began to be read, before this is out.
    pub fn advance(&self, account: AccountIndex, member: &MemberId) {
        if let Some(counter) = self.counter(account, member) {
            counter.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Ends everybody's generation.
    pub fn advance_all(&self) {
        for counter in &self.members {
            counter.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn counter(&self, account: AccountIndex, member: &MemberId) -> Option<&AtomicU32> {
        let hash = xxh3_64_with_seed(member.as_str().as_bytes(), u64::from(account.0));
        self.members.get(hash as usize % COUNTERS)
    }
}

impl Default for Generations {
    fn default() -> Self {
        Generations::new()
    }
}
