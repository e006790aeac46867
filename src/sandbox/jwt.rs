//! App-tokens: JWTs of the shape that the platform's have.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::settings::AccountSet;
use super::signature::hmac;

/// What signs them; nobody but us ever checks it.
const JWT_KEY: &str = "sandbox-only-jwt-key";

/// A token bound to one account set; times in epoch seconds.
pub fn jwt(set: &AccountSet, issued: i64, expires: i64, serial: u64) -> String {
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let payload = json!({
        "ext": {
            "accountId": set.account_id,
            "groupName": "jdy_sandbox",
            "app_key": set.app_key,
            "tenantId": "sandbox",
            "userName": "sandbox",
        },
        "grp": "jdy",
        "jti": serial.to_string(),
        "iat": issued,
        "exp": expires,
    });
    let body = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(payload.to_string())
    );
    let seal = URL_SAFE_NO_PAD.encode(hmac(JWT_KEY, &body));
    format!("{body}.{seal}")
}
