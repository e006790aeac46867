//! How long a token may be used: the shortest of all that is said about it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

/// `exp` and `iat` of a JWT; whatever else it says is none of our business.
#[derive(Deserialize)]
struct Claims {
    exp: Option<serde_json::Number>,
    iat: Option<serde_json::Number>,
}

/// Life of a token from `now` on; zero if it is over.
///
/// `expires` counts as milliseconds since 1970 above 10^12, as seconds since 1970 above 10^9, as seconds of life
/// below (`protocol.md` §2). A JWT's `exp` − `iat` is a life that needs no clock of ours; `exp` alone is a time.
pub fn life(token: &str, expires: Option<u64>, now: Timestamp, longest: Duration) -> Duration {
    let until = |millis: u64| {
        let now = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Duration::from_millis(millis.saturating_sub(now))
    };
    let said = expires.map(|expires| match expires {
        1_000_000_000_001.. => until(expires),
        1_000_000_000.. => until(expires.saturating_mul(1000)),
        seconds => Duration::from_secs(seconds),
    });
    let written = claims(token).and_then(|claims| {
        let exp = claims.exp.as_ref().and_then(seconds)?;
        Some(match claims.iat.as_ref().and_then(seconds) {
            Some(iat) => Duration::from_secs(exp.saturating_sub(iat)),
            None => until(exp.saturating_mul(1000)),
        })
    });
    said.into_iter().chain(written).fold(longest, Duration::min)
}

fn seconds(number: &serde_json::Number) -> Option<u64> {
    number.as_u64().or_else(|| number.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64))
}

fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let payload = parts.nth(1)?;
    parts.next()?;
    let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn jwt(claims: &str) -> String {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims))
    }

    fn seconds_of(token: &str, expires: Option<u64>) -> u64 {
        let now = Timestamp::from_second(1_767_000_000).unwrap();
        life(token, expires, now, Duration::from_secs(DAY)).as_secs()
    }

    #[rstest::rstest]
    #[case(None, DAY)]
    #[case(Some(7200), 7200)]
    #[case(Some(1_767_000_060_000), 60)]
    #[case(Some(1_767_000_060), 60)]
    #[case(Some(1_766_999_999_000), 0)]
    #[case(Some(10 * DAY), DAY)]
    #[case(Some(u64::MAX), DAY)]
    fn expires_is_read_in_every_unit_and_capped(#[case] expires: Option<u64>, #[case] seconds: u64) {
        assert_eq!(seconds_of("opaque", expires), seconds);
    }

    #[rstest::rstest]
    #[case(r#"{"exp":1767003600,"iat":1767000000}"#, 3600)]
    #[case(r#"{"exp":1767003600}"#, 3600)]
    #[case(r#"{"exp":17670,"iat":14070}"#, 3600)]
    #[case(r#"{"exp":1766000000}"#, 0)]
    #[case(r#"{"exp":1767003600.5,"iat":1767000000}"#, 3600)]
    #[case(r#"{"iat":1767000000}"#, DAY)]
    #[case(r#"{"exp":"soon"}"#, DAY)]
    #[case("not json", DAY)]
    fn the_tokens_own_expiry_is_read(#[case] claims: &str, #[case] seconds: u64) {
        assert_eq!(seconds_of(&jwt(claims), None), seconds);
    }

    #[test]
    fn the_shorter_of_two_lives_counts() {
        let hour = jwt(r#"{"exp":1767003600,"iat":1767000000}"#);
        assert_eq!(seconds_of(&hour, Some(60)), 60);
        assert_eq!(seconds_of(&hour, Some(7200)), 3600);
    }
}
