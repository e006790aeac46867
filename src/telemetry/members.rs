//! Members in logs and traces: a keyed hash, which tells one member's requests from another's and leads back to nobody.

use std::hash::Hasher as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use siphasher::sip::SipHasher13;

use super::hex::hex_digits;

/// Hashes member ids. Every replica and every restart with the same client secret hashes alike, so that one member's
/// lines can be found across them; without the secret a hash can't be tried out on a list of ids.
///
/// SipHash, a keyed function made for short texts: HMAC would be a noticeable part of a hit.
#[derive(Clone, Copy)]
pub struct Members([u8; 16]);

/// Sixteen hex digits that stand for a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MemberHash(u64);

impl Members {
    /// A key that doesn't lead back to `secret`.
    pub fn keyed_by(secret: &[u8]) -> Members {
        // HMAC takes keys of any length.
        let digest = Hmac::<Sha256>::new_from_slice(secret)
            .map(|mac| mac.chain_update(b"points-gateway/member/1").finalize().into_bytes())
            .unwrap_or_default();
        Members(*digest.first_chunk().unwrap_or(&[0; 16]))
    }

    /// What stands for a member.
    pub fn hash(&self, member: &str) -> MemberHash {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(member.as_bytes());
        MemberHash(hasher.finish())
    }
}

impl std::fmt::Debug for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Members(…)")
    }
}

impl MemberHash {
    /// Its digits.
    pub fn digits(self) -> [u8; 16] {
        hex_digits(self.0)
    }
}

impl std::fmt::Display for MemberHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_has_one_hash_for_each_key_and_none_that_tells_the_id() {
        let (one, other) = (Members::keyed_by(b"secret"), Members::keyed_by(b"another"));
        let hash = one.hash("13800138000");
        assert_eq!(hash, one.hash("13800138000"));
        assert_ne!(hash, one.hash("13800138001"));
        assert_ne!(hash, other.hash("13800138000"));
        assert_eq!(hash.to_string().as_bytes(), hash.digits());
        assert_eq!(format!("{one:?}"), "Members(…)");
    }

    #[test]
    fn a_hash_stays_what_it_is_from_version_to_version() {
        // Lines of last month must still be found. Computed apart: HMAC-SHA-256's first half as the key of SipHash-1-3.
        let hash = Members::keyed_by(b"sandbox-only-client-secret-000001").hash("1003").to_string();
        assert_eq!(hash, "09e08c21278852d8");
    }
}
