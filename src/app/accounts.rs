//! Account sets as routes know them, from the configuration.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::config::Config;
use crate::http::Account;
use crate::http::points_history::CursorKeys;

/// The account sets of a configuration, in its order.
pub(super) fn accounts_of(config: &Config) -> Vec<Account> {
    let cursor_keys = CursorKeys::only(cursor_key(&config.kingdee.client_secret));
    let accounts = config.kingdee.accounts.iter();
    accounts
        .map(|a| Account { name: a.name.to_string(), time_zone: a.time_zone.clone(), cursor_keys })
        .collect()
}

/// A key that every replica and every restart derives alike, and that doesn't lead back to the secret.
fn cursor_key(secret: &SecretString) -> u64 {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return 0 };
    let digest = mac.chain_update(b"points-gateway/cursor/1").finalize().into_bytes();
    digest.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}
