//! The third stage: base64 of the lower-case hex *text* of HMAC-SHA256; always 88 characters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::string::StringToSign;

/// A signature over one request, or over an app key.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(String);

impl Signature {
    /// Signs with the client secret.
    pub fn of(client_secret: &SecretString, string: &StringToSign) -> Signature {
        Signature::over(client_secret, string.as_str())
    }

    fn over(key: &SecretString, message: &str) -> Signature {
        // A key of any length is legal: a longer one than a block is hashed first.
        let digest = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
            .map(|mac| mac.chain_update(message.as_bytes()).finalize().into_bytes())
            .unwrap_or_default();
        Signature(STANDARD.encode(hex::encode(digest)))
    }

    /// The text as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signature(…)")
    }
}

/// `app_signature` of the token call: the same form, key = app secret, message = app key (`protocol.md` §2).
pub fn app_signature(app_key: &str, app_secret: &SecretString) -> Signature {
    Signature::over(app_secret, app_key)
}
