//! Seals what is put into the shared tier: points histories are personal data and tokens are keys, so whoever can read
//! that Redis, or its backups, must learn nothing, and whoever can write to it must not be believed.
//!
//! AES-256-GCM with a key derived from the client secret (HKDF-SHA-256), a random nonce a record, and the record's own
//! name as associated data, so that a record can't be moved to another place. Names are keyed hashes.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use secrecy::{ExposeSecret as _, SecretString};

/// Version of everything that is stored: another one has other names, so that replicas of two versions don't meet.
const VERSION: &str = "points-gateway/shared/1";

/// Whose tier it is.
#[derive(Debug)]
pub struct Client<'c> {
    /// X-Api-ClientID
    pub id: &'c str,
    /// What keys are derived from.
    pub secret: &'c SecretString,
    /// Where Kingdee is: a sandbox's rows must not meet the real ones.
    pub base_url: &'c str,
}

/// Seals and opens records, and names keys.
pub struct Seal {
    records: RandomizedNonceKey,
    names: hmac::Key,
    space: String,
}

/// Tells one sealed record from another, for scripts that can't open them: its nonce, which is its end
/// (`string.sub(record, -12)`). Nothing is named by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Name(Vec<u8>);

impl Name {
    /// Of what lies somewhere, whatever it is.
    pub fn of(sealed: &[u8]) -> Name {
        Name(sealed.get(sealed.len().saturating_sub(NONCE_LEN)..).unwrap_or_default().to_vec())
    }

    /// As scripts see it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

impl Seal {
    /// The seal of a client; every replica derives the same one.
    pub fn new(client: &Client<'_>) -> Option<Seal> {
        let root =
            Salt::new(HKDF_SHA256, VERSION.as_bytes()).extract(client.secret.expose_secret().as_bytes());
        let derive = |purpose: &[u8]| {
            let mut bytes = [0; 32];
            root.expand(&[purpose], Bytes32).ok()?.fill(&mut bytes).ok()?;
            Some(bytes)
        };
        let names = hmac::Key::new(hmac::HMAC_SHA256, &derive(b"names")?);
        let records = RandomizedNonceKey::new(&AES_256_GCM, &derive(b"records")?).ok()?;
        let space = hash(&names, &["space", client.id, client.base_url]);
        Some(Seal { records, names, space: space.get(..12)?.to_owned() })
    }

    /// The Redis key of something. It tells nobody what that is; all keys of a client share a hash tag.
    pub fn key(&self, parts: &[&str]) -> String {
        let kind = parts.first().copied().unwrap_or_default();
        format!("pg:{{{}}}:{kind}:{}", self.space, hash(&self.names, parts))
    }

    /// Seals `plain` for the place `key`.
    pub fn seal(&self, key: &str, mut plain: Vec<u8>) -> Option<Vec<u8>> {
        let nonce = self.records.seal_in_place_append_tag(Aad::from(key.as_bytes()), &mut plain).ok()?;
        plain.extend_from_slice(nonce.as_ref());
        Some(plain)
    }

    /// Opens what was sealed for the place `key`; `None` if it was not, or not by us.
    pub fn open(&self, key: &str, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let at = sealed.len().checked_sub(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(sealed.get(at..)?).ok()?;
        sealed.truncate(at);
        let plain = self.records.open_in_place(nonce, Aad::from(key.as_bytes()), &mut sealed).ok()?.len();
        sealed.truncate(plain);
        Some(sealed)
    }
}

/// 128 bits are enough for names that nobody can choose.
fn hash(key: &hmac::Key, parts: &[&str]) -> String {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part.as_bytes());
        context.update(&[0]); // none of the parts may contain it
    }
    hex::encode(context.sign().as_ref().get(..16).unwrap_or_default())
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seal({})", self.space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(id: &str, secret: &str, base_url: &str) -> Seal {
        Seal::new(&Client { id, secret: &SecretString::from(secret), base_url }).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_place_only() {
        let ours = seal("205022", "canary-secret", "https://api.kingdee.com");
        let key = ours.key(&["c", "main", "1003"]);
        let sealed = ours.seal(&key, b"rows".to_vec()).unwrap();
        assert!(!sealed.windows(4).any(|w| w == b"rows"));
        assert_eq!(ours.open(&key, sealed.clone()).unwrap(), b"rows");
        assert_eq!(ours.open("elsewhere", sealed.clone()), None);
        let mut bent = sealed.clone();
        bent[0] ^= 1;
        assert_eq!(ours.open(&key, bent), None);
        for cut in [0, 5, NONCE_LEN, sealed.len() - 1] {
            assert_eq!(ours.open(&key, sealed[..cut].to_vec()), None);
        }
    }

    #[test]
    fn two_records_of_the_same_text_look_different() {
        let ours = seal("205022", "canary-secret", "https://api.kingdee.com");
        let [one, other] = [(); 2].map(|()| ours.seal("k", b"rows".to_vec()).unwrap());
        assert_ne!(one, other);
        assert_ne!(Name::of(&one), Name::of(&other));
        assert_eq!((Name::of(&one), Name::of(&one).as_bytes().len()), (Name::of(&one.clone()), 12));
        assert_eq!(
            (Name::of(b""), Name::of(b"garbage").as_bytes()),
            (Name::default(), b"garbage".as_slice())
        );
    }

    #[test]
    fn replicas_agree_and_strangers_share_neither_names_nor_keys() {
        let ours = seal("205022", "canary-secret", "https://api.kingdee.com");
        let twin = seal("205022", "canary-secret", "https://api.kingdee.com");
        let sealed = ours.seal("k", b"rows".to_vec()).unwrap();
        assert_eq!(ours.key(&["c", "a"]), twin.key(&["c", "a"]));
        assert_eq!(twin.open("k", sealed.clone()).unwrap(), b"rows");
        for stranger in [
            seal("205022", "other", "https://api.kingdee.com"),
            seal("205023", "canary-secret", "https://api.kingdee.com"),
        ] {
            assert_ne!(ours.key(&["c", "a"]), stranger.key(&["c", "a"]));
        }
        assert_eq!(seal("205022", "other", "https://api.kingdee.com").open("k", sealed), None);
        assert_ne!(ours.key(&["c", "ab"]), ours.key(&["c", "a", "b"]));
        assert!(!ours.key(&["c", "1003"]).contains("1003"));
    }
}
