//! Purge by generation: what was read before the purge is a thing of the past, wherever it is.
//!
//! Removing entries is not enough: a fetch that is already under way would bring the old rows back (moka's
//! `invalidate` loses that race). So every read carries the generation that its member had when it *began*,
//! and an entry counts only while the member still has it.
//!
//! Members share 65 536 counters by hash. A purge therefore also forgets the few members that share its counter:
//! they cost a fetch each, and in return the table is bounded, needs no lock and no upkeep. Most requests meet no purge:
//! what was found to be of today needs no look into the table until somebody's generation ends ([`Proof`]).

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

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
    /// How many generations were ended so far, anybody's: counted after the counter that says whose.
    ended: AtomicU64,
}

/// When something was last found to be of its member's present generation.
#[derive(Debug)]
pub struct Proof(AtomicU64);

impl Default for Proof {
    fn default() -> Proof {
        Proof(AtomicU64::new(u64::MAX))
    }
}

impl Generations {
    /// Everybody at generation zero.
    pub fn new() -> Generations {
        let members = (0..COUNTERS).map(|_| AtomicU32::new(0)).collect();
        Generations { members, accounts: [const { AtomicU32::new(0) }; ACCOUNTS], ended: AtomicU64::new(0) }
    }

    /// Whether `generation` is the member's still. `proof` belongs to what is of that generation, and only to that.
    pub fn is_present(
        &self,
        account: AccountIndex,
        member: &MemberId,
        generation: u32,
        proof: &Proof,
    ) -> bool {
        // Read before the counter: an end that is missed here is not in the proof either.
        let ended = self.ended.load(Ordering::Acquire);
        if proof.0.load(Ordering::Relaxed) == ended {
            return true;
        }
        let present = generation == self.of(account, member);
        if present {
            proof.0.store(ended, Ordering::Relaxed);
        }
        present
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
            self.ended.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Ends the member's generation: whatever was read, or began to be read, before this is out.
    pub fn advance(&self, account: AccountIndex, member: &MemberId) {
        if let Some(counter) = self.counter(account, member) {
            counter.fetch_add(1, Ordering::AcqRel);
            self.ended.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Ends everybody's generation.
    pub fn advance_all(&self) {
        for counter in &self.members {
            counter.fetch_add(1, Ordering::AcqRel);
        }
        self.ended.fetch_add(1, Ordering::AcqRel);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str) -> MemberId {
        MemberId::parse(id).unwrap()
    }

    #[test]
    fn a_proof_ends_with_anybody_s_generation_and_is_renewed_for_the_others() {
        let (all, account, proof, other) =
            (Generations::new(), AccountIndex::DEFAULT, Proof::default(), Proof::default());
        let present = |id: &str, proof: &Proof| all.is_present(account, &member(id), 0, proof);
        for _twice in 0..2 {
            assert!(present("1", &proof) && present("2", &other));
        }
        all.advance(account, &member("1"));
        for _twice in 0..2 {
            assert!(!present("1", &proof), "proven before, purged since");
            assert!(present("2", &other));
        }
    }

    #[test]
    fn every_way_to_end_a_generation_ends_proofs() {
        let account = AccountIndex::DEFAULT;
        let ends: [fn(&Generations); 3] = [
            |all| all.advance(AccountIndex::DEFAULT, &member("1")),
            |all| all.advance_account(AccountIndex::DEFAULT),
            Generations::advance_all,
        ];
        for end in ends {
            let (all, proof) = (Generations::new(), Proof::default());
            assert!(all.is_present(account, &member("1"), 0, &proof));
            end(&all);
            assert!(!all.is_present(account, &member("1"), 0, &proof));
        }
    }

    #[test]
    fn what_is_of_yesterday_never_gets_a_proof() {
        let (all, account, proof) = (Generations::new(), AccountIndex::DEFAULT, Proof::default());
        all.advance(account, &member("1"));
        for _twice in 0..2 {
            assert!(!all.is_present(account, &member("1"), 0, &proof));
        }
        assert!(all.is_present(account, &member("1"), 1, &proof));
    }
}
