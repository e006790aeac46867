//! The gate in front of every endpoint: is each header here, right, and signed.

use http::HeaderMap;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::limits::{Nonces, SIGNED_WINDOW};
use super::readings::SpaceReading;
use super::refusal::Refusal;
use super::settings::SandboxSettings;
use super::signature::{Signed, sign};
use crate::clock::Tick;

/// A request as it came, its target split at the first `?` and nothing decoded.
#[derive(Clone, Copy)]
pub struct Heard<'r> {
    /// Method
    pub method: &'r str,
    /// Path
    pub path: &'r str,
    /// Query; empty if there is none.
    pub query: &'r str,
    /// Headers
    pub headers: &'r HeaderMap,
}

impl<'r> Heard<'r> {
    /// The value of a header that came exactly once, is readable and not empty.
    pub fn sole(&self, name: &str) -> Option<&'r str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok().filter(|value| !value.is_empty())?;
        values.next().is_none().then_some(value)
    }
}

/// Checks what every call must bring; the nonce is used up only by a request that is signed rightly.
pub fn check(
    heard: &Heard<'_>,
    settings: &SandboxSettings,
    secrets: &[SecretString],
    space: SpaceReading,
    nonces: &mut Nonces,
    now: Timestamp,
    tick: Tick,
) -> Result<(), Refusal> {
    let content_type = heard.sole("content-type").unwrap_or_default();
    if !content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Refusal::ContentType);
    }
    if heard.sole("x-api-auth-version") != Some("2.0") {
        return Err(Refusal::AuthVersion);
    }
    if heard.sole("x-api-clientid").ok_or(Refusal::ClientIdEmpty)? != settings.client_id {
        return Err(Refusal::ClientIdUnknown);
    }
    let timestamp = timestamp(heard.sole("x-api-timestamp").unwrap_or_default(), now)?;
    if !names_both(heard.sole("x-api-signheaders").unwrap_or_default()) {
        return Err(Refusal::SignHeaders);
    }
    let (nonce, number) = nonce(heard.sole("x-api-nonce").unwrap_or_default())?;
    let signed = Signed { method: heard.method, path: heard.path, query: heard.query, nonce, timestamp };
    let (theirs, text) = (heard.sole("x-api-signature"), signed.string_to_sign(space));
    if !secrets.iter().any(|secret| theirs == Some(sign(secret.expose_secret(), &text).as_str())) {
        return Err(Refusal::Signature);
    }
    if nonces.take(number, tick) { Ok(()) } else { Err(Refusal::Nonce) }
}

/// 13 digits of milliseconds, at most 5 minutes off.
fn timestamp(sent: &str, now: Timestamp) -> Result<&str, Refusal> {
    let digits = sent.len() == 13 && sent.bytes().all(|byte| byte.is_ascii_digit());
    let millis = sent.parse::<i64>().ok().filter(|_| digits);
    match millis {
        Some(millis) if u128::from(millis.abs_diff(now.as_millisecond())) <= SIGNED_WINDOW.as_millis() => {
            Ok(sent)
        }
        _ => Err(Refusal::Timestamp(sent.chars().take(32).collect())),
    }
}

/// The two names in either order, however capitalised.
fn names_both(sent: &str) -> bool {
    let mut names: Vec<String> = sent.split(',').map(str::to_ascii_lowercase).collect();
    names.sort_unstable();
    names == ["x-api-nonce", "x-api-timestamp"]
}

/// A positive integer, as it was written and as a number.
fn nonce(sent: &str) -> Result<(&str, u64), Refusal> {
    let digits = sent.bytes().all(|byte| byte.is_ascii_digit());
    match sent.parse::<u64>() {
        Ok(number) if digits && number > 0 => Ok((sent, number)),
        _ => Err(Refusal::Nonce),
    }
}
