//! Recomputes X-Api-Signature from the bytes that came over the wire.
//!
//! Written from `protocol.md` §1 alone, with an encoder of its own: whatever our client gets wrong, it must not
//! find the same mistake here.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::readings::SpaceReading;

/// The parts of a request that are signed, as received.
#[derive(Clone, Copy)]
pub struct Signed<'r> {
    /// Method, upper case as HTTP has it.
    pub method: &'r str,
    /// Path of the request target, nothing decoded.
    pub path: &'r str,
    /// Query of the request target, nothing decoded; empty if there is none.
    pub query: &'r str,
    /// X-Api-Nonce
    pub nonce: &'r str,
    /// X-Api-TimeStamp
    pub timestamp: &'r str,
}

impl Signed<'_> {
    /// The text whose HMAC is the signature.
    pub fn string_to_sign(&self, reading: SpaceReading) -> String {
        let mut items: Vec<String> =
            self.query.split('&').filter(|item| !item.is_empty()).map(|item| read(item, reading)).collect();
        items.sort_unstable();
        let params: Vec<String> = items.iter().map(|item| encode_halves(item)).collect();
        format!(
            "{}\n{}\n{}\nx-api-nonce:{}\nx-api-timestamp:{}\n",
            self.method,
            encode(self.path),
            params.join("&"),
            self.nonce,
            self.timestamp
        )
    }
}

/// base64 of the lower-case hex text of HMAC-SHA256; also how `app_signature` is made (§2).
pub fn sign(key: &str, message: &str) -> String {
    STANDARD.encode(hex::encode(hmac(key, message)))
}

/// HMAC-SHA256. A key of any length will do, so the error can't happen; nothing verifies against its answer.
pub fn hmac(key: &str, message: &str) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

fn read(item: &str, reading: SpaceReading) -> String {
    match reading {
        SpaceReading::Any => item.to_owned(),
        SpaceReading::FormOnly => item.replace("%20", "+"),
        SpaceReading::PercentOnly => item.replace('+', "%20"),
    }
}

/// Splits at the first `=` that is not at the very front, as both official SDKs do.
fn encode_halves(item: &str) -> String {
    match item.split_once('=') {
        Some((name, value)) if !name.is_empty() => format!("{}={}", encode(name), encode(value)),
        _ => encode(item),
    }
}

/// Percent-encoding with upper-case hex that keeps only `A-Z a-z 0-9 - _ . ~`.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}"); // writing to a String can't fail
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATED: Signed<'static> = Signed {
        method: "GET",
        path: "/jdy/v2/ls/integral_record",
        query: "",
        nonce: "1234567890",
        timestamp: "1700000000000",
    };
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    const FORM: &str =
        "end_date=2024-01-31+23%3A59%3A59&page=1&page_size=50&start_date=2024-01-01+00%3A00%3A00";
    const FORM_SIGNED: &str =
        "ZDc3NTBjYTJmM2I1NzEzYmY4MTQ2MTAwODdiN2UxMGY4ODdhMTQ2OTJjOWNhYWQyOTc5YzNhYzczY2VhM2VkZg==";
    const PERCENT: &str =
        "end_date=2024-01-31%2023%3A59%3A59&page=1&page_size=50&start_date=2024-01-01%2000%3A00%3A00";
    const PERCENT_SIGNED: &str =
        "MDRiOWZmOTVjZjAwZDMzODAxZGIzZTEwNDljZmExMTMwYTVmYTNkZDNiNGFmZTJhNGU2NWIyYTUxOTIzOTkyMw==";

    #[test]
    fn kingdees_own_worked_example_verifies() {
        let official = Signed {
            method: "GET",
            path: "/jdyconnector/app_management/kingdee_auth_token",
            query: "app_key=bVZgAZOv1&app_signature=MzZlYTk0ODk4MWZlNjdiODNmNWU4YzViNzYxNGM5MTFlOGJkN2NjMzk0MTJkZGNhZGM0NzZhN2YxZDJmOTlkZA%3D%3D",
            nonce: "4427456950",
            timestamp: "1670305063559",
        };
        let signature = sign("f2adcfef73369bfc4e1384677d38a0ff", &official.string_to_sign(SpaceReading::Any));
        assert_eq!(
            signature,
            "OTFiZTliNDFiMjNkYTI3YzVhNzg4MDI4ZGU3MWY1ZTA5ZTk1NjVlNGM1YTI1ZjIxY2Y5YTA3ZGY2OGI1MGQ1MQ=="
        );
    }

    #[test]
    fn the_documented_app_signature_verifies() {
        assert_eq!(
            sign("abc123", "abc"),
            "ZDljMTI3NGIyNTE1MTRkYzlkNjc1MDNhYjUzMzgzNWMyY2M4YTdjMzdmNmM3YTVlNDkxMTkzNjdiOTFjNzUyZQ=="
        );
    }

    #[test]
    fn a_space_verifies_in_both_forms_whatever_the_order_on_the_wire() {
        for (query, signature) in [(FORM, FORM_SIGNED), (PERCENT, PERCENT_SIGNED)] {
            let mut backwards: Vec<&str> = query.split('&').collect();
            backwards.reverse();
            for query in [query, &backwards.join("&")] {
                let text = Signed { query, ..DATED }.string_to_sign(SpaceReading::Any);
                assert_eq!(sign(KEY, &text), signature, "{text}");
            }
        }
    }

    #[test]
    fn a_server_that_decodes_accepts_one_form_only() {
        let with = |query, reading| sign(KEY, &Signed { query, ..DATED }.string_to_sign(reading));
        assert_eq!(with(FORM, SpaceReading::FormOnly), FORM_SIGNED);
        assert_ne!(with(PERCENT, SpaceReading::FormOnly), PERCENT_SIGNED);
        assert_eq!(with(PERCENT, SpaceReading::PercentOnly), PERCENT_SIGNED);
        assert_ne!(with(FORM, SpaceReading::PercentOnly), FORM_SIGNED);
    }

    #[test]
    fn without_params_the_empty_line_stays() {
        assert_eq!(
            DATED.string_to_sign(SpaceReading::Any),
            "GET\n%2Fjdy%2Fv2%2Fls%2Fintegral_record\n\nx-api-nonce:1234567890\nx-api-timestamp:1700000000000\n"
        );
    }
}
